//! `unreadable-entry`: the log has an entry that cannot be understood.

use super::Rule;
use crate::{
    base::text::one_line,
    features::check::model::{
        finding::{Draft, Level, Place},
        snapshot::{Fault, Snapshot},
    },
};

pub const RULE: Rule = Rule {
    id: "unreadable-entry",
    level: Level::Error,
    title: "an entry of the log cannot be read",
    why: "What an entry says is lost if it cannot be read, and what came before a missing one too: nobody can then say who \
          held what. The lines of trailers are checked that claims and commits are judged by.",
    fix: "Find the object in another clone, or who wrote the entry and with what.",
    check,
};

fn check(snapshot: &Snapshot) -> Vec<Draft> {
    let faults = snapshot.ledger.faults.iter();
    faults
        .filter_map(|fault| {
            let (oid, line, fact) = match fault {
                Fault::Hole { oid, why } => {
                    (oid, 1, format!("cannot be read: {}", one_line(why, 200)))
                }
                Fault::NoNumber { oid, line } => (oid, *line, "has no number".to_owned()),
                Fault::Trailer { oid, line, text } => {
                    let text = one_line(text, 80);
                    (
                        oid,
                        *line,
                        format!("says {text:?} where that has no meaning"),
                    )
                }
                Fault::Jump { .. } | Fault::Merged { .. } | Fault::CutOff { .. } => return None,
            };
            Some(draft(oid, line, &fact))
        })
        .collect()
}

fn draft(oid: &str, line: u32, fact: &str) -> Draft {
    Draft {
        place: Place::line("refs/ccc/log", line),
        commit: Some(oid.to_owned()),
        fact: format!("log entry {} {fact}", oid.get(..10).unwrap_or(oid)),
        because: Vec::new(),
        next: format!("git show --no-patch {oid}"),
        key: vec![oid.to_owned(), line.to_string()],
    }
}
