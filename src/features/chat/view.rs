//! How the room is shown: a message as a block, rooms and threads as tables.
//!
//! What others wrote is indented, so that no text can look like the head of
//! another message, and its control characters are escaped.

use super::{
    logic::{
        room::{Pin, Rooms},
        thread::Thread,
    },
    model::{Message, Sender},
};
use crate::{
    base::{
        text::{block, counted, one_line},
        time::Timestamp,
    },
    ui::{Answer, table},
};
use serde::Serialize;
use std::fmt::Write as _;

/// Who wrote a message.
#[derive(Clone, Debug, Serialize)]
pub struct From {
    /// The session, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The person, if it is no session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
}

impl From {
    fn new(sender: &Sender) -> Self {
        match sender {
            Sender::Session(tag) => From {
                session: Some(tag.to_string()),
                person: None,
            },
            Sender::Person(name) => From {
                session: None,
                person: Some(name.clone()),
            },
        }
    }
}

/// One message as shown.
#[derive(Clone, Debug, Serialize)]
pub struct MessageView {
    /// Its id.
    pub id: String,
    /// Who wrote it.
    pub from: From,
    /// When.
    pub at: String,
    /// What it does to its thread.
    pub state: &'static str,
    /// The room.
    pub room: String,
    /// The first message of its thread, which may be itself.
    pub thread: String,
    /// The message it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// Whom it is for: tags, `@me`, `@all`.
    pub to: Vec<String>,
    /// The paths it is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// How soon it should be seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<&'static str>,
    /// The commit it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Files that came with it: `git cat-file blob <blob>` prints one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<super::model::Attachment>,
    /// The end of a pin, or the stated time of an executor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// The message it pins, which may be itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin: Option<String>,
    /// The message it unpins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unpin: Option<String>,
    /// The `executing` message it replaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub take_over: Option<String>,
    /// What other features or later versions say about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<(String, String)>,
    /// What, as it was written.
    pub text: String,
    /// Its commit in the room.
    pub oid: String,
    #[serde(skip)]
    head: String,
}

impl MessageView {
    /// Builds the view of a message and its commit, with its age at `now`.
    pub fn new(message: &Message, oid: &str, now: Timestamp) -> Self {
        let about = &message.about;
        let id = |id: &Option<crate::base::id::MessageId>| id.as_ref().map(ToString::to_string);
        MessageView {
            id: message.id.to_string(),
            from: From::new(&message.from),
            at: message.at.to_string(),
            state: about.state.word(),
            room: about.room.to_string(),
            thread: message.thread().to_string(),
            reply_to: id(&about.reply_to),
            to: about.to.iter().map(ToString::to_string).collect(),
            paths: about.paths.clone(),
            priority: about.priority.map(super::model::Priority::word),
            commit: about.commit.clone(),
            attachments: about.attachments.clone(),
            until: about.until.map(|until| until.to_string()),
            pin: id(&about.pin),
            unpin: id(&about.unpin),
            take_over: id(&about.take_over),
            extra: about.extra.clone(),
            text: message.text.clone(),
            oid: oid.to_owned(),
            head: head(message, now),
        }
    }
}

fn head(message: &Message, now: Timestamp) -> String {
    let about = &message.about;
    let mut out = format!("{}  {}", message.from, age(message.at, now));
    // Writing to a String cannot fail.
    if about.state != super::model::State::Note {
        let _ = write!(out, "  {}", about.state.word());
    }
    if !about.to.is_empty() {
        let to: Vec<String> = about.to.iter().map(ToString::to_string).collect();
        let _ = write!(out, "  to {}", to.join(", "));
    }
    if about.room.as_str() != "main" {
        let _ = write!(out, "  in {}", about.room);
    }
    if let Some(priority) = about.priority {
        let _ = write!(out, "  {}", priority.word());
    }
    if about.extra("Ccc-Task") == Some(message.id.as_str()) {
        out.push_str("  task");
    }
    if let Some(due) = about.extra("Ccc-Due") {
        let _ = write!(out, "  due {}", one_line(due, 40));
    }
    if let Some(until) = about.until {
        let _ = write!(out, "  until {until}");
    }
    for (word, id) in [("pins", &about.pin), ("unpins", &about.unpin)] {
        match id {
            Some(id) if *id == message.id => out.push_str("  pinned"),
            Some(id) => _ = write!(out, "  {word} {id}"),
            None => {}
        }
    }
    if let Some(commit) = &about.commit {
        let _ = write!(out, "  commit {}", commit.get(..12).unwrap_or(commit));
    }
    let _ = write!(out, "  [{}", message.id);
    if let Some(thread) = &about.thread {
        let _ = write!(out, " in thread {thread}");
    }
    out.push(']');
    out
}

/// Returns how long ago something was, in its largest unit.
pub fn age(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.seconds_since(at).max(0);
    match seconds {
        0..60 => format!("{seconds}s ago"),
        60..3600 => format!("{}m ago", seconds / 60),
        3600..86_400 => format!("{}h ago", seconds / 3600),
        _ => format!("{}d ago", seconds / 86_400),
    }
}

impl Answer for MessageView {
    const SCHEMA: &'static str = "ccc.message/1";

    fn render(&self) -> String {
        let mut out = format!("{}\n", self.head);
        let text = block(self.text.trim_end());
        for line in text.split('\n') {
            let _ = writeln!(out, "{}", format!("  {line}").trim_end());
        }
        for path in &self.paths {
            let _ = writeln!(out, "  path: {}", one_line(path, 200));
        }
        for file in &self.attachments {
            let _ = writeln!(
                out,
                "  file: {} ({} bytes): git cat-file blob {}",
                one_line(&file.name, 100),
                file.size,
                file.blob
            );
        }
        out
    }
}

/// `post`, `reply`, …: what was posted.
#[derive(Clone, Debug, Serialize)]
pub struct PostedView {
    /// The message.
    #[serde(flatten)]
    pub message: MessageView,
    /// It was there before: this was a retry.
    pub known: bool,
}

impl Answer for PostedView {
    const SCHEMA: &'static str = "ccc.message/1";

    fn render(&self) -> String {
        format!("{}\n", self.message.id)
    }
}

/// One room.
#[derive(Debug, Serialize)]
pub struct RoomView {
    /// Its name.
    pub room: String,
    /// Its messages.
    pub messages: u64,
    /// The newest of them.
    pub last: String,
    /// Threads in which somebody is expected to do something.
    pub open: usize,
    /// What is pinned in it.
    pub pins: usize,
}

/// `chat rooms`: every room, and what is pinned.
#[derive(Debug, Serialize)]
pub struct RoomList {
    /// The rooms, by name.
    pub rooms: Vec<RoomView>,
    /// What is pinned.
    pub pins: Vec<Pin>,
    /// What the asking session has not seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread: Option<UnreadView>,
    #[serde(skip)]
    now: Timestamp,
}

/// What a session has not seen.
#[derive(Debug, Serialize)]
pub struct UnreadView {
    /// Addressed to it.
    pub addressed: usize,
    /// All the rest.
    pub room: usize,
    /// There are more than were counted.
    pub more: bool,
}

impl RoomList {
    /// Builds the list.
    pub fn new(rooms: &Rooms, unread: Option<UnreadView>, now: Timestamp) -> Self {
        let view = |(name, count): (&crate::base::id::RoomName, &super::logic::room::Count)| {
            let open = |thread: &&Thread| thread.room == *name && thread.status.is_open();
            RoomView {
                room: name.to_string(),
                messages: count.messages,
                last: count.last.to_string(),
                open: rooms.threads.values().filter(open).count(),
                pins: rooms.pinned(now).filter(|pin| pin.room == *name).count(),
            }
        };
        RoomList {
            rooms: rooms.rooms.iter().map(view).collect(),
            pins: rooms.pinned(now).cloned().collect(),
            unread,
            now,
        }
    }
}

impl Answer for RoomList {
    const SCHEMA: &'static str = "ccc.room/1";

    fn render(&self) -> String {
        let row = |room: &RoomView| {
            let last = room.last.parse().map(|last| age(last, self.now));
            vec![
                room.room.clone(),
                counted(room.messages, "message"),
                format!("{} open", room.open),
                format!("last {}", last.unwrap_or_default()),
            ]
        };
        let mut out = table::columns(&self.rooms.iter().map(row).collect::<Vec<_>>());
        for pin in &self.pins {
            let until = pin.until.map(|until| format!(" until {until}"));
            let _ = writeln!(
                out,
                "pinned{} by {} in {}: {} [{}]",
                until.unwrap_or_default(),
                pin.by,
                pin.room,
                pin.line,
                pin.id
            );
        }
        if let Some(unread) = &self.unread {
            let more = if unread.more { " or more" } else { "" };
            let _ = writeln!(
                out,
                "unread: {} for you, {} in the room{more}",
                unread.addressed, unread.room
            );
        }
        out
    }
}

/// `chat threads`: what was asked or proposed, and where it stands.
#[derive(Debug, Serialize)]
pub struct ThreadList {
    /// The threads, the one that changed last at the end.
    pub threads: Vec<Thread>,
    #[serde(skip)]
    now: Timestamp,
}

impl ThreadList {
    /// Builds the list.
    pub fn new(mut threads: Vec<Thread>, now: Timestamp) -> Self {
        threads.sort_by(|a, b| (a.last, &a.id).cmp(&(b.last, &b.id)));
        ThreadList { threads, now }
    }
}

impl Answer for ThreadList {
    const SCHEMA: &'static str = "ccc.thread.list/1";

    fn render(&self) -> String {
        let row = |thread: &Thread| {
            let who = match &thread.executor {
                Some(executor) => format!("{} by {}", thread.status.word(), executor.by),
                None => thread.status.word().to_owned(),
            };
            vec![
                thread.id.to_string(),
                who,
                format!("{} acks", thread.acks.len()),
                thread.by.to_string(),
                age(thread.last, self.now),
                one_line(&thread.line, 80),
            ]
        };
        table::columns(&self.threads.iter().map(row).collect::<Vec<_>>())
    }
}
