//! The heap of whoever indexes much.
//!
//! glibc takes large blocks from the system one by one and gives them back once they are freed, but with every one that is
//! freed it takes more of them from its own heap, which it keeps: five gigabytes then cost twice the memory. The threshold
//! stays where it is if a variable sets it, and that is read before a program begins: so the program is started anew.
//!
//! Only what a process reads first is left to another one: later the same arguments may mean something else, as those that
//! begin the index again do.

use crate::{env, proc::Cmd};
use std::sync::atomic::{AtomicBool, Ordering};

/// The threshold, in bytes, that glibc begins with.
const THRESHOLD: &str = "131072";

/// Tells whether what is freed is given back, or it is too late for that; from then on it is.
pub fn is_settled() -> bool {
    static SETTLED: AtomicBool = AtomicBool::new(false);
    !cfg!(all(target_os = "linux", target_env = "gnu"))
        || env::var_os(env::HEAP).is_some()
        || SETTLED.swap(true, Ordering::Relaxed)
}

/// Starts this program anew in its own place, with the same arguments; where that cannot be, the process goes on as it is.
pub fn begin_anew() {
    if let Ok((program, args)) = env::invocation() {
        // Who has to go on takes more memory, and that is all.
        let _ = Cmd::new(program)
            .args(args)
            .env(env::HEAP, THRESHOLD)
            .replace_us();
    }
}
