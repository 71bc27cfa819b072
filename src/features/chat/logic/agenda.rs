//! Tasks on the agendas of sessions: a pure fold of the messages in their threads.
//!
//! A task is a message with `Ccc-Task: <its own id>` to one session. What that
//! session says in the thread moves it: an ack or `executing` takes it on, a
//! counter hands it back, `done` finishes it; the giver can say `done` too.
//! When a session is gone another one takes its task over by an ack with
//! `Ccc-For: <the session that is gone>`; the first one has it.

use crate::{
    base::{
        id::{MessageId, RoomName, SessionTag},
        time::Timestamp,
    },
    features::chat::model::{Message, Sender, State, To},
};
use serde::{Deserialize, Serialize};

/// Names the task a message gives or is about.
pub const TASK: &str = "Ccc-Task";
/// Says until when it should be done.
pub const DUE: &str = "Ccc-Due";
/// Says from whom a task is taken over.
pub const FOR: &str = "Ccc-For";

/// Where a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// It was given.
    Given,
    /// Its holder took it on.
    Taken,
    /// It was handed back.
    Returned,
    /// It is done.
    Done,
}

impl Stage {
    /// Returns the word.
    pub fn word(self) -> &'static str {
        match self {
            Stage::Given => "given",
            Stage::Taken => "taken",
            Stage::Returned => "returned",
            Stage::Done => "done",
        }
    }

    /// Tells whether its holder is still expected to do something.
    pub fn is_open(self) -> bool {
        matches!(self, Stage::Given | Stage::Taken)
    }
}

/// One task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// The message that gave it.
    pub id: MessageId,
    /// Its thread.
    pub thread: MessageId,
    /// The room in which it was given.
    pub room: RoomName,
    /// Who gave it.
    pub by: Sender,
    /// On whose agenda it is.
    pub holder: SessionTag,
    /// What is to be done: the first line.
    pub line: String,
    /// When it was given.
    pub given: Timestamp,
    /// Until when it should be done.
    pub due: Option<Timestamp>,
    /// Where it stands.
    pub stage: Stage,
    /// When it last moved.
    pub last: Timestamp,
    /// Why it was handed back.
    pub why: Option<String>,
    /// The commit that did it.
    pub commit: Option<String>,
}

impl Task {
    /// Returns the task that a message gives.
    pub fn begin(message: &Message) -> Option<Task> {
        let about = &message.about;
        if about.extra(TASK)? != message.id.as_str() {
            return None;
        }
        let holder = about.to.iter().find_map(|to| match to {
            To::Session(tag) => Some(tag.clone()),
            To::Person | To::All => None,
        })?;
        Some(Task {
            id: message.id.clone(),
            thread: message.thread().clone(),
            room: about.room.clone(),
            by: message.from.clone(),
            holder,
            line: message.first_line(200),
            given: message.at,
            due: about.extra(DUE).and_then(|due| due.parse().ok()),
            stage: Stage::Given,
            last: message.at,
            why: None,
            commit: None,
        })
    }

    /// Tells whether a message is about this task: it names it, or names none and answers in its thread.
    pub fn concerns(&self, message: &Message) -> bool {
        match message.about.extra(TASK) {
            Some(task) => task == self.id.as_str(),
            None => *message.thread() == self.thread && message.id != self.id,
        }
    }

    /// Takes in a message about it.
    pub fn apply(&mut self, message: &Message) {
        if !self.stage.is_open() {
            return;
        }
        let state = message.about.state;
        let by_giver = message.from == self.by;
        let from = message.from.session();
        let heir = message.about.extra(FOR) == Some(self.holder.as_str());
        if let Some(tag) = from.filter(|tag| heir && **tag != self.holder) {
            self.holder = tag.clone();
        }
        let by_holder = from == Some(&self.holder);
        self.stage = match state {
            State::Ack | State::Executing if by_holder => Stage::Taken,
            State::Counter if by_holder => {
                self.why = Some(message.first_line(200));
                Stage::Returned
            }
            State::Done if by_holder || by_giver => {
                self.commit.clone_from(&message.about.commit);
                Stage::Done
            }
            _ => return,
        };
        self.last = self.last.max(message.at);
    }
}
