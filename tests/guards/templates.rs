//! What is installed into other repositories is small enough to be read there: a git hook shim is POSIX sh and at most ten lines.

use super::source::{files, refuse, root};

#[test]
fn shims_are_ten_lines_of_sh() {
    let mut findings = Vec::new();
    for path in files("git-hooks") {
        let text = std::fs::read_to_string(root().join(&path)).expect("a shim is text");
        if text.lines().count() > 10 {
            findings.push(format!(
                "{path}:11: a shim has at most ten lines: the rest belongs into `git ccc hook`"
            ));
        }
        if !text.starts_with("#!/bin/sh\n") {
            findings.push(format!("{path}:1: a shim is POSIX sh: #!/bin/sh"));
        }
    }
    refuse(&findings);
}
