//! `git ccc wip`: what a snapshot holds and leaves alone, what comes back, how long it stays.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::Value;

use crate::common::session::Session;
use crate::common::setup::{bound_by_modes, ready};
use crate::common::world::World;

fn committed(world: World) -> (World, Session) {
    let w = ready(world);
    for name in ["a.txt", "b.txt", "dir/c.txt"] {
        w.write(name, format!("{name} 1\n"));
    }
    w.write(".gitignore", "*.log\n");
    w.git(["add", "."]).ok();
    w.git(["commit", "-qnm", "base"]).ok();
    let a = w.session("a");
    (w, a)
}

fn id(saved: &Value) -> String {
    let id = saved["snapshot"]["id"].as_str().expect("an id");
    id.to_owned()
}

/// Everything that a snapshot must not touch.
fn outside(w: &World) -> (Vec<u8>, String, String) {
    let index = fs::read(w.repo().join(".git/index")).expect("an index");
    let refs = w.git_text(["for-each-ref"]);
    let ours =
        |line: &&str| !line.contains("refs/ccc/wip/") && !line.contains("refs/ccc/sessions/");
    let refs: Vec<&str> = refs.lines().filter(ours).collect();
    let refs = refs.join(
        "
",
    );
    (index, refs, w.git_text(["status", "--porcelain", "-uall"]))
}

#[test]
fn a_snapshot_is_a_stash_to_plain_git_and_touches_nothing() {
    for options in World::matrix() {
        let (w, a) = committed(options.build());
        w.write("a.txt", "staged\n");
        w.git(["add", "a.txt"]).ok();
        w.write("a.txt", "a 3\n");
        w.write("new/x.txt", "new\n");
        w.write("noise.log", "ignored\n");
        fs::remove_file(w.repo().join("b.txt")).expect("b.txt");
        let before = outside(&w);
        let saved = a.ccc(["wip", "save", "--json"]).ok().json();
        assert_eq!(saved["schema"], "ccc.wip.save/1");
        assert_eq!(saved["snapshot"]["paths"], 3, "{saved}");
        assert!(outside(&w) == before, "index, files and other refs stay");
        w.git(["fsck", "--strict", "--no-dangling"]).ok();
        let tip = format!("refs/ccc/wip/{}", a.tag());
        assert_eq!(w.git_text(["show", &format!("{tip}:a.txt")]), "a 3");
        assert_eq!(w.git_text(["show", &format!("{tip}^2:a.txt")]), "staged");
        assert_eq!(
            w.git_text(["ls-tree", "-r", "--name-only", &format!("{tip}^3")]),
            "new/x.txt"
        );
        // Nothing changed: nothing is written.
        let look =
            || w.git_text(["for-each-ref", "refs/ccc/wip"]) + &w.git_text(["count-objects", "-v"]);
        let then = look();
        for _ in 0..2 {
            let again = a.ccc(["wip", "save", "--json"]).ok().json();
            assert_eq!(
                (&again["saved"], &again["snapshot"]["id"]),
                (&false.into(), &saved["snapshot"]["id"])
            );
        }
        w.command("rm", ["-rf", ".git/ccc"]).run().ok();
        a.ccc(["wip", "save"]).ok();
        assert_eq!(look(), then, "also without the cache");
        w.git(["reset", "-q", "--hard"]).ok();
        w.git(["clean", "-qfd"]).ok();
        w.git(["gc", "-q", "--prune=now"]).ok();
        w.git(["stash", "apply", "-q", "--index", &tip]).ok();
        assert_eq!(
            w.git_text(["status", "--porcelain", "-uall"]),
            before.2.trim_end()
        );
        assert_eq!(w.read("a.txt"), "a 3\n");
    }
}

#[test]
fn one_command_gives_back_what_is_lost_and_nothing_else() {
    let (w, a) = committed(World::new());
    w.write("a.txt", "a 2\n");
    w.write("b.txt", "b 2\n");
    w.write("dir/c.txt", "c 2\n");
    w.write("new.txt", "new\n");
    a.ccc(["wip", "save"]).ok();
    w.git(["checkout", "-q", "--", "."]).ok();
    w.git(["clean", "-qfd"]).ok();
    w.write("b.txt", "b later\n");
    w.write("dir/c.txt", "c committed\n");
    a.ccc(["commit", "-q", "-m", "c", "--", "dir/c.txt"]).ok();
    // The end of a tool after the loss: the newest snapshot has little to give, the one before has it.
    a.ccc(["wip", "save"]).ok();
    let dry = a.ccc(["wip", "restore", "-n"]);
    assert!(dry.ok().stdout.contains("would come from"), "{dry}");
    assert_eq!(w.read("a.txt"), "a.txt 1\n");
    let out = a.ccc(["wip", "restore"]);
    for line in [
        "restored: a.txt",
        "restored: new.txt",
        "changed since: b.txt",
        "committed since: dir/c.txt",
    ] {
        assert!(out.ok().stdout.contains(line), "{line}\n{out}");
    }
    assert_eq!(
        [
            w.read("a.txt"),
            w.read("b.txt"),
            w.read("dir/c.txt"),
            w.read("new.txt")
        ],
        ["a 2\n", "b later\n", "c committed\n", "new\n"]
    );
    let none = a.ccc(["wip", "restore"]);
    assert_eq!(
        none.code(1).stderr.lines().next(),
        Some("ccc: no change is lost that a snapshot has"),
        "{none}"
    );
    // Named: over later work, which is saved first.
    let out = a.ccc(["wip", "restore", "b.txt", "dir", "--json"]);
    let answer = out.ok().json();
    assert_eq!(
        (w.read("b.txt"), w.read("dir/c.txt")),
        ("b 2\n".into(), "c 2\n".into())
    );
    let before = answer["before"]["id"]
        .as_str()
        .expect("what was there is kept");
    a.ccc(["wip", "restore", "--from", before, "b.txt"]).ok();
    assert_eq!(w.read("b.txt"), "b later\n");
}

#[test]
fn what_was_staged_is_staged_again_and_deletions_are_asked_for() {
    let (w, a) = committed(World::new());
    w.write("a.txt", "staged\n");
    w.write("added.txt", "added\n");
    w.git(["add", "a.txt", "added.txt"]).ok();
    w.git(["rm", "-q", "--cached", "dir/c.txt"]).ok();
    w.write("a.txt", "on disk\n");
    fs::remove_file(w.repo().join("b.txt")).expect("b.txt");
    let status = w.git_text(["status", "--porcelain"]);
    a.ccc(["wip", "save"]).ok();
    w.git(["reset", "-q", "--hard"]).ok();
    let out = a.ccc(["wip", "restore"]);
    assert!(out.ok().stdout.contains("deleted then: b.txt"), "{out}");
    assert_eq!(w.git_text(["show", ":a.txt"]), "staged");
    assert_eq!(w.read("a.txt"), "on disk\n");
    a.ccc(["wip", "restore", "--deletions", "b.txt"]).ok();
    assert_eq!(w.git_text(["status", "--porcelain"]), status);
    w.git(["reset", "-q", "--hard"]).ok();
    a.ccc(["wip", "restore", "--no-index", "a.txt"]).ok();
    assert_eq!(
        w.git_text(["status", "--porcelain"]),
        "M a.txt".replacen('M', " M", 1).trim_end()
    );
}

#[test]
fn by_time_to_a_directory_and_after_session_and_worktree_are_gone() {
    let w = ready(World::new());
    w.write("a.txt", "1\n");
    w.git(["add", "."]).ok();
    w.git(["commit", "-qnm", "base"]).ok();
    let linked = w.worktree("linked");
    let a = w.session_in(&linked, "a");
    let put = |text: &str| fs::write(linked.join("a.txt"), text).expect("a file");
    put("first\n");
    a.ccc(["wip", "save", "-m", "first"]).ok();
    w.advance(3600);
    put("second\n");
    fs::write(linked.join("new.txt"), "new\n").expect("a file");
    a.ccc(["wip", "save", "-m", "second"]).ok();
    let tag = a.tag().to_owned();
    a.ccc(["session", "end"]).ok();
    drop(a);
    w.git([
        "worktree",
        "remove",
        "--force",
        &linked.display().to_string(),
    ])
    .ok();
    w.git(["branch", "-qD", "linked"]).ok();
    w.git(["gc", "-q", "--prune=now"]).ok();
    let b = w.session("b");
    let list = b.ccc(["wip", "list", "--of", &tag]);
    let words: Vec<&str> = list.ok().lines();
    assert!(
        words.len() == 2 && words[0].ends_with("second") && words[1].ends_with("first"),
        "{list}"
    );
    let to = w.tmp().join("back");
    let to = to.display().to_string();
    b.ccc(["wip", "restore", "--of", &tag, "--at", "30m", "--to", &to])
        .ok();
    assert_eq!(
        fs::read_to_string(w.tmp().join("back/a.txt"))
            .ok()
            .as_deref(),
        Some("first\n")
    );
    let other = b.ccc(["wip", "restore", "--of", &tag, "--to", &to]);
    assert!(
        other.code(1).stdout.contains("in the way: a.txt"),
        "nothing is overwritten: {other}"
    );
    b.ccc(["wip", "restore", "--of", &tag]).ok();
    assert_eq!(
        (w.read("a.txt"), w.read("new.txt")),
        ("second\n".into(), "new\n".into())
    );
    let refused = b.ccc(["wip", "drop"]);
    refused.code(2);
    b.ccc(["wip", "drop", "--of", &tag, "--all"]).ok();
    b.ccc(["wip", "list", "--of", &tag]).ok();
    assert_eq!(
        w.git_text(["for-each-ref", &format!("refs/ccc/wip/{tag}")]),
        ""
    );
}

#[test]
fn bytes_come_back_as_they_stood_on_disk() {
    let (w, a) = committed(World::new());
    w.git(["config", "core.autocrlf", "true"]).ok();
    w.git(["config", "filter.shout.clean", "tr a-z A-Z"]).ok();
    w.git(["config", "filter.shout.smudge", "cat"]).ok();
    w.write(".gitattributes", "*.shout filter=shout\n");
    let odd: &[u8] = b"\xff\xfe\0raw\r\nmixed\n";
    for (name, bytes) in [
        ("a.txt", b"one\r\ntwo\r\n".as_slice()),
        ("b.txt", odd),
        ("x.shout", b"quiet\n"),
        ("sp ace/n\newline", b"n"),
        ("empty", b""),
    ] {
        w.write(name, bytes);
    }
    w.write("run.sh", "#!/bin/sh\n");
    let script = w.repo().join("run.sh");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("a mode");
    symlink("nowhere/at all", w.repo().join("link")).expect("a link");
    // Staged and untouched since: the index has clean bytes, the disk has its own.
    w.git(["add", "x.shout", "a.txt"]).ok();
    let all = [
        "a.txt",
        "b.txt",
        "x.shout",
        "sp ace/n\newline",
        "empty",
        "run.sh",
    ];
    let read = |name: &&str| fs::read(w.repo().join(name)).expect("a file");
    let before: Vec<Vec<u8>> = all.iter().map(read).collect();
    a.ccc(["wip", "save"]).ok();
    w.git(["reset", "-q", "--hard"]).ok();
    w.git(["clean", "-qfdx"]).ok();
    a.ccc(["wip", "restore"]).ok();
    assert_eq!(all.iter().map(read).collect::<Vec<_>>(), before);
    let mode = fs::metadata(&script)
        .expect("it is back")
        .permissions()
        .mode();
    assert_eq!(mode & 0o111, 0o111);
    assert_eq!(
        fs::read_link(w.repo().join("link"))
            .expect("a link")
            .to_str(),
        Some("nowhere/at all")
    );
    assert_eq!(
        w.git_text(["diff", "--cached", "--name-only"]),
        "a.txt\nx.shout"
    );
}

#[test]
fn odd_things_are_left_out_and_said_or_come_back() {
    let (w, a) = committed(World::new());
    w.command("sh", ["-ec", "git init -q nested; echo x >nested/x; mkfifo pipe; mkdir empty; head -c 3000000 /dev/zero >big; \
        git init -q sub; git -C sub commit -q --allow-empty -m s; git add sub 2>/dev/null; git commit -qnm sub; \
        git -C sub commit -q --allow-empty -m t; rm -r dir; echo file >dir; rm a.txt; mkdir a.txt; echo in >a.txt/in"])
        .run()
        .ok();
    w.write(".git/ccc.toml", "[wip]\nfile_mb = 2\n");
    let saved = a.ccc(["wip", "save"]);
    for line in [
        "nested/ (a repository of its own)",
        "big (larger than wip.file_mb)",
        "sub (a submodule)",
    ] {
        assert!(
            saved.ok().stdout.contains(&format!("left out: {line}")),
            "{line}\n{saved}"
        );
    }
    let show = a.ccc(["wip", "show"]);
    for line in [
        " D a.txt",
        " ? a.txt/in",
        " ? dir",
        " D dir/c.txt",
        "left out: big",
    ] {
        assert!(show.ok().stdout.contains(line), "{line}\n{show}");
    }
    w.command("sh", ["-ec", "rm -r a.txt dir; git checkout -q -- ."])
        .run()
        .ok();
    // What was a file is a directory again, and the other way about: nothing is torn down for it.
    let out = a.ccc(["wip", "restore"]);
    assert!(out.code(1).stdout.contains("in the way: dir ("), "{out}");
    assert!(out.stdout.contains("in the way: a.txt/in ("), "{out}");
    assert_eq!(w.read("dir/c.txt"), "dir/c.txt 1\n");
    let to = w.tmp().join("odd").display().to_string();
    a.ccc(["wip", "restore", "--to", &to]).ok();
    assert_eq!(
        fs::read_to_string(w.tmp().join("odd/a.txt/in"))
            .ok()
            .as_deref(),
        Some("in\n")
    );
    assert_eq!(
        fs::read_to_string(w.tmp().join("odd/dir")).ok().as_deref(),
        Some("file\n")
    );
}

#[test]
fn nothing_is_written_through_a_link_over_the_unsaved_or_where_another_holds() {
    let (w, a) = committed(World::new());
    let b = w.session("b");
    w.write("dir/c.txt", "c 2\n");
    w.write("new.txt", "new\n");
    w.write("b.txt", "b 2\n");
    a.ccc(["wip", "save"]).ok();
    w.git(["checkout", "-q", "--", "."]).ok();
    w.command(
        "sh",
        [
            "-ec",
            "rm new.txt; rm -r dir; mkdir ../outside/d; ln -s ../outside/d dir",
        ],
    )
    .run()
    .ok();
    b.ccc(["claim", "b.txt"]).ok();
    // Ignored since, and large: it cannot be saved first.
    w.write("new.txt", "x".repeat(3_000_000));
    w.write(".git/ccc.toml", "[wip]\nfile_mb = 1\n");
    let out = a.ccc(["wip", "restore", "--all"]);
    for line in [
        "in the way: dir/c.txt",
        "in the way: new.txt",
        &format!("held: b.txt (by {})", b.tag()),
    ] {
        assert!(out.code(1).stdout.contains(line), "{line}\n{out}");
    }
    assert!(
        fs::read_dir(w.outside().join("d"))
            .expect("it is there")
            .next()
            .is_none()
    );
    assert_eq!(w.read("b.txt"), "b.txt 1\n");
    assert_eq!(w.read("new.txt").len(), 3_000_000);
}

#[test]
fn the_chain_is_bounded_and_its_names_stay() {
    let (w, a) = committed(World::new());
    w.write(".git/ccc.toml", "[wip]\nkeep = 5\nage = \"30d\"\n");
    let mut names = Vec::new();
    for n in 0..30 {
        w.advance(60);
        w.write("a.txt", format!("{n}\n"));
        names.push(id(&a.ccc(["wip", "save", "--json"]).ok().json()));
    }
    let list = || {
        a.ccc(["wip", "list", "--json"]).ok().json()["snapshots"]
            .as_array()
            .expect("a list")
            .clone()
    };
    let kept = list();
    assert!((5..=13).contains(&kept.len()), "{}", kept.len());
    let ids: Vec<&str> = kept.iter().filter_map(|one| one["id"].as_str()).collect();
    assert!(
        ids.iter().all(|id| names.iter().any(|name| name == id)),
        "names stay"
    );
    assert_eq!(ids[0], names[29]);
    let depth = w.git_text([
        "rev-list",
        "--count",
        &format!("refs/ccc/wip/{}", a.tag()),
        "^HEAD",
    ]);
    assert!(
        depth.parse::<usize>().expect("a number") <= 13 * 3,
        "{depth}"
    );
    w.git(["fsck", "--strict", "--no-dangling"]).ok();
    // Each holds what it held.
    a.ccc(["wip", "restore", "--from", ids[ids.len() - 1], "a.txt"])
        .ok();
    let oldest = names.iter().position(|name| name == ids[ids.len() - 1]);
    assert_eq!(
        w.read("a.txt"),
        format!("{}\n", oldest.expect("it is one of ours"))
    );
    a.ccc(["wip", "drop", ids[1]]).ok();
    assert!(list().iter().all(|one| one["id"] != ids[1]));
    // A session that is gone keeps its work for as long as the setting says.
    let tag = a.tag().to_owned();
    a.ccc(["session", "end"]).ok();
    let b = w.session("b");
    w.advance(31 * 86_400);
    w.write("a.txt", "much later\n");
    b.ccc(["wip", "save"]).ok();
    assert_eq!(
        w.git_text(["for-each-ref", &format!("refs/ccc/wip/{tag}")]),
        ""
    );
}

#[test]
fn a_branch_without_a_commit_and_a_conflict_are_saved_too() {
    let w = ready(World::new());
    let a = w.session("a");
    w.git(["checkout", "-q", "--orphan", "fresh"]).ok();
    w.write("one.txt", "one\n");
    w.git(["add", "one.txt"]).ok();
    a.ccc(["wip", "save"]).ok();
    w.git(["rm", "-qf", "one.txt"]).ok();
    a.ccc(["wip", "restore"]).ok();
    assert_eq!(w.git_text(["status", "--porcelain"]), "A  one.txt");
    w.git(["commit", "-qnm", "one"]).ok();
    w.git(["checkout", "-qb", "other"]).ok();
    w.write("one.txt", "theirs\n");
    w.git(["commit", "-qnam", "theirs"]).ok();
    w.git(["checkout", "-q", "fresh"]).ok();
    w.write("one.txt", "ours\n");
    w.git(["commit", "-qnam", "ours"]).ok();
    w.git(["merge", "-q", "other"]).code(1);
    w.write("one.txt", "half merged\n");
    a.ccc(["wip", "save"]).ok();
    w.git(["merge", "--abort"]).ok();
    assert_eq!(w.read("one.txt"), "ours\n");
    a.ccc(["wip", "restore"]).ok();
    assert_eq!(w.read("one.txt"), "half merged\n");
}

#[test]
fn what_git_ignores_is_saved_on_request() {
    let (w, a) = committed(World::new());
    w.write("deep/noise.log", "noise\n");
    let none = a.ccc(["wip", "save"]);
    assert_eq!(none.ok().stdout, "nothing is uncommitted\n");
    a.ccc(["wip", "save", "--ignored"]).ok();
    w.git(["clean", "-qfdx"]).ok();
    a.ccc(["wip", "restore"]).ok();
    assert_eq!(w.read("deep/noise.log"), "noise\n");
    // What stands there now is ignored and was not saved: it stays.
    w.write("deep/noise.log", "newer\n");
    let out = a.ccc(["wip", "restore", "deep"]);
    assert!(
        out.code(1).stdout.contains("in the way: deep/noise.log"),
        "{out}"
    );
    assert_eq!(w.read("deep/noise.log"), "newer\n");
}

#[test]
fn a_full_disk_and_a_closed_repository_leave_what_was() {
    let (w, a) = committed(World::new());
    w.write("a.txt", "2\n");
    a.ccc(["wip", "save"]).ok();
    let tip = || w.git_text(["for-each-ref", "refs/ccc/wip"]);
    let before = tip();
    w.write("a.txt", "3\n".repeat(20_000));
    let full = w
        .command(
            "sh",
            ["-c", "trap '' XFSZ; ulimit -f 8; exec git-ccc wip save"],
        )
        .env("CCC_SESSION", a.tag())
        .run();
    assert!(full.code(5).stderr.starts_with("ccc: "), "{full}");
    assert_eq!(tip(), before);
    w.git(["fsck", "--strict", "--no-dangling"]).ok();
    a.ccc(["wip", "save"]).ok();
    let restored = "trap '' XFSZ; ulimit -f 8; exec git-ccc wip restore";
    w.git(["checkout", "-q", "--", "a.txt"]).ok();
    let full = w
        .command("sh", ["-c", restored])
        .env("CCC_SESSION", a.tag())
        .run();
    assert!(full.code(5).stderr.starts_with("ccc: "), "{full}");
    assert_eq!(w.read("a.txt"), "a.txt 1\n", "no half of a file");
    a.ccc(["wip", "restore"]).ok();
    assert_eq!(w.read("a.txt").len(), 40_000);
}

#[test]
fn what_a_restore_gave_is_what_the_next_one_gives() {
    let (w, a) = committed(World::new());
    let lose = || {
        w.git(["reset", "-q", "--hard"]).ok();
    };
    w.write("a.txt", "2\n");
    w.write("b.txt", "2\n");
    a.ccc(["wip", "save"]).ok();
    lose();
    // As a restore that is killed half-way leaves it: one of the two, and a snapshot of that is made next.
    w.write("a.txt", "2\n");
    a.ccc(["wip", "restore"]).ok();
    lose();
    a.ccc(["wip", "restore"]).ok();
    assert_eq!(
        (w.read("a.txt"), w.read("b.txt")),
        ("2\n".into(), "2\n".into())
    );
}

#[test]
fn what_may_not_be_read_is_named_and_a_repository_that_may_not_be_written_stays_as_it_is() {
    let (w, a) = committed(World::new());
    let Some(prefix) = bound_by_modes(&w) else {
        return;
    };
    let bound = |args: &str| {
        let script = format!("exec {prefix} git-ccc {args}");
        let command = w.command("sh", ["-c", &script]);
        command.env("CCC_SESSION", a.tag()).run()
    };
    w.write("a.txt", "2\n");
    w.write("secret.txt", "mine\n");
    w.write("closed/x.txt", "mine\n");
    w.command("chmod", ["0", "secret.txt", "closed"]).run().ok();
    let saved = bound("wip save");
    for path in ["secret.txt", "closed/"] {
        let line = format!("left out: {path} (cannot be read)");
        assert!(saved.ok().stdout.contains(&line), "{saved}");
    }
    let shown = bound("wip save --json").ok().json();
    let named = shown["left_out"].as_array().expect("a list").iter();
    let named: Vec<&Value> = named.map(|out| &out["path"]).collect();
    assert_eq!(named, ["closed/", "secret.txt"], "{shown}");
    let tip = format!("refs/ccc/wip/{}", a.tag());
    assert_eq!(w.git_text(["show", &format!("{tip}:a.txt")]), "2");
    w.command("chmod", ["755", "closed"]).run().ok();
    let chain = w.git_text(["rev-parse", &tip]);
    w.write("a.txt", "3\n");
    w.command("chmod", ["-R", "a-w", ".git"]).run().ok();
    let refused = bound("wip save");
    assert!(refused.code(5).stderr.starts_with("ccc: "), "{refused}");
    bound("wip list").ok();
    w.command("chmod", ["-R", "u+w", ".git"]).run().ok();
    assert_eq!(w.git_text(["rev-parse", &tip]), chain);
    assert_eq!(w.read("a.txt"), "3\n");
    w.git(["fsck", "--strict", "--no-dangling"]).ok();
    a.ccc(["wip", "save"]).ok();
}
