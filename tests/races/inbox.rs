//! Letters under load: two readers of one session never share one, a killed listener loses none, and a post wakes a sleeper.

use crate::common::race::{Random, race, race_with_kills};
use crate::common::session::Session;
use crate::common::setup::ready;
use crate::common::world::World;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

fn world() -> (World, Session, Session) {
    let w = ready(World::options().real_clock().build());
    let (a, b) = (w.session("a"), w.session("b"));
    (w, a, b)
}

fn send(from: &Session, count: usize, round: usize) -> BTreeSet<String> {
    let ids = (0..count).map(|n| {
        let text = format!("letter {n} of round {round}");
        let args = ["send", "b", text.as_str()];
        let sent = from.command(args).env("CCC_INBOX_PER_MINUTE", "100000");
        let sent = sent.env("CCC_INBOX_PER_HOUR", "100000").run();
        sent.ok().stdout.trim().to_owned()
    });
    ids.collect()
}

#[test]
fn concurrent_readers_of_one_session_share_nothing_and_miss_nothing() {
    let (_w, a, b) = world();
    for round in 0..3 {
        let sent = send(&a, 6, round);
        let readers = (0..4).map(|n| match n % 2 {
            0 => b.command(["inbox", "--json", "--limit", "4"]),
            _ => b.command(["listen", "--json", "--timeout", "1s"]),
        });
        let mut shown = Vec::new();
        for output in race(readers) {
            assert!(matches!(output.code, 0 | 1 | 4), "{output}");
            shown.extend(output.json_lines().iter().map(id));
        }
        let rest = b.ccc(["inbox", "--json"]);
        shown.extend(rest.ok().json_lines().iter().map(id));
        let once: BTreeSet<String> = shown.iter().cloned().collect();
        assert_eq!(once.len(), shown.len(), "shown twice in round {round}");
        assert_eq!(once, sent, "lost in round {round}");
    }
}

fn id(shown: &serde_json::Value) -> String {
    let id = shown["id"].as_str().or(shown["message"]["id"].as_str());
    id.expect("an id").to_owned()
}

#[test]
fn a_killed_listener_loses_nothing() {
    let (_w, a, b) = world();
    let seed = 20_261_121;
    let mut random = Random::new(seed);
    let mut shown = BTreeSet::new();
    let mut printed = BTreeSet::new();
    let mut sent = BTreeSet::new();
    for round in 0..6 {
        sent.extend(send(&a, 2, round));
        let listeners = [b.command(["listen", "--json", "--timeout", "5s"])];
        for output in race_with_kills(listeners, &mut random, Duration::from_millis(60)) {
            printed.extend(output.stdout.lines().filter_map(|line| {
                let line = serde_json::from_str::<serde_json::Value>(line).ok()?;
                Some(id(&line))
            }));
            // What a killed process printed is dropped by whoever called it, unless it printed and ended.
            if output.code == 0 {
                shown.extend(output.json_lines().iter().map(id));
            }
        }
    }
    let rest = b.ccc(["inbox", "--json", "--all"]);
    let all: BTreeSet<String> = rest.ok().json_lines().iter().map(id).collect();
    assert_eq!(all, sent, "seed {seed}");
    let rest = b.ccc(["inbox", "--json"]);
    let rest: BTreeSet<String> = rest.ok().json_lines().iter().map(id).collect();
    assert!(rest.is_disjoint(&shown), "shown twice, seed {seed}");
    printed.extend(rest);
    assert_eq!(printed, sent, "neither printed nor waiting, seed {seed}");
    let next = b.ccc(["listen", "--timeout", "1s"]);
    assert_eq!(next.code, 1, "the place of the dead is free: {next}");
}

/// The clock alone would wake a sleeper after a second: the fastest of some wakes proves that the post did. The figure is in the benches.
#[test]
fn a_post_wakes_a_listener() {
    let (_w, a, b) = world();
    let mut fastest = Duration::MAX;
    for round in 0..6 {
        let listener = b.spawn(["listen", "--timeout", "60s"]);
        listener.wait_until_it_watches();
        send(&a, 1, round);
        let start = Instant::now();
        listener.wait().ok();
        fastest = fastest.min(start.elapsed());
    }
    assert!(fastest < Duration::from_millis(400), "{fastest:?}");
}
