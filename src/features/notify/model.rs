//! What a person is told.

use serde::Serialize;
use std::{fmt, str::FromStr};

/// Why a person is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Somebody wrote `@me`.
    Mention,
    /// A session waits for a person: a permission, a question.
    InputNeeded,
    /// A session has done what it was asked to.
    Finished,
    /// A claim was taken away from its holder.
    BrokenClaim,
}

impl Kind {
    const ALL: [Kind; 4] = [
        Kind::Mention,
        Kind::InputNeeded,
        Kind::Finished,
        Kind::BrokenClaim,
    ];

    /// Returns the word.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Mention => "mention",
            Kind::InputNeeded => "input_needed",
            Kind::Finished => "finished",
            Kind::BrokenClaim => "broken_claim",
        }
    }

    /// Tells what it is in a few words for people.
    pub fn title(self) -> &'static str {
        match self {
            Kind::Mention => "asks for you",
            Kind::InputNeeded => "needs input",
            Kind::Finished => "has finished",
            Kind::BrokenClaim => "had a claim broken",
        }
    }

    /// Tells whether it passes the quiet hours.
    pub fn is_urgent(self) -> bool {
        self == Kind::BrokenClaim
    }

    /// Classifies what an agent calls a notification; what only says that time has passed is nothing.
    ///
    /// Unknown words are nothing: a false alarm teaches people to look away.
    pub fn of_agent(notification_type: &str) -> Option<Kind> {
        match notification_type {
            "permission_prompt" | "elicitation_dialog" | "agent_needs_input"
            | "approval-requested" => Some(Kind::InputNeeded),
            "agent-turn-complete" => Some(Kind::Finished),
            _ => None,
        }
    }
}

/// A word that names no kind.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected one of mention, input_needed, finished, broken_claim")]
pub struct NoKind;

impl FromStr for Kind {
    type Err = NoKind;

    fn from_str(text: &str) -> Result<Self, NoKind> {
        let found = Kind::ALL.into_iter().find(|kind| kind.word() == text);
        found.ok_or(NoKind)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What happened that a person is told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// The same for the same thing, however often it is sent: a message id, a claim id, an agent's own id.
    pub id: String,
    /// Why.
    pub kind: Kind,
    /// Who: the tag of a session, or a name.
    pub from: String,
    /// The repository's name.
    pub repo: String,
    /// What, as it was written.
    pub text: String,
}

/// Where it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// The user's command.
    Command,
    /// The desktop.
    Desktop,
    /// The webhook.
    Webhook,
}

impl Way {
    /// Returns the word.
    pub fn word(self) -> &'static str {
        match self {
            Way::Command => "command",
            Way::Desktop => "desktop",
            Way::Webhook => "webhook",
        }
    }
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It was told.
    Sent {
        /// Where.
        ways: Vec<Way>,
    },
    /// It was told before.
    Known,
    /// It came in the quiet hours.
    Quiet,
    /// The user does not want to be told of this kind.
    Unwanted,
    /// The user has set no way.
    Nowhere,
}
