//! Setting up, proving that it works, and leaving: where the hooks go, that those of others still run, that every byte comes back.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::common::output::CommandOutput;
use crate::common::world::{BINARY, World};

const OURS: &[&str] = &[
    "pre-commit",
    "prepare-commit-msg",
    "pre-merge-commit",
    "pre-applypatch",
    "post-commit",
    "post-merge",
    "post-applypatch",
    "post-checkout",
    "post-rewrite",
    "pre-push",
];

const COMMIT: [&str; 5] = ["commit", "-q", "--allow-empty", "-m", "One"];

type Tree = BTreeMap<PathBuf, (u32, Vec<u8>)>;

/// A world whose repository is not set up, whatever the harness does for others.
fn world() -> World {
    let w = World::new();
    w.ccc(["uninstall", "--purge"]).ok();
    w
}

/// Everything below a directory that setting up must leave as it was: kind, mode and bytes.
fn snapshot(dir: &Path) -> Tree {
    const OUT: &[&str] = &["objects", "logs", "ccc", "refs/ccc"];
    let (mut all, mut todo) = (BTreeMap::new(), vec![dir.to_owned()]);
    while let Some(path) = todo.pop() {
        let name = path.strip_prefix(dir).expect("a path below").to_owned();
        if OUT.iter().any(|out| name == Path::new(out)) {
            continue;
        }
        let meta = path.symlink_metadata().expect("what was listed is there");
        if meta.is_dir() {
            let entries = fs::read_dir(&path).expect("a directory can be listed");
            todo.extend(entries.map(|entry| entry.expect("an entry").path()));
            all.insert(name, (meta.permissions().mode(), Vec::new()));
        } else if meta.is_symlink() {
            let target = fs::read_link(&path).expect("a link").into_os_string();
            all.insert(name, (0, target.into_encoded_bytes()));
        } else {
            let bytes = fs::read(&path).expect("a file can be read");
            all.insert(name, (meta.permissions().mode(), bytes));
        }
    }
    all
}

#[track_caller]
fn unchanged(dir: &Path, before: &Tree, why: &str) {
    let after = snapshot(dir);
    let names = before.keys().chain(after.keys());
    let changed: Vec<_> = names
        .filter(|name| before.get(*name) != after.get(*name))
        .collect();
    assert!(changed.is_empty(), "{why}: {changed:?}");
}

fn at(w: &World, dir: &Path, args: &[&str]) -> CommandOutput {
    w.command(BINARY, args).cwd(dir).run()
}

/// Init twice from `dir`, every hook fires, then uninstall: the git directory is as it was.
#[track_caller]
fn comes_and_goes(w: &World, dir: &Path, git_dir: &Path) {
    let before = snapshot(git_dir);
    at(w, dir, &["init"]).ok();
    let once = snapshot(git_dir);
    at(w, dir, &["init"]).ok();
    unchanged(git_dir, &once, "init twice is init once");
    all_fire(w, dir);
    unchanged(git_dir, &once, "doctor only looks");
    at(w, dir, &["uninstall"]).ok();
    unchanged(git_dir, &before, "uninstall leaves no trace");
}

#[track_caller]
fn all_fire(w: &World, dir: &Path) {
    let report = at(w, dir, &["doctor", "--json"]);
    let document = report.ok().json();
    let hooks = document["hooks"].as_array().expect("hooks are a list");
    let fired: Vec<&str> = hooks
        .iter()
        .filter(|hook| hook["fired"].is_string())
        .filter_map(|hook| hook["name"].as_str())
        .collect();
    assert_eq!(fired, OURS, "git runs every hook:\n{report}");
}

#[track_caller]
fn codes(report: &CommandOutput) -> Vec<String> {
    let document = report.code(1).json();
    let findings = document["findings"].as_array();
    let code = |finding: &serde_json::Value| finding["code"].as_str().unwrap_or("?").to_owned();
    findings
        .expect("findings are a list")
        .iter()
        .map(code)
        .collect()
}

fn script(path: &Path, text: &str, mode: u32) {
    fs::create_dir_all(path.parent().expect("a file has a folder")).expect("folders");
    fs::write(path, format!("#!/bin/sh\n{text}\n")).expect("a hook");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

fn forget_runs(w: &World) {
    fs::remove_file(w.repo().join("ran")).unwrap_or(());
}

#[test]
fn a_fresh_repository_comes_and_goes() {
    let w = world();
    comes_and_goes(&w, &w.repo(), &w.repo().join(".git"));
}

#[test]
fn a_repository_without_a_hooks_directory_comes_and_goes() {
    let w = world();
    fs::remove_dir_all(w.repo().join(".git/hooks")).expect("git made it from its template");
    comes_and_goes(&w, &w.repo(), &w.repo().join(".git"));
}

#[test]
fn a_linked_worktree_sets_up_all_of_them() {
    let w = world();
    let linked = w.worktree("side");
    comes_and_goes(&w, &linked, &w.repo().join(".git"));
    at(&w, &linked, &["init"]).ok();
    all_fire(&w, &w.repo());
}

#[test]
fn a_bare_repository_comes_and_goes() {
    let w = world();
    let bare = w.outside().join("bare.git");
    w.git(["clone", "-q", "--bare", ".", &bare.to_string_lossy()])
        .ok();
    comes_and_goes(&w, &bare, &bare);
}

#[test]
fn a_submodule_comes_and_goes() {
    let w = world();
    let source = w.outside().join("source");
    let url = source.to_string_lossy();
    w.git(["clone", "-q", ".", &url]).ok();
    let allow = ["-c", "protocol.file.allow=always", "submodule", "add", "-q"];
    w.git(allow.into_iter().chain([&*url, "sub"])).ok();
    comes_and_goes(
        &w,
        &w.repo().join("sub"),
        &w.repo().join(".git/modules/sub"),
    );
}

#[test]
fn an_unborn_repository_comes_and_goes() {
    let w = world();
    let dir = w.outside().join("unborn");
    w.git(["init", "-q", &dir.to_string_lossy()]).ok();
    comes_and_goes(&w, &dir, &dir.join(".git"));
}

#[test]
fn an_absolute_hooks_path_is_kept_and_its_hooks_run() {
    let w = world();
    let shared = w.outside().join("shared hooks");
    script(&shared.join("pre-commit"), "echo pre >>ran", 0o755);
    script(&shared.join("commit-msg"), "echo msg >>ran", 0o755);
    w.git(["config", "core.hooksPath", &shared.to_string_lossy()])
        .ok();
    let before = snapshot(&shared);
    comes_and_goes(&w, &w.repo(), &w.repo().join(".git"));
    forget_runs(&w);
    w.ccc(["init"]).ok();
    w.git(COMMIT).ok();
    assert_eq!(w.read("ran"), "pre\nmsg\n", "hooks of others run");
    unchanged(&shared, &before, "a shared directory is not ours to write");
}

#[test]
fn a_relative_hooks_path_counts_from_each_worktree() {
    let w = world();
    let husky = w.repo().join(".husky/_");
    script(&husky.join("pre-commit"), "echo here >>ran", 0o755);
    w.git(["config", "core.hooksPath", ".husky/_"]).ok();
    let linked = w.worktree("side");
    comes_and_goes(&w, &w.repo(), &w.repo().join(".git"));
    forget_runs(&w);
    w.ccc(["init"]).ok();
    all_fire(&w, &linked);
    w.git(COMMIT).ok();
    assert_eq!(w.read("ran"), "here\n");
    w.command("git", COMMIT).cwd(&linked).run().ok();
    assert!(
        !linked.join("ran").exists(),
        "that worktree has no such hook"
    );
}

#[test]
fn a_tool_that_takes_the_hooks_path_back_is_found_and_repaired() {
    let w = world();
    let husky = w.repo().join(".husky/_");
    script(&husky.join("pre-commit"), "exit 0", 0o755);
    w.ccc(["init"]).ok();
    w.git(["config", "core.hooksPath", ".husky/_"]).ok();
    let found = codes(&w.ccc(["doctor", "--json"]));
    assert!(found.contains(&"hook-replaced".to_owned()), "{found:?}");
    w.ccc(["init"]).ok();
    all_fire(&w, &w.repo());
    w.ccc(["uninstall"]).ok();
    assert_eq!(w.git_text(["config", "core.hooksPath"]), ".husky/_");
}

#[test]
fn a_configuration_changed_since_keeps_the_change() {
    let w = world();
    w.git(["config", "core.hooksPath", ".githooks"]).ok();
    w.ccc(["init"]).ok();
    w.git(["config", "user.signingKey", "mine"]).ok();
    w.ccc(["uninstall"]).ok();
    assert_eq!(w.git_text(["config", "core.hooksPath"]), ".githooks");
    assert_eq!(w.git_text(["config", "user.signingKey"]), "mine");
}

#[test]
fn a_hand_written_hook_runs_first_and_its_no_counts() {
    let w = world();
    let hook = w.repo().join(".git/hooks/pre-commit");
    script(&hook, "echo theirs >>ran; exit 7", 0o755);
    let before = snapshot(&w.repo().join(".git"));
    w.ccc(["init"]).ok();
    w.git(COMMIT).code(1);
    assert_eq!(w.read("ran"), "theirs\n");
    w.command(&hook, [] as [&str; 0]).run().code(7);
    w.ccc(["uninstall"]).ok();
    unchanged(&w.repo().join(".git"), &before, "the hook is back");
}

#[test]
fn a_link_to_a_tracked_script_stays_a_link() {
    let w = world();
    script(&w.repo().join("tools/check"), "echo linked >>ran", 0o755);
    let hook = w.repo().join(".git/hooks/pre-commit");
    symlink("../../tools/check", hook).expect("a link");
    comes_and_goes(&w, &w.repo(), &w.repo().join(".git"));
    w.ccc(["init"]).ok();
    w.git(COMMIT).ok();
    assert_eq!(w.read("ran"), "linked\n");
}

#[test]
fn a_hooks_directory_linked_into_the_tree_is_not_written() {
    let w = world();
    let (own, tracked) = (w.repo().join(".git/hooks"), w.repo().join("githooks"));
    script(&tracked.join("pre-commit"), "echo tracked >>ran", 0o755);
    fs::remove_dir_all(&own).expect("git made it from its template");
    symlink("../githooks", &own).expect("a link");
    let before = snapshot(&tracked);
    comes_and_goes(&w, &w.repo(), &w.repo().join(".git"));
    forget_runs(&w);
    w.ccc(["init"]).ok();
    w.git(COMMIT).ok();
    assert_eq!(w.read("ran"), "tracked\n");
    unchanged(&tracked, &before, "tracked files are not ours to write");
}

#[test]
fn standard_input_reaches_the_chained_hook_and_ours() {
    let w = world();
    let remote = w.outside().join("remote.git");
    let url = remote.to_string_lossy();
    w.git(["clone", "-q", "--bare", ".", &url]).ok();
    w.git(["remote", "add", "origin", &url]).ok();
    let hook = w.repo().join(".git/hooks/pre-push");
    script(&hook, "echo \"$1\" >ran; cat >>ran", 0o755);
    w.ccc(["init"]).ok();
    // Stands before the product on PATH: what the shim hands to it is what is tested.
    w.tool("git-ccc", "{ echo \"$3\"; cat; } >ours");
    w.git(["push", "-q", "origin", "HEAD:refs/heads/new"]).ok();
    let theirs = w.read("ran");
    assert!(
        theirs.starts_with("origin\n") && theirs.contains("refs/heads/new"),
        "{theirs}"
    );
    assert_eq!(theirs, w.read("ours"), "both get the same");
}

#[test]
fn what_ours_says_decides_after_theirs_said_yes() {
    let w = world();
    let hook = w.repo().join(".git/hooks/pre-commit");
    script(&hook, "echo theirs >>ran", 0o755);
    w.ccc(["init"]).ok();
    w.tool("git-ccc", "echo \"ours $2\" >>ran; exit 1");
    w.git(COMMIT).code(1);
    assert_eq!(w.read("ran"), "theirs\nours pre-commit\n");
}

#[test]
fn a_hook_that_is_not_executable_is_not_run_and_comes_back_as_it_was() {
    let w = world();
    let hook = w.repo().join(".git/hooks/pre-commit");
    script(&hook, "echo no >>ran; exit 1", 0o644);
    comes_and_goes(&w, &w.repo(), &w.repo().join(".git"));
    w.ccc(["init"]).ok();
    w.git(COMMIT).ok();
    assert!(!w.repo().join("ran").exists(), "git would not have run it");
}

#[test]
fn a_missing_binary_stops_nobody_and_says_so_in_one_line_a_hook() {
    let w = world();
    w.ccc(["init"]).ok();
    let exec = w.git_text(["--exec-path"]);
    let path = format!("{exec}:/usr/local/bin:/usr/bin:/bin");
    let done = w.command("git", COMMIT).env("PATH", path).run();
    let lines: Vec<&str> = done.ok().stderr.lines().collect();
    assert_eq!(lines.len(), 3, "three hooks ran:\n{done}");
    let says = |line: &&str| line.starts_with("ccc: git-ccc is not on PATH");
    assert!(lines.iter().all(says), "{done}");
}

#[test]
fn doctor_names_a_removed_hook_and_a_replaced_one() {
    let w = world();
    w.ccc(["init"]).ok();
    let hooks = w.repo().join(".git/hooks");
    fs::remove_file(hooks.join("pre-push")).expect("init wrote it");
    fs::remove_file(hooks.join("post-rewrite")).expect("init wrote it");
    script(&hooks.join("post-rewrite"), "exit 0", 0o755);
    let mut found = codes(&w.ccc(["doctor", "--json"]));
    found.sort();
    assert_eq!(found, ["hook-missing", "hook-replaced"]);
    w.ccc(["doctor", "--fix"]).ok();
    all_fire(&w, &w.repo());
}

#[test]
fn doctor_names_an_outdated_shim() {
    let w = world();
    w.ccc(["init"]).ok();
    let hook = w.repo().join(".git/hooks/pre-commit");
    let text = fs::read_to_string(&hook).expect("init wrote it");
    fs::write(&hook, text.replace("git-ccc hook 1", "git-ccc hook 0")).expect("an old shim");
    assert_eq!(codes(&w.ccc(["doctor", "--json"])), ["hook-outdated"]);
    w.ccc(["init"]).ok();
    w.ccc(["doctor"]).ok();
}

#[test]
fn doctor_names_stale_locks_and_repairs_the_logs() {
    let w = world();
    w.ccc(["init"]).ok();
    let git = w.repo().join(".git");
    for lock in ["refs/ccc/log.lock", "packed-refs.lock", "index.lock"] {
        let path = git.join(lock);
        let args = ["-d", "2020-01-01T00:00:00Z", &path.to_string_lossy()];
        w.command("touch", args).run().ok();
    }
    let found = codes(&w.ccc(["doctor", "--json"]));
    assert_eq!(found[..3], ["stale-lock", "old-lock", "old-lock"]);
    fs::remove_file(git.join("packed-refs.lock")).expect("it was made above");
    fs::remove_file(git.join("index.lock")).expect("it was made above");
    w.ccc(["doctor", "--fix"]).ok();
    assert!(!git.join("refs/ccc/log.lock").exists(), "it is repaired");
}

#[test]
fn doctor_leaves_a_young_lock_alone() {
    let w = world();
    w.ccc(["init"]).ok();
    let lock = w.repo().join(".git/refs/ccc/log.lock");
    fs::write(&lock, "").expect("a lock");
    w.ccc(["doctor", "--fix"]).ok();
    assert!(lock.exists(), "a young lock may be somebody's");
}

#[test]
fn doctor_names_a_dead_session_and_frees_what_it_held() {
    let w = world();
    w.ccc(["init"]).ok();
    let mut a = w.session("a");
    a.ccc(["claim", "src/"]).ok();
    a.die();
    let report = w.ccc(["doctor"]);
    assert!(report.code(1).stdout.contains(a.tag()), "{report}");
    w.ccc(["doctor", "--fix"]).ok();
    let refs = ["for-each-ref", "refs/ccc/claims", "refs/ccc/sessions"];
    assert_eq!(w.git_text(refs), "", "what it held is free");
}

#[test]
fn doctor_names_a_corrupt_record() {
    let w = world();
    w.ccc(["init"]).ok();
    for name in ["sessions/broken-0000", "claims/abcdefabcdef"] {
        let name = format!("refs/ccc/{name}");
        w.git(["update-ref", &name, "HEAD"]).ok();
        let report = w.ccc(["doctor"]);
        let says = format!("{name} cannot be read");
        assert!(report.code(1).stdout.contains(&says), "{report}");
    }
}

#[test]
fn doctor_says_what_is_missing_before_init() {
    let w = world();
    let found = codes(&w.ccc(["doctor", "--json"]));
    assert!(found.contains(&"not-set-up".to_owned()), "{found:?}");
}

#[test]
fn doctor_names_settings_that_cannot_be_read() {
    let w = world();
    w.ccc(["init"]).ok();
    w.write(".ccc.toml", "v = 1\n[claims]\nttll = \"1h\"\n");
    assert_eq!(codes(&w.ccc(["doctor", "--json"])), ["settings"]);
}

#[test]
fn purge_refuses_while_others_live_and_then_leaves_no_ref() {
    let w = world();
    w.ccc(["init"]).ok();
    let (mut a, b) = (w.session("a"), w.session("b"));
    let refused = b.ccc(["uninstall", "--purge"]);
    assert!(refused.code(1).stderr.contains(a.tag()), "{refused}");
    a.die();
    b.ccc(["uninstall", "--purge"]).ok();
    let refs = ["for-each-ref", "refs/ccc", "refs/notes/ccc"];
    assert_eq!(w.git_text(refs), "");
}

#[test]
fn trust_covers_one_version_until_it_is_taken_away() {
    let w = world();
    let state = |args: &[&str]| w.ccc(args).ok().json()["state"].to_string();
    w.ccc(["trust"]).code(1);
    w.write(".ccc.toml", "v = 1\n");
    assert_eq!(state(&["trust", "--json"]), "\"trusted\"");
    assert_eq!(state(&["trust", "--json"]), "\"already_trusted\"");
    w.write(".ccc.toml", "v = 1\n# changed\n");
    assert_eq!(state(&["trust", "--json"]), "\"trusted\"");
    assert_eq!(state(&["trust", "--revoke", "--json"]), "\"revoked\"");
    assert_eq!(state(&["trust", "--revoke", "--json"]), "\"not_trusted\"");
}

#[test]
fn the_manual_page_says_it_all_and_is_installed() {
    let w = world();
    let page = w.ccc(["man"]).ok().stdout.clone();
    for part in [
        ".TH GIT-CCC 1",
        "EXIT STATUS",
        "SETTINGS",
        "git ccc session start",
        "git ccc claim",
    ] {
        assert!(page.contains(part), "the page has {part}:\n{page}");
    }
    let path = w.home().join(".local/share/man/man1/git-ccc.1");
    w.ccc(["init"]).ok();
    let installed = fs::read_to_string(&path).ok();
    assert_eq!(installed, Some(page), "init installs it");
    w.ccc(["uninstall"]).ok();
    let made = w.home().join(".local/share/man");
    assert!(!made.exists(), "uninstall takes it away");
    fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
    fs::write(&path, "not ours").expect("a page of others");
    w.ccc(["init"]).ok();
    w.ccc(["uninstall"]).ok();
    assert_eq!(fs::read_to_string(&path).ok().as_deref(), Some("not ours"));
}

#[test]
fn the_manual_page_is_where_man_looks_for_a_program_of_this_user() {
    let w = world();
    let bin = w.home().join(".cargo/bin");
    fs::create_dir_all(&bin).expect("folders");
    symlink(BINARY, bin.join("git-ccc")).expect("a link");
    let page = |dir: &str| w.home().join(dir).join("share/man/man1/git-ccc.1").exists();
    for (path, pages) in [
        ("$HOME/.cargo/bin:$PATH", [true, false]),
        ("$HOME/.cargo/bin:$HOME/.local/bin:$PATH", [false, true]),
    ] {
        let init = format!("PATH={path} git ccc init");
        w.command("sh", ["-c", &init]).run().ok();
        assert_eq!([".cargo", ".local"].map(page), pages, "{path}");
        w.ccc(["uninstall"]).ok();
        assert_eq!([".cargo", ".local"].map(page), [false, false], "{path}");
    }
}

#[test]
fn completions_are_written_for_each_shell() {
    let w = world();
    for shell in ["bash", "zsh", "fish"] {
        let script = w.ccc(["completions", shell]);
        assert!(script.ok().stdout.contains("git-ccc"), "{script}");
    }
}

#[test]
fn zsh_completes_the_filters_of_a_query() {
    let script = world().ccc(["completions", "zsh"]).ok().stdout.clone();
    let asked = script
        .find("search --filters")
        .expect("it asks for the filters");
    assert!(script[..asked].contains("_git_ccc_query()"), "{script}");
    let uses = script.matches(":_git_ccc_query' \\\n").count();
    assert_eq!(uses, 1, "a query is completed by it, and nothing else is");
    assert!(
        script
            .find("$funcstack[1]")
            .is_some_and(|called| asked < called)
    );
}

#[test]
fn bash_completes_commands_and_the_filters_of_a_query() {
    let w = world();
    let script = w.ccc(["completions", "bash"]).ok().stdout.clone();
    let path = w.tmp().join("completion.bash");
    fs::write(&path, script).expect("a script");
    let replies = |words: &str, which: usize, call: &str| {
        let run = format!(
            "source '{}'; COMP_WORDS=({words}); COMP_CWORD={which}; {call}; echo \"${{COMPREPLY[*]}}\"",
            path.display()
        );
        let out = w.command("bash", ["-c", &run]).run();
        out.ok().stdout.trim().to_owned()
    };
    let direct = "_git_ccc_and_filters git-ccc \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD-1]}\"";
    assert_eq!(replies("git-ccc sea", 1, direct), "search");
    assert_eq!(replies("git ccc sea", 2, "_git_ccc"), "search");
    assert_eq!(replies("git-ccc search x ro", 3, direct), "role: room:");
    assert_eq!(replies("git ccc search x ag", 4, "_git_ccc"), "agent:");
}
