//! What others may do beside live claims, and a holder with its own: stopped by nothing, and told of nobody afterwards.

use crate::common::session::Session;
use crate::common::world::World;

/// Who does it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Who {
    /// The session that holds `src/held.rs`.
    Holder,
    /// A session that holds `docs/`.
    Other,
    /// Somebody without a session.
    Person,
}
use Who::{Holder, Other, Person};

/// One after the other, on one branch.
#[rustfmt::skip]
const WORK: &[(Who, &str, &str)] = &[
    (Other, "a free path", "echo 1 >>src/free.rs; git commit -qm free src/free.rs"),
    (Other, "all that is changed", "echo 2 >>src/free.rs; git commit -qam free"),
    (Other, "a path beside the held one, with a name that begins like it", "echo 1 >src/held.rs.bak; git add src; git commit -qm x; git rm -q src/held.rs.bak; git commit -qm y"),
    (Other, "amend of its own", "echo 3 >>src/free.rs; git commit -qa --amend --no-edit"),
    (Other, "a merge that brings the held path as the other side has it", "git merge -q --no-edit old"),
    (Other, "with the held path staged by its holder", "echo 1 >>src/held.rs; git add src/held.rs; echo 4 >>src/free.rs; git commit -qm free src/free.rs"),
    (Holder, "its own path", "git commit -qm held"),
    (Holder, "amend", "echo 2 >>src/held.rs; git commit -qa --amend --no-edit"),
    (Holder, "a new message", "git commit -q --amend -m reworded"),
    (Person, "a person", "echo 1 >>notes.txt; git add notes.txt; git commit -qm person"),
    (Person, "a person amends", "git commit -q --amend -m person"),
    (Other, "the lane of git ccc", "echo 1 >docs/a; git ccc commit -q -m docs docs/a"),
    (Holder, "the lane of git ccc on its own path", "echo 3 >>src/held.rs; git ccc commit -q -m held src/held.rs"),
    (Other, "a merge that keeps the held path as this side has it", "git checkout -q side; echo s >side; git add side; git commit -qm side; git checkout -q main; git merge -q --no-edit side"),
    (Other, "a merge of one side by name", "git checkout -q -b ours HEAD~1; echo o >o; git add o; git commit -qm o; git checkout -q main; git merge -q --no-edit -s ours ours"),
    (Other, "a fast-forward", "git checkout -q -b ff; echo f >ff; git add ff; git commit -qm ff; git checkout -q main; git merge -q --ff-only ff"),
    (Other, "a rebase of its own onto a held change", "git checkout -q -b own HEAD~2; echo w >own; git add own; git commit -qm own; git rebase -q main; git checkout -q main; git merge -q --ff-only own"),
    (Other, "the same by patches", "git checkout -q -b own2 HEAD~2; echo w >own2; git add own2; git commit -qm own2; git rebase -q --apply main; git checkout -q main; git merge -q --ff-only own2"),
    (Other, "an interactive rebase of its own", "echo a >one; git add one; git commit -qm one; echo b >>one; git commit -qam two; GIT_SEQUENCE_EDITOR='sed -i 2s/pick/fixup/' git rebase -q -i HEAD~2"),
    (Other, "a cherry-pick", "git checkout -q -b pick; echo p >pick; git add pick; git commit -qm pick; git checkout -q main; git cherry-pick pick"),
    (Other, "a revert of its own", "git revert --no-edit HEAD"),
    (Other, "am", "echo p >patched; git add patched; git commit -qm patched; git format-patch -q -1 --stdout >\"$T/p\"; git reset -q --hard HEAD~1; git am -q \"$T/p\""),
    (Other, "a squash", "git checkout -q -b squash; echo q >q; git add q; git commit -qm q; git checkout -q main; git merge -q --squash squash; git commit -qm squashed"),
    (Other, "stash and pop", "echo z >>src/free.rs; git stash -q; git stash pop -q; git commit -qam popped"),
    (Other, "another worktree", "git worktree add -q -b far \"$T/far\"; cd \"$T/far\"; echo x >far; git add far; git commit -qm far"),
    (Other, "branches, tags, notes, packing", "git branch b1; git branch -m b1 b2; git branch -D b2; git tag t; git notes add -m n; git pack-refs --all; git gc -q"),
    (Other, "an empty commit", "git commit -q --allow-empty -m empty"),
    (Holder, "a merge that changes its own path", "git checkout -q -b mine HEAD~1; sed -i s/5/five/ src/held.rs; git commit -qam mine; git checkout -q main; sed -i s/1/one/ src/held.rs; git commit -qam one; git merge -q --no-edit mine"),
    (Holder, "a merge with a conflict", "git checkout -q -b c HEAD~1; echo c >src/held.rs; git commit -qam c; git checkout -q main; git merge -q c || true; echo both >src/held.rs; git add src; git merge --continue"),
    (Holder, "a cherry-pick of its own path", "git checkout -q -b h2; echo h2 >src/held.rs; git commit -qam h2; git checkout -q main; git cherry-pick h2"),
    (Holder, "a revert of it", "git revert --no-edit HEAD"),
    (Holder, "a rebase of it", "git checkout -q -b h3 HEAD~1; echo 3 >h3; echo h3 >src/held.rs; git add h3 src; git commit -qm h3; git rebase -q -X theirs main; git checkout -q main; git merge -q --ff-only h3"),
    (Holder, "the same by patches", "git checkout -q -b h4; echo h4 >src/held.rs; git commit -qam h4; git checkout -q main; echo x >x; git add x; git commit -qm x; git checkout -q h4; git rebase -q --apply main; git checkout -q main; git merge -q --ff-only h4"),
    (Holder, "am of it", "echo am >src/held.rs; git commit -qam am; git format-patch -q -1 --stdout >\"$T/p\"; git reset -q --hard HEAD~1; git am -q \"$T/p\""),
    (Holder, "another worktree", "cd \"$T/far\"; echo far >src/held.rs; git commit -qam far"),
    (Other, "the held path, once it is given back", "CCC_SESSION=$A git ccc release src/held.rs; echo free >src/held.rs; git commit -qam free"),
];

fn all(settings: &str) {
    let w = World::new();
    w.write("src/held.rs", "1\n2\n3\n4\n5\n6\n7\n8\n9\n");
    w.write("src/free.rs", "free\n");
    w.write("docs/a", "a\n");
    let setting = "git add .; git commit -qm base; git branch side; git checkout -q -b old; echo old >old; echo 10 >>src/held.rs; \
                   git add old; git commit -qam old; git checkout -q main";
    w.command("sh", ["-ec", setting]).run().ok();
    w.ccc(["init"]).ok();
    w.write(".git/ccc.toml", settings);
    w.ccc(["doctor", "--fix"]).ok();
    let (a, b) = (w.session("a"), w.session("b"));
    a.ccc(["claim", "src/held.rs", "--for", "8h"]).ok();
    b.ccc(["claim", "docs/", "--for", "8h"]).ok();
    let run = |by: Option<&Session>, script: &str| {
        let script = format!("cd \"$R\"; {script}");
        let cmd = w
            .command("sh", ["-ec", &script])
            .env("GIT_EDITOR", "true")
            .env("A", a.tag())
            .env("R", w.repo())
            .env("T", w.tmp());
        by.into_iter()
            .fold(cmd, |cmd, by| cmd.env("CCC_SESSION", by.tag()))
            .run()
    };
    for (who, what, script) in WORK {
        let by = match who {
            Holder => Some(&a),
            Other => Some(&b),
            Person => None,
        };
        let output = run(by, script);
        assert_eq!(output.code, 0, "{who:?}, {what}:\n{output}");
        // Of a person beside two sessions a hook says that it cannot tell who commits.
        let said = output.stderr.contains("git ccc did nothing");
        assert!(by.is_none() || !said, "{who:?}, {what}:\n{output}");
    }
    let report = w.ccc(["doctor"]);
    assert_eq!(report.code, 0, "nobody is told on:\n{report}");
}

#[test]
fn nothing_that_is_allowed_is_stopped_or_told() {
    all("v = 1\n");
}

#[test]
fn strict_enforcement_stops_no_more_of_it() {
    all("v = 1\n[claims]\nenforce = \"strict\"\n");
}
