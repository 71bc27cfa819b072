//! A message as a commit message, and back.
//!
//! `<text>`, a blank line, and one paragraph of trailers that begins with
//! `Ccc-Message`. Only that last paragraph is read as trailers, so a text that
//! looks like one stays text; any text comes back as it was. A first paragraph
//! that would make a bad subject is preceded by a short subject of ours, which
//! `Ccc-Subject` announces. A value that would not survive on one line is
//! written as a JSON string.

use crate::{
    base::{id::MessageId, text::one_line, time::Timestamp},
    features::chat::model::{About, Attachment, MAX_TEXT, Message, Sender},
};
use std::fmt::Write as _;

/// A subject of this many characters still reads well in `git log --oneline`.
const SUBJECT: usize = 100;

/// Why a text cannot be a message.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Nothing in it.
    #[error("a message says something")]
    Empty,
    /// More than [`MAX_TEXT`].
    #[error("a message has at most {} KiB, and this has {} KiB", MAX_TEXT / 1024, .0.div_ceil(1024))]
    Long(usize),
    /// It has a NUL, which no commit can hold.
    #[error("a message is text, and this has a NUL byte")]
    Nul,
}

/// Checks a text.
pub fn check(text: &str) -> Result<(), Refused> {
    if text.trim().is_empty() {
        Err(Refused::Empty)
    } else if text.len() > MAX_TEXT {
        Err(Refused::Long(text.len()))
    } else if text.contains('\0') {
        Err(Refused::Nul)
    } else {
        Ok(())
    }
}

/// Returns the commit message.
pub fn encode(message: &Message) -> String {
    let mut out = String::new();
    let subject = subject(&message.text);
    if let Some(subject) = &subject {
        out.push_str(subject);
        out.push_str("\n\n");
    }
    out.push_str(&message.text);
    out.push_str("\n\n");
    for (key, value) in trailers(message, subject.is_some()) {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{key}: {}", quote(&value));
    }
    out
}

/// Returns the subject to put before a text whose own first paragraph would be a bad one.
fn subject(text: &str) -> Option<String> {
    let first = text.split("\n\n").next().unwrap_or_default();
    let plain = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    let good = text.starts_with(|c: char| !c.is_whitespace())
        && first.chars().count() <= SUBJECT
        && first.chars().all(plain);
    (!good).then(|| {
        let line = text.lines().find(|line| !line.trim().is_empty());
        // What is escaped grows.
        let line = one_line(line.unwrap_or_default().trim(), SUBJECT - 20);
        line.chars().take(SUBJECT).collect()
    })
}

fn trailers(message: &Message, subject: bool) -> Vec<(String, String)> {
    let about = &message.about;
    let mut all: Vec<(String, String)> = Vec::new();
    let mut add = |key: &str, value: String| all.push((key.to_owned(), value));
    add("Ccc-Message", message.id.to_string());
    match &message.from {
        Sender::Session(tag) => add("Ccc-Session", tag.to_string()),
        Sender::Person(name) => add("Ccc-Person", name.clone()),
    }
    if subject {
        add("Ccc-Subject", "cut".to_owned());
    }
    add("Ccc-State", about.state.word().to_owned());
    add("Ccc-Room", about.room.to_string());
    for (key, id) in [
        ("Ccc-Thread", &about.thread),
        ("Ccc-Reply-To", &about.reply_to),
        ("Ccc-Pin", &about.pin),
        ("Ccc-Unpin", &about.unpin),
        ("Ccc-Take-Over", &about.take_over),
    ] {
        if let Some(id) = id {
            add(key, id.to_string());
        }
    }
    for to in &about.to {
        add("Ccc-To", to.to_string());
    }
    for path in &about.paths {
        add("Ccc-Path", path.clone());
    }
    if let Some(priority) = about.priority {
        add("Ccc-Priority", priority.word().to_owned());
    }
    if let Some(until) = about.until {
        add("Ccc-Until", until.to_string());
    }
    if let Some(commit) = &about.commit {
        add("Ccc-Commit", commit.clone());
    }
    for Attachment { blob, size, name } in &about.attachments {
        add("Ccc-Attachment", format!("{blob} {size} {name}"));
    }
    all.extend(about.extra.iter().cloned());
    all
}

fn quote(value: &str) -> String {
    let plain = !value.is_empty()
        && !value.starts_with(['"', ' '])
        && !value.ends_with(' ')
        && !value.chars().any(char::is_control);
    if plain {
        value.to_owned()
    } else {
        serde_json::Value::from(value).to_string()
    }
}

fn unquote(value: &str) -> String {
    let quoted = value.starts_with('"').then(|| serde_json::from_str(value));
    match quoted {
        Some(Ok(text)) => text,
        _ => value.to_owned(),
    }
}

/// Reads a commit message back; `None` if the commit is no message (a stock note, a merge).
pub fn decode(author: &str, at: Timestamp, commit: &str) -> Option<Message> {
    let commit = commit.strip_suffix('\n').unwrap_or(commit);
    let (mut text, last) = commit.rsplit_once("\n\n")?;
    let mut lines = last.lines();
    let id: MessageId = lines.next()?.strip_prefix("Ccc-Message: ")?.parse().ok()?;
    let mut about = About::default();
    let (mut from, mut cut) = (None, false);
    for line in lines {
        let (key, value) = line.split_once(": ")?;
        if !key.starts_with("Ccc-") {
            return None;
        }
        let value = unquote(value);
        match key {
            "Ccc-Session" if from.is_none() => from = value.parse().ok().map(Sender::Session),
            "Ccc-Person" if from.is_none() => from = Some(Sender::Person(value)),
            "Ccc-Subject" => cut = true,
            _ => read(&mut about, key, value),
        }
    }
    if cut {
        text = text.split_once("\n\n")?.1;
    }
    Some(Message {
        id,
        from: from.unwrap_or_else(|| Sender::Person(author.to_owned())),
        at,
        text: text.to_owned(),
        about,
    })
}

/// Takes in one trailer; what is not understood is kept as it was.
fn read(about: &mut About, key: &str, value: String) {
    fn set<T: std::str::FromStr>(slot: &mut T, value: &str) -> bool {
        value.parse().map(|parsed| *slot = parsed).is_ok()
    }
    fn fill<T: std::str::FromStr>(slot: &mut Option<T>, value: &str) -> bool {
        if slot.is_none() {
            *slot = value.parse().ok();
            return slot.is_some();
        }
        false
    }
    fn push<T: std::str::FromStr>(list: &mut Vec<T>, value: &str) -> bool {
        value.parse().map(|parsed| list.push(parsed)).is_ok()
    }
    let known = match key {
        "Ccc-State" => set(&mut about.state, &value),
        "Ccc-Room" => set(&mut about.room, &value),
        "Ccc-Thread" => fill(&mut about.thread, &value),
        "Ccc-Reply-To" => fill(&mut about.reply_to, &value),
        "Ccc-Pin" => fill(&mut about.pin, &value),
        "Ccc-Unpin" => fill(&mut about.unpin, &value),
        "Ccc-Take-Over" => fill(&mut about.take_over, &value),
        "Ccc-To" => push(&mut about.to, &value),
        "Ccc-Path" => push(&mut about.paths, &value),
        "Ccc-Priority" => fill(&mut about.priority, &value),
        "Ccc-Until" => fill(&mut about.until, &value),
        "Ccc-Commit" => fill(&mut about.commit, &value),
        "Ccc-Attachment" => attachment(&value)
            .map(|found| about.attachments.push(found))
            .is_some(),
        _ => false,
    };
    if !known {
        about.extra.push((key.to_owned(), value));
    }
}

fn attachment(value: &str) -> Option<Attachment> {
    let (blob, rest) = value.split_once(' ')?;
    let (size, name) = rest.split_once(' ')?;
    let hex = !blob.is_empty() && blob.bytes().all(|b| b.is_ascii_hexdigit());
    hex.then_some(Attachment {
        blob: blob.to_owned(),
        size: size.parse().ok()?,
        name: name.to_owned(),
    })
}

/// Returns the line a message about a commit leaves in that commit's note: sortable, one line, with the id at its end.
pub fn note_line(message: &Message) -> String {
    format!(
        "{} {} {}: {} [{}]",
        message.at,
        message.from,
        message.about.state.word(),
        message.first_line(160),
        message.id
    )
}

/// Tells whether a line of a note is one of ours.
pub fn is_note_line(line: &str) -> bool {
    let time = line.split(' ').next().unwrap_or_default();
    let id = line
        .strip_suffix(']')
        .and_then(|rest| rest.rsplit_once(" ["))
        .is_some_and(|(_, id)| id.parse::<MessageId>().is_ok());
    id && time.parse::<Timestamp>().is_ok()
}
