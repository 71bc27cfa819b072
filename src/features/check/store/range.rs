//! Which commits are judged: `A..B`, `A...B`, a revision, or what the branch has that its upstream lacks.

use crate::{
    base::{
        text::{one_line, shell},
        time::Timestamp,
    },
    error::{Error, Result},
    features::check::model::snapshot::{Range, Target},
    git::{Oid, Repo, notes, run},
    proc::Cmd,
};

/// More commits than this are not one change.
const MOST: usize = 100_000;

/// A range, as objects.
#[derive(Debug)]
pub struct Resolved {
    /// As it is reported.
    pub range: Range,
    /// Its newest commit.
    pub tip: Oid,
    /// What it is merged into.
    pub target: Option<Oid>,
    /// The newest commit that both have.
    pub base: Option<Oid>,
    /// Its commits, oldest first.
    pub commits: Vec<Oid>,
}

/// git, without replaced objects: they are one clone's own.
fn git(repo: &Repo) -> Cmd {
    run::read(repo).arg("--no-replace-objects")
}

/// Resolves a range.
pub fn resolve(repo: &Repo, range: Option<&str>) -> Result<Resolved> {
    let (target, tip) = match range {
        None => (upstream(repo)?, "HEAD".to_owned()),
        Some(range) => {
            let sides = range.split_once("...").or_else(|| range.split_once(".."));
            let or_head = |side: &str| if side.is_empty() { "HEAD" } else { side }.to_owned();
            match sides {
                Some((target, tip)) => (Some(or_head(target)), or_head(tip)),
                None => (None, range.to_owned()),
            }
        }
    };
    let tip = commit(repo, &tip)?;
    let mut list = git(repo).args(["rev-list", "--reverse", "--topo-order"]);
    list = list
        .arg(format!("--max-count={}", MOST + 1))
        .arg(tip.to_string());
    let target = target
        .map(|name| Ok::<_, Error>((commit(repo, &name)?, name)))
        .transpose()?;
    if let Some((target, _)) = &target {
        list = list.arg("--not").arg(target.to_string());
    }
    let out = run::checked(list.arg("--"), "list the commits of the range")?;
    let text = out.stdout_text();
    let commits: Vec<Oid> = text
        .lines()
        .filter_map(|line| Oid::from_hex(line.as_bytes()).ok())
        .collect();
    if commits.len() > MOST {
        return Err(Error::usage(format!(
            "the range has more than {MOST} commits, which are no one change"
        ))
        .hint("git ccc check HEAD~100..HEAD"));
    }
    let (mut range, mut base) = (Range::default(), None);
    range.tip = tip.to_string();
    if let Some((oid, name)) = &target {
        base = merge_base(repo, *oid, tip)?;
        range.target = Some(Target {
            name: name.clone(),
            oid: oid.to_string(),
            at: when(repo, *oid)?,
            base: match base {
                Some(base) => Some((base.to_string(), when(repo, base)?)),
                None => None,
            },
            behind: behind(repo, *oid, tip)?,
        });
    }
    Ok(Resolved {
        range,
        tip,
        target: target.map(|(oid, _)| oid),
        base,
        commits,
    })
}

/// Without a range: what this branch has beyond its upstream, or beyond the remote's own branch.
fn upstream(repo: &Repo) -> Result<Option<String>> {
    for name in ["@{upstream}", "refs/remotes/origin/HEAD"] {
        let found = git(repo)
            .args(["rev-parse", "--quiet", "--verify", "--end-of-options"])
            .arg(format!("{name}^{{commit}}"))
            .run()?;
        if found.ok() {
            return Ok(Some(name.to_owned()));
        }
    }
    Ok(None)
}

fn commit(repo: &Repo, name: &str) -> Result<Oid> {
    let found = git(repo)
        .args(["rev-parse", "--quiet", "--verify", "--end-of-options"])
        .arg(format!("{name}^{{commit}}"))
        .run()?;
    let text = found.stdout_text();
    Oid::from_hex(text.trim().as_bytes())
        .ok()
        .filter(|_| found.ok())
        .ok_or_else(|| {
            let shown = one_line(name, 100);
            let error = Error::usage(format!("{shown} names no commit that is here"));
            match name.split_once('/') {
                Some((remote, branch)) if !remote.is_empty() && !branch.is_empty() => {
                    let fetch = format!(
                        "git fetch {} {}",
                        shell(remote),
                        shell(&one_line(branch, 100))
                    );
                    error.hint(fetch)
                }
                _ => error.hint("git branch --all"),
            }
        })
}

fn merge_base(repo: &Repo, one: Oid, other: Oid) -> Result<Option<Oid>> {
    let out = git(repo)
        .args(["merge-base", &one.to_string(), &other.to_string()])
        .run()?;
    let text = out.stdout_text();
    Ok(Oid::from_hex(text.trim().as_bytes())
        .ok()
        .filter(|_| out.ok()))
}

fn behind(repo: &Repo, target: Oid, tip: Oid) -> Result<u32> {
    let cmd = git(repo)
        .args(["rev-list", "--count", &target.to_string()])
        .args(["--not", &tip.to_string(), "--"]);
    let out = run::checked(cmd, "count the commits of the target")?;
    Ok(out.stdout_text().trim().parse().unwrap_or(u32::MAX))
}

/// When a commit was committed.
pub fn when(repo: &Repo, oid: Oid) -> Result<Timestamp> {
    let link = notes::read(repo, oid)?;
    Ok(Timestamp::from_unix(link.published).unwrap_or(link.at))
}
