//! The recap's budget and the timeline's order, for any input.

use git_ccc::base::time::Timestamp;
use git_ccc::features::board::logic::{recap, timeline};
use git_ccc::features::board::model::{Event, Logged, What};
use proptest::prelude::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(1_767_225_600 + seconds).expect("within the calendar")
}

fn topic() -> impl Strategy<Value = recap::Topic> {
    use recap::Topic::{Broken, Claims, Commits, Open, Pinned, ToYou};
    prop_oneof![
        Just(ToYou),
        Just(Broken),
        Just(Open),
        Just(Pinned),
        Just(Commits),
        Just(Claims)
    ]
}

fn item() -> impl Strategy<Value = recap::Item> {
    (topic(), 0_i64..1000, "\\PC{0,200}").prop_map(|(topic, seconds, line)| recap::Item {
        topic,
        at: at(seconds),
        line,
    })
}

proptest! {
    #[test]
    fn a_recap_never_passes_its_budget_and_keeps_the_beginning(
        items in prop::collection::vec(item(), 0..40), budget in 0_usize..800,
    ) {
        let (count, text) = recap::fit("since then", &items, budget, |left| format!("and {left} more"));
        prop_assert!(recap::tokens(&text) <= budget);
        let mut expected = String::from("since then\n");
        for item in &items[..count] {
            expected.push_str(&item.line);
            expected.push('\n');
        }
        prop_assert!(text.is_empty() || text.starts_with(&expected), "the first ones, in order");
        if count < items.len() {
            // One more would not have fitted, even where nothing would have been left out after it.
            let rest = items.len() - count - 1;
            let tail = if rest == 0 { String::new() } else { format!("and {rest} more\n") };
            let more = format!("{expected}{}\n{tail}", items[count].line);
            prop_assert!(recap::tokens(&more) > budget);
        } else if recap::tokens(&expected) > budget {
            prop_assert!(text.is_empty(), "not even the heading fits");
        } else {
            prop_assert_eq!(text, expected);
        }
    }

    #[test]
    fn a_merge_keeps_every_event_once_and_each_line_in_its_order(
        lines in prop::collection::vec(prop::collection::vec(0_i64..50, 0..20), 0..4),
    ) {
        let event = |line: usize, index: usize, seconds: i64| Event {
            at: at(seconds),
            session: None,
            fence: Some(u64::try_from(index).expect("small")),
            oid: line.to_string(),
            what: What::Started { task: None },
        };
        let built: Vec<Vec<Event>> = lines
            .iter()
            .enumerate()
            .map(|(line, all)| all.iter().enumerate().map(|(index, at)| event(line, index, *at)).collect())
            .collect();
        let merged = timeline::merge(built.clone());
        prop_assert_eq!(merged.len(), lines.iter().map(Vec::len).sum::<usize>());
        for (line, all) in built.into_iter().enumerate() {
            let kept: Vec<Event> =
                merged.iter().filter(|event| event.oid == line.to_string()).cloned().collect();
            prop_assert_eq!(kept, all);
        }
    }

    #[test]
    fn no_entry_of_a_log_makes_the_reader_panic(
        texts in prop::collection::vec("(commit|take) [ab]{0,9}\n\n(Ccc-(Act|Claim|Scope|Gone|Renewed|Eta|Commit|Session): [a-z0-9 ]{0,20}\n){0,8}|\\PC{0,60}", 0..12),
    ) {
        let entries: Vec<Logged> = texts
            .into_iter()
            .enumerate()
            .map(|(index, message)| Logged {
                oid: index.to_string(),
                fence: u64::try_from(index).expect("small"),
                at: at(0),
                message,
            })
            .collect();
        let _ = timeline::of_log(&entries);
        let newest_first: Vec<Logged> = entries.into_iter().rev().collect();
        let _ = timeline::unresolved(&newest_first);
    }
}
