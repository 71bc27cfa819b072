//! The commit lane: a commit of exactly the named paths that lands although siblings commit.
//!
//! `git commit --only` semantics, except that naming a path or directory also
//! takes the new files in it (ignored ones stay out), as `git add` would: a
//! session that names its directory means its work there. Without paths it
//! takes everything changed under the session's claims.
//!
//! Two lanes, one queue (a flock per worktree). The *fast* lane builds the tree
//! from HEAD and the named files in process, and moves HEAD and `refs/ccc/log`
//! in one transaction; any claim taken meanwhile moves the log and makes it
//! decide again. The *stock* lane lets `git commit` itself run on a private
//! index while `index.lock` is held, so that foreign hooks, signing, editors and
//! every option of git are git's own.
//!
//! Invariants: the commit contains what was named and nothing else; it lands
//! once; nobody's staged or unstaged work changes; a path held by another is
//! refused; after a kill the next commit finishes or forgets it (`git::adopt`).

pub mod announce;
pub mod cmd;
pub mod fast;
pub mod logic;
pub mod model;
pub mod options;
pub mod own;
mod pathspec_file;
pub mod stock;
pub mod store;
pub mod view;
