//! The only code that writes to stdout or stderr: stdout is the answer, stderr the narration.
//!
//! Every answer has a JSON form by construction. A closed pipe is the reader's
//! choice, not our failure: the program ends quietly with 0.

pub mod error;
pub mod label;
pub mod progress;
pub mod screen;
pub mod table;

use crate::error::{Error, Result};
use serde::Serialize;
use std::{
    cell::RefCell,
    io::{self, Write},
};

/// What a command answers: one JSON document of a named schema, and a short text.
pub trait Answer: Serialize {
    /// The document's schema, such as `ccc.claims/1`.
    const SCHEMA: &'static str;

    /// Returns the human form: short, plain, stable in order.
    fn render(&self) -> String;
}

/// How a command speaks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ui {
    /// Answers are JSON documents.
    pub json: bool,
    /// Narration is dropped; answers and errors never are.
    pub quiet: bool,
}

impl Ui {
    /// Prints the answer.
    pub fn answer<T: Answer>(&self, answer: &T) -> Result<()> {
        if !self.json {
            return self.raw(answer.render().as_bytes());
        }
        let mut text = document(T::SCHEMA, answer)?;
        text.push('\n');
        self.raw(text.as_bytes())
    }

    /// Prints a stream of answers in one go, JSON Lines or blocks, and tells whether somebody took it: a closed pipe is
    /// no failure, but nobody has read what went into it.
    pub fn deliver<T: Answer>(&self, answers: &[T]) -> Result<bool> {
        let mut text = String::new();
        for answer in answers {
            if self.json {
                text.push_str(&line(T::SCHEMA, answer)?);
                text.push('\n');
            } else {
                text.push_str(&answer.render());
            }
        }
        write(text.as_bytes())
    }

    /// Prints bytes that are the answer themselves (a man page, a completion script).
    pub fn raw(&self, bytes: &[u8]) -> Result<()> {
        write(bytes).map(drop)
    }

    /// The same, and tells whether somebody took it.
    pub fn hand_over(&self, bytes: &[u8]) -> Result<bool> {
        write(bytes)
    }

    /// Tells whether a person sees the answer as it is printed.
    pub fn on_terminal(&self) -> bool {
        !self.json && io::IsTerminal::is_terminal(&io::stdout())
    }

    /// Tells whether colours may be shown: on a terminal, unless `NO_COLOR` is set.
    pub fn in_colour(&self) -> bool {
        self.on_terminal() && crate::env::var("NO_COLOR").is_none()
    }

    /// Sends a terminal something that it does and does not show; `false` if there is none.
    pub fn escape(&self, sequence: &str) -> Result<bool> {
        Ok(self.on_terminal() && write(sequence.as_bytes())?)
    }

    /// Prints an answer in place of the one before, and tells whether somebody took it.
    pub fn redraw<T: Answer>(&self, answer: &T) -> Result<bool> {
        if self.on_terminal() {
            let text = format!("\x1b[H\x1b[2J{}", answer.render());
            return write(text.as_bytes());
        }
        self.deliver(std::slice::from_ref(answer))
    }

    /// Narrates.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            narrate(text);
        }
    }

    /// Warns: something was done, and something about it should be known.
    pub fn warn(&self, text: &str) {
        narrate(&format!("warning: {text}"));
    }

    /// Shows an error and returns its exit code.
    pub fn error(&self, error: &Error) -> u8 {
        let text = if self.json {
            error::json(error)
        } else {
            error::text(error)
        };
        if !text.is_empty() {
            narrate(text.trim_end());
        }
        error.kind.code()
    }
}

/// What a command said while it was listened to.
#[derive(Debug, Default)]
pub struct Said {
    /// Its answers.
    pub answer: String,
    /// Its narration and errors.
    pub narration: String,
}

thread_local! {
    /// Set while a command of this thread speaks to us instead of to the user.
    static LISTENING: RefCell<Option<Said>> = const { RefCell::new(None) };
}

/// Runs `command` and returns what it said, which then stands on neither stream.
pub fn listen<T>(command: impl FnOnce() -> T) -> (T, Said) {
    LISTENING.set(Some(Said::default()));
    let done = command();
    (done, LISTENING.take().unwrap_or_default())
}

/// Hands what is said to a listener, if there is one.
fn heard(take: impl FnOnce(&mut Said)) -> bool {
    LISTENING.with_borrow_mut(|said| said.as_mut().map(take).is_some())
}

/// Writes and flushes; `false` if the reader has closed the pipe.
fn write(bytes: &[u8]) -> Result<bool> {
    if heard(|said| said.answer.push_str(&String::from_utf8_lossy(bytes))) {
        return Ok(true);
    }
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Error::internal("the answer could not be written").caused_by(&error)),
        Ok(()) => Ok(true),
    }
}

fn unprintable(error: &serde_json::Error) -> Error {
    Error::internal("the answer has no JSON form").caused_by(error)
}

/// Returns one JSON document with its schema first.
fn document<T: Serialize>(schema: &str, answer: &T) -> Result<String> {
    serde_json::to_string_pretty(&fields(schema, answer)?).map_err(|error| unprintable(&error))
}

/// The same on one line.
fn line<T: Serialize>(schema: &str, answer: &T) -> Result<String> {
    serde_json::to_string(&fields(schema, answer)?).map_err(|error| unprintable(&error))
}

fn fields<T: Serialize>(
    schema: &str,
    answer: &T,
) -> Result<serde_json::Map<String, serde_json::Value>> {
    let mut fields = serde_json::Map::from_iter([("schema".to_owned(), schema.into())]);
    match serde_json::to_value(answer).map_err(|error| unprintable(&error))? {
        serde_json::Value::Object(map) => fields.extend(map),
        other => _ = fields.insert("value".to_owned(), other),
    }
    Ok(fields)
}

fn narrate(text: &str) {
    if heard(|said| {
        said.narration.push_str(text);
        said.narration.push('\n');
    }) {
        return;
    }
    // Locking stdout keeps the two streams from mixing inside a line on one terminal.
    let _order = io::stdout().lock();
    // A closed stderr leaves nobody to tell.
    let _ = writeln!(io::stderr().lock(), "{text}");
}
