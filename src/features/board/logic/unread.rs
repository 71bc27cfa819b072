//! How much each of many sessions has not seen, from one look at the newest part of the room.
//!
//! `chat::reader` counts exactly for one session and reads the room once for
//! each; a board with thirty sessions reads it once for all. Where a mark lies
//! before what was looked at, the count says that there may be more.

use crate::{
    base::{graph, id::SessionTag, time::Timestamp},
    features::{
        chat::{logic::unread::Lane, model::Message},
        session::model::{Cursor, Mark},
    },
};
use serde::Serialize;
use std::collections::HashSet;

/// The newest part of the room.
#[derive(Debug, Default)]
pub struct Window {
    /// The commits, in hex.
    pub oids: Vec<String>,
    /// Their parents, by index.
    pub parents: Vec<Vec<usize>>,
    /// When each was published.
    pub published: Vec<i64>,
    /// Their messages.
    pub messages: Vec<Option<Message>>,
    /// There is more before it.
    pub cut: bool,
}

/// How much a session has not seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Addressed to it.
    pub addressed: usize,
    /// All the rest.
    pub room: usize,
    /// There may be more.
    pub more: bool,
}

/// Counts what a session has not seen.
pub fn count(window: &Window, tag: &SessionTag, cursor: &Cursor, started: Timestamp) -> Count {
    let behind: Vec<(Lane, &Mark, Behind)> = Lane::ALL
        .into_iter()
        .map(|lane| {
            let mark = mark(cursor, lane);
            (lane, mark, Behind::of(window, mark))
        })
        .collect();
    let mut count = Count::default();
    let mut once = HashSet::new();
    for (index, message) in window.messages.iter().enumerate() {
        let Some(message) = message else { continue };
        let Some(lane) = Lane::of(message, tag) else {
            continue;
        };
        let Some((_, mark, behind)) = behind.iter().find(|(known, ..)| *known == lane) else {
            continue;
        };
        let shown = mark.ahead.iter().any(|id| id == message.id.as_str());
        let seen = behind.has(index, window.published[index], started.unix());
        if !seen && !shown && once.insert(&message.id) {
            if lane == Lane::Room {
                count.room += 1;
            } else {
                count.addressed += 1;
            }
        }
    }
    count.more = window.cut && behind.iter().any(|(_, _, behind)| behind.is_before());
    count
}

/// What a mark covers.
enum Behind {
    /// What the mark descends from, and the mark.
    These(Vec<bool>),
    /// Nothing that was looked at: the mark is older.
    Nothing,
    /// There is no mark: what was said before the session came.
    History,
}

impl Behind {
    fn of(window: &Window, mark: &Mark) -> Self {
        let Some(at) = &mark.at else {
            return Behind::History;
        };
        match window.oids.iter().position(|oid| oid == at) {
            Some(index) => Behind::These(graph::ancestors(&window.parents, index)),
            None if window.cut => Behind::Nothing,
            // The room does not have it any more.
            None => Behind::History,
        }
    }

    fn has(&self, index: usize, published: i64, started: i64) -> bool {
        match self {
            Behind::These(seen) => seen[index],
            Behind::Nothing => false,
            Behind::History => published < started,
        }
    }

    fn is_before(&self) -> bool {
        matches!(self, Behind::Nothing)
    }
}

fn mark(cursor: &Cursor, lane: Lane) -> &Mark {
    match lane {
        Lane::Now => &cursor.now,
        Lane::Next => &cursor.next,
        Lane::Later => &cursor.later,
        Lane::Room => &cursor.room,
    }
}
