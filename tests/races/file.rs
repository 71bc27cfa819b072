//! Shared files under load: many sessions that read, think and write, killed at random, beside a reader that reads all the time.
//!
//! Nothing that was acknowledged is lost, nothing is torn, nobody but the writers appears in the log. Short by default;
//! `CCC_LONG=1` is ten writers with a hundred edits each.

use crate::common::race::{Random, race};
use crate::common::session::Session;
use crate::common::setup::ready;
use crate::common::world::{DEADLINE, World};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A file and how an agent adds an entry to it.
#[derive(Clone, Copy)]
struct Subject {
    path: &'static str,
    start: &'static str,
    add: fn(&str, &str) -> String,
    has: fn(&str, &str) -> bool,
    /// Why a reader could not use it.
    broken: fn(&str) -> Option<String>,
}

fn line(text: &str, entry: &str) -> bool {
    text.lines()
        .filter(|line| *line == format!("- {entry}"))
        .count()
        == 1
}

fn marked(text: &str) -> Option<String> {
    let marks = ["<<<<<<<", ">>>>>>>", "|||||||"];
    let mark = marks.iter().find(|mark| text.contains(*mark));
    mark.map(|mark| (*mark).to_owned())
}

const SUBJECTS: [Subject; 4] = [
    Subject {
        path: ".claude/skills/_index.md",
        start: "# Skills\n\nOne line a skill.\n\n- deploy\n- review\n",
        add: |text, entry| format!("{text}- {entry}\n"),
        has: line,
        broken: |text| {
            marked(text).or_else(|| (!text.starts_with("# Skills\n")).then(|| "no head".to_owned()))
        },
    },
    Subject {
        path: ".claude/projects/-repo/memory/MEMORY.md",
        start: "# Memory\n\n## Decisions\n\n- tabs\n\n## Open\n\n- the queue\n",
        add: |text, entry| text.replace("\n\n## Open", &format!("\n- {entry}\n\n## Open")),
        has: line,
        broken: |text| {
            marked(text).or_else(|| (!text.ends_with("- the queue\n")).then(|| "no end".to_owned()))
        },
    },
    Subject {
        path: ".claude/settings.json",
        start: "{\n  \"model\": \"x\",\n  \"env\": {},\n  \"permissions\": {\n    \"allow\": [\n      \"Read\"\n    ]\n  }\n}\n",
        add: |text, entry| {
            let mut value: Value = serde_json::from_str(text).expect("what was read parses");
            value["env"][entry] = json!("1");
            let allow = value["permissions"]["allow"]
                .as_array_mut()
                .expect("a list");
            allow.push(json!(entry));
            serde_json::to_string_pretty(&value).expect("JSON") + "\n"
        },
        has: |text, entry| {
            let value: Value = serde_json::from_str(text).expect("the end parses");
            let allow = value["permissions"]["allow"].as_array().expect("a list");
            value["env"][entry] == "1" && allow.iter().filter(|item| *item == entry).count() == 1
        },
        broken: |text| {
            serde_json::from_str::<Value>(text)
                .err()
                .map(|error| error.to_string())
        },
    },
    Subject {
        path: ".codex/config.toml",
        start: "# kept\nmodel = \"x\"\n\n[env]\nfirst = \"1\"\n\n[last]\nend = true\n",
        add: |text, entry| text.replace("\n\n[last]", &format!("\n{entry} = \"1\"\n\n[last]")),
        has: |text, entry| {
            let value: toml::Table = text.parse().expect("the end parses");
            value["env"].get(entry).and_then(toml::Value::as_str) == Some("1")
                && text.starts_with("# kept\n")
        },
        broken: |text| {
            text.parse::<toml::Table>()
                .err()
                .map(|error| error.to_string())
        },
    },
];

struct Scene {
    w: World,
    sessions: Vec<Session>,
    file: PathBuf,
}

fn scene(subject: Subject, writers: usize) -> Scene {
    let w = ready(World::options().real_clock().build());
    let file = w.home().join(subject.path);
    fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
    fs::write(&file, subject.start).expect("a file");
    let sessions = (0..writers).map(|n| w.session(&format!("w{n}"))).collect();
    Scene { w, sessions, file }
}

fn size() -> (usize, usize) {
    if std::env::var_os("CCC_LONG").is_some() {
        (10, 100)
    } else {
        (5, 4)
    }
}

fn cat(by: &Session, path: &Path) -> Result<String, String> {
    let out = by.ccc([Path::new("file"), Path::new("cat"), path]);
    match out.code {
        0 => Ok(out.stdout),
        _ => Err(out.to_string()),
    }
}

/// Reads a file until it is told to stop; returns how many different versions it saw.
fn poll(file: &Path, stop: &AtomicBool, broken: fn(&str) -> Option<String>) -> usize {
    let mut seen = BTreeSet::new();
    while !stop.load(Ordering::SeqCst) {
        let text = fs::read_to_string(file).expect("the file is there at every moment, and text");
        if seen.insert(text.clone()) {
            assert_eq!(broken(&text), None, "a reader saw:\n{text}");
        }
        std::thread::yield_now();
    }
    seen.len()
}

/// One writer: in every second round all have read before the first writes, and some writes are killed.
///
/// Whoever fails keeps coming to the gap, or the others would wait for ever.
fn work(
    scene: &Scene,
    subject: Subject,
    n: usize,
    (rounds, gap): (usize, &Barrier),
) -> Result<(), String> {
    let by = &scene.sessions[n];
    let mut random = Random::new(20_261_121 + n as u64);
    let mut done = Ok(());
    for round in 0..rounds {
        let text = cat(by, &scene.file);
        if round % 2 == 0 {
            gap.wait();
        }
        if done.is_ok() {
            let entry = format!("e{n}x{round}");
            let adds =
                || text.and_then(|text| add(scene, subject, (by, &mut random), (text, &entry)));
            let added = catch_unwind(AssertUnwindSafe(adds));
            done = added.unwrap_or_else(|_| Err(format!("{entry}: see above")));
        }
    }
    done
}

/// Adds an entry to what was read; a write that was killed may have landed or not.
fn add(
    scene: &Scene,
    subject: Subject,
    (by, random): (&Session, &mut Random),
    (mut text, entry): (String, &str),
) -> Result<(), String> {
    loop {
        let new = (subject.add)(&text, entry);
        let write = by.command([Path::new("file"), Path::new("write"), &scene.file]);
        let mut running = write.stdin(new).spawn();
        if random.below(4) == 0 {
            // Not to wait for anything: the moment is what is random.
            std::thread::sleep(Duration::from_micros(random.below(30_000)));
            running.kill();
        }
        let out = running.wait();
        if out.code == 0 {
            return Ok(());
        }
        if !out.killed() {
            return Err(format!(
                "two that add something are never in conflict:\n{out}"
            ));
        }
        text = cat(by, &scene.file)?;
        if (subject.has)(&text, entry) {
            return Ok(());
        }
    }
}

/// Packs the hub until it is told to stop, in the ways that leave what no ref names yet.
fn pack(w: &World, stop: &AtomicBool) {
    let hub = format!("--git-dir={}", w.hub().display());
    while !stop.load(Ordering::SeqCst) {
        for args in [&["repack", "-adq"][..], &["gc", "--quiet"]] {
            // What is in its way for the moment is there for the next one.
            let all = [&[hub.as_str()], args].concat();
            let _ = w.command("git", all).within(10 * DEADLINE).run();
        }
    }
}

fn nothing_is_lost(subject: Subject, packing: bool) {
    let (writers, rounds) = size();
    let scene = scene(subject, writers);
    let (stop, gap) = (AtomicBool::new(false), Barrier::new(writers));
    let seen = std::thread::scope(|scope| {
        let reader = scope.spawn(|| poll(&scene.file, &stop, subject.broken));
        if packing {
            scope.spawn(|| pack(&scene.w, &stop));
        }
        let all: Vec<_> = (0..writers)
            .map(|n| {
                let (scene, gap) = (&scene, &gap);
                scope.spawn(move || work(scene, subject, n, (rounds, gap)))
            })
            .collect();
        let ended = all
            .into_iter()
            .map(|writer| writer.join().expect("no panic"));
        let failed: Vec<String> = ended.filter_map(Result::err).collect();
        stop.store(true, Ordering::SeqCst);
        let seen = reader.join().expect("no reader saw a broken file");
        assert!(
            failed.is_empty(),
            "every writer came to its end: {}",
            failed.join("\n")
        );
        seen
    });
    assert!(seen > 1, "the reader was there while it was written");
    let text = fs::read_to_string(&scene.file).expect("a file");
    let lost: Vec<String> = (0..writers)
        .flat_map(|n| (0..rounds).map(move |round| format!("e{n}x{round}")))
        .filter(|entry| !(subject.has)(&text, entry))
        .collect();
    assert_eq!(lost, Vec::<String>::new(), "lost or there twice:\n{text}");
    let limit = (writers * rounds * 2).to_string();
    let path = scene.file.to_str().expect("a path");
    let log = scene.sessions[0].ccc(["file", "log", path, "-n", &limit, "--json"]);
    let log = log.ok().json();
    let versions = log["versions"].as_array().expect("a list");
    let strange: Vec<&Value> = versions
        .iter()
        .filter(|entry| !matches!(entry["act"].as_str(), Some("first" | "write" | "merge")))
        .collect();
    assert!(
        strange.is_empty(),
        "a kill leaves no version without a writer: {strange:?}"
    );
    let numbers: Vec<u64> = versions
        .iter()
        .filter_map(|entry| entry["version"].as_u64())
        .collect();
    let wanted: Vec<u64> = (1..=numbers.len() as u64).rev().collect();
    assert_eq!(numbers, wanted, "one line of versions");
    let hub = scene.w.hub();
    let fsck = [
        "--git-dir",
        hub.to_str().expect("a path"),
        "fsck",
        "--strict",
        "--no-dangling",
    ];
    scene.w.git(fsck).ok();
}

#[test]
fn nothing_is_lost_in_a_skills_index() {
    nothing_is_lost(SUBJECTS[0], false);
}

#[test]
fn nothing_is_lost_while_git_packs_the_hub() {
    nothing_is_lost(SUBJECTS[0], true);
}

#[test]
fn nothing_is_lost_in_a_memory() {
    nothing_is_lost(SUBJECTS[1], false);
}

#[test]
fn nothing_is_lost_in_json_settings() {
    nothing_is_lost(SUBJECTS[2], false);
}

#[test]
fn nothing_is_lost_in_toml_settings() {
    nothing_is_lost(SUBJECTS[3], false);
}

/// All change one key at once: one wins, the others are shown both values, and the file has the winner's.
#[test]
fn of_all_who_change_one_key_one_wins_and_the_others_see_both_values() {
    for subject in [SUBJECTS[2], SUBJECTS[3]] {
        let scene = scene(subject, 6);
        for by in &scene.sessions {
            cat(by, &scene.file).expect("it is read");
        }
        let path = scene.file.to_str().expect("a path");
        let text = |n: usize| subject.start.replace("\"x\"", &format!("\"model-{n}\""));
        let all = scene.sessions.iter().enumerate();
        let all = all.map(|(n, by)| by.command(["file", "write", path, "--json"]).stdin(text(n)));
        let outputs = race(all);
        let won: Vec<usize> = (0..outputs.len())
            .filter(|n| outputs[*n].code == 0)
            .collect();
        assert_eq!(won.len(), 1, "{outputs:?}");
        assert_eq!(
            fs::read_to_string(&scene.file).expect("a file"),
            text(won[0])
        );
        for (n, out) in outputs.iter().enumerate().filter(|(n, _)| *n != won[0]) {
            let error = out.code(3).json_error();
            let conflict = &error["detail"]["conflicts"][0];
            assert_eq!(conflict["at"], "model", "{error}");
            assert_eq!(conflict["ours"], format!("\"model-{n}\""));
            assert_eq!(conflict["theirs"], format!("\"model-{}\"", won[0]));
            assert_eq!(conflict["theirs_by"], scene.sessions[won[0]].tag());
            assert_eq!(conflict["base"], "\"x\"");
        }
    }
}
