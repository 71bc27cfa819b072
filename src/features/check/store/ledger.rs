//! Reads the log as far as it can be read.

use crate::{
    error::Result,
    features::check::{
        logic::ledger::{self, Entry},
        model::snapshot::Ledger,
    },
    git::{
        Oid, Repo,
        notes::{self, Link},
    },
};

/// Reads the newest entries, at most so many, and tells whether those are all.
pub fn read(repo: &Repo, tip: Oid, most: usize) -> (Ledger, bool) {
    let (mut entries, mut hole, mut next) = (Vec::new(), None, Some(tip));
    while let Some(oid) = next.take() {
        if entries.len() == most {
            // Not a hole: what is older was not asked for.
            hole = Some((String::new(), String::new()));
            break;
        }
        match notes::read(repo, oid) {
            Ok(link) => {
                next = link.parents.first().copied();
                entries.push(entry(link));
            }
            Err(error) => hole = Some((oid.to_string(), error.to_string())),
        }
    }
    entries.reverse();
    let cut = hole.as_ref().is_some_and(|(oid, _)| oid.is_empty());
    let parents = |oid: &str| parents(repo, oid).unwrap_or_default();
    let mut ledger = ledger::read(&entries, hole.as_ref(), &parents);
    if cut {
        // The oldest is the last.
        ledger.faults.pop();
    }
    (ledger, !cut)
}

fn entry(link: Link) -> Entry {
    Entry {
        oid: link.oid.to_string(),
        parents: link.parents.iter().map(ToString::to_string).collect(),
        at: link.at,
        message: link.message,
    }
}

fn parents(repo: &Repo, oid: &str) -> Result<Vec<String>> {
    let Ok(oid) = Oid::from_hex(oid.as_bytes()) else {
        return Ok(Vec::new());
    };
    let link = notes::read(repo, oid)?;
    Ok(link.parents.iter().map(ToString::to_string).collect())
}
