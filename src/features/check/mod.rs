//! What slipped past: commits of a path that another session held when they were made.
//!
//! The hooks stop a commit before it is made, but no hook runs for plumbing, for a hook path of one's own or for a
//! push into the repository. Afterwards two records tell: the log has every commit of a session and every override,
//! and a claim says what it covered from when on. A commit that changed a held path while it was held, and for which
//! the log has neither its holder nor an override, is a breach.
//!
//! Invariants: it only looks. It is bounded (so many entries, commits and reflog lines). It accuses nobody on doubt:
//! a commit of the very second in which a claim began or ended passes, a claim that ran out or whose holder died is
//! not judged after it is cleared away (nothing says when it ceased to hold), and what a remote has was made
//! elsewhere unless a reflog here says otherwise.

pub mod logic;
pub mod model;
pub mod store;
