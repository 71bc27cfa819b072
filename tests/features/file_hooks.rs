//! Shared files through the hooks of agents: the collisions that last-writer-wins makes, played by two scripted sessions.

use crate::common::agent::Agent;
use crate::common::setup::ready;
use crate::common::world::{BINARY, World};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

const INDEX: &str = ".claude/skills/_index.md";

fn world(path: &str, text: &str) -> (World, PathBuf) {
    let w = ready(World::new());
    let file = w.home().join(path);
    fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
    fs::write(&file, text).expect("a file");
    (w, file)
}

fn claude(w: &World, id: &str) -> (Agent, String) {
    let agent = Agent::new(w, "claude", id);
    let tag = agent.start("startup");
    (agent, tag)
}

/// One call of a tool, as the agent makes it: its hooks run, and the tool between them does what they let it do.
struct Call<'a> {
    agent: &'a Agent,
    tool: &'static str,
    input: Value,
    mode: &'static str,
}

impl Call<'_> {
    fn fields(&self) -> Value {
        json!({
            "tool_name": self.tool,
            "tool_input": self.input,
            "tool_use_id": format!("{}-{}", self.agent.id, self.tool),
            "permission_mode": self.mode,
        })
    }

    /// The hook before it; returns what the tool is to write, or why it may not.
    #[track_caller]
    fn before(&mut self) -> Result<(), String> {
        let answer = self.agent.fire("PreToolUse", &self.fields());
        let Some(answer) = answer.map(|answer| answer["hookSpecificOutput"].clone()) else {
            return Ok(());
        };
        if answer["permissionDecision"] == "deny" {
            let reason = answer["permissionDecisionReason"].as_str();
            return Err(reason.expect("a reason").to_owned());
        }
        let wanted = match self.mode {
            "bypassPermissions" => "allow",
            _ => "ask",
        };
        assert_eq!(
            answer["permissionDecision"], wanted,
            "nothing is allowed that was not"
        );
        self.input = answer["updatedInput"].clone();
        // What the harness prints has this in place of the path.
        let path = self.input["file_path"].as_str().expect("a path");
        let home = self.agent.world().home();
        self.input["file_path"] = json!(path.replace("$HOME", home.to_str().expect("a path")));
        Ok(())
    }

    /// What the tool itself does.
    fn run(&self) {
        let path = Path::new(self.input["file_path"].as_str().expect("a path"));
        let text = |key: &str| self.input[key].as_str().expect("a text");
        match self.tool {
            "Write" => fs::write(path, text("content")).expect("it is written"),
            "Edit" => {
                let now = fs::read_to_string(path).expect("a file");
                let new = now.replacen(text("old_string"), text("new_string"), 1);
                fs::write(path, new).expect("it is written");
            }
            _ => {}
        }
    }

    /// The hook after it; returns what the session is told.
    #[track_caller]
    fn after(&self) -> String {
        self.agent.told("PostToolUse", &self.fields())
    }

    /// All of it.
    #[track_caller]
    fn done(&mut self) -> String {
        self.before().expect("it is let through");
        self.run();
        self.after()
    }
}

fn read<'a>(agent: &'a Agent, path: &Path) -> Call<'a> {
    Call {
        agent,
        tool: "Read",
        input: json!({ "file_path": path }),
        mode: "default",
    }
}

fn write<'a>(agent: &'a Agent, path: &Path, text: &str) -> Call<'a> {
    Call {
        agent,
        tool: "Write",
        input: json!({ "file_path": path, "content": text }),
        mode: "default",
    }
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).expect("a file")
}

fn log(w: &World, path: &Path) -> Vec<Value> {
    let path = path.to_str().expect("a path");
    let log = w
        .command(BINARY, ["file", "log", path, "--json"])
        .cwd(w.outside())
        .run();
    log.ok().json()["versions"]
        .as_array()
        .expect("a list")
        .clone()
}

/// Two sessions learn a skill each and write the index from what they had read.
#[test]
fn two_skills_learned_at_one_time_are_both_in_the_index() {
    let start = "# Skills\n\n- deploy: how to deploy\n";
    let (w, index) = world(INDEX, start);
    let ((a, a_tag), (b, b_tag)) = (claude(&w, "c-a"), claude(&w, "c-b"));
    read(&a, &index).done();
    read(&b, &index).done();
    assert_eq!(
        write(&a, &index, &format!("{start}- voice: buffers\n")).done(),
        ""
    );
    for mode in ["default", "bypassPermissions"] {
        let mut call = write(&b, &index, &format!("{start}- mail: templates\n"));
        call.mode = mode;
        call.before().expect("merged");
        let merged = call.input["content"].as_str().expect("a text").to_owned();
        assert!(merged.contains("- voice: buffers\n") && merged.contains("- mail: templates\n"));
    }
    let mut call = write(&b, &index, &format!("{start}- mail: templates\n"));
    let told = call.done();
    assert!(
        told.contains(&a_tag),
        "the session is told that there is more: {told}"
    );
    for entry in [
        "- deploy: how to deploy\n",
        "- voice: buffers\n",
        "- mail: templates\n",
    ] {
        assert!(
            text(&index).contains(entry),
            "{entry} is lost:\n{}",
            text(&index)
        );
    }
    let story: Vec<(Value, Value)> = log(&w, &index)
        .iter()
        .rev()
        .map(|entry| (entry["act"].clone(), entry["by"].clone()))
        .collect();
    assert_eq!(
        story,
        [
            (json!("first"), Value::Null),
            (json!("write"), json!(a_tag)),
            (json!("merge"), json!(b_tag)),
        ]
    );
    // It goes on from what it knows, and takes nothing away that it was never shown.
    write(&b, &index, &format!("{start}- mail: better templates\n")).done();
    assert!(
        text(&index).contains("- voice: buffers\n"),
        "{}",
        text(&index)
    );
    assert!(text(&index).contains("- mail: better templates\n"));
}

/// The memory of a project is one directory for all its worktrees.
#[test]
fn two_memories_at_one_time_are_both_kept_though_both_tools_wrote_at_once() {
    let start = "# Memory\n\n## Decisions\n\n- tabs\n";
    let (w, memory) = world(".claude/projects/-repo/memory/MEMORY.md", start);
    let ((a, a_tag), (b, b_tag)) = (claude(&w, "c-a"), claude(&w, "c-b"));
    read(&a, &memory).done();
    read(&b, &memory).done();
    let mut one = write(&a, &memory, &format!("{start}- port 3000\n"));
    let mut two = write(&b, &memory, &format!("{start}- queue in redis\n"));
    one.before().expect("free");
    two.before().expect("free: the other has not written yet");
    one.run();
    two.run();
    assert!(
        !text(&memory).contains("port 3000"),
        "the last writer has won, for now"
    );
    one.after();
    two.after();
    for entry in ["- tabs\n", "- port 3000\n", "- queue in redis\n"] {
        assert!(
            text(&memory).contains(entry),
            "{entry} is lost:\n{}",
            text(&memory)
        );
    }
    let log = log(&w, &memory);
    let by = |tag: &str| log.iter().any(|entry| entry["by"] == tag);
    assert!(by(&a_tag) || by(&b_tag), "{log:?}");
}

#[test]
fn an_edit_is_recorded_and_a_part_that_was_read_is_not_the_whole() {
    let (w, index) = world(INDEX, "# Skills\n\n- a\n- b\n");
    let ((a, a_tag), (b, _)) = (claude(&w, "c-a"), claude(&w, "c-b"));
    let mut edit = Call {
        agent: &a,
        tool: "Edit",
        input: json!({"file_path": index, "old_string": "- a", "new_string": "- a, better"}),
        mode: "default",
    };
    edit.done();
    assert_eq!(text(&index), "# Skills\n\n- a, better\n- b\n");
    assert_eq!(log(&w, &index)[0]["by"], a_tag);
    // Half a file was read: what is written whole would take the other half away.
    let mut part = read(&b, &index);
    part.input["limit"] = json!(2);
    part.done();
    let reason = write(&b, &index, "# Skills\n")
        .before()
        .expect_err("refused");
    assert!(
        reason.contains("next: read ~/.claude/skills/_index.md again"),
        "{reason}"
    );
    assert_eq!(text(&index), "# Skills\n\n- a, better\n- b\n");
    // Nobody is told what to do with files of one's own.
    write(&b, &w.home().join("private.md"), "x\n").done();
    assert!(!b.ccc(["file", "list"]).ok().stdout.contains("private.md"));
}

#[test]
fn the_same_setting_changed_by_two_is_refused_with_both_values() {
    let (w, settings) = world(".claude/settings.json", "{\n  \"model\": \"x\"\n}\n");
    let ((a, a_tag), (b, _)) = (claude(&w, "c-a"), claude(&w, "c-b"));
    read(&a, &settings).done();
    read(&b, &settings).done();
    write(&a, &settings, "{\n  \"model\": \"y\"\n}\n").done();
    let reason = write(&b, &settings, "{\n  \"model\": \"z\"\n}\n")
        .before()
        .expect_err("refused");
    for part in ["model", "\"z\"", "\"y\"", a_tag.as_str(), "next: read"] {
        assert!(reason.contains(part), "{part}: {reason}");
    }
    let reason = write(&b, &settings, "{\n  \"model\": ")
        .before()
        .expect_err("refused");
    assert!(reason.contains("not valid"), "{reason}");
    assert_eq!(text(&settings), "{\n  \"model\": \"y\"\n}\n");
}

/// What may not be changed on its way is refused, with the merge ready and the command that applies it.
#[test]
fn a_merge_that_cannot_be_handed_over_is_ready_to_apply() {
    let start = "# Skills\n\n- a\n";
    let (w, index) = world(".codex/AGENTS.md", start);
    let (a, a_tag) = claude(&w, "c-a");
    let b = Agent::new(&w, "codex", "x-b");
    b.start("startup");
    read(&a, &index).done();
    b.ccc(["file", "cat", "~/.codex/AGENTS.md"]).ok();
    a.ccc(["file", "edit", "~/.codex/AGENTS.md", "--append", "- from a"])
        .ok();
    let patch = format!(
        "*** Begin Patch\n*** Add File: {}\n+# Skills\n+\n+- a\n+- from b\n*** End Patch",
        index.display()
    );
    let reason = b
        .tool("apply_patch", &json!({ "command": patch }))
        .expect("refused");
    assert!(reason.contains(&a_tag), "{reason}");
    let next = reason
        .lines()
        .find_map(|line| line.strip_prefix("next: git ccc file write "))
        .expect("the command");
    assert_eq!(
        text(&index),
        format!("{start}- from a\n"),
        "nothing is written yet"
    );
    let words = ["file", "write"].into_iter().chain(next.split(' '));
    b.ccc(words).ok();
    let now = text(&index);
    assert!(
        now.contains("- from a\n") && now.contains("- from b\n"),
        "{now}"
    );
    // An update is the tool's own; it is recorded under its session's name.
    let patch = format!(
        "*** Begin Patch\n*** Update File: {}\n@@\n-- a\n+- A\n*** End Patch",
        index.display()
    );
    let fields =
        json!({"tool_name": "apply_patch", "tool_input": {"command": patch}, "tool_use_id": "u"});
    assert_eq!(b.fire("PreToolUse", &fields), None);
    fs::write(&index, now.replace("- a\n", "- A\n")).expect("the tool writes");
    b.fire("PostToolUse", &fields);
    assert_eq!(log(&w, &index)[0]["by"], b.tag());
    // So does Claude Code where nobody could be asked.
    read(&a, &index).done();
    b.ccc(["file", "edit", "~/.codex/AGENTS.md", "--append", "- more"])
        .ok();
    let mut call = write(&a, &index, "# Skills\n\n- A\n- from a\n- from b\n- last\n");
    call.mode = "dontAsk";
    let reason = call.before().expect_err("refused");
    assert!(reason.contains("--kept"), "{reason}");
}
