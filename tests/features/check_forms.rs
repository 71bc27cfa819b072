//! A report of `git ccc check` in every form, of a repository whose names are meant to do harm; and where it runs.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::check::rules;
use crate::common::history::{Commit, History, Imported};
use crate::common::schema;
use crate::common::setup::ready;
use crate::common::world::{BINARY, World};

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
