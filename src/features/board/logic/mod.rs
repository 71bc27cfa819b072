//! Pure: log entries and messages as one line of events, and what follows from them.

pub mod column;
pub mod feed;
pub mod recap;
pub mod stand;
pub mod timeline;
pub mod unread;
