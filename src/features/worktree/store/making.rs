//! What is being made or removed: journals, the locks that prove their makers alive, and what is done when they are gone.

use crate::{
    ctx::Ctx,
    error::{Context, Error, Kind, Result},
    features::worktree::model::{Act, BUILDING, LOCKED, Making, REMOVING, VERSION},
    fs::Lock,
    git::{
        Oid, Repo, log,
        refs::{self, Edit, Reflog},
        worktrees::{self, Worktree},
    },
    host,
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// How long one waits for another who adds or removes a worktree.
const PATIENCE: Duration = Duration::from_secs(120);

/// The right to add and remove worktrees: one at a time.
#[derive(Debug)]
pub struct Turn {
    _lock: Lock,
}

/// Waits for one's turn. It is handed down: a git that outlives us keeps it.
pub fn turn(repo: &Repo) -> Result<Turn> {
    let path = repo.ccc_dir().join("worktree.flock");
    let unlockable = || format!("{} cannot be locked", path.display());
    let lock = Lock::acquire(&path, PATIENCE).context(Kind::Setup, unlockable)?;
    let lock = lock.ok_or_else(|| {
        Error::busy("another git-ccc is adding or removing a worktree")
            .hint("git ccc worktree list")
    })?;
    lock.hand_down().context(Kind::Setup, unlockable)?;
    Ok(Turn { _lock: lock })
}

/// A journal that is open: whoever holds it is at work.
#[derive(Debug)]
pub struct Journal {
    /// What is being done.
    pub making: Making,
    dir: PathBuf,
    _lock: Lock,
}

fn dir(repo: &Repo) -> PathBuf {
    repo.ccc_dir().join("making")
}

/// Begins to make or remove a worktree.
pub fn begin(ctx: &Ctx, act: Act, name: &str, path: &Path) -> Result<Journal> {
    let repo = ctx.repo()?;
    let (id, dir) = (ctx.dice.hex(6), dir(repo));
    let word = match act {
        Act::Make => BUILDING,
        Act::Remove => REMOVING,
    };
    let beside = path.parent().unwrap_or(Path::new("/"));
    let making = Making {
        v: VERSION,
        act,
        name: name.to_owned(),
        path: path.to_owned(),
        hidden: beside.join(format!("{word}{id}")),
        branch: None,
        commit: None,
        process: host::process(std::process::id()),
        host: host::name(),
        boot: host::boot_id(),
        id,
    };
    let lock_path = dir.join(format!("{}.flock", making.id));
    let unlockable = || format!("{} cannot be locked", lock_path.display());
    let lock = Lock::try_acquire(&lock_path)
        .context(Kind::Setup, unlockable)?
        .ok_or_else(|| Error::internal(unlockable()))?;
    lock.hand_down().context(Kind::Setup, unlockable)?;
    let journal = Journal {
        making,
        dir,
        _lock: lock,
    };
    journal.save()?;
    Ok(journal)
}

impl Journal {
    fn file(&self) -> PathBuf {
        self.dir.join(format!("{}.toml", self.making.id))
    }

    /// Writes down how things stand.
    pub fn save(&self) -> Result<()> {
        let path = self.file();
        let unwritable = || format!("{} cannot be written", path.display());
        let text = toml::to_string(&self.making).context(Kind::Internal, unwritable)?;
        crate::fs::replace(&path, text.as_bytes()).context(Kind::Setup, unwritable)
    }

    /// Ends: nothing is left to be done by anybody.
    pub fn end(self) -> Result<()> {
        drop_files(&self.dir, &self.making.id)
    }

    /// Takes back all that was done.
    pub fn undo(self, repo: &Repo) -> Result<()> {
        undo(repo, &self.making)?;
        drop_files(&self.dir, &self.making.id)
    }
}

/// The journal goes first: a lock file alone says nothing.
fn drop_files(dir: &Path, id: &str) -> Result<()> {
    for end in ["toml", "flock"] {
        let path = dir.join(format!("{id}.{end}"));
        crate::fs::remove(&path).context(Kind::Setup, || {
            format!("{} cannot be removed", path.display())
        })?;
    }
    Ok(())
}

/// What is being done, as far as it can be read.
pub fn all(repo: &Repo) -> Vec<Making> {
    let Ok(entries) = std::fs::read_dir(dir(repo)) else {
        return Vec::new();
    };
    let texts = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "toml"));
    texts.filter_map(|path| read(&path)).collect()
}

fn read(path: &Path) -> Option<Making> {
    let bytes = crate::fs::read_plain(path, 64 << 10).ok()??;
    let making: Making = toml::from_str(std::str::from_utf8(&bytes).ok()?).ok()?;
    // What is taken away by it must be what we make: a file that somebody has changed moves nothing else.
    let word = match making.act {
        Act::Make => BUILDING,
        Act::Remove => REMOVING,
    };
    let hidden = format!("{word}{}", making.id);
    let ours = making.v == VERSION
        && making.id.len() == 12
        && making.id.bytes().all(|byte| byte.is_ascii_hexdigit())
        && path.file_stem().is_some_and(|stem| *stem == *making.id)
        && making.hidden.parent() == making.path.parent()
        && making
            .hidden
            .file_name()
            .is_some_and(|name| *name == *hidden);
    ours.then_some(making)
}

/// Tells whether the maker and all that it started are proved gone; the lock that proves it is kept meanwhile.
fn gone(repo: &Repo, making: &Making) -> Option<Lock> {
    let here = making.host == host::name();
    let same_boot = making.boot == host::boot_id();
    let runs = making.process.as_ref().is_some_and(host::is_running);
    if !here || (same_boot && runs) {
        return None;
    }
    let path = dir(repo).join(format!("{}.flock", making.id));
    Lock::try_acquire(&path).ok().flatten()
}

/// What those who are gone have left.
pub fn left_over(repo: &Repo) -> Vec<Making> {
    let mut all = all(repo);
    all.retain(|making| gone(repo, making).is_some());
    all
}

/// What was repaired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repaired {
    /// The name that was asked for.
    pub name: String,
    /// What was done about it, in words.
    pub what: &'static str,
}

/// Deletes files that belong to no journal: a kill between two steps leaves them. Whoever begins has the turn, which is ours.
fn sweep(repo: &Repo, _turn: &Turn) -> Result<()> {
    let dir = dir(repo);
    for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        let end = path.extension().map(std::ffi::OsStr::to_string_lossy);
        // `<id>.flock`, or `.<id>.toml.<process>.tmp`.
        let ours = match end.as_deref() {
            Some("flock") => true,
            Some("tmp") => name.starts_with('.'),
            _ => false,
        };
        let id = name.trim_start_matches('.').split('.').next();
        let journal = id.map(|id| dir.join(format!("{id}.toml")));
        if ours && journal.is_some_and(|journal| !journal.exists()) {
            crate::fs::remove(&path).context(Kind::Setup, || {
                format!("{} cannot be removed", path.display())
            })?;
        }
    }
    Ok(())
}

/// Takes back what was being made, and completes what was being removed, by those who are gone.
pub fn repair(repo: &Repo, turn: &Turn) -> Result<Vec<Repaired>> {
    let mut done = Vec::new();
    for making in all(repo) {
        let Some(lock) = gone(repo, &making) else {
            continue;
        };
        // It may have ended by itself meanwhile.
        if !dir(repo).join(format!("{}.toml", making.id)).exists() {
            drop_files(&dir(repo), &making.id)?;
            continue;
        }
        let what = match making.act {
            Act::Make if making.path.symlink_metadata().is_ok() && !making.inside().exists() => {
                complete(repo, &making)?
            }
            Act::Make => {
                undo(repo, &making)?;
                "was half made and is taken back"
            }
            Act::Remove => finish_removal(repo, &making)?,
        };
        worktrees::bury(repo)?;
        drop_files(&dir(repo), &making.id)?;
        drop(lock);
        done.push(Repaired {
            name: making.name,
            what,
        });
    }
    sweep(repo, turn)?;
    Ok(done)
}

/// A tree that is in its place is whole; only who works in it may be missing.
fn complete(repo: &Repo, making: &Making) -> Result<&'static str> {
    let (old, new) = (making.inside(), &making.path);
    let mut trees = worktrees::list(repo)?;
    trees.retain(|tree| !tree.is_main);
    if let Some(tree) = trees.iter().find(|tree| tree.path == old) {
        worktrees::moved(repo, tree, new)?;
    }
    let tree = worktrees::at(repo, new)?;
    if let Some(tree) = tree.filter(|tree| tree.locked.as_deref() == Some(LOCKED)) {
        worktrees::unlock(&tree)?;
    }
    // It is empty, or somebody has put something there.
    let _ = std::fs::remove_dir(&making.hidden);
    Ok("is whole, and not yet set up: git ccc worktree adopt")
}

fn undo(repo: &Repo, making: &Making) -> Result<()> {
    let inside = making.inside();
    let tree = worktrees::list(repo)?
        .into_iter()
        .find(|tree| !tree.is_main && (tree.path == inside || is_built_in(tree, making)));
    remove_all(&making.hidden)?;
    if let Some(tree) = tree {
        worktrees::forget(repo, &tree)?;
    }
    drop_branch(repo, making).map(|_| ())
}

/// The root of a tree whose directory is gone may have been written down before links were followed.
fn is_built_in(tree: &Worktree, making: &Making) -> bool {
    let hidden = making.hidden.file_name();
    tree.locked.as_deref() == Some(LOCKED)
        && tree
            .path
            .parent()
            .is_some_and(|parent| parent.file_name() == hidden)
}

fn finish_removal(repo: &Repo, making: &Making) -> Result<&'static str> {
    let inside = making.inside();
    let tree = worktrees::at(repo, &making.path)?;
    if inside.symlink_metadata().is_err() && making.path.symlink_metadata().is_ok() {
        // It is empty, or somebody has put something there.
        let _ = std::fs::remove_dir(&making.hidden);
        return Ok("was not removed yet: git ccc worktree remove");
    }
    remove_all(&making.hidden)?;
    if let Some(tree) = tree.filter(|tree| !tree.present) {
        worktrees::forget(repo, &tree)?;
    }
    drop_branch(repo, making)?;
    Ok("was half removed and is gone")
}

/// Deletes the branch that the journal names, unless somebody has gone on with it; tells whether that was done.
pub fn drop_branch(repo: &Repo, making: &Making) -> Result<bool> {
    let (Some(branch), Some(commit)) = (&making.branch, &making.commit) else {
        return Ok(false);
    };
    let (name, then) = (format!("refs/heads/{branch}"), commit.parse::<Oid>().ok());
    let now = refs::find(repo, &name)?;
    let Some(now) = now.filter(|now| Some(*now) == then) else {
        return Ok(false);
    };
    let trees = worktrees::list(repo)?;
    if (trees.iter()).any(|tree| worktrees::branch(tree).as_ref() == Some(branch)) {
        return Ok(false);
    }
    let edit = Edit::delete(name, now);
    match refs::transact(repo, &[edit], Reflog::Message("git ccc worktree")) {
        Ok(()) => Ok(true),
        Err(refs::Lost::Conflict(_)) => Ok(false),
        Err(lost) => Err(lost.into_error("let the branch go")),
    }
}

/// Removes a hidden directory of ours with all that is in it.
pub fn remove_all(path: &Path) -> Result<()> {
    let ours = path.file_name().is_some_and(|name| {
        let name = name.to_string_lossy();
        name.starts_with(BUILDING) || name.starts_with(REMOVING)
    });
    if !ours {
        return Err(Error::internal(format!(
            "{} is none of our directories",
            path.display()
        )));
    }
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error)
            .context(Kind::Setup, || {
                format!("{} cannot be removed", path.display())
            }),
        _ => Ok(()),
    }
}

/// Repairs what those who are gone have left, and says so.
pub fn repair_and_say(ctx: &Ctx) -> Result<()> {
    let repo = ctx.repo()?;
    log::tip(repo)?;
    let empty = |mut entries: std::fs::ReadDir| entries.next().is_none();
    if std::fs::read_dir(dir(repo)).map_or(true, empty) {
        return Ok(());
    }
    let turn = turn(repo)?;
    say(ctx, &repair(repo, &turn)?);
    Ok(())
}

/// Says what was repaired.
pub fn say(ctx: &Ctx, repaired: &[Repaired]) {
    for one in repaired {
        let name = crate::base::text::one_line(&one.name, 100);
        ctx.ui.note(&format!("worktree {name} {}", one.what));
    }
}
