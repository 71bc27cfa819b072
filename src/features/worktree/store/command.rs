//! Running what a template or another tool's settings name, if the user trusts the file it stands in.

use crate::{
    base::text::one_line,
    ctx::Ctx,
    env,
    error::Result,
    features::{
        template::store::{Found, Source},
        worktree::{
            model::{Lease, Record},
            store::include::Said,
        },
    },
    git::run,
    settings::{Command, TrustStore, Trusted},
};
use std::{collections::BTreeSet, path::Path};

/// When commands run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The worktree is there.
    Setup,
    /// It is about to go.
    Teardown,
}

/// A command and the file it stands in.
#[derive(Clone, Debug)]
pub struct Step {
    command: Command,
    /// The file, as `git ccc trust` takes it; nothing if no trust is needed.
    pub file: Option<String>,
}

/// A command that has run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// What.
    pub command: String,
    /// How it ended, as a shell sees it.
    pub code: u8,
}

/// What became of the commands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Those that have run; the last one may have failed.
    pub ran: Vec<Ran>,
    /// The files whose commands wait for the user's trust.
    pub waiting: BTreeSet<String>,
    /// Commands that would need another tool's own words to be filled in.
    pub foreign: Vec<String>,
}

impl Outcome {
    /// Returns the command that failed.
    pub fn failed(&self) -> Option<&Ran> {
        self.ran.last().filter(|ran| ran.code != 0)
    }
}

/// Gathers the commands of a moment: the template's, then those of other tools.
pub fn steps(root: &Path, found: Option<&Found>, foreign: &[Said], moment: Moment) -> Vec<Step> {
    let mut all = Vec::new();
    if let Some(found) = found {
        let run = &found.template.run;
        let texts = match moment {
            Moment::Setup => &run.setup,
            Moment::Teardown => &run.teardown,
        };
        let file = match &found.source {
            Source::Repo(path) => Some(path.strip_prefix(root).unwrap_or(path)),
            _ => None,
        };
        all.extend(texts.iter().map(|text| Step {
            command: found.command(text),
            file: file.map(|path| path.display().to_string()),
        }));
    }
    for said in foreign {
        let texts = match moment {
            Moment::Setup => &said.says.setup,
            Moment::Teardown => &said.says.teardown,
        };
        all.extend(texts.iter().map(|text| Step {
            command: said.command(text),
            file: Some(said.file.to_owned()),
        }));
    }
    all
}

/// Where commands run and what they are told.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The worktree.
    pub path: &'a Path,
    /// The worktree that things are brought from.
    pub root: &'a Path,
    /// What is known of it.
    pub record: &'a Record,
}

/// Runs the commands in order, up to the first that fails.
pub fn run(ctx: &Ctx, place: Place<'_>, steps: &[Step]) -> Result<Outcome> {
    let (repo, mut done) = (ctx.repo()?, Outcome::default());
    if steps.is_empty() {
        return Ok(done);
    }
    let trust = ctx.trust().unwrap_or_else(|error| {
        ctx.ui.warn(&error.to_string());
        TrustStore::default()
    });
    for step in steps {
        let Ok(trusted) = trust.admit(repo.common_dir(), &step.command) else {
            done.waiting.extend(step.file.clone());
            continue;
        };
        if trusted.value().contains("{{") {
            done.foreign.push(step.command.to_string());
            continue;
        }
        let code = watch(ctx, place, &trusted)?;
        done.ran.push(Ran {
            command: one_line(trusted.value(), 200),
            code,
        });
        if code != 0 {
            break;
        }
    }
    Ok(done)
}

/// Runs one command and returns how it ended; what it prints is narration.
pub fn watch(ctx: &Ctx, place: Place<'_>, command: &Trusted<String>) -> Result<u8> {
    ctx.ui
        .note(&format!("runs {}", one_line(command.value(), 200)));
    let cmd = surrounded(place, command, r#"exec 1>&2; eval "$1""#);
    cmd.run_attached().map(crate::proc::exit_code)
}

/// Runs one command and returns how it ended and what it printed.
pub fn ask(place: Place<'_>, command: &Trusted<String>) -> Result<(u8, String)> {
    let out = surrounded(place, command, r#"eval "$1""#).run()?;
    Ok((crate::proc::exit_code(out.status), out.stdout_text()))
}

fn surrounded(place: Place<'_>, command: &Trusted<String>, script: &str) -> crate::proc::Cmd {
    let (name, record) = (&place.record.name, place.record);
    let mut cmd = run::unpointed("sh")
        .args(["-c", script, "git-ccc"])
        .arg(command.value())
        .input("")
        .dir(place.path);
    // Each tool's own words for the same things, so that its scripts find what they know.
    for key in [
        "CCC_ROOT",
        "CONDUCTOR_ROOT_PATH",
        "ROOT_WORKTREE_PATH",
        "SUPERSET_ROOT_PATH",
    ] {
        cmd = cmd.env(key, place.root);
    }
    for key in ["CCC_WORKTREE", "CONDUCTOR_WORKSPACE_PATH"] {
        cmd = cmd.env(key, place.path);
    }
    for key in [
        "CCC_NAME",
        "CONDUCTOR_WORKSPACE_NAME",
        "SUPERSET_WORKSPACE_NAME",
    ] {
        cmd = cmd.env(key, name);
    }
    if let Some(tag) = &record.session {
        cmd = cmd.env(env::SESSION, tag.as_str());
    }
    for Lease { name, value, .. } in &record.leases {
        let key = format!("CCC_{}", name.replace(['.', '-'], "_").to_ascii_uppercase());
        cmd = cmd.env(key, value);
    }
    let port = record
        .leases
        .iter()
        .find(|lease| lease.name.starts_with("port."));
    match port {
        Some(port) => cmd.env("CONDUCTOR_PORT", &port.value),
        None => cmd,
    }
}
