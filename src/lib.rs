//! `git ccc`: many sessions and people on one repository, without losing each other's work.
//!
//! ```text
//! cli ──► features ──► { ui, git } ──► base      error env clock host proc fs settings ctx: beside
//! ```
//!
//! | ref | content | feature |
//! |---|---|---|
//! | `refs/ccc/log` | every transition, one commit each | `git::log` |
//! | `refs/ccc/claims/<id>` | the lock refs: one tag object per live claim | `features::claim` |
//! | `refs/ccc/sessions/<tag>` | one tag object per session | `features::session` |
//! | `refs/notes/ccc/chat` | the room: one commit a message, a line in the note of the commit it is about | `features::chat`, letters `features::inbox` |
//! | `refs/ccc/wip/<tag>` | a session's snapshots of uncommitted work, each a stash to plain git | `features::wip` |
//! | `refs/ccc/files/<id>` (hub) | versions of a shared file | `features::file` |
//!
//! Rules: refs are written only by `git update-ref --stdin` (`git::refs`); a
//! decision is pure (`features/*/logic.rs`) and is taken again when its swap is
//! lost; text from others is data. There is no stability promise for this
//! library: the commands, their JSON and the records are the interface.

pub mod base;
pub mod clock;
pub mod env;
pub mod error;
pub mod fs;
pub mod host;
pub mod proc;
pub mod settings;

pub mod git;
pub mod ui;

pub mod ctx;
pub mod features;

pub mod cli;
