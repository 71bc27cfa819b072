//! What `worktree remove` does beside the files: it saves, gives back and merges first.

use super::worktree_matrix::{refused, tree};
use crate::common::setup::ready;
use crate::common::world::World;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

#[test]
fn what_is_in_no_snapshot_keeps_its_worktree() {
    let w = ready(World::new());
    w.ccc(["worktree", "new", "big"]).ok();
    w.write(".git/ccc.toml", "[wip]\nfile_mb = 1\n");
    fs::write(tree(&w, "big").join("big.bin"), vec![7; 2 << 20]).expect("a file");
    let out = w.ccc(["worktree", "remove", "big"]);
    refused(&out, "are in no snapshot");
    assert!(tree(&w, "big").join("big.bin").exists());
    let hint = out
        .stderr
        .lines()
        .find(|line| line.contains("CCC_WIP"))
        .expect("a way");
    let hint = hint
        .replace("hint: ", "")
        .replace("$REPO", &w.main_worktree().display().to_string());
    w.command("sh", ["-c", &hint]).run().ok();
    assert!(!tree(&w, "big").exists());
}

#[test]
fn removal_gives_back_what_was_leased_and_held_and_merges_what_was_remembered() {
    let w = ready(World::new());
    let dir = w.home().join(".config/git-ccc/templates");
    fs::create_dir_all(&dir).expect("a folder");
    let ran = w.outside().join("ran");
    fs::write(dir.join("t.toml"), format!("v = 1\nkind = \"feature\"\n[lease.slots]\ndb = [\"a\"]\n[run]\nteardown = [\"echo $CCC_SLOT_DB > {}\"]\n", ran.display())).expect("a template");
    let made = w
        .ccc(["worktree", "new", "one", "--template", "t", "--json"])
        .ok()
        .json();
    w.ccc(["worktree", "new", "two", "--template", "t"]).code(1);
    w.ccc(["worktree", "remove", "two"]).ok();
    let memory = w.ccc(["memory", "status", "--json"]).ok().json();
    let home = |text: &Value| {
        PathBuf::from(
            text.as_str()
                .expect("a path")
                .replace("$HOME", &w.home().display().to_string()),
        )
    };
    let copy = memory["namespaces"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|one| one["name"] == "one")
        .expect("a copy");
    fs::write(home(&copy["directory"]).join("MEMORY.md"), "- learnt\n").expect("a file");
    let gone = w.ccc(["worktree", "remove", "one", "--json"]).ok().json();
    assert_eq!(gone["ended"], json!([made["session"]]));
    assert_eq!(gone["claims"], 1);
    assert_eq!(fs::read_to_string(&ran).expect("it ran"), "a\n");
    assert_eq!(
        fs::read_to_string(home(&memory["directory"]).join("MEMORY.md")).expect("merged"),
        "- learnt\n"
    );
    assert!(!w.ccc(["claims"]).ok().stdout.contains("res:"));
    w.ccc(["worktree", "new", "three", "--template", "t"]).ok();
}
