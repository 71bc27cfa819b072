//! The feed and the recap end to end.

use crate::common::setup::{ready, set_up};
use crate::common::world::{BINARY, World};

#[test]
fn the_feed_tells_log_and_room_in_one_order_and_in_the_form_people_use() {
    let w = ready(World::new());
    let start = [
        "session",
        "start",
        "--name",
        "session a",
        "--task",
        "cart rounding",
    ];
    w.ccc(start).ok();
    let b = w.session("session b");
    b.ccc(["claim", "src/cart/*", "docs/", "--eta", "30m"]).ok();
    b.ccc(["release", "docs/"]).ok();
    b.ccc([
        "chat",
        "post",
        "@me session-a is holding src/cart — OK to interrupt?\n[x] forged",
    ])
    .ok();
    w.write("x.txt", "x");
    b.ccc(["commit", "-m", "Add x", "--", "x.txt"]).ok();
    b.ccc(["chat", "post", "--proposal", "round half even"])
        .ok();
    b.ccc(["release", "--all"]).ok();
    insta::assert_snapshot!(w.ccc(["feed"]), @r#"
    [session-a-6e73] starting — repo: repo — task: cart rounding
    [session-b-6303] starting — repo: repo
    [session-b-6303] CLAIM repo/docs repo/src/cart/* — eta 30min
    [session-b-6303] RELEASE repo/docs — done
    [session-b-6303] @me session-a is holding src/cart — OK to interrupt?\n[x] forged
    [session-b-6303] COMMIT 82c9639f7a — Add x
    [session-b-6303] proposal: round half even
    [session-b-6303] RELEASE repo/src/cart/* — done
    [exit 0]
    [EOF]
    "#);
}

#[test]
fn the_feed_for_machines_has_a_document_a_line() {
    let w = ready(World::new());
    let a = w.session("a");
    a.ccc(["claim", "src/", "--eta", "5m"]).ok();
    a.ccc(["chat", "post", "hello"]).ok();
    let output = w.ccc(["feed", "--json"]);
    let lines = output.ok().json_lines();
    let kinds: Vec<&str> = lines
        .iter()
        .filter_map(|line| line["kind"].as_str())
        .collect();
    assert_eq!(kinds, ["start", "claim", "message"]);
    assert!(lines.iter().all(|line| line["schema"] == "ccc.feed/1"));
    assert_eq!(lines[1]["scopes"][0], "repo/src");
    assert_eq!(lines[2]["message"]["text"], "hello");
}

#[test]
fn what_is_older_than_asked_for_is_left_out_and_its_end_still_says_what_it_covered() {
    let w = ready(World::new());
    let a = w.session("a");
    a.ccc(["claim", "src/", "docs/"]).ok();
    for n in 0..5 {
        a.ccc(["chat", "post", &format!("message {n}")]).ok();
    }
    a.ccc(["release", "--all"]).ok();
    let shown = w.ccc(["feed", "--since", "3s"]);
    let text = &shown.ok().stdout;
    assert!(
        !text.contains("CLAIM") && !text.contains("message 1"),
        "{text}"
    );
    assert!(text.contains("RELEASE repo/docs repo/src — done"), "{text}");
}

#[test]
fn a_followed_feed_goes_on_with_what_comes_and_repeats_nothing() {
    let w = World::options().real_clock().build();
    set_up(&w);
    let a = w.session("a");
    a.ccc(["chat", "post", "before"]).ok();
    let mut following = a.spawn(["feed", "--follow"]);
    following.wait_for("before");
    a.ccc(["claim", "src/", "docs/"]).ok();
    following.wait_for("CLAIM repo/docs repo/src");
    a.ccc(["release", "docs/"]).ok();
    following.wait_for("RELEASE repo/docs — done");
    let b = w.session("b");
    following.wait_for(&format!("[{}] starting", b.tag()));
    b.ccc(["chat", "post", "after"]).ok();
    following.wait_for("after");
    following.kill();
    let text = following.wait().stdout;
    for once in ["before", "CLAIM", "RELEASE", "after"] {
        assert_eq!(text.matches(once).count(), 1, "{once} in {text}");
    }
}

#[test]
fn a_recap_tells_what_happened_since_ones_last_act_the_most_important_first() {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    a.ccc(["claim", "src/"]).ok();
    a.ccc(["chat", "post", "--question", "seen before?"]).ok();
    let id = w.ccc(["claims", "--json"]).ok().json()["claims"][0]["id"].clone();
    b.ccc(["claim", "docs/"]).ok();
    w.write("x.txt", "x");
    b.ccc(["commit", "-m", "Add x", "--", "x.txt"]).ok();
    b.ccc([
        "break",
        id.as_str().expect("an id"),
        "--why",
        "it was asleep",
    ])
    .ok();
    b.ccc(["chat", "post", "--question", "which rounding? @a"])
        .ok();
    b.ccc(["chat", "pin", "hands off prod"]).ok();
    let done = b
        .ccc(["chat", "post", "--proposal", "round half even"])
        .ok()
        .stdout
        .clone();
    b.ccc(["chat", "executing", done.trim()]).ok();
    b.ccc(["chat", "done", done.trim(), "--commit", "HEAD"])
        .ok();
    insta::assert_snapshot!(a.ccc(["recap"]), @r#"
    since 2026-01-01T00:00:07Z, 10s ago
    to you: b-6303 question: which rounding? @a [1kdvdnnq0cxx3r3]
    broken: repo/src of a-6e73 by b-6303: it was asleep
    open question of a-6e73: seen before? [1kdvdngtrck43eq]
    done by b-6303 in 68cdc471ad: round half even [1kdvdnqngtxqshy]
    pinned: hands off prod
    1 commit by b-6303: Add x
    b-6303 took repo/docs
    [exit 0]
    [EOF]
    "#);
    let few = a.ccc(["recap", "--tokens", "60"]);
    assert!(few.ok().stdout.len() <= 240, "{few}");
    assert!(
        few.stdout.contains("to you: ") && few.stdout.contains("more: git ccc feed"),
        "{few}"
    );
    let told = a.ccc(["recap", "--tokens", "60", "--json"]).ok().json();
    assert_eq!(told["items"][0]["topic"], "to_you");
    assert!(
        told["used"].as_u64() <= told["tokens"].as_u64() && told["left_out"].as_u64() > Some(0)
    );
    a.ccc(["chat", "post", "back again"]).ok();
    let after = a.ccc(["recap"]);
    let text = &after.ok().stdout;
    assert!(
        text.contains("open question") && !text.contains("broken"),
        "{text}"
    );
}

#[test]
fn a_recap_of_nothing_says_so_and_no_budget_is_passed() {
    let w = ready(World::new());
    let a = w.session("a");
    a.ccc(["claim", "src/"]).ok();
    let shown = a.ccc(["recap"]);
    assert!(
        shown.ok().stdout.starts_with("nothing since 2026-"),
        "{shown}"
    );
    assert_eq!(a.ccc(["recap", "--tokens", "0"]).ok().stdout, "");
    let person = w.command(BINARY, ["recap", "--me", "--since", "1d"]).run();
    assert!(person.ok().stdout.contains(a.tag()), "{person}");
    w.ccc(["recap", "--since", "yesterday"]).code(2);
}
