//! The index on disk: what it holds, how it is brought up to date, how it is asked.

pub mod ask;
pub mod builtin;
pub mod cursor;
pub mod disk;
pub mod embed;
pub mod files;
pub mod fill;
pub mod fresh;
pub mod hashed;
pub mod heap;
pub mod ingest;
pub mod lines;
pub mod narrow;
pub mod near;
pub mod open;
pub mod papers;
pub mod plan;
pub mod post;
pub mod record;
pub mod remote;
pub mod repo;
pub mod sweep;
pub mod unmapped;
pub mod vectors;
