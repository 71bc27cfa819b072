//! The log and the room as one line of events.
//!
//! A log entry names a claim by its id when it ends, and by its scopes when it
//! is taken: the entries are read oldest first, and what a claim covers is
//! remembered. Each record keeps its own order; between the two, time decides.

use crate::{
    base::{id::SessionTag, time::Timestamp},
    features::board::model::{Event, Logged, What},
};
use std::collections::HashMap;

/// What is known of a claim while the log is read.
struct Known {
    session: Option<SessionTag>,
    scopes: Vec<String>,
}

/// A log entry taken apart.
#[derive(Default)]
struct Parts {
    act: String,
    session: Option<SessionTag>,
    created: Vec<(String, Vec<String>)>,
    rewritten: Vec<(String, Vec<String>)>,
    gone: Vec<(String, String)>,
    paths: Vec<String>,
    fields: HashMap<String, String>,
    eta: Option<Timestamp>,
}

impl Parts {
    fn of(message: &str) -> Self {
        let mut parts = Parts::default();
        let mut in_created = true;
        for line in message.lines().skip(1) {
            let Some((key, value)) = line.split_once(": ") else {
                continue;
            };
            let value = value.to_owned();
            match key {
                "Ccc-Act" => parts.act = value,
                "Ccc-Session" => parts.session = value.parse().ok(),
                "Ccc-Claim" => {
                    in_created = true;
                    parts.created.push((value, Vec::new()));
                }
                "Ccc-Renewed" => {
                    in_created = false;
                    let id = value.split(' ').next().unwrap_or_default();
                    parts.rewritten.push((id.to_owned(), Vec::new()));
                }
                "Ccc-Scope" => {
                    let claims = if in_created {
                        &mut parts.created
                    } else {
                        &mut parts.rewritten
                    };
                    if let Some((_, scopes)) = claims.last_mut() {
                        scopes.push(value);
                    }
                }
                "Ccc-Gone" => {
                    let (id, why) = value.split_once(' ').unwrap_or((&value, ""));
                    parts.gone.push((id.to_owned(), why.to_owned()));
                }
                "Ccc-Path" => parts.paths.push(value),
                "Ccc-Eta" => parts.eta = value.parse().ok(),
                key => _ = parts.fields.insert(key.to_owned(), value),
            }
        }
        parts
    }

    fn field(&self, key: &str) -> String {
        self.fields.get(key).cloned().unwrap_or_default()
    }
}

/// Returns the ids of claims whose end is among these entries and whose beginning is not.
pub fn unresolved(newest_first: &[Logged]) -> Vec<String> {
    let mut open: Vec<String> = Vec::new();
    for entry in newest_first {
        let parts = Parts::of(&entry.message);
        let ended = parts.gone.into_iter().map(|(id, _)| id);
        let changed = parts.rewritten.into_iter().map(|(id, _)| id);
        let partial = parts.act == "release";
        open.extend(ended.chain(changed.filter(|_| partial)));
        open.retain(|id| parts.created.iter().all(|(made, _)| made != id));
    }
    open
}

/// Returns what the log says, oldest first.
pub fn of_log(oldest_first: &[Logged]) -> Vec<Event> {
    let mut known: HashMap<String, Known> = HashMap::new();
    let mut events = Vec::new();
    for entry in oldest_first {
        read(entry, &mut known, &mut events);
    }
    events
}

fn read(entry: &Logged, known: &mut HashMap<String, Known>, events: &mut Vec<Event>) {
    let parts = Parts::of(&entry.message);
    let subject = entry.message.lines().next().unwrap_or_default();
    let own = parts.session.clone();
    let mut push = |session: Option<SessionTag>, what: What| {
        events.push(Event {
            at: entry.at,
            session,
            fence: Some(entry.fence),
            oid: entry.oid.clone(),
            what,
        });
    };
    if let Some(what) = told(&parts, subject, known) {
        let by = parts.fields.get("Ccc-By").and_then(|by| by.parse().ok());
        push(own.clone().or(by), what);
    }
    for (id, scopes) in &parts.created {
        let claim = Known {
            session: own.clone(),
            scopes: scopes.clone(),
        };
        known.insert(id.clone(), claim);
    }
    for (session, why, scopes) in together(freed(&parts, known)) {
        push(session, What::Freed { scopes, why });
    }
}

/// Returns what the entry itself says, beside what it frees.
fn told(parts: &Parts, subject: &str, known: &HashMap<String, Known>) -> Option<What> {
    Some(match parts.act.as_str() {
        "commit" => What::Committed {
            commit: parts.field("Ccc-Commit"),
            subject: commit_subject(subject),
            paths: parts.paths.clone(),
        },
        "take" => {
            let scopes = parts.created.iter().flat_map(|(_, scopes)| scopes.clone());
            What::Took {
                scopes: scopes.collect(),
                eta: parts.eta,
            }
        }
        "break" => {
            let of = |id: &String| known.get(id).map(|claim| claim.scopes.clone());
            let scopes = parts.gone.iter().filter_map(|(id, _)| of(id)).flatten();
            What::Broke {
                holder: parts.field("Ccc-Holder"),
                scopes: scopes.collect(),
                why: parts.field("Ccc-Why"),
            }
        }
        "begin" | "renew" | "release" | "withdraw" | "expire" => return None,
        act => What::Did {
            act: act.to_owned(),
            subject: subject.to_owned(),
        },
    })
}

/// Scopes that are free again: who held them, why they are free, which.
type Free = (Option<SessionTag>, String, Vec<String>);

fn freed(parts: &Parts, known: &mut HashMap<String, Known>) -> Vec<Free> {
    let mut freed: Vec<Free> = Vec::new();
    for (id, kept) in &parts.rewritten {
        let Some(claim) = known.get_mut(id) else {
            continue;
        };
        let (keep, free) = claim
            .scopes
            .drain(..)
            .partition(|scope| kept.contains(scope));
        claim.scopes = keep;
        freed.push((claim.session.clone(), "done".to_owned(), free));
    }
    for (id, why) in &parts.gone {
        let claim = known.remove(id);
        let why = match why.as_str() {
            // What became of these is told by the entry itself.
            "absorbed" | "broken" => continue,
            "released" => "done",
            // The lane and the hooks have a word each.
            "commit" => "committed",
            why => why,
        };
        if let Some(claim) = claim {
            freed.push((claim.session, why.to_owned(), claim.scopes));
        }
    }
    freed
}

/// What one entry frees of one session for one reason is one event.
fn together(freed: Vec<Free>) -> Vec<Free> {
    let mut all: Vec<Free> = Vec::new();
    for (session, why, scopes) in freed {
        if scopes.is_empty() {
            continue;
        }
        match all.iter_mut().find(|one| one.0 == session && one.1 == why) {
            Some(one) => one.2.extend(scopes),
            None => all.push((session, why, scopes)),
        }
    }
    all
}

/// The log says `commit <id> by <who>: <subject>`.
fn commit_subject(line: &str) -> String {
    let rest = line.split_once(": ").map_or("", |(_, rest)| rest);
    rest.to_owned()
}

/// Merges lines of events, each in its own order, into one: the earliest next, of equals that of the first line.
pub fn merge(lines: Vec<Vec<Event>>) -> Vec<Event> {
    let mut keyed: Vec<(Timestamp, usize, Event)> = Vec::new();
    for (line, events) in lines.into_iter().enumerate() {
        // A clock that went back does not change the order of its own line.
        let mut latest: Option<Timestamp> = None;
        for event in events {
            let at = latest.map_or(event.at, |latest| latest.max(event.at));
            latest = Some(at);
            keyed.push((at, line, event));
        }
    }
    keyed.sort_by_key(|(at, line, _)| (*at, *line));
    keyed.into_iter().map(|(_, _, event)| event).collect()
}
