//! The message of a snapshot: words first, trailers for machines.

use crate::{
    base::text::{counted, one_line},
    features::wip::model::{LeftOut, Note, Reason},
};
use std::fmt::Write as _;

/// The longest value of a trailer.
const LONG: usize = 1000;

/// Writes the message.
pub fn encode(note: &Note) -> String {
    let place = note.branch.as_deref().unwrap_or("a detached HEAD");
    let mut text = format!(
        "{} uncommitted on {}: {}\n\n",
        counted(note.paths, "path"),
        one_line(place, 100),
        one_line(&note.why, 120)
    );
    let mut put = |key: &str, value: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "Ccc-{key}: {}", one_line(value, LONG));
    };
    put("Snapshot", &note.id);
    put("State", &note.state);
    put("Worktree", &note.worktree);
    if let Some(branch) = &note.branch {
        put("Branch", branch);
    }
    put("Why", &note.why);
    put("Paths", &note.paths.to_string());
    for out in &note.left_out {
        let value = format!("{} {} {}", out.why.word(), out.bytes, out.path);
        put("Left-Out", &value);
    }
    if note.left_more > 0 {
        put("Left-Out-More", &note.left_more.to_string());
    }
    for (name, oid) in &note.keeps {
        put("Keeps", &format!("{oid} {name}"));
    }
    put("Count", &note.count.to_string());
    text
}

/// Reads a message; nothing if it is none of a snapshot.
pub fn decode(message: &str) -> Option<Note> {
    let values = |key: &'static str| {
        message.lines().filter_map(move |line| {
            line.strip_prefix("Ccc-")?
                .strip_prefix(key)?
                .strip_prefix(": ")
        })
    };
    let text = |key| values(key).next_back().map(str::to_owned);
    let number = |key| text(key).and_then(|text| text.parse().ok());
    let left_out = |line: &str| {
        let mut words = line.splitn(3, ' ');
        Some(LeftOut {
            why: Reason::of(words.next()?)?,
            bytes: words.next()?.parse().ok()?,
            path: words.next()?.to_owned(),
        })
    };
    let kept = |line: &str| {
        let (oid, name) = line.split_once(' ')?;
        Some((name.to_owned(), oid.to_owned()))
    };
    Some(Note {
        id: text("Snapshot")?,
        state: text("State")?,
        worktree: text("Worktree")?,
        branch: text("Branch"),
        why: text("Why").unwrap_or_default(),
        count: number("Count")?,
        paths: number("Paths").unwrap_or_default(),
        left_out: values("Left-Out").filter_map(left_out).collect(),
        left_more: number("Left-Out-More").unwrap_or_default(),
        keeps: values("Keeps").filter_map(kept).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_no_line_is_forged() {
        let note = Note {
            id: "3f2a9c1d".into(),
            state: "ab".into(),
            worktree: "/a b".into(),
            branch: Some("feat/x".into()),
            why: "before git stash".into(),
            count: 7,
            paths: 1,
            left_out: vec![LeftOut {
                path: "big file.bin".into(),
                bytes: 99,
                why: Reason::TooLarge,
            }],
            left_more: 3,
            keeps: vec![("refs/heads/x".into(), "cd".into())],
        };
        let text = encode(&note);
        assert!(text.starts_with("1 path uncommitted on feat/x: before git stash\n\n"));
        assert_eq!(decode(&text), Some(note.clone()));
        let evil = Note {
            why: "x\nCcc-Snapshot: other".into(),
            ..note
        };
        let read = decode(&encode(&evil)).expect("it is read");
        assert_eq!(read.id, "3f2a9c1d");
        assert_eq!(decode("WIP on main"), None);
    }
}
