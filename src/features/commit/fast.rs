//! The fast lane: no child but one `git update-ref`.
//!
//! It serves commits whose meaning git's machinery would not change: a complete
//! message, plain files, only our own hooks in force, no signing.

use super::{
    model::{TRAILER, Wanted, clean, says_nothing, with_trailer},
    store,
};
use crate::{
    base::{id::ClaimId, scope::Scope},
    ctx::Ctx,
    env,
    error::{Error, Result},
    features::claim::store::{self as claims, Snapshot},
    fs::Lock,
    git::{
        Oid, Repo,
        adopt::Pending,
        content::{self, Staged},
        hooks,
        identity::{Role, signature},
        log, objects,
        refs::{self, Edit, Lost, Writer},
        trees,
    },
    settings::Lane,
};
use gix::{
    bstr::{BString, ByteSlice},
    date::Time,
};

/// Hooks that git runs around a commit.
const HOOKS: &[&str] = &[
    "pre-commit",
    "prepare-commit-msg",
    "commit-msg",
    "post-commit",
    "reference-transaction",
];

/// Tells whether the fast lane makes the same commit as git would.
pub fn can_serve(ctx: &Ctx, wanted: &Wanted) -> Result<bool> {
    let repo = ctx.repo()?;
    let listening = env::var_os("GIT_TRACE2_EVENT").is_some()
        || repo.config("trace2.eventTarget").is_some()
        || repo.common_dir().join("ai").exists();
    let plain = |path: &String| {
        repo.worktree()
            .is_some_and(|root| !root.join(path).is_dir())
    };
    Ok(wanted.message.is_some()
        && wanted.options.is_empty()
        && ctx.settings()?.lane() == Lane::Auto
        && !listening
        && repo
            .config("core.fileMode")
            .is_none_or(|value| value != "false")
        && repo
            .config("core.symlinks")
            .is_none_or(|value| value != "false")
        && !repo.config_bool("commit.gpgSign")
        && !repo.config_bool("core.sparseCheckout")
        && repo.config("i18n.commitEncoding").is_none()
        && repo.config("commit.cleanup").is_none()
        && !hooks::any_foreign(repo, HOOKS)
        && wanted.paths.iter().all(plain)
        && !content::is_encoded(repo, &wanted.paths)?)
}

/// What a commit can know before its turn comes.
#[derive(Debug)]
pub struct Ready {
    paths: Vec<BString>,
    staged: Vec<Staged>,
    message: String,
    /// A git that waits for its transaction; its reflog says that there is a parent.
    writer: Option<Writer>,
}

/// Writes the content as objects and refuses what can be refused at once; nothing anybody sees has changed.
pub fn prepare(ctx: &Ctx, wanted: &Wanted) -> Result<Ready> {
    let repo = ctx.repo()?;
    let paths: Vec<BString> = wanted
        .paths
        .iter()
        .map(|path| content::repo_path(path))
        .collect::<Result<_>>()?;
    let message = message(wanted)?;
    if store::is_set_up(repo)? {
        // Decided again under the lock; a refusal here has written nothing yet.
        let scopes = store::scopes(&wanted.paths)?;
        store::require_free(ctx, &store::load(ctx, &scopes)?, wanted, &scopes)?;
    }
    let head = refs::find(repo, "HEAD")?;
    let reflog = reflog(&message, head.is_some());
    let writer = head.map(|_| Writer::early(repo, refs::Reflog::Message(&reflog)));
    let staged = content::stage(repo, trees::of_or_empty(repo, head)?, &paths)?;
    Ok(Ready {
        paths,
        staged,
        message,
        writer: writer.flatten(),
    })
}

/// Makes the commit; returns it with its subject, or nothing if nothing differs from HEAD.
///
/// The turn ends when HEAD has moved: the index is taken over in a queue of its own.
pub fn commit(
    ctx: &Ctx,
    wanted: &Wanted,
    mut ready: Ready,
    turn: Lock,
) -> Result<Option<(Oid, String)>> {
    let repo = ctx.repo()?;
    content::restage(repo, &mut ready.staged)?;
    let subject = ready.message.lines().next().unwrap_or_default().to_owned();
    let Some((commit, pending)) = swap(ctx, wanted, &mut ready)? else {
        return Ok(None);
    };
    drop(turn);
    let adopted = pending.adopt(|| {
        let head = trees::of_or_empty(repo, refs::find(repo, "HEAD")?)?;
        let mut changes = Vec::with_capacity(ready.staged.len());
        for staged in &ready.staged {
            // A later commit of the same path, if one slipped in, has its own entry to take over.
            let now = trees::lookup(repo, head, staged.path.as_bstr())?.map(|(oid, _)| oid);
            if now == staged.blob.as_ref().map(|blob| blob.oid) {
                changes.push(staged.change());
            }
        }
        Ok(changes)
    });
    store::landed(ctx, adopted);
    Ok(Some((commit, subject)))
}

fn message(wanted: &Wanted) -> Result<String> {
    let text = clean(wanted.message.as_deref().unwrap_or_default());
    if says_nothing(&text) {
        return Err(
            Error::no("the commit message is empty").hint("git ccc commit -m MESSAGE -- PATHS")
        );
    }
    Ok(match wanted.signature() {
        Some(tag) => with_trailer(&text, TRAILER, tag.as_str()),
        None => text,
    })
}

/// Moves HEAD and the log together; whatever moves either of them meanwhile makes this decide again.
fn swap<'a>(
    ctx: &'a Ctx,
    wanted: &Wanted,
    ready: &mut Ready,
) -> Result<Option<(Oid, Pending<'a>)>> {
    let repo = ctx.repo()?;
    let message = &ready.message;
    let guard = log::lock(repo)?;
    let mut retry = log::Retry::new(log::PATIENCE);
    let now = Time::new(ctx.now().unix(), ctx.local_offset());
    loop {
        let parent = refs::find(repo, "HEAD")?;
        let base = trees::of_or_empty(repo, parent)?;
        let tree = content::edit_tree(repo, base, &ready.staged)?;
        if tree == base {
            return Ok(None);
        }
        let commit = write(repo, tree, parent, message, now)?;
        let edits = edits(ctx, wanted, parent, commit, message)?;
        let pending = Pending::begin(repo, parent, &ready.paths)?;
        let ahead = ready.writer.take().filter(|_| parent.is_some());
        let moved = if let Some(writer) = ahead {
            writer.transact(repo, &edits)
        } else {
            let reflog = reflog(message, parent.is_some());
            refs::transact(repo, &edits, refs::Reflog::Message(&reflog))
        };
        match moved {
            Ok(()) => return Ok(Some((commit, pending))),
            Err(lost) => {
                if matches!(lost, Lost::Busy(_)) {
                    log::repair_lock(repo, &guard)?;
                }
                if has_landed(repo, parent, commit)? {
                    finish(ctx, wanted, commit, message, &guard)?;
                    return Ok(Some((commit, pending)));
                }
                drop(pending);
                retry.again(lost, "move HEAD", ctx.dice.roll())?;
            }
        }
    }
}

/// Returns what git writes into the reflog of a commit.
fn reflog(message: &str, born: bool) -> String {
    let verb = if born { "commit" } else { "commit (initial)" };
    format!("{verb}: {}", message.lines().next().unwrap_or_default())
}

/// Tells whether the branch has the commit although git did not say so: one that dies between two refs leaves the first moved.
fn has_landed(repo: &Repo, parent: Option<Oid>, commit: Oid) -> Result<bool> {
    /// More commits than this do not land on top of ours before we look.
    const NEAR: usize = 64;
    let mut next = refs::find(repo, "HEAD")?;
    for _ in 0..NEAR {
        match next {
            Some(oid) if oid == commit => return Ok(true),
            Some(oid) if Some(oid) != parent => next = objects::read_entry(repo, oid)?.0,
            _ => return Ok(false),
        }
    }
    Ok(false)
}

/// Does the rest of a transaction that moved HEAD and nothing else.
fn finish(
    ctx: &Ctx,
    wanted: &Wanted,
    commit: Oid,
    message: &str,
    guard: &log::Guard,
) -> Result<()> {
    /// The entry is the last one, or others have just come after it.
    const NEAR: usize = 64;
    let repo = ctx.repo()?;
    let mut retry = log::Retry::new(log::PATIENCE);
    while let Some(tip) = refs::find(repo, log::REF)? {
        let name = commit.to_string();
        let is_ours = |entry: log::Entry| entry.trailers("Ccc-Commit").any(|found| found == name);
        if log::walk(repo, tip)
            .take(NEAR)
            .any(|entry| entry.is_ok_and(is_ours))
        {
            break;
        }
        let mut edits = edits(ctx, wanted, None, commit, message)?;
        edits.retain(|edit| edit.name != "HEAD");
        match refs::transact(repo, &edits, refs::Reflog::Message("commit")) {
            Ok(()) => break,
            Err(lost) => {
                if matches!(lost, Lost::Busy(_)) {
                    log::repair_lock(repo, guard)?;
                }
                retry.again(lost, "record the commit", ctx.dice.roll())?;
            }
        }
    }
    Ok(())
}

/// Returns the transaction: own claims still ours, HEAD, claims that end with it, and the log as the last update.
fn edits(
    ctx: &Ctx,
    wanted: &Wanted,
    parent: Option<Oid>,
    commit: Oid,
    message: &str,
) -> Result<Vec<Edit>> {
    let repo = ctx.repo()?;
    let mut edits = vec![Edit::swap("HEAD", parent, commit)];
    if !store::is_set_up(repo)? {
        return Ok(edits);
    }
    let scopes = store::scopes(&wanted.paths)?;
    let snapshot = store::load(ctx, &scopes)?;
    store::require_free(ctx, &snapshot, wanted, &scopes)?;
    let state = &snapshot.state;
    let mut draft = store::entry(
        wanted,
        &commit.to_string(),
        message.lines().next().unwrap_or_default(),
    );
    let mut gone: Vec<_> = store::cleared(&snapshot, &scopes)
        .into_iter()
        .map(|(id, ended)| (id, ended.word()))
        .collect();
    gone.extend(
        store::until_commit(state, wanted.session.as_ref(), &wanted.paths)
            .map(|claim| (claim.id.clone(), "committed")),
    );
    let kept = verified(&snapshot, wanted, &scopes, &gone);
    edits.splice(0..0, kept);
    draft.trailers.extend(
        gone.iter()
            .map(|(id, why)| ("Ccc-Gone", format!("{id} {why}"))),
    );
    let name = wanted
        .session
        .as_ref()
        .map_or("git-ccc", |tag| tag.as_str());
    let author = objects::Author {
        name,
        at: ctx.now(),
    };
    let entry = log::write(repo, &snapshot.tip, &draft, author, &ctx.dice.hex(8))?;
    edits.push(Edit::swap(log::REF, Some(snapshot.tip.oid), entry.oid));
    for (id, _) in gone {
        edits.extend(
            snapshot
                .oids
                .get(&id)
                .map(|oid| Edit::delete(claims::ref_name(&id), *oid)),
        );
    }
    Ok(edits)
}

/// Requires the session's claims over these paths to be still as they were read.
fn verified(
    snapshot: &Snapshot,
    wanted: &Wanted,
    paths: &[Scope],
    gone: &[(ClaimId, &str)],
) -> Vec<Edit> {
    let state = &snapshot.state;
    let covers = |held: &Scope| paths.iter().any(|path| held.covers(path, state.fold));
    let own = wanted
        .session
        .iter()
        .flat_map(|session| state.held_by(session));
    own.filter(|claim| claim.record.scopes.iter().any(covers))
        .filter(|claim| !gone.iter().any(|(id, _)| id == &claim.id))
        .filter_map(|claim| {
            Some(Edit::verify(
                claims::ref_name(&claim.id),
                *snapshot.oids.get(&claim.id)?,
            ))
        })
        .collect()
}

fn write(repo: &Repo, tree: Oid, parent: Option<Oid>, message: &str, now: Time) -> Result<Oid> {
    let commit = gix::objs::Commit {
        tree,
        parents: parent.into_iter().collect(),
        author: signature(repo, Role::Author, now)?,
        committer: signature(repo, Role::Committer, now)?,
        encoding: None,
        message: message.into(),
        extra_headers: Vec::new(),
    };
    objects::write(repo, &commit)
}
