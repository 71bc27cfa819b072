//! `conflict-marker`: the range leaves conflict markers in a file.

use super::{Rule, judged};
use crate::{
    base::{scope::Scope, text::one_line},
    features::check::model::{
        finding::{Draft, Level, Place},
        snapshot::{Marker, Snapshot},
    },
};

pub const RULE: Rule = Rule {
    id: "conflict-marker",
    level: Level::Error,
    title: "a file has conflict markers that nobody resolved",
    why: "A merge that nobody finished compiles in no language and can still be committed. Files that the range changed are \
          read as its newest commit has them; only whole blocks count (<<<<<<<, =======, >>>>>>>), and those that were \
          there before do not.",
    fix: "Resolve the conflict. For a file that has markers by intent, such as a test's, say in .ccc.toml: \
          [check] exempt = [\"conflict-marker: tests/data/\"].",
    check,
};

fn check(snapshot: &Snapshot) -> Vec<Draft> {
    let judged = |marker: &&Marker| {
        Scope::nearest(&marker.path).is_none_or(|path| judged(snapshot, RULE.id, &path))
    };
    let markers = snapshot.markers.iter().filter(judged);
    markers.map(|marker| draft(snapshot, marker)).collect()
}

fn draft(snapshot: &Snapshot, marker: &Marker) -> Draft {
    let commit = marker
        .commit
        .clone()
        .unwrap_or_else(|| snapshot.range.tip.clone());
    Draft {
        place: Place::line(&marker.path, marker.line),
        fact: format!(
            "{} has a conflict that nobody resolved: {}",
            one_line(&marker.path, 200),
            one_line(&marker.text, 80)
        ),
        because: Vec::new(),
        next: format!("git show {commit} --"),
        key: vec![
            marker.path.clone(),
            marker.text.clone(),
            marker.line.to_string(),
        ],
        commit: Some(commit),
    }
}
