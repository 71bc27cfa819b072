//! Links the program to a fixed address where that is the platform's choice to make.
//!
//! A program that may be loaded anywhere has its tables of pointers rewritten at each start: with this code a fifth of all pages that a
//! start touches. Hooks start it at every tool call of an agent.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    #[expect(
        clippy::disallowed_methods,
        reason = "cargo tells a build script of the target by its environment alone"
    )]
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|set| set == value);
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        println!("cargo:rustc-link-arg-bins=-no-pie");
    }
}
