//! The stock lane: `git commit` itself, on a private index, while `index.lock` is held.
//!
//! The private index is HEAD plus the named paths, so hooks see exactly the
//! commit (`GIT_INDEX_FILE`), and what they add is part of it. Afterwards the
//! shared index takes over every path in which the new HEAD differs from the old.

use super::{
    model::{TRAILER, Wanted},
    store,
};
use crate::{
    base::{id::ClaimId, time::Ttl},
    ctx::Ctx,
    env,
    error::{Context, Error, Kind, Result},
    features::claim::{
        model::Claim,
        plan::{NewClaim, Plan},
        store as claims,
    },
    git::{
        Oid, Repo,
        adopt::{self, Pending},
        index::{Change, Stat},
        log::{self, Around, By},
        objects, refs, run, trees,
    },
    proc::exit_code,
};
use gix::bstr::{BString, ByteSlice};
use std::{collections::BTreeMap, fs, path::PathBuf};

/// How long a path nobody had claimed is held for hooks and editor; the commit gives it back.
const HOLD_SECONDS: u64 = 15 * 60;
/// How often a commit starts over because plain git moved HEAD meanwhile.
const ATTEMPTS: usize = 20;

/// A private index, removed when dropped.
struct Private(PathBuf);

impl Drop for Private {
    fn drop(&mut self) {
        // What cannot be removed is swept by the next commit after a crash.
        let _ = fs::remove_file(&self.0);
    }
}

/// Makes the commit; returns it with its subject, or nothing in a dry run.
pub fn commit(ctx: &Ctx, wanted: &Wanted, show: bool) -> Result<Option<(Oid, String)>> {
    let held = hold(ctx, wanted)?;
    let made = land(ctx, wanted, show);
    let done = record(
        ctx,
        wanted,
        &held,
        made.as_ref().ok().and_then(Option::as_ref),
    );
    let made = made?;
    done?;
    Ok(made)
}

/// Claims for the duration what the session does not hold yet, or refuses.
fn hold(ctx: &Ctx, wanted: &Wanted) -> Result<Vec<Claim>> {
    let repo = ctx.repo()?;
    if wanted.paths.is_empty() || !store::is_set_up(repo)? {
        return Ok(Vec::new());
    }
    let scopes = store::scopes(&wanted.paths)?;
    let snapshot = store::load(ctx, &scopes)?;
    store::require_free(ctx, &snapshot, wanted, &scopes)?;
    let Some(session) = wanted
        .session
        .as_ref()
        .filter(|_| wanted.override_reason.is_none())
    else {
        return Ok(Vec::new());
    };
    let state = &snapshot.state;
    let held = |path| {
        state.held_by(session).any(|claim| {
            claim
                .record
                .scopes
                .iter()
                .any(|held| held.covers(path, state.fold))
        })
    };
    let free: Vec<_> = scopes.iter().filter(|path| !held(path)).cloned().collect();
    if free.is_empty() || !state.blockers(Some(session), &free).is_empty() {
        // Blocked and still here means that policy only warns.
        return Ok(Vec::new());
    }
    let ttl = Ttl::from_seconds(HOLD_SECONDS)
        .context(Kind::Internal, || "the hold has no length".to_owned())?;
    let new = NewClaim {
        scopes: free,
        intent: Some("commit".to_owned()),
        ttl,
        eta: None,
        until_commit: true,
    };
    claims::take(ctx, session, &new)
}

/// Records the commit and gives back what was held for it, in one entry.
fn record(ctx: &Ctx, wanted: &Wanted, held: &[Claim], made: Option<&(Oid, String)>) -> Result<()> {
    let repo = ctx.repo()?;
    if !store::is_set_up(repo)? || (held.is_empty() && made.is_none()) {
        return Ok(());
    }
    let guard = log::lock(repo)?;
    let mut retry = log::Retry::new(log::PATIENCE);
    while let Err(lost) = try_record(ctx, wanted, held, made)? {
        if matches!(lost, refs::Lost::Busy(_)) {
            log::repair_lock(repo, &guard)?;
        }
        retry.again(lost, "record the commit", ctx.dice.roll())?;
    }
    Ok(())
}

fn try_record(
    ctx: &Ctx,
    wanted: &Wanted,
    held: &[Claim],
    made: Option<&(Oid, String)>,
) -> Result<Result<(), refs::Lost>> {
    let repo = ctx.repo()?;
    let snapshot = store::load(ctx, &store::scopes(&wanted.paths)?)?;
    let mut gone: Vec<ClaimId> = held.iter().map(|claim| claim.id.clone()).collect();
    if made.is_some() {
        let done = store::until_commit(&snapshot.state, wanted.session.as_ref(), &wanted.paths);
        gone.extend(done.map(|claim| claim.id.clone()));
    }
    gone.retain(|id| snapshot.oids.contains_key(id));
    gone.sort();
    gone.dedup();
    let mut draft = match made {
        Some((commit, subject)) => store::entry(wanted, &commit.to_string(), subject),
        None => Plan::give_up(wanted.session.as_ref()),
    };
    draft.trailers.extend(
        gone.iter()
            .map(|id| ("Ccc-Gone", format!("{id} committed"))),
    );
    let name = wanted
        .session
        .as_ref()
        .map_or("git-ccc", |tag| tag.as_str());
    let author = objects::Author {
        name,
        at: ctx.now(),
    };
    let entry = log::write(repo, &snapshot.tip, &draft, author, &ctx.dice.hex(8))?;
    let delete = |id| {
        Some(refs::Edit::delete(
            claims::ref_name(id),
            *snapshot.oids.get(id)?,
        ))
    };
    let around = Around {
        before: Vec::new(),
        after: gone.iter().filter_map(delete).collect(),
    };
    Ok(log::append(
        repo,
        &snapshot.tip,
        &entry,
        around,
        By::New(&draft.subject),
    ))
}

fn land(ctx: &Ctx, wanted: &Wanted, show: bool) -> Result<Option<(Oid, String)>> {
    let repo = ctx.repo()?;
    let dry = wanted.only_looks;
    for _ in 0..ATTEMPTS {
        let parent = refs::find(repo, "HEAD")?;
        let named: Vec<BString> = wanted
            .paths
            .iter()
            .map(|path| path.as_str().into())
            .collect();
        let mut pending = Pending::begin(repo, parent, &named)?;
        // With a message alone there is nothing in the index to keep still while an editor is open.
        if !dry && !wanted.paths.is_empty() {
            pending.lock()?;
        }
        let before = stats(repo, &wanted.paths);
        let private = private_index(repo, parent, &wanted.paths)?;
        let code = run_git(ctx, wanted, &private, show)?;
        let head = refs::find(repo, "HEAD")?;
        if code != 0 {
            if head != parent && wanted.message.is_some() {
                continue;
            }
            return Err(Error::already_said(code));
        }
        if dry {
            return Ok(None);
        }
        // HEAD may be as it was: an amended commit in which nothing differs, not even the second.
        let head = head.ok_or_else(|| Error::internal("git made a commit and HEAD has none"))?;
        // A message alone leaves the index as it is, and a sparse one sparse.
        if trees::of_or_empty(repo, parent)? != trees::of_or_empty(repo, Some(head))? {
            let adopted = pending.adopt(|| changes(repo, parent, head, &before));
            store::landed(ctx, adopted);
        }
        let (_, message) = objects::read_entry(repo, head)?;
        return Ok(Some((
            head,
            message.lines().next().unwrap_or_default().to_owned(),
        )));
    }
    Err(Error::busy(format!(
        "HEAD moved {ATTEMPTS} times while git was committing"
    )))
}

fn stats(repo: &Repo, paths: &[String]) -> BTreeMap<BString, Stat> {
    let stat = |path: &String| {
        let meta = repo.worktree()?.join(path).symlink_metadata().ok()?;
        Some((path.as_str().into(), Stat::from(&meta)))
    };
    paths.iter().filter_map(stat).collect()
}

/// Builds HEAD plus the named paths; a copy of the shared index keeps what git knows of unchanged files.
fn private_index(repo: &Repo, parent: Option<Oid>, paths: &[String]) -> Result<Private> {
    let private = Private(
        repo.git_dir()
            .join(format!("ccc-private.{}", std::process::id())),
    );
    let shared = repo.git_dir().join("index");
    adopt::copy_index(&shared, &private.0).context(Kind::Setup, || {
        format!("{} cannot be written", private.0.display())
    })?;
    let git = || run::on(repo).env("GIT_INDEX_FILE", &private.0);
    // Where nothing is staged the copy is HEAD already; it keeps its cached trees, and stays sparse.
    let is_as_in = |commit: Oid| {
        let compare = [
            "diff-index",
            "--cached",
            "--quiet",
            "--ignore-submodules=none",
        ];
        let compared = git().args(compare).arg(commit.to_string()).run();
        compared.map(|out| out.ok())
    };
    let tree = match parent {
        None => Some(vec!["--empty".to_owned()]),
        Some(commit) if is_as_in(commit)? => None,
        Some(commit) => Some(vec!["--reset".to_owned(), commit.to_string()]),
    };
    if let Some(tree) = tree {
        run::checked(git().arg("read-tree").args(tree), "prepare a private index")?;
    }
    if !paths.is_empty() {
        let input = paths
            .iter()
            .flat_map(|path| path.bytes().chain([0]))
            .collect::<Vec<u8>>();
        let add = [
            "update-index",
            "--add",
            "--remove",
            "--replace",
            "--ignore-skip-worktree-entries",
            "-z",
            "--stdin",
        ];
        run::checked(git().args(add).input(input), "take in the named paths").map_err(
            |mut error| {
                // A filter, an encoding or the kind of file: git refuses what was named, nothing of ours is broken.
                error.kind = Kind::No;
                error
            },
        )?;
    }
    Ok(private)
}

fn run_git(ctx: &Ctx, wanted: &Wanted, private: &Private, show: bool) -> Result<u8> {
    let mut cmd = run::speaking(ctx.repo()?, ctx.cwd())
        .env("GIT_INDEX_FILE", &private.0)
        .env(env::INTERNAL_LANE, "1")
        .arg("commit");
    cmd = cmd.args(&wanted.message_options).args(&wanted.options);
    if let Some(tag) = wanted.signature() {
        cmd = cmd.args(["--trailer", &format!("{TRAILER}: {tag}")]);
    }
    if let Some(input) = &wanted.input {
        cmd = cmd.input(input.clone());
    }
    if show {
        return Ok(exit_code(cmd.run_attached()?));
    }
    let out = cmd.run()?;
    if out.ok() {
        return Ok(0);
    }
    Err(run::failure("commit", &out))
}

/// Returns every path in which the new HEAD differs from the old, as changes of the index.
fn changes(
    repo: &Repo,
    old: Option<Oid>,
    new: Oid,
    before: &BTreeMap<BString, Stat>,
) -> Result<Vec<Change>> {
    let (from, to) = (
        trees::of_or_empty(repo, old)?,
        trees::of_or_empty(repo, Some(new))?,
    );
    let args = ["diff-tree", "-r", "-z", "--no-renames", "--name-only"];
    let out = run::checked(
        run::read(repo)
            .args(args)
            .args([from.to_string(), to.to_string()]),
        "compare the commit",
    )?;
    let now = stats(
        repo,
        &before.keys().map(ToString::to_string).collect::<Vec<_>>(),
    );
    let mut changes = Vec::new();
    for path in out.stdout.split_str("\0").filter(|path| !path.is_empty()) {
        let path = BString::from(path);
        changes.push(match trees::lookup(repo, to, path.as_bstr())? {
            None => Change::Remove { path },
            Some((oid, mode)) => {
                // Only a file that did not change while git read it is known to be clean.
                let stat = now
                    .get(&path)
                    .filter(|stat| before.get(&path) == Some(*stat))
                    .copied();
                Change::Set {
                    path,
                    oid,
                    mode,
                    stat: stat.unwrap_or_default(),
                }
            }
        });
    }
    Ok(changes)
}
