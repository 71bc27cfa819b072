//! `git ccc memory`: copies, three-way merges that survive worktrees, conflicts that leave main alone, every version back.

use crate::common::agent::Agent;
use crate::common::session::Session;
use crate::common::setup::ready;
use crate::common::world::World;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

/// The directory that agents share here.
fn main_dir(w: &World, a: &Session) -> PathBuf {
    let status = a.ccc(["memory", "status", "--json"]).ok().json();
    assert_eq!(status["schema"], "ccc.memory.status/1");
    real(w, status["directory"].as_str().expect("a directory"))
}

/// A path as it was before outputs were made alike.
fn real(w: &World, path: &str) -> PathBuf {
    PathBuf::from(path.replace("$HOME", &w.home().display().to_string()))
}

fn remember(dir: &std::path::Path, file: &str, text: &str) {
    let path = dir.join(file);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, text).expect("a file");
}

fn says(dir: &std::path::Path, file: &str) -> String {
    fs::read_to_string(dir.join(file)).unwrap_or_default()
}

fn fork(w: &World, a: &Session, name: &str) -> PathBuf {
    real(w, a.ccc(["memory", "fork", name]).ok().stdout.trim())
}

#[test]
fn two_copies_are_merged_and_both_entries_are_there() {
    let w = ready(World::new());
    let a = w.session("a");
    let main = main_dir(&w, &a);
    assert!(
        main.starts_with(w.home().join(".claude/projects")),
        "{}",
        main.display()
    );
    remember(&main, "MEMORY.md", "# Memory\n\n- old\n");
    let (one, two) = (fork(&w, &a, "one"), fork(&w, &a, "feat/two"));
    assert_eq!(says(&two, "MEMORY.md"), "# Memory\n\n- old\n");
    assert!(two.ends_with("feat-two"), "{}", two.display());
    remember(&one, "MEMORY.md", "# Memory\n\n- old\n- from one\n");
    remember(&one, "topics/a.md", "a\n");
    remember(&two, "MEMORY.md", "# Memory\n\n- old\n- from two\n");
    let merged = a.ccc(["memory", "merge", "one", "--json"]).ok().json();
    assert_eq!(
        merged["changed"],
        json!([{"path": "MEMORY.md", "how": "changed"}, {"path": "topics/a.md", "how": "added"}])
    );
    let status = a.ccc(["memory", "status"]);
    assert!(
        status
            .ok()
            .stdout
            .contains("feat-two  1 to merge\n      merged MEMORY.md\n"),
        "{}",
        status.stdout
    );
    a.ccc(["memory", "merge", "feat/two"]).ok();
    let all = "# Memory\n\n- old\n- from one\n- from two\n";
    assert_eq!(says(&main, "MEMORY.md"), all);
    assert_eq!(says(&two, "MEMORY.md"), all, "the copy is one with main");
    assert_eq!(says(&two, "topics/a.md"), "a\n");
    assert_eq!(
        a.ccc(["memory", "merge", "feat/two"]).ok().stdout,
        "main has all of feat-two\n"
    );
    w.git(["fsck", "--strict"]).ok();
    let log = a.ccc(["memory", "log", "--json"]).ok().json();
    let by: Vec<&str> = log["versions"]
        .as_array()
        .expect("versions")
        .iter()
        .filter_map(|v| v["subject"].as_str())
        .collect();
    assert_eq!(
        by,
        [
            "main takes feat-two: MEMORY.md",
            "main takes one: MEMORY.md, +topics/a.md",
            "main begins: +MEMORY.md"
        ]
    );
    assert_eq!(log["versions"][0]["by"], a.tag());
}

#[test]
fn a_copy_whose_directory_is_gone_is_merged_from_its_versions() {
    let w = ready(World::new());
    let a = w.session("a");
    let main = main_dir(&w, &a);
    remember(&main, "MEMORY.md", "- old\n");
    let one = fork(&w, &a, "one");
    remember(&one, "MEMORY.md", "- old\n- one\n");
    a.ccc(["memory", "diff", "one"]).ok();
    fs::remove_dir_all(&one).expect("it is there");
    remember(&main, "MEMORY.md", "- main\n- old\n");
    a.ccc(["memory", "merge", "one"]).ok();
    assert_eq!(says(&main, "MEMORY.md"), "- main\n- old\n- one\n");
    assert!(!one.exists(), "nobody asked for it back");
}

#[test]
fn a_conflict_leaves_main_shows_all_versions_tells_the_room_and_can_be_decided() {
    let w = ready(World::new());
    let a = w.session("a");
    let main = main_dir(&w, &a);
    remember(&main, "MEMORY.md", "## Ports\nport 1\n");
    let one = fork(&w, &a, "one");
    remember(&main, "MEMORY.md", "## Ports\nport 2\n");
    remember(&one, "MEMORY.md", "## Ports\nport 3\n");
    remember(&one, "new.md", "new\n");
    let refused = a.ccc(["memory", "merge", "one", "--json"]);
    let error = refused.code(3).json_error();
    let open = &error["detail"]["open"][0];
    assert_eq!(
        (&open["base"], &open["main"], &open["theirs"]),
        (&json!("port 1\n"), &json!("port 2\n"), &json!("port 3\n")),
        "{error}"
    );
    assert_eq!(says(&main, "MEMORY.md"), "## Ports\nport 2\n");
    assert!(!main.join("new.md").exists(), "a merge is all or nothing");
    let at = real(
        &w,
        error["detail"]["directory"].as_str().expect("a directory"),
    );
    assert_eq!(says(&at, "MEMORY.md.main"), "## Ports\nport 2\n");
    assert_eq!(says(&at, "MEMORY.md.one"), "## Ports\nport 3\n");
    assert_eq!(says(&at, "MEMORY.md.before"), "## Ports\nport 1\n");
    let told = |a: &Session| {
        a.ccc(["chat", "read"])
            .ok()
            .stdout
            .matches("memory of one")
            .count()
    };
    assert_eq!(told(&a), 1);
    a.ccc(["memory", "merge", "one", "--resolved"]).code(3);
    a.ccc(["memory", "merge", "one"]).code(3);
    assert_eq!(told(&a), 1, "the same conflict is told once");
    remember(&at, "MEMORY.md", "## Ports\nport 4\n");
    a.ccc(["memory", "merge", "one", "--resolved"]).ok();
    assert_eq!(
        (says(&main, "MEMORY.md"), says(&main, "new.md")),
        ("## Ports\nport 4\n".to_owned(), "new\n".to_owned())
    );
    assert_eq!(says(&one, "MEMORY.md"), "## Ports\nport 4\n");
}

#[test]
fn an_edit_in_place_becomes_a_version_and_every_version_comes_back() {
    let w = ready(World::new());
    let a = w.session("a");
    let main = main_dir(&w, &a);
    remember(&main, "MEMORY.md", "one\n");
    a.ccc(["memory", "log"]).ok();
    remember(&main, "MEMORY.md", "two\n");
    let versions = a
        .ccc(["memory", "log", "--path", "MEMORY.md", "--json"])
        .ok()
        .json();
    let versions = versions["versions"].as_array().expect("versions").clone();
    assert_eq!(versions.len(), 2, "{versions:?}");
    assert_eq!(versions[0]["subject"], "main edited in place: MEMORY.md");
    let first = versions[1]["version"].as_str().expect("a version");
    assert_eq!(
        a.ccc(["memory", "show", "MEMORY.md", "--at", first])
            .ok()
            .stdout,
        "one\n"
    );
    remember(&main, "MEMORY.md", "three\n");
    a.ccc(["memory", "restore", "MEMORY.md", "--at", first])
        .ok();
    assert_eq!(says(&main, "MEMORY.md"), "one\n");
    let log = a.ccc(["memory", "log"]).ok().stdout.lines().count();
    assert_eq!(
        log, 4,
        "what stood there before the restore is a version too"
    );
}

#[test]
fn what_is_promoted_is_shared_and_the_rest_waits() {
    let w = ready(World::new());
    let a = w.session("a");
    let main = main_dir(&w, &a);
    remember(&main, "a.md", "a\n");
    let one = fork(&w, &a, "one");
    remember(&one, "a.md", "a\nnow\n");
    remember(&one, "b.md", "later\n");
    a.ccc(["memory", "promote", "a.md", "--of", "one"]).ok();
    assert_eq!(says(&main, "a.md"), "a\nnow\n");
    assert!(!main.join("b.md").exists());
    remember(&main, "a.md", "a\nnow\nmore\n");
    remember(&one, "b.md", "later still\n");
    a.ccc(["memory", "merge", "one"]).ok();
    assert_eq!(
        (says(&main, "a.md"), says(&main, "b.md")),
        ("a\nnow\nmore\n".to_owned(), "later still\n".to_owned())
    );
    assert_eq!(says(&one, "a.md"), "a\nnow\nmore\n");
}

#[test]
fn only_what_is_merged_and_nobodys_is_pruned() {
    let w = ready(World::new());
    let a = w.session("a");
    remember(&main_dir(&w, &a), "a.md", "a\n");
    w.git(["branch", "used"]).ok();
    let (gone, used, open) = (
        fork(&w, &a, "gone"),
        fork(&w, &a, "used"),
        fork(&w, &a, "open"),
    );
    remember(&open, "b.md", "b\n");
    remember(&gone, ".private", "not kept\n");
    let pruned: Value = a.ccc(["memory", "prune", "--json"]).ok().json();
    assert_eq!(pruned["pruned"], json!(["gone"]));
    assert!(
        used.join("a.md").exists() && open.join("b.md").exists() && !gone.join("a.md").exists()
    );
    assert_eq!(
        says(&gone, ".private"),
        "not kept\n",
        "what is in no version is left"
    );
}

#[test]
fn the_end_of_a_session_merges_its_memory_and_a_hook_notices_edits() {
    let w = ready(World::new());
    let a = w.session("a");
    let main = main_dir(&w, &a);
    remember(&main, "a.md", "- a\n");
    let own = fork(&w, &a, a.tag());
    remember(&own, "a.md", "- a\n- of a\n");
    let ended = a.ccc(["session", "end"]);
    assert!(
        ended.ok().stderr.contains("merged: 1 file\n"),
        "{}",
        ended.stderr
    );
    assert_eq!(says(&main, "a.md"), "- a\n- of a\n");
    let b = Agent::new(&w, "claude", "11111111-2222-3333-4444-555555555555");
    b.start("startup");
    remember(&main, "a.md", "- edited in place\n");
    b.fire("Stop", &json!({}));
    let subject = w.git_text(["log", "-1", "--format=%s", "refs/ccc/memory/main"]);
    assert_eq!(subject.trim(), "main edited in place: a.md");
}

#[test]
fn a_session_in_a_worktree_gets_a_copy_and_its_agent_is_told() {
    let w = ready(World::options().linked_worktree().build());
    let root = w.repo();
    remember(
        &root,
        ".claude/settings.local.json",
        "{\n  // mine\n  \"model\": \"x\"\n}\n",
    );
    fs::write(
        w.main_worktree().join(".git/ccc.toml"),
        "[memory]\nfork = \"worktree\"\n",
    )
    .expect("settings");
    let a = w.session("a");
    let settings = says(&root, ".claude/settings.local.json");
    assert!(
        settings.starts_with("{\n  // mine\n  \"model\": \"x\",\n  \"autoMemoryDirectory\": \"/"),
        "{settings}"
    );
    let name = w.git_text(["branch", "--show-current"]);
    let status = a.ccc(["memory", "status", "--json"]).ok().json();
    assert_eq!(
        status["namespaces"][0]["name"],
        name.trim().replace('/', "-"),
        "{status}"
    );
}

#[test]
fn odd_directories_are_refused_or_left_alone() {
    let w = ready(World::new());
    let a = w.session("a");
    let main = main_dir(&w, &a);
    remember(&main, "a.md", "a\n");
    remember(&main, "bytes.bin", "\u{0}\u{1}");
    std::os::unix::fs::symlink("/etc/passwd", main.join("link.md")).expect("a link");
    remember(&main, ".hidden", "x");
    let one = fork(&w, &a, "one");
    assert!(!one.join("link.md").exists() && !one.join(".hidden").exists());
    fs::remove_dir_all(&main).expect("it is there");
    a.ccc(["memory", "merge", "one"]).ok();
    assert!(!main.exists(), "nothing to merge: main is in its versions");
    remember(&one, "b.md", "b\n");
    a.ccc(["memory", "merge", "one"]).ok();
    assert_eq!(
        (says(&main, "a.md"), says(&main, "b.md")),
        ("a\n".to_owned(), "b\n".to_owned()),
        "a directory that is gone is no empty one"
    );
    a.ccc(["memory", "merge", "main"]).code(2);
    a.ccc(["memory", "merge", "nobody"]).code(1);
    a.ccc(["memory", "fork", "///"]).code(2);
    fs::remove_dir_all(&main).expect("it is there");
    fs::write(&main, "a file where a directory was").expect("a file");
    a.ccc(["memory", "merge", "one"]).code(5);
}
