//! Shared files: what several sessions write and no branch keeps apart, such as an agent's settings or a skills index.
//!
//! `refs/ccc/files/<id>` (hub): one chain of versions a file, told apart by its real path; each commit has the file alone
//! in its tree, and `Ccc-Number`, `Ccc-Act`, `Ccc-By`, `Ccc-Read` in its message. `git log -p` reads it. Beside it, in the
//! hub's own folder: a lock file a file, which version each reader knows (`known/`), what a write was about to do (`doing/`)
//! and what waits to be written (`queue/`). A lost `known/` makes writers read again, no more; without `queue/` each waits for
//! its turn.
//!
//! Invariants:
//! - A write merges three-way against what its writer had read; without that it replaces nothing. A conflict leaves the
//!   file alone and keeps what was meant (`refused`).
//! - What was changed without us becomes a version before anything of ours is written.
//! - A reader sees a whole version: files are replaced by a rename in their directory, with mode, owner, links and line
//!   ends kept. What does not parse never replaces what does.
//! - A kill at any moment leaves the file as it was or as it was to be, and the next command puts the right name to it.
//! - What a writer knows is never newer than what it was shown: a merge that its writer has not read does not count as
//!   known to it.

pub mod claims;
pub mod cmd;
pub mod decide;
pub mod disk;
pub mod error;
pub mod hints;
pub mod known;
pub mod logic;
pub mod model;
pub mod order;
pub mod place;
pub mod queue;
pub mod shared;
pub mod store;
pub mod view;
pub mod write;
