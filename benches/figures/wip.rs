//! A snapshot of a tree of 5,000 files with a little work in it, against git's stash of the same: `git stash create`, which leaves out
//! what is not tracked, and `git stash push -u` with its `pop`, which takes the work away meanwhile.

use super::{BINARY, Repo, row};
use std::time::{Duration, Instant};

const FILES: usize = 5_000;
const ROUNDS: usize = 60;
const CHANGED: usize = 5;

pub fn run() {
    let repo = Repo::new();
    repo.set_up();
    for name in ["gc.auto", "maintenance.auto"] {
        repo.git(&["config", name, "0"]);
    }
    for n in 0..FILES {
        write(&repo, &path(n), &format!("{}\n", n % 50).repeat(40));
    }
    repo.git(&["add", "."]);
    repo.git(&["commit", "-qm", "base"]);
    repo.git(&["repack", "-adq"]);
    // The index must be older than what it is compared with, as it is wherever somebody works.
    let index = repo.path().join(".git/index");
    let later = std::time::SystemTime::now() + Duration::from_secs(5);
    repo.git(&["status"]);
    let file = std::fs::File::options()
        .write(true)
        .open(index)
        .expect("the index");
    file.set_modified(later).expect("a time");
    for n in 0..20 {
        write(&repo, &format!("new/{n}.txt"), &format!("{n}\n"));
    }
    let tag = repo.session("bench");
    let (mut ours, mut same, mut create, mut push) = (vec![], vec![], vec![], vec![]);
    for round in 0..ROUNDS {
        for n in 0..CHANGED {
            let text = format!("{round} {n}\n").repeat(40);
            write(&repo, &path((round * 37 + n * 911) % FILES), &text);
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

fn path(n: usize) -> String {
    format!("d{}/some/path/file{n}.txt", n % 100)
}

fn write(repo: &Repo, path: &str, text: &str) {
    let path = repo.path().join(path);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
    std::fs::write(path, text).expect("a file");
}
