//! Invariant 4 under load: thirty writers, a sibling with plain `git add`, packing, and kills.

use crate::common::{
    command::Cmd,
    race::{Packer, Random, race, race_with_kills},
    session::Session,
    world::{Options, World, poll},
};
use std::{collections::BTreeMap, time::Duration};

/// `CCC_LONG=1` runs the full size; the short one is always on.
fn long() -> bool {
    std::env::var_os("CCC_LONG").is_some()
}

fn shared(options: Options) -> World {
    let w = options.real_clock().build();
    w.ccc(["init"]).ok();
    w.write("sibling.txt", "one\n");
    w.git(["add", "sibling.txt"]).ok();
    w.git(["commit", "-qm", "base"]).ok();
    w.write("sibling.txt", "staged\n");
    w.git(["add", "sibling.txt"]).ok();
    w
}

fn commit(session: &Session, n: usize, subject: &str) -> Cmd {
    session.command([
        "commit",
        "-m",
        &format!("w{n} {subject}"),
        &format!("w{n}.txt"),
    ])
}

/// Returns how often each subject landed, having checked that every commit contains just its own file.
fn landed(w: &World) -> BTreeMap<String, usize> {
    let text = w.git_text(["log", "--format=%x00%s", "--name-only", "HEAD"]);
    let mut found = BTreeMap::new();
    for commit in text.split('\0').filter(|commit| !commit.trim().is_empty()) {
        let mut lines = commit.lines().filter(|line| !line.is_empty());
        let subject = lines.next().expect("a commit has a subject");
        if let Some((writer, _)) = subject.split_once(" r") {
            let files: Vec<_> = lines.collect();
            assert_eq!(
                files,
                [format!("{writer}.txt")],
                "{subject}: its own file and no foreign byte"
            );
            *found.entry(subject.to_owned()).or_default() += 1;
        }
    }
    found
}

fn unharmed(w: &World, what: &str) {
    assert_eq!(
        w.git_text(["status", "--short"]),
        "M  sibling.txt",
        "{what}: only what a sibling staged"
    );
    assert_eq!(w.git_text(["show", ":sibling.txt"]), "staged", "{what}");
    assert_eq!(
        w.git(["fsck", "--strict", "--no-dangling"]).ok().stdout,
        "",
        "{what}"
    );
}

#[test]
fn every_commit_of_thirty_writers_lands_with_its_own_file_alone() {
    let rounds = if long() { 20 } else { 2 };
    let kinds = if long() {
        World::matrix()
    } else {
        vec![World::options()]
    };
    for options in kinds {
        let w = shared(options);
        let sessions: Vec<_> = (0..30).map(|n| w.session(&format!("w{n}"))).collect();
        let packer = Packer::start(&w);
        for round in 0..rounds {
            for n in 0..sessions.len() {
                w.write(format!("w{n}.txt"), format!("{round}\n"));
            }
            let subject = format!("r{round}");
            for out in race(
                sessions
                    .iter()
                    .enumerate()
                    .map(|(n, session)| commit(session, n, &subject)),
            ) {
                out.ok();
            }
        }
        drop(packer);
        let landed = landed(&w);
        assert_eq!(landed.len(), sessions.len() * rounds, "every commit lands");
        assert!(
            landed.values().all(|count| *count == 1),
            "and lands once: {landed:?}"
        );
        unharmed(&w, "thirty writers");
    }
}

#[test]
fn a_killed_commit_lands_whole_or_not_at_all_and_stops_nobody() {
    let rounds = if long() { 200 } else { 6 };
    let w = shared(World::options());
    let sessions: Vec<_> = (0..6).map(|n| w.session(&format!("w{n}"))).collect();
    let seed = 20_261_121;
    let mut random = Random::new(seed);
    for round in 0..rounds {
        for n in 0..sessions.len() {
            w.write(format!("w{n}.txt"), format!("{round}\n"));
        }
        let subject = format!("r{round}");
        let commands: Vec<_> = sessions
            .iter()
            .enumerate()
            .map(|(n, session)| commit(session, n, &subject))
            .collect();
        let outs = race_with_kills(commands, &mut random, Duration::from_millis(60));
        for (n, out) in outs.iter().enumerate() {
            if !out.killed() {
                out.ok();
            } else if !landed(&w).contains_key(&format!("w{n} {subject}")) {
                commit(&sessions[n], n, &subject).run().ok();
            }
        }
        // The next commit of anybody finishes what a kill left half done.
        w.write("w0.txt", format!("{round} again\n"));
        commit(&sessions[0], 0, &format!("{subject} again"))
            .run()
            .ok();
        unharmed(&w, &format!("round {round}, seed {seed}"));
    }
    assert!(
        landed(&w).values().all(|count| *count == 1),
        "a commit lands once"
    );
}

/// A `git` that kills the first commit while that holds `index.lock`, once it is told to.
const DEADLY: &str = r#"
PATH=${PATH#*:}; export PATH
case "$*" in *--index-info*) ;; *) exec git "$@" ;; esac
mkdir "$TMPDIR/first" 2>/dev/null || exec git "$@"
read -r go <"$TMPDIR/go"; kill -9 $PPID; exit 137
"#;

#[test]
fn who_waits_for_the_index_of_a_commit_that_is_killed_goes_on() {
    let w = shared(World::options());
    let sessions = ["w0", "w1", "w2"].map(|name| w.session(name));
    for n in 0..sessions.len() {
        w.write(format!("w{n}.txt"), "1\n");
    }
    // An index that only git can write: the lock is held while it does so.
    w.git(["update-index", "--split-index"]).ok();
    let go = w.tmp().join("go");
    w.command("mkfifo", [&go]).run().ok();
    w.tool("git", DEADLY);
    let start = |n: usize| {
        let running = commit(&sessions[n], n, "one").spawn();
        let landed =
            || (w.git_text(["log", "-1", "--format=%s"]) == format!("w{n} one")).then_some(());
        poll("HEAD has moved", landed);
        running
    };
    let (killed, waits) = (start(0), start(1));
    std::fs::write(go, "go\n").expect("it listens");
    assert!(killed.wait().killed());
    waits.wait().ok();
    // The next commit finishes what the kill left half done.
    commit(&sessions[2], 2, "one").run().ok();
    unharmed(&w, "a kill under the lock");
}
