//! The refs: their names, the order in which a transaction makes them visible, and what it leaves in the log.

use crate::common::setup::ready;
use crate::common::world::World;

#[test]
fn every_ref_is_flat_and_below_refs_ccc() {
    let w = ready(World::new());
    let a = w.session("a");
    a.ccc(["claim", "src/very/deep/path.rs", "res:terraform/prod"])
        .ok();
    for name in w.git(["for-each-ref", "--format=%(refname)"]).ok().lines() {
        let known = name == "refs/heads/main"
            || name == "refs/ccc/log"
            || ["refs/ccc/claims/", "refs/ccc/sessions/"]
                .iter()
                .any(|prefix| {
                    name.strip_prefix(prefix)
                        .is_some_and(|rest| !rest.contains('/'))
                });
        assert!(known, "{name}");
    }
}

#[test]
fn a_transaction_gives_git_the_log_after_every_other_update_and_before_deletions() {
    let w = ready(World::new());
    let a = w.session("a");
    a.ccc(["claim", "src/auth/"]).ok();
    let script = "case \"$*\" in *update-ref*) tee \"$TMPDIR/script\" | PATH=${PATH#*:} git \"$@\" ;; \
                  *) PATH=${PATH#*:} exec git \"$@\" ;; esac";
    w.tool("git", script);
    a.ccc(["claim", "src/"]).ok();
    let script = std::fs::read_to_string(w.tmp().join("script")).expect("the transaction");
    let words: Vec<(&str, &str)> = script
        .lines()
        .map(|line| {
            let mut words = line.split(' ');
            (
                words.next().unwrap_or_default(),
                words.next().unwrap_or_default(),
            )
        })
        .collect();
    let kinds: Vec<&str> = words.iter().map(|(verb, _)| *verb).collect();
    assert_eq!(
        kinds,
        ["start", "create", "update", "delete", "prepare", "commit"],
        "{script}"
    );
    assert_eq!(words[2].1, "refs/ccc/log", "{script}");
}

#[test]
fn the_log_counts_by_one_and_its_reflog_joins() {
    for options in World::matrix() {
        let w = ready(options.build());
        let a = w.session("a");
        for _ in 0..3 {
            a.ccc(["claim", "src/"]).ok();
            a.ccc(["release", "src/"]).ok();
        }
        let fences = w.git_text([
            "log",
            "--format=%(trailers:key=Ccc-Fence,valueonly,separator=)",
            "refs/ccc/log",
        ]);
        let fences: Vec<&str> = fences.lines().collect();
        assert_eq!(fences, ["6", "5", "4", "3", "2", "1", "0"]);
        let chain = w.git_text(["rev-list", "refs/ccc/log"]);
        let reflog = w.git_text([
            "reflog",
            "show",
            "--format=%H",
            "--no-abbrev",
            "refs/ccc/log",
        ]);
        assert_eq!(reflog, chain, "every entry has a line, in order");
        assert_eq!(
            w.git_text(["log", "-1", "--format=%T", "refs/ccc/log"]),
            w.git_text(["hash-object", "-t", "tree", "/dev/null"])
        );
    }
}

#[test]
fn no_branch_head_index_or_configuration_is_touched() {
    let w = ready(World::new());
    w.write("a.txt", "a");
    w.git(["add", "a.txt"]).ok();
    let look = || {
        let git = w.main_worktree().join(".git");
        let config = std::fs::read(git.join("config")).expect("a config");
        let index = std::fs::read(git.join("index")).expect("an index");
        (
            config,
            index,
            w.git_text(["rev-parse", "HEAD"]),
            w.git_text(["status", "--porcelain"]),
        )
    };
    let before = look();
    let a = w.session("a");
    a.ccc(["claim", "src/", "a.txt"]).ok();
    a.ccc(["release", "--all"]).ok();
    a.ccc(["session", "end"]).ok();
    assert!(look() == before, "claims live in refs/ccc alone");
}
