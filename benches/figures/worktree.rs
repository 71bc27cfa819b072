//! 30 worktrees of 5,000 files, some of them dirty: `worktree list` against `git status` in each; and `worktree new` of such a
//! repository with a directory of dependencies (100 MB, or `CCC_BENCH_DEPS_MB`), against `cp -a` of the same.

use super::{BINARY, Repo, row, said};
use std::time::{Duration, Instant};

const FILES: usize = 5_000;
const TREES: usize = 30;
const ROUNDS: usize = 15;
const NEW: usize = 6;
/// How large a file of the dependencies is.
const PIECE: usize = 16 << 10;

pub fn run() {
    let repo = Repo::new();
    repo.set_up();
    for name in ["gc.auto", "maintenance.auto"] {
        repo.git(&["config", name, "0"]);
    }
    for n in 0..FILES {
        let path = format!("d{}/some/path/file{n}.txt", n % 100);
        write(&repo, &path, format!("{n}\n").repeat(40).as_bytes());
    }
    write(&repo, ".gitignore", b"node_modules/\n");
    repo.git(&["add", "."]);
    repo.git(&["commit", "-qm", "base"]);
    repo.git(&["repack", "-adq"]);
    list(&repo);
    new(&repo);
}

fn list(repo: &Repo) {
    let trees: Vec<String> = (0..TREES).map(|n| format!("../tree{n}")).collect();
    for (n, tree) in trees.iter().enumerate() {
        repo.git(&["worktree", "add", "-q", "-b", &format!("branch{n}"), tree]);
        if n % 3 == 0 {
            write(
                repo,
                &format!("{tree}/d1/some/path/file1.txt"),
                b"changed\n",
            );
            write(repo, &format!("{tree}/new.txt"), b"new\n");
        }
    }
    // An index as old as its files makes every status read them all: it is written anew when it is older.
    for tree in &trees {
        let index = repo.git(&["-C", tree, "rev-parse", "--git-path", "index"]);
        repo.git(&[
            "-C",
            tree,
            "update-index",
            "-q",
            "--refresh",
            "--really-refresh",
            "--unmerged",
            "--ignore-missing",
            "--",
            ".gitignore",
        ]);
        let file = std::fs::File::options()
            .write(true)
            .open(index)
            .expect("the index");
        let later = std::time::SystemTime::now() + Duration::from_secs(5);
        file.set_modified(later).expect("a time");
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
    let megabytes = std::env::var("CCC_BENCH_DEPS_MB").ok();
    let megabytes: usize = megabytes.and_then(|text| text.parse().ok()).unwrap_or(100);
    let piece = vec![b'x'; PIECE];
    for n in 0..(megabytes << 20) / PIECE {
        write(
            repo,
            &format!("node_modules/p{}/lib/f{n}.js", n % 200),
            &piece,
        );
    }
    let (mut ours, mut base) = (Vec::new(), Vec::new());
    let tag = repo.session("bench new");
    for n in 0..NEW {
        let (name, copy) = (
            format!("new{n}"),
            repo.path().with_file_name(format!("copy{n}")),
        );
        let source = repo.path().display().to_string();
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
        ours.push(repo.timed(
            BINARY,
            &["worktree", "new", &name, "--template", "feature", "-q"],
            &tag,
        ));
        std::fs::remove_dir_all(copy).expect("it goes");
    }
    let name = format!("worktree new, 5k files, {megabytes} MB / cp -a");
    row(&name, &mut ours, &mut base, "< 2 s or <= 1");
}

fn write(repo: &Repo, path: &str, bytes: &[u8]) {
    let path = repo.path().join(path);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
    std::fs::write(path, bytes).expect("a file");
}
