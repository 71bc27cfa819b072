//! How the board, the feed and the recap are shown.

pub mod board;
pub mod feed;
pub mod markdown;
