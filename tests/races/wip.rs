//! Snapshots under kills, beside git packing, of files that change while they are read, and by many processes of one session at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::common::command::When;
use crate::common::race::{Packer, Random, race, race_with_kills};
use crate::common::session::Session;
use crate::common::setup::ready;
use crate::common::world::World;

fn rounds(short: usize) -> usize {
    if std::env::var_os("CCC_LONG").is_some() {
        short * 20
    } else {
        short
    }
}

fn committed() -> (World, Session) {
    let w = ready(World::options().real_clock().build());
    for n in 0..20 {
        w.write(format!("d{}/{n}.txt", n % 4), format!("{n}\n"));
    }
    w.git(["add", "."]).ok();
    w.git(["commit", "-qnm", "base"]).ok();
    let a = w.session("a");
    (w, a)
}

/// Every snapshot of the chain can be read, and the repository is whole.
#[track_caller]
fn whole(w: &World, a: &Session, seed: &str) -> usize {
    w.git(["fsck", "--strict", "--no-dangling"]).ok();
    let list = a.ccc(["wip", "list", "--json"]).ok().json();
    assert_eq!(
        list["unreadable"].as_array().map(Vec::len),
        Some(0),
        "{seed}: {list}"
    );
    let all = list["snapshots"].as_array().expect("a list").clone();
    for one in &all {
        let id = one["id"].as_str().expect("an id");
        let show = a.ccc(["wip", "show", id, "--json"]).ok().json();
        let paths = show["paths"].as_array().map(Vec::len);
        assert_eq!(
            paths.map(|n| n as u64),
            one["paths"].as_u64(),
            "{seed}: {show}"
        );
    }
    all.len()
}

#[test]
fn a_kill_at_any_call_of_git_leaves_a_whole_chain() {
    let (w, a) = committed();
    w.write(".git/ccc.toml", "[wip]\nkeep = 2\n");
    for when in [When::Before, When::After] {
        for nth in 1..6 {
            w.write("d1/1.txt", format!("{when:?} {nth}\n"));
            w.write(format!("new/{when:?}{nth}.txt"), "new\n");
            let killed = a
                .command(["wip", "save", "-q"])
                .kill_at(nth, when)
                .run()
                .killed();
            whole(&w, &a, &format!("{when:?} {nth}"));
            a.ccc(["wip", "save"]).ok();
            if !killed {
                break;
            }
        }
    }
    assert!(whole(&w, &a, "at the end") > 0);
}

#[test]
fn kills_at_random_moments_leave_index_files_and_chain_whole() {
    let seed = 0x77_1b;
    let mut random = Random::new(seed);
    let (w, a) = committed();
    let tag = format!("refs/ccc/wip/{}", a.tag());
    for round in 0..rounds(6) {
        for n in 0..20 {
            w.write(format!("d{}/{n}.txt", n % 4), format!("{round} {n}\n"));
        }
        w.write(format!("new/{round}.txt"), "x".repeat(100_000));
        let status = w.git_text(["status", "--porcelain", "-uall"]);
        let saves = (0..4).map(|_| a.command(["wip", "save", "-q"]));
        let outs = race_with_kills(saves, &mut random, Duration::from_millis(40));
        let said = format!("seed {seed} round {round}");
        assert_eq!(
            w.git_text(["status", "--porcelain", "-uall"]),
            status,
            "{said}"
        );
        assert!(!w.repo().join(".git/index.lock").exists(), "{said}");
        // Whoever was not killed has saved it, or waited in vain for a lock that a killed one left behind.
        if outs.iter().any(|out| out.code == 0) {
            assert_eq!(
                w.git_text(["show", &format!("{tag}:d1/1.txt")]),
                format!("{round} 1"),
                "{said}"
            );
        }
    }
    // A restore that is killed leaves every file as it was or as it is to be, and nothing beside them.
    a.ccc(["wip", "save"]).ok();
    let saved = w.git_text(["status", "--porcelain", "-uall"]);
    let (old, new) = ("1\n".to_owned(), w.read("d1/1.txt"));
    for _ in 0..rounds(6) {
        w.git(["reset", "-q", "--hard"]).ok();
        w.git(["clean", "-qfd"]).ok();
        let restore = [a.command(["wip", "restore", "-q"]), a.command(["who"])];
        let _ = race_with_kills(restore, &mut random, Duration::from_millis(60));
        let now = w.read("d1/1.txt");
        assert!(now == old || now == new, "seed {seed}: {now}");
        w.command("rm", ["-f", ".git/index.lock"]).run().ok();
        let again = a.ccc(["wip", "restore"]);
        assert_eq!(
            w.git_text(["status", "--porcelain", "-uall"]),
            saved,
            "seed {seed}: {}{}",
            again.stdout,
            again.stderr
        );
    }
    whole(&w, &a, "at the end");
}

#[test]
fn many_at_once_beside_a_packer_lose_nothing() {
    let (w, a) = committed();
    let packer = Packer::start(&w);
    for round in 0..rounds(3) {
        w.write("d1/1.txt", format!("round {round}\n"));
        let outs = race((0..6).map(|_| a.command(["wip", "save", "-q"])));
        for out in outs {
            out.ok();
        }
        let tip = format!("refs/ccc/wip/{}:d1/1.txt", a.tag());
        assert_eq!(w.git_text(["show", &tip]), format!("round {round}"));
    }
    drop(packer);
    let chain = whole(&w, &a, "at the end");
    assert_eq!(
        chain,
        rounds(3),
        "one state, one snapshot, however many saw it"
    );
}

#[test]
fn a_file_that_changes_while_it_is_read_is_one_of_its_states_and_is_seen_in_the_end() {
    let (w, a) = committed();
    let stop = AtomicBool::new(false);
    let path = w.repo().join("d1/1.txt");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut n = 0_u32;
            while !stop.load(Ordering::SeqCst) {
                n += 1;
                // Of one length, so that only times and bytes differ.
                std::fs::write(path.with_extension("tmp"), format!("{n:08}\n").repeat(4000))
                    .expect("a file");
                std::fs::rename(path.with_extension("tmp"), &path).expect("in place");
            }
        });
        for _ in 0..rounds(8) {
            a.ccc(["wip", "save", "-q"]).ok();
            let held = w.git_text(["show", &format!("refs/ccc/wip/{}:d1/1.txt", a.tag())]);
            let mut lines = held.lines();
            let first = lines.next().unwrap_or_default().to_owned();
            assert!(lines.all(|line| line == first), "no mixture");
        }
        stop.store(true, Ordering::SeqCst);
    });
    a.ccc(["wip", "save", "-q"]).ok();
    let held = w.git_text(["show", &format!("refs/ccc/wip/{}:d1/1.txt", a.tag())]);
    assert_eq!(held, w.read("d1/1.txt").trim_end());
    // Two writes of one length within one tick of the clock, a snapshot between them.
    for n in 0..rounds(20) {
        w.write("d2/2.txt", format!("{n:04} a\n"));
        a.ccc(["wip", "save", "-q"]).ok();
        w.write("d2/2.txt", format!("{n:04} b\n"));
        a.ccc(["wip", "save", "-q"]).ok();
        let held = w.git_text(["show", &format!("refs/ccc/wip/{}:d2/2.txt", a.tag())]);
        assert_eq!(held, format!("{n:04} b"));
    }
}
