//! All that rules look at: loaded once, the same in every clone that has the same refs.

use super::{Account, Made, Period, policy::Policy};
use crate::base::{
    id::{ClaimId, MessageId, SessionTag},
    scope::{Fold, Scope},
    time::Timestamp,
};
use std::collections::{BTreeMap, BTreeSet};

/// What is checked and what is known about it.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The moment it is judged at.
    pub now: Timestamp,
    /// Which differences between names do not count.
    pub fold: Fold,
    /// The settings.
    pub policy: Policy,
    /// The range.
    pub range: Range,
    /// The commits of the range, oldest first.
    pub commits: Vec<Commit>,
    /// What the log says.
    pub ledger: Ledger,
    /// The claims that have a ref.
    pub claims: Vec<Held>,
    /// Sessions that have a ref.
    pub sessions: BTreeSet<SessionTag>,
    /// Blocks of conflict markers that the range has brought.
    pub markers: Vec<Marker>,
    /// The same in memory.
    pub memory: Vec<Marker>,
    /// Questions and proposals that wait.
    pub threads: Vec<Waiting>,
    /// Refs and messages that cannot be read.
    pub damaged: Vec<Damage>,
    /// The entry that the baseline says the log has.
    pub anchor: Option<String>,
}

/// The range.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// What it is merged into.
    pub target: Option<Target>,
    /// Its newest commit.
    pub tip: String,
}

/// What a range is to be merged into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// How it was named.
    pub name: String,
    /// Its newest commit.
    pub oid: String,
    /// When that was made.
    pub at: Timestamp,
    /// The newest commit that both have, and when it was made.
    pub base: Option<(String, Timestamp)>,
    /// So many commits came after that.
    pub behind: u32,
}

/// A commit of the range.
#[derive(Clone, Debug, PartialEq)]
pub struct Commit {
    /// As it is judged against claims; its paths are those of `files`.
    pub made: Made,
    /// The paths as they are written.
    pub files: Vec<String>,
    /// When its change was first made; a replay keeps it.
    pub authored: Timestamp,
    /// Its message.
    pub message: String,
}

impl Commit {
    /// Returns the first line of the message.
    pub fn subject(&self) -> &str {
        self.message.lines().next().unwrap_or_default()
    }

    /// Returns the short name.
    pub fn short(&self) -> &str {
        let oid = &self.made.oid;
        oid.get(..10).unwrap_or(oid)
    }

    /// Returns its paths with their scopes.
    pub fn paths(&self) -> impl Iterator<Item = (&str, &Scope)> {
        self.files.iter().map(String::as_str).zip(&self.made.paths)
    }

    /// Returns the session trailers: lines of the last paragraph, if it is one of trailers.
    pub fn signatures(&self) -> Vec<&str> {
        let text = self.message.trim_end();
        let Some((_, last)) = text.rsplit_once("\n\n") else {
            return Vec::new();
        };
        let is_trailer = |line: &str| {
            let key = line.split_once(": ").map(|(key, _)| key);
            let plain = |key: &str| key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            line.starts_with([' ', '\t']) || key.is_some_and(|key| !key.is_empty() && plain(key))
        };
        if !last.lines().all(is_trailer) {
            return Vec::new();
        }
        last.lines()
            .filter_map(|line| line.strip_prefix("Ccc-Session: "))
            .map(str::trim)
            .collect()
    }
}

/// What the log says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    /// Claims over time.
    pub periods: Vec<Period>,
    /// Who made which commit.
    pub account: Account,
    /// Every session of which the log has an entry, and its last one.
    pub seen: BTreeMap<SessionTag, Timestamp>,
    /// The subjects of the commits of each session.
    pub subjects: BTreeMap<SessionTag, BTreeSet<String>>,
    /// The entries: commit and number.
    pub entries: BTreeMap<String, Option<u64>>,
    /// What is wrong with it, newest first.
    pub faults: Vec<Fault>,
    /// Its newest entry.
    pub tip: Option<String>,
    /// When the latest of its entries was written.
    pub at: Option<Timestamp>,
}

/// What is wrong with the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An entry cannot be read, and none before it.
    Hole {
        /// The entry.
        oid: String,
        /// Why.
        why: String,
    },
    /// An entry has no number, or one that is none.
    NoNumber {
        /// The entry.
        oid: String,
        /// The line of its text.
        line: u32,
    },
    /// A trailer that must be understood is not.
    Trailer {
        /// The entry.
        oid: String,
        /// The line of its text.
        line: u32,
        /// The trailer.
        text: String,
    },
    /// The numbers do not count up by one.
    Jump {
        /// The entry.
        oid: String,
        /// Its number.
        fence: u64,
        /// The number before it.
        before: u64,
    },
    /// An entry follows several.
    Merged {
        /// The entry.
        oid: String,
        /// How many.
        parents: usize,
    },
    /// The first entry is not the first.
    CutOff {
        /// The oldest entry that is there.
        oid: String,
        /// Its number.
        fence: u64,
    },
}

/// A claim that has a ref.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// Its id.
    pub id: ClaimId,
    /// Its holder.
    pub session: SessionTag,
    /// What it covers.
    pub scopes: Vec<Scope>,
    /// What for.
    pub intent: Option<String>,
    /// When it was granted.
    pub taken: Timestamp,
    /// When it ends.
    pub until: Timestamp,
    /// The number of the entry that granted it.
    pub fence: u64,
    /// That entry.
    pub entry: String,
}

/// A block of conflict markers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    /// The file; in memory the ref is before it.
    pub path: String,
    /// The line of the first marker.
    pub line: u32,
    /// That line.
    pub text: String,
    /// The newest commit of the range that changed the file.
    pub commit: Option<String>,
}

/// A question without an answer, or a proposal with an objection.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiting {
    /// The thread.
    pub id: MessageId,
    /// `open` or `countered`.
    pub status: &'static str,
    /// What was asked or proposed.
    pub line: String,
    /// By whom.
    pub by: String,
    /// The objections: who and what.
    pub counters: Vec<(String, String)>,
    /// The paths it is about.
    pub paths: Vec<Scope>,
}

/// A ref or a message that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The ref.
    pub name: String,
    /// The object.
    pub oid: String,
    /// Why.
    pub why: String,
}
