//! The board end to end: what it shows, in which form, and where a session stands.

use crate::common::setup::{ready, set_up};
use crate::common::world::{BINARY, World};
use serde_json::Value;

fn board(w: &World) -> Value {
    w.ccc(["board", "--json"]).ok().json()
}

fn column(w: &World, tag: &str) -> String {
    let board = board(w);
    let sessions = board["sessions"].as_array().expect("sessions").clone();
    let one = sessions.iter().find(|session| session["tag"] == tag);
    let one = one.unwrap_or_else(|| panic!("{tag} is on the board: {board}"));
    one["column"].as_str().expect("a column").to_owned()
}

fn post(session: &crate::common::session::Session, args: &[&str]) -> String {
    let args = ["chat", "post"].iter().chain(args);
    session.ccc(args).ok().stdout.trim().to_owned()
}

#[test]
fn the_markdown_board_is_the_format_that_people_keep_by_hand() {
    let w = ready(World::new());
    let (a, b) = (w.session("session a"), w.session("session b"));
    a.ccc(["claim", "src/cart/*", "--eta", "30m"]).ok();
    b.ccc(["claim", "workers/mail", "res:port/3000"]).ok();
    b.ccc(["release", "workers/mail"]).ok();
    a.ccc([
        "chat",
        "pin",
        "No `terraform apply` on prod before 2026-04-28 — change review pending",
    ])
    .ok();
    let shown = w.command(BINARY, ["board", "--md"]).env("TZ", "XXX4").run();
    insta::assert_snapshot!(shown, @r#"
    # Claude Session Coordination Board

    Last updated: 2025-12-31T20:00:10-04:00

    ## Active claims

    - session-a-6e73 (started 20:00) — repo/src/cart/* — eta 20:30
    - session-b-6303 (started 20:00) — res:port/3000 — until 21:00

    ## Recent releases

    - 2025-12-31 20:00 — session-b-6303 — repo/workers/mail

    ## Pinned notes

    - No `terraform apply` on prod before 2026-04-28 — change review pending
    [exit 0]
    [EOF]
    "#);
}

#[test]
fn the_status_file_has_a_block_a_session() {
    let w = ready(World::new());
    let (a, _b) = (w.session("Frontend"), w.session("Backend"));
    let said = "60% - toggle done, contrast next";
    a.ccc(["session", "set", "--task", "Dark Mode", "--progress", said])
        .ok();
    a.ccc(["claim", "src/"]).ok();
    insta::assert_snapshot!(w.ccc(["board", "--status-md"]), @r#"
    # Active Sessions

    ## Session 1: backend-6303
    Status: planning
    Branch: main
    Progress: unknown

    ## Session 2: frontend-6e73 - Dark Mode
    Status: working
    Branch: main
    Progress: 60% - toggle done, contrast next
    [exit 0]
    [EOF]
    "#);
}

#[test]
fn the_terminal_shows_claims_releases_pins_and_sessions_by_column() {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    a.ccc(["claim", "src/", "-m", "rework\u{1b}[2J it", "--eta", "30m"])
        .ok();
    b.ccc(["claim", "docs/"]).ok();
    b.ccc(["release", "--all"]).ok();
    b.ccc(["chat", "pin", "hands off prod", "--until", "2d"])
        .ok();
    post(&b, &["hello @a"]);
    insta::assert_snapshot!(w.ccc(["board"]), @r#"
    repo  2026-01-01 00:00

    active claims
      repo/src  a-6e73  eta 00:30  rework\u{1b}[2J it

    recent releases
      repo/docs  b-6303  3s ago  done

    pinned notes
      hands off prod  b-6303  until 2026-01-03 00:00

    working
      a-6e73  alive 7s  main  2 unread, 1 to it  -
      b-6303  alive 6s  main  nothing new        -
    [exit 0]
    [EOF]
    "#);
}

#[test]
fn a_session_moves_by_what_it_does_and_what_it_says_of_itself_lasts_until_then() {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    assert_eq!(column(&w, a.tag()), "planning", "it has only begun");
    post(&a, &["--proposal", "split the parser in two"]);
    assert_eq!(column(&w, a.tag()), "planning", "a plan is no review");
    a.ccc(["claim", "src/"]).ok();
    assert_eq!(column(&w, a.tag()), "working");
    a.ccc(["session", "set", "--column", "testing"]).ok();
    assert_eq!(column(&w, a.tag()), "testing", "it says so");
    a.ccc(["chat", "post", "a note moves nobody"]).ok();
    a.ccc(["release", "--all"]).ok();
    assert_eq!(column(&w, a.tag()), "testing");
    w.write("x.txt", "x");
    a.ccc(["commit", "-m", "Add x", "--", "x.txt"]).ok();
    assert_eq!(column(&w, a.tag()), "working", "it went on");
    let id = post(&a, &["--proposal", "take this", "--commit", "HEAD"]);
    assert_eq!(column(&w, a.tag()), "review");
    b.ccc(["chat", "counter", &id, "no tests"]).ok();
    assert_eq!(column(&w, a.tag()), "working", "back to work");
    let id = post(&a, &["--proposal", "now with tests", "--path", "x.txt"]);
    assert_eq!(column(&w, a.tag()), "review");
    b.ccc(["chat", "ack", &id]).ok();
    a.ccc(["chat", "executing", &id]).ok();
    assert_eq!(column(&w, a.tag()), "working");
    let shown = board(&w);
    let all = shown["sessions"].as_array().expect("sessions");
    let one = all.iter().find(|session| session["tag"] == a.tag());
    assert_eq!(one.expect("a")["progress"], "executing: now with tests");
    a.ccc(["chat", "done", &id]).ok();
    assert_eq!(column(&w, a.tag()), "testing", "by its own word");
    b.ccc(["chat", "ack", &id]).ok();
    assert_eq!(column(&w, a.tag()), "verified", "by another's");
    a.ccc(["claim", "res:test/browser"]).ok();
    assert_eq!(column(&w, a.tag()), "testing");
    assert_eq!(column(&w, b.tag()), "planning");
}

#[test]
fn what_ended_shows_what_it_had_covered() {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    a.ccc(["claim", "src/", "docs/"]).ok();
    a.ccc(["release", "docs/"]).ok();
    let id = w.ccc(["claims", "--json"]).ok().json()["claims"][0]["id"].clone();
    let id = id.as_str().expect("an id");
    b.ccc(["break", id, "--why", "gone for lunch"]).ok();
    a.ccc(["claim", "x.txt", "--until-commit"]).ok();
    w.write("x.txt", "x");
    a.ccc(["commit", "-m", "Add x", "--", "x.txt"]).ok();
    let board = board(&w);
    let all = board["releases"].as_array().expect("releases");
    let told: Vec<String> = all
        .iter()
        .map(|one| format!("{} {} {}", one["session"], one["scopes"], one["why"]))
        .collect();
    let tag = a.tag();
    let expected = [
        format!("\"{tag}\" [\"repo/x.txt\"] \"committed\""),
        format!("\"{tag}\" [\"repo/src\"] \"broken\""),
        format!("\"{tag}\" [\"repo/docs\"] \"done\""),
    ];
    assert_eq!(told, expected);
}

#[test]
fn unread_is_counted_for_every_session_and_agrees_with_the_reader() {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    post(&a, &["one"]);
    post(&a, &[&format!("two @{}", b.tag())]);
    b.ccc(["chat", "read", "--unread", "--limit", "1"]).ok();
    post(&a, &["three"]);
    let rooms = b.ccc(["chat", "rooms", "--json"]).ok().json();
    let board = board(&w);
    let all = board["sessions"].as_array().expect("sessions");
    let one = |tag: &str| {
        all.iter()
            .find(|one| one["tag"] == tag)
            .expect("a session")
            .clone()
    };
    assert_eq!(one(b.tag())["unread"], rooms["unread"]);
    assert_eq!(one(b.tag())["unread"]["addressed"], 1);
    assert_eq!(one(b.tag())["unread"]["room"], 1);
    assert_eq!(one(a.tag())["unread"]["room"], 0, "one's own is not unread");
}

#[test]
fn all_shows_every_repository_of_this_host_and_names_the_others() {
    let w = ready(World::new());
    let a = w.session("a");
    a.ccc(["claim", "src/"]).ok();
    let there = w.tmp().join("shop");
    w.git(["init", "-q", &there.to_string_lossy()]).ok();
    w.command(BINARY, ["init"]).cwd(&there).run().ok();
    let b = w.session_in(&there, "b");
    b.ccc(["claim", "src/cart/*"]).ok();
    let gone = w.tmp().join("gone");
    w.git(["init", "-q", &gone.to_string_lossy()]).ok();
    w.command(BINARY, ["init"]).cwd(&gone).run().ok();
    let c = w.session_in(&gone, "c");
    std::fs::remove_dir_all(&gone).expect("it goes");
    let shown = w.ccc(["board", "--all", "--json"]).ok().json();
    assert_eq!(shown["schema"], "ccc.board.all/1");
    let names: Vec<&str> = shown["boards"]
        .as_array()
        .expect("boards")
        .iter()
        .filter_map(|board| board["repo"].as_str())
        .collect();
    assert_eq!(names, ["repo", "shop"]);
    assert_eq!(shown["unreachable"][0]["sessions"][0], c.tag());
    let merged = w
        .command(BINARY, ["board", "--all", "--md"])
        .cwd(w.outside())
        .run();
    let text = &merged.ok().stdout;
    assert!(
        text.contains("repo/src") && text.contains("shop/src/cart/*"),
        "{text}"
    );
    let plain = w.ccc(["board", "--all"]);
    assert!(plain.ok().stdout.contains("not seen: "), "{plain}");
}

#[test]
fn a_dead_session_is_shown_as_dead_and_holds_nothing() {
    let w = World::options().real_clock().build();
    set_up(&w);
    let mut a = w.session("a");
    a.ccc(["claim", "src/"]).ok();
    a.die();
    let board = board(&w);
    assert_eq!(board["sessions"][0]["life"], "dead");
    assert_eq!(board["claims"].as_array().map(Vec::len), Some(0));
}

#[test]
fn a_watched_board_is_drawn_again_when_something_changes() {
    let w = World::options().real_clock().build();
    set_up(&w);
    let a = w.session("a");
    let mut watching = a.spawn(["board", "--watch", "--json"]);
    watching.wait_for("ccc.board/1");
    a.ccc(["claim", "src/cart/"]).ok();
    watching.wait_for("repo/src/cart");
    watching.kill();
    let _ = watching.wait();
}

#[test]
fn the_board_works_on_every_kind_of_repository() {
    for options in World::matrix() {
        let w = ready(options.build());
        let a = w.session("a");
        a.ccc(["claim", "src/"]).ok();
        post(&a, &["hello"]);
        assert_eq!(column(&w, a.tag()), "working");
    }
}
