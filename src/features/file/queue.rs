//! Writes that wait for a file's lock: files that whoever has it may carry out with its own, all in one go.
//!
//! `queue/<file>/<order>` (hub) says what is to be written and by which process, `<order>.done` what became of it. Who has
//! the lock does what simply goes; all else (a refusal, an error) is left to the one who waits. An answer names a version
//! and is written before that version is the newest: it counts once the version is in the chain, so that a kill at any
//! moment neither loses an order nor carries it out twice. An order whose process is gone is nobody's any more.

use super::{
    hints,
    known::Known,
    order::{Base, Done, Input, Order},
    place::{Place, Who},
    store::{self, Version},
};
use crate::{
    base::{id::ProcessId, merge::Duplicate},
    ctx::Ctx,
    error::{Context, Kind, Result},
    fs::Lock,
    git::Oid,
    host,
};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Larger content is not written twice only to save time.
const SMALL: usize = 1 << 20;
/// So far back it is looked for an answer's version.
const LOOK_BACK: usize = 1024;

/// Whose turn it is.
#[derive(Debug)]
pub enum Turn {
    /// This writer has the lock.
    Ours(Lock),
    /// Another has written it, and this is what the writer knows now.
    Done(Box<(Done, Option<Known>)>),
}

/// What stands in an order's first line; the content follows.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    process: ProcessId,
    session: Option<crate::base::id::SessionTag>,
    name: String,
    knower: Option<String>,
    worktree: Option<String>,
    as_is: bool,
    /// What the writer had read, if it is stated.
    base: Option<String>,
}

/// What became of an order.
#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    commit: String,
    wrote: bool,
    merged: Vec<(u64, String)>,
    duplicates: Vec<[String; 3]>,
    linked: bool,
    knows: Option<String>,
}

/// Takes the lock, or waits for it with an order that whoever has it may carry out.
pub fn wait(ctx: &Ctx, place: &Place, who: &Who, order: &Order) -> Result<Turn> {
    if let Some(lock) = hints::try_lock(place)? {
        return Ok(Turn::Ours(lock));
    }
    let ticket = Ticket::leave(ctx, place, who, order)?;
    let lock = hints::lock(place)?;
    let Some(ticket) = ticket else {
        return Ok(Turn::Ours(lock));
    };
    let mut found = answer(place, &ticket.path)?;
    if found.is_none() && done(&ticket.path).exists() {
        // Whoever answered was killed, maybe with the file already replaced.
        store::settle(place)?;
        found = answer(place, &ticket.path)?;
    }
    Ok(match found {
        Some(found) => Turn::Done(Box::new(found)),
        None => Turn::Ours(lock),
    })
}

/// An order of this process; it is taken back when its time is over.
struct Ticket {
    path: PathBuf,
}

impl Ticket {
    fn leave(ctx: &Ctx, place: &Place, who: &Who, order: &Order) -> Result<Option<Self>> {
        let Input::Whole { bytes, as_is } = &order.input else {
            return Ok(None);
        };
        let process = host::process(std::process::id());
        let (Some(process), None, true) = (process, order.landed, bytes.len() <= SMALL) else {
            return Ok(None);
        };
        let path = hints::queue(place).join(format!("{:016x}-{}", ctx.millis(), ctx.dice.hex(4)));
        let head = Head {
            process,
            session: who.session.clone(),
            name: who.name.clone(),
            knower: who.knower.clone(),
            worktree: who.worktree.clone(),
            as_is: *as_is,
            base: match &order.base {
                Base::Known => None,
                Base::Stated(known) => Some(known.render()),
            },
        };
        let mut text = serde_json::to_vec(&head)
            .context(Kind::Internal, || "a write has no file form".to_owned())?;
        text.push(b'\n');
        text.extend(bytes);
        // Where nothing can be written the writer waits for its turn.
        let left = crate::fs::replace(&path, &text).is_ok();
        Ok(left.then_some(Ticket { path }))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        // What stays behind is removed by the next who writes, for its process is gone.
        let _ = crate::fs::remove(&self.path);
        let _ = crate::fs::remove(&done(&self.path));
    }
}

fn done(order: &Path) -> PathBuf {
    order.with_extension("done")
}

/// A write that waits.
#[derive(Debug)]
pub struct Waiting {
    path: PathBuf,
    /// Whose.
    pub who: Who,
    /// What.
    pub input: Input,
    /// On what.
    pub base: Base,
}

/// Lists what waits and was not carried out yet; only who holds the lock may, and what is nobody's is removed.
pub fn waiting(place: &Place) -> Vec<Waiting> {
    let mut paths: Vec<PathBuf> = fs::read_dir(hints::queue(place))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().and_then(std::ffi::OsStr::to_str);
            name.is_some_and(|name| !name.starts_with('.') && !name.contains(".done"))
        })
        .collect();
    paths.sort();
    let most = usize::try_from(store::MOST_AT_ONCE).unwrap_or(usize::MAX);
    paths
        .into_iter()
        .filter_map(|path| read(place, path))
        .take(most - 1)
        .collect()
}

fn read(place: &Place, path: PathBuf) -> Option<Waiting> {
    let mut bytes = crate::fs::read_capped(&path, 2 * SMALL).ok()??;
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let content = bytes.split_off(end + 1);
    let head: Option<Head> = serde_json::from_slice(&bytes).ok();
    let Some(head) = head.filter(|head| host::is_running(&head.process)) else {
        drop(Ticket { path });
        return None;
    };
    if matches!(answer(place, &path), Ok(Some(_))) {
        return None;
    }
    let base = match &head.base {
        None => Base::Known,
        Some(text) => Base::Stated(Known::parse(&mut text.split_whitespace())?),
    };
    Some(Waiting {
        path,
        who: Who {
            session: head.session,
            name: head.name,
            knower: head.knower,
            worktree: head.worktree,
        },
        input: Input::Whole {
            bytes: content,
            as_is: head.as_is,
        },
        base,
    })
}

/// Says what becomes of an order with the next version; without an answer its writer does it itself.
pub fn tell(order: &Waiting, what: &Done, knows: Option<&Known>) {
    let Some(version) = &what.version else {
        return;
    };
    let answer = Answer {
        commit: version.commit.to_string(),
        wrote: what.wrote,
        merged: what.merged.clone(),
        duplicates: what
            .duplicates
            .iter()
            .map(|pair| [pair.at.clone(), pair.first.clone(), pair.second.clone()])
            .collect(),
        linked: what.linked,
        knows: knows.map(Known::render),
    };
    if let Ok(text) = serde_json::to_vec(&answer) {
        // A part of it is no answer; it is read by who holds the lock alone.
        let _ = fs::write(done(&order.path), text);
    }
}

/// Reads what became of an order, if that has come to be.
fn answer(place: &Place, order: &Path) -> Result<Option<(Done, Option<Known>)>> {
    let Ok(Some(text)) = crate::fs::read_capped(&done(order), SMALL) else {
        return Ok(None);
    };
    let Ok(answer) = serde_json::from_slice::<Answer>(&text) else {
        return Ok(None);
    };
    let Ok(commit) = Oid::from_hex(answer.commit.as_bytes()) else {
        return Ok(None);
    };
    let Some(version) = in_chain(place, commit)? else {
        return Ok(None);
    };
    let knows = answer.knows.as_deref();
    let knows = knows.and_then(|text| Known::parse(&mut text.split_whitespace()));
    let duplicates = answer.duplicates.into_iter();
    let done = Done {
        version: Some(version),
        wrote: answer.wrote,
        merged: answer.merged,
        duplicates: duplicates
            .map(|[at, first, second]| Duplicate { at, first, second })
            .collect(),
        noticed: None,
        linked: answer.linked,
    };
    Ok(Some((done, knows)))
}

fn in_chain(place: &Place, commit: Oid) -> Result<Option<Version>> {
    let tip = store::tip(place)?.map(|tip| tip.commit);
    for version in store::walk(place, tip).take(LOOK_BACK) {
        let version = version?;
        if version.commit == commit {
            return Ok(Some(version));
        }
    }
    Ok(None)
}
