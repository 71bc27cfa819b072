//! Patches indexes that git wrote and lets git judge the result.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use git_ccc::git::index::{Change, Entry, Old, Stat, Unsupported, entry, patch};
use gix::hash::Kind;

struct Repo {
    dir: tempfile::TempDir,
    hash: Kind,
}

const HASHES: [Kind; 2] = [Kind::Sha1, Kind::Sha256];

impl Repo {
    fn new(hash: Kind) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let repo = Self { dir, hash };
        let format = if hash == Kind::Sha1 { "sha1" } else { "sha256" };
        repo.git(&["init", "-q", "-b", "main", "--object-format", format]);
        repo
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn run(&self, args: &[&str], env: &[(&str, &str)]) -> (bool, String) {
        let out = Command::new("git")
            .args(args)
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").expect("PATH"))
            .env("HOME", self.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_NAME"), "n")))
            .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_EMAIL"), "e@x")))
            .envs(env.iter().copied())
            .output()
            .expect("git runs");
        let text = [out.stdout, out.stderr].concat();
        (
            out.status.success(),
            String::from_utf8(text).expect("utf-8"),
        )
    }

    fn git(&self, args: &[&str]) -> String {
        let (ok, text) = self.run(args, &[]);
        assert!(ok, "git {args:?}: {text}");
        text
    }

    fn write(&self, path: &str, content: &str) {
        let file = self.path().join(path);
        fs::create_dir_all(file.parent().expect("a parent")).expect("directories");
        fs::write(file, content).expect("written");
    }

    fn index(&self) -> std::path::PathBuf {
        self.path().join(".git/index")
    }

    /// What a commit would do for the path: its state in the working tree.
    fn change(&self, path: &str) -> Change {
        let file = self.path().join(path);
        let Ok(meta) = fs::symlink_metadata(&file) else {
            return Change::Remove { path: path.into() };
        };
        let (mode, oid) = if meta.is_symlink() {
            let target = fs::read_link(&file).expect("a link");
            fs::write(
                self.path().join(".git/tmp"),
                target.as_os_str().as_encoded_bytes(),
            )
            .expect("written");
            (
                0o120_000,
                self.git(&["hash-object", "-w", "--no-filters", ".git/tmp"]),
            )
        } else {
            let mode = if meta.permissions().mode() & 0o100 == 0 {
                0o100_644
            } else {
                0o100_755
            };
            (mode, self.git(&["hash-object", "-w", path]))
        };
        Change::Set {
            path: path.into(),
            oid: gix::ObjectId::from_hex(oid.trim().as_bytes()).expect("an id"),
            mode,
            stat: Stat::from(&meta),
        }
    }

    fn try_patch(&self, changes: &[Change]) -> Result<Vec<u8>, Unsupported> {
        let bytes = fs::read(self.index()).expect("an index");
        let meta = fs::metadata(self.index()).expect("an index");
        let mtime_s = Stat::from(&meta).mtime_s;
        let bytes = &bytes[..];
        patch(Some(Old { bytes, mtime_s }), self.hash, changes)
    }

    fn patch(&self, paths: &[&str]) {
        let changes: Vec<Change> = paths.iter().map(|path| self.change(path)).collect();
        let patched = self.try_patch(&changes).expect("supported");
        let lock = self.path().join(".git/index.lock");
        fs::write(&lock, patched).expect("written");
        fs::rename(lock, self.index()).expect("renamed");
    }

    /// git finds no fault, and its tree is the one of an index without caches.
    fn check(&self) {
        let (ok, text) = self.run(&["fsck", "--strict", "--no-dangling"], &[]);
        assert!(ok && !text.contains("error"), "{text}");
        let staged = self.git(&["ls-files", "-s"]);
        let fresh = [("GIT_INDEX_FILE", ".git/fresh")];
        let _ = fs::remove_file(self.path().join(".git/fresh"));
        for line in staged.lines() {
            let (info, path) = line.split_once('\t').expect("a tab");
            let info: Vec<&str> = info.split(' ').collect();
            let cached = [info[0], info[1], path].join(",");
            let (ok, text) = self.run(&["update-index", "--add", "--cacheinfo", &cached], &fresh);
            assert!(ok, "{text}");
        }
        // Intent-to-add entries belong to no tree, which a plain index cannot know.
        for line in self
            .git(&["diff", "--name-only", "--diff-filter=A"])
            .lines()
        {
            self.run(&["update-index", "--force-remove", line], &fresh);
        }
        let (ok, expected) = self.run(&["write-tree"], &fresh);
        assert!(ok, "{expected}");
        assert_eq!(self.git(&["write-tree"]), expected);
        self.git(&["ls-files", "-s", "--debug"]);
    }

    fn status(&self) -> String {
        self.git(&["status", "--porcelain", "-uall"])
    }

    fn commit(&self) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "m"]);
    }

    fn staged(&self, path: &str) -> Option<Entry> {
        let bytes = fs::read(self.index()).expect("an index");
        entry(&bytes, self.hash, path.into()).expect("supported")
    }

    fn set_mtime(&self, path: &str, seconds: u64) {
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        let file = fs::File::open(self.path().join(path)).expect("a file or a directory");
        file.set_modified(time).expect("an mtime");
    }
}

/// A small generator: each run of the test makes the same trees.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % bound
    }

    fn path(&mut self) -> String {
        let depth = 1 + self.below(3);
        let parts: Vec<&str> = (0..depth)
            .map(|_| ["a", "a-", "a.b", "b", "c0"][self.below(5)])
            .collect();
        parts.join("/")
    }
}

/// Makes the path a file, whatever is in the way; or removes it.
fn upset(repo: &Repo, path: &str, content: usize) {
    let file = repo.path().join(path);
    let mut up = file.parent();
    while let Some(dir) = up.filter(|dir| dir.starts_with(repo.path())) {
        if dir.symlink_metadata().is_ok_and(|meta| !meta.is_dir()) {
            fs::remove_file(dir).expect("removed");
        }
        up = dir.parent();
    }
    let _ = fs::remove_file(&file);
    let _ = fs::remove_dir_all(&file);
    match content {
        0 | 1 => {}
        2 => {
            fs::create_dir_all(file.parent().expect("a parent")).expect("directories");
            symlink("target", file).expect("a link");
        }
        _ => {
            repo.write(path, &"x".repeat(content));
            let mode = if content.is_multiple_of(2) {
                0o755
            } else {
                0o644
            };
            fs::set_permissions(file, fs::Permissions::from_mode(mode)).expect("a mode");
        }
    }
}

#[test]
fn random_edits_give_the_index_that_add_gives() {
    for seed in 0..24 {
        let repo = Repo::new(HASHES[seed % 2]);
        let mut dice = Dice(seed as u64);
        repo.git(&["config", "core.untrackedCache", "true"]);
        for _ in 0..15 {
            let (path, content) = (dice.path(), 2 + dice.below(9));
            upset(&repo, &path, content);
        }
        repo.commit();
        repo.git(&["update-index", "--untracked-cache"]);
        assert_eq!(repo.status(), "");
        for _ in 0..4 {
            let before = repo.git(&["ls-files"]);
            for _ in 0..=dice.below(4) {
                let (path, content) = (dice.path(), dice.below(11));
                upset(&repo, &path, content);
            }
            let now = repo.git(&["ls-files", "-o", "-c"]);
            let all: BTreeSet<&str> = before.lines().chain(now.lines()).collect();
            let paths: Vec<&str> = all
                .into_iter()
                // A path with a file above it is gone, which lstat says too.
                .filter(|path| {
                    !repo.path().join(path).is_dir() || before.lines().any(|p| p == *path)
                })
                .collect();
            let changes: Vec<&str> = paths
                .iter()
                .copied()
                .filter(|p| !repo.path().join(p).is_dir() || repo.path().join(p).is_symlink())
                .collect();
            repo.patch(&changes);
            let gone: Vec<&str> = paths.into_iter().filter(|p| !changes.contains(p)).collect();
            let gone: Vec<Change> = gone
                .iter()
                .map(|p| Change::Remove { path: (*p).into() })
                .collect();
            fs::write(repo.index(), repo.try_patch(&gone).expect("supported")).expect("written");
            repo.check();
            let patched = repo.git(&["ls-files", "-s"]);
            repo.git(&["diff-files", "-q"]);
            assert!(
                !repo
                    .status()
                    .lines()
                    .any(|l| l.starts_with("??") || !l[1..].starts_with(' ')),
                "{}",
                repo.status()
            );
            repo.git(&["add", "-A"]);
            assert_eq!(repo.git(&["ls-files", "-s"]), patched);
            repo.git(&["commit", "-q", "--allow-empty", "-m", "m"]);
            assert_eq!(repo.status(), "");
        }
    }
}

#[test]
fn files_and_directories_replace_each_other() {
    for hash in HASHES {
        let repo = Repo::new(hash);
        for path in ["a/x/1", "a/x/2", "a-b", "a.c/1", "b", "z/only"] {
            repo.write(path, path);
        }
        repo.commit();
        fs::remove_dir_all(repo.path().join("a")).expect("removed");
        repo.write("a", "file");
        repo.patch(&["a"]);
        repo.check();
        assert_eq!(repo.git(&["ls-files"]), "a\na-b\na.c/1\nb\nz/only\n");
        fs::remove_file(repo.path().join("b")).expect("removed");
        repo.write("b/deep/file", "1");
        repo.patch(&["b/deep/file"]);
        repo.check();
        fs::remove_dir_all(repo.path().join("z")).expect("removed");
        repo.patch(&["z/only"]);
        repo.check();
        assert_eq!(repo.git(&["ls-files"]), "a\na-b\na.c/1\nb/deep/file\n");
        // The tree cache that is left must serve git's own next commit.
        repo.git(&["commit", "-q", "-m", "m"]);
        assert_eq!(
            repo.git(&["ls-tree", "-r", "--name-only", "HEAD"]),
            repo.git(&["ls-files"])
        );
        assert_eq!(repo.status(), "");
    }
}

#[test]
fn only_the_named_path_is_staged() {
    for hash in HASHES {
        let repo = Repo::new(hash);
        for path in ["d/one", "d/two", "e/three"] {
            repo.write(path, "old");
        }
        repo.commit();
        for path in ["d/one", "d/two", "e/three"] {
            repo.write(path, "newer");
        }
        repo.git(&["add", "e/three"]);
        repo.patch(&["d/one"]);
        repo.check();
        assert_eq!(repo.status(), "M  d/one\n M d/two\nM  e/three\n");
    }
}

#[test]
fn intent_to_add_becomes_an_entry() {
    for hash in HASHES {
        let repo = Repo::new(hash);
        repo.write("d/kept", "1");
        repo.commit();
        repo.write("d/new", "2");
        repo.write("d/other", "3");
        repo.git(&["add", "-N", "d/new", "d/other"]);
        let before = repo.staged("d/new").expect("there");
        assert_ne!(before.flags & Entry::INTENT_TO_ADD, 0);
        repo.patch(&["d/new"]);
        repo.check();
        assert_eq!(repo.staged("d/new").expect("there").flags >> 16, 0);
        assert_eq!(repo.status(), "A  d/new\n A d/other\n");
    }
}

#[test]
fn conflict_stages_give_way() {
    for hash in HASHES {
        let repo = Repo::new(hash);
        repo.write("d/f", "base");
        repo.write("d/g", "base");
        repo.commit();
        repo.git(&["checkout", "-q", "-b", "side"]);
        repo.write("d/f", "side");
        repo.write("d/g", "side");
        repo.commit();
        repo.git(&["checkout", "-q", "main"]);
        repo.write("d/f", "main");
        repo.write("d/g", "main");
        repo.commit();
        let (merged, _) = repo.run(&["merge", "side"], &[]);
        assert!(!merged);
        assert_eq!(repo.staged("d/f").expect("there").stage, 1);
        repo.write("d/f", "done");
        fs::remove_file(repo.path().join("d/g")).expect("removed");
        repo.patch(&["d/f", "d/g"]);
        repo.check();
        assert_eq!(repo.staged("d/f").expect("there").stage, 0);
        assert_eq!(repo.staged("d/g"), None);
        assert_eq!(repo.status(), "M  d/f\nD  d/g\n");
    }
}

#[test]
fn racily_clean_entries_stay_suspect() {
    let repo = Repo::new(Kind::Sha1);
    repo.write("racy", "one");
    repo.write("other", "one");
    repo.git(&["config", "core.trustctime", "false"]);
    repo.set_mtime("racy", 1_700_000_000);
    repo.commit();
    // The same size, inode and mtime: only the index mtime tells that it may differ.
    repo.write("racy", "two");
    repo.set_mtime("racy", 1_700_000_000);
    repo.set_mtime(".git/index", 1_700_000_000);
    repo.write("other", "changed");
    let size = |text: &str| text.contains("size: 0\t");
    repo.patch(&["other"]);
    assert!(size(&repo.git(&["ls-files", "--debug", "racy"])));
    assert!(!size(&repo.git(&["ls-files", "--debug", "other"])));
    assert_eq!(repo.status(), "M  other\n M racy\n");
}

#[test]
fn the_untracked_cache_survives_and_tells_the_truth() {
    for hash in HASHES {
        let repo = Repo::new(hash);
        for path in ["d/one", "d/e/two", "three"] {
            repo.write(path, "1");
        }
        repo.commit();
        repo.write("d/unknown", "1");
        repo.write("u/unknown", "no rename");
        repo.git(&["update-index", "--force-untracked-cache"]);
        let untracked = |paths: &str| assert_eq!(repo.git(&["status", "--porcelain"]), paths);
        untracked("?? d/unknown\n?? u/\n");
        let has_cache = || {
            let bytes = fs::read(repo.index()).expect("an index");
            let at = bytes.windows(4).position(|w| w == b"UNTR");
            at.map(|at| u32::from_be_bytes(bytes[at + 4..at + 8].try_into().expect("four")))
        };
        let racy = has_cache().expect("a cache");
        repo.write("d/one", "22");
        // An index no younger than the directories, so what is cached of them is not to be trusted.
        repo.set_mtime(".git/index", 1_700_000_000);
        repo.patch(&["d/one"]);
        let emptied = has_cache().expect("still on");
        assert!(emptied < racy);
        untracked("M  d/one\n?? d/unknown\n?? u/\n");

        for directory in ["d", "d/e", "u", "."] {
            repo.set_mtime(directory, 1_700_000_000);
        }
        repo.git(&["update-index", "--force-write-index"]);
        untracked("M  d/one\n?? d/unknown\n?? u/\n");
        repo.git(&["update-index", "--force-write-index"]);
        let settled = has_cache().expect("a cache");
        assert!(settled > emptied);
        repo.write("d/one", "333");
        repo.patch(&["d/one"]);
        assert_eq!(has_cache(), Some(settled));
        repo.write("d/later", "1");
        untracked("M  d/one\n?? d/later\n?? d/unknown\n?? u/\n");

        repo.patch(&["u/unknown"]);
        assert!(has_cache().expect("still on") < settled);
        untracked("M  d/one\nA  u/unknown\n?? d/later\n?? d/unknown\n");
        fs::write(repo.path().join("three"), "gone soon").expect("written");
        let change = Change::Remove {
            path: "three".into(),
        };
        fs::write(repo.index(), repo.try_patch(&[change]).expect("supported")).expect("written");
        untracked("M  d/one\nD  three\nA  u/unknown\n?? d/later\n?? d/unknown\n?? three\n");
        repo.check();
    }
}

#[test]
fn a_first_index_is_made_from_nothing() {
    for hash in HASHES {
        let repo = Repo::new(hash);
        repo.write("d/one", "1");
        repo.write("two", "2");
        let changes = ["two", "d/one"].map(|path| repo.change(path));
        let bytes = patch(None, hash, &changes).expect("supported");
        fs::write(repo.index(), bytes).expect("written");
        repo.check();
        assert_eq!(repo.status(), "A  d/one\nA  two\n");
    }
}

#[test]
fn other_kinds_of_index_are_left_to_git() {
    let repo = Repo::new(Kind::Sha1);
    repo.write("d/one", "1");
    repo.write("e/two", "1");
    repo.commit();
    repo.git(&["update-index", "--index-version", "4"]);
    assert_eq!(repo.try_patch(&[]), Err(Unsupported::Version(4)));
    repo.git(&["update-index", "--index-version", "2"]);
    repo.git(&["update-index", "--split-index"]);
    assert_eq!(repo.try_patch(&[]), Err(Unsupported::Split));
    repo.git(&["update-index", "--no-split-index"]);
    repo.git(&["sparse-checkout", "set", "--cone", "--sparse-index", "d"]);
    assert_eq!(repo.try_patch(&[]), Err(Unsupported::Sparse));
}

#[test]
fn a_skipped_checksum_suits_git() {
    let repo = Repo::new(Kind::Sha1);
    repo.git(&["config", "index.skipHash", "true"]);
    repo.write("one", "1");
    repo.commit();
    repo.write("one", "22");
    repo.patch(&["one"]);
    assert_eq!(
        fs::read(repo.index()).expect("an index").rchunks(20).next(),
        Some(&[0; 20][..])
    );
    repo.check();
    assert_eq!(repo.status(), "M  one\n");
}
