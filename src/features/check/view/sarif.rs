//! SARIF 2.1.0, for code scanning.

use super::{Report, told};
use crate::features::check::{
    logic::rules::{self, Rule},
    model::finding::Finding,
};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Returns the report as one document.
pub fn sarif(report: &Report) -> String {
    let rules: Vec<Value> = rules::ALL.iter().map(rule).collect();
    let results: Vec<Value> = report.findings.iter().map(result).collect();
    let document = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "git ccc check",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "properties": {
                "tip": report.range.tip,
                "target": report.range.target,
                "commits": report.range.commits,
                "judgedAt": report.judged_at,
                "accepted": report.accepted,
            },
            "results": results,
        }],
    });
    format!("{document:#}\n")
}

fn rule(rule: &Rule) -> Value {
    json!({
        "id": rule.id,
        "shortDescription": { "text": rule.title },
        "fullDescription": { "text": rule.why },
        "help": { "text": rule.fix },
        "defaultConfiguration": { "level": rule.level.word() },
    })
}

fn result(finding: &Finding) -> Value {
    let index = rules::ALL.iter().position(|rule| rule.id == finding.rule);
    let mut result = json!({
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": finding.level.word(),
        "message": { "text": told(finding) },
        "partialFingerprints": { "gitCcc/v1": finding.id },
        "properties": { "commit": finding.commit, "next": finding.next },
    });
    if let Some(file) = &finding.place.file {
        result["locations"] = json!([{
            "physicalLocation": {
                "artifactLocation": { "uri": uri(file) },
                "region": { "startLine": finding.place.line },
            },
        }]);
    }
    result
}

/// Writes a path as a relative URI.
fn uri(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
