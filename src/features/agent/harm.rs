//! Before a shell command runs: would it take uncommitted work of others away, or along?
//!
//! Only what another live session holds in the same worktree, and what has
//! changes there, is in danger; whatever else git is told is git's business.

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
    },
    git::{log, refs, run},
};
use std::{fmt::Write as _, path::Path};

/// So many paths of a refused command are named.
const NAMED: usize = 5;

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
    if danger.harm == Harm::RemoveTree {
        return remove_tree(&ctx.standing_in(&dir), own, danger);
    }
    let there = ctx.standing_in(&dir);
    let Ok(repo) = there.repo() else {
        return Ok(None);
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
    Ok((!hit.is_empty()).then(|| harmful(danger, &hit)))
}

fn harmful(danger: &Danger, hit: &[(&SessionTag, &str)]) -> String {
    let what = match danger.harm {
        Harm::Sweep => "would take along uncommitted work of other sessions in this checkout",
        Harm::Discard | Harm::RemoveTree => {
            "would take away uncommitted work of other sessions in this checkout"
        }
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
        Harm::Discard | Harm::RemoveTree => "\nnext: the same command with only this session's own paths, or git ccc chat post --question TEXT",
    });
    text
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
    let (host, path) = (ThisHost::new(), path.display().to_string());
    let lives = sessions::load_readable(repo)?.into_iter().find(|session| {
        Some(&session.tag) != own
            && session.record.worktree.as_ref() == Some(&path)
            && life(&session.record, &host, ctx.now()) == Life::Alive
    });
    Ok(lives.map(|session| {
        format!(
            "{} would remove the worktree in which {} works (git ccc)\nnext: git ccc chat post --question \"@{} TEXT\"",
            one_line(&danger.command, 120),
            session.tag,
            session.tag
        )
    }))
}
