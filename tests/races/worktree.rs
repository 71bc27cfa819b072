//! Worktrees made and removed by many at once, and under kills: no ghosts, nothing leased twice, no lock left.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::common::command::When;
use crate::common::race::{Random, race_with_kills};
use crate::common::setup::ready;
use crate::common::world::{BINARY, World, poll};

fn rounds(short: usize) -> usize {
    if std::env::var_os("CCC_LONG").is_some() {
        short * 10
    } else {
        short
    }
}

fn scene() -> World {
    let w = ready(World::options().real_clock().build());
    w.write(".gitignore", "node_modules/\n.env\n");
    for n in 0..60 {
        w.write(format!("d{}/{n}.txt", n % 6), format!("{n}\n").repeat(50));
    }
    w.git(["add", "."]).ok();
    w.git(["commit", "-qnm", "base"]).ok();
    for n in 0..40 {
        w.write(format!("node_modules/{n}/index.js"), "x".repeat(2000));
    }
    let base = 30_000 + std::process::id() % 20_000;
    let dir = w.home().join(".config/git-ccc/templates");
    fs::create_dir_all(&dir).expect("a folder");
    let text = format!(
        "v = 1\nkind = \"feature\"\n[copy]\ndirectories = [\"node_modules/\"]\n[lease.ports]\nweb = \"{base}-{}\"\n\
         [[write]]\npath = \".env\"\ntext = \"PORT={{port.web}}\\n\"\n",
        base + 200
    );
    fs::write(dir.join("web.toml"), text).expect("a template");
    w
}

/// Everything that is there is whole; returns the names.
#[track_caller]
fn whole(w: &World, said: &str) -> BTreeSet<String> {
    // What a killed one had started may still be at work: it is waited for, not raced.
    let list = poll("the makers are gone", || {
        let list = w.ccc(["worktree", "list", "--json"]).ok().json();
        let busy = list["worktrees"]
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one["state"] == "busy"));
        let making = w.main_worktree().join(".git/ccc/making");
        let left = fs::read_dir(making).is_ok_and(|mut dir| dir.next().is_some());
        (!busy && !left).then_some(list)
    });
    let porcelain = w.git_text(["worktree", "list", "--porcelain"]);
    assert!(
        !porcelain.contains("locked") && !porcelain.contains("prunable"),
        "{said}: {porcelain}"
    );
    let mut names = BTreeSet::new();
    let mut ports = BTreeSet::new();
    for one in list["worktrees"].as_array().expect("a list") {
        assert_eq!(one["state"], "whole", "{said}: {one}");
        assert_eq!(one["dirty"], false, "{said}: {one}");
        if one["main"] == true {
            continue;
        }
        names.insert(one["branch"].as_str().expect("a branch").to_owned());
        let path = PathBuf::from(
            one["path"]
                .as_str()
                .expect("a path")
                .replace("$REPO", &w.main_worktree().display().to_string()),
        );
        let deps = fs::read_dir(path.join("node_modules")).expect("dependencies");
        assert_eq!(deps.count(), 40, "{said}: {one}");
        for lease in one["leases"].as_array().into_iter().flatten() {
            assert!(ports.insert(lease.to_string()), "{said}: {lease} twice");
        }
    }
    // Every port that is held is held once, by whatever record or claim.
    let claims = w.ccc(["claims", "--json"]).ok().json();
    let mut held = BTreeSet::new();
    for claim in claims["claims"].as_array().expect("a list") {
        for scope in claim["scopes"].as_array().expect("scopes") {
            assert!(held.insert(scope.to_string()), "{said}: {scope} twice");
        }
    }
    let branches = w.git_text(["for-each-ref", "--format=%(refname:short)", "refs/heads"]);
    let branches: BTreeSet<String> = branches
        .lines()
        .filter(|name| *name != "main")
        .map(str::to_owned)
        .collect();
    assert_eq!(
        branches, names,
        "{said}: a branch for each worktree and no other"
    );
    let beside = fs::read_dir(w.main_worktree().with_file_name("")).expect("a folder");
    for entry in beside.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        assert!(!name.starts_with(".ccc"), "{said}: {name} is left");
    }
    w.git(["worktree", "prune", "--dry-run", "-v"]).ok();
    w.git(["fsck", "--strict", "--no-dangling"]).ok();
    names
}

#[test]
fn twenty_at_once_and_half_of_them_killed_leave_only_whole_ones() {
    let seed = 0x3_0e5;
    let mut random = Random::new(seed);
    for round in 0..rounds(1) {
        let w = scene();
        let commands = (0..20).map(|n| {
            let name = format!("t{n}");
            w.command(
                BINARY,
                ["worktree", "new", &name, "--template", "web", "--json"],
            )
        });
        let outs = race_with_kills(commands, &mut random, Duration::from_millis(1500));
        let said = format!("seed {seed} round {round}");
        let names = whole(&w, &said);
        let mut made = 0;
        for (n, out) in outs.iter().enumerate() {
            if out.killed() {
                continue;
            }
            assert_eq!(out.code, 0, "{said}: {out}");
            made += 1;
            assert!(names.contains(&format!("t{n}")), "{said}: t{n} is there");
            let answer: Value = out.json();
            assert_eq!(answer["leases"].as_array().map(Vec::len), Some(1), "{said}");
        }
        assert!(made > 0 && made < 20, "{said}: {made} of 20 were made");
        // All that was killed can be made again, or is there.
        for n in 0..20 {
            let name = format!("t{n}");
            if !names.contains(&name) {
                w.ccc(["worktree", "new", &name, "--template", "web"]).ok();
                break;
            }
        }
    }
}

#[test]
fn a_kill_at_any_call_of_git_is_repaired_by_the_next_command() {
    let w = scene();
    for when in [When::Before, When::After] {
        for nth in 1..20 {
            let name = format!("{when:?}{nth}").to_lowercase();
            let killed = w
                .command(BINARY, ["worktree", "new", &name, "--template", "web"])
                .kill_at(nth, when)
                .run()
                .killed();
            let names = whole(&w, &format!("{when:?} {nth}"));
            if !killed {
                assert!(names.contains(&name), "{when:?} {nth}");
                break;
            }
        }
    }
}
