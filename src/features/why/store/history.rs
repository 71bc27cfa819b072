//! Blame and changes, asked of git; prose of git is shown and never parsed.

use crate::{
    ctx::Ctx,
    error::{Context, Error, Kind, Result},
    features::why::{
        logic::{blame, change},
        model::{Added, Blamed, Line, Target},
    },
    fs::read_capped,
    git::{Repo, run},
};
use std::path::{Component, Path, PathBuf};

/// A file of more bytes is nobody's text.
const LARGEST: usize = 16 * 1024 * 1024;
/// A commit of more files is an import: then only the file itself is looked at.
const FILES: usize = 300;

/// Returns where a typed path is, from the repository's root.
pub fn inside(ctx: &Ctx, repo: &Repo, typed: &str) -> Result<String> {
    let Some(root) = repo.worktree() else {
        return Ok(typed.to_owned());
    };
    let mut path = PathBuf::new();
    for part in ctx.cwd().join(typed).components() {
        match part {
            Component::ParentDir => _ = path.pop(),
            Component::CurDir => {}
            other => path.push(other),
        }
    }
    let below = path.strip_prefix(root).ok();
    let below = below.and_then(Path::to_str).filter(|path| !path.is_empty());
    below.map(str::to_owned).ok_or_else(|| {
        Error::usage(format!("{} is no file of this repository", path.display()))
            .hint("git ccc why --help")
    })
}

/// Tells whether there is such a file: here, or in a commit.
pub fn exists(ctx: &Ctx, repo: &Repo, rev: Option<&str>, typed: &str) -> bool {
    let Ok(path) = inside(ctx, repo, typed) else {
        return false;
    };
    let here = repo.worktree().map(|root| root.join(&path));
    if rev.is_none() && here.is_some_and(|path| path.is_file()) {
        return true;
    }
    let name = format!("{}:{path}", rev.unwrap_or("HEAD"));
    let asked = run::read(repo).args(["cat-file", "-e", &name]).run();
    asked.is_ok_and(|out| out.ok())
}

/// Finds the commit of a name.
pub fn commit(repo: &Repo, name: &str) -> Result<String> {
    let wanted = format!("{name}^{{commit}}");
    let out = run::read(repo)
        .args(["rev-parse", "--verify", "--quiet", "--end-of-options"])
        .arg(&wanted)
        .run()?;
    if !out.ok() {
        return Err(Error::usage(format!(
            "{} names no commit",
            crate::base::text::one_line(name, 80)
        ))
        .hint("git log --oneline -n 10"));
    }
    Ok(out.stdout_text().trim().to_owned())
}

/// Finds the commits that wrote the lines: moved and copied ones are followed, white space is nobody's. Or, if they are
/// not `followed`, the commits that brought them to where they are, as they are.
pub fn blame(
    repo: &Repo,
    path: &str,
    target: &Target,
    commit: Option<&str>,
    followed: bool,
) -> Result<Vec<Blamed>> {
    if commit.is_none() && !is_tracked(repo, path)? {
        return untracked(repo, path, target);
    }
    let mut cmd = run::read(repo).args(["blame", "--line-porcelain"]);
    if followed {
        cmd = cmd.args(["-w", "-M", "-C"]);
    }
    if let Some((from, to)) = target.lines {
        cmd = cmd.arg("-L").arg(format!("{from},{to}"));
    }
    let out = cmd.args(commit).arg("--").arg(path).run()?;
    if !out.ok() {
        let said = out.stderr_text();
        let said = said.lines().next().unwrap_or_default();
        let typed = crate::base::text::one_line(&target.path, 120);
        return Err(Error::no(format!("git cannot say who brought {typed}"))
            .because(crate::base::text::one_line(said, 200)));
    }
    Ok(blame::parse(&out.stdout_text()))
}

fn is_tracked(repo: &Repo, path: &str) -> Result<bool> {
    if repo.worktree().is_none() {
        return Ok(true);
    }
    let out = run::checked(
        run::read(repo)
            .env("GIT_LITERAL_PATHSPECS", "1")
            .args(["ls-files", "-z", "--", path]),
        "list the file",
    )?;
    Ok(!out.stdout.is_empty())
}

/// Reads a file that git does not know yet.
fn untracked(repo: &Repo, path: &str, target: &Target) -> Result<Vec<Blamed>> {
    let full = repo.require_worktree()?.join(path);
    let unreadable = || format!("{} cannot be read", full.display());
    let text = match read_capped(&full, LARGEST) {
        Ok(Some(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
        Ok(None) => {
            return Err(Error::no(format!(
                "there is no file {}",
                crate::base::text::one_line(&target.path, 120)
            )));
        }
        Err(error) => return Err(error).context(Kind::Setup, unreadable),
    };
    let (from, to) = target.lines.unwrap_or((1, u32::MAX));
    let lines: Vec<Line> = (1..)
        .zip(text.lines())
        .filter(|(number, _)| (from..=to).contains(number))
        .map(|(number, text)| Line {
            number,
            original: number,
            text: text.to_owned(),
        })
        .collect();
    if lines.is_empty() {
        return Err(Error::no(format!(
            "{} has no such line",
            crate::base::text::one_line(&target.path, 120)
        )));
    }
    Ok(vec![Blamed {
        path: path.to_owned(),
        lines,
        ..Blamed::default()
    }])
}

/// Finds all that a change adds; of a commit, or of what is not committed.
pub fn added(repo: &Repo, blamed: &Blamed) -> Result<Vec<Added>> {
    let diff = [
        "-p",
        "-U0",
        "-M",
        "--no-ext-diff",
        "--no-textconv",
        "--no-color",
    ];
    let prefix = ["--src-prefix=a/", "--dst-prefix=b/"];
    let cmd = run::read(repo).env("GIT_LITERAL_PATHSPECS", "1");
    let cmd = match &blamed.commit {
        None if repo.worktree().is_none() => return Ok(Vec::new()),
        None => {
            let cmd = cmd.arg("diff-index").args(diff).args(prefix);
            cmd.args(["HEAD", "--", &blamed.path])
        }
        Some(commit) => {
            let names = [
                "--root",
                "-r",
                "--no-commit-id",
                "--name-only",
                "-z",
                commit,
            ];
            let names = run::checked(
                run::read(repo).arg("diff-tree").args(names),
                "list what a commit changed",
            )?;
            let many = memchr::memchr_iter(0, &names.stdout).count() > FILES;
            let cmd = cmd
                .args(["diff-tree", "--root", "-r", "--no-commit-id", "--cc"])
                .args(diff)
                .args(prefix)
                .args([commit, "--"]);
            if many { cmd.arg(&blamed.path) } else { cmd }
        }
    };
    let out = cmd.run()?;
    // Before the first commit there is no HEAD to compare with.
    if !out.ok() && blamed.commit.is_none() {
        return Ok(Vec::new());
    }
    if !out.ok() {
        return Err(run::failure("show what a commit changed", &out));
    }
    Ok(change::added(&out.stdout_text()))
}
