//! `session-trailer`: a commit does not say which session made it, or says a wrong one.

use super::{
    Rule,
    signature::{self, Verdict},
};
use crate::{
    base::text::one_line,
    features::check::model::{
        finding::{Draft, Level, Place},
        snapshot::{Commit, Snapshot},
    },
};

pub const RULE: Rule = Rule {
    id: "session-trailer",
    level: Level::Error,
    title: "a commit lacks its Ccc-Session, or names a session that did not make it",
    why: "Whoever has a question about a change asks the session that its Ccc-Session names; a wrong one sends them to a \
          stranger, and lets a commit pass for the work of whoever holds the path. The log says which session made which \
          commit. A replay keeps the trailers of what it replays; one that has none replays a commit of a person. With \
          commit.trailer = \"off\" nothing is missed.",
    fix: "Reword the commit: take a forged trailer out, put the missing one in.",
    check,
};

fn check(snapshot: &Snapshot) -> Vec<Draft> {
    let commits = snapshot.commits.iter();
    commits.flat_map(|commit| of(snapshot, commit)).collect()
}

fn of(snapshot: &Snapshot, commit: &Commit) -> Vec<Draft> {
    let signatures = commit.signatures();
    if signatures.is_empty() {
        return missing(snapshot, commit).into_iter().collect();
    }
    let forged = signatures.iter().filter_map(|text| {
        let because = match signature::judge(snapshot, commit, text) {
            Verdict::NoTag => "that is no name of a session".to_owned(),
            Verdict::Stranger => "the log knows no such session".to_owned(),
            Verdict::Others(other) => format!("the log has it as a commit of {other}"),
            Verdict::Known | Verdict::Unlogged(_) => return None,
        };
        let fact = format!(
            "commit {} says that {} made it",
            commit.short(),
            one_line(text, 80)
        );
        Some(draft(commit, fact, because, text))
    });
    forged.collect()
}

fn missing(snapshot: &Snapshot, commit: &Commit) -> Option<Draft> {
    let account = &snapshot.ledger.account;
    let maker = account.makers.get(&commit.made.oid)?.first()?;
    // A replay is younger than its change, and keeps what was in the message.
    let replay = commit.authored != commit.made.at || account.rebased.contains(&commit.made.oid);
    if !snapshot.policy.signed || replay || commit.subject().trim().is_empty() {
        return None;
    }
    let fact = format!("commit {} has no Ccc-Session", commit.short());
    let because = format!("the log has it as a commit of {maker}");
    Some(draft(commit, fact, because, ""))
}

fn draft(commit: &Commit, fact: String, because: String, text: &str) -> Draft {
    let file = commit.files.first();
    Draft {
        place: file.map_or_else(Place::nowhere, Place::file),
        commit: Some(commit.made.oid.clone()),
        fact,
        because: vec![because],
        next: format!("git show --no-patch {}", commit.made.oid),
        key: vec![commit.made.oid.clone(), text.to_owned()],
    }
}
