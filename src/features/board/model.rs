//! What happened, whatever it was read from.

use crate::{
    base::{id::SessionTag, time::Timestamp},
    features::chat::model::Message,
};

/// One log entry as it was read.
#[derive(Clone, Debug)]
pub struct Logged {
    /// Its commit, in hex.
    pub oid: String,
    /// Its number.
    pub fence: u64,
    /// When.
    pub at: Timestamp,
    /// The whole message.
    pub message: String,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When, by the clock of whoever did it.
    pub at: Timestamp,
    /// The session that did it, if it was one.
    pub session: Option<SessionTag>,
    /// The number of its log entry, if it has one.
    pub fence: Option<u64>,
    /// The commit of the log or the room in which it stands.
    pub oid: String,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A session was registered.
    Started {
        /// What it is going to do.
        task: Option<String>,
    },
    /// A claim was granted.
    Took {
        /// What it covers.
        scopes: Vec<String>,
        /// When it should be done.
        eta: Option<Timestamp>,
    },
    /// Scopes are free again.
    Freed {
        /// Which.
        scopes: Vec<String>,
        /// Why: done, committed, expired, holder-gone, withdrawn.
        why: String,
    },
    /// A claim was taken away from its holder.
    Broke {
        /// Who held it.
        holder: String,
        /// What it covered.
        scopes: Vec<String>,
        /// Why.
        why: String,
    },
    /// A commit was made.
    Committed {
        /// The commit, in hex.
        commit: String,
        /// Its first line.
        subject: String,
        /// The paths that the log names.
        paths: Vec<String>,
    },
    /// Anything else that the log has.
    Did {
        /// The word for machines.
        act: String,
        /// The words for people.
        subject: String,
    },
    /// Something was said.
    Said(Box<Message>),
}

impl Event {
    /// Returns who did it.
    pub fn who(&self) -> String {
        match (&self.session, &self.what) {
            (Some(tag), _) => tag.to_string(),
            (None, What::Said(message)) => message.from.to_string(),
            _ => "somebody".to_owned(),
        }
    }

    /// Returns the message, if it is one.
    pub fn message(&self) -> Option<&Message> {
        match &self.what {
            What::Said(message) => Some(message),
            _ => None,
        }
    }
}
