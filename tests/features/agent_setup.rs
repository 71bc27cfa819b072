//! Setting agents up: what is installed, that it is theirs to read, that it works, and that every byte comes back.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::common::world::{BINARY, World};
use serde_json::{Value, json};

const BOTH: [&str; 3] = ["init", "--agent", "claude,codex"];

/// Every file and directory of the worktree, with its bytes.
fn tree(w: &World) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let (mut all, mut todo) = (BTreeMap::new(), vec![w.main_worktree()]);
    while let Some(dir) = todo.pop() {
        for entry in fs::read_dir(&dir).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.ends_with(".git") {
                continue;
            }
            if path.is_dir() && !path.is_symlink() {
                todo.push(path.clone());
                all.insert(path, None);
            } else {
                all.insert(path.clone(), Some(fs::read(&path).unwrap_or_default()));
            }
        }
    }
    all
}

fn json_of(w: &World, path: &str) -> Value {
    serde_json::from_str(&w.read(path)).expect("JSON")
}

#[test]
fn everything_comes_and_goes_to_the_byte() {
    let w = World::new();
    let before = tree(&w);
    w.ccc(BOTH).ok();
    for path in [
        ".claude/settings.json",
        ".codex/hooks.json",
        ".claude/skills/group-chat/SKILL.md",
        ".agents/skills/group-chat/SKILL.md",
        ".claude/commands/ccc-claim.md",
        "AGENTS.md",
        "CLAUDE.md",
    ] {
        assert!(w.repo().join(path).is_file(), "{path}");
    }
    let after = tree(&w);
    w.ccc(BOTH).ok();
    assert_eq!(tree(&w), after, "twice is once");
    w.ccc(["uninstall"]).ok();
    assert_eq!(tree(&w), before);
    w.ccc(BOTH).ok();
    w.ccc(["init", "--agent", "none"]).ok();
    assert_eq!(tree(&w), before);
}

#[test]
fn what_others_wrote_stays_and_comes_back() {
    let w = World::new();
    let settings = "{\n    \"model\": \"x\",\n    \"hooks\": {\n        \"Stop\": [\n            {\"hooks\": [{\"type\": \"command\", \"command\": \"say done\"}]}\n        ]\n    },\n    \"statusLine\": {\"type\": \"command\", \"command\": \"mine\"},\n    \"a\": [1,2]\n}";
    w.write(".claude/settings.json", settings);
    w.write("AGENTS.md", "# House rules\r\n\r\nBe kind.\r\n");
    w.write("CLAUDE.md", "See below.\n@AGENTS.md\n");
    w.write(".claude/commands/ccc-claim.md", "my own\n");
    let before = tree(&w);
    let out = w.ccc(["init", "--agent", "claude"]);
    assert!(
        out.ok().stderr.contains("ccc-claim.md is left as it is"),
        "{out}"
    );
    let merged = w.read(".claude/settings.json");
    assert!(merged.starts_with("{\n    \"model\": \"x\",\n    \"hooks\": {\n        \"Stop\": [\n            {\"hooks\": [{\"type\": \"command\", \"command\": \"say done\"}]},"), "{merged}");
    assert!(merged.ends_with("\"a\": [1,2]\n}"), "{merged}");
    assert_eq!(
        json_of(&w, ".claude/settings.json")["statusLine"]["command"],
        "mine"
    );
    assert_eq!(
        w.read("CLAUDE.md"),
        "See below.\n@AGENTS.md\n",
        "imported already"
    );
    assert!(!w.repo().join(".codex").exists());
    w.ccc(["uninstall"]).ok();
    assert_eq!(tree(&w), before);
}

#[test]
fn what_was_changed_since_keeps_the_change_and_loses_ours() {
    let w = World::new();
    w.write("AGENTS.md", "# Rules\n");
    w.ccc(BOTH).ok();
    let settings = w
        .read(".claude/settings.json")
        .replacen('{', "{\n  \"model\": \"new\",", 1);
    w.write(".claude/settings.json", &settings);
    w.write("AGENTS.md", w.read("AGENTS.md") + "\nMore.\n");
    w.write(".claude/skills/group-chat/SKILL.md", "my version\n");
    let out = w.ccc(["uninstall"]);
    assert!(
        out.ok()
            .stderr
            .contains("SKILL.md was changed since and stays"),
        "{out}"
    );
    assert_eq!(
        json_of(&w, ".claude/settings.json"),
        json!({"model": "new"})
    );
    assert_eq!(w.read("AGENTS.md"), "# Rules\n\nMore.\n");
    assert!(!w.repo().join("CLAUDE.md").exists() && !w.repo().join(".codex").exists());
}

#[test]
fn links_and_damaged_files_are_left_alone() {
    let w = World::new();
    fs::create_dir(w.outside().join("shared")).expect("a directory");
    symlink(w.outside().join("shared"), w.repo().join(".claude")).expect("a link");
    symlink("AGENTS.md", w.repo().join("CLAUDE.md")).expect("a link");
    w.write("AGENTS.md", "# Rules\n");
    w.write(".codex/hooks.json", "// mine\n{}");
    let before = tree(&w);
    w.ccc(BOTH).ok();
    assert_eq!(
        fs::read_dir(w.outside().join("shared"))
            .expect("a directory")
            .count(),
        0
    );
    assert!(w.repo().join("CLAUDE.md").is_symlink());
    assert_eq!(w.read(".codex/hooks.json"), "// mine\n{}");
    assert_eq!(w.read("AGENTS.md").matches("git-ccc: begin").count(), 1);
    w.ccc(["uninstall"]).ok();
    assert_eq!(tree(&w), before);
}

#[test]
fn agents_that_are_here_are_the_default() {
    let w = World::new();
    w.ccc(["init"]).ok();
    assert!(!w.repo().join("AGENTS.md").exists());
    fs::create_dir(w.home().join(".codex")).expect("a directory");
    let out = w.ccc(["init", "--json"]);
    assert_eq!(out.ok().json()["agents"], json!(["codex"]));
    assert!(out.stderr.contains("/hooks"), "{out}");
    assert!(w.repo().join(".codex/hooks.json").is_file() && !w.repo().join(".claude").exists());
    w.ccc(["init", "--agent", "cursor"]).code(2);
}

/// The commands of all hooks in a settings file.
fn commands(settings: &Value) -> Vec<String> {
    let groups = settings["hooks"].as_object().expect("hooks").values();
    let groups = groups.flat_map(|groups| groups.as_array().expect("a list"));
    let handlers = groups.flat_map(|group| group["hooks"].as_array().expect("a list"));
    handlers
        .map(|handler| handler["command"].as_str().expect("a command").to_owned())
        .collect()
}

#[test]
fn the_commands_are_the_same_bytes_everywhere_and_do_nothing_without_the_binary() {
    let w = World::new();
    w.ccc(BOTH).ok();
    let mut all = commands(&json_of(&w, ".claude/settings.json"));
    all.extend(commands(&json_of(&w, ".codex/hooks.json")));
    all.sort();
    all.dedup();
    let text = "command -v git-ccc >/dev/null || exit 0; exec git-ccc hook ";
    assert_eq!(
        all,
        ["claude", "claude-wake", "codex"].map(|word| format!("{text}{word}"))
    );
    for command in &all {
        let out = w
            .command("/bin/sh", ["-c", command])
            .env("PATH", "/nowhere")
            .stdin("{}")
            .run();
        assert_eq!((out.ok().stdout.as_str(), out.stderr.as_str()), ("", ""));
    }
    let event = json!({"session_id": "c-1", "cwd": w.repo(), "hook_event_name": "SessionStart", "source": "startup"});
    let out = w
        .command("/bin/sh", ["-c", &all[0]])
        .stdin(event.to_string())
        .run();
    assert!(out.ok().stdout.contains("git ccc"), "{out}");
}

/// A person trusts the repository and these hooks, as Codex 0.169.0 writes it down.
fn approve(w: &World, events: &[&str]) {
    let root = w.repo().display().to_string();
    let hooks: Vec<String> = events
        .iter()
        .map(|event| {
            let hook = format!("{root}/.codex/hooks.json:{event}:0:0");
            format!("[hooks.state.\"{hook}\"]\ntrusted_hash = \"x\"\n")
        })
        .collect();
    let config = format!(
        "[projects.\"{root}\"]\ntrust_level = \"trusted\"\n{}",
        hooks.concat()
    );
    fs::write(w.home().join(".codex/config.toml"), config).expect("a file");
}

#[test]
fn doctor_fires_them_and_names_the_closed_gates() {
    let w = World::new();
    w.ccc(BOTH).ok();
    let report = |w: &World| {
        let out = w.ccc(["doctor", "--json"]);
        out.json()
    };
    let codes = |report: &Value, code: &str| -> Vec<String> {
        let all = report["findings"].as_array().expect("a list").iter();
        let found = all.filter(|finding| finding["code"] == code);
        found
            .map(|finding| format!("{} {}", finding["fact"], finding["repair"]))
            .collect()
    };
    let first = report(&w);
    assert_eq!(codes(&first, "agent-hook-silent"), Vec::<String>::new());
    assert_eq!(
        codes(&first, "agent-gate").len(),
        2,
        "the trust dialog, /hooks: {first}"
    );
    assert!(
        codes(&first, "agent-gate")
            .iter()
            .any(|text| text.contains("/hooks"))
    );
    let facts = first["facts"].to_string();
    assert!(
        facts.contains("11 hooks run") && facts.contains("8 hooks run"),
        "{facts}"
    );
    let root = w.repo().display().to_string();
    let state = json!({"projects": {(&root): {"hasTrustDialogAccepted": true}}});
    fs::write(w.home().join(".claude.json"), state.to_string()).expect("a file");
    fs::create_dir(w.home().join(".codex")).expect("a directory");
    let all = "pre_tool_use permission_request post_tool_use pre_compact session_start session_end user_prompt_submit stop";
    let all: Vec<&str> = all.split(' ').collect();
    approve(&w, &all[1..]);
    let closed = codes(&report(&w), "agent-gate");
    assert_eq!(closed.len(), 1, "one that was not approved: {closed:?}");
    approve(&w, &all);
    assert_eq!(codes(&report(&w), "agent-gate"), Vec::<String>::new());
    w.write(".claude/settings.local.json", "{\"disableAllHooks\": true}");
    assert_eq!(codes(&report(&w), "agent-gate").len(), 1);
    let settings = w
        .read(".claude/settings.json")
        .replacen("hook claude\"", "hook nonsense\"", 1);
    w.write(".claude/settings.json", settings);
    assert_eq!(codes(&report(&w), "agent-hook-silent").len(), 1);
}

/// What the texts that agents read tell them to run.
fn told() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/agents");
    let mut files = vec![root.join("SKILL.md"), root.join("AGENTS.md")];
    files.extend(
        fs::read_dir(root.join("commands"))
            .expect("commands")
            .map(|entry| entry.expect("an entry").path()),
    );
    let mut found = Vec::new();
    for file in files {
        let text = fs::read_to_string(file).expect("a text");
        for (at, _) in text.match_indices("`git ccc ") {
            let words = text[at + 9..].split('`').next().unwrap_or_default();
            let plain = |word: &&str| word.chars().all(|c| c.is_ascii_lowercase());
            let named: Vec<&str> = words.split_whitespace().take(2).take_while(plain).collect();
            found.push(named.join(" "));
        }
    }
    found.sort();
    found.dedup();
    found
}

#[test]
fn what_agents_are_told_to_run_exists() {
    let w = World::new();
    let all = told();
    assert!(all.len() > 8, "{all:?}");
    for command in all {
        let help = std::iter::once("help").chain(command.split(' '));
        w.command(BINARY, help).run().ok();
    }
}
