//! Pure decisions: what a tool would write, what a shell command would take away, how mail is put.

pub mod brief;
pub mod danger;
pub mod letter;
pub mod shell;
pub mod target;
