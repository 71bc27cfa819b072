//! Posting: everything that waits goes into the room in one transaction.
//!
//! Whoever has the flock surveys what happened since the last write (stock
//! `git notes` may have dropped lines of ours, a swap of others may have been
//! lost), builds a chain of commits on the tip and swaps the ref once. A lost
//! swap builds again on the new tip. Only a swap that succeeded and is seen in
//! the ref afterwards counts. The flock gives order and speed; without one,
//! the swap and the ids still let each message in once.

use super::{
    logic::codec,
    model::Message,
    spool::{self, Published},
    store,
};
use crate::{
    base::{id::MessageId, time::Timestamp},
    ctx::Ctx,
    error::{Context, Error, Kind, Result},
    fs::Lock,
    git::{
        Oid, Repo,
        history::{self, Bound},
        log::{self, PATIENCE, Retry},
        notes::{self, Additions, CHAT, Link, NewLink},
        objects::{self, Author},
        refs::{self, Edit, Lost, Reflog},
    },
};
use std::collections::BTreeSet;

/// After a gap, at most so many commits are looked at.
const SURVEY: usize = 2000;

/// A message that is in the room.
#[derive(Clone, Debug)]
pub struct Posted {
    /// The message.
    pub message: Message,
    /// Its commit.
    pub oid: Oid,
    /// It was there before: this was a retry.
    pub known: bool,
}

/// The right to publish.
#[derive(Debug)]
struct Guard {
    _lock: Lock,
}

fn lock(repo: &Repo) -> Result<Guard> {
    let path = spool::dir(repo).join("flock");
    let taken = Lock::acquire(&path, PATIENCE).context(Kind::Setup, || {
        format!("{} cannot be locked", path.display())
    })?;
    let lock = taken.ok_or_else(|| {
        Error::busy(format!(
            "another git-ccc has held {} for {} s",
            path.display(),
            PATIENCE.as_secs()
        ))
        .hint("git ccc doctor")
    })?;
    Ok(Guard { _lock: lock })
}

/// Posts one message, with whatever else waits.
pub fn post(ctx: &Ctx, message: Message) -> Result<Posted> {
    let repo = ctx.repo()?;
    let path = spool::dir(repo).join("flock");
    let free = Lock::try_acquire(&path).context(Kind::Setup, || {
        format!("{} cannot be locked", path.display())
    })?;
    if let Some(lock) = free {
        let guard = Guard { _lock: lock };
        return only(publish(ctx, &guard, &[message], &mut |_| Ok(true))?);
    }
    spool::put(repo, &message)?;
    let done = lock(repo).and_then(|guard| settle(ctx, &guard, &message));
    if done.is_err() {
        // Not accepted as far as we know: it must not appear later by itself.
        spool::remove(repo, &message.id)?;
    }
    done
}

/// Finds out what became of a message in the spool, or publishes it.
fn settle(ctx: &Ctx, guard: &Guard, message: &Message) -> Result<Posted> {
    let repo = ctx.repo()?;
    if spool::has(repo, &message.id) {
        publish(ctx, guard, &[], &mut |_| Ok(true))?;
    }
    let known = Published::load(repo).commit(&message.id);
    let found = match known {
        Some(oid) => Some(oid),
        None => store::find(repo, &message.id)?.map(|said| said.oid),
    };
    match found {
        Some(oid) => Ok(Posted {
            message: message.clone(),
            oid,
            known: false,
        }),
        // The spool was deleted under us.
        None => only(publish(
            ctx,
            guard,
            std::slice::from_ref(message),
            &mut |_| Ok(true),
        )?),
    }
}

/// Posts many messages of one sender, in their order and in one transaction.
pub fn post_all(ctx: &Ctx, messages: &[Message]) -> Result<Vec<Posted>> {
    let guard = lock(ctx.repo()?)?;
    publish(ctx, &guard, messages, &mut |_| Ok(true))
}

/// Posts a message that may make no sense any more when its turn comes: `decide` sees the tip it would follow.
///
/// `Ok(false)` says that it need not be posted.
pub fn post_decided(
    ctx: &Ctx,
    message: Message,
    mut decide: impl FnMut(Option<Oid>) -> Result<bool>,
) -> Result<Option<Posted>> {
    let guard = lock(ctx.repo()?)?;
    // What waits was said before this: it is in the room when this is decided.
    publish(ctx, &guard, &[], &mut |_| Ok(true))?;
    Ok(publish(ctx, &guard, &[message], &mut decide)?.pop())
}

fn only(mut posted: Vec<Posted>) -> Result<Posted> {
    let last = posted.pop();
    last.ok_or_else(|| Error::internal("a message was published and is not known"))
}

/// Publishes `own` after everything in the spool; with `own` empty, the spool alone.
fn publish(
    ctx: &Ctx,
    guard: &Guard,
    own: &[Message],
    decide: &mut dyn FnMut(Option<Oid>) -> Result<bool>,
) -> Result<Vec<Posted>> {
    let repo = ctx.repo()?;
    let mut retry = Retry::new(PATIENCE);
    loop {
        let tip = refs::find(repo, CHAT)?;
        if !own.is_empty() && !decide(tip)? {
            return Ok(Vec::new());
        }
        let published = Published::load(repo);
        let survey = survey(repo, tip, published.tip)?;
        let mut waiting = spool::list(repo);
        let mine: BTreeSet<&MessageId> = own.iter().map(|message| &message.id).collect();
        for message in &waiting {
            if survey.known.contains(&message.id) || mine.contains(&message.id) {
                spool::remove(repo, &message.id)?;
            }
        }
        waiting
            .retain(|message| !survey.known.contains(&message.id) && !mine.contains(&message.id));
        if waiting.is_empty() && own.is_empty() && survey.abandoned.is_none() {
            return Ok(Vec::new());
        }
        let spooled = waiting.len();
        let all = waiting.into_iter().chain(own.iter().cloned());
        let (posted, head) = chain(ctx.now(), repo, tip, &survey, all)?;
        match swap(repo, tip, head) {
            Ok(true) => {
                let new = posted[..spooled].iter();
                let new: Vec<_> = new.map(|p| (p.message.id.clone(), p.oid)).collect();
                let ids: Vec<_> = new.iter().map(|(id, _)| id.clone()).collect();
                published.advance(repo, head, new);
                for id in ids {
                    spool::remove(repo, &id)?;
                }
                if refs::broken_reflog(repo, CHAT).is_some_and(|(_, before)| Some(before) == tip) {
                    // Our own swap dropped what somebody else had just written.
                    publish(ctx, guard, &[], &mut |_| Ok(true))?;
                }
                return Ok(posted.into_iter().skip(spooled).collect());
            }
            Ok(false) => {}
            Err(lost) => {
                if matches!(lost, Lost::Busy(_)) {
                    repair_lock(repo, guard)?;
                }
                retry.again(lost, "post to the room", ctx.dice.roll())?;
            }
        }
    }
}

/// Swaps the ref; `false` if git said yes and the ref does not have it.
fn swap(repo: &Repo, old: Option<Oid>, new: Oid) -> Result<bool, Lost> {
    refs::transact(
        repo,
        &[Edit::swap(CHAT, old, new)],
        Reflog::Begin("ccc chat"),
    )?;
    let seen = |oid: Oid| -> Result<bool> {
        for link in history::newest(repo, Some(oid)).take(64) {
            if link?.oid == new {
                return Ok(true);
            }
        }
        Ok(false)
    };
    match refs::find(repo, CHAT).map_err(Lost::Failed)? {
        Some(now) if now == new => Ok(true),
        Some(now) => seen(now).map_err(Lost::Failed),
        None => Ok(false),
    }
}

/// What happened since the last write.
#[derive(Debug, Default)]
struct Survey {
    /// Messages that are in the room since then.
    known: BTreeSet<MessageId>,
    /// What stock commands dropped from the tree.
    dropped: Additions,
    /// A commit that a lost swap left behind.
    abandoned: Option<Link>,
}

fn survey(repo: &Repo, tip: Option<Oid>, last: Option<Oid>) -> Result<Survey> {
    let mut survey = Survey::default();
    let Some(tip) = tip else {
        return Ok(survey);
    };
    let last = last.filter(|oid| repo.gix().has_object(*oid));
    if last != Some(tip) {
        let links = match last {
            Some(last) => history::span(repo, tip, &[Bound::At(last)], SURVEY)?.links,
            None => history::newest(repo, Some(tip))
                .take(64)
                .collect::<Result<_>>()?,
        };
        for link in links {
            if let Some(message) = codec::decode(&link.author, link.at, &link.message) {
                survey.known.insert(message.id);
                continue;
            }
            for parent in &link.parents {
                let parent = notes::read(repo, *parent)?;
                if parent.tree != link.tree {
                    let dropped =
                        notes::dropped(repo, parent.tree, link.tree, codec::is_note_line)?;
                    survey.dropped.merge(dropped);
                }
            }
        }
    }
    survey.abandoned = abandoned(repo, tip, &survey.known)?;
    Ok(survey)
}

/// Finds a commit that git's own swap dropped: in the reflog, a line does not begin where the one before it ended.
fn abandoned(repo: &Repo, tip: Oid, known: &BTreeSet<MessageId>) -> Result<Option<Link>> {
    let Some((lost, before)) = refs::broken_reflog(repo, CHAT) else {
        return Ok(None);
    };
    if !repo.gix().has_object(lost) {
        return Ok(None);
    }
    let lost = notes::read(repo, lost)?;
    let message = codec::decode(&lost.author, lost.at, &lost.message);
    if message.is_some_and(|message| known.contains(&message.id)) {
        return Ok(None);
    }
    for link in history::newest(repo, Some(tip)).take(SURVEY) {
        let link = link?;
        let same = codec::decode(&link.author, link.at, &link.message).is_some_and(|message| {
            lost.message
                .contains(&format!("Ccc-Message: {}\n", message.id))
        });
        if link.oid == lost.oid || same {
            return Ok(None);
        }
        if link.oid == before {
            break;
        }
    }
    Ok(Some(lost))
}

/// Writes the commits of all messages on top of the tip.
fn chain(
    now: Timestamp,
    repo: &Repo,
    tip: Option<Oid>,
    survey: &Survey,
    messages: impl Iterator<Item = Message>,
) -> Result<(Vec<Posted>, Oid)> {
    let link = tip.map(|tip| notes::read(repo, tip)).transpose()?;
    let mut tree = match &link {
        Some(link) => link.tree,
        None => objects::empty_tree(repo)?,
    };
    let before = link
        .as_ref()
        .and_then(|link| Timestamp::from_unix(link.published));
    let published = before.map_or(now, |before| before.max(now));
    let mut parents: Vec<Oid> = tip.into_iter().collect();
    tree = notes::add(repo, tree, &survey.dropped)?;
    if let Some(lost) = &survey.abandoned {
        (parents, tree) = put_back(repo, lost, (&parents, tree), (now, published))?;
    }
    let mut posted = Vec::new();
    for message in messages {
        let additions = additions(&message)?;
        if !additions.is_empty() {
            tree = notes::add(repo, tree, &additions)?;
        }
        let new = NewLink {
            parents: &parents,
            tree,
            author: Author {
                name: &message.from.to_string(),
                at: message.at,
            },
            published,
            message: &codec::encode(&message),
        };
        let oid = notes::write(repo, &new)?;
        parents = vec![oid];
        posted.push(Posted {
            message,
            oid,
            known: false,
        });
    }
    let head = parents.first().copied();
    let head = head.ok_or_else(|| Error::internal("there is nothing to publish"))?;
    Ok((posted, head))
}

/// Merges what a lost swap dropped.
fn put_back(
    repo: &Repo,
    lost: &Link,
    (parents, tree): (&[Oid], Oid),
    (at, published): (Timestamp, Timestamp),
) -> Result<(Vec<Oid>, Oid)> {
    let missing = notes::dropped(repo, lost.tree, tree, |_| true)?;
    let tree = notes::add(repo, tree, &missing)?;
    let parents: Vec<Oid> = parents.iter().copied().chain([lost.oid]).collect();
    let merge = NewLink {
        parents: &parents,
        tree,
        author: Author {
            name: "git-ccc",
            at,
        },
        published,
        message: "Put back what a lost swap dropped\n",
    };
    Ok((vec![notes::write(repo, &merge)?], tree))
}

fn additions(message: &Message) -> Result<Additions> {
    let oid = |hex: &str| {
        Oid::from_hex(hex.as_bytes()).context(Kind::Internal, || format!("{hex} is no object id"))
    };
    let mut additions = Additions::default();
    if let Some(commit) = &message.about.commit {
        additions
            .lines
            .push((oid(commit)?, codec::note_line(message)));
    }
    for attachment in &message.about.attachments {
        additions.attachments.push(oid(&attachment.blob)?);
    }
    Ok(additions)
}

/// Removes locks that are proved to be nobody's; those of the log's flock are its holder's business.
fn repair_lock(repo: &Repo, _guard: &Guard) -> Result<()> {
    log::repair_if_free(repo).map(drop)
}
