//! `hook-bypass`: a commit that the hooks should have seen is not in the log.

use super::{
    Rule, covered, judged,
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
    id: "hook-bypass",
    level: Level::Error,
    title: "a commit that the hooks should have seen is not in the log",
    why: "The hooks write every commit of a session into the log. One that names a session and is not there was made past \
          them, or in a clone that has not shared its log. Where check.logged names paths, every commit that changes \
          them must be in the log, whoever made it. Replays of logged commits pass.",
    fix: "Make sure that the hooks run where it was made (git ccc doctor) and that its log is shared, then commit again.",
    check,
};

fn check(snapshot: &Snapshot) -> Vec<Draft> {
    let account = &snapshot.ledger.account;
    let unknown = |commit: &&Commit| {
        let oid = &commit.made.oid;
        !account.makers.contains_key(oid) && !account.overridden.contains(oid)
    };
    let commits = snapshot.commits.iter().filter(unknown);
    commits.filter_map(|commit| of(snapshot, commit)).collect()
}

fn of(snapshot: &Snapshot, commit: &Commit) -> Option<Draft> {
    let signatures = commit.signatures();
    let unlogged =
        signatures
            .iter()
            .find_map(|text| match signature::judge(snapshot, commit, text) {
                Verdict::Unlogged(tag) => Some(tag),
                _ => None,
            });
    if let Some(tag) = unlogged {
        let because = format!("the log knows {tag}, and no such commit of it");
        let file = commit.files.first().map(String::as_str);
        return Some(draft(commit, file, because));
    }
    let logged = &snapshot.policy.logged;
    let (file, _) = commit
        .paths()
        .filter(|(_, path)| covered(snapshot, logged, path))
        .find(|(_, path)| judged(snapshot, RULE.id, path))?;
    let mut known = snapshot.ledger.subjects.keys();
    if known.any(|tag| signature::replays(snapshot, commit, tag)) {
        return None;
    }
    let because = format!("check.logged covers {}", one_line(file, 200));
    Some(draft(commit, Some(file), because))
}

fn draft(commit: &Commit, file: Option<&str>, because: String) -> Draft {
    Draft {
        place: file.map_or_else(Place::nowhere, Place::file),
        commit: Some(commit.made.oid.clone()),
        fact: format!(
            "commit {} is not in the log: no hook saw it",
            commit.short()
        ),
        because: vec![because],
        next: format!("git show {} --", commit.made.oid),
        key: vec![commit.made.oid.clone()],
    }
}
