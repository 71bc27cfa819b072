//! `memory-conflict`: memory has conflicts that nobody resolved.

use super::Rule;
use crate::{
    base::text::one_line,
    features::check::model::{
        finding::{Draft, Level, Place},
        snapshot::{Marker, Snapshot},
    },
};

pub const RULE: Rule = Rule {
    id: "memory-conflict",
    level: Level::Error,
    title: "merged memory has conflicts that nobody resolved",
    why: "What sessions remember is merged three ways; where two said different things a person or a session decides. Until \
          then whoever reads it believes both. The trees of refs/ccc/memory/ are read as they were fetched: conflict markers \
          count, and namespaces that a merge cannot join with main.",
    fix: "Decide the conflict and save the file again.",
    check,
};

fn check(snapshot: &Snapshot) -> Vec<Draft> {
    let draft = |marker: &Marker| Draft {
        place: Place::line(&marker.path, marker.line),
        commit: None,
        fact: format!(
            "{} has a conflict that nobody resolved: {}",
            one_line(&marker.path, 200),
            one_line(&marker.text, 80)
        ),
        because: Vec::new(),
        next: "git for-each-ref refs/ccc/memory".to_owned(),
        key: vec![
            marker.path.clone(),
            marker.text.clone(),
            marker.line.to_string(),
        ],
    };
    snapshot.memory.iter().map(draft).collect()
}
