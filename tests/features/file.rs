//! Shared files end to end: writes that meet each other, what is refused, what is kept, and odd files.

use crate::common::output::CommandOutput;
use crate::common::session::Session;
use crate::common::setup::ready;
use crate::common::world::{BINARY, World};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;

const INDEX: &str = "~/.claude/skills/_index.md";

/// Two sessions and a skills index that both have read.
struct Scene {
    w: World,
    a: Session,
    b: Session,
}

impl Scene {
    fn new() -> Self {
        let w = ready(World::new());
        let (a, b) = (w.session("a"), w.session("b"));
        let scene = Scene { w, a, b };
        scene.put(INDEX, "# Index\n\n- one\n- two\n");
        scene
    }

    fn path(&self, shown: &str) -> PathBuf {
        match shown.strip_prefix("~/") {
            Some(rest) => self.w.home().join(rest),
            None => self.w.repo().join(shown),
        }
    }

    /// Changes a file as an editor does.
    fn put(&self, shown: &str, text: impl AsRef<[u8]>) {
        let path = self.path(shown);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    fn text(&self, shown: &str) -> String {
        String::from_utf8(fs::read(self.path(shown)).expect("a file")).expect("text")
    }

    fn log(&self, shown: &str) -> Vec<Value> {
        let log = self
            .w
            .ccc(["--session", self.a.tag(), "file", "log", shown, "--json"]);
        let log = log.ok().json();
        log["versions"].as_array().expect("a list").clone()
    }
}

fn read(by: &Session, path: &str) -> String {
    by.ccc(["file", "cat", path]).ok().stdout.clone()
}

fn write(by: &Session, path: &str, text: impl AsRef<[u8]>) -> CommandOutput {
    by.command(["file", "write", path]).stdin(text).run()
}

#[test]
fn two_writers_that_read_the_same_are_merged() {
    let s = Scene::new();
    assert_eq!(read(&s.a, INDEX), "# Index\n\n- one\n- two\n");
    read(&s.b, INDEX);
    insta::assert_snapshot!(write(&s.a, INDEX, "# Index\n\n- one\n- two\n- from a\n"), @r"
    ~/.claude/skills/_index.md is version 2
    [exit 0]
    [EOF]
    ");
    insta::assert_snapshot!(write(&s.b, INDEX, "# Index\n\n- from b\n- one\n- two\n"), @r"
    ~/.claude/skills/_index.md is version 3
    merged with 2 by a-6e73
    [exit 0]
    [EOF]
    ");
    assert_eq!(
        s.text(INDEX),
        "# Index\n\n- from b\n- one\n- two\n- from a\n"
    );
    let log = s.log(INDEX);
    let acts: Vec<&str> = log
        .iter()
        .filter_map(|entry| entry["act"].as_str())
        .collect();
    assert_eq!(acts, ["merge", "write", "first"]);
    assert_eq!(log[0]["by"], s.b.tag());
    assert_eq!(log[0]["read"], 1);
    assert_eq!(log[0]["note"], format!("with {}", s.a.tag()));
    // b has not been shown what a wrote: writing what b knows takes nothing of it away.
    write(&s.b, INDEX, "# Index\n\n- from b\n- one\n- two, better\n").ok();
    assert!(s.text(INDEX).contains("- from a\n"), "{}", s.text(INDEX));
}

#[test]
fn a_settings_file_is_merged_by_key_and_a_conflict_leaves_it_alone() {
    let s = Scene::new();
    let path = "~/.claude/settings.json";
    let text = "{\n  \"model\": \"x\",\n  \"permissions\": {\n    \"allow\": [\"A\"]\n  }\n}\n";
    s.put(path, text);
    read(&s.a, path);
    read(&s.b, path);
    write(&s.a, path, text.replace("\"x\"", "\"y\"")).ok();
    write(&s.b, path, text.replace("[\"A\"]", "[\"A\", \"B\"]")).ok();
    let now: Value = serde_json::from_str(&s.text(path)).expect("JSON");
    assert_eq!(
        now,
        json!({"model": "y", "permissions": {"allow": ["A", "B"]}})
    );
    let before = s.text(path);
    let refused =
        s.b.command(["file", "write", path, "--json"])
            .stdin(text.replace("\"x\"", "\"z\""))
            .run();
    let error = refused.code(3).json_error();
    let conflict = &error["detail"]["conflicts"][0];
    assert_eq!(conflict["at"], "model");
    for (key, wanted) in [
        ("base", "\"x\""),
        ("ours", "\"z\""),
        ("theirs", "\"y\""),
        ("ours_by", s.b.tag()),
        ("theirs_by", s.a.tag()),
    ] {
        assert_eq!(conflict[key], wanted, "{key}: {conflict}");
    }
    assert_eq!(s.text(path), before, "a conflict touches nothing");
    let kept = error["detail"]["kept"].to_string();
    let diff = s.b.ccc(["file", "diff", path, "--kept", &kept]);
    assert!(diff.ok().stdout.contains("+  \"model\": \"z\""), "{diff}");
    let again = s.b.ccc(["file", "write", path, "--kept", &kept]);
    again.code(3);
    assert_eq!(s.log(path)[0]["act"], "refused");
    assert_eq!(
        s.log(path)[0]["version"].to_string(),
        kept,
        "the same again is not kept again"
    );
}

#[test]
fn what_its_writer_has_not_read_is_not_replaced() {
    let s = Scene::new();
    insta::assert_snapshot!(write(&s.a, INDEX, "# Mine\n"), @r"
    ------- stderr -------
    ccc: ~/.claude/skills/_index.md has content that its writer is not known to have read
      because: it is at version 1, by whoever was there before
    hint: git ccc file cat ~/.claude/skills/_index.md
    [exit 3]
    [EOF]
    ");
    assert!(s.text(INDEX).contains("- two"));
    // A person without a session says what was read.
    let person = || {
        s.w.command(BINARY, ["file", "write", INDEX, "--base", "1"])
            .cwd(s.w.outside())
    };
    person()
        .stdin("# Index\n\n- one\n- two\n- person\n")
        .run()
        .ok();
    let refused =
        s.w.command(BINARY, ["file", "write", INDEX])
            .cwd(s.w.outside());
    let refused = refused.stdin("# Mine\n").run();
    assert!(refused.code(3).stderr.contains("--base"), "{refused}");
    // What a helper of another session read is not what this one read.
    read(&s.b, INDEX);
    write(&s.a, INDEX, "# Mine\n").code(3);
    write(&s.b, INDEX, "# Index\n").ok();
    assert_eq!(s.text(INDEX), "# Index\n", "whoever has read may take away");
}

#[test]
fn a_change_made_without_us_is_a_version_before_it_is_merged() {
    let s = Scene::new();
    read(&s.a, INDEX);
    s.put(INDEX, "# Index\n\n- zero\n- one\n- two\n");
    let out = write(&s.a, INDEX, "# Index\n\n- one\n- two\n- three\n");
    assert!(out.ok().stderr.contains("version 2"), "{out}");
    assert_eq!(s.text(INDEX), "# Index\n\n- zero\n- one\n- two\n- three\n");
    s.put(INDEX, "# Index\n");
    let log = s.log(INDEX);
    assert_eq!(log[0]["act"], "outside");
    assert_eq!(log[0]["removed"], 5);
    let took = log[0]["took"].as_array().expect("a list");
    assert!(
        took.iter()
            .any(|took| took["by"] == s.a.tag() && took["version"] == 3),
        "it is told whose lines went: {took:?}"
    );
    fs::remove_file(s.path(INDEX)).expect("a file");
    assert_eq!(s.log(INDEX)[0]["gone"], true);
    s.a.ccc(["file", "cat", INDEX]).code(1);
    s.a.ccc(["file", "restore", INDEX, "3"]).ok();
    assert!(s.text(INDEX).contains("- three"));
    assert_eq!(s.log(INDEX)[0]["act"], "restore");
}

#[test]
fn an_edit_needs_no_reading_and_fails_where_its_text_is_gone() {
    let s = Scene::new();
    let edit = |by: &Session, args: &[&str]| {
        let words = ["file", "edit", INDEX]
            .into_iter()
            .chain(args.iter().copied());
        by.ccc(words)
    };
    edit(&s.a, &["--append", "- from a"]).ok();
    edit(&s.b, &["--old", "- one", "--new", "- 1"]).ok();
    assert_eq!(s.text(INDEX), "# Index\n\n- 1\n- two\n- from a\n");
    insta::assert_snapshot!(edit(&s.a, &["--old", "- one", "--new", "- eins"]), @r#"
    ------- stderr -------
    ccc: ~/.claude/skills/_index.md does not contain the text to be replaced
      because: looked for "- one"
    hint: git ccc file cat ~/.claude/skills/_index.md
    [exit 1]
    [EOF]
    "#);
    edit(&s.a, &["--old", "- ", "--new", "* "]).code(1);
    edit(&s.a, &["--old", "- ", "--new", "* ", "--all"]).ok();
    assert_eq!(s.text(INDEX), "# Index\n\n* 1\n* two\n* from a\n");
    let json = r#"[{"old": "* 1", "new": "* one"}, {"append": "* last"}]"#;
    let stdin = ["file", "edit", INDEX, "--stdin"];
    s.a.command(stdin).stdin(json).run().ok();
    assert!(s.text(INDEX).ends_with("* from a\n* last\n"));
    s.a.command(stdin).stdin(r#"[{"old": "q"}]"#).run().code(2);
    s.a.ccc(["file", "edit", "~/new.md", "--append", "first"])
        .ok();
    assert_eq!(s.text("~/new.md"), "first\n");
    // Whoever read the old text and changes it where another did has two opinions of one place.
    read(&s.b, INDEX);
    edit(&s.a, &["--old", "* two", "--new", "* zwei"]).ok();
    edit(&s.b, &["--old", "* two", "--new", "* deux"]).code(3);
    assert!(s.text(INDEX).contains("* zwei"));
}

#[test]
fn a_claim_of_another_holds_wherever_the_writer_works() {
    let s = Scene::new();
    read(&s.b, INDEX);
    s.a.ccc(["claim", "~/.claude/skills/", "-m", "a new layout"])
        .ok();
    let refused = write(&s.b, INDEX, "# Index\n");
    for part in [s.a.tag(), "a new layout", "hint: git ccc claim --wait=10m"] {
        assert!(refused.code(1).stderr.contains(part), "{part}: {refused}");
    }
    s.b.ccc(["file", "edit", INDEX, "--append", "x"]).code(1);
    s.b.ccc(["file", "restore", INDEX]).code(1);
    // A person elsewhere, and a session of another repository.
    let person =
        s.w.command(BINARY, ["file", "edit", INDEX, "--append", "x"]);
    person.cwd(s.w.outside()).run().code(1);
    read(&s.a, INDEX);
    write(&s.a, INDEX, "# New\n").ok();
    s.a.ccc(["release", "--all"]).ok();
    s.b.ccc(["file", "edit", INDEX, "--append", "x"]).ok();
    // A file of the repository has its own name there.
    s.w.write("notes.md", "n\n");
    s.a.ccc(["claim", "notes.md"]).ok();
    s.b.ccc(["file", "edit", "notes.md", "--append", "x"])
        .code(1);
}

#[test]
fn a_session_is_known_outside_of_its_repository() {
    let s = Scene::new();
    let outside = |args: &[&str]| s.a.command(args).cwd(s.w.outside());
    outside(&["file", "cat", INDEX]).run().ok();
    outside(&["file", "write", INDEX])
        .stdin("# Index\n")
        .run()
        .ok();
    assert_eq!(s.log(INDEX)[0]["session"], s.a.tag());
}

#[test]
fn mode_links_and_line_ends_stay() {
    let s = Scene::new();
    let real = s.w.home().join("dotfiles/settings.json");
    s.put(
        "~/dotfiles/settings.json",
        b"\xef\xbb\xbf{\r\n  \"a\": 1\r\n}\r\n",
    );
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).expect("a mode");
    let link = s.w.home().join(".claude/settings.json");
    symlink("../dotfiles/settings.json", &link).expect("a link");
    let through = "~/.claude/settings.json";
    read(&s.a, "~/dotfiles/settings.json");
    write(&s.a, through, "{\n  \"a\": 2\n}\n").ok();
    assert!(link.symlink_metadata().expect("a link").is_symlink());
    assert_eq!(
        fs::read(&real).expect("a file"),
        b"\xef\xbb\xbf{\r\n  \"a\": 2\r\n}\r\n"
    );
    assert_eq!(fs::metadata(&real).expect("a file").mode() & 0o777, 0o640);
    let as_is = ["file", "write", through, "--as-is"];
    s.a.command(as_is).stdin("{\n  \"a\": 3\n}\n").run().ok();
    assert_eq!(fs::read(&real).expect("a file"), b"{\n  \"a\": 3\n}\n");
    symlink("nowhere/new.md", s.w.home().join("dangling.md")).expect("a link");
    write(&s.a, "~/dangling.md", "x\n").ok();
    assert_eq!(s.text("~/nowhere/new.md"), "x\n");
    // What is private stays so: in the hub too.
    let hub = s.w.hub();
    assert_eq!(fs::metadata(hub).expect("the hub").mode() & 0o077, 0);
    let left: Vec<_> = fs::read_dir(s.w.home().join("dotfiles"))
        .expect("a folder")
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    assert_eq!(left, ["settings.json"], "nothing is left beside the file");
}

/// Input that is no text, broken, or far too large, and places where no file can be: one error, and the file as it was.
#[test]
fn odd_input_is_one_clear_error_and_loses_nothing() {
    let s = Scene::new();
    let settings = "~/.claude/settings.json";
    s.put(settings, "{\"a\": 1}\n");
    s.put("~/plain", "x\n");
    fs::create_dir(s.w.home().join("folder")).expect("a folder");
    s.w.command("mkfifo", [s.w.home().join("pipe")]).run().ok();
    symlink("loop", s.w.home().join("loop")).expect("a link");
    s.put("~/readonly", "x\n");
    let readonly = s.path("~/readonly");
    fs::set_permissions(&readonly, fs::Permissions::from_mode(0o444)).expect("a mode");
    for path in [settings, "~/readonly"] {
        read(&s.a, path);
    }
    let huge = vec![b'x'; 100 << 20];
    let cases: &[(&str, &[u8], i32, &str)] = &[
        (settings, b"{\"a\": ", 2, "not valid"),
        (settings, b"", 2, "nothing on stdin"),
        (settings, &huge, 2, "32 MiB"),
        ("~/folder", b"x", 2, "a directory"),
        ("~/pipe", b"x", 2, "no regular file"),
        ("~/loop", b"x", 2, "no place"),
        ("~/plain/below", b"x", 2, "no place"),
        ("", b"x", 2, "value is required"),
        ("~/readonly", b"y\n", 5, "read-only"),
        ("~/.local/state/git-ccc/hub.git/HEAD", b"x", 2, "the hub"),
    ];
    for (path, input, code, says) in cases {
        let out = write(&s.a, path, input);
        assert!(
            out.code == *code && out.stderr.contains(says),
            "{path}: {code}, {says}\n{out}"
        );
        assert_eq!(
            out.stderr.matches("ccc: ").count(),
            1,
            "{path}: one error\n{out}"
        );
    }
    assert_eq!(s.text(settings), "{\"a\": 1}\n");
    assert_eq!(s.text("~/readonly"), "x\n");
    s.put("~/large", &huge);
    s.a.ccc(["file", "cat", "~/large"]).code(2);
    assert_eq!(
        fs::metadata(s.path("~/large")).expect("a file").len(),
        100 << 20
    );
}

#[test]
fn what_is_no_text_is_kept_whole_or_refused() {
    let s = Scene::new();
    s.put("~/image", b"\x89PNG\0\x01");
    for by in [&s.a, &s.b] {
        assert!(!by.ccc(["file", "cat", "~/image", "--json"]).ok().json()["bytes"].is_null());
    }
    write(&s.a, "~/image", b"\x89PNG\0\x02").ok();
    write(&s.b, "~/image", b"\x89PNG\0\x03").code(3);
    assert_eq!(
        fs::read(s.path("~/image")).expect("a file"),
        b"\x89PNG\0\x02"
    );
    s.put("~/latin", b"caf\xe9\n");
    for by in [&s.a, &s.b] {
        by.ccc(["file", "cat", "~/latin"]).ok();
    }
    write(&s.a, "~/latin", b"top\ncaf\xe9\n").ok();
    write(&s.b, "~/latin", b"caf\xe9\nend\n").ok();
    assert_eq!(
        fs::read(s.path("~/latin")).expect("a file"),
        b"top\ncaf\xe9\nend\n"
    );
    // A file that is broken already may be changed, and be made whole; it is never repaired for anybody.
    s.put("~/broken.json", "{\"a\": 1,");
    read(&s.a, "~/broken.json");
    write(&s.a, "~/broken.json", "{\"a\": 2,").ok();
    write(&s.a, "~/broken.json", "{\"a\": 2}").ok();
    write(&s.a, "~/broken.json", "{\"a\": 2,").code(2);
    assert_eq!(s.text("~/broken.json"), "{\"a\": 2}");
}

#[test]
fn a_directory_that_cannot_be_written_and_a_full_disk_leave_the_file_as_it_was() {
    let s = Scene::new();
    read(&s.a, INDEX);
    let before = s.text(INDEX);
    // A file may not grow beyond so many blocks: what a full disk does to a writer, without one.
    let text = format!("# Index\n{}", "- entry\n".repeat(20_000));
    let script = "trap '' XFSZ; ulimit -f 8; exec \"$@\"";
    let full =
        s.w.command("sh", ["-c", script, "sh", BINARY, "file", "write", INDEX]);
    let full = full.env("CCC_SESSION", s.a.tag()).stdin(&text).run();
    assert!(matches!(full.code, 4 | 5), "{full}");
    assert_eq!(full.stderr.matches("ccc: ").count(), 1, "{full}");
    assert_eq!(s.text(INDEX), before);
    let dir = s.path(INDEX).parent().expect("a folder").to_owned();
    assert_eq!(
        fs::read_dir(&dir).expect("a folder").count(),
        1,
        "nothing is left"
    );
    write(&s.a, INDEX, &text).ok();
    assert_eq!(s.text(INDEX), text);
    // Only somebody else than root is kept out by a mode; a place in /proc keeps everybody out.
    let nowhere = write(&s.a, "/proc/sys/nothing.md", "x\n");
    assert!(
        nowhere.code(5).stderr.contains("cannot be written"),
        "{nowhere}"
    );
}

#[test]
fn a_watcher_is_told_of_each_change() {
    let s = Scene::new();
    read(&s.a, INDEX);
    let watcher = s.b.spawn([
        "file",
        "watch",
        INDEX,
        "--json",
        "-n",
        "3",
        "--timeout",
        "60s",
    ]);
    watcher.wait_until_it_watches();
    write(&s.a, INDEX, "# Index\n\n- one\n").ok();
    watcher.wait_for("\"act\":\"write\"");
    s.put(INDEX, "# Index\n\n- one\n- by hand\n");
    watcher.wait_for("\"act\":\"outside\"");
    s.a.ccc(["file", "restore", INDEX, "1"]).ok();
    let told = watcher.wait();
    let acts: Vec<Value> = told
        .ok()
        .json_lines()
        .iter()
        .map(|line| line["act"].clone())
        .collect();
    assert_eq!(acts, ["write", "outside", "restore"]);
}

#[test]
fn the_versions_are_plain_git() {
    let s = Scene::new();
    read(&s.a, INDEX);
    write(&s.a, INDEX, "# Index\n\n- one\n- two\n- three\n").ok();
    let hub = s.w.hub();
    let git = |args: &[&str]| {
        let dir = format!("--git-dir={}", hub.display());
        let words = std::iter::once(dir.as_str()).chain(args.iter().copied());
        s.w.command("git", words).run().ok().stdout.clone()
    };
    let name = git(&["for-each-ref", "--format=%(refname)", "refs/ccc/files"]);
    assert!(name.starts_with("refs/ccc/files/index-md-"), "{name}");
    let shown = git(&["log", "-1", "-p", "--format=%an %s", name.trim()]);
    assert!(
        shown.starts_with(&format!("{} _index.md written by {}", s.a.tag(), s.a.tag())),
        "{shown}"
    );
    assert!(shown.contains("+- three"), "{shown}");
    git(&["fsck", "--strict"]);
    let list = s.w.ccc(["file", "list", "--json"]).ok().json();
    assert_eq!(list["files"][0]["path"], INDEX);
}
