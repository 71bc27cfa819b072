//! The features, one folder a noun, each of one inner shape.
//!
//! `mod` (what it is, its refs, its invariants), `model`, `logic` (pure
//! decisions), `store` (load and compare-and-swap), `cmd`, `view`, `error`;
//! what a feature does not need, it does not have.

pub mod agent;
pub mod board;
pub mod chat;
pub mod check;
pub mod claim;
pub mod commit;
pub mod file;
pub mod hook;
pub mod inbox;
pub mod mcp;
pub mod memory;
pub mod notify;
pub mod search;
pub mod session;
pub mod setup;
pub mod template;
pub mod why;
pub mod wip;
pub mod worktree;
