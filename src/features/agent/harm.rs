//! Before a shell command runs: would it take uncommitted work of others away, or along?
//!
//! Only what another live session holds in the same worktree, and what has
//! changes there, is in danger; whatever else git is told is git's business.
//! What could go, whoever's it is, is saved first: a refusal names the snapshot,
//! and what is not refused can be given back.

use super::logic::danger::{Danger, Harm};
use crate::{
    base::{id::SessionTag, text::one_line},
    ctx::Ctx,
    env,
    error::Result,
    features::{
        claim::store::{self as claim_store, About},
        hook::store as held,
        session::{
            logic::{Life, life},
            store::{self as sessions, ThisHost},
        },
        wip::store::{self as wip, Outcome, Request},
    },
    git::{Oid, Repo, log, refs, run},
};
use std::{fmt::Write as _, path::Path};

/// So many paths of a refused command are named.
const NAMED: usize = 5;
/// So many bytes of what git ignores are saved: it is mostly what a build makes again, and the agent waits.
const MAX_IGNORED: u64 = 16 << 20;
/// The tips of so many branches are kept.
const MAX_KEPT: usize = 50;

/// Says what a shell command would do to others, if it would.
pub fn harm(ctx: &Ctx, own: Option<&SessionTag>, danger: &Danger) -> Result<Option<String>> {
    let mut dir = ctx.cwd().to_owned();
    for step in &danger.dirs {
        dir = match (step.strip_prefix("~/"), env::home()) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => dir.join(step),
        };
    }
    if !dir.is_dir() {
        return Ok(None);
    }
    let there = ctx.standing_in(&dir);
    match danger.harm {
        Harm::RemoveTree => return remove_tree(&there, own, danger),
        Harm::DeleteBranch => return delete_branch(&there, own, danger),
        Harm::Discard | Harm::Sweep => {}
    }
    let Ok(repo) = there.repo() else {
        return Ok(None);
    };
    let saved = match danger.harm {
        Harm::Discard => save(&there, own, (danger, &[])),
        _ => None,
    };
    let (Some(tip), Some(root)) = (refs::find(repo, log::REF)?, repo.worktree()) else {
        return Ok(None);
    };
    if held::held(repo, tip, there.now())?.scopes.is_empty() {
        return Ok(None);
    }
    let root = root.display().to_string();
    let state = claim_store::load(repo, there.now(), About::Everything)?.state;
    let others = state
        .live()
        .filter(|claim| Some(&claim.record.session) != own);
    // What another worktree holds is another copy of the file.
    let here: Vec<_> = others
        .filter(|claim| claim.record.worktree.as_ref() == Some(&root))
        .collect();
    if here.is_empty() {
        return Ok(None);
    }
    let dirty = dirty(&dir, danger)?;
    let mut hit: Vec<(&SessionTag, &str)> = Vec::new();
    for path in &dirty {
        let holder = here.iter().find(|claim| {
            claim
                .record
                .scopes
                .iter()
                .any(|scope| scope.covers_path(path, state.fold))
        });
        hit.extend(holder.map(|claim| (&claim.record.session, path.as_str())));
    }
    Ok((!hit.is_empty()).then(|| harmful(danger, &hit, saved.as_deref())))
}

/// Saves what is uncommitted in a worktree that is set up, for the session at work or, if that is none, one that works
/// there; returns the snapshot. What fails is said and decides nothing.
fn save(
    there: &Ctx,
    own: Option<&SessionTag>,
    (danger, keeps): (&Danger, &[(String, Oid)]),
) -> Option<String> {
    let why = format!("before {}", one_line(&danger.command, 100));
    let save = || -> Result<Option<String>> {
        let repo = there.repo()?;
        if repo.worktree().is_none()
            || refs::find(repo, log::REF)?.is_none()
            || !there.settings()?.wip_auto()
        {
            return Ok(None);
        }
        let Some(tag) = own
            .cloned()
            .map_or_else(|| resident(there, repo), |tag| Ok(Some(tag)))?
        else {
            return Ok(None);
        };
        let request = Request {
            why: &why,
            ignored: if danger.ignored { MAX_IGNORED } else { 0 },
            keeps,
        };
        Ok(match wip::save(there, &tag, request)?.outcome {
            Outcome::Clean => None,
            Outcome::Same(one) | Outcome::Saved(one) => Some(one.entry.note.id),
        })
    };
    save().unwrap_or_else(|error| {
        there
            .ui
            .warn(&format!("what is uncommitted could not be saved: {error}"));
        None
    })
}

/// Returns a session that works in this worktree.
fn resident(ctx: &Ctx, repo: &Repo) -> Result<Option<SessionTag>> {
    let root = repo.worktree().map(|root| root.display().to_string());
    let host = ThisHost::new();
    let mut all = sessions::load_readable(repo)?.into_iter();
    let found = all.find(|session| {
        session.record.worktree == root && life(&session.record, &host, ctx.now()) == Life::Alive
    });
    Ok(found.map(|session| session.tag))
}

fn harmful(danger: &Danger, hit: &[(&SessionTag, &str)], saved: Option<&str>) -> String {
    let what = match danger.harm {
        Harm::Sweep => "would take along uncommitted work of other sessions in this checkout",
        _ => "would take away uncommitted work of other sessions in this checkout",
    };
    let mut text = format!("{} {what} (git ccc)", one_line(&danger.command, 120));
    for (holder, path) in hit.iter().take(NAMED) {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\nbecause: {holder} holds {}, which has changes",
            one_line(path, 200)
        );
    }
    if hit.len() > NAMED {
        let _ = write!(text, "\nbecause: and {} more", hit.len() - NAMED);
    }
    text.push_str(match danger.harm {
        Harm::Sweep => "\nnext: git ccc commit -m MESSAGE -- PATHS",
        _ => "\nnext: the same command with only this session's own paths, or git ccc chat post --question TEXT",
    });
    if danger.command.starts_with("git stash") {
        text.push_str("\nnext: git ccc wip save");
    }
    mention(&mut text, saved);
    text
}

fn mention(text: &mut String, saved: Option<&str>) {
    if let Some(id) = saved {
        // Writing to a String cannot fail.
        let _ = write!(text, "\nsaved: git ccc wip show {id}");
    }
}

/// Returns the paths, from the root, that have changes which the command would touch.
fn dirty(dir: &Path, danger: &Danger) -> Result<Vec<String>> {
    let untracked = if danger.untracked { "-uall" } else { "-uno" };
    let cmd = run::at(dir).env("GIT_OPTIONAL_LOCKS", "0");
    let cmd = cmd.args([
        "status",
        "--porcelain=v1",
        "-z",
        "--no-renames",
        untracked,
        "--",
    ]);
    let out = cmd.args(&danger.paths).run()?;
    if !out.ok() {
        // A path that git does not know: it will say so itself.
        return Ok(Vec::new());
    }
    let text = out.stdout_text();
    let entry = |line: &str| {
        let (mark, path) = (line.get(..2)?, line.get(3..)?);
        let counts = if mark == "??" {
            danger.untracked
        } else {
            danger.tracked
        };
        counts.then(|| path.trim_end_matches('/').to_owned())
    };
    Ok(text.split_terminator('\0').filter_map(entry).collect())
}

fn remove_tree(ctx: &Ctx, own: Option<&SessionTag>, danger: &Danger) -> Result<Option<String>> {
    let Some(path) = danger
        .paths
        .first()
        .and_then(|path| ctx.cwd().join(path).canonicalize().ok())
    else {
        return Ok(None);
    };
    let Ok(repo) = ctx.repo() else {
        return Ok(None);
    };
    let saved = save(&ctx.standing_in(&path), own, (danger, &[]));
    let (host, path) = (ThisHost::new(), path.display().to_string());
    let lives = sessions::load_readable(repo)?.into_iter().find(|session| {
        Some(&session.tag) != own
            && session.record.worktree.as_ref() == Some(&path)
            && life(&session.record, &host, ctx.now()) == Life::Alive
    });
    Ok(lives.map(|session| {
        let what = "would remove the worktree in which";
        refusal(danger, (what, "works"), &session.tag, saved.as_deref())
    }))
}

/// Keeps the commits of the branches, and refuses if another session works on one of them.
fn delete_branch(ctx: &Ctx, own: Option<&SessionTag>, danger: &Danger) -> Result<Option<String>> {
    let Ok(repo) = ctx.repo() else {
        return Ok(None);
    };
    let mut keeps = Vec::new();
    for name in danger.paths.iter().take(MAX_KEPT) {
        let full = format!("refs/heads/{name}");
        keeps.extend(refs::find(repo, &full)?.map(|tip| (name.clone(), tip)));
    }
    if keeps.is_empty() {
        return Ok(None);
    }
    let saved = save(ctx, own, (danger, &keeps));
    let host = ThisHost::new();
    let lives = sessions::load_readable(repo)?.into_iter().find(|session| {
        let branch = session.record.branch.as_ref();
        Some(&session.tag) != own
            && branch.is_some_and(|branch| keeps.iter().any(|(name, _)| name == branch))
            && life(&session.record, &host, ctx.now()) == Life::Alive
    });
    Ok(lives.map(|session| {
        let what = "would delete the branch on which";
        refusal(danger, (what, "works"), &session.tag, saved.as_deref())
    }))
}

fn refusal(
    danger: &Danger,
    (what, does): (&str, &str),
    tag: &SessionTag,
    saved: Option<&str>,
) -> String {
    let mut text = format!(
        "{} {what} {tag} {does} (git ccc)\nnext: git ccc chat post --question \"@{tag} TEXT\"",
        one_line(&danger.command, 120),
    );
    mention(&mut text, saved);
    text
}
