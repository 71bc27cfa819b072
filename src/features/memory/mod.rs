//! Memory directories: what agents remember, of which every session has its own copy until it is merged.
//!
//! `refs/ccc/memory/main` is a chain of versions of the agent's own directory for this repository (setting `memory.dir`),
//! `refs/ccc/memory/<namespace>` one of a copy beside it. Each version of a namespace names in `Ccc-Base` the version of main
//! that it was last one with, so that a merge is a true three-way merge even when the copy and its worktree are gone.
//!
//! Invariants: what a directory holds becomes a version before anything is written to it, so every content that was there when a
//! command or a hook looked can be brought back; files are written before refs move, so that a kill leaves a directory
//! that is ahead of its ref and never one that would undo what the ref has; a file that changed since it was looked at is not
//! written, but looked at again; a conflict leaves main as it is and puts all versions side by side; a namespace with
//! anything unmerged is never pruned; a directory that is gone is no empty directory. Only plain files with readable names are
//! taken, none that begins with a dot, and none above 16 MiB.

pub mod cmd;
pub mod dir;
pub mod logic;
pub mod merge;
pub mod model;
pub mod place;
pub mod store;
pub mod tell;
pub mod view;
