//! What a git that was killed leaves in the way: cleared away if it is proved to be nobody's, named if it is not.

use crate::common::{
    command::Cmd,
    session::Session,
    setup::ready,
    world::{Options, World, git_knows_reftable, poll},
};
use std::{
    path::{Path, PathBuf},
    time::Instant,
};

fn world(options: Options) -> World {
    let w = ready(options.real_clock().build());
    w.write("a.txt", "one\n");
    w.git(["add", "a.txt"]).ok();
    w.git(["commit", "-qm", "base"]).ok();
    w.write("a.txt", "two\n");
    w
}

/// A `git` whose next ref transaction dies when every lock is taken. Nobody has to wait for the locks to be old.
fn dies_once(w: &World, and_its_parent: bool) {
    let dir = w.tmp().join("strike");
    std::fs::create_dir(&dir).expect("a fresh folder");
    let hook = "#!/bin/sh\ncase $1 in prepared) touch -d '2 minutes ago' \"$NOTES\".*; kill -9 $PPID ;; esac\n";
    let path = dir.join("reference-transaction");
    std::fs::write(&path, hook).expect("a hook");
    w.command("chmod", ["755", &path.to_string_lossy()])
        .run()
        .ok();
    let (dir, git) = (dir.display(), w.main_worktree().join(".git"));
    let kill = if and_its_parent {
        "kill -9 $PPID; "
    } else {
        ""
    };
    w.tool(
        "git",
        &format!(
            "PATH=${{PATH#*:}}; export PATH\n\
             case \"$*\" in *update-ref*) mkdir '{dir}/done' 2>/dev/null || exec git \"$@\" ;; *) exec git \"$@\" ;; esac\n\
             export NOTES='{git}'/ccc/running/$PPID\n\
             git -c core.hooksPath='{dir}' \"$@\"; code=$?\n\
             find '{git}' -name '*.lock' -exec touch -d '119 seconds ago' {{}} + ; {kill}exit $code",
            git = git.display(),
        ),
    );
}

fn locks(w: &World) -> Vec<PathBuf> {
    let text = w
        .command("find", [".git", "-name", "*.lock", "-o", "-name", "*.new"])
        .run();
    text.ok().stdout.lines().map(PathBuf::from).collect()
}

fn age(w: &World, path: &Path) {
    let args = ["-d", "2020-01-01T00:00:00Z", &path.to_string_lossy()];
    w.command("touch", args).run().ok();
}

fn kinds() -> Vec<Options> {
    let mut kinds = vec![World::options()];
    if git_knows_reftable() {
        kinds.push(World::options().reftable());
    }
    kinds
}

/// What moves every ref a lock can be on: a claim, HEAD, the log, and packed-refs for the claim that goes.
fn commit(session: &Session) -> Cmd {
    session.command(["commit", "-q", "-m", "two", "a.txt"])
}

#[test]
fn every_lock_of_a_transaction_that_died_is_cleared_by_the_command_that_saw_it() {
    for options in kinds() {
        let told = format!("{options:?}");
        let w = world(options);
        let a = w.session("a");
        a.ccc(["claim", "--until-commit", "a.txt"]).ok();
        w.git(["pack-refs", "--all"]).ok();
        dies_once(&w, false);
        commit(&a).run().ok();
        assert!(w.tmp().join("strike/done").exists(), "{told}: git died");
        assert_eq!(locks(&w), Vec::<PathBuf>::new(), "{told}");
        assert_eq!(w.git_text(["log", "-1", "--format=%s"]), "two", "{told}");
        assert_eq!(
            w.git_text(["for-each-ref", "refs/ccc/claims"]),
            "",
            "{told}"
        );
        assert_eq!(w.git_text(["status", "--short"]), "", "{told}");
        w.ccc(["doctor"]).ok();
    }
}

#[test]
fn what_a_dead_tool_and_a_dead_git_left_is_cleared_by_whoever_comes_next() {
    for options in kinds() {
        let told = format!("{options:?}");
        let w = world(options);
        let (a, b) = (w.session("a"), w.session("b"));
        a.ccc(["claim", "--until-commit", "a.txt"]).ok();
        w.git(["pack-refs", "--all"]).ok();
        dies_once(&w, true);
        assert!(commit(&a).run().killed(), "{told}");
        let left = locks(&w);
        assert!(!left.is_empty(), "{told}: it left locks");
        let named = w.ccc(["doctor"]);
        assert!(
            named.code(1).stdout.contains("was killed"),
            "{told}: {named}"
        );
        assert_eq!(locks(&w), left, "{told}: doctor only looks");
        b.ccc(["claim", "b.txt"]).ok();
        b.ccc(["release", "b.txt"]).ok();
        commit(&a).run().ok();
        assert_eq!(
            w.git_text(["for-each-ref", "refs/ccc/claims"]),
            "",
            "{told}"
        );
        assert_eq!(locks(&w), Vec::<PathBuf>::new(), "{told}");
        w.git(["fsck", "--strict"]).ok();
    }
}

#[test]
fn a_lock_of_a_stranger_stays_and_is_named_at_once() {
    let w = world(World::options());
    let a = w.session("a");
    let head = w.repo().join(".git/HEAD.lock");
    age(&w, &head);
    let stopped = commit(&a).run();
    let said = &stopped.code(4).stderr;
    assert_eq!(said.matches("ccc: ").count(), 1, "{stopped}");
    assert!(said.contains("HEAD.lock is in the way"), "{stopped}");
    assert!(said.contains("hint: git ccc doctor"), "{stopped}");
    assert!(head.exists(), "nothing proves that it is nobody's");
    let report = w.ccc(["doctor", "--fix"]);
    let said = &report.code(1).stdout;
    assert!(
        said.contains("HEAD.lock") && said.contains("rm "),
        "{report}"
    );
    assert!(head.exists(), "a person decides");
    std::fs::remove_file(&head).expect("it is there");
    commit(&a).run().ok();
}

/// Only in the long form: a process cannot be made to look old, so the test waits until one is.
#[test]
fn a_lock_that_a_living_git_may_have_stays() {
    if std::env::var_os("CCC_LONG").is_none() {
        return;
    }
    let w = world(World::options());
    let a = w.session("a");
    // A git that waits for its editor, in this repository.
    let editor = w.tmp().join("editor");
    w.command("mkfifo", [&editor]).run().ok();
    let script = format!("echo waiting; read -r _ <'{}'; exit 1", editor.display());
    w.tool("wait-for-it", &script);
    let other = w
        .command("git", ["commit", "--allow-empty", "--no-verify"])
        .env("GIT_EDITOR", "wait-for-it")
        .spawn();
    other.wait_for("waiting");
    let started = Instant::now();
    dies_once(&w, true);
    assert!(commit(&a).run().killed());
    let head = w.repo().join(".git/HEAD.lock");
    poll("the other git is as old as the lock looks", || {
        (started.elapsed().as_secs() >= 13).then_some(())
    });
    for path in locks(&w) {
        let args = ["-d", "12 seconds ago", &path.to_string_lossy()];
        w.command("touch", args).run().ok();
    }
    let running = w.repo().join(".git/ccc/running");
    for entry in std::fs::read_dir(running).expect("a note of what ran") {
        let path = entry.expect("an entry").path();
        let args = ["-d", "13 seconds ago", &path.to_string_lossy()];
        w.command("touch", args).run().ok();
    }
    let report = w.ccc(["doctor", "--fix"]);
    let holder = format!("process {}", other.pid());
    assert!(report.code(1).stdout.contains(&holder), "{report}");
    assert!(head.exists(), "it may be that git's");
    drop(other);
    commit(&a).run().ok();
    assert!(!head.exists(), "when it is gone nobody can have it");
}

#[test]
fn a_half_written_packed_refs_stops_nobody() {
    let w = world(World::options());
    let a = w.session("a");
    a.ccc(["claim", "a.txt"]).ok();
    w.git(["pack-refs", "--all"]).ok();
    let half = w.repo().join(".git/packed-refs.new");
    age(&w, &half);
    w.git(["pack-refs", "--all"]).code(128);
    a.ccc(["release", "a.txt"]).ok();
    assert!(!half.exists());
    w.git(["pack-refs", "--all"]).ok();
}

#[test]
fn a_dead_lock_of_a_session_stops_neither_it_nor_its_end() {
    let w = world(World::options());
    let a = w.session("a");
    let lock = w
        .repo()
        .join(format!(".git/refs/ccc/sessions/{}.lock", a.tag()));
    age(&w, &lock);
    a.ccc(["session", "set", "--task", "On with it"]).ok();
    assert!(!lock.exists());
    age(&w, &lock);
    a.ccc(["session", "end"]).ok();
    assert!(!lock.exists());
}

#[test]
fn a_dead_lock_of_the_room_stops_no_message() {
    let w = world(World::options());
    let a = w.session("a");
    a.ccc(["chat", "post", "one"]).ok();
    let lock = w.repo().join(".git/refs/notes/ccc/chat.lock");
    age(&w, &lock);
    a.ccc(["chat", "post", "two"]).ok();
    assert!(!lock.exists());
    age(&w, &lock);
    w.ccc(["doctor"]).code(1);
    w.ccc(["doctor", "--fix"]).ok();
    assert!(!lock.exists());
}
