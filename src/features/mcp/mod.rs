//! The acts of the command line as tools of an agent: a server of the Model Context Protocol on standard input and output.
//!
//! A tool is a command line of ours (see [`model`]): what it may do, what it
//! refuses and what it answers is the command's, word for word, so the two can
//! never differ. A call runs in this process, one at a time but for those that
//! wait, and its answer is the command's JSON document.
//!
//! Who acts: the session of a call's `_meta` (`threadId`, `sessionId`), else the
//! one that any command started here would be. The only asynchronous code is in
//! [`server`].

pub mod cmd;
pub mod logic;
pub mod model;
mod server;
