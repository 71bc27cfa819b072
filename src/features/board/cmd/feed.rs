//! `git ccc feed`.

use super::board::PLACES;
use crate::{
    base::{
        id::{RoomName, SessionTag},
        time::{Timestamp, Ttl},
    },
    ctx::Ctx,
    error::Result,
    features::{
        board::{
            logic::timeline,
            model::Event,
            store::{self, Back},
            view::feed::FeedLine,
        },
        chat::store as chat,
        session::store as sessions,
    },
    git::{Oid, Repo, log, watch::Alarm},
};
use clap::Args;
use std::{collections::BTreeSet, time::Duration};

/// At most so many entries and messages are looked at.
const LIMIT: usize = 5000;
/// What no event announces is found this soon.
const TICK: Duration = Duration::from_secs(1);

/// Arguments of `feed`.
#[derive(Debug, Args)]
pub struct FeedArgs {
    /// Nothing older
    #[arg(long, value_name = "TIME", default_value = "1d")]
    since: Ttl,
    /// Go on with what comes, until interrupted
    #[arg(long)]
    follow: bool,
}

/// What was shown.
struct Shown {
    log: Oid,
    room: Option<Oid>,
    sessions: BTreeSet<SessionTag>,
}

/// Runs `feed`.
pub fn feed(ctx: &Ctx, args: &FeedArgs) -> Result<()> {
    let repo = ctx.repo()?;
    let ago = ctx.now().unix() - i64::from(args.since.seconds());
    let back = Back {
        since: Timestamp::from_unix(ago),
        limit: LIMIT,
    };
    let mut shown: Option<Shown> = None;
    loop {
        // Listening starts before looking, so that nothing comes unseen in between.
        let alarm = args.follow.then(|| Alarm::new(repo, PLACES));
        let (events, now) = news(repo, back, shown.as_ref())?;
        shown = Some(now);
        let name = repo.name();
        let lines: Vec<FeedLine> = events
            .iter()
            .filter(|event| !is_letter(event))
            .map(|event| FeedLine::new(event, &name))
            .collect();
        let heard = ctx.ui.deliver(&lines)?;
        match alarm {
            Some(alarm) if heard => alarm.wait(TICK),
            _ => return Ok(()),
        }
    }
}

/// Letters are between two: the room is what all hear.
fn is_letter(event: &Event) -> bool {
    let mail = RoomName::mail();
    event
        .message()
        .is_some_and(|message| message.about.room == mail)
}

/// Returns what happened since it was last looked, and what has been looked at now.
fn news(repo: &Repo, back: Back, shown: Option<&Shown>) -> Result<(Vec<Event>, Shown)> {
    let (log, room) = (log::tip(repo)?.oid, chat::tip(repo)?);
    let known = sessions::load_readable(repo)?;
    let new = known.iter().filter(|session| {
        let old = back
            .since
            .is_some_and(|since| session.record.started < since);
        shown.map_or(!old, |shown| !shown.sessions.contains(&session.tag))
    });
    let starts = store::starts(new);
    let entries = match shown {
        Some(shown) if shown.log == log => Vec::new(),
        _ => store::logged(repo, log, back, shown.map(|shown| shown.log))?,
    };
    let said = match (room, shown) {
        (None, _) => Vec::new(),
        (room, Some(shown)) if room == shown.room => Vec::new(),
        (
            Some(tip),
            Some(Shown {
                room: Some(after), ..
            }),
        ) => store::said_after(repo, tip, *after)?,
        (tip, _) => store::said(repo, tip, back)?.1,
    };
    let events = timeline::merge(vec![starts, entries, said]);
    let sessions = known.into_iter().map(|session| session.tag).collect();
    Ok((
        events,
        Shown {
            log,
            room,
            sessions,
        },
    ))
}
