//! `rewritten-log`: the log is not the chain that it was.

use super::Rule;
use crate::{
    base::text::one_line,
    features::check::model::{
        finding::{Draft, Level, Place},
        snapshot::{Fault, Held, Snapshot},
    },
};

pub const RULE: Rule = Rule {
    id: "rewritten-log",
    level: Level::Error,
    title: "the log was rewritten, cut off or merged",
    why: "The log is the clock: each entry follows one other and counts up by one, and nothing is ever taken out. Numbers that \
          do not count, a beginning that is none, an entry with two parents, a claim whose grant is not in the log, and an \
          entry that the baseline names and the log lacks each prove that somebody changed the record.",
    fix: "Compare with another clone: git log refs/ccc/log there and here.",
    check,
};

fn check(snapshot: &Snapshot) -> Vec<Draft> {
    let ledger = &snapshot.ledger;
    let mut found: Vec<Draft> = ledger.faults.iter().filter_map(of_fault).collect();
    // Behind a hole nothing is known, and the hole is told.
    let whole = !ledger
        .faults
        .iter()
        .any(|fault| matches!(fault, Fault::Hole { .. }));
    if !whole {
        return found;
    }
    found.extend(
        snapshot
            .claims
            .iter()
            .filter_map(|claim| of_claim(snapshot, claim)),
    );
    if let Some(anchor) = snapshot
        .anchor
        .as_ref()
        .filter(|oid| !ledger.entries.contains_key(*oid))
    {
        let anchor = one_line(anchor, 64);
        found.push(Draft {
            place: Place::line(crate::features::check::logic::baseline::FILE, 1),
            commit: None,
            fact: format!("the log lacks entry {anchor}, which the baseline names"),
            because: Vec::new(),
            next: "git log --oneline refs/ccc/log".to_owned(),
            key: vec!["anchor".to_owned(), anchor],
        });
    }
    found
}

fn of_fault(fault: &Fault) -> Option<Draft> {
    let (oid, fact) = match fault {
        Fault::Jump { oid, fence, before } => (
            oid,
            format!("is number {fence} and follows number {before}"),
        ),
        Fault::Merged { oid, parents } => (oid, format!("follows {parents} entries")),
        Fault::CutOff { oid, fence } => (
            oid,
            format!("is number {fence} and the first: what was before it is gone"),
        ),
        Fault::Hole { .. } | Fault::NoNumber { .. } | Fault::Trailer { .. } => return None,
    };
    let short = oid.get(..10).unwrap_or(oid);
    Some(Draft {
        place: Place::line("refs/ccc/log", 1),
        commit: Some(oid.clone()),
        fact: format!("log entry {short} {fact}"),
        because: Vec::new(),
        next: format!("git show --no-patch {oid}"),
        key: vec![oid.clone()],
    })
}

fn of_claim(snapshot: &Snapshot, claim: &Held) -> Option<Draft> {
    let entries = &snapshot.ledger.entries;
    let because = match entries.get(&claim.entry) {
        Some(Some(fence)) if *fence != claim.fence => {
            format!(
                "that entry is number {fence}, and the claim says {}",
                claim.fence
            )
        }
        Some(_) => return None,
        None => format!("{} is not in the log", one_line(&claim.entry, 64)),
    };
    let name = format!("refs/ccc/claims/{}", claim.id);
    Some(Draft {
        place: Place::line(&name, 1),
        commit: None,
        fact: format!(
            "the log does not have the entry that granted claim {}",
            claim.id
        ),
        because: vec![because],
        next: format!("git cat-file -p {name}"),
        key: vec![claim.id.to_string()],
    })
}
