//! Pure decisions about messages: their written form, who is mentioned, what a room's threads are in, what is unread.

pub mod codec;
pub mod mention;
pub mod room;
pub mod thread;
pub mod unread;
