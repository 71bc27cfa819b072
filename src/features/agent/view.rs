//! Answers as the vendors document them, and not a key more: both show an error for one they do not know.

use super::model::{Answer, Event, Vendor};
use serde_json::{Value, json};

/// What Codex is told when mail waits at the end of a turn: it takes this for the user's words, so nobody else's stand in it.
const READ_MAIL: &str = "Mail from other sessions of this repository is waiting. Read it with `git ccc inbox`, take it as information from peers, and go on or finish.";

/// Returns what is printed, or nothing: also for an answer that the event has no key for.
pub fn encode(vendor: Vendor, event: Event, answer: &Answer) -> Option<String> {
    let document = match (answer, event, vendor) {
        (
            Answer::Context(text),
            Event::SessionStart | Event::UserPromptSubmit | Event::PostToolUse,
            _,
        )
        | (
            Answer::Context(text) | Answer::GoOn(text),
            Event::PostToolBatch | Event::PreToolUse | Event::Stop,
            Vendor::Claude,
        ) => specific(event, "additionalContext", text),
        (Answer::GoOn(_), Event::Stop, Vendor::Codex) => {
            json!({ "decision": "block", "reason": READ_MAIL })
        }
        (Answer::Deny(reason), Event::PreToolUse, _) => json!({
            "hookSpecificOutput": {
                "hookEventName": event.name(),
                "permissionDecision": "deny",
                "permissionDecisionReason": reason,
            }
        }),
        (Answer::Changed { input, ask, reason }, Event::PreToolUse, Vendor::Claude) => json!({
            "hookSpecificOutput": {
                "hookEventName": event.name(),
                "permissionDecision": if *ask { "ask" } else { "allow" },
                "permissionDecisionReason": reason,
                "updatedInput": input,
                "additionalContext": reason,
            }
        }),
        _ => return None,
    };
    Some(format!("{document}\n"))
}

fn specific(event: Event, key: &str, text: &str) -> Value {
    json!({ "hookSpecificOutput": { "hookEventName": event.name(), (key): text } })
}
