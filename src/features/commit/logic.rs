//! Whether an announced commit may go on: a pure decision on its thread.

use crate::{
    base::id::SessionTag,
    features::chat::{
        logic::thread::{Objection, Status, Thread},
        model::Sender,
    },
};

/// What the announcement says about the commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nobody is waited for.
    Go,
    /// These have not answered.
    Wait(Vec<SessionTag>),
    /// Somebody objects.
    Stop(Vec<Objection>),
}

/// Decides by the thread; `awaited` are those who were asked and are there to answer.
pub fn decide(thread: Option<&Thread>, awaited: &[SessionTag]) -> Verdict {
    let acked = |tag: &&SessionTag| {
        thread.is_some_and(|thread| thread.acks.contains(&Sender::Session((*tag).clone())))
    };
    match thread {
        Some(thread) if thread.status == Status::Countered => {
            Verdict::Stop(thread.counters.clone())
        }
        Some(thread) if thread.status == Status::Done => Verdict::Go,
        _ => {
            let silent: Vec<SessionTag> =
                awaited.iter().filter(|tag| !acked(tag)).cloned().collect();
            if silent.is_empty() {
                Verdict::Go
            } else {
                Verdict::Wait(silent)
            }
        }
    }
}

/// Tells whether a commit of these paths is what a session has announced and not yet done.
pub fn fulfils(thread: &Thread, by: &SessionTag, committed: impl Fn(&str) -> bool) -> bool {
    thread.by.session() == Some(by)
        && matches!(thread.status, Status::Proposed | Status::Executing)
        && !thread.announced.is_empty()
        && thread.announced.iter().all(|path| committed(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::{id::MessageId, time::Timestamp},
        features::chat::model::{About, Message, State},
    };
    use proptest::prelude::*;

    fn tag(n: usize) -> SessionTag {
        format!("s-{n:04x}").parse().expect("a tag")
    }

    fn message(n: usize, by: usize, state: State) -> Message {
        let at = Timestamp::from_unix(1_700_000_000 + i64::try_from(n).expect("few"));
        let at = at.expect("within the calendar");
        Message {
            id: MessageId::new(at, 0),
            from: Sender::Session(tag(by)),
            at,
            text: "paths".to_owned(),
            about: About {
                state,
                ..About::default()
            },
        }
    }

    proptest! {
        /// Whoever says what: it goes on only when all who are awaited agreed, and never while somebody objects.
        #[test]
        fn an_announced_commit_waits_for_all_and_stops_for_one(
            words in prop::collection::vec((1..5_usize, any::<bool>()), 0..12),
            awaited in prop::collection::vec(1..5_usize, 0..4),
        ) {
            let first = message(0, 0, State::Proposal);
            let mut thread = Thread::begin(&first);
            let mut last = std::collections::BTreeMap::new();
            let mut objected = false;
            for (n, (by, agrees)) in words.into_iter().enumerate() {
                let state = if agrees { State::Ack } else { State::Counter };
                let mut next = message(n + 1, by, state);
                next.about.thread = Some(first.id.clone());
                thread.apply(&next);
                last.insert(by, agrees);
                objected = last.values().any(|agrees| !agrees);
            }
            let tags: Vec<SessionTag> = awaited.iter().map(|n| tag(*n)).collect();
            match decide(Some(&thread), &tags) {
                Verdict::Go => {
                    prop_assert!(!objected);
                    prop_assert!(awaited.iter().all(|by| last.get(by) == Some(&true)));
                }
                Verdict::Wait(silent) => {
                    prop_assert!(!silent.is_empty() && !objected);
                }
                Verdict::Stop(counters) => prop_assert!(objected && !counters.is_empty()),
            }
        }
    }
}
