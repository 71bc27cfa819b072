//! Gathers what is judged: claims and their ends from the log, commits from branches and reflogs.

use super::{
    logic,
    model::{Account, Breach, Made, Override, Period},
};
use crate::{
    base::{id::SessionTag, scope::Scope, time::Timestamp},
    ctx::Ctx,
    error::{Context, Error, Kind, Result},
    features::claim::{
        lost::AGAIN,
        store::{self as claims, About},
    },
    git::{
        Oid, Repo, changes,
        log::{self, Entry},
        run,
    },
};
use gix::bstr::ByteSlice;
use std::collections::BTreeMap;

/// How far back the log is read.
const MAX_ENTRIES: usize = 2000;
/// How many commits and reflog lines are looked at.
const MAX_COMMITS: usize = 2000;
/// How many breaches are told.
const MAX_TOLD: usize = 20;
/// Reasons of the log for a claim that held until that very entry.
const HELD_TILL_THEN: &[&str] = &["released", "commit", "committed", "absorbed"];
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
    let mut periods: Vec<Period> = snapshot
        .state
        .live()
        .map(|claim| Period {
            claim: claim.id.clone(),
            session: claim.record.session.clone(),
            scopes: claim.record.scopes.clone(),
            from: claim.record.taken,
            to: None,
        })
        .collect();
    let (account, ended) = read_log(repo, snapshot.tip.oid)?;
    periods.extend(ended);
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
        if !periods.iter().any(|period| period.held_at(&commit)) {
            continue;
        }
        if let Some(before) = arrival.before
            && changes::tree_of(repo, before).ok() == Some(changes::tree_of(repo, oid)?)
        {
            // The same files under another message: what it took the place of is judged.
            reworded.insert(before.to_string(), commit.oid);
            continue;
        }
        commit.parents = parents(repo, oid)?;
        commit.paths = changes::of_commit(repo, oid)?
            .iter()
            .filter_map(|path| Scope::literal(&path.to_str_lossy()).ok())
            .collect();
        commits.push(commit);
    }
    let mut told = Vec::new();
    for breach in logic::breaches(&commits, &periods, &account, snapshot.state.fold) {
        // What was taken back again is over.
        if told.len() < MAX_TOLD && lives_on(repo, &breach.oid, &reworded)? {
            told.push(breach);
        }
    }
    Ok(told)
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

/// Reads what the log says of commits, and the claims that have been given back.
fn read_log(repo: &Repo, tip: Oid) -> Result<(Account, Vec<Period>)> {
    let (mut account, mut ended) = (Account::default(), Vec::new());
    let mut ends: BTreeMap<String, Timestamp> = BTreeMap::new();
    let mut again: BTreeMap<String, Period> = BTreeMap::new();
    for entry in log::walk(repo, tip).take(MAX_ENTRIES) {
        let entry = entry?;
        let one = |key| entry.trailers(key).next();
        let by: Option<SessionTag> = one("Ccc-Session").and_then(|tag| tag.parse().ok());
        let mut maker = |oid: &str| {
            if let Some(by) = &by {
                let makers = account.makers.entry(oid.to_owned()).or_default();
                makers.insert(by.clone());
            }
        };
        entry.trailers("Ccc-Commit").for_each(&mut maker);
        entry
            .trailers("Ccc-Rewrite")
            .filter_map(|pair| Some(pair.split_once(' ')?.1))
            .for_each(&mut maker);
        if one("Ccc-Override").is_some() {
            let own = entry.trailers("Ccc-Commit").map(str::to_owned);
            account.overridden.extend(own);
        }
        if let (Some("override"), Some(base)) = (one("Ccc-Act"), one("Ccc-Base")) {
            account.overrides.push(override_of(repo, &entry, base));
        }
        for id in given_back(&entry) {
            let to = time(repo, entry.oid)?;
            match again.remove(id) {
                Some(period) => ended.push(Period {
                    to: Some(to),
                    ..period
                }),
                None => drop(ends.insert(id.to_owned(), to)),
            }
        }
        let said_again = one(AGAIN).is_some();
        for (id, scopes) in taken(&entry) {
            let (Some(by), Ok(claim)) = (&by, id.parse()) else {
                continue;
            };
            let to = ends.remove(id);
            let period = Period {
                claim,
                session: by.clone(),
                scopes,
                from: time(repo, entry.oid)?,
                to,
            };
            if to.is_some() {
                ended.push(period);
            } else if said_again {
                // Its end may have been logged before it was said again.
                again.insert(id.to_owned(), period);
            }
        }
    }
    Ok((account, ended))
}

/// Returns the claims that held until an entry.
fn given_back(entry: &Entry) -> impl Iterator<Item = &str> {
    entry.trailers("Ccc-Gone").filter_map(|gone| {
        let (id, why) = gone.split_once(' ')?;
        HELD_TILL_THEN.contains(&why).then_some(id)
    })
}

/// Returns the claims an entry granted: each is followed by its scopes.
fn taken(entry: &Entry) -> Vec<(&str, Vec<Scope>)> {
    let mut found: Vec<(&str, Vec<Scope>)> = Vec::new();
    for line in entry.message.lines() {
        if let Some(id) = line.strip_prefix("Ccc-Claim: ") {
            found.push((id, Vec::new()));
        } else if let (Some(text), Some((_, scopes))) =
            (line.strip_prefix("Ccc-Scope: "), found.last_mut())
        {
            scopes.extend(Scope::parse(text).ok());
        } else if line.starts_with("Ccc-Renewed: ") {
            // The scopes that follow are of a claim that was granted before.
            break;
        }
    }
    found
}

fn override_of(repo: &Repo, entry: &Entry, base: &str) -> Override {
    let grand = Oid::from_hex(base.as_bytes())
        .ok()
        .and_then(|oid| parents(repo, oid).ok());
    Override {
        base: base.to_owned(),
        grand: grand.unwrap_or_default(),
        paths: entry
            .trailers("Ccc-Path")
            .filter_map(|path| Scope::parse(path).ok())
            .collect(),
        capped: entry.trailers("Ccc-Paths").next().is_some(),
    }
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

fn time(repo: &Repo, commit: Oid) -> Result<Timestamp> {
    let unreadable = || format!("commit {commit} cannot be read");
    let object = repo
        .gix()
        .find_commit(commit)
        .context(Kind::Internal, unreadable)?;
    let time = object.time().context(Kind::Internal, unreadable)?;
    Timestamp::from_unix(time.seconds).ok_or_else(|| Error::internal(unreadable()))
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
