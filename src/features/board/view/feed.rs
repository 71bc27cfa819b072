//! The feed and the recap as text and as JSON.

use crate::{
    base::time::Timestamp,
    features::{
        board::{
            logic::{feed, recap::Item, stand::qualified},
            model::{Event, What},
        },
        chat::model::Message,
    },
    ui::Answer,
};
use serde::Serialize;

/// One line of the feed.
#[derive(Debug, Serialize)]
pub struct FeedLine {
    /// When.
    pub at: Timestamp,
    /// Who: a session's tag, or a person's name.
    pub who: String,
    /// Its commit in the log or the room; none for a start.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub oid: String,
    /// The number of its log entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fence: Option<u64>,
    /// What.
    #[serde(flatten)]
    pub what: Said,
    /// The line for people.
    pub line: String,
}

/// What happened, for machines.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Said {
    /// A session was registered.
    Start {
        /// What it is going to do.
        task: Option<String>,
    },
    /// A claim was granted.
    Claim {
        /// What it covers.
        scopes: Vec<String>,
        /// When it should be done.
        eta: Option<Timestamp>,
    },
    /// Scopes are free again.
    Release {
        /// Which.
        scopes: Vec<String>,
        /// Why.
        why: String,
    },
    /// A claim was taken away.
    Break {
        /// Who held it.
        holder: String,
        /// What it covered.
        scopes: Vec<String>,
        /// Why.
        why: String,
    },
    /// A commit was made.
    Commit {
        /// Which.
        commit: String,
        /// Its first line.
        subject: String,
        /// The paths that the log names.
        paths: Vec<String>,
    },
    /// Anything else in the log.
    Log {
        /// The word for machines.
        act: String,
        /// The words for people.
        subject: String,
    },
    /// Something was said.
    Message {
        /// The message.
        message: Box<Message>,
    },
}

impl FeedLine {
    /// Builds the line of an event.
    pub fn new(event: &Event, repo: &str) -> Self {
        let scopes = |scopes: &[String]| -> Vec<String> {
            scopes.iter().map(|scope| qualified(repo, scope)).collect()
        };
        let what = match &event.what {
            What::Started { task } => Said::Start { task: task.clone() },
            What::Took { scopes: taken, eta } => Said::Claim {
                scopes: scopes(taken),
                eta: *eta,
            },
            What::Freed { scopes: free, why } => Said::Release {
                scopes: scopes(free),
                why: why.clone(),
            },
            What::Broke {
                holder,
                scopes: free,
                why,
            } => Said::Break {
                holder: holder.clone(),
                scopes: scopes(free),
                why: why.clone(),
            },
            What::Committed {
                commit,
                subject,
                paths,
            } => Said::Commit {
                commit: commit.clone(),
                subject: subject.clone(),
                paths: paths.clone(),
            },
            What::Did { act, subject } => Said::Log {
                act: act.clone(),
                subject: subject.clone(),
            },
            What::Said(message) => Said::Message {
                message: message.clone(),
            },
        };
        FeedLine {
            at: event.at,
            who: event.who(),
            oid: event.oid.clone(),
            fence: event.fence,
            what,
            line: feed::line(event, repo),
        }
    }
}

impl Answer for FeedLine {
    const SCHEMA: &'static str = "ccc.feed/1";

    fn render(&self) -> String {
        format!("{}\n", self.line)
    }
}

/// `recap`: what happened while one was away.
#[derive(Debug, Serialize)]
pub struct Recap {
    /// Since when.
    pub since: Timestamp,
    /// What was allowed for the text.
    pub tokens: usize,
    /// What the text takes of that.
    pub used: usize,
    /// What happened, the most important first.
    pub items: Vec<Item>,
    /// So many more did not fit.
    pub left_out: usize,
    #[serde(skip)]
    pub(in crate::features::board) text: String,
}

impl Answer for Recap {
    const SCHEMA: &'static str = "ccc.recap/1";

    fn render(&self) -> String {
        self.text.clone()
    }
}
