//! Letters end to end: to whom, once, how far they came, whose task it is, and when enough was said.

use crate::common::output::CommandOutput;
use crate::common::session::Session;
use crate::common::setup::{ready, set_up};
use crate::common::world::{BINARY, World};
use serde_json::Value;

const REF: &str = "refs/notes/ccc/chat";

#[track_caller]
fn send(from: &Session, args: &[&str]) -> String {
    let args = ["send"].iter().chain(args);
    from.ccc(args).ok().stdout.trim().to_owned()
}

#[track_caller]
fn texts(output: &CommandOutput) -> Vec<String> {
    let all = output.ok().json_lines();
    let text = |message: &Value| message["text"].as_str().expect("a text").to_owned();
    all.iter().map(text).collect()
}

fn inbox(session: &Session) -> Vec<String> {
    texts(&session.ccc(["inbox", "--json"]))
}

#[track_caller]
fn receipt(from: &Session, id: &str) -> String {
    let list = from.ccc(["send", "--status", id, "--json"]).ok().json();
    list["sent"][0]["receipt"]
        .as_str()
        .expect("a receipt")
        .to_owned()
}

#[test]
fn a_letter_is_shown_once_by_priority_and_to_nobody_else() {
    let w = ready(World::new());
    let (a, b, c) = (w.session("a"), w.session("b"), w.session("c"));
    send(&a, &[b.tag(), "later", "--priority", "later"]);
    send(&a, &["b", "first"]);
    send(&a, &["b", "second"]);
    let id = send(&c, &["b", "at once", "--priority", "now"]);
    assert_eq!(
        texts(&b.ccc(["inbox", "--peek", "--json"])),
        ["at once", "first", "second", "later"]
    );
    let limited = b.ccc(["inbox", "--limit", "1"]);
    insta::assert_snapshot!(limited.to_string().replace(&id, "ID").replace(b.tag(), "B").replace(c.tag(), "C"), @r"
    C  2s ago  to B  in mail  now  [ID]
      at once
    ------- stderr -------
    there is more: git ccc inbox
    [exit 0]
    [EOF]
    ");
    assert_eq!(inbox(&b), ["first", "second", "later"]);
    assert!(inbox(&b).is_empty());
    assert_eq!(texts(&b.ccc(["inbox", "--all", "--json"])).len(), 4);
    assert!(
        texts(&c.ccc(["chat", "read", "--unread", "--json"])).is_empty(),
        "a letter to another is no news"
    );
    assert!(texts(&a.ccc(["chat", "read", "--json"])).is_empty());
    let mail = a.ccc(["chat", "read", "--room", "mail", "--json"]);
    assert_eq!(texts(&mail).len(), 4, "whoever asks sees it");
    let log = w.git_text(["log", "--format=%s", REF]);
    assert_eq!(log.lines().count(), 4, "plain git shows letters: {log}");
}

#[test]
fn a_receipt_goes_from_stored_to_acted_and_never_ahead() {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    let asked = send(&a, &["b", "asked for"]);
    assert_eq!(receipt(&a, &asked), "stored");
    b.ccc(["who"]).ok();
    assert_eq!(receipt(&a, &asked), "stored", "a beat shows nothing");
    b.ccc(["inbox", "--peek"]).ok();
    assert_eq!(receipt(&a, &asked), "stored", "a peek takes nothing");
    b.ccc(["inbox"]).ok();
    assert_eq!(receipt(&a, &asked), "seen", "b asked for it");
    let pushed = send(&a, &["b", "pushed"]);
    b.ccc(["listen", "--timeout", "20s"]).ok();
    assert_eq!(receipt(&a, &pushed), "offered", "it was put before b");
    b.ccc(["chat", "rooms"]).ok();
    assert_eq!(receipt(&a, &pushed), "seen", "b went on after it");
    b.ccc(["chat", "reply", &pushed, "thanks"]).ok();
    assert_eq!(receipt(&a, &pushed), "acted");
    assert_eq!(receipt(&a, &asked), "seen", "an answer is to one letter");
    let sent = a.ccc(["inbox", "--sent", "--json"]).ok().json();
    assert_eq!(sent["sent"].as_array().map(Vec::len), Some(2));
    assert_eq!(inbox(&a), ["thanks"]);
}

#[test]
fn a_name_that_could_mean_two_means_none() {
    let w = ready(World::new());
    let a = w.session("a");
    let (one, mut two) = (w.session("worker"), w.session("worker"));
    let refused = a.ccc(["send", "worker", "hello there"]);
    let text = refused.code(1).stderr.clone();
    assert!(
        text.contains(one.tag()) && text.contains(two.tag()),
        "{text}"
    );
    assert!(
        text.contains(&format!("hint: git ccc send {} 'hello there'", one.tag())),
        "{text}"
    );
    two.die();
    send(&a, &["worker", "the one that is there"]);
    assert_eq!(inbox(&one), ["the one that is there"]);
    let none = a.ccc(["send", "nobody", "x"]);
    assert!(none.code(1).stderr.contains("no session is called nobody"));
    let own = a.ccc(["send", a.tag(), "x"]);
    assert!(own.code(2).stderr.contains("does not write to itself"));
}

#[test]
fn a_session_that_is_gone_is_refused_with_its_successor() {
    let w = ready(World::new());
    let a = w.session("a");
    let side = w.worktree("side");
    let mut old = w.session_in(&side, "parser");
    let lost = w.session_in(&side, "parser-two");
    old.die();
    let refused = a.ccc(["send", old.tag(), "still there?"]);
    let text = refused.code(1).to_string();
    let text = text.replace(old.tag(), "OLD").replace(lost.tag(), "NEW");
    insta::assert_snapshot!(text, @r"
    ------- stderr -------
    ccc: OLD is gone
      because: its process has ended
      because: NEW works in its worktree
    hint: git ccc send NEW 'still there?'
    [exit 1]
    [EOF]
    ");
    a.ccc(["send", old.tag(), "still there?", "--anyway"]).ok();
    old.ccc(["session", "end"]).ok();
    let ended = a.ccc(["send", old.tag(), "x"]);
    assert!(
        ended.code(1).stderr.contains("no session is called"),
        "{ended}"
    );
}

#[test]
fn a_task_stays_on_the_agenda_until_it_is_returned_or_done() {
    let w = ready(World::new());
    let (a, mut b) = (w.session("a"), w.session("b"));
    let fix = send(&a, &["b", "fix the tests", "--task", "--due", "2h"]);
    let docs = send(&a, &["b", "write the docs", "--task"]);
    b.ccc(["inbox"]).ok();
    b.ccc(["inbox", "ack", &fix]).ok();
    let agenda = b.ccc(["inbox", "--tasks"]);
    let shown = |text: String| {
        let text = text.replace(&fix, "FIX").replace(&docs, "DOCS");
        text.replace(a.tag(), "A").replace("b-", "B-")
    };
    insta::assert_snapshot!(shown(agenda.to_string()).replace(b.tag().trim_start_matches("b-"), "TAG"), @r"
    FIX  taken  due 2026-01-01T02:00:06Z  from A  to B-TAG  4s ago  fix the tests
    DOCS  given  no end                    from A  to B-TAG  3s ago  write the docs
    [exit 0]
    [EOF]
    ");
    b.ccc(["inbox", "return", &docs, "--why", "no time"]).ok();
    let after = b.ccc(["inbox", "return", &docs, "--why", "no time"]);
    assert!(after.code(1).stderr.contains("is returned"), "{after}");
    let given = a.ccc(["inbox", "--tasks", "--json"]).ok().json();
    assert_eq!(given["given"][0]["stage"], "taken", "{given}");
    assert_eq!(given["given"][1]["why"], "no time");
    assert_eq!(
        w.ccc(["inbox", "--tasks"]).code,
        5,
        "an agenda is a session's"
    );
    let other = w.session("c");
    let foreign = other.ccc(["inbox", "done", &fix]);
    assert!(foreign.code(1).stderr.contains("is on the agenda of"));
    b.die();
    // It survives its holder: whoever follows takes it over.
    let heir = w.session("b");
    let inherited = heir.ccc(["inbox", "--tasks", "--json"]).ok().json();
    assert_eq!(inherited["tasks"][0]["inherited"], true, "{inherited}");
    heir.ccc(["inbox", "ack", &fix]).ok();
    let mine = heir.ccc(["inbox", "--tasks", "--json"]).ok().json();
    assert_eq!(mine["tasks"][0]["holder"], heir.tag());
    heir.ccc(["inbox", "done", &fix, "--commit", "HEAD"]).ok();
    let note = w.git_text(["log", "-1", "--notes=ccc/chat", "--format=%N"]);
    assert!(note.contains(" done: done ["), "{note}");
    let rest = a.ccc(["inbox", "--tasks", "--json"]).ok().json();
    assert_eq!(rest["given"].as_array().map(Vec::len), Some(1), "{rest}");
}

#[test]
fn a_letter_crosses_repositories_through_the_hub() {
    let w = ready(World::new());
    let a = w.session("a");
    let other = w.outside().join("other");
    w.git(["init", "-q", other.to_str().expect("a path")]).ok();
    w.command(BINARY, ["init"]).cwd(&other).run().ok();
    let b = w.session_in(&other, "b");
    let id = send(&a, &["b", "from next door"]);
    let sent = a.ccc(["inbox", "--sent", "--json"]).ok().json();
    assert_eq!(sent["sent"][0]["receipt"], "stored");
    assert_eq!(inbox(&b), ["from next door"]);
    assert!(inbox(&b).is_empty());
    assert_eq!(receipt(&a, &id), "seen");
    b.ccc(["send", a.tag(), "heard", "--reply-to", &id]).ok();
    assert_eq!(receipt(&a, &id), "acted");
    let task = send(&b, &[a.tag(), "here too", "--task"]);
    send(&a, &[b.tag(), "one more", "--priority", "now"]);
    assert_eq!(inbox(&a), ["heard", "here too"]);
    a.ccc(["session", "set", "--task", "x"]).ok();
    assert!(inbox(&a).is_empty(), "a changed session keeps its marks");
    a.ccc(["inbox", "done", &task]).ok();
    let heard = b.ccc(["listen", "--timeout", "20s", "--json"]).ok().json();
    assert_eq!(heard["message"]["text"], "one more");
}

#[test]
fn who_says_too_much_is_slowed_and_a_repeat_is_one() {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    let first = send(&a, &["b", "hello"]);
    assert_eq!(send(&a, &["b", "hello"]), first, "the same again is one");
    let command = |n: u32| {
        let text = format!("number {n}");
        a.command(["send", "b", &text])
            .env("CCC_INBOX_PER_MINUTE", "3")
            .run()
    };
    command(1).ok();
    command(2).ok();
    let refused = command(3);
    insta::assert_snapshot!(refused.to_string().replace(b.tag(), "B"), @r"
    ------- stderr -------
    ccc: 3 messages to B are enough for now; the next one can go at 2026-01-01T00:01:06Z
      because: inbox.per_minute and inbox.per_hour in the settings say so
    hint: git ccc inbox --sent
    [exit 4]
    [EOF]
    ");
    w.advance(60);
    command(3).ok();
    assert_eq!(inbox(&b).len(), 4);
}

#[test]
fn two_sessions_cannot_wake_each_other_for_ever() {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    let mut last = send(&a, &["b", "begin"]);
    let mut reply = |from: &Session, n: u32| {
        let text = format!("answer {n}");
        let output = from.ccc(["chat", "reply", &last, &text, "--json"]);
        if output.code == 0 {
            output.json()["id"]
                .as_str()
                .expect("an id")
                .clone_into(&mut last);
        }
        output
    };
    for n in 0..8 {
        reply(if n % 2 == 0 { &b } else { &a }, n).ok();
    }
    let quiet = reply(&b, 8);
    assert_eq!(quiet.ok().json()["priority"], "later");
    assert!(quiet.stderr.contains("does not wake"), "{quiet}");
    a.ccc(["inbox"]).ok();
    let again = reply(&a, 9);
    assert_eq!(again.ok().json()["priority"], "later");
    b.ccc(["listen", "--timeout", "1s", "--peek"]).code(0);
    let mut n = 10;
    let refused = loop {
        let output = reply(if n % 2 == 0 { &b } else { &a }, n);
        if output.code != 0 {
            break output;
        }
        n += 1;
    };
    assert_eq!(n, 16, "sixteen answers are enough");
    assert!(refused.code(1).stderr.contains("@me"), "{refused}");
    // A commit is progress: the count begins anew.
    w.write("f", "1");
    w.git(["add", "f"]).ok();
    b.ccc(["commit", "-m", "progress", "--", "f"]).ok();
    let progress = reply(&b, 17);
    assert_eq!(progress.ok().json()["priority"], Value::Null);
}

#[test]
fn a_listener_says_one_thing_and_there_is_one() {
    let w = ready(World::options().real_clock().build());
    let (a, b) = (w.session("a"), w.session("b"));
    let timeout = b.ccc(["listen", "--timeout", "1s"]);
    assert_eq!((timeout.code, timeout.stdout.as_str()), (1, ""));
    assert_eq!(timeout.stderr, "", "a quiet no");
    let first = b.spawn(["listen", "--json"]);
    first.wait_until_it_watches();
    let refused = b.ccc(["listen", "--timeout", "1s"]);
    assert!(
        refused.code(4).stderr.contains("is listening already"),
        "{refused}"
    );
    send(&a, &["b", "wake", "--priority", "later"]);
    send(&a, &["b", "wake up"]);
    assert_eq!(first.wait().ok().json()["message"]["text"], "wake up");
    let peek = b.ccc(["listen", "--any", "--peek", "--timeout", "9s"]);
    assert!(peek.ok().stdout.starts_with("you have mail from a-"));
    let told = b.ccc(["listen", "--any", "--peek", "--timeout", "1s"]);
    assert_eq!(told.code, 1, "of one letter it is said once");
    assert_eq!(inbox(&b), ["wake"], "and it was not taken");
    let ends = b.spawn(["listen"]);
    ends.wait_until_it_watches();
    b.ccc(["session", "end"]).ok();
    assert!(ends.wait().code(1).stderr.contains("has ended"));
}

#[test]
fn a_listener_wakes_for_claims() {
    let w = ready(World::options().real_clock().build());
    let (a, b) = (w.session("a"), w.session("b"));
    a.ccc(["claim", "src/"]).ok();
    let free = b.spawn(["listen", "--free", "src/x.rs"]);
    free.wait_until_it_watches();
    a.ccc(["release", "--all"]).ok();
    assert_eq!(free.wait().ok().stdout, "free now: src/x.rs\n");
    b.ccc(["claim", "src/"]).ok();
    let broken = b.spawn(["listen"]);
    broken.wait_until_it_watches();
    let claims = a.ccc(["claims", "--json"]).ok().json();
    let id = claims["claims"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    a.ccc(["break", &id, "--why", "the build is red"]).ok();
    let heard = broken.wait();
    assert!(heard.ok().stdout.contains("the build is red"), "{heard}");
}

#[test]
fn a_question_finds_who_knows() {
    let w = ready(World::new());
    let (a, b, c) = (w.session("a"), w.session("b"), w.session("c"));
    let ask = |args: &[&str]| {
        let args = ["ask", "--dry-run", "--json"].iter().chain(args);
        let output = a.ccc(args);
        let answer = output.ok().json();
        let to = answer["to"][0].as_str().unwrap_or("all").to_owned();
        (
            to,
            answer["because"].as_str().unwrap_or_default().to_owned(),
        )
    };
    let path = ["--path", "src/parser.rs", "why?"];
    assert_eq!(ask(&path), ("all".into(), String::new()));
    c.ccc(["chat", "post", "about it", "--path", "src/parser.rs"])
        .ok();
    assert_eq!(ask(&path).0, c.tag());
    w.write("src/parser.rs", "1");
    w.git(["add", "src"]).ok();
    c.ccc(["commit", "-m", "by c", "--", "src/parser.rs"]).ok();
    b.ccc(["claim", "src/"]).ok();
    assert_eq!(ask(&path), (b.tag().into(), "holds it".into()));
    b.ccc(["release", "--all"]).ok();
    assert_eq!(ask(&path), (c.tag().into(), "committed it last".into()));
    let id = a.ccc(["ask", "--path", "src/parser.rs", "why?"]);
    assert_eq!(inbox(&c), ["why?"]);
    assert!(id.ok().stderr.contains("committed it last"), "{id}");
    drop(c);
    let gone = a.ccc(["ask", "--path", "src/parser.rs", "why then?"]);
    assert!(gone.ok().stderr.contains("the question is open"), "{gone}");
    let heir = w.session("c");
    let moved = a.ccc(["ask", "--path", "src/parser.rs", "and now?"]);
    assert!(moved.ok().stderr.contains("and is gone; asking"), "{moved}");
    assert_eq!(inbox(&heir), ["and now?"]);
    let docs = w.session("api docs");
    docs.ccc(["session", "set", "--task", "describe the lexer"])
        .ok();
    assert_eq!(ask(&["--to", "the lexer one", "?"]).0, docs.tag());
    let nobody = a.ccc(["ask", "--to", "the zebra", "?"]);
    assert!(nobody.code(1).stderr.contains("no session is called"));
}

#[test]
fn letters_work_with_every_kind_of_repository() {
    for options in World::matrix() {
        let w = options.build();
        set_up(&w);
        let (a, b) = (w.session("a"), w.session("b"));
        let id = send(&a, &["b", "\u{1b}[2J hello\n\nCcc-Message: x", "--task"]);
        let shown = b.ccc(["inbox"]);
        assert!(!shown.ok().stdout.contains('\u{1b}'), "{shown}");
        b.ccc(["inbox", "done", &id]).ok();
        assert_eq!(receipt(&a, &id), "acted");
        w.git(["fsck", "--strict"]).ok();
    }
}
