//! The harness keeps its promises: shown with git and sh alone, so that a red test of the product is not the harness's fault.

use std::time::Duration;

use crate::common::command::When;
use crate::common::race::{Packer, Random, race, race_with_kills};
use crate::common::world::{World, poll};

#[test]
fn two_worlds_make_the_same_objects() {
    let commit = || {
        let w = World::new();
        w.write("src/a.txt", "a\n");
        w.git(["add", "-A"]).ok();
        w.git(["commit", "-q", "-m", "One"]).ok();
        w.git_text(["rev-parse", "HEAD"])
    };
    assert_eq!(
        commit(),
        commit(),
        "clock, identity and configuration are the world's own"
    );
}

#[test]
fn every_kind_of_world_can_be_made() {
    for options in World::matrix() {
        let w = options.clone().linked_worktree().build();
        assert_eq!(
            w.git_text(["rev-parse", "--abbrev-ref", "HEAD"]),
            "linked",
            "{options:?}"
        );
        assert_eq!(
            w.git_text(["rev-list", "--count", "--all"]),
            "1",
            "{options:?}"
        );
    }
}

#[test]
fn nothing_leaks_in_and_each_command_has_its_second_and_its_seed() {
    let w = World::new();
    let before = w
        .command("sh", ["-c", "echo $CCC_TEST_NOW $CCC_TEST_SEED"])
        .run();
    let output = w
        .command(
            "sh",
            [
                "-c",
                "echo $CCC_TEST_NOW $CCC_TEST_SEED $HOME $PWD; echo e >&2; exit 3",
            ],
        )
        .run();
    assert_eq!(before.ok().stdout, "2026-01-01T00:00:03Z 3\n");
    insta::assert_snapshot!(output, @r"
    2026-01-01T00:00:04Z 4 $HOME $REPO
    ------- stderr -------
    e
    [exit 3]
    [EOF]
    ");
    let env = w.command("env", [] as [&str; 0]).run();
    assert!(
        !env.ok().stdout.contains("CARGO"),
        "the environment is built, not inherited:\n{env}"
    );
    let real = World::options()
        .real_clock()
        .build()
        .command("env", [] as [&str; 0])
        .run();
    assert!(
        !real.ok().stdout.contains("CCC_TEST_"),
        "a real clock has no seams:\n{real}"
    );
}

#[test]
fn a_race_has_one_winner_and_every_output() {
    let w = World::new();
    let head = w.git_text(["rev-parse", "HEAD"]);
    let take = |n: usize| {
        w.command("git", ["update-ref", "--stdin"])
            .stdin(format!("create refs/x/{} {head}\n", n % 2))
    };
    let outputs = race((0..8).map(take));
    assert_eq!(
        outputs.iter().filter(|output| output.code == 0).count(),
        2,
        "one winner a ref: {outputs:?}"
    );
    assert!(
        outputs
            .iter()
            .all(|output| !output.stdout.contains("ready")),
        "the barrier leaves no trace"
    );
}

#[test]
fn kills_at_random_come_from_the_seed_and_hit() {
    let w = World::new();
    let wait = || w.command("sh", ["-c", "exec sleep 1"]);
    let killed = |outputs: Vec<crate::common::output::CommandOutput>| -> Vec<bool> {
        outputs
            .iter()
            .map(crate::common::output::CommandOutput::killed)
            .collect()
    };
    let run = || {
        killed(race_with_kills(
            (0..6).map(|_| wait()),
            &mut Random::new(7),
            Duration::from_millis(20),
        ))
    };
    let first = run();
    assert!(
        first.contains(&true) && first.contains(&false),
        "about every second one: {first:?}"
    );
    assert_eq!(first, run(), "the seed decides who dies");
}

#[test]
fn the_nth_git_call_kills_its_caller() {
    let script = "git update-ref refs/x/1 HEAD; git update-ref refs/x/2 HEAD; echo done";
    let left = |nth, when| {
        let w = World::new();
        let output = w.command("sh", ["-c", script]).kill_at(nth, when).run();
        (
            output.killed(),
            output.stdout.clone(),
            w.git_text(["for-each-ref", "--format=%(refname)", "refs/x"]),
        )
    };
    assert_eq!(
        left(2, When::Before),
        (true, String::new(), "refs/x/1".to_owned())
    );
    assert_eq!(
        left(2, When::After),
        (true, String::new(), "refs/x/1\nrefs/x/2".to_owned())
    );
    assert_eq!(
        left(3, When::Before),
        (false, "done\n".to_owned(), "refs/x/1\nrefs/x/2".to_owned())
    );
}

#[test]
fn a_child_ends_with_its_handle_and_all_it_started_too() {
    let w = World::new();
    let running = w.command("sh", ["-c", "sleep 600 & echo $!; wait"]).spawn();
    running.wait_for("\n");
    let alive = |pid: u32| std::path::Path::new(&format!("/proc/{pid}/stat")).exists();
    let pid = running.pid();
    assert!(
        alive(pid) || !cfg!(target_os = "linux"),
        "it runs beside the test"
    );
    drop(running);
    poll("the end of the child", || (!alive(pid)).then_some(()));
}

#[test]
fn the_packer_packs_beside_us() {
    for options in World::matrix() {
        let w = options.build();
        let packer = Packer::start(&w);
        for n in 0..5 {
            poll("a ref beside the packer", || {
                (w.git(["update-ref", &format!("refs/x/{n}"), "HEAD"]).code == 0).then_some(())
            });
        }
        drop(packer);
        w.git(["fsck", "--strict"]).ok();
        assert_eq!(
            w.git(["for-each-ref", "refs/x"]).ok().lines().len(),
            5,
            "no ref is lost"
        );
    }
}

#[test]
fn a_fake_tool_comes_first_on_path() {
    let w = World::new();
    w.tool("claude", "echo \"fake $1\"");
    assert_eq!(
        w.command("sh", ["-c", "claude x"]).run().ok().stdout,
        "fake x\n"
    );
}
