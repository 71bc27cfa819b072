//! Why a line is there: the commit that brought it, the session that wrote it, and what that session had been asked.
//!
//! ```text
//! line ──blame──► commit ──trailer, log, notes, transcripts──► session ──► moment ──► prompt
//! ```
//!
//! Invariants: it only reads (the index of `search`, a cache, is brought up to date first). What is said has its
//! evidence beside it and a word for how far it carries: `certain` if a record names the session, `likely` if its
//! tools were given these lines, `guess` if it only was there. Nothing known is a no that says what was looked at.

pub mod cmd;
pub mod logic;
pub mod model;
pub mod store;
pub mod view;
