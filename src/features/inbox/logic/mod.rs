//! Pure decisions: whom a name means, who follows a session that is gone, who knows a path, how far a message came.

pub mod heir;
pub mod names;
pub mod receipts;
pub mod route;
