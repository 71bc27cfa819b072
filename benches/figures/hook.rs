//! A hook with nothing to refuse, at 100 claims of others, against starting the binary.

use super::{BINARY, Repo, row};

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
}
