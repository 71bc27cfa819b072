//! Pure decisions of why: what is asked, what git says, which lines tell, who is the likeliest.

pub mod blame;
pub mod change;
pub mod note;
pub mod target;
pub mod telling;
pub mod weigh;
