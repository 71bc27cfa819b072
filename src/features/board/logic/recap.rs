//! What happened while one was away, the most important first, within a number of tokens.
//!
//! The order is: what others said to one, what was taken away, what still waits for an answer, what was decided, what
//! is pinned, who committed, who claimed, who came. Within each the newest comes first. A budget keeps the beginning of
//! that list, so nothing is left out for the sake of something less important.
//!
//! A token is counted as four bytes, rounded up: English prose has about that many to a token, code fewer, and other
//! scripts spend more bytes on a character, so the estimate is rather high than low where it matters.

use super::stand::qualified;
use crate::{
    base::{
        id::{RoomName, SessionTag},
        text::{counted, one_line},
        time::Timestamp,
    },
    features::{
        board::model::{Event, What},
        chat::{
            logic::{
                room::Rooms,
                thread::{Status, Thread},
            },
            model::{Message, Sender, State, To},
        },
    },
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// So many subjects or scopes of one session are named.
const NAMED: usize = 4;
/// A text of others is cut to so many characters.
const TEXT: usize = 160;

/// What an item is about, the most important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// Said to whoever asks.
    ToYou,
    /// A claim was taken away.
    Broken,
    /// A question or proposal still waits.
    Open,
    /// A thread was settled.
    Decided,
    /// Kept in sight.
    Pinned,
    /// Commits of one session.
    Commits,
    /// Claims of one session.
    Claims,
    /// Sessions that came.
    Came,
}

/// One line of a recap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// What it is about.
    pub topic: Topic,
    /// The newest thing in it.
    pub at: Timestamp,
    /// In words.
    pub line: String,
}

/// Who asks.
#[derive(Clone, Debug)]
pub enum Reader {
    /// A session.
    Session(SessionTag),
    /// A person, with the name that git knows.
    Person(String),
}

impl Reader {
    fn is(&self, sender: &Sender) -> bool {
        match (self, sender) {
            (Reader::Session(tag), Sender::Session(from)) => tag == from,
            (Reader::Person(name), Sender::Person(from)) => name == from,
            _ => false,
        }
    }

    fn did(&self, event: &Event) -> bool {
        match (&event.what, self) {
            (What::Started { .. } | What::Freed { .. }, _) => false,
            (What::Said(message), _) => self.is(&message.from),
            (_, Reader::Session(tag)) => event.session.as_ref() == Some(tag),
            (_, Reader::Person(_)) => false,
        }
    }

    fn is_addressed(&self, message: &Message) -> bool {
        match self {
            Reader::Session(tag) => message.is_for(tag),
            Reader::Person(_) => {
                let me = |to: &To| matches!(to, To::Person | To::All);
                message.about.to.iter().any(me)
            }
        }
    }
}

/// Returns the events after the last act of whoever asks, and when that was.
pub fn since_last<'a>(events: &'a [Event], reader: &Reader) -> Option<(Timestamp, &'a [Event])> {
    let last = events.iter().rposition(|event| reader.did(event))?;
    Some((events[last].at, &events[last + 1..]))
}

/// Returns what is worth telling of these events, in order.
pub fn items(
    events: &[Event],
    rooms: &Rooms,
    reader: &Reader,
    (repo, since, now): (&str, Timestamp, Timestamp),
) -> Vec<Item> {
    let (mut items, mut asked) = (Vec::new(), BTreeSet::new());
    let mut add = |topic, at, line: String| items.push(Item { topic, at, line });
    for event in events {
        match &event.what {
            What::Said(message) if !reader.is(&message.from) && reader.is_addressed(message) => {
                asked.insert(message.id.clone());
                add(Topic::ToYou, message.at, to_you(message));
            }
            What::Broke {
                holder,
                scopes,
                why,
            } => {
                let line = format!(
                    "broken: {} of {holder} by {}: {}",
                    named(repo, scopes),
                    event.who(),
                    one_line(why, TEXT)
                );
                add(Topic::Broken, event.at, line);
            }
            What::Freed { scopes, why } if why == "expired" || why == "holder-gone" => {
                let line = format!("{why}: {} of {}", named(repo, scopes), event.who());
                add(Topic::Broken, event.at, line);
            }
            _ => {}
        }
    }
    let mail = RoomName::mail();
    // What is between two is told to whom it is for, above.
    for thread in rooms.threads.values().filter(|thread| thread.room != mail) {
        if let Some((topic, line)) = told(thread, since)
            // It was said to them a line before.
            && !(topic == Topic::Open && asked.contains(&thread.id))
        {
            add(topic, thread.last, line);
        }
    }
    for pin in rooms.pinned(now) {
        add(
            Topic::Pinned,
            pin.at,
            format!("pinned: {}", one_line(&pin.line, TEXT)),
        );
    }
    groups(events, repo, reader, &mut add);
    items.sort_by(|a, b| (a.topic, b.at, &a.line).cmp(&(b.topic, a.at, &b.line)));
    items
}

fn to_you(message: &Message) -> String {
    let state = match message.about.state {
        State::Note => String::new(),
        state => format!(" {}", state.word()),
    };
    format!(
        "to you: {}{state}: {} [{}]",
        message.from,
        message.first_line(TEXT),
        message.id
    )
}

fn told(thread: &Thread, since: Timestamp) -> Option<(Topic, String)> {
    let line = one_line(&thread.line, TEXT);
    let id = &thread.id;
    Some(match thread.status {
        Status::Open => (
            Topic::Open,
            format!("open question of {}: {line} [{id}]", thread.by),
        ),
        Status::Proposed => (
            Topic::Open,
            format!("open proposal of {}: {line} [{id}]", thread.by),
        ),
        Status::Executing if thread.last >= since => {
            let who = thread
                .executor
                .as_ref()
                .map(|executor| executor.by.to_string());
            let who = who.unwrap_or_default();
            (Topic::Decided, format!("executing by {who}: {line} [{id}]"))
        }
        Status::Countered if thread.last >= since => {
            let why = thread.counters.first();
            let why =
                why.map(|counter| format!(": {}: {}", counter.by, one_line(&counter.line, 80)));
            (
                Topic::Decided,
                format!("countered: {line}{} [{id}]", why.unwrap_or_default()),
            )
        }
        Status::Done if thread.last >= since => {
            let who = thread
                .executor
                .as_ref()
                .map_or(&thread.by, |executor| &executor.by);
            let commit = thread.commit.as_deref().and_then(|commit| commit.get(..10));
            let commit = commit
                .map(|commit| format!(" in {commit}"))
                .unwrap_or_default();
            (
                Topic::Decided,
                format!("done by {who}{commit}: {line} [{id}]"),
            )
        }
        _ => return None,
    })
}

/// Tells what each session committed and claimed, and who came: a line each.
fn groups(
    events: &[Event],
    repo: &str,
    reader: &Reader,
    add: &mut impl FnMut(Topic, Timestamp, String),
) {
    let mut commits: BTreeMap<String, (Timestamp, Vec<String>)> = BTreeMap::new();
    let mut claims: BTreeMap<String, (Timestamp, Vec<String>)> = BTreeMap::new();
    let mut came: Option<(Timestamp, Vec<String>)> = None;
    let own = |event: &&Event| match reader {
        Reader::Session(tag) => event.session.as_ref() == Some(tag),
        Reader::Person(_) => false,
    };
    for event in events.iter().filter(|event| !own(event)) {
        let (group, word) = match &event.what {
            What::Committed { subject, .. } => (&mut commits, one_line(subject, 80)),
            What::Took { scopes, .. } => (&mut claims, format!("took {}", named(repo, scopes))),
            What::Freed { scopes, why } if why == "done" || why == "committed" => {
                (&mut claims, format!("released {}", named(repo, scopes)))
            }
            What::Started { task } => {
                let task = task
                    .as_ref()
                    .map(|task| format!(" ({})", one_line(task, 60)));
                let (at, all) = came.get_or_insert((event.at, Vec::new()));
                *at = event.at;
                all.push(format!("{}{}", event.who(), task.unwrap_or_default()));
                continue;
            }
            _ => continue,
        };
        let (at, all) = group.entry(event.who()).or_insert((event.at, Vec::new()));
        *at = event.at;
        all.push(word);
    }
    for (who, (at, all)) in commits {
        let count = counted(all.len(), "commit");
        let line = format!("{count} by {who}: {}", newest(&all, "; "));
        add(Topic::Commits, at, line);
    }
    for (who, (at, all)) in claims {
        add(Topic::Claims, at, format!("{who} {}", newest(&all, ", ")));
    }
    if let Some((at, all)) = came {
        add(Topic::Came, at, format!("came: {}", newest(&all, ", ")));
    }
}

fn newest(all: &[String], between: &str) -> String {
    let mut words: Vec<&str> = all.iter().rev().take(NAMED).map(String::as_str).collect();
    let more = format!("{} before", all.len().saturating_sub(NAMED));
    if all.len() > NAMED {
        words.push(&more);
    }
    words.join(between)
}

fn named(repo: &str, scopes: &[String]) -> String {
    let mut words: Vec<String> = scopes
        .iter()
        .take(NAMED)
        .map(|scope| one_line(&qualified(repo, scope), 120))
        .collect();
    if scopes.len() > NAMED {
        words.push(format!("{} more", scopes.len() - NAMED));
    }
    words.join(" ")
}

/// Estimates the tokens of a text.
pub fn tokens(text: &str) -> usize {
    text.len().div_ceil(4)
}

/// Returns how many items fit behind a head, and the text; `tail` says what is left out, if anything is.
pub fn fit(
    head: &str,
    items: &[Item],
    budget: usize,
    tail: impl Fn(usize) -> String,
) -> (usize, String) {
    for count in (0..=items.len()).rev() {
        let mut text = format!("{head}\n");
        for item in &items[..count] {
            text.push_str(&item.line);
            text.push('\n');
        }
        if count < items.len() {
            text.push_str(&tail(items.len() - count));
            text.push('\n');
        }
        if tokens(&text) <= budget {
            return (count, text);
        }
    }
    (0, String::new())
}
