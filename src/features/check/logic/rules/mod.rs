//! The rules: each says what it is about and finds what breaks it in a snapshot, without looking at anything else.

mod conflict_marker;
mod held_path;
mod hook_bypass;
mod live_claim;
mod memory_conflict;
mod open_thread;
mod rewritten_log;
mod session_trailer;
mod signature;
mod stale_base;
mod unclaimed_path;
mod unreadable_entry;
mod unreadable_record;

use crate::{
    base::scope::Scope,
    features::check::model::{
        finding::{Draft, Finding, Level},
        policy::Policy,
        snapshot::Snapshot,
    },
};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// One rule.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Its name; the setting is `check.` and this, with `_` for `-`.
    pub id: &'static str,
    /// How much it weighs unless the settings say otherwise.
    pub level: Level,
    /// In one line.
    pub title: &'static str,
    /// Why it is a rule, and what it looks at.
    pub why: &'static str,
    /// What to do about it.
    pub fix: &'static str,
    check: fn(&Snapshot) -> Vec<Draft>,
}

/// Every rule, in the order in which they are told.
pub const ALL: &[Rule] = &[
    held_path::RULE,
    unclaimed_path::RULE,
    live_claim::RULE,
    stale_base::RULE,
    conflict_marker::RULE,
    memory_conflict::RULE,
    open_thread::RULE,
    session_trailer::RULE,
    hook_bypass::RULE,
    unreadable_entry::RULE,
    rewritten_log::RULE,
    unreadable_record::RULE,
];

impl Rule {
    /// Returns the key of its level in the settings.
    pub fn key(&self) -> String {
        format!("check.{}", self.id.replace('-', "_"))
    }
}

/// Finds a rule.
pub fn named(id: &str) -> Option<&'static Rule> {
    ALL.iter().find(|rule| rule.id == id)
}

/// Returns what the rules in force find, sorted by place.
pub fn judge(snapshot: &Snapshot) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    for rule in ALL {
        let Some(level) = snapshot.policy.levels.get(rule.id) else {
            continue;
        };
        let drafts = (rule.check)(snapshot).into_iter();
        found.extend(drafts.map(|draft| finding(rule.id, *level, draft)));
    }
    found.sort_by(|a, b| a.order().cmp(&b.order()));
    found.dedup_by(|a, b| a.id == b.id);
    found
}

fn finding(rule: &'static str, level: Level, draft: Draft) -> Finding {
    let mut hash = Sha256::new();
    for part in std::iter::once(rule).chain(draft.key.iter().map(String::as_str)) {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let id = hash.finalize();
    Finding {
        rule,
        level,
        place: draft.place,
        commit: draft.commit,
        fact: draft.fact,
        because: draft.because,
        next: draft.next,
        id: hex(&id[..8]),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// Tells whether a rule judges a path.
fn judged(snapshot: &Snapshot, rule: &str, path: &Scope) -> bool {
    let Policy { exempt, .. } = &snapshot.policy;
    !exempt.iter().any(|one| {
        one.rule.is_none_or(|only| only == rule) && one.scope.covers(path, snapshot.fold)
    })
}

/// As [`judged`], for a rule about claims.
fn claimable(snapshot: &Snapshot, rule: &str, path: &Scope) -> bool {
    let free = &snapshot.policy.free;
    judged(snapshot, rule, path) && !covered(snapshot, free, path)
}

fn covered(snapshot: &Snapshot, scopes: &[Scope], path: &Scope) -> bool {
    scopes.iter().any(|scope| scope.covers(path, snapshot.fold))
}

/// Returns the path as it is written whose scope this is.
fn written<'a>(
    commit: &'a crate::features::check::model::snapshot::Commit,
    scope: &Scope,
) -> &'a str {
    let found = commit.paths().find(|(_, path)| *path == scope);
    found.map_or("", |(file, _)| file)
}
