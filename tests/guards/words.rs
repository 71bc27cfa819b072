//! Names and heads: a file is named for what it holds, and opens with what it is for. And no tracked file knows the machine it was
//! written on.

use super::source::{files, refuse, root, sources, tracked};

const CATCH_ALL: &[&str] = &[
    "util", "utils", "common", "misc", "manager", "managers", "service", "services",
];

#[test]
fn no_file_has_a_catch_all_name() {
    let caught = |path: &String| path.split(['/', '.']).any(|word| CATCH_ALL.contains(&word));
    let all = files("src").into_iter().filter(caught);
    refuse(
        &all.map(|path| format!("{path}:1: a catch-all name: say what the file holds"))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn every_module_opens_with_its_head() {
    let headless = sources("src")
        .into_iter()
        .filter(|source| !source.text.starts_with("//!"));
    let rule = "a module opens with //!: purpose, contract, invariants";
    refuse(
        &headless
            .map(|source| format!("{}:1: {rule}", source.path))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn no_file_names_the_machine_it_was_written_on() {
    // In pieces, so that this file passes.
    let folders = [["/wo", "rk/"], ["/fa", "rm/"], ["/ro", "ot/"]].map(|pieces| pieces.concat());
    let hosts = [
        ["index.crates", ".io"],
        ["static.crates", ".io"],
        ["proxy.golang", ".org"],
        ["registry.npmjs", ".org"],
    ]
    .map(|pieces| pieces.concat());
    let mut findings = Vec::new();
    for path in tracked() {
        // A file can be tracked and gone: that is no concern of this guard.
        let text = std::fs::read(root().join(&path)).unwrap_or_default();
        for (n, line) in String::from_utf8_lossy(&text).lines().enumerate() {
            let found = folders.iter().find(|folder| starts_a_path(line, folder));
            if let Some(needle) = found.or_else(|| hosts.iter().find(|host| line.contains(*host))) {
                findings.push(format!(
                    "{path}:{}: {needle}: a path or host of one machine",
                    n + 1
                ));
            }
            if path == "Cargo.lock"
                && line.starts_with("source = ")
                && !line.contains("github.com/rust-lang/crates.io-index")
            {
                findings.push(format!(
                    "{path}:{}: a dependency from another registry",
                    n + 1
                ));
            }
        }
    }
    refuse(&findings);
}

/// `repo/x` is no such path, `"/x` and `cd /x` are.
fn starts_a_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(position, _)| {
        let before = line[..position].chars().next_back();
        !before.is_some_and(|c| {
            c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '}' | ')' | '*' | '~' | '$')
        })
    })
}
