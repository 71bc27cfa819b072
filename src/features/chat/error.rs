//! Refusals about messages as errors that say who is in the way and what can be done.

use super::{
    logic::{
        codec,
        thread::{Executor, Refusal},
    },
    model::{Message, To},
};
use crate::{
    base::{id::MessageId, text::one_line, time::Timestamp},
    error::Error,
};

/// A text that cannot be a message.
pub fn unsaid(refused: &codec::Refused) -> Error {
    let error = Error::usage(refused.to_string());
    match refused {
        codec::Refused::Long(_) => error.hint("git ccc chat post --attach FILE TEXT"),
        _ => error,
    }
}

/// A message that makes no sense in the present state of its thread.
pub fn refused(refusal: &Refusal, message: &Message) -> Error {
    let thread = message.thread();
    let state = message.about.state.word();
    let show = format!("git ccc chat read --thread {thread}");
    let error = match refusal {
        Refusal::NoProposal => Error::no(format!("nothing is proposed in thread {thread}")),
        Refusal::Countered(all) => all.iter().fold(
            Error::no(format!("the proposal in thread {thread} is countered")),
            |error, counter| error.because(format!("{}: {}", counter.by, counter.line)),
        ),
        Refusal::Taken(executor) => {
            Error::no(format!("{} executes thread {thread}", executor.by)).because(since(executor))
        }
        Refusal::Stale(executor) => Error::no(format!("{} executes thread {thread}", executor.by))
            .because(format!("{}, and may be replaced", since(executor)))
            .hint(format!("git ccc chat executing {thread} --take-over")),
        Refusal::Done => Error::no(format!("thread {thread} is done")),
    };
    let detail = match refusal {
        Refusal::Taken(executor) | Refusal::Stale(executor) => {
            serde_json::json!({ "thread": thread, "state": state, "executor": executor })
        }
        Refusal::Countered(all) => {
            serde_json::json!({ "thread": thread, "state": state, "counters": all })
        }
        _ => serde_json::json!({ "thread": thread, "state": state }),
    };
    error.detail(detail).hint(show)
}

fn since(executor: &Executor) -> String {
    match executor.until {
        Some(until) => format!("since {}, until {until}", executor.since),
        None => format!("since {}", executor.since),
    }
}

/// No message has this id.
pub fn unknown(id: &str) -> Error {
    Error::no(format!("no message is called {}", one_line(id, 40))).hint("git ccc chat read")
}

/// A session has said enough to another one for now.
pub fn spent(to: &To, count: u32, free: Timestamp) -> Error {
    Error::busy(format!(
        "{count} messages to {to} are enough for now; the next one can go at {free}"
    ))
    .because("inbox.per_minute and inbox.per_hour in the settings say so")
    .detail(serde_json::json!({ "to": to, "sent": count, "free": free }))
    .hint("git ccc inbox --sent")
}

/// Sessions have answered each other too often with nobody looking.
pub fn hops(thread: &MessageId, count: u32) -> Error {
    Error::no(format!(
        "sessions have answered each other {count} times in thread {thread} with no person and no commit in between"
    ))
    .because("inbox.hops in the settings says that this is enough")
    .detail(serde_json::json!({ "thread": thread, "hops": count }))
    .hint(format!(
        "git ccc chat post --question '@me thread {thread} needs a decision'"
    ))
}
