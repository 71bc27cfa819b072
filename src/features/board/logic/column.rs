//! In which column a session stands: the rules of the module head, as one fold over what happened.

use crate::{
    base::{
        id::{MessageId, SessionTag},
        time::Timestamp,
    },
    features::{
        board::model::{Event, What},
        chat::model::{Message, Sender, State},
        session::model::{Column, StatedColumn},
    },
};
use std::collections::HashMap;

/// Where a session stands, and by which of its own acts last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The column.
    pub column: Column,
    /// Since when.
    pub since: Timestamp,
    /// The number of its last act in the log that the rules know.
    fence: Option<u64>,
    /// When it last said something that the rules know.
    said: Option<Timestamp>,
    /// It has changed something.
    worked: bool,
}

/// A thread, as far as it moves somebody.
#[derive(Default)]
struct Thread {
    owner: Option<Sender>,
    executor: Option<Sender>,
    done: bool,
}

/// All sessions that did something.
#[derive(Default)]
struct Fold {
    sessions: HashMap<SessionTag, Standing>,
    threads: HashMap<MessageId, Thread>,
}

/// Returns where each session stands that did something; the events are oldest first.
pub fn columns(events: &[Event]) -> HashMap<SessionTag, Standing> {
    let mut fold = Fold::default();
    for event in events {
        fold.apply(event);
    }
    fold.sessions
}

/// Decides between what a session says of itself and what it did.
pub fn decide(
    standing: Option<&Standing>,
    stated: Option<&StatedColumn>,
    holds: bool,
    from: Timestamp,
) -> (Column, Timestamp) {
    let unknown = if holds {
        Column::Working
    } else {
        Column::Planning
    };
    let derived = standing.map_or((unknown, from), |found| (found.column, found.since));
    let Some(stated) = stated else {
        return derived;
    };
    let later = standing.is_some_and(|found| {
        found.fence.is_some_and(|fence| fence > stated.fence)
            || found.said.is_some_and(|said| said > stated.at)
    });
    if later {
        derived
    } else {
        (stated.word, stated.at)
    }
}

impl Fold {
    fn apply(&mut self, event: &Event) {
        let Some(tag) = &event.session else {
            if let What::Said(message) = &event.what {
                self.others(message);
            }
            return;
        };
        match &event.what {
            What::Started { .. } => self.act(tag, event, Column::Planning),
            What::Took { scopes, .. } => {
                let tests =
                    |scope: &String| scope.starts_with("res:test") || scope.starts_with("res:ci");
                let column = if scopes.iter().any(tests) {
                    Column::Testing
                } else {
                    Column::Working
                };
                self.act(tag, event, column);
            }
            What::Committed { .. } => self.act(tag, event, Column::Working),
            What::Said(message) => {
                if let Some(column) = self.said(tag, message) {
                    self.act(tag, event, column);
                }
                self.others(message);
            }
            What::Freed { .. } | What::Broke { .. } | What::Did { .. } => {}
        }
    }

    /// Moves a session by an act of its own.
    fn act(&mut self, tag: &SessionTag, event: &Event, column: Column) {
        let before = self.sessions.get(tag).copied();
        let same = before.filter(|before| before.column == column);
        let changed = matches!(event.what, What::Took { .. } | What::Committed { .. });
        let said = event.message().map(|message| message.at);
        let standing = Standing {
            column,
            since: same.map_or(event.at, |before| before.since),
            fence: event.fence.or(before.and_then(|before| before.fence)),
            said: said.or(before.and_then(|before| before.said)),
            worked: changed || before.is_some_and(|before| before.worked),
        };
        self.sessions.insert(tag.clone(), standing);
    }

    /// Moves a session by what another did.
    fn put(&mut self, sender: &Sender, column: Column, at: Timestamp) {
        if let Sender::Session(tag) = sender
            && let Some(standing) = self.sessions.get_mut(tag)
        {
            standing.column = column;
            standing.since = at;
        }
    }

    /// Returns where its own message moves a session.
    fn said(&mut self, tag: &SessionTag, message: &Message) -> Option<Column> {
        let about = &message.about;
        let worked = self.sessions.get(tag).is_some_and(|found| found.worked);
        let thread = self.threads.entry(message.thread().clone()).or_default();
        match about.state {
            State::Proposal => {
                thread.owner = Some(message.from.clone());
                thread.done = false;
                let shows = about.commit.is_some() || !about.paths.is_empty() || worked;
                Some(if shows {
                    Column::Review
                } else {
                    Column::Planning
                })
            }
            State::Question if about.commit.is_some() => {
                thread.owner = Some(message.from.clone());
                Some(Column::Review)
            }
            State::Executing => {
                thread.executor = Some(message.from.clone());
                thread.done = false;
                Some(Column::Working)
            }
            State::Done => {
                thread.executor.get_or_insert(message.from.clone());
                thread.done = true;
                Some(Column::Testing)
            }
            State::Note | State::Question | State::Ack | State::Counter => None,
        }
    }

    /// Moves others by what somebody said in their thread.
    fn others(&mut self, message: &Message) {
        let Some(thread) = self.threads.get_mut(message.thread()) else {
            return;
        };
        let from_other = |who: &Sender| *who != message.from;
        match message.about.state {
            State::Counter if !thread.done => {
                let owner = thread.owner.clone().filter(from_other);
                if let Some(owner) = owner.filter(|owner| self.stands(owner, Column::Review)) {
                    self.put(&owner, Column::Working, message.at);
                }
            }
            State::Ack if thread.done => {
                let doer = thread.executor.clone().filter(from_other);
                if let Some(doer) = doer.filter(|doer| self.stands(doer, Column::Testing)) {
                    self.put(&doer, Column::Verified, message.at);
                }
            }
            State::Done => {
                thread.done = true;
                if let Some(doer) = thread.executor.clone().filter(from_other) {
                    self.put(&doer, Column::Testing, message.at);
                }
            }
            _ => {}
        }
    }

    fn stands(&self, who: &Sender, column: Column) -> bool {
        let standing = who.session().and_then(|tag| self.sessions.get(tag));
        standing.is_some_and(|standing| standing.column == column)
    }
}
