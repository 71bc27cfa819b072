//! `git ccc commit` understands the options of `git commit` that go with paths, as git's own tests ask for them.

use crate::common::{session::Session, world::World};

fn start() -> (World, Session) {
    let w = World::options().build();
    w.ccc(["init"]).ok();
    w.write("f", "1\n");
    w.write("g", "1\n");
    w.git(["add", "."]).ok();
    w.git(["commit", "-qm", "base"]).ok();
    let a = w.session("a");
    (w, a)
}

fn head(w: &World) -> String {
    w.git_text(["rev-parse", "HEAD"])
}

#[test]
fn a_message_comes_from_one_place() {
    let (w, a) = start();
    w.write("f", "2\n");
    w.write("msg", "from the file\n");
    let both = a.ccc(["commit", "-m", "x", "-F", "msg", "f"]);
    both.code(128);
    assert!(both.stderr.contains("cannot be used together"), "{both:?}");
    a.ccc(["commit", "-F", "msg", "f"]).ok();
    assert_eq!(w.git_text(["log", "-1", "--format=%s"]), "from the file");
    w.write("f", "3\n");
    a.ccc(["commit", "-m", "one", "-m", "two", "-s", "f"]).ok();
    w.write("f", "4\n");
    let silent = a.ccc(["commit", "-m", "\n \nSigned-off-by: a\n", "f"]);
    silent.code(1);
    assert!(silent.stderr.contains("message is empty"), "{silent:?}");
    let body = w.git_text(["log", "-1", "--format=%B"]);
    assert!(body.starts_with("one\n\ntwo\n\nSigned-off-by:"), "{body}");
}

#[test]
fn a_dry_run_has_every_form_and_writes_nothing() {
    let (w, a) = start();
    w.write("f", "2\n");
    w.write("g", "2\n");
    let before = head(&w);
    for (form, shown) in [
        (&["--short"][..], "M  f\n M g\n"),
        (&["--porcelain", "-uno"], "M  f\n M g\n"),
        (&["--short", "--null"], "M  f\0 M g\0"),
    ] {
        let args = ["commit"].iter().chain(form).chain(&["-m", "x", "f"]);
        assert_eq!(a.ccc(args).ok().stdout, shown, "{form:?}");
    }
    let long = a.ccc(["commit", "--long", "-m", "x", "f"]);
    assert!(long.ok().stdout.contains("Changes to be committed:"));
    assert_eq!(head(&w), before);
    a.ccc(["commit", "--short", "-m", "x", ":(glob)none*"])
        .code(1);
}

#[test]
fn a_list_of_paths_is_read_as_git_reads_it() {
    let (w, a) = start();
    w.write("é x", "1\n");
    w.write("list", "\"\\303\\251 x\"\r\n");
    a.ccc(["commit", "-m", "quoted", "--pathspec-from-file=list"])
        .ok();
    let names = w.git_text(["show", "-z", "--name-only", "--format=", "HEAD"]);
    assert_eq!(names.trim_end_matches('\0'), "é x");
    a.ccc(["claim", "f"]).ok();
    w.write("f", "2\n");
    w.write("list", "");
    for only in [&["--only"][..], &[]] {
        let args = ["commit", "-m", "x", "--pathspec-from-file=list"];
        let refused = a.ccc(args.iter().chain(only));
        refused.code(2);
        assert!(
            refused.stderr.contains("No paths with"),
            "an empty list is not everything claimed: {refused:?}"
        );
    }
    a.ccc(["commit", "-m", "x", "--pathspec-file-nul", "f"])
        .code(2);
}

#[test]
fn what_takes_more_than_paths_is_refused_with_a_reason() {
    let (w, a) = start();
    w.write("f", "2\n");
    for option in ["-a", "-i", "-p", "--interactive", "-am"] {
        let refused = a.ccc(["commit", option, "x", "f"]);
        refused.code(2);
        assert!(
            refused.stderr.contains("more than named paths"),
            "{refused:?}"
        );
    }
    a.ccc(["commit", "--fixup=reword:HEAD", "--", "f"]).code(2);
    a.ccc(["commit", "--fixup=reword:HEAD", "--only"]).code(2);
    assert_eq!(w.git_text(["status", "--short"]), " M f");
}

#[test]
fn words_of_short_options_are_gits() {
    let (w, a) = start();
    w.write(".git/hooks/pre-commit", "");
    w.tool("refuse", "exit 1");
    std::fs::remove_file(w.repo().join(".git/hooks/pre-commit")).expect("written above");
    std::os::unix::fs::symlink(
        w.repo().parent().expect("a world").join("bin/refuse"),
        w.repo().join(".git/hooks/pre-commit"),
    )
    .expect("a hook");
    w.write("f", "2\n");
    // Were -uno read as -u -n -o, the hook would be left out.
    a.ccc(["commit", "-uno", "-m", "x", "f"]).code(1);
    a.ccc(["commit", "-nm", "x", "f"]).ok();
}

#[test]
fn an_editor_is_asked_once_even_if_another_commit_lands_meanwhile() {
    let (w, a) = start();
    w.tool(
        "beside",
        "echo asked >>asked\ngit commit -q --allow-empty -m beside",
    );
    let lost = a
        .command(["commit", "--allow-empty", "-e", "-m", "mine"])
        .env("GIT_EDITOR", "beside")
        .run();
    lost.code(128);
    assert_eq!(w.git_text(["log", "-1", "--format=%s"]), "beside");
    assert_eq!(w.read("asked"), "asked\n");
}

#[test]
fn an_amended_commit_may_come_out_the_same() {
    let (w, a) = start();
    w.write("f", "2\n");
    let at = |args: &[&str]| {
        a.command(args)
            .env("GIT_AUTHOR_DATE", "2026-01-01T00:00:00Z")
            .env("GIT_COMMITTER_DATE", "2026-01-01T00:00:00Z")
            .run()
    };
    at(&["commit", "-m", "x", "f"]).ok();
    let before = head(&w);
    w.write("g", "staged by a sibling\n");
    w.git(["add", "g"]).ok();
    at(&["commit", "--amend", "--only", "--no-edit"]).ok();
    assert_eq!(head(&w), before);
    assert_eq!(w.git_text(["status", "--short"]), "M  g");
}

#[test]
fn without_trailers_the_log_knows_whose_commit_it_is() {
    let (w, a) = start();
    let b = w.session("b");
    w.write(".ccc.toml", "[commit]\ntrailer = \"off\"\n");
    w.write("f", "2\n");
    a.ccc(["commit", "-m", "fast", "f"]).ok();
    assert_eq!(w.git_text(["log", "-1", "--format=%B"]).trim(), "fast");
    b.ccc(["commit", "--amend", "-m", "b's now"]).code(1);
    a.ccc(["commit", "--amend", "-m", "stock"]).ok();
    assert_eq!(w.git_text(["log", "-1", "--format=%B"]).trim(), "stock");
    w.write("g", "2\n");
    a.git(["commit", "-qm", "through the hook", "g"]).ok();
    let body = w.git_text(["log", "-1", "--format=%B"]);
    assert_eq!(body.trim(), "through the hook");
    a.ccc(["commit", "--amend", "-m", "still mine"]).ok();
    b.command(["commit", "--amend", "-m", "agreed"])
        .env("CCC_OVERRIDE", "a asked for it")
        .run()
        .ok();
    assert!(
        w.git_text(["log", "-1", "--format=%B", "refs/ccc/log"])
            .contains("a asked for it")
    );
}

#[test]
fn quiet_is_gits() {
    let (w, a) = start();
    w.write("f", "2\n");
    assert_eq!(a.ccc(["commit", "-q", "-m", "fast", "f"]).ok().stdout, "");
    w.write("f", "3\n");
    assert_eq!(a.ccc(["commit", "-qs", "-m", "stock", "f"]).ok().stdout, "");
}

#[test]
fn what_a_sibling_staged_stays_out_even_where_git_is_told_not_to_look() {
    let (w, a) = start();
    let base = head(&w);
    let stage = |oid: &str| {
        let entry = format!("160000,{oid},sub");
        w.git(["update-index", "--add", "--cacheinfo", &entry]).ok();
    };
    stage(&base);
    w.git(["commit", "-qm", "submodule"]).ok();
    w.git(["config", "diff.ignoreSubmodules", "all"]).ok();
    stage(&head(&w));
    w.write("f", "2\n");
    a.ccc(["commit", "-s", "-m", "x", "f"]).ok();
    assert_eq!(w.git_text(["rev-parse", "HEAD:sub"]), base);
    w.write("new", "intended\n");
    w.git(["add", "-N", "new"]).ok();
    a.ccc(["commit", "-s", "--allow-empty", "-m", "x"]).ok();
    assert_eq!(w.git_text(["show", "--name-only", "--format=", "HEAD"]), "");
}

#[test]
fn an_index_of_the_callers_own_is_refused_and_the_worktrees_own_is_not() {
    let (w, a) = start();
    w.write("g", "changed\n");
    let before = head(&w);
    let commit = |index: &str| {
        a.command(["commit", "-qm", "x", "g"])
            .env("GIT_INDEX_FILE", index)
            .run()
    };
    let refused = commit("elsewhere");
    assert!(
        refused.code(2).stderr.contains("GIT_INDEX_FILE names"),
        "{refused}"
    );
    assert_eq!(head(&w), before);
    commit(".git/index").ok();
    assert_ne!(head(&w), before);
}
