//! Templates of sessions: what a worktree for one kind of work gets, says and leases.
//!
//! A template is `NAME.toml` and, beside it, `NAME.md` with the steps of the work (`templates/README.md` lists what both
//! may hold). It is looked for in the user's `~/.config/git-ccc/templates`, then in the repository's `.ccc/templates`, then
//! among those that are compiled in (feature, debug, refactor).
//!
//! Invariants: reading a template runs nothing and writes nothing; its paths stay below the root of the worktree; a command
//! in it can be shown, and comes out for running only as [`crate::settings::Trusted`]; an unknown key is an error that
//! names it; every text and list is bounded.

pub mod cmd;
pub mod logic;
pub mod model;
pub mod store;
pub mod view;
