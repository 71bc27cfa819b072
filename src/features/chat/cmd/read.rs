//! The commands that read.

use super::{ReadArgs, ThreadsArgs};
use crate::{
    base::id::RoomName,
    ctx::Ctx,
    error::Result,
    features::{
        chat::{
            logic::unread::Lane,
            model::Message,
            publish,
            reader::{self, Proof, Reading},
            store::{self, Said, Selection},
            view::{MessageView, RoomList, ThreadList, UnreadView},
        },
        session::store as session_store,
    },
    git::watch::Alarm,
};
use std::time::Duration;

/// How many messages a plain `read` shows.
const FEW: usize = 20;
/// How many it shows when it was told what.
const MANY: usize = 1000;
/// So many commits are looked at to count what is unread.
const COUNTED: usize = 2000;

/// Runs `chat read`.
pub fn read(ctx: &Ctx, args: &ReadArgs) -> Result<()> {
    if args.unread {
        unread(ctx, args)
    } else {
        newest(ctx, args)
    }
}

fn fits(args: &ReadArgs, message: &Message) -> bool {
    args.room.as_ref().map_or_else(
        || is_talk(args, message),
        |room| message.about.room == *room,
    ) && args.thread.as_ref().is_none_or(|id| message.thread() == id)
}

/// Letters are shown where they are asked for, and to whom they are for.
fn is_talk(args: &ReadArgs, message: &Message) -> bool {
    args.unread || args.thread.is_some() || message.about.room != RoomName::mail()
}

/// Prints; `false` if nobody listens any more.
fn show(ctx: &Ctx, said: &[Said]) -> Result<bool> {
    let now = ctx.now();
    let views: Vec<MessageView> = said
        .iter()
        .map(|said| MessageView::new(&said.message, &said.oid.to_string(), now))
        .collect();
    ctx.ui.deliver(&views)
}

fn unread(ctx: &Ctx, args: &ReadArgs) -> Result<()> {
    let session = session_store::current(ctx)?.tag;
    let since = args
        .since
        .map(|ago| ctx.now().unix() - i64::from(ago.seconds()));
    let filter = |message: &Message| {
        fits(args, message) && since.is_none_or(|since| message.at.unix() >= since)
    };
    let reading = Reading {
        lanes: &Lane::ALL,
        filter: &filter,
        limit: args.limit.unwrap_or(MANY),
    };
    // A stream that is followed may run where nobody looks.
    let proof = if args.follow {
        Proof::Offered
    } else {
        Proof::Seen
    };
    loop {
        let alarm = alarm(ctx, args)?;
        let mut heard = true;
        let shown = reader::take_as(ctx, (&session, proof), &reading, |said| {
            heard = show(ctx, said)?;
            Ok(heard)
        })?;
        if shown.more && !args.follow {
            ctx.ui.note("there is more: git ccc chat read --unread");
        }
        match alarm {
            Some(_) if shown.more => {}
            Some(alarm) if heard => alarm.wait(Duration::from_secs(1)),
            _ => return Ok(()),
        }
    }
}

fn newest(ctx: &Ctx, args: &ReadArgs) -> Result<()> {
    let repo = ctx.repo()?;
    let told = args.since.is_some() || args.thread.is_some();
    let now = ctx.now().unix();
    let since = args
        .since
        .and_then(|ago| crate::base::time::Timestamp::from_unix(now - i64::from(ago.seconds())));
    let mut selection = Selection {
        after: None,
        since,
        limit: args.limit.unwrap_or(if told { MANY } else { FEW }),
    };
    loop {
        let alarm = alarm(ctx, args)?;
        publish::heal(ctx)?;
        let tip = store::tip(repo)?;
        if tip.is_some() && tip != selection.after {
            let said = store::recent(repo, tip, &selection, |message| fits(args, message))?;
            if !show(ctx, &said)? {
                return Ok(());
            }
            selection.after = tip;
            selection.limit = usize::MAX;
        }
        match alarm {
            Some(alarm) => alarm.wait(Duration::from_secs(1)),
            None => return Ok(()),
        }
    }
}

/// Listening starts before looking, so that nothing comes unseen in between.
fn alarm(ctx: &Ctx, args: &ReadArgs) -> Result<Option<Alarm>> {
    let repo = ctx.repo()?;
    Ok(args.follow.then(|| Alarm::new(repo, store::PLACES)))
}

/// Runs `chat rooms`.
pub fn rooms(ctx: &Ctx) -> Result<()> {
    let repo = ctx.repo()?;
    publish::heal(ctx)?;
    let rooms = store::rooms(repo, store::tip(repo)?)?;
    let session = session_store::current_if_any(ctx)?;
    let unread = session
        .map(|session| reader::count_unread(repo, &session.tag, COUNTED))
        .transpose()?
        .map(|unread| UnreadView {
            addressed: unread.addressed,
            room: unread.room,
            more: unread.more,
        });
    ctx.ui.answer(&RoomList::new(&rooms, unread, ctx.now()))
}

/// Runs `chat threads`.
pub fn threads(ctx: &Ctx, args: &ThreadsArgs) -> Result<()> {
    let repo = ctx.repo()?;
    publish::heal(ctx)?;
    let rooms = store::rooms(repo, store::tip(repo)?)?;
    let threads = rooms.threads.into_values().filter(|thread| {
        (args.all || thread.status.is_open())
            && args.room.as_ref().is_none_or(|room| thread.room == *room)
    });
    ctx.ui
        .answer(&ThreadList::new(threads.collect(), ctx.now()))
}
