//! What `worktree list` counts as uncommitted is what `git status` says, and git is asked only where its knowledge is needed.

use crate::common::setup::set_up;
use crate::common::world::{World, git_knows_reftable};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Who counts.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Who {
    We,
    Git,
}
use Who::{Git, We};

/// A state of a worktree: its name, the commands that lead there, who counts.
type State = (&'static str, &'static str, Who);

/// Everything is as committed before; files are a minute old, and the index knows them, but where a state says `git add`.
const STATES: &[State] = &[
    ("clean", "", We),
    ("modified", "echo changed >a.txt", We),
    ("same-size", "printf '2\\n' >a.txt", We),
    // In the very moment in which it was added.
    ("racy", "echo x >a.txt; git add a.txt; echo y >a.txt", We),
    ("racy-clean", "echo x >a.txt; git add a.txt", We),
    ("touched", "touch a.txt d/b.txt", We),
    (
        "smudged",
        "git update-index --cacheinfo 100644,$(git rev-parse :a.txt),a.txt",
        We,
    ),
    ("runs", "chmod +x a.txt", We),
    ("runs-no-more", "chmod -x run.sh", We),
    (
        "modes-off",
        "git config --worktree core.fileMode false; chmod +x a.txt",
        We,
    ),
    ("deleted", "rm a.txt d/e/c.txt", We),
    ("folder-gone", "rm -r d", We),
    ("folder-to-file", "rm -r d; echo file >d", We),
    ("folder-to-link", "mv d elsewhere; ln -s elsewhere d", We),
    (
        "file-to-folder",
        "rm a.txt; mkdir a.txt; echo x >a.txt/in",
        We,
    ),
    ("file-to-link", "rm a.txt; ln -s run.sh a.txt", We),
    ("link-elsewhere", "ln -sfn d/b.txt link", We),
    ("link-again", "rm link; ln -s a.txt link", We),
    ("link-to-file", "rm link; printf a.txt >link", We),
    ("pipe", "rm a.txt; mkfifo a.txt; mkfifo pipe", We),
    (
        "untracked",
        "echo x >new; mkdir -p n/m; echo x >n/m/o; echo x >d/new",
        We,
    ),
    ("empty-folders", "mkdir -p n/m/o d/p", We),
    (
        "ignored",
        "echo x >x.log; mkdir -p n build/deep; echo x >n/x.log; echo x >build/deep/y",
        We,
    ),
    (
        "ignored-beside-tracked",
        "echo x >build/new; echo changed >build/kept",
        We,
    ),
    (
        "nested-patterns",
        "echo x >d/special.log; echo x >d/other.log; echo x >d/e/f.tmp; echo x >f.tmp",
        We,
    ),
    (
        "negation",
        "echo x >keep.log; mkdir n; echo x >n/keep.log",
        We,
    ),
    (
        "negation-in-ignored",
        "echo '!*' >build/.gitignore; echo x >build/z",
        We,
    ),
    (
        "anchored",
        "printf '/top\\nmid/dle\\n**/any/where\\n' >>.gitignore; mkdir -p d/mid any mid; echo x >top; echo x >d/top; echo x >mid/dle; echo x >d/mid/dle; echo x >any/where",
        We,
    ),
    (
        "odd-patterns",
        "printf 'sp\\\\ ace \\n\\\\#hash\\n\\\\!bang\\nq?\\n[a-c]z\\n' >>.gitignore; touch 'sp ace' '#hash' '!bang' qq q bz dz",
        We,
    ),
    (
        "linked-ignores",
        "mkdir n; echo x >n/y; echo y >rules; ln -s ../rules n/.gitignore",
        We,
    ),
    (
        "info-exclude",
        "echo hidden >>$(git rev-parse --git-path info/exclude); echo x >hidden; mkdir n; echo x >n/hidden",
        We,
    ),
    (
        "excludes-file",
        "echo mine >../mine; git config --worktree core.excludesFile \"$PWD/../mine\"; echo x >mine; echo x >yours",
        We,
    ),
    (
        "odd-names",
        "touch 'a b' \"q'uote\" ./-dash \"$(printf 'line\\nfeed')\" \"$(printf '\\377')\"; mkdir 'sp dir'; touch 'sp dir/x'",
        We,
    ),
    (
        "names-around-slash",
        "mkdir -p s; touch s.x s/y s-z s0; git add .; rm s/y; touch s/w s1",
        We,
    ),
    (
        "staged",
        "echo changed >a.txt; git add a.txt; git rm -q d/b.txt; echo x >d/new; git add d/new",
        We,
    ),
    (
        "staged-and-changed",
        "echo changed >a.txt; git add a.txt; echo again >a.txt",
        We,
    ),
    (
        "staged-folder",
        "git rm -rq d; mkdir d; echo x >d/y; git add d",
        We,
    ),
    (
        "staged-file-for-folder",
        "git rm -rq d; echo x >d; git add d",
        We,
    ),
    (
        "staged-folder-for-file",
        "git rm -q a.txt; mkdir a.txt; echo x >a.txt/y; git add a.txt",
        We,
    ),
    ("staged-mode", "git update-index --chmod=+x a.txt", We),
    (
        "uncached",
        "git rm -q --cached a.txt; git rm -rq --cached d",
        We,
    ),
    ("moved", "git mv a.txt b.txt", We),
    (
        "reset-soft",
        "echo x >n; git add n; git commit -qm n; git reset -q --soft HEAD~",
        We,
    ),
    (
        "no-tree-cache",
        "echo changed >d/b.txt; git add .; git commit -qm n; git read-tree HEAD; git update-index -q --refresh",
        We,
    ),
    (
        "intended",
        "echo x >d/new; git add -N d/new; echo x >gone; git add -N gone; rm gone",
        We,
    ),
    (
        "intended-again",
        "git rm -q --cached a.txt; git add -N a.txt",
        We,
    ),
    (
        "repository",
        "git init -q own; mkdir n; git init -q n/own; echo x >n/own/x",
        We,
    ),
    (
        "repository-ignored",
        "git init -q build/own; echo own >>.gitignore; git init -q own",
        We,
    ),
    ("no-repository", "mkdir -p own/.git; echo x >own/x", Git),
    (
        "worktree-within",
        "git worktree add -q --detach inner; git worktree add -q --detach .hidden/inner",
        We,
    ),
    ("unborn", "git checkout -q --orphan new", We),
    (
        "unborn-empty",
        "git checkout -q --orphan new; git rm -rqf .; echo x >x",
        We,
    ),
    ("no-index", "rm $(git rev-parse --git-path index)", We),
    (
        "returns",
        "printf '1\\r\\n' >a.txt; git add a.txt; touch a.txt",
        We,
    ),
    (
        "returns-auto",
        "git config --worktree core.autocrlf true; touch a.txt",
        We,
    ),
    (
        "returns-doubt",
        "git config --worktree core.autocrlf input; printf '1\\r\\n2\\n' >a.txt; git add a.txt; touch a.txt",
        Git,
    ),
    (
        "text",
        "echo '*.txt text=auto' >.gitattributes; touch a.txt",
        We,
    ),
    (
        "text-doubt",
        "echo '*.txt text' >.gitattributes; printf '1\\r\\n2\\n' >a.txt; git add a.txt; touch a.txt",
        Git,
    ),
    (
        "binary",
        "echo '*.txt binary' >.gitattributes; printf '1\\r\\n' >a.txt; git add a.txt; touch a.txt",
        We,
    ),
    (
        "filtered",
        "git config --worktree filter.up.clean 'tr a-z A-Z'; echo '*.txt filter=up' >.gitattributes; echo word >a.txt; git add a.txt; touch a.txt",
        Git,
    ),
    (
        "filtered-settled",
        "echo '*.txt filter=up' >.gitattributes",
        We,
    ),
    (
        "attributes-gone",
        "echo '*.txt text' >.gitattributes; git add .; rm .gitattributes; touch a.txt",
        Git,
    ),
    (
        "declared-unchanged",
        "git update-index --assume-unchanged a.txt; echo changed >a.txt",
        Git,
    ),
    (
        "skipped",
        "git update-index --skip-worktree a.txt; rm a.txt",
        Git,
    ),
    (
        "sparse",
        "git sparse-checkout set -q --cone d 2>/dev/null || git sparse-checkout set --cone d",
        Git,
    ),
    (
        "split",
        "git update-index --split-index; echo changed >a.txt",
        Git,
    ),
    (
        "compressed",
        "git update-index --index-version 4; echo changed >a.txt",
        Git,
    ),
    (
        "extended",
        "echo x >new; git add -N new; git update-index --index-version 3; echo changed >a.txt",
        We,
    ),
    (
        "untracked-cache",
        "git update-index --untracked-cache; git status -s; touch new d/new",
        We,
    ),
    (
        "conflicted",
        "echo l >a.txt; git commit -qam l; git checkout -q HEAD~; echo r >a.txt; git commit -qam r; git merge -q HEAD@{2} || true; echo x >new",
        Git,
    ),
    (
        "submodule-bare",
        "git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),sub; git commit -qm sub; mkdir sub",
        We,
    ),
    (
        "submodule-gone",
        "git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),sub; git commit -qm sub",
        We,
    ),
    (
        "submodule",
        "git init -q sub; git -C sub commit -q --allow-empty -m one; git add sub 2>/dev/null; git commit -qm sub; git -C sub commit -q --allow-empty -m two",
        Git,
    ),
    (
        "folding",
        "git config --worktree core.ignoreCase true; echo x >new",
        Git,
    ),
    (
        "minimal",
        "git config --worktree core.checkStat minimal; git config --worktree core.trustCtime false; touch a.txt; echo changed >d/b.txt",
        We,
    ),
];

fn base(w: World) -> World {
    w.git(["config", "extensions.worktreeConfig", "true"]).ok();
    let script = "printf '1\\n' >a.txt; mkdir -p d/e build; echo b >d/b.txt; echo c >d/e/c.txt; echo run >run.sh; chmod +x run.sh
        ln -s a.txt link; printf '*.log\\nbuild/\\n!keep.log\\n' >.gitignore; printf '!special.log\\n/e/*.tmp\\n' >d/.gitignore
        echo kept >build/kept; git add .; git add -f build/kept; git commit -qm base";
    w.command("sh", ["-ec", script]).run().ok();
    w
}

/// Notes each time that git is asked for a status, and where.
fn listening(w: &World) -> PathBuf {
    let asked = w.tmp().join("asked");
    let script = format!(
        "for word; do if [ \"$word\" = status ]; then pwd >>'{}'; fi; done\nPATH=${{PATH#*:}} exec git \"$@\"",
        asked.display()
    );
    w.tool("git", &script);
    asked
}

/// Staged, changed, untracked, in conflict.
pub type Counts = [u64; 4];

pub fn by_git(w: &World, dir: &Path) -> Counts {
    let status = [
        "status",
        "--porcelain",
        "-z",
        "-unormal",
        "--no-renames",
        "--ignore-submodules=dirty",
    ];
    let out = w
        .command("git", status)
        .cwd(dir)
        .env("GIT_OPTIONAL_LOCKS", "0");
    let out = out.run();
    let mut counts = Counts::default();
    for line in out.ok().stdout.split('\0').filter(|line| !line.is_empty()) {
        match &line[..2] {
            "??" => counts[2] += 1,
            "DD" | "AU" | "UD" | "UA" | "DU" | "AA" | "UU" => counts[3] += 1,
            marks => {
                counts[0] += u64::from(!marks.starts_with(' '));
                counts[1] += u64::from(!marks.ends_with(' '));
            }
        }
    }
    counts
}

/// What we say of each worktree, by its path.
pub fn by_us(w: &World) -> Vec<(PathBuf, Counts)> {
    let list = w.ccc(["worktree", "list", "--json"]).ok().json();
    let main = w.main_worktree().display().to_string();
    let read = |one: &Value| {
        let path = one["path"]
            .as_str()
            .expect("a path")
            .replace("$REPO", &main);
        let counts = ["staged", "changed", "untracked", "conflicted"];
        let counts = counts.map(|key| one[key].as_u64().unwrap_or_else(|| panic!("{one}")));
        (PathBuf::from(path), counts)
    };
    let all = list["worktrees"].as_array().expect("a list");
    all.iter().map(read).collect()
}

fn every_state(w: World, states: &[State], all_asked: bool) {
    let w = &base(w);
    for (name, script, _) in states {
        let dir = w.worktree(name);
        let aged = "find . -name .git -prune -o -exec touch -hd '1 minute ago' {} +; git update-index -q --refresh";
        let script = format!("{aged}\n{script}");
        w.command("sh", ["-ec", &script]).cwd(&dir).run().ok();
    }
    // Last, for its hooks would run at every commit above.
    set_up(w);
    let asked = listening(w);
    let ours = by_us(w);
    // By then directories have been listed.
    let again = by_us(w);
    let asked = fs::read_to_string(asked).unwrap_or_default();
    let mut wrong = Vec::new();
    for (name, _, who) in states {
        let dir = w.main_worktree().with_file_name(format!("repo.{name}"));
        let found = ours.iter().find(|(path, _)| *path == dir);
        let (_, counts) = found.unwrap_or_else(|| panic!("{name} is listed"));
        let git = by_git(w, &dir);
        let again = again.iter().find(|(path, _)| *path == dir);
        let (_, again) = again.unwrap_or_else(|| panic!("{name} is listed again"));
        if [counts, again] != [&git; 2] {
            wrong.push(format!(
                "{name}: {counts:?}, then {again:?}, and git says {git:?}"
            ));
        }
        let git = asked.lines().any(|line| Path::new(line) == dir);
        if git != (all_asked || *who == Git) {
            wrong.push(format!("{name}: git was asked: {git}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_state_is_counted_as_git_does() {
    every_state(World::new(), STATES, false);
}

#[test]
fn every_state_is_counted_as_git_does_with_sha256() {
    every_state(World::options().sha256().build(), STATES, false);
}

#[test]
fn where_git_alone_reads_the_refs_it_counts() {
    if git_knows_reftable() {
        every_state(World::options().reftable().build(), &STATES[..12], true);
    }
}

#[test]
fn what_is_ignored_everywhere_is_ignored_here() {
    let w = base(World::new());
    set_up(&w);
    let ignores = w.home().join(".config/git/ignore");
    fs::create_dir_all(ignores.parent().expect("a folder")).expect("folders");
    fs::write(ignores, "everywhere\n").expect("a file");
    w.write("everywhere", "x");
    w.write("here", "x");
    assert_eq!(by_us(&w)[0].1, [0, 0, 1, 0]);
    assert_eq!(by_git(&w, &w.repo()), [0, 0, 1, 0]);
}

/// The file of listings; nothing if there is none.
fn listings(w: &World) -> Option<Vec<u8>> {
    fs::read(w.repo().join(".git/ccc/listings")).ok()
}

#[test]
fn directories_are_listed_once_and_again_when_they_change() {
    let w = base(World::new());
    set_up(&w);
    // What has just changed is not relied on, so it is looked at until it is old enough.
    let mut known = None;
    for _ in 0..200 {
        assert_eq!(by_us(&w)[0].1, [0; 4]);
        let now = listings(&w);
        if now.is_some() && now == known {
            break;
        }
        known = now;
    }
    let known = known.expect("listings are kept");
    // A magic word, the device, and a record for each of four directories.
    assert_eq!(known.len(), 8 + 8 + 4 * 36);
    for name in ["d/e/new", "d/new", "new"] {
        w.write(name, "x");
        assert_eq!(by_us(&w)[0].1, [0, 0, 1, 0], "{name}");
        fs::remove_file(w.repo().join(name)).expect("it goes");
        assert_eq!(by_us(&w)[0].1, [0; 4], "{name}");
    }
    // Whatever the file says, it is no more than a hint.
    for bytes in [&b""[..], b"CCCLIST1", &known[..40], &[0; 160], &[255; 4000]] {
        fs::write(w.repo().join(".git/ccc/listings"), bytes).expect("a file");
        w.write("d/new", "x");
        assert_eq!(by_us(&w)[0].1, [0, 0, 1, 0]);
        fs::remove_file(w.repo().join("d/new")).expect("it goes");
    }
}

#[test]
fn what_comes_in_the_moment_of_a_listing_is_seen_by_the_next() {
    let w = base(World::new());
    set_up(&w);
    for round in 0..10 {
        w.write("d/new", "x");
        fs::remove_file(w.repo().join("d/new")).expect("it goes");
        assert_eq!(by_us(&w)[0].1, [0; 4], "round {round}");
        w.write("d/new", "x");
        assert_eq!(by_us(&w)[0].1, [0, 0, 1, 0], "round {round}");
        fs::remove_file(w.repo().join("d/new")).expect("it goes");
    }
}
