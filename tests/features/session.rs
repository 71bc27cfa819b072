//! Sessions end to end: who is speaking, under which name, and whether it is still there.

use crate::common::setup::{ready, set_up};
use crate::common::world::{BINARY, World};

fn whoami(output: &crate::common::output::CommandOutput) -> String {
    let answer = output.ok().json();
    answer["tag"]
        .as_str()
        .expect("whoami answers a tag")
        .to_owned()
}

fn life(w: &World, tag: &str) -> String {
    let answer = w.ccc(["session", "list", "--json"]).ok().json();
    let all = answer["sessions"].as_array().expect("a list").clone();
    let found = all.iter().find(|session| session["tag"] == tag);
    found
        .map_or("absent", |session| {
            session["life"].as_str().expect("a word")
        })
        .to_owned()
}

#[test]
fn identity_is_taken_in_order_flag_variable_conversation_worktree() {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    let start = [
        "session", "start", "--name", "c", "--agent", "claude", "--native", "conv-1", "--json",
    ];
    let registered = whoami(&w.ccc(start));
    let ask = ["session", "whoami", "--json"];
    let flag = a
        .command(ask.into_iter().chain(["--session", b.tag()]))
        .env("CLAUDE_CODE_SESSION_ID", "conv-1");
    assert_eq!(whoami(&flag.run()), b.tag(), "the flag is strongest");
    let variable = a.command(ask).env("CLAUDE_CODE_SESSION_ID", "conv-1");
    assert_eq!(whoami(&variable.run()), a.tag(), "then the variable");
    let native = w
        .command(BINARY, ask)
        .env("CLAUDE_CODE_SESSION_ID", "conv-1");
    assert_eq!(
        whoami(&native.run()),
        registered,
        "then the agent's own conversation"
    );
    let other = w.worktree("other");
    let only = w.session_in(&other, "d");
    let here = w.command(BINARY, ask).cwd(&other);
    assert_eq!(
        whoami(&here.run()),
        only.tag(),
        "then the worktree's only session"
    );
}

#[test]
fn an_agent_that_is_not_registered_is_not_its_neighbour() {
    let w = ready(World::new());
    let _a = w.session("a");
    let stranger = w
        .command(BINARY, ["session", "whoami", "--json"])
        .env("CLAUDE_CODE_SESSION_ID", "somebody-else")
        .run();
    assert_eq!(stranger.code(5).json_error()["detail"]["unknown"], "nobody");
}

#[test]
fn nobody_is_told_how_to_be_somebody() {
    let w = ready(World::new());
    insta::assert_snapshot!(w.ccc(["session", "whoami"]), @r#"
    ------- stderr -------
    ccc: nothing says which session this is
    hint: git ccc session start --name NAME
    hint: export CCC_SESSION=TAG
    [exit 5]
    [EOF]
    "#);
    insta::assert_snapshot!(w.ccc(["claim", "src/"]), @r#"
    ------- stderr -------
    ccc: nothing says which session this is
    hint: git ccc session start --name NAME
    hint: export CCC_SESSION=TAG
    [exit 5]
    [EOF]
    "#);
}

#[test]
fn two_sessions_in_one_worktree_are_never_guessed_between() {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    let refused = w.ccc(["claim", "src/"]);
    insta::assert_snapshot!(refused, @r#"
    ------- stderr -------
    ccc: it could be any of a-6e73, b-6303
    hint: export CCC_SESSION=a-6e73
    [exit 5]
    [EOF]
    "#);
    assert!(refused.stderr.contains(a.tag()) && refused.stderr.contains(b.tag()));
    assert!(
        w.git_text(["for-each-ref", "refs/ccc/claims"]).is_empty(),
        "nothing is written for nobody in particular"
    );
}

#[test]
fn a_resumed_conversation_keeps_its_tag() {
    let w = ready(World::new());
    let start = |name: &str| {
        let args = ["session", "start", "--name", name, "--json"];
        whoami(
            &w.command(BINARY, args)
                .env("CLAUDE_CODE_SESSION_ID", "conv-1")
                .run(),
        )
    };
    let first = start("archive filter");
    assert!(
        first.starts_with("archive-filter-"),
        "{first} is a readable slug and four digits"
    );
    assert_eq!(
        start("archive filter"),
        first,
        "the same conversation is the same session"
    );
    assert_eq!(start("another name"), first, "however it is called now");
    assert_eq!(
        w.git(["for-each-ref", "refs/ccc/sessions"])
            .ok()
            .lines()
            .len(),
        1
    );
}

#[test]
fn a_rename_keeps_the_tag_and_the_new_name_finds_it() {
    let w = ready(World::new());
    let a = w.session("a");
    a.ccc(["session", "rename", "Parser Rewrite"]).ok();
    assert_eq!(whoami(&a.ccc(["session", "whoami", "--json"])), a.tag());
    let shown = w.ccc(["session", "show", "parser-rewrite", "--json"]);
    assert_eq!(shown.ok().json()["tag"], a.tag());
    assert_eq!(shown.json()["name"], "Parser Rewrite");
}

#[test]
fn a_session_whose_process_is_gone_is_never_alive() {
    let w = World::options().real_clock().build();
    set_up(&w);
    let mut a = w.session("a");
    assert_eq!(life(&w, a.tag()), "alive");
    assert_eq!(whoami(&w.ccc(["session", "whoami", "--json"])), a.tag());
    a.die();
    assert_eq!(life(&w, a.tag()), "dead", "the very next look says so");
    assert!(!w.ccc(["who", "--alive"]).ok().stdout.contains(a.tag()));
    a.ccc(["session", "whoami"]).code(5);
    w.ccc(["session", "whoami"]).code(5);
}

#[test]
fn a_dead_session_is_not_told_that_it_holds_something() {
    let w = ready(World::new());
    let mut a = w.session("a");
    a.die();
    let refused = a.ccc(["claim", "src/"]);
    refused.code(5);
    assert!(refused.stderr.contains("gone"), "it says why:\n{refused}");
}

#[test]
fn ending_a_session_gives_back_what_it_holds_and_takes_it_off_every_list() {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    a.ccc(["claim", "src/", "docs/"]).ok();
    w.ccc(["session", "end", a.tag(), "--session", b.tag()])
        .code(1);
    a.ccc(["session", "end"]).ok();
    assert_eq!(life(&w, a.tag()), "absent");
    assert!(
        !w.ccc(["session", "list", "--everywhere"])
            .ok()
            .stdout
            .contains(a.tag())
    );
    b.ccc(["claim", "src/lib.rs"]).ok();
    w.git(["fsck", "--strict"]).ok();
}

#[test]
fn a_session_is_found_from_another_repository() {
    let w = ready(World::new());
    let a = w.session("a");
    let there = w.tmp().join("second");
    w.git(["init", "-q", &there.to_string_lossy()]).ok();
    let listed = w
        .command(BINARY, ["session", "list", "--everywhere", "--json"])
        .cwd(&there)
        .run();
    assert_eq!(listed.ok().json()["sessions"][0]["tag"], a.tag());
}
