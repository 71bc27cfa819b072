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
