//! Whom a name means: never a guess between two.

use crate::{
    base::id::{SessionTag, slug},
    features::{
        inbox::model::Peer,
        session::{
            logic::{Unknown, resolve},
            model::Session,
        },
    },
};

/// Finds a session by its tag, by a unique name or by the unique beginning of a tag.
///
/// A whole tag means its session wherever it is. A name means the sessions of this repository first, and one that is
/// gone for good does not stand in the way of one that is there.
pub fn find<'p>(name: &str, peers: &'p [Peer]) -> Result<&'p Peer, Unknown> {
    let name = name.strip_prefix('@').unwrap_or(name);
    let exact = peers
        .iter()
        .filter(|peer| peer.session.tag.as_str() == name)
        .min_by_key(|peer| peer.elsewhere);
    if let Some(peer) = exact {
        return Ok(peer);
    }
    for (elsewhere, gone) in [(false, false), (false, true), (true, false), (true, true)] {
        let group: Vec<&Peer> = peers
            .iter()
            .filter(|peer| peer.elsewhere == elsewhere && (gone || !peer.dead || peer.can_resume()))
            .collect();
        let sessions: Vec<Session> = group.iter().map(|peer| peer.session.clone()).collect();
        match resolve(name, &sessions) {
            Ok(tag) => {
                if let Some(peer) = group.into_iter().find(|peer| peer.session.tag == tag) {
                    return Ok(peer);
                }
            }
            Err(Unknown::NoSuch(_)) => {}
            Err(other) => return Err(other),
        }
    }
    Err(Unknown::NoSuch(name.to_owned()))
}

/// Finds the session that a description fits best, by the words of its name and its task; a draw is no answer.
pub fn best<'p>(description: &str, peers: &'p [Peer]) -> Result<&'p Peer, Unknown> {
    match find(description, peers) {
        Err(Unknown::NoSuch(_)) => {}
        found => return found,
    }
    let words: Vec<String> = words(description);
    let scored: Vec<(usize, &Peer)> = peers
        .iter()
        .filter(|peer| !peer.dead)
        .map(|peer| (score(&words, &peer.session), peer))
        .filter(|(score, _)| *score > 0)
        .collect();
    let top = scored.iter().map(|(score, _)| *score).max();
    let best: Vec<&Peer> = scored
        .iter()
        .filter(|(score, _)| Some(*score) == top)
        .map(|(_, peer)| *peer)
        .collect();
    match best.as_slice() {
        [] => Err(Unknown::NoSuch(description.to_owned())),
        [only] => Ok(only),
        several => {
            let tags = several.iter().map(|peer| peer.session.tag.clone());
            Err(Unknown::Ambiguous(tags.collect::<Vec<SessionTag>>()))
        }
    }
}

/// Words that say nothing about anybody.
const EMPTY: &[&str] = &[
    "the", "and", "for", "who", "one", "with", "that", "this", "from", "into", "session",
];

fn words(text: &str) -> Vec<String> {
    let all = slug_all(text);
    all.split('-')
        .filter(|word| word.len() > 2 && !EMPTY.contains(word))
        .map(str::to_owned)
        .collect()
}

/// As [`slug`], of any length.
fn slug_all(text: &str) -> String {
    let pieces: Vec<String> = text.split_whitespace().map(slug).collect();
    pieces.join("-")
}

/// A word of the name counts three times a word of the task, and a whole word twice a beginning.
fn score(wanted: &[String], session: &Session) -> usize {
    let name = words(&format!("{} {}", session.record.name, session.tag.slug()));
    let task = words(session.record.task.as_deref().unwrap_or_default());
    let fit = |word: &String, all: &[String]| {
        if all.contains(word) {
            2
        } else {
            usize::from(
                all.iter()
                    .any(|known| known.starts_with(word.as_str()) || word.starts_with(known)),
            )
        }
    };
    wanted
        .iter()
        .map(|word| 3 * fit(word, &name) + fit(word, &task))
        .sum()
}
