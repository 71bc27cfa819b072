//! Snapshots of uncommitted work: `git ccc wip save|list|show|restore|drop`, and the same made by the agents' hooks.
//!
//! `refs/ccc/wip/<tag>` is a chain of commits, the newest first, written by that session alone. Each is a stash to plain
//! git (`git stash show -p --include-untracked ID`, `git stash apply ID`), with the snapshot before it as one more parent:
//!
//! | place | content |
//! |---|---|
//! | tree | the tracked files as they stand in the worktree, on top of the index |
//! | parent 1 | HEAD; it keeps the commits of a branch that is deleted later |
//! | parent 2 | a commit of the index: what was staged, kept apart |
//! | parent 3 | a commit of the files that git does not track |
//! | parent 4 | the snapshot before; then the tips of branches that are about to be deleted |
//! | message | what and where in words, and `Ccc-` trailers for machines |
//!
//! Decisions. Bytes are kept **as they stand on disk** (no clean filter runs: not CRLF, not LFS): what comes back is what
//! was there, and a hook runs no program that a repository names; a diff against HEAD of such a file shows every line.
//! A snapshot has all the dirt of its worktree, whoever made it; the claims say whose a path is, when it is restored.
//! Two states are the same if the same paths hold the same bytes; a HEAD that moved alone makes no snapshot.
//!
//! Invariants: a snapshot changes no index, no file and no ref but its own, takes no lock of the index, and enters no
//! repository within the worktree; nothing is written when nothing changed; what is left out (too large, unreadable, a
//! repository of its own) is said, and a restore never touches it. A restore writes only paths that were dirty then; by
//! default those whose change is gone now, never over what it could not save first, never where another live session
//! holds the path, never through a link. The chain is bounded by `[wip] keep` and `age`, thinned with growing distance.

pub mod cmd;
pub mod logic;
pub mod model;
pub mod store;
pub mod view;
