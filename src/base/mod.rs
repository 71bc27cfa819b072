//! Pure vocabulary: ids, scopes, time, records. No I/O, no clock, no environment.

pub mod graph;
pub mod id;
pub mod local;
pub mod merge;
pub mod record;
pub mod scope;
pub mod secrets;
pub mod text;
pub mod time;
