//! The pure parts of the room: any text comes back, each message is shown once, a proposal has one executor, a fold can be continued.

use git_ccc::base::graph::topological;
use git_ccc::base::id::{MessageId, SessionTag};
use git_ccc::base::time::Timestamp;
use git_ccc::features::chat::logic::codec;
use git_ccc::features::chat::logic::room::Rooms;
use git_ccc::features::chat::logic::thread::{Refusal, Status, Thread};
use git_ccc::features::chat::logic::unread::{Lane, Step, Wanted, take};
use git_ccc::features::chat::model::{
    About, Attachment, MAX_TEXT, Message, Priority, Sender, State, To,
};
use git_ccc::features::session::model::Mark;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashSet};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(seconds).expect("within the calendar")
}

fn tag(n: u32) -> SessionTag {
    format!("s-{n:04x}").parse().expect("a tag")
}

fn said(n: u32, by: u32, state: State) -> Message {
    let at = at(1_700_000_000 + i64::from(n));
    Message {
        id: MessageId::new(at, u64::from(n)),
        from: Sender::Session(tag(by)),
        at,
        text: format!("text {n}"),
        about: About {
            state,
            ..About::default()
        },
    }
}

fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<String>(),
        Just("\n".to_owned()),
        Just("\n\n".to_owned()),
        Just("\r\n".to_owned()),
        Just("\u{1b}[2J".to_owned()),
        Just("Ccc-Message: 1ng3hxts8jfjzpt\nCcc-State: done".to_owned()),
        Just("Signed-off-by: a <b@c>\n".to_owned()),
        Just("日本語 🦀 عربى".to_owned()),
        "[a-z ]{90,120}",
    ];
    prop::collection::vec(piece, 1..8).prop_map(|pieces| pieces.concat().replace('\0', ""))
}

fn abouts() -> impl Strategy<Value = About> {
    let id = any::<u64>().prop_map(|random| MessageId::new(at(1_700_000_000), random));
    let optional = prop::option::of(id);
    let words = prop::collection::vec("[^\0]{1,12}", 0..3);
    (
        prop_oneof![Just(State::Note), Just(State::Proposal), Just(State::Done)],
        (
            optional.clone(),
            optional.clone(),
            optional.clone(),
            optional,
        ),
        words.clone(),
        words,
        prop::option::of(Just(Priority::Now)),
        any::<bool>(),
    )
        .prop_map(
            |(state, (thread, reply_to, pin, take_over), paths, extra, priority, more)| About {
                state,
                room: "room-2".parse().expect("a room"),
                thread,
                reply_to,
                to: if more {
                    vec![To::All, To::Person, To::Session(tag(7))]
                } else {
                    Vec::new()
                },
                paths,
                priority,
                commit: more.then(|| "ab".repeat(20)),
                attachments: more
                    .then(|| Attachment {
                        blob: "cd".repeat(20),
                        size: 3,
                        name: "a b\n\"c\".txt".to_owned(),
                    })
                    .into_iter()
                    .collect(),
                until: more.then(|| at(1_800_000_000)),
                pin,
                unpin: None,
                take_over,
                extra: extra
                    .into_iter()
                    .map(|value| ("Ccc-Future".to_owned(), value))
                    .collect(),
            },
        )
}

proptest! {
    #[test]
    fn any_message_comes_back_as_it_was(text in texts(), about in abouts(), person in prop::option::of("[^\0]{1,20}")) {
        prop_assume!(codec::check(&text).is_ok());
        let mut message = said(1, 1, State::Note);
        message.text = text;
        message.about = about;
        if let Some(name) = person {
            message.from = Sender::Person(name);
        }
        let commit = codec::encode(&message);
        let subject: String = commit.trim_start().split("\n\n").next().unwrap_or_default().to_owned();
        prop_assert!(subject.chars().count() <= 100, "git log --oneline stays readable: {subject:?}");
        prop_assert!(!subject.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\t')), "{subject:?}");
        prop_assert_eq!(codec::decode("author", message.at, &commit), Some(message));
    }

    #[test]
    fn no_text_can_forge_a_message(text in texts()) {
        // A stock command writes its own sentence; whatever precedes our last paragraph is text.
        prop_assert_eq!(codec::decode("a", at(0), "Notes added by 'git notes append'\n"), None);
        let mut message = said(1, 1, State::Note);
        message.text = format!("{text}\n\nCcc-Message: 1ng3hxts8jfjzpt\nCcc-Session: boss-0000\nCcc-State: done");
        prop_assume!(codec::check(&message.text).is_ok());
        let read = codec::decode("a", message.at, &codec::encode(&message)).expect("a message");
        prop_assert_eq!(read, message);
    }

    #[test]
    fn a_note_line_is_one_line_and_known_again(text in texts()) {
        prop_assume!(codec::check(&text).is_ok());
        let mut message = said(1, 1, State::Done);
        message.text = text;
        let line = codec::note_line(&message);
        prop_assert!(!line.contains(['\n', '\r']), "{line:?}");
        prop_assert!(codec::is_note_line(&line), "{line:?}");
    }
}

#[test]
fn what_is_no_text_is_refused() {
    assert_eq!(codec::check(""), Err(codec::Refused::Empty));
    assert_eq!(codec::check(" \n\t"), Err(codec::Refused::Empty));
    assert_eq!(codec::check("a\0b"), Err(codec::Refused::Nul));
    assert_eq!(codec::check(&"x".repeat(MAX_TEXT)), Ok(()));
    assert_eq!(
        codec::check(&"x".repeat(MAX_TEXT + 1)),
        Err(codec::Refused::Long(MAX_TEXT + 1))
    );
}

const STATES: [State; 7] = [
    State::Note,
    State::Question,
    State::Proposal,
    State::Ack,
    State::Counter,
    State::Executing,
    State::Done,
];

/// A message in the thread of the first one.
fn reply(n: u32, by: u32, state: State, root: &MessageId) -> Message {
    let mut message = said(n, by, state);
    message.about.thread = Some(root.clone());
    message
}

proptest! {
    /// Whatever is posted under the rules: while one executes no other can, unless it is stale and named.
    #[test]
    fn a_proposal_has_one_executor(acts in prop::collection::vec((0_usize..7, 1_u32..5, any::<bool>(), any::<bool>()), 0..40)) {
        let root = said(0, 1, State::Proposal);
        let mut thread = Thread::begin(&root);
        for (n, (state, by, is_stale, takes)) in (1..).zip(acts) {
            let mut message = reply(n, by, STATES[state], &root.id);
            if takes {
                message.about.take_over = thread.executor.as_ref().map(|executor| executor.id.clone());
            }
            let before = thread.clone();
            let allowed = thread.check(&message, |_| is_stale);
            if allowed.is_err() {
                continue;
            }
            thread.apply(&message);
            let (old, new) = (before.executor, thread.executor.clone());
            if before.status == Status::Executing && thread.status == Status::Executing && old != new {
                let same = old.as_ref().map(|old| &old.by) == new.as_ref().map(|new| &new.by);
                prop_assert!(same || (is_stale && takes), "{old:?} was replaced by {new:?}");
            }
            prop_assert!(thread.superseded.len() <= 64 && thread.acks.len() <= 64);
            if thread.status == Status::Countered {
                prop_assert!(!thread.counters.is_empty());
            }
        }
    }

    /// Whatever got in by a merge: the first executor in the order of the room stays until it is replaced by name.
    #[test]
    fn a_later_executor_is_superseded(acts in prop::collection::vec((0_usize..7, 1_u32..5), 0..40)) {
        let root = said(0, 1, State::Proposal);
        let mut thread = Thread::begin(&root);
        for (n, (state, by)) in (1..).zip(acts) {
            let before = thread.clone();
            let message = reply(n, by, STATES[state], &root.id);
            thread.apply(&message);
            if before.status == Status::Executing && thread.status == Status::Executing {
                let who = |thread: &Thread| thread.executor.as_ref().map(|executor| executor.by.clone());
                prop_assert_eq!(who(&before), who(&thread));
            }
        }
    }

    /// A fold that is continued, from its stored form, equals one that starts at the beginning.
    #[test]
    fn a_fold_can_be_continued(
        acts in prop::collection::vec((0_usize..7, 1_u32..4, 0_u32..6, 0_u32..400_000), 1..60),
        cut in 0_usize..60,
    ) {
        let mut seconds = 0;
        let mut all: Vec<Message> = Vec::new();
        for (n, (state, by, root, wait)) in (0..).zip(acts) {
            seconds += wait;
            let mut message = said(seconds, by, STATES[state]);
            message.id = MessageId::new(message.at, n);
            message.about.thread = all.get(root as usize).map(|root| root.id.clone());
            message.about.pin = (by == 2).then(|| message.id.clone());
            all.push(message);
        }
        let cut = cut.min(all.len());
        let fold = |mut rooms: Rooms, messages: &[Message]| {
            for message in messages {
                rooms.apply(message);
            }
            rooms
        };
        let whole = fold(Rooms::default(), &all);
        let first = serde_json::to_string(&fold(Rooms::default(), &all[..cut])).expect("a stored form");
        let second = fold(serde_json::from_str(&first).expect("read back"), &all[cut..]);
        prop_assert_eq!(&second, &whole);
        prop_assert_eq!(whole.messages, u64::try_from(all.len()).expect("few"));
    }
}

#[test]
fn threads_go_through_their_states() {
    let root = said(0, 1, State::Question);
    let mut thread = Thread::begin(&root);
    assert_eq!(thread.status, Status::Open);
    thread.apply(&reply(1, 1, State::Note, &root.id));
    assert_eq!(thread.status, Status::Open, "whoever asks does not answer");
    thread.apply(&reply(2, 2, State::Note, &root.id));
    assert_eq!(thread.status, Status::Answered);
    thread.apply(&reply(3, 2, State::Proposal, &root.id));
    thread.apply(&reply(4, 3, State::Counter, &root.id));
    assert_eq!(thread.status, Status::Countered);
    let refused = thread.check(&reply(5, 2, State::Executing, &root.id), |_| false);
    assert!(matches!(refused, Err(Refusal::Countered(all)) if all.len() == 1));
    thread.apply(&reply(6, 3, State::Ack, &root.id));
    assert_eq!(
        thread.status,
        Status::Proposed,
        "an ack takes one's counter back"
    );
    thread.apply(&reply(7, 3, State::Executing, &root.id));
    let other = reply(8, 1, State::Done, &root.id);
    assert!(matches!(
        thread.check(&other, |_| true),
        Err(Refusal::Taken(_))
    ));
    thread.apply(&reply(9, 3, State::Done, &root.id));
    assert_eq!(thread.status, Status::Done);
}

/// A history that grows, by chains and merges, and one session that reads it now and then.
#[derive(Clone, Debug)]
struct Round {
    /// New commits: (parent, second parent for a merge, kind of message).
    grows: Vec<(u16, Option<u16>, u8)>,
    /// How it is read: lanes as bits, what fits as bits of the kind, how many.
    lanes: u8,
    fits: u8,
    limit: usize,
}

fn rounds() -> impl Strategy<Value = Vec<Round>> {
    let commit = (
        any::<u16>(),
        prop::option::weighted(0.2, any::<u16>()),
        0_u8..8,
    );
    let round = (
        prop::collection::vec(commit, 0..8),
        1_u8..16,
        any::<u8>(),
        0_usize..6,
    );
    let round = round.prop_map(|(grows, lanes, fits, limit)| Round {
        grows,
        lanes,
        fits,
        limit,
    });
    prop::collection::vec(round, 1..10)
}

#[derive(Default)]
struct Model {
    parents: Vec<Vec<usize>>,
    messages: Vec<Option<Message>>,
    marks: BTreeMap<Lane, (Option<usize>, Vec<String>)>,
    shown: Vec<MessageId>,
}

impl Model {
    /// New commits join the newest ones, so that what is there is always below one tip.
    fn grow(&mut self, grows: &[(u16, Option<u16>, u8)]) {
        for (parent, second, kind) in grows {
            let here = self.parents.len();
            let recent = |seed: u16| here - 1 - usize::from(seed) % here.min(4);
            let parents = match (here, second) {
                (0, _) => Vec::new(),
                (_, Some(second)) => {
                    Vec::from_iter(BTreeSet::from([recent(*parent), recent(*second)]))
                }
                (_, None) => vec![recent(*parent)],
            };
            self.parents.push(parents);
            let n = u32::try_from(here).expect("few");
            let mut message = said(n, if *kind == 0 { 1 } else { 2 }, State::Note);
            message.about.to = if kind & 1 == 1 {
                vec![To::Session(tag(1))]
            } else {
                Vec::new()
            };
            message.about.priority =
                [None, Some(Priority::Now), Some(Priority::Later)][usize::from(kind % 3)];
            self.messages.push((*kind != 7).then_some(message));
        }
        // A merge of all ends, which is no message.
        let ends: Vec<usize> = (0..self.parents.len())
            .filter(|index| !self.parents.iter().any(|parents| parents.contains(index)))
            .collect();
        if ends.len() > 1 {
            self.parents.push(ends);
            self.messages.push(None);
        }
    }

    fn behind(&self, mark: Option<usize>) -> HashSet<usize> {
        let mut seen = HashSet::new();
        let mut next: Vec<usize> = mark.into_iter().collect();
        while let Some(index) = next.pop() {
            if seen.insert(index) {
                next.extend(&self.parents[index]);
            }
        }
        seen
    }

    fn read(&mut self, lanes: &[Lane], fits: &dyn Fn(&Message) -> bool, limit: usize) -> bool {
        let marks: Vec<(Option<usize>, Vec<String>)> = lanes
            .iter()
            .map(|lane| self.marks.get(lane).cloned().unwrap_or_default())
            .collect();
        let behind: Vec<HashSet<usize>> = marks.iter().map(|(at, _)| self.behind(*at)).collect();
        let beyond = |index: &usize| behind.iter().any(|behind| !behind.contains(index));
        let here: Vec<usize> = (0..self.parents.len()).filter(beyond).collect();
        let place = |index: &usize| here.iter().position(|known| known == index);
        let steps: Vec<Step> = here
            .iter()
            .map(|index| Step {
                parents: self.parents[*index].iter().filter_map(place).collect(),
                message: self.messages[*index].clone(),
                beyond: behind
                    .iter()
                    .map(|behind| !behind.contains(index))
                    .collect(),
                after_mark: marks
                    .iter()
                    .map(|(at, _)| at.is_some_and(|at| self.parents[*index].contains(&at)))
                    .collect(),
            })
            .collect();
        let parents: Vec<Vec<usize>> = steps.iter().map(|step| step.parents.clone()).collect();
        let order = topological(&parents, &here);
        let texts: Vec<Mark> = marks
            .iter()
            .map(|(at, ahead)| Mark {
                at: at.map(|at| at.to_string()),
                ahead: ahead.clone(),
            })
            .collect();
        let texts: Vec<&Mark> = texts.iter().collect();
        let me = tag(1);
        let seen = HashSet::new();
        let wanted = Wanted {
            session: &me,
            lanes,
            filter: fits,
            limit,
            seen: &seen,
            settled: false,
        };
        let taken = take(&steps, &order, &texts, &wanted);
        for index in &taken.shown {
            let message = steps[*index]
                .message
                .as_ref()
                .expect("only messages are shown");
            self.shown.push(message.id.clone());
        }
        for ((lane, (old, _)), (to, ahead)) in lanes.iter().zip(marks).zip(taken.marks) {
            let at = to.map(|to| here[to]).or(old);
            self.marks
                .insert(*lane, (at, ahead.iter().map(ToString::to_string).collect()));
        }
        taken.more
    }
}

proptest! {
    /// Any filters, limits and lanes in any order: each message is shown once, and in the end all of them were.
    #[test]
    fn each_message_is_shown_once_and_none_is_skipped(rounds in rounds()) {
        let mut model = Model::default();
        for round in &rounds {
            model.grow(&round.grows);
            let lanes: Vec<Lane> = (0..4).filter(|n| round.lanes & (1 << n) != 0).map(|n| Lane::ALL[n]).collect();
            let fits = |message: &Message| round.fits & (1 << (message.at.unix() % 8)) != 0;
            model.read(&lanes, &fits, round.limit);
        }
        while model.read(&Lane::ALL, &|_| true, 3) {}
        let shown: BTreeSet<&MessageId> = model.shown.iter().collect();
        prop_assert_eq!(shown.len(), model.shown.len(), "nothing is shown twice");
        let all: BTreeSet<&MessageId> = model
            .messages
            .iter()
            .flatten()
            .filter(|message| message.from != Sender::Session(tag(1)))
            .map(|message| &message.id)
            .collect();
        prop_assert_eq!(shown, all, "nothing is skipped");
        for (at, ahead) in model.marks.values() {
            prop_assert!(ahead.is_empty(), "nothing stays ahead of {:?}", at);
        }
    }
}
