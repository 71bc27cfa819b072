//! What both lanes share: the queue, what is in the way, which paths are meant, and the record.

use super::model::{Summary, Wanted};
use crate::{
    base::{id::SessionTag, scope::Scope},
    ctx::Ctx,
    error::{Context, Error, Kind, Result},
    features::claim::{
        self,
        logic::{self, State},
        store::{About, Snapshot},
    },
    fs::Lock,
    git::{Repo, log, refs, run, trees},
    settings::Enforce,
};
use gix::bstr::ByteSlice;
use std::path::Path;

/// Takes this worktree's place in the queue of commits; the kernel serves it in order of arrival.
pub fn lane(repo: &Repo) -> Result<Lock> {
    let path = repo
        .ccc_dir()
        .join(format!("lane-{}.flock", repo.worktree_name()));
    let taken = Lock::acquire(&path, log::PATIENCE * 10).context(Kind::Setup, || {
        format!("{} cannot be locked", path.display())
    })?;
    taken.ok_or_else(|| {
        Error::busy(format!(
            "another commit has held {} for minutes",
            path.display()
        ))
        .hint("git ccc doctor")
    })
}

/// Refuses while another operation is half done, as `git commit -- PATHS` does.
pub fn require_no_operation(repo: &Repo) -> Result<()> {
    const STATES: &[(&str, &str, &str)] = &[
        ("MERGE_HEAD", "a merge", "git merge --continue"),
        (
            "CHERRY_PICK_HEAD",
            "a cherry-pick",
            "git cherry-pick --continue",
        ),
        ("REVERT_HEAD", "a revert", "git revert --continue"),
        ("rebase-merge", "a rebase", "git rebase --continue"),
        ("rebase-apply", "a rebase", "git rebase --continue"),
    ];
    match STATES
        .iter()
        .find(|(file, _, _)| repo.git_dir().join(file).exists())
    {
        Some((_, what, hint)) => Err(Error::usage(format!(
            "cannot do a partial commit during {what}: all of it is one commit"
        ))
        .hint(*hint)),
        None => Ok(()),
    }
}

/// Tells whether this repository has our log; without one there are no claims to honour.
pub fn is_set_up(repo: &Repo) -> Result<bool> {
    Ok(refs::find(repo, log::REF)?.is_some())
}

/// Returns the literal scopes of paths.
pub fn scopes(paths: &[String]) -> Result<Vec<Scope>> {
    paths
        .iter()
        .map(|path| Scope::literal(path).map_err(|error| Error::usage(error.to_string())))
        .collect()
}

/// Refuses a commit of what others hold, or of what policy wants claimed and is not.
pub fn require_free(
    ctx: &Ctx,
    snapshot: &Snapshot,
    wanted: &Wanted,
    scopes: &[Scope],
) -> Result<()> {
    if wanted.override_reason.is_some() {
        return Ok(());
    }
    let settings = ctx.settings()?;
    let exempt = policy(settings.exempt())?;
    let state = &snapshot.state;
    let concerned: Vec<Scope> = scopes
        .iter()
        .filter(|path| !exempt.iter().any(|exempt| exempt.covers(path, state.fold)))
        .cloned()
        .collect();
    let refusal = match snapshot.require_readable() {
        Ok(()) => refusal(state, wanted, &concerned, &policy(settings.require())?),
        Err(error) => Some(error),
    };
    match refusal {
        Some(error) if settings.enforce() == Enforce::Warn => {
            ctx.ui.warn(&error.to_string());
            Ok(())
        }
        Some(error) => Err(error),
        None => Ok(()),
    }
}

fn refusal(state: &State, wanted: &Wanted, paths: &[Scope], required: &[Scope]) -> Option<Error> {
    let blockers = state.blockers(wanted.session.as_ref(), paths);
    if !blockers.is_empty() {
        let names = paths
            .iter()
            .filter(|path| blockers.iter().any(|blocker| blocker.wanted == **path));
        let names: Vec<String> = names
            .map(|path| crate::base::text::shell(&path.to_string()))
            .collect();
        return Some(
            claim::error::held(&blockers).hint(format!("git ccc claim --wait {}", names.join(" "))),
        );
    }
    let session = wanted.session.as_ref()?;
    let held = |path: &Scope| {
        state.held_by(session).any(|claim| {
            claim
                .record
                .scopes
                .iter()
                .any(|held| held.covers(path, state.fold))
        })
    };
    let missing = paths.iter().find(|path| {
        required
            .iter()
            .any(|scope| scope.overlaps(path, state.fold))
            && !held(path)
    })?;
    Some(
        Error::no(format!("{missing} must be claimed before it is committed"))
            .because("claims.require in the settings says so")
            .hint(format!(
                "git ccc claim {}",
                crate::base::text::shell(&missing.to_string())
            )),
    )
}

fn policy(texts: &[String]) -> Result<Vec<Scope>> {
    texts
        .iter()
        .map(|text| Scope::parse(text).map_err(|error| Error::usage(format!("settings: {error}"))))
        .collect()
}

/// Expands what was named into files; an unknown name is an error as in git.
///
/// Plain file names are taken as they stand, without loading an index of maybe
/// a hundred thousand entries; directories and patterns are git's to expand.
pub fn expand(ctx: &Ctx, named: &[String]) -> Result<Vec<String>> {
    let repo = ctx.repo()?;
    for name in named {
        require_own(ctx, repo, name)?;
    }
    if let Some(paths) = literal(ctx, repo, named)? {
        return Ok(paths);
    }
    // A wrong name is refused before git is asked about all of them.
    for name in named.iter().filter(|name| !is_pattern(name)) {
        require_known(ctx, repo, name, &[])?;
    }
    let mut paths = status(repo, ctx.cwd(), named)?;
    paths.sort();
    paths.dedup();
    for name in named.iter().filter(|name| is_pattern(name)) {
        require_known(ctx, repo, name, &paths)?;
    }
    Ok(paths)
}

/// Refuses what lies in another repository: a submodule, or one that is only here.
fn require_own(ctx: &Ctx, repo: &Repo, name: &str) -> Result<()> {
    let above = ctx.cwd().join(name);
    let Some(above) = above.parent().and_then(|dir| dir.canonicalize().ok()) else {
        return Ok(());
    };
    let inside = |dir: &&Path| {
        repo.worktree()
            .is_some_and(|root| *dir != root && dir.starts_with(root))
    };
    let foreign = above
        .ancestors()
        .take_while(inside)
        .find(|dir| dir.join(".git").symlink_metadata().is_ok());
    let Some(dir) = foreign.filter(|_| !is_pattern(name)) else {
        return Ok(());
    };
    let dir = dir.display().to_string();
    Err(Error::usage(format!(
        "{} is in another repository",
        crate::base::text::one_line(name, 200)
    ))
    .hint(format!("git -C {} status", crate::base::text::shell(&dir))))
}

/// Returns the names as repository paths if each is plainly a file, there or in HEAD, and none is a new ignored one.
fn literal(ctx: &Ctx, repo: &Repo, named: &[String]) -> Result<Option<Vec<String>>> {
    let (Some(root), Ok(cwd)) = (repo.worktree(), ctx.cwd().canonicalize()) else {
        return Ok(None);
    };
    let head = trees::of_or_empty(repo, refs::find(repo, "HEAD")?)?;
    let (mut paths, mut unknown) = (Vec::new(), false);
    for name in named {
        let plain = !is_pattern(name)
            && !name.contains('\\')
            && !name.split('/').any(|part| matches!(part, "" | "." | ".."));
        let path = if plain {
            cwd.join(name)
        } else {
            return Ok(None);
        };
        // Below a symbolic link git knows no file; its refusal says so.
        let real_parent = path
            .parent()
            .is_some_and(|dir| dir.canonicalize().is_ok_and(|real| real == dir));
        let Some(inside) = path.strip_prefix(root).ok().and_then(Path::to_str) else {
            return Ok(None);
        };
        let known = trees::lookup(repo, head, inside.into())?;
        match path.symlink_metadata() {
            Ok(meta) if real_parent && !meta.is_dir() => unknown |= known.is_none(),
            Err(_) if known.is_some_and(|(_, mode)| mode != GITLINK) => {}
            _ => return Ok(None),
        }
        paths.push(inside.to_owned());
    }
    paths.sort();
    paths.dedup();
    Ok(if unknown && any_ignored(repo, root, &paths)? {
        None
    } else {
        Some(paths)
    })
}

/// The mode of a submodule.
const GITLINK: u32 = 0o160_000;

fn any_ignored(repo: &Repo, root: &Path, paths: &[String]) -> Result<bool> {
    let input: Vec<u8> = paths
        .iter()
        .flat_map(|path| path.bytes().chain([0]))
        .collect();
    let out = run::read(repo)
        .dir(root)
        .args(["check-ignore", "--no-index", "--quiet", "-z", "--stdin"])
        .input(input)
        .run()?;
    // 0 is "some are", 1 "none is"; anything else is left to git's own expansion.
    Ok(crate::proc::exit_code(out.status) != 1)
}

/// Asks git what it says of a new commit.
pub fn summary(repo: &Repo, commit: &str) -> Result<Summary> {
    let out = run::read(repo)
        .args([
            "-c",
            "diff.renames=true",
            "show",
            "--no-color",
            "--no-ext-diff",
        ])
        .args(["--format=%h %P", "--shortstat", "--summary", commit])
        .run()?;
    if !out.ok() {
        return Err(run::failure("show the commit", &out));
    }
    let text = out.stdout_text();
    let (names, changes) = text.split_once('\n').unwrap_or((&text, ""));
    let (short, parents) = names.split_once(' ').unwrap_or((names, ""));
    Ok(Summary {
        root: parents.is_empty(),
        short: short.to_owned(),
        changes: changes.trim_start_matches('\n').to_owned(),
    })
}

/// Lists what differs from HEAD in the worktree below `named`, from the root.
fn status(repo: &Repo, dir: &Path, named: &[String]) -> Result<Vec<String>> {
    /// A command line takes some 2 MB; a list from a file has no such limit.
    const ROOM: usize = 256 << 10;
    let (mut found, mut rest) = (Vec::new(), named);
    loop {
        let mut room = ROOM;
        let fits = |name: &&String| {
            let enough = name.len() < room;
            room = room.saturating_sub(name.len() + 16);
            enough
        };
        let count = rest.iter().take_while(fits).count().max(1).min(rest.len());
        let (now, later) = rest.split_at(count);
        found.extend(status_of(repo, dir, now)?);
        if later.is_empty() {
            return Ok(found);
        }
        rest = later;
    }
}

fn status_of(repo: &Repo, dir: &Path, named: &[String]) -> Result<Vec<String>> {
    let args = [
        "status",
        "--porcelain=v1",
        "-z",
        "--no-renames",
        "--untracked-files=all",
        "--ignore-submodules=dirty",
        "--",
    ];
    let cmd = run::read(repo).dir(dir).args(args).args(named);
    let out = cmd.run()?;
    if !out.ok() && !named.is_empty() {
        // git refuses a path outside of the repository or a malformed pathspec in its own words.
        return Err(out.stderr_text().lines().take(3).fold(
            Error::usage("git does not accept these paths"),
            |error, line| error.because(crate::base::text::one_line(line, 300)),
        ));
    }
    if !out.ok() {
        return Err(run::failure("look for changes", &out));
    }
    let mut found = Vec::new();
    for record in out.stdout.split_str("\0").filter(|record| record.len() > 3) {
        let path = std::str::from_utf8(&record[3..]).map_err(|_| {
            Error::usage(format!(
                "{} is not valid UTF-8 and cannot be committed here",
                record[3..].as_bstr()
            ))
        })?;
        // An untracked directory is a repository of its own (or unreadable): git lists it with a slash.
        found.push(path.trim_end_matches('/').to_owned());
    }
    Ok(found)
}

fn require_known(ctx: &Ctx, repo: &Repo, name: &str, paths: &[String]) -> Result<()> {
    let unknown = || {
        Error::no(format!(
            "pathspec '{}' did not match any file(s) known to git",
            crate::base::text::one_line(name, 200)
        ))
        .hint("git status")
    };
    if ctx.cwd().join(name).symlink_metadata().is_ok() || !paths.is_empty() && is_pattern(name) {
        return Ok(());
    }
    let out = run::read(repo)
        .dir(ctx.cwd())
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--deleted",
            "--with-tree=HEAD",
            "--",
            name,
        ])
        .run()?;
    if out.ok() && !out.stdout.is_empty() {
        Ok(())
    } else {
        Err(unknown())
    }
}

fn is_pattern(name: &str) -> bool {
    name.starts_with(':') || name.contains(['*', '?', '['])
}

/// Returns everything changed under the session's claims.
pub fn claimed_changes(ctx: &Ctx, session: &SessionTag) -> Result<Vec<String>> {
    let repo = ctx.repo()?;
    let snapshot = claim::store::load(repo, ctx.now(), About::Scopes(&[]))?;
    let scopes: Vec<&Scope> = snapshot
        .state
        .held_by(session)
        .flat_map(|claim| &claim.record.scopes)
        .filter(|scope| scope.is_repo())
        .collect();
    if scopes.is_empty() {
        return Err(
            Error::no(format!("{session} holds no path, so nothing is named"))
                .hint("git ccc commit -m MESSAGE -- PATHS"),
        );
    }
    let root = repo.require_worktree()?;
    let fold = snapshot.state.fold;
    let changed = status(repo, root, &[])?;
    Ok(changed
        .into_iter()
        .filter(|path| scopes.iter().any(|scope| scope.covers_path(path, fold)))
        .collect())
}

/// Returns the session's claims that end with a commit of these paths.
pub fn until_commit<'a>(
    state: &'a State,
    session: Option<&'a SessionTag>,
    paths: &'a [String],
) -> impl Iterator<Item = &'a claim::model::Claim> {
    let done = move |scope: &Scope| paths.iter().any(|path| scope.covers_path(path, state.fold));
    let own = session
        .into_iter()
        .flat_map(move |session| state.held_by(session));
    own.filter(move |claim| claim.record.until_commit && claim.record.scopes.iter().all(done))
}

/// Says so if the index could not follow a commit; that is no failure of the commit, which must not be made again.
pub fn landed(ctx: &Ctx, adopted: Result<()>) {
    if let Err(error) = adopted {
        ctx.ui.warn(&format!(
            "the commit is made, but {error}; the next git ccc commit here brings the index up to date"
        ));
    }
}

/// Returns the log entry of a commit, without its number.
pub fn entry(wanted: &Wanted, commit: &str, subject: &str) -> log::Draft {
    /// More paths than this are counted, not listed: an entry stays small.
    const LISTED: usize = 200;
    let who = wanted
        .session
        .as_ref()
        .map_or("somebody", SessionTag::as_str);
    let mut trailers = vec![("Ccc-Act", "commit".to_owned())];
    trailers.extend(
        wanted
            .session
            .as_ref()
            .map(|tag| ("Ccc-Session", tag.to_string())),
    );
    trailers.push(("Ccc-Commit", commit.to_owned()));
    trailers.extend(
        wanted
            .paths
            .iter()
            .take(LISTED)
            .map(|path| ("Ccc-Path", path.clone())),
    );
    if wanted.paths.len() > LISTED {
        trailers.push(("Ccc-Paths", wanted.paths.len().to_string()));
    }
    trailers.extend(
        wanted
            .override_reason
            .as_ref()
            .map(|why| ("Ccc-Override", why.clone())),
    );
    log::Draft {
        subject: format!(
            "commit {} by {who}: {subject}",
            commit.get(..9).unwrap_or(commit)
        ),
        trailers,
    }
}

/// Loads the claims around these paths.
pub fn load(ctx: &Ctx, scopes: &[Scope]) -> Result<Snapshot> {
    claim::store::load(ctx.repo()?, ctx.now(), About::Scopes(scopes))
}

/// Returns the ended claims that a commit of these paths clears away.
pub fn cleared(
    snapshot: &Snapshot,
    scopes: &[Scope],
) -> Vec<(crate::base::id::ClaimId, logic::Ended)> {
    logic::clear(&snapshot.state, scopes, None)
}
