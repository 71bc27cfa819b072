//! Writes that wait for a file's lock: files that whoever has it may carry out with its own, all in one go.
//!
//! `queue/<file>/<order>` (hub) says what is to be written and by which process, and below that what became of it: a new
//! file is what costs most here. Who has the lock does what simply goes; all else (a refusal, an error) is left to the one
//! who waits. An answer names a version and is written before that version is the newest: it counts once the version is in
//! the chain, so that a kill at any moment neither loses an order nor carries it out twice. Whoever waits looks for it now
//! and then, and need not have the lock for that. An order whose process is gone is nobody's any more.

use super::{
    hints,
    known::Known,
    logic::Edit,
    order::{Base, Done, Input, Order},
    place::{Place, Who},
    store::{self, Version},
};
use crate::{
    base::{id::ProcessId, merge::Duplicate},
    ctx::Ctx,
    error::Result,
    fs::Lock,
    git::Oid,
    host,
};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

/// What is larger is not written twice only to save time.
const SMALL: usize = 1 << 20;
/// The most that is read of an order and its answers.
const MOST: usize = 2 * SMALL;

/// Whose turn it is.
#[derive(Debug)]
pub enum Turn {
    /// This writer has the lock.
    Ours(Lock),
    /// Another has written it, and this is what the writer knows now.
    Done(Box<(Done, Option<Known>)>),
}

/// What is to be written.
#[derive(Debug, Serialize, Deserialize)]
enum What {
    /// The content that follows, so many bytes.
    Whole { length: usize, as_is: bool },
    /// Changes of what is there.
    Edits(Vec<Edit>),
    /// An older version.
    Old(String),
}

/// What stands in an order's first line; the content follows, and then an answer a line.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    process: ProcessId,
    session: Option<crate::base::id::SessionTag>,
    name: String,
    knower: Option<String>,
    worktree: Option<String>,
    what: What,
    /// What the writer had read, if it is stated.
    base: Option<String>,
}

/// What became of an order.
#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    number: u64,
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
    let Some(ticket) = Ticket::leave(ctx, place, who, order) else {
        return Ok(Turn::Ours(hints::lock(place)?));
    };
    let mut found = None;
    let taken = hints::lock_unless(place, || {
        found = ticket.answer(place);
        found.is_some()
    });
    if let Some(found) = found {
        return Ok(Turn::Done(Box::new(found)));
    }
    let lock = taken?;
    found = ticket.answer(place);
    if found.is_none() && ticket.is_answered() {
        // Whoever answered was killed, maybe with the file already replaced.
        store::settle(ctx, place)?;
        found = ticket.answer(place);
    }
    Ok(match found {
        Some(found) => Turn::Done(Box::new(found)),
        None => Turn::Ours(lock),
    })
}

/// An order of this process; it is taken back when its time is over.
struct Ticket {
    path: PathBuf,
    /// So long is the order, without answers.
    length: usize,
}

impl Ticket {
    /// Leaves an order; where that cannot be the writer waits for its turn.
    fn leave(ctx: &Ctx, place: &Place, who: &Who, order: &Order) -> Option<Self> {
        if order.landed.is_some() {
            return None;
        }
        let (what, content): (_, &[u8]) = match &order.input {
            Input::Whole { bytes, as_is } => {
                let (length, as_is) = (bytes.len(), *as_is);
                (What::Whole { length, as_is }, bytes)
            }
            Input::Edits(edits) => (What::Edits(edits.clone()), &[]),
            Input::Old(version) => (What::Old(version.commit.to_string()), &[]),
        };
        let head = Head {
            process: host::process(std::process::id())?,
            session: who.session.clone(),
            name: who.name.clone(),
            knower: who.knower.clone(),
            worktree: who.worktree.clone(),
            what,
            base: match &order.base {
                Base::Known => None,
                Base::Stated(known) => Some(known.render()),
            },
        };
        let mut text = serde_json::to_vec(&head).ok()?;
        text.push(b'\n');
        text.extend(content);
        if text.len() > SMALL {
            return None;
        }
        let path = hints::new_order(ctx, place);
        crate::fs::replace(&path, &text).ok()?;
        let length = text.len();
        Some(Ticket { path, length })
    }

    fn answers(&self) -> Vec<u8> {
        let found = crate::fs::read_capped(&self.path, MOST).ok().flatten();
        let mut found = found.unwrap_or_default();
        found.split_off(self.length.min(found.len()))
    }

    fn is_answered(&self) -> bool {
        !self.answers().is_empty()
    }

    /// What cannot be read is no answer: then its writer does it itself, and says what is wrong.
    fn answer(&self, place: &Place) -> Option<(Done, Option<Known>)> {
        answer(place, &self.answers()).ok().flatten()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        take_back(&self.path);
    }
}

fn take_back(order: &Path) {
    // What stays behind is removed by the next who writes, for its process is gone.
    let _ = crate::fs::remove(order);
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
        .filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."))
        .map(|entry| entry.path())
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
    let mut head = crate::fs::read_capped(&path, MOST).ok()??;
    let end = head.iter().position(|byte| *byte == b'\n')?;
    let mut content = head.split_off(end + 1);
    let head: Option<Head> = serde_json::from_slice(&head).ok();
    let Some(head) = head.filter(|head| host::is_running(&head.process)) else {
        take_back(&path);
        return None;
    };
    let length = match head.what {
        What::Whole { length, .. } if length <= content.len() => length,
        What::Whole { .. } => return None,
        What::Edits(_) | What::Old(_) => 0,
    };
    let answers = content.split_off(length);
    if matches!(answer(place, &answers), Ok(Some(_))) {
        return None;
    }
    let input = match head.what {
        What::Whole { as_is, .. } => Input::Whole {
            bytes: content,
            as_is,
        },
        What::Edits(edits) => Input::Edits(edits),
        What::Old(commit) => {
            let commit = Oid::from_hex(commit.as_bytes()).ok()?;
            Input::Old(Box::new(store::version_of(place, commit).ok()?))
        }
    };
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
        input,
        base,
    })
}

/// Says what becomes of an order with the next version; without an answer its writer does it itself.
pub fn tell(order: &Waiting, what: &Done, knows: Option<&Known>) {
    let Some(version) = &what.version else {
        return;
    };
    let answer = Answer {
        number: version.about.number,
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
    if let Ok(text) = serde_json::to_string(&answer) {
        // A part of it is no answer; whoever took the order back needs none.
        let order = fs::OpenOptions::new().append(true).open(&order.path);
        let _ = order.and_then(|mut order| order.write_all(format!("\n{text}").as_bytes()));
    }
}

/// Reads what became of an order, if that has come to be.
fn answer(place: &Place, answers: &[u8]) -> Result<Option<(Done, Option<Known>)>> {
    for line in answers.split(|byte| *byte == b'\n').rev() {
        if let Ok(answer) = serde_json::from_slice::<Answer>(line)
            && let Some(version) = in_chain(place, &answer)?
        {
            return Ok(Some(outcome(version, answer)));
        }
    }
    Ok(None)
}

fn outcome(version: Version, answer: Answer) -> (Done, Option<Known>) {
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
    (done, knows)
}

/// Returns an answer's version once it is one of the chain, where none before it has its number.
fn in_chain(place: &Place, answer: &Answer) -> Result<Option<Version>> {
    let named = Oid::from_hex(answer.commit.as_bytes()).ok();
    let tip = store::tip(place)?.map(|tip| tip.commit);
    for version in store::walk(place, tip) {
        let version = version?;
        if version.about.number <= answer.number {
            let is_it = Some(version.commit) == named;
            return Ok(is_it.then_some(version));
        }
    }
    Ok(None)
}
