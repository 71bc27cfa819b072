//! For doctor: commits that came to be here, by branches and reflogs, and the claims of the log's last entries.

use super::ledger;
use crate::{
    base::{id::SessionTag, scope::Scope, time::Timestamp},
    ctx::Ctx,
    error::{Context, Kind, Result},
    features::{
        check::{
            logic::breach,
            model::{Breach, Made, Period},
        },
        claim::store::{self as claims, About, Snapshot},
    },
    git::{Oid, Repo, changes, run, trees},
};
use gix::bstr::ByteSlice;
use std::collections::BTreeMap;

/// How far back the log is read.
const MAX_ENTRIES: usize = 2000;
/// How many commits and reflog lines are looked at.
const MAX_COMMITS: usize = 2000;
/// How many breaches are told.
const MAX_TOLD: usize = 20;
/// What a reflog says of a commit that was made here; plumbing may say nothing at all.
const MADE_HERE: &[&str] = &[
    "commit",
    "cherry-pick",
    "revert",
    "am",
    "rebase",
    "merge",
    "fast-import",
    "push",
    "",
];
/// All heads: branches and what each worktree has checked out, without other refs.
const HEADS: &[&str] = &["--exclude=refs/[!h]*", "--all"];

/// Finds the commits that nothing accounts for, of branches as they are now.
pub fn breaches(ctx: &Ctx) -> Result<Vec<Breach>> {
    let repo = ctx.repo()?;
    let snapshot = claims::load(repo, ctx.now(), About::Everything)?;
    let seen = ledger::read(repo, snapshot.tip.oid, MAX_ENTRIES).0;
    let (mut periods, account) = (seen.periods, seen.account);
    note_present(&snapshot, &seen.seen, &mut periods);
    let Some(since) = periods.iter().map(|period| period.from).min() else {
        return Ok(Vec::new());
    };
    let (mut commits, mut reworded) = (Vec::new(), BTreeMap::new());
    for (oid, arrival) in made(repo, since)? {
        let mut commit = Made {
            oid: oid.to_string(),
            parents: Vec::new(),
            at: arrival.at,
            paths: Vec::new(),
        };
        if !periods.iter().any(|period| period.held_at(&commit, false)) {
            continue;
        }
        if let Some(before) = arrival.before
            && trees::of(repo, before).ok() == Some(trees::of(repo, oid)?)
        {
            // The same files under another message: what it took the place of is judged.
            reworded.insert(before.to_string(), commit.oid);
            continue;
        }
        commit.parents = parents(repo, oid)?;
        commit.paths = changes::of_commit(repo, oid)?
            .iter()
            .filter_map(|path| Scope::nearest(&path.to_str_lossy()))
            .collect();
        commits.push(commit);
    }
    let mut told = Vec::new();
    for breach in breach::first_breaches(&commits, &periods, &account, snapshot.state.fold) {
        // What was taken back again is over.
        if told.len() < MAX_TOLD && lives_on(repo, &breach.oid, &reworded)? {
            told.push(breach);
        }
    }
    Ok(told)
}

/// What is held now is known better here than from the log: whose holder is gone, and what began before what was read.
fn note_present(
    snapshot: &Snapshot,
    seen: &BTreeMap<SessionTag, Timestamp>,
    periods: &mut Vec<Period>,
) {
    let state = &snapshot.state;
    periods.retain(|period| {
        state.released.contains(&period.claim) || !snapshot.oids.contains_key(&period.claim)
    });
    let held = state.claims.iter();
    periods.extend(
        held.filter(|claim| !state.released.contains(&claim.id))
            .map(|claim| {
                let record = &claim.record;
                let live = state.ended(claim).is_none();
                let sure = seen.get(&record.session).copied().unwrap_or(record.taken);
                // Nothing says when a holder that is gone went.
                let gone = state.dead.contains(&record.session);
                let until = if gone {
                    record.until.min(sure)
                } else {
                    record.until
                };
                Period {
                    claim: claim.id.clone(),
                    session: record.session.clone(),
                    scopes: record.scopes.clone(),
                    from: record.taken,
                    to: (!live).then_some(until),
                    sure: (!live).then_some(sure),
                }
            }),
    );
}

/// How a commit came to be here.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    at: Timestamp,
    /// A reflog says that it was made here.
    here: bool,
    /// What the branch was before, if a reflog says.
    before: Option<Oid>,
}

/// Returns the commits that came to be here since a time, and how.
fn made(repo: &Repo, since: Timestamp) -> Result<BTreeMap<Oid, Arrival>> {
    let limit = format!("--max-count={MAX_COMMITS}");
    let after = format!("--since={since}");
    // What a remote has was made elsewhere.
    let cmd = run::read(repo)
        .args(["log", "--format=%H %ct", "--no-show-signature", &limit])
        .arg(after)
        .args(HEADS)
        .args(["--not", "--remotes", "--"]);
    let out = run::checked(cmd, "list the commits of branches")?;
    let mut found: BTreeMap<Oid, Arrival> =
        out.stdout_text().lines().filter_map(commit_line).collect();
    // A committer's time is what the committer says; a reflog's is when it came. And what was pushed since is still ours.
    let cmd = run::read(repo)
        .args(["log", "-g", "--format=%H %gd %gs", "--date=unix"])
        .args(["--no-show-signature", &limit])
        .args(HEADS)
        .arg("--");
    let out = run::checked(cmd, "read the reflogs of branches")?;
    for (oid, arrival) in first_arrivals(&out.stdout_text()) {
        if arrival.here && arrival.at > since {
            found.insert(oid, arrival);
        }
    }
    Ok(found)
}

fn commit_line(line: &str) -> Option<(Oid, Arrival)> {
    let (oid, at) = line.split_once(' ')?;
    let arrival = Arrival {
        at: Timestamp::from_unix(at.parse().ok()?)?,
        here: false,
        before: None,
    };
    Some((Oid::from_hex(oid.as_bytes()).ok()?, arrival))
}

/// Reads reflogs, newest first and mixed: when a commit was first seen, and what was there before.
fn first_arrivals(text: &str) -> BTreeMap<Oid, Arrival> {
    let lines: Vec<_> = text.lines().filter_map(reflog_line).collect();
    let (mut first, mut last) = (BTreeMap::<Oid, Arrival>::new(), BTreeMap::new());
    for (name, oid, mut arrival) in lines.into_iter().rev() {
        arrival.before = last.insert(name, oid);
        let known = first.entry(oid).or_insert(arrival);
        if arrival.at < known.at || arrival.at == known.at && arrival.here && !known.here {
            *known = arrival;
        }
    }
    first
}

/// Reads `<oid> <name>@{<seconds>} <what happened>`.
fn reflog_line(line: &str) -> Option<(&str, Oid, Arrival)> {
    let (oid, rest) = line.split_once(' ')?;
    let (name, rest) = rest.split_once("@{")?;
    let (at, said) = rest.split_once('}')?;
    let said = said.trim_start();
    let word = said.split([' ', ':']).next().unwrap_or_default();
    let forward =
        word == "merge" && said.ends_with("Fast-forward") || said.starts_with("rebase (start)");
    let arrival = Arrival {
        at: Timestamp::from_unix(at.parse().ok()?)?,
        here: MADE_HERE.contains(&word) && !forward,
        before: None,
    };
    Some((name, Oid::from_hex(oid.as_bytes()).ok()?, arrival))
}

fn parents(repo: &Repo, commit: Oid) -> Result<Vec<String>> {
    let unreadable = || format!("commit {commit} cannot be read");
    let object = repo
        .gix()
        .find_commit(commit)
        .context(Kind::Internal, unreadable)?;
    Ok(object.parent_ids().map(|id| id.to_string()).collect())
}

/// Tells whether a commit, or what took its place with the same files, is on a branch.
fn lives_on(repo: &Repo, commit: &str, reworded: &BTreeMap<String, String>) -> Result<bool> {
    let mut commit = commit;
    for _ in 0..MAX_TOLD {
        if is_on_a_branch(repo, commit)? {
            return Ok(true);
        }
        match reworded.get(commit) {
            Some(next) => commit = next,
            None => break,
        }
    }
    Ok(false)
}

fn is_on_a_branch(repo: &Repo, commit: &str) -> Result<bool> {
    let cmd = run::read(repo).args([
        "for-each-ref",
        "--count=1",
        "--format=%(refname)",
        "--contains",
        commit,
        "refs/heads/",
    ]);
    let out = run::checked(cmd, "look for a commit on the branches")?;
    if !out.stdout.is_empty() {
        return Ok(true);
    }
    let cmd = run::read(repo).args(["merge-base", "--is-ancestor", commit, "HEAD"]);
    Ok(cmd.run()?.ok())
}
