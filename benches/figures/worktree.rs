//! 30 worktrees of 5,000 files, some of them dirty: `worktree list` against `git status` in each; and `worktree new` of such a
//! repository with a directory of dependencies, against `cp -a` of the same, which shares bytes where the file system can.
//!
//! The dependencies are 100 MiB, or `CCC_BENCH_DEPS_MB`, in files of 16 KiB, or in `CCC_BENCH_DEPS_FILES` files: the number
//! counts for more than the size. `TMPDIR` says on which file system.

use super::{BINARY, Repo, row, said};
use std::path::Path;
use std::time::Instant;

const FILES: usize = 5_000;
const TREES: usize = 30;
const ROUNDS: usize = 15;
const NEW: usize = 6;
/// How large a file of the dependencies is, unless there is to be another number of them.
const PIECE: usize = 16 << 10;

pub fn run() {
    let repo = Repo::with_files(FILES, |n| format!("{n}\n").repeat(40));
    list(&repo);
    new(&repo);
}

fn list(repo: &Repo) {
    let trees: Vec<String> = (0..TREES).map(|n| format!("../tree{n}")).collect();
    for (n, tree) in trees.iter().enumerate() {
        repo.git(&["worktree", "add", "-q", "-b", &format!("branch{n}"), tree]);
        if n % 3 == 0 {
            repo.write(Path::new(tree).join(Repo::file(1)), "changed\n");
            repo.write(format!("{tree}/new.txt"), "new\n");
        }
    }
    for tree in &trees {
        repo.settle(&repo.path().join(tree));
    }
    let tag = repo.session("bench");
    let (mut ours, mut base) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(repo.timed(BINARY, &["worktree", "list"], &tag));
        let start = Instant::now();
        for tree in &trees {
            let mut status = repo.command("git", &["-C", tree, "status", "--porcelain"]);
            said(status.env("GIT_OPTIONAL_LOCKS", "0"));
        }
        base.push(start.elapsed());
    }
    row(
        "worktree list, 30 trees, 5k files",
        &mut ours,
        &mut base,
        "<= 1/3",
    );
}

fn new(repo: &Repo) {
    let wanted = |name| -> Option<usize> { std::env::var(name).ok()?.parse().ok() };
    let bytes = wanted("CCC_BENCH_DEPS_MB").unwrap_or(100) << 20;
    let count = wanted("CCC_BENCH_DEPS_FILES").unwrap_or(bytes / PIECE);
    let piece = vec![b'x'; bytes / count];
    for n in 0..count {
        repo.write(format!("node_modules/p{}/lib/f{n}.js", n % 200), &piece);
    }
    let (mut ours, mut base) = (Vec::new(), Vec::new());
    let tag = repo.session("bench new");
    // What one has written is on the disk before the other begins, and is gone afterwards.
    let settle = || said(&mut repo.command("sync", &["-f", "."]));
    for n in 0..NEW {
        let (name, copy) = (
            format!("new{n}"),
            repo.path().with_file_name(format!("copy{n}")),
        );
        let source = repo.path().display().to_string();
        settle();
        let start = Instant::now();
        // The same files: those of the commit and those of the dependencies.
        std::fs::create_dir(&copy).expect("a folder");
        said(&mut repo.command(
            "sh",
            &[
                "-c",
                "cp -a -- \"$1\"/d* \"$1\"/node_modules \"$1\"/.gitignore \"$2\"",
                "sh",
                &source,
                &copy.display().to_string(),
            ],
        ));
        base.push(start.elapsed());
        std::fs::remove_dir_all(copy).expect("it goes");
        settle();
        ours.push(repo.timed(
            BINARY,
            &["worktree", "new", &name, "--template", "feature", "-q"],
            &tag,
        ));
        let made = repo.path().with_file_name(format!("repo.{name}"));
        std::fs::remove_dir_all(made).expect("it goes");
        repo.git(&["worktree", "prune"]);
    }
    let name = format!("new, 5k+{count} files, {} MiB", bytes >> 20);
    row(&name, &mut ours, &mut base, "< 2 s or <= 1");
}
