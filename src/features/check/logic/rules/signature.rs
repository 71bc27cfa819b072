//! What the log knows of a commit and of the sessions that its trailers name: shared by the rules about trailers.

use crate::{
    base::id::SessionTag,
    features::check::{
        logic::ledger,
        model::snapshot::{Commit, Snapshot},
    },
};

/// What is to be thought of one trailer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The log bears it out: the commit, or one that it replays.
    Known,
    /// It is no name of a session.
    NoTag,
    /// The log knows no such session.
    Stranger,
    /// The log has the commit as somebody else's.
    Others(SessionTag),
    /// The log knows the session and no such commit of it.
    Unlogged(SessionTag),
}

/// Judges the trailer of a commit.
///
/// A replay (cherry-pick, rebase, a squash on the web) keeps the trailers of what it replays under a new name: it is
/// known by its subject, or by a subject that its message quotes on a line.
pub fn judge(snapshot: &Snapshot, commit: &Commit, text: &str) -> Verdict {
    let Ok(tag) = text.parse::<SessionTag>() else {
        return Verdict::NoTag;
    };
    let ledger = &snapshot.ledger;
    let makers = ledger.account.makers.get(&commit.made.oid);
    if makers.is_some_and(|makers| makers.contains(&tag)) || replays(snapshot, commit, &tag) {
        return Verdict::Known;
    }
    if !ledger.seen.contains_key(&tag) && !snapshot.sessions.contains(&tag) {
        return Verdict::Stranger;
    }
    match makers.and_then(|makers| makers.first()) {
        Some(other) => Verdict::Others(other.clone()),
        None => Verdict::Unlogged(tag),
    }
}

/// Tells whether the log has a commit of the session that this one says again.
pub fn replays(snapshot: &Snapshot, commit: &Commit, tag: &SessionTag) -> bool {
    let Some(subjects) = snapshot.ledger.subjects.get(tag) else {
        return false;
    };
    let lines: Vec<&str> = commit
        .message
        .lines()
        .take(2000)
        .map(|line| line.trim().trim_start_matches(['*', '-']).trim())
        .filter(|line| !line.is_empty())
        .collect();
    // Most lines are found as they are; only what the log has cut short is looked for one by one.
    lines.iter().any(|line| subjects.contains(*line))
        || subjects
            .iter()
            .filter(|subject| subject.ends_with('…') || subject.contains('\\'))
            .any(|subject| lines.iter().any(|line| ledger::is_subject(subject, line)))
}
