//! A staged commit end to end: announced, agreed or objected to, made, and told in its thread.

use crate::common::session::Session;
use crate::common::setup::ready;
use crate::common::world::{World, poll};
use serde_json::Value;

fn world() -> (World, Session, Session) {
    let w = ready(World::options().real_clock().build());
    let (a, b) = (w.session("a"), w.session("b"));
    w.write("f", "1");
    w.write("g", "1");
    w.git(["add", "-A"]).ok();
    b.ccc(["commit", "-m", "by b", "--", "f", "g"]).ok();
    w.write("f", "2");
    (w, a, b)
}

fn threads(w: &World) -> Vec<Value> {
    let list = w.ccc(["chat", "threads", "--all", "--json"]).ok().json();
    list["threads"].as_array().expect("a list").clone()
}

fn announced(w: &World) -> String {
    poll("the announcement", || {
        let all = threads(w);
        Some(all.first()?["id"].as_str()?.to_owned())
    })
}

#[test]
fn an_announced_commit_waits_for_an_ack_and_says_what_it_became() {
    let (w, a, b) = world();
    let commit = a.spawn([
        "commit",
        "--announce",
        "--wait",
        "50s",
        "-m",
        "Two",
        "--",
        "f",
    ]);
    let id = announced(&w);
    let mail = b.ccc(["inbox"]);
    assert!(mail.ok().stdout.contains("commit of 1 file: Two"), "{mail}");
    b.ccc(["chat", "ack", &id]).ok();
    let made = commit.wait();
    assert!(made.ok().stderr.contains("announced to b-"), "{made}");
    let thread = threads(&w).remove(0);
    assert_eq!(thread["status"], "done");
    assert_eq!(thread["commit"], w.git_text(["rev-parse", "HEAD"]));
    let note = w.git_text(["log", "-1", "--notes=ccc/chat", "--format=%N"]);
    assert!(note.contains("done: committed "), "{note}");
}

#[test]
fn a_counter_stops_an_announced_commit() {
    let (w, a, b) = world();
    let head = w.git_text(["rev-parse", "HEAD"]);
    let commit = a.spawn([
        "commit",
        "--announce",
        "--wait",
        "50s",
        "-m",
        "Two",
        "--",
        "f",
    ]);
    let id = announced(&w);
    b.ccc(["chat", "counter", &id, "f is half done"]).ok();
    let stopped = commit.wait();
    let text = stopped.code(1).stderr.clone();
    assert!(text.contains("the announced commit is countered"), "{text}");
    assert!(text.contains("f is half done"), "{text}");
    assert_eq!(w.git_text(["rev-parse", "HEAD"]), head);
}

#[test]
fn silence_is_no_objection_and_nobody_to_ask_is_no_wait() {
    let (w, a, mut b) = world();
    let late = a.ccc([
        "commit",
        "--announce",
        "--wait",
        "1s",
        "-m",
        "Two",
        "--",
        "f",
    ]);
    assert!(late.ok().stderr.contains("no answer from b-"), "{late}");
    b.die();
    w.write("g", "2");
    let alone = a.ccc([
        "commit",
        "--announce",
        "--wait",
        "300s",
        "-m",
        "G",
        "--",
        "g",
    ]);
    assert_eq!(alone.ok().stderr, "", "{alone}");
    assert!(threads(&w).iter().all(|thread| thread["status"] == "done"));
    let person = w.ccc(["commit", "--announce", "-m", "x", "--", "f"]);
    assert!(matches!(person.code, 1 | 5), "{person}");
}

#[test]
fn a_plain_commit_of_what_was_announced_is_told() {
    let (w, a, _b) = world();
    w.tool("false-hook", "exit 1");
    w.write(".git/hooks/commit-msg", "#!/bin/sh\nexit 1\n");
    w.command("chmod", ["+x", ".git/hooks/commit-msg"])
        .run()
        .ok();
    let failed = a.ccc([
        "commit",
        "--announce",
        "--wait",
        "1s",
        "-m",
        "Two",
        "--",
        "f",
    ]);
    assert_ne!(failed.code, 0, "{failed}");
    assert_eq!(threads(&w)[0]["status"], "proposed");
    w.command("rm", [".git/hooks/commit-msg"]).run().ok();
    a.git(["commit", "-q", "-m", "by hand", "--", "f"]).ok();
    let thread = threads(&w).remove(0);
    assert_eq!(thread["status"], "done");
    assert_eq!(thread["commit"], w.git_text(["rev-parse", "HEAD"]));
}
