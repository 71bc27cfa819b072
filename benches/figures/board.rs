//! The board at 30 worktrees with a session each, 100 live claims and 200 messages, against starting the binary.

use super::{BINARY, Repo, row, said};

const WORKTREES: usize = 30;
const CLAIMS: usize = 100;
const MESSAGES: usize = 200;
const ROUNDS: usize = 40;

pub fn run() {
    let repo = Repo::new();
    repo.set_up();
    let pid = std::process::id().to_string();
    let mut tags = Vec::new();
    for n in 0..WORKTREES {
        let path = format!("../tree{n}");
        repo.git(&["worktree", "add", "-q", "-b", &format!("branch{n}"), &path]);
        let name = format!("session {n}");
        let args = ["session", "start", "--name", &name, "--pid", &pid, "-q"];
        let mut start = repo.command(BINARY, &args);
        tags.push(said(start.current_dir(repo.path().join(&path))));
    }
    for n in 0..CLAIMS {
        let scope = format!("held/{n}/");
        repo.timed(BINARY, &["claim", &scope, "-q"], &tags[n % WORKTREES]);
    }
    for n in 0..MESSAGES {
        let text = format!("message {n}");
        repo.timed(BINARY, &["chat", "post", &text, "-q"], &tags[n % WORKTREES]);
    }
    let (mut board, mut start) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        start.push(repo.timed(BINARY, &["--version"], &tags[0]));
        board.push(repo.timed(BINARY, &["board"], &tags[0]));
    }
    row(
        "board, 30 worktrees, 100 claims",
        &mut board,
        &mut start,
        "< 150 ms",
    );
}
