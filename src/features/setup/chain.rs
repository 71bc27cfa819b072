//! What doctor finds about the log itself: whether it can be read, counts up, and has lost anything.
//!
//! Nothing here removes anything. What a lost swap dropped is said again by `--fix` (`features/claim/lost.rs`); a
//! tip that cannot be read has a command that goes back to the newest entry that can; the rest is shown.

use super::logic::{self, End, Finding, Link};
use crate::{
    ctx::Ctx,
    error::Result,
    features::claim::lost,
    git::{
        Oid, Repo,
        log::{self, REF},
        notes, refs,
        repo::Backend,
    },
};

/// How much of the log is checked.
const MOST: usize = 10_000;
/// How many entries of the reflog are tried for one that can be read.
const TRIED: usize = 100;

/// Examines the log of a repository that has one.
pub fn examine(ctx: &Ctx, fix: bool) -> Result<Vec<Finding>> {
    let repo = ctx.repo()?;
    let mut findings = dropped(ctx, repo, fix)?;
    let (links, end) = read(repo, log::tip(repo)?.oid);
    findings.extend(logic::judge_log(&links, &end));
    Ok(findings)
}

/// Says what to do about a tip that cannot be read.
pub fn unreadable(repo: &Repo, why: &str) -> Finding {
    let bad = refs::find(repo, REF).ok().flatten();
    let lines = refs::reflog(repo, REF, lost::ALL).unwrap_or_default();
    let good = lines
        .iter()
        .rev()
        .map(|(_, new)| *new)
        .take(TRIED)
        .find(|new| Some(*new) != bad && log::entry(repo, *new).is_ok());
    let repair = match (good, bad) {
        // What cannot be read is in no use; that it was there stays in the reflog.
        (Some(good), Some(bad)) => format!("git update-ref {REF} {good} {bad}"),
        _ => format!("git cat-file -p {REF}"),
    };
    Finding::error("log-unreadable", why.to_owned(), repair)
}

/// Finds what lost swaps have dropped, and says it again if asked to.
fn dropped(ctx: &Ctx, repo: &Repo, fix: bool) -> Result<Vec<Finding>> {
    // A reftable compares under the lock of all refs: there is nothing to lose.
    if repo.backend() == Backend::Foreign {
        return Ok(Vec::new());
    }
    let Some(lines) = refs::reflog(repo, REF, lost::ALL).filter(|lines| !lines.is_empty()) else {
        let fact = "the log has no reflog, so a lost entry cannot be seen".to_owned();
        let look = format!("git reflog show {REF}");
        return Ok(vec![Finding::warning("log-no-reflog", fact, look)]);
    };
    let swaps = refs::broken_pairs(&lines);
    if swaps.is_empty() {
        return Ok(Vec::new());
    }
    let ends: Vec<Oid> = swaps.into_iter().map(|(end, _)| end).collect();
    let tip = log::tip(repo)?;
    let missing = match lost::missing(&ends, tip.oid, |oid| log::entry(repo, oid)) {
        Ok(missing) => missing,
        Err(error) => {
            let fact = format!("what the log has lost cannot be told: {error}");
            return Ok(vec![Finding::error("log-lost-swap", fact, "git fsck")]);
        }
    };
    let mut findings: Vec<Finding> = missing
        .entries
        .iter()
        .map(|entry| logic::lost(&entry.oid.to_string(), &entry.message))
        .collect();
    if fix && !findings.is_empty() {
        let guard = log::lock(repo)?;
        lost::put_back(ctx, &guard, lost::ALL)?;
        findings = findings.into_iter().map(Finding::fixed).collect();
    }
    let unreadable = missing.unreadable.iter().map(|oid| {
        let fact = format!("log entry {oid} was lost and cannot be read");
        Finding::error("log-lost-swap", fact, "git fsck")
    });
    findings.extend(unreadable);
    Ok(findings)
}

/// Reads the log as far as it can be read.
fn read(repo: &Repo, tip: Oid) -> (Vec<Link>, End) {
    let (mut links, mut next) = (Vec::new(), Some(tip));
    while let Some(oid) = next {
        if links.len() == MOST {
            return (links, End::FarEnough);
        }
        let Ok(link) = notes::read(repo, oid) else {
            return (links, End::Unreadable(oid.to_string()));
        };
        next = link.parents.first().copied();
        let fence = link.message.lines();
        let mut fence = fence.filter_map(|line| line.strip_prefix("Ccc-Fence: "));
        links.push(Link {
            oid: oid.to_string(),
            parents: link.parents.len(),
            fence: fence.next_back().and_then(|text| text.parse().ok()),
        });
    }
    (links, End::Begin)
}
