//! What has happened: commits, checkouts and rewrites are written down; nothing here can fail the user's command.

use super::{
    guard::{MAX_NAMED, named},
    logic::{scope_of, settled},
    store,
};
use crate::{
    base::{id::SessionTag, scope::Scope, text::one_line},
    ctx::Ctx,
    error::{Context, Kind, Result},
    features::{
        claim::{
            plan::Plan,
            store::{self as claims, About},
        },
        commit::announce,
        session::{model::Session, store as sessions},
    },
    git::{
        Oid, Repo, changes,
        log::{self, Draft},
        refs,
    },
};
use gix::bstr::ByteSlice;

/// Records the commit HEAD names, and gives back what was claimed until it.
pub fn commit(ctx: &Ctx) -> Result<()> {
    let Some(session) = acting(ctx)? else {
        return Ok(());
    };
    let repo = ctx.repo()?;
    let Some(head) = refs::find(repo, "HEAD")? else {
        return Ok(());
    };
    let paths: Vec<Scope> = changes::of_commit(repo, head)?
        .iter()
        .filter_map(|path| scope_of(&path.to_str_lossy()))
        .collect();
    let tag = &session.tag;
    let subject = format!(
        "commit {} by {tag}: {}",
        &head.to_string()[..10],
        subject(repo, head)?
    );
    let hex = head.to_string();
    let committed = |path: &str| scope_of(path).is_some_and(|path| paths.contains(&path));
    let line = self::subject(repo, head)?;
    announce::after(ctx, tag, None, (&hex, &line), committed);
    let mut trailers = vec![("Ccc-Commit", head.to_string())];
    trailers.extend(named(&paths));
    if gives_back(ctx, tag, &paths)? {
        let done = claims::transition_perhaps(ctx, tag, About::Scopes(&[]), |snapshot, _| {
            let gone = settled(&snapshot.state, tag, &paths).into_iter();
            let plan = Plan {
                subject: subject.clone(),
                act: "commit",
                delete: gone.map(|id| (id, "commit")).collect(),
                trailers: trailers.clone(),
                ..Plan::default()
            };
            Ok((plan, ()))
        })?;
        if done.entry.is_some() {
            return Ok(());
        }
    }
    record(ctx, tag, "commit", subject, trailers)
}

/// Records a merge; git runs no post-commit for one. A fast-forward makes no commit.
pub fn merge(ctx: &Ctx) -> Result<()> {
    let repo = ctx.repo()?;
    let (Some(head), Some(before)) = (refs::find(repo, "HEAD")?, refs::find(repo, "ORIG_HEAD")?)
    else {
        return Ok(());
    };
    let unreadable = || format!("commit {head} cannot be read");
    let commit = repo
        .gix()
        .find_commit(head)
        .context(Kind::Internal, unreadable)?;
    let parents: Vec<Oid> = commit.parent_ids().map(gix::Id::detach).collect();
    if parents.len() < 2 || parents.first() != Some(&before) {
        return Ok(());
    }
    self::commit(ctx)
}

/// Whether the commit settles a claim, as far as one look can say.
fn gives_back(ctx: &Ctx, tag: &SessionTag, paths: &[Scope]) -> Result<bool> {
    let snapshot = claims::load(ctx.repo()?, ctx.now(), About::Scopes(&[]))?;
    Ok(!settled(&snapshot.state, tag, paths).is_empty())
}

/// Notes which branch the session is on, if this is its worktree.
pub fn checkout(ctx: &Ctx) -> Result<()> {
    let Some(session) = acting(ctx)? else {
        return Ok(());
    };
    let repo = ctx.repo()?;
    let here = repo.worktree().map(|path| path.display().to_string());
    let Some((mut session, old)) = sessions::load(repo, &session.tag)? else {
        return Ok(());
    };
    let branch = repo.branch();
    if session.record.worktree != here || session.record.branch == branch {
        return Ok(());
    }
    session.record.branch = branch;
    session.record.beat = ctx.now();
    session.record.nonce = ctx.dice.hex(8);
    sessions::save(repo, &session, Some(old)).map_err(|lost| lost.into_error("note the branch"))
}

/// Records which commits were replaced by which.
pub fn rewrite(ctx: &Ctx, how: &str, pairs: &str) -> Result<()> {
    let Some(session) = acting(ctx)? else {
        return Ok(());
    };
    let oid = |word: &str| Oid::from_hex(word.as_bytes()).is_ok();
    let pairs: Vec<String> = pairs
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            let (old, new) = (words.next()?, words.next()?);
            (oid(old) && oid(new)).then(|| format!("{old} {new}"))
        })
        .collect();
    if pairs.is_empty() {
        return Ok(());
    }
    let subject = format!(
        "rewrite {} commits by {}: {}",
        pairs.len(),
        session.tag,
        one_line(how, 40)
    );
    let count = pairs.len();
    let mut trailers: Vec<_> = pairs
        .into_iter()
        .take(MAX_NAMED)
        .map(|pair| ("Ccc-Rewrite", pair))
        .collect();
    if count > MAX_NAMED {
        trailers.push(("Ccc-Rewrites", count.to_string()));
    }
    record(ctx, &session.tag, "rewrite", subject, trailers)
}

/// The session that acts here; nobody where git ccc is not set up, and nobody where it is unclear who.
fn acting(ctx: &Ctx) -> Result<Option<Session>> {
    if refs::find(ctx.repo()?, log::REF)?.is_none() {
        return Ok(None);
    }
    sessions::current_if_any(ctx)
}

fn record(
    ctx: &Ctx,
    tag: &SessionTag,
    act: &str,
    subject: String,
    rest: Vec<(&'static str, String)>,
) -> Result<()> {
    let mut trailers = vec![
        ("Ccc-Act", act.to_owned()),
        ("Ccc-Session", tag.to_string()),
    ];
    trailers.extend(rest);
    let draft = Draft { subject, trailers };
    store::append(ctx, tag.as_str(), &draft, |_| false).map(drop)
}

fn subject(repo: &Repo, commit: Oid) -> Result<String> {
    let unreadable = || format!("commit {commit} cannot be read");
    let object = repo
        .gix()
        .find_commit(commit)
        .context(Kind::Internal, unreadable)?;
    let message = object.message_raw().context(Kind::Internal, unreadable)?;
    let first = message.lines().next().unwrap_or_default().to_str_lossy();
    Ok(one_line(&first, 120))
}
