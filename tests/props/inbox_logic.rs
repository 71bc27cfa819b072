//! The pure parts of letters: receipts never run ahead, tasks move as they should, conversations end, questions go to who is there.

use git_ccc::base::id::{MessageId, SessionTag};
use git_ccc::base::time::Timestamp;
use git_ccc::features::chat::logic::agenda::{FOR, Stage, TASK};
use git_ccc::features::chat::logic::room::Rooms;
use git_ccc::features::chat::logic::traffic::{self, Facts, Limits, Verdict, judge};
use git_ccc::features::chat::model::{About, Message, Priority, Sender, State, To};
use git_ccc::features::inbox::logic::heir::By;
use git_ccc::features::inbox::logic::receipts::derive;
use git_ccc::features::inbox::logic::route::{Ties, decide};
use git_ccc::features::inbox::model::Receipt;
use git_ccc::features::session::model::{Cursor, Mark};
use proptest::prelude::*;

const EPOCH: i64 = 1_700_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(seconds).expect("within the calendar")
}

fn tag(n: u32) -> SessionTag {
    format!("s-{n:04x}").parse().expect("a tag")
}

fn said(n: u32, by: u32, seconds: i64, to: &[u32]) -> Message {
    let at = at(EPOCH + seconds);
    Message {
        id: MessageId::new(at, u64::from(n)),
        from: Sender::Session(tag(by)),
        at,
        text: format!("text {n}"),
        about: About {
            to: to.iter().map(|to| To::Session(tag(*to))).collect(),
            ..About::default()
        },
    }
}

fn mark(n: u32) -> Mark {
    Mark {
        at: Some(n.to_string()),
        ahead: Vec::new(),
    }
}

/// One thing a session does: when it begins, how long it waits before it shows, whether it shows, whether it was asked to.
#[derive(Clone, Debug)]
struct Act {
    pause: i64,
    wait: i64,
    shows: bool,
    asked: bool,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = (0..3_i64, 0..4_i64, any::<bool>(), any::<bool>()).prop_map(
        |(pause, wait, shows, asked)| Act {
            pause,
            wait,
            shows,
            asked,
        },
    );
    prop::collection::vec(act, 1..30)
}

proptest! {
    /// Commands overlap: each begins at its time and writes at a later one. What counts as seen was asked for, or was shown before a command began.
    #[test]
    fn seen_is_never_ahead_of_what_the_session_went_on_after(acts in acts()) {
        let mut cursor = Cursor::default();
        let mut began = EPOCH;
        let mut writes: Vec<(i64, i64, Act)> = Vec::new();
        for act in acts {
            began += act.pause;
            writes.push((began + act.wait, began, act));
        }
        writes.sort_by_key(|(write, began, _)| (*write, *began));
        // (number, moment it was shown, whether it was asked for)
        let mut shown: Vec<(u32, i64, bool)> = Vec::new();
        let mut latest_begin = i64::MIN;
        for (write, began, act) in writes {
            cursor.went_on(at(began));
            latest_begin = latest_begin.max(began);
            if act.shows {
                let number = u32::try_from(shown.len()).expect("few") + 1;
                cursor.next = mark(number);
                cursor.seen.offered = Some(at(write));
                if act.asked {
                    cursor.all_seen();
                }
                shown.push((number, write, act.asked));
            }
            let seen: u32 = cursor.seen.next.at.as_deref().map_or(0, |at| at.parse().expect("a number"));
            let offered = u32::try_from(shown.len()).expect("few");
            prop_assert!(seen <= offered);
            if let Some((_, moment, _)) = shown.iter().find(|(number, _, _)| *number == seen) {
                let asked = shown.iter().any(|(number, _, asked)| *number >= seen && *asked);
                prop_assert!(asked || *moment < latest_begin, "{seen} was shown at {moment}, nothing began after it");
            }
        }
    }

    #[test]
    fn a_receipt_is_acted_only_by_its_receiver_and_after_it(
        rest in prop::collection::vec((0..4_u32, 0..4_u32, prop::option::of(0..12_usize), any::<bool>()), 1..12),
    ) {
        let mut all: Vec<Message> = Vec::new();
        for (n, (by, to, answers, named)) in rest.into_iter().enumerate() {
            let number = u32::try_from(n).expect("few");
            let mut message = said(number, by, i64::from(number), &[to]);
            if let Some(answered) = answers.and_then(|index| all.get(index)) {
                message.about.thread = Some(answered.thread().clone());
                message.about.reply_to = named.then(|| answered.id.clone());
            }
            all.push(message);
        }
        for sender in 0..4 {
            let from = Sender::Session(tag(sender));
            for sent in derive(&all, &from, |_, _| Receipt::Offered) {
                prop_assert_eq!(&sent.message.from, &from);
                prop_assert_ne!(&sent.to, &tag(sender));
                let index = all.iter().position(|message| message.id == sent.message.id).expect("it is there");
                let answered = all[index + 1..].iter().any(|later| {
                    later.from.session() == Some(&sent.to) && later.thread() == sent.message.thread()
                });
                prop_assert!(sent.receipt == Receipt::Offered || answered);
            }
        }
    }

    /// Whatever is said in a task's thread by whom: only its holder takes or returns it, what is closed stays closed, and the fold can be cut anywhere.
    #[test]
    fn a_task_moves_only_by_its_holder(
        steps in prop::collection::vec((0..4_u32, 0..5_usize, prop::option::of(0..4_u32)), 0..20),
        cut in 0..20_usize,
    ) {
        let states = [State::Ack, State::Counter, State::Done, State::Executing, State::Note];
        let mut task = said(0, 1, 0, &[2]);
        task.about.state = State::Proposal;
        task.about.set_extra(TASK, task.id.to_string());
        let id = task.id.clone();
        let mut all = vec![task];
        for (n, (by, state, heir)) in steps.into_iter().enumerate() {
            let number = u32::try_from(n).expect("few") + 1;
            let mut message = said(number, by, i64::from(number), &[]);
            message.about.state = states[state];
            message.about.thread = Some(id.clone());
            if let Some(gone) = heir {
                message.about.set_extra(FOR, tag(gone).to_string());
            }
            all.push(message);
        }
        let mut rooms = Rooms::default();
        let mut before = None;
        for message in &all {
            rooms.apply(message);
            let now = rooms.tasks[&id].clone();
            if let Some(before) = before.replace(now.clone())
                && before != now
            {
                prop_assert!(before.stage.is_open(), "what is closed stays closed");
                let by = message.from.session().expect("a session");
                let heir = message.about.extra(FOR) == Some(before.holder.as_str());
                prop_assert!(*by == before.holder || heir || (now.stage == Stage::Done && message.from == now.by));
            }
        }
        let mut halves = Rooms::default();
        for message in &all[..cut.min(all.len())] {
            halves.apply(message);
        }
        let text = serde_json::to_string(&halves).expect("a cache");
        let mut halves: Rooms = serde_json::from_str(&text).expect("a cache");
        for message in &all[cut.min(all.len())..] {
            halves.apply(message);
        }
        prop_assert_eq!(halves, rooms);
    }

    /// However they send, no receiver gets more of one sender than the budgets say, in any minute and any hour.
    #[test]
    fn no_budget_is_ever_passed(steps in prop::collection::vec((0..3_u32, 0..3_u32, 0..40_i64), 1..120)) {
        let limits = Limits { per_minute: 3, per_hour: 10, hops: 99, turns: 99 };
        let mut accepted: Vec<Message> = Vec::new();
        let mut now = 0;
        for (n, (by, to, pause)) in steps.into_iter().enumerate() {
            now += pause;
            let message = said(u32::try_from(n).expect("few"), by, now, &[to]);
            if judge(&message, Facts { recent: &accepted, commits: &[] }, limits) == Verdict::Fine {
                accepted.push(message);
            }
        }
        for message in &accepted {
            for (span, limit) in [(60, 3), (3600, 10)] {
                let within = accepted.iter().filter(|other| {
                    let since = message.at.seconds_since(other.at);
                    other.from == message.from && other.about.to == message.about.to && (0..span).contains(&since)
                });
                prop_assert!(within.count() <= limit);
            }
        }
    }

    /// Two models that answer everything they hear, in threads of any kind, come to an end by themselves.
    #[test]
    fn two_that_always_answer_come_to_an_end(pauses in prop::collection::vec((0..30_i64, any::<bool>()), 200..201)) {
        let limits = Limits { per_minute: 20, per_hour: 200, hops: 16, turns: 8 };
        let mut chain = vec![said(0, 1, 0, &[2])];
        let mut wakes = 0;
        let mut now = 0;
        for (n, (pause, new_thread)) in pauses.into_iter().enumerate() {
            now = (now + pause).min(3500);
            let last = chain.last().expect("it began").clone();
            let (by, to) = if last.from == Sender::Session(tag(1)) { (2, 1) } else { (1, 2) };
            let mut answer = said(u32::try_from(n).expect("few") + 1, by, now, &[to]);
            if !new_thread {
                answer.about.thread = Some(last.thread().clone());
                answer.about.reply_to = Some(last.id.clone());
                let hop = traffic::next_hop(&last, &answer.from);
                answer.about.set_extra(traffic::HOP, hop.to_string());
            }
            match judge(&answer, Facts { recent: &chain, commits: &[] }, limits) {
                Verdict::Fine => wakes += 1,
                Verdict::Quiet(..) => answer.about.priority = Some(Priority::Later),
                _ => break,
            }
            chain.push(answer);
        }
        prop_assert!(wakes <= 8, "{wakes} wakes");
    }

    /// A question goes to somebody who is there and not to the asker; an open one only if nobody is.
    #[test]
    fn a_question_goes_to_who_is_there(
        holds in prop::collection::vec(0..5_u32, 0..3),
        committed in prop::collection::vec(0..5_u32, 0..3),
        discussed in prop::collection::vec(0..5_u32, 0..3),
        there in prop::collection::vec(any::<bool>(), 5),
        heirs in prop::collection::vec(prop::option::of(0..5_u32), 5),
        asker in 0..5_u32,
    ) {
        let tags = |all: &[u32]| all.iter().map(|n| tag(*n)).collect::<Vec<_>>();
        let ties = Ties { holds: tags(&holds), committed: tags(&committed), discussed: tags(&discussed) };
        let index = |wanted: &SessionTag| (0..5).find(|n| tag(*n) == *wanted).expect("one of five");
        let is_there = |tag: &SessionTag| there[usize::try_from(index(tag)).expect("small")];
        let heir = |gone: &SessionTag| {
            heirs[usize::try_from(index(gone)).expect("small")].map(|n| (tag(n), By::Worktree))
        };
        let asker = tag(asker);
        let route = decide(&ties, Some(&asker), is_there, heir);
        let everybody = ties.holds.iter().chain(&ties.committed).chain(&ties.discussed);
        match route {
            Some(route) => {
                prop_assert!(is_there(&route.to));
                prop_assert_ne!(&route.to, &asker);
                if let Some((gone, _)) = &route.instead_of {
                    prop_assert!(!is_there(gone));
                    prop_assert_eq!(heir(gone).map(|(to, _)| to), Some(route.to.clone()));
                }
                let first = everybody.clone().find(|tag| **tag != asker).expect("somebody");
                prop_assert!(!is_there(first) || route.to == *first, "the strongest tie is asked first");
            }
            None => prop_assert!(everybody.clone().all(|tag| *tag == asker || !is_there(tag))),
        }
    }
}

#[test]
fn a_person_and_a_commit_begin_the_count_anew() {
    let limits = Limits {
        per_minute: 99,
        per_hour: 99,
        hops: 2,
        turns: 2,
    };
    let mut chain: Vec<Message> = (0..4)
        .map(|n| said(n, 1 + n % 2, i64::from(n), &[2 - n % 2]))
        .collect();
    let mut next = said(9, 1, 20, &[2]);
    next.about.reply_to = Some(chain[3].id.clone());
    next.about.set_extra(traffic::HOP, "3".to_owned());
    let verdict = |chain: &[Message], next: &Message, commits: &[(SessionTag, Timestamp)]| {
        let facts = Facts {
            recent: chain,
            commits,
        };
        judge(next, facts, limits)
    };
    assert_eq!(verdict(&chain, &next, &[]), Verdict::Hops(3));
    let commits = [(tag(1), at(EPOCH + 10))];
    assert_eq!(verdict(&chain, &next, &commits), Verdict::Fine);
    next.about.set_extra(traffic::HOP, "1".to_owned());
    assert_eq!(
        verdict(&chain, &next, &[]),
        Verdict::Quiet(To::Session(tag(2)), 4)
    );
    let mut word = said(8, 1, 15, &[1]);
    word.from = Sender::Person("P".to_owned());
    chain.push(word);
    assert_eq!(verdict(&chain, &next, &[]), Verdict::Fine);
    let mut own = said(7, 3, 30, &[2]);
    own.from = Sender::Person("P".to_owned());
    assert_eq!(verdict(&chain, &own, &[]), Verdict::Fine, "people are free");
}
