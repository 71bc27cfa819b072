//! Loads what is judged: for doctor what came to be here, for the check a range and all refs of ours.

pub mod breaches;
mod commits;
mod ledger;
mod markers;
mod memory;
pub mod place;
mod policy;
mod range;
mod records;
pub mod snapshot;

pub use breaches::breaches;
