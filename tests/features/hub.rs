//! The hub: sessions of other repositories are found, and nothing that happens to it stops work in a repository.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::race::race;
use crate::common::session::Session;
use crate::common::setup::{ready, set_up};
use crate::common::world::{BINARY, World};

/// What happens to the hub.
type Damage = fn(&Path);

/// Another repository of the same user.
fn second(w: &World) -> PathBuf {
    let there = w.tmp().join("second");
    w.git(["init", "-q", &there.to_string_lossy()]).ok();
    w.command(BINARY, ["init"]).cwd(&there).run().ok();
    there
}

/// Who is said to be where, and how alive: (tag, life), sorted.
fn who(w: &World, dir: &Path, args: &[&str]) -> Vec<(String, String)> {
    let args = ["who", "--json"].iter().chain(args);
    let answer = w.command(BINARY, args).cwd(dir).run().ok().json();
    let sessions = answer["sessions"].as_array().expect("a list");
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    let mut all: Vec<_> = sessions
        .iter()
        .map(|session| (text(&session["tag"]), text(&session["life"])))
        .collect();
    all.sort();
    all
}

fn is(session: &Session, life: &str) -> (String, String) {
    (session.tag().to_owned(), life.to_owned())
}

#[test]
fn sessions_of_every_repository_are_found_and_the_dead_are_not_alive() {
    let w = World::options().real_clock().build();
    set_up(&w);
    let there = second(&w);
    let a = w.session("a");
    let mut b = w.session_in(&there, "b");
    assert_eq!(
        who(&w, &there, &[]),
        [is(&b, "alive")],
        "only those of here"
    );
    let mut both = [is(&a, "alive"), is(&b, "alive")];
    both.sort();
    assert_eq!(who(&w, &there, &["--everywhere"]), both);
    assert_eq!(
        who(&w, &w.outside(), &["--everywhere"]),
        both,
        "in no repository too"
    );
    b.die();
    let mut now = [is(&a, "alive"), is(&b, "dead")];
    now.sort();
    assert_eq!(who(&w, &w.repo(), &["--everywhere"]), now);
    assert_eq!(
        who(&w, &w.repo(), &["--everywhere", "--alive"]),
        [is(&a, "alive")]
    );
    a.ccc(["session", "end"]).ok();
    assert_eq!(who(&w, &there, &["--everywhere"]), [is(&b, "dead")]);
}

#[test]
fn one_name_in_two_repositories_is_two_sessions() {
    let w = ready(World::new());
    let there = second(&w);
    let (a, b) = (w.session("twin"), w.session_in(&there, "twin"));
    assert_ne!(a.tag(), b.tag());
    let shown = |session: &Session| {
        let answer = session.ccc(["session", "show", "twin", "--json"]);
        answer.ok().json()["tag"]
            .as_str()
            .expect("a tag")
            .to_owned()
    };
    assert_eq!(
        (shown(&a), shown(&b)),
        (a.tag().to_owned(), b.tag().to_owned()),
        "the one of here"
    );
    let outside = w
        .command(BINARY, ["session", "show", a.tag(), "--json"])
        .cwd(&there)
        .run();
    assert_eq!(outside.ok().json()["tag"], a.tag());
}

#[test]
fn a_hub_that_is_gone_or_damaged_is_made_whole_and_keeps_what_it_has() {
    let w = ready(World::new());
    let a = w.session("a");
    let hub = w.hub();
    let everywhere = || {
        who(&w, &w.outside(), &["--everywhere"])
            .into_iter()
            .map(|(tag, _)| tag)
            .collect::<Vec<_>>()
    };
    let damages: [(&str, Damage); 4] = [
        ("garbage", |hub| {
            fs::write(hub.join("HEAD"), "\u{0}garbage").expect("a damaged HEAD");
        }),
        ("an empty HEAD", |hub| {
            fs::write(hub.join("HEAD"), "").expect("an empty HEAD");
        }),
        ("no HEAD", |hub| {
            fs::remove_file(hub.join("HEAD")).expect("no HEAD");
        }),
        ("no config", |hub| {
            fs::remove_file(hub.join("config")).expect("no config");
        }),
    ];
    for (what, damage) in damages {
        damage(&hub);
        a.ccc(["claim", "src/"]).ok();
        a.ccc(["inbox"]).ok();
        assert_eq!(everywhere(), [a.tag()], "{what}");
    }
    fs::remove_dir_all(&hub).expect("the hub goes");
    assert!(
        everywhere().is_empty(),
        "nothing is known, and that is no error"
    );
    let b = w.session("b");
    assert_eq!(everywhere(), [b.tag()]);
}

#[test]
fn a_hub_that_cannot_be_mended_is_one_clear_error_and_stops_nobody_here() {
    let w = ready(World::new());
    let a = w.session("a");
    fs::write(w.hub().join("config"), "[core\n").expect("a damaged configuration");
    let error = w.ccc(["who", "--everywhere", "--json"]);
    assert!(
        error.code(5).json_error()["hints"][0]
            .as_str()
            .is_some_and(|hint| hint.contains("fsck")),
        "{error}"
    );
    a.ccc(["claim", "src/"]).ok();
    a.ccc(["session", "set", "--task", "go on"]).ok();
    w.ccc(["claims"]).ok();
    let b = w.session("b");
    b.ccc(["claim", "src/lib.rs"]).code(1);
    let sent = b.ccc(["send", a.tag(), "still here?"]);
    sent.ok();
    let read = a.ccc(["inbox"]);
    assert!(read.ok().stdout.contains("still here?"), "{read}");
    assert!(
        read.stderr
            .contains("letters from other repositories are not read"),
        "{read}"
    );
    a.ccc(["inbox", "--sent"]).ok();
    b.ccc(["session", "end"]).ok();
    a.ccc(["release", "--all"]).ok();
}

#[test]
fn the_first_use_of_the_hub_may_be_by_many_at_once() {
    let w = World::options().real_clock().build();
    set_up(&w);
    let pid = std::process::id().to_string();
    let names: Vec<String> = (0..8).map(|n| format!("s{n}")).collect();
    let started = race(names.iter().map(|name| {
        w.command(
            BINARY,
            ["session", "start", "--name", name, "--pid", &pid, "--json"],
        )
    }));
    let mut tags: Vec<String> = started
        .iter()
        .map(|output| {
            assert_eq!(
                output.ok().stderr.matches("not listed").count(),
                0,
                "{output}"
            );
            output.json()["tag"].as_str().expect("a tag").to_owned()
        })
        .collect();
    tags.sort();
    let listed: Vec<String> = who(&w, &w.outside(), &["--everywhere"])
        .into_iter()
        .map(|(tag, _)| tag)
        .collect();
    assert_eq!(listed, tags);
    w.git(["--git-dir", &w.hub().to_string_lossy(), "fsck", "--strict"])
        .ok();
}

#[test]
fn what_a_session_is_doing_is_told_everywhere_until_it_says_otherwise() {
    let w = ready(World::new());
    let a = w.session("a");
    let task = || {
        let args = ["session", "show", a.tag(), "--json"];
        w.command(BINARY, args).cwd(w.repo()).run().ok().json()["task"].clone()
    };
    a.ccc(["session", "set", "--task", "port the parser"]).ok();
    assert_eq!(task(), "port the parser");
    let there = second(&w);
    let elsewhere = w
        .command(BINARY, ["session", "show", a.tag(), "--json"])
        .cwd(&there)
        .run();
    assert_eq!(elsewhere.ok().json()["task"], "port the parser");
    a.ccc(["session", "set", "--task", ""]).ok();
    assert!(task().is_null());
    w.ccc(["session", "set", "--task", "x", "--session", "nobody"])
        .code(5);
}

#[test]
fn two_sessions_that_share_a_conversation_id_are_told_apart_by_the_variable() {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    let start = ["session", "start", "--name", "c", "--json"];
    let shared = w
        .command(BINARY, start)
        .env("CLAUDE_CODE_SESSION_ID", "shared")
        .run();
    let shared = shared.ok().json()["tag"]
        .as_str()
        .expect("a tag")
        .to_owned();
    let claim = |session: &Session, path: &str| {
        let cmd = session
            .command(["claim", path, "--json"])
            .env("CLAUDE_CODE_SESSION_ID", "shared");
        cmd.run().ok();
    };
    claim(&a, "a/");
    claim(&b, "b/");
    let answer = w.ccc(["claims", "--json"]).ok().json();
    let holders: Vec<&str> = answer["claims"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|claim| claim["session"].as_str().expect("a tag"))
        .collect();
    assert_eq!(holders, [a.tag(), b.tag()]);
    assert!(!holders.contains(&shared.as_str()));
}
