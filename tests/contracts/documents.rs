//! What scripts may rely on in each JSON document: its schema, its keys and their types. A key that goes or changes its type needs a new
//! number in the schema; one that comes is an addition to the snapshot.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::common::output::CommandOutput;
use crate::common::session::Session;
use crate::common::setup::ready;
use crate::common::world::World;

/// The type of a value, of all values that stand in its place: `text`, `number|null`, `[{id: text}]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Shape {
    plain: BTreeSet<&'static str>,
    items: Option<Box<Shape>>,
    keys: BTreeMap<String, (Shape, usize)>,
    objects: usize,
}

impl Shape {
    fn add(&mut self, value: &Value) {
        match value {
            Value::Null => _ = self.plain.insert("null"),
            Value::Bool(_) => _ = self.plain.insert("bool"),
            Value::Number(_) => _ = self.plain.insert("number"),
            Value::String(_) => _ = self.plain.insert("text"),
            Value::Array(values) => {
                let items = self.items.get_or_insert_default();
                for value in values {
                    items.add(value);
                }
            }
            Value::Object(map) => {
                self.objects += 1;
                for (key, value) in map {
                    let (shape, count) = self.keys.entry(key.clone()).or_default();
                    shape.add(value);
                    *count += 1;
                }
            }
        }
    }

    fn text(&self) -> String {
        let mut all: Vec<String> = self.plain.iter().map(|&word| word.to_owned()).collect();
        all.extend(self.items.iter().map(|items| format!("[{}]", items.text())));
        if self.objects > 0 {
            let key = |(key, (shape, count)): (&String, &(Shape, usize))| {
                let sometimes = if *count < self.objects { "?" } else { "" };
                format!("{key}{sometimes}: {}", shape.text())
            };
            let keys: Vec<String> = self.keys.iter().map(key).collect();
            all.push(format!("{{{}}}", keys.join(", ")));
        }
        all.join("|")
    }
}

/// The documents seen, by schema.
#[derive(Debug, Default)]
pub struct Documents(BTreeMap<String, Shape>);

impl Documents {
    #[track_caller]
    pub fn see(&mut self, output: &CommandOutput) {
        let documents = serde_json::Deserializer::from_str(&output.stdout).into_iter::<Value>();
        for document in documents {
            let document = document.unwrap_or_else(|error| panic!("{error}: {output}"));
            let schema = document["schema"].as_str().unwrap_or_default().to_owned();
            assert!(schema.starts_with("ccc."), "{output}");
            self.0.entry(schema).or_default().add(&document);
        }
    }

    /// One line per key of each document.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (schema, shape) in &self.0 {
            text += schema;
            for (key, (shape_of, count)) in shape.keys.iter().filter(|(key, _)| *key != "schema") {
                let sometimes = if *count < shape.objects { "?" } else { "" };
                let shape = shape_of.text();
                text.extend(["\n  ", key, sometimes, ": ", &shape]);
            }
            text += "\n";
        }
        text
    }
}

fn scene() -> (World, Session, Session) {
    let w = ready(World::new());
    w.write("src/a.rs", "1\n");
    w.write("docs/b.md", "1\n");
    w.git(["add", "."]).ok();
    w.git(["commit", "-qm", "base"]).ok();
    let (a, b) = (w.session("a"), w.session("b"));
    (w, a, b)
}

#[test]
fn coordination() {
    let (w, a, b) = scene();
    let mut seen = Documents::default();
    let mut see = |by: &Session, args: &[&str]| {
        seen.see(by.ccc(args.iter().chain(&["--json"])).ok());
    };
    see(&a, &["init"]);
    see(&a, &["claim", "src/", "-m", "the parser"]);
    see(&b, &["claim", "docs/*.md", "--eta", "30m"]);
    see(&b, &["claim", "--dry-run", "res:port/3000"]);
    w.write("src/a.rs", "2\n");
    see(&a, &["commit", "-m", "change", "src/a.rs"]);
    see(&a, &["claims"]);
    see(&a, &["who"]);
    see(&a, &["session", "show", a.tag()]);
    see(&a, &["session", "whoami"]);
    see(&a, &["session", "set", "--task", "parse"]);
    see(&b, &["release", "--all"]);
    see(&a, &["board"]);
    see(&a, &["board", "--all"]);
    see(&a, &["feed"]);
    see(&a, &["recap"]);
    see(&a, &["doctor"]);
    w.write(".ccc.toml", "v = 1\n");
    see(&a, &["trust"]);
    see(&a, &["check", "HEAD~1..HEAD"]);
    see(&a, &["check", "--explain"]);
    see(&b, &["session", "end"]);
    see(&a, &["uninstall"]);
    insta::assert_snapshot!(seen.text(), @r"
    ccc.board.all/1
      boards: [{claims: [{claim: text, intent: text, scopes: [text], session: text, taken: text, until: text}], path: text, pins: [], releases: [{at: text, scopes: [text], session: text, why: text}], repo: text, sessions: [{beat: text, branch: text, column: text, life: text, name: text, since: text, started: text, stated: bool, tag: text, task?: text, unread: {addressed: number, more: bool, room: number}, worktree: text}]}]
      unreachable: []
      updated: text
    ccc.board/1
      claims: [{claim: text, intent: text, scopes: [text], session: text, taken: text, until: text}]
      path: text
      pins: []
      releases: [{at: text, scopes: [text], session: text, why: text}]
      repo: text
      sessions: [{beat: text, branch: text, column: text, life: text, name: text, since: text, started: text, stated: bool, tag: text, task?: text, unread: {addressed: number, more: bool, room: number}, worktree: text}]
      updated: text
    ccc.check.rules/1
      rules: [{fix: text, id: text, level: text, setting: text, title: text, why: text}]
    ccc.check/1
      accepted: number
      findings: []
      judged_at: text
      range: {base: text, commits: number, target: text, tip: text}
      rules: [{findings: number, id: text, level: text}]
    ccc.claim.list/1
      claims: [{eta?: text, fence: number, id: text, intent?: text, scopes: [text], session: text, state: text, taken: text, until: text, worktree: text}]
    ccc.claim/1
      claims: [{eta?: text, fence: number, id: text, intent?: text, scopes: [text], session: text, state: text, taken: text, until: text, worktree: text}]
      dry_run: bool
    ccc.commit/1
      branch: text
      commit: text
      dry_run: bool
      paths: [text]
      session: text
      subject: text
    ccc.doctor/1
      facts: [[text]]
      findings: []
      hooks: [{fired: text, name: text}]
    ccc.feed/1
      at: text
      commit?: text
      eta?: null|text
      fence?: number
      kind: text
      line: text
      oid?: text
      paths?: [text]
      scopes?: [text]
      subject?: text
      task?: null|text
      who: text
      why?: text
    ccc.init/1
      hooks: [{name: text, state: text}]
      hooks_dir: text
      log_begun: bool
      manual: text
    ccc.recap/1
      items: [{at: text, line: text, topic: text}]
      left_out: number
      since: text
      tokens: number
      used: number
    ccc.release/1
      scopes: [text]
      session: text
      why: text
    ccc.session.list/1
      sessions: [{beat: text, branch: text, host: text, life: text, name: text, pid: number, repo: text, started: text, tag: text, worktree: text}]
    ccc.session/1
      beat: text
      branch: text
      host: text
      life: text
      name: text
      pid: number
      repo: text
      started: text
      tag: text
      task?: text
      worktree: text
    ccc.trust/1
      files: [text]
      repo: text
      state: text
    ccc.uninstall/1
      hooks: [text]
      left_aside: []
      refs: number
    ");
}

#[test]
fn the_room() {
    let (_w, a, b) = scene();
    let mut seen = Documents::default();
    let mut see = |by: &Session, args: &[&str]| {
        seen.see(by.ccc(args.iter().chain(&["--json"])).ok());
    };
    let said = a.ccc(["chat", "post", "--question", "who has src/?", "--json"]);
    let id = said.ok().json()["id"].as_str().expect("an id").to_owned();
    see(&b, &["chat", "reply", &id, "I have"]);
    see(&a, &["chat", "read", "--unread"]);
    see(&a, &["chat", "threads"]);
    see(&a, &["send", b.tag(), "look at src/", "--task"]);
    see(&a, &["inbox", "--sent"]);
    see(&b, &["listen", "--timeout", "5s"]);
    see(&b, &["inbox", "--tasks"]);
    see(&a, &["ask", "--to", "b", "why?"]);
    see(&a, &["notify", "finished", "-m", "ready"]);
    insta::assert_snapshot!(seen.text(), @r"
    ccc.agenda/1
      given: []
      tasks: [{by: {session: text}, commit: null, due: null, given: text, holder: text, id: text, last: text, late: bool, line: text, room: text, stage: text, thread: text, why: null}]
    ccc.heard/1
      event: text
      message: {at: text, extra: [[text]], from: {session: text}, id: text, oid: text, priority: text, room: text, state: text, text: text, thread: text, to: [text]}
    ccc.message/1
      at: text
      extra: [[text]]
      from: {session: text}
      id: text
      known?: bool
      oid: text
      reply_to: text
      room: text
      state: text
      text: text
      thread: text
      to: [text]
    ccc.notify/1
      outcome: text
    ccc.receipts/1
      sent: [{at: text, id: text, line: text, receipt: text, task: bool, to: text}]
    ccc.sent/1
      at: text
      because?: text
      extra?: [[text]]
      from: {session: text}
      hub: bool
      id: text
      known: bool
      oid: text
      priority: text
      room: text
      state: text
      text: text
      thread: text
      to: [text]
    ccc.thread.list/1
      threads: []
    ");
}

#[test]
fn work_in_progress() {
    let (w, a, _b) = scene();
    let mut seen = Documents::default();
    let mut see = |args: &[&str]| {
        seen.see(a.ccc(args.iter().chain(&["--json"])).ok());
    };
    w.write("src/a.rs", "2\n");
    w.write("new.txt", "1\n");
    see(&["wip", "save"]);
    see(&["wip", "list"]);
    see(&["wip", "show"]);
    w.git(["checkout", "-q", "src/a.rs"]).ok();
    see(&["wip", "restore"]);
    see(&["wip", "drop", "--all"]);
    insta::assert_snapshot!(seen.text(), @r"
    ccc.wip.drop/1
      dropped: [{at: text, branch: text, commit: text, id: text, keeps: [], left_out: [], left_out_more: number, paths: number, session: text, why: text, worktree: text}]
      left: number
      session: text
    ccc.wip.list/1
      snapshots: [{at: text, branch: text, commit: text, id: text, keeps: [], left_out: [], left_out_more: number, paths: number, session: text, why: text, worktree: text}]
      unreadable: []
    ccc.wip.restore/1
      before: {at: text, branch: text, commit: text, id: text, keeps: [], left_out: [], left_out_more: number, paths: number, session: text, why: text, worktree: text}
      dry_run: bool
      paths: [{path: text, staged: bool, verdict: text}]
      snapshot: {at: text, branch: text, commit: text, id: text, keeps: [], left_out: [], left_out_more: number, paths: number, session: text, why: text, worktree: text}
      to: null
    ccc.wip.save/1
      left_out: []
      left_out_more: number
      saved: bool
      snapshot: {at: text, branch: text, commit: text, id: text, keeps: [], left_out: [], left_out_more: number, paths: number, session: text, why: text, worktree: text}
    ccc.wip.show/1
      paths: [{blob: text, path: text, shape: text, staged: bool, staged_blob: null}]
      snapshot: {at: text, branch: text, commit: text, id: text, keeps: [], left_out: [], left_out_more: number, paths: number, session: text, why: text, worktree: text}
    ");
}

#[test]
fn shared_files_and_memory() {
    let (w, a, _b) = scene();
    let mut seen = Documents::default();
    let mut see = |args: &[&str]| {
        seen.see(a.ccc(args.iter().chain(&["--json"])).ok());
    };
    let shared = w.home().join("shared.md").display().to_string();
    std::fs::write(&shared, "# One\n").expect("a file");
    see(&["file", "cat", &shared]);
    let write = a.command(["file", "write", &shared, "--json"]);
    seen.see(write.stdin("# One\n\n- two\n").run().ok());
    let mut see = |args: &[&str]| seen.see(a.ccc(args.iter().chain(&["--json"])).ok());
    see(&["file", "log", &shared]);
    see(&["file", "diff", &shared]);
    see(&["file", "list"]);
    see(&["file", "restore", &shared]);
    let memory = a.ccc(["memory", "status", "--json"]);
    let main = memory.ok().json()["directory"].as_str().map(str::to_owned);
    let home = w.home().display().to_string();
    let main = main.expect("a directory").replace("$HOME", &home);
    std::fs::create_dir_all(&main).expect("a directory");
    std::fs::write(format!("{main}/MEMORY.md"), "# Memory\n").expect("a file");
    see(&["memory", "fork", "x"]);
    see(&["memory", "status"]);
    see(&["memory", "merge", "x"]);
    see(&["memory", "log"]);
    see(&["memory", "show", "MEMORY.md"]);
    see(&["memory", "diff", "x"]);
    see(&["memory", "prune"]);
    insta::assert_snapshot!(seen.text(), @r"
    ccc.file.diff/1
      diff: text
      from: text
      path: text
      same: bool
      to: text
    ccc.file.list/1
      files: [{act: text, at: text, by: text, commit: text, gone: bool, path: text, read: number, session: text, version: number, worktree: text}]
    ccc.file.log/1
      more: bool
      path: text
      ref: text
      versions: [{act: text, added: number, at: text, by?: text, commit: text, gone: bool, path: text, read?: number, removed: number, session?: text, version: number, worktree?: text}]
    ccc.file.write/1
      commit: text
      duplicates: []
      merged: []
      path: text
      version: number
      wrote: bool
    ccc.file/1
      at: text
      commit: text
      path: text
      text: text
      version: number
    ccc.memory.diff/1
      name: text
      patch: text
    ccc.memory.fork/1
      directory: text
      name: text
      new: bool
      version: text
    ccc.memory.log/1
      name: text
      versions: [{at: text, by: text, subject: text, version: text}]
    ccc.memory.merge/1
      changed: []
      dry_run: bool
      duplicates: []
      name: text
      version: text
    ccc.memory.prune/1
      dry_run: bool
      kept: []
      pruned: [text]
    ccc.memory.show/1
      path: text
      text: text
      version: text
    ccc.memory.status/1
      directory: text
      namespaces: [{changed: [], directory: text, files: number, name: text, open: [], present: bool, version: text}]
      version: text
    ");
}

#[test]
fn recall() {
    let (w, a, _) = scene();
    let mut seen = Documents::default();
    let mut see = |args: &[&str]| seen.see(a.ccc(args.iter().chain(&["--json"])).ok());
    let path = w.home().join(".claude/projects/-r-shop");
    std::fs::create_dir_all(&path).expect("the folders");
    let record = |n: u8, kind: &str, content: Value| {
        json!({"type": kind, "uuid": format!("u{n}"), "sessionId": "5e55", "timestamp": format!("2025-12-31T12:0{n}:00.000Z"),
               "cwd": w.repo(), "gitBranch": "main", "message": {"role": kind, "content": content}})
    };
    let line = "pub const TOTAL_DIGITS: usize = 2;";
    let edit = json!({"file_path": "src/money.rs", "old_string": "", "new_string": line});
    let edit = json!([{"type": "tool_use", "id": "t", "name": "Edit", "input": edit}]);
    let records = [
        record(1, "user", json!("round the totals")),
        record(2, "assistant", edit),
    ];
    let text = records.map(|record| format!("{record}\n")).concat();
    std::fs::write(path.join("5e55.jsonl"), text).expect("a transcript");
    see(&["index"]);
    see(&["search", "-C", "1", "totals"]);
    w.write("src/money.rs", format!("{line}\n"));
    see(&["why", "src/money.rs:1"]);
    w.write("src/a.rs", "2\n");
    a.ccc(["commit", "-m", "change", "src/a.rs"]).ok();
    see(&["why", "src/a.rs"]);
    insta::assert_snapshot!(seen.text(), @r"
    ccc.index/1
      added: number
      broken: number
      busy: bool
      bytes: number
      copies: number
      directory: text
      documents: number
      files: number
      gone: number
      moved: number
      read: number
      read_again: number
      records: {}
      size: number
      unreadable: []
      vectors: {added: number, embedder: text, left: number, passages: number, why: null}
    ccc.search/1
      cursor: null
      degraded: null
      hits: [{agent: text, began: text, branches: [text], last: text, missing: [], moments: [{around: [{after: bool, role: text, text: text}], at: text, hash: text, highlights: [[number]], offset: number, path: text, role: text, score: number, snippet: text, subagent: bool, tool: null|text}], project: text, resume: text, score: number, session: text, tag: null, title: text}]
      mode: text
      query: text
      stale: bool
      total: number
      unmatched: []
    ccc.why/1
      file: text
      findings: [{at: null|text, author: text, commit: null|text, lines: [[number]], path: text, sessions: [{agent: null|text, confidence: text, evidence: [{confidence: text, kind: text, says: text}], moment: null|{at: text, offset: number, path: text, role: text, snippet: text, subagent: bool, tool: text}, project: null|text, prompt: null|{at: text, text: text}, resume: null|text, session: null|text, tag: null|text, title: null|text, transcript: null|text}], summary: text, text: text, written_in: null}]
      more_commits: number
      rev: null
      stale: bool
    ");
}
