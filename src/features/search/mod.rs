//! Recall: every transcript of every agent, the room, the log, memory and plans, found by words.
//!
//! ```text
//! readers ──► blocks ──► store (index) ──► rank ──► hits with their best moments
//! ```
//!
//! Invariants: transcripts are only read; the index lies in the user's cache directory, is readable by nobody else,
//! can be deleted at any time and is never written into a repository. The cursor of every source is committed with its
//! documents, so a kill at any point loses nothing and doubles nothing. A record that a resumed or forked
//! conversation copied has one owner: the source it was read from first. Text of a source that is gone stays.
//!
//! A document is a block of one record (what was said, thought, asked of a tool, answered by it) or a piece of a long
//! one. Its key says which record it is, its hash what it says: whoever keeps something beside the index (vectors)
//! keys it by the hash.

pub mod cmd;
pub mod logic;
pub mod model;
pub mod readers;
pub mod store;
pub mod view;
