//! Random histories in which everybody keeps the rules: merges, renames, reverts, squashes, rebases, claims that end in every way. No
//! rule may find anything.

use std::collections::BTreeMap;

use crate::common::history::{Commit, History, Imported, rfc3339};

/// Repositories, and histories in each: 200 in all.
const REPOSITORIES: u64 = 20;
const HISTORIES: u64 = 10;
const STEPS: usize = 14;

const POLICY: &str =
    "v = 1\n[claims]\nrequire = [\"*/infra/\"]\n[check]\nlogged = [\"*/core/\"]\nmax_behind = 5\n";

/// A small generator of its own, so that a seed says all.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[usize::try_from(self.roll(all.len() as u64)).expect("small")]
    }
}

/// A path with its new content, or none.
type Change = (String, Option<String>);

struct Claim {
    id: String,
    by: String,
    dir: String,
    scope: String,
    taken: i64,
    until: i64,
    entry: usize,
}

/// One history, on branch `h<n>` and below a folder of that name.
struct Story<'a> {
    h: &'a mut History,
    dice: Dice,
    name: String,
    side: usize,
    files: BTreeMap<String, String>,
    claims: Vec<Claim>,
    open: Vec<Claim>,
    ids: &'a mut u64,
}

const SESSIONS: &[&str] = &["ada-0001", "bob-0002", "cyn-0003"];
const DIRS: &[&str] = &["src", "docs", "core", "infra", "web"];

impl Story<'_> {
    fn step(&mut self) {
        let later = i64::try_from(self.dice.roll(40)).expect("small");
        self.h.wait(5 + later);
        match self.dice.roll(14) {
            0 | 1 => self.claim(),
            2..=4 => self.work(),
            5 => self.rename(),
            6 => self.revert(),
            7 => self.merge(),
            8 => self.squash(false),
            9 => self.squash(true),
            10 => self.person(),
            11 => self.end(),
            12 => self.past_the_dead(),
            _ => self.overridden(),
        }
    }

    fn holder(&self, dir: &str) -> Option<&Claim> {
        self.claims.iter().find(|claim| claim.dir == dir)
    }

    /// A claim of a free directory.
    fn claim(&mut self) {
        let (dir, by) = (*self.dice.pick(DIRS), *self.dice.pick(SESSIONS));
        if self.holder(dir).is_some() {
            return;
        }
        *self.ids += 1;
        let (id, scope) = (format!("{:012x}", self.ids), format!("{}/{dir}", self.name));
        let seconds = 100_000;
        let entry = self.h.claimed(&id, by, &scope, seconds);
        let (taken, until) = (self.h.now, self.h.now + seconds);
        let (by, dir) = (by.to_owned(), dir.to_owned());
        self.claims.push(Claim {
            id,
            by,
            dir,
            scope,
            taken,
            until,
            entry,
        });
        self.h.wait(2);
    }

    fn end(&mut self) {
        if self.claims.is_empty() {
            return;
        }
        let at = usize::try_from(self.dice.roll(self.claims.len() as u64)).expect("small");
        let claim = self.claims.swap_remove(at);
        match self.dice.roll(4) {
            0 => self.h.gone(&claim.id, &claim.by, "released"),
            1 => self.h.gone(&claim.id, "ada-0001", "broken"),
            2 => {
                self.h.now = claim.until + 1;
                self.claims.retain(|other| other.until > claim.until);
                self.h.gone(&claim.id, "bob-0002", "expired");
            }
            _ => self.let_run_out(claim),
        }
        self.h.wait(2);
    }

    /// It runs out and nobody clears it away.
    fn let_run_out(&mut self, claim: Claim) {
        let until = self.h.now + 1;
        let renewed = format!("Ccc-Renewed: {} until {}", claim.id, rfc3339(until));
        let by = format!("Ccc-Session: {}", claim.by);
        self.h.entry("renew", &["Ccc-Act: renew", &by, &renewed]);
        self.open.push(Claim { until, ..claim });
    }

    /// Who may change a directory now, and is on the log with it.
    fn worker(&mut self, dir: &str) -> Option<String> {
        match self.holder(dir) {
            Some(claim) => Some(claim.by.clone()),
            None if dir == "infra" => None,
            None => Some((*self.dice.pick(SESSIONS)).to_owned()),
        }
    }

    fn path(&mut self, dir: &str) -> String {
        format!("{}/{dir}/f{}.txt", self.name, self.dice.roll(3))
    }

    fn text(&mut self) -> String {
        format!(
            "line {}\nTitle\n=======\n{}\n",
            self.dice.roll(99),
            self.h.now
        )
    }

    fn commit(&mut self, subject: &str, by: Option<&str>, changes: &[Change]) -> usize {
        let message = by.map_or_else(
            || subject.to_owned(),
            |by| format!("{subject}\n\nCcc-Session: {by}\n"),
        );
        self.put(&message, changes, None)
    }

    /// Commits on the branch; a merge has the changes of its side.
    fn put(&mut self, message: &str, changes: &[Change], merge: Option<usize>) -> usize {
        for (path, text) in changes {
            match text {
                Some(text) => self.files.insert(path.clone(), text.clone()),
                None => self.files.remove(path),
            };
        }
        let changes: Vec<_> = changes
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_deref()))
            .collect();
        self.h.commit(Commit {
            branch: &self.name,
            message,
            changes: &changes,
            merge,
            ..Commit::default()
        })
    }

    fn logged(&mut self, subject: &str, by: &str, changes: &[Change]) -> usize {
        let commit = self.commit(subject, Some(by), changes);
        self.h.logged(commit, by, subject, &[]);
        commit
    }

    fn work(&mut self) {
        let dir = *self.dice.pick(DIRS);
        if let Some(by) = self.worker(dir) {
            let change = (self.path(dir), Some(self.text()));
            self.logged(&format!("Work {} on {dir}", self.h.now), &by, &[change]);
        }
    }

    fn rename(&mut self) {
        let dir = *self.dice.pick(DIRS);
        let from = self.path(dir);
        if let (Some(by), Some(text)) = (self.worker(dir), self.files.get(&from).cloned()) {
            let to = format!("{}/{dir}/moved {} \u{e9}.txt", self.name, self.h.now);
            self.logged("Move a file", &by, &[(from, None), (to, Some(text))]);
        }
    }

    fn revert(&mut self) {
        let dir = *self.dice.pick(DIRS);
        let path = self.path(dir);
        if let (Some(by), Some(_)) = (self.worker(dir), self.files.get(&path)) {
            self.logged(
                "Revert \"Work\"\n\nThis reverts commit 0123456.",
                &by,
                &[(path, Some("before\n".to_owned()))],
            );
        }
    }

    /// A person changes what nobody holds, past no rule.
    fn person(&mut self) {
        let dir = *self.dice.pick(&["src", "docs", "web"]);
        if self.holder(dir).is_none() {
            let change = (self.path(dir), Some(self.text()));
            self.commit("By hand: Ccc-Session: is no trailer here", None, &[change]);
        }
    }

    /// Commits of a session on a branch of its own, all in the log.
    fn aside(&mut self, by: &str, dir: &str) -> (usize, Vec<String>, Vec<Change>) {
        self.side += 1;
        let branch = format!("{}-side{}", self.name, self.side);
        let (mut last, mut subjects, mut changes) = (0, Vec::new(), Vec::new());
        for n in 0..=self.dice.roll(2) {
            self.h.wait(3);
            let subject = format!("Aside {n} at {}", self.h.now);
            let path = format!("{}/{dir}/side{}-{n}.txt", self.name, self.side);
            let text = self.text();
            let message = format!("{subject}\n\nCcc-Session: {by}\n");
            last = self.h.commit(Commit {
                branch: &branch,
                message: &message,
                changes: &[(&path, Some(&text))],
                from: (n == 0).then_some(1),
                ..Commit::default()
            });
            self.h.logged(last, by, &subject, &[]);
            subjects.push(subject);
            changes.push((path, Some(text)));
        }
        self.h.wait(3);
        (last, subjects, changes)
    }

    /// A merge on the web: nobody's commit, with what the side has.
    fn merge(&mut self) {
        let dir = *self.dice.pick(&["src", "docs", "core", "web"]);
        let Some(by) = self.worker(dir) else { return };
        let (side, _, changes) = self.aside(&by, dir);
        self.put("Merge pull request #1 from side", &changes, Some(side));
    }

    /// A squash or a rebase on the web: commits that no hook sees, with the trailers of those that they replay.
    fn squash(&mut self, rebase: bool) {
        let dir = *self.dice.pick(&["src", "docs", "core", "web"]);
        let Some(by) = self.worker(dir) else { return };
        let (_, subjects, changes) = self.aside(&by, dir);
        if self.dice.roll(2) == 0 {
            self.claims
                .iter()
                .filter(|claim| claim.dir == dir)
                .for_each(|claim| {
                    self.h.gone(&claim.id, &claim.by, "released");
                });
            self.claims.retain(|claim| claim.dir != dir);
            self.h.wait(5);
        }
        if rebase {
            for (subject, change) in subjects.iter().zip(changes) {
                self.h.wait(1);
                self.commit(subject, Some(&by), &[change]);
            }
            return;
        }
        let body: Vec<String> = subjects
            .iter()
            .map(|subject| format!("* {subject}"))
            .collect();
        let signed = self.dice.roll(2) == 0;
        let by = signed.then_some(by.as_str());
        self.commit(
            &format!("Squashed (#2)\n\n{}", body.join("\n\n")),
            by,
            &changes,
        );
    }

    /// A holder is dead; another's commit passes the hooks, and the claim is cleared away then, later or never.
    fn past_the_dead(&mut self) {
        let dead = format!("dead-{:04x}", *self.ids & 0xffff);
        let dir = "web";
        if self.holder(dir).is_some() {
            return;
        }
        *self.ids += 1;
        let (id, scope) = (format!("{:012x}", self.ids), format!("{}/{dir}", self.name));
        // Short, for what no hook sees is held against a claim until its stated time.
        let entry = self.h.claimed(&id, &dead, &scope, 60);
        let taken = self.h.now;
        self.h.wait(50);
        let change = (self.path(dir), Some(self.text()));
        let subject = format!("After the dead {taken}");
        let commit = self.commit(&subject, Some("cyn-0003"), &[change]);
        let gone = format!("Ccc-Gone: {id} holder-gone");
        match self.dice.roll(3) {
            0 => self.h.logged(commit, "cyn-0003", &subject, &[&gone]),
            1 => {
                self.h.logged(commit, "cyn-0003", &subject, &[]);
                self.h.wait(30);
                self.h.gone(&id, &dead, "holder-gone");
            }
            _ => {
                self.h.logged(commit, "cyn-0003", &subject, &[]);
                let (by, dir) = (dead, dir.to_owned());
                self.open.push(Claim {
                    id,
                    by,
                    dir,
                    scope,
                    taken,
                    until: taken + 60,
                    entry,
                });
            }
        }
        self.h.wait(20);
    }

    /// A session passes another's claim with a reason, on the record.
    fn overridden(&mut self) {
        let others = self
            .claims
            .iter()
            .find(|claim| claim.dir != "infra" && !claim.by.starts_with("dead"));
        let Some((dir, by)) = others.map(|claim| (claim.dir.clone(), claim.by.clone())) else {
            return;
        };
        let other = SESSIONS
            .iter()
            .find(|tag| **tag != by)
            .expect("there are several");
        let change = (self.path(&dir), Some(self.text()));
        let subject = format!("Override at {}", self.h.now);
        let commit = self.commit(&subject, Some(other), &[change]);
        self.h
            .logged(commit, other, &subject, &["Ccc-Override: prod is down"]);
    }

    fn talk(&mut self) {
        let (id, name) = (format!("{:015}", *self.ids * 10 + 1), self.name.clone());
        let ask = [
            format!("Ccc-Message: {id}"),
            "Ccc-Session: ada-0001".to_owned(),
            "Ccc-State: question".to_owned(),
            "Ccc-Room: main".to_owned(),
            format!("Ccc-Path: {name}/src"),
        ];
        self.h
            .said("Is this right?", &ask.each_ref().map(String::as_str));
        let (answer, thread) = (
            format!("Ccc-Message: {:015}", *self.ids * 10 + 2),
            format!("Ccc-Thread: {id}"),
        );
        let reply = format!("Ccc-Reply-To: {id}");
        let said = [
            &answer,
            "Ccc-Session: bob-0002",
            "Ccc-State: note",
            "Ccc-Room: main",
            &thread,
            &reply,
        ];
        self.h.said("Yes", &said);
        let (elsewhere, path) = (
            format!("Ccc-Message: {:015}", *self.ids * 10 + 3),
            format!("Ccc-Path: {name}/nowhere"),
        );
        let said = [
            &elsewhere,
            "Ccc-Session: bob-0002",
            "Ccc-State: question",
            "Ccc-Room: main",
            &path,
        ];
        self.h.said("And that?", &said);
    }
}

/// Makes the histories of one repository; returns it and the claims that have a ref.
fn make(seed: u64) -> (Imported, Vec<Claim>) {
    let (mut h, mut ids) = (History::new(), seed * 10_000);
    let mut claims = Vec::new();
    h.commit(Commit {
        branch: "main",
        message: "Policy",
        changes: &[(".ccc.toml", Some(POLICY))],
        ..Commit::default()
    });
    for tag in SESSIONS {
        h.wait(1);
        h.entry("hello", &["Ccc-Act: hello", &format!("Ccc-Session: {tag}")]);
    }
    for n in 0..HISTORIES {
        let name = format!("h{n}");
        h.wait(10);
        h.commit(Commit {
            branch: &name,
            message: "Begin",
            from: Some(1),
            ..Commit::default()
        });
        let mut story = Story {
            h: &mut h,
            dice: Dice((seed * HISTORIES + n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            name,
            side: 0,
            files: BTreeMap::new(),
            claims: Vec::new(),
            open: Vec::new(),
            ids: &mut ids,
        };
        story.talk();
        for _ in 0..STEPS {
            story.step();
        }
        claims.append(&mut story.open);
        claims.append(&mut story.claims);
    }
    h.wait(200_000);
    h.entry("later", &["Ccc-Act: hello", "Ccc-Session: ada-0001"]);
    (h.import(), claims)
}

#[test]
fn two_hundred_clean_histories_raise_no_alarm() {
    let mut commits = 0;
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2)
            .map(|half| {
                scope.spawn(move || {
                    (0..REPOSITORIES / 2)
                        .map(|n| clean(half * REPOSITORIES / 2 + n))
                        .sum::<u64>()
                })
            })
            .collect();
        for worker in workers {
            commits += worker.join().expect("a history that is clean");
        }
    });
    assert!(
        commits > 200 * 5,
        "the histories are real ones: {commits} commits"
    );
}

/// Checks the histories of one repository and returns how many commits they have.
fn clean(seed: u64) -> u64 {
    let (i, claims) = make(seed);
    for claim in &claims {
        let held = (claim.taken, claim.until);
        let entry = (claim.entry, i.entries[claim.entry].as_str());
        i.claim_ref(&claim.id, (&claim.by, &claim.scope), held, entry);
    }
    let mut commits = 0;
    for n in 0..HISTORIES {
        let output = i
            .world
            .ccc(["check", "--ci", "--json", &format!("main..h{n}")]);
        assert_eq!(output.code, 0, "repository {seed}, history {n}:\n{output}");
        let report = output.json();
        commits += report["range"]["commits"].as_u64().expect("a number");
    }
    commits
}
