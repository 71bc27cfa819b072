//! What can be decided about worktrees without looking at one.

pub mod brief;
pub mod foreign;
pub mod lease;
pub mod name;
pub mod remove;
pub mod sync;
