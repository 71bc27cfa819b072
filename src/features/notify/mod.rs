//! Telling a person, when a session cannot: a mention of `@me`, input needed, finished, a claim broken.
//!
//! Where to is the user's own choice and is read from the user's own settings file and `CCC_*` variables alone, never
//! from a repository: a command, the desktop, an incoming webhook of Mattermost or Slack.
//!
//! Invariants: an event is told once, by its id ([`store`] keeps a bounded ledger in the user's state directory); what
//! falls into the quiet hours is held back for good, except a broken claim, whose holder may be writing at that very
//! moment; an idle timer of an agent is no event; what peers wrote is data: cut, on one line, and unable to mention or
//! to link anybody where it arrives; no secret is printed, or stored anywhere but where the user put it; a notifier
//! that fails is one warning, and never fails the command that caused it.

pub mod cmd;
pub mod logic;
pub mod model;
pub mod store;
pub mod view;

pub use model::{Event, Kind};
pub use store::send;
