//! What `worktree remove` does beside the files: it saves, gives back and merges first; and what is left when it is killed.

use super::worktree_matrix::{commit, put, refused, tree};
use crate::common::command::When;
use crate::common::setup::ready;
use crate::common::world::{BINARY, World, poll};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn what_is_in_no_snapshot_keeps_its_worktree() {
    let w = ready(World::new());
    w.ccc(["worktree", "new", "big"]).ok();
    w.write(".git/ccc.toml", "[wip]\nfile_mb = 1\n");
    fs::write(tree(&w, "big").join("big.bin"), vec![7; 2 << 20]).expect("a file");
    let out = w.ccc(["worktree", "remove", "big"]);
    refused(&out, "are in no snapshot");
    assert!(tree(&w, "big").join("big.bin").exists());
    let hint = out
        .stderr
        .lines()
        .find(|line| line.contains("CCC_WIP"))
        .expect("a way");
    let hint = hint
        .replace("hint: ", "")
        .replace("$REPO", &w.main_worktree().display().to_string());
    w.command("sh", ["-c", &hint]).run().ok();
    assert!(!tree(&w, "big").exists());
}

#[test]
fn removal_gives_back_what_was_leased_and_held_and_merges_what_was_remembered() {
    let w = ready(World::new());
    let dir = w.home().join(".config/git-ccc/templates");
    fs::create_dir_all(&dir).expect("a folder");
    let ran = w.outside().join("ran");
    fs::write(dir.join("t.toml"), format!("v = 1\nkind = \"feature\"\n[lease.slots]\ndb = [\"a\"]\n[run]\nteardown = [\"echo $CCC_SLOT_DB > {}\"]\n", ran.display())).expect("a template");
    let made = w
        .ccc(["worktree", "new", "one", "--template", "t", "--json"])
        .ok()
        .json();
    w.ccc(["worktree", "new", "two", "--template", "t"]).code(1);
    w.ccc(["worktree", "remove", "two"]).ok();
    let memory = w.ccc(["memory", "status", "--json"]).ok().json();
    let home = |text: &Value| {
        PathBuf::from(
            text.as_str()
                .expect("a path")
                .replace("$HOME", &w.home().display().to_string()),
        )
    };
    let copy = memory["namespaces"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|one| one["name"] == "one")
        .expect("a copy");
    fs::write(home(&copy["directory"]).join("MEMORY.md"), "- learnt\n").expect("a file");
    let gone = w.ccc(["worktree", "remove", "one", "--json"]).ok().json();
    assert_eq!(gone["ended"], json!([made["session"]]));
    assert_eq!(gone["claims"], 1);
    assert_eq!(fs::read_to_string(&ran).expect("it ran"), "a\n");
    assert_eq!(
        fs::read_to_string(home(&memory["directory"]).join("MEMORY.md")).expect("merged"),
        "- learnt\n"
    );
    assert!(!w.ccc(["claims"]).ok().stdout.contains("res:"));
    w.ccc(["worktree", "new", "three", "--template", "t"]).ok();
}

/// A repository of a few files in folders.
fn small(w: World) -> World {
    let w = ready(w);
    for n in 0..12 {
        w.write(format!("d{}/{n}.txt", n % 3), format!("{n}\n"));
    }
    w.git(["add", "."]).ok();
    w.git(["commit", "-qnm", "base"]).ok();
    w
}

fn listed(w: &World, name: &str) -> bool {
    let tree = format!("worktree $REPO.{name}");
    let all = w.git_text(["worktree", "list", "--porcelain"]);
    all.lines().any(|line| line == tree)
}

fn making(w: &World) -> PathBuf {
    w.main_worktree().join(".git/ccc/making")
}

/// Nothing is left of a worktree and of its removal.
#[track_caller]
fn all_gone(w: &World, name: &str, said: &str) {
    assert!(!listed(w, name) && !tree(w, name).exists(), "{said}");
    let left: Vec<_> = fs::read_dir(making(w))
        .into_iter()
        .flatten()
        .flatten()
        .collect();
    assert!(left.is_empty(), "{said}: {left:?}");
    let beside = fs::read_dir(w.main_worktree().with_file_name("")).expect("a folder");
    for entry in beside.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        assert!(!name.starts_with(".ccc"), "{said}: {name} is left");
    }
    let admin = w.main_worktree().join(".git/worktrees");
    let admin: Vec<_> = fs::read_dir(admin)
        .into_iter()
        .flatten()
        .flatten()
        .collect();
    assert!(
        admin.iter().all(|dir| dir.path().join("gitdir").exists()),
        "{said}"
    );
}

/// A removal that is killed at any call of git is completed by the next one, or by `doctor --fix`, and loses nothing.
#[test]
fn a_kill_at_any_call_of_git_loses_nothing_and_is_completed() {
    let w = small(World::options().real_clock().build());
    let step = if std::env::var_os("CCC_LONG").is_some() {
        1
    } else {
        4
    };
    for (when, first) in [(When::Before, 1), (When::After, 3)] {
        for nth in (first..80).step_by(step) {
            let name = format!("{when:?}{nth}").to_lowercase();
            let said = format!("{when:?} {nth}");
            w.ccc(["worktree", "new", &name]).ok();
            let own = commit(&w, &name, "own.txt", &name);
            put(&w, &name, "d1/1.txt", &format!("{name} is precious\n"));
            put(&w, &name, "new.txt", &format!("{name} is new\n"));
            let blobs = ["d1/1.txt", "new.txt"].map(|file| {
                let path = tree(&w, &name).join(file).display().to_string();
                w.git_text(["hash-object", &path])
            });
            let remove = ["worktree", "remove", &name];
            let killed = w.command(BINARY, remove).kill_at(nth, when).run().killed();
            // What the killed one had started may still be at work.
            poll("its children are gone", || {
                let out = if nth % 2 == 0 {
                    w.ccc(["doctor", "--fix"])
                } else {
                    w.ccc(["worktree", "list"])
                };
                drop(out);
                fs::read_dir(making(&w))
                    .map_or(Some(()), |mut dir| dir.next().is_none().then_some(()))
            });
            if listed(&w, &name) {
                w.ccc(remove).ok();
            }
            all_gone(&w, &name, &said);
            let kept = w.git_text(["rev-list", "--objects", "--all"]);
            for oid in blobs.iter().chain([&own]) {
                assert!(kept.contains(oid), "{said}: {oid} is lost");
            }
            if !killed {
                break;
            }
        }
    }
    w.git(["fsck", "--strict", "--no-dangling"]).ok();
}

/// How far a removal came when it was killed between two calls of git.
const STEPS: &[&str] = &[
    "said",
    "hidden",
    "moved",
    "half deleted",
    "deleted",
    "forgotten",
    "half forgotten",
];

/// Brings a worktree to such a step, as a process that is gone left it.
fn half_removed(w: &World, name: &str, id: &str, step: usize) {
    let path = tree(w, name);
    let beside = path.parent().expect("a folder");
    let hidden = beside.join(format!(".ccc-removing-{id}"));
    let inside = hidden.join(path.file_name().expect("a name"));
    let head = w.git_text(["rev-parse", &format!("refs/heads/{name}")]);
    let journal = format!(
        "v = 1\nid = {id:?}\nact = \"remove\"\nname = {name:?}\npath = \"{}\"\nhidden = \"{}\"\nbranch = {name:?}\n\
         commit = {head:?}\nhost = {:?}\nboot = \"before this one\"\n",
        path.display(),
        hidden.display(),
        git_ccc::host::name()
    );
    fs::create_dir_all(making(w)).expect("a folder");
    fs::write(making(w).join(format!("{id}.toml")), journal).expect("a journal");
    let admin = w
        .main_worktree()
        .join(format!(".git/worktrees/repo.{name}"));
    assert!(admin.is_dir(), "{}", admin.display());
    let acts: [&dyn Fn(); 6] = [
        &|| fs::create_dir(&hidden).expect("a folder"),
        &|| fs::rename(&path, &inside).expect("it moves"),
        &|| half_deleted(&inside),
        &|| fs::remove_dir_all(&hidden).expect("it goes"),
        &|| {
            fs::create_dir_all(making(w).join("gone")).expect("a folder");
            fs::rename(&admin, making(w).join("gone/tree")).expect("it moves");
        },
        &|| half_deleted(&making(w).join("gone/tree")),
    ];
    acts.iter().take(step).for_each(|act| act());
}

fn half_deleted(dir: &Path) {
    for file in [".git", "gitdir", "HEAD", "d1/1.txt"] {
        // Which of them there are depends on what it is.
        let _ = fs::remove_file(dir.join(file));
    }
}

#[test]
fn a_kill_at_any_step_between_is_completed_by_the_next_command() {
    let w = small(World::new());
    for (step, what) in STEPS.iter().enumerate() {
        for by in ["doctor", "remove"] {
            let name = format!("{by}{step}");
            w.ccc(["worktree", "new", &name]).ok();
            half_removed(&w, &name, &format!("{step:011x}{}", by.len() % 2), step);
            if by == "doctor" {
                let said = w.ccc(["doctor", "--json"]);
                assert!(said.stdout.contains("half-made-worktree"), "{what}: {said}");
                let fixed = w.ccc(["doctor", "--fix"]);
                assert!(fixed.stdout.contains("half removed"), "{what}: {fixed}");
                assert_eq!(
                    listed(&w, &name),
                    step < 2,
                    "{what}: it goes if it had begun to go"
                );
            }
            let remove = w.ccc(["worktree", "remove", &name]);
            assert!([0, 1].contains(&remove.code), "{what}: {remove}");
            all_gone(&w, &name, what);
            let branch = w.git(["rev-parse", "-q", "--verify", &format!("refs/heads/{name}")]);
            assert_eq!(branch.code, 1, "{what}: main has all of the branch");
        }
    }
}

/// A kill before a journal is written, while it is replaced, or after it is gone: what is left belongs to none.
#[test]
fn files_without_a_journal_go_with_the_next_command() {
    let w = small(World::new());
    fs::create_dir_all(making(&w)).expect("a folder");
    for name in ["0123456789ab.flock", ".0123456789ab.toml.4242.tmp"] {
        fs::write(making(&w).join(name), "").expect("a file");
    }
    fs::write(making(&w).join("somebody's.txt"), "").expect("a file");
    w.ccc(["worktree", "list"]).ok();
    let left: Vec<_> = fs::read_dir(making(&w))
        .expect("a folder")
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    assert_eq!(left, ["somebody's.txt"]);
}

/// The same of one that was being made.
#[test]
fn doctor_takes_back_what_was_half_made() {
    let w = small(World::options().real_clock().build());
    for (nth, when) in [
        (1, When::Before),
        (4, When::After),
        (7, When::Before),
        (9, When::After),
    ] {
        let name = format!("made{nth}");
        let new = w
            .command(BINARY, ["worktree", "new", &name])
            .kill_at(nth, when);
        drop(new.run());
        poll("its children are gone", || {
            let said = w.ccc(["doctor", "--fix"]);
            assert_ne!(said.code, 70, "{said}");
            fs::read_dir(making(&w)).map_or(Some(()), |mut dir| dir.next().is_none().then_some(()))
        });
        let said = w.ccc(["doctor"]);
        assert!(!said.stdout.contains("half-made"), "{nth}: {said}");
        if !listed(&w, &name) {
            all_gone(&w, &name, &name);
            w.ccc(["worktree", "new", &name]).ok();
        }
    }
}

#[test]
fn a_dry_run_says_what_would_become_of_the_branch() {
    let w = small(World::new());
    for name in ["same", "squashed", "own"] {
        w.ccc(["worktree", "new", name]).ok();
    }
    for name in ["squashed", "own"] {
        let at = tree(&w, name);
        fs::write(at.join(name), "x").expect("a file");
        let script = format!("git add {name} && git commit -qnm {name}");
        w.command("sh", ["-ec", &script]).cwd(&at).run().ok();
    }
    w.git(["merge", "-q", "--squash", "squashed"]).ok();
    w.git(["commit", "-qnm", "landed"]).ok();
    let remove = |args: &[&str]| {
        let all: Vec<&str> = ["worktree", "remove"].iter().chain(args).copied().collect();
        w.ccc(all).ok().stdout.clone()
    };
    for (name, would) in [
        ("same", "  branch same would go (merged into main; it is "),
        (
            "squashed",
            "  branch squashed would go (all of it is in main, under other commits; it is ",
        ),
        ("own", "  branch own stays (1 commit that main has not)\n"),
    ] {
        let said = remove(&[name, "-n"]);
        assert!(said.contains(would), "{said}");
        assert!(tree(&w, name).exists());
    }
    let said = remove(&["same", "-n", "--keep-branch"]);
    assert!(said.contains("branch same stays"), "{said}");
    // Its commits go with the branch, so a snapshot keeps them; nothing was uncommitted.
    let said = remove(&["squashed"]);
    assert!(
        said.contains("its own commits are kept: git ccc wip show --of "),
        "{said}"
    );
    let show = said.lines().find_map(|line| line.split_once("kept: "));
    let (_, show) = show.expect("a command");
    let shown = w.command("sh", ["-c", show]).run();
    assert!(shown.ok().stdout.contains("keeps squashed at "), "{shown}");
    let said = remove(&["own"]);
    assert!(
        said.contains("branch own stays (1 commit that main has not)\n"),
        "{said}"
    );
    assert!(!said.contains("0 claims"), "{said}");
}
