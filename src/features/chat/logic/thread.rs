//! What a thread is in: one pure state machine.
//!
//! question → answered; proposal → countered → proposed again; proposal →
//! executing → done. A proposal has one executor: the first `executing` in the
//! order of the room. A later one is refused when it is posted, and one that
//! got in by a merge is kept as superseded. An executor whose session is gone
//! or whose stated time is over is replaced by an `executing` that names it.

use crate::{
    base::{
        id::{MessageId, RoomName},
        time::Timestamp,
    },
    features::chat::model::{Message, Sender, State},
};
use serde::{Deserialize, Serialize};

/// So many acks, counters and superseded messages are kept of one thread.
const KEPT: usize = 64;
/// Says that a proposal announces a commit of its paths.
pub const ANNOUNCE: &str = "Ccc-Announce";

/// Where a thread stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Nothing was asked or proposed.
    Note,
    /// A question waits.
    Open,
    /// The question was answered.
    Answered,
    /// A proposal waits for acks, counters or an executor.
    Proposed,
    /// Somebody objects to the proposal.
    Countered,
    /// One session does it.
    Executing,
    /// It is done.
    Done,
}

impl Status {
    /// Returns the word.
    pub fn word(self) -> &'static str {
        match self {
            Status::Note => "note",
            Status::Open => "open",
            Status::Answered => "answered",
            Status::Proposed => "proposed",
            Status::Countered => "countered",
            Status::Executing => "executing",
            Status::Done => "done",
        }
    }

    /// Tells whether somebody is still expected to do something.
    pub fn is_open(self) -> bool {
        matches!(
            self,
            Status::Open | Status::Proposed | Status::Countered | Status::Executing
        )
    }
}

/// Who does it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Executor {
    /// The message that says so.
    pub id: MessageId,
    /// Who.
    pub by: Sender,
    /// Since when.
    pub since: Timestamp,
    /// Until when, if that was said.
    pub until: Option<Timestamp>,
}

/// An objection that was not taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objection {
    /// The message.
    pub id: MessageId,
    /// Who objects.
    pub by: Sender,
    /// Its first line.
    pub line: String,
}

/// A thread, as far as its state goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thread {
    /// Its first message.
    pub id: MessageId,
    /// Its room.
    pub room: RoomName,
    /// The first line of what was asked or proposed.
    pub line: String,
    /// Who asked or proposed.
    pub by: Sender,
    /// When it began.
    pub started: Timestamp,
    /// When it last changed.
    pub last: Timestamp,
    /// Where it stands.
    pub status: Status,
    /// Who agreed.
    pub acks: Vec<Sender>,
    /// Who objects.
    pub counters: Vec<Objection>,
    /// Who does it, or did it.
    pub executor: Option<Executor>,
    /// `executing` and `done` messages that came too late.
    pub superseded: Vec<MessageId>,
    /// The commit it ended in.
    pub commit: Option<String>,
    /// The paths of the commit it announces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub announced: Vec<String>,
}

/// Why a message would make no sense now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Nothing was proposed.
    NoProposal,
    /// The proposal is objected to.
    Countered(Vec<Objection>),
    /// Another does it.
    Taken(Executor),
    /// Another does it and may be replaced.
    Stale(Executor),
    /// It is done.
    Done,
}

impl Thread {
    /// Begins a thread with its first message.
    pub fn begin(message: &Message) -> Self {
        let mut thread = Thread {
            id: message.thread().clone(),
            room: message.about.room.clone(),
            line: message.first_line(120),
            by: message.from.clone(),
            started: message.at,
            last: message.at,
            status: Status::Note,
            acks: Vec::new(),
            counters: Vec::new(),
            executor: None,
            superseded: Vec::new(),
            commit: None,
            announced: Vec::new(),
        };
        thread.apply(message);
        thread
    }

    /// Takes in the next message.
    pub fn apply(&mut self, message: &Message) {
        self.last = self.last.max(message.at);
        match message.about.state {
            State::Note => self.answer(message),
            State::Question => self.ask(message),
            State::Proposal => self.propose(message),
            State::Ack => {
                self.answer(message);
                if !self.acks.contains(&message.from) {
                    push(&mut self.acks, message.from.clone());
                }
                self.counters.retain(|counter| counter.by != message.from);
                if self.status == Status::Countered && self.counters.is_empty() {
                    self.status = Status::Proposed;
                }
            }
            State::Counter => {
                let objection = Objection {
                    id: message.id.clone(),
                    by: message.from.clone(),
                    line: message.first_line(200),
                };
                push(&mut self.counters, objection);
                self.acks.retain(|ack| *ack != message.from);
                if self.status == Status::Proposed {
                    self.status = Status::Countered;
                }
            }
            State::Executing => self.execute(message),
            State::Done => self.finish(message),
        }
    }

    fn answer(&mut self, message: &Message) {
        if self.status == Status::Open && message.from != self.by {
            self.status = Status::Answered;
        }
    }

    fn ask(&mut self, message: &Message) {
        if matches!(self.status, Status::Note | Status::Open | Status::Answered) {
            self.status = Status::Open;
            self.by = message.from.clone();
            self.line = message.first_line(120);
        }
    }

    fn propose(&mut self, message: &Message) {
        if self.status != Status::Executing {
            self.status = Status::Proposed;
            self.by = message.from.clone();
            self.line = message.first_line(120);
            self.acks.clear();
            self.counters.clear();
            self.executor = None;
            let commit = message.about.extra(ANNOUNCE) == Some("commit");
            let paths = message
                .about
                .paths
                .iter()
                .take(if commit { KEPT } else { 0 });
            self.announced = paths.cloned().collect();
        }
    }

    fn execute(&mut self, message: &Message) {
        let executor = Executor {
            id: message.id.clone(),
            by: message.from.clone(),
            since: message.at,
            until: message.about.until,
        };
        match (&mut self.executor, self.status) {
            (_, Status::Done) => push(&mut self.superseded, message.id.clone()),
            (Some(current), Status::Executing) => {
                if current.by == message.from {
                    current.until = message.about.until;
                } else if message.about.take_over.as_ref() == Some(&current.id) {
                    push(&mut self.superseded, current.id.clone());
                    *current = executor;
                } else {
                    push(&mut self.superseded, message.id.clone());
                }
            }
            _ => {
                self.executor = Some(executor);
                self.status = Status::Executing;
            }
        }
    }

    fn finish(&mut self, message: &Message) {
        if self.may_finish(&message.from) {
            self.status = Status::Done;
            self.commit.clone_from(&message.about.commit);
        } else {
            push(&mut self.superseded, message.id.clone());
        }
    }

    /// While one executes, only that one and whoever proposed it can say that it is done.
    fn may_finish(&self, who: &Sender) -> bool {
        match &self.executor {
            Some(executor) if self.status == Status::Executing => {
                executor.by == *who || self.by == *who
            }
            _ => true,
        }
    }

    /// Decides whether `message` may be posted; `stale` tells whether an executor may be replaced.
    pub fn check(
        &self,
        message: &Message,
        stale: impl Fn(&Executor) -> bool,
    ) -> Result<(), Refusal> {
        let executor = self.executor.as_ref();
        match (message.about.state, self.status) {
            (State::Executing | State::Counter, Status::Done) => Err(Refusal::Done),
            (State::Executing, Status::Note | Status::Open | Status::Answered) => {
                Err(Refusal::NoProposal)
            }
            (State::Executing, Status::Countered) => Err(Refusal::Countered(self.counters.clone())),
            (State::Executing, Status::Executing) => match executor {
                Some(current) if current.by != message.from => {
                    match (stale(current), &message.about.take_over) {
                        (true, Some(id)) if *id == current.id => Ok(()),
                        (true, _) => Err(Refusal::Stale(current.clone())),
                        (false, _) => Err(Refusal::Taken(current.clone())),
                    }
                }
                _ => Ok(()),
            },
            (State::Done, Status::Executing) => match executor {
                Some(current) if !self.may_finish(&message.from) => {
                    Err(Refusal::Taken(current.clone()))
                }
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

fn push<T>(list: &mut Vec<T>, item: T) {
    if list.len() < KEPT {
        list.push(item);
    }
}
