//! Making worktrees, looking at them, bringing them up to date and taking them away.

pub mod back;
pub mod base;
pub mod build;
pub mod command;
pub mod copy;
pub mod equip;
pub mod include;
pub mod keep;
pub mod lease;
pub mod making;
pub mod record;
pub mod remove;
pub mod survey;
pub mod sync;
