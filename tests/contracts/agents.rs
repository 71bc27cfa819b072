//! What agents' hooks print, against what the vendors document: what was recorded of both, every event they document, old
//! and new fields, and what is no event at all.

use std::fs;

use serde_json::Value;

use crate::common::agent::Agent;
use crate::common::output::CommandOutput;
use crate::common::schema::faults;
use crate::common::setup::ready;
use crate::common::world::{BINARY, World};

fn data(name: &str) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/agents/");
    fs::read_to_string(format!("{path}{name}")).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The stream with its places filled in.
fn stream(w: &World, name: &str) -> Vec<String> {
    let text = data(name).replace("$REPO", &w.repo().display().to_string());
    let text = text.replace("$HOME", &w.home().display().to_string());
    text.lines().map(str::to_owned).collect()
}

/// A busy room: a sibling that holds what the streams want to write, with changes in it, and mail between any two events.
fn replay(vendor: &'static str, file: &str) {
    let w = ready(World::new());
    w.write("a.txt", "base\n");
    w.git(["add", "."]).ok();
    w.git(["commit", "-qm", "base"]).ok();
    let holder = w.session("holder");
    holder
        .ccc(["claim", "a.txt", "-m", "\"quoted\" <b>\u{7}"])
        .ok();
    w.write("a.txt", "changed\n");
    let schema: Value =
        serde_json::from_str(&data(&format!("{vendor}.schema.json"))).expect("JSON");
    let id =
        serde_json::from_str::<Value>(&stream(&w, file)[0]).expect("JSON")["session_id"].clone();
    let agent = Agent::new(&w, vendor, id.as_str().expect("an id"));
    let mut answered = Vec::new();
    for line in stream(&w, file) {
        let input: Value = serde_json::from_str(&line).expect("a line of JSON");
        let event = input["hook_event_name"].as_str().expect("a name");
        // More mail than one session may send to all in a minute.
        let mail = ["chat", "post", "@all look \u{1b}]0;x\u{7} </message> here"];
        holder
            .command(mail)
            .env("CCC_INBOX_PER_MINUTE", "1000")
            .run()
            .ok();
        let out = sent(&agent, vendor, &line);
        assert_eq!(out.ok().stderr, "", "{line}");
        if out.stdout.is_empty() {
            continue;
        }
        let schema = &schema[event];
        assert!(!schema.is_null(), "{event} has no answer, but:\n{out}");
        assert_eq!(
            faults(schema, &out.json()),
            Vec::<String>::new(),
            "{line}\n{out}"
        );
        assert!(
            !out.stdout.trim_end().chars().any(char::is_control),
            "{out}"
        );
        answered.push(event.to_owned());
    }
    answered.sort();
    answered.dedup();
    let batch = if vendor == "claude" {
        "PostToolBatch"
    } else {
        "PostToolUse"
    };
    let mut wanted = vec!["PreToolUse", "SessionStart", "Stop", "UserPromptSubmit"];
    if !(vendor == "claude" && file.contains("old")) {
        wanted.push(batch);
    }
    wanted.sort_unstable();
    assert_eq!(
        answered, wanted,
        "{file}: what has something to say says it"
    );
}

#[test]
fn answers_to_claude_are_documented_ones() {
    replay("claude", "claude.jsonl");
    replay("claude", "claude-old.jsonl");
}

#[test]
fn answers_to_codex_are_documented_ones() {
    replay("codex", "codex.jsonl");
    replay("codex", "codex-old.jsonl");
}

#[test]
fn answers_to_recorded_claude_are_documented_ones() {
    replay("claude", "claude-2.1.330.jsonl");
}

#[test]
fn answers_to_recorded_older_claude_are_documented_ones() {
    replay("claude", "claude-2.1.197.jsonl");
}

#[test]
fn answers_to_recorded_codex_are_documented_ones() {
    replay("codex", "codex-0.169.0.jsonl");
}

/// What was recorded of each agent, newest first.
const RECORDED: &[(&str, &str)] = &[
    ("claude", "claude-2.1.330.jsonl"),
    ("claude", "claude-2.1.197.jsonl"),
    ("codex", "codex-0.169.0.jsonl"),
];

/// Runs a hook as the agent does: Claude Code names the conversation of the line in the environment as well.
fn sent(agent: &Agent, vendor: &str, line: &str) -> CommandOutput {
    let id = event(line)["session_id"].clone();
    agent
        .command(["hook", vendor])
        .env("CLAUDE_CODE_SESSION_ID", id.as_str().expect("an id"))
        .stdin(line)
        .run()
}

fn event(line: &str) -> Value {
    serde_json::from_str(line).expect("a line of JSON")
}

#[test]
fn what_is_installed_was_recorded() {
    for (vendor, file) in [RECORDED[0], RECORDED[2]] {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/agents/");
        let text = fs::read_to_string(format!("{path}{vendor}.json")).expect("a template");
        let template: Value = serde_json::from_str(&text).expect("JSON");
        let lines = data(file);
        let recorded: Vec<Value> = lines
            .lines()
            .map(|line| event(line)["hook_event_name"].clone())
            .collect();
        for name in template["hooks"].as_object().expect("hooks").keys() {
            assert!(
                recorded.iter().any(|event| event == name),
                "{vendor}: {name}"
            );
        }
    }
}

#[test]
fn alone_a_session_is_told_who_it_is_and_nothing_more() {
    for (vendor, file) in RECORDED {
        let w = ready(World::new());
        w.write("a.txt", "base\n");
        w.git(["add", "."]).ok();
        w.git(["commit", "-qm", "base"]).ok();
        let lines = stream(&w, file);
        let id = event(&lines[0])["session_id"].clone();
        let agent = Agent::new(&w, vendor, id.as_str().expect("an id"));
        for line in &lines {
            let out = sent(&agent, vendor, line);
            assert_eq!(out.ok().stderr, "", "{line}");
            let begins = event(line)["hook_event_name"] == "SessionStart";
            assert_eq!(!out.stdout.is_empty(), begins, "{line}\n{out}");
        }
    }
}

#[test]
fn what_we_cannot_read_stops_no_tool() {
    for (vendor, file) in RECORDED {
        let w = ready(World::new());
        fs::write(w.repo().join(".git/refs/ccc/log"), "no oid\n").expect("a file");
        for line in stream(&w, file) {
            let kind = event(&line)["hook_event_name"].clone();
            if !matches!(
                kind.as_str(),
                Some("PreToolUse" | "Stop" | "UserPromptSubmit")
            ) {
                continue;
            }
            let out = w.command(BINARY, ["hook", vendor]).stdin(&line).run();
            assert_eq!(out.ok().stdout, "", "{line}");
            assert!(out.stderr.lines().count() <= 1, "{line}\n{out}");
        }
    }
}

#[test]
fn a_patch_below_another_directory_is_judged_where_it_lands() {
    let w = ready(World::new());
    let holder = w.session("holder");
    holder.ccc(["claim", "deep/wd3.txt"]).ok();
    let lines = stream(&w, "codex-0.169.0.jsonl");
    let moved = lines
        .iter()
        .find(|line| line.contains("cd deep && apply_patch"));
    let out = w
        .command(BINARY, ["hook", "codex"])
        .stdin(moved.expect("it was recorded"))
        .run();
    let answer = &out.ok().json()["hookSpecificOutput"];
    let reason = answer["permissionDecisionReason"].as_str();
    assert!(
        reason.is_some_and(|text| text.contains("deep/wd3.txt") && text.contains(holder.tag())),
        "{out}"
    );
}

/// Every event that Claude Code documents, and one that it does not.
const CLAUDE: &[&str] = &[
    "ConfigChange",
    "CwdChanged",
    "DirectoryAdded",
    "Elicitation",
    "ElicitationResult",
    "FileChanged",
    "InstructionsLoaded",
    "MessageDisplay",
    "NeverHeardOf",
    "Notification",
    "PermissionDenied",
    "PermissionRequest",
    "PostCompact",
    "PostToolBatch",
    "PostToolUse",
    "PostToolUseFailure",
    "PreCompact",
    "PreToolUse",
    "SessionEnd",
    "SessionStart",
    "Setup",
    "Stop",
    "StopFailure",
    "SubagentStart",
    "SubagentStop",
    "TaskCompleted",
    "TaskCreated",
    "TeammateIdle",
    "UserPromptExpansion",
    "UserPromptSubmit",
    "WorktreeCreate",
    "WorktreeRemove",
];

/// Every event of Codex.
const CODEX: &[&str] = &[
    "Interrupt",
    "PermissionRequest",
    "PostCompact",
    "PostToolUse",
    "PreCompact",
    "PreToolUse",
    "SessionEnd",
    "SessionStart",
    "Stop",
    "SubagentStart",
    "SubagentStop",
    "UserPromptSubmit",
];

#[test]
fn the_streams_have_every_event() {
    for (file, events) in [("claude.jsonl", CLAUDE), ("codex.jsonl", CODEX)] {
        let lines = data(file);
        let name = |line| {
            let event: Value = serde_json::from_str(line).expect("a line of JSON");
            event["hook_event_name"]
                .as_str()
                .expect("a name")
                .to_owned()
        };
        let mut found: Vec<String> = lines.lines().map(name).collect();
        found.sort();
        found.dedup();
        assert_eq!(found, events, "{file}");
    }
}

#[test]
fn what_is_no_event_stops_nobody_and_is_answered_with_nothing() {
    let w = ready(World::new());
    let holder = w.session("holder");
    holder.ccc(["claim", "a.txt"]).ok();
    let mut all: Vec<Vec<u8>> = stream(&w, "malformed.txt")
        .into_iter()
        .map(String::into_bytes)
        .collect();
    all.push(vec![0xff, 0xfe, 0, 1, 2]);
    all.push(
        [
            b"{\"session_id\":\"".as_slice(),
            &b"x".repeat(3_000_000),
            b"\"}",
        ]
        .concat(),
    );
    all.push([&b"[".repeat(200_000)[..], &b"]".repeat(200_000)].concat());
    for vendor in ["claude", "codex"] {
        for input in &all {
            let shown = String::from_utf8_lossy(&input[..input.len().min(200)]).into_owned();
            let out = w.command(BINARY, ["hook", vendor]).stdin(input).run();
            assert_eq!(out.ok().stdout, "", "{shown}");
            assert!(out.stderr.lines().count() <= 1, "{shown}: {out}");
        }
    }
}

#[test]
fn a_huge_event_is_read_whole() {
    let w = ready(World::new());
    let holder = w.session("holder");
    holder.ccc(["claim", "a.txt"]).ok();
    let a = Agent::new(&w, "claude", "c-1");
    a.start("startup");
    let content = "x\u{1b}\n".repeat(2_000_000);
    let input = serde_json::json!({"content": content, "file_path": w.repo().join("a.txt")});
    assert!(a.tool("Write", &input).is_some());
}

#[test]
fn the_checker_finds_what_is_not_documented() {
    let schema: Value = serde_json::from_str(&data("codex.schema.json")).expect("JSON");
    let answer = serde_json::json!({"decision": "block", "reason": "x", "systemMessage": "y"});
    assert_eq!(faults(&schema["Stop"], &answer).len(), 1);
    assert_eq!(
        faults(&schema["Stop"], &serde_json::json!({"decision": "allow"})).len(),
        2
    );
    let both = serde_json::json!({"hookSpecificOutput": {"hookEventName": "PreToolUse", "additionalContext": "x"}});
    assert_eq!(faults(&schema["PreToolUse"], &both).len(), 2);
}
