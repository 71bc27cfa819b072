//! One test command: the README's is the one that the gate runs.

use std::fs;

use super::source::root;

const COMMAND: &str = "cargo test --locked";

#[test]
fn the_gate_runs_the_test_command_of_the_readme() {
    let gate = fs::read_to_string(root().join(".ci/run")).expect(".ci/run is the gate");
    assert!(
        gate.contains(&format!("step {COMMAND}\n")),
        ".ci/run:1: runs `{COMMAND}`"
    );
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md says how to test");
    assert!(
        readme.contains(COMMAND),
        "README.md:1: says `{COMMAND}`, as .ci/run does"
    );
}
