//! The rooms a session has letters in: its repository's, and the hub's.

use crate::{
    base::id::{MessageId, SessionTag},
    ctx::Ctx,
    error::Result,
    features::{
        chat::{
            error::unknown,
            logic::unread::Lane,
            model::{Message, Priority},
            reader::{self, Proof, Reading},
            store::{self, Said},
        },
        session::store as session_store,
    },
};
use std::collections::HashSet;

/// Opens the hub to write to, creating it if it is not there.
pub fn hub_to_write(ctx: &Ctx) -> Result<Option<Ctx>> {
    open(ctx, true)
}

/// Opens the hub to read, if there is one. One that cannot be read is said and left aside: what was said here is read all the same.
pub fn hub(ctx: &Ctx) -> Option<Ctx> {
    readable(ctx, open(ctx, false))
}

/// The hub, if it knows the session and something was ever said there; one that cannot be read is said and left aside.
pub fn hub_of(ctx: &Ctx, tag: &SessionTag) -> Option<Ctx> {
    let hub = hub(ctx)?;
    let known = is_known(&hub, tag);
    readable(ctx, known.map(|known| known.then_some(hub)))
}

fn is_known(hub: &Ctx, tag: &SessionTag) -> Result<bool> {
    let repo = hub.repo()?;
    Ok(store::tip(repo)?.is_some() && session_store::load(repo, tag)?.is_some())
}

fn open(ctx: &Ctx, create: bool) -> Result<Option<Ctx>> {
    session_store::hub(create)?
        .map(|hub| ctx.in_repo(hub))
        .transpose()
}

fn readable(ctx: &Ctx, found: Result<Option<Ctx>>) -> Option<Ctx> {
    found.unwrap_or_else(|error| {
        ctx.ui.warn(&format!(
            "letters from other repositories are not read: {error}"
        ));
        None
    })
}

/// Finds a message here or in the hub, and where it is.
pub fn find(ctx: &Ctx, id: &MessageId) -> Result<(Option<Ctx>, Said)> {
    if let Some(said) = store::find(ctx.repo()?, id)? {
        return Ok((None, said));
    }
    if let Some(hub) = hub(ctx)
        && let Some(said) = store::find(hub.repo()?, id)?
    {
        return Ok((Some(hub), said));
    }
    Err(unknown(id.as_str()))
}

/// Which letters are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// In which lanes.
    pub lanes: &'a [Lane],
    /// How many at most.
    pub limit: usize,
}

/// A letter that waits.
#[derive(Clone, Debug)]
pub struct Letter {
    /// It is in the hub.
    pub in_hub: bool,
    /// What it is.
    pub said: Said,
}

impl Letter {
    fn rank(&self, tag: &SessionTag) -> (Option<Lane>, i64, MessageId) {
        let message = &self.said.message;
        (
            Lane::of(message, tag),
            message.at.unix(),
            message.id.clone(),
        )
    }
}

/// Returns what waits for a session, the most urgent first and the oldest of those, and whether there is more.
pub fn waiting(ctx: &Ctx, tag: &SessionTag, wish: Wish<'_>) -> Result<(Vec<Letter>, bool)> {
    let reading = Reading {
        lanes: wish.lanes,
        filter: &|_| true,
        limit: usize::MAX,
    };
    let (here, more) = reader::peek_unread(ctx.repo()?, tag, &reading)?;
    let letter = |in_hub| move |said| Letter { in_hub, said };
    let mut all: Vec<Letter> = here.into_iter().map(letter(false)).collect();
    if let Some(hub) = hub_of(ctx, tag) {
        let (there, _) = reader::peek_unread(hub.repo()?, tag, &reading)?;
        all.extend(there.into_iter().map(letter(true)));
    }
    all.sort_by_key(|letter| letter.rank(tag));
    let more = more || all.len() > wish.limit;
    all.truncate(wish.limit);
    Ok((all, more))
}

/// Takes what waits: shown once, most urgent first. `show` returns whether somebody took it.
///
/// Another command of the session may be faster: then there is less to show, or nothing.
pub fn take(
    ctx: &Ctx,
    who: (&SessionTag, Proof),
    wish: Wish<'_>,
    show: &mut dyn FnMut(&[Letter]) -> Result<bool>,
) -> Result<(usize, bool)> {
    let (chosen, more) = waiting(ctx, who.0, wish)?;
    if chosen.is_empty() {
        return Ok((0, more));
    }
    let ids: HashSet<MessageId> = chosen
        .iter()
        .map(|letter| letter.said.message.id.clone())
        .collect();
    let filter = |message: &Message| ids.contains(&message.id);
    let reading = Reading {
        lanes: wish.lanes,
        filter: &filter,
        limit: usize::MAX,
    };
    let show = &mut |here: &[Said], there: &[Said]| -> Result<bool> {
        let letter = |in_hub| {
            move |said: &Said| Letter {
                in_hub,
                said: said.clone(),
            }
        };
        let mut all: Vec<Letter> = here.iter().map(letter(false)).collect();
        all.extend(there.iter().map(letter(true)));
        all.sort_by_key(|letter| letter.rank(who.0));
        show(&all)
    };
    let hub = if chosen.iter().any(|letter| letter.in_hub) {
        hub_of(ctx, who.0)
    } else {
        None
    };
    let shown = match hub {
        Some(hub) => take_both((ctx, &hub), who, &reading, show)?,
        None => reader::take_as(ctx, who, &reading, |here| show(here, &[]))?.count,
    };
    Ok((shown, more))
}

/// Both rooms' letters are one list, so one room's are taken inside of the other's, always in this order.
fn take_both(
    (ctx, hub): (&Ctx, &Ctx),
    who: (&SessionTag, Proof),
    reading: &Reading<'_>,
    mut show: impl FnMut(&[Said], &[Said]) -> Result<bool>,
) -> Result<usize> {
    let mut count = None;
    let there = reader::take_as(hub, who, reading, |there| {
        let mut heard = None;
        let here = reader::take_as(ctx, who, reading, |here| {
            let taken = show(here, there)?;
            heard = Some(taken);
            Ok(taken)
        })?;
        count = Some(here.count);
        match heard {
            Some(heard) => Ok(heard),
            None => show(&[], there),
        }
    })?;
    match count {
        Some(count) => Ok(count + there.count),
        // What was in the hub went to another command of the session.
        None => Ok(reader::take_as(ctx, who, reading, |here| show(here, &[]))?.count),
    }
}

/// Returns the word for how soon a letter should be seen.
pub fn priority(message: &Message) -> &'static str {
    message.about.priority.unwrap_or(Priority::Next).word()
}
