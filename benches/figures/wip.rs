//! A snapshot of a tree of 5,000 files with a little work in it, against git's stash of the same: `git stash create`, which leaves out
//! what is not tracked, and `git stash push -u` with its `pop`, which takes the work away meanwhile.

use super::{BINARY, Repo, row};
use std::time::Instant;

const FILES: usize = 5_000;
const ROUNDS: usize = 60;
const CHANGED: usize = 5;

pub fn run() {
    let repo = Repo::with_files(FILES, |n| format!("{}\n", n % 50).repeat(40));
    repo.git(&["status"]);
    repo.settle(&repo.path());
    for n in 0..20 {
        repo.write(format!("new/{n}.txt"), format!("{n}\n"));
    }
    let tag = repo.session("bench");
    let (mut ours, mut same, mut create, mut push) = (vec![], vec![], vec![], vec![]);
    for round in 0..ROUNDS {
        for n in 0..CHANGED {
            let text = format!("{round} {n}\n").repeat(40);
            repo.write(Repo::file((round * 37 + n * 911) % FILES), text);
        }
        ours.push(repo.timed(BINARY, &["wip", "save", "-q"], &tag));
        same.push(repo.timed(BINARY, &["wip", "save", "-q"], &tag));
        create.push(repo.timed("git", &["stash", "create"], &tag));
        if round % 6 == 0 {
            let start = Instant::now();
            repo.git(&["stash", "push", "-q", "-u"]);
            repo.git(&["stash", "pop", "-q"]);
            push.push(start.elapsed());
        }
    }
    row(
        "wip save, 5k files / stash create",
        &mut ours,
        &mut create,
        "p95 < 60 ms",
    );
    row(
        "wip save, nothing new / stash create",
        &mut same,
        &mut create,
        "",
    );
    row(
        "wip save, 5k files / stash -u, pop",
        &mut ours,
        &mut push,
        "",
    );
}
