//! Claims: who holds what.
//!
//! One lock ref a live claim, `refs/ccc/claims/<claim-id>`: a tag object of the
//! empty tree whose body is a [`model::ClaimRecord`]. Every change is one
//! transaction that also moves `refs/ccc/log`, the log last.
//!
//! Invariants: no two live claims of different sessions overlap; a claim ends
//! when it says, at once when its holder's process is proved gone, and never
//! before; the overlap of scopes is decided by `base::scope` alone, for grants,
//! hooks, commits and checks alike.

pub mod cache;
pub mod cmd;
pub mod error;
pub mod gone;
pub mod logic;
pub mod lost;
pub mod model;
pub mod plan;
pub mod queue;
pub mod snapshot;
pub mod store;
pub mod typed;
pub mod view;

pub use typed::resolve_all;
