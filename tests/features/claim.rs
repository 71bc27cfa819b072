//! Claims end to end: who holds what, until when, and what a second taker is told.

use std::time::Instant;

use crate::common::output::CommandOutput;
use crate::common::session::Session;
use crate::common::setup::ready;
use crate::common::world::{World, poll};

const CLAIMS: &str = "refs/ccc/claims";

fn claims(w: &World) -> Vec<serde_json::Value> {
    let answer = w.ccc(["claims", "--json"]).ok().json();
    answer["claims"].as_array().expect("a list").clone()
}

fn refs(w: &World) -> String {
    w.git_text(["for-each-ref"])
}

/// Waits until so many commands stand in the queue.
fn queued(w: &World, count: usize) {
    let queue = w.main_worktree().join(".git/ccc/queue");
    poll("a place in the queue", || {
        let tickets = std::fs::read_dir(&queue).map_or(0, |all| {
            all.flatten()
                .filter(|file| !file.file_name().to_string_lossy().starts_with('.'))
                .count()
        });
        (tickets == count).then_some(())
    });
}

fn real() -> World {
    ready(World::options().real_clock().build())
}

fn is_refused(output: &CommandOutput, holder: &Session) {
    let error = output.code(1).json_error();
    let blocker = &error["detail"]["blockers"][0]["claim"]["session"];
    assert_eq!(
        *blocker,
        holder.tag(),
        "a refusal names the holder: {error}"
    );
}

#[test]
fn second_taker_is_refused_and_told_who_holds_what_and_what_to_do() {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    insta::assert_snapshot!(a.ccc(["claim", "src/auth/", "-m", "Rotate keys", "--eta", "30m"]), @r#"
    [a-6e73] CLAIM src/auth — eta 30min
    [exit 0]
    [EOF]
    "#);
    insta::assert_snapshot!(b.ccc(["claim", "src/**/*.rs"]), @r#"
    ------- stderr -------
    ccc: src/**/*.rs is claimed by a-6e73 until 2026-01-01T01:00:06Z
      because: a-6e73 holds src/auth, which overlaps src/**/*.rs, for "Rotate keys", since 2026-01-01T00:00:06Z until 2026-01-01T01:00:06Z, done about 2026-01-01T00:30:06Z, in $REPO (claim bd64a5d9adef)
    hint: git ccc claim --wait 'src/**/*.rs'
    [exit 1]
    [EOF]
    "#);
    insta::assert_snapshot!(b.ccc(["claim", "docs/"]), @r#"
    [b-6303] CLAIM docs — for 60min
    [exit 0]
    [EOF]
    "#);
    insta::assert_snapshot!(w.ccc(["claims"]), @r#"
    bd64a5d9adef  src/auth  a-6e73  until 2026-01-01T01:00:06Z  Rotate keys
    9e5651b0ef95  docs      b-6303  until 2026-01-01T01:00:08Z
    [exit 0]
    [EOF]
    "#);
    insta::assert_snapshot!(a.ccc(["release", "src/auth"]), @r#"
    [a-6e73] RELEASE src/auth — done
    [exit 0]
    [EOF]
    "#);
}

#[test]
fn plain_git_reads_the_board() {
    let w = ready(World::new());
    let a = w.session("a");
    a.ccc(["claim", "src/auth/"]).ok();
    let board = [
        "for-each-ref",
        "--format=%(refname:lstrip=3)  %(contents:subject)",
        CLAIMS,
    ];
    let line = w.git_text(board);
    let (id, subject) = line.split_once("  ").expect("an id and a subject");
    assert_eq!(id.len(), 12, "{line}");
    assert_eq!(subject, format!("src/auth held by {}", a.tag()));
    w.git(["fsck", "--strict"]).ok();
}

#[test]
fn all_or_nothing() {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    a.ccc(["claim", "src/b.rs"]).ok();
    let before = refs(&w);
    is_refused(
        &b.ccc(["claim", "src/a.rs", "src/b.rs", "res:port/3000", "--json"]),
        &a,
    );
    assert_eq!(refs(&w), before, "a refusal writes nothing");
    a.ccc(["release", "--all"]).ok();
    b.ccc(["claim", "src/a.rs", "src/b.rs", "res:port/3000"])
        .ok();
    assert_eq!(claims(&w).len(), 1, "one request is one claim");
}

#[test]
fn every_pair_of_kinds_is_decided_in_both_orders() {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    let overlapping = [
        ("src/a.rs", "src/"),
        ("src/*.rs", "src/a*"),
        ("src/*/a.rs", "src/b/*.rs"),
        ("src/**", "src/deep/x"),
        ("src/{a,b}.rs", "src/[bc].rs"),
        ("res:port/3000", "res:port/3000"),
        ("~/.claude/settings.json", "~/.claude/"),
    ];
    let apart = [
        ("a.rs", "src/a.rs"),
        ("src/a", "src/ab"),
        ("res:port/3000", "res:port/3001"),
        ("~/x", "x"),
        ("res:x", "x"),
    ];
    for (one, two) in overlapping
        .into_iter()
        .chain(overlapping.map(|(one, two)| (two, one)))
    {
        a.ccc(["claim", one]).ok();
        is_refused(&b.ccc(["claim", two, "--json"]), &a);
        a.ccc(["release", "--all"]).ok();
    }
    for (one, two) in apart {
        a.ccc(["claim", one]).ok();
        b.ccc(["claim", two]).ok();
        a.ccc(["release", "--all"]).ok();
        b.ccc(["release", "--all"]).ok();
    }
}

#[test]
fn every_spelling_of_a_path_is_one_scope() {
    let w = ready(World::new());
    w.write("src/deep/a.rs", "");
    std::os::unix::fs::symlink("src/deep", w.repo().join("link")).expect("a link");
    let (a, b) = (w.session("a"), w.session("b"));
    a.ccc(["claim", "src/deep/a.rs"]).ok();
    let absolute = w.repo().join("src/deep/a.rs").display().to_string();
    let root = w.repo();
    let spellings = [
        (root.clone(), "./src/deep/a.rs"),
        (root.clone(), "src//deep/./a.rs"),
        (root.clone(), "src/deep/../deep/a.rs"),
        (root.clone(), absolute.as_str()),
        (root.clone(), "link/a.rs"),
        (root.join("src"), "deep/a.rs"),
        (root.join("src/deep"), "a.rs"),
        (root.join("src/deep"), "../../src/deep/a.rs"),
        (root.join("link"), "a.rs"),
    ];
    for (dir, spelling) in spellings {
        let refused = b.command(["claim", spelling, "--json"]).cwd(dir).run();
        assert_eq!(refused.code, 1, "{spelling}:\n{refused}");
        let wanted = &refused.json_error()["detail"]["blockers"][0]["wanted"];
        assert_eq!(*wanted, "src/deep/a.rs", "{spelling}");
    }
    b.ccc(["claim", "../outside.rs"]).code(2);
}

#[test]
fn what_does_not_exist_yet_can_be_claimed() {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    a.ccc(["claim", "new/dir/file.rs"]).ok();
    is_refused(&b.ccc(["claim", "new/", "--json"]), &a);
    assert!(!w.repo().join("new").exists(), "a claim creates no file");
}

#[test]
fn another_worktree_is_the_same_repository() {
    let w = ready(World::new());
    let a = w.session("a");
    let b = w.session_in(&w.worktree("other"), "b");
    a.ccc(["claim", "src/"]).ok();
    is_refused(&b.ccc(["claim", "src/lib.rs", "--json"]), &a);
}

#[test]
fn a_dry_run_writes_nothing() {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    a.ccc(["claim", "src/"]).ok();
    let before = refs(&w);
    assert_eq!(b.ccc(["claim", "docs/", "--dry-run"]).ok().stdout, "free\n");
    is_refused(&b.ccc(["claim", "src/x", "--dry-run", "--json"]), &a);
    assert_eq!(refs(&w), before);
}

#[test]
fn claiming_again_extends_and_wider_widens() {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    a.ccc(["claim", "src/auth/", "--for", "10m"]).ok();
    let first = claims(&w);
    w.advance(60);
    a.ccc(["claim", "src/auth/login.rs", "--for", "10m"]).ok();
    let second = claims(&w);
    assert_eq!(second.len(), 1, "a nested own scope is the same claim");
    assert_eq!(second[0]["id"], first[0]["id"]);
    assert!(
        second[0]["until"].as_str() > first[0]["until"].as_str(),
        "it is extended"
    );
    a.ccc(["claim", "src/"]).ok();
    let third = claims(&w);
    assert_eq!(third.len(), 1, "the wider one takes the narrower in");
    assert_eq!(third[0]["scopes"][0], "src");
    is_refused(&b.ccc(["claim", "src/auth/", "--json"]), &a);
}

#[test]
fn a_part_can_be_given_back_and_giving_back_twice_is_a_no() {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    a.ccc(["claim", "src/", "docs/"]).ok();
    a.ccc(["release", "docs/"]).ok();
    assert_eq!(claims(&w)[0]["scopes"], serde_json::json!(["src"]));
    b.ccc(["claim", "docs/"]).ok();
    is_refused(&b.ccc(["claim", "src/", "--json"]), &a);
    a.ccc(["release", "docs/"]).code(1);
    a.ccc(["release", "--all"]).ok();
    a.ccc(["release", "--all"]).ok();
    assert_eq!(claims(&w).len(), 1, "b's is not touched");
}

#[test]
fn a_break_is_on_the_record() {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    a.ccc(["claim", "src/"]).ok();
    let id = claims(&w)[0]["id"].as_str().expect("an id").to_owned();
    b.ccc(["break", &id]).code(2);
    b.ccc(["break", &id, "--why", "It hangs"]).ok();
    let entry = w.git_text(["log", "-1", "--format=%s%n%b", "refs/ccc/log"]);
    let expected = [
        format!("break src of {} by {}", a.tag(), b.tag()),
        "Ccc-Why: It hangs".to_owned(),
        format!("Ccc-Holder: {}", a.tag()),
        format!("Ccc-Gone: {id} broken"),
    ];
    for line in expected {
        assert!(entry.lines().any(|has| has == line), "{line}\nin\n{entry}");
    }
    b.ccc(["claim", "src/"]).ok();
    is_refused(&a.ccc(["claim", "src/", "--json"]), &b);
}

#[test]
fn a_lease_ends_at_its_second_and_not_one_earlier() {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    a.ccc(["claim", "src/", "--for", "10m"]).ok();
    let until = claims(&w)[0]["until"].as_str().expect("a time").to_owned();
    let until = chrono::DateTime::parse_from_rfc3339(&until).expect("RFC 3339");
    let take = |at: chrono::DateTime<chrono::FixedOffset>| {
        let at = at
            .to_utc()
            .to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        b.command(["claim", "src/", "--json"])
            .env("CCC_TEST_NOW", at)
            .run()
    };
    is_refused(&take(until - chrono::TimeDelta::seconds(1)), &a);
    take(until).ok();
}

#[test]
fn the_claim_of_a_dead_holder_is_free_at_once() {
    let w = real();
    let (mut a, b) = (w.session("a"), w.session("b"));
    a.ccc(["claim", "src/", "--for", "8h"]).ok();
    is_refused(&b.ccc(["claim", "src/", "--json"]), &a);
    a.die();
    b.ccc(["claim", "src/"]).ok();
    assert_eq!(claims(&w).len(), 1, "what it left behind is cleared away");
}

#[test]
fn a_waiter_wakes_on_release() {
    let w = real();
    let (a, b) = (w.session("a"), w.session("b"));
    let mut worst = 0;
    for _ in 0..5 {
        a.ccc(["claim", "src/"]).ok();
        let waiting = b.spawn(["claim", "--wait", "src/lib.rs"]);
        queued(&w, 1);
        a.ccc(["release", "src/"]).ok();
        let released = Instant::now();
        waiting.wait().ok();
        worst = worst.max(released.elapsed().as_millis());
        b.ccc(["release", "--all"]).ok();
    }
    // The bar is 100 ms and belongs to the benches; a loaded machine may take longer.
    println!("info: a waiter was through {worst} ms after the release, at worst of 5");
    assert!(worst < 1000, "a release wakes: {worst} ms");
}

#[test]
fn waiters_are_served_in_the_order_they_came() {
    let w = real();
    let (a, b, c) = (w.session("a"), w.session("b"), w.session("c"));
    a.ccc(["claim", "src/"]).ok();
    let second = b.spawn(["claim", "--wait", "src/x"]);
    queued(&w, 1);
    let mut third = c.spawn(["claim", "--wait", "src/"]);
    queued(&w, 2);
    a.ccc(["release", "src/"]).ok();
    second.wait().ok();
    assert!(!third.has_ended(), "it came later");
    is_refused(&a.ccc(["claim", "src/x", "--json"]), &b);
    a.ccc(["claim", "src/y"]).code(1);
    b.ccc(["release", "--all"]).ok();
    third.wait().ok();
}

#[test]
fn who_waits_for_the_queue_is_part_of_a_ring_too() {
    let w = real();
    let (a, b) = (w.session("a"), w.session("b"));
    b.ccc(["claim", "y"]).ok();
    let waiting = a.spawn(["claim", "--wait", "x", "y"]);
    queued(&w, 1);
    // x is free, but a came first for it, and a waits for b: without a word b would wait for ever.
    let refused = b.ccc(["claim", "--wait", "x", "--json"]);
    assert_eq!(
        refused.code(1).json_error()["detail"]["refused"],
        "deadlock"
    );
    b.ccc(["release", "y"]).ok();
    waiting.wait().ok();
}

#[test]
fn a_limited_wait_ends_with_a_no() {
    let w = real();
    let (a, b) = (w.session("a"), w.session("b"));
    a.ccc(["claim", "src/"]).ok();
    is_refused(&b.ccc(["claim", "--wait=1s", "src/", "--json", "-q"]), &a);
    queued(&w, 0);
}

#[test]
fn a_ring_of_waiters_is_named_instead_of_entered() {
    let w = real();
    let (a, b) = (w.session("a"), w.session("b"));
    a.ccc(["claim", "x"]).ok();
    b.ccc(["claim", "y"]).ok();
    let waiting = a.spawn(["claim", "--wait", "y"]);
    queued(&w, 1);
    let refused = b.ccc(["claim", "--wait", "x", "--json"]);
    let error = refused.code(1).json_error();
    assert_eq!(error["detail"]["refused"], "deadlock");
    assert_eq!(
        error["detail"]["ring"],
        serde_json::json!([b.tag(), a.tag()])
    );
    b.ccc(["release", "y"]).ok();
    waiting.wait().ok();
}

#[test]
fn a_record_that_cannot_be_read_stops_grants_and_is_named() {
    let w = ready(World::new());
    let a = w.session("a");
    let name = format!("{CLAIMS}/0123456789ab");
    w.git(["update-ref", &name, "HEAD"]).ok();
    let refused = a.ccc(["claim", "src/"]);
    assert!(refused.code(5).stderr.contains(&name), "{refused}");
    assert!(
        w.ccc(["claims"]).ok().stdout.contains(&name),
        "the board shows it"
    );
    w.git(["update-ref", "-d", &name]).ok();
    a.ccc(["claim", "src/"]).ok();
}

#[test]
fn a_record_of_a_newer_version_says_which_version_it_needs() {
    let w = ready(World::new());
    let a = w.session("a");
    let tree = w.git_text(["rev-parse", "HEAD^{tree}"]);
    let tag = format!(
        "object {tree}\ntype tree\ntag 0123456789ab\ntagger x <x@y> 1 +0000\n\nsrc/ held by x\n\nv = 7\n"
    );
    let hash = ["hash-object", "-t", "tag", "-w", "--stdin"];
    let oid = w.command("git", hash).stdin(tag).run();
    w.git([
        "update-ref",
        &format!("{CLAIMS}/0123456789ab"),
        oid.ok().stdout.trim(),
    ])
    .ok();
    let refused = a.ccc(["claim", "src/"]);
    assert!(refused.code(5).stderr.contains("version 7"), "{refused}");
    assert!(refused.stderr.contains("0123456789ab"), "{refused}");
}

#[test]
fn bad_scopes_are_refused_quickly_and_shown_harmlessly() {
    let w = ready(World::new());
    let a = w.session("a");
    let before = refs(&w);
    let long = "x/".repeat(60_000);
    let bad = [
        "",
        "a\nb",
        "\u{1b}[31mred",
        "a\u{7f}",
        "!src/",
        "src/[",
        "src/{a",
        "foo:bar\u{0007}",
        "/",
        &long,
    ];
    for scope in bad {
        let refused = a.ccc(["claim", scope]);
        let start_of = scope.chars().take(20).collect::<String>();
        assert_eq!(refused.code, 2, "{start_of:?}:\n{refused}");
        assert!(
            !refused.stderr.contains('\u{1b}'),
            "{start_of:?} is escaped"
        );
        assert!(
            refused.stderr.len() < 2000,
            "{start_of:?} is not repeated at length"
        );
    }
    assert_eq!(refs(&w), before);
}

#[test]
fn a_scope_list_without_measure_is_refused_quickly() {
    let w = ready(World::new());
    let a = w.session("a");
    // As much as a command line takes; more reaches us through settings alone.
    let scopes: Vec<String> = (0..12_000).map(|n| format!("src/{n:0>100}")).collect();
    let start = Instant::now();
    let refused = a.ccc(["claim".to_owned()].into_iter().chain(scopes));
    assert_eq!(refused.code, 2, "{:.300}", refused.stderr);
    assert!(start.elapsed().as_secs() < 30, "{:?}", start.elapsed());
    w.write(
        ".ccc.toml",
        format!(
            "[claims]\nrequired = [{}]\n",
            "\"src/x\",".repeat(1_200_000)
        ),
    );
    let start = Instant::now();
    let refused = a.ccc(["claim", "src/"]);
    refused.code(2);
    assert!(start.elapsed().as_secs() < 30, "{:?}", start.elapsed());
}

#[test]
fn a_git_directory_that_cannot_be_written_is_one_clear_error_at_once() {
    let w = ready(World::new());
    let a = w.session("a");
    let git = w.main_worktree().join(".git");
    // Root may write anywhere, so a file stands where a directory must be.
    let claims = git.join("refs/ccc/claims");
    let _ = std::fs::remove_dir(&claims);
    std::fs::write(&claims, "").expect("a file in the way");
    let start = Instant::now();
    let failed = a.ccc(["claim", "src/"]);
    assert!([5, 70].contains(&failed.code), "{failed}");
    assert_eq!(failed.stderr.matches("ccc: ").count(), 1, "{failed}");
    assert!(
        start.elapsed().as_secs() < 30,
        "trying again is useless: {:?}",
        start.elapsed()
    );
    std::fs::remove_file(&claims).expect("our own file");
    std::fs::remove_dir_all(git.join("ccc")).expect("may be deleted at any time");
    std::fs::write(git.join("ccc"), "").expect("a file in the way");
    let failed = a.ccc(["claim", "src/"]);
    assert_eq!(
        failed.code(5).stderr.matches("ccc: ").count(),
        1,
        "{failed}"
    );
    std::fs::remove_file(git.join("ccc")).expect("our own file");
    a.ccc(["claim", "src/"]).ok();
}
