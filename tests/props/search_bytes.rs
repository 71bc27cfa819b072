//! Readers, the query and everything that cuts text take any bytes: no panic, no text out of nowhere, places that are
//! places. `CCC_LONG=1` is a hundred times as many cases.

use crate::common::bytes::{ask, read};
use git_ccc::features::search::logic::pieces::pieces;
use git_ccc::features::search::logic::words;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::Config;

const CLAUDE: &[u8] = include_bytes!("../data/transcripts/claude.jsonl");
const CODEX: &[u8] = include_bytes!("../data/transcripts/codex.jsonl");

fn config() -> Config {
    let long = std::env::var_os("CCC_LONG").is_some();
    Config {
        cases: if long { 40_000 } else { 400 },
        failure_persistence: None,
        ..Config::default()
    }
}

/// What a transcript becomes after some bytes of it were changed, taken out or said again.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let of = prop::sample::select(vec![CLAUDE, CODEX]);
    let change = (any::<Index>(), 0..4_u8, any::<u8>(), 1..40_usize);
    (of, any::<Index>(), prop::collection::vec(change, 1..6)).prop_map(|(text, line, changes)| {
        let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
        let mut line = line.get(&lines).to_vec();
        for (at, how, byte, length) in changes {
            if line.is_empty() {
                break;
            }
            let at = at.index(line.len());
            let end = (at + length).min(line.len());
            match how {
                0 => line[at] = byte,
                1 => drop(line.drain(at..end)),
                2 => {
                    let again = line[at..end].to_vec();
                    line.splice(at..at, again);
                }
                _ => line.truncate(at),
            }
        }
        line
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn readers_take_any_bytes(line in prop::collection::vec(any::<u8>(), 0..300)) {
        read(&line);
    }

    #[test]
    fn readers_take_what_looks_like_json(line in r#"([\[\]{}:,"\\u0-9a-f ]|"type"|"user"|"message"|"content"|"payload"|null){0,60}"#) {
        read(line.as_bytes());
    }

    #[test]
    fn readers_take_damaged_records(line in damaged()) {
        read(&line);
    }

    #[test]
    fn queries_take_any_text(text in r#"([()"* :-]|OR|NOT|role:|after:|file:|commit:|-|検索|é|a_b|[a-z]{1,4}|\PC){0,40}"#) {
        ask(&text);
    }

    #[test]
    fn text_is_cut_without_loss(text in r"(\PC|\n|[a-z]{1,9}|検|é|_|😀|\u{301}){0,400}") {
        let all: Vec<&str> = pieces(&text).collect();
        prop_assert_eq!(all.concat(), text.as_str());
        let normal = words::normal(&text);
        for word in words::words(&normal) {
            prop_assert!(normal.get(word.from..word.to).is_some(), "{:?}", word);
        }
    }
}
