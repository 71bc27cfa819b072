//! Bad input and a bad machine: one clear error, the right exit code, and nothing lost or changed.

use crate::common::{
    output::CommandOutput,
    session::Session,
    setup::{bound_by_modes, ready},
    world::{BINARY, World},
};
use std::path::PathBuf;

/// A repository in which one session holds `src/` and something is staged.
struct Scene {
    w: World,
    a: Session,
    b: Session,
    before: String,
}

impl Scene {
    fn new() -> Self {
        let w = ready(World::new());
        w.write("src/f", "1\n");
        w.write("g", "1\n");
        w.git(["add", "."]).ok();
        w.git(["commit", "-qm", "base"]).ok();
        let (a, b) = (w.session("a"), w.session("b"));
        a.ccc(["claim", "src/", "--for", "8h", "-m", "mine"]).ok();
        w.write("g", "staged\n");
        w.git(["add", "g"]).ok();
        let mut scene = Scene {
            w,
            a,
            b,
            before: String::new(),
        };
        scene.before = scene.state();
        scene
    }

    fn git_dir(&self) -> PathBuf {
        self.w.main_worktree().join(".git")
    }

    /// Everything that must not be lost: refs, index, HEAD, and locks that nobody holds.
    fn state(&self) -> String {
        // A session that beats writes its record again.
        let refs = self
            .w
            .git_text(["for-each-ref", "--exclude=refs/ccc/sessions"]);
        let names = ["for-each-ref", "--format=%(refname)", "refs/ccc/sessions"];
        let sessions = self.w.git_text(names);
        let head = self.w.git_text(["rev-parse", "HEAD"]);
        let index = self.w.git_text(["ls-files", "-s"]);
        let find = "find .git -name '*.lock' -o -name 'ccc-index*' -o -name 'ccc-private*' -o -name '*.tmp'";
        let left = self.w.command("sh", ["-c", find]).run();
        format!(
            "{refs}\n{sessions}\n{head}\n{index}\nleft: {}",
            left.ok().stdout
        )
    }

    #[track_caller]
    fn unharmed(&self, what: &str) {
        assert_eq!(self.state(), self.before, "{what}");
        let fsck = self.w.git(["fsck", "--strict", "--no-dangling"]);
        assert_eq!(fsck.ok().stdout, "", "{what}");
    }

    /// The loose object that a ref names.
    fn object(&self, name: &str) -> PathBuf {
        let oid = self.w.git_text(["rev-parse", name]);
        let (dir, file) = oid.split_at(2);
        self.git_dir().join("objects").join(dir).join(file)
    }

    /// Runs as the second session behind a shell prelude.
    fn behind(&self, prelude: &str, by: &Session, args: &[&str]) -> CommandOutput {
        let script = format!("{prelude}; exec \"$@\"");
        let words = ["-c", &script, "sh", BINARY].into_iter();
        let command = self.w.command("sh", words.chain(args.iter().copied()));
        command.env("CCC_SESSION", by.tag()).run()
    }
}

#[track_caller]
fn one_error(output: &CommandOutput, codes: &[i32], what: &str) {
    assert!(codes.contains(&output.code), "{what}: {codes:?}\n{output}");
    assert_eq!(
        output.stderr.matches("ccc: ").count(),
        1,
        "{what}: one error\n{output}"
    );
}

#[test]
fn caches_of_garbage_are_ignored_and_written_again() {
    let s = Scene::new();
    // Enough claims for the caches to be worth writing.
    for n in 0..12 {
        s.a.ccc(["claim".to_owned(), format!("n/{n}")]).ok();
    }
    let ccc = s.git_dir().join("ccc");
    let caches = ["claims.json", "hook-scopes"];
    for garbage in [
        "",
        "{",
        "null",
        "[1,2]",
        "{\"x\":{\"v\":9}}",
        "v1 \n[\"!\"]",
        "\u{0}\u{1b}[31m",
    ] {
        for cache in caches {
            std::fs::write(ccc.join(cache), garbage).expect("a cache");
        }
        s.b.ccc(["claim", "src/f"]).code(1);
        s.w.write("src/f", "changed\n");
        let stopped = s.b.git(["commit", "-qm", "x", "src/f"]);
        assert!(
            stopped.code != 0 && stopped.stderr.contains(s.a.tag()),
            "{garbage:?}:\n{stopped}"
        );
        let listed = s.b.ccc(["claims", "--json"]).ok().json();
        assert_eq!(
            listed["claims"].as_array().map(Vec::len),
            Some(13),
            "{garbage:?}"
        );
    }
    for cache in caches {
        let path = ccc.join(cache);
        std::fs::remove_file(&path).unwrap_or_default();
        std::fs::create_dir(&path).expect("a directory in the way");
    }
    s.b.ccc(["claim", "src/f"]).code(1);
    s.b.ccc(["claim", "free"]).ok();
    for cache in caches {
        std::fs::remove_dir(ccc.join(cache)).expect("our directory");
    }
    s.b.ccc(["claims"]).ok();
    let text = std::fs::read_to_string(ccc.join("claims.json")).expect("it is written again");
    assert!(text.contains("\"session\""), "{text}");
}

#[test]
fn a_head_of_garbage_is_a_matter_of_set_up() {
    let s = Scene::new();
    let head = s.git_dir().join("HEAD");
    let good = std::fs::read(&head).expect("HEAD");
    for bad in ["garbage\n", "", "ref: \n", "\u{0}\u{ff}"] {
        std::fs::write(&head, bad).expect("HEAD");
        for args in [
            &["claim", "free"][..],
            &["claims"],
            &["commit", "-m", "x", "g"],
            &["who"],
        ] {
            let output = s.b.ccc(args);
            // A board needs no HEAD.
            if output.code != 0 || !["claims", "who"].contains(&args[0]) {
                one_error(&output, &[5], &format!("{bad:?} {args:?}"));
            }
        }
        std::fs::write(&head, &good).expect("HEAD");
        s.unharmed(bad);
    }
    // A branch that names an object that is not there: git calls it broken, and nobody commits on top of it.
    s.w.git(["checkout", "-q", "-b", "lost"]).ok();
    let lost = s.git_dir().join("refs/heads/lost");
    let tip = std::fs::read(&lost).expect("a branch");
    std::fs::write(&lost, format!("{}\n", "1".repeat(40))).expect("a branch");
    let output = s.b.ccc(["commit", "-m", "x", "g"]);
    one_error(&output, &[5], "a missing commit");
    std::fs::write(&lost, tip).expect("a branch");
    s.w.git(["checkout", "-q", "main"]).ok();
    s.w.git(["branch", "-qd", "lost"]).ok();
    s.unharmed("a missing commit");
}

#[test]
fn a_corrupt_object_is_named_and_stops_only_what_needs_it() {
    let s = Scene::new();
    let claim =
        s.w.git_text(["for-each-ref", "--format=%(refname)", "refs/ccc/claims"]);
    let session = format!("refs/ccc/sessions/{}", s.a.tag());
    for (name, by, refused, served) in [
        (
            claim.as_str(),
            &s.b,
            &["claim", "free"][..],
            &["claims"][..],
        ),
        (
            "refs/ccc/log",
            &s.b,
            &["claim", "free"],
            &["session", "list"],
        ),
        (session.as_str(), &s.a, &["claim", "free"], &["claims"]),
    ] {
        let path = s.object(name);
        let good = std::fs::read(&path).expect("an object");
        for bad in [
            &good[..good.len() / 2],
            b"",
            b"garbage that is no zlib stream",
        ] {
            std::fs::remove_file(&path).expect("an object");
            std::fs::write(&path, bad).expect("an object");
            // What was decoded before is no excuse.
            s.w.command("sh", ["-c", "rm -rf .git/ccc"]).run().ok();
            one_error(&by.ccc(refused), &[5], &format!("{name} {refused:?}"));
            s.b.ccc(served).ok();
            let report = s.w.ccc(["doctor"]);
            assert!(
                report.code(1).stdout.contains("cannot be read"),
                "{name}:\n{report}"
            );
            s.w.write("src/f", "2\n");
            let stopped = s.b.git(["commit", "-qm", "x", "src/f"]);
            assert!(
                stopped.code != 0 || name != claim,
                "what a claim covers is unknown:\n{stopped}"
            );
            if stopped.code == 0 {
                s.w.git(["reset", "-q", "--soft", "HEAD~1"]).ok();
                s.w.git(["reset", "-q", "src/f"]).ok();
            }
            s.w.write("src/f", "1\n");
        }
        std::fs::remove_file(&path).expect("an object");
        std::fs::write(&path, good).expect("an object");
    }
    s.w.git(["update-index", "-q", "--refresh"]).ok();
    s.unharmed("corrupt objects");
}

#[test]
fn a_session_record_of_a_newer_version_says_which_version_it_needs() {
    let s = Scene::new();
    let tree = s.w.git_text(["rev-parse", "HEAD^{tree}"]);
    let tag = format!(
        "object {tree}\ntype tree\ntag z-0000\ntagger x <x@y> 1 +0000\n\nsession z-0000\n\nv = 7\n"
    );
    let hash = ["hash-object", "-t", "tag", "-w", "--stdin"];
    let oid = s.w.command("git", hash).stdin(tag).run();
    s.w.git([
        "update-ref",
        "refs/ccc/sessions/z-0000",
        oid.ok().stdout.trim(),
    ])
    .ok();
    let refused =
        s.w.command(BINARY, ["claim", "free"])
            .env("CCC_SESSION", "z-0000")
            .run();
    one_error(&refused, &[5], "a newer record");
    assert!(refused.stderr.contains("version 7"), "{refused}");
    s.b.ccc(["claim", "--dry-run", "free"]).ok();
    s.w.git(["update-ref", "-d", "refs/ccc/sessions/z-0000"])
        .ok();
    s.unharmed("a newer record");
}

#[test]
fn text_without_measure_or_manners_is_kept_within_bounds() {
    let s = Scene::new();
    let rude = "\u{1b}]0;owned\u{7}\u{202e}evil\nCcc-Act: break\nCcc-Gone: x";
    let long = "x".repeat(100_000);
    s.b.ccc(["claim", "free", "-m", rude]).ok();
    s.b.ccc(["claim", "free2", "-m", &long]).ok();
    let shown = s.a.ccc(["claims"]);
    assert!(
        !shown.ok().stdout.contains('\u{1b}') && !shown.stdout.contains('\u{202e}'),
        "{shown}"
    );
    assert!(
        shown.stdout.len() < 4000,
        "a board is read by people:\n{shown}"
    );
    let entries = s.w.git_text(["log", "--format=%B", "refs/ccc/log"]);
    assert!(
        !entries.contains("\nCcc-Act: break") && entries.len() < 20_000,
        "nobody writes another's trailers"
    );
    let plain = s.w.git_text([
        "for-each-ref",
        "--format=%(contents:subject)",
        "refs/ccc/claims",
    ]);
    assert!(!plain.contains('\u{1b}'), "{plain}");
    s.b.ccc(["release", "--all"]).ok();
    // A message of 5 MB is a message.
    s.w.write("free", "1\n");
    let body = format!("subject\n\n{}", "line of a long message\n".repeat(220_000));
    s.b.command(["commit", "-F", "-", "free"])
        .stdin(&body)
        .run()
        .ok();
    let kept = s.w.git_text(["log", "-1", "--format=%B"]);
    assert!(
        kept.len() > 5_000_000 && kept.contains(s.b.tag()),
        "{} bytes",
        kept.len()
    );
    // More names than a command line takes.
    let names: Vec<String> = (0..200_000).map(|n| format!("no/such/file-{n}")).collect();
    s.w.write("list", names.join("\n"));
    let refused = s.b.ccc(["commit", "-m", "x", "--pathspec-from-file=list"]);
    one_error(&refused, &[1, 2], "a list of 4 MB");
    assert!(refused.stderr.len() < 4000, "{:.300}", refused.stderr);
}

#[test]
fn broken_settings_stop_commands_and_no_hook() {
    let s = Scene::new();
    let user = s.w.home().join(".config/git-ccc/config.toml");
    std::fs::create_dir_all(user.parent().expect("a folder")).expect("a folder");
    let clone = s.git_dir().join("ccc.toml");
    for path in [user, clone, s.w.main_worktree().join(".ccc.toml")] {
        for bad in [
            "v = ",
            "[claims\n",
            "v = 1\n[claims]\nttl = 5\n",
            "v = 9\n",
            "\u{0}",
            "v = 1\n[claims]\nexempt = [\"src/[\"]\n",
        ] {
            std::fs::write(&path, bad).expect("settings");
            let output = s.b.ccc(["claim", "free", "--dry-run"]);
            if !bad.contains("exempt") {
                one_error(&output, &[2], bad);
                let name = path
                    .file_name()
                    .expect("a name")
                    .to_string_lossy()
                    .into_owned();
                assert!(
                    output.stderr.contains(&name),
                    "{bad:?} names its file:\n{output}"
                );
            }
            // A held path stays held.
            s.w.write("src/f", "2\n");
            let stopped = s.b.git(["commit", "-qm", "x", "src/f"]);
            assert!(
                stopped.code != 0 && stopped.stderr.contains(s.a.tag()),
                "{bad:?}:\n{stopped}"
            );
            s.w.write("src/f", "1\n");
        }
        std::fs::remove_file(&path).expect("settings");
    }
    s.w.git(["update-index", "-q", "--refresh"]).ok();
    s.unharmed("settings");
}

/// The commands that write, and who runs them.
const WRITERS: &[(&str, &[&str])] = &[
    ("b", &["claim", "free"]),
    ("a", &["claim", "src/", "--for", "9h"]),
    ("a", &["release", "--all"]),
    ("a", &["commit", "-m", "x", "src/f"]),
    ("a", &["commit", "-s", "-m", "x", "src/f"]),
    ("b", &["session", "start", "--name", "late"]),
    ("b", &["session", "end"]),
];

/// The empty file.
const OID: &str = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";

#[test]
fn a_full_disk_is_one_error_and_nothing_is_half_done() {
    // No file may grow beyond so many blocks: what a full disk does to a writer, without one.
    let s = Scene::new();
    every_writer(&s, &["trap '' XFSZ; ulimit -f 0"]);
    // Room for the commit, and none for an index this long: it lands, and the next command brings the index up to date.
    let entry = |n| format!("100644 {OID}\tmany/a-file-of-a-long-name-{n}\n");
    let many = (0..200).map(entry).collect::<Vec<_>>().concat();
    s.w.command("git", ["hash-object", "-w", "--stdin"])
        .stdin("")
        .run()
        .ok();
    s.w.command("git", ["update-index", "--index-info"])
        .stdin(many)
        .run()
        .ok();
    s.w.git(["commit", "-qnm", "many"]).ok();
    for (n, option) in ["-q", "-sq"].into_iter().enumerate() {
        s.w.write("src/f", format!("again {n}\n"));
        let full = "trap '' XFSZ; ulimit -f 8";
        let output = s.behind(full, &s.a, &["commit", option, "-m", "x", "src/f"]);
        assert_ne!(output.code, 70, "{option}:\n{output}");
        s.w.write("src/other", format!("{n}\n"));
        s.a.ccc(["commit", "-m", "y", "src/other"]).ok();
        // Either it landed before, or it lands now.
        let again = s.a.ccc(["commit", "-m", "x", "src/f"]);
        assert!([0, 1].contains(&again.code), "{again}");
        let text = s.w.git_text(["log", "--format=%s", "-3"]);
        assert_eq!(
            text.matches('x').count(),
            1,
            "it landed once:\n{text}\n{output}"
        );
        assert_eq!(s.w.git_text(["show", "HEAD:src/f"]), format!("again {n}"));
        assert_eq!(
            s.w.git_text(["status", "--porcelain", "src"]),
            "",
            "{option}:\n{output}"
        );
        s.w.git(["fsck", "--strict", "--no-dangling"]).ok();
    }
}

#[test]
fn a_git_directory_that_cannot_be_written_serves_readers_and_loses_nothing() {
    let s = Scene::new();
    let Some(prefix) = bound_by_modes(&s.w) else {
        return;
    };
    let closed = s.w.command("sh", ["-ec", "chmod -R a-w .git"]).run();
    closed.ok();
    let prelude = format!("exec {prefix} \"$@\"");
    every_writer(&s, &[&prelude]);
    for args in [
        &["claims"][..],
        &["who"],
        &["session", "list"],
        &["claim", "--dry-run", "free"],
    ] {
        s.behind(&prelude, &s.b, args).ok();
    }
    s.w.command("sh", ["-ec", "chmod -R u+w .git"]).run().ok();
    s.unharmed("a read-only directory");
    s.b.ccc(["claim", "free"]).ok();
}

fn every_writer(s: &Scene, preludes: &[&str]) {
    s.w.write("src/f", "2\n");
    let before = s.state();
    for (who, args) in WRITERS {
        let by = if *who == "a" { &s.a } else { &s.b };
        // A ref can be deleted on a full disk.
        let ends = args.contains(&"end");
        for prelude in preludes
            .iter()
            .filter(|prelude| !ends || !prelude.contains("ulimit"))
        {
            let what = format!("{args:?} behind {prelude}");
            let output = s.behind(prelude, by, args);
            let said = output.stderr.matches("ccc: ").count();
            assert!(
                [1, 5].contains(&output.code) && (said == 1 || output.stderr.contains("fatal: ")),
                "{what}:\n{output}"
            );
            assert_eq!(s.state(), before, "{what}:\n{output}");
        }
    }
    s.w.write("src/f", "1\n");
    s.w.git(["fsck", "--strict", "--no-dangling"]).ok();
}
