//! Writes of a shared file that wait: whoever gets the file's lock carries them all out at once, also if it is killed over it.

use crate::common::command::Running;
use crate::common::session::Session;
use crate::common::setup::ready;
use crate::common::world::{World, poll};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

const WRITERS: usize = 3;

/// Starts the writers while the lock is held and lets them go once all of them wait; `git` is what stands for git meanwhile.
fn pile_up(w: &World, git: &str) -> (Vec<Session>, Vec<Running>, PathBuf) {
    let file = w.home().join(".claude/skills/_index.md");
    fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
    fs::write(&file, "# Index\n\n- one\n").expect("a file");
    let sessions: Vec<Session> = (0..WRITERS).map(|n| w.session(&format!("w{n}"))).collect();
    let args = |act: &'static str| [Path::new("file"), Path::new(act), &file].map(Path::to_owned);
    let texts: Vec<String> = sessions
        .iter()
        .map(|by| by.ccc(args("cat")).ok().stdout.clone())
        .collect();
    let hub = w.home().join(".local/state/git-ccc/hub.git/ccc/files");
    let entries = || fs::read_dir(&hub).expect("a folder").flatten();
    let lock = entries().map(|entry| entry.path());
    let lock = lock.filter(|path| path.extension().is_some_and(|end| end == "flock"));
    let lock = File::open(lock.last().expect("a lock file")).expect("a lock file");
    lock.lock().expect("nobody has it");
    w.tool("git", git);
    let writing = sessions.iter().zip(texts).enumerate();
    let writing = writing
        .map(|(n, (by, text))| {
            let new = format!("{text}- entry {n}\n");
            by.command(args("write")).stdin(new).spawn()
        })
        .collect();
    poll("all wait", || {
        let queue = fs::read_dir(hub.join("queue")).ok()?.flatten().next()?;
        let orders = fs::read_dir(queue.path()).ok()?.flatten();
        let orders = orders.filter(|order| !order.file_name().to_string_lossy().starts_with('.'));
        (orders.count() == WRITERS).then_some(())
    });
    lock.unlock().expect("it was ours");
    (sessions, writing, file)
}

/// Every entry is there once, and the log has each under its writer's name.
#[track_caller]
fn check(w: &World, sessions: &[Session], file: &Path) {
    let text = fs::read_to_string(file).expect("a file");
    for n in 0..WRITERS {
        assert_eq!(text.matches(&format!("- entry {n}\n")).count(), 1, "{text}");
    }
    let args = [
        Path::new("file"),
        Path::new("log"),
        file,
        Path::new("--json"),
    ];
    let log = sessions[0].ccc(args).ok().json();
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
    let hub = w.home().join(".local/state/git-ccc/hub.git");
    let queue = fs::read_dir(hub.join("ccc/files/queue")).expect("a folder");
    for folder in queue.flatten() {
        let left = fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(left, 0, "nothing waits any more");
    }
    let hub = format!("--git-dir={}", hub.display());
    w.git([&hub, "fsck", "--strict", "--no-dangling"]).ok();
}

fn calls(w: &World) -> usize {
    let calls = fs::read_to_string(w.tmp().join("calls")).unwrap_or_default();
    calls.lines().count()
}

#[test]
fn what_waits_is_written_in_one_transaction() {
    let w = ready(World::new());
    let count = "case \"$*\" in *update-ref*) echo call >>\"$TMPDIR/calls\" ;; esac\nPATH=${PATH#*:} exec git \"$@\"";
    let (sessions, writing, file) = pile_up(&w, count);
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
        let (sessions, writing, file) = pile_up(&w, &deadly);
        let outputs: Vec<_> = writing.into_iter().map(Running::wait).collect();
        let killed = outputs.iter().filter(|out| out.killed()).count();
        let done = outputs.iter().filter(|out| out.code == 0).count();
        assert_eq!((killed, done), (1, WRITERS - 1), "{outputs:?}");
        check(&w, &sessions, &file);
        assert_eq!(calls(&w), transactions, "{git}");
    }
}
