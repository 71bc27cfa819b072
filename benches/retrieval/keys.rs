//! From a key that is pressed in `search -i` to the screen with its answer: the query, the list, the moments, the drawing.
//!
//! It runs in a process of its own, whose home is that of the kit; what a terminal then takes to show it is not measured.

use super::World;
use clap::Parser;
use git_ccc::ctx::Ctx;
use git_ccc::features::search::cmd::{Finder, SearchArgs};
use git_ccc::features::search::logic::live::{Effect, Key, State};
use git_ccc::features::search::view::live::draw;
use git_ccc::ui::Ui;
use ratatui::{Terminal, backend::TestBackend};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Every so manieth query is typed.
const STEP: usize = 12;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    search: SearchArgs,
}

/// Starts the process in which it is measured.
pub fn run(world: &World, kit: &Path) {
    let this = std::env::current_exe().expect("a program has a path");
    let done = Command::new(this)
        .arg("keys-inside")
        .env("HOME", world.path())
        .env("CCC_RETRIEVAL", kit)
        .current_dir(world.path())
        .status();
    assert!(done.expect("it starts").success(), "it is measured");
}

/// Types the queries.
pub fn inside(kit: &Path) {
    let ctx = Ctx::new(Ui::default(), None).expect("a world");
    let line = Line::try_parse_from(["search", "-i"]).expect("a command line");
    let mut finder = Finder::new(&ctx, &line.search).expect("an index");
    let mut terminal = Terminal::new(TestBackend::new(140, 45)).expect("memory");
    let text = std::fs::read_to_string(kit.join("t1.json")).expect("t1.json of the kit");
    let queries: Vec<Value> = serde_json::from_str(&text).expect("t1.json is a list");
    let mut times: Vec<Duration> = Vec::new();
    for query in queries.iter().step_by(STEP) {
        let (mut state, _) = State::new("");
        for c in query["q"].as_str().unwrap_or_default().chars() {
            let start = Instant::now();
            let mut effect = state.key(Key::Char(c));
            while let Some(next) = effect.take() {
                let answer = match next {
                    Effect::Find { number, query } => finder.find(number, &query, &|| true),
                    Effect::Show { number, row } => finder.show(number, row),
                    _ => Ok(None),
                };
                effect = answer
                    .expect("an index")
                    .and_then(|answer| state.answer(answer));
            }
            terminal.draw(|frame| draw(frame, &state)).expect("memory");
            times.push(start.elapsed());
        }
    }
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    println!(
        "a key of search -i until its screen ({} keys)   p50 {:.1}  p95 {:.1}  p99 {:.1}  max {:.1} ms   bar p95 <= 16 ms",
        times.len(),
        at(50),
        at(95),
        at(99),
        at(100)
    );
}
