//! What slipped past, judged afterwards: `git ccc check` for a range, and for doctor what came to be here.
//!
//! The hooks stop a commit before it is made, but no hook runs for plumbing, for other git libraries, for a hook path
//! of one's own, for a merge on the web or a push into the repository. Afterwards the records tell: the log has every
//! commit of a session and every override, and a claim says what it covered from when until when. The check loads
//! a snapshot of a range and of the refs that were fetched, and pure rules (`logic/rules`, one file each) find what
//! breaks them.
//!
//! Invariants: it only looks, runs nothing, and needs no network. With `--ci` its answer depends on objects and refs
//! alone: not on the clock, the settings or the name of the machine. It accuses nobody on doubt: a commit of the
//! very second in which a claim began or ended passes; a commit that the hooks let pass is held against a claim only
//! up to its holder's last sign of life; a replay (rebase, cherry-pick, squash) is known by its content, its trailers
//! and its subject. A committer's time is the committer's word. For doctor, what a remote has was made elsewhere unless
//! a reflog here says otherwise.

pub mod cmd;
pub mod logic;
pub mod model;
pub mod store;
pub mod view;
