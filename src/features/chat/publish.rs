//! Posting: everything that waits goes into the room in one transaction.
//!
//! Whoever has the flock surveys what happened since the last write (stock `git notes` may have dropped lines of ours, a
//! swap of others may have been lost), builds a chain of commits on the tip and swaps the ref once. Who lost a swap joins
//! the chain to the new tip by one merge. Only a swap that succeeded and is seen in the ref afterwards counts. The flock
//! gives order and speed; without one, the swap and the ids still let each message in once.
//!
//! Stock `git notes` reads the tip, writes, and then sets the ref to its commit whatever the ref is by then: what we
//! published in between is not behind the tip any more. So the last tip of ours is kept in a file, and whoever reads or
//! writes next merges it back if the tip has left it aside. A ref that was set back or deleted on purpose has nothing
//! beside it, and stays so.

use super::{
    chain::{self, Chain},
    model::Message,
    spool::{self, Published},
    store::{self, Said},
    survey::Survey,
};
use crate::{
    base::id::MessageId,
    ctx::Ctx,
    error::{Context, Error, Kind, Result},
    fs::Lock,
    git::{
        Oid, Repo, history,
        log::{self, PATIENCE, Retry},
        notes::CHAT,
        refs::{self, Edit, Lost, Reflog, Writer},
    },
};
use std::{collections::BTreeSet, path::PathBuf, time::Duration};

const REFLOG: Reflog<'_> = Reflog::Begin("ccc chat");
/// How long a reader tries to put back what is missing.
const HEALING: Duration = Duration::from_secs(2);

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

impl From<Said> for Posted {
    fn from(said: Said) -> Self {
        Posted {
            message: said.message,
            oid: said.oid,
            known: false,
        }
    }
}

/// The right to publish.
#[derive(Debug)]
struct Guard {
    _lock: Lock,
}

fn flock(repo: &Repo) -> PathBuf {
    spool::dir(repo).join("flock")
}

fn unlockable(repo: &Repo) -> String {
    format!("{} cannot be locked", flock(repo).display())
}

fn kept(repo: &Repo) -> Error {
    Error::busy(format!(
        "another git-ccc has held {} for {} s",
        flock(repo).display(),
        PATIENCE.as_secs()
    ))
    .hint("git ccc doctor")
}

fn lock(repo: &Repo) -> Result<Guard> {
    lock_unless(repo, || false)?.ok_or_else(|| kept(repo))
}

/// Waits for the right to publish until it has it, or it is needless; `None` is also said when others kept it for too long.
fn lock_unless(repo: &Repo, needless: impl FnMut() -> bool) -> Result<Option<Guard>> {
    let taken = Lock::acquire_unless(&flock(repo), PATIENCE, needless);
    let taken = taken.context(Kind::Setup, || unlockable(repo))?;
    Ok(taken.map(|lock| Guard { _lock: lock }))
}

/// Takes the right to publish if nobody has it.
fn lock_if_free(repo: &Repo) -> Result<Option<Guard>> {
    let free = Lock::try_acquire(&flock(repo));
    let free = free.context(Kind::Setup, || unlockable(repo))?;
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
    let said = oid.map(|oid| Said {
        message: message.clone(),
        oid,
    });
    Ok(said.map(Posted::from))
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
    let mut round = Round::new(repo, PATIENCE);
    let done = round.until_in(ctx, own, decide);
    if done.is_err() {
        round.give_up(repo);
    }
    done
}

/// Tries for one swap, and what one leaves to the next.
struct Round {
    survey: Survey,
    /// What a writer who died may have swapped in.
    left: Option<Oid>,
    /// What the last try wrote.
    chain: Option<Chain>,
    retry: Retry,
}

impl Round {
    fn new(repo: &Repo, patience: Duration) -> Self {
        let published = Published::load(repo);
        Round {
            left: published.pending,
            survey: Survey::new(published),
            chain: None,
            retry: Retry::new(patience),
        }
    }

    fn until_in(
        &mut self,
        ctx: &Ctx,
        own: &[Message],
        decide: &mut dyn FnMut(Option<Oid>) -> Result<bool>,
    ) -> Result<Vec<Posted>> {
        loop {
            let mut early = Writer::early(ctx.repo()?, REFLOG);
            if let Some(git) = early.as_mut().filter(|_| self.chain.is_some()) {
                git.wait_until_ready();
            }
            match self.attempt(ctx, early, own, decide)? {
                Ok(posted) => return Ok(posted),
                // The ref was moved by somebody who does not queue here: the sooner the next try, the better its chance.
                Err(lost @ Lost::Conflict(_)) => self.retry.again(lost, "post to the room", 0)?,
                Err(lost) => {
                    if matches!(lost, Lost::Busy(_)) && log::repair_if_free(ctx.repo()?)? {
                        ctx.ui.note("a lock left by a crash was removed");
                    }
                    self.retry
                        .again(lost, "post to the room", ctx.dice.roll())?;
                }
            }
        }
    }

    /// Tries once: everything is read after git was started for the swap, if it was, so that little can happen in between.
    fn attempt(
        &mut self,
        ctx: &Ctx,
        early: Option<Writer>,
        own: &[Message],
        decide: &mut dyn FnMut(Option<Oid>) -> Result<bool>,
    ) -> Result<Result<Vec<Posted>, Lost>> {
        let repo = ctx.repo()?;
        let tip = refs::find(repo, CHAT)?;
        if !own.is_empty() && !decide(tip)? {
            self.give_up(repo);
            return Ok(Ok(Vec::new()));
        }
        self.survey.advance(repo, tip)?;
        let (chain, head) = match self.chain.take() {
            // As many as are waiting would be written again: the longer that takes, the surer somebody else comes first.
            Some(chain) => {
                let head = chain::join(repo, (tip, ctx.now()), &self.survey, &chain)?;
                (chain, head)
            }
            None => match self.write(ctx, tip, own)? {
                Some(chain) => {
                    let head = chain.head;
                    (chain, head)
                }
                None => return Ok(Ok(Vec::new())),
            },
        };
        let edits = [Edit::swap(CHAT, tip, head)];
        let swapped = match early {
            Some(git) => git.transact(repo, &edits),
            None => refs::transact(repo, &edits, REFLOG),
        };
        if let Err(lost) = swapped {
            self.chain = Some(chain);
            return Ok(Err(lost));
        }
        self.settle(ctx, (tip, head), chain, own.len()).map(Ok)
    }

    /// Writes the commits of what waits and of `own`; `None` says that there is nothing to do, which is then kept.
    fn write(&mut self, ctx: &Ctx, tip: Option<Oid>, own: &[Message]) -> Result<Option<Chain>> {
        let repo = ctx.repo()?;
        let survey = &mut self.survey;
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
            return Ok(None);
        }
        let all = waiting.into_iter().chain(own.iter().cloned());
        let chain = chain::write(repo, (tip, ctx.now()), survey, all)?;
        // If we die now, whoever is next takes this for ours: somebody may have read it already.
        survey.published.intend(repo, Some(chain.head));
        Ok(Some(chain))
    }

    /// Keeps what was published, and looks whether it is still in; returns the last `own` messages.
    fn settle(
        &mut self,
        ctx: &Ctx,
        (tip, head): (Option<Oid>, Oid),
        chain: Chain,
        own: usize,
    ) -> Result<Vec<Posted>> {
        let repo = ctx.repo()?;
        let spooled = chain.said.len() - own;
        let new: Vec<_> = chain.said[..spooled]
            .iter()
            .map(|said| (said.message.id.clone(), said.oid))
            .collect();
        let published = self.survey.published.clone();
        published.advance(repo, head, Some(head), &new);
        for (id, _) in new {
            spool::remove(repo, &id)?;
        }
        let fooled = refs::broken_reflog(repo, CHAT).is_some_and(|(_, before)| Some(before) == tip);
        if fooled || !is_in(repo, head)? {
            // Our swap dropped what somebody had just written, or somebody ours: it was in the room, so it stays.
            let mut next = Round::new(repo, HEALING);
            if let Err(lost) = next.attempt(ctx, None, &[], &mut |_| Ok(true))? {
                ctx.ui.warn(&format!(
                    "what a lost swap dropped comes back with the next message: {}",
                    lost.into_error("put it back")
                ));
            }
        }
        let own = chain.said.into_iter().skip(spooled);
        Ok(own.map(Posted::from).collect())
    }

    /// Lets what was written go: it was not swapped in, and must not come back as if it had been.
    fn give_up(&mut self, repo: &Repo) {
        self.chain = None;
        if self.survey.published.pending != self.left {
            self.survey.published.intend(repo, self.left);
        }
    }
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
    let mut round = Round::new(repo, HEALING);
    while let Err(lost) = round.attempt(ctx, None, &[], &mut |_| Ok(true))? {
        if round
            .retry
            .again(lost, "put back what is missing", 0)
            .is_err()
        {
            // The next one who reads or writes does it.
            round.give_up(repo);
            return Ok(());
        }
    }
    Ok(())
}
