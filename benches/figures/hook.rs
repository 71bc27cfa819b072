//! A hook with nothing to refuse, at 100 claims of others, against starting the binary: git's, and an agent's before an edit.

use super::{BINARY, Repo, row, said};
use std::{
    fs::File,
    time::{Duration, Instant},
};

const ROUNDS: usize = 100;

pub fn run() {
    let repo = Repo::new();
    repo.set_up();
    for n in 0..2_000 {
        std::fs::write(repo.path().join(format!("file{n}.txt")), format!("{n}\n")).expect("a file");
    }
    repo.git(&["add", "."]);
    repo.git(&["commit", "-qm", "base"]);
    let holder = repo.session("holder");
    for n in 0..100 {
        repo.timed(BINARY, &["claim", &format!("held/{n}/"), "-q"], &holder);
    }
    std::fs::write(repo.path().join("file7.txt"), "changed\n").expect("a file");
    repo.git(&["add", "file7.txt"]);
    let tag = repo.session("bench");
    let (mut hook, mut start) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        start.push(repo.timed(BINARY, &["--version"], &tag));
        hook.push(repo.timed(BINARY, &["hook", "pre-commit"], &tag));
    }
    row(
        "hook pre-commit, 100 claims / start",
        &mut hook,
        &mut start,
        "<= 3",
    );
    agent(&repo);
}

/// An edit of a file that the agent holds already: the usual case.
fn agent(repo: &Repo) {
    let input = repo.path().join(".git/event.json");
    let event = format!(
        r#"{{"session_id":"bench-1","cwd":"{0}","hook_event_name":"PreToolUse","tool_name":"Edit","tool_input":{{"file_path":"{0}/file9.txt"}}}}"#,
        repo.path().display()
    );
    std::fs::write(&input, event).expect("a file");
    let fire = || -> Duration {
        let mut command = repo.command(BINARY, &["hook", "claude"]);
        command.stdin(File::open(&input).expect("the event"));
        command.env("CLAUDE_PID", std::process::id().to_string());
        let start = Instant::now();
        let answer = said(&mut command);
        assert_eq!(answer, "", "nothing to refuse");
        start.elapsed()
    };
    // The first registers the session and claims the file.
    fire();
    let (mut hook, mut start) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        start.push(repo.timed(BINARY, &["--version"], "nobody"));
        hook.push(fire());
    }
    row(
        "hook claude, 100 claims / start",
        &mut hook,
        &mut start,
        "<= 3",
    );
}
