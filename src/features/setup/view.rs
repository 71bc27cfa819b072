//! How set-up, doctor's report and trust are shown.

use super::logic::Finding;
use crate::{
    base::text::{counted, one_line},
    ui::{Answer, table},
};
use serde::Serialize;
use std::fmt::Write as _;

/// The answer of `init`.
#[derive(Debug, Serialize)]
pub struct InitView {
    /// Whether the log was begun by this call.
    pub log_begun: bool,
    /// The directory git takes hooks from.
    pub hooks_dir: String,
    /// The directory before, whose hooks still run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_hooks_dir: Option<String>,
    /// Each hook of ours.
    pub hooks: Vec<HookView>,
    /// The manual page, if it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manual: Option<String>,
    /// The agents it was set up for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<&'static str>,
    /// The files of the worktree that carry something for them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub agent_files: Vec<String>,
}

/// One hook after `init`.
#[derive(Debug, Serialize)]
pub struct HookView {
    /// Its name.
    pub name: String,
    /// `present`, `installed` or `chained`.
    pub state: &'static str,
    /// The hook of others that runs before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chained: Option<String>,
}

impl Answer for InitView {
    const SCHEMA: &'static str = "ccc.init/1";

    fn render(&self) -> String {
        let mut out = format!(
            "ready: {} in {}\n",
            counted(self.hooks.len(), "hook"),
            self.hooks_dir
        );
        // Writing to a String cannot fail.
        if let Some(before) = &self.previous_hooks_dir {
            let _ = writeln!(out, "hooks in {before} still run, before ours");
        }
        for hook in self
            .hooks
            .iter()
            .filter(|_| self.previous_hooks_dir.is_none())
        {
            if let Some(chained) = &hook.chained {
                let _ = writeln!(out, "{} runs {chained} first", hook.name);
            }
        }
        if !self.agents.is_empty() {
            let agents = self.agents.join(", ");
            let _ = writeln!(out, "{agents}: {}", self.agent_files.join(" "));
        }
        out
    }
}

/// The answer of `uninstall`.
#[derive(Debug, Serialize)]
pub struct UninstallView {
    /// Hooks that were taken away.
    pub hooks: Vec<String>,
    /// Refs that were deleted.
    pub refs: usize,
    /// Hooks of others that stay set aside.
    pub left_aside: Vec<String>,
}

impl Answer for UninstallView {
    const SCHEMA: &'static str = "ccc.uninstall/1";

    fn render(&self) -> String {
        let mut out = match self.hooks.len() {
            0 => "no hooks of git ccc were here\n".to_owned(),
            count => format!("{} taken away\n", counted(count, "hook")),
        };
        if self.refs > 0 {
            let _ = writeln!(out, "{} refs deleted", self.refs);
        }
        for path in &self.left_aside {
            let _ = writeln!(out, "{path} stays: what took its place is not ours");
        }
        out
    }
}

/// The answer of `trust`.
#[derive(Debug, Serialize)]
pub struct TrustView {
    /// The repository.
    pub repo: String,
    /// `trusted`, `already_trusted`, `revoked` or `not_trusted`.
    pub state: &'static str,
    /// The files whose present content this is about.
    pub files: Vec<String>,
}

impl Answer for TrustView {
    const SCHEMA: &'static str = "ccc.trust/1";

    fn render(&self) -> String {
        let words = self.state.replace('_', " ");
        format!("{words}: {} {}\n", self.repo, self.files.join(" ")).replace(" \n", "\n")
    }
}

/// What doctor found, and what it looked at.
#[derive(Debug, Serialize)]
pub struct DoctorView {
    /// What is wrong, errors first.
    pub findings: Vec<FindingView>,
    /// Each hook and how it ran.
    pub hooks: Vec<FiredView>,
    /// What is so: (name, value).
    pub facts: Vec<(&'static str, String)>,
}

/// One finding as shown.
#[derive(Debug, Serialize)]
pub struct FindingView {
    /// `error` or `warning`.
    pub severity: &'static str,
    /// The word for machines.
    pub code: &'static str,
    /// What is so.
    pub fact: String,
    /// What repairs it.
    pub repair: String,
    /// Repaired by this call.
    pub fixed: bool,
}

/// One hook as it ran.
#[derive(Debug, Serialize)]
pub struct FiredView {
    /// Its name.
    pub name: String,
    /// `commit` (a scratch commit ran it), `run` (`git hook run` did), or nothing.
    pub fired: Option<&'static str>,
}

impl From<&Finding> for FindingView {
    fn from(finding: &Finding) -> Self {
        FindingView {
            severity: finding.severity.word(),
            code: finding.code,
            fact: finding.fact.clone(),
            repair: finding.repair.clone(),
            fixed: finding.fixed,
        }
    }
}

impl Answer for DoctorView {
    const SCHEMA: &'static str = "ccc.doctor/1";

    fn render(&self) -> String {
        let fact = |(name, value): &(&str, String)| vec![(*name).to_owned(), one_line(value, 200)];
        let mut out = table::columns(&self.facts.iter().map(fact).collect::<Vec<_>>());
        for how in ["commit", "run"] {
            let ran = self.hooks.iter().filter(|hook| hook.fired == Some(how));
            let names: Vec<&str> = ran.map(|hook| hook.name.as_str()).collect();
            if !names.is_empty() {
                let by = if how == "commit" {
                    "a commit"
                } else {
                    "git hook run"
                };
                let _ = writeln!(out, "{by} ran {}", names.join(", "));
            }
        }
        for finding in &self.findings {
            let word = if finding.fixed {
                "fixed"
            } else {
                finding.severity
            };
            let _ = writeln!(out, "{word}: {}", one_line(&finding.fact, 400));
            if !finding.fixed {
                let _ = writeln!(out, "  repair: {}", finding.repair);
            }
        }
        if self.findings.is_empty() {
            out.push_str("nothing is wrong\n");
        }
        out
    }
}
