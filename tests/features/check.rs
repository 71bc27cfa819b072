//! `git ccc check` end to end: what real sessions do is clean, what slips past them is found, and rules can be switched.

use serde_json::Value;

use crate::common::setup::ready;
use crate::common::world::World;

/// The rules of a JSON report's findings.
pub fn rules(report: &Value) -> Vec<&str> {
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
