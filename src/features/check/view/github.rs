//! Annotations: the commands that a GitHub workflow reads from its log, one line each.

use super::{Report, told};
use crate::{
    features::check::model::finding::{Finding, Level},
    ui::Answer,
};
use std::fmt::Write as _;

/// Returns the report as workflow commands, with the summary after them.
pub fn github(report: &Report) -> String {
    let mut out = String::new();
    for finding in &report.findings {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{}", command(finding));
    }
    let text = report.render();
    let summary = text.lines().last().unwrap_or_default();
    let _ = writeln!(out, "{summary}");
    out
}

fn command(finding: &Finding) -> String {
    let name = match finding.level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "notice",
    };
    let mut properties = String::new();
    if let Some(file) = &finding.place.file {
        let _ = write!(
            properties,
            "file={},line={},",
            property(file),
            finding.place.line
        );
    }
    let _ = write!(properties, "title={}", property(finding.rule));
    format!("::{name} {properties}::{}", data(&told(finding)))
}

/// Escapes a message: only a line break would end it.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Escapes a property: colons and commas end it too, and other control characters would reach the log.
fn property(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '%' | '\r' | '\n' | ':' | ',' => {
                let _ = write!(out, "%{:02X}", u32::from(c));
            }
            c if c.is_control() => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}
