//! T2: whether the session that wrote a line is found from the line, by `git ccc why` in the repository itself.
//!
//! The kit's trailers are the truth and none of ours, so trailers and the log find nothing here: what is measured is what the transcripts
//! say. Sessions that are found by lines alone, with the commit's name in tools' answers, and with who was there are told apart.

#![allow(clippy::cast_precision_loss, reason = "shares of a few hundred")]

use super::World;
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Which evidence counts, added up.
const STEPS: &[(&str, &[&str])] = &[
    ("the line in what tools were given", &["lines"]),
    ("and other lines of the change", &["lines", "patch"]),
    (
        "and the commit's name in answers",
        &["lines", "patch", "commit_output"],
    ),
    (
        "and who worked on the file (all)",
        &["lines", "patch", "commit_output", "window"],
    ),
];

/// Right at the first place, and at any.
type Right = [bool; 2];

pub fn run(kit: &Path, repo: &Path) {
    let world = World::new(kit);
    let built = world.ccc(&["index", "-q"]).status().expect("it starts");
    assert!(built.success(), "the index is built");
    let text = std::fs::read_to_string(kit.join("t2.json")).expect("the kit has t2.json");
    let queries: Vec<Value> = serde_json::from_str(&text).expect("t2.json is JSON");
    let (mut times, mut missing) = (Vec::new(), 0);
    let mut rows: Vec<(bool, Vec<Right>)> = Vec::new();
    let mut words: [(usize, usize); 3] = Default::default();
    for query in &queries {
        let known = query["stratum"] == "known";
        let commit = query["commit"].as_str().unwrap_or_default();
        let Some(place) = place(repo, commit, query["q"].as_str().unwrap_or_default()) else {
            missing += 1;
            rows.push((known, vec![[false; 2]; STEPS.len()]));
            continue;
        };
        let start = Instant::now();
        let args = [
            "why",
            "--json",
            "--no-refresh",
            "--limit",
            "10",
            "--rev",
            commit,
            &place,
        ];
        let out = world
            .ccc(&args)
            .current_dir(repo)
            .output()
            .expect("it starts");
        times.push(start.elapsed());
        let answer: Value = serde_json::from_slice(&out.stdout).unwrap_or_default();
        let findings = answer["findings"].as_array().into_iter().flatten();
        let sessions: Vec<Value> = findings
            .flat_map(|finding| finding["sessions"].as_array().cloned().unwrap_or_default())
            .collect();
        let wanted = query["sessions"].as_array().cloned().unwrap_or_default();
        if let Some(first) = sessions.first() {
            let row = ["certain", "likely", "guess"]
                .iter()
                .position(|word| first["confidence"] == *word);
            let (right, all) = &mut words[row.unwrap_or(2)];
            *all += 1;
            *right += usize::from(wanted.contains(&first["session"]));
        }
        rows.push((
            known,
            STEPS
                .iter()
                .map(|(_, kinds)| right(&sessions, kinds, &wanted))
                .collect(),
        ));
    }
    report(&rows, missing);
    for (word, (right, all)) in ["certain", "likely", "guess"].iter().zip(words) {
        println!(
            "{word:<12} {all:>4} first answers, {:.3} of them right",
            ratio(right, all)
        );
    }
    times.sort_unstable();
    if let Some(p50) = times.get(times.len() / 2) {
        println!("p50 {p50:.1?}  p95 {:.1?}", times[times.len() * 95 / 100]);
    }
}

fn right(sessions: &[Value], kinds: &[&str], wanted: &[Value]) -> Right {
    let counts = |who: &&Value| {
        let clues = who["evidence"].as_array().into_iter().flatten();
        clues
            .into_iter()
            .any(|clue| kinds.iter().any(|kind| clue["kind"] == *kind))
    };
    let found: Vec<&Value> = sessions.iter().filter(counts).collect();
    let hit = |who: &&Value| wanted.contains(&who["session"]);
    [found.first().is_some_and(hit), found.iter().any(hit)]
}

fn ratio(part: usize, all: usize) -> f64 {
    part as f64 / all.max(1) as f64
}

fn report(rows: &[(bool, Vec<Right>)], missing: usize) {
    println!(
        "{:<44} {:>6} {:>4} {:>6} {:>6}",
        "T2, line → session", "", "n", "R@1", "any"
    );
    for (step, (name, _)) in STEPS.iter().enumerate() {
        for (stratum, only_known) in [("all", false), ("known", true)] {
            let of: Vec<Right> = rows
                .iter()
                .filter(|(known, _)| *known || !only_known)
                .map(|(_, row)| row[step])
                .collect();
            let part =
                |index: usize| ratio(of.iter().filter(|right| right[index]).count(), of.len());
            println!(
                "{name:<44} {stratum:>6} {:>4} {:>6.3} {:>6.3}",
                of.len(),
                part(0),
                part(1)
            );
        }
    }
    println!("FTS5, exact phrase, earliest session (kit)      all  585  0.578  0.706");
    println!("{missing} lines were not found in their commits and count as misses");
}

/// Finds where a commit adds a line.
fn place(repo: &Path, commit: &str, line: &str) -> Option<String> {
    let out = Command::new("git")
        .arg("--git-dir")
        .arg(repo)
        .args([
            "show",
            "--format=",
            "-U0",
            "-M",
            "--no-ext-diff",
            "--no-textconv",
            commit,
        ])
        .output()
        .ok()?;
    let diff = String::from_utf8_lossy(&out.stdout).into_owned();
    let (mut file, mut number) = (String::new(), 0_u32);
    for row in diff.lines() {
        if let Some(name) = row.strip_prefix("+++ b/") {
            name.clone_into(&mut file);
        } else if row.starts_with("@@ ") {
            let side = row.split(' ').find_map(|part| part.strip_prefix('+'))?;
            number = side.split(',').next()?.parse().ok()?;
        } else if let Some(text) = row.strip_prefix('+') {
            if text.trim() == line {
                return Some(format!("{file}:{number}"));
            }
            number += 1;
        }
    }
    None
}
