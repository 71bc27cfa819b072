//! What an agent says to its hooks, read so that no field of another version can break it.

use serde::Deserialize;
use serde_json::Value;

/// Whose agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vendor {
    /// Claude Code.
    Claude,
    /// Codex.
    Codex,
}

impl Vendor {
    /// Both.
    pub const ALL: [Vendor; 2] = [Vendor::Claude, Vendor::Codex];

    /// Returns the word by which sessions and commands know it.
    pub fn word(self) -> &'static str {
        match self {
            Vendor::Claude => "claude",
            Vendor::Codex => "codex",
        }
    }

    /// Returns how many bytes of context it takes without setting them aside in a file.
    ///
    /// Claude Code counts 10,000 characters, Codex about 2,500 tokens.
    pub fn capacity(self) -> usize {
        match self {
            Vendor::Claude => 8_000,
            Vendor::Codex => 5_000,
        }
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A conversation began, went on, was cleared or was compacted.
    SessionStart,
    /// The user said something.
    UserPromptSubmit,
    /// A tool is about to run.
    PreToolUse,
    /// A tool has run.
    PostToolUse,
    /// All tools of one answer have run.
    PostToolBatch,
    /// The context is about to be compacted.
    PreCompact,
    /// The turn is about to end.
    Stop,
    /// The agent tells its user something.
    Notification,
    /// The agent asks its user whether a tool may run.
    PermissionRequest,
    /// The conversation is over.
    SessionEnd,
    /// Any other, known or unknown.
    Other,
}

impl Event {
    /// Returns the vendors' name of an event that can be answered.
    pub fn name(self) -> &'static str {
        match self {
            Event::SessionStart => "SessionStart",
            Event::UserPromptSubmit => "UserPromptSubmit",
            Event::PreToolUse => "PreToolUse",
            Event::PostToolUse => "PostToolUse",
            Event::PostToolBatch => "PostToolBatch",
            Event::PreCompact => "PreCompact",
            Event::Stop => "Stop",
            Event::Notification => "Notification",
            Event::PermissionRequest => "PermissionRequest",
            Event::SessionEnd => "SessionEnd",
            Event::Other => "",
        }
    }

    fn of(name: &str) -> Self {
        match name {
            "SessionStart" => Event::SessionStart,
            "UserPromptSubmit" => Event::UserPromptSubmit,
            "PreToolUse" => Event::PreToolUse,
            "PostToolUse" => Event::PostToolUse,
            "PostToolBatch" => Event::PostToolBatch,
            "PreCompact" => Event::PreCompact,
            "Stop" => Event::Stop,
            "Notification" => Event::Notification,
            "PermissionRequest" => Event::PermissionRequest,
            "SessionEnd" => Event::SessionEnd,
            _ => Event::Other,
        }
    }
}

/// The fields that are read; any may be missing or of another type.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Raw {
    session_id: Value,
    cwd: Value,
    hook_event_name: Value,
    agent_id: Value,
    session_title: Value,
    source: Value,
    reason: Value,
    stop_hook_active: Value,
    notification_type: Value,
    message: Value,
    tool_name: Value,
    tool_input: Value,
    tool_use_id: Value,
    permission_mode: Value,
}

/// One event as an agent told it.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// What happened.
    pub event: Event,
    /// The agent's own id of the conversation.
    pub conversation: Option<String>,
    /// Where it stands.
    pub cwd: Option<String>,
    /// It happened in a helper that the agent started inside itself.
    pub nested: bool,
    /// That helper.
    pub agent: Option<String>,
    /// The conversation's title, if it has one.
    pub title: Option<String>,
    /// SessionStart: how it came to begin.
    pub source: Option<String>,
    /// SessionEnd: why.
    pub reason: Option<String>,
    /// Stop: the agent goes on already because a hook said so.
    pub stopping_again: bool,
    /// Notification: what kind it is.
    pub notification: Option<String>,
    /// Notification: what the user is told.
    pub message: Option<String>,
    /// The tool.
    pub tool: Option<String>,
    /// What the tool is given.
    pub tool_input: Value,
    /// This call of it.
    pub call: Option<String>,
    /// What the user lets the agent do without being asked.
    pub permission_mode: Option<String>,
}

/// A longer id is none.
const MAX_ID: usize = 200;

impl Input {
    /// Reads what came on standard input.
    pub fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let raw: Raw = serde_json::from_slice(bytes)?;
        let text = |value: &Value| {
            value
                .as_str()
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        Ok(Input {
            event: Event::of(raw.hook_event_name.as_str().unwrap_or_default()),
            conversation: text(&raw.session_id)
                .filter(|id| id.len() <= MAX_ID && !id.chars().any(char::is_control)),
            cwd: text(&raw.cwd),
            nested: text(&raw.agent_id).is_some(),
            agent: text(&raw.agent_id),
            title: text(&raw.session_title),
            source: text(&raw.source),
            reason: text(&raw.reason),
            stopping_again: raw.stop_hook_active.as_bool().unwrap_or(false),
            notification: text(&raw.notification_type),
            message: text(&raw.message),
            tool: text(&raw.tool_name),
            tool_input: raw.tool_input,
            call: text(&raw.tool_use_id),
            permission_mode: text(&raw.permission_mode),
        })
    }
}

/// What a hook answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing.
    Silence,
    /// Something for the model to know.
    Context(String),
    /// The tool must not run, and why.
    Deny(String),
    /// The turn must not end: mail waits.
    GoOn(String),
    /// The tool runs with another input.
    Changed {
        /// All of it.
        input: Value,
        /// Its user is asked first, and shown it.
        ask: bool,
        /// Why, for the user and for the model.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_any_type_are_read_or_passed_over() {
        let text = br#"{"session_id": 7, "hook_event_name": "Stop", "stop_hook_active": "yes", "cwd": ["x"], "new": {"a": 1}}"#;
        let input = Input::parse(text).expect("JSON is read");
        assert_eq!(input.event, Event::Stop);
        assert_eq!((input.conversation, input.cwd), (None, None));
        assert!(!input.stopping_again);
        assert!(Input::parse(b"{\"session_id\": \"a").is_err(), "cut off");
        assert!(Input::parse(b"[]").is_ok_and(|input| input.event == Event::Other));
        let control = Input::parse(b"{\"session_id\": \"a\\u001b[2J\"}").expect("JSON");
        assert_eq!(control.conversation, None, "an id is plain text");
    }
}
