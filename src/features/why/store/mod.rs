//! Where the answers come from: git's history, and the index of transcripts.

pub mod files;
pub mod history;
pub mod records;
pub mod transcripts;
