//! The room end to end: what is said is read, by whom, once, and beside stock `git notes`.

use crate::common::session::Session;
use crate::common::setup::ready;
use crate::common::world::{BINARY, World, poll};
use serde_json::Value;

const REF: &str = "refs/notes/ccc/chat";

/// Posts and returns the id.
#[track_caller]
fn post(session: &Session, args: &[&str]) -> String {
    let args = ["chat", "post"].iter().chain(args);
    session.ccc(args).ok().stdout.trim().to_owned()
}

#[track_caller]
fn unread(session: &Session) -> Vec<Value> {
    session
        .ccc(["chat", "read", "--unread", "--json"])
        .ok()
        .json_lines()
}

fn texts(messages: &[Value]) -> Vec<&str> {
    messages
        .iter()
        .map(|message| message["text"].as_str().expect("a text"))
        .collect()
}

#[test]
fn a_message_reads_well_here_and_in_plain_git() {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    let text = "who knows the parser, @b?\n\nIt eats `@all` of my\ttabs.";
    let id = post(
        &a,
        &[
            "--question",
            text,
            "--path",
            "src/parser.rs",
            "--commit",
            "HEAD",
        ],
    );
    b.ccc(["chat", "reply", &id, "I do"]).ok();
    let read = b.ccc(["chat", "read"]).ok().to_string().replace(&id, "ID");
    let read = read.replace(a.tag(), "A").replace(b.tag(), "B");
    let head = w.git_text(["rev-parse", "HEAD"]);
    let read = read.replace(&head[..12], "HEAD");
    let second = w.git_text([
        "log",
        "-1",
        "--format=%(trailers:key=Ccc-Message,valueonly,separator=)",
        REF,
    ]);
    insta::assert_snapshot!(read.replace(&second, "SECOND"), @r"
    A  2s ago  question  to B  commit HEAD  [ID]
      who knows the parser, @b?

      It eats `@all` of my	tabs.
      path: src/parser.rs
    B  1s ago  to A  [SECOND in thread ID]
      I do
    [exit 0]
    [EOF]
    ");
    let log = w.git_text(["log", "--reverse", "--format=%an %aI %s", REF]);
    let log = log.replace(a.tag(), "A").replace(b.tag(), "B");
    insta::assert_snapshot!(log, @r"
    A 2026-01-01T00:00:06Z who knows the parser, @b?
    B 2026-01-01T00:00:07Z I do
    ");
    let note = w.git_text(["log", "-1", "--notes=ccc/chat", "--format=%N"]);
    let note = note.replace(a.tag(), "A").replace(&id, "ID");
    insta::assert_snapshot!(note, @"2026-01-01T00:00:06Z A question: who knows the parser, @b? [ID]");
    w.git(["fsck", "--strict"]).ok();
}

#[test]
fn what_is_unread_is_shown_once_and_reading_alone_takes_nothing() {
    let w = ready(World::new());
    let a = w.session("a");
    post(&a, &["before b came"]);
    let b = w.session("b");
    post(&a, &["one"]);
    post(&a, &["two", "--room", "infra"]);
    assert_eq!(
        texts(&a.ccc(["chat", "read", "--json"]).ok().json_lines()).len(),
        3
    );
    let infra = b.ccc(["chat", "read", "--unread", "--room", "infra", "--json"]);
    assert_eq!(texts(&infra.ok().json_lines()), ["two"]);
    assert_eq!(
        texts(&unread(&b)),
        ["one"],
        "what was passed over is still unread, what was shown is not"
    );
    assert!(unread(&b).is_empty());
    assert!(unread(&a).is_empty(), "one's own words are no news");
    post(&a, &["three"]);
    let limited = b.ccc(["chat", "read", "--unread", "--limit", "0", "--json"]);
    assert!(limited.ok().json_lines().is_empty());
    assert_eq!(texts(&unread(&b)), ["three"]);
}

#[test]
fn output_that_nobody_took_is_still_unread() {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    post(&a, &["hear me"]);
    // A pipe whose reader has gone before anything is written.
    let script =
        "mkfifo \"$1\"; exec 3<>\"$1\" 4>\"$1\" 3<&-; \"$0\" chat read --unread >&4; echo $?";
    let pipe = w.tmp().join("pipe").into_os_string();
    let args = ["-c".into(), script.into(), BINARY.into(), pipe];
    let closed = w.command("sh", args).env("CCC_SESSION", b.tag()).run();
    assert_eq!(closed.ok().stdout, "0\n", "a closed pipe is a quiet 0");
    assert_eq!(closed.stderr, "");
    let full = w.command("sh", ["-c", "\"$0\" chat read --unread >/dev/full", BINARY]);
    full.env("CCC_SESSION", b.tag()).run().code(70);
    assert_eq!(texts(&unread(&b)), ["hear me"]);
}

#[test]
fn mentions_address_and_other_words_do_not() {
    let w = ready(World::new());
    let (a, b, c) = (w.session("a"), w.session("b"), w.session("c"));
    let text = format!("@b and @{}: see x@y.z, `@all`, @nobody", c.tag());
    post(&a, &[&text]);
    post(&a, &["to @me, the person"]);
    let both = unread(&b);
    assert_eq!(both[0]["to"], serde_json::json!([b.tag(), c.tag()]));
    assert_eq!(both[1]["to"], serde_json::json!(["@me"]));
    let refused = a.ccc(["chat", "post", "x", "--to", "nobody"]);
    assert!(
        refused
            .code(5)
            .stderr
            .contains("no session is called nobody"),
        "{refused}"
    );
}

#[test]
fn a_person_speaks_only_when_told_so() {
    let w = ready(World::new());
    insta::assert_snapshot!(w.ccc(["chat", "post", "hello"]), @r"
    ------- stderr -------
    ccc: nothing says which session this is
    hint: git ccc session start --name NAME
    hint: export CCC_SESSION=TAG
    hint: git ccc chat post --me TEXT
    [exit 5]
    [EOF]
    ");
    let posted = w
        .ccc(["chat", "post", "--me", "hello", "--json"])
        .ok()
        .json();
    assert_eq!(posted["schema"], "ccc.message/1");
    assert_eq!(posted["from"]["person"], "Test User");
    assert_eq!(w.git_text(["log", "-1", "--format=%an", REF]), "Test User");
}

#[test]
fn a_proposal_is_countered_settled_and_done_by_one() {
    let w = ready(World::new());
    let (a, b, c) = (w.session("a"), w.session("b"), w.session("c"));
    let id = post(&a, &["--proposal", "split the parser"]);
    b.ccc(["chat", "counter", &id, "in three, not in two"]).ok();
    let hide = |text: String| {
        let text = text
            .replace(&id, "ID")
            .replace(a.tag(), "A")
            .replace(b.tag(), "B");
        text.replace(c.tag(), "C")
    };
    insta::assert_snapshot!(hide(c.ccc(["chat", "executing", &id]).to_string()), @r"
    ------- stderr -------
    ccc: the proposal in thread ID is countered
      because: B: in three, not in two
    hint: git ccc chat read --thread ID
    [exit 1]
    [EOF]
    ");
    b.ccc(["chat", "ack", &id]).ok();
    c.ccc(["chat", "executing", &id, "--for", "10m"]).ok();
    insta::assert_snapshot!(hide(b.ccc(["chat", "executing", &id]).to_string()), @r"
    ------- stderr -------
    ccc: C executes thread ID
      because: since 2026-01-01T00:00:11Z, until 2026-01-01T00:10:11Z
    hint: git ccc chat read --thread ID
    [exit 1]
    [EOF]
    ");
    b.ccc(["chat", "executing", &id, "--take-over"]).code(1);
    w.advance(601);
    let refused = b.ccc(["chat", "executing", &id, "--json"]);
    assert_eq!(
        refused.code(1).json_error()["detail"]["executor"]["by"]["session"],
        c.tag()
    );
    b.ccc(["chat", "executing", &id, "--take-over"]).ok();
    c.ccc(["chat", "done", &id]).code(1);
    b.ccc(["chat", "done", &id, "in HEAD", "--commit", "HEAD"])
        .ok();
    let threads = a.ccc(["chat", "threads", "--all", "--json"]).ok().json();
    let thread = &threads["threads"][0];
    assert_eq!(thread["status"], "done");
    assert_eq!(thread["executor"]["by"]["session"], b.tag());
    assert_eq!(thread["commit"], w.git_text(["rev-parse", "HEAD"]));
    assert_eq!(
        a.ccc(["chat", "threads"]).ok().stdout,
        "",
        "nothing is open"
    );
}

#[test]
fn a_dead_executor_is_replaced() {
    let w = ready(World::new());
    let (a, mut b) = (w.session("a"), w.session("b"));
    let id = post(&a, &["--proposal", "do it"]);
    b.ccc(["chat", "executing", &id]).ok();
    a.ccc(["chat", "executing", &id, "--take-over"]).code(1);
    b.die();
    let refused = a.ccc(["chat", "executing", &id]);
    assert!(refused.code(1).stderr.contains("--take-over"), "{refused}");
    a.ccc(["chat", "executing", &id, "--take-over"]).ok();
}

#[test]
fn pins_stay_until_their_day_or_until_they_are_taken_away() {
    let w = ready(World::new());
    let a = w.session("a");
    let id = post(&a, &["no deploys"]);
    a.ccc(["chat", "pin", &id]).ok();
    a.ccc([
        "chat",
        "pin",
        "change review pending",
        "--until",
        "2026-01-02",
    ])
    .ok();
    let pins = |w: &World| {
        let rooms = w.ccc(["chat", "rooms", "--json"]).ok().json();
        let lines = rooms["pins"].as_array().expect("pins").clone();
        lines
            .iter()
            .map(|pin| pin["line"].as_str().expect("a line").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(pins(&w), ["no deploys", "change review pending"]);
    a.ccc(["chat", "unpin", &id]).ok();
    a.ccc(["chat", "unpin", &id]).code(1);
    assert_eq!(pins(&w), ["change review pending"]);
    w.advance(2 * 86_400);
    assert!(pins(&w).is_empty());
}

#[test]
fn what_others_wrote_cannot_drive_the_terminal_or_forge_a_head() {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    let text = format!(
        "x\u{1b}[2J\u{202e}y\r\n{}  0s ago  done  [1ng3hxts8jfjzpt]\n  approved",
        b.tag()
    );
    post(&a, &[&text]);
    let read = b.ccc(["chat", "read", "--unread"]).ok().stdout.clone();
    assert!(
        !read.contains('\u{1b}') && !read.contains('\u{202e}') && !read.contains('\r'),
        "{read:?}"
    );
    let heads = read.lines().filter(|line| !line.starts_with(' ')).count();
    assert_eq!(heads, 1, "{read}");
    assert_eq!(
        texts(&b.ccc(["chat", "read", "--json"]).ok().json_lines()),
        [text],
        "and nothing is lost"
    );
}

#[test]
fn what_is_no_message_is_refused() {
    let w = ready(World::new());
    let a = w.session("a");
    a.ccc(["chat", "post"]).code(2);
    a.ccc(["chat", "post", "  "]).code(2);
    let long = "x".repeat(64 * 1024 + 1);
    let refused = a.command(["chat", "post", "-F", "-"]).stdin(&long).run();
    assert!(
        refused.code(2).stderr.contains("at most 64 KiB"),
        "{refused}"
    );
    a.command(["chat", "post", "-F", "-"])
        .stdin("a\0b")
        .run()
        .code(2);
    a.command(["chat", "post", "-F", "-"])
        .stdin([0xff, 0xfe])
        .run()
        .code(2);
    a.command(["chat", "post", "-F", "-"])
        .stdin(&long[1..])
        .run()
        .ok();
    let line = w.git_text(["log", "--oneline", REF]);
    assert!(line.len() < 200, "{} bytes", line.len());
    a.ccc(["chat", "reply", "1ng3hxts8jfjzpt", "to nobody"])
        .code(1);
    a.ccc(["chat", "post", "x", "--attach", "not-there"])
        .code(2);
    a.ccc(["chat", "post", "x", "--commit", "not-there"])
        .code(2);
}

#[test]
fn a_stream_is_posted_in_order_and_a_retry_adds_nothing() {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    let lines = a
        .command(["chat", "post", "--stdin"])
        .stdin("one\n\ntwo @b\nthree")
        .run();
    assert_eq!(lines.ok().lines().len(), 3, "an id for each");
    let objects = "{\"text\":\"four\\nlines\",\"room\":\"infra\",\"state\":\"question\"}\n{\"text\":\"five\",\"to\":[\"b\"]}\n";
    let posted = a
        .command(["chat", "post", "--stdin=jsonl", "--json"])
        .stdin(objects)
        .run();
    assert_eq!(posted.ok().json_lines()[0]["state"], "question");
    a.command(["chat", "post", "--stdin=nul"])
        .stdin("six\nsix\0seven")
        .run()
        .ok();
    let wrong = a
        .command(["chat", "post", "--stdin=jsonl"])
        .stdin("{\"text\":\"eight\"}\n{\"txt\":\"x\"}\n")
        .run();
    assert!(
        wrong.code(2).stderr.contains("in message 2 of stdin"),
        "{wrong}"
    );
    let all = unread(&b);
    let expected = [
        "one",
        "two @b",
        "three",
        "four\nlines",
        "five",
        "six\nsix",
        "seven",
        "eight",
    ];
    assert_eq!(texts(&all), expected);
    let id = all[0]["id"].as_str().expect("an id");
    let again = a
        .ccc(["chat", "post", "one", "--id", id, "--json"])
        .ok()
        .json();
    assert_eq!(again["known"], true);
    assert!(unread(&b).is_empty());
    let fresh = a
        .ccc(["chat", "post", "nine", "--id", "1ng3hxts8jfjzpt", "--json"])
        .ok()
        .json();
    assert_eq!(fresh["known"], false);
}

#[test]
fn stock_notes_beside_us_lose_nothing() {
    for options in World::matrix() {
        let w = ready(options.build());
        let a = w.session("a");
        w.git([
            "notes",
            "--ref=ccc/chat",
            "append",
            "-m",
            "by hand, first",
            "HEAD",
        ])
        .ok();
        w.write("file.txt", "attached");
        post(&a, &["ours", "--commit", "HEAD", "--attach", "file.txt"]);
        w.git([
            "notes",
            "--ref=ccc/chat",
            "append",
            "-m",
            "by hand, second",
            "HEAD",
        ])
        .ok();
        post(&a, &["ours too", "--commit", "HEAD"]);
        let note = w.git_text(["notes", "--ref=ccc/chat", "show", "HEAD"]);
        for part in [
            "by hand, first",
            "by hand, second",
            ": ours [",
            ": ours too [",
        ] {
            assert!(note.contains(part), "{part} is in the note:\n{note}");
        }
        // A stock append that raced: the newest commit as its parent, an older tree.
        let stale = w.git_text(["rev-parse", &format!("{REF}~3^{{tree}}")]);
        let tip = w.git_text(["rev-parse", REF]);
        let racing = w.git_text([
            "commit-tree",
            &stale,
            "-p",
            &tip,
            "-m",
            "Notes added by 'git notes append'",
        ]);
        w.git(["update-ref", REF, &racing, &tip]).ok();
        post(&a, &["the next write"]);
        let note = w.git_text(["notes", "--ref=ccc/chat", "show", "HEAD"]);
        assert!(
            note.contains(": ours [") && note.contains(": ours too ["),
            "put back:\n{note}"
        );
        let kept = w.git_text(["ls-tree", "-r", "--name-only", REF, "attachments/"]);
        assert_eq!(kept.lines().count(), 1, "the attachment too");
        let said = w.ccc(["chat", "read", "--json"]).ok().json_lines();
        assert_eq!(texts(&said), ["ours", "ours too", "the next write"]);
        let blob = said[0]["attachments"][0]["blob"]
            .as_str()
            .expect("a blob")
            .to_owned();
        w.git(["gc", "--quiet", "--prune=now"]).ok();
        assert_eq!(w.git_text(["cat-file", "blob", &blob]), "attached");
        w.git(["fsck", "--strict"]).ok();
    }
}

#[test]
fn what_a_lost_swap_dropped_comes_back() {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    post(&a, &["first"]);
    let before = w.git_text(["rev-parse", REF]);
    post(&a, &["dropped"]);
    // As a fooled swap leaves it: the ref moved from `before` as if nothing had come in between.
    let log = w.main_worktree().join(".git/logs").join(REF);
    let tree = format!("{before}^{{tree}}");
    let other = w.git_text([
        "commit-tree",
        &tree,
        "-p",
        &before,
        "-m",
        "Notes added by 'git notes add'",
    ]);
    std::fs::write(
        w.main_worktree().join(".git").join(REF),
        format!("{other}\n"),
    )
    .expect("the ref");
    let mut lines = std::fs::read_to_string(&log).expect("a reflog");
    let broken = format!("{before} {other} T <t@e> 1767225700 +0000\tnotes: added\n");
    lines.push_str(&broken);
    std::fs::write(&log, lines).expect("the reflog");
    post(&a, &["next"]);
    post(&a, &["and next"]);
    assert_eq!(texts(&unread(&b)), ["first", "dropped", "next", "and next"]);
    w.git(["fsck", "--strict"]).ok();
}

#[test]
fn two_clones_merged_by_stock_notes_merge_are_one_room() {
    let w = ready(World::new());
    let a = w.session("a");
    w.write("file.txt", "attached");
    post(
        &a,
        &[
            "before the fork",
            "--commit",
            "HEAD",
            "--attach",
            "file.txt",
        ],
    );
    let proposal = post(&a, &["--proposal", "who does it?"]);
    let clone = w.tmp().join("clone");
    w.git(["clone", "-q", ".", clone.to_str().expect("a path")])
        .ok();
    let there = |args: &[&str]| w.command("git", args).cwd(&clone).run();
    there(&["fetch", "-q", "origin", &format!("{REF}:{REF}")]).ok();
    w.command(BINARY, ["init"]).cwd(&clone).run().ok();
    let b = w.session_in(&clone, "b");
    post(&a, &["here", "--commit", "HEAD"]);
    a.ccc(["chat", "executing", &proposal]).ok();
    post(&b, &["there", "--commit", "HEAD"]);
    b.ccc(["chat", "executing", &proposal]).ok();
    a.ccc(["chat", "read", "--unread"]).ok();
    w.git([
        "fetch",
        "-q",
        clone.to_str().expect("a path"),
        &format!("{REF}:refs/notes/theirs"),
    ])
    .ok();
    w.git([
        "notes",
        "--ref=ccc/chat",
        "merge",
        "-q",
        "-s",
        "cat_sort_uniq",
        "refs/notes/theirs",
    ])
    .ok();
    assert_eq!(
        texts(&unread(&a)),
        ["there", "executing"],
        "only what came with the merge is new"
    );
    let said = w.ccc(["chat", "read", "--json"]).ok().json_lines();
    assert_eq!(said.len(), 6);
    let note = w.git_text(["notes", "--ref=ccc/chat", "show", "HEAD"]);
    assert_eq!(note.lines().count(), 3, "{note}");
    assert_eq!(
        w.git_text(["ls-tree", "-r", "--name-only", REF, "attachments/"])
            .lines()
            .count(),
        1
    );
    post(&a, &["after the merge"]);
    let threads = a.ccc(["chat", "threads", "--json"]).ok().json();
    let thread = &threads["threads"][0];
    assert_eq!(
        thread["executor"]["by"]["session"],
        a.tag(),
        "the first in the order of the room"
    );
    assert_eq!(thread["superseded"].as_array().map(Vec::len), Some(1));
    std::fs::remove_file(w.main_worktree().join(".git/ccc/room.json")).expect("the cache");
    assert_eq!(
        a.ccc(["chat", "threads", "--json"]).ok().json(),
        threads,
        "a cache is not the truth"
    );
}

#[test]
fn following_shows_what_comes() {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    post(&a, &["before"]);
    let follower = b.spawn(["chat", "read", "--follow"]);
    follower.wait_for("before");
    post(&a, &["while"]);
    follower.wait_for("while");
    w.git(["pack-refs", "--all", "--prune"]).ok();
    post(&a, &["after packing"]);
    follower.wait_for("after packing");
    let unread = a.spawn(["chat", "read", "--unread", "--follow"]);
    post(&b, &["to whoever waits"]);
    unread.wait_for("to whoever waits");
}

#[test]
fn killed_at_any_call_of_git_a_message_is_in_or_out() {
    use crate::common::command::When;
    for when in [When::Before, When::After] {
        for nth in 1.. {
            let w = ready(World::new());
            let (a, b) = (w.session("a"), w.session("b"));
            post(&a, &["first"]);
            let output = a
                .command(["chat", "post", "perhaps", "--commit", "HEAD"])
                .kill_at(nth, when)
                .run();
            post(&a, &["last"]);
            let said = unread(&b);
            let perhaps = texts(&said)
                .iter()
                .filter(|text| **text == "perhaps")
                .count();
            assert!(
                perhaps <= 1 && said.len() == 2 + perhaps,
                "{when:?} {nth}: {said:?}"
            );
            assert!(
                perhaps == 1 || output.killed(),
                "an accepted message is there"
            );
            w.git(["fsck", "--strict"]).ok();
            if !output.killed() {
                break;
            }
        }
    }
}

#[test]
fn a_message_that_others_have_published_waits_for_no_turn() {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    post(&b, &["first"]);
    let chat = w.main_worktree().join(".git/ccc/chat");
    let held = std::fs::File::open(chat.join("flock")).expect("the room's lock");
    held.lock().expect("the room's lock");
    let waiting = a.spawn(["chat", "post", "waits"]);
    poll("a message waits", || {
        let mut waiting = std::fs::read_dir(chat.join("spool")).ok()?;
        waiting
            .any(|entry| entry.is_ok_and(|entry| entry.file_name().len() == 15))
            .then_some(())
    });
    // Another lock under the same name, so that somebody can publish while the first one stays held.
    std::fs::remove_file(chat.join("flock")).expect("the room's lock");
    post(&b, &["publishes"]);
    waiting.wait().ok();
    drop(held);
    let said = w.ccc(["chat", "read", "--json"]).ok().json_lines();
    assert_eq!(texts(&said), ["first", "waits", "publishes"]);
}

#[test]
fn a_line_that_a_killed_git_left_out_of_the_reflog_loses_nothing_and_brings_nothing_back() {
    let w = ready(World::new());
    let a = w.session("a");
    for text in ["first", "second", "third"] {
        post(&a, &[text]);
    }
    let log = w.main_worktree().join(".git/logs").join(REF);
    let lines = std::fs::read_to_string(&log).expect("a reflog");
    let mut lines: Vec<&str> = lines.lines().collect();
    lines.remove(lines.len() - 2);
    std::fs::write(&log, lines.join("\n") + "\n").expect("the reflog");
    post(&a, &["fourth"]);
    assert_eq!(w.git_text(["rev-list", "--count", "--merges", REF]), "0");
}

/// A `git` before which a stock command always comes first, a few times.
const ALWAYS_LATE: &str = r#"
PATH=${PATH#*:}; export PATH
case "$*" in *update-ref*) ;; *) exec git "$@" ;; esac
n=$(cat "$TMPDIR/late" 2>/dev/null || echo 0); echo $((n+1)) >"$TMPDIR/late"
[ $n -lt 4 ] || exec git "$@"
cat >"$TMPDIR/script.$$"
git notes --ref=ccc/chat append -m "stock $n" HEAD
git "$@" <"$TMPDIR/script.$$"
"#;

#[test]
fn what_loses_to_stock_notes_again_and_again_joins_the_tip() {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    post(&b, &["first", "--commit", "HEAD"]);
    w.tool("git", ALWAYS_LATE);
    let lines = "one\ntwo\nthree\n";
    a.command(["chat", "post", "--stdin"])
        .stdin(lines)
        .run()
        .ok();
    post(&a, &["late", "--commit", "HEAD"]);
    w.real_tool("git");
    assert_eq!(w.git_text(["rev-list", "--count", "--merges", REF]), "1");
    let read = unread(&b);
    assert_eq!(texts(&read), ["one", "two", "three", "late"]);
    post(&a, &["next"]);
    let note = w.git_text(["notes", "--ref=ccc/chat", "show", "HEAD"]);
    for line in [": first [", ": late [", "stock 0", "stock 3"] {
        assert!(note.contains(line), "{line} is in\n{note}");
    }
    w.git(["fsck", "--strict"]).ok();
}
