//! The proof that git runs our hooks: git is made to run them, and they write their names into a file.
//!
//! First a scratch commit in a linked worktree of its own, whose objects go to a
//! directory that is thrown away; then `git hook run`, from the worktree the
//! user stands in, for what that commit did not fire. Hooks of others that our
//! shims chain are passed over (`CCC_PROBE`), and `git hook run` is never given a
//! hook that is not ours, since pushing or rewriting did not happen.

use super::{logic::Slot, model, store};
use crate::{
    base::text::one_line,
    env,
    error::{Context, Kind, Result},
    git::{Repo, run},
    proc::{Cmd, Output},
};
use std::{collections::BTreeSet, fs, path::PathBuf};

/// What one probe saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// Hooks that ran in the scratch commit.
    pub by_commit: BTreeSet<String>,
    /// Hooks that ran by `git hook run`.
    pub by_run: BTreeSet<String>,
    /// What was said by those that did not.
    pub said: Vec<(String, String)>,
}

/// A directory of our own that goes when the probe ends.
#[derive(Debug)]
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // It lies in `ccc/`, which may be deleted at any time: what stays harms nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Fires `hooks` and says which ran.
pub fn fire(repo: &Repo, hooks: &[String], id: &str) -> Result<Seen> {
    let dir = repo.ccc_dir().join(format!("probe-{id}"));
    let failed = || format!("{} cannot be written", dir.display());
    fs::create_dir_all(dir.join("objects")).context(Kind::Setup, failed)?;
    let scratch = Scratch(dir);
    let file = scratch.0.join("fired");
    let mut seen = Seen::default();
    if let Some(said) = commit(repo, &scratch, &file)? {
        seen.said.push(("commit".to_owned(), said));
    }
    seen.by_commit = names(&file);
    let in_force = store::in_force(repo)?;
    for hook in hooks.iter().filter(|hook| !seen.by_commit.contains(*hook)) {
        let Slot { text, wrapped, .. } = store::slot(&in_force, hook);
        if wrapped || !text.is_some_and(|text| model::is_ours(&text)) {
            continue;
        }
        let cmd = run::on(repo).dir(store::root(repo)).env(env::PROBE, &file);
        let out = cmd
            .args(["hook", "run", hook, "--"])
            .args(arguments(hook))
            .run()?;
        seen.by_run = names(&file);
        if !seen.by_run.contains(hook) {
            seen.said.push((hook.clone(), words(&out)));
        }
    }
    Ok(seen)
}

/// Commits nothing in a worktree of its own; returns what git said if it would not.
fn commit(repo: &Repo, scratch: &Scratch, file: &PathBuf) -> Result<Option<String>> {
    let unborn = run::read(repo).args(["rev-parse", "--verify", "-q", "HEAD^{commit}"]);
    if !unborn.run()?.ok() {
        return Ok(None);
    }
    let tree = scratch.0.join("tree");
    let add = run::on(repo).args(["worktree", "add", "-q", "--detach", "--no-checkout"]);
    let added = add.arg(&tree).arg("HEAD").run()?;
    if !added.ok() {
        return Ok(Some(words(&added)));
    }
    let made = run::at(&tree)
        .env(env::PROBE, file)
        .env("GIT_OBJECT_DIRECTORY", scratch.0.join("objects"))
        .env(
            "GIT_ALTERNATE_OBJECT_DIRECTORIES",
            repo.common_dir().join("objects"),
        )
        .args([
            "-c",
            "user.name=git-ccc",
            "-c",
            "user.email=git-ccc@localhost",
        ])
        .args([
            "-c",
            "commit.gpgSign=false",
            "-c",
            "gc.auto=0",
            "-c",
            "maintenance.auto=false",
        ])
        .args([
            "commit",
            "-q",
            "--allow-empty",
            "-m",
            "git ccc doctor tries the hooks",
        ])
        .run();
    let remove: Cmd = run::on(repo).args(["worktree", "remove", "--force", "--force"]);
    let removed = remove.arg(&tree).run()?;
    let made = made?;
    if !made.ok() {
        return Ok(Some(words(&made)));
    }
    Ok((!removed.ok()).then(|| words(&removed)))
}

fn names(file: &PathBuf) -> BTreeSet<String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().map(|line| line.trim().to_owned()).collect()
}

fn words(out: &Output) -> String {
    one_line(out.stderr_text().trim(), 300)
}

/// Arguments such as git gives (githooks(5)).
fn arguments(hook: &str) -> &'static [&'static str] {
    match hook {
        "prepare-commit-msg" => &["COMMIT_EDITMSG", "message"],
        "post-checkout" => &["HEAD", "HEAD", "0"],
        "post-rewrite" => &["amend"],
        "pre-push" => &["origin", "origin"],
        "reference-transaction" => &["prepared"],
        _ => &[],
    }
}
