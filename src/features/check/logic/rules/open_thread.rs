//! `open-thread`: somebody waits for an answer about what the range changes.

use super::{Rule, judged};
use crate::{
    base::text::one_line,
    features::check::model::{
        finding::{Draft, Level, Place},
        snapshot::{Snapshot, Waiting},
    },
};

pub const RULE: Rule = Rule {
    id: "open-thread",
    level: Level::Warning,
    title: "a question or an objection about a changed path waits for an answer",
    why: "A proposal that somebody objects to is not agreed, and a question without an answer may be the reason to change \
          something. Threads of the room that name a path which the range changes are looked at.",
    fix: "Answer, or take the objection back.",
    check,
};

fn check(snapshot: &Snapshot) -> Vec<Draft> {
    let threads = snapshot.threads.iter();
    threads
        .filter_map(|thread| about(snapshot, thread))
        .collect()
}

fn about(snapshot: &Snapshot, thread: &Waiting) -> Option<Draft> {
    let meant = |path| {
        thread
            .paths
            .iter()
            .any(|meant| meant.overlaps(path, snapshot.fold))
    };
    let mut found: Vec<(&str, &str)> = Vec::new();
    for commit in &snapshot.commits {
        for (file, path) in commit.paths() {
            if meant(path) && judged(snapshot, RULE.id, path) {
                found.push((file, &commit.made.oid));
            }
        }
    }
    found.sort_unstable();
    let (file, commit) = *found.first()?;
    let (line, by) = (one_line(&thread.line, 120), one_line(&thread.by, 60));
    let fact = if thread.status == "open" {
        format!(
            "{by} asked about {} and has no answer: {line}",
            one_line(file, 200)
        )
    } else {
        format!(
            "the proposal of {by} about {} has objections: {line}",
            one_line(file, 200)
        )
    };
    let counters = thread.counters.iter().take(5);
    Some(Draft {
        place: Place::file(file),
        commit: Some(commit.to_owned()),
        fact,
        because: counters
            .map(|(by, line)| format!("{} objects: {}", one_line(by, 60), one_line(line, 120)))
            .collect(),
        next: format!("git ccc chat read --thread {}", thread.id),
        key: vec![thread.id.to_string(), thread.status.to_owned()],
    })
}
