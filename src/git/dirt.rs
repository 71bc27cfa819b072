//! How much of a worktree is uncommitted, counted in process: what `git status` says, without starting it for each worktree.
//!
//! Nothing is written and no lock is taken. Renames are not looked for, submodules are compared by their commit alone, a
//! directory of which git tracks nothing counts as one.

use crate::{
    error::{Context, Kind, Result},
    git::{
        Repo,
        repo::Backend,
        status::{self, Work},
    },
};
use gix::status::{
    Item, Submodule, UntrackedFiles, index_worktree::iter::Summary, tree_index::TrackRenames,
};
use std::collections::BTreeSet;

/// Paths that differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dirt {
    /// Between HEAD and the index.
    pub staged: u32,
    /// Between the index and the files.
    pub changed: u32,
    /// Not tracked.
    pub untracked: u32,
    /// In a merge that is not finished.
    pub conflicted: u32,
}

impl Dirt {
    /// Tells whether nothing differs.
    pub fn is_clean(&self) -> bool {
        *self == Dirt::default()
    }
}

/// Counts what differs in a worktree.
pub fn count(repo: &Repo) -> Result<Dirt> {
    if repo.backend() == Backend::Foreign {
        return asked(repo);
    }
    let unseen = || "the worktree cannot be looked at".to_owned();
    let mut platform = repo
        .gix()
        .status(gix::progress::Discard)
        .context(Kind::Setup, unseen)?
        .untracked_files(UntrackedFiles::Collapsed)
        .tree_index_track_renames(TrackRenames::Disabled)
        .index_worktree_rewrites(None)
        .index_worktree_submodules(Submodule::Given {
            ignore: gix::submodule::config::Ignore::Dirty,
            check_dirty: false,
        });
    // Whoever looks at many worktrees looks at several at once.
    platform = platform.index_worktree_options_mut(|options| options.thread_limit = Some(1));
    let mut dirt = Dirt::default();
    let mut conflicted = BTreeSet::new();
    for item in platform.into_iter(None).context(Kind::Setup, unseen)? {
        match item.context(Kind::Setup, unseen)? {
            Item::TreeIndex(_) => dirt.staged += 1,
            Item::IndexWorktree(item) => match item.summary() {
                Some(Summary::Conflict) => {
                    conflicted.insert(item.rela_path().to_owned());
                }
                Some(Summary::Added) => dirt.untracked += 1,
                Some(_) => dirt.changed += 1,
                None => {}
            },
        }
    }
    dirt.conflicted = u32::try_from(conflicted.len()).unwrap_or(u32::MAX);
    Ok(dirt)
}

/// The same, asked of git, where only git reads the refs.
fn asked(repo: &Repo) -> Result<Dirt> {
    let status = status::status(repo, false)?;
    let mut dirt = Dirt {
        untracked: u32::try_from(status.untracked.len()).unwrap_or(u32::MAX),
        ..Dirt::default()
    };
    for tracked in &status.tracked {
        if tracked.unmerged {
            dirt.conflicted += 1;
            continue;
        }
        dirt.staged += u32::from(tracked.head != tracked.index);
        dirt.changed += u32::from(tracked.work != Work::Same);
    }
    Ok(dirt)
}
