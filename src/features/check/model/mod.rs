//! What is compared: claims over time, commits, and what the log says of commits.

pub mod finding;
pub mod policy;
pub mod snapshot;

use crate::base::{
    id::{ClaimId, SessionTag},
    scope::Scope,
    time::Timestamp,
};
use std::collections::{BTreeMap, BTreeSet};

/// A claim, from when to when it held.
#[derive(Clone, Debug, PartialEq)]
pub struct Period {
    /// The claim.
    pub claim: ClaimId,
    /// Its holder.
    pub session: SessionTag,
    /// What it covered.
    pub scopes: Vec<Scope>,
    /// When it was granted.
    pub from: Timestamp,
    /// When it ceased to hold; a live claim has no end.
    pub to: Option<Timestamp>,
    /// Until when the holder is known to have been there; without, until the end.
    ///
    /// The hooks let a session pass once the holder is proved gone, so a commit that they saw is judged until then alone.
    pub sure: Option<Timestamp>,
}

/// A commit as it is judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    /// Its object.
    pub oid: String,
    /// Its parents.
    pub parents: Vec<String>,
    /// When it came to be here.
    pub at: Timestamp,
    /// The paths in which it differs from every parent.
    pub paths: Vec<Scope>,
}

/// An override: whatever was committed on this base of these paths is on the record.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    /// HEAD when it was given.
    pub base: String,
    /// The parents of that commit: an amended commit has them too.
    pub grand: Vec<String>,
    /// The paths it was given for.
    pub paths: Vec<Scope>,
    /// More paths than the log names.
    pub capped: bool,
}

/// What the log says of commits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Account {
    /// Who is on record as the maker of a commit.
    pub makers: BTreeMap<String, BTreeSet<SessionTag>>,
    /// Commits whose own entry carries an override.
    pub overridden: BTreeSet<String>,
    /// Overrides given before the commit had a name.
    pub overrides: Vec<Override>,
    /// Commits that a rebase made of others.
    pub rebased: BTreeSet<String>,
    /// Commits that have the holder's own content at every path it held.
    pub copies: BTreeSet<(String, ClaimId)>,
}

/// A commit of a held path that nothing accounts for.
#[derive(Clone, Debug, PartialEq)]
pub struct Breach {
    /// The commit.
    pub oid: String,
    /// The first path concerned.
    pub path: Scope,
    /// The claim it was held by.
    pub period: Period,
    /// The session on record as the maker, if another than the holder is.
    pub maker: Option<SessionTag>,
}
