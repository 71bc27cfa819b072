//! The way back: from a registered session to the files in which its agent wrote it down.

use crate::{
    ctx::Ctx,
    error::Result,
    features::{
        search::store::{files, fresh},
        session::model::Session,
    },
};
use std::path::{Component, Path};

/// Finds the transcripts of a session, its own first and then those of its subagents; nothing is read but names.
pub fn of_session(ctx: &Ctx, session: &Session) -> Result<Vec<String>> {
    let Some(native) = &session.record.native else {
        return Ok(Vec::new());
    };
    let walk = files::walk(&fresh::places(), &fresh::roots(ctx)?);
    let own_agent = |found: &files::Found| match (&session.record.agent, found.reader) {
        (Some(agent), Some(reader)) => reader.agent() == agent,
        _ => true,
    };
    let own = walk.found.into_iter().filter(own_agent);
    let mut paths: Vec<(usize, String)> = own
        .filter_map(|found| {
            Some((
                depth(&found.path, native)?,
                found.path.display().to_string(),
            ))
        })
        .collect();
    paths.sort();
    Ok(paths.into_iter().map(|(_, path)| path).collect())
}

/// Tells how far below what bears a conversation's id a file is; the file itself is at 0.
fn depth(path: &Path, native: &str) -> Option<usize> {
    if native.is_empty() {
        return None;
    }
    let stem = path.file_name()?.to_str()?.split(".jsonl").next()?;
    // rollout-<time>-<id>
    let bears = stem == native
        || stem
            .strip_suffix(native)
            .is_some_and(|rest| rest.starts_with("rollout-") && rest.ends_with('-'));
    if bears {
        return Some(0);
    }
    let mut above = path.components().rev().enumerate();
    above
        .find(|(_, part)| matches!(part, Component::Normal(name) if *name == native))
        .map(|(depth, _)| depth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_bears_the_id_of_its_conversation() {
        let at = |path: &str| depth(Path::new(path), "5e55");
        assert_eq!(at("/h/.claude/projects/-r/5e55.jsonl"), Some(0));
        assert_eq!(
            at("/h/.codex/sessions/2026/rollout-2026-05-01T08-00-00-5e55.jsonl.zst"),
            Some(0)
        );
        assert_eq!(
            at("/h/.claude/projects/-r/5e55/subagents/agent-1.jsonl"),
            Some(2)
        );
        assert_eq!(at("/h/.claude/projects/-r/15e55.jsonl"), None);
        assert_eq!(depth(Path::new("/x/rollout-a-.jsonl"), ""), None);
    }
}
