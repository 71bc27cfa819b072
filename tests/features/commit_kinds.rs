//! The commit lane on every kind of file, index and repository: what it commits is what `git commit --only` would, and what a sibling has
//! staged stays as it was.

use crate::common::{
    output::CommandOutput,
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

/// A kind of file: how it comes to be in HEAD, what is done to it, and which paths are committed then.
type Kind = (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
);

/// Kinds that can stand beside each other, each in a directory of its own: one commit has them all.
#[rustfmt::skip]
const TOGETHER: &[Kind] = &[
    ("an executable bit, on and off", "echo 1 >a; echo 1 >b; chmod +x b", "chmod +x a; chmod -x b", &["a", "b"]),
    ("a link instead of a file and back", "echo 1 >a; ln -s a b", "rm a b; ln -s nowhere a; echo 1 >b", &["a", "b"]),
    ("a link to a directory", "mkdir d; echo 1 >d/f; ln -s d l", "rm l; ln -s . l", &["l"]),
    ("a rename", "echo 1 >a", "mv a b", &["a", "b"]),
    ("a rename, the old name only", "echo 1 >a", "mv a b", &["a"]),
    ("a deletion that empties directories", "mkdir -p d/e; echo 1 >d/e/f", "rm -r d", &["d/e/f"]),
    ("an empty file and one without a last line break", "echo 1 >a", ": >a; printf x >b", &["a", "b"]),
    ("names that need quoting", "true", r#"printf 1 >'a b'; printf 1 >'q"q'; printf 1 >'ü'; printf 1 >./-x"#, &["a b", "q\"q", "ü", "-x"]),
    ("intent to add", "true", "echo 1 >a; git add -N a", &["a"]),
    ("text where HEAD has carriage returns", r"printf '1\r\n' >a", r"echo '* text' >.gitattributes; printf '1\r\n2\r\n' >a", &["a"]),
    ("text=auto where HEAD has carriage returns", r"printf '1\r\n' >a", r"echo '* text=auto' >.gitattributes; printf '1\r\n2\r\n' >a; printf '1\r\n' >b", &["a", "b"]),
    ("eol=crlf and -text", r"printf '*.c eol=crlf\n*.b -text\n' >.gitattributes", r"printf '1\r\n' >a.c; printf '1\r\n' >a.b", &["a.c", "a.b"]),
    ("binary under text=auto", "echo '* text=auto' >.gitattributes", r"printf '1\r\n\000' >a", &["a"]),
    ("ident", "echo '* ident' >.gitattributes", r"printf '$Id: 0123 $\n' >a", &["a"]),
    ("attributes of the same commit", "true", r"echo '* text' >.gitattributes; printf '1\r\n' >a", &[".gitattributes", "a"]),
    ("attributes of the clone", "echo '*.i text' >>$R/.git/info/attributes", r"printf '1\r\n' >a.i", &["a.i"]),
    ("a clean filter", "git config filter.up.clean 'tr a-z A-Z'; echo '*.f filter=up' >.gitattributes", "echo hello >a.f", &["a.f"]),
    ("a clean filter that sees the name", "git config filter.n.clean 'echo %f; cat'; echo '*.f filter=n' >.gitattributes", "mkdir d; echo hello >d/a.f", &["d/a.f"]),
    ("a clean filter that fails and need not run", "git config filter.no.clean false; echo '*.f filter=no' >.gitattributes", "echo hello >a.f", &["a.f"]),
    ("a filter as a process", "echo '*.f filter=p' >.gitattributes",
        "echo hello >a.f; echo world >b.f; head -c 200000 /dev/zero | tr '\\0' x >c.f", &["a.f", "b.f", "c.f"]),
    ("an ignored file that is known", "echo 1 >x; git add x; echo x >.gitignore", "echo 2 >x", &["x"]),
];

/// Kinds that only git itself commits, so that both lanes are one: directories, submodules, an encoding.
#[rustfmt::skip]
const BY_GIT: &[Kind] = &[
    ("a directory instead of a file and back", "echo 1 >a; mkdir b; echo 1 >b/f", "rm -r a b; mkdir a; echo 2 >a/f; echo 2 >b", &["a", "b"]),
    ("a rename into a directory of the same name", "echo 1 >a", "mv a t; mkdir a; mv t a/a", &["a"]),
    ("everything below a directory", "mkdir d; echo 1 >d/a; echo 1 >d/b", "rm d/a; echo 2 >d/b; echo 3 >d/c", &["d"]),
    ("a pattern that is a name", "true", "echo 1 >'a[1]'; echo 1 >a1; echo 1 >b", &["a[1]"]),
    ("a new submodule", "true", "git init -q sub; git -C sub commit -q --allow-empty -m one", &["sub"]),
    ("a submodule that moved on", "git init -q sub; git -C sub commit -q --allow-empty -m one; git add sub", "git -C sub commit -q --allow-empty -m two", &["sub"]),
    ("a submodule that is only dirty",
        "git init -q sub; echo 1 >sub/f; git -C sub add f; git -C sub commit -qm one; git add sub; echo 1 >a", "echo 2 >sub/f; echo 2 >a", &["sub", "a"]),
    ("a submodule that is gone", "git init -q sub; git -C sub commit -q --allow-empty -m one; git add sub", "rm -rf sub", &["sub"]),
    ("a file instead of a submodule", "git init -q sub; git -C sub commit -q --allow-empty -m one; git add sub", "rm -rf sub; echo 1 >sub", &["sub"]),
    ("an encoding", r"printf '*.u working-tree-encoding=UTF-16\n*.l working-tree-encoding=ISO-8859-1\n' >.gitattributes",
        r"printf '\377\376t\000\351\000' >a.u; printf 't\351' >a.l", &["a.u", "a.l"]),
];

/// Kinds that need a repository of their own, in the root of it.
#[rustfmt::skip]
const ALONE: &[Kind] = &[
    ("a conflicted path", "echo 1 >a", r"b=$(git rev-parse :a); z=0000000000000000000000000000000000000000; printf '0 %s\ta\n100644 %s 1\ta\n100644 %s 2\ta\n' $z $b $b | git update-index --index-info; echo 2 >a", &["a"]),
    ("autocrlf", r"printf '1\n' >a; printf '1\r\n' >c", r"git config core.autocrlf true; printf '1\r\n2\r\n' >a; printf '3\r\n' >b; printf '4\r\n' >c", &["a", "b", "c"]),
    ("autocrlf=input", r"printf '1\r\n' >a", r"git config core.autocrlf input; printf '1\r\n2\r\n' >a; printf '3\r\n' >b", &["a", "b"]),
    ("no executable bits", "echo 1 >a; git config core.fileMode false", "chmod +x a; echo 2 >a", &["a"]),
    ("an encoding of messages", "echo 1 >a; git config i18n.commitEncoding ISO-8859-1", "echo 2 >a", &["a"]),
    ("a sparse checkout", "mkdir in out; echo 1 >in/f; echo 1 >out/f; git add in out; git commit -qm sparse; git sparse-checkout set in", "echo 2 >in/f; echo 3 >in/g", &["in/f", "in/g"]),
    ("a sparse index", "mkdir in out; echo 1 >in/f; echo 1 >out/f; git add in out; git commit -qm sparse; git sparse-checkout set --sparse-index in", "echo 2 >in/f", &["in/f"]),
    ("a split index", "echo 1 >a; git update-index --split-index", "echo 2 >a", &["a"]),
    ("a file system monitor",
        r#"printf '#!/bin/sh\nprintf "t\\\\0/\\\\0"\n' >.git/mon; chmod +x .git/mon; git config core.fsmonitor .git/mon; git config core.fsmonitorHookVersion 2; echo 1 >a; git status >/dev/null"#, "echo 2 >a", &["a"]),
    ("an index of version 4 with an untracked cache", "echo 1 >a; git update-index --index-version 4 --force-untracked-cache", "echo 2 >a; echo 1 >new", &["a", "new"]),
    ("a detached HEAD", "echo 1 >a; git checkout -q --detach", "echo 2 >a", &["a"]),
    // What git refuses, we refuse, and nothing is committed.
    ("a file below a link", "mkdir d; echo 1 >d/f; ln -s d l", "echo 2 >d/f", &["l/f"]),
    ("safecrlf", "echo '* text' >.gitattributes; git config core.safecrlf true; git config core.eol lf", r"printf '1\r\n2\n' >a", &["a"]),
    ("an encoding that does not fit", "echo '*.u working-tree-encoding=UTF-16' >.gitattributes", "printf 'no' >a.u", &["a.u"]),
    ("a required filter that fails", "git config filter.no.clean false; git config filter.no.required true; echo '*.f filter=no' >.gitattributes", "echo hello >a.f", &["a.f"]),
    ("a filter process that refuses", "echo '*.f filter=p' >.gitattributes", "echo refuse >a.f", &["a.f"]),
    ("a file in a submodule", "git init -q sub; git -C sub commit -q --allow-empty -m one; git add sub", "echo 1 >sub/f", &["sub/f"]),
    ("a pipe", "echo 1 >a", "rm a; mkfifo a", &["a"]),
    ("an ignored file", "echo x >.gitignore", "echo 1 >x", &["x"]),
];

/// A long-running filter (gitattributes, "Long Running Filter Process"): upper case, and a refusal of what says so.
const FILTER: &str = r"
import sys
i, o = sys.stdin.buffer, sys.stdout.buffer
def packets():
    while True:
        size = i.read(4)
        if not size: sys.exit(0)
        size = int(size, 16)
        if size == 0: return
        yield i.read(size - 4)
def send(*lines):
    for line in lines: o.write(b'%04x' % (len(line) + 4) + line)
    o.write(b'0000'); o.flush()
list(packets()); send(b'git-filter-server\n', b'version=2\n')
list(packets()); send(b'capability=clean\n')
while True:
    list(packets()); data = b''.join(packets())
    if data.startswith(b'refuse'): send(b'status=error\n'); continue
    send(b'status=success\n')
    data = data.upper()
    send(*[data[n:n + 65000] for n in range(0, len(data), 65000)]); send()
";

/// A repository with a session, and room for copies of it.
struct Copies {
    w: World,
    a: Session,
}

impl Copies {
    fn new() -> Self {
        let (w, a) = shared(World::options());
        let filter = w.tmp().join("filter");
        std::fs::write(&filter, FILTER).expect("a filter");
        let process = format!("python3 {}", filter.display());
        w.git(["config", "filter.p.process", &process]).ok();
        w.git(["config", "filter.p.required", "true"]).ok();
        Copies { w, a }
    }

    fn sh(&self, dir: &str, script: &str) -> CommandOutput {
        let dir = self.w.tmp().join(dir);
        let command = self.w.command("sh", ["-ec", script]).cwd(&dir);
        command
            .env("CCC_SESSION", self.a.tag())
            .env("R", &dir)
            .run()
    }

    fn text(&self, dir: &str, script: &str) -> String {
        self.sh(dir, script).ok().stdout.trim().to_owned()
    }

    /// Commits in copies of one state by git and by both lanes, and compares; tells whether git does it at all.
    fn same_as_git(&self, what: &str, before: &str, change: &str, named: &str) -> bool {
        self.sh(".", "rm -rf r git fast stock; cp -a ../repo r")
            .ok();
        let prepare = format!(
            "git reset -q sibling.txt; {before}; git add . ':!sibling.txt'; git commit -qnm before --allow-empty; {change}; git add sibling.txt"
        );
        let out = self.sh("r", &prepare);
        assert_eq!(out.code, 0, "{what}:\n{out}");
        self.sh(".", "cp -a r git; cp -a r fast; cp -a r stock")
            .ok();
        let git = self.sh(
            "git",
            &format!("git reset -q; git add -- {named}; git write-tree"),
        );
        for (dir, option) in [("fast", ""), ("stock", "-s")] {
            let head = self.text(dir, "git rev-parse HEAD");
            let ours = self.sh(dir, &format!("git-ccc commit {option} -m x -- {named}"));
            let what = format!("{what}, {dir} lane");
            assert_eq!(
                ours.code == 0,
                git.code == 0,
                "{what}: git says\n{git}\nand we\n{ours}"
            );
            assert_ne!(ours.code, 70, "{what}:\n{ours}");
            if git.code == 0 {
                let tree = git.stdout.trim();
                let found = self.sh(dir, &format!("export GIT_ALTERNATE_OBJECT_DIRECTORIES=../git/.git/objects; git diff-tree -r {tree} HEAD"));
                assert_eq!(
                    self.text(dir, "git rev-parse HEAD^{tree}"),
                    tree,
                    "{what}:\n{found}\n{ours}"
                );
                let staged = self.text(
                    dir,
                    "git diff --cached --name-status --ignore-submodules=none",
                );
                assert_eq!(
                    staged, "M\tsibling.txt",
                    "{what}: nothing but what a sibling staged"
                );
                let left = self.text(
                    dir,
                    &format!("git status --porcelain --ignore-submodules=dirty -- {named}"),
                );
                assert_eq!(left, "", "{what}: what was committed is clean");
            } else {
                assert_eq!(
                    self.text(dir, "git rev-parse HEAD"),
                    head,
                    "{what}: nothing is committed"
                );
                assert_eq!(
                    ours.stderr.matches("ccc: ").count().max(1),
                    1,
                    "{what}: one error\n{ours}"
                );
            }
            assert_eq!(
                self.text(
                    dir,
                    "git ls-files --unmerged; git fsck --no-dangling 2>&1 | grep -v ^hint || true"
                ),
                self.text(
                    "git",
                    "git ls-files --unmerged; git fsck --no-dangling 2>&1 | grep -v ^hint || true"
                ),
                "{what}"
            );
        }
        git.code == 0
    }

    /// The same for kinds in directories of their own.
    fn all_same_as_git(&self, kinds: &[Kind]) {
        let each = |script: fn(&Kind) -> &'static str| {
            let scripts = kinds
                .iter()
                .enumerate()
                .map(|(n, kind)| format!("mkdir -p k{n}; cd k{n}; {}; cd ..", script(kind)));
            scripts.collect::<Vec<_>>().join("; ")
        };
        let paths = kinds
            .iter()
            .enumerate()
            .flat_map(|(n, kind)| kind.3.iter().map(move |path| format!("k{n}/{path}")));
        let names: Vec<_> = kinds
            .iter()
            .enumerate()
            .map(|(n, kind)| format!("k{n}: {}", kind.0))
            .collect();
        let done = self.same_as_git(
            &names.join("\n"),
            &each(|kind| kind.1),
            &each(|kind| kind.2),
            &quoted(paths),
        );
        assert!(done, "git commits all of them");
    }
}

fn quoted(paths: impl Iterator<Item = String>) -> String {
    paths
        .map(|path| format!("'{path}'"))
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn every_kind_of_file_is_committed_as_git_would() {
    Copies::new().all_same_as_git(TOGETHER);
}

#[test]
fn directories_submodules_and_encodings_are_committed_as_git_would() {
    Copies::new().all_same_as_git(BY_GIT);
}

#[test]
fn every_kind_of_repository_and_index_is_served_as_git_would() {
    let copies = Copies::new();
    let fails = |(what, before, change, paths): &&Kind| {
        let named = quoted(paths.iter().map(ToString::to_string));
        let same =
            std::panic::AssertUnwindSafe(|| copies.same_as_git(what, before, change, &named));
        std::panic::catch_unwind(same).is_err()
    };
    let failed: Vec<_> = ALONE.iter().filter(fails).map(|kind| kind.0).collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn a_name_that_no_scope_can_have_is_refused() {
    let (w, a) = shared(World::options());
    w.write("a\nb", "1\n");
    let refused = a.ccc(["commit", "-m", "x", "--", "a\nb"]);
    assert!(
        refused.code(2).stderr.contains("control character"),
        "{refused}"
    );
}

#[test]
fn a_file_in_another_repository_is_not_swallowed() {
    // `git add` says yes and does nothing.
    let (w, a) = shared(World::options());
    sh(
        &w,
        "git init -q other; git -C other commit -q --allow-empty -m one; echo 1 >other/f",
    );
    let refused = a.ccc(["commit", "-m", "x", "other/f"]);
    assert!(
        refused.code(2).stderr.contains("another repository"),
        "{refused}"
    );
}
