//! Every state a worktree can be in, for `remove` and `sync`: nothing is lost, and every refusal names a safe way.

use crate::common::output::CommandOutput;
use crate::common::session::Session;
use crate::common::setup::ready;
use crate::common::world::{BINARY, World};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

const STATES: &[&str] = &[
    "clean",
    "dirty",
    "untracked",
    "stashed",
    "unpushed",
    "conflicted",
    "locked",
    "missing",
    "moved",
    "detached",
    "squashed",
    "alive",
    "rebasing",
    "staged",
];

struct Matrix {
    w: World,
    _alive: Session,
    /// Commits that must stay, whatever goes.
    commits: Vec<String>,
}

pub fn tree(w: &World, name: &str) -> PathBuf {
    w.main_worktree().with_file_name(format!("repo.{name}"))
}

pub fn git(w: &World, name: &str, args: &[&str]) -> CommandOutput {
    w.command("git", args).cwd(tree(w, name)).run()
}

pub fn put(w: &World, name: &str, file: &str, text: &str) {
    fs::write(tree(w, name).join(file), text).expect("a file");
}

pub fn commit(w: &World, name: &str, file: &str, text: &str) -> String {
    put(w, name, file, text);
    git(w, name, &["add", "."]).ok();
    git(
        w,
        name,
        &["commit", "-qnm", &format!("{name} changes {file}")],
    )
    .ok();
    git(w, name, &["rev-parse", "HEAD"])
        .ok()
        .stdout
        .trim()
        .to_owned()
}

impl Matrix {
    fn new() -> Self {
        let w = ready(World::new());
        for file in ["a.txt", "b.txt", "c.txt"] {
            w.write(file, "1\n2\n3\n4\n5\n");
        }
        w.write(".gitignore", "*.log\n");
        w.git(["add", "."]).ok();
        w.git(["commit", "-qnm", "base"]).ok();
        for name in STATES {
            w.ccc(["worktree", "new", name]).ok();
        }
        let mut commits = Vec::new();
        put(&w, "dirty", "a.txt", "dirty\n");
        put(&w, "untracked", "new.txt", "precious\n");
        put(&w, "stashed", "a.txt", "stashed\n");
        git(&w, "stashed", &["stash", "-q"]).ok();
        commits.push(commit(&w, "unpushed", "own.txt", "own\n"));
        commits.push(commit(&w, "conflicted", "a.txt", "theirs\n"));
        git(&w, "clean", &["checkout", "-q", "-b", "other"]).ok();
        commits.push(commit(&w, "clean", "a.txt", "other\n"));
        git(&w, "clean", &["checkout", "-q", "clean"]).ok();
        assert_ne!(git(&w, "conflicted", &["merge", "other"]).code, 0);
        commits.push(commit(&w, "rebasing", "a.txt", "mine\n"));
        assert_ne!(git(&w, "rebasing", &["rebase", "other"]).code, 0);
        w.git([
            "worktree",
            "lock",
            "--reason",
            "on a stick",
            &tree(&w, "locked").display().to_string(),
        ])
        .ok();
        git(&w, "detached", &["checkout", "-q", "--detach"]).ok();
        commits.push(commit(&w, "detached", "loose.txt", "loose\n"));
        commits.push(commit(&w, "squashed", "s1.txt", "one\n"));
        commits.push(commit(&w, "squashed", "s2.txt", "two\n"));
        w.git(["merge", "-q", "--squash", "squashed"]).ok();
        w.git(["commit", "-qnm", "squashed into one"]).ok();
        w.write("s1.txt", "one, and changed since\n");
        w.git(["commit", "-qnam", "go on"]).ok();
        put(&w, "staged", "staged.txt", "staged alone\n");
        git(&w, "staged", &["add", "staged.txt"]).ok();
        fs::remove_dir_all(tree(&w, "staged")).expect("it goes");
        fs::remove_dir_all(tree(&w, "missing")).expect("it goes");
        fs::rename(tree(&w, "moved"), tree(&w, "elsewhere")).expect("it moves");
        let alive = w.session_in(&tree(&w, "alive"), "worker");
        put(&w, "alive", "a.txt", "in the middle\n");
        Matrix {
            w,
            _alive: alive,
            commits,
        }
    }

    fn ccc(&self, args: &[&str]) -> CommandOutput {
        self.w.command(BINARY, args).run()
    }

    /// Every commit that was made is still held by something.
    #[track_caller]
    fn nothing_lost(&self) {
        let all = self.w.git_text(["rev-list", "--all"]);
        for commit in &self.commits {
            assert!(all.contains(commit), "{commit} is lost");
        }
        self.w.git(["fsck", "--strict", "--no-dangling"]).ok();
    }
}

/// A refusal says why, and names commands that destroy nothing.
#[track_caller]
pub fn refused(out: &CommandOutput, why: &str) {
    assert!(out.code == 1 && out.stderr.contains(why), "{out}");
    let hints: Vec<&str> = out
        .stderr
        .lines()
        .filter_map(|line| line.strip_prefix("hint: "))
        .collect();
    assert!(!hints.is_empty(), "{out}");
    for word in [
        "--force",
        " -f",
        "reset",
        "rm ",
        "clean",
        "--abort",
        "prune",
        "branch -D",
    ] {
        assert!(hints.iter().all(|hint| !hint.contains(word)), "{out}");
    }
}

/// What is busy, locked, lived in, moved or stood in is not removed.
#[track_caller]
fn those_in_use_stay(m: &Matrix) {
    let w = &m.w;
    let plain = |name: &str| m.ccc(&["worktree", "remove", name]);
    let state = |name: &str| git(w, name, &["status", "--porcelain=v2", "--branch"]).stdout;
    for (name, why) in [
        ("conflicted", "in the middle of a merge"),
        ("rebasing", "in the middle of a rebase"),
        ("locked", "is locked"),
        ("alive", "works in"),
    ] {
        let before = state(name);
        let found = if name == "rebasing" {
            tree(w, name).display().to_string()
        } else {
            name.to_owned()
        };
        refused(&plain(&found), why);
        assert_eq!(state(name), before);
    }
    refused(&plain("moved"), "has been moved to");
    refused(&plain("main"), "first worktree");
    let inside = w
        .command(BINARY, ["worktree", "remove", "dirty"])
        .cwd(tree(w, "dirty"))
        .run();
    refused(&inside, "you stand in");
}

#[test]
fn remove_loses_nothing_in_any_state() {
    let m = Matrix::new();
    let w = &m.w;
    let stash = w.git_text(["stash", "list"]);
    let remove = |name: &str| m.ccc(&["worktree", "remove", name, "--json"]);
    those_in_use_stay(&m);
    let kept = remove("unpushed").ok().json();
    assert_eq!(
        (&kept["landed"], &kept["unmerged"]),
        (&json!("not"), &json!(1))
    );
    // What was uncommitted comes back, byte for byte.
    for (name, file, text) in [
        ("dirty", "a.txt", "dirty\n"),
        ("untracked", "new.txt", "precious\n"),
        ("staged", "staged.txt", "staged alone\n"),
    ] {
        let gone = remove(name).ok().json();
        assert!(!tree(w, name).exists(), "{name}");
        let snapshot = &gone["snapshot"];
        let dir = w.outside().join(name);
        let (of, from) = (
            snapshot["session"].as_str().expect("whose"),
            snapshot["snapshot"].as_str().expect("which"),
        );
        m.ccc(&[
            "wip",
            "restore",
            "--of",
            of,
            "--from",
            from,
            "--to",
            &dir.display().to_string(),
        ])
        .ok();
        assert_eq!(
            fs::read_to_string(dir.join(file)).expect("it is back"),
            text
        );
    }
    for name in ["clean", "stashed", "missing", "detached", "squashed"] {
        let gone = remove(name).ok().json();
        assert!(!tree(w, name).exists(), "{gone}");
        if name == "squashed" {
            assert_eq!(
                (&gone["landed"], &gone["branch_deleted"]),
                (&json!("squashed"), &json!(true))
            );
        }
    }
    assert_eq!(
        w.git_text(["stash", "list"]),
        stash,
        "a stash is shared, and stays"
    );
    let branches = w.git_text(["for-each-ref", "--format=%(refname:short)", "refs/heads"]);
    for (branch, stays) in [
        ("unpushed", true),
        ("squashed", false),
        ("clean", false),
        ("dirty", false),
    ] {
        assert_eq!(
            branches.lines().any(|one| one == branch),
            stays,
            "{branch}: {branches}"
        );
    }
    m.nothing_lost();
    // One that was moved is found where it is, and then goes like all others.
    m.ccc(&[
        "worktree",
        "adopt",
        &tree(w, "elsewhere").display().to_string(),
    ])
    .ok();
    remove("moved").ok();
    w.git([
        "worktree",
        "unlock",
        &tree(w, "locked").display().to_string(),
    ])
    .ok();
    remove("locked").ok();
    let left = w.git_text(["worktree", "list"]);
    assert_eq!(left.lines().count(), 4, "{left}");
    m.nothing_lost();
}

#[test]
fn sync_brings_what_it_can_and_leaves_the_rest_as_it_was() {
    let m = Matrix::new();
    let w = &m.w;
    // Somebody changes the first line of b.txt and a line of a.txt on main.
    w.write("b.txt", "main\n2\n3\n4\n5\n");
    let a = w.session("maker");
    a.ccc(["commit", "-m", "change b", "--", "b.txt"]).ok();
    w.git(["commit", "-qn", "--allow-empty", "-m", "more"]).ok();
    put(w, "untracked", "b.txt", "meets\n");
    put(w, "dirty", "kept.txt", "staged\n");
    git(w, "dirty", &["add", "kept.txt"]).ok();
    let conflict = commit(w, "stashed", "b.txt", "theirs\n2\n3\n4\n5\n");
    let all: Vec<&str> = (STATES.iter().copied())
        .filter(|name| tree(w, name).exists() && *name != "clean")
        .collect();
    let heads = || -> Vec<String> {
        all.iter()
            .map(|name| git(w, name, &["status", "--porcelain=v2", "--branch"]).stdout)
            .collect()
    };
    let before = heads();
    let dry = m.ccc(&["worktree", "sync", "--dry-run", "--json"]);
    assert_eq!(heads(), before, "a dry run touches nothing");
    let real = m.ccc(&["worktree", "sync", "--no-fetch", "--json"]);
    for out in [&dry, &real] {
        let answer = out.code(3).json();
        // What is to be decided about can be looked at as it is said.
        let said: Value = serde_json::from_str(&out.stderr).expect("an error");
        let hint = said["hints"][0].as_str().expect("a hint");
        assert!(hint.ends_with(" -- b.txt"), "{hint}");
        let hint = hint.replace("$REPO", &w.main_worktree().display().to_string());
        let shown = w.command("sh", ["-c", &hint]).run();
        assert!(shown.ok().stdout.contains("change b"), "{shown}");
        let step = |name: &str| -> Value {
            let all = answer["worktrees"].as_array().expect("a list").clone();
            all.into_iter()
                .find(|one| one["name"] == name)
                .unwrap_or_else(|| panic!("{name}: {answer}"))
        };
        for (name, expected) in [
            ("main", "up to date"),
            ("clean", "fast-forward"),
            ("dirty", "fast-forward"),
            ("locked", "fast-forward"),
            ("unpushed", "rebase"),
            ("untracked", "conflict"),
            ("stashed", "conflict"),
            ("conflicted", "left as it is"),
            ("rebasing", "left as it is"),
            ("detached", "left as it is"),
            ("missing", "left as it is"),
            ("moved", "left as it is"),
            ("squashed", "left as it is"),
            ("alive", "left as it is"),
        ] {
            assert_eq!(step(name)["step"], expected, "{}", step(name));
        }
        assert_eq!(step("stashed")["paths"], json!(["b.txt"]));
        assert_eq!(
            step("stashed")["owners"][0]["who"],
            a.tag(),
            "{}",
            step("stashed")
        );
        assert_eq!(step("untracked")["paths"], json!(["b.txt"]));
    }
    let after = heads();
    for (n, name) in all.iter().enumerate() {
        let moves = ["dirty", "unpushed", "locked"].contains(name);
        assert_eq!(after[n] != before[n], moves, "{name}: {}", after[n]);
    }
    let text =
        |name: &str, file: &str| fs::read_to_string(tree(w, name).join(file)).expect("a file");
    assert_eq!(
        (
            text("dirty", "a.txt").as_str(),
            text("dirty", "b.txt").as_str()
        ),
        ("dirty\n", "main\n2\n3\n4\n5\n")
    );
    let dirty = git(w, "dirty", &["status", "--porcelain"]).stdout;
    assert_eq!(
        dirty, " M a.txt\nA  kept.txt\n",
        "what was staged is staged"
    );
    assert_eq!(
        git(w, "unpushed", &["log", "--format=%s", "-2"]).stdout,
        "unpushed changes own.txt\nmore\n"
    );
    assert_eq!(
        git(w, "stashed", &["rev-parse", "HEAD"]).stdout.trim(),
        conflict
    );
    assert_eq!(w.git_text(["stash", "list"]).lines().count(), 1);
}

/// A repository with a commit that its remote has too.
fn with_remote() -> World {
    let w = ready(World::new());
    w.write("a.txt", "1\n");
    w.git(["add", "."]).ok();
    w.git(["commit", "-qnm", "base"]).ok();
    let remote = w.outside().join("remote.git");
    w.git(["clone", "-q", "--bare", ".", &remote.display().to_string()])
        .ok();
    w.git(["remote", "add", "origin", &remote.display().to_string()])
        .ok();
    w.git(["fetch", "-q"]).ok();
    w
}

#[test]
fn what_others_may_have_is_merged_and_not_rewritten() {
    let w = with_remote();
    w.ccc(["worktree", "new", "x"]).ok();
    let pushed = commit(&w, "x", "x.txt", "x\n");
    git(&w, "x", &["push", "-q", "origin", "x"]).ok();
    w.write("b.txt", "1\n");
    w.git(["add", "."]).ok();
    w.git(["commit", "-qnm", "more"]).ok();
    w.git(["push", "-q", "origin", "main"]).ok();
    w.git(["reset", "-q", "--hard", "HEAD~1"]).ok();
    let out = w.ccc(["worktree", "sync", "--json"]).ok().json();
    assert_eq!(out["target"], "origin/main");
    let steps: Vec<&str> = out["worktrees"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|one| one["step"].as_str())
        .collect();
    assert_eq!(steps, ["fast-forward", "merge"]);
    assert_eq!(
        git(&w, "x", &["merge-base", "--is-ancestor", &pushed, "HEAD"]).code,
        0
    );
    assert!(tree(&w, "x").join("b.txt").exists());
}

#[test]
fn what_was_landed_here_and_not_pushed_is_what_all_are_brought_onto() {
    let w = with_remote();
    w.git(["remote", "set-head", "origin", "main"]).ok();
    w.ccc(["worktree", "new", "x"]).ok();
    w.write("b.txt", "1\n");
    w.git(["add", "."]).ok();
    w.git(["commit", "-qnm", "landed"]).ok();
    let list = w.ccc(["worktree", "list", "--json"]).ok().json();
    assert_eq!(list["worktrees"][1]["behind"], 1, "{list}");
    for dry in [&["-n"][..], &[]] {
        let args = ["worktree", "sync", "--json"].iter().chain(dry);
        let out = w.ccc(args.copied().collect::<Vec<_>>()).ok().json();
        assert_eq!(out["target"], "main");
        assert_eq!(out["worktrees"][0]["step"], "up to date", "{out}");
        assert_eq!(out["worktrees"][1]["step"], "fast-forward", "{out}");
        assert_eq!(tree(&w, "x").join("b.txt").exists(), dry.is_empty());
    }
}
