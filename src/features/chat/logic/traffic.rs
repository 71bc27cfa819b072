//! Whether a session may say this to another one now: budgets, hops and turns, decided on what the room has.
//!
//! Every message that wakes a session costs a turn of a model, so two sessions
//! that answer each other must come to an end without a person who watches.
//! Four rules, all on facts of the chain, so that they hold for any number of
//! processes: the same letter, question or proposal again within a minute is the first one; so many
//! messages to one receiver a minute and an hour; so many answers in a row
//! (`Ccc-Hop`) with no person and no commit in between; and after so many
//! turns of two sessions in an hour the next ones are `later`, which wakes
//! nobody. People are under no rule.

use crate::{
    base::{
        id::{MessageId, RoomName, SessionTag},
        time::Timestamp,
    },
    features::chat::model::{Message, Priority, Sender, State, To},
};

/// Counts the answers of sessions to each other.
pub const HOP: &str = "Ccc-Hop";
/// The same text again within this many seconds is the same message.
const REPEAT: i64 = 60;
const MINUTE: i64 = 60;
/// Nothing older than this many seconds counts.
pub const HOUR: i64 = 3600;

/// What the settings allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Messages to one receiver in a minute.
    pub per_minute: u32,
    /// The same in an hour.
    pub per_hour: u32,
    /// Answers in a row.
    pub hops: u32,
    /// Turns of two sessions in an hour.
    pub turns: u32,
}

/// What is known.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The messages of the last hour, oldest first.
    pub recent: &'a [Message],
    /// Who committed when within the last hour.
    pub commits: &'a [(SessionTag, Timestamp)],
}

/// What becomes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may be said.
    Fine,
    /// It was said already.
    Repeat(MessageId),
    /// It may be said, and wakes nobody: so many turns were taken.
    Quiet(To, u32),
    /// Too many to this receiver; when there is room again.
    Spent(To, u32, Timestamp),
    /// Too many answers in a row.
    Hops(u32),
}

/// Tells whether the rules concern a message at all.
pub fn is_concerned(message: &Message) -> bool {
    message.from.session().is_some() && targets(message).next().is_some()
}

fn targets(message: &Message) -> impl Iterator<Item = &To> {
    let to = message.about.to.iter();
    to.filter(|to| !matches!(to, To::Person))
}

/// Returns how many answers of sessions led to a message.
pub fn hop(message: &Message) -> u32 {
    message
        .about
        .extra(HOP)
        .and_then(|hop| hop.parse().ok())
        .unwrap_or(0)
}

/// Returns the hop of an answer to a message: a person's word begins anew, and one does not answer oneself.
pub fn next_hop(answered: &Message, from: &Sender) -> u32 {
    match (&answered.from, from) {
        (Sender::Session(a), Sender::Session(b)) if a != b => hop(answered) + 1,
        (Sender::Session(_), Sender::Session(_)) => hop(answered),
        _ => 0,
    }
}

/// Decides what becomes of a message.
pub fn judge(message: &Message, facts: Facts<'_>, limits: Limits) -> Verdict {
    let Some(from) = message
        .from
        .session()
        .filter(|_| targets(message).next().is_some())
    else {
        return Verdict::Fine;
    };
    let now = message.at;
    if let Some(same) = facts.recent.iter().find(|said| is_same(said, message)) {
        return Verdict::Repeat(same.id.clone());
    }
    // What closes a thread ends a conversation: it is never refused.
    let closes = matches!(
        message.about.state,
        State::Ack | State::Counter | State::Executing | State::Done
    );
    if !closes {
        for to in targets(message) {
            if let Some(spent) = spent(facts.recent, &message.from, to, now, limits) {
                return spent;
            }
        }
        if hop(message) > limits.hops && !breaks(from, message, facts) {
            return Verdict::Hops(hop(message));
        }
    }
    for to in targets(message) {
        if let To::Session(other) = to
            && message.about.priority != Some(Priority::Later)
        {
            let turns = turns(from, other, facts);
            if turns > limits.turns {
                return Verdict::Quiet(to.clone(), turns);
            }
        }
    }
    Verdict::Fine
}

/// Letters, questions and proposals are said once; a note to the room may be said again.
fn is_same(said: &Message, message: &Message) -> bool {
    let (a, b) = (&said.about, &message.about);
    let asks = matches!(b.state, State::Question | State::Proposal);
    (asks || b.room == RoomName::mail())
        && a.room == b.room
        && said.id != message.id
        && said.from == message.from
        && said.text == message.text
        && message.at.seconds_since(said.at).abs() < REPEAT
        && (&a.to, a.state, &a.thread, &a.commit, &a.paths)
            == (&b.to, b.state, &b.thread, &b.commit, &b.paths)
        && a.extra("Ccc-Task").is_some() == b.extra("Ccc-Task").is_some()
}

fn spent(
    recent: &[Message],
    from: &Sender,
    to: &To,
    now: Timestamp,
    limits: Limits,
) -> Option<Verdict> {
    let sent: Vec<Timestamp> = recent
        .iter()
        .filter(|said| said.from == *from && said.about.to.contains(to))
        .map(|said| said.at)
        .collect();
    for (limit, span) in [(limits.per_minute, MINUTE), (limits.per_hour, HOUR)] {
        let mut within: Vec<i64> = sent
            .iter()
            .map(|at| at.unix())
            .filter(|at| now.unix() - at < span)
            .collect();
        within.sort_unstable();
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        if within.len() >= limit {
            let first = within
                .len()
                .checked_sub(limit.max(1))
                .and_then(|at| within.get(at));
            let free = first.map_or(now.unix(), |at| at + span);
            let count = u32::try_from(within.len()).unwrap_or(u32::MAX);
            return Some(Verdict::Spent(
                to.clone(),
                count,
                Timestamp::from_unix(free).unwrap_or(now),
            ));
        }
    }
    None
}

/// Tells whether a commit of the sender since what is answered begins the count anew.
fn breaks(from: &SessionTag, message: &Message, facts: Facts<'_>) -> bool {
    if message.about.commit.is_some() {
        return true;
    }
    let answered = message.about.reply_to.as_ref();
    let since = answered.map_or(message.at.unix() - HOUR, MessageId::at);
    facts
        .commits
        .iter()
        .any(|(by, at)| by == from && at.unix() >= since)
}

/// Counts how often the word has gone from one session to the other, this time included, with no person and no commit in between.
fn turns(from: &SessionTag, other: &SessionTag, facts: Facts<'_>) -> u32 {
    let commit = facts
        .commits
        .iter()
        .filter(|(by, _)| by == from || by == other)
        .map(|(_, at)| *at)
        .max();
    let mut turns = 0;
    let mut speaker = from;
    for said in facts.recent.iter().rev() {
        if commit.is_some_and(|commit| commit >= said.at) {
            break;
        }
        match &said.from {
            Sender::Person(_) if said.is_for(from) || said.is_for(other) => break,
            Sender::Person(_) => {}
            Sender::Session(tag) => {
                let between =
                    (tag == from && said.is_for(other)) || (tag == other && said.is_for(from));
                if between && tag != speaker {
                    turns += 1;
                    speaker = tag;
                }
            }
        }
    }
    turns
}
