//! Pure: what a snapshot's message says, which snapshots stay, what a restore gives back.

pub mod codec;
pub mod decide;
pub mod thin;
