//! What is addressed to a session: letters, questions and tasks, and whether they arrived.
//!
//! A letter is a message of the room `mail` on the room's own chain (see
//! `features::chat`), so plain git shows it, while `chat read` shows letters
//! only to whom they are for. A session of another repository is written to
//! through the hub, whose room has the same layout; its marks stand in the
//! hub's copy of the session's record.
//!
//! | a message is | when |
//! |---|---|
//! | stored | it is reachable from the room's ref |
//! | offered | a command or hook of the receiver printed it and its mark moved |
//! | seen | a command or hook of the receiver began after that, or the receiver asked for it |
//! | acted on | the receiver answered it, or took, returned or finished the task |
//!
//! Invariants: a receipt is derived from the marks and the thread and is never
//! ahead of them; a letter is shown to its receiver once; a task stays on an
//! agenda until it is handed back or done; two sessions cannot wake each other
//! for ever (`chat::logic::traffic`); a name that could mean two means none.

pub mod cmd;
pub mod logic;
pub mod model;
pub mod pane;
pub mod places;
pub mod receiver;
pub mod store;
pub mod ties;
pub mod view;
