//! What a repository asks of its commits.

use super::finding::Level;
use crate::base::{scope::Scope, time::Ttl};
use std::collections::BTreeMap;

/// The settings that a check follows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    /// How much each rule weighs; one that is off is absent.
    pub levels: BTreeMap<&'static str, Level>,
    /// Paths that a rule does not judge, or no rule.
    pub exempt: Vec<Exempt>,
    /// Paths that must be claimed before a commit changes them.
    pub require: Vec<Scope>,
    /// Paths that are never checked against claims.
    pub free: Vec<Scope>,
    /// Paths whose commits must be in the log.
    pub logged: Vec<Scope>,
    /// Sessions sign their commits.
    pub signed: bool,
    /// How many commits a base may be behind.
    pub max_behind: Option<u32>,
    /// How much older than the newest commit a base may be.
    pub max_age: Option<Ttl>,
    /// Where the two limits of a base are set: file and line.
    pub base_set: Option<(String, u32)>,
}

/// Paths that are not judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Exempt {
    /// By this rule; without, by none.
    pub rule: Option<&'static str>,
    /// Which.
    pub scope: Scope,
}
