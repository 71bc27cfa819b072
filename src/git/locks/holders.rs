//! Who could hold a lock file: git closes it while it holds it, so only the processes themselves can tell.
//!
//! git of C is found by its name; other programs hold a ref's lock for milliseconds or keep it open.

use crate::{
    git::Repo,
    host::{self, Seen},
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// What is asked about a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// Of a ref that nobody but this tool and git's packing writes.
    Ours,
    /// Anybody's.
    Shared,
}

/// Which commands touch a ref that is ours.
const OUR_WRITERS: &[&str] = &[
    "update-ref",
    "notes",
    "pack-refs",
    "refs",
    "fetch",
    "receive-pack",
    "fast-import",
];
/// Which commands live long and never hold a lock of a ref.
const READERS: &[&str] = &[
    "blame",
    "cat-file",
    "credential-cache",
    "credential-cache--daemon",
    "daemon",
    "diff",
    "fsmonitor--daemon",
    "grep",
    "help",
    "log",
    "reflog",
    "rev-list",
    "shortlog",
    "show",
    "upload-pack",
];
/// Start times are counted in hundredths of a second, times of files in the ticks of a coarse clock.
const SLACK: Duration = Duration::from_secs(2);

/// Returns the processes that could hold a lock of this age; nothing where the host does not show them.
pub fn of(repo: &Repo, path: &Path, age: Duration, lock: Lock) -> Option<Vec<Seen>> {
    let roots = roots(repo);
    let could = |seen: &Seen| {
        seen.age + SLACK >= age
            && (seen.has_open(path) || is_git(seen) && works(seen, lock) && is_here(seen, &roots))
    };
    Some(host::processes()?.into_iter().filter(could).collect())
}

fn is_git(seen: &Seen) -> bool {
    seen.command == "git" || seen.command.starts_with("git-") && seen.command != "git-ccc"
}

fn works(seen: &Seen, lock: Lock) -> bool {
    let args = seen.args();
    let Some(command) = subcommand(&args) else {
        return true;
    };
    match lock {
        Lock::Ours => OUR_WRITERS.contains(&command),
        Lock::Shared => !READERS.contains(&command),
    }
}

/// Returns the command in git's own arguments; a script that stands for git has its interpreter before them.
fn subcommand(args: &[String]) -> Option<&str> {
    let name = |arg: &String| arg.rsplit('/').next().unwrap_or_default().to_owned();
    let start = args.iter().position(|arg| {
        let name = name(arg);
        name == "git" || name.starts_with("git-")
    })?;
    if let Some((_, command)) = args[start].rsplit_once("git-") {
        return Some(command);
    }
    let mut rest = args[start + 1..].iter();
    while let Some(arg) = rest.next() {
        if !arg.starts_with('-') {
            return Some(arg);
        }
        let takes_value = [
            "-c",
            "-C",
            "--git-dir",
            "--work-tree",
            "--namespace",
            "--config-env",
        ];
        if takes_value.contains(&arg.as_str()) {
            rest.next();
        }
    }
    None
}

/// Tells whether a git works on this repository, as far as it shows; what it hides counts against it.
fn is_here(seen: &Seen, roots: &[PathBuf]) -> bool {
    let inside = |path: &Path| roots.iter().any(|root| path.starts_with(root));
    let args = seen.args();
    let told = args.iter().enumerate().find_map(|(n, arg)| {
        let value = match arg.strip_prefix("--git-dir") {
            Some("") => args.get(n + 1).map(String::as_str),
            Some(rest) => rest.strip_prefix('='),
            None => None,
        };
        value.map(PathBuf::from)
    });
    match (told, seen.cwd()) {
        (Some(dir), _) if dir.is_absolute() => dir.canonicalize().map_or(true, |dir| inside(&dir)),
        (Some(_), _) | (None, None) => true,
        (None, Some(cwd)) => inside(&cwd) || seen.has_variable("GIT_DIR").unwrap_or(true),
    }
}

/// The directories in which a git that works here stands: the git directory and every worktree.
fn roots(repo: &Repo) -> Vec<PathBuf> {
    let common = repo.common_dir();
    let mut roots = vec![common.to_owned()];
    roots.extend(repo.worktree().map(Path::to_owned));
    if common.ends_with(".git") {
        roots.extend(common.parent().map(Path::to_owned));
    }
    let linked = std::fs::read_dir(common.join("worktrees"));
    for entry in linked.into_iter().flatten().flatten() {
        let text = std::fs::read_to_string(entry.path().join("gitdir")).unwrap_or_default();
        let path = entry.path().join(text.trim());
        roots.extend(path.parent().and_then(|root| root.canonicalize().ok()));
    }
    roots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_found_behind_options_and_interpreters() {
        let read = |line: &str| {
            let args: Vec<String> = line.split(' ').map(str::to_owned).collect();
            subcommand(&args).map(str::to_owned)
        };
        assert_eq!(read("git commit -m log").as_deref(), Some("commit"));
        assert_eq!(
            read("/usr/bin/git -c a=b --git-dir /x --no-pager log").as_deref(),
            Some("log")
        );
        assert_eq!(
            read("/bin/sh /x/bin/git --git-dir=/x update-ref --stdin").as_deref(),
            Some("update-ref")
        );
        assert_eq!(
            read("/usr/libexec/git-upload-pack .").as_deref(),
            Some("upload-pack")
        );
        assert_eq!(read("git"), None);
        assert_eq!(read("cat x"), None);
    }
}
