//! Refusals as errors: who holds it, since when, until when, what for, where, and what to run next.

use super::{
    logic::{Blocker, Refusal},
    model::{Ticket, join},
};
use crate::{
    base::{
        scope::Scope,
        text::{one_line, shell},
    },
    error::Error,
};
use std::{collections::BTreeSet, fmt::Write as _};

/// Returns the error for a refused claim; the hints claim or wait for the same `scopes`.
pub fn refused(refusal: &Refusal, scopes: &[Scope]) -> Error {
    let wait = format!("git ccc claim --wait {}", shell_join(scopes));
    match refusal {
        Refusal::Held(blockers) => held(blockers).hint(wait),
        Refusal::Queued(tickets) => queued(tickets).hint(wait),
        Refusal::Deadlock(ring) => {
            let names: Vec<&str> = ring
                .iter()
                .map(crate::base::id::SessionTag::as_str)
                .collect();
            let first = names.first().copied().unwrap_or_default();
            Error::no(format!("waiting for {} would never end", join(scopes)))
                .because(format!(
                    "each waits for the next: {} -> {first}",
                    names.join(" -> ")
                ))
                .detail(serde_json::json!({ "refused": "deadlock", "ring": names }))
                .hint("git ccc claims --mine")
        }
    }
}

fn shell_join(scopes: &[Scope]) -> String {
    scopes
        .iter()
        .map(|scope| shell(&scope.to_string()))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Returns the error that names every holder in the way.
pub fn held(blockers: &[Blocker]) -> Error {
    let fact = match blockers {
        [one] => format!(
            "{} is claimed by {} until {}",
            one.wanted, one.claim.record.session, one.claim.record.until
        ),
        many => {
            let holders: BTreeSet<_> = many
                .iter()
                .map(|blocker| blocker.claim.record.session.as_str())
                .collect();
            format!(
                "{} claims of {} are in the way",
                many.len(),
                holders.into_iter().collect::<Vec<_>>().join(", ")
            )
        }
    };
    let mut error = Error::no(fact).detail(serde_json::json!({
        "refused": "held",
        "blockers": blockers.iter().map(super::view::blocker_json).collect::<Vec<_>>(),
    }));
    // A board of refusals would hide the next command; --json has them all.
    for blocker in blockers.iter().take(5) {
        error = error.because(describe(blocker));
    }
    match blockers.len() {
        0..=5 => error,
        more => error.because(format!("and {} more", more - 5)),
    }
}

fn describe(blocker: &Blocker) -> String {
    let record = &blocker.claim.record;
    // Writing to a String cannot fail.
    let mut text = format!("{} holds {}", record.session, blocker.held);
    if blocker.held != blocker.wanted {
        let _ = write!(text, ", which overlaps {}", blocker.wanted);
    }
    if let Some(intent) = &record.intent {
        let _ = write!(text, ", for \"{}\"", one_line(intent, 120));
    }
    let _ = write!(text, ", since {} until {}", record.taken, record.until);
    if let Some(eta) = record.eta {
        let _ = write!(text, ", done about {eta}");
    }
    if let Some(worktree) = &record.worktree {
        let _ = write!(text, ", in {}", one_line(worktree, 120));
    }
    let _ = write!(text, " (claim {})", blocker.claim.id);
    text
}

fn queued(tickets: &[Ticket]) -> Error {
    let names: Vec<&str> = tickets
        .iter()
        .map(|ticket| ticket.session.as_str())
        .collect();
    let first = tickets.first();
    let wanted = first.map(|ticket| join(&ticket.scopes)).unwrap_or_default();
    Error::no(format!(
        "{wanted} is free, and {} came first",
        names.join(", ")
    ))
    .detail(serde_json::json!({ "refused": "queued", "ahead": names }))
}
