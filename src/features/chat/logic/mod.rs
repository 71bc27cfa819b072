//! Pure decisions about messages: their written form, who is mentioned, what a room's threads are in, what is unread, who has which task, and when enough was said.

pub mod agenda;
pub mod codec;
pub mod mention;
pub mod room;
pub mod thread;
pub mod traffic;
pub mod unread;
