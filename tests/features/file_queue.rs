//! Writes of a shared file that wait: whoever gets the file's lock carries them all out at once, also if it is killed over it.

use crate::common::command::{Cmd, Running};
use crate::common::session::Session;
use crate::common::setup::ready;
use crate::common::world::{World, poll};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

const WRITERS: usize = 3;

/// Starts the writers while the lock is held and lets them go once all of them wait; `git` is what stands for git meanwhile.
fn pile_up(w: &World, git: Option<&str>) -> (Vec<Session>, Vec<Running>, PathBuf) {
    let file = index(w);
    let sessions: Vec<Session> = (0..WRITERS).map(|n| w.session(&format!("w{n}"))).collect();
    let texts = sessions
        .iter()
        .map(|by| by.ccc(args("cat", &file, &[])).ok().stdout.clone());
    let writing = sessions.iter().zip(texts.collect::<Vec<_>>()).enumerate();
    let writing = writing.map(|(n, (by, text))| {
        let new = format!("{text}- entry {n}\n");
        by.command(args("write", &file, &[])).stdin(new)
    });
    let running = let_go_at_once(w, git, writing.collect());
    (sessions, running, file)
}

/// Makes the shared file.
fn index(w: &World) -> PathBuf {
    let file = w.home().join(".claude/skills/_index.md");
    fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
    fs::write(&file, "# Index\n\n- one\n").expect("a file");
    file
}

fn args<'a>(act: &'a str, file: &'a Path, more: &[&'a str]) -> Vec<&'a OsStr> {
    let mut args = vec!["file".as_ref(), act.as_ref(), file.as_os_str()];
    args.extend(more.iter().map(|word| OsStr::new(*word)));
    args
}

fn let_go_at_once(w: &World, git: Option<&str>, commands: Vec<Cmd>) -> Vec<Running> {
    let (_, lock) = lock(w);
    if let Some(git) = git {
        w.tool("git", git);
    }
    let all = commands.len();
    let running = commands.into_iter().map(Cmd::spawn).collect();
    poll("all wait", || (orders(w) == all).then_some(()));
    lock.unlock().expect("it was ours");
    running
}

/// Takes the lock of the only shared file there is.
fn lock(w: &World) -> (PathBuf, File) {
    let entries = fs::read_dir(w.hub().join("ccc/files")).expect("a folder");
    let mut paths = entries.flatten().map(|entry| entry.path());
    let path = paths.find(|path| path.extension().is_some_and(|end| end == "flock"));
    let path = path.expect("a lock file");
    let lock = File::open(&path).expect("a lock file");
    lock.lock().expect("nobody has it");
    (path, lock)
}

/// So many writes wait.
fn orders(w: &World) -> usize {
    let queues = fs::read_dir(w.hub().join("ccc/files/queue"));
    let queues = queues.into_iter().flatten().flatten();
    let orders = queues.flat_map(|queue| fs::read_dir(queue.path()).into_iter().flatten());
    orders
        .flatten()
        .filter(|order| !order.file_name().to_string_lossy().starts_with('.'))
        .count()
}

/// Every entry is there once, and the log has each under its writer's name.
#[track_caller]
fn check(w: &World, sessions: &[Session], file: &Path) {
    let text = fs::read_to_string(file).expect("a file");
    for n in 0..WRITERS {
        assert_eq!(text.matches(&format!("- entry {n}\n")).count(), 1, "{text}");
    }
    let log = sessions[0].ccc(args("log", file, &["--json"]));
    let log = log.ok().json();
    let versions = log["versions"].as_array().expect("a list");
    let mut by: Vec<&str> = versions
        .iter()
        .filter_map(|version| version["by"].as_str())
        .collect();
    by.sort_unstable();
    let mut all: Vec<&str> = sessions.iter().map(Session::tag).collect();
    all.sort_unstable();
    assert_eq!(by, all, "{log}");
    assert_eq!(versions.len(), WRITERS + 1, "{log}");
    let hub = w.hub();
    let queue = fs::read_dir(hub.join("ccc/files/queue")).expect("a folder");
    for folder in queue.flatten() {
        let left = fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(left, 0, "nothing waits any more");
    }
    let hub = format!("--git-dir={}", hub.display());
    w.git([&hub, "fsck", "--strict", "--no-dangling"]).ok();
}

/// A git that notes each transaction.
const COUNT: &str = "case \"$*\" in *update-ref*) echo call >>\"$TMPDIR/calls\" ;; esac\nPATH=${PATH#*:} exec git \"$@\"";

fn calls(w: &World) -> usize {
    let calls = fs::read_to_string(w.tmp().join("calls")).unwrap_or_default();
    calls.lines().count()
}

#[test]
fn what_waits_is_written_in_one_transaction() {
    let w = ready(World::new());
    let (sessions, writing, file) = pile_up(&w, Some(COUNT));
    for running in writing {
        running.wait().ok();
    }
    assert_eq!(calls(&w), 1, "one transaction for all");
    check(&w, &sessions, &file);
}

#[test]
fn whoever_is_killed_over_the_writes_of_others_loses_and_repeats_none() {
    // After the transaction, before its writer hears of it; and after the file is replaced, before the transaction.
    for (git, transactions) in [("git \"$@\" <\"$TMPDIR/script\" >&2", 1), (":", 2)] {
        let w = ready(World::new());
        let deadly = format!(
            "PATH=${{PATH#*:}}; case \"$*\" in *update-ref*) ;; *) exec git \"$@\" ;; esac\n\
             echo call >>\"$TMPDIR/calls\"\nmkdir \"$TMPDIR/first\" 2>/dev/null || exec git \"$@\"\n\
             cat >\"$TMPDIR/script\"; {git}; kill -9 $PPID; exit 137"
        );
        let (sessions, writing, file) = pile_up(&w, Some(&deadly));
        let outputs: Vec<_> = writing.into_iter().map(Running::wait).collect();
        let killed = outputs.iter().filter(|out| out.killed()).count();
        let done = outputs.iter().filter(|out| out.code == 0).count();
        assert_eq!((killed, done), (1, WRITERS - 1), "{outputs:?}");
        check(&w, &sessions, &file);
        assert_eq!(calls(&w), transactions, "{git}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn who_looks_after_a_kill_waits_for_what_becomes_of_the_write() {
    let w = ready(World::new());
    let file = index(&w);
    let by = w.session("a");
    let text = by.ccc(args("cat", &file, &[])).ok().stdout.clone();
    // Whoever has the lock may have read the order before its writer was killed.
    let (path, lock) = lock(&w);
    let writing = by
        .command(args("write", &file, &[]))
        .stdin(text + "- two\n");
    let mut writing = writing.spawn();
    poll("it waits", || (orders(&w) == 1).then_some(()));
    writing.kill();
    assert!(writing.wait().killed());
    let mut looking = by.command(args("cat", &file, &[])).spawn();
    let open = PathBuf::from(format!("/proc/{}/fd", looking.pid()));
    poll("it waits or has ended", || {
        let all = fs::read_dir(&open).into_iter().flatten().flatten();
        let mut all = all.filter_map(|entry| fs::read_link(entry.path()).ok());
        (all.any(|open| open == path) || looking.has_ended()).then_some(())
    });
    assert!(!looking.has_ended(), "nobody can know yet");
    lock.unlock().expect("it was ours");
    assert!(!looking.wait().ok().stdout.contains("- two"));
    assert_eq!(orders(&w), 0, "nobody carries it out any more");
}

#[test]
fn edits_and_restores_are_carried_out_with_the_writes() {
    let w = ready(World::new());
    let file = index(&w);
    let [a, b, c] = ["a", "b", "c"].map(|name| w.session(name));
    a.ccc(args("cat", &file, &[])).ok();
    let edit = |by: &Session, line: &str| by.command(args("edit", &file, &["--append", line]));
    edit(&a, "- two").run().ok();
    let commands = vec![
        edit(&a, "- by a"),
        c.command(args("restore", &file, &["1"])),
        edit(&b, "- by b"),
    ];
    for running in let_go_at_once(&w, Some(COUNT), commands) {
        running.wait().ok();
    }
    assert_eq!(calls(&w), 1, "one transaction for all");
    let log = a.ccc(args("log", &file, &["--json"]));
    let log = log.ok().json();
    let versions = log["versions"].as_array().expect("a list");
    let mut newest: Vec<_> = versions[..3]
        .iter()
        .map(|version| [&version["by"], &version["act"]].map(|word| word.as_str().unwrap_or("")))
        .collect();
    newest.sort_unstable();
    let wanted = [(&a, "write"), (&b, "write"), (&c, "restore")];
    assert_eq!(newest, wanted.map(|(by, act)| [by.tag(), act]), "{log}");
    let number = |by: &Session| {
        versions
            .iter()
            .position(|version| version["by"] == by.tag())
    };
    let text = fs::read_to_string(&file).expect("a file");
    for by in [&a, &b] {
        // What was added before the restore went with it.
        let line = format!("- by {}\n", &by.tag()[..1]);
        assert_eq!(text.contains(&line), number(by) < number(&c), "{text}{log}");
    }
    assert!(!text.contains("- two"), "{text}");
}

/// The packs in the hub.
fn packs(w: &World, end: &str) -> Vec<PathBuf> {
    let folder = w.hub().join("objects/pack");
    let files = fs::read_dir(folder).expect("a folder").flatten();
    let mut paths: Vec<PathBuf> = files.map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|found| found == end));
    paths
}

#[test]
fn a_group_of_versions_is_one_pack_as_git_makes_it() {
    let w = ready(World::new());
    let (sessions, writing, file) = pile_up(&w, None);
    for running in writing {
        running.wait().ok();
    }
    check(&w, &sessions, &file);
    let [pack] = &packs(&w, "pack")[..] else {
        panic!("one pack: {:?}", packs(&w, "pack"));
    };
    assert_eq!(packs(&w, "keep"), Vec::<PathBuf>::new());
    let own = w.tmp().join("own.idx");
    let paths = [&own, pack].map(|path| path.to_str().expect("a path"));
    w.git(["index-pack", "--no-rev-index", "-o", paths[0], paths[1]])
        .ok();
    assert_eq!(
        fs::read(own).expect("git's index"),
        fs::read(pack.with_extension("idx")).expect("our index")
    );
    let git_dir = format!("--git-dir={}", w.hub().display());
    w.git([&git_dir, "gc", "--quiet", "--prune=now"]).ok();
    assert!(!pack.exists(), "git has taken it up");
    check(&w, &sessions, &file);
    for number in 1..=WRITERS + 1 {
        let number = number.to_string();
        let text = sessions[0].command(args("cat", &file, &["--at", &number]));
        assert!(text.run().ok().stdout.starts_with("# Index\n"), "{number}");
    }
}

#[test]
fn a_group_that_no_ref_names_yet_outlives_a_repack_and_a_kill() {
    // git repacks all that is named, in the place of the transaction, and its caller is killed.
    let w = ready(World::new());
    let deadly = "PATH=${PATH#*:}; case \"$*\" in *update-ref*) ;; *) exec git \"$@\" ;; esac\n\
         mkdir \"$TMPDIR/first\" 2>/dev/null || exec git \"$@\"\n\
         cat >\"$TMPDIR/script\"; git --git-dir=\"$2\" repack -adq && kill -9 $PPID; exit 137";
    let (sessions, writing, file) = pile_up(&w, Some(deadly));
    let outputs: Vec<_> = writing.into_iter().map(Running::wait).collect();
    let killed = outputs.iter().filter(|out| out.killed()).count();
    assert_eq!(killed, 1, "{outputs:?}");
    assert_eq!(packs(&w, "keep").len(), 1, "it was not named by then");
    check(&w, &sessions, &file);
}
