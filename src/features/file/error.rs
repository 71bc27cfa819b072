//! Refusals as errors: what is in the way, whose it is, and what to run next.

use super::{logic::Misfit, model::MAX_BYTES};
use crate::{
    base::{
        merge::Conflict,
        text::{one_line, shell},
    },
    error::{Error, Kind},
};
use std::path::Path;

/// So many conflicts are told in words; JSON has all of them.
const TOLD: usize = 5;
/// So much of a value is shown.
const SHOWN: usize = 160;
/// What is larger is told to machines by its size.
const LARGE: usize = 16 << 10;

/// A file that is too large to be shared.
pub fn too_large(what: &str) -> Error {
    Error::usage(format!(
        "{what} has more than the {} MiB that a shared file may have",
        MAX_BYTES >> 20
    ))
    .because("every version is kept and merged whole")
    .hint("git ccc help file")
}

/// Something that is no file.
pub fn no_file(path: &Path, is_dir: bool) -> Error {
    let what = if is_dir {
        "a directory"
    } else {
        "no regular file"
    };
    Error::usage(format!("{} is {what}", path.display()))
        .because("a shared file is a file of its own")
        .hint("git ccc file list")
}

/// There is nothing to show.
pub fn absent(shown: &str, known: bool) -> Error {
    let error = Error::no(format!("{shown} does not exist"));
    if known {
        error
            .because("it did: its versions are kept")
            .hint(format!("git ccc file log {}", shell(shown)))
    } else {
        error.hint("git ccc file list")
    }
}

/// A writer that does not know what it would replace.
pub fn unread(shown: &str, session: Option<&str>, (number, who): (u64, &str)) -> Error {
    let path = shell(shown);
    let error = Error::new(
        Kind::Conflict,
        format!("{shown} has content that its writer is not known to have read"),
    )
    .detail(serde_json::json!({ "refused": "unread", "version": number }))
    .because(format!("it is at version {number}, by {who}"));
    match session {
        Some(_) => error.hint(format!("git ccc file cat {path}")),
        None => error
            .because("without a session nobody knows what you have read: say it with --base")
            .hint(format!("git ccc file log {path}")),
    }
}

/// Two writers at one place.
pub fn conflict(shown: &str, conflicts: &[Conflict], kept: u64) -> Error {
    let path = shell(shown);
    let what = match conflicts.len() {
        1 => "one place".to_owned(),
        count => format!("{count} places"),
    };
    let mut error = Error::new(
        Kind::Conflict,
        format!("{shown} was changed by another in {what} that this write changes too"),
    )
    .detail(serde_json::json!({
        "refused": "conflict",
        "kept": kept,
        "conflicts": conflicts.iter().map(conflict_json).collect::<Vec<_>>(),
    }));
    for conflict in conflicts.iter().take(TOLD) {
        let at = if conflict.at.is_empty() {
            "the whole file"
        } else {
            &conflict.at
        };
        error = error.because(format!(
            "{}: {} has {}; {} has {}; before: {}",
            one_line(at, 120),
            one_line(&conflict.ours_by, 80),
            value(conflict.ours.as_deref()),
            one_line(&conflict.theirs_by, 80),
            value(conflict.theirs.as_deref()),
            value(conflict.base.as_deref()),
        ));
    }
    if conflicts.len() > TOLD {
        error = error.because(format!("and {} more", conflicts.len() - TOLD));
    }
    error
        .because(format!(
            "the file is as it was; what was to be written is kept as {kept}"
        ))
        .hint(format!("git ccc file diff {path} --kept {kept}"))
        .hint(format!("git ccc file cat {path}"))
}

/// One conflict for machines.
pub fn conflict_json(conflict: &Conflict) -> serde_json::Value {
    let text = |bytes: &Option<Vec<u8>>| match bytes {
        None => serde_json::Value::Null,
        Some(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if text.len() <= LARGE => text.into(),
            // The versions have it whole.
            _ => serde_json::json!({ "size": bytes.len() }),
        },
    };
    serde_json::json!({
        "at": conflict.at,
        "base": text(&conflict.base),
        "base_by": conflict.base_by,
        "ours": text(&conflict.ours),
        "ours_by": conflict.ours_by,
        "theirs": text(&conflict.theirs),
        "theirs_by": conflict.theirs_by,
    })
}

fn value(bytes: Option<&[u8]>) -> String {
    match bytes {
        None => "nothing".to_owned(),
        Some(bytes) if bytes.contains(&0) => format!("{} bytes that are no text", bytes.len()),
        Some(bytes) => {
            let text = String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN * 4)]);
            format!("\"{}\"", one_line(text.trim(), SHOWN))
        }
    }
}

/// Input that would break a file for its readers.
pub fn invalid(shown: &str, why: &str, kept: Option<u64>) -> Error {
    let error = Error::usage(format!("what was to be written to {shown} is not valid"))
        .because(one_line(why, 300))
        .because("the file is as it was");
    match kept {
        Some(kept) => error.hint(format!("git ccc file diff {} --kept {kept}", shell(shown))),
        None => error.hint(format!("git ccc file cat {}", shell(shown))),
    }
}

/// An edit whose text is not there.
pub fn misfit(shown: &str, misfit: &Misfit) -> Error {
    let look = format!("git ccc file cat {}", shell(shown));
    match misfit {
        Misfit::Absent(old) => {
            Error::no(format!("{shown} does not contain the text to be replaced"))
                .because(format!("looked for \"{}\"", one_line(old, SHOWN)))
                .hint(look)
        }
        Misfit::Several(old, count) => Error::no(format!(
            "{shown} contains the text to be replaced {count} times"
        ))
        .because(format!("looked for \"{}\"", one_line(old, SHOWN)))
        .because("say more of what stands around it, or --all")
        .hint(look),
        Misfit::Empty => Error::usage("there is no text to be replaced")
            .because("a line is added with --append")
            .hint("git ccc help file edit"),
    }
}
