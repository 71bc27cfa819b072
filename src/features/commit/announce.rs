//! The staged commit: say which paths, give those whom it concerns a stated time, commit, say which commit it was.
//!
//! The announcement is a proposal in the room with `Ccc-Announce: commit` and
//! its paths; the commit is its `done`. Those whom it concerns hold a claim
//! that overlaps or have committed one of the paths within a day. A counter
//! stops it; silence does not. When the announced paths are committed in
//! another way the hook says so in the thread: a marker file tells it, with
//! one look, that a session has announced something. Without the marker only
//! that word is missing.

use super::{
    logic::{self, Verdict},
    model::Wanted,
    store,
};
use crate::{
    base::{
        id::{MessageId, SessionTag},
        scope::{Fold, Scope},
        text::one_line,
        time::Ttl,
    },
    ctx::Ctx,
    error::{Context, Error, Kind, Result},
    features::{
        chat::{
            draft,
            logic::thread::{ANNOUNCE, Objection},
            model::{About, Priority, Sender, State, To},
            spool, store as room,
        },
        claim::store::{self as claims, About as Which},
        session::{
            logic::{Life, life},
            store::{self as sessions, ThisHost},
        },
    },
    git::{
        Repo, history,
        log::{self, Entry},
        refs,
        watch::Alarm,
    },
};
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

/// Whoever committed a path within so many seconds is asked.
const LATELY: i64 = 86_400;
/// So many entries of the log are looked through.
const LOOKED_AT: usize = 2000;
/// More paths than this are counted, not listed.
const LISTED: usize = 100;
/// How often it looks without having been woken: somebody who was asked may have died.
const TICK: Duration = Duration::from_secs(1);

/// Announces a commit and waits; returns the thread if nobody objects.
pub fn announce(ctx: &Ctx, wanted: &Wanted, wait: Ttl) -> Result<MessageId> {
    let repo = ctx.repo()?;
    let Some(tag) = &wanted.session else {
        return Err(Error::setup("only a session announces a commit")
            .hint("git ccc session start --name NAME"));
    };
    let scopes = store::scopes(&wanted.paths)?;
    let to = concerned(ctx, tag, &scopes)?;
    let mut about = About {
        state: State::Proposal,
        to: to.iter().cloned().map(To::Session).collect(),
        paths: wanted.paths.iter().take(LISTED).cloned().collect(),
        priority: (!to.is_empty()).then_some(Priority::Next),
        ..About::default()
    };
    about.set_extra(ANNOUNCE, "commit".to_owned());
    let from = Sender::Session(tag.clone());
    let message = draft::letter(ctx, from, text(wanted, wait), about)?;
    // Listening begins before it is said, so that no answer comes unseen.
    let alarm = Alarm::new(repo, room::PLACES);
    let posted = draft::say(ctx, message)?;
    let thread = posted.message.thread().clone();
    let marker = marker(repo, tag);
    crate::fs::replace(&marker, b"").context(Kind::Setup, || {
        format!("{} cannot be written", marker.display())
    })?;
    if !to.is_empty() {
        let names: Vec<String> = to.iter().map(ToString::to_string).collect();
        ctx.ui.note(&format!(
            "announced to {}; waiting at most {wait} [{thread}]",
            names.join(", ")
        ));
    }
    let end = Instant::now() + Duration::from(wait);
    loop {
        let awaited: Vec<SessionTag> = to.iter().filter(|to| is_alive(ctx, to)).cloned().collect();
        match logic::decide(draft::thread(ctx, &thread)?.as_ref(), &awaited) {
            Verdict::Go => return Ok(thread),
            Verdict::Stop(counters) => return Err(countered(&thread, &counters)),
            Verdict::Wait(silent) => {
                let left = end.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    let names: Vec<String> = silent.iter().map(ToString::to_string).collect();
                    ctx.ui.note(&format!("no answer from {}", names.join(", ")));
                    return Ok(thread);
                }
                alarm.wait(left.min(TICK));
            }
        }
    }
}

fn text(wanted: &Wanted, wait: Ttl) -> String {
    let subject = wanted
        .message
        .as_deref()
        .and_then(|message| message.lines().find(|line| !line.trim().is_empty()))
        .unwrap_or("a message to be written");
    let count = wanted.paths.len();
    let files = if count == 1 { "file" } else { "files" };
    format!(
        "commit of {count} {files}: {}\n\nack or counter within {wait}",
        one_line(subject.trim(), 70)
    )
}

fn countered(thread: &MessageId, counters: &[Objection]) -> Error {
    counters
        .iter()
        .fold(
            Error::no("the announced commit is countered"),
            |error, counter| error.because(format!("{}: {}", counter.by, counter.line)),
        )
        .detail(serde_json::json!({ "thread": thread, "counters": counters }))
        .hint(format!("git ccc chat read --thread {thread}"))
}

fn is_alive(ctx: &Ctx, tag: &SessionTag) -> bool {
    let loaded = ctx.repo().and_then(|repo| sessions::load(repo, tag));
    // A record that cannot be read belongs to somebody who may be there.
    !matches!(loaded, Ok(None))
        && loaded.map_or(true, |found| {
            found.is_none_or(|(session, _)| {
                sessions::life(&session.record, ctx.now()) == Life::Alive
            })
        })
}

/// Whom a commit of these paths concerns: the sessions that hold one, and those that committed one lately.
fn concerned(ctx: &Ctx, tag: &SessionTag, scopes: &[Scope]) -> Result<Vec<SessionTag>> {
    let repo = ctx.repo()?;
    let mut found: Vec<SessionTag> = Vec::new();
    let mut add = |who: SessionTag| {
        if who != *tag && !found.contains(&who) {
            found.push(who);
        }
    };
    let snapshot = claims::load(repo, ctx.now(), Which::Scopes(scopes))?;
    for blocker in snapshot.state.blockers(Some(tag), scopes) {
        add(blocker.claim.record.session);
    }
    let since = ctx.now().unix() - LATELY;
    for link in history::newest(repo, refs::find(repo, log::REF)?).take(LOOKED_AT) {
        let link = link?;
        if link.published < since {
            break;
        }
        let entry = Entry::of_link(link);
        let commits = entry.trailers("Ccc-Act").any(|act| act == "commit");
        let who = entry
            .trailers("Ccc-Session")
            .find_map(|tag| tag.parse().ok());
        if let Some(who) = who.filter(|_| commits)
            && entry
                .trailers("Ccc-Path")
                .any(|path| touches(path, scopes, repo.fold()))
        {
            add(who);
        }
    }
    let host = ThisHost::new();
    let there = |tag: &SessionTag| -> Result<bool> {
        let found = sessions::load(repo, tag)?;
        Ok(found.is_some_and(|(session, _)| life(&session.record, &host, ctx.now()) != Life::Dead))
    };
    let mut here = Vec::new();
    for tag in found {
        if there(&tag)? {
            here.push(tag);
        }
    }
    Ok(here)
}

fn touches(path: &str, scopes: &[Scope], fold: Fold) -> bool {
    Scope::literal(path).is_ok_and(|path| scopes.iter().any(|scope| scope.overlaps(&path, fold)))
}

/// Says in the thread which commit it was; the commit is made, so what cannot be said is only narrated.
pub fn tell(ctx: &Ctx, tag: &SessionTag, thread: &MessageId, commit: &str, subject: &str) {
    let told = draft::required(ctx, thread).and_then(|said| {
        let about = About {
            state: State::Done,
            room: said.message.about.room.clone(),
            to: said.message.about.to.clone(),
            priority: Some(Priority::Later),
            commit: Some(commit.to_owned()),
            ..About::default()
        };
        let from = Sender::Session(tag.clone());
        let about = draft::answering(&said, &from, about);
        let short = commit.get(..10).unwrap_or(commit);
        let text = format!("committed {short}: {}", one_line(subject, 120));
        let message = draft::letter(ctx, from, text, about)?;
        draft::say(ctx, message)
    });
    if let Err(error) = told.and_then(|_| unmark(ctx, tag)) {
        ctx.ui.warn(&format!(
            "the commit is made, and thread {thread} does not say so: {error}"
        ));
    }
}

/// Says in the thread that it came to nothing; the error that is returned says more.
pub fn give_up(ctx: &Ctx, tag: &SessionTag, thread: &MessageId, why: &Error) {
    let told = draft::required(ctx, thread).and_then(|said| {
        let about = About {
            room: said.message.about.room.clone(),
            ..About::default()
        };
        let from = Sender::Session(tag.clone());
        let about = draft::answering(&said, &from, about);
        let text = format!("not committed: {}", one_line(&why.message, 200));
        draft::say(ctx, draft::letter(ctx, from, text, about)?)
    });
    if let Err(error) = told {
        ctx.ui
            .warn(&format!("thread {thread} does not say so: {error}"));
    }
}

/// After a commit of ours: its own thread is told, and whatever else it did that was announced.
pub fn after(
    ctx: &Ctx,
    tag: &SessionTag,
    thread: Option<&MessageId>,
    commit: (&str, &str),
    committed: impl Fn(&str) -> bool,
) {
    if let Some(thread) = thread {
        tell(ctx, tag, thread, commit.0, commit.1);
    }
    if let Err(error) = settle(ctx, tag, commit, committed) {
        ctx.ui.warn(&format!(
            "what was announced is not told of the commit: {error}"
        ));
    }
}

/// After any commit of a session: if it did what the session announced, its thread is told.
pub fn settle(
    ctx: &Ctx,
    tag: &SessionTag,
    (commit, subject): (&str, &str),
    committed: impl Fn(&str) -> bool,
) -> Result<()> {
    let repo = ctx.repo()?;
    if !marker(repo, tag).exists() {
        return Ok(());
    }
    let rooms = room::rooms(repo, room::tip(repo)?)?;
    for thread in rooms.threads.values() {
        if logic::fulfils(thread, tag, &committed) {
            tell(ctx, tag, &thread.id, commit, subject);
        }
    }
    Ok(())
}

fn marker(repo: &Repo, tag: &SessionTag) -> PathBuf {
    spool::dir(repo).join("announced").join(tag.as_str())
}

/// Removes the marker once nothing that was announced is open.
fn unmark(ctx: &Ctx, tag: &SessionTag) -> Result<()> {
    let repo = ctx.repo()?;
    let rooms = room::rooms(repo, room::tip(repo)?)?;
    let mut mine = rooms
        .threads
        .values()
        .filter(|thread| thread.by.session() == Some(tag));
    if mine.any(|thread| !thread.announced.is_empty() && thread.status.is_open()) {
        return Ok(());
    }
    let path = marker(repo, tag);
    crate::fs::remove(&path).context(Kind::Setup, || {
        format!("{} cannot be removed", path.display())
    })
}
