//! The hooks as git calls them: which spellings of a commit are stopped on a path that another holds, and what a hook leaves behind.

use crate::common::{
    session::Session,
    world::{BINARY, World, git_knows_reftable},
};

const HOOKS: &[&str] = &[
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
    "reference-transaction",
];

/// Two files, a branch `topic` that changes the one that will be held, our hooks, and two sessions: the first holds `src/held.rs`.
struct Scene {
    w: World,
    a: Session,
    b: Session,
}

impl Scene {
    fn new() -> Self {
        Self::of(World::new())
    }

    fn of(w: World) -> Self {
        begin(&w);
        w.write("src/held.rs", "held\n");
        w.write("src/free.rs", "free\n");
        w.git(["add", "."]).ok();
        w.git(["commit", "-qm", "base"]).ok();
        w.git(["branch", "base"]).ok();
        w.git(["checkout", "-q", "-b", "topic"]).ok();
        w.write("src/held.rs", "topic\n");
        w.git(["commit", "-qam", "topic"]).ok();
        w.git(["checkout", "-q", "-"]).ok();
        install(&w);
        let (a, b) = (w.session("a"), w.session("b"));
        a.ccc(["claim", "src/held.rs", "-m", "mine"]).ok();
        Scene { w, a, b }
    }

    fn head(&self) -> String {
        self.w.git_text(["rev-parse", "HEAD"])
    }

    fn log(&self) -> String {
        self.w.git_text(["log", "--format=%B", "refs/ccc/log"])
    }

    /// Runs git as the second session and asserts that it is stopped, that the holder is named and that HEAD stays.
    #[track_caller]
    fn stopped(&self, args: &[&str]) {
        let head = self.head();
        let output = self.b.git(args);
        assert_ne!(output.code, 0, "git {args:?} must be stopped:\n{output}");
        assert!(
            output.stderr.contains(self.a.tag()) && output.stderr.contains("hint: git ccc"),
            "the refusal names the holder and what to run:\n{output}"
        );
        assert_eq!(self.head(), head, "git {args:?} must move nothing");
    }

    fn change_held(&self) {
        self.w.write("src/held.rs", "changed\n");
        self.w.git(["add", "src/held.rs"]).ok();
    }

    fn commit_free(&self) {
        self.w.write("src/free.rs", "more\n");
        self.b.git(["commit", "-qm", "free", "src/free.rs"]).ok();
    }

    fn settings(&self, text: &str) {
        let path = self.w.main_worktree().join(".git/ccc.toml");
        std::fs::write(path, text).expect("a settings file");
    }
}

/// Begins the log by plain git where `git ccc init` cannot.
fn begin(w: &World) {
    if w.ccc(["init"]).code == 0 {
        return;
    }
    let tree = w.git_text(["hash-object", "-t", "tree", "-w", "/dev/null"]);
    let message = "log begins\n\nCcc-Act: begin\nCcc-Nonce: x\nCcc-Fence: 0\n";
    let made = w
        .command("git", ["commit-tree", &tree])
        .stdin(message)
        .run();
    w.git(["update-ref", "refs/ccc/log", made.ok().stdout.trim()])
        .ok();
}

fn install(w: &World) {
    let script = "dir=$(git rev-parse --git-path hooks); mkdir -p \"$dir\"; for name; do \
                  printf '#!/bin/sh\\nexec git-ccc hook %s \"$@\"\\n' \"$name\" >\"$dir/$name\"; chmod 755 \"$dir/$name\"; done";
    let args = ["-c", script, "sh"]
        .into_iter()
        .chain(HOOKS.iter().copied());
    w.command("sh", args).run().ok();
}

#[test]
fn a_commit_is_stopped_in_every_spelling() {
    let s = Scene::new();
    s.change_held();
    s.stopped(&["commit", "-m", "x"]);
    s.stopped(&["commit", "-n", "-m", "x"]);
    s.stopped(&["commit", "--no-verify", "-a", "-m", "x"]);
    s.stopped(&["commit", "-a", "-m", "x"]);
    s.stopped(&["commit", "--only", "-m", "x", "src/held.rs"]);
    s.stopped(&["commit", "-i", "-m", "x", "src/held.rs"]);
    s.stopped(&["commit", "--amend", "--no-edit"]);
    s.w.git(["rm", "-q", "-f", "src/held.rs"]).ok();
    s.stopped(&["commit", "-m", "deleted"]);
    assert_eq!(
        s.w.git_text(["status", "--porcelain"]),
        "D  src/held.rs",
        "nothing was staged or unstaged"
    );
}

#[test]
fn only_what_the_commit_takes_is_judged() {
    let s = Scene::new();
    s.change_held();
    s.w.write("src/free.rs", "more\n");
    // The shared index has the held path staged; the commit's own index has not.
    s.b.git(["commit", "-qm", "free", "--only", "src/free.rs"])
        .ok();
    assert_eq!(
        s.w.git_text(["status", "--porcelain"]),
        "M  src/held.rs",
        "what was staged stays so"
    );
    let last = s.w.git_text(["log", "-1", "--format=%B"]);
    assert_eq!(last, format!("free\n\nCcc-Session: {}", s.b.tag()));
    s.b.git(["commit", "-q", "--amend", "--only", "--no-edit"])
        .ok();
    let again = s.w.git_text(["log", "-1", "--format=%B"]);
    assert_eq!(again, last, "amending repeats no trailer");
    s.a.git(["commit", "-qm", "held"]).ok();
}

#[test]
fn replays_are_stopped() {
    let s = Scene::new();
    s.stopped(&["cherry-pick", "topic"]);
    s.w.git(["cherry-pick", "--abort"]).ok();
    s.commit_free();
    let head = s.head();
    s.a.git(["cherry-pick", "topic"]).ok();
    s.stopped(&["revert", "--no-edit", "HEAD"]);
    s.w.git(["reset", "-q", "--hard", &head]).ok();
    let branch = s.w.git_text(["symbolic-ref", "--short", "HEAD"]);
    let rebase = s.b.git(["rebase", &branch, "topic"]);
    assert_ne!(rebase.code, 0, "a rebase of the held path stops:\n{rebase}");
    assert!(rebase.stderr.contains(s.a.tag()), "and says why:\n{rebase}");
    s.w.git(["rebase", "--abort"]).ok();
    s.w.git(["checkout", "-q", &branch]).ok();
    let patch =
        s.w.git(["format-patch", "--stdout", "-1", "topic"])
            .ok()
            .stdout
            .clone();
    let am =
        s.w.command("git", ["am"])
            .env("CCC_SESSION", s.b.tag())
            .stdin(patch)
            .run();
    assert_ne!(am.code, 0, "am of the held path stops:\n{am}");
    assert!(am.stderr.contains(s.a.tag()), "and says why:\n{am}");
    assert_eq!(s.head(), head, "nothing was committed");
}

#[test]
fn a_merge_brings_what_others_committed_and_nothing_of_its_own() {
    let s = Scene::new();
    s.commit_free();
    // Held, and yet not changed by the merge: it is as the other parent has it.
    s.b.git(["merge", "-q", "--no-edit", "topic"]).ok();
    let s = Scene::new();
    s.commit_free();
    s.b.git(["merge", "-q", "--no-commit", "topic"]).ok();
    s.w.write("src/held.rs", "of neither parent\n");
    s.w.git(["add", "."]).ok();
    s.stopped(&["commit", "--no-edit"]);
    s.stopped(&["commit", "--no-edit", "-n"]);
}

#[test]
fn what_no_hook_sees_passes_unless_strict() {
    // A fast-forward and plumbing run none of the commit hooks; a hook path of one's own runs none at all.
    let s = Scene::new();
    s.b.git(["merge", "-q", "--ff-only", "topic"]).ok();
    let s = Scene::new();
    s.change_held();
    s.b.git(["-c", "core.hooksPath=/dev/null", "commit", "-qm", "x"])
        .ok();

    let s = Scene::new();
    s.settings("v = 1\n[claims]\nenforce = \"strict\"\n");
    s.change_held();
    let tree = s.w.git_text(["write-tree"]);
    let made =
        s.w.git_text(["commit-tree", "-p", "HEAD", "-m", "plumbing", &tree]);
    s.stopped(&["update-ref", "HEAD", &made]);
    s.stopped(&["branch", "new", &made]);
    s.b.git(["branch", "known", "topic"]).ok();
    s.w.git(["reset", "-q", "--hard"]).ok();
    s.commit_free();
    s.b.git(["reset", "-q", "--hard", "HEAD~1"]).ok();
    s.b.git(["merge", "-q", "--ff-only", "topic"]).ok();
    let output = s.b.git(["update-ref", "HEAD", "HEAD~1"]);
    assert_ne!(
        output.code, 0,
        "going back takes the held change away:\n{output}"
    );
    s.a.git(["update-ref", "HEAD", "HEAD~1"]).ok();
}

#[test]
fn strict_wants_a_claim_on_what_policy_names() {
    let s = Scene::new();
    s.settings(
        "v = 1\n[claims]\nenforce = \"strict\"\nrequire = [\"src/\"]\nexempt = [\"docs/\"]\n",
    );
    s.w.write("docs/a.md", "x\n");
    s.w.git(["add", "docs"]).ok();
    s.b.git(["commit", "-qm", "docs", "docs"]).ok();
    s.w.write("src/free.rs", "more\n");
    let output = s.b.git(["commit", "-qm", "free", "src/free.rs"]);
    assert!(
        output
            .code(1)
            .stderr
            .contains("hint: git ccc claim src/free.rs"),
        "the next command is named:\n{output}"
    );
    s.b.ccc(["claim", "src/free.rs"]).ok();
    s.b.git(["commit", "-qm", "free", "src/free.rs"]).ok();
}

#[test]
fn a_person_is_stopped_on_a_held_path_alone() {
    let s = Scene::new();
    let person = |args: &[&str]| s.w.command("git", args).env("CCC_OVERRIDE", "").run();
    // Two sessions in one worktree and nothing that says who: whoever it is, no claim is in the way of this path.
    s.w.write("src/free.rs", "more\n");
    person(&["commit", "-qm", "free", "src/free.rs"]).ok();
    s.change_held();
    let output = person(&["commit", "-qm", "held"]);
    assert!(output.code(1).stderr.contains(s.a.tag()), "{output}");

    let other = s.w.worktree("person");
    let there = |args: &[&str]| s.w.command("git", args).cwd(&other).run();
    std::fs::write(other.join("src/held.rs"), "person\n").expect("a change");
    let output = there(&["commit", "-qam", "held"]);
    assert!(
        output.code(1).stderr.contains("CCC_OVERRIDE"),
        "a person learns the way past:\n{output}"
    );
    std::fs::write(other.join("src/held.rs"), "held\n").expect("a change");
    std::fs::write(other.join("src/free.rs"), "person\n").expect("a change");
    there(&["commit", "-qam", "free"]).ok();
}

#[test]
fn an_override_passes_once_it_is_in_the_log() {
    let s = Scene::new();
    s.change_held();
    let before = s.log().matches("Ccc-Act: override").count();
    let output =
        s.w.command("git", ["commit", "-qm", "urgent"])
            .env("CCC_SESSION", s.b.tag())
            .env("CCC_OVERRIDE", "prod is down")
            .run();
    output.ok();
    let log = s.log();
    assert_eq!(before, 0, "nothing was overridden before");
    assert_eq!(
        log.matches("Ccc-Act: override").count(),
        1,
        "two hooks of one commit record one override:\n{log}"
    );
    assert!(
        log.contains("Ccc-Why: prod is down") && log.contains("Ccc-Path: src/held.rs"),
        "the log has reason and paths:\n{log}"
    );
}

#[test]
fn a_commit_is_recorded_and_settles_what_waited_for_it() {
    let s = Scene::new();
    s.b.ccc(["claim", "--until-commit", "src/free.rs"]).ok();
    s.b.ccc(["claim", "--until-commit", "src/one.rs", "src/two.rs"])
        .ok();
    s.commit_free();
    let (log, head) = (s.log(), s.head());
    assert!(
        log.contains(&format!("Ccc-Commit: {head}")) && log.contains("Ccc-Path: src/free.rs"),
        "the commit is in the log:\n{log}"
    );
    let claims = s.b.ccc(["claims", "--mine"]).ok().stdout.clone();
    assert!(
        !claims.contains("src/free.rs"),
        "it was given back:\n{claims}"
    );
    assert!(
        claims.contains("src/one.rs"),
        "this one still waits:\n{claims}"
    );
    s.w.write("src/one.rs", "1\n");
    s.w.git(["add", "src/one.rs"]).ok();
    s.b.git(["commit", "-qm", "one", "src/one.rs"]).ok();
    let claims = s.b.ccc(["claims", "--mine"]).ok().stdout.clone();
    assert!(claims.contains("src/two.rs"), "half is not all:\n{claims}");
    s.b.git(["commit", "-q", "--amend", "--only", "-m", "renamed"])
        .ok();
    let log = s.log();
    assert!(
        log.contains("Ccc-Act: rewrite"),
        "a rewrite is recorded:\n{log}"
    );
}

#[test]
fn a_warning_lets_pass() {
    let s = Scene::new();
    s.settings("v = 1\n[claims]\nenforce = \"warn\"\n");
    s.change_held();
    let output = s.b.git(["commit", "-qm", "held"]);
    assert!(output.ok().stderr.contains(s.a.tag()), "{output}");
}

#[test]
fn our_own_failure_stops_nobody_and_an_unreadable_claim_everybody() {
    let s = Scene::new();
    s.w.git(["update-ref", "refs/ccc/claims/0123456789ab", "HEAD"])
        .ok();
    s.w.write("src/free.rs", "more\n");
    let output = s.b.git(["commit", "-qm", "free", "src/free.rs"]);
    assert!(
        output.code(1).stderr.contains("hint: git ccc doctor"),
        "nobody can say what it covers:\n{output}"
    );
    s.w.git(["update-ref", "-d", "refs/ccc/claims/0123456789ab"])
        .ok();
    s.w.git(["update-ref", "refs/ccc/log", "HEAD"]).ok();
    let output = s.b.git(["commit", "-qm", "free", "src/free.rs"]);
    assert!(
        output.ok().stderr.contains("warning:"),
        "one line:\n{output}"
    );

    let w = World::new();
    install(&w);
    w.write("a", "a\n");
    w.git(["add", "a"]).ok();
    let output = w.git(["commit", "-qm", "not set up"]);
    assert_eq!(output.ok().stderr, "", "without a log the hooks are silent");
}

#[test]
fn our_own_lane_and_the_probe_do_nothing_else() {
    let s = Scene::new();
    s.change_held();
    let probe = s.w.tmp().join("probe");
    let output =
        s.w.command("git", ["commit", "-qm", "probed"])
            .env("CCC_SESSION", s.b.tag())
            .env("CCC_PROBE", &probe)
            .run();
    output.ok();
    let seen = std::fs::read_to_string(&probe).expect("the probe");
    assert!(
        seen.starts_with("pre-commit\nprepare-commit-msg\n") && seen.contains("post-commit\n"),
        "every hook that ran is there:\n{seen}"
    );
    s.w.write("src/held.rs", "again\n");
    let log = s.log();
    s.w.command("git", ["commit", "-qam", "ours"])
        .env("CCC_SESSION", s.b.tag())
        .env("CCC_INTERNAL_LANE", "1")
        .run()
        .ok();
    assert_eq!(s.log(), log, "our own commits record themselves");
}

#[test]
fn linked_worktrees_sha256_and_reftable_are_the_same() {
    let mut worlds = vec![
        World::options().linked_worktree(),
        World::options().sha256(),
    ];
    if git_knows_reftable() {
        worlds.push(World::options().reftable());
    }
    for options in worlds {
        let s = Scene::of(options.build());
        s.commit_free();
        s.change_held();
        s.stopped(&["commit", "-m", "x"]);
        s.stopped(&["commit", "-n", "-m", "x", "src/held.rs"]);
        s.w.write("src/sub/new.rs", "x\n");
        s.w.git(["add", "src/sub"]).ok();
        s.b.git(["commit", "-qm", "x", "src/sub"]).ok();
    }
}

#[test]
fn a_claim_made_after_the_cache_is_seen() {
    let s = Scene::new();
    for _ in 0..3 {
        s.commit_free_again();
    }
    s.a.ccc(["claim", "src/free.rs"]).ok();
    s.w.write("src/free.rs", "late\n");
    s.stopped(&["commit", "-qm", "late", "src/free.rs"]);
    s.a.ccc(["release", "src/free.rs"]).ok();
    s.b.git(["commit", "-qm", "late", "src/free.rs"]).ok();
    s.w.command(BINARY, ["hook", "pre-commit"]).run().ok();
}

impl Scene {
    /// Another commit of the free path, so long after the last claim that the cache is believed.
    fn commit_free_again(&self) {
        let claims = self.w.main_worktree().join(".git/refs/ccc/claims");
        let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
        let claims = std::fs::File::open(claims).expect("a directory of claims");
        claims.set_modified(long_ago).expect("a time");
        let text = format!("{}more\n", self.w.read("src/free.rs"));
        self.w.write("src/free.rs", text);
        self.b.git(["commit", "-qm", "free", "src/free.rs"]).ok();
    }
}
