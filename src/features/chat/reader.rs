//! What a session has not seen, shown once.
//!
//! Under a lock of the session: load what is beyond its marks, show it, then
//! move the marks. A caller that is killed before the marks moved has its
//! output dropped by whoever called it, so nothing is lost; two calls at one
//! time come one after the other, so nothing is shown twice. Marks that moved
//! mean *offered*: that it was seen is said by what the session does next. A
//! caller that drops the output of a call which was killed after the marks had
//! moved, in its last millisecond, can tell by the session's ref.

use super::{
    logic::unread::{self, Lane, Step, Taken, Wanted},
    model::Message,
    publish,
    spool::{self, Published},
    store::{self, Said},
};
use crate::{
    base::id::{MessageId, SessionTag},
    ctx::Ctx,
    error::{Context, Error, Kind, Result},
    features::session::{
        model::{Cursor, Mark, SessionRecord},
        store as session_store,
    },
    fs::Lock,
    git::{
        Oid, Repo,
        history::{self, Bound, Span},
        log::{PATIENCE, Retry},
    },
};
use std::collections::HashSet;

/// Marks are moved over this many commits of no interest without having shown anything.
const WORTH_MOVING: usize = 64;
/// For copies of a message that came by a merge, so many commits behind the marks are looked at.
const COPIES: usize = 5000;
/// A copy was written within this time of the first one.
const SKEW: i64 = 3600;

/// What is asked for.
pub struct Reading<'a> {
    /// In which lanes.
    pub lanes: &'a [Lane],
    /// Which messages; the others stay unread.
    pub filter: &'a dyn Fn(&Message) -> bool,
    /// How many at most; the rest stays unread.
    pub limit: usize,
}

impl std::fmt::Debug for Reading<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reading")
            .field("lanes", &self.lanes)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// What a call did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// So many messages were shown.
    pub count: usize,
    /// There are more that fit.
    pub more: bool,
}

/// What it means that something was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It was put before the session, which may not have looked.
    Offered,
    /// The session asked for it.
    Seen,
}

/// Shows a session what it has not seen, and then counts that as shown.
///
/// `show` returns whether somebody took it: output that nobody took stays unread. It is not called for nothing.
pub fn take_unread(
    ctx: &Ctx,
    session: &SessionTag,
    reading: &Reading<'_>,
    show: impl FnOnce(&[Said]) -> Result<bool>,
) -> Result<Shown> {
    take_as(ctx, (session, Proof::Offered), reading, show)
}

/// As [`take_unread`], and says what it means that it was shown.
pub fn take_as(
    ctx: &Ctx,
    (session, proof): (&SessionTag, Proof),
    reading: &Reading<'_>,
    show: impl FnOnce(&[Said]) -> Result<bool>,
) -> Result<Shown> {
    let repo = ctx.repo()?;
    let path = spool::dir(repo).join("read").join(session.as_str());
    let lock = Lock::acquire(&path, PATIENCE).context(Kind::Setup, || {
        format!("{} cannot be locked", path.display())
    })?;
    let _lock = lock.ok_or_else(|| {
        Error::busy(format!(
            "another command reads as {session} and does not end"
        ))
        .hint("git ccc chat read")
    })?;
    publish::heal(ctx)?;
    let Some(view) = look(repo, session, reading)? else {
        return Ok(Shown::default());
    };
    if !view.said.is_empty() && !show(&view.said)? {
        return Ok(Shown::default());
    }
    if !view.said.is_empty() || view.steps > WORTH_MOVING {
        move_marks(ctx, session, &view.marks, proof)?;
    }
    Ok(Shown {
        count: view.said.len(),
        more: view.more,
    })
}

/// Returns what a session has not seen and leaves it unread.
pub fn peek_unread(
    repo: &Repo,
    session: &SessionTag,
    reading: &Reading<'_>,
) -> Result<(Vec<Said>, bool)> {
    let look = look(repo, session, reading)?;
    Ok(look.map_or_else(Default::default, |look| (look.said, look.more)))
}

struct Look {
    said: Vec<Said>,
    marks: Vec<(Lane, Mark)>,
    more: bool,
    steps: usize,
}

fn look(repo: &Repo, session: &SessionTag, reading: &Reading<'_>) -> Result<Option<Look>> {
    let Some(tip) = store::tip(repo)? else {
        return Ok(None);
    };
    let published = Published::load(repo);
    let settled = published.tip == Some(tip) && published.pending.is_none();
    let (session, _) = session_store::load(repo, session)?.ok_or_else(|| gone(session))?;
    let marks: Vec<&Mark> = reading
        .lanes
        .iter()
        .map(|lane| mark(&session.record.cursor, *lane))
        .collect();
    let bounds: Vec<Bound> = marks
        .iter()
        .map(|mark| bound(repo, &session.record, mark))
        .collect();
    let span = history::span(repo, tip, &bounds, usize::MAX)?;
    let messages: Vec<Option<Message>> = span.links.iter().map(store::message).collect();
    let (parents, order) = store::graph(&span.links, &messages);
    let seen = seen_elsewhere(repo, &span, &bounds, &messages)?;
    let steps = steps(&span, &bounds, parents, messages);
    let wanted = Wanted {
        session: &session.tag,
        lanes: reading.lanes,
        filter: reading.filter,
        limit: reading.limit,
        seen: &seen,
        settled,
    };
    let taken = unread::take(&steps, &order, &marks, &wanted);
    Ok(Some(outcome(&span, steps, &marks, (reading.lanes, taken))))
}

fn steps(
    span: &Span,
    bounds: &[Bound],
    parents: Vec<Vec<usize>>,
    messages: Vec<Option<Message>>,
) -> Vec<Step> {
    let all = span
        .links
        .iter()
        .zip(&span.beyond)
        .zip(parents)
        .zip(messages);
    all.map(|(((link, beyond), parents), message)| {
        let follows = |bound: &Bound| match bound {
            Bound::At(mark) => link.parents.contains(mark),
            Bound::Since(_) => false,
        };
        Step {
            parents,
            message,
            beyond: beyond.clone(),
            after_mark: bounds.iter().map(follows).collect(),
        }
    })
    .collect()
}

fn outcome(
    span: &Span,
    mut steps: Vec<Step>,
    marks: &[&Mark],
    (lanes, taken): (&[Lane], Taken),
) -> Look {
    let count = steps.len();
    let said = taken.shown.iter().filter_map(|index| {
        Some(Said {
            message: steps[*index].message.take()?,
            oid: span.links[*index].oid,
        })
    });
    let said = said.collect();
    let moved = lanes.iter().zip(marks).zip(taken.marks);
    let marks = moved.map(|((lane, old), (to, ahead))| {
        let at = to.map(|index| span.links[index].oid.to_string());
        let mark = Mark {
            at: at.or_else(|| old.at.clone()),
            ahead: ahead.iter().map(ToString::to_string).collect(),
        };
        (*lane, mark)
    });
    Look {
        said,
        marks: marks.collect(),
        more: taken.more,
        steps: count,
    }
}

fn mark(cursor: &Cursor, lane: Lane) -> &Mark {
    match lane {
        Lane::Now => &cursor.now,
        Lane::Next => &cursor.next,
        Lane::Later => &cursor.later,
        Lane::Room => &cursor.room,
    }
}

/// Without a mark, or with one that is no more, what was said before the session came is history.
fn bound(repo: &Repo, record: &SessionRecord, mark: &Mark) -> Bound {
    let at = mark.at.as_ref();
    let oid = at.and_then(|hex| Oid::from_hex(hex.as_bytes()).ok());
    match oid.filter(|oid| repo.gix().has_object(*oid)) {
        Some(oid) => Bound::At(oid),
        None => Bound::Since(record.started.unix()),
    }
}

/// After a merge a message can have a copy behind the marks: then it was seen.
fn seen_elsewhere(
    repo: &Repo,
    span: &Span,
    bounds: &[Bound],
    messages: &[Option<Message>],
) -> Result<HashSet<MessageId>> {
    let mut seen = HashSet::new();
    if span.links.iter().all(|link| link.parents.len() < 2) {
        return Ok(seen);
    }
    let here: HashSet<&MessageId> = messages.iter().flatten().map(|m| &m.id).collect();
    let oldest = here.iter().map(|id| id.at()).min().unwrap_or(i64::MAX);
    for bound in bounds {
        let Bound::At(mark) = bound else { continue };
        for link in history::newest(repo, Some(*mark)).take(COPIES) {
            let link = link?;
            if link.published < oldest - SKEW {
                break;
            }
            if let Some(message) = store::message(&link)
                && here.contains(&message.id)
            {
                seen.insert(message.id);
            }
        }
    }
    Ok(seen)
}

fn gone(session: &SessionTag) -> Error {
    Error::setup(format!("session {session} has ended")).hint("git ccc session list")
}

/// Writes moved marks into the session's record.
fn move_marks(ctx: &Ctx, session: &SessionTag, marks: &[(Lane, Mark)], proof: Proof) -> Result<()> {
    let repo = ctx.repo()?;
    let mut retry = Retry::new(PATIENCE);
    loop {
        let (mut session, old) =
            session_store::load(repo, session)?.ok_or_else(|| gone(session))?;
        let cursor = &mut session.record.cursor;
        cursor.went_on(ctx.began());
        for (lane, mark) in marks {
            let slot = match lane {
                Lane::Now => &mut cursor.now,
                Lane::Next => &mut cursor.next,
                Lane::Later => &mut cursor.later,
                Lane::Room => &mut cursor.room,
            };
            slot.clone_from(mark);
        }
        cursor.seen.offered = Some(ctx.now());
        if proof == Proof::Seen {
            cursor.all_seen();
        }
        session.record.nonce = ctx.dice.hex(8);
        match session_store::save(repo, &session, Some(old)) {
            Ok(()) => return Ok(()),
            Err(lost) => retry.again(lost, "keep what was read", ctx.dice.roll())?,
        }
    }
}

/// How much a session has not seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    /// Addressed to it.
    pub addressed: usize,
    /// All the rest.
    pub room: usize,
    /// Counting stopped: there are more.
    pub more: bool,
}

/// Counts what a session has not seen, looking at no more than `cap` commits.
pub fn count_unread(repo: &Repo, session: &SessionTag, cap: usize) -> Result<Unread> {
    let mut unread = Unread::default();
    let (Some(tip), Some((session, _))) = (store::tip(repo)?, session_store::load(repo, session)?)
    else {
        return Ok(unread);
    };
    let cursor = &session.record.cursor;
    let bounds = Lane::ALL.map(|lane| bound(repo, &session.record, mark(cursor, lane)));
    let span = history::span(repo, tip, &bounds, cap)?;
    unread.more = span.cut;
    let mut seen = HashSet::new();
    for (link, beyond) in span.links.iter().zip(&span.beyond) {
        let Some(message) = store::message(link) else {
            continue;
        };
        let Some(lane) = Lane::of(&message, &session.tag) else {
            continue;
        };
        let index = Lane::ALL
            .iter()
            .position(|known| *known == lane)
            .unwrap_or(0);
        let ahead = &mark(cursor, lane).ahead;
        let shown = ahead.iter().any(|id| id == message.id.as_str());
        if beyond[index] && !shown && seen.insert(message.id) {
            if lane == Lane::Room {
                unread.room += 1;
            } else {
                unread.addressed += 1;
            }
        }
    }
    Ok(unread)
}

/// How far messages came with one session, by its marks.
#[derive(Debug, Default)]
pub struct Standing {
    /// What is beyond a mark, by commit: for each lane, not offered and not seen.
    beyond: std::collections::HashMap<Oid, [[bool; 2]; 3]>,
    ahead: [[HashSet<String>; 2]; 3],
}

impl Standing {
    /// Reads the marks of a session in a room, looking at no more than `cap` commits; further back all counts as not offered.
    pub fn load(repo: &Repo, record: &SessionRecord, cap: usize) -> Result<Self> {
        let mut standing = Standing::default();
        let Some(tip) = store::tip(repo)? else {
            return Ok(standing);
        };
        let cursor = &record.cursor;
        let marks = [
            [&cursor.now, &cursor.seen.now],
            [&cursor.next, &cursor.seen.next],
            [&cursor.later, &cursor.seen.later],
        ];
        let all = marks.as_flattened();
        let bounds: Vec<Bound> = all.iter().map(|mark| bound(repo, record, mark)).collect();
        let span = history::span(repo, tip, &bounds, cap)?;
        for (link, beyond) in span.links.iter().zip(&span.beyond) {
            let of = |lane: usize| [beyond[2 * lane], beyond[2 * lane + 1]];
            standing.beyond.insert(link.oid, [of(0), of(1), of(2)]);
        }
        standing.ahead =
            marks.map(|pair| pair.map(|mark| mark.ahead.iter().cloned().collect::<HashSet<_>>()));
        Ok(standing)
    }

    /// Tells whether a message was offered, and whether it was seen.
    pub fn of(&self, said: &Said, session: &SessionTag) -> (bool, bool) {
        let lane = match Lane::of(&said.message, session) {
            Some(Lane::Now) => 0,
            Some(Lane::Next) => 1,
            Some(Lane::Later) => 2,
            Some(Lane::Room) | None => return (false, false),
        };
        let passed = |which: usize| {
            let beyond = self.beyond.get(&said.oid);
            beyond.is_none_or(|beyond| !beyond[lane][which])
                || self.ahead[lane][which].contains(said.message.id.as_str())
        };
        (passed(0), passed(1))
    }
}
