//! Plain git beside the commit lane and the claims: what a sibling stages or commits with git itself is never lost, and what git leaves
//! behind (stale locks, a swap it was fooled into) stops nobody for ever or is found out.

use crate::common::race::race;
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

fn committed() -> (World, Session, Session) {
    let w = ready(World::options().real_clock().build());
    for name in ["a", "b", "c"] {
        w.write(name, "0\n");
    }
    w.git(["add", "."]).ok();
    w.git(["commit", "-qnm", "base"]).ok();
    let (a, b) = (w.session("a"), w.session("b"));
    (w, a, b)
}

#[test]
fn what_a_sibling_stages_meanwhile_stays_staged_in_every_lane() {
    // `git commit PATH` reads the index before it locks it, and so loses what `git add` staged in between.
    let (w, a, _b) = committed();
    for (index, option) in [("2", "-q"), ("2", "-sq"), ("4", "-q")] {
        w.git(["update-index", "--index-version", index]).ok();
        for round in 0..rounds(6) {
            let text = format!("{index}{option} {round}\n");
            w.write("a", &text);
            w.write("b", &text);
            let lane = a.command(["commit", option, "-m", "a", "a"]);
            let outs = race([lane, w.command("git", ["add", "b"])]);
            outs[0].ok();
            assert_eq!(w.git_text(["show", "HEAD:a"]), text.trim(), "{}", outs[0]);
            // git has no patience with a lock: its no is no loss.
            if outs[1].code == 0 {
                assert_eq!(
                    w.git_text(["show", ":b"]),
                    text.trim(),
                    "{}\n{}",
                    outs[0],
                    outs[1]
                );
            }
            let changed = w.git_text(["show", "--name-only", "--format=", "HEAD"]);
            assert_eq!(changed, "a", "{text}");
        }
    }
    w.git(["fsck", "--strict", "--no-dangling"]).ok();
}

#[test]
fn add_and_commit_of_plain_git_beside_the_lane_lose_nothing() {
    let (w, a, b) = committed();
    let mut said_yes = Vec::new();
    for round in 0..rounds(8) {
        for name in ["a", "b", "c"] {
            w.write(name, format!("round {round}\n"));
        }
        let plain = |session: &Session, name: &str| {
            let script = format!("git add {name} && git commit -qm '{name} {round}' --only {name}");
            let cmd = w.command("sh", ["-c", &script]);
            cmd.env("CCC_SESSION", session.tag())
        };
        let subject = format!("a {round}");
        let lane = a.command(["commit", "-q", "-m", &subject, "a"]);
        let outs = race([lane, plain(&b, "b"), plain(&b, "c")]);
        outs[0].ok();
        for (name, out) in ["a", "b", "c"].into_iter().zip(&outs) {
            if out.code == 0 {
                said_yes.push(format!("{name} {round}"));
            }
        }
    }
    let log = w.git_text(["log", "--format=%x00%s", "--name-only"]);
    let mut found = Vec::new();
    for commit in log.split('\0') {
        let mut lines = commit.lines().filter(|line| !line.is_empty());
        let Some(subject) = lines.next().filter(|subject| subject.contains(' ')) else {
            continue;
        };
        let name = subject.split(' ').next().unwrap_or_default();
        assert_eq!(
            lines.collect::<Vec<_>>(),
            [name],
            "{subject}: no foreign file"
        );
        found.push(subject.to_owned());
    }
    said_yes.sort();
    found.sort();
    assert_eq!(
        found, said_yes,
        "what said yes is there, once, and nothing else"
    );
    w.git(["fsck", "--strict", "--no-dangling"]).ok();
}

#[test]
fn a_stale_lock_of_a_claim_and_of_the_log_stop_nobody_for_long() {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    a.ccc(["claim", "src/"]).ok();
    let name = w.git_text(["for-each-ref", "--format=%(refname)", "refs/ccc/claims"]);
    let old = format!(
        "for l in {name} refs/ccc/log; do : >.git/$l.lock; touch -d '1 minute ago' .git/$l.lock; done"
    );
    w.command("sh", ["-ec", &old]).run().ok();
    a.ccc(["release", "src/"]).ok();
    b.ccc(["claim", "src/"]).ok();
    // packed-refs.lock may belong to a long `git pack-refs`: claims are still granted, and a release says what is in the way.
    w.git(["pack-refs", "--all"]).ok();
    w.write(".git/packed-refs.lock", "");
    a.ccc(["claim", "docs/"]).ok();
    w.command("sh", ["-ec", "rm .git/packed-refs.lock"])
        .run()
        .ok();
    b.ccc(["release", "src/"]).ok();
    a.ccc(["claim", "src/"]).ok();
}

#[test]
fn a_ref_below_the_claims_that_is_no_claim_is_named() {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    a.ccc(["claim", "src/"]).ok();
    w.git(["update-ref", "refs/ccc/claims/0123456789ab/x", "HEAD"])
        .ok();
    let refused = b.ccc(["claim", "docs/"]);
    assert!(
        refused.code(5).stderr.contains("0123456789ab/x"),
        "{refused}"
    );
    w.git(["update-ref", "-d", "refs/ccc/claims/0123456789ab/x"])
        .ok();
    b.ccc(["claim", "docs/"]).ok();
}

#[test]
fn a_swap_that_git_was_fooled_into_is_found_out() {
    // What git does with a stale packed-refs: an entry replaces one that was decided on the same tip.
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    let tip = w.git_text(["rev-parse", "refs/ccc/log"]);
    a.ccc(["claim", "src/"]).ok();
    w.ccc(["doctor"]).ok();
    let lost = w.git_text(["rev-parse", "refs/ccc/log"]);
    let fence = w.git_text([
        "log",
        "-1",
        "--format=%(trailers:key=Ccc-Fence,valueonly)",
        &lost,
    ]);
    let message = format!(
        "take docs/ by somebody\n\nCcc-Act: take\nCcc-Nonce: y\nCcc-Fence: {}\n",
        fence.trim()
    );
    let tree = w.git_text(["rev-parse", &format!("{tip}^{{tree}}")]);
    let made = w
        .command("git", ["commit-tree", "-p", &tip, &tree])
        .stdin(message)
        .run();
    w.git(["update-ref", "refs/ccc/log", made.ok().stdout.trim()])
        .ok();
    // A git that was fooled believes that it moves the log from the tip it had read, and says so in the reflog.
    let reflog = w.repo().join(".git/logs/refs/ccc/log");
    let lines = std::fs::read_to_string(&reflog).expect("a reflog");
    let from_lost = format!("\n{lost} ");
    assert_eq!(lines.matches(&from_lost).count(), 1, "{lines}");
    let fooled = lines.replace(&from_lost, &format!("\n{tip} "));
    std::fs::write(&reflog, fooled).expect("a reflog");
    let report = w.ccc(["doctor"]);
    assert!(
        report.code(1).stdout.contains(&lost),
        "the lost entry is named:\n{report}"
    );
    // And the claim it granted still holds.
    b.ccc(["claim", "src/x"]).code(1);
}
