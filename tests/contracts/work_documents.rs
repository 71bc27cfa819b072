//! The same for worktrees and templates.

use super::documents::Documents;
use crate::common::setup::ready;
use crate::common::world::{BINARY, World};
use std::fs;

/// A repository with a template that uses all that one can.
fn scene() -> World {
    let w = ready(World::new());
    w.write(".gitignore", ".env\n");
    w.write("tests.txt", "one\n");
    w.git(["add", "."]).ok();
    w.git(["commit", "-qnm", "base"]).ok();
    w.write(".env", "KEY=1\n");
    let dir = w.home().join(".config/git-ccc/templates");
    fs::create_dir_all(&dir).expect("a folder");
    let text = "v = 1\nkind = \"feature\"\ncolour = \"green\"\n[labels]\ncomponent = \"cart\"\n[copy]\nfiles = [\".env\"]\n\
        [lease.slots]\ndb = [\"a\"]\n[[write]]\npath = \".env\"\ntext = \"DB={slot.db}\\n\"\n";
    fs::write(dir.join("own.toml"), text).expect("a template");
    w.write(
        ".git/ccc.toml",
        "[worktree]\ntest = \"true\"\ntest_names = \"cat tests.txt\"\n",
    );
    w.ccc(["trust"]).ok();
    w
}

#[test]
fn worktrees_and_templates() {
    let w = scene();
    let mut seen = Documents::default();
    let mut see = |dir: Option<&str>, args: &[&str]| {
        let there = dir.map_or_else(
            || w.repo(),
            |name| w.main_worktree().with_file_name(format!("repo.{name}")),
        );
        let args = args.iter().chain(&["--json"]);
        seen.see(w.command(BINARY, args).cwd(there).run().ok());
    };
    see(None, &["template", "list"]);
    see(None, &["template", "show", "own"]);
    see(None, &["template", "new", "mine"]);
    see(
        None,
        &[
            "worktree",
            "new",
            "one",
            "--template",
            "own",
            "-m",
            "rounding",
        ],
    );
    see(None, &["worktree", "new", "two", "--template", "refactor"]);
    let hand = w.worktree("hand");
    fs::write(hand.join("new.txt"), "work\n").expect("a file");
    see(Some("hand"), &["worktree", "adopt"]);
    see(Some("two"), &["worktree", "verify", "--before"]);
    see(Some("two"), &["worktree", "verify"]);
    see(None, &["worktree", "list", "--disk"]);
    see(None, &["worktree", "sync", "--dry-run"]);
    see(None, &["worktree", "sync", "--no-fetch"]);
    see(None, &["worktree", "remove", "hand", "--dry-run"]);
    see(None, &["worktree", "remove", "hand"]);
    see(None, &["worktree", "remove", "one"]);
    insta::assert_snapshot!(seen.text(), @r"
    ccc.template.list/1
      templates: [{about: text, colour: text, kind: text, name: text, path?: text, source: text}]
    ccc.template.new/1
      name: text
      path: text
    ccc.template/1
      about: text
      colour: text
      kind: text
      name: text
      path: text
      source: text
      steps: text
      template: {about: text, colour: text, copy: {directories: [], files: [text], immutable: []}, kind: text, labels: {component: text}, lease: {slots: {db: [text]}}, memory: text, purpose: text, v: number, write: [{path: text, text: text}]}
    ccc.worktree.list/1
      target: text
      worktrees: [{ahead: number, behind: number, branch: text, changed: number, conflicted: number, dirty: bool, disk_bytes: number, head: text, labels?: {colour: text, component?: text, kind: text, stage?: text, type?: text}, last_act: text, leases?: [text], main: bool, name: text, path: text, sessions: [{claims: [text], life: text, tag: text, task?: text}], staged: number, state: text, template?: text, untracked: number}]
    ccc.worktree.remove/1
      branch: text
      branch_deleted: bool
      claims: number
      dirty: bool
      dry_run: bool
      ended: [text]
      head: text
      landed: text
      name: text
      path: text
      snapshot: null|{session: text, snapshot: text}
      target: text
      unmerged: number
    ccc.worktree.sync/1
      commit: text
      dry_run: bool
      target: text
      worktrees: [{branch: text, dirty: bool, name: text, notes: [], owners: [], path: text, paths: [], snapshot: null, step: text, why: text}]
    ccc.worktree.verify/1
      checks: [{code: number, ended: text, expected: text, good: bool, missing: [], name: text, tests: number}]
      commit: text
      name: text
      when: text
    ccc.worktree/1
      base?: {behind: number, commit: text, name: text, target: text}
      branch: text
      brief: text
      brief_path: text
      brought: {bytes: number, entries: [text], files: number, linked_bytes: number, shared_bytes: number}
      labels: {colour?: text, component?: text, kind?: text, stage?: text, type?: text}
      leases: [{name: text, scope: text, value: text}]
      left: [text]
      memory: text
      name: text
      not_understood: []
      path: text
      prepared: bool
      purpose: text
      ran: []
      session: text
      template: null|text
      untrusted: []
      written: [text]
    ");
}
