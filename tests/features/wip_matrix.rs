//! The destruction matrix: every command that takes uncommitted work away, on changed, new and staged files, in the same checkout and in
//! another worktree, through the agents' hooks: what is older than the last boundary comes back with one command, byte for byte; and
//! what would hit a live sibling's held work is refused, with the work saved and the way named.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::json;

use crate::common::agent::Agent;
use crate::common::setup::ready;
use crate::common::world::World;

/// The command, and what of the work is left in its way for it to destroy.
const COMMANDS: &[&str] = &[
    "git stash && git stash drop",
    "git stash push -u && git stash clear",
    "git reset --hard",
    "git reset --hard HEAD~1",
    "git checkout -- .",
    "git checkout -f other",
    "git restore .",
    "git restore --staged --worktree .",
    "git switch -f other",
    "git switch --discard-changes other",
    "git clean -fd",
    "git clean -fdx",
    "git reset --hard && git clean -fd",
    "rm -rf src new staged",
];

fn world() -> World {
    let w = ready(World::new());
    w.git(["branch", "other"]).ok();
    w.write("first.txt", "1\n");
    w.git(["add", "."]).ok();
    w.git(["commit", "-qnm", "first"]).ok();
    for n in 0..12 {
        w.write(format!("src/{n}.txt"), format!("{n}\n"));
    }
    w.git(["add", "."]).ok();
    w.git(["commit", "-qnm", "base"]).ok();
    w.git(["tag", "base"]).ok();
    w
}

/// Makes uncommitted work of all kinds: changed, staged, staged and changed again, not tracked.
fn work(w: &World, dir: &Path) {
    let put = |path: String, text: String| {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        fs::write(path, text).expect("a file");
    };
    for n in 0..4 {
        let text = |kind: &str| format!("{kind} {n}\n").repeat(50 + n);
        put(format!("src/{n}.txt"), text("staged"));
        put(format!("staged/{n}.txt"), text("staged and new"));
    }
    w.command("git", ["add", "."]).cwd(dir).run().ok();
    for n in 0..4 {
        let text = |kind: &str| format!("{kind} {n}\n").repeat(60 + n);
        put(format!("src/{}.txt", n + 2), text("tracked"));
        put(
            format!("staged/{}.txt", n + 3),
            text("not tracked beside staged"),
        );
        put(format!("new/deep/{n}.txt"), text("not tracked"));
    }
}

/// What came back: command, place and kind of work, and (bytes there were, bytes there are again).
type Cells = BTreeMap<(&'static str, &'static str, &'static str), (usize, usize)>;

/// Tells the kinds of work apart by where [`work`] puts them.
fn kind(path: &str) -> &'static str {
    match path {
        path if path.starts_with("staged: ") => "staged",
        path if path.starts_with("src/") => "tracked",
        // Their first state is in the index too; the files themselves are in no commit.
        _ => "not tracked",
    }
}

/// Every uncommitted file and all that is staged, with their bytes: what is committed is git's to give back.
fn stand(w: &World, dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let git = |args: &[&str]| w.command("git", args).cwd(dir).run().ok().stdout.clone();
    let changed = git(&["diff", "HEAD", "--name-only", "-z"]);
    let listed = changed + &git(&["ls-files", "-z", "--others"]);
    for path in listed.split_terminator('\0') {
        if let Ok(bytes) = fs::read(dir.join(path)) {
            found.insert(path.to_owned(), bytes);
        }
    }
    let staged = git(&["diff", "--cached", "--name-only", "-z"]);
    for path in staged.split_terminator('\0') {
        let blob = git(&["show", &format!(":{path}")]);
        found.insert(format!("staged: {path}"), blob.into_bytes());
    }
    found
}

#[test]
fn what_is_older_than_the_last_boundary_comes_back_with_one_command() {
    let w = world();
    let linked = w.worktree("linked");
    let (mut cells, mut lost) = (Cells::new(), Vec::new());
    for (place, dir) in [("same checkout", w.repo()), ("another worktree", linked)] {
        let a = Agent::new(&w, "claude", &format!("c {}", dir.display())).standing_in(&dir);
        let b = Agent::new(&w, "codex", &format!("x {}", dir.display())).standing_in(&dir);
        a.start("startup");
        b.start("startup");
        let branch = w
            .command("git", ["branch", "--show-current"])
            .cwd(&dir)
            .run();
        for command in COMMANDS {
            work(&w, &dir);
            a.fire("PostToolBatch", &json!({}));
            let before = stand(&w, &dir);
            assert_eq!(b.bash(command), None, "nobody holds it: {command}");
            w.command("sh", ["-c", command]).cwd(&dir).run().ok();
            assert_ne!(stand(&w, &dir), before, "{command} destroys something");
            b.fire("PostToolUse", &json!({"tool_name": "Bash"}));
            a.fire("PostToolBatch", &json!({}));
            let restored = a.ccc(["wip", "restore"]);
            let after = stand(&w, &dir);
            for (path, content) in &before {
                let cell = (*command, place, kind(path));
                let (bytes, back) = cells.entry(cell).or_default();
                *bytes += content.len();
                if after.get(path) == Some(content) {
                    *back += content.len();
                } else {
                    lost.push(format!("{command}: {path}\n{restored}"));
                }
            }
            let again = "git checkout -qf BRANCH && git reset -q --hard base && git clean -qfdx";
            let again = again.replace("BRANCH", branch.stdout.trim());
            w.command("sh", ["-c", &again]).cwd(&dir).run().ok();
            a.ccc(["wip", "drop", "--all"]).ok();
        }
    }
    let table: Vec<String> = cells
        .iter()
        .map(|((command, place, kind), (bytes, back))| {
            format!("{back:>6} of {bytes:>6} bytes  {kind:<11}  {place:<16}  {command}")
        })
        .collect();
    let table = table.join("\n");
    println!("{table}");
    assert_eq!(cells.len(), COMMANDS.len() * 2 * 3, "each cell:\n{table}");
    let whole = |(bytes, back): &(usize, usize)| *bytes > 0 && back * 1000 >= bytes * 999;
    assert!(cells.values().all(whole), "each cell:\n{table}");
    assert!(lost.is_empty(), "{}", lost.join("\n"));
}

#[test]
fn a_worktree_that_is_removed_and_a_branch_that_is_deleted_come_back() {
    let w = world();
    let linked = w.worktree("linked");
    let a = Agent::new(&w, "claude", "c-1");
    let tag = a.start("startup");
    work(&w, &linked);
    fs::write(linked.join("src/0.txt"), "tracked\n").expect("a file");
    fs::write(linked.join("only.txt"), "committed\n").expect("a file");
    let only = "git add only.txt && git commit -qnm 'only here' --only only.txt";
    w.command("sh", ["-ec", only]).cwd(&linked).run().ok();
    let tip = w.git_text(["rev-parse", "linked"]);
    let before = stand(&w, &linked);
    // Nothing was ever saved of it: the hook before the command does.
    let remove = format!("git worktree remove --force {}", linked.display());
    assert_eq!(a.bash(&remove), None);
    w.command("sh", ["-c", &remove]).run().ok();
    assert_eq!(a.bash("git branch -D linked"), None);
    w.git(["branch", "-qD", "linked"]).ok();
    w.command("sh", ["-c", "rm -rf .git/logs; git gc -q --prune=now"])
        .run()
        .ok();
    assert_eq!(
        w.git_text(["cat-file", "-t", &tip]),
        "commit",
        "the commits hang on the snapshot"
    );
    let show = a.ccc(["wip", "show"]);
    assert!(
        show.ok().stdout.contains(&format!("keeps linked at {tip}")),
        "{show}"
    );
    w.git([
        "worktree",
        "add",
        "-q",
        "-b",
        "linked",
        &linked.display().to_string(),
        &tip,
    ])
    .ok();
    let back = w
        .command("git-ccc", ["wip", "restore", "--of", &tag])
        .cwd(&linked)
        .run();
    back.ok();
    assert_eq!(stand(&w, &linked), before);
}

#[test]
fn what_hits_a_live_sibling_is_refused_and_saved_and_the_way_is_named() {
    let w = world();
    let (a, b) = (
        Agent::new(&w, "claude", "c-1"),
        Agent::new(&w, "claude", "c-2"),
    );
    let (at, bt) = (a.start("startup"), b.start("startup"));
    assert_eq!(b.edit("src/1.txt"), None);
    w.write("src/1.txt", "b's work\n");
    assert_eq!(b.edit("new.txt"), None);
    w.write("new.txt", "b's new work\n");
    for command in [
        "git stash",
        "git stash push -u",
        "git reset --hard",
        "git reset --merge",
        "git checkout -- .",
        "git checkout -f other",
        "git restore .",
        "git switch -f other",
        "git clean -fd",
    ] {
        let reason = a
            .bash(command)
            .unwrap_or_else(|| panic!("{command} must be refused"));
        assert!(
            reason.contains(&bt) && reason.contains("\nnext: "),
            "{reason}"
        );
        let saved = reason
            .lines()
            .find_map(|line| line.strip_prefix("saved: git ccc wip show "));
        let saved = saved.unwrap_or_else(|| panic!("{command} names what is saved: {reason}"));
        let show = a.ccc(["wip", "show", saved]);
        assert!(
            show.ok().stdout.contains("src/1.txt") && show.stdout.contains("new.txt"),
            "{show}"
        );
    }
    let count = |tag: &str| {
        let list = a.ccc(["wip", "list", "--of", tag]);
        list.ok().lines().len()
    };
    assert_eq!(count(&at), 1, "nine commands, one state, one snapshot");
    w.git(["checkout", "-q", "-b", "feat"]).ok();
    b.start("resume");
    let reason = a.bash("git branch -D feat").expect("b works on it");
    assert!(
        reason.contains("branch on which") && reason.contains(&bt),
        "{reason}"
    );
    let linked = w.worktree("linked");
    let c = Agent::new(&w, "claude", "c-3").standing_in(&linked);
    let ct = c.start("startup");
    fs::write(linked.join("c.txt"), "c's work\n").expect("a file");
    let reason = a
        .bash(&format!("git worktree remove --force {}", linked.display()))
        .expect("c works there");
    assert!(
        reason.contains(&ct) && reason.contains("saved: git ccc wip show"),
        "{reason}"
    );
    // One's own is one's own.
    assert_eq!(b.bash("git checkout -- src/1.txt"), None);
}

#[test]
fn boundaries_save_and_say_nothing_and_can_be_switched_off() {
    let w = world();
    let a = Agent::new(&w, "claude", "c-1");
    let tag = a.start("startup");
    let tips = || w.git_text(["for-each-ref", "refs/ccc/wip"]);
    a.fire("PostToolBatch", &json!({}));
    assert_eq!(tips(), "", "nothing is uncommitted");
    w.write("src/1.txt", "2\n");
    assert_eq!(a.fire("PostToolBatch", &json!({})), None);
    let first = tips();
    assert!(first.contains(&tag), "{first}");
    a.fire("PostToolBatch", &json!({}));
    a.fire("Stop", &json!({}));
    assert_eq!(tips(), first, "nothing changed, nothing is written");
    w.write("src/1.txt", "3\n");
    a.fire("PostToolUse", &json!({"tool_name": "Read"}));
    assert_eq!(tips(), first, "a tool that reads is no boundary");
    a.fire(
        "PostToolUse",
        &json!({"tool_name": "Bash", "agent_id": "helper"}),
    );
    assert_ne!(
        tips(),
        first,
        "a helper inside the agent writes files as well"
    );
    let second = tips();
    w.write("src/1.txt", "4\n");
    w.write(".git/ccc.toml", "[wip]\nauto = false\n");
    a.fire("Stop", &json!({}));
    a.bash("git reset --hard");
    assert_eq!(tips(), second);
    w.git(["fsck", "--strict", "--no-dangling"]).ok();
}
