//! From a line to the session that wrote it, end to end: each kind of evidence alone, and none.

use crate::common::output::CommandOutput;
use crate::common::setup::ready;
use crate::common::world::{BINARY, World};
use chrono::Duration;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

const CLAUDE: &str = "5e551011-aaaa-4bbb-8ccc-000000000001";
const CODEX: &str = "c0de0000-1111-4222-8333-000000000002";
const LINE: &str = "let delay = base * 2_u32.pow(attempt) + jitter(seed);";

/// A time before the world's next command.
fn ago(w: &World, minutes: i64) -> String {
    (w.now() - Duration::minutes(minutes))
        .format("%Y-%m-%dT%H:%M:%S.000Z")
        .to_string()
}

fn put(path: PathBuf, records: &[Value]) {
    fs::create_dir_all(path.parent().expect("it has a folder")).expect("the folders");
    let lines: Vec<String> = records.iter().map(|record| format!("{record}\n")).collect();
    fs::write(path, lines.concat()).expect("a transcript");
}

/// Puts a transcript of Claude Code: a prompt, then what it did.
fn claude(w: &World, id: &str, minutes: i64, prompt: &str, acts: &[Value]) {
    let cwd = w.repo().display().to_string();
    let envelope = |n: i64, kind: &str, role: &str, content: Value| {
        json!({
            "type": kind, "uuid": format!("{id}-{n}"), "sessionId": id, "cwd": cwd, "gitBranch": "main",
            "timestamp": ago(w, minutes - n), "message": {"role": role, "content": content},
        })
    };
    let mut records = vec![envelope(0, "user", "user", json!(prompt))];
    for (n, act) in (1..).zip(acts) {
        let kind = if act["type"] == "tool_result" {
            "user"
        } else {
            "assistant"
        };
        records.push(envelope(n, kind, kind, json!([act])));
    }
    let path = format!(".claude/projects/-r-shop/{id}.jsonl");
    put(w.home().join(path), &records);
}

fn edit(path: &str, old: &str, new: &str) -> Value {
    let input = json!({"file_path": path, "old_string": old, "new_string": new});
    json!({"type": "tool_use", "id": "t1", "name": "Edit", "input": input})
}

fn bash(id: &str, command: &str) -> Value {
    json!({"type": "tool_use", "id": id, "name": "Bash", "input": {"command": command}})
}

fn output(id: &str, text: &str) -> Value {
    json!({"type": "tool_result", "tool_use_id": id, "content": text})
}

/// Puts a transcript of Codex: a prompt, a call and its answer.
fn codex(w: &World, minutes: i64, prompt: &str, call: Value, answer: &str) {
    let item = |n: i64, kind: &str, payload: Value| json!({"timestamp": ago(w, minutes - n), "type": kind, "payload": payload});
    let cwd = w.repo().display().to_string();
    let said = json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": prompt}]});
    let answer = json!({"type": "custom_tool_call_output", "call_id": "c1", "output": answer});
    let records = [
        item(
            0,
            "session_meta",
            json!({"id": CODEX, "cwd": cwd, "source": "cli"}),
        ),
        item(0, "response_item", said),
        item(1, "response_item", call),
        item(2, "response_item", answer),
    ];
    let name = format!("rollout-2026-05-01T08-00-00-{CODEX}.jsonl");
    put(
        w.home().join(".codex/sessions/2026/05/01").join(name),
        &records,
    );
}

/// Commits a file that has the line, and returns the commit.
fn committed(w: &World, path: &str) -> String {
    w.write(path, format!("fn wait() {{\n    {LINE}\n}}\n"));
    w.git(["add", path]).ok();
    w.git(["commit", "-q", "-m", "Wait longer each time"]).ok();
    w.git_text(["rev-parse", "HEAD"])
}

fn why(w: &World, target: &str) -> CommandOutput {
    w.ccc(["why", "--json", target])
}

/// The likeliest session of the first finding.
fn first(w: &World, target: &str) -> Value {
    why(w, target).ok().json()["findings"][0]["sessions"][0].clone()
}

fn kinds(who: &Value) -> Vec<&str> {
    let clues = who["evidence"].as_array().expect("evidence is a list");
    clues
        .iter()
        .filter_map(|clue| clue["kind"].as_str())
        .collect()
}

#[test]
fn the_trailer_and_the_log_name_the_session() {
    let w = ready(World::new());
    let a = w.session("retry");
    w.write("src/net.rs", format!("{LINE}\n"));
    a.ccc(["commit", "-m", "Wait longer", "--", "src/net.rs"])
        .ok();
    let answer = why(&w, "src/net.rs:1").ok().json();
    assert_eq!(answer["schema"], "ccc.why/1");
    let who = &answer["findings"][0]["sessions"][0];
    assert_eq!(who["tag"], a.tag());
    assert_eq!(who["confidence"], "certain");
    assert_eq!(kinds(who), ["trailer", "log"]);
    let human = w.ccc(["why", "src/net.rs:1"]);
    assert!(human.ok().stdout.contains(a.tag()), "{human}");
}

#[test]
fn of_a_whole_file_whoever_has_said_so_comes_first() {
    let w = ready(World::new());
    let mut text = String::new();
    for n in 0..11 {
        text.extend(["line ", "and "].map(|word| format!("{word}{n}\n")));
        w.write("long.txt", &text);
        w.git(["add", "long.txt"]).ok();
        w.git(["commit", "-qm", "two lines"]).ok();
    }
    let a = w.session("a");
    w.write("long.txt", text + "one\n");
    a.ccc(["commit", "-m", "one line", "long.txt"]).ok();
    assert_eq!(first(&w, "long.txt")["tag"], a.tag());
}

#[test]
fn the_trailer_leads_to_the_conversation_and_its_prompt() {
    let w = ready(World::new());
    claude(
        &w,
        CLAUDE,
        20,
        "wait longer between attempts",
        &[bash("b", "cargo test")],
    );
    let mut child = w.session("retry");
    child.die();
    let started = [
        "session", "start", "--name", "net", "--agent", "claude", "--native", CLAUDE, "--json",
    ];
    let tag = w.ccc(started).ok().json()["tag"]
        .as_str()
        .expect("a tag")
        .to_owned();
    w.write("src/net.rs", format!("{LINE}\n"));
    w.command(BINARY, ["commit", "-m", "Wait", "--", "src/net.rs"])
        .env("CCC_SESSION", &tag)
        .run()
        .ok();
    let who = first(&w, "src/net.rs");
    assert_eq!(
        (&who["tag"], &who["session"]),
        (&json!(tag), &json!(CLAUDE))
    );
    assert_eq!(who["prompt"]["text"], "wait longer between attempts");
    assert_eq!(who["resume"], format!("claude --resume {CLAUDE}"));
    let shown = w.ccc(["session", "show", &tag, "--json"]).ok().json();
    let path = shown["transcripts"][0].as_str().unwrap_or_default();
    assert!(
        path.ends_with(&format!("{CLAUDE}.jsonl")),
        "the other way: {shown}"
    );
}

#[test]
fn the_name_of_the_commit_in_an_answer_tells_who_made_it() {
    let w = World::new();
    let commit = committed(&w, "src/net.rs");
    let short = &commit[..7];
    let made = format!("[main {short}] Wait longer each time\n 1 file changed");
    let acts = [bash("b", "git commit -qm x"), output("b", &made)];
    claude(&w, CLAUDE, 1, "commit what is there", &acts);
    let read = [
        bash("b", "git log"),
        output("b", &format!("{short} Wait longer each time")),
    ];
    claude(
        &w,
        "5e551011-aaaa-4bbb-8ccc-000000000009",
        1,
        "what happened?",
        &read,
    );
    let answer = why(&w, "src/net.rs:2").ok().json();
    let sessions = answer["findings"][0]["sessions"]
        .as_array()
        .expect("a list");
    assert_eq!(
        sessions.len(),
        1,
        "who reads the log did not make it: {answer}"
    );
    assert_eq!(sessions[0]["session"], CLAUDE);
    assert_eq!(sessions[0]["confidence"], "certain");
    assert_eq!(kinds(&sessions[0]), ["commit_output"]);
    assert_eq!(sessions[0]["prompt"]["text"], "commit what is there");
    let hits = w.ccc(["search", "--json", "--commit", "HEAD"]).ok().json();
    assert_eq!(hits["total"], 2, "{hits}");
}

#[test]
fn the_lines_tell_who_wrote_them() {
    let w = World::new();
    let other = "5e551011-aaaa-4bbb-8ccc-000000000003";
    let path = w.repo().join("src/net.rs").display().to_string();
    // One wrote it, with other white space; another took it out later, elsewhere; a third wrote it after the commit.
    let new = format!("fn wait() {{\n\t{LINE}");
    claude(
        &w,
        CLAUDE,
        30,
        "token=hunter2hunter2 back off, please",
        &[edit(&path, "fn wait() {", &new)],
    );
    claude(
        &w,
        other,
        20,
        "clean up",
        &[edit("/r/else.rs", &format!("{LINE}\nx"), "x")],
    );
    let late = "5e551011-aaaa-4bbb-8ccc-000000000004";
    let act = edit(&path, "", LINE);
    claude(&w, late, -300, "later", &[act]);
    committed(&w, "src/net.rs");
    let answer = why(&w, "src/net.rs:2").ok().json();
    let sessions = answer["findings"][0]["sessions"]
        .as_array()
        .expect("a list");
    assert_eq!(sessions.len(), 1, "{answer}");
    assert_eq!(sessions[0]["session"], CLAUDE);
    assert_eq!(sessions[0]["confidence"], "likely");
    assert!(kinds(&sessions[0]).contains(&"lines"), "{answer}");
    assert_eq!(sessions[0]["moment"]["tool"], "Edit");
    let prompt = sessions[0]["prompt"]["text"].as_str().unwrap_or_default();
    assert!(
        prompt.contains("back off") && !prompt.contains("hunter2"),
        "masked: {prompt}"
    );
}

#[test]
fn a_patch_of_codex_tells_too_and_so_do_renamed_and_moved_lines() {
    let w = World::new();
    let input = format!(
        "*** Begin Patch\n*** Update File: src/old.rs\n@@\n fn wait() {{\n+    {LINE}\n*** End Patch"
    );
    let call =
        json!({"type": "custom_tool_call", "name": "apply_patch", "call_id": "c1", "input": input});
    codex(&w, 10, "add a growing delay", call, "Success");
    committed(&w, "src/old.rs");
    w.git(["mv", "src/old.rs", "src/new.rs"]).ok();
    w.git(["commit", "-q", "-m", "Rename"]).ok();
    let who = first(&w, "src/new.rs:2");
    assert_eq!(
        (&who["session"], &who["agent"]),
        (&json!(CODEX), &json!("codex"))
    );
    assert_eq!(who["prompt"]["text"], "add a growing delay");
    assert_eq!(who["moment"]["tool"], "apply_patch");
    let at = w.git_text(["rev-parse", "HEAD~1"]);
    let old = w
        .ccc(["why", "--json", "--rev", &at, "src/old.rs:2"])
        .ok()
        .json();
    assert_eq!(old["findings"][0]["path"], "src/old.rs");
}

#[test]
fn lines_that_are_not_committed_are_traced() {
    let w = World::new();
    claude(
        &w,
        CLAUDE,
        5,
        "new file, please",
        &[edit("src/fresh.rs", "", LINE)],
    );
    w.write("src/fresh.rs", format!("{LINE}\n"));
    let untracked = why(&w, "src/fresh.rs:1").ok().json();
    assert_eq!(untracked["findings"][0]["commit"], Value::Null);
    assert_eq!(untracked["findings"][0]["sessions"][0]["session"], CLAUDE);
    w.write("src/known.rs", "fn nothing() {}\n");
    w.git(["add", "."]).ok();
    w.git(["commit", "-q", "-m", "Known", "--", "src/known.rs"])
        .ok();
    w.write("src/known.rs", format!("fn nothing() {{}}\n{LINE}\n"));
    let changed = why(&w, "src/known.rs:2").ok().json();
    assert_eq!(changed["findings"][0]["sessions"][0]["session"], CLAUDE);
}

#[test]
fn what_a_merge_brings_itself_is_its_own() {
    let w = World::new();
    committed(&w, "src/net.rs");
    w.git(["checkout", "-q", "-b", "side", "HEAD~1"]).ok();
    w.write("b.txt", "b\n");
    w.git(["add", "."]).ok();
    w.git(["commit", "-q", "-m", "Side"]).ok();
    w.git(["merge", "-q", "--no-ff", "--no-commit", "-"]).ok();
    let evil = "pub const ATTEMPTS_AT_MOST: u32 = 16;";
    claude(
        &w,
        CLAUDE,
        3,
        "resolve the merge",
        &[edit("src/net.rs", "}", &format!("}}\n{evil}"))],
    );
    w.write(
        "src/net.rs",
        format!("fn wait() {{\n    {LINE}\n}}\n{evil}\n"),
    );
    w.git(["add", "."]).ok();
    w.git(["commit", "-q", "-m", "Merge"]).ok();
    let who = first(&w, "src/net.rs:4");
    assert_eq!(who["session"], CLAUDE);
    assert_eq!(who["confidence"], "likely");
}

#[test]
fn whoever_brought_lines_is_told_where_nobody_knows_who_wrote_them() {
    let w = World::new();
    let rest = (0..12).map(|n| format!("pub fn other_{n}() {{}}\n"));
    let rest = rest.collect::<Vec<_>>().concat();
    let block = format!(
        "pub fn wait(attempt: u32, base: u64, seed: u64) -> u64 {{\n    {LINE}\n    delay\n}}\n"
    );
    w.write("src/net.rs", format!("{block}{rest}"));
    w.git(["add", "."]).ok();
    w.git(["commit", "-q", "-m", "By hand"]).ok();
    let origin = w.git_text(["rev-parse", "HEAD"]);
    w.advance(3600);
    w.write("src/net.rs", rest);
    w.write("src/wait.rs", &block);
    let act = edit("src/wait.rs", "", &block);
    claude(&w, CLAUDE, 5, "move it to a file of its own", &[act]);
    w.git(["add", "."]).ok();
    w.git(["commit", "-q", "-m", "Move"]).ok();
    let answer = why(&w, "src/wait.rs:1,4").ok().json();
    let findings = answer["findings"].as_array().expect("a list");
    assert_eq!(findings.len(), 2, "{answer}");
    assert_eq!(findings[0]["written_in"], origin);
    assert_eq!(findings[0]["sessions"][0]["session"], CLAUDE);
    assert_eq!(
        (&findings[1]["commit"], &findings[1]["sessions"]),
        (&json!(origin), &json!([]))
    );
    let human = w.ccc(["why", "src/wait.rs:1,4"]);
    assert!(
        human.ok().stdout.contains("brought here; written in"),
        "{human}"
    );
}

#[test]
fn a_note_of_authorship_is_read() {
    let w = World::new();
    let commit = committed(&w, "src/net.rs");
    let note = "src/net.rs\n  s_0123456789abcd::t_1 1-3\n---\n{\"sessions\":{\"s_0123456789abcd\":{\"agent_id\":{\"tool\":\"claude\",\"id\":\"N1\"}}}}";
    w.git(["notes", "--ref=ai", "add", "-m", note, &commit])
        .ok();
    let before = w.git_text(["rev-parse", "refs/notes/ai"]);
    let who = first(&w, "src/net.rs:2");
    assert_eq!(
        (&who["session"], &who["confidence"]),
        (&json!("N1"), &json!("certain"))
    );
    assert_eq!(w.git_text(["rev-parse", "refs/notes/ai"]), before);
}

#[test]
fn nothing_known_is_a_no_that_says_what_was_looked_at() {
    let w = World::new();
    committed(&w, "src/net.rs");
    let refs = w.git_text(["for-each-ref"]);
    let output = w.ccc(["why", "src/net.rs:2"]);
    output.code(1);
    for part in [
        "Wait longer each time",
        "no Ccc-Session",
        "no tool was given",
        "hint: git ccc index --status",
    ] {
        assert!(output.stderr.contains(part), "{part}:\n{output}");
    }
    assert_eq!(w.git_text(["for-each-ref"]), refs, "it only reads");
    w.ccc(["why", "src/net.rs:99"]).code(1);
    w.ccc(["why", "src/none.rs"]).code(1);
    w.ccc(["why", "src/net.rs:9,2"]).code(2);
    w.ccc(["why", "--rev", "no-such", "src/net.rs"]).code(2);
    w.command(BINARY, ["why", "a"])
        .cwd(w.outside())
        .run()
        .code(5);
}
