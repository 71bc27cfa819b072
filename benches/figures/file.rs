//! Ten writers of one shared file, each of which reads, thinks and writes, against a lock around the write alone.

use super::{BINARY, Repo, row, said, storm};
use std::{
    io::Write,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

const WRITERS: usize = 10;
const EDITS: usize = 10;
/// A writer thinks for 20 ms and up to so many more.
const THINKS: u64 = 50;

pub fn run() {
    for (name, start) in [
        ("_index.md", "# Index\n\n- base\n"),
        ("settings.json", "{\n  \"allow\": [\n    \"base\"\n  ]\n}\n"),
    ] {
        let (ours_all, mut ours, lost, marks) = writers(name, start, true);
        let (base_all, mut base, base_lost, _) = writers(name, start, false);
        row(
            &format!("file write, {name} / flock"),
            &mut ours,
            &mut base,
            "a write alone",
        );
        println!(
            "{name}: {WRITERS} writers x {EDITS}: {:.2} s, baseline {:.2} s, {:.2} times (bar <= 1); lost {lost}, baseline {base_lost} of {}; markers {marks}",
            ours_all.as_secs_f64(),
            base_all.as_secs_f64(),
            ours_all.as_secs_f64() / base_all.as_secs_f64(),
            WRITERS * EDITS,
        );
    }
}

/// Returns how long all took, each write, how many edits are lost and how many conflict markers there are.
fn writers(name: &str, start: &str, ours: bool) -> (Duration, Vec<Duration>, usize, usize) {
    let repo = Repo::new();
    repo.set_up();
    let file = repo.dir.path().join(name);
    std::fs::write(&file, start).expect("a file");
    let tags: Vec<String> = (0..WRITERS)
        .map(|n| repo.session(&format!("writer {n}")))
        .collect();
    let (all, times) = storm(WRITERS, |n| {
        (0..EDITS)
            .map(|round| edit(&repo, &tags[n], &file, (n, round, ours)))
            .collect()
    });
    let text = std::fs::read_to_string(&file).expect("a file");
    let there = |n: usize, round: usize| text.contains(&format!("e{n}x{round}."));
    let lost = (0..WRITERS)
        .flat_map(|n| (0..EDITS).map(move |round| (n, round)))
        .filter(|(n, round)| !there(*n, *round))
        .count();
    (all, times, lost, text.matches("<<<<<<<").count())
}

/// Reads, thinks, writes; returns how long the write took.
fn edit(repo: &Repo, tag: &str, file: &Path, (n, round, ours): (usize, usize, bool)) -> Duration {
    let path = file.to_str().expect("a path");
    let text = if ours {
        let mut command = repo.command(BINARY, &["file", "cat", path]);
        said(command.env("CCC_SESSION", tag))
    } else {
        said(&mut repo.command("cat", &[path]))
    };
    let think = (n as u64 * 7919 + round as u64 * 104_729) % THINKS;
    std::thread::sleep(Duration::from_millis(20 + think));
    let entry = format!("e{n}x{round}.");
    let new = if text.starts_with('#') {
        format!("{text}\n- {entry}\n")
    } else {
        // The baseline's readers see torn files.
        let list = text
            .rsplit_once("\n  ]")
            .map_or(text.as_str(), |(list, _)| list);
        format!("{list},\n    \"{entry}\"\n  ]\n}}\n")
    };
    let lock = format!("exec 9>'{path}.lock'; flock 9; cat >'{path}'");
    let mut command = if ours {
        repo.command(BINARY, &["file", "write", path])
    } else {
        repo.command(PathBuf::from("sh"), &["-c", &lock])
    };
    command.env("CCC_SESSION", tag).stdin(Stdio::piped());
    command.stdout(Stdio::null());
    let start = Instant::now();
    let mut child = command.spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(new.as_bytes()).expect("it reads");
    drop(stdin);
    let out = child.wait_with_output().expect("it ends");
    let took = start.elapsed();
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    took
}
