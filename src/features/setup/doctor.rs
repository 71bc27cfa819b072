//! `git ccc doctor`: what is wrong here, each with its repair.
//!
//! It looks without changing anything but its own scratch directory; `--fix`
//! repairs what needs no decision: hooks, locks that are proved dead, and sessions whose
//! process is proved gone. It also names commits of held paths that no hook saw
//! (`features/check`).

use super::{
    agents, chain, cmd,
    logic::{self, Finding, Severity},
    model, probe, store,
    view::{DoctorView, FindingView, FiredView},
};
use crate::{
    base::{
        id::SessionTag,
        text::{one_line, shell},
    },
    ctx::Ctx,
    error::{Error, Kind, Result},
    features::{
        check::store as check,
        claim::store as claim_store,
        session::{logic::Life, model::Session, store as session_store},
        worktree::store::making,
    },
    git::{Repo, locks, log, refs, repo::Backend, run},
    settings::{Origin, Settings},
};
use clap::Args;
use std::{path::Path, time::Duration};

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Repair what needs no decision
    #[arg(long)]
    pub fix: bool,
}

/// How old an index.lock must be before it is mentioned: it is held through a hook and an editor.
const LOCK_AGE: Duration = Duration::from_secs(60);

/// What is gathered on the way.
struct Exam<'a> {
    ctx: &'a Ctx,
    repo: &'a Repo,
    fix: bool,
    findings: Vec<Finding>,
    hooks: Vec<FiredView>,
    facts: Vec<(&'static str, String)>,
}

/// Examines the repository; findings that remain are a no.
pub fn doctor(ctx: &Ctx, args: &DoctorArgs) -> Result<()> {
    let mut exam = Exam {
        ctx,
        repo: ctx.repo()?,
        fix: args.fix,
        findings: Vec::new(),
        hooks: Vec::new(),
        facts: Vec::new(),
    };
    exam.git()?;
    let settings = ctx.settings();
    exam.locks()?;
    if exam.set_up() {
        exam.findings.extend(chain::examine(ctx, args.fix)?);
        exam.worktrees()?;
        exam.records()?;
        exam.breaches();
    }
    match settings {
        Ok(settings) => {
            exam.set(settings);
            exam.hooks(settings)?;
            exam.agents()?;
        }
        Err(error) => {
            let fact = error.to_string();
            let repair = "git ccc man".to_owned();
            exam.findings.push(Finding::error("settings", fact, repair));
        }
    }
    exam.findings
        .sort_by_key(|finding| finding.severity != Severity::Error);
    let open = exam
        .findings
        .iter()
        .filter(|finding| !finding.fixed)
        .count();
    ctx.ui.answer(&DoctorView {
        findings: exam.findings.iter().map(FindingView::from).collect(),
        hooks: exam.hooks,
        facts: exam.facts,
    })?;
    if open == 0 {
        return Ok(());
    }
    // The report is the answer: nothing is left to say but the exit code.
    Err(Error::new(Kind::No, ""))
}

impl Exam<'_> {
    fn git(&mut self) -> Result<()> {
        let text = run::bare().arg("--version").run()?.stdout_text();
        match logic::version(&text) {
            Some(version) => self.findings.extend(logic::judge_version(version)),
            None => self.findings.push(Finding::warning(
                "git-unknown",
                format!("git says of itself {:?}", one_line(text.trim(), 80)),
                "git --version",
            )),
        }
        let backend = match self.repo.backend() {
            Backend::Files => "files",
            Backend::Foreign => "reftable, or an extension only git reads",
        };
        self.facts
            .push(("git", text.trim().replace("git version ", "")));
        self.facts
            .push(("git-ccc", env!("CARGO_PKG_VERSION").to_owned()));
        self.facts.push(("refs", backend.to_owned()));
        self.facts.push(("hash", self.repo.hash().to_string()));
        Ok(())
    }

    fn set_up(&mut self) -> bool {
        match log::tip(self.repo) {
            Ok(tip) => {
                self.facts
                    .push(("log", format!("{} entries", tip.fence + 1)));
                true
            }
            Err(error) if matches!(refs::find(self.repo, log::REF), Ok(None)) => {
                self.findings.push(Finding::error(
                    "not-set-up",
                    error.to_string(),
                    "git ccc init",
                ));
                false
            }
            Err(error) => {
                self.findings
                    .push(chain::unreadable(self.repo, &error.to_string()));
                false
            }
        }
    }

    fn set(&mut self, settings: &Settings) {
        for entry in settings.entries() {
            if entry.origin != Origin::Default {
                let value = format!("{} = {entry} ({})", entry.key.name, entry.origin);
                self.facts.push(("setting", value));
            }
        }
    }

    fn locks(&mut self) -> Result<()> {
        if self.fix {
            let guard = log::lock(self.repo)?;
            let before = locks::survey(self.repo)?;
            log::repair_lock(self.repo, &guard)?;
            for left in before.iter().filter(|left| !left.path.exists()) {
                self.findings.push(stale(left).fixed());
            }
        }
        for left in locks::survey(self.repo)? {
            if left.dead {
                self.findings.push(stale(&left));
            } else if left.age >= LOCK_AGE || !left.path.ends_with("index.lock") {
                let path = shell(&left.path.display().to_string());
                // Only if no git runs at all: it may be held through a hook or an editor.
                let repair = format!("pgrep -a git || rm {path}");
                let fact = format!("{}; while it is there {}", left.fact(), effect(&left.path));
                self.findings
                    .push(Finding::warning("old-lock", fact, repair));
            }
        }
        Ok(())
    }

    /// Worktrees that somebody who is gone was making or removing.
    fn worktrees(&mut self) -> Result<()> {
        let left = making::left_over(self.repo);
        let repaired = if self.fix && !left.is_empty() {
            making::repair(self.repo, &making::turn(self.repo)?)?
        } else {
            Vec::new()
        };
        for one in left {
            let path = one_line(&one.path.display().to_string(), 300);
            let fact = format!("the worktree {path} was left half made or half removed");
            let finding = Finding::warning("half-made-worktree", fact, "git ccc doctor --fix");
            let done = repaired.iter().any(|repaired| repaired.name == one.name);
            self.findings
                .push(if done { finding.fixed() } else { finding });
        }
        Ok(())
    }

    fn records(&mut self) -> Result<()> {
        let (mut alive, mut dead) = (0, Vec::new());
        for (tag, record) in session_store::load_all(self.repo)? {
            match record {
                Ok(record) => match session_store::life(&record, self.ctx.now()) {
                    Life::Alive => alive += 1,
                    Life::Dead => dead.push(Session { tag, record }),
                    Life::Quiet => {}
                },
                Err(error) => {
                    self.unreadable(&format!("refs/ccc/sessions/{tag}"), &error.to_string());
                }
            }
        }
        self.facts
            .push(("sessions", format!("{alive} alive, {} dead", dead.len())));
        for session in dead {
            let tag = &session.tag;
            let fact = format!("session {tag} is dead: its process is gone");
            let finding =
                Finding::warning("dead-session", fact, format!("git ccc session end {tag}"));
            let ended = self.fix && self.bury(&session).is_ok();
            self.findings
                .push(if ended { finding.fixed() } else { finding });
        }
        let about = claim_store::About::Scopes(&[]);
        let claims = claim_store::load(self.repo, self.ctx.now(), about)?;
        for (name, _, why) in &claims.unreadable {
            self.unreadable(name, why);
        }
        let count = claims.state.claims.len();
        self.facts.push(("claims", count.to_string()));
        Ok(())
    }

    /// Commits of held paths that no hook saw: nothing undoes them, so people must talk.
    fn breaches(&mut self) {
        match check::breaches(self.ctx) {
            Ok(found) => self.findings.extend(found.iter().map(logic::breach)),
            Err(error) => {
                let fact = format!("what was committed cannot be checked: {error}");
                self.findings
                    .push(Finding::error("unreadable-history", fact, "git fsck"));
            }
        }
    }

    /// The hooks of agents, and the gates before them.
    fn agents(&mut self) -> Result<()> {
        let report = agents::gates::examine(self.ctx)?;
        self.findings.extend(report.findings);
        for (agent, ran) in report.ran {
            self.facts.push((agent, format!("{ran} hooks run")));
        }
        Ok(())
    }

    fn unreadable(&mut self, name: &str, why: &str) {
        let fact = format!("{name} cannot be read: {}", one_line(why, 200));
        // What it says may still be told from its bytes: a person decides.
        let look = format!("git cat-file -p {name}");
        self.findings
            .push(Finding::error("unreadable-record", fact, look));
    }

    /// Ends a session that is proved dead: gives its claims back, then removes its ref.
    fn bury(&self, session: &Session) -> Result<()> {
        let tag: &SessionTag = &session.tag;
        // It may have been resumed since the list was read.
        let Some((now, _)) = session_store::load(self.repo, tag)? else {
            return Ok(());
        };
        if session_store::life(&now.record, self.ctx.now()) != Life::Dead {
            return Err(Error::no(format!("session {tag} is back")));
        }
        claim_store::release_all(self.ctx, tag)?;
        session_store::remove(self.repo, tag, &self.ctx.dice)?;
        session_store::publish(self.ctx, session, true);
        Ok(())
    }

    fn hooks(&mut self, settings: &Settings) -> Result<()> {
        let repo = self.repo;
        let wanted: Vec<String> = cmd::hooks(settings)
            .into_iter()
            .map(str::to_owned)
            .collect();
        let dir = store::in_force(repo)?;
        self.facts.push(("hooks", dir.display().to_string()));
        let before = self.silent(&wanted)?;
        if self.fix && !before.is_empty() {
            let guard = log::lock(repo)?;
            let mut installed = store::load(repo)?.unwrap_or_default();
            cmd::place(self.ctx, &guard, &mut installed, settings)?;
            store::save(repo, &installed)?;
            drop(guard);
            let after = self.silent(&wanted)?;
            for finding in before {
                let still = after.iter().any(|open| open.fact == finding.fact);
                self.findings
                    .push(if still { finding } else { finding.fixed() });
            }
        } else {
            self.findings.extend(before);
        }
        Ok(())
    }

    /// Fires the hooks and says of each that did not run why.
    fn silent(&mut self, wanted: &[String]) -> Result<Vec<Finding>> {
        let dir = store::in_force(self.repo)?;
        let seen = probe::fire(self.repo, wanted, &self.ctx.dice.hex(4))?;
        let (mut found, mut hooks) = (Vec::new(), Vec::new());
        let installed = store::load(self.repo)?.unwrap_or_default();
        let before = installed.redirect.as_ref().map(|edit| edit.before.as_str());
        for name in wanted {
            let fired = if seen.by_commit.contains(name) {
                Some("commit")
            } else {
                seen.by_run.contains(name).then_some("run")
            };
            hooks.push(FiredView {
                name: name.clone(),
                fired,
            });
            let slot = store::slot(&dir, name);
            let said = seen.said.iter().find(|(who, _)| who == name);
            let finding = match &slot.text {
                None => Some((
                    "hook-missing",
                    format!("{name} is not in {}", dir.display()),
                )),
                Some(text) if !model::is_ours(text) && fired.is_none() => Some((
                    "hook-replaced",
                    format!(
                        "{} is not ours and does not run ours",
                        dir.join(name).display()
                    ),
                )),
                Some(_) if fired.is_none() => Some((
                    "hook-silent",
                    match said {
                        Some((_, said)) if !said.is_empty() => {
                            format!("git does not run {name}: {said}")
                        }
                        _ => format!("git does not run {name} of {}", dir.display()),
                    },
                )),
                Some(text) if model::is_ours(text) && !is_current(text, name, before) => Some((
                    "hook-outdated",
                    format!("{name} is a shim of another git-ccc"),
                )),
                Some(_) => None,
            };
            found.extend(finding.map(|(code, fact)| Finding::error(code, fact, "git ccc init")));
        }
        self.hooks = hooks;
        if let Some((_, said)) = seen.said.iter().find(|(who, _)| who == "commit") {
            let fact = format!("a scratch commit did not succeed: {said}");
            found.push(Finding::warning(
                "commit-refused",
                fact,
                "git hook run pre-commit",
            ));
        }
        Ok(found)
    }
}

fn is_current(text: &[u8], name: &str, before: Option<&str>) -> bool {
    let is = |before| model::shim(name, model::Role::Ours, before).as_bytes() == text;
    is(None) || is(before)
}

fn stale(left: &locks::Left) -> Finding {
    let fact = format!("{}; while it is there {}", left.fact(), effect(&left.path));
    Finding::error("stale-lock", fact, "git ccc doctor --fix")
}

/// Says what a lock stops.
fn effect(path: &Path) -> String {
    match path.file_name().and_then(|name| name.to_str()) {
        Some("packed-refs.lock" | "packed-refs.new") => "no ref can be deleted".to_owned(),
        Some("config.lock") => "no configuration can change".to_owned(),
        Some("index.lock") => "nothing can be staged".to_owned(),
        Some("HEAD.lock") => "HEAD cannot move".to_owned(),
        Some("tables.list.lock") => "no ref can change".to_owned(),
        Some("log.lock") => "no claim can change".to_owned(),
        _ => "what it guards cannot change".to_owned(),
    }
}
