//! What is known of the traffic between sessions, and what it means for a message that is about to be posted.
//!
//! Commits are asked for only when the room alone would say no. Two that post
//! at the same moment may each find room for one more: a budget is a bound on
//! waste, not a lock.

use super::{
    error,
    logic::traffic::{self, Facts, HOUR, Limits, Verdict},
    model::{Message, Priority},
    publish::Posted,
    store,
};
use crate::{
    base::{id::SessionTag, time::Timestamp},
    ctx::Ctx,
    error::Result,
    git::{
        history,
        log::{self, Entry},
        refs,
    },
};

/// So many commits of the room, and entries of the log, are looked at.
const LOOKED_AT: usize = 400;

/// What becomes of a message.
#[derive(Debug)]
pub enum Admitted {
    /// It may be posted, as it is now.
    New(Box<Message>),
    /// It was posted before.
    Known(Box<Posted>),
}

/// Looks at a message that is about to be posted; one that wakes nobody any more says so to its sender.
pub fn admit(ctx: &Ctx, mut message: Message) -> Result<Admitted> {
    if !traffic::is_concerned(&message) {
        return Ok(Admitted::New(Box::new(message)));
    }
    let settings = ctx.settings()?;
    let limits = Limits {
        per_minute: settings.messages_per_minute(),
        per_hour: settings.messages_per_hour(),
        hops: settings.hops(),
        turns: settings.turns(),
    };
    let recent = recent(ctx)?;
    let judge = |commits: &[(SessionTag, Timestamp)]| {
        let facts = Facts {
            recent: &recent,
            commits,
        };
        traffic::judge(&message, facts, limits)
    };
    let mut verdict = judge(&[]);
    if matches!(verdict, Verdict::Hops(_) | Verdict::Quiet(..)) {
        verdict = judge(&commits(ctx)?);
    }
    match verdict {
        Verdict::Fine => {}
        Verdict::Repeat(id) => {
            ctx.ui
                .note(&format!("the same was said a moment ago: {id}"));
            if let Some(said) = store::find(ctx.repo()?, &id)? {
                return Ok(Admitted::Known(Box::new(Posted {
                    message: said.message,
                    oid: said.oid,
                    known: true,
                })));
            }
        }
        Verdict::Quiet(to, turns) => {
            ctx.ui.warn(&format!(
                "this does not wake {to}: {turns} turns between you with no person and no commit; it is there when {to} looks"
            ));
            message.about.priority = Some(Priority::Later);
        }
        Verdict::Spent(to, count, free) => return Err(error::spent(&to, count, free)),
        Verdict::Hops(count) => return Err(error::hops(message.thread(), count)),
    }
    Ok(Admitted::New(Box::new(message)))
}

/// The addressed messages of the last hour, oldest first.
fn recent(ctx: &Ctx) -> Result<Vec<Message>> {
    let repo = ctx.repo()?;
    let since = ctx.now().unix() - HOUR;
    let mut found = Vec::new();
    for link in history::newest(repo, store::tip(repo)?).take(LOOKED_AT) {
        let link = link?;
        if link.published < since {
            break;
        }
        found.extend(store::message(&link).filter(|message| !message.about.to.is_empty()));
    }
    found.reverse();
    Ok(found)
}

/// Who committed within the last hour, by the log.
fn commits(ctx: &Ctx) -> Result<Vec<(SessionTag, Timestamp)>> {
    let repo = ctx.repo()?;
    let since = ctx.now().unix() - HOUR;
    let mut found = Vec::new();
    for link in history::newest(repo, refs::find(repo, log::REF)?).take(LOOKED_AT) {
        let link = link?;
        if link.published < since {
            break;
        }
        let at = link.at;
        let entry = Entry::of_link(link);
        let by = entry
            .trailers("Ccc-Session")
            .find_map(|tag| tag.parse().ok());
        if let Some(by) = by.filter(|_| entry.trailers("Ccc-Act").any(|act| act == "commit")) {
            found.push((by, at));
        }
    }
    Ok(found)
}
