//! `live-claim`: the range changes what somebody else holds now.

use super::{Rule, claimable};
use crate::{
    base::{id::SessionTag, text::one_line},
    features::check::model::{
        finding::{Draft, Level, Place},
        snapshot::{Held, Snapshot},
    },
};
use std::collections::BTreeSet;

pub const RULE: Rule = Rule {
    id: "live-claim",
    level: Level::Warning,
    title: "the range changes a path that another session holds now",
    why: "Whoever holds a path is changing it. What is merged under it makes that work conflict, or makes it right for a \
          tree that is no more. Claims are compared as they were fetched, at the time of the newest entry of the log or of \
          the target, whichever is later; the claims of those who made the range do not count.",
    fix: "Ask the holder, or wait until the claim is given back.",
    check,
};

fn check(snapshot: &Snapshot) -> Vec<Draft> {
    let account = &snapshot.ledger.account;
    let mut own: BTreeSet<SessionTag> = BTreeSet::new();
    for commit in &snapshot.commits {
        own.extend(
            account
                .makers
                .get(&commit.made.oid)
                .into_iter()
                .flatten()
                .cloned(),
        );
        own.extend(
            commit
                .signatures()
                .iter()
                .filter_map(|tag| tag.parse().ok()),
        );
    }
    let live = |claim: &&Held| claim.until > snapshot.now && !own.contains(&claim.session);
    snapshot
        .claims
        .iter()
        .filter(live)
        .filter_map(|claim| overlap(snapshot, claim))
        .collect()
}

fn overlap(snapshot: &Snapshot, claim: &Held) -> Option<Draft> {
    let mut paths: Vec<(&str, &str)> = Vec::new();
    for commit in &snapshot.commits {
        for (file, path) in commit.paths() {
            let held = claim
                .scopes
                .iter()
                .any(|scope| scope.overlaps(path, snapshot.fold));
            if held && claimable(snapshot, RULE.id, path) {
                paths.push((file, &commit.made.oid));
            }
        }
    }
    paths.sort_unstable();
    paths.dedup_by_key(|(file, _)| *file);
    let (file, commit) = *paths.first()?;
    let mut because = vec![format!(
        "{} holds {} until {}",
        claim.session,
        one_line(&crate::features::claim::model::join(&claim.scopes), 200),
        claim.until
    )];
    because.extend(
        claim
            .intent
            .as_ref()
            .map(|intent| format!("it says: \"{}\"", one_line(intent, 200))),
    );
    Some(Draft {
        place: Place::file(file),
        commit: Some(commit.to_owned()),
        fact: format!(
            "{} of the changed paths are held by {}, {} first",
            paths.len(),
            claim.session,
            one_line(file, 200)
        ),
        because,
        next: format!(
            "git ccc ask --to {} 'may this be merged now?'",
            claim.session
        ),
        key: vec![claim.id.to_string()],
    })
}
