//! The state of all rooms: a pure fold of messages, bounded, the same whether it is made at once or step by step.
//!
//! Only what depends on the messages themselves decides what is dropped, so a
//! fold that is continued from a cache equals one that starts at the beginning.

use super::{
    agenda::Task,
    thread::{Status, Thread},
};
use crate::{
    base::{
        id::{MessageId, RoomName},
        time::Timestamp,
    },
    features::chat::model::{Message, Sender, State},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const DAY: i64 = 86_400;
/// A closed thread is forgotten this long after its last message.
const CLOSED_FOR: i64 = 7 * DAY;
/// So many threads are kept, the oldest closed ones given up first.
const THREADS: usize = 1000;
/// Above this many a fold looks for what to give up.
const THREADS_HIGH: usize = 1200;
/// So many tasks are kept, the oldest closed ones given up first.
const TASKS: usize = 1000;
/// Above this many a fold looks for what to give up.
const TASKS_HIGH: usize = 1200;
/// So many pins are kept.
const PINS: usize = 200;
/// So many rooms are counted.
const ROOMS: usize = 1000;

/// What a room has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Its messages.
    pub messages: u64,
    /// The newest of them.
    pub last: Timestamp,
}

/// A message that is kept in sight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// The pinned message.
    pub id: MessageId,
    /// Who pinned it.
    pub by: Sender,
    /// When.
    pub at: Timestamp,
    /// Until when; for good without.
    pub until: Option<Timestamp>,
    /// Its room.
    pub room: RoomName,
    /// Its first line.
    pub line: String,
}

/// The state of all rooms.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rooms {
    /// Every room with what it has.
    pub rooms: BTreeMap<RoomName, Count>,
    /// Threads in which something was asked, proposed or done.
    pub threads: BTreeMap<MessageId, Thread>,
    /// What sessions have on their agendas.
    pub tasks: BTreeMap<MessageId, Task>,
    /// What is pinned, oldest first.
    pub pins: Vec<Pin>,
    /// All messages.
    pub messages: u64,
    /// The newest day that was seen; a new one is when old things are given up.
    day: i64,
}

impl Rooms {
    /// Takes in the next message.
    pub fn apply(&mut self, message: &Message) {
        self.messages += 1;
        self.count(message);
        self.pin(message);
        match self.threads.get_mut(message.thread()) {
            Some(thread) => thread.apply(message),
            None if message.about.state == State::Note => {}
            None => {
                let thread = Thread::begin(message);
                self.threads.insert(thread.id.clone(), thread);
            }
        }
        self.tasks(message);
        let day = message.at.unix().div_euclid(DAY);
        if day > self.day {
            self.day = day;
            self.forget(message.at);
        }
        if self.threads.len() > THREADS_HIGH {
            self.shrink();
        }
    }

    fn count(&mut self, message: &Message) {
        let room = &message.about.room;
        if let Some(count) = self.rooms.get_mut(room) {
            count.messages += 1;
            count.last = count.last.max(message.at);
        } else if self.rooms.len() < ROOMS {
            let first = Count {
                messages: 1,
                last: message.at,
            };
            self.rooms.insert(room.clone(), first);
        }
    }

    fn pin(&mut self, message: &Message) {
        let about = &message.about;
        if let Some(id) = about.unpin.as_ref().or(about.pin.as_ref()) {
            self.pins.retain(|pin| pin.id != *id);
        }
        if let Some(id) = &about.pin {
            if self.pins.len() == PINS {
                self.pins.remove(0);
            }
            self.pins.push(Pin {
                id: id.clone(),
                by: message.from.clone(),
                at: message.at,
                until: about.until,
                room: about.room.clone(),
                line: message.first_line(200),
            });
        }
    }

    fn tasks(&mut self, message: &Message) {
        for task in self.tasks.values_mut() {
            if task.concerns(message) {
                task.apply(message);
            }
        }
        if let Some(task) = Task::begin(message) {
            self.tasks.insert(task.id.clone(), task);
        }
        if self.tasks.len() > TASKS_HIGH {
            let all = self.tasks.values();
            let mut by_age: Vec<_> = all
                .map(|task| (task.stage.is_open(), task.last, task.id.clone()))
                .collect();
            by_age.sort();
            let too_many = by_age.len() - TASKS;
            for (_, _, id) in by_age.into_iter().take(too_many) {
                self.tasks.remove(&id);
            }
        }
    }

    fn forget(&mut self, now: Timestamp) {
        self.threads.retain(|_, thread| {
            thread.status.is_open() || now.seconds_since(thread.last) <= CLOSED_FOR
        });
        self.tasks
            .retain(|_, task| task.stage.is_open() || now.seconds_since(task.last) <= CLOSED_FOR);
        self.pins
            .retain(|pin| pin.until.is_none_or(|until| until >= now));
    }

    fn shrink(&mut self) {
        let mut by_age: Vec<_> = self
            .threads
            .values()
            .map(|thread| (thread.status.is_open(), thread.last, thread.id.clone()))
            .collect();
        by_age.sort();
        let too_many = by_age.len().saturating_sub(THREADS);
        for (_, _, id) in by_age.into_iter().take(too_many) {
            self.threads.remove(&id);
        }
    }

    /// Returns what is pinned at this moment.
    pub fn pinned(&self, now: Timestamp) -> impl Iterator<Item = &Pin> {
        self.pins
            .iter()
            .filter(move |pin| pin.until.is_none_or(|until| until >= now))
    }

    /// Returns where a thread stands; `Note` if nothing is known of it.
    pub fn status(&self, thread: &MessageId) -> Status {
        self.threads
            .get(thread)
            .map_or(Status::Note, |thread| thread.status)
    }
}
