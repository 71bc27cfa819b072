//! Posting: everything that waits goes into the room in one transaction.
//!
//! Whoever has the flock surveys what happened since the last write (stock
//! `git notes` may have dropped lines of ours, a swap of others may have been
//! lost), builds a chain of commits on the tip and swaps the ref once. A lost
//! swap builds again on the new tip. Only a swap that succeeded and is seen in
//! the ref afterwards counts. The flock gives order and speed; without one,
//! the swap and the ids still let each message in once.
//!
//! Stock `git notes` reads the tip, writes, and then sets the ref to its commit
//! whatever the ref is by then: what we published in between is not behind the
//! tip any more. So the last tip of ours is kept in a file, and whoever reads or
//! writes next merges it back if the tip has left it aside. A ref that was set
//! back or deleted on purpose has nothing beside it, and stays so.

use super::{
    logic::codec,
    model::Message,
    spool::{self, Published},
    store,
    survey::{self, Survey},
};
use crate::{
    base::{id::MessageId, time::Timestamp},
    ctx::Ctx,
    error::{Context, Error, Kind, Result},
    fs::Lock,
    git::{
        Oid, Repo, history,
        log::{self, PATIENCE, Retry},
        notes::{self, CHAT, Link, NewLink},
        objects::{self, Author},
        refs::{self, Edit, Lost, Reflog, Writer},
    },
};
use std::{collections::BTreeSet, time::Duration};

const REFLOG: Reflog<'_> = Reflog::Begin("ccc chat");
/// How long a reader tries to put back what is missing.
const HEALING: Duration = Duration::from_secs(2);
/// After so many lost swaps a try does only what it must.
const PATIENT: usize = 2;

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
    lock_unless(repo, || false)?.ok_or_else(|| kept(repo))
}

fn kept(repo: &Repo) -> Error {
    let path = spool::dir(repo).join("flock");
    Error::busy(format!(
        "another git-ccc has held {} for {} s",
        path.display(),
        PATIENCE.as_secs()
    ))
    .hint("git ccc doctor")
}

/// Waits for the right to publish until it has it, or it is needless; `None` is also said when others kept it for too long.
fn lock_unless(repo: &Repo, needless: impl FnMut() -> bool) -> Result<Option<Guard>> {
    let path = spool::dir(repo).join("flock");
    let taken = Lock::acquire_unless(&path, PATIENCE, needless);
    let taken = taken.context(Kind::Setup, || {
        format!("{} cannot be locked", path.display())
    })?;
    Ok(taken.map(|lock| Guard { _lock: lock }))
}

/// Takes the right to publish if nobody has it.
fn lock_if_free(repo: &Repo) -> Result<Option<Guard>> {
    let path = spool::dir(repo).join("flock");
    let free = Lock::try_acquire(&path).context(Kind::Setup, || {
        format!("{} cannot be locked", path.display())
    })?;
    Ok(free.map(|lock| Guard { _lock: lock }))
}

/// Posts one message, with whatever else waits.
///
/// Whoever has the right publishes what waits: a message that another has published needs no turn of its own.
pub fn post(ctx: &Ctx, message: Message) -> Result<Posted> {
    let repo = ctx.repo()?;
    if let Some(guard) = lock_if_free(repo)? {
        return only(publish(ctx, &guard, &[message], &mut |_| Ok(true))?);
    }
    spool::put(repo, &message)?;
    let done = wait(ctx, &message);
    if done.is_err() {
        // Not accepted as far as we know: it must not appear later by itself.
        spool::remove(repo, &message.id)?;
    }
    done
}

/// Waits until a message of the spool was published, by others or by us.
fn wait(ctx: &Ctx, message: &Message) -> Result<Posted> {
    let repo = ctx.repo()?;
    let waits = || spool::has(repo, &message.id);
    let guard = match lock_unless(repo, || !waits())? {
        Some(guard) => guard,
        None if waits() => return Err(kept(repo)),
        None => match published(repo, message)? {
            Some(posted) => return Ok(posted),
            // The spool was deleted under us.
            None => lock(repo)?,
        },
    };
    if waits() {
        publish(ctx, &guard, &[], &mut |_| Ok(true))?;
    }
    if let Some(posted) = published(repo, message)? {
        return Ok(posted);
    }
    let own = std::slice::from_ref(message);
    only(publish(ctx, &guard, own, &mut |_| Ok(true))?)
}

/// Finds a message that was published from the spool.
fn published(repo: &Repo, message: &Message) -> Result<Option<Posted>> {
    let oid = match Published::load(repo).commit(&message.id) {
        Some(oid) => Some(oid),
        None => store::find(repo, &message.id)?.map(|said| said.oid),
    };
    Ok(oid.map(|oid| Posted {
        message: message.clone(),
        oid,
        known: false,
    }))
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
    _guard: &Guard,
    own: &[Message],
    decide: &mut dyn FnMut(Option<Oid>) -> Result<bool>,
) -> Result<Vec<Posted>> {
    let repo = ctx.repo()?;
    if own.is_empty() && spool::list(repo).is_empty() {
        return Ok(Vec::new());
    }
    let mut survey = Survey::new(Published::load(repo));
    let done = until_in(ctx, &mut survey, own, decide);
    if done.is_err() && survey.published.pending.is_some() {
        survey.published.intend(repo, None);
    }
    done
}

fn until_in(
    ctx: &Ctx,
    survey: &mut Survey,
    own: &[Message],
    decide: &mut dyn FnMut(Option<Oid>) -> Result<bool>,
) -> Result<Vec<Posted>> {
    let mut retry = Retry::new(PATIENCE);
    for tries in 0_usize.. {
        // What must be put back can wait; a message should not, however busy stock commands are.
        survey.restoring = tries < PATIENT;
        match attempt(ctx, survey, (own, true), decide)? {
            Ok(posted) => return Ok(posted),
            // The ref was moved by somebody who does not queue here: the sooner the next try, the better its chance.
            Err(lost @ Lost::Conflict(_)) => retry.again(lost, "post to the room", 0)?,
            Err(lost) => {
                if matches!(lost, Lost::Busy(_)) && log::repair_if_free(ctx.repo()?)? {
                    ctx.ui.note("a lock left by a crash was removed");
                }
                retry.again(lost, "post to the room", ctx.dice.roll())?;
            }
        }
    }
    Err(Error::internal("the room was tried for ever"))
}

/// Tries once: everything is read after git was started for the swap, if there is `more` than to look, so that little can happen in between.
fn attempt(
    ctx: &Ctx,
    survey: &mut Survey,
    (own, more): (&[Message], bool),
    decide: &mut dyn FnMut(Option<Oid>) -> Result<bool>,
) -> Result<Result<Vec<Posted>, Lost>> {
    let repo = ctx.repo()?;
    let early = more.then(|| Writer::early(repo, REFLOG)).flatten();
    let tip = refs::find(repo, CHAT)?;
    if !own.is_empty() && !decide(tip)? {
        return Ok(Ok(Vec::new()));
    }
    survey.advance(repo, tip)?;
    let mine: BTreeSet<&MessageId> = own.iter().map(|message| &message.id).collect();
    let (known, waiting): (Vec<_>, Vec<_>) = spool::list(repo)
        .into_iter()
        .partition(|message| survey.known.contains(&message.id) || mine.contains(&message.id));
    for message in known {
        spool::remove(repo, &message.id)?;
    }
    if waiting.is_empty() && own.is_empty() && survey.abandoned().next().is_none() {
        let whole = tip.filter(|_| survey.dropped.is_empty());
        let published = &survey.published;
        let news = |tip: &Oid| published.tip != Some(*tip) || published.pending.is_some();
        if let Some(tip) = tip.filter(news) {
            survey.published.clone().advance(repo, tip, whole, &[]);
        }
        return Ok(Ok(Vec::new()));
    }
    let spooled = waiting.len();
    let all = waiting.into_iter().chain(own.iter().cloned());
    let (posted, head) = chain(ctx.now(), repo, tip, survey, all)?;
    let edits = [Edit::swap(CHAT, tip, head)];
    // If we die now, whoever is next takes this for ours: somebody may have read it already.
    survey.published.intend(repo, Some(head));
    let swapped = match early {
        Some(git) => git.transact(repo, &edits),
        None => refs::transact(repo, &edits, REFLOG),
    };
    if let Err(lost) = swapped {
        return Ok(Err(lost));
    }
    let new: Vec<_> = posted[..spooled]
        .iter()
        .map(|posted| (posted.message.id.clone(), posted.oid))
        .collect();
    let whole = survey.restoring.then_some(head);
    survey.published.clone().advance(repo, head, whole, &new);
    for (id, _) in new {
        spool::remove(repo, &id)?;
    }
    let fooled = refs::broken_reflog(repo, CHAT).is_some_and(|(_, before)| Some(before) == tip);
    if fooled || !is_in(repo, head)? {
        // Our swap dropped what somebody had just written, or somebody ours: it was in the room, so it stays.
        let mut next = Survey::new(Published::load(repo));
        if let Err(lost) = attempt(ctx, &mut next, (&[], false), &mut |_| Ok(true))? {
            ctx.ui.warn(&format!(
                "what a lost swap dropped comes back with the next message: {}",
                lost.into_error("put it back")
            ));
        }
    }
    Ok(Ok(posted.into_iter().skip(spooled).collect()))
}

/// Tells whether the ref has a commit that was just swapped in, or others that follow it.
fn is_in(repo: &Repo, new: Oid) -> Result<bool> {
    let now = refs::find(repo, CHAT)?;
    for link in history::newest(repo, now.filter(|now| *now != new)).take(64) {
        if link?.oid == new {
            return Ok(true);
        }
    }
    Ok(now == Some(new))
}

/// Puts back what stock commands have left aside since our last write, before somebody reads; cheap when nothing was.
pub fn heal(ctx: &Ctx) -> Result<()> {
    let repo = ctx.repo()?;
    let published = Published::load(repo);
    let tip = refs::find(repo, CHAT)?;
    let quiet = published.tip == tip && published.pending.is_none();
    if published.tip.is_none() || tip.is_none() || quiet {
        return Ok(());
    }
    // Whoever has the lock is doing this.
    let Some(_guard) = lock_if_free(repo)? else {
        return Ok(());
    };
    let mut retry = Retry::new(HEALING);
    let mut survey = Survey::new(Published::load(repo));
    while let Err(lost) = attempt(ctx, &mut survey, (&[], false), &mut |_| Ok(true))? {
        if retry.again(lost, "put back what is missing", 0).is_err() {
            // The next one who reads or writes does it.
            return Ok(());
        }
    }
    Ok(())
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
    for lost in survey.abandoned() {
        (parents, tree) = put_back(repo, lost, (&parents, tree), (now, published))?;
    }
    let mut posted = Vec::new();
    for message in messages {
        let additions = survey::additions(&message)?;
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
