//! Every file under `tests/` is run: a Rust file that no `mod` declares is never compiled, and a test that never runs always passes.

use std::collections::BTreeSet;

use super::source::{Source, files, refuse, root};

#[test]
fn every_file_is_declared() {
    let mut declared = BTreeSet::from(["tests/runner.rs".to_owned()]);
    collect("tests/runner.rs", "tests", &mut declared);
    let mut findings = Vec::new();
    for path in files("tests") {
        let data = path.starts_with("tests/data/")
            || path.starts_with("tests/upstream/")
            || path.contains("/proptest-regressions/")
            || path.ends_with(".snap");
        if path.ends_with(".rs") && !declared.contains(&path) {
            findings.push(format!(
                "{path}:1: declare it in tests/runner.rs, or it never runs"
            ));
        } else if !path.ends_with(".rs") && !data {
            findings.push(format!(
                "{path}:1: what is no Rust belongs into tests/data/ (or tests/upstream/, which runs git's own tests)"
            ));
        }
    }
    refuse(&findings);
}

/// The files that `file` declares, whose own modules live in `folder`.
fn collect(file: &str, folder: &str, declared: &mut BTreeSet<String>) {
    let text = std::fs::read_to_string(root().join(file))
        .expect("a declared file exists, or this does not compile");
    for path in declarations(&text, folder) {
        let (flat, nested) = (format!("{path}.rs"), format!("{path}/mod.rs"));
        let file = if root().join(&flat).is_file() {
            flat
        } else {
            nested
        };
        if declared.insert(file.clone()) {
            collect(&file, &path, declared);
        }
    }
}

/// The paths, without `.rs`, of all `mod name;` in a text; `mod name { … }` is a folder.
fn declarations(text: &str, folder: &str) -> Vec<String> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    for line in Source::new("", text).code.lines().map(str::trim) {
        let line = line.strip_prefix("pub ").unwrap_or(line);
        let name = line.strip_prefix("mod ");
        let here = folders.last().expect("the outermost folder stays").clone();
        if let Some(name) = name.and_then(|name| name.strip_suffix(';')) {
            found.push(format!("{here}/{name}"));
        } else if let Some(name) = name.and_then(|name| name.strip_suffix(" {")) {
            folders.push(format!("{here}/{name}"));
        } else if line == "}" && folders.len() > 1 {
            folders.pop();
        }
    }
    found
}

#[test]
fn declarations_follow_folders() {
    let text = "mod a {\n    pub mod b;\n    mod c;\n}\nmod d {}\nmod e;\n";
    assert_eq!(declarations(text, "t"), ["t/a/b", "t/a/c", "t/e"]);
}
