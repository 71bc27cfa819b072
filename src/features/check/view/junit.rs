//! A JUnit report: each rule is a class, each finding a case that failed, a rule that found nothing a case that passed.

use super::{Report, place, told};
use crate::{
    features::check::model::finding::{Finding, Level},
    ui::Answer,
};
use std::fmt::Write as _;

/// Returns the report as JUnit's XML.
pub fn junit(report: &Report) -> String {
    let (mut cases, mut tests, mut failures, mut skipped) = (String::new(), 0, 0, 0);
    for rule in &report.rules {
        let found = report.findings.iter().filter(|one| one.rule == rule.id);
        let found: Vec<&Finding> = found.collect();
        tests += found.len().max(1);
        if found.is_empty() {
            let class = format!("git-ccc.check.{}", rule.id);
            if rule.level.is_some() {
                line(
                    &mut cases,
                    &format!("<testcase classname=\"{class}\" name=\"{}\"/>", rule.id),
                );
            } else {
                skipped += 1;
                let case = format!(
                    "<testcase classname=\"{class}\" name=\"{}\"><skipped/></testcase>",
                    rule.id
                );
                line(&mut cases, &case);
            }
        }
        for finding in found {
            failures += usize::from(finding.level > Level::Note);
            cases.push_str(&case(finding));
        }
    }
    let counts =
        format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\"");
    let text = report.render();
    let summary = text.lines().last().unwrap_or_default();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"git ccc check\" {counts}>\n\
         <testsuite name=\"git ccc check\" {counts}>\n{cases}<system-out>{}</system-out>\n</testsuite>\n</testsuites>\n",
        escape(summary)
    )
}

fn case(finding: &Finding) -> String {
    let at = place(&finding.place);
    let file = match &finding.place.file {
        Some(file) => format!(" file=\"{}\" line=\"{}\"", escape(file), finding.place.line),
        None => String::new(),
    };
    let (fact, text) = (escape(&finding.fact), escape(&told(finding)));
    let word = finding.level.word();
    let said = if finding.level > Level::Note {
        format!("<failure type=\"{word}\" message=\"{fact}\">{text}</failure>")
    } else {
        format!("<system-out>{text}</system-out>")
    };
    format!(
        "<testcase classname=\"git-ccc.check.{}\" name=\"{} [{}]\"{file}>{said}</testcase>\n",
        finding.rule,
        escape(&at),
        finding.id
    )
}

fn line(out: &mut String, text: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "  {text}");
}

/// Escapes text for XML; what XML cannot hold at all is written as Rust writes it.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {
                out.extend(c.escape_unicode());
            }
            c => out.push(c),
        }
    }
    out
}
