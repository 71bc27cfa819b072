//! The index on disk: what it holds, how it is brought up to date, how it is asked.

pub mod ask;
pub mod cursor;
pub mod files;
pub mod fresh;
pub mod ingest;
pub mod lines;
pub mod narrow;
pub mod open;
pub mod plan;
pub mod post;
pub mod record;
pub mod repo;
pub mod sweep;
