//! git commands that take uncommitted work of others away, or along.

use super::shell;

/// What a command would do to what is not committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// Takes it away.
    Discard,
    /// Puts it into this session's commit.
    Sweep,
    /// Removes a worktree.
    RemoveTree,
    /// Deletes branches, whatever they have.
    DeleteBranch,
}

/// One command that may do harm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Danger {
    /// The command, as it was understood.
    pub command: String,
    /// What it would do.
    pub harm: Harm,
    /// Directories that were changed into before it, in order.
    pub dirs: Vec<String>,
    /// What it is limited to; nothing is the whole worktree.
    pub paths: Vec<String>,
    /// Files that git does not track are meant.
    pub untracked: bool,
    /// Files that git tracks are meant.
    pub tracked: bool,
    /// Files that git ignores are meant too.
    pub ignored: bool,
}

/// Options of git itself that are followed by a value.
const VALUED: &[&str] = &[
    "-c",
    "--git-dir",
    "--work-tree",
    "--namespace",
    "--exec-path",
    "--config-env",
];
/// Finds the dangerous commands of a shell line.
pub fn find(line: &str) -> Vec<Danger> {
    if !line.contains("git") {
        return Vec::new();
    }
    let all = shell::simple(line).into_iter();
    all.filter(|simple| simple.program == "git")
        .filter_map(|simple| {
            let args: Vec<&str> = simple.args.iter().map(String::as_str).collect();
            git(&args, simple.dirs)
        })
        .collect()
}

fn git(args: &[&str], mut dirs: Vec<String>) -> Option<Danger> {
    let mut args = args.iter().copied();
    let name = loop {
        let arg = args.next()?;
        if arg == "-C" {
            dirs.push(args.next()?.to_owned());
        } else if VALUED.contains(&arg) {
            args.next()?;
        } else if !arg.starts_with('-') {
            break arg;
        }
    };
    let args: Vec<&str> = args.collect();
    let (harm, paths, untracked, tracked) = judge(name, &args)?;
    let parts = Args::new(&args);
    let ignored = match name {
        "clean" => parts.has(&[], 'x') || parts.has(&[], 'X'),
        "stash" => parts.has(&["--all"], 'a'),
        "worktree" => true,
        _ => false,
    };
    let command = std::iter::once("git")
        .chain([name])
        .chain(args)
        .collect::<Vec<_>>()
        .join(" ");
    Some(Danger {
        command,
        harm,
        dirs,
        paths: paths.into_iter().map(str::to_owned).collect(),
        untracked,
        tracked,
        ignored,
    })
}

/// Arguments, taken apart.
struct Args<'a> {
    options: Vec<&'a str>,
    plain: Vec<&'a str>,
    /// What follows `--`.
    after: Option<Vec<&'a str>>,
}

impl<'a> Args<'a> {
    fn new(args: &[&'a str]) -> Self {
        let end = args.iter().position(|arg| *arg == "--");
        let (before, after) = args.split_at(end.unwrap_or(args.len()));
        let (options, plain) = before.iter().partition(|arg| arg.starts_with('-'));
        Args {
            options,
            plain,
            after: end.map(|_| after.iter().skip(1).copied().collect()),
        }
    }

    fn has(&self, long: &[&str], short: char) -> bool {
        self.options.iter().any(|option| {
            long.contains(option) || (!option.starts_with("--") && letters(option).contains(short))
        })
    }

    fn paths(&self) -> Vec<&'a str> {
        self.plain
            .iter()
            .chain(self.after.iter().flatten())
            .copied()
            .collect()
    }
}

/// The letters of a cluster of short options, up to one that takes the rest for its value.
fn letters(option: &str) -> &str {
    let cluster = option.trim_start_matches('-');
    let end = cluster.find(['m', 'F', 'C', 'c', 't', 'e', 'b', 'B', 's']);
    &cluster[..end.unwrap_or(cluster.len())]
}

type Verdict<'a> = (Harm, Vec<&'a str>, bool, bool);

fn judge<'a>(name: &str, args: &[&'a str]) -> Option<Verdict<'a>> {
    let args = Args::new(args);
    let discard = |paths| Some((Harm::Discard, paths, false, true));
    match name {
        // `--merge` takes what is staged away, `--keep` nothing.
        "reset"
            if args
                .options
                .iter()
                .any(|o| matches!(*o, "--hard" | "--merge")) =>
        {
            discard(Vec::new())
        }
        "branch" => {
            let forced = args
                .options
                .iter()
                .any(|o| !o.starts_with("--") && o.contains('D'));
            let deletes = args.has(&["--delete"], 'd') && args.has(&["--force"], 'f');
            (forced || deletes).then(|| (Harm::DeleteBranch, args.plain.clone(), false, false))
        }
        "stash" => stash(&args),
        "checkout" => checkout(&args),
        "switch" if args.has(&["--force", "--discard-changes"], 'f') => discard(Vec::new()),
        "restore" => {
            let staged = args.has(&["--staged"], 'S');
            let kept = staged && !args.has(&["--worktree"], 'W');
            (!kept && !args.paths().is_empty()).then(|| (Harm::Discard, args.paths(), false, true))
        }
        "clean" if args.has(&["--force"], 'f') && !args.has(&["--dry-run"], 'n') => {
            Some((Harm::Discard, args.paths(), true, false))
        }
        "worktree" => match args.plain.as_slice() {
            ["remove", path] => Some((Harm::RemoveTree, vec![path], false, false)),
            _ => None,
        },
        "commit" if args.has(&["--all"], 'a') => Some((Harm::Sweep, Vec::new(), false, true)),
        "add" => {
            let all = args.has(&["--all", "--no-ignore-removal"], 'A')
                || args
                    .paths()
                    .iter()
                    .any(|path| matches!(*path, "." | "./" | ":/" | "*"));
            let update = args.has(&["--update"], 'u');
            (all || update).then(|| (Harm::Sweep, args.paths(), !update, true))
        }
        _ => None,
    }
}

fn checkout<'a>(args: &Args<'a>) -> Option<Verdict<'a>> {
    let discard = |paths| Some((Harm::Discard, paths, false, true));
    match (&args.after, args.plain.as_slice()) {
        (Some(paths), _) if !paths.is_empty() => discard(paths.clone()),
        _ if args.has(&["--force"], 'f') => discard(Vec::new()),
        // With a new branch the rest is where it starts.
        _ if args
            .options
            .iter()
            .any(|o| matches!(*o, "-b" | "-B" | "--orphan" | "-t" | "--track")) =>
        {
            None
        }
        (_, [one]) => discard(vec![one]),
        (_, [_, paths @ ..]) if !paths.is_empty() => discard(paths.to_vec()),
        _ => None,
    }
}

fn stash<'a>(args: &Args<'a>) -> Option<Verdict<'a>> {
    let pushed = match args.plain.first() {
        None | Some(&"push" | &"save") => !args.has(&["--patch", "--staged"], 'p'),
        Some(_) => false,
    };
    let untracked = args.has(&["--include-untracked", "--all"], 'u') || args.has(&[], 'a');
    let mut paths: Vec<&str> = args.after.iter().flatten().copied().collect();
    if args.plain.first() == Some(&"push")
        && !args
            .options
            .iter()
            .any(|o| o.starts_with("-m") || *o == "--message")
    {
        paths.extend(args.plain.iter().skip(1));
    }
    pushed.then_some((Harm::Discard, paths, untracked, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn harms(line: &str) -> Vec<(Harm, Vec<String>)> {
        find(line)
            .into_iter()
            .map(|danger| (danger.harm, danger.paths))
            .collect()
    }

    #[test]
    fn what_takes_work_away_is_seen_and_what_does_not_is_not() {
        let all = Vec::<String>::new;
        let one = |path: &str| vec![path.to_owned()];
        for (line, harm, paths) in [
            ("git stash", Harm::Discard, all()),
            ("git stash push -u -m 'x y'", Harm::Discard, all()),
            ("git stash push -- a", Harm::Discard, one("a")),
            (
                "git -c a=b -C sub reset --hard origin/main",
                Harm::Discard,
                all(),
            ),
            ("git checkout -- src", Harm::Discard, one("src")),
            ("git checkout .", Harm::Discard, one(".")),
            ("git checkout HEAD a.rs", Harm::Discard, one("a.rs")),
            ("git checkout -f main", Harm::Discard, all()),
            ("git restore a.rs", Harm::Discard, one("a.rs")),
            ("git clean -fdx", Harm::Discard, all()),
            ("git reset --merge", Harm::Discard, all()),
            ("git branch -D x", Harm::DeleteBranch, one("x")),
            ("git branch -d --force x", Harm::DeleteBranch, one("x")),
            ("git branch -rD o/x", Harm::DeleteBranch, one("o/x")),
            (
                "FOO=1 sudo /usr/bin/git clean --force d",
                Harm::Discard,
                one("d"),
            ),
            ("bash -lc 'git reset --hard'", Harm::Discard, all()),
            ("git commit -am 'all of it'", Harm::Sweep, all()),
            ("git add -A", Harm::Sweep, all()),
            ("git add .", Harm::Sweep, one(".")),
            (
                "git worktree remove --force ../w",
                Harm::RemoveTree,
                one("../w"),
            ),
        ] {
            assert_eq!(harms(line), [(harm, paths)], "{line}");
        }
        for line in [
            "git status",
            "git stash list",
            "git stash pop",
            "git reset --soft HEAD~1",
            "git checkout -b new origin/main",
            "git clean -n",
            "git clean -fn",
            "git commit -m 'fix -a'",
            "git commit -mall",
            "git add src/a.rs",
            "git restore --staged a",
            "echo git reset --hard",
            "grep -r 'git stash' .",
            "git commit --amend",
            "git worktree list",
            "legit stash",
        ] {
            assert_eq!(harms(line), [], "{line}");
        }
    }

    #[test]
    fn it_is_known_where() {
        let found = find("cd a && git -C b stash");
        assert_eq!(found[0].dirs, ["a", "b"]);
        assert_eq!(found[0].command, "git stash");
    }
}
