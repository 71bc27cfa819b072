//! Finds the line of a finding: the first one in which the commit's file differs from its parent's.

use crate::{
    error::Result,
    features::check::model::{finding::Finding, snapshot::Snapshot},
    git::{Oid, Repo, notes, trees},
};

/// Gives each finding about a file of a commit its line; one that has a line keeps it.
pub fn lines(repo: &Repo, snapshot: &Snapshot, findings: &mut [Finding]) -> Result<()> {
    let of_range = |oid: &String| {
        snapshot
            .commits
            .iter()
            .any(|commit| commit.made.oid == *oid)
    };
    for finding in findings {
        let (Some(file), Some(commit)) = (&finding.place.file, &finding.commit) else {
            continue;
        };
        if finding.place.line == 1 && of_range(commit) {
            finding.place.line = first_change(repo, commit, file)?;
        }
    }
    Ok(())
}

fn first_change(repo: &Repo, commit: &str, file: &str) -> Result<u32> {
    let Ok(oid) = Oid::from_hex(commit.as_bytes()) else {
        return Ok(1);
    };
    let made = notes::read(repo, oid)?;
    let now = text(repo, Some(made.tree), file)?;
    let parent = made.parents.first();
    let parent = parent
        .map(|parent| notes::read(repo, *parent))
        .transpose()?;
    let then = text(repo, parent.map(|parent| parent.tree), file)?;
    let (mut now, mut then) = (now.split(|b| *b == b'\n'), then.split(|b| *b == b'\n'));
    let mut line = 1;
    while let (Some(now), Some(then)) = (now.next(), then.next()) {
        if now != then {
            return Ok(line);
        }
        line += 1;
    }
    Ok(1)
}

fn text(repo: &Repo, tree: Option<Oid>, file: &str) -> Result<Vec<u8>> {
    let Some(tree) = tree else {
        return Ok(Vec::new());
    };
    let found = trees::lookup(repo, tree, file.into())?;
    Ok(super::markers::text(repo, found)?.unwrap_or_default())
}
