//! The commit lane on every kind of file, index and repository: what it commits is what `git commit --only` would, and what a sibling has
//! staged stays as it was.

use crate::common::{
    session::Session,
    world::{Options, World},
};

/// A repository of a given kind, set up, with a staged file of a sibling in it.
fn shared(options: Options) -> (World, Session) {
    let w = options.build();
    w.ccc(["init"]).ok();
    w.write("sibling.txt", "one\n");
    w.git(["add", "sibling.txt"]).ok();
    w.git(["commit", "-qm", "base"]).ok();
    w.write("sibling.txt", "staged\n");
    w.git(["add", "sibling.txt"]).ok();
    let a = w.session("a");
    (w, a)
}

fn sh(w: &World, script: &str) {
    w.command("sh", ["-ec", script]).run().ok();
}

fn commit(a: &Session, paths: &[&str]) {
    let args = ["commit", "-m", "change", "--"].iter().chain(paths);
    a.ccc(args).ok();
}

type Lane = fn(&Session, &[&str]);

/// The same through the stock lane: `git commit` makes the commit.
fn stock(a: &Session, paths: &[&str]) {
    let args = ["commit", "-s", "-m", "change", "--"].iter().chain(paths);
    a.ccc(args).ok();
}

#[test]
fn a_file_changed_within_the_second_of_the_index_is_committed() {
    // git compares whole seconds, so it suspects entries as young as their index; a private copy of the index must not be younger.
    let (w, a) = shared(World::options());
    w.git(["config", "core.trustctime", "false"]).ok();
    for (commit, f) in [(commit as Lane, "fast"), (stock as Lane, "stock")] {
        w.write(f, "1\n");
        let old = format!("touch -d '2020-01-01T00:00:00Z' {f}");
        let index = "touch -d '2020-01-01T00:00:00Z' .git/index";
        sh(
            &w,
            &format!("{old}; git add {f}; git commit -qm f {f}; {index}"),
        );
        w.write(f, "2\n");
        sh(&w, &old);
        commit(&a, &[f]);
        assert_eq!(w.git_text(["show", &format!("HEAD:{f}")]), "2", "{f} lane");
    }
}
