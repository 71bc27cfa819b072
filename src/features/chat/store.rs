//! Reading the room: one message, the newest ones, the state of all threads.

use super::{
    logic::{codec, room::Rooms},
    model::Message,
};
use crate::{
    base::{graph, id::MessageId, time::Timestamp},
    error::Result,
    git::{
        Oid, Repo,
        history::{self, Bound, Span},
        notes::{CHAT, Link},
        refs,
    },
};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Where a change can mean that something was said, in the common directory.
///
/// Our own posts end in `ccc/chat`; the rest is for stock commands, whose folders come and go with `git pack-refs`.
pub const PLACES: &[&str] = &[
    "ccc/chat",
    "refs",
    "refs/notes",
    "refs/notes/ccc",
    "reftable",
];

/// Clocks of hosts that share a repository differ by less.
const SKEW: i64 = 3600;
/// A larger cache is not read: it is none of ours.
const MAX_CACHE: usize = 16 * 1024 * 1024;

/// A message and the commit it was read from.
#[derive(Clone, Debug)]
pub struct Said {
    /// The message.
    pub message: Message,
    /// Its commit.
    pub oid: Oid,
}

/// Returns the newest commit of the room.
pub fn tip(repo: &Repo) -> Result<Option<Oid>> {
    refs::find(repo, CHAT)
}

/// Reads a commit as a message.
pub fn message(link: &Link) -> Option<Message> {
    codec::decode(&link.author, link.at, &link.message)
}

/// Finds a message by its id, which says how far back to look.
pub fn find(repo: &Repo, id: &MessageId) -> Result<Option<Said>> {
    for link in history::newest(repo, tip(repo)?) {
        let link = link?;
        if let Some(message) = message(&link).filter(|message| message.id == *id) {
            return Ok(Some(Said {
                message,
                oid: link.oid,
            }));
        }
        if link.published < id.at() - SKEW {
            break;
        }
    }
    Ok(None)
}

/// What to read.
#[derive(Debug)]
pub struct Selection {
    /// The end of what was looked at before, for following.
    pub after: Option<Oid>,
    /// Nothing published before this.
    pub since: Option<Timestamp>,
    /// At most so many, the newest.
    pub limit: usize,
}

/// Returns the newest messages that fit, oldest first, each once.
pub fn recent(
    repo: &Repo,
    tip: Option<Oid>,
    selection: &Selection,
    fits: impl Fn(&Message) -> bool,
) -> Result<Vec<Said>> {
    let since = selection.since.map_or(i64::MIN, Timestamp::unix);
    let mut links = Vec::new();
    let mut count = 0;
    if let (Some(tip), Some(after)) = (tip, selection.after) {
        links = history::span(repo, tip, &[Bound::At(after)], usize::MAX)?.links;
    } else {
        for link in history::newest(repo, tip) {
            let link = link?;
            if link.published < since || count >= selection.limit {
                break;
            }
            count += usize::from(message(&link).is_some_and(|message| fits(&message)));
            links.push(link);
        }
    }
    let mut seen = std::collections::HashSet::new();
    let mut found: Vec<Said> = ordered(links)
        .into_iter()
        .filter_map(|(link, message)| {
            let message = message.filter(|message| fits(message) && message.at.unix() >= since)?;
            seen.insert(message.id.clone()).then_some(Said {
                message,
                oid: link.oid,
            })
        })
        .collect();
    found.drain(..found.len().saturating_sub(selection.limit));
    Ok(found)
}

/// Commits as a graph: (parents by index, order oldest first).
pub fn graph(links: &[Link], messages: &[Option<Message>]) -> (Vec<Vec<usize>>, Vec<usize>) {
    let index: HashMap<Oid, usize> = links
        .iter()
        .enumerate()
        .map(|(index, link)| (link.oid, index))
        .collect();
    let known = |link: &Link| {
        let mut all: Vec<usize> = Vec::new();
        for parent in link.parents.iter().filter_map(|oid| index.get(oid)) {
            if !all.contains(parent) {
                all.push(*parent);
            }
        }
        all
    };
    let parents: Vec<Vec<usize>> = links.iter().map(known).collect();
    let key = |(link, message): (&Link, &Option<Message>)| {
        let id = message.as_ref().map(|message| message.id.clone());
        (link.at, id, link.oid)
    };
    let keys: Vec<_> = links.iter().zip(messages).map(key).collect();
    let order = graph::topological(&parents, &keys);
    (parents, order)
}

/// Puts commits in the order of the room.
fn ordered(links: Vec<Link>) -> Vec<(Link, Option<Message>)> {
    let messages: Vec<Option<Message>> = links.iter().map(message).collect();
    let (_, order) = graph(&links, &messages);
    let mut both: Vec<Option<_>> = links.into_iter().zip(messages).map(Some).collect();
    order
        .into_iter()
        .filter_map(|index| both[index].take())
        .collect()
}

#[derive(Serialize, Deserialize)]
struct Cached {
    /// The layout; another one is another program's.
    v: u32,
    tip: String,
    rooms: Rooms,
}

const CACHE_VERSION: u32 = 3;

/// Returns the state of all rooms at `tip`: the cached one, continued.
pub fn rooms(repo: &Repo, tip: Option<Oid>) -> Result<Rooms> {
    let Some(tip) = tip else {
        return Ok(Rooms::default());
    };
    let path = repo.ccc_dir().join("room.json");
    let bytes = crate::fs::read_capped(&path, MAX_CACHE).ok().flatten();
    let cached: Option<Cached> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let cached = cached
        .filter(|cached| cached.v == CACHE_VERSION)
        .and_then(|cached| Some((Oid::from_hex(cached.tip.as_bytes()).ok()?, cached.rooms)))
        .filter(|(at, _)| *at == tip || repo.gix().has_object(*at));
    let rooms = match cached {
        Some((at, rooms)) if at == tip => return Ok(rooms),
        Some((at, rooms)) => {
            let span = history::span(repo, tip, &[Bound::At(at)], usize::MAX)?;
            // A merge can bring what comes before the things that were folded: then the fold begins again.
            if is_chain_on(&span, at) {
                fold(rooms, span.links)
            } else {
                from_start(repo, tip)?
            }
        }
        None => from_start(repo, tip)?,
    };
    let cached = Cached {
        v: CACHE_VERSION,
        tip: tip.to_string(),
        rooms,
    };
    if let Ok(text) = serde_json::to_vec(&cached) {
        // A cache that cannot be written costs time, nothing else.
        let _ = crate::fs::replace(&path, &text);
    }
    Ok(cached.rooms)
}

fn is_chain_on(span: &Span, at: Oid) -> bool {
    let single = span.links.iter().all(|link| link.parents.len() == 1);
    single && span.links.iter().any(|link| link.parents == [at])
}

fn from_start(repo: &Repo, tip: Oid) -> Result<Rooms> {
    let links: Vec<Link> = history::newest(repo, Some(tip)).collect::<Result<_>>()?;
    Ok(fold(Rooms::default(), links))
}

fn fold(mut rooms: Rooms, links: Vec<Link>) -> Rooms {
    let mut seen = std::collections::HashSet::new();
    for (_, message) in ordered(links) {
        if let Some(message) = message.filter(|message| seen.insert(message.id.clone())) {
            rooms.apply(&message);
        }
    }
    rooms
}
