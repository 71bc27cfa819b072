//! What a session has not seen, and how far it has read once it has been shown some of it.
//!
//! A message is in one lane of a session: addressed to it with a priority, or
//! said in the room. Each lane has a mark: a commit up to which all of the
//! lane was shown, and the ids of what was shown ahead of it because something
//! in between was passed over. So any filter and any limit shows each message
//! once and skips none; what is passed over keeps the mark where it is.

use crate::{
    base::{
        graph,
        id::{MessageId, RoomName, SessionTag},
    },
    features::{
        chat::model::{Message, Priority},
        session::model::Mark,
    },
};
use std::collections::HashSet;

/// So many messages of a lane can have been shown ahead of its mark.
const AHEAD: usize = 256;

/// Where a message stands in a session's attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Addressed to it: now.
    Now,
    /// Addressed to it: at its next turn.
    Next,
    /// Addressed to it: when it is idle.
    Later,
    /// Said to nobody in particular, or to others.
    Room,
}

impl Lane {
    /// All lanes.
    pub const ALL: [Lane; 4] = [Lane::Now, Lane::Next, Lane::Later, Lane::Room];
    /// The lanes of the inbox.
    pub const ADDRESSED: [Lane; 3] = [Lane::Now, Lane::Next, Lane::Later];

    /// Returns the lane of a message for a session; its own messages and letters to others are in none.
    pub fn of(message: &Message, session: &SessionTag) -> Option<Lane> {
        if message.from.session() == Some(session) {
            return None;
        }
        if !message.is_for(session) {
            // A letter to others is theirs alone.
            return (message.about.room != RoomName::mail()).then_some(Lane::Room);
        }
        Some(match message.about.priority.unwrap_or_default() {
            Priority::Now => Lane::Now,
            Priority::Next => Lane::Next,
            Priority::Later => Lane::Later,
        })
    }
}

/// One commit of the room that a session may not have seen.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its parents among the steps.
    pub parents: Vec<usize>,
    /// The message, if it is one.
    pub message: Option<Message>,
    /// It is not behind the mark of the lane that is asked for.
    pub beyond: Vec<bool>,
    /// One of its parents is the mark of the lane.
    pub after_mark: Vec<bool>,
}

/// What a session asks for.
pub struct Wanted<'a> {
    /// Who reads.
    pub session: &'a SessionTag,
    /// The lanes, in the order of the flags in [`Step`].
    pub lanes: &'a [Lane],
    /// Which of their messages.
    pub filter: &'a dyn Fn(&Message) -> bool,
    /// How many at most.
    pub limit: usize,
    /// Ids that were seen under another commit.
    pub seen: &'a HashSet<MessageId>,
    /// What the room has is all there is: a mark that it does not have is behind nothing.
    pub settled: bool,
}

impl std::fmt::Debug for Wanted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wanted")
            .field("session", self.session)
            .field("lanes", &self.lanes)
            .finish_non_exhaustive()
    }
}

/// What is to be shown, and where the marks are afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The steps to show, oldest first.
    pub shown: Vec<usize>,
    /// For each lane: the step its mark moves to, if it moves, and what was shown ahead of it.
    pub marks: Vec<(Option<usize>, Vec<MessageId>)>,
    /// Something that fits was left for the next time.
    pub more: bool,
}

/// Decides what a session is shown; `order` has the steps oldest first, `marks` the present marks.
pub fn take(steps: &[Step], order: &[usize], marks: &[&Mark], wanted: &Wanted<'_>) -> Taken {
    let pending = pending(steps, order, marks, wanted);
    let fits = |index: &usize| {
        let message = steps[*index].message.as_ref();
        pending[*index].is_some() && message.is_some_and(|message| (wanted.filter)(message))
    };
    let all: Vec<usize> = order.iter().copied().filter(fits).collect();
    let mut limit = all.len().min(wanted.limit);
    loop {
        let shown: Vec<usize> = all[..limit].to_vec();
        let marks = move_marks(steps, order, marks, (wanted, &pending, &shown));
        if limit == 0 || marks.iter().all(|(_, ahead)| ahead.len() <= AHEAD) {
            return Taken {
                more: limit < all.len(),
                shown,
                marks,
            };
        }
        limit /= 2;
    }
}

/// Returns for each step the lane (by its place in `wanted`) in which it has not been shown.
fn pending(
    steps: &[Step],
    order: &[usize],
    marks: &[&Mark],
    wanted: &Wanted<'_>,
) -> Vec<Option<usize>> {
    let ahead: Vec<HashSet<&str>> = marks
        .iter()
        .map(|mark| mark.ahead.iter().map(String::as_str).collect())
        .collect();
    let mut once = HashSet::new();
    let mut pending = vec![None; steps.len()];
    for index in order {
        let step = &steps[*index];
        let Some(message) = &step.message else {
            continue;
        };
        let lane = Lane::of(message, wanted.session)
            .and_then(|lane| wanted.lanes.iter().position(|wanted| *wanted == lane));
        // A copy of a message is the message: the first one stands for it.
        let first = once.insert(&message.id) && !wanted.seen.contains(&message.id);
        if let Some(lane) = lane
            && first
            && step.beyond[lane]
            && !ahead[lane].contains(message.id.as_str())
        {
            pending[*index] = Some(lane);
        }
    }
    pending
}

fn move_marks(
    steps: &[Step],
    order: &[usize],
    marks: &[&Mark],
    (wanted, pending, shown): (&Wanted<'_>, &[Option<usize>], &[usize]),
) -> Vec<(Option<usize>, Vec<MessageId>)> {
    let parents: Vec<Vec<usize>> = steps.iter().map(|step| step.parents.clone()).collect();
    let shown: HashSet<usize> = shown.iter().copied().collect();
    let mut moved = Vec::new();
    for (lane, mark) in marks.iter().enumerate() {
        let holds = |index: usize| pending[index] == Some(lane) && !shown.contains(&index);
        // A mark moves only to what has the old mark behind it, or it would lose what that covers. One that the room
        // does not have was set aside and will be back, unless the room was set back on purpose.
        let joined = steps.iter().any(|step| step.after_mark[lane]);
        let free = !joined && (wanted.settled || mark.at.is_none());
        let mut follows = vec![free; steps.len()];
        for index in order {
            follows[*index] |= steps[*index].after_mark[lane]
                || parents[*index].iter().any(|parent| follows[*parent]);
        }
        let to = graph::furthest(&parents, order, |index| {
            (holds(index), follows[index] && steps[index].beyond[lane])
        });
        let covered = to.map(|to| graph::ancestors(&parents, to));
        let known: HashSet<&str> = mark.ahead.iter().map(String::as_str).collect();
        let mut ahead: Vec<MessageId> = Vec::new();
        for index in order {
            let step = &steps[*index];
            let Some(message) = &step.message else {
                continue;
            };
            let was_shown = shown.contains(index) && pending[*index] == Some(lane)
                || known.contains(message.id.as_str());
            let open = step.beyond[lane] && covered.as_ref().is_none_or(|covered| !covered[*index]);
            if was_shown && open && !ahead.contains(&message.id) {
                ahead.push(message.id.clone());
            }
        }
        moved.push((to, ahead));
    }
    debug_assert_eq!(moved.len(), wanted.lanes.len());
    moved
}
