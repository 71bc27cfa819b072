//! Do the agents' hooks run? Each is fired with a recorded event, and the gates that only a person opens are named.
//!
//! What the agents keep for themselves is looked at and never written.

use super::OURS;
use crate::{
    base::text::{one_line, shell},
    ctx::Ctx,
    env,
    error::Result,
    features::setup::logic::Finding,
    git::Repo,
    proc::Cmd,
};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A larger file is not looked at.
const CAP: usize = 16 << 20;
/// Managed settings of Claude Code, by system.
const MANAGED: &[&str] = &[
    "/etc/claude-code/managed-settings.json",
    "/Library/Application Support/ClaudeCode/managed-settings.json",
];

/// What was looked at.
#[derive(Debug, Default)]
pub struct Report {
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// How many hooks ran, by agent.
    pub ran: Vec<(&'static str, usize)>,
}

/// Examines what is installed in this worktree.
pub fn examine(ctx: &Ctx) -> Result<Report> {
    let mut report = Report::default();
    let Some(root) = ctx.repo()?.worktree() else {
        return Ok(report);
    };
    for (agent, file) in [
        ("claude", ".claude/settings.json"),
        ("codex", ".codex/hooks.json"),
    ] {
        let Some(settings) = json(&root.join(file)) else {
            continue;
        };
        let hooks = ours(&settings);
        if hooks.is_empty() {
            continue;
        }
        let mut ran = 0;
        for (event, command) in &hooks {
            match fire(ctx, root, event, command)? {
                None => ran += 1,
                Some(said) => report.findings.push(Finding::error(
                    "agent-hook-silent",
                    format!("the {event} hook of {agent} does not run: {said}"),
                    "command -v git-ccc",
                )),
            }
        }
        report.ran.push((agent, ran));
        report.findings.extend(if agent == "claude" {
            claude(root)
        } else {
            // In a linked worktree Codex takes the hooks of the first one, and asks for trust there (seen with 0.169.0).
            let first = Repo::open(ctx.repo()?.common_dir())?;
            codex(first.worktree().unwrap_or(root), &hooks)
        });
    }
    Ok(report)
}

fn json(path: &Path) -> Option<Value> {
    let bytes = crate::fs::read_capped(path, CAP).ok()??;
    serde_json::from_slice(&bytes).ok()
}

/// Returns our hooks in a settings file: (event, command).
fn ours(settings: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (event, groups) in settings["hooks"].as_object().into_iter().flatten() {
        let groups = groups.as_array().into_iter().flatten();
        for handler in groups.flat_map(|group| group["hooks"].as_array().into_iter().flatten()) {
            let command = handler["command"].as_str().unwrap_or_default();
            if command.contains(OURS.mark) {
                found.push((event.clone(), command.to_owned()));
            }
        }
    }
    found
}

/// Fires one hook as the agent would; says what went wrong if it did not reach us.
fn fire(ctx: &Ctx, root: &Path, event: &str, command: &str) -> Result<Option<String>> {
    let file = ctx
        .repo()?
        .ccc_dir()
        .join(format!("agent-probe-{}", ctx.dice.hex(4)));
    let input = serde_json::json!({
        "session_id": "doctor",
        "transcript_path": null,
        "cwd": root,
        "hook_event_name": event,
    });
    let cmd = Cmd::new("sh")
        .args(["-c", command])
        .dir(root)
        .env(env::PROBE, &file);
    let out = cmd.input(input.to_string()).run()?;
    let seen = std::fs::read_to_string(&file).unwrap_or_default();
    // It lies in `ccc/`, which may be deleted at any time: what stays harms nobody.
    let _ = crate::fs::remove(&file);
    if seen.lines().any(|line| line.ends_with(event)) {
        return Ok(None);
    }
    let said = one_line(out.stderr_text().trim(), 200);
    Ok(Some(if said.is_empty() {
        "git-ccc is not on the PATH of its shell".to_owned()
    } else {
        said
    }))
}

fn user_dir(variable: &str, name: &str) -> Option<PathBuf> {
    let told = env::var_os(variable).map(PathBuf::from);
    told.or_else(|| Some(env::home()?.join(name)))
}

fn closed(fact: String, step: impl Into<String>) -> Finding {
    Finding::warning("agent-gate", fact, step)
}

fn claude(root: &Path) -> Vec<Finding> {
    let mut found = Vec::new();
    let dir = user_dir(env::CLAUDE_DIR, ".claude");
    let user = dir.iter().map(|dir| dir.join("settings.json"));
    let own = ["settings.json", "settings.local.json"].map(|name| root.join(".claude").join(name));
    for path in user.chain(own).chain(MANAGED.iter().map(PathBuf::from)) {
        let Some(settings) = json(&path) else {
            continue;
        };
        if settings["disableAllHooks"] == Value::Bool(true) {
            let fact = format!(
                "{} has disableAllHooks: no hook of Claude Code runs",
                path.display()
            );
            found.push(closed(
                fact,
                format!("set disableAllHooks to false in {}", path.display()),
            ));
        }
        if settings["allowManagedHooksOnly"] == Value::Bool(true) {
            let fact = format!(
                "{} has allowManagedHooksOnly: hooks of a repository do not run",
                path.display()
            );
            found.push(closed(
                fact,
                "ask whoever manages this machine to allow them",
            ));
        }
    }
    let state = match env::var_os(env::CLAUDE_DIR) {
        Some(dir) => Some(PathBuf::from(dir).join(".claude.json")),
        None => env::home().map(|home| home.join(".claude.json")),
    };
    let trusted = state.and_then(|path| json(&path)).is_some_and(|state| {
        let projects = &state["projects"];
        root.ancestors().any(|dir| {
            projects[dir.to_string_lossy().as_ref()]["hasTrustDialogAccepted"] == Value::Bool(true)
        })
    });
    if !trusted {
        let fact =
            "Claude Code runs no hook here in a terminal before its trust dialog was accepted"
                .to_owned();
        let step = format!(
            "cd {} && claude    # and accept; claude -p needs no trust",
            shell(&root.display().to_string())
        );
        found.push(closed(fact, step));
    }
    found
}

/// Returns `PreToolUse` as `pre_tool_use`.
fn snake(event: &str) -> String {
    let mut name = String::new();
    for c in event.chars() {
        if c.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

fn codex(root: &Path, hooks: &[(String, String)]) -> Vec<Finding> {
    let mut found = Vec::new();
    let path = user_dir(env::CODEX_DIR, ".codex").map(|dir| dir.join("config.toml"));
    let text = path.and_then(|path| crate::fs::read_capped(&path, CAP).ok().flatten());
    let text = text
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default();
    let config: toml::Table = text.parse().unwrap_or_default();
    let get = |table: &str, key: &str| config.get(table).and_then(|table| table.get(key)).cloned();
    if ["hooks", "codex_hooks"]
        .iter()
        .any(|key| get("features", key) == Some(toml::Value::Boolean(false)))
    {
        let fact = "the configuration of Codex turns hooks off".to_owned();
        found.push(closed(fact, "codex features enable hooks"));
    }
    let trusted = root.ancestors().any(|dir| {
        let project = get("projects", &dir.display().to_string());
        project.and_then(|project| {
            project
                .get("trust_level")?
                .as_str()
                .map(|level| level == "trusted")
        }) == Some(true)
    });
    let file = root.join(".codex/hooks.json").display().to_string();
    let approved = get("hooks", "state").and_then(|state| state.as_table().cloned());
    // Each hook is approved by itself: FILE:pre_tool_use:0:0.
    let approved = approved.is_some_and(|state| {
        hooks.iter().all(|(event, _)| {
            let begin = format!("{file}:{}:", snake(event));
            state.keys().any(|key| key.starts_with(&begin))
        })
    });
    if !trusted || !approved {
        let fact = "Codex runs no hook here before a person has trusted the project and approved the hooks, once".to_owned();
        let step = format!(
            "cd {} && codex    # trust the folder, then its hooks: it asks for both, or type /hooks",
            shell(&root.display().to_string())
        );
        found.push(closed(fact, step));
    }
    found
}
