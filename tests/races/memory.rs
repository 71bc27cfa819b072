//! Ten sessions remember at once, each in a copy of its own, and merge all the time; some are killed. Nothing that was written is lost.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::common::race::{Random, race, race_with_kills};
use crate::common::setup::ready;
use crate::common::world::{BINARY, World};

const WRITERS: usize = 10;

fn rounds() -> usize {
    if std::env::var_os("CCC_LONG").is_some() {
        100
    } else {
        2
    }
}

#[test]
fn nothing_that_ten_sessions_remember_is_lost() {
    let w = ready(World::options().real_clock().build());
    let main = w.home().join("memory");
    fs::create_dir_all(&main).expect("a folder");
    let settings = format!("[memory]\ndir = \"{}\"\n", main.display());
    fs::write(w.main_worktree().join(".git/ccc.toml"), settings).expect("settings");
    fs::write(main.join("MEMORY.md"), "# Memory\n\n- begin\n\n## End\n").expect("a file");
    fs::write(main.join("_index.md"), "- [begin](begin.md)\n").expect("a file");
    fs::write(main.join("state.json"), "{\n  \"begin\": 1\n}\n").expect("a file");
    fs::write(main.join("state.toml"), "begin = 1\n").expect("a file");
    let dirs: Vec<PathBuf> = (0..WRITERS)
        .map(|n| {
            w.ccc(["memory", "fork", &format!("w{n}")]).ok();
            w.home().join(format!("memory-of/w{n}"))
        })
        .collect();
    let mut random = Random::new(11);
    for round in 0..rounds() {
        for (n, dir) in dirs.iter().enumerate() {
            let read = |file: &str| fs::read_to_string(dir.join(file)).expect("text");
            let entry = format!("w{n}r{round}");
            let memory = read("MEMORY.md").replace("\n\n## End", &format!("\n- {entry}\n\n## End"));
            let index = format!("{}- [{entry}]({entry}.md)\n", read("_index.md"));
            let json = read("state.json").replace("{\n", &format!("{{\n  \"{entry}\": {round},\n"));
            let toml = format!("{}{entry} = {round}\n", read("state.toml"));
            for (file, text) in [
                ("MEMORY.md", memory),
                ("_index.md", index),
                ("state.json", json),
                ("state.toml", toml),
            ] {
                fs::write(dir.join(file), text).expect("a file");
            }
        }
        let merges = || {
            (0..WRITERS).map(|n| {
                w.command(BINARY, ["memory", "merge", &format!("w{n}")])
                    .within(Duration::from_secs(120))
            })
        };
        race_with_kills(merges(), &mut random, Duration::from_millis(400));
        structured(&main);
        for output in race(merges()) {
            output.ok();
        }
        structured(&main);
    }
    for n in 0..WRITERS {
        for round in 0..rounds() {
            let entry = format!("w{n}r{round}");
            for (file, line) in [
                ("MEMORY.md", format!("- {entry}\n")),
                ("_index.md", format!("- [{entry}]({entry}.md)\n")),
                ("state.json", format!("  \"{entry}\": {round}")),
                ("state.toml", format!("{entry} = {round}\n")),
            ] {
                let text = fs::read_to_string(main.join(file)).expect("text");
                assert_eq!(
                    text.matches(&line).count(),
                    1,
                    "{entry} is once in {file}:\n{text}"
                );
            }
        }
    }
    w.git(["fsck", "--strict"]).ok();
}

fn structured(main: &std::path::Path) {
    let json = fs::read(main.join("state.json")).expect("a file");
    serde_json::from_slice::<serde_json::Value>(&json).expect("JSON stays JSON");
    let text = fs::read_to_string(main.join("state.toml")).expect("a file");
    text.parse::<toml::Table>().expect("TOML stays TOML");
}
