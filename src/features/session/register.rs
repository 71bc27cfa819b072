//! Registering a session, or resuming it: the same conversation keeps its tag.
//!
//! A conversation is the agent's own id. One that goes on under a new id (its
//! context was cleared, its process is the same) is told by whoever knows.

use super::{
    model::{Cursor, Session, SessionRecord},
    store,
};
use crate::{
    base::id::{ProcessId, SessionTag},
    ctx::Ctx,
    env,
    error::Result,
    git::{Oid, Repo, log, notes, refs},
    host,
};
use std::collections::BTreeMap;

/// Whose words about a session stand when it is registered again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// The new name and task.
    New,
    /// Those it has.
    Old,
}

/// Who registers.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Readable name.
    pub name: String,
    /// What it is going to do.
    pub task: Option<String>,
    /// The program.
    pub agent: Option<String>,
    /// The program's own id of the conversation.
    pub native: Option<String>,
    /// The process that stands for it.
    pub process: Option<ProcessId>,
    /// The session it goes on with under another id.
    pub continues: Option<SessionTag>,
    /// Whose name and task stand if it is known already.
    pub words: Words,
}

/// Returns the conversation that the environment names: (id, agent).
pub fn own_native() -> Option<(String, String)> {
    env::AGENT_IDS
        .iter()
        .find_map(|(name, agent)| Some((env::var(name)?, (*agent).to_owned())))
}

/// Finds the process that stands for the session: as told, as the agent says, else an ancestor that is proof enough.
pub fn own_process() -> Option<ProcessId> {
    process_of(env::AGENT_PIDS, &["claude", "codex"])
}

/// The same, for an agent that says its process in one of these variables or runs under one of these names.
pub fn process_of(variables: &[&str], programs: &[&str]) -> Option<ProcessId> {
    let told = [env::PID]
        .iter()
        .chain(variables)
        .find_map(|name| env::var(name)?.parse().ok());
    told.and_then(host::process)
        .or_else(|| host::caller(programs))
}

/// Registers a session, or resumes it.
pub fn enter(ctx: &Ctx, entry: &Entry) -> Result<Session> {
    let repo = ctx.repo()?;
    log::tip(repo)?;
    let mut retry = log::Retry::new(log::PATIENCE);
    loop {
        let (session, old) = registration(ctx, repo, entry)?;
        match store::save(repo, &session, old) {
            Ok(()) => {
                store::publish(ctx, &session, false);
                return Ok(session);
            }
            Err(lost) => retry.again(lost, "register the session", ctx.dice.roll())?,
        }
    }
}

/// Finds the session that was prepared for whoever comes to this worktree first.
fn prepared(repo: &Repo) -> Result<Option<(Session, Oid)>> {
    let Some(root) = repo.worktree().map(|root| root.display().to_string()) else {
        return Ok(None);
    };
    let mut all = store::load_readable(repo)?.into_iter();
    let here = |session: &Session| {
        session.record.prepared && session.record.worktree.as_ref() == Some(&root)
    };
    match all.find(here) {
        Some(session) => store::load(repo, &session.tag),
        None => Ok(None),
    }
}

/// Registers a session for whoever comes to this worktree first.
pub fn prepare(ctx: &Ctx, entry: &Entry, labels: &BTreeMap<String, String>) -> Result<Session> {
    let repo = ctx.repo()?;
    let mut retry = log::Retry::new(log::PATIENCE);
    loop {
        let (mut session, old) = registration(ctx, repo, entry)?;
        session.record.prepared = true;
        session.record.labels.clone_from(labels);
        match store::save(repo, &session, old) {
            Ok(()) => {
                store::publish(ctx, &session, false);
                return Ok(session);
            }
            Err(lost) => retry.again(lost, "register the session", ctx.dice.roll())?,
        }
    }
}

/// Returns the record to write and what it replaces.
fn registration(ctx: &Ctx, repo: &Repo, entry: &Entry) -> Result<(Session, Option<Oid>)> {
    let known = match (&entry.continues, &entry.native) {
        (Some(tag), _) => Some(tag.clone()),
        (None, Some(id)) => store::load_readable(repo)?
            .into_iter()
            .find(|session| {
                session.record.native.as_ref() == Some(id) && session.record.agent == entry.agent
            })
            .map(|session| session.tag),
        (None, None) => None,
    };
    let now = ctx.now();
    // What was said before it came is history, not unread.
    let tip = refs::find(repo, notes::CHAT)?.map(|oid| oid.to_string());
    let known = match known {
        Some(tag) => store::load(repo, &tag)?,
        None => prepared(repo)?,
    };
    let (tag, old, was) = match known {
        Some((session, oid)) => (session.tag, Some(oid), Some(session.record)),
        None => (store::fresh_tag(repo, &entry.name, &ctx.dice)?, None, None),
    };
    let mut record = SessionRecord {
        name: entry.name.clone(),
        agent: entry.agent.clone(),
        native: entry.native.clone(),
        host: host::name(),
        boot: host::boot_id(),
        pids: entry.process.is_some().then(host::pid_space),
        repo: repo.common_dir().display().to_string(),
        worktree: repo.worktree().map(|path| path.display().to_string()),
        branch: repo.branch(),
        task: entry.task.clone(),
        started: now,
        beat: now,
        nonce: ctx.dice.hex(8),
        progress: None,
        cursor: Cursor::at(tip),
        column: None,
        prepared: false,
        labels: BTreeMap::new(),
        process: entry.process.clone(),
        extra: toml::Table::new(),
    };
    if let Some(was) = was {
        record.started = was.started;
        record.cursor.clone_from(&was.cursor);
        record.labels.clone_from(&was.labels);
        record.extra.clone_from(&was.extra);
        keep_words(&mut record, was, entry.words);
    }
    Ok((Session { tag, record }, old))
}

/// What a session has said of itself stays, as far as that is wished.
fn keep_words(record: &mut SessionRecord, was: SessionRecord, words: Words) {
    if words == Words::Old {
        record.name = was.name;
        record.task = was.task;
        record.progress = was.progress;
        record.column = was.column;
    } else if was.prepared {
        // Whoever takes what was prepared does what it was prepared for, unless they say otherwise.
        record.task = record.task.take().or(was.task);
    }
}
