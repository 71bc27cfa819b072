//! Before a tool runs: does it write what another session holds, or take its work away?
//!
//! Judged by the path that is written, wherever the session stands: another
//! worktree of the repository, another repository that is set up, or a file
//! below home that somebody claimed as `~/…`.

use super::{
    harm,
    logic::{danger, target},
    model::{Answer, Input, Vendor},
    store::{self, Who},
};
use crate::{
    base::{id::SessionTag, scope::Scope, text::shell},
    ctx::Ctx,
    env,
    error::{Error, Kind, Result},
    features::{
        claim::{
            error as refusal,
            logic::{self as claims, Blocker},
            plan::NewClaim,
            store::{self as claim_store, About},
        },
        hook::{guard as hooks, logic::judged, store as held},
        session::store as sessions,
    },
    git::{Repo, log, refs, run},
    settings::Enforce,
};
use std::path::{Component, Path, PathBuf};

/// The longest reason.
const MAX_REASON: usize = 3000;

/// Judges a tool before it runs.
pub fn judge(ctx: &Ctx, vendor: Vendor, (who, input): (&Who, &Input)) -> Result<Answer> {
    let tool = input.tool.as_deref().unwrap_or_default();
    let own = who.session().map(|session| &session.tag);
    for place in places(ctx, &target::written(tool, &input.tool_input)) {
        let there = ctx.standing_in(&place.root);
        let actor = if place.own {
            own.cloned()
        } else {
            match (&input.conversation, who) {
                (Some(id), Who::Session { .. } | Who::Nobody) => {
                    store::find(there.repo()?, vendor, id)?.map(|(session, _)| session.tag)
                }
                _ => None,
            }
        };
        let answer = edit(&there, vendor, actor.as_ref(), place.scopes)?;
        if answer != Answer::Silence {
            return Ok(answer);
        }
    }
    if !target::is_shell(tool) {
        return Ok(Answer::Silence);
    }
    let line = target::command(&input.tool_input).unwrap_or_default();
    for danger in danger::find(&line) {
        if let Some(reason) = harm::harm(ctx, own, &danger)? {
            return Ok(Answer::Deny(reason));
        }
    }
    Ok(Answer::Silence)
}

/// What is written in one worktree.
struct Place {
    root: PathBuf,
    own: bool,
    scopes: Vec<Scope>,
}

/// Sorts the files by the worktree they are in; those below home that are in no repository of the session count as its.
fn places(ctx: &Ctx, paths: &[String]) -> Vec<Place> {
    let own = ctx.repo().ok();
    let mut found: Vec<Place> = Vec::new();
    let mut add = |root: &Path, own: bool, scope: Scope| match found
        .iter_mut()
        .find(|place| place.root == root)
    {
        Some(place) => place.scopes.push(scope),
        None => found.push(Place {
            root: root.to_owned(),
            own,
            scopes: vec![scope],
        }),
    };
    let home = env::home();
    for path in paths
        .iter()
        .flat_map(|path| spellings(ctx.cwd(), path, home.as_deref()))
    {
        let root = path
            .ancestors()
            .skip(1)
            .find(|dir| dir.join(".git").exists());
        let there = root.and_then(|root| Repo::discover(root).ok());
        let same = matches!((&there, own), (Some(there), Some(own)) if there.common_dir() == own.common_dir());
        if let Some(root) = there.as_ref().and_then(Repo::worktree)
            && let Some(scope) = path
                .strip_prefix(root)
                .ok()
                .and_then(Path::to_str)
                .and_then(|path| Scope::literal(path).ok())
        {
            add(root, same, scope);
        }
        let below = home
            .as_ref()
            .and_then(|home| path.strip_prefix(home.canonicalize().ok()?).ok()?.to_str());
        if let (false, Some(own), Some(scope)) = (
            same,
            own.and_then(Repo::worktree),
            below.and_then(|below| Scope::literal_home(below).ok()),
        ) {
            add(own, true, scope);
        }
    }
    found
}

/// Returns the real places of a path: where its name stands, and where it leads if it is a link.
fn spellings(cwd: &Path, path: &str, home: Option<&Path>) -> Vec<PathBuf> {
    let path = match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => cwd.join(path),
    };
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => _ = plain.pop(),
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    let mut all: Vec<PathBuf> = real_parent(&plain).into_iter().collect();
    all.extend(
        plain
            .canonicalize()
            .ok()
            .filter(|real| Some(real) != all.first()),
    );
    all
}

/// Returns the path with the links of its directory followed; what does not exist yet has none.
fn real_parent(path: &Path) -> Option<PathBuf> {
    let there = path.ancestors().skip(1).find(|dir| dir.exists())?;
    let rest = path.strip_prefix(there).ok()?;
    Some(there.canonicalize().ok()?.join(rest))
}

/// Judges edits in one worktree; what is free is claimed if policy says so.
fn edit(
    ctx: &Ctx,
    vendor: Vendor,
    actor: Option<&SessionTag>,
    scopes: Vec<Scope>,
) -> Result<Answer> {
    let repo = ctx.repo()?;
    let Some(tip) = refs::find(repo, log::REF)? else {
        return Ok(Answer::Silence);
    };
    let policy = hooks::policy(ctx)?;
    let fold = repo.fold();
    let exempt: Vec<Scope> = policy
        .exempt()
        .iter()
        .filter_map(|text| text.parse().ok())
        .collect();
    let scopes = judged(scopes, &exempt, fold);
    if scopes.is_empty() {
        return Ok(Answer::Silence);
    }
    let held = held::held(repo, tip, ctx.now())?;
    let mut open = scopes.clone();
    if held.unreadable || claims::overlap(&held.scopes, &scopes, fold).is_some() {
        let state = claim_store::load(repo, ctx.now(), About::Scopes(&scopes))?.state;
        let blockers = state.blockers(actor, &scopes);
        if !blockers.is_empty() {
            return Ok(match (policy.enforce(), vendor) {
                (Enforce::Warn, Vendor::Claude) => Answer::Context(reason(&blockers)),
                (Enforce::Warn, Vendor::Codex) => Answer::Silence,
                _ => Answer::Deny(reason(&blockers)),
            });
        }
        if let Some(actor) = actor {
            open.retain(|scope| {
                let mut own = state.held_by(actor).flat_map(|claim| &claim.record.scopes);
                !own.any(|held| held.covers(scope, fold))
            });
        }
    }
    match actor {
        Some(actor) if policy.claim_on_edit() => claim(ctx, actor, open),
        _ => Ok(Answer::Silence),
    }
}

/// Claims what is about to be edited, until the commit that contains it.
fn claim(ctx: &Ctx, actor: &SessionTag, mut scopes: Vec<Scope>) -> Result<Answer> {
    let repo = ctx.repo()?;
    scopes.retain(Scope::is_repo);
    let ignored = ignored(repo, &scopes)?;
    scopes.retain(|scope| {
        scope
            .as_literal_path()
            .is_none_or(|path| !ignored.iter().any(|other| other == path))
    });
    if scopes.is_empty() {
        return Ok(Answer::Silence);
    }
    let task = sessions::load(repo, actor)?.and_then(|(session, _)| session.record.task);
    let new = NewClaim {
        scopes,
        intent: task.or_else(|| Some("being edited".to_owned())),
        ttl: ctx.settings()?.ttl(),
        eta: None,
        until_commit: true,
    };
    match claim_store::take(ctx, actor, &new) {
        Ok(_) => Ok(Answer::Silence),
        // Somebody was quicker.
        Err(error) if error.kind == Kind::No => Ok(Answer::Deny(put(&error, &[]))),
        Err(error) => Err(error),
    }
}

/// Returns those that git ignores: nobody commits them, so nobody holds them.
fn ignored(repo: &Repo, scopes: &[Scope]) -> Result<Vec<String>> {
    let paths: Vec<&str> = scopes.iter().filter_map(Scope::as_literal_path).collect();
    if paths.is_empty() || repo.worktree().is_none() {
        return Ok(Vec::new());
    }
    let input = paths.join("\0") + "\0";
    let cmd = run::read(repo).args(["check-ignore", "-z", "--stdin"]);
    let out = cmd.input(input.into_bytes()).run()?;
    Ok(out
        .stdout_text()
        .split_terminator('\0')
        .map(str::to_owned)
        .collect())
}

/// Says why an edit is refused: holder, intent, eta and what to run next.
fn reason(blockers: &[Blocker]) -> String {
    let mut wanted: Vec<String> = blockers
        .iter()
        .map(|blocker| shell(&blocker.wanted.to_string()))
        .collect();
    wanted.dedup();
    let holder = blockers
        .first()
        .map(|blocker| blocker.claim.record.session.to_string());
    let mut next = vec![format!("git ccc claim --wait=10m {}", wanted.join(" "))];
    next.extend(holder.map(|holder| format!("git ccc send {holder} TEXT")));
    put(&refusal::held(blockers), &next)
}

fn put(error: &Error, next: &[String]) -> String {
    let mut lines = vec![format!("{} (git ccc)", error.message)];
    lines.extend(
        error
            .because
            .iter()
            .map(|because| format!("because: {because}")),
    );
    let hints = if next.is_empty() { &error.hints } else { next };
    lines.extend(hints.iter().map(|hint| format!("next: {hint}")));
    let mut text = lines.join("\n");
    if text.len() > MAX_REASON {
        let mut end = MAX_REASON;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
    text
}
