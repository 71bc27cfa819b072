//! Reads claims, sessions and the room, and keeps what cannot be read.

use crate::{
    base::{id::SessionTag, record, scope::Scope, text::one_line, time::Timestamp},
    error::{Error, Result},
    features::{
        chat::{
            logic::{room::Rooms, thread::Status},
            model::State,
            store::{self as room, Selection},
        },
        check::model::snapshot::{Damage, Held, Waiting},
        claim::model::{ClaimRecord, PREFIX},
        session::store as sessions,
    },
    git::{Oid, Repo, history, notes::CHAT, objects, refs},
};
use std::collections::{BTreeMap, BTreeSet};

/// So many messages of the room are looked at, the newest.
const MESSAGES: usize = 50_000;

/// Reads the claims that have a ref.
pub fn claims(repo: &Repo, damaged: &mut Vec<Damage>) -> Result<Vec<Held>> {
    let mut found = Vec::new();
    for (name, oid) in refs::list(repo, PREFIX)? {
        let damage = |why: String| Damage {
            name: name.clone(),
            oid: oid.to_string(),
            why,
        };
        let id = name.strip_prefix(PREFIX).unwrap_or_default().parse();
        let read = objects::read_record(repo, oid).map_err(|error| said(&error));
        let read = read.and_then(|text| {
            record::decode::<ClaimRecord>(&text).map_err(|error| error.to_string())
        });
        match (id, read) {
            (Ok(id), Ok(record)) => found.push(Held {
                id,
                session: record.session,
                scopes: record.scopes,
                intent: record.intent,
                taken: record.taken,
                until: record.until,
                fence: record.fence,
                entry: record.entry,
            }),
            (Err(error), _) => damaged.push(damage(error.to_string())),
            (_, Err(why)) => damaged.push(damage(why)),
        }
    }
    Ok(found)
}

/// Reads which sessions have a ref, and when each was last seen.
pub fn sessions(
    repo: &Repo,
    damaged: &mut Vec<Damage>,
) -> Result<BTreeMap<SessionTag, Option<Timestamp>>> {
    let mut found = BTreeMap::new();
    for (tag, record) in sessions::load_all(repo)? {
        let beat = record.as_ref().ok().map(|record| record.beat);
        if let Err(error) = record {
            let name = format!("refs/ccc/sessions/{tag}");
            let oid = refs::find(repo, &name)?.map_or_else(String::new, |oid| oid.to_string());
            damaged.push(Damage {
                name,
                oid,
                why: said(&error),
            });
        }
        found.insert(tag, beat);
    }
    Ok(found)
}

/// Reads the questions and proposals that wait, with the paths they are about.
pub fn threads(repo: &Repo, damaged: &mut Vec<Damage>) -> Result<Vec<Waiting>> {
    let Some(tip) = room::tip(repo)? else {
        return Ok(Vec::new());
    };
    if !whole(repo, tip, damaged) {
        return Ok(Vec::new());
    }
    let all = Selection {
        after: None,
        since: None,
        limit: MESSAGES,
    };
    let (mut rooms, mut paths) = (Rooms::default(), BTreeMap::<_, BTreeSet<String>>::new());
    for said in room::recent(repo, Some(tip), &all, |_| true)? {
        let message = &said.message;
        // An answer may name what it likes; what a thread is about its questions, proposals and objections say.
        if matches!(
            message.about.state,
            State::Question | State::Proposal | State::Counter
        ) {
            let about = paths.entry(message.thread().clone()).or_default();
            about.extend(message.about.paths.iter().cloned());
        }
        rooms.apply(message);
    }
    let waits = rooms.threads.into_values().filter_map(|thread| {
        let status = match thread.status {
            Status::Open => "open",
            Status::Countered => "countered",
            _ => return None,
        };
        let about = paths.remove(&thread.id).unwrap_or_default();
        Some(Waiting {
            status,
            line: thread.line,
            by: thread.by.to_string(),
            counters: thread
                .counters
                .iter()
                .map(|counter| (counter.by.to_string(), counter.line.clone()))
                .collect(),
            paths: about
                .iter()
                .filter_map(|path| Scope::parse(path).ok())
                .collect(),
            id: thread.id,
        })
    });
    Ok(waits.collect())
}

/// Looks for messages that cannot be understood; `false` if the room cannot be read to its beginning.
fn whole(repo: &Repo, tip: Oid, damaged: &mut Vec<Damage>) -> bool {
    for link in history::newest(repo, Some(tip)).take(MESSAGES) {
        let link = match link {
            Ok(link) => link,
            // What cannot be walked cannot be folded.
            Err(error) => {
                damaged.push(Damage {
                    name: CHAT.to_owned(),
                    oid: tip.to_string(),
                    why: said(&error),
                });
                return false;
            }
        };
        let last = link.message.trim_end().rsplit("\n\n").next();
        let meant = last.is_some_and(|last| last.starts_with("Ccc-Message:"));
        if meant && room::message(&link).is_none() {
            damaged.push(Damage {
                name: CHAT.to_owned(),
                oid: link.oid.to_string(),
                why: "it is meant to be a message and cannot be understood".to_owned(),
            });
        }
    }
    true
}

/// An error with its causes, on one line.
fn said(error: &Error) -> String {
    let all = std::iter::once(&error.message).chain(&error.because);
    one_line(&all.cloned().collect::<Vec<_>>().join(": "), 300)
}
