//! `git ccc check` end to end: what real sessions do is clean, what slips past them is found, and every form of a report holds.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::common::history::{Commit, History, Imported};
use crate::common::schema;
use crate::common::setup::ready;
use crate::common::world::{BINARY, World};

/// The rules of a JSON report's findings.
fn rules(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().expect("a list");
    findings
        .iter()
        .filter_map(|finding| finding["rule"].as_str())
        .collect()
}

/// Commits a file past every hook, at the world's time.
fn past_the_hooks(w: &World, path: &str) {
    let script = "echo \"$0\" >>\"$0\"; git add \"$0\"; git update-ref HEAD $(git commit-tree -p HEAD -m plumbing $(git write-tree))";
    w.command("sh", ["-ec", script, path]).run().ok();
}

#[test]
fn what_sessions_do_with_the_hooks_is_clean() {
    let w = ready(World::new());
    w.write("src/a.rs", "1\n");
    w.git(["add", "."]).ok();
    w.git(["commit", "-qm", "base"]).ok();
    w.git(["branch", "base"]).ok();
    let (a, b) = (w.session("a"), w.session("b"));
    a.ccc(["claim", "src/", "--until-commit", "-m", "mine"])
        .ok();
    w.write("src/a.rs", "2\n");
    a.ccc(["commit", "-m", "Work of a", "src/a.rs"]).ok();
    w.write("docs/b.md", "b\n");
    b.git(["add", "docs"]).ok();
    b.git(["commit", "-qm", "Work of b"]).ok();
    b.git(["commit", "-q", "--amend", "-m", "Better work of b"])
        .ok();
    b.git(["checkout", "-q", "-b", "side", "base"]).ok();
    w.write("src/side.rs", "side\n");
    b.git(["add", "src"]).ok();
    b.git(["commit", "-qm", "Aside"]).ok();
    b.git(["rebase", "-q", "main"]).ok();
    a.git(["checkout", "-q", "main"]).ok();
    // Who replays a commit keeps the trailers of its maker.
    a.git(["cherry-pick", "side"]).ok();
    a.git(["revert", "--no-edit", "HEAD"]).ok();
    w.git([
        "-c",
        "core.hooksPath=/dev/null",
        "merge",
        "-q",
        "--squash",
        "side",
    ])
    .ok();
    w.git([
        "-c",
        "core.hooksPath=/dev/null",
        "commit",
        "-q",
        "--allow-empty",
        "-m",
        "By hand",
    ])
    .ok();
    // What those hold who made the range is no obstacle to it; what another holds is.
    a.ccc(["claim", "src/", "-m", "again"]).ok();
    w.ccc(["check", "--ci", "base..HEAD"]).ok();
    let c = w.session("c");
    c.ccc(["claim", "docs/", "-m", "the docs"]).ok();
    let held = w.ccc(["check", "--ci", "base..HEAD"]);
    assert!(held.code(1).stdout.contains("[live-claim]"), "{held}");
    c.ccc(["release", "--all"]).ok();
    let clean = w.ccc(["check", "--ci", "base..HEAD"]);
    assert!(
        clean.ok().stdout.starts_with("nothing found in "),
        "{clean}"
    );
    a.ccc(["session", "end"]).ok();
    w.ccc(["check", "base..HEAD"]).ok();
}

#[test]
fn claims_that_ran_out_were_broken_or_of_the_dead_are_judged() {
    for ending in ["live", "expired", "broken", "dead"] {
        let w = World::options().real_clock().build();
        let real = ending == "dead";
        let w = ready(if real { w } else { World::new() });
        w.git(["branch", "base"]).ok();
        let (mut a, b) = (w.session("a"), w.session("b"));
        a.ccc(["claim", "src/", "--for", "60s", "-m", "mine"]).ok();
        let second = || w.advance(1);
        if real {
            // Git's times are whole seconds, and the second of the claim itself proves nothing.
            let head = w.git_text(["log", "-1", "--format=%ct", "refs/ccc/log"]);
            crate::common::world::poll("the next second", || {
                let now = chrono::Utc::now().timestamp();
                (now > head.parse::<i64>().expect("a number")).then_some(())
            });
        }
        past_the_hooks(&w, "src.rs");
        std::fs::create_dir_all(w.repo().join("src")).expect("a folder");
        past_the_hooks(&w, "src/x");
        second();
        match ending {
            "expired" => {
                w.advance(100);
                b.ccc(["claim", "src/"]).ok();
            }
            "broken" => {
                let id = a.ccc(["claims", "--json"]).json()["claims"][0]["id"].clone();
                b.ccc(["break", id.as_str().expect("an id"), "--why", "urgent"])
                    .ok();
            }
            "dead" => {
                let made = w.git_text(["log", "-1", "--format=%ct"]);
                crate::common::world::poll("the next second", || {
                    let now = chrono::Utc::now().timestamp();
                    (now > made.parse::<i64>().expect("a number")).then_some(())
                });
                a.ccc(["claim", "else/", "-m", "a sign of life"]).ok();
                a.die();
                b.ccc(["claim", "src/"]).ok();
            }
            _ => {}
        }
        let output = w.ccc(["check", "--json", "--ci", "base..HEAD"]);
        let report = output.code(1).json();
        let held: Vec<_> = rules(&report)
            .into_iter()
            .filter(|rule| *rule == "held-path")
            .collect();
        assert_eq!(held, ["held-path"], "{ending}: {output}");
        let told = w.ccc(["doctor", "--json"]);
        assert!(
            told.stdout.contains("held-path-committed"),
            "{ending}: {told}"
        );
    }
}

/// A repository in which everything that can be named has a name that is meant to do harm.
fn hostile() -> Imported {
    let mut h = History::new();
    let nasty = "src/$(touch PWNED)\n::error file=x::\u{1b}[2J<&\"'>,:%0A]]>\u{202e}.txt";
    h.commit(Commit {
        branch: "main",
        message: "Base",
        changes: &[("file", Some("x\n"))],
        ..Commit::default()
    });
    let id = "0123456789ab";
    h.claimed(id, "a-0001", "src", 3600);
    h.wait(5);
    let block = "<<<<<<< \u{1b}]0;x\u{7} $(touch PWNED) --><script>\n=======\n>>>>>>> b\n";
    h.commit(Commit {
        branch: "bad",
        message: "::set-output name=x::y\u{1b}[2J\n\nCcc-Session: `touch PWNED`\u{1b}[2J<&>\n",
        changes: &[
            (nasty, Some(block)),
            ("-rf", Some("x\n")),
            ("..\\x", Some(block)),
        ],
        from: Some(1),
        ..Commit::default()
    });
    h.entry("x", &["Ccc-Scope: !\u{1b}[2J\"<&"]);
    let path = "Ccc-Path: src";
    let sender = "Ccc-Person: \"<b>\\u001b[2J\\n::error::x\"";
    let ask = [
        "Ccc-Message: 000000000aaaaa1",
        sender,
        "Ccc-State: question",
        "Ccc-Room: main",
        path,
    ];
    h.said("</failure>]]>\u{1b}[2J\n::error::x", &ask);
    h.wait(5);
    let i = h.import();
    let world = &i.world;
    let taken = crate::common::history::EPOCH;
    i.claim_ref(
        id,
        ("a-0001", "src"),
        (taken, taken + 3600),
        (1, &i.entries[1]),
    );
    world.git(["symbolic-ref", "HEAD", "refs/heads/none"]).ok();
    i.record(
        "refs/ccc/claims/000000000000",
        "x\n\nv = 1\nsession = \"\u{1b}[2J<&>\"\n",
    );
    i
}

#[test]
fn hostile_names_run_nothing_and_every_form_stays_valid() {
    let i = hostile();
    let w = &i.world;
    let report = |form: &str| w.ccc(["check", "--ci", "--format", form, "main..bad"]);
    let json = report("json");
    let document = json.code(1).json();
    let found: std::collections::BTreeSet<&str> = rules(&document).into_iter().collect();
    let expected = [
        "conflict-marker",
        "held-path",
        "live-claim",
        "open-thread",
        "session-trailer",
        "unreadable-entry",
        "unreadable-record",
    ];
    assert_eq!(found.into_iter().collect::<Vec<_>>(), expected, "{json}");
    let count = document["findings"]
        .as_array()
        .map(Vec::len)
        .expect("a list");

    let sarif = report("sarif");
    let document = sarif.code(1).json();
    let text = include_str!("../data/check/sarif-2.1.0.schema.json");
    let published: Value = serde_json::from_str(text).expect("the schema is JSON");
    assert_eq!(schema::faults(&published, &document), Vec::<String>::new());
    let results = document["runs"][0]["results"].as_array().expect("results");
    assert_eq!(results.len(), count);
    for result in results {
        let place = &result["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().expect("a place");
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/%".contains(&b);
        assert!(
            uri.bytes().all(plain) && place["region"]["startLine"].as_u64() >= Some(1),
            "{result}"
        );
    }

    let junit = report("junit");
    let xml = roxmltree::Document::parse(&junit.code(1).stdout).expect("JUnit is XML");
    let suite = xml.root_element().first_element_child().expect("a suite");
    let cases: Vec<_> = suite
        .children()
        .filter(|node| node.has_tag_name("testcase"))
        .collect();
    assert_eq!(
        suite.attribute("tests"),
        Some(cases.len().to_string().as_str())
    );
    let failed = cases
        .iter()
        .filter(|case| case.children().any(|node| node.has_tag_name("failure")));
    assert_eq!(
        suite.attribute("failures"),
        Some(failed.count().to_string().as_str())
    );

    let github = report("github");
    let lines = github.code(1).lines();
    assert_eq!(
        lines.len(),
        count + 1,
        "an annotation is one line:\n{github}"
    );
    for line in &lines[..count] {
        let known = ["::error file=", "::warning file=", "::error title="];
        assert!(known.iter().any(|start| line.starts_with(start)), "{line}");
    }
    for (form, output) in [
        ("text", report("text")),
        ("github", github),
        ("junit", junit),
    ] {
        let control = |c: char| c.is_control() && c != '\n';
        assert!(!output.stdout.contains(control), "{form}: {output}");
        assert!(
            !output
                .stdout
                .lines()
                .any(|line| line.starts_with("::error::")),
            "{form}"
        );
    }
    for dir in [w.repo(), w.tmp(), w.home(), w.outside()] {
        assert!(!dir.join("PWNED").exists(), "nothing runs");
    }
}

/// Clones a repository with all that a check needs.
fn cloned(w: &World, name: &str) -> PathBuf {
    let dir = w.outside().join(name);
    let script = "git clone -q \"$0\" \"$1\" && cd \"$1\" && git fetch -q origin '+refs/heads/*:refs/heads/*' \
        '+refs/ccc/*:refs/ccc/*' '+refs/notes/ccc/*:refs/notes/ccc/*'";
    let from = w.repo();
    w.command(
        "sh",
        [
            "-ec".as_ref(),
            script.as_ref(),
            from.as_os_str(),
            dir.as_os_str(),
        ],
    )
    .run()
    .ok();
    dir
}

#[test]
fn two_clones_answer_with_the_same_bytes() {
    let i = hostile();
    let w = &i.world;
    let (one, two) = (cloned(w, "one"), cloned(w, "two"));
    w.command("git", ["repack", "-adq"]).cwd(&two).run().ok();
    w.command("git", ["pack-refs", "--all"])
        .cwd(&two)
        .run()
        .ok();
    std::fs::write(two.join(".ccc.toml"), "not a setting").expect("a file");
    for form in ["text", "json", "sarif", "github", "junit"] {
        let args = ["check", "--ci", "--format", form, "main..bad"];
        let first = w.command(BINARY, args).cwd(&one).run();
        w.advance(1_000_000);
        let second = w
            .command(BINARY, args)
            .cwd(&two)
            .env("CCC_CHECK_HELD_PATH", "off")
            .run();
        assert_eq!(first.code(1).stdout, second.code(1).stdout, "{form}");
        assert_eq!(second.stderr, "", "{form}");
    }
}

#[test]
fn the_exit_code_says_clean_found_wrong_or_not_here() {
    let i = hostile();
    let w = &i.world;
    w.ccc(["check", "--ci", "main..main"]).code(1);
    w.ccc(["check", "--ci", "main..nowhere"]).code(2);
    w.ccc(["check", "--ci", "--", "--output=x"]).code(2);
    w.ccc(["check", "--format", "pdf"]).code(2);
    w.ccc(["check", "--json", "--format", "sarif"]).code(2);
    w.ccc(["check", "--explain", "no-rule"]).code(2);
    w.write(".ccc.toml", "[check]\nexempt = [\"no-rule: src/\"]\n");
    w.ccc(["check", "main..bad"]).code(2);
    w.write(".ccc.toml", "");
    let bare = w.outside().join("bare");
    let from = w.repo();
    w.command(
        "git",
        [
            "clone".as_ref(),
            "-q".as_ref(),
            from.as_os_str(),
            bare.as_os_str(),
        ],
    )
    .run()
    .ok();
    let missing = w
        .command(BINARY, ["check", "origin/main..origin/bad"])
        .cwd(&bare)
        .run();
    let hint = missing
        .code(5)
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("hint: "));
    let hint = hint.expect("a hint").to_owned();
    w.command("sh", ["-ec", &hint]).cwd(&bare).run().ok();
    w.command(BINARY, ["check", "origin/main..origin/bad"])
        .cwd(&bare)
        .run()
        .code(1);
    let clean = ready(World::new());
    clean.ccc(["check"]).ok();
    clean.ccc(["check", "--ci", "HEAD"]).ok();
    clean
        .command(BINARY, ["check"])
        .cwd(clean.outside())
        .run()
        .code(5);
}

/// The scripts of a workflow's steps, in order.
fn steps(workflow: &str) -> Vec<String> {
    let mut steps: Vec<String> = Vec::new();
    let mut inside = None;
    for line in workflow.lines() {
        let indent = line.len() - line.trim_start().len();
        if line.trim() == "run: |" {
            inside = Some(indent);
            steps.push(String::new());
        } else if inside.is_some_and(|outer| indent > outer || line.trim().is_empty()) {
            let step = steps.last_mut().expect("a step has begun");
            step.push_str(line.trim_start());
            step.push('\n');
        } else {
            inside = None;
        }
    }
    steps
}

#[test]
fn the_ready_jobs_run_in_a_clone_that_has_only_the_change() {
    let i = hostile();
    let w = &i.world;
    w.git(["update-ref", "refs/pull/1/head", "bad"]).ok();
    w.git(["update-ref", "refs/pull/2/head", "main"]).ok();
    w.git(["update-ref", "-d", "refs/heads/bad"]).ok();
    let fresh = |name: &str, pull: u32| {
        let dir = w.outside().join(name);
        let script = "git init -q \"$1\" && cd \"$1\" && git remote add origin \"file://$0\" && \
            git fetch -q --depth 1 origin \"refs/pull/$2/head\" && git checkout -q --detach FETCH_HEAD 2>/dev/null || \
            git read-tree FETCH_HEAD; git update-ref --no-deref HEAD FETCH_HEAD";
        let (from, pull) = (w.repo(), pull.to_string());
        let args = [
            "-ec".as_ref(),
            script.as_ref(),
            from.as_os_str(),
            dir.as_os_str(),
            pull.as_ref(),
        ];
        w.command("sh", args).run().ok();
        dir
    };
    let run = |script: &str, dir: &Path| {
        w.command("sh", ["-ec", script])
            .cwd(dir)
            .env("CCC_TARGET", "main")
            .run()
    };
    let github = w.ccc(["check", "--job", "github"]).ok().stdout.clone();
    let scripts = steps(&github);
    assert_eq!(scripts.len(), 3, "install, fetch, check:\n{github}");
    let dir = fresh("workflow", 1);
    assert_eq!(
        w.command("git", ["rev-parse", "--is-shallow-repository"])
            .cwd(&dir)
            .run()
            .ok()
            .stdout,
        "true\n"
    );
    for script in &scripts[..2] {
        run(script, &dir).ok();
    }
    let checked = run(&scripts[2], &dir);
    assert!(
        checked.code(1).stdout.contains("::error file=src/"),
        "{checked}"
    );

    let shell = w.ccc(["check", "--job", "shell"]).ok().stdout.clone();
    let checked = run(&shell, &fresh("shell", 1));
    assert!(checked.code(1).stdout.contains("[held-path]"), "{checked}");
    // A change without a fault: what is found is in the records alone.
    let checked = run(&shell, &fresh("nothing", 2));
    assert!(!checked.code(1).stdout.contains("[held-path]"), "{checked}");
}

#[test]
fn a_baseline_adopts_what_was_there_and_nothing_else() {
    let w = ready(World::new());
    w.git(["branch", "base"]).ok();
    let block = "<<<<<<< a\n=======\n>>>>>>> b\n";
    w.write("old.txt", block);
    w.git(["add", "."]).ok();
    w.git(["commit", "-qm", "old"]).ok();
    w.ccc(["check", "base..HEAD"]).code(1);
    w.ccc(["check", "--write-baseline", "base..HEAD"]).ok();
    let accepted = w.ccc(["check", "base..HEAD"]);
    assert!(
        accepted.ok().stdout.contains("1 accepted by the baseline"),
        "{accepted}"
    );
    // For a machine the baseline is the target's: no range accepts its own faults.
    w.git(["add", "."]).ok();
    w.git(["commit", "-qm", "baseline"]).ok();
    w.ccc(["check", "--ci", "base..HEAD"]).code(1);
    w.git(["branch", "-f", "base", "HEAD"]).ok();
    w.write("new.txt", block);
    w.git(["add", "."]).ok();
    w.git(["commit", "-qm", "new"]).ok();
    let report = w.ccc(["check", "--ci", "--json", "base..HEAD"]);
    let document = report.code(1).json();
    assert_eq!(
        document["findings"].as_array().map(Vec::len),
        Some(1),
        "{report}"
    );
    assert_eq!(
        (
            &document["findings"][0]["file"],
            &document["findings"][0]["line"]
        ),
        (&"new.txt".into(), &1.into())
    );
    w.write(".ccc-baseline.toml", "v = 2\n");
    w.ccc(["check", "base..HEAD"]).code(2);
}

#[test]
fn rules_can_be_switched_and_scoped_and_explain_themselves() {
    use git_ccc::{
        features::check::logic::rules::ALL,
        settings::{KEYS, KeyDefault},
    };
    let w = ready(World::new());
    for rule in ALL {
        let key = KEYS.iter().find(|key| key.name == rule.key());
        let key = key.unwrap_or_else(|| panic!("{} has no setting", rule.id));
        assert_eq!(
            key.default,
            KeyDefault::Text(rule.level.word()),
            "{}",
            rule.id
        );
        let text = w.ccc(["check", "--explain", rule.id]);
        assert!(
            text.ok().stdout.contains(rule.why) && text.stdout.contains(&rule.key()),
            "{text}"
        );
    }
    assert_eq!(w.ccc(["check", "--explain"]).ok().lines().len(), ALL.len());
    let listed = w.ccc(["check", "--explain", "--json"]);
    assert_eq!(listed.ok().json()["schema"], "ccc.check.rules/1");
    w.git(["branch", "base"]).ok();
    w.write("data/x", "<<<<<<< a\n=======\n>>>>>>> b\n");
    w.git(["add", "data"]).ok();
    w.git(["commit", "-qm", "x"]).ok();
    let check = |settings: &str| {
        w.write(".ccc.toml", settings);
        w.ccc(["check", "base..HEAD"])
    };
    check("").code(1);
    check("[check]\nconflict_marker = \"off\"\n").ok();
    let note = check("[check]\nconflict_marker = \"note\"\n");
    assert!(note.ok().stdout.contains("data/x:1: note: "), "{note}");
    check("[check]\nexempt = [\"conflict-marker: data/\"]\n").ok();
    check("[check]\nexempt = [\"held-path: data/\"]\n").code(1);
    check("[check]\nexempt = [\"data/\"]\n").ok();
}
