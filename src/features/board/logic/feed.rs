//! One line an event, in the form in which people announce what they do.

use super::stand::qualified;
use crate::{
    base::{text::one_line, time::Timestamp},
    features::{
        board::model::{Event, What},
        chat::model::{Message, State},
    },
};

/// A message is cut to so many characters.
const TEXT: usize = 300;

/// Returns the line of an event.
pub fn line(event: &Event, repo: &str) -> String {
    let who = event.who();
    let scopes = |scopes: &[String]| {
        let all: Vec<String> = scopes.iter().map(|scope| qualified(repo, scope)).collect();
        one_line(&all.join(" "), 500)
    };
    match &event.what {
        What::Started { task } => {
            let task = task
                .as_ref()
                .map(|task| format!(" — task: {}", one_line(task, 200)));
            format!(
                "[{who}] starting — repo: {repo}{}",
                task.unwrap_or_default()
            )
        }
        What::Took { scopes: taken, eta } => {
            let eta = eta.map(|eta| format!(" — eta {}min", minutes(event.at, eta)));
            format!("[{who}] CLAIM {}{}", scopes(taken), eta.unwrap_or_default())
        }
        What::Freed { scopes: free, why } => {
            format!("[{who}] RELEASE {} — {}", scopes(free), one_line(why, 80))
        }
        What::Broke {
            holder,
            scopes: free,
            why,
        } => {
            let why = one_line(why, 200);
            format!(
                "[{who}] BREAK {} of {} — {why}",
                scopes(free),
                one_line(holder, 80)
            )
        }
        What::Committed {
            commit, subject, ..
        } => {
            let short = commit.get(..10).unwrap_or(commit);
            format!("[{who}] COMMIT {short} — {}", one_line(subject, 200))
        }
        What::Did { subject, .. } => format!("[{who}] {}", one_line(subject, 200)),
        What::Said(message) => format!("[{who}] {}", said(message)),
    }
}

fn said(message: &Message) -> String {
    let text = one_line(message.text.trim(), TEXT);
    let word = match message.about.state {
        _ if message.about.pin.is_some() => "pinned",
        // A question shows itself.
        State::Note | State::Question => return text,
        state => state.word(),
    };
    format!("{word}: {text}")
}

fn minutes(from: Timestamp, to: Timestamp) -> u64 {
    to.seconds_since(from).max(0).unsigned_abs().div_ceil(60)
}
