//! Which versions of a repository's settings the user allows to run commands.
//!
//! Contract: a [`Trusted`] value exists only where [`TrustStore::admit`] let it pass, so an executor that takes
//! `Trusted<String>` cannot be handed a command that nobody has seen. A grant covers one repository and one
//! version (SHA-256) of the file that holds the command: any change to the file ends it. The store is TOML in
//! the user's state directory, never in the repository; text that cannot be read as a store grants nothing.
//!
//! Commands of `.ccc.toml` and of the clone's file need a grant (a copied `.git` brings the latter along); those
//! of the user's own file and of `CCC_*` variables do not. A grant covers the command's text, not the scripts it
//! calls.

use std::fmt::{self, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::error::shown;
use crate::base::time::Timestamp;

const VERSION: i64 = 1;

/// A value that may be acted on: the user has trusted the file it came from, or wrote it for themselves.
///
/// There is no way to make one by hand:
/// ```compile_fail
/// let forged = git_ccc::settings::Trusted(String::from("rm -r ."));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trusted<T>(T);

impl<T> Trusted<T> {
    /// The value.
    pub const fn value(&self) -> &T {
        &self.0
    }
}

/// A command as written somewhere, which cannot be read out before it is admitted.
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    text: String,
    /// SHA-256 of the file it stands in, when that file needs the user's trust.
    file: Option<[u8; 32]>,
}

impl Command {
    pub(super) const fn written(text: String, file: Option<[u8; 32]>) -> Self {
        Self { text, file }
    }

    /// A command of a file that a repository brings along: it needs the user's trust in this content of the file.
    pub fn in_file(text: String, content: &[u8]) -> Self {
        Self::written(text, Some(Sha256::digest(content).into()))
    }

    /// A command of a file in the user's own directory, or of this program: it needs none.
    pub const fn of_user(text: String) -> Self {
        Self::written(text, None)
    }
}

impl fmt::Display for Command {
    /// Shows the command for reading: escaped and cut short.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.text))
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({self})")
    }
}

/// Why trust was not given or not found.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TrustError {
    /// The file that holds the command was never trusted, or has changed since.
    #[error("this version of the settings of {repo} is not trusted to run commands")]
    NotTrusted {
        /// The repository.
        repo: String,
    },
    /// The path cannot name a repository in the store.
    #[error("{repo} is not an absolute path in UTF-8")]
    BadPath {
        /// The path.
        repo: String,
    },
    /// The store is not what this version writes.
    #[error("the trust store cannot be read: {why}")]
    BadStore {
        /// What is wrong with it.
        why: String,
    },
    /// The store was written by a later git-ccc.
    #[error("the trust store has version {found}, and this git-ccc reads version 1")]
    NewerVersion {
        /// The version found.
        found: i64,
    },
}

/// The user's grants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrustStore {
    v: i64,
    #[serde(default, rename = "grant", skip_serializing_if = "Vec::is_empty")]
    grants: Vec<Grant>,
    /// What a later version of the same `v` added; kept.
    #[serde(flatten)]
    rest: toml::Table,
}

/// One version of one repository's settings that may run commands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Grant {
    /// Absolute path of the repository.
    pub repo: String,
    /// SHA-256 of the file, in lower-case hex, as `sha256sum` prints it.
    pub sha256: String,
    /// When the user said so.
    pub granted: Timestamp,
    #[serde(flatten)]
    rest: toml::Table,
}

impl Default for TrustStore {
    fn default() -> Self {
        Self {
            v: VERSION,
            grants: Vec::new(),
            rest: toml::Table::new(),
        }
    }
}

impl TrustStore {
    /// Reads a store; an empty text is an empty store.
    pub fn parse(text: &str) -> Result<Self, TrustError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let bad = |error: toml::de::Error| TrustError::BadStore {
            why: shown(error.message()),
        };
        let table: toml::Table = text.parse().map_err(bad)?;
        match table.get("v").and_then(toml::Value::as_integer) {
            Some(VERSION) => table.try_into().map_err(bad),
            Some(found) if found > VERSION => Err(TrustError::NewerVersion { found }),
            _ => Err(TrustError::BadStore {
                why: "it has no valid version".to_owned(),
            }),
        }
    }

    /// Writes the store as [`TrustStore::parse`] reads it.
    pub fn encode(&self) -> Result<String, TrustError> {
        toml::to_string(self).map_err(|error| TrustError::BadStore {
            why: shown(&error.to_string()),
        })
    }

    /// Every grant, oldest first.
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// Whether this content of a settings file of `repo` may run commands.
    pub fn is_trusted(&self, repo: &Path, content: &[u8]) -> bool {
        self.holds(repo, &Sha256::digest(content).into())
    }

    /// Trusts this content of a settings file of `repo`; says whether that is new.
    ///
    /// `repo` is the canonical path of the git common directory, so that all worktrees share the grant.
    pub fn grant(
        &mut self,
        repo: &Path,
        content: &[u8],
        now: Timestamp,
    ) -> Result<bool, TrustError> {
        let name = repo.to_str().filter(|_| repo.is_absolute());
        let repo_name = name.ok_or_else(|| TrustError::BadPath {
            repo: shown(&repo.to_string_lossy()),
        })?;
        if self.is_trusted(repo, content) {
            return Ok(false);
        }
        self.grants.push(Grant {
            repo: repo_name.to_owned(),
            sha256: hex(&Sha256::digest(content).into()),
            granted: now,
            rest: toml::Table::new(),
        });
        Ok(true)
    }

    /// Ends every grant of `repo`; says how many there were.
    pub fn revoke(&mut self, repo: &Path) -> usize {
        let before = self.grants.len();
        self.grants
            .retain(|grant| Some(grant.repo.as_str()) != repo.to_str());
        before - self.grants.len()
    }

    /// Lets a command pass if the file it stands in is trusted for `repo`, or needs no trust.
    pub fn admit(&self, repo: &Path, command: &Command) -> Result<Trusted<String>, TrustError> {
        match &command.file {
            Some(digest) if !self.holds(repo, digest) => Err(TrustError::NotTrusted {
                repo: shown(&repo.to_string_lossy()),
            }),
            _ => Ok(Trusted(command.text.clone())),
        }
    }

    fn holds(&self, repo: &Path, digest: &[u8; 32]) -> bool {
        let digest = hex(digest);
        let same =
            |grant: &Grant| Some(grant.repo.as_str()) == repo.to_str() && grant.sha256 == digest;
        repo.is_absolute() && self.grants.iter().any(same)
    }
}

fn hex(digest: &[u8; 32]) -> String {
    digest
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            write!(text, "{byte:02x}").expect("writing to a String cannot fail");
            text
        })
}
