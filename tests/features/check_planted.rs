//! A repository with at least five violations of every rule: all are found, and nothing else is.

use std::collections::BTreeSet;

use crate::common::history::{Commit, History, Imported};

const HOLDER: &str = "holder-0001";
const OTHER: &str = "other-0002";
const IDLE: &str = "idle-0003";

const POLICY: &str = "v = 1\n[claims]\nrequire = [\"infra/\"]\n[check]\nlogged = [\"core/\"]\nmax_behind = 3\n\
    exempt = [\"conflict-marker: ok/\"]\n";
const BLOCK: &str = "a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> topic\n";

/// What must be found: rule, and what names the finding.
type Expected = BTreeSet<(&'static str, String)>;

struct Plant {
    h: History,
    expected: Vec<(&'static str, usize)>,
}

impl Plant {
    /// A commit on `bad` of one file, by nobody the log knows.
    fn unlogged(&mut self, path: &str, message: &str) -> usize {
        self.h.wait(10);
        let text = format!("{path} at {}\n", self.h.now);
        let changes = [(path, Some(text.as_str()))];
        self.h.commit(Commit {
            branch: "bad",
            message,
            changes: &changes,
            ..Commit::default()
        })
    }

    fn logged(&mut self, path: &str, by: &str, trailer: Option<&str>) -> usize {
        let subject = format!("Change {path} as {by}");
        let trailer = trailer.map_or_else(String::new, |tag| format!("\n\nCcc-Session: {tag}\n"));
        let commit = self.unlogged(path, &format!("{subject}{trailer}"));
        self.h.logged(commit, by, &subject, &[]);
        commit
    }

    fn plant(&mut self, rule: &'static str, commit: usize) {
        self.expected.push((rule, commit));
    }

    fn held_paths(&mut self) {
        let ids: Vec<String> = (1..=6).map(|n| format!("00000000000{n}")).collect();
        for (n, id) in ids.iter().enumerate() {
            let seconds = if n == 2 { 300 } else { 3600 };
            self.h.claimed(id, HOLDER, &format!("held/{n}"), seconds);
        }
        for n in 0..5 {
            let commit = self.unlogged(&format!("held/{n}"), "Past the hooks");
            self.plant("held-path", commit);
        }
        // The hooks let this pass, and its holder was there.
        let commit = self.logged("held/5", OTHER, Some(OTHER));
        self.plant("held-path", commit);
        self.logged("free/1", HOLDER, Some(HOLDER));
        self.h.wait(400);
        for (id, why) in
            ids[1..]
                .iter()
                .zip(["released", "expired", "broken", "holder-gone", "released"])
        {
            self.h.gone(id, OTHER, why);
        }
    }

    fn claims_and_trailers(&mut self) {
        for n in 0..5 {
            let commit = self.logged(&format!("infra/{n}"), OTHER, Some(OTHER));
            self.plant("unclaimed-path", commit);
        }
        for tag in ["nobody", "stranger-ffff"] {
            let commit = self.unlogged("free/2", &format!("Say so\n\nCcc-Session: {tag}\n"));
            self.plant("session-trailer", commit);
        }
        let commit = self.logged("free/3", OTHER, Some(HOLDER));
        self.plant("session-trailer", commit);
        for _ in 0..2 {
            let commit = self.logged("free/4", OTHER, None);
            self.plant("session-trailer", commit);
        }
        for n in 0..3 {
            let message = format!("Unknown work {n}\n\nCcc-Session: {OTHER}\n");
            let commit = self.unlogged("free/5", &message);
            self.plant("hook-bypass", commit);
        }
        for n in 0..2 {
            let commit = self.unlogged(&format!("core/{n}"), "Core work");
            self.plant("hook-bypass", commit);
        }
    }

    fn files_and_talk(&mut self) {
        for n in 0..5 {
            self.h.wait(10);
            let path = format!("mark/{n}");
            let changes = [(path.as_str(), Some(BLOCK)), ("ok/data", Some(BLOCK))];
            let commit = self.h.commit(Commit {
                branch: "bad",
                message: "Merge badly",
                changes: &changes,
                ..Commit::default()
            });
            self.plant("conflict-marker", commit);
        }
        for n in 0..5 {
            let commit = self.unlogged(&format!("talk/{n}"), "Go ahead");
            self.plant("open-thread", commit);
            let (asked, thread) = (
                format!("000000000aaaaa{n}"),
                format!("Ccc-Thread: 000000000aaaaa{n}"),
            );
            let path = format!("Ccc-Path: talk/{n}");
            let state = if n < 3 { "question" } else { "proposal" };
            let first = [
                format!("Ccc-Message: {asked}"),
                format!("Ccc-Session: {OTHER}"),
                format!("Ccc-State: {state}"),
                "Ccc-Room: main".to_owned(),
                path,
            ];
            self.h
                .said("Is this right?", &first.each_ref().map(String::as_str));
            if n >= 3 {
                let counter = format!("Ccc-Message: 000000000bbbbb{n}");
                let by = format!("Ccc-Session: {HOLDER}");
                self.h.said(
                    "No",
                    &[
                        &counter,
                        &by,
                        "Ccc-State: counter",
                        "Ccc-Room: main",
                        &thread,
                    ],
                );
            }
        }
        self.h
            .said("Broken", &["Ccc-Message: not an id", "Ccc-State: question"]);
        for n in 0..5 {
            let commit = self.unlogged(&format!("live/{n}"), "Before the claim");
            self.plant("live-claim", commit);
        }
    }

    /// Entries that cannot be understood, and a chain that does not count; the numbers go on after them.
    fn broken_log(&mut self) -> Vec<(&'static str, usize)> {
        let mut broken = Vec::new();
        for bad in [
            "Ccc-Session: nobody",
            "Ccc-Claim: xyz",
            "Ccc-Scope: !src",
            "Ccc-Gone: all of them",
        ] {
            let session = format!("Ccc-Session: {OTHER}");
            let trailers = ["Ccc-Act: take", bad, &session];
            broken.push(("unreadable-entry", self.h.entry("strange", &trailers)));
        }
        let number = self
            .h
            .raw_entry("no number\n\nCcc-Act: note\nCcc-Fence: soon\n", &[]);
        broken.push(("unreadable-entry", number));
        self.h.entry("note", &["Ccc-Act: note"]);
        for _ in 0..2 {
            let jump = self
                .h
                .raw_entry("jump\n\nCcc-Act: note\nCcc-Fence: 7\n", &[]);
            broken.push(("rewritten-log", jump));
        }
        let fence = self.h.entry("after the jump", &["Ccc-Act: note"]);
        broken.push(("rewritten-log", fence));
        let merged = format!("merged\n\nCcc-Act: note\nCcc-Fence: {}\n", fence + 1);
        broken.push(("rewritten-log", self.h.raw_entry(&merged, &[1])));
        broken
    }
}

fn refs(i: &Imported, taken: (i64, usize)) -> Expected {
    let mut expected = Expected::new();
    let (now, entry) = taken;
    for n in 0..5 {
        let (id, scope) = (format!("11111111111{n}"), format!("live/{n}"));
        i.claim_ref(
            &id,
            (IDLE, &scope),
            (now, now + 3600),
            (entry, &i.entries[entry]),
        );
    }
    let none = "0".repeat(40);
    i.claim_ref(
        "222222222220",
        (IDLE, "else/0"),
        (now, now + 60),
        (entry, &none),
    );
    i.claim_ref(
        "222222222221",
        (IDLE, "else/1"),
        (now, now + 60),
        (entry + 70, &i.entries[entry]),
    );
    for n in 0..2 {
        expected.insert(("rewritten-log", format!("refs/ccc/claims/22222222222{n}")));
    }
    expected.insert(("rewritten-log", ".ccc-baseline.toml".to_owned()));
    i.record("refs/ccc/claims/333333333330", "x\n\nv = 1\nsession = 3\n");
    i.record("refs/ccc/claims/333333333331", "x\n\nv = 9\n");
    i.record("refs/ccc/claims/no-id", "x\n\nv = 1\n");
    i.point("refs/ccc/claims/333333333332", i.oid(1));
    i.record("refs/ccc/sessions/torn-0009", "torn\n\nv = 1\nname = ");
    for name in [
        "refs/ccc/claims/333333333330",
        "refs/ccc/claims/333333333331",
        "refs/ccc/claims/333333333332",
        "refs/ccc/claims/no-id",
        "refs/ccc/sessions/torn-0009",
        "refs/notes/ccc/chat",
    ] {
        expected.insert(("unreadable-record", name.to_owned()));
    }
    let topic = "refs/ccc/memory/topic:note0.md".to_owned();
    expected.insert(("memory-conflict", topic));
    for n in 0..5 {
        expected.insert((
            "memory-conflict",
            format!("refs/ccc/memory/main:note{n}.md"),
        ));
    }
    expected
}

/// A namespace that says something else than main, both on top of an older version of main.
fn topic_memory(i: &Imported) -> String {
    let script = "blob() { printf '%s\\n' \"$1\" | git hash-object -w --stdin; }; \
        tree() { printf '100644 blob %s\\tnote0.md\\n' \"$1\" | git mktree; }; \
        base=$(git commit-tree -m base $(tree $(blob before))); \
        git commit-tree -p $base -m \"theirs\n\nCcc-Base: $base\" $(tree $(blob theirs))";
    let made = i.world.command("sh", ["-ec", script]).run();
    made.ok().stdout.trim().to_owned()
}

#[test]
fn every_planted_violation_is_found_and_nothing_else() {
    let mut p = Plant {
        h: History::new(),
        expected: Vec::new(),
    };
    let anchor = format!("v = 1\nlog = \"{}\"\n", "1".repeat(40));
    let first = p.h.commit(Commit {
        branch: "main",
        message: "Policy",
        changes: &[
            (".ccc.toml", Some(POLICY)),
            (".ccc-baseline.toml", Some(&anchor)),
        ],
        ..Commit::default()
    });
    p.h.commit(Commit {
        branch: "bad",
        message: "Begin",
        from: Some(first),
        ..Commit::default()
    });
    p.held_paths();
    p.claims_and_trailers();
    p.files_and_talk();
    p.h.wait(10);
    let take =
        p.h.entry("take", &["Ccc-Act: take", &format!("Ccc-Session: {IDLE}")]);
    let now = p.h.now;
    let broken = p.broken_log();
    let notes: Vec<String> = (0..5).map(|n| format!("note{n}.md")).collect();
    let notes: Vec<_> = notes
        .iter()
        .map(|path| (path.as_str(), Some(BLOCK)))
        .collect();
    p.h.commit(Commit {
        branch: "memory",
        message: "Merge memory",
        changes: &notes,
        ..Commit::default()
    });
    let expected = std::mem::take(&mut p.expected);
    let i = p.h.import();
    i.point("refs/ccc/memory/main", "memory");
    i.point("refs/ccc/memory/topic", &topic_memory(&i));
    let mut all = refs(&i, (now, take));
    all.extend(
        expected
            .iter()
            .map(|(rule, commit)| (*rule, i.oid(*commit).to_owned())),
    );
    all.extend(
        broken
            .iter()
            .map(|(rule, entry)| (*rule, i.entries[*entry].clone())),
    );

    let output = i.world.ccc(["check", "--ci", "--json", "main..bad"]);
    let report = output.code(1).json();
    let mut found = Expected::new();
    for finding in report["findings"].as_array().expect("a list") {
        let rule = finding["rule"].as_str().expect("a rule");
        let rules = all.iter().map(|(rule, _)| *rule);
        let known = rules.into_iter().find(|known| *known == rule);
        let name = finding["commit"].as_str().or(finding["file"].as_str());
        let name = name.expect("every finding has a place");
        found.insert((known.unwrap_or("an unexpected rule"), name.to_owned()));
        assert!(
            finding["line"].as_u64() >= Some(1)
                && !finding["next"].as_str().unwrap_or_default().is_empty()
        );
    }
    let missed: Vec<_> = all.difference(&found).collect();
    let false_alarms: Vec<_> = found.difference(&all).collect();
    assert!(
        missed.is_empty() && false_alarms.is_empty(),
        "missed {missed:#?}\nfalse {false_alarms:#?}\n{output}"
    );
    for rule in report["rules"].as_array().expect("a list") {
        if rule["id"] != "stale-base" {
            assert!(rule["findings"].as_u64() >= Some(5), "{rule}");
        }
    }
}

#[test]
fn a_stale_base_is_found_by_commits_and_by_age() {
    let mut h = History::new();
    let policy = "v = 1\n[check]\nmax_behind = 3\nmax_age = \"2h\"\n";
    let mut mains = Vec::new();
    for n in 0..8 {
        let text = format!("{n}\n");
        h.wait(1800);
        mains.push(h.commit(Commit {
            branch: "main",
            message: "On",
            changes: &[("file", Some(&text)), (".ccc.toml", Some(policy))],
            ..Commit::default()
        }));
    }
    for (n, from) in mains.iter().enumerate() {
        let (branch, path) = (format!("t{n}"), format!("topic{n}"));
        h.commit(Commit {
            branch: &branch,
            message: "Topic",
            changes: &[(&path, Some("x\n"))],
            from: Some(*from),
            ..Commit::default()
        });
    }
    let w = h.import().world;
    for n in 0..8 {
        let output = w.ccc(["check", "--ci", "--json", &format!("main..t{n}")]);
        let stale = n < 4;
        let report = output.code(i32::from(stale)).json();
        let rules: Vec<_> = report["findings"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| &one["rule"])
            .collect();
        assert_eq!(rules.len(), usize::from(stale), "{n} {output}");
        assert!(rules.iter().all(|rule| *rule == "stale-base"), "{output}");
    }
}
