//! Reads the commits of a range, and finds those that have the holder's own content.

use super::range::Resolved;
use crate::{
    base::{
        scope::{Fold, Scope},
        time::Timestamp,
    },
    error::Result,
    features::check::{
        logic::breach,
        model::{
            Made,
            snapshot::{Commit, Ledger},
        },
    },
    git::{Oid, Repo, changes, notes, trees},
};
use gix::bstr::ByteSlice;
use std::collections::{BTreeMap, BTreeSet};

/// No more commits of a holder than this are compared with one that nobody accounts for.
const COMPARED: usize = 200;

/// Reads the commits, oldest first.
pub fn read(repo: &Repo, resolved: &Resolved) -> Result<Vec<Commit>> {
    resolved.commits.iter().map(|oid| one(repo, *oid)).collect()
}

fn one(repo: &Repo, oid: Oid) -> Result<Commit> {
    let link = notes::read(repo, oid)?;
    let (mut files, mut paths) = (Vec::new(), Vec::new());
    for path in changes::of_commit(repo, oid)? {
        let path = path.to_str_lossy().into_owned();
        if let Some(scope) = Scope::nearest(&path) {
            files.push(path);
            paths.push(scope);
        }
    }
    Ok(Commit {
        made: Made {
            oid: oid.to_string(),
            parents: link.parents.iter().map(ToString::to_string).collect(),
            at: Timestamp::from_unix(link.published).unwrap_or(link.at),
            paths,
        },
        files,
        authored: link.at,
        message: link.message,
    })
}

/// Notes the commits that no hook saw and that change what is held to what the holder made of it: a squash, a rebase.
pub fn note_copies(repo: &Repo, commits: &[Commit], ledger: &mut Ledger, fold: Fold) -> Result<()> {
    let mut by_maker: BTreeMap<_, Vec<Oid>> = BTreeMap::new();
    for (oid, makers) in &ledger.account.makers {
        let known = Oid::from_hex(oid.as_bytes()).ok();
        if let Some(oid) = known.filter(|oid| repo.gix().has_object(*oid)) {
            for maker in makers {
                by_maker.entry(maker.clone()).or_default().push(oid);
            }
        }
    }
    let mut copies = BTreeSet::new();
    for commit in commits {
        if ledger.account.makers.contains_key(&commit.made.oid) {
            continue;
        }
        let found = breach::breaches(&commit.made, &ledger.periods, &ledger.account, fold);
        for breach in found {
            let own = by_maker.get(&breach.period.session);
            let held: Vec<&str> = commit
                .paths()
                .filter(|(_, path)| {
                    let scopes = &breach.period.scopes;
                    scopes.iter().any(|scope| scope.overlaps(path, fold))
                })
                .map(|(file, _)| file)
                .collect();
            if are_copies(repo, commit, &held, own.map_or(&[], Vec::as_slice))? {
                copies.insert((commit.made.oid.clone(), breach.period.claim.clone()));
            }
        }
    }
    ledger.account.copies = copies;
    Ok(())
}

/// Tells whether each of the files is as one of these commits made it.
fn are_copies(repo: &Repo, commit: &Commit, files: &[&str], own: &[Oid]) -> Result<bool> {
    let Some(tree) = tree(repo, &commit.made.oid)? else {
        return Ok(false);
    };
    let own: Vec<Oid> = own.iter().rev().take(COMPARED).copied().collect();
    for file in files {
        let now = trees::lookup(repo, tree, (*file).into())?;
        let mut same = false;
        for other in &own {
            let made = changes::of_commit(repo, *other)?;
            let then = || trees::lookup(repo, trees::of(repo, *other)?, (*file).into());
            if made.iter().any(|path| path == file) && then()? == now {
                same = true;
                break;
            }
        }
        if !same {
            return Ok(false);
        }
    }
    Ok(!files.is_empty())
}

/// Returns the tree of a commit that is here.
pub fn tree(repo: &Repo, oid: &str) -> Result<Option<Oid>> {
    let oid = Oid::from_hex(oid.as_bytes()).ok();
    match oid.filter(|oid| repo.gix().has_object(*oid)) {
        Some(oid) => trees::of(repo, oid).map(Some),
        None => Ok(None),
    }
}
