//! Claims that a write meets: those of the repository that the file is in, and those on `~/…` in every repository of this user.

use super::place::{Place, Who};
use crate::{
    base::{scope::Scope, text::shell},
    ctx::Ctx,
    env,
    error::Result,
    features::{
        claim::{
            error as refusal,
            store::{self as claims, About},
        },
        session::store as sessions,
    },
    git::{Repo, log, refs},
    settings::Enforce,
};
use std::path::{Path, PathBuf};

/// Refuses a write of what another live session holds.
pub fn require_free(ctx: &Ctx, place: &Place, who: &Who) -> Result<()> {
    if let Some(scope) = home_scope(&place.path) {
        let own = ctx.repo().ok();
        if let Some(repo) = own {
            judge(ctx, repo, &scope, who)?;
        }
        for repo in repositories(own, &place.hub)? {
            judge(ctx, &repo, &scope, who)?;
        }
    }
    // What is both below home and in a repository has a name in each.
    if let Some(root) = root_of(&place.path)
        && let Ok(repo) = Repo::discover(&root)
        && let Some(scope) = repo_scope(&repo, &place.path)
    {
        judge(ctx, &repo, &scope, who)?;
    }
    Ok(())
}

fn judge(ctx: &Ctx, repo: &Repo, scope: &Scope, who: &Who) -> Result<()> {
    if refs::find(repo, log::REF)?.is_none() {
        return Ok(());
    }
    let wanted = std::slice::from_ref(scope);
    let state = claims::load(repo, ctx.now(), About::Scopes(wanted))?.state;
    let blockers = state.blockers(who.session.as_ref(), wanted);
    let Some(first) = blockers.first() else {
        return Ok(());
    };
    let error = refusal::held(&blockers);
    if ctx
        .settings()
        .is_ok_and(|settings| settings.enforce() == Enforce::Warn)
    {
        ctx.ui.warn(&error.to_string());
        return Ok(());
    }
    let holder = &first.claim.record.session;
    Err(error
        .hint(format!(
            "git ccc claim --wait=10m {}",
            shell(&scope.to_string())
        ))
        .hint(format!("git ccc send {holder} TEXT")))
}

/// The other repositories in which somebody may hold a file below home: those of every session of this user.
fn repositories(own: Option<&Repo>, hub: &Repo) -> Result<Vec<Repo>> {
    let mut dirs: Vec<PathBuf> = Vec::new();
    let all = sessions::load_readable(hub)?;
    let others = all
        .iter()
        .map(|session| PathBuf::from(&session.record.repo));
    for dir in others {
        if own.is_none_or(|own| own.common_dir() != dir) && !dirs.contains(&dir) {
            dirs.push(dir);
        }
    }
    // One that is gone, or another user's, has no claims that could be seen.
    Ok(dirs.iter().filter_map(|dir| Repo::open(dir).ok()).collect())
}

/// Returns the scope of a file below home.
pub fn home_scope(path: &Path) -> Option<Scope> {
    let home = env::home()?.canonicalize().ok()?;
    Scope::literal_home(path.strip_prefix(home).ok()?.to_str()?).ok()
}

/// Returns the scope of a file in a repository's worktree.
pub fn repo_scope(repo: &Repo, path: &Path) -> Option<Scope> {
    Scope::literal(path.strip_prefix(repo.worktree()?).ok()?.to_str()?).ok()
}

/// Finds the worktree that a file is in.
fn root_of(path: &Path) -> Option<PathBuf> {
    let mut above = path.ancestors().skip(1);
    above
        .find(|dir| dir.join(".git").exists())
        .map(Path::to_owned)
}
