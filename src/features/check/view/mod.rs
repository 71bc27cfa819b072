//! A report in every form: for people, for programs, for code scanning, for a workflow's annotations, for test reports.
//!
//! What a report quotes was made safe when it was found; only paths are as they are, and each form escapes them.

pub mod explain;
mod github;
mod junit;
mod sarif;

pub use github::github;
pub use junit::junit;
pub use sarif::sarif;

use crate::{
    base::{
        text::{counted, one_line},
        time::Timestamp,
    },
    features::check::{
        logic::rules,
        model::{
            finding::{Finding, Level, Place},
            snapshot::Snapshot,
        },
    },
    ui::Answer,
};
use serde::Serialize;
use std::fmt::Write as _;

/// What was judged and what was found.
#[derive(Debug, Serialize)]
pub struct Report {
    range: RangeView,
    /// The moment it was judged at.
    judged_at: Timestamp,
    rules: Vec<RuleView>,
    findings: Vec<Finding>,
    /// So many findings are in the baseline.
    accepted: usize,
}

#[derive(Debug, Serialize)]
struct RangeView {
    target: Option<String>,
    base: Option<String>,
    tip: String,
    commits: usize,
}

#[derive(Debug, Serialize)]
struct RuleView {
    id: &'static str,
    /// None for one that is off.
    level: Option<Level>,
    findings: usize,
}

impl Report {
    /// Makes the report.
    pub fn new(snapshot: &Snapshot, findings: Vec<Finding>, accepted: usize) -> Self {
        let target = snapshot.range.target.as_ref();
        let count = |id| findings.iter().filter(|finding| finding.rule == id).count();
        let rules = rules::ALL.iter().map(|rule| RuleView {
            id: rule.id,
            level: snapshot.policy.levels.get(rule.id).copied(),
            findings: count(rule.id),
        });
        Report {
            range: RangeView {
                target: target.map(|target| target.oid.clone()),
                base: target.and_then(|target| Some(target.base.as_ref()?.0.clone())),
                tip: snapshot.range.tip.clone(),
                commits: snapshot.commits.len(),
            },
            judged_at: snapshot.now,
            rules: rules.collect(),
            findings,
            accepted,
        }
    }

    /// Tells whether it fails the check.
    pub fn fails(&self) -> bool {
        self.findings
            .iter()
            .any(|finding| finding.level > Level::Note)
    }

    /// Says how much was found in how much.
    fn summary(&self) -> String {
        let of = |level| {
            self.findings
                .iter()
                .filter(|one| one.level == level)
                .count()
        };
        let mut parts = Vec::new();
        for (level, word) in [
            (Level::Error, "error"),
            (Level::Warning, "warning"),
            (Level::Note, "note"),
        ] {
            match of(level) {
                0 => {}
                1 => parts.push(format!("1 {word}")),
                many => parts.push(format!("{many} {word}s")),
            }
        }
        let found = if parts.is_empty() {
            "nothing found".to_owned()
        } else {
            parts.join(", ")
        };
        let commits = counted(self.range.commits, "commit");
        let accepted = match self.accepted {
            0 => String::new(),
            many => format!(", {many} accepted by the baseline"),
        };
        format!("{found} in {commits}{accepted}")
    }
}

impl Answer for Report {
    const SCHEMA: &'static str = "ccc.check/1";

    fn render(&self) -> String {
        let mut out = String::new();
        for finding in &self.findings {
            // Writing to a String cannot fail.
            let _ = writeln!(
                out,
                "{}: {}: {} [{}]",
                place(&finding.place),
                finding.level.word(),
                finding.fact,
                finding.rule
            );
            for cause in &finding.because {
                let _ = writeln!(out, "  because: {cause}");
            }
            let _ = writeln!(out, "  next: {}", finding.next);
        }
        let _ = writeln!(out, "{}", self.summary());
        out
    }
}

/// Shows where something is, on one line.
fn place(place: &Place) -> String {
    match &place.file {
        Some(file) => format!("{}:{}", one_line(file, 400), place.line),
        None => "-".to_owned(),
    }
}

/// Says all of a finding in one text.
fn told(finding: &Finding) -> String {
    let mut text = finding.fact.clone();
    for cause in &finding.because {
        let _ = write!(text, "\nbecause: {cause}");
    }
    let _ = write!(text, "\nnext: {}", finding.next);
    text
}
