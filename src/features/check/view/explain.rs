//! What a rule is about.

use crate::{features::check::logic::rules::Rule, ui::Answer};
use serde::Serialize;
use std::fmt::Write as _;

/// One rule or all of them.
#[derive(Debug, Serialize)]
pub struct Explained {
    rules: Vec<RuleText>,
}

#[derive(Debug, Serialize)]
struct RuleText {
    id: &'static str,
    level: &'static str,
    title: &'static str,
    why: &'static str,
    fix: &'static str,
    setting: String,
}

impl Explained {
    /// Explains rules.
    pub fn new(rules: &[Rule]) -> Self {
        let text = |rule: &Rule| RuleText {
            id: rule.id,
            level: rule.level.word(),
            title: rule.title,
            why: rule.why,
            fix: rule.fix,
            setting: rule.key(),
        };
        Explained {
            rules: rules.iter().map(text).collect(),
        }
    }
}

impl Answer for Explained {
    const SCHEMA: &'static str = "ccc.check.rules/1";

    fn render(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        if let [rule] = self.rules.as_slice() {
            let _ = writeln!(out, "{}: {}\n", rule.id, rule.title);
            let _ = writeln!(out, "{}\n\nfix: {}", rule.why, rule.fix);
            let _ = writeln!(
                out,
                "setting: {} = \"{}\"  (off, note, warning, error)",
                rule.setting, rule.level
            );
            return out;
        }
        for rule in &self.rules {
            let _ = writeln!(out, "{:<18} {:<8} {}", rule.id, rule.level, rule.title);
        }
        out
    }
}
