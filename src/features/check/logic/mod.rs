//! Pure decisions: what the log says of claims and commits, and what breaks a rule.

pub mod baseline;
pub mod breach;
pub mod ledger;
pub mod marker;
pub mod rules;
