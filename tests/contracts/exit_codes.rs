//! The exit code is the answer that scripts read: 0 yes, 1 a valid no, 2 usage or settings, 3 conflict, 4 busy, 5 not set up, 70 our bug.

use crate::common::setup::ready;
use crate::common::world::{BINARY, World};

#[test]
fn version_is_a_yes_on_stdout() {
    let w = ready(World::new());
    let output = w.ccc(["--version"]);
    assert!(
        output.ok().stdout.contains(env!("CARGO_PKG_VERSION")),
        "the version is the answer:\n{output}"
    );
    assert_eq!(output.stderr, "", "an answer needs no narration");
}

#[test]
fn git_finds_the_command() {
    let w = ready(World::new());
    let output = w.git(["ccc", "--version"]);
    assert_eq!(
        output.ok().stdout,
        w.ccc(["--version"]).ok().stdout,
        "`git ccc` and `git-ccc` are one program"
    );
}

#[test]
fn an_unknown_command_is_a_usage_error() {
    let w = ready(World::new());
    let output = w.ccc(["no-such-command"]);
    assert!(
        output.code(2).stderr.starts_with("ccc: "),
        "an error names the program:\n{output}"
    );
    assert_eq!(output.stdout, "", "an error is no answer");
}

#[test]
fn no_command_shows_what_there_is() {
    let w = ready(World::new());
    let output = w.ccc([] as [&str; 0]);
    assert_eq!(output.code(2).stdout, "", "nothing was asked for");
    let help = w.ccc(["-h"]);
    assert_eq!(output.stderr, help.ok().stdout, "the same help, unasked");
    assert!(
        help.stdout.contains("\nSet up:\n  init  "),
        "commands stand by area:\n{help}"
    );
}

#[test]
fn an_unknown_flag_is_a_usage_error() {
    let w = ready(World::new());
    let output = w.ccc(["claims", "--no-such-flag"]);
    assert!(
        output.code(2).stderr.starts_with("ccc: "),
        "an error names the program:\n{output}"
    );
}

#[test]
fn outside_a_repository_nothing_is_set_up() {
    let w = ready(World::new());
    let output = w.command(BINARY, ["claims"]).cwd(w.outside()).run();
    assert!(
        output.code(5).stderr.starts_with("ccc: "),
        "an error names the program:\n{output}"
    );
    assert_eq!(output.stdout, "", "an error is no answer");
}

#[test]
fn a_second_taker_gets_a_no_and_not_an_error() {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    a.ccc(["claim", "src/"]).ok();
    let refused = b.ccc(["claim", "src/lib.rs"]);
    assert!(
        refused.code(1).stderr.contains(a.tag()),
        "a refusal names the holder:\n{refused}"
    );
}
