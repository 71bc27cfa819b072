//! The log end to end: that a long one is not walked twice, that what it loses is found and put back, and that damage is named.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use crate::common::session::Session;
use crate::common::setup::ready;
use crate::common::world::World;

const LOG: &str = "refs/ccc/log";

/// Adds so many entries that concern nobody, in one pack.
fn lengthen(w: &World, count: u64) {
    let tip = w.git_text(["rev-parse", LOG]);
    let fence: u64 = w
        .git_text([
            "log",
            "-1",
            "--format=%(trailers:key=Ccc-Fence,valueonly)",
            LOG,
        ])
        .trim()
        .parse()
        .expect("a number");
    let mut script = String::from("feature done\n");
    for n in 1..=count {
        let message = format!("nothing\n\nCcc-Act: nothing\nCcc-Fence: {}\n", fence + n);
        let from = if n == 1 {
            format!("from {tip}\n")
        } else {
            String::new()
        };
        write!(
            script,
            "commit {LOG}\ncommitter x <x@y> 1767225600 +0000\ndata {}\n{message}{from}\n",
            message.len()
        )
        .expect("a string can be written");
    }
    script.push_str("done\n");
    let import = ["-c", "fastimport.unpackLimit=0", "fast-import", "--quiet"];
    w.command("git", import).stdin(script).run().ok();
}

/// What `claims` answers, less the time.
fn claims(w: &World) -> Vec<(String, bool)> {
    let answer = w.ccc(["claims", "--json"]).ok().json();
    let claims = answer["claims"].as_array().expect("a list");
    claims
        .iter()
        .map(|claim| {
            (
                claim["id"].as_str().expect("an id").to_owned(),
                claim["state"] == "live",
            )
        })
        .collect()
}

fn packs(w: &World) -> PathBuf {
    w.main_worktree().join(".git/objects/pack")
}

/// A world with a claim that is held and one that was given back by a process that died before it could delete the ref.
fn with_a_ghost() -> (World, Session, Session) {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    a.ccc(["claim", "src/", "--for", "8h"]).ok();
    b.ccc(["claim", "docs/", "--for", "8h"]).ok();
    let listed = w.git_text([
        "for-each-ref",
        "--format=%(refname) %(objectname) %(subject)",
        "refs/ccc/claims",
    ]);
    let ghost = listed
        .lines()
        .find(|line| line.contains("docs held"))
        .expect("it is held");
    let mut words = ghost.split(' ');
    let (name, oid) = (
        words.next().expect("a name"),
        words.next().expect("an object"),
    );
    b.ccc(["release", "docs/"]).ok();
    w.git(["update-ref", name, oid]).ok();
    (w, a, b)
}

#[test]
fn a_long_log_is_walked_once() {
    let (w, a, b) = with_a_ghost();
    lengthen(&w, 4_000);
    let cache = w.main_worktree().join(".git/ccc/gone.json");
    let _ = fs::remove_file(&cache);
    let before = claims(&w);
    assert_eq!(before.len(), 2, "{before:?}");
    assert_eq!(
        before.iter().filter(|(_, live)| *live).count(),
        1,
        "{before:?}"
    );
    // The next entry is loose: what follows can do without the pack if it walks no further than to the cached tip.
    a.ccc(["claim", "other/"]).ok();
    let aside = w.tmp().join("pack");
    fs::rename(packs(&w), &aside).expect("the pack goes away");
    fs::create_dir(packs(&w)).expect("an empty directory");
    let again = claims(&w);
    assert_eq!(again.len(), 3, "{again:?}");
    assert!(
        before.iter().all(|claim| again.contains(claim)),
        "{again:?}"
    );
    assert!(
        b.ccc(["claim", "src/lib.rs"])
            .code(1)
            .stderr
            .contains(a.tag())
    );
    fs::remove_dir(packs(&w)).expect("it is empty");
    fs::rename(&aside, packs(&w)).expect("the pack comes back");
    for damage in ["", "{", "{\"tip\":\"no\",\"settled\":{}}", "\u{0}\u{1}"] {
        fs::write(&cache, damage).expect("a damaged cache");
        assert_eq!(claims(&w), again, "{damage:?} is as good as none");
    }
    fs::remove_file(&cache).expect("it was written again");
    b.ccc(["claim", "docs/x.md"]).ok();
    w.git(["fsck", "--strict"]).ok();
}

fn tip(w: &World) -> String {
    w.git_text(["rev-parse", LOG])
}

/// Writes an entry as another git-ccc would, and moves nothing.
fn entry(w: &World, parents: &[&str], subject: &str, trailers: &str) -> String {
    let tree = w.git_text(["hash-object", "-t", "tree", "-w", "/dev/null"]);
    let mut args = vec!["commit-tree", &tree];
    for parent in parents {
        args.extend(["-p", parent]);
    }
    let message = format!("{subject}\n\n{trailers}");
    let made = w.command("git", args).stdin(message).run();
    made.ok().stdout.trim().to_owned()
}

/// Leaves the log and its reflog as a swap does that git accepted on a stale view of `old`.
fn fooled_swap(w: &World, old: &str, new: &str) {
    use std::io::Write as _;
    let git = w.main_worktree().join(".git");
    fs::write(git.join(LOG), format!("{new}\n")).expect("the log's ref is loose");
    let line = format!("{old} {new} x <x@y> 1767225600 +0000\tby somebody\n");
    let mut reflog = fs::File::options()
        .append(true)
        .open(git.join("logs").join(LOG))
        .expect("the log has a reflog");
    reflog.write_all(line.as_bytes()).expect("one more line");
}

/// The findings of doctor: code, fact and whether it was repaired.
fn findings(w: &World, args: &[&str], code: i32) -> Vec<(String, String, String, bool)> {
    let report = w.ccc(["doctor", "--json"].iter().chain(args));
    let document = report.code(code).json();
    let findings = document["findings"].as_array().expect("a list").clone();
    let text =
        |finding: &serde_json::Value, key: &str| finding[key].as_str().expect("text").to_owned();
    findings
        .iter()
        .map(|finding| {
            (
                text(finding, "code"),
                text(finding, "fact"),
                text(finding, "repair"),
                finding["fixed"].as_bool().expect("yes or no"),
            )
        })
        .collect()
}

/// The lost entries that the log has said again, oldest first.
fn said_again(w: &World) -> Vec<String> {
    let format = "--format=%(trailers:key=Ccc-Again,valueonly)";
    let text = w.git_text(["log", "--reverse", format, LOG]);
    text.lines()
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Two entries of `a` are dropped by a swap that was decided before them.
fn with_a_loss() -> (World, Session, Session, Vec<String>) {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    let old = tip(&w);
    a.ccc(["claim", "src/", "--for", "8h"]).ok();
    let first = tip(&w);
    a.ccc(["claim", "docs/", "--for", "8h"]).ok();
    let lost = vec![first, tip(&w)];
    let new = entry(&w, &[&old], "nothing", "Ccc-Act: nothing\nCcc-Fence: 1\n");
    fooled_swap(&w, &old, &new);
    (w, a, b, lost)
}

#[test]
fn what_a_fooled_swap_dropped_is_said_again_by_the_next_claim_and_once() {
    let (w, a, b, lost) = with_a_loss();
    let done = b.ccc(["claim", "other/"]);
    assert!(done.ok().stderr.contains("put back"), "{done}");
    assert_eq!(said_again(&w), lost);
    let again = w.git_text(["log", "-2", "--format=%B", LOG]);
    for said in [
        "Ccc-Scope: docs",
        "Ccc-Scope: src",
        "Ccc-Act: take",
        "Ccc-Fence: 4",
        "Ccc-Fence: 3",
    ] {
        assert!(again.contains(said), "{said}:\n{again}");
    }
    assert!(
        b.ccc(["claim", "src/lib.rs"])
            .code(1)
            .stderr
            .contains(a.tag())
    );
    b.ccc(["claim", "more/"]).ok();
    a.ccc(["release", "--all"]).ok();
    assert_eq!(findings(&w, &["--fix"], 0), []);
    assert_eq!(said_again(&w), lost, "not a second time");
    w.git(["fsck", "--strict"]).ok();
}

#[test]
fn doctor_names_what_a_fooled_swap_dropped_and_says_it_again() {
    let (w, a, b, lost) = with_a_loss();
    let before = tip(&w);
    let named = findings(&w, &[], 1);
    assert_eq!(named.len(), 2, "{named:?}");
    for ((code, fact, repair, fixed), oid) in named.iter().zip(&lost) {
        assert_eq!(
            (code.as_str(), repair.as_str(), *fixed),
            ("log-lost-swap", "git ccc doctor --fix", false)
        );
        assert!(fact.contains(oid), "{fact}");
    }
    assert_eq!(tip(&w), before, "looking changes nothing");
    assert!(findings(&w, &["--fix"], 0).iter().all(|(.., fixed)| *fixed));
    assert_eq!(said_again(&w), lost);
    assert_eq!(findings(&w, &[], 0), []);
    b.ccc(["claim", "other/"]).ok();
    assert_eq!(said_again(&w), lost);
    let held = w.ccc(["claims", "--json"]).ok().json();
    assert_eq!(held["claims"].as_array().map(Vec::len), Some(3), "{held}");
    assert!(b.ccc(["claim", "docs/x"]).code(1).stderr.contains(a.tag()));
}

#[test]
fn a_breach_is_told_although_the_end_of_the_claim_is_older_than_what_says_again_that_it_began() {
    let (w, a, b, lost) = with_a_loss();
    w.write("docs/x", "x\n");
    b.git(["add", "docs"]).ok();
    b.git(["-c", "core.hooksPath=/dev/null", "commit", "-qm", "x"])
        .ok();
    a.ccc(["release", "docs/"]).ok();
    assert_eq!(said_again(&w), lost);
    let told = findings(&w, &[], 1);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].0, "held-path-committed");
    assert!(told[0].1.contains(a.tag()), "{told:?}");
}

#[test]
fn doctor_names_every_damage_of_the_log_and_deletes_nothing() {
    let damaged = |trailers: &str, two: bool| {
        let w = ready(World::new());
        let a = w.session("a");
        a.ccc(["claim", "src/", "--for", "8h"]).ok();
        let (old, branch) = (tip(&w), w.git_text(["rev-parse", "HEAD"]));
        let parents = [old.as_str(), branch.as_str()];
        let parents = if two { &parents[..] } else { &parents[..1] };
        let new = entry(&w, parents, "x", trailers);
        w.git(["update-ref", LOG, &new, &old]).ok();
        let found = findings(&w, &[], 1);
        let fixed = findings(&w, &["--fix"], 1);
        assert_eq!(found, fixed, "there is nothing that needs no decision");
        assert_eq!(tip(&w), new);
        let (code, fact, repair, _) = &found[0];
        assert!(fact.contains(&new) || repair.contains(&new), "{found:?}");
        w.command("sh", ["-ec", repair]).run().ok();
        let left = w.ccc(["doctor", "--json"]);
        (code.clone(), left.code, w)
    };
    for (trailers, two, code, after) in [
        ("Ccc-Fence: 7\n", false, "log-fence", 1),
        ("Ccc-Fence: 1\n", false, "log-fence", 1),
        ("Ccc-Fence: 2\n", true, "log-fork", 1),
        // The repair goes back to the entry before it.
        ("Ccc-Act: nothing\n", false, "log-unreadable", 0),
    ] {
        let (found, left, w) = damaged(trailers, two);
        assert_eq!((found.as_str(), left), (code, after), "{trailers}");
        let refs = w.git_text(["for-each-ref", "refs/ccc/claims"]);
        assert_eq!(refs.lines().count(), 1, "{refs}");
    }
}

#[test]
fn a_hole_in_the_log_is_named_and_stops_nobody() {
    let (w, a, b) = with_a_ghost();
    lengthen(&w, 40);
    a.ccc(["claim", "more/"]).ok();
    let _ = fs::remove_file(w.main_worktree().join(".git/ccc/gone.json"));
    // The pack with the forty entries is lost; so is what they follow, for all that can be seen.
    fs::rename(packs(&w), w.tmp().join("pack")).expect("the pack goes away");
    let named = findings(&w, &[], 1);
    assert!(
        named.iter().any(|(code, ..)| code == "log-hole"),
        "{named:?}"
    );
    let left = w.git_text(["for-each-ref"]);
    assert_eq!(findings(&w, &["--fix"], 1), named);
    assert_eq!(w.git_text(["for-each-ref"]), left, "nothing is deleted");
    assert!(
        b.ccc(["claim", "src/lib.rs"])
            .code(1)
            .stderr
            .contains(a.tag())
    );
    b.ccc(["claim", "free/"]).ok();
    // What was released before the hole is held until its time: that is safe, and it ends.
    assert!(a.ccc(["claim", "docs/x"]).code(1).stderr.contains(b.tag()));
    w.advance(9 * 3600);
    a.ccc(["claim", "docs/x"]).ok();
}

#[test]
fn a_tip_that_cannot_be_read_has_a_repair() {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    a.ccc(["claim", "src/", "--for", "8h"]).ok();
    let good = tip(&w);
    b.ccc(["claim", "docs/", "--for", "8h"]).ok();
    let bad = tip(&w);
    let object = w
        .main_worktree()
        .join(".git/objects")
        .join(&bad[..2])
        .join(&bad[2..]);
    fs::rename(&object, w.tmp().join("object")).expect("a loose object goes away");
    assert!(
        a.ccc(["claim", "other/"])
            .stderr
            .contains("hint: git ccc doctor")
    );
    let named = findings(&w, &[], 1);
    assert_eq!(named[0].0, "log-unreadable", "{named:?}");
    assert_eq!(named[0].2, format!("git update-ref {LOG} {good} {bad}"));
    w.command("sh", ["-ec", &named[0].2]).run().ok();
    assert!(a.ccc(["claim", "docs/x"]).code(1).stderr.contains(b.tag()));
    a.ccc(["claim", "other/"]).ok();
    assert_eq!(findings(&w, &[], 0), []);
}
