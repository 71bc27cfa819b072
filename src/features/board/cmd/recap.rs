//! `git ccc recap`.

use crate::{
    base::{
        local::span,
        time::{Timestamp, Ttl},
    },
    ctx::Ctx,
    error::Result,
    features::{
        board::{
            logic::{
                recap::{self, Reader},
                timeline,
            },
            model::Event,
            store::{self, Back},
            view::feed::Recap,
        },
        chat::store as chat,
        session::store as sessions,
    },
    git::log,
};
use clap::Args;
use std::str::FromStr;

/// At most so many entries and messages are looked at.
const LIMIT: usize = 3000;
/// Whoever never did anything is told of so many seconds.
const DAY: i64 = 86_400;

/// Arguments of `recap`.
#[derive(Debug, Args)]
pub struct RecapArgs {
    /// Since the last thing you did, a time ago (1d), or a moment (2026-01-02T03:04:05Z)
    #[arg(long, value_name = "WHEN", default_value = "last")]
    since: Since,
    /// How long the text may be: a token counts as four bytes
    #[arg(long, value_name = "N", default_value_t = 500)]
    tokens: usize,
    /// Ask as the person git knows by user.name
    #[arg(long)]
    me: bool,
}

/// Since when.
#[derive(Clone, Copy, Debug)]
enum Since {
    Last,
    Ago(Ttl),
    At(Timestamp),
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "last" {
            return Ok(Since::Last);
        }
        if let Ok(at) = text.parse() {
            return Ok(Since::At(at));
        }
        text.parse().map(Since::Ago).map_err(|_| {
            "expected last, a duration (1d) or a time (2026-01-02T03:04:05Z)".to_owned()
        })
    }
}

/// Runs `recap`.
pub fn recap(ctx: &Ctx, args: &RecapArgs) -> Result<()> {
    let repo = ctx.repo()?;
    let now = ctx.now();
    let session = if args.me {
        None
    } else {
        sessions::current_if_any(ctx)?
    };
    let came = session.as_ref().map(|session| session.record.started);
    let reader = match session {
        Some(session) => Reader::Session(session.tag),
        None => Reader::Person(repo.config("user.name").unwrap_or_default()),
    };
    let day = Timestamp::from_unix(now.unix() - DAY).unwrap_or(now);
    let asked = match args.since {
        Since::Last => None,
        Since::Ago(ago) => Timestamp::from_unix(now.unix() - i64::from(ago.seconds())),
        Since::At(at) => Some(at),
    };
    let back = Back {
        since: asked,
        limit: LIMIT,
    };
    let tip = chat::tip(repo)?;
    let events = timeline::merge(vec![
        store::starts(sessions::load_readable(repo)?.iter()),
        store::logged(repo, log::tip(repo)?.oid, back, None)?,
        store::said(repo, tip, back)?.1,
    ]);
    let after = |since: Timestamp| -> (Timestamp, &[Event]) {
        let first = events.iter().position(|event| event.at >= since);
        (since, &events[first.unwrap_or(events.len())..])
    };
    let (since, events) = match asked {
        Some(since) => after(since),
        None => recap::since_last(&events, &reader).unwrap_or_else(|| after(came.unwrap_or(day))),
    };
    let rooms = chat::rooms(repo, tip)?;
    let mut items = recap::items(events, &rooms, &reader, (&repo.name(), since, now));
    let ago = now.seconds_since(since).max(1);
    let head = if items.is_empty() {
        format!("nothing since {since}")
    } else {
        format!("since {since}, {} ago", span(ago))
    };
    let tail = |left: usize| format!("and {left} more: git ccc feed --since {ago}s");
    let (count, text) = recap::fit(&head, &items, args.tokens, tail);
    let left_out = items.len() - count;
    items.truncate(count);
    ctx.ui.answer(&Recap {
        since,
        tokens: args.tokens,
        used: recap::tokens(&text),
        items,
        left_out,
        text,
    })
}
