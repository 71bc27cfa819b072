//! `git ccc board`, `feed` and `recap`.

mod board;
mod feed;
mod recap;

pub use board::{BoardArgs, board};
pub use feed::{FeedArgs, feed};
pub use recap::{RecapArgs, recap};
