//! `unclaimed-path`: a session's commit changed what policy wants claimed, and it held no claim on it.

use super::{Rule, claimable, covered};
use crate::{
    base::{
        id::SessionTag,
        text::{one_line, shell},
        time::Timestamp,
    },
    features::check::model::{
        Period,
        finding::{Draft, Level, Place},
        snapshot::{Commit, Snapshot},
    },
};
use std::collections::BTreeSet;

pub const RULE: Rule = Rule {
    id: "unclaimed-path",
    level: Level::Error,
    title: "a session's commit changed a path that must be claimed first, without a claim",
    why: "claims.require names paths that a session claims before it commits them, so that siblings see it coming. The \
          log has each commit of a session and each claim; commits that a rebase made again are not judged, nor are \
          those of people. Without claims.require this rule asks nothing.",
    fix: "Claim the path and commit again, or take the path out of claims.require.",
    check,
};

fn check(snapshot: &Snapshot) -> Vec<Draft> {
    let account = &snapshot.ledger.account;
    let judged = |commit: &&Commit| {
        let oid = &commit.made.oid;
        !account.rebased.contains(oid) && !account.overridden.contains(oid)
    };
    let commits = snapshot.commits.iter().filter(judged);
    commits
        .filter_map(|commit| Some((commit, account.makers.get(&commit.made.oid)?)))
        .filter_map(|(commit, makers)| of(snapshot, commit, makers))
        .collect()
}

fn of(snapshot: &Snapshot, commit: &Commit, makers: &BTreeSet<SessionTag>) -> Option<Draft> {
    let policy = &snapshot.policy;
    let holds =
        |period: &&Period| makers.contains(&period.session) && holds_at(period, commit.made.at);
    let held: Vec<&Period> = snapshot.ledger.periods.iter().filter(holds).collect();
    let missing: Vec<&str> = commit
        .paths()
        .filter(|(_, path)| covered(snapshot, &policy.require, path))
        .filter(|(_, path)| claimable(snapshot, RULE.id, path))
        .filter(|(_, path)| {
            !held
                .iter()
                .any(|period| covered(snapshot, &period.scopes, path))
        })
        .map(|(file, _)| file)
        .collect();
    let first = missing.first()?;
    let maker = makers.first()?;
    Some(Draft {
        place: Place::file(*first),
        commit: Some(commit.made.oid.clone()),
        fact: format!(
            "commit {} of {maker} changed {} without a claim on it",
            commit.short(),
            one_line(first, 200)
        ),
        because: vec![format!(
            "claims.require covers {} of its paths that {maker} did not hold",
            missing.len()
        )],
        next: format!("git ccc claim {}", shell(&one_line(first, 200))),
        key: vec![commit.made.oid.clone()],
    })
}

/// A claim is given back by the very commit it was for, so both ends count.
fn holds_at(period: &Period, at: Timestamp) -> bool {
    period.from <= at && period.to.is_none_or(|to| at <= to)
}
