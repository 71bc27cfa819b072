//! Finds what is not decided in memory: conflict markers in a namespace, and namespaces that no merge could join with main.
//!
//! A version of a namespace names in `Ccc-Base` the version of main that it was last one with; that, main and the namespace
//! are merged here as they would be, and nothing is written.

use super::markers;
use crate::{
    base::merge::{self, Kind, Labels},
    error::Result,
    features::check::model::snapshot::Marker,
    git::{Oid, Repo, changes, notes, refs, trees},
};
use gix::bstr::{BString, ByteSlice};
use std::collections::BTreeSet;

/// The refs of memory.
const PREFIX: &str = "refs/ccc/memory/";
/// The namespace that all others are merged into.
const MAIN: &str = "main";
/// Names the version of main that a namespace was last one with.
const BASE: &str = "Ccc-Base: ";

/// Finds what is not decided.
pub fn open(repo: &Repo) -> Result<Vec<Marker>> {
    let (mut found, all) = (Vec::new(), refs::list(repo, PREFIX)?);
    let main = all
        .iter()
        .find(|(name, _)| name.strip_prefix(PREFIX) == Some(MAIN));
    for (name, tip) in &all {
        let link = notes::read(repo, *tip)?;
        let tree = link.tree;
        for path in changes::between(repo, None, Some(tree))? {
            let file = trees::lookup(repo, tree, path.as_bstr())?;
            for block in markers::blocks(repo, file)? {
                found.push(marker(name, &path, block.line, block.text));
            }
        }
        let base = link
            .message
            .lines()
            .rev()
            .find_map(|line| line.strip_prefix(BASE)?.parse::<Oid>().ok());
        if let (Some((_, main)), Some(base)) = (main.filter(|(main, _)| main != name), base) {
            let trees = [base, *main].map(|oid| trees::of(repo, oid));
            let [Ok(base), Ok(main)] = trees else {
                // What it comes from was not fetched, so nothing says what a merge would do.
                continue;
            };
            clashes(repo, name, [base, main, tree], &mut found)?;
        }
    }
    Ok(found)
}

fn marker(name: &str, path: &BString, line: u32, text: String) -> Marker {
    Marker {
        path: format!("{name}:{}", path.to_str_lossy()),
        line,
        text,
        commit: None,
    }
}

/// Merges base, main and a namespace, and keeps what is left to decide.
fn clashes(
    repo: &Repo,
    name: &str,
    [base, main, theirs]: [Oid; 3],
    found: &mut Vec<Marker>,
) -> Result<()> {
    let changed = |to: Oid| changes::between(repo, Some(base), Some(to));
    let ours: BTreeSet<BString> = changed(main)?.into_iter().collect();
    for path in changed(theirs)? {
        if !ours.contains(&path) {
            continue;
        }
        let of = |tree: Oid| trees::lookup(repo, tree, path.as_bstr());
        let files = [of(base)?, of(main)?, of(theirs)?];
        if files[1] == files[2] {
            continue;
        }
        let read = |file| markers::text(repo, file);
        let [before, ours, theirs] = [read(files[0])?, read(files[1])?, read(files[2])?];
        let (Some(ours), Some(theirs)) = (ours, theirs) else {
            let text = "one side removed what the other changed".to_owned();
            found.push(marker(name, &path, 1, text));
            continue;
        };
        let labels = Labels {
            base: "base",
            ours: MAIN,
            theirs: name,
        };
        let kind = Kind::of(path.to_str_lossy().as_ref(), &ours);
        let merged = merge::merge(kind, before.as_deref(), &ours, &theirs, &labels);
        for conflict in merged.conflicts {
            let line = conflict.at.strip_prefix("line ");
            let line = line.and_then(|line| line.parse().ok()).unwrap_or(1);
            found.push(marker(name, &path, line, format!("at {:?}", conflict.at)));
        }
    }
    Ok(())
}
