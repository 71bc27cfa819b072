//! Errors as text: the fact, why, and what can be run next.

use crate::error::Error;
use std::fmt::Write as _;

/// Returns the human form.
pub fn text(error: &Error) -> String {
    let mut out = String::new();
    if error.message.is_empty() {
        return out;
    }
    // Writing to a String cannot fail.
    let _ = writeln!(out, "ccc: {}", error.message);
    for cause in &error.because {
        let _ = writeln!(out, "  because: {cause}");
    }
    for hint in &error.hints {
        let _ = writeln!(out, "hint: {hint}");
    }
    out
}

/// Returns the form for `--json`.
pub fn json(error: &Error) -> String {
    let mut fields = serde_json::json!({
        "schema": "ccc.error/1",
        "kind": error.kind.word(),
        "code": error.kind.code(),
        "message": error.message,
        "because": error.because,
        "hints": error.hints,
    });
    if let (Some(detail), Some(fields)) = (&error.detail, fields.as_object_mut()) {
        fields.insert("detail".to_owned(), detail.clone());
    }
    fields.to_string()
}
