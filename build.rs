//! Links the program so that it starts quickly, where that is ours to choose: hooks start it at every tool call of an agent.
//!
//! - At a fixed address: a program that may be loaded anywhere has its tables of pointers rewritten at each start, with
//!   this code a fifth of all pages that a start touches.
//! - With the compiler's runtime inside: to find and load `libgcc_s.so` takes a quarter of a millisecond, a twentieth of
//!   what a claim takes.

#![expect(
    clippy::disallowed_methods,
    reason = "cargo tells a build script of the target by its environment alone, and the linker is asked what it has"
)]

use std::{env, fs, path::Path, process::Command};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|set| set == value);
    if !is("CARGO_CFG_TARGET_OS", "linux") || !is("CARGO_CFG_TARGET_ENV", "gnu") {
        return;
    }
    println!("cargo:rustc-link-arg-bins=-no-pie");
    if env::var("TARGET").ok() == env::var("HOST").ok() && has_static_runtime() {
        let dir = env::var("OUT_DIR").expect("cargo sets OUT_DIR for build scripts");
        // To the linker a text of this name says what to take instead of the library that it asks for.
        fs::write(Path::new(&dir).join("libgcc_s.so"), "INPUT(-lgcc_eh)\n")
            .expect("cargo made OUT_DIR to be written to");
        println!("cargo:rustc-link-arg-bins=-L{dir}");
    }
}

/// Asks the C compiler, which links, whether it has its runtime as a static library; a name that it cannot find it says back.
fn has_static_runtime() -> bool {
    let asked = Command::new("cc")
        .arg("-print-file-name=libgcc_eh.a")
        .output();
    asked.is_ok_and(|answer| Path::new(String::from_utf8_lossy(&answer.stdout).trim()).is_file())
}
