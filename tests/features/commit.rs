//! The commit lane end to end: what a commit contains, what it leaves alone, what it refuses.

use std::os::unix::fs::{PermissionsExt, symlink};

use crate::common::{
    session::Session,
    world::{Options, World},
};

/// A repository of a given kind, set up, with a staged file of a sibling in it.
fn shared(options: Options) -> World {
    let w = options.build();
    w.ccc(["init"]).ok();
    w.write("sibling.txt", "one\n");
    w.git(["add", "sibling.txt"]).ok();
    w.git(["commit", "-qm", "base"]).ok();
    w.write("sibling.txt", "staged\n");
    w.git(["add", "sibling.txt"]).ok();
    w
}

fn status(w: &World) -> String {
    w.git_text(["status", "--short"])
}

/// Invariant 4: only the sibling's staged file is left, and it is still staged.
fn only_the_sibling_is_staged(w: &World, what: &str) {
    assert_eq!(
        status(w),
        "M  sibling.txt",
        "{what}: nobody else's state may change"
    );
    assert_eq!(
        w.git_text(["show", ":sibling.txt"]),
        "staged",
        "{what}: what a sibling staged stays staged"
    );
    assert_eq!(
        w.git(["fsck", "--strict", "--no-dangling"]).ok().stdout,
        "",
        "{what}"
    );
}

fn names(w: &World) -> Vec<String> {
    let text = w.git_text(["show", "--name-status", "--no-renames", "--format=", "HEAD"]);
    text.lines().map(|line| line.replace('\t', " ")).collect()
}

fn commit(a: &Session, paths: &[&str]) {
    let args = ["commit", "-m", "change", "--"].iter().chain(paths);
    a.ccc(args).ok();
}

#[test]
fn a_commit_contains_what_was_named_and_nothing_else_in_every_kind_of_repository() {
    for options in World::matrix() {
        let w = shared(options);
        let a = w.session("a");
        w.write("src/old.rs", "1\n");
        w.write("src/new name.rs", "2\n");
        w.write("src/not-named.rs", "3\n");
        commit(&a, &["src/old.rs", "src/new name.rs"]);
        assert_eq!(names(&w), ["A src/new name.rs", "A src/old.rs"]);
        assert_eq!(status(&w), "M  sibling.txt\n?? src/not-named.rs");
        std::fs::remove_file(w.repo().join("src/old.rs")).expect("it was there");
        commit(&a, &["src/old.rs"]);
        assert_eq!(names(&w), ["D src/old.rs"]);
        std::fs::remove_file(w.repo().join("src/not-named.rs")).expect("it was there");
        only_the_sibling_is_staged(&w, "plain paths");
        let trailer = w.git_text([
            "log",
            "-1",
            "--format=%(trailers:key=Ccc-Session,valueonly)",
        ]);
        assert_eq!(trailer.trim(), a.tag());
    }
}

#[test]
fn content_passes_filters_line_ends_encodings_modes_and_links_as_in_git() {
    let w = shared(World::options());
    let a = w.session("a");
    w.git(["config", "filter.up.clean", "tr a-z A-Z"]).ok();
    w.write(
        ".gitattributes",
        "*.txt text eol=crlf\n*.flt filter=up\n*.u16 working-tree-encoding=UTF-16LE\n",
    );
    w.write("d/x.txt", "a\r\nb\r\n");
    w.write("d/y.flt", "hello\n");
    w.write("z.u16", [b't', 0, 0xe9, 0, b'\n', 0]);
    w.write("run.sh", "true\n");
    w.write("d/intent", "new\n");
    w.git(["add", "-N", "d/intent"]).ok();
    std::fs::set_permissions(
        w.repo().join("run.sh"),
        std::fs::Permissions::from_mode(0o755),
    )
    .expect("chmod");
    symlink("run.sh", w.repo().join("link")).expect("symlink");
    let paths = [
        ".gitattributes",
        "d/x.txt",
        "d/y.flt",
        "z.u16",
        "run.sh",
        "link",
        "d/intent",
    ];
    commit(&a, &paths);
    only_the_sibling_is_staged(&w, "filters");
    assert_eq!(w.git(["show", "HEAD:d/x.txt"]).ok().stdout, "a\nb\n");
    assert_eq!(w.git_text(["show", "HEAD:d/y.flt"]), "HELLO");
    assert_eq!(w.git_text(["show", "HEAD:z.u16"]), "té");
    let modes = w.git_text([
        "ls-tree",
        "--format=%(objectmode) %(path)",
        "HEAD",
        "run.sh",
        "link",
    ]);
    assert_eq!(modes, "120000 link\n100755 run.sh");
}

#[test]
fn files_and_directories_may_change_places() {
    let w = shared(World::options());
    let a = w.session("a");
    w.write("d/x", "1\n");
    w.write("f", "2\n");
    commit(&a, &["d/x", "f"]);
    std::fs::remove_dir_all(w.repo().join("d")).expect("a directory");
    std::fs::remove_file(w.repo().join("f")).expect("a file");
    w.write("d", "file now\n");
    w.write("f/x", "directory now\n");
    commit(&a, &["d", "f/x", "d/x"]);
    only_the_sibling_is_staged(&w, "file and directory");
    assert_eq!(
        w.git_text(["ls-tree", "-r", "--name-only", "HEAD"]),
        "d\nf/x\nsibling.txt"
    );
}

#[test]
fn every_format_of_the_index_survives() {
    let w = shared(World::options());
    let a = w.session("a");
    for (n, prepare) in [
        vec!["update-index", "--split-index"],
        vec!["update-index", "--no-split-index"],
        vec!["update-index", "--index-version", "4"],
        vec!["update-index", "--index-version", "2"],
        vec!["update-index", "--force-untracked-cache"],
    ]
    .into_iter()
    .enumerate()
    {
        w.git(&prepare).ok();
        status(&w);
        w.write("f", format!("{n}\n"));
        commit(&a, &["f"]);
        only_the_sibling_is_staged(&w, &prepare.join(" "));
    }
}

#[test]
fn it_works_unborn_detached_and_in_a_linked_worktree() {
    let w = shared(World::options().linked_worktree());
    let a = w.session("a");
    w.write("f", "1\n");
    commit(&a, &["f"]);
    w.git(["checkout", "-q", "--detach"]).ok();
    w.write("f", "2\n");
    commit(&a, &["f"]);
    only_the_sibling_is_staged(&w, "detached in a linked worktree");
    w.git(["checkout", "-q", "--orphan", "fresh"]).ok();
    w.git(["rm", "-rqf", "--cached", "."]).ok();
    w.write("g", "3\n");
    commit(&a, &["g"]);
    assert_eq!(names(&w), ["A g"]);
    assert_eq!(w.git_text(["rev-list", "--count", "HEAD"]), "1");
}

#[test]
fn the_repositorys_own_hooks_see_the_commit_and_may_add_to_it() {
    let w = shared(World::options());
    let a = w.session("a");
    let hook = w.repo().join(".git/hooks/pre-commit");
    w.write(
        ".git/hooks/pre-commit",
        "#!/bin/sh\ngit diff --cached --name-only >seen\necho gen >gen\ngit add gen\n",
    );
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).expect("chmod");
    w.write("f", "1\n");
    commit(&a, &["f"]);
    assert_eq!(
        w.read("seen"),
        "f\n",
        "the hook sees what is named and not what a sibling staged"
    );
    assert_eq!(names(&w), ["A f", "A gen"]);
    std::fs::remove_file(w.repo().join("seen")).expect("the hook ran");
    only_the_sibling_is_staged(&w, "a hook added a file");
    w.write(".git/hooks/pre-commit", "#!/bin/sh\nexit 3\n");
    w.write("f", "2\n");
    a.ccc(["commit", "-m", "no", "f"]).code(1);
    assert_eq!(
        status(&w),
        " M f\nM  sibling.txt",
        "a refusing hook leaves everything as it was"
    );
    a.ccc(["commit", "-n", "-m", "yes", "f"]).ok();
    only_the_sibling_is_staged(&w, "--no-verify");
    let claims = a.ccc(["claims", "--json"]).json();
    assert_eq!(
        claims["claims"].as_array().map(Vec::len),
        Some(0),
        "what was held for the commit is given back"
    );
}

#[test]
fn a_path_that_another_holds_is_refused_and_an_override_is_recorded() {
    let w = shared(World::options());
    let (a, b) = (w.session("a"), w.session("b"));
    a.ccc(["claim", "src/", "-m", "rework"]).ok();
    w.write("src/x.rs", "1\n");
    w.write("free", "1\n");
    let refused = b.ccc(["commit", "-m", "mine", "--json", "--", "src/x.rs", "free"]);
    let error = refused.code(1).json_error();
    assert_eq!(error["detail"]["blockers"][0]["claim"]["session"], a.tag());
    assert_eq!(error["hints"][0], "git ccc claim --wait src/x.rs");
    assert_eq!(
        status(&w),
        "M  sibling.txt\n?? free\n?? src/",
        "all or nothing"
    );
    b.command(["commit", "-m", "mine", "src/x.rs"])
        .env("CCC_OVERRIDE", "agreed by phone")
        .run()
        .ok();
    let entry = w.git_text(["log", "-1", "--format=%B", "refs/ccc/log"]);
    assert!(entry.contains("Ccc-Override: agreed by phone"), "{entry}");
    a.ccc(["commit", "-m", "own"]).code(1);
    w.write("src/x.rs", "2\n");
    a.ccc(["commit", "-m", "own"]).ok();
    assert_eq!(
        names(&w),
        ["M src/x.rs"],
        "without paths: what changed under the claims"
    );
}

#[test]
fn a_claim_until_commit_ends_with_the_commit() {
    let w = shared(World::options());
    let (a, b) = (w.session("a"), w.session("b"));
    a.ccc(["claim", "--until-commit", "f"]).ok();
    b.ccc(["claim", "f"]).code(1);
    w.write("f", "1\n");
    commit(&a, &["f"]);
    b.ccc(["claim", "f"]).ok();
}

#[test]
fn an_expired_claim_gives_no_right_against_its_next_holder() {
    let w = shared(World::options());
    let (a, b) = (w.session("a"), w.session("b"));
    a.ccc(["claim", "f", "--for", "1m"]).ok();
    w.advance(120);
    b.ccc(["claim", "f"]).ok();
    w.write("f", "1\n");
    a.ccc(["commit", "-m", "late", "f"]).code(1);
    commit(&b, &["f"]);
}

#[test]
fn git_options_mean_what_they_mean_in_git() {
    let w = shared(World::options());
    let a = w.session("a");
    w.write("f", "1\n");
    a.command(["commit", "-F", "-", "f"])
        .stdin("subject  \n\n\nbody\n")
        .run()
        .ok();
    let body = w.git_text(["log", "-1", "--format=%B"]);
    assert_eq!(
        body.trim(),
        format!("subject\n\nbody\n\nCcc-Session: {}", a.tag())
    );
    w.write("f", "2\n");
    let options = [
        "commit",
        "-m",
        "x",
        "--author",
        "Z <z@example.org>",
        "--date",
        "2020-01-02T03:04:05Z",
        "-s",
        "--trailer",
        "See: y",
        "f",
    ];
    a.ccc(options).ok();
    assert_eq!(
        w.git_text(["log", "-1", "--format=%an %aI"]),
        "Z 2020-01-02T03:04:05Z"
    );
    let body = w.git_text(["log", "-1", "--format=%B"]);
    assert!(
        body.contains("Signed-off-by:") && body.contains("See: y") && body.contains("Ccc-Session:"),
        "{body}"
    );
    a.ccc(["commit", "--allow-empty", "-m", "empty"]).ok();
    assert_eq!(names(&w), Vec::<String>::new());
    let head = w.git_text(["rev-parse", "HEAD"]);
    w.write("f", "3\n");
    a.ccc(["commit", "--dry-run", "-m", "x", "f"]).ok();
    assert_eq!(
        w.git_text(["rev-parse", "HEAD"]),
        head,
        "a dry run writes nothing"
    );
    w.write("list", "f\0");
    a.ccc([
        "commit",
        "-m",
        "listed",
        "--pathspec-from-file=list",
        "--pathspec-file-nul",
    ])
    .ok();
    std::fs::remove_file(w.repo().join("list")).expect("it was there");
    only_the_sibling_is_staged(&w, "options");
}

#[test]
fn only_ones_own_head_can_be_amended() {
    let w = shared(World::options());
    let (a, b) = (w.session("a"), w.session("b"));
    w.write("f", "1\n");
    commit(&a, &["f"]);
    w.write("f", "2\n");
    b.ccc(["commit", "--amend", "-m", "mine now", "f"]).code(1);
    a.ccc(["commit", "--amend", "-m", "better", "f"]).ok();
    assert_eq!(w.git_text(["log", "--format=%s"]), "better\nbase\nStart");
    only_the_sibling_is_staged(&w, "amend");
}

#[test]
fn half_done_operations_and_wrong_names_are_refused() {
    let w = shared(World::options());
    let a = w.session("a");
    a.ccc(["commit", "-m", "x", "nothere"]).code(1);
    a.ccc(["commit", "-m", "x", "../outside"]).code(2);
    a.ccc(["commit", "-m", "x", "--", ".git/config"]).code(2);
    w.write("f", "1\n");
    a.ccc(["commit", "-m", "", "f"]).code(1);
    w.write(".git/MERGE_HEAD", w.git_text(["rev-parse", "HEAD"]) + "\n");
    a.ccc(["commit", "-m", "x", "f"]).code(2);
    assert_eq!(status(&w), "M  sibling.txt\n?? f");
}

#[test]
fn from_a_subdirectory_paths_are_relative_to_it() {
    let w = shared(World::options());
    let a = w.session("a");
    w.write("sub/f", "1\n");
    w.write("g", "1\n");
    let from_sub = |args: &[&str]| a.command(args).cwd(w.repo().join("sub")).run();
    from_sub(&["commit", "-m", "x", "f", "../g"]).ok();
    assert_eq!(names(&w), ["A g", "A sub/f"]);
    only_the_sibling_is_staged(&w, "a subdirectory");
}
