//! An agent as its hooks see it: a conversation id, a process, a directory; events go in as the vendors send them.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use super::command::Cmd;
use super::output::CommandOutput;
use super::world::{BINARY, World};

/// A running agent.
#[derive(Debug)]
pub struct Agent {
    world: World,
    vendor: &'static str,
    /// Its conversation.
    pub id: String,
    dir: PathBuf,
    process: Child,
}

impl Agent {
    /// An agent of a vendor whose conversation has this id, in the world's repository.
    pub fn new(world: &World, vendor: &'static str, id: &str) -> Self {
        let process = std::process::Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("a process for the agent");
        Agent {
            world: world.clone(),
            vendor,
            id: id.to_owned(),
            dir: world.repo(),
            process,
        }
    }

    /// The same agent in another directory.
    pub fn standing_in(mut self, dir: &Path) -> Self {
        dir.clone_into(&mut self.dir);
        self
    }

    /// The world it is in.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// `git ccc` as the agent's shell runs it.
    pub fn command<S: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Cmd {
        let (pid, id) = match self.vendor {
            "claude" => ("CLAUDE_PID", "CLAUDE_CODE_SESSION_ID"),
            _ => ("CCC_PID", "CODEX_THREAD_ID"),
        };
        self.world
            .command(BINARY, args)
            .cwd(&self.dir)
            .env(pid, self.process.id().to_string())
            .env(id, &self.id)
            .env("CLAUDE_CODE_ENTRYPOINT", "cli")
    }

    /// A hook that has not run yet; `fields` are added to the common ones.
    pub fn hook(&self, event: &str, fields: &Value) -> Cmd {
        let mut input = json!({
            "session_id": self.id,
            "transcript_path": null,
            "cwd": self.dir,
            "hook_event_name": event,
        });
        let all = input.as_object_mut().expect("an object");
        all.extend(fields.as_object().expect("an object").clone());
        self.command(["hook", self.vendor]).stdin(input.to_string())
    }

    /// Runs a hook, which must say yes and nothing on standard error, and returns what it answered.
    #[track_caller]
    pub fn fire(&self, event: &str, fields: &Value) -> Option<Value> {
        let out = self.hook(event, fields).run();
        assert_eq!(out.ok().stderr, "", "a hook is silent");
        (!out.stdout.is_empty()).then(|| out.json())
    }

    /// The context that a hook gives, or nothing.
    #[track_caller]
    pub fn told(&self, event: &str, fields: &Value) -> String {
        let answer = self.fire(event, fields).unwrap_or_default();
        let text = &answer["hookSpecificOutput"]["additionalContext"];
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Why an edit is refused, or nothing.
    #[track_caller]
    pub fn edit(&self, path: impl AsRef<Path>) -> Option<String> {
        let path = self.dir.join(path);
        self.tool(
            "Edit",
            &json!({"file_path": path, "old_string": "a", "new_string": "b"}),
        )
    }

    /// Why a shell command is refused, or nothing.
    #[track_caller]
    pub fn bash(&self, command: &str) -> Option<String> {
        self.tool("Bash", &json!({ "command": command }))
    }

    /// Why a tool is refused, or nothing.
    #[track_caller]
    pub fn tool(&self, name: &str, input: &Value) -> Option<String> {
        let fields = json!({"tool_name": name, "tool_input": input, "tool_use_id": "t"});
        let answer = self.fire("PreToolUse", &fields)?;
        let answer = &answer["hookSpecificOutput"];
        assert_eq!(answer["permissionDecision"], "deny");
        answer["permissionDecisionReason"]
            .as_str()
            .map(str::to_owned)
    }

    /// Begins or goes on, and returns the session's tag.
    #[track_caller]
    pub fn start(&self, source: &str) -> String {
        let text = self.told("SessionStart", &json!({ "source": source }));
        assert!(text.contains("git ccc"), "a brief: {text}");
        self.tag()
    }

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The tag under which its shell commands run.
    #[track_caller]
    pub fn tag(&self) -> String {
        self.ccc(["session", "whoami"])
            .ok()
            .stdout
            .trim()
            .to_owned()
    }

    /// Runs `git ccc` in its shell.
    pub fn ccc<S: AsRef<std::ffi::OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
    ) -> CommandOutput {
        self.command(args).run()
    }

    /// Its process ends.
    pub fn die(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.die();
    }
}
