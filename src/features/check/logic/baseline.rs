//! The baseline: findings that were there when a repository began to be checked, and an entry that its log must keep.

use crate::features::check::model::finding::Finding;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The file at the root of the repository.
pub const FILE: &str = ".ccc-baseline.toml";
const VERSION: i64 = 1;

/// What is accepted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    v: i64,
    /// An entry that the log must have: a log without it was rewritten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// The findings.
    #[serde(default, rename = "accept", skip_serializing_if = "Vec::is_empty")]
    accepted: Vec<Accepted>,
}

/// One finding that is accepted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Accepted {
    /// Its rule, for whoever reads the file.
    rule: String,
    /// Its id.
    id: String,
    /// Its fact, for whoever reads the file.
    fact: String,
}

/// Why a file is no baseline.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoBaseline {
    /// It is of a later git-ccc.
    #[error("it has version {0}, and this git-ccc reads version {VERSION}")]
    Newer(i64),
    /// It cannot be read.
    #[error("{0}")]
    Malformed(String),
}

impl Baseline {
    /// Accepts findings.
    pub fn of(findings: &[Finding], log: Option<String>) -> Self {
        let mut accepted: Vec<Accepted> = findings
            .iter()
            .map(|finding| Accepted {
                rule: finding.rule.to_owned(),
                id: finding.id.clone(),
                fact: finding.fact.clone(),
            })
            .collect();
        accepted.sort();
        Baseline {
            v: VERSION,
            log,
            accepted,
        }
    }

    /// Reads a file.
    pub fn parse(text: &str) -> Result<Self, NoBaseline> {
        let malformed = |error: &toml::de::Error| {
            NoBaseline::Malformed(crate::base::text::one_line(error.message(), 200))
        };
        let table: toml::Table = text.parse().map_err(|error| malformed(&error))?;
        match table.get("v").and_then(toml::Value::as_integer) {
            Some(VERSION) => table.try_into().map_err(|error| malformed(&error)),
            Some(newer) if newer > VERSION => Err(NoBaseline::Newer(newer)),
            _ => Err(NoBaseline::Malformed("it has no valid version".to_owned())),
        }
    }

    /// Writes the file.
    pub fn encode(&self) -> Result<String, toml::ser::Error> {
        let head = "# Findings of git ccc check that were there when it began to be used here, and are not told again.\n\
                    # Written by git ccc check --write-baseline.\n";
        Ok(format!("{head}{}", toml::to_string(self)?))
    }

    /// Parts what is accepted from what is not; returns the rest and how many were accepted.
    pub fn part(&self, findings: Vec<Finding>) -> (Vec<Finding>, usize) {
        let known: BTreeSet<&str> = self.accepted.iter().map(|one| one.id.as_str()).collect();
        let all = findings.len();
        let rest: Vec<Finding> = findings
            .into_iter()
            .filter(|finding| !known.contains(finding.id.as_str()))
            .collect();
        let accepted = all - rest.len();
        (rest, accepted)
    }
}
