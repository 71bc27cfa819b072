//! Where an answer goes on.

use crate::{
    base::text,
    error::{Error, Result},
    features::search::model::Ranked,
};

/// Returns what to ask with for what comes behind a conversation.
pub fn cursor(last: &Ranked) -> String {
    format!("{:016x}-{:016x}", last.score.to_bits(), last.session)
}

/// Finds where an answer goes on: behind the conversation it ended with or, if that moved, behind its score.
pub fn after(ranked: &[Ranked], cursor: &str) -> Result<usize> {
    let wrong = || {
        Error::usage(format!(
            "{} is no cursor of an answer",
            text::one_line(cursor, 60)
        ))
    };
    let (score, session) = cursor.split_once('-').ok_or_else(wrong)?;
    let number = |text: &str| u64::from_str_radix(text, 16).map_err(|_| wrong());
    let (score, session) = (f64::from_bits(number(score)?), number(session)?);
    let place = ranked
        .iter()
        .position(|ranked| ranked.session == session)
        .map(|at| at + 1);
    Ok(place.unwrap_or_else(|| ranked.partition_point(|ranked| ranked.score >= score)))
}
