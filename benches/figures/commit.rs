//! The commit lane: thirty writers in one checkout, and one path among a hundred thousand, against `git commit --only`.

use super::{BINARY, Repo, row};
use std::{
    fs::File,
    process::Command,
    time::{Duration, Instant},
};

const WRITERS: usize = 30;
const COMMITS: usize = 5;
const SMALL: usize = 2_000;
const LARGE: usize = 100_000;
const ROUNDS: usize = 9;

pub fn run() {
    lane();
    single();
}

/// Makes a repository of `files` tracked files.
fn tree(files: usize) -> Repo {
    let repo = Repo::new();
    repo.set_up();
    for name in ["gc.auto", "maintenance.auto"] {
        repo.git(&["config", name, "0"]);
    }
    for n in 0..files {
        let dir = repo.path().join(format!("d{}/some/longer/path", n % 200));
        std::fs::create_dir_all(&dir).expect("a directory");
        std::fs::write(dir.join(format!("file{n}.txt")), format!("{}\n", n % 50)).expect("a file");
    }
    repo.git(&["add", "."]);
    repo.git(&["commit", "-qm", "base"]);
    repo.git(&["repack", "-adq"]);
    repo.git(&["status"]);
    repo
}

/// Times every commit of thirty writers that start together, ours and then git's under a flock.
fn lane() {
    let (ours_all, mut ours) = storm(true);
    let (base_all, mut base) = storm(false);
    let rate = |all: Duration| {
        let count = u32::try_from(WRITERS * COMMITS).expect("small");
        f64::from(count) / all.as_secs_f64()
    };
    row(
        "commit, 30 writers / flock + --only",
        &mut ours,
        &mut base,
        "p99 <= 1/2",
    );
    let (a, b) = (rate(ours_all), rate(base_all));
    println!(
        "commit, 30 writers: {a:.0}/s, baseline {b:.0}/s, {:.1} times (bar >= 3)",
        a / b
    );
    let p99 = |times: &[Duration]| times[(times.len() - 1) * 99 / 100].as_secs_f64();
    println!(
        "commit, 30 writers: p99 {:.0} ms, baseline {:.0} ms",
        p99(&ours) * 1e3,
        p99(&base) * 1e3
    );
}

fn storm(ours: bool) -> (Duration, Vec<Duration>) {
    let repo = tree(SMALL);
    let tags: Vec<String> = (0..WRITERS)
        .map(|n| repo.session(&format!("writer {n}")))
        .collect();
    let (all, times) = super::storm(WRITERS, |writer| {
        (0..COMMITS)
            .map(|round| commit(&repo, &tags[writer], writer, round, ours))
            .collect()
    });
    let landed = repo.git(&["rev-list", "--count", "HEAD"]);
    assert_eq!(
        landed,
        (WRITERS * COMMITS + 2).to_string(),
        "every commit lands"
    );
    (all, times)
}

fn commit(repo: &Repo, tag: &str, writer: usize, round: usize, ours: bool) -> Duration {
    let path = format!("d{writer}/some/longer/path/file{writer}.txt");
    std::fs::write(repo.path().join(&path), format!("{writer} {round}\n")).expect("a file");
    if ours {
        return repo.timed(BINARY, &["commit", "-q", "-m", "x", "--", &path], tag);
    }
    let start = Instant::now();
    let lock = File::create(repo.path().join(".git/baseline.flock")).expect("a lock file");
    lock.lock().expect("a lock");
    // The baseline is git alone: our hooks would only slow it down.
    let args = [
        "-c",
        "core.hooksPath=/dev/null",
        "commit",
        "-qm",
        "x",
        "--only",
        "--",
        &path,
    ];
    repo.timed("git", &args, tag);
    start.elapsed()
}

/// Times one commit of one path among a hundred thousand.
fn single() {
    let repo = tree(LARGE);
    let tag = repo.session("bench");
    let path = "d7/some/longer/path/file7.txt";
    let (mut ours, mut base) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        std::fs::write(repo.path().join(path), format!("ours {round}\n")).expect("a file");
        ours.push(repo.timed(BINARY, &["commit", "-q", "-m", "x", "--", path], &tag));
        std::fs::write(repo.path().join(path), format!("git {round}\n")).expect("a file");
        let args = [
            "-c",
            "core.hooksPath=/dev/null",
            "commit",
            "-qm",
            "x",
            "--only",
            "--",
            path,
        ];
        base.push(repo.timed("git", &args, &tag));
    }
    assert!(clean(&repo), "nothing is left to commit");
    row(
        "commit, 100k files / --only",
        &mut ours,
        &mut base,
        "<= 1/6",
    );
}

fn clean(repo: &Repo) -> bool {
    let mut command: Command = repo.command("git", &["status", "--porcelain"]);
    command
        .output()
        .is_ok_and(|out| out.status.success() && out.stdout.is_empty())
}
