//! `held-path`: a commit changed what another session held at that time.

use super::{Rule, claimable, signature, written};
use crate::{
    base::{id::SessionTag, text::one_line},
    features::check::{
        logic::breach,
        model::{
            Made,
            finding::{Draft, Level, Place},
            snapshot::{Commit, Snapshot},
        },
    },
};

pub const RULE: Rule = Rule {
    id: "held-path",
    level: Level::Error,
    title: "a commit changed a path while another session held it",
    why: "A claim promises its holder that nobody else changes what it covers. The hooks keep that promise for a plain \
          git commit; plumbing, other git libraries, a hook path of one's own and merges on the web pass them by. The \
          commit's time is compared with the claims of the log: live ones, given back, run out, broken, and those of a \
          dead session up to its last sign of life. The holder's own commits pass, and so do overrides on the record \
          and commits that have the holder's own content.",
    fix: "Let the holder look at the change; revert it, or have it put on the record by the holder's own commit.",
    check,
};

fn check(snapshot: &Snapshot) -> Vec<Draft> {
    let found = snapshot.commits.iter().flat_map(|commit| {
        let judged = Made {
            paths: commit
                .made
                .paths
                .iter()
                .filter(|path| claimable(snapshot, RULE.id, path))
                .cloned()
                .collect(),
            ..commit.made.clone()
        };
        let ledger = &snapshot.ledger;
        let all = breach::breaches(&judged, &ledger.periods, &ledger.account, snapshot.fold);
        // A replay of the holder's own commit, with what a conflict made of it.
        let own = |session: &SessionTag| {
            let named = commit.signatures().contains(&session.as_str());
            named && signature::replays(snapshot, commit, session)
        };
        all.filter(|breach| !own(&breach.period.session))
            .map(|breach| draft(commit, &breach, snapshot))
            .collect::<Vec<Draft>>()
    });
    found.collect()
}

fn draft(
    commit: &Commit,
    breach: &crate::features::check::model::Breach,
    snapshot: &Snapshot,
) -> Draft {
    let period = &breach.period;
    let path = written(commit, &breach.path);
    let holder = &period.session;
    let mut because = vec![match &breach.maker {
        Some(maker) => format!("the log has it as a commit of {maker}, without an override"),
        None => "the log does not know it: no hook saw it".to_owned(),
    }];
    let end = match period.to.filter(|to| *to <= snapshot.now) {
        Some(to) => format!("until {to}"),
        None => "and holds it still".to_owned(),
    };
    because.push(format!(
        "{holder} held it from {} {end}; the commit is of {}",
        period.from, commit.made.at
    ));
    if period.sure.is_some_and(|sure| sure < commit.made.at) {
        because.push(format!(
            "the last sign of {holder} before that is older than the commit"
        ));
    }
    Draft {
        place: Place::file(path),
        commit: Some(commit.made.oid.clone()),
        fact: format!(
            "commit {} changed {} while {holder} held it",
            commit.short(),
            one_line(path, 200)
        ),
        because,
        next: format!("git show {} --", commit.made.oid),
        key: vec![commit.made.oid.clone(), period.claim.to_string()],
    }
}
