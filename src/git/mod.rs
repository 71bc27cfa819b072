//! The only code that runs git or opens a repository; it knows no feature.
//!
//! gix reads (refs, objects, trees, index), git writes refs: gix's ref
//! transactions accept what git refuses and can lose other people's branches.

pub mod adopt;
pub mod bulk_checkin;
pub mod changes;
pub mod content;
pub mod dirt;
pub mod folder;
pub mod history;
pub mod hooks;
pub mod identity;
pub mod index;
pub mod locks;
pub mod log;
pub mod loose;
pub mod notes;
pub mod objects;
mod pack;
pub mod refs;
pub mod repo;
pub mod run;
pub mod status;
pub mod trees;
pub mod versions;
pub mod watch;
pub mod worktrees;

pub use gix::ObjectId as Oid;
pub use repo::Repo;
