//! Mail for a session, offered once: what was printed and taken is marked, in that order.

use super::{
    logic::letter,
    model::{Answer, Event, Vendor},
    view,
};
use crate::{
    base::id::SessionTag,
    ctx::Ctx,
    error::Result,
    features::{
        chat::{
            logic::unread::Lane,
            model::Message,
            reader::{self, Reading},
        },
        inbox::places,
    },
};

/// So many addressed messages go into one context.
const LETTERS: usize = 8;
/// So many lines of the room.
const LINES: usize = 10;
/// What interrupts work: the rest waits for the user's next word.
pub const URGENT: &[Lane] = &[Lane::Now, Lane::Next];

/// Prints unread mail as context after `before`; prints `before` alone if there is none. Tells whether there was mail.
pub fn give(
    ctx: &Ctx,
    (vendor, event): (Vendor, Event),
    session: &SessionTag,
    before: Option<String>,
) -> Result<bool> {
    let prompt = event == Event::UserPromptSubmit;
    let lanes = if prompt { &Lane::ADDRESSED } else { URGENT };
    let mut before = before;
    let what = (vendor, event);
    let mut given = offer(ctx, what, session, (lanes, LETTERS), &mut before)?;
    if !given && let Some(hub) = places::hub_of(ctx, session) {
        // Letters from other repositories.
        given = offer(&hub, what, session, (lanes, LETTERS), &mut before)?;
    }
    if !given && prompt {
        given = offer(ctx, what, session, (&[Lane::Room], LINES), &mut before)?;
    }
    if let Some(text) = before {
        say(ctx, vendor, event, &Answer::Context(text))?;
    }
    Ok(given)
}

/// Prints an answer; tells whether somebody took it.
pub fn say(ctx: &Ctx, vendor: Vendor, event: Event, answer: &Answer) -> Result<bool> {
    match view::encode(vendor, event, answer) {
        Some(text) => ctx.ui.hand_over(text.as_bytes()),
        None => Ok(false),
    }
}

/// Offers what is unread in some lanes; tells whether there was anything.
fn offer(
    ctx: &Ctx,
    (vendor, event): (Vendor, Event),
    session: &SessionTag,
    (lanes, limit): (&[Lane], usize),
    before: &mut Option<String>,
) -> Result<bool> {
    let reading = Reading {
        lanes,
        filter: &|_| true,
        limit,
    };
    // A look without the lock: mostly there is nothing.
    let (said, more) = reader::peek_unread(ctx.repo()?, session, &reading)?;
    if said.is_empty() {
        return Ok(false);
    }
    let shown = reader::take_unread(ctx, session, &reading, |said| {
        let first = before.take().unwrap_or_default();
        let (room, addressed): (Vec<&Message>, Vec<&Message>) = said
            .iter()
            .map(|said| &said.message)
            .partition(|message| Lane::of(message, session) == Some(Lane::Room));
        let capacity = vendor.capacity().saturating_sub(first.len());
        let text = format!("{first}{}", letter::mail(&addressed, &room, more, capacity));
        say(ctx, vendor, event, &Answer::Context(text))
    })?;
    Ok(shown.count > 0)
}

/// Tells whether mail waits that should not wait for the user's next word.
pub fn is_waiting(ctx: &Ctx, session: &SessionTag) -> Result<bool> {
    let reading = Reading {
        lanes: URGENT,
        filter: &|_| true,
        limit: 1,
    };
    let waits = |ctx: &Ctx| -> Result<bool> {
        let (said, _) = reader::peek_unread(ctx.repo()?, session, &reading)?;
        Ok(!said.is_empty())
    };
    Ok(waits(ctx)? || places::hub_of(ctx, session).map_or(Ok(false), |hub| waits(&hub))?)
}
