//! Which files count as shared where nobody says so: what the setting `files.shared` names.

use super::claims;
use crate::{
    base::scope::{Fold, Scope},
    ctx::Ctx,
    env,
    error::Result,
    git::Repo,
};
use std::path::{Path, PathBuf};

/// Tells whether a file, at its real path, is one that agents' hooks watch over.
pub fn is_shared(ctx: &Ctx, path: &Path) -> Result<bool> {
    let named = ctx.settings()?.shared_files();
    let fold = ctx.repo()?.fold();
    let home = usual(path).and_then(|path| claims::home_scope(&path));
    if home.is_some_and(|scope| covered(named, &scope, fold)) {
        return Ok(true);
    }
    // A path of the repository is meant in each of its worktrees.
    if !named.iter().any(|text| !text.starts_with('~')) {
        return Ok(false);
    }
    let own = ctx.repo()?.common_dir();
    let Ok(there) = Repo::discover(path.parent().unwrap_or(path)) else {
        return Ok(false);
    };
    let scope = claims::repo_scope(&there, path).filter(|_| there.common_dir() == own);
    Ok(scope.is_some_and(|scope| covered(named, &scope, fold)))
}

/// Tells whether one of the named scopes covers a file; those that begin otherwise are not even read, for a hook is waited for.
fn covered(named: &[String], file: &Scope, fold: Fold) -> bool {
    let text = file.to_string();
    let near = |named: &&String| {
        let plain = named
            .find(['*', '?', '[', '{', '\\'])
            .unwrap_or(named.len());
        let both = plain.min(text.len());
        let (a, b) = (&named.as_bytes()[..both], &text.as_bytes()[..both]);
        a.eq_ignore_ascii_case(b) || !(a.is_ascii() && b.is_ascii())
    };
    named
        .iter()
        .filter(near)
        .filter_map(|text| Scope::parse(text).ok())
        .any(|named| named.covers(file, fold))
}

/// Where a file would be if its agent kept its things in the usual place.
fn usual(path: &Path) -> Option<PathBuf> {
    let home = env::home()?.canonicalize().ok()?;
    for (variable, folder) in [(env::CLAUDE_DIR, ".claude"), (env::CODEX_DIR, ".codex")] {
        let moved = env::var_os(variable).and_then(|dir| PathBuf::from(dir).canonicalize().ok());
        if let Some(rest) = moved.and_then(|dir| path.strip_prefix(dir).ok().map(Path::to_owned)) {
            return Some(home.join(folder).join(rest));
        }
    }
    Some(path.to_owned())
}
