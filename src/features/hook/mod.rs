//! What git's hooks ask: may this be committed, and what has just happened.
//!
//! | hook | does |
//! |---|---|
//! | pre-commit, pre-applypatch, pre-merge-commit | refuses a change to a path that a live session other than the acting one holds |
//! | prepare-commit-msg | the same, and adds `Ccc-Session`; git runs it under `--no-verify`, merge, cherry-pick, revert and rebase too |
//! | post-commit, post-merge, post-applypatch | records the commit; gives back claims held until this commit |
//! | post-checkout, post-rewrite | notes the session's branch; records which commits were replaced |
//! | pre-push | passes: what is pushed was judged when it was committed |
//! | reference-transaction | strict enforcement only: judges the commits a branch would gain or lose |
//!
//! Invariants: a hook stages nothing and moves no ref of the user's. It fails closed where a path is held or a claim
//! cannot be read, and open, with one line, where the failure is ours. Hooks of our own commits (`CCC_INTERNAL_LANE`)
//! do nothing: `git ccc commit` has decided and records. In a merge only paths that differ from every parent are judged;
//! at pre-merge-commit git has not yet said what is merged, so prepare-commit-msg, which always follows, decides.
//! No hook runs for a fast-forward, `merge --squash` (its commit has one) and plumbing: strict enforcement and
//! `features/check` see those.

pub mod after;
pub mod cmd;
pub mod guard;
pub mod logic;
pub mod message;
pub mod store;
pub mod strict;
