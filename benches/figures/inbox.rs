//! From the start of `send` until a sleeping `listen` has printed it, against `send` alone.

use super::{BINARY, Repo, row};
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

const ROUNDS: usize = 100;

pub fn run() {
    let repo = Repo::new();
    repo.set_up();
    let (a, b) = (repo.session("a"), repo.session("b"));
    let (mut wake, mut send) = (vec![], vec![]);
    for round in 0..ROUNDS {
        let mut listener = repo.command(BINARY, &["listen", "--timeout", "60s", "--json"]);
        listener.env("CCC_SESSION", &b).stdout(Stdio::piped());
        let mut listener = listener.spawn().expect("it starts");
        wait_until_it_watches(listener.id());
        let text = format!("letter {round}");
        let mut command = repo.command(BINARY, &["send", &b, &text]);
        command
            .env("CCC_SESSION", &a)
            .env("CCC_INBOX_PER_MINUTE", "100000")
            .env("CCC_INBOX_PER_HOUR", "100000")
            .stdout(Stdio::null());
        let start = Instant::now();
        let mut sender = command.spawn().expect("it starts");
        let out = listener.stdout.take().expect("a pipe");
        let heard = std::thread::spawn(move || {
            let mut line = String::new();
            BufReader::new(out).read_line(&mut line).expect("a line");
            (start.elapsed(), line)
        });
        assert!(sender.wait().expect("it ends").success(), "it was sent");
        send.push(start.elapsed());
        let (elapsed, line) = heard.join().expect("it was heard");
        assert!(line.contains(&text), "{line}");
        wake.push(elapsed);
        assert!(listener.wait().expect("it ends").success(), "it was heard");
    }
    wake.sort_unstable();
    let p99 = wake[(ROUNDS - 1) * 99 / 100].as_secs_f64() * 1e3;
    row(
        "post -> listen has printed / send",
        &mut wake,
        &mut send,
        &format!("p99 {p99:.1} < 100 ms"),
    );
}

/// Waits until a process watches files.
fn wait_until_it_watches(pid: u32) {
    let dir = format!("/proc/{pid}/fdinfo");
    let watches = || {
        let all = std::fs::read_dir(&dir).into_iter().flatten().flatten();
        all.map(|entry| entry.path())
            .any(|path| std::fs::read_to_string(path).is_ok_and(|text| text.contains("inotify wd")))
    };
    let start = Instant::now();
    while !watches() && start.elapsed() < Duration::from_secs(10) {
        std::thread::yield_now();
    }
}
