//! How things stand: claims, releases, pins and sessions by column, from what was read.

use super::{
    column,
    unread::{self, Count, Window},
};
use crate::{
    base::{id::SessionTag, text::one_line, time::Timestamp},
    features::{
        board::model::{Event, What},
        chat::logic::{room::Rooms, thread::Status},
        claim::{logic::State, model::Claim},
        session::{
            logic::Life,
            model::{Column, Session},
        },
    },
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// So many releases are recent.
const RELEASES: usize = 10;

/// One live claim.
#[derive(Clone, Debug, Serialize)]
pub struct Held {
    /// Its id.
    pub claim: String,
    /// The holder.
    pub session: SessionTag,
    /// What it covers; paths begin with the repository's name.
    pub scopes: Vec<String>,
    /// What for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intent: Option<String>,
    /// Since when.
    pub taken: Timestamp,
    /// When the holder expects to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eta: Option<Timestamp>,
    /// When it ends unless it is renewed.
    pub until: Timestamp,
}

/// What became free.
#[derive(Clone, Debug, Serialize)]
pub struct Release {
    /// When.
    pub at: Timestamp,
    /// Who held it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionTag>,
    /// What it covered; paths begin with the repository's name.
    pub scopes: Vec<String>,
    /// Why: done, committed, expired, holder-gone, broken, withdrawn.
    pub why: String,
}

/// A message kept in sight.
#[derive(Clone, Debug, Serialize)]
pub struct Pinned {
    /// Its id.
    pub id: String,
    /// Who pinned it.
    pub by: String,
    /// Its first line.
    pub text: String,
    /// When it was pinned.
    pub at: Timestamp,
    /// Until when; for good without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// One session.
#[derive(Clone, Debug, Serialize)]
pub struct Worker {
    /// Its tag.
    pub tag: SessionTag,
    /// Its readable name.
    pub name: String,
    /// Where it stands.
    pub column: Column,
    /// Since when.
    pub since: Timestamp,
    /// It says so itself.
    pub stated: bool,
    /// `alive`, `dead` or `quiet`.
    pub life: &'static str,
    /// What it is doing, in its own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// How far along it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<String>,
    /// Its branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Its worktree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worktree: Option<String>,
    /// The program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// What it is about, a word each.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// What it has not seen.
    pub unread: Count,
    /// When it was registered.
    pub started: Timestamp,
    /// When it was last seen.
    pub beat: Timestamp,
}

/// How things stand in one repository.
#[derive(Clone, Debug, Serialize)]
pub struct Standing {
    /// The repository's name.
    pub repo: String,
    /// Its common directory.
    pub path: String,
    /// Live claims, the oldest first.
    pub claims: Vec<Held>,
    /// What became free, the newest first.
    pub releases: Vec<Release>,
    /// What is pinned, the oldest first.
    pub pins: Vec<Pinned>,
    /// The sessions, by column and tag.
    pub sessions: Vec<Worker>,
}

/// What it is decided from.
#[derive(Debug)]
pub struct Seen<'a> {
    /// The repository's name.
    pub name: &'a str,
    /// Its common directory.
    pub path: &'a str,
    /// The claims.
    pub claims: &'a State,
    /// The sessions.
    pub sessions: &'a [(Session, Life)],
    /// What happened, oldest first.
    pub events: &'a [Event],
    /// The newest part of the room.
    pub window: &'a Window,
    /// The state of all rooms.
    pub rooms: &'a Rooms,
}

/// Returns a scope as it is written across repositories: a path begins with the repository's name.
pub fn qualified(repo: &str, scope: &str) -> String {
    if scope.starts_with("res:") || scope.starts_with("~/") || scope.starts_with('/') {
        scope.to_owned()
    } else if scope == "." {
        repo.to_owned()
    } else {
        format!("{repo}/{scope}")
    }
}

/// Says how things stand.
pub fn stand(seen: &Seen<'_>) -> Standing {
    let mut live: Vec<&Claim> = seen.claims.live().collect();
    live.sort_by_key(|claim| (claim.record.fence, claim.id.clone()));
    let holders: BTreeSet<&SessionTag> = live.iter().map(|claim| &claim.record.session).collect();
    let standings = column::columns(seen.events);
    let worker = |(session, life): &(Session, Life)| {
        let record = &session.record;
        let found = standings.get(&session.tag);
        let holds = holders.contains(&session.tag);
        let stated = record.column.as_ref();
        let (column, since) = column::decide(found, stated, holds, record.started);
        Worker {
            tag: session.tag.clone(),
            name: record.name.clone(),
            column,
            since,
            stated: stated.is_some_and(|stated| (stated.word, stated.at) == (column, since)),
            life: life_word(*life),
            task: record.task.clone(),
            progress: record
                .progress
                .clone()
                .or_else(|| executing(seen.rooms, &session.tag)),
            branch: record.branch.clone(),
            worktree: record.worktree.clone(),
            agent: record.agent.clone(),
            labels: record.labels.clone(),
            unread: unread::count(seen.window, &session.tag, &record.cursor, record.started),
            started: record.started,
            beat: record.beat,
        }
    };
    let mut sessions: Vec<Worker> = seen.sessions.iter().map(worker).collect();
    sessions.sort_by(|a, b| (a.column, &a.tag).cmp(&(b.column, &b.tag)));
    let pins = seen.rooms.pinned(seen.claims.now).map(|pin| Pinned {
        id: pin.id.to_string(),
        by: pin.by.to_string(),
        text: pin.line.clone(),
        at: pin.at,
        until: pin.until,
    });
    Standing {
        repo: seen.name.to_owned(),
        path: seen.path.to_owned(),
        claims: live
            .into_iter()
            .map(|claim| held(seen.name, claim))
            .collect(),
        releases: releases(seen.name, seen.events),
        pins: pins.collect(),
        sessions,
    }
}

fn life_word(life: Life) -> &'static str {
    match life {
        Life::Alive => "alive",
        Life::Dead => "dead",
        Life::Quiet => "quiet",
    }
}

fn held(repo: &str, claim: &Claim) -> Held {
    let record = &claim.record;
    let scopes = record.scopes.iter();
    Held {
        claim: claim.id.to_string(),
        session: record.session.clone(),
        scopes: scopes
            .map(|scope| qualified(repo, &scope.to_string()))
            .collect(),
        intent: record.intent.clone(),
        taken: record.taken,
        eta: record.eta,
        until: record.until,
    }
}

fn releases(repo: &str, events: &[Event]) -> Vec<Release> {
    let free = |event: &Event| {
        let (session, scopes, why) = match &event.what {
            What::Freed { scopes, why } => (event.session.clone(), scopes, why.clone()),
            What::Broke { holder, scopes, .. } => {
                (holder.parse().ok(), scopes, "broken".to_owned())
            }
            _ => return None,
        };
        Some(Release {
            at: event.at,
            session,
            scopes: scopes.iter().map(|scope| qualified(repo, scope)).collect(),
            why,
        })
    };
    events
        .iter()
        .rev()
        .filter_map(free)
        .take(RELEASES)
        .collect()
}

/// The newest thread that a session executes says how far it is, when it does not say so itself.
fn executing(rooms: &Rooms, tag: &SessionTag) -> Option<String> {
    let mine = rooms.threads.values().filter(|thread| {
        let executor = thread
            .executor
            .as_ref()
            .and_then(|executor| executor.by.session());
        thread.status == Status::Executing && executor == Some(tag)
    });
    let newest = mine.max_by_key(|thread| (thread.last, &thread.id))?;
    Some(format!("executing: {}", one_line(&newest.line, 120)))
}
