//! Decoded claim records, keyed by the object they were read from.
//!
//! An object never changes, so an entry is right or absent; the file
//! (`$GIT_COMMON_DIR/ccc/claims.json`) may be deleted at any time. It spares a
//! command one open, one inflate and one TOML parse for each live claim.

use super::model::ClaimRecord;
use crate::{
    base::{
        id::SessionTag,
        scope::Scope,
        time::{Timestamp, Ttl},
    },
    git::{Oid, Repo},
};
use serde::{Deserialize, Serialize};
use std::{
    cell::OnceCell,
    collections::{BTreeMap, HashMap},
    path::PathBuf,
};

/// So many records must be missing before the file is written again: it is not worth it for the one claim just made.
const WORTH_WRITING: usize = 8;
/// A larger file is not read: it is none of ours.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// A record without keys of later versions: collecting those makes reading twice as slow.
#[derive(Serialize, Deserialize)]
#[serde(remote = "ClaimRecord")]
struct Plain {
    session: SessionTag,
    scopes: Vec<Scope>,
    intent: Option<String>,
    taken: Timestamp,
    until: Timestamp,
    ttl: Ttl,
    eta: Option<Timestamp>,
    worktree: Option<String>,
    until_commit: bool,
    fence: u64,
    entry: String,
    nonce: String,
    #[serde(skip)]
    extra: toml::Table,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Known(#[serde(with = "Plain")] ClaimRecord);

/// What has been decoded before; the file is read when the first record is asked for.
#[derive(Debug)]
pub struct Decoded {
    path: PathBuf,
    known: OnceCell<HashMap<String, Known>>,
    /// Of all records, so that what is kept is complete.
    all: bool,
    fresh: usize,
}

impl Decoded {
    /// Names the file; without `all` records to read, the few are read as they are and nothing is kept.
    pub fn of(repo: &Repo, all: bool) -> Self {
        let known = OnceCell::new();
        Decoded {
            path: repo.ccc_dir().join("claims.json"),
            known: if all {
                known
            } else {
                OnceCell::from(HashMap::new())
            },
            all,
            fresh: 0,
        }
    }

    /// A missing or damaged file is an empty cache.
    fn known(&self) -> &HashMap<String, Known> {
        self.known.get_or_init(|| {
            let bytes = crate::fs::read_capped(&self.path, MAX_BYTES).ok().flatten();
            let known = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
            known.unwrap_or_default()
        })
    }

    /// Returns the record of an object, reading it with `read` if it is not known.
    pub fn record<E>(
        &mut self,
        oid: Oid,
        read: impl FnOnce() -> Result<ClaimRecord, E>,
    ) -> Result<ClaimRecord, E> {
        let key = oid.to_string();
        if let Some(Known(record)) = self.known().get(&key) {
            return Ok(record.clone());
        }
        let record = read()?;
        // Keys of a later version may have types that JSON has not.
        if record.extra.is_empty() {
            self.fresh += 1;
            if let Some(known) = self.known.get_mut() {
                known.insert(key, Known(record.clone()));
            }
        }
        Ok(record)
    }

    /// Keeps what is live for the next command, if enough of it was new.
    pub fn save<'a>(self, live: impl Iterator<Item = &'a Oid>) {
        if !self.all || self.fresh < WORTH_WRITING {
            return;
        }
        let keys = live.map(Oid::to_string);
        let kept: BTreeMap<String, &Known> = keys
            .filter_map(|key| {
                let record = self.known().get(&key)?;
                Some((key, record))
            })
            .collect();
        if let Ok(text) = serde_json::to_vec(&kept) {
            // A cache that cannot be written costs time, nothing else.
            let _ = crate::fs::replace(&self.path, &text);
        }
    }
}
