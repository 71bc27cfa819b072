//! The room: thirty writers, a process a message and many in one process, against `git notes append` under a flock; and what is unread
//! among a hundred thousand messages.

use super::{BINARY, Repo, row};
use std::{
    fs::File,
    io::Write,
    process::Stdio,
    time::{Duration, Instant},
};

const WRITERS: usize = 30;
const MESSAGES: usize = 10;
const STREAM: usize = 5_000;
const MANY: usize = 100_000;
const ROUNDS: usize = 21;

pub fn run() {
    let (ours, mut ours_each) = storm(true);
    let (base, mut base_each) = storm(false);
    row(
        "post, 30 writers / flock + append",
        &mut ours_each,
        &mut base_each,
        "-",
    );
    let stream = stream(STREAM, &Repo::new());
    let rate = |(count, all): (usize, Duration)| {
        f64::from(u32::try_from(count).expect("small")) / all.as_secs_f64()
    };
    let (ours, base) = (
        rate((WRITERS * MESSAGES, ours)),
        rate((WRITERS * MESSAGES, base)),
    );
    let stream = rate((STREAM, stream));
    println!(
        "post, 30 writers: {ours:.0}/s, baseline {base:.0}/s, {:.1} times (bar >= 2)",
        ours / base
    );
    println!(
        "post --stdin: {stream:.0}/s, baseline {base:.0}/s, {:.0} times (bar >= 10)",
        stream / base
    );
    unread();
}

fn storm(ours: bool) -> (Duration, Vec<Duration>) {
    let repo = Repo::new();
    repo.set_up();
    let tags: Vec<String> = (0..WRITERS)
        .map(|n| repo.session(&format!("writer {n}")))
        .collect();
    let (all, times) = super::storm(WRITERS, |writer| {
        (0..MESSAGES)
            .map(|n| post(&repo, &tags[writer], n, ours))
            .collect()
    });
    let there = if ours {
        repo.git(&["rev-list", "--count", "refs/notes/ccc/chat"])
    } else {
        let note = repo.git(&["notes", "--ref=baseline", "show", "HEAD"]);
        note.lines()
            .filter(|line| !line.is_empty())
            .count()
            .to_string()
    };
    assert_eq!(there, (WRITERS * MESSAGES).to_string(), "nothing is lost");
    (all, times)
}

fn post(repo: &Repo, tag: &str, n: usize, ours: bool) -> Duration {
    let text = format!("{tag} says {n}");
    if ours {
        return repo.timed(BINARY, &["chat", "post", "-q", &text], tag);
    }
    let start = Instant::now();
    let lock = File::create(repo.path().join(".git/baseline.flock")).expect("a lock file");
    lock.lock().expect("a lock");
    repo.timed(
        "git",
        &["notes", "--ref=baseline", "append", "-m", &text, "HEAD"],
        tag,
    );
    start.elapsed()
}

/// Posts many messages through one process and returns how long that took.
fn stream(count: usize, repo: &Repo) -> Duration {
    repo.set_up();
    let tag = repo.session("streamer");
    let mut text = String::new();
    for n in 0..count {
        text.push_str("message ");
        text.push_str(&n.to_string());
        text.push('\n');
    }
    let mut command = repo.command(BINARY, &["chat", "post", "--stdin", "-q"]);
    command
        .env("CCC_SESSION", &tag)
        .stdin(Stdio::piped())
        .stdout(Stdio::null());
    let start = Instant::now();
    let mut child = command.spawn().expect("it starts");
    let mut pipe = child.stdin.take().expect("a pipe");
    pipe.write_all(text.as_bytes()).expect("it reads");
    drop(pipe);
    assert!(child.wait().expect("an end").success(), "all are accepted");
    start.elapsed()
}

/// Times what a session that has read all but the last message asks of a room of a hundred thousand.
fn unread() {
    let repo = Repo::new();
    stream(MANY, &repo);
    repo.git(&["gc", "--quiet"]);
    let (a, b) = (repo.session("a"), repo.session("b"));
    repo.timed(BINARY, &["chat", "rooms", "-q"], &a);
    let (mut read, mut rooms, mut threads, mut start) = (vec![], vec![], vec![], vec![]);
    for round in 0..ROUNDS {
        let text = format!("round {round}");
        repo.timed(BINARY, &["chat", "post", "-q", "--question", &text], &a);
        read.push(repo.timed(BINARY, &["chat", "read", "--unread"], &b));
        rooms.push(repo.timed(BINARY, &["chat", "rooms"], &b));
        threads.push(repo.timed(BINARY, &["chat", "threads"], &b));
        start.push(repo.timed(BINARY, &["--version"], &b));
    }
    row(
        "unread of 100k / --version",
        &mut read,
        &mut start,
        "< 20 ms",
    );
    row(
        "rooms of 100k / --version",
        &mut rooms,
        &mut start,
        "< 20 ms",
    );
    row(
        "threads of 100k / --version",
        &mut threads,
        &mut start,
        "< 20 ms",
    );
}
