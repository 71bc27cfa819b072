//! Scopes as somebody types them, resolved against where the command runs.

use crate::{
    base::scope::{Base, Scope},
    ctx::Ctx,
    env,
    error::{Error, Result},
};
use std::path::Path;

/// The most scopes of one request: every decision compares each with each.
const MAX_SCOPES: usize = 1000;

/// Resolves typed scopes against where the command runs.
pub fn resolve_all(ctx: &Ctx, typed: &[String]) -> Result<Vec<Scope>> {
    if typed.len() > MAX_SCOPES {
        return Err(Error::usage(format!(
            "{} scopes are more than the {MAX_SCOPES} that one claim can have",
            typed.len()
        ))
        .because("a directory or a glob covers many paths with one scope")
        .hint("git ccc help claim"));
    }
    // An unset variable must not claim the whole repository; git refuses an empty pathspec too.
    if typed.iter().any(String::is_empty) {
        return Err(Error::usage("an empty scope names nothing")
            .because("the whole repository is written as .")
            .hint("git ccc help claim"));
    }
    let mut scopes = typed
        .iter()
        .map(|text| resolve(ctx, text))
        .collect::<Result<Vec<_>>>()?;
    scopes.sort();
    scopes.dedup();
    Ok(scopes)
}

/// Longer names are no paths on any system (`PATH_MAX`).
const PATH_BYTES: usize = 4096;

/// Resolves one typed scope.
pub fn resolve(ctx: &Ctx, typed: &str) -> Result<Scope> {
    let repo = ctx.repo()?;
    let root = repo.worktree().map(|root| root.display().to_string());
    let cwd = ctx
        .cwd()
        .canonicalize()
        .unwrap_or_else(|_| ctx.cwd().to_owned());
    let prefix = repo
        .worktree()
        .and_then(|root| cwd.strip_prefix(root).ok())
        .unwrap_or(Path::new(""))
        .display()
        .to_string();
    let home = env::home().map(|home| home.display().to_string());
    let roots: Vec<&str> = root.as_deref().into_iter().collect();
    let base = Base {
        prefix: &prefix,
        roots: &roots,
        home: home.as_deref(),
    };
    // A name that no path can have is not worth a look at the disk.
    let followed = repo
        .worktree()
        .filter(|_| typed.len() < PATH_BYTES)
        .and_then(|root| follow(root, &cwd, typed));
    let resolve = |text: &str| {
        Scope::resolve(text, &base)
            .map_err(|error| Error::usage(error.to_string()).hint("git ccc help claim"))
    };
    match followed {
        Some(path) => resolve(&path),
        None => resolve(typed),
    }
}

/// Returns the real place of a literal path whose directory is reached through a symbolic link.
///
/// Two spellings of one file must be one scope. The last component is not
/// followed: a symbolic link is itself a tracked file.
fn follow(root: &Path, cwd: &Path, typed: &str) -> Option<String> {
    let special = typed.contains(['*', '?', '[', '{', '\\'])
        || typed.starts_with("res:")
        || typed.starts_with(['~', '!'])
        || typed.starts_with(":/");
    if special {
        return None;
    }
    let path = cwd.join(typed);
    let name = path.file_name()?.to_owned();
    let mut dir = path.parent()?.to_owned();
    let mut rest = vec![name];
    // What does not exist yet has no links in it; the part that exists may.
    while !dir.exists() {
        rest.push(dir.file_name()?.to_owned());
        dir = dir.parent()?.to_owned();
    }
    let mut real = dir.canonicalize().ok()?;
    real.extend(rest.into_iter().rev());
    real.strip_prefix(root).ok()?;
    let mut text = real.to_str()?.to_owned();
    if typed.ends_with('/') {
        text.push('/');
    }
    Some(text)
}
