//! The room: what sessions and people say to each other.
//!
//! One commit a message on `refs/notes/ccc/chat`, so `git log
//! refs/notes/ccc/chat` is the conversation; a message about a commit is also
//! a line in that commit's note, so `git log --notes=ccc/chat` shows it beside
//! the change. Author = the session's tag and when it was said; committer date
//! = when it was published, which never goes back.
//!
//! Invariants: a message is accepted when it is reachable from the ref by a
//! swap that succeeded, and then never lost; it is shown to a session once;
//! reading consumes nothing until it was shown. A stock `git notes` command
//! sets the ref without comparing and can leave our newest commits aside:
//! whoever reads or writes next in this clone puts them back.
//!
//! Posting combines: whoever finds the lock taken leaves the message in a
//! spool, and whoever has the lock publishes all that is there in one
//! transaction (see [`publish`]). A message left in the spool by a process
//! that died is published by the next one. Whoever loses the ref to a stock
//! command joins what it wrote to the new tip by one merge.
//!
//! A person needs no session to post: `--me` posts as git's `user.name`.
//! Reading what is unread needs a session, whose record keeps the marks.

pub mod chain;
pub mod cmd;
pub mod draft;
pub mod error;
pub mod logic;
pub mod model;
pub mod publish;
pub mod reader;
pub mod spool;
pub mod store;
pub mod survey;
pub mod traffic;
pub mod view;

pub use view::{MessageView, age};
