//! Who had to do with a path: by the claims, by the log and the commits, by what was said.

use super::logic::route::Ties;
use crate::{
    base::{
        id::SessionTag,
        scope::{Fold, Scope},
    },
    ctx::Ctx,
    error::Result,
    features::{
        chat::store::{self as room, Selection},
        claim::store::{self as claims, About},
    },
    git::{Repo, log, refs, run},
};

/// So many entries of the log, and messages, are looked through.
const LOOKED_AT: usize = 2000;
/// So many sessions of one kind are enough.
const ENOUGH: usize = 8;

/// Gathers who had to do with these scopes, the newest first.
pub fn of(ctx: &Ctx, scopes: &[Scope]) -> Result<Ties> {
    let repo = ctx.repo()?;
    let mut ties = Ties::default();
    if refs::find(repo, log::REF)?.is_some() {
        let snapshot = claims::load(repo, ctx.now(), About::Scopes(scopes))?;
        for blocker in snapshot.state.blockers(None, scopes) {
            add(&mut ties.holds, blocker.claim.record.session);
        }
    }
    ties.committed = committed(repo, scopes)?;
    let selection = Selection {
        after: None,
        since: None,
        limit: LOOKED_AT,
    };
    let said = room::recent(repo, room::tip(repo)?, &selection, |_| true)?;
    for said in said.iter().rev() {
        let paths = &said.message.about.paths;
        if let Some(tag) = said.message.from.session()
            && paths.iter().any(|path| touches(path, scopes, repo.fold()))
        {
            add(&mut ties.discussed, tag.clone());
        }
    }
    Ok(ties)
}

fn add(list: &mut Vec<SessionTag>, tag: SessionTag) {
    if list.len() < ENOUGH && !list.contains(&tag) {
        list.push(tag);
    }
}

fn touches(path: &str, scopes: &[Scope], fold: Fold) -> bool {
    // Whatever was written as a path and is none overlaps nothing.
    Scope::parse(path).is_ok_and(|path| scopes.iter().any(|scope| scope.overlaps(&path, fold)))
}

/// Who committed them: by the log of transitions, else by the trailer of the last commit that changed them.
fn committed(repo: &Repo, scopes: &[Scope]) -> Result<Vec<SessionTag>> {
    let mut found = Vec::new();
    if let Some(tip) = refs::find(repo, log::REF)? {
        for entry in log::walk(repo, tip).take(LOOKED_AT) {
            let entry = entry?;
            let commit = entry.trailers("Ccc-Act").any(|act| act == "commit");
            let tag = entry
                .trailers("Ccc-Session")
                .find_map(|tag| tag.parse().ok());
            if let Some(tag) = tag.filter(|_| commit)
                && entry
                    .trailers("Ccc-Path")
                    .any(|path| touches(path, scopes, repo.fold()))
            {
                add(&mut found, tag);
            }
        }
    }
    let paths: Vec<&str> = scopes.iter().filter_map(Scope::as_literal_path).collect();
    if repo.worktree().is_none() || paths.is_empty() {
        return Ok(found);
    }
    let out = run::read(repo)
        .args([
            "log",
            "-1",
            "--format=%(trailers:key=Ccc-Session,valueonly)",
            "--",
        ])
        .args(paths.iter().map(|path| format!(":(top,literal){path}")))
        .run()?;
    // A repository without a commit answers with an error, which says that nobody committed.
    if out.ok() {
        let tags = out.stdout_text();
        for tag in tags.lines().filter_map(|line| line.trim().parse().ok()) {
            add(&mut found, tag);
        }
    }
    Ok(found)
}
