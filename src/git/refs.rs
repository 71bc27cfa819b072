//! Refs: read here, written by one `git update-ref --stdin` transaction.
//!
//! A transaction takes no time-out inside
//! git (a process that waits there keeps a stale packed-refs), and only the
//! line `commit: ok` counts as success. git makes updates visible in the order
//! given and deletions after them; callers rely on that order.

mod listing;

pub use listing::{Listing, list, look};

use crate::{
    error::{Context, Error, Kind, Result},
    git::{Oid, Repo, locks, repo::Backend, run},
    proc::Running,
};
use std::{fmt::Write as _, os::unix::fs::MetadataExt, path::PathBuf, time::Duration};

/// What a ref must be for an edit to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// It must not exist.
    Absent,
    /// It must be this object.
    Is(Oid),
}

/// What an edit does to a ref.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Points it at an object.
    Set(Oid),
    /// Removes it.
    Delete,
    /// Leaves it, but the transaction fails if it is not as expected.
    Verify,
}

/// One line of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The full ref name, or `HEAD`.
    pub name: String,
    /// The compare of the compare-and-swap.
    pub expected: Expected,
    /// The swap.
    pub change: Change,
}

impl Edit {
    /// Creates a ref that must not exist.
    pub fn create(name: impl Into<String>, new: Oid) -> Self {
        Edit {
            name: name.into(),
            expected: Expected::Absent,
            change: Change::Set(new),
        }
    }

    /// Moves a ref from what was read, which may have been nothing.
    pub fn swap(name: impl Into<String>, old: Option<Oid>, new: Oid) -> Self {
        Edit {
            name: name.into(),
            expected: old.map_or(Expected::Absent, Expected::Is),
            change: Change::Set(new),
        }
    }

    /// Deletes a ref that is still what was read.
    pub fn delete(name: impl Into<String>, old: Oid) -> Self {
        Edit {
            name: name.into(),
            expected: Expected::Is(old),
            change: Change::Delete,
        }
    }

    /// Requires a ref to be still what was read.
    pub fn verify(name: impl Into<String>, old: Oid) -> Self {
        Edit {
            name: name.into(),
            expected: Expected::Is(old),
            change: Change::Verify,
        }
    }
}

/// How a transaction that changed nothing ended.
#[derive(Debug)]
pub enum Lost {
    /// A ref was not as expected: read again and decide again.
    Conflict(String),
    /// Somebody holds a lock: try the same again.
    Busy(Held),
    /// Neither: a real failure.
    Failed(Error),
}

/// A lock that was in the way.
#[derive(Debug)]
pub struct Held {
    /// What git said.
    pub text: String,
    /// A lock file that is old and that nobody is seen to hold: trying again is useless while it is there.
    pub stuck: Option<locks::Left>,
}

/// What a transaction leaves in reflogs.
#[derive(Clone, Copy, Debug)]
pub enum Reflog<'a> {
    /// git's own rules, with this message.
    Message(&'a str),
    /// As above, and a reflog is begun for refs that have none.
    Begin(&'a str),
}

/// Applies `edits` in one transaction: all of them or none.
pub fn transact(repo: &Repo, edits: &[Edit], reflog: Reflog<'_>) -> Result<(), Lost> {
    Writer::begin(repo, reflog)
        .map_err(Lost::Failed)?
        .transact(repo, edits)
}

/// A git that is ready for one transaction; dropping it changes nothing.
#[derive(Debug)]
pub struct Writer {
    git: Running,
    /// What it was told already.
    told: &'static str,
}

/// How a transaction begins.
const START: &str = "start\n";
/// A git that takes longer to get ready is not waited for.
const READY_WITHIN: Duration = Duration::from_millis(200);

impl Writer {
    /// Starts git ahead of the decision, to save the time it takes to get ready.
    ///
    /// Only where it looks at no ref before it is told what to do: on a files
    /// backend. What it had read by then would be stale (git's own swap trusts it).
    pub fn early(repo: &Repo, reflog: Reflog<'_>) -> Option<Self> {
        let blind = repo.backend() == Backend::Files;
        // A git that cannot be started is reported by the transaction that needs it.
        blind.then(|| Self::begin(repo, reflog).ok()).flatten()
    }

    fn begin(repo: &Repo, reflog: Reflog<'_>) -> Result<Self> {
        let mut cmd = run::on(repo).args(["-c", "core.filesRefLockTimeout=0", "update-ref"]);
        let message = match reflog {
            Reflog::Message(message) => message,
            Reflog::Begin(message) => {
                cmd = cmd.arg("--create-reflog");
                message
            }
        };
        let message = crate::base::text::one_line(message, 200);
        let running = cmd.args(["-m", &message, "--stdin"]).begin()?;
        Ok(Writer {
            git: running,
            told: "",
        })
    }

    /// Waits until git is up: from then on a swap takes as long as its files do.
    ///
    /// For who has lost a swap already. Who has not gets ready at the same time.
    pub fn wait_until_ready(&mut self) {
        if self.told.is_empty() {
            self.told = START;
            // One that does not answer is told the rest all the same.
            let _ = self.git.answers(START, "start: ok", READY_WITHIN);
        }
    }

    /// Applies `edits`: all of them or none.
    pub fn transact(self, repo: &Repo, edits: &[Edit]) -> Result<(), Lost> {
        let note = locks::Running::begin(repo, edits);
        // git says so after it has given its locks back; what it does then is to end.
        let script = script(edits);
        let rest = script.strip_prefix(self.told).unwrap_or(&script);
        let out = self.git.finish_at(rest, "commit: ok");
        let Some(out) = out.map_err(Lost::Failed)? else {
            note.ended();
            return Ok(());
        };
        if was_killed(&out) {
            note.killed(repo, edits);
        } else {
            note.ended();
        }
        Err(match classify(&out) {
            Lost::Busy(held) => Lost::Busy(Held {
                stuck: in_the_way(repo, &out.stderr_text())
                    .and_then(|path| locks::stuck(repo, &path)),
                ..held
            }),
            lost => lost,
        })
    }
}

/// Returns the lock file that git found in its way.
fn in_the_way(repo: &Repo, said: &str) -> Option<PathBuf> {
    let quoted = said.split_once("Unable to create '");
    if let Some((path, _)) = quoted.and_then(|(_, rest)| rest.split_once('\'')) {
        return Some(PathBuf::from(path));
    }
    if said.contains(HALF_PACKED) {
        return Some(repo.common_dir().join(HALF_PACKED));
    }
    let reftable = repo.common_dir().join("reftable/tables.list.lock");
    said.contains("cannot lock references").then_some(reftable)
}

/// What git writes before it becomes packed-refs; it does not wait while there is one.
const HALF_PACKED: &str = "packed-refs.new";

fn script(edits: &[Edit]) -> String {
    let mut script = String::from(START);
    for Edit {
        name,
        expected,
        change,
    } in edits
    {
        // Writing to a String cannot fail.
        let _ = match (change, expected) {
            (Change::Set(new), Expected::Absent) => writeln!(script, "create {name} {new}"),
            (Change::Set(new), Expected::Is(old)) => writeln!(script, "update {name} {new} {old}"),
            (Change::Delete, Expected::Is(old)) => writeln!(script, "delete {name} {old}"),
            (Change::Verify, Expected::Is(old)) => writeln!(script, "verify {name} {old}"),
            (Change::Delete | Change::Verify, Expected::Absent) => {
                writeln!(script, "verify {name}")
            }
        };
    }
    script.push_str("prepare\ncommit\n");
    script
}

/// Sorts git's refusals; its wording is fixed by `LC_ALL=C` and stable from 2.28 on.
fn classify(out: &crate::proc::Output) -> Lost {
    const BUSY: &[&str] = &[
        ".lock': File exists",
        "Unable to create",
        "unable to create directory for",
        "there is a non-empty directory",
        "couldn't set",
        "cannot lock references",
        "packed-refs.new: File exists",
    ];
    const CONFLICT: &[&str] = &[
        "reference already exists",
        "exists; cannot create",
        "cannot process",
        "but expected",
        "unable to resolve reference",
    ];
    let text = out.stderr_text();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let permanent = [
        "Permission denied",
        "Operation not permitted",
        "Not a directory",
        "Read-only file system",
        "No space left",
        "File too large",
        "Disk quota",
    ];
    let line = crate::base::text::one_line(text.trim(), 300);
    let busy = |text| Lost::Busy(Held { text, stuck: None });
    if says(&permanent) {
        Lost::Failed(run::failure("write a ref", out))
    } else if was_killed(out) {
        // What it had done is unknown: the caller looks again, and old locks are repaired on its way.
        busy("git was killed while it wrote refs".to_owned())
    } else if says(CONFLICT) {
        Lost::Conflict(line)
    } else if says(BUSY) {
        busy(line)
    } else {
        Lost::Failed(run::failure("write a ref", out))
    }
}

/// Tells whether a signal ended git, or ended it below a shell wrapper (128 itself is how git dies of an error).
fn was_killed(out: &crate::proc::Output) -> bool {
    (129..=159).contains(&crate::proc::exit_code(out.status))
}

/// How often a reading during which refs were packed is started again.
const RESTARTS: usize = 50;

/// Reads while packed-refs stays the same file, and says so if it did not.
///
/// gix takes packed-refs first and looks for loose files second: what `pack-refs` moves between the two is in neither,
/// without an error. The open file keeps its inode from being given to the next one.
fn steady<T>(repo: &Repo, read: impl FnOnce() -> Result<T>) -> Result<Option<T>> {
    let path = repo.common_dir().join("packed-refs");
    let before = std::fs::File::open(&path).ok();
    let id = |meta: std::fs::Metadata| (meta.dev(), meta.ino());
    let then = before
        .as_ref()
        .and_then(|file| file.metadata().ok())
        .map(id);
    let value = read()?;
    Ok((then == std::fs::metadata(&path).ok().map(id)).then_some(value))
}

/// Returns the object a ref names; `HEAD` is followed to its branch.
pub fn find(repo: &Repo, name: &str) -> Result<Option<Oid>> {
    if repo.backend() == Backend::Foreign {
        let out = run::read(repo)
            .args(["rev-parse", "--verify", "--quiet", name])
            .run()?;
        return if out.ok() {
            listing::parse_line(&format!("{} {name}", out.stdout_text().trim()))
                .map(|(_, oid)| Some(oid))
        } else {
            Ok(None)
        };
    }
    let mut name = name.to_owned();
    // git follows at most five symbolic refs (refs.h, SYMREF_MAXDEPTH).
    for _ in 0..6 {
        match find_one(repo, &name)? {
            None => return Ok(None),
            Some(gix::refs::Target::Object(oid)) => return Ok(Some(oid)),
            Some(gix::refs::Target::Symbolic(next)) => {
                next.as_bstr().to_string().clone_into(&mut name);
            }
        }
    }
    Err(Error::setup(format!(
        "{name} is a symbolic ref that leads nowhere"
    )))
}

/// Returns the ref that a symbolic ref names; nothing if it is none.
pub fn symbolic(repo: &Repo, name: &str) -> Result<Option<String>> {
    if repo.backend() == Backend::Foreign {
        let out = run::read(repo).args(["symbolic-ref", "-q", name]).run()?;
        return Ok(out.ok().then(|| out.stdout_text().trim().to_owned()));
    }
    Ok(match find_one(repo, name)? {
        Some(gix::refs::Target::Symbolic(next)) => Some(next.as_bstr().to_string()),
        _ => None,
    })
}

/// Finds the newest lost swap in the end of a ref's reflog: (what was dropped, what it was dropped for).
pub fn broken_reflog(repo: &Repo, name: &str) -> Option<(Oid, Oid)> {
    const TAIL: u64 = 8 * 1024;
    broken_swaps(repo, name, TAIL).pop()
}

/// Finds the lost swaps in the last bytes of a ref's reflog, oldest first: what was dropped, and what both were made on.
pub fn broken_swaps(repo: &Repo, name: &str, tail: u64) -> Vec<(Oid, Oid)> {
    broken_pairs(&reflog(repo, name, tail).unwrap_or_default())
}

/// Finds the same in lines that were read.
///
/// A swap that git accepted on a stale view leaves a line that does not begin where the one before it ended.
pub fn broken_pairs(lines: &[(Oid, Oid)]) -> Vec<(Oid, Oid)> {
    let broken = lines
        .windows(2)
        .filter(|pair| pair[0].1 != pair[1].0 && !pair[1].0.is_null() && !pair[0].1.is_null());
    broken.map(|pair| (pair[0].1, pair[1].0)).collect()
}

/// Reads the lines in the last bytes of a ref's reflog, oldest first: what the ref was, and what it became.
pub fn reflog(repo: &Repo, name: &str, tail: u64) -> Option<Vec<(Oid, Oid)>> {
    use std::io::{Read, Seek, SeekFrom};
    let mut file = std::fs::File::open(repo.common_dir().join("logs").join(name)).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(tail)))
        .ok()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    // A line cut off at the start of the tail has no two object ids and is left out by itself.
    let lines = text.lines().filter_map(|line| {
        let mut words = line.split(' ');
        let mut oid = || Oid::from_hex(words.next()?.as_bytes()).ok();
        Some((oid()?, oid()?))
    });
    Some(lines.collect())
}

fn find_one(repo: &Repo, name: &str) -> Result<Option<gix::refs::Target>> {
    for _ in 0..RESTARTS {
        // A store of our own each time: a kept one may hold a packed-refs that has been replaced.
        let store = gix::refs::file::Store::for_linked_worktree(
            repo.git_dir().to_owned(),
            repo.common_dir().to_owned(),
            repo.hash(),
        );
        let read = || {
            store
                .try_find(name)
                .context(Kind::Setup, || format!("{name} cannot be read"))
        };
        if let Some(found) = steady(repo, read)? {
            return Ok(found.map(|reference| reference.target));
        }
    }
    Err(Error::busy(format!(
        "{name} cannot be read while refs are packed"
    )))
}
