//! The board, the feed and the recap: what happened and how things stand, told from the log, the lock refs, the
//! session refs and the room. Nothing of it is stored, so nothing of it can be wrong for longer than one look.
//!
//! A session stands in one of five columns, and moves by what it does:
//!
//! | column | what brings a session there |
//! |---|---|
//! | planning | it starts; a proposal without paths or commit before it has changed anything |
//! | working | it claims, commits, or says `executing`; its proposal in review is countered |
//! | review | a proposal or question that names a commit; a proposal that names paths, or after it has worked |
//! | testing | it claims a resource `res:test…` or `res:ci…`; it says `done`, or its thread is done |
//! | verified | somebody else acks what it has done |
//!
//! What it says itself (`git ccc session set --column`) wins until the next of these acts of its own. A note, a
//! renewal and a release move nobody. Where the bounded walk finds no act of a session, it is working if it holds
//! something, else planning.

pub mod cmd;
pub mod logic;
pub mod model;
pub mod store;
pub mod view;
