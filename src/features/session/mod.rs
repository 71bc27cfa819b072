//! Sessions: who is here.
//!
//! One ref a session, `refs/ccc/sessions/<tag>`: a tag object of the empty tree
//! whose body is a [`model::SessionRecord`]. Only the session itself writes it.
//! A copy in the hub (a bare repository in the user's state directory) lets the
//! session be found by name from any repository.
//!
//! Invariants: a tag is unique and survives resume; identity is resolved from
//! explicit evidence or refused, never guessed; a session whose process is gone
//! is never reported alive.

pub mod cmd;
pub mod idle;
pub mod logic;
pub mod model;
pub mod register;
pub mod store;
pub mod view;
