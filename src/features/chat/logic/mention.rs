//! Who is mentioned in a text: `@tag`, a session's unique name, `@me`, `@all`; any other `@word` is plain text.
//!
//! What stands in backquotes or in a fenced block is quoted, not said.

use crate::{
    base::id::slug,
    features::{chat::model::To, session::model::Session},
};

/// Tells whether a text could mention anybody.
pub fn is_possible(text: &str) -> bool {
    text.contains('@')
}

/// Returns whom a text mentions, each once, in order.
pub fn find(text: &str, sessions: &[Session]) -> Vec<To> {
    let mut found: Vec<To> = Vec::new();
    for to in words(text).filter_map(|word| resolve(word, sessions)) {
        if !found.contains(&to) {
            found.push(to);
        }
    }
    found
}

/// Returns whom one word means: never a guess between two.
pub fn resolve(word: &str, sessions: &[Session]) -> Option<To> {
    match word {
        "me" => return Some(To::Person),
        "all" => return Some(To::All),
        _ => {}
    }
    let named = |session: &&Session| {
        session.tag.as_str() == word
            || session.tag.slug() == word
            || slug(&session.record.name) == word
    };
    let exact = sessions.iter().find(|session| session.tag.as_str() == word);
    let mut all = sessions.iter().filter(named);
    let only = exact.or_else(|| all.next().filter(|_| all.next().is_none()))?;
    Some(To::Session(only.tag.clone()))
}

/// Returns the words after `@`, outside of code.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    let mut plain = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            // Every second piece between backquotes is code; a lone backquote quotes nothing.
            let pieces: Vec<&str> = line.split('`').collect();
            let closed = pieces.len() - usize::from(pieces.len().is_multiple_of(2));
            for (index, piece) in pieces.iter().enumerate() {
                if index.is_multiple_of(2) || index >= closed {
                    plain.push(*piece);
                }
            }
        }
    }
    plain.into_iter().flat_map(|piece| {
        piece.match_indices('@').filter_map(move |(at, _)| {
            let before = piece[..at].chars().next_back();
            if before
                .is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '@'))
            {
                return None;
            }
            let rest = &piece[at + 1..];
            let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            let end = rest.find(|c: char| !inner(c)).unwrap_or(rest.len());
            let word = rest[..end].trim_end_matches(['-', '_']);
            (!word.is_empty()).then_some(word)
        })
    })
}
