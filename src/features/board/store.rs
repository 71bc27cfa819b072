//! Reading what the board, the feed and the recap are made of: bounded, and never under a lock.

use super::{
    logic::{timeline, unread::Window},
    model::{Event, Logged, What},
};
use crate::{
    base::{id::SessionTag, time::Timestamp},
    error::Result,
    features::{
        chat::{logic::room::Rooms, model::Message, store as chat},
        claim::store::{self as claims, About, Snapshot},
        session::{
            logic::{Life, life},
            model::Session,
            store::{self as sessions, ThisHost},
        },
    },
    git::{
        Oid, Repo,
        history::{self, Bound},
        log,
        notes::Link,
    },
};

/// For what a claim covered that has ended, so many more entries of the log are looked at.
const BEFORE: usize = 1000;

/// How far back to look.
#[derive(Clone, Copy, Debug)]
pub struct Back {
    /// Nothing before this.
    pub since: Option<Timestamp>,
    /// At most so many log entries, and so many messages.
    pub limit: usize,
}

/// How things stand in one repository.
#[derive(Debug)]
pub struct Scene {
    /// The repository's name.
    pub name: String,
    /// Its common directory.
    pub path: String,
    /// The claims.
    pub claims: Snapshot,
    /// The sessions, with whether they are alive.
    pub sessions: Vec<(Session, Life)>,
    /// Session refs that cannot be read: (tag, why).
    pub unreadable: Vec<(SessionTag, String)>,
    /// What happened, oldest first.
    pub events: Vec<Event>,
    /// The newest part of the room.
    pub window: Window,
    /// The state of all rooms.
    pub rooms: Rooms,
}

/// Loads how things stand.
pub fn scene(repo: &Repo, now: Timestamp, back: Back) -> Result<Scene> {
    let claims = claims::load(repo, now, About::Everything)?;
    let host = ThisHost::new();
    let (mut found, mut unreadable) = (Vec::new(), Vec::new());
    for (tag, record) in sessions::load_all(repo)? {
        match record {
            Ok(record) => {
                let life = life(&record, &host, now);
                found.push((Session { tag, record }, life));
            }
            Err(error) => unreadable.push((tag, error.to_string())),
        }
    }
    let tip = chat::tip(repo)?;
    let (window, said) = said(repo, tip, back)?;
    let lines = vec![
        starts(found.iter().map(|(session, _)| session)),
        logged(repo, claims.tip.oid, back, None)?,
        said,
    ];
    Ok(Scene {
        name: repo.name(),
        path: repo.common_dir().display().to_string(),
        claims,
        sessions: found,
        unreadable,
        events: timeline::merge(lines),
        window,
        rooms: chat::rooms(repo, tip)?,
    })
}

/// Returns when the sessions that are registered were started, the earliest first.
pub fn starts<'a>(sessions: impl Iterator<Item = &'a Session>) -> Vec<Event> {
    let start = |session: &Session| Event {
        at: session.record.started,
        session: Some(session.tag.clone()),
        fence: None,
        oid: String::new(),
        what: What::Started {
            task: session.record.task.clone(),
        },
    };
    let mut all: Vec<Event> = sessions.map(start).collect();
    all.sort_by(|a, b| (a.at, &a.session).cmp(&(b.at, &b.session)));
    all
}

/// Returns what the log says, oldest first; with `after`, what it says after that entry.
pub fn logged(repo: &Repo, tip: Oid, back: Back, after: Option<Oid>) -> Result<Vec<Event>> {
    let wanted = |at: Timestamp| back.since.is_none_or(|since| at >= since);
    let mut entries: Vec<Logged> = Vec::new();
    let mut open: Option<Vec<String>> = None;
    let mut first = None;
    for entry in log::walk(repo, tip) {
        let entry = entry?;
        let reached = after == Some(entry.oid);
        let entry = Logged {
            oid: entry.oid.to_string(),
            fence: entry.fence,
            at: entry.at,
            message: entry.message,
        };
        let enough = reached || entries.len() >= back.limit || !wanted(entry.at);
        if enough && open.is_none() {
            // From here on only what says what an ended claim had covered.
            first = entries.last().map(|last: &Logged| last.fence);
            open = Some(timeline::unresolved(&entries));
        }
        if let Some(open) = &mut open {
            let begun = |id: &String| entry.message.contains(&format!("Ccc-Claim: {id}\n"));
            let known = open.len();
            open.retain(|id| !begun(id));
            let useful = open.len() < known;
            let done = open.is_empty() || entries.len() >= back.limit + BEFORE;
            if useful {
                entries.push(entry);
            }
            if done {
                break;
            }
            continue;
        }
        entries.push(entry);
    }
    entries.reverse();
    let mut events = timeline::of_log(&entries);
    if open.is_some() {
        events.retain(|event| event.fence >= first && first.is_some());
    }
    Ok(events)
}

/// Returns the newest part of the room, and what was said in it, oldest first.
pub fn said(repo: &Repo, tip: Option<Oid>, back: Back) -> Result<(Window, Vec<Event>)> {
    let since = back.since.map_or(i64::MIN, Timestamp::unix);
    let mut links: Vec<Link> = Vec::new();
    let mut cut = false;
    for link in history::newest(repo, tip) {
        let link = link?;
        if links.len() >= back.limit || link.published < since {
            cut = true;
            break;
        }
        links.push(link);
    }
    Ok(read(&links, cut))
}

/// Returns what was said after a commit of the room.
pub fn said_after(repo: &Repo, tip: Oid, after: Oid) -> Result<Vec<Event>> {
    let span = history::span(repo, tip, &[Bound::At(after)], usize::MAX)?;
    Ok(read(&span.links, true).1)
}

fn read(links: &[Link], cut: bool) -> (Window, Vec<Event>) {
    let messages: Vec<Option<Message>> = links.iter().map(chat::message).collect();
    let (parents, order) = chat::graph(links, &messages);
    let mut once = std::collections::HashSet::new();
    let events = order.into_iter().filter_map(|index| {
        let message = messages[index].as_ref()?;
        once.insert(&message.id).then(|| Event {
            at: message.at,
            session: message.from.session().cloned(),
            fence: None,
            oid: links[index].oid.to_string(),
            what: What::Said(Box::new(message.clone())),
        })
    });
    let events = events.collect();
    let window = Window {
        oids: links.iter().map(|link| link.oid.to_string()).collect(),
        published: links.iter().map(|link| link.published).collect(),
        parents,
        messages,
        cut,
    };
    (window, events)
}
