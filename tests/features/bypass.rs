//! Every way in which a session could commit or move a path that another holds, and what comes of it: stopped, reported afterwards, or
//! let pass for a reason that the row gives. And the other side: what others may do beside live claims is stopped by nothing.

use crate::common::output::CommandOutput;
use crate::common::session::Session;
use crate::common::world::World;

/// What becomes of an attempt.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    /// It fails, names the holder, and no branch moves.
    Stopped,
    /// It passes, and `git ccc doctor` names commit, path and holder until it is taken back.
    Reported,
    /// It passes, and the log has it.
    Logged,
    /// It passes, and nothing is said: why that is right.
    Passes(&'static str),
}
use Fate::{Logged, Passes, Reported, Stopped};

const NOTHING_NEW: Fate = Passes("what it brings was committed before the claim was taken");
const NO_COMMIT: Fate = Passes("it makes no commit, and the reflog has what the branch was");
const NO_BRANCH: Fate = Passes("no branch moves");
const JUDGED_THERE: Fate = Passes("what a remote has was judged where it was made");

/// What is tried (`$edit` changes the held file), and its fate by default and under strict enforcement.
#[rustfmt::skip]
const ATTEMPTS: &[(&str, &str, Fate, Fate)] = &[
    ("commit", "$edit; git add src; git commit -qm x", Stopped, Stopped),
    ("commit -a", "$edit; git commit -qam x", Stopped, Stopped),
    ("commit -i", "$edit; git commit -qm x -i src/held.rs", Stopped, Stopped),
    ("commit --only", "$edit; git commit -qm x --only src/held.rs", Stopped, Stopped),
    ("commit of a directory", "$edit; git commit -qm x src", Stopped, Stopped),
    ("commit --amend", "$edit; git commit -q --amend --no-edit -a", Stopped, Stopped),
    ("commit --no-verify", "$edit; git commit -qnam x", Stopped, Stopped),
    ("commit of a deletion", "git rm -q src/held.rs; git commit -qm x", Stopped, Stopped),
    ("commit of a rename", "git mv src/held.rs src/new.rs; git commit -qm x", Stopped, Stopped),
    ("commit of a mode", "chmod +x src/held.rs; git commit -qam x", Stopped, Stopped),
    ("commit of a link in its place", "ln -sf free.rs src/held.rs; git commit -qam x", Stopped, Stopped),
    ("commit of a directory in its place",
        "rm src/held.rs; mkdir src/held.rs; echo 1 >src/held.rs/x; git add src; git commit -qm x", Stopped, Stopped),
    ("from a subdirectory", "$edit; cd src; git commit -qm x held.rs", Stopped, Stopped),
    ("git -C", "$edit; cd /; git -C \"$R\" commit -qam x", Stopped, Stopped),
    ("GIT_DIR spelled out", "$edit; cd /; GIT_DIR=$R/.git GIT_WORK_TREE=$R git commit -qam x", Stopped, Stopped),
    ("an index of one's own",
        "$edit; GIT_INDEX_FILE=$R/.git/own; export GIT_INDEX_FILE; git read-tree HEAD; git add src; git commit -qm x", Stopped, Stopped),
    ("through sh -c", "$edit; sh -c 'sh -c \"git commit -qam x\"'", Stopped, Stopped),
    ("through an alias", "$edit; git -c alias.ci='!git commit -n' ci -qam x", Stopped, Stopped),
    ("from another worktree", "cd \"$O\"; echo o >src/held.rs; git commit -qam x", Stopped, Stopped),
    ("git ccc commit", "$edit; git ccc commit -m x src/held.rs", Stopped, Stopped),
    ("merge, both sides changed it", "git merge -q --no-edit topic", Stopped, Stopped),
    ("merge --no-verify", "git merge -q --no-edit --no-verify topic", Stopped, Stopped),
    ("merge --squash", "git merge -q --squash topic; git commit -qm x", Stopped, Stopped),
    ("cherry-pick", "git cherry-pick topic", Stopped, Stopped),
    ("cherry-pick --no-commit", "git cherry-pick -n topic; git commit -qm x", Stopped, Stopped),
    ("revert", "git revert --no-edit HEAD", Stopped, Stopped),
    ("rebase", "git rebase -q main topic", Stopped, Stopped),
    ("rebase --apply", "git rebase -q --apply main topic", Stopped, Stopped),
    ("am", "git am -q \"$P\"", Stopped, Stopped),
    ("stash pop", "git stash pop -q; git commit -qam x", Stopped, Stopped),
    ("a hook path of one's own", "$edit; git -c core.hooksPath=/dev/null commit -qam x", Reported, Reported),
    ("the same, reworded afterwards",
        "$edit; git -c core.hooksPath=/dev/null commit -qam x; git -c core.hooksPath=/dev/null commit -q --amend -m y", Reported, Reported),
    ("the same, pushed afterwards",
        "$edit; git -c core.hooksPath=/dev/null commit -qam x; git push -q up HEAD:pushed; git fetch -q up", Reported, Reported),
    ("commit-tree and update-ref",
        "$edit; git add src; git update-ref HEAD $(git commit-tree -p HEAD -m x $(git write-tree))", Reported, Stopped),
    ("commit-tree and branch", "$edit; git add src; git branch new $(git commit-tree -p HEAD -m x $(git write-tree))", Reported, Stopped),
    ("commit-tree and branch -f",
        "$edit; git add src; git branch -q -f topic $(git commit-tree -p HEAD -m x $(git write-tree))", Reported, Stopped),
    ("commit-tree and reset --hard",
        "$edit; git add src; git reset -q --hard $(git commit-tree -p HEAD -m x $(git write-tree))", Reported, Stopped),
    ("fast-import",
        "printf 'commit refs/heads/main\\ncommitter x <x@y> 0 +0000\\ndata 1\\nx\\nfrom refs/heads/main^0\\n\
         M 100644 inline src/held.rs\\ndata 2\\nx\\n\\n' | git fast-import --quiet", Reported, Stopped),
    ("push from a clone", "cd \"$C\"; $edit; git commit -qam x; git push -q \"$R\" HEAD:new", Reported, Stopped),
    ("fetch from a clone into a branch", "cd \"$C\"; $edit; git commit -qam x; cd \"$R\"; git fetch -q \"$C\" HEAD:new", Reported, Stopped),
    ("merge --ff-only", "git merge -q --ff-only ahead", NOTHING_NEW, NOTHING_NEW),
    ("merge of what one side changed", "$free; git commit -qm free src/free.rs; git merge -q --no-edit ahead", NOTHING_NEW, NOTHING_NEW),
    ("checkout -B", "git checkout -q -B main ahead", NOTHING_NEW, NOTHING_NEW),
    ("pull",
        "cd \"$C\"; $edit; git commit -qam x; git push -q up HEAD:theirs; cd \"$R\"; git pull -q --ff-only up theirs", JUDGED_THERE, JUDGED_THERE),
    ("reset --hard", "git reset -q --hard HEAD~1", NO_COMMIT, Stopped),
    ("branch -f to the parent", "git branch -q -f ahead main", NO_COMMIT, Stopped),
    ("update-ref to the parent", "git update-ref HEAD HEAD~1", NO_COMMIT, Stopped),
    ("checkout of another branch", "git checkout -q topic", NO_BRANCH, NO_BRANCH),
    ("checkout of a file", "git checkout -q topic -- src/held.rs", NO_BRANCH, NO_BRANCH),
    ("stash", "$edit; git stash -q; git stash drop -q", NO_BRANCH, NO_BRANCH),
    ("notes", "git notes add -m x HEAD", NO_BRANCH, NO_BRANCH),
    ("replace", "git replace topic ahead", NO_BRANCH, NO_BRANCH),
    ("a new message alone", "git commit -q --amend -m y", Passes("the files are as they were"), Stopped),
    ("with a reason", "$edit; CCC_OVERRIDE='prod is down' git commit -qam x", Logged, Logged),
    ("amend with a reason", "$edit; CCC_OVERRIDE='still down' git commit -q --amend --no-edit -a", Logged, Logged),
];

/// `main` and `topic` have both changed `src/held.rs`, `ahead` is one more change on top of `main`; then the first session claims the file.
struct Scene {
    w: World,
    a: Session,
    b: Session,
    heads: String,
}

impl Scene {
    fn new(settings: &str) -> Self {
        let w = World::new();
        w.write("src/held.rs", "1\n2\n3\n4\n5\n6\n7\n8\n9\n");
        w.write("src/free.rs", "free\n");
        w.command("sh", ["-ec", SETTING])
            .env("TMP", w.tmp())
            .run()
            .ok();
        w.ccc(["init"]).ok();
        w.write(".git/ccc.toml", settings);
        w.ccc(["doctor", "--fix"]).ok();
        let (a, b) = (w.session("a"), w.session("b"));
        a.ccc(["claim", "src/held.rs", "-m", "mine", "--for", "8h"])
            .ok();
        let mut scene = Scene {
            w,
            a,
            b,
            heads: String::new(),
        };
        scene.heads = scene.refs();
        scene
    }

    fn refs(&self) -> String {
        self.w.git_text([
            "for-each-ref",
            "--format=%(objectname) %(refname)",
            "refs/heads/",
        ])
    }

    fn attempt(&self, by: &Session, script: &str) -> CommandOutput {
        let tmp = self.w.tmp();
        self.w
            .command(
                "sh",
                [
                    "-ec",
                    &format!(
                        "edit() {{ echo \"$0\" >>src/held.rs; }}; {}",
                        script
                            .replace("$edit", "edit")
                            .replace("$free", "echo more >>src/free.rs")
                    ),
                ],
            )
            .env("CCC_SESSION", by.tag())
            .env("GIT_EDITOR", "true")
            .env("R", self.w.repo())
            .env("O", tmp.join("other"))
            .env("C", tmp.join("clone"))
            .env("P", tmp.join("patch"))
            .run()
    }

    /// Puts everything back, past the hooks.
    fn restore(&self) {
        let script = "git merge --abort; git rebase --abort; git am --abort; git cherry-pick --abort; git revert --abort; \
             git checkout -q -f --detach; for b in $(git for-each-ref --format='%(refname)' refs/heads refs/replace refs/remotes); do \
             case $b in refs/heads/other) ;; *) git update-ref -d $b ;; esac; done; \
             printf '%s\\n' \"$HEADS\" | while read oid ref; do git update-ref $ref $oid; done; \
             git checkout -q -f main && git reset -q --hard && git clean -qfdx; \
             git -C \"$O\" reset -q --hard; git -C \"$C\" reset -q --hard origin/main; [ -n \"$(git stash list)\" ] || git stash store -q -m kept $(cat \"$S\")";
        let tmp = self.w.tmp();
        let done = self
            .w
            .command("sh", ["-c", script])
            .env("HEADS", &self.heads)
            .env("O", tmp.join("other"))
            .env("C", tmp.join("clone"))
            .env("S", tmp.join("stashed"))
            .env("GIT_CONFIG_PARAMETERS", "'core.hooksPath'='/dev/null'")
            .run();
        done.ok();
        assert_eq!(self.refs(), self.heads, "{done}");
        assert_eq!(self.w.git_text(["status", "--porcelain"]), "", "{done}");
    }

    /// The facts that doctor finds about commits of held paths.
    fn told(&self) -> Vec<String> {
        let report = self.w.ccc(["doctor", "--json"]);
        let document = report.json();
        let findings = document["findings"]
            .as_array()
            .expect("findings are a list");
        findings
            .iter()
            .map(|finding| {
                assert_eq!(
                    finding["code"], "held-path-committed",
                    "nothing else is wrong:\n{report}"
                );
                finding["fact"].as_str().unwrap_or_default().to_owned()
            })
            .collect()
    }

    fn overrides(&self) -> usize {
        self.w
            .git_text(["log", "--format=%B", "refs/ccc/log"])
            .matches("Ccc-Act: override")
            .count()
    }

    fn judge(&self, name: &str, script: &str, fate: Fate) {
        let before = self.overrides();
        let output = self.attempt(&self.b, script);
        if fate == Stopped {
            assert_ne!(output.code, 0, "{name} must be stopped:\n{output}");
            assert!(
                output.stderr.contains(self.a.tag()),
                "{name}: the refusal names the holder:\n{output}"
            );
            assert_eq!(self.refs(), self.heads, "{name}: no branch moves");
            return;
        }
        output.ok();
        let told = self.told();
        match fate {
            Reported => {
                assert_eq!(told.len(), 1, "{name}: {told:?}\n{output}");
                let fact = &told[0];
                assert!(
                    fact.contains("src/held.rs") && fact.contains(self.a.tag()),
                    "{name}: {fact}"
                );
            }
            Logged => assert_eq!(
                self.overrides(),
                before + 1,
                "{name}: the log has it:\n{output}"
            ),
            _ => {}
        }
        if fate != Reported {
            assert!(told.is_empty(), "{name}: {fate:?}, and yet: {told:?}");
        }
    }
}

const SETTING: &str = "git add . && git commit -qm base && git checkout -q -b topic && sed -i 's/9/nine/' src/held.rs && \
    git commit -qam topic && git format-patch -1 --stdout >\"$TMP/patch\" && git checkout -q main && sed -i 's/1/one/' src/held.rs && \
    git commit -qam main && git checkout -q -b ahead && sed -i 's/5/five/' src/held.rs && git commit -qam ahead && git checkout -q main && \
    git worktree add -q -b other \"$TMP/other\" && echo stashed >>src/held.rs && git stash -q && git rev-parse stash >\"$TMP/stashed\" && \
    git init -q --bare \"$TMP/up\" && git remote add up \"$TMP/up\" && git clone -q . \"$TMP/clone\" && git -C \"$TMP/clone\" remote add up \"$TMP/up\"";

fn all_attempts(settings: &str, rows: impl Iterator<Item = (&'static str, &'static str, Fate)>) {
    let s = Scene::new(settings);
    for (name, script, fate) in rows {
        s.judge(name, script, fate);
        s.restore();
    }
    assert_eq!(
        s.told(),
        Vec::<String>::new(),
        "what was taken back is not told for ever"
    );
}

#[test]
fn every_way_past_a_claim_is_stopped_or_reported() {
    let rows = ATTEMPTS
        .iter()
        .map(|(name, script, fate, _)| (*name, *script, *fate));
    all_attempts("v = 1\n", rows);
}

#[test]
fn under_strict_enforcement_plumbing_is_stopped_too() {
    let long = std::env::var_os("CCC_LONG").is_some();
    let rows = ATTEMPTS
        .iter()
        .filter(|(_, _, usual, strict)| long || usual != strict)
        .map(|(name, script, _, fate)| (*name, *script, *fate));
    all_attempts("v = 1\n[claims]\nenforce = \"strict\"\n", rows);
}

#[test]
fn a_path_is_held_under_every_spelling_that_the_file_system_takes_for_it() {
    let w = World::new();
    w.ccc(["init"]).ok();
    w.write("src/Held.rs", "1\n");
    w.write("docs/caf\u{e9}.md", "1\n");
    w.command(
        "sh",
        ["-ec", "ln -s src link; git add .; git commit -qnm base"],
    )
    .run()
    .ok();
    let (a, b) = (w.session("a"), w.session("b"));
    // A link to a directory is followed, whatever the file system is.
    a.ccc(["claim", "link/Held.rs"]).ok();
    b.ccc(["claim", "src/Held.rs"]).code(1);
    a.ccc(["claim", "docs/caf\u{e9}.md"]).ok();
    let spellings = [
        "src/hELD.rs",
        "SRC/",
        "docs/cafe\u{301}.md",
        "DOCS/CAFE\u{301}.md",
    ];
    for spelling in spellings {
        b.ccc(["claim", spelling]).ok();
        b.ccc(["release", "--all"]).ok();
    }
    w.git(["config", "core.ignorecase", "true"]).ok();
    w.git(["config", "core.precomposeunicode", "true"]).ok();
    for spelling in spellings {
        b.ccc(["claim", spelling]).code(1);
        b.ccc(["claim", "--dry-run", spelling]).code(1);
        let path = spelling.trim_end_matches('/');
        w.write(
            format!("{path}{}", if path == spelling { "" } else { "/Held.rs" }),
            "2\n",
        );
        // Such a name gets into an index on another machine.
        w.git(["-c", "core.ignorecase=false", "add", "."]).ok();
        let stopped = b.git(["commit", "-qm", "x"]);
        assert!(
            stopped.code != 0 && stopped.stderr.contains(a.tag()),
            "{spelling}:\n{stopped}"
        );
        b.ccc(["commit", "-m", "x", spelling]).code(1);
        w.command("sh", ["-ec", "git reset -q --hard; git clean -qfd"])
            .run()
            .ok();
    }
    a.ccc(["release", "--all"]).ok();
    b.ccc(["claim", "SRC/"]).ok();
}
