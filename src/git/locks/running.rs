//! Which of our transactions run, and which were killed: the evidence by which a left-over lock is known to be ours.
//!
//! One file each in `$GIT_COMMON_DIR/ccc/running/`, written before git starts and removed when git has ended by itself; for
//! what only sets refs of ours it is written once git was killed: what their locks hold then proves them (rule 2), and
//! without it they go by age (rule 1). If git was killed, its starter writes down since when it had run; the file's own
//! time then is the end. If the starter was killed too the file stays as it was, and its own time is the beginning. Times are those of the file
//! system, by which the locks are dated as well. A transaction goes on if its record cannot be written.

use super::holders::Lock;
use crate::{
    base::id::ProcessId,
    git::{
        Repo,
        refs::{Change, Edit},
        repo::Backend,
    },
    host,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

/// How long a transaction may have run whose end nobody saw: ours take milliseconds.
const LONGEST_NANOS: i128 = 5_000_000_000;

/// Where a process is: only there its number means something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    host: String,
    boot: String,
    pid_space: String,
}

/// One transaction.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    /// Since when it ran; only once its git is known to have been killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    began: Option<i64>,
    /// It deletes refs, which locks packed-refs.
    deletes: bool,
    /// The worktree's git directory.
    git_dir: PathBuf,
    /// Who started it.
    process: ProcessId,
    place: Place,
    /// The refs and what each was to be; empty for a deletion and for what is only verified.
    refs: BTreeMap<String, String>,
}

/// A transaction under way.
#[derive(Debug)]
pub struct Running {
    written: Option<(PathBuf, Record)>,
}

fn dir(repo: &Repo) -> PathBuf {
    repo.ccc_dir().join("running")
}

fn here() -> Option<&'static (ProcessId, Place)> {
    static HERE: OnceLock<Option<(ProcessId, Place)>> = OnceLock::new();
    let look = || {
        let place = Place {
            host: host::name(),
            boot: host::boot_id(),
            pid_space: host::pid_space(),
        };
        Some((host::process(std::process::id())?, place))
    };
    HERE.get_or_init(look).as_ref()
}

impl Running {
    /// Writes down what is about to run, where the time at which a lock was made is what proves it dead.
    pub fn begin(repo: &Repo, edits: &[Edit]) -> Self {
        let of_age = |edit: &Edit| {
            let path = repo.common_dir().join(&edit.name);
            edit.change != Change::Delete && super::kind(repo, &path) == Lock::Ours
        };
        if repo.backend() == Backend::Files && !edits.is_empty() && edits.iter().all(of_age) {
            return Running { written: None };
        }
        Self::write_down(repo, edits)
    }

    fn write_down(repo: &Repo, edits: &[Edit]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let Some((process, place)) = here().cloned() else {
            return Running { written: None };
        };
        let mut refs = BTreeMap::new();
        for edit in edits {
            let value = match edit.change {
                Change::Set(oid) => oid.to_string(),
                Change::Delete | Change::Verify => String::new(),
            };
            if edit.name == "HEAD"
                && let Some(branch) = repo.branch()
            {
                refs.insert(format!("refs/heads/{branch}"), value);
                refs.insert(edit.name.clone(), String::new());
            } else {
                refs.insert(edit.name.clone(), value);
            }
        }
        let record = Record {
            began: None,
            deletes: edits.is_empty() || edits.iter().any(|edit| edit.change == Change::Delete),
            git_dir: repo.git_dir().to_owned(),
            process,
            place,
            refs,
        };
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = dir(repo).join(format!("{}.{number}", record.process.pid));
        let written = write(&path, &record).or_else(|_| {
            fs::create_dir_all(dir(repo))?;
            write(&path, &record)
        });
        Running {
            written: written.is_ok().then_some((path, record)),
        }
    }

    /// git ended by itself, so it cleaned up after itself.
    pub fn ended(self) {
        if let Some((path, _)) = self.written {
            // What stays behind says of a live process that it ran something, and accuses no lock.
            let _ = fs::remove_file(path);
        }
    }

    /// git was killed: its locks may still be there.
    pub fn killed(self, repo: &Repo, edits: &[Edit]) {
        let written = self
            .written
            .or_else(|| Self::write_down(repo, edits).written);
        let Some((path, mut record)) = written else {
            return;
        };
        let began = fs::metadata(&path).map(|meta| nanos(&meta));
        record.began = began.ok().and_then(|began| i64::try_from(began).ok());
        // Without it the locks stay until a person looks.
        let _ = write(&path, &record);
    }
}

fn write(path: &Path, record: &Record) -> std::io::Result<()> {
    let text = toml::to_string(record).map_err(std::io::Error::other)?;
    fs::write(path, text)
}

/// Returns the time a file was last written, in nanoseconds.
pub fn nanos(meta: &fs::Metadata) -> i128 {
    i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec())
}

/// A transaction whose git is dead, or was started by somebody who is.
#[derive(Debug)]
pub struct Killed {
    /// Where this is written.
    pub path: PathBuf,
    record: Record,
    from: i128,
    to: i128,
}

/// What a killed transaction says about a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// It took such a lock, and this one was made while it ran.
    Time,
    /// The lock holds what it was to write, and its git is known to be dead.
    Content,
}

/// Reads what is written of transactions that were killed.
pub fn killed(repo: &Repo) -> Vec<Killed> {
    let entries = fs::read_dir(dir(repo)).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let path = entry.path();
            // One that is being written or was just removed is nobody's crash.
            let record: Record = toml::from_str(&fs::read_to_string(&path).ok()?).ok()?;
            let time = nanos(&entry.metadata().ok()?);
            let (from, to) = match record.began {
                Some(began) => (i128::from(began), time),
                None if starter_is_gone(&record) => (time, time + LONGEST_NANOS),
                None => return None,
            };
            Some(Killed {
                path,
                record,
                from,
                to,
            })
        })
        .collect()
}

fn starter_is_gone(record: &Record) -> bool {
    let Some((_, here)) = here() else {
        return false;
    };
    let Place {
        host,
        boot,
        pid_space,
    } = &record.place;
    if *boot == here.boot && *pid_space == here.pid_space {
        !host::is_running(&record.process)
    } else {
        // No process outlives its boot; elsewhere nothing can be said.
        *host == here.host && *boot != here.boot
    }
}

impl Killed {
    /// Returns the locks that its transaction takes.
    pub fn locks(&self, repo: &Repo) -> Vec<PathBuf> {
        let common = repo.common_dir();
        if repo.backend() == Backend::Foreign {
            let dirs = [common, &self.record.git_dir].map(|dir| dir.join("reftable"));
            return super::locks_below(&dirs[0])
                .into_iter()
                .chain(super::locks_below(&dirs[1]))
                .collect();
        }
        let names = self.record.refs.keys();
        let mut paths: Vec<PathBuf> = names.map(|name| self.loose(repo, name)).collect();
        if self.record.deletes {
            paths.push(common.join("packed-refs.lock"));
        }
        paths
    }

    fn loose(&self, repo: &Repo, name: &str) -> PathBuf {
        let dir = if name.starts_with("refs/") {
            repo.common_dir()
        } else {
            &self.record.git_dir
        };
        dir.join(format!("{name}.lock"))
    }

    /// Says what this is evidence of, for a lock that it takes.
    pub fn evidence(
        &self,
        repo: &Repo,
        path: &Path,
        made: i128,
        content: &str,
    ) -> Option<Evidence> {
        if !self.locks(repo).iter().any(|lock| lock == path) {
            return None;
        }
        let was_to_be = |(name, value): (&String, &String)| {
            !value.is_empty() && value == content.trim() && self.loose(repo, name) == path
        };
        if self.record.began.is_some() && self.record.refs.iter().any(was_to_be) {
            return Some(Evidence::Content);
        }
        (self.from..=self.to)
            .contains(&made)
            .then_some(Evidence::Time)
    }
}
