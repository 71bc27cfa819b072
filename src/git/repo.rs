//! Finding and opening the repository.
//!
//! Everything that is shared by worktrees hangs on the common directory; HEAD
//! and the index belong to one worktree. A repository whose owner is somebody
//! else is refused as git refuses it, and one with an extension that gix does
//! not know has its refs read through git.

use crate::error::{Context, Error, Kind, Result};
use gix::bstr::ByteSlice;
use std::{
    cell::RefCell,
    path::{Path, PathBuf},
};

/// An open repository.
#[derive(Debug)]
pub struct Repo {
    gix: gix::Repository,
    git_dir: PathBuf,
    common_dir: PathBuf,
    worktree: Option<PathBuf>,
    backend: Backend,
    /// Objects of a bulk check-in.
    pub(super) held: RefCell<Option<Vec<super::pack::Object>>>,
}

/// Who can read the refs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// Loose files and packed-refs: gix reads them.
    Files,
    /// reftable or an extension gix does not know: only git reads them.
    Foreign,
}

/// Repository extensions gix understands; with any other one its view of the refs may be wrong.
const KNOWN_EXTENSIONS: &[&str] = &[
    "objectformat",
    "worktreeconfig",
    "partialclone",
    "preciousobjects",
    "noop",
    "noop-v1",
    "relativeworktrees",
];

impl Repo {
    /// Opens the repository around `dir`, or the one `GIT_DIR` names.
    pub fn discover(dir: &Path) -> Result<Self> {
        let options = || gix::open::Options::default().bail_if_untrusted(true);
        let trust = gix::sec::trust::Mapping {
            full: options(),
            reduced: options(),
        };
        let repo = gix::ThreadSafeRepository::discover_with_environment_overrides_opts(
            dir,
            gix::discover::upwards::Options::default(),
            trust,
        )
        .context(Kind::Setup, || {
            format!(
                "{} is not in a git repository that can be opened",
                dir.display()
            )
        })
        .map_err(|error| error.hint("git status"))?;
        Self::from_gix(repo.to_thread_local())
    }

    /// Opens the repository whose git directory is `git_dir`, whatever the environment says.
    pub fn open(git_dir: &Path) -> Result<Self> {
        let repo = gix::open_opts(
            git_dir,
            gix::open::Options::default().bail_if_untrusted(true),
        )
        .context(Kind::Setup, || {
            format!("{} cannot be opened as a git repository", git_dir.display())
        })?;
        Self::from_gix(repo)
    }

    fn from_gix(mut gix: gix::Repository) -> Result<Self> {
        // Small: we look up a few objects, each once.
        gix.object_cache_size_if_unset(0);
        let absolute = |path: &Path| {
            path.canonicalize()
                .context(Kind::Setup, || format!("{} cannot be read", path.display()))
        };
        let git_dir = absolute(gix.git_dir())?;
        let common_dir = absolute(gix.common_dir())?;
        let worktree = gix.workdir().map(absolute).transpose()?;
        let backend = backend(&gix);
        Ok(Repo {
            gix,
            git_dir,
            common_dir,
            worktree,
            backend,
            held: RefCell::default(),
        })
    }

    /// Returns gix's own handle, for objects, trees, configuration and filters.
    pub fn gix(&self) -> &gix::Repository {
        &self.gix
    }

    /// Returns this worktree's git directory.
    pub fn git_dir(&self) -> &Path {
        &self.git_dir
    }

    /// Returns the directory all worktrees share.
    pub fn common_dir(&self) -> &Path {
        &self.common_dir
    }

    /// Returns the root of the worktree; a bare repository has none.
    pub fn worktree(&self) -> Option<&Path> {
        self.worktree.as_deref()
    }

    /// Returns the root of the worktree or says that the command needs one.
    pub fn require_worktree(&self) -> Result<&Path> {
        self.worktree().ok_or_else(|| {
            Error::setup(format!("{} has no work tree", self.git_dir.display()))
                .hint("git worktree list")
        })
    }

    /// Returns the repository's name: that of the directory its main worktree is in.
    pub fn name(&self) -> String {
        let dir = self.common_dir();
        let named = if dir.file_name().is_some_and(|name| name == ".git") {
            dir.parent().unwrap_or(dir)
        } else {
            dir
        };
        let name = named.file_name().unwrap_or_default().to_string_lossy();
        crate::base::text::one_line(name.strip_suffix(".git").unwrap_or(&name), 80)
    }

    /// Returns our directory of lock files and caches; it may be deleted at any time.
    pub fn ccc_dir(&self) -> PathBuf {
        self.common_dir.join("ccc")
    }

    /// Returns the name git has for this worktree among those of the repository.
    pub fn worktree_name(&self) -> String {
        if self.git_dir == self.common_dir {
            return "main".to_owned();
        }
        let name = self.git_dir.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// Tells who can read the refs.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// Returns the hash the repository names its objects by.
    pub fn hash(&self) -> gix::hash::Kind {
        self.gix.object_hash()
    }

    /// Returns a boolean from git's configuration.
    pub fn config_bool(&self, key: &str) -> bool {
        self.gix.config_snapshot().boolean(key).unwrap_or(false)
    }

    /// Returns a string from git's configuration.
    pub fn config(&self, key: &str) -> Option<String> {
        self.gix
            .config_snapshot()
            .string(key)
            .map(|value| value.to_str_lossy().into_owned())
    }

    /// Tells whether a new object is waited for until it is on the disk, which git does not do unless `core.fsync` says so.
    pub fn syncs_objects(&self) -> bool {
        self.config("core.fsync")
            .is_some_and(|value| names_loose_objects(&value))
    }

    /// Returns which differences between names the file system does not see.
    pub fn fold(&self) -> crate::base::scope::Fold {
        crate::base::scope::Fold {
            case: self.config_bool("core.ignorecase"),
            unicode: self.config_bool("core.precomposeunicode"),
        }
    }

    /// Returns the branch HEAD names, whether or not it has a commit; nothing when detached.
    pub fn branch(&self) -> Option<String> {
        let head = std::fs::read_to_string(self.git_dir.join("HEAD")).ok()?;
        let name = head.trim().strip_prefix("ref: refs/heads/")?;
        if name == ".invalid" {
            // reftable keeps HEAD elsewhere and leaves this marker.
            let out = super::run::read(self)
                .args(["symbolic-ref", "-q", "--short", "HEAD"])
                .run()
                .ok()?;
            return out.ok().then(|| out.stdout_text().trim().to_owned());
        }
        Some(name.to_owned())
    }
}

/// Reads a list as git-config(1) has it for `core.fsync`: components and groups of them, each taken out by a `-`.
fn names_loose_objects(value: &str) -> bool {
    let mut named = false;
    for word in value.split(',').map(str::trim) {
        let (is_in, word) = match word.strip_prefix('-') {
            Some(word) => (false, word),
            None => (true, word),
        };
        match word {
            "loose-object" | "objects" | "committed" | "added" | "all" => named = is_in,
            "none" => named = false,
            _ => {}
        }
    }
    named
}

fn backend(repo: &gix::Repository) -> Backend {
    let config = repo.config_snapshot();
    let mut known = true;
    for section in config
        .plumbing()
        .sections_by_name("extensions")
        .into_iter()
        .flatten()
    {
        for name in section.value_names() {
            let name = name.to_ascii_lowercase();
            if name == "refstorage" {
                known &= config
                    .string("extensions.refStorage")
                    .is_none_or(|value| value.eq_ignore_ascii_case(b"files"));
            } else {
                known &= KNOWN_EXTENSIONS.contains(&name.as_str());
            }
        }
    }
    if known {
        Backend::Files
    } else {
        Backend::Foreign
    }
}

#[cfg(test)]
mod tests {
    use super::names_loose_objects;

    #[test]
    fn objects_are_synced_where_git_would() {
        for (value, synced) in [
            ("loose-object", true),
            ("committed", true),
            ("all", true),
            ("reference, objects", true),
            ("committed,-loose-object", false),
            ("-loose-object,added", true),
            ("all,none", false),
            ("reference", false),
            ("", false),
        ] {
            assert_eq!(names_loose_objects(value), synced, "{value}");
        }
    }
}
