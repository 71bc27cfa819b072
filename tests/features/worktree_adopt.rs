//! Worktrees that somebody else has made, and the checks of the template that one was made from.

use super::worktree_matrix::{put, tree};
use crate::common::setup::ready;
use crate::common::world::{BINARY, World};
use serde_json::json;
use std::fs;

#[test]
fn adopt_takes_what_somebody_has_made_by_hand() {
    let w = ready(World::new());
    w.write(".gitignore", ".env\n");
    w.write("a.txt", "1\n");
    w.git(["add", "."]).ok();
    w.git(["commit", "-qnm", "base"]).ok();
    w.write(".env", "KEY=1\n");
    let path = w.worktree("hand");
    fs::write(path.join("a.txt"), "work\n").expect("a file");
    let adopt = |args: &[&str]| {
        let all: Vec<&str> = ["worktree", "adopt", "--json"]
            .iter()
            .chain(args)
            .copied()
            .collect();
        w.command(BINARY, all).cwd(&path).run()
    };
    let made = adopt(&["--template", "refactor", "-m", "rename"])
        .ok()
        .json();
    assert_eq!(
        (&made["branch"], &made["purpose"], &made["prepared"]),
        (&json!("hand"), &json!("rename"), &json!(true))
    );
    assert_eq!(
        fs::read_to_string(path.join(".env")).expect("it came along"),
        "KEY=1\n"
    );
    assert_eq!(
        fs::read_to_string(path.join("a.txt")).expect("it stays"),
        "work\n"
    );
    fs::write(path.join(".env"), "KEY=2\n").expect("a file");
    let again = adopt(&[]).ok().json();
    assert_eq!(
        (&again["session"], &again["template"]),
        (&made["session"], &json!("refactor"))
    );
    assert_eq!(
        fs::read_to_string(path.join(".env")).expect("it stays"),
        "KEY=2\n",
        "what is there is not written over"
    );
    let worker = w.session_in(&path, "worker");
    assert_eq!(adopt(&[]).ok().json()["session"], worker.tag());
    // A clone is a repository of its own, and is set up as such.
    let clone = w.outside().join("clone");
    w.git(["clone", "-q", ".", &clone.display().to_string()])
        .ok();
    let there = |args: &[&str]| w.command(BINARY, args).run();
    let at = clone.display().to_string();
    assert!(
        there(&["worktree", "adopt", &at])
            .code(5)
            .stderr
            .contains("ccc init")
    );
    w.command(BINARY, ["init"]).cwd(&clone).run().ok();
    let made = there(&["worktree", "adopt", &at, "--json"]).ok().json();
    let who = w
        .command(BINARY, ["who", "--json"])
        .cwd(&clone)
        .run()
        .ok()
        .stdout
        .clone();
    assert!(
        who.contains(made["session"].as_str().expect("a tag")),
        "{who}"
    );
    there(&["worktree", "adopt", &w.outside().display().to_string()]).code(1);
}

#[test]
fn a_refactoring_keeps_its_tests() {
    let w = ready(World::new());
    w.write("tests.txt", "one\ntwo\n");
    w.git(["add", "."]).ok();
    w.git(["commit", "-qnm", "base"]).ok();
    w.ccc(["worktree", "new", "r", "--template", "refactor"])
        .ok();
    let verify = |args: &[&str]| {
        let all: Vec<&str> = ["worktree", "verify"].iter().chain(args).copied().collect();
        w.command(BINARY, all).cwd(tree(&w, "r")).run()
    };
    assert!(
        verify(&["--before"])
            .code(2)
            .stderr
            .contains("worktree.test")
    );
    w.write(
        ".git/ccc.toml",
        "[worktree]\ntest = \"test -s tests.txt\"\ntest_names = \"cat tests.txt\"\n",
    );
    assert!(
        verify(&["--before"])
            .code(1)
            .stderr
            .contains("git ccc trust"),
        "not before it is trusted"
    );
    w.ccc(["trust"]).ok();
    assert!(verify(&[]).code(1).stderr.contains("--before"));
    verify(&["--before"]).ok();
    verify(&[]).ok();
    put(&w, "r", "tests.txt", "one\nthree\n");
    let out = verify(&[]);
    assert!(out.code(1).stdout.contains("gone: two"), "{out}");
    put(&w, "r", "tests.txt", "");
    assert!(verify(&[]).code(1).stdout.contains("bad"));
}

#[test]
fn one_that_was_moved_keeps_its_session_and_what_it_is_for() {
    let w = ready(World::new());
    w.write("a.txt", "1\n");
    w.git(["add", "."]).ok();
    w.git(["commit", "-qnm", "base"]).ok();
    let made = w
        .ccc([
            "worktree", "new", "x", "-t", "debug", "-m", "a leak", "--json",
        ])
        .ok()
        .json();
    fs::rename(tree(&w, "x"), tree(&w, "y")).expect("it moves");
    let path = tree(&w, "y").display().to_string();
    let moved = w.ccc(["worktree", "adopt", &path, "--json"]).ok().json();
    for key in ["session", "purpose", "template", "name"] {
        assert_eq!(moved[key], made[key], "{key}");
    }
    let sessions = w.ccc(["session", "list", "--json"]).ok().json();
    let sessions = sessions["sessions"].as_array().expect("a list");
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    assert_eq!(moved["purpose"], "a leak");
}
