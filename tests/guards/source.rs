//! How guards read the tree: files, code without comments and text, and findings as `file:line: rule`.

use std::fs;
use std::path::Path;
use std::process::Command;

/// One source file.
pub struct Source {
    /// From the root of the package, with `/`.
    pub path: String,
    /// As it stands.
    pub text: String,
    /// Comments and the content of string literals blanked, lines kept; without the tests at its end.
    pub code: String,
}

/// The root of the package.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The Rust files below a folder, sorted; `tests.rs` is left out, since it is the tail of its sibling.
pub fn sources(folder: &str) -> Vec<Source> {
    let mut paths = Vec::new();
    walk(&root().join(folder), &mut paths);
    assert!(
        !paths.is_empty(),
        "{folder}/ must have files, or the guards hold nothing"
    );
    paths.retain(|path| path.ends_with(".rs") && !path.ends_with("/tests.rs"));
    paths.into_iter().map(|path| Source::read(&path)).collect()
}

/// All files below a folder, from the root of the package; none if there is no such folder.
pub fn files(folder: &str) -> Vec<String> {
    let mut paths = Vec::new();
    if root().join(folder).is_dir() {
        walk(&root().join(folder), &mut paths);
    }
    paths
}

/// All files that git tracks.
pub fn tracked() -> Vec<String> {
    let output = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(root())
        .output()
        .expect("git runs");
    assert!(
        output.status.success(),
        "the package must be in a git checkout"
    );
    let names = output
        .stdout
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty());
    names
        .map(|name| String::from_utf8(name.to_vec()).expect("our file names are UTF-8"))
        .collect()
}

fn walk(folder: &Path, paths: &mut Vec<String>) {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut entries: Vec<_> = entries
        .map(|entry| entry.expect("a readable folder").path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            walk(&path, paths);
        } else {
            let path = path.strip_prefix(root()).expect("below the root");
            paths.push(path.to_str().expect("our file names are UTF-8").to_owned());
        }
    }
}

/// Fails with all findings at once.
#[track_caller]
pub fn refuse(findings: &[String]) {
    assert!(
        findings.is_empty(),
        "{} finding(s):\n{}",
        findings.len(),
        findings.join("\n")
    );
}

impl Source {
    fn read(path: &str) -> Self {
        let text =
            fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        Source::new(path, &text)
    }

    /// A file that need not exist: guards test themselves with it.
    pub fn new(path: &str, text: &str) -> Self {
        let blank = blank(text);
        let end = tests_tail(&blank).unwrap_or(blank.len());
        Source {
            path: path.to_owned(),
            text: text.to_owned(),
            code: blank[..end].to_owned(),
        }
    }

    /// `file:line: rule`, for a position in `code`.
    pub fn finding(&self, position: usize, rule: &str) -> String {
        format!("{}:{}: {rule}", self.path, self.line(position))
    }

    /// The line of a position in `code`, from 1.
    pub fn line(&self, position: usize) -> usize {
        self.code[..position].matches('\n').count() + 1
    }

    /// Where `needle` stands in the code, not as the end of a longer name.
    pub fn positions<'a>(&'a self, needle: &'a str) -> impl Iterator<Item = usize> + 'a {
        let whole = move |position: &usize| {
            let before = self.code[..*position].chars().next_back();
            !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
        };
        self.code
            .match_indices(needle)
            .map(|(position, _)| position)
            .filter(whole)
    }
}

/// Where the unit tests at the end of a file begin.
fn tests_tail(code: &str) -> Option<usize> {
    code.match_indices("#[cfg(test)]\n")
        .map(|(position, _)| position)
        .find(|position| {
            code[*position..]
                .lines()
                .nth(1)
                .is_some_and(|line| line.starts_with("mod "))
        })
}

/// Replaces comments, and what stands in string and character literals, by spaces: same length in bytes, same lines.
fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let (end, keep) = token(bytes, at);
        for byte in &mut out[at + keep..end.saturating_sub(keep).max(at + keep)] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end;
    }
    String::from_utf8(out).expect("only whole literals and comments are blanked")
}

/// The end of the token at `at`, and how many bytes at each of its ends stay. A token to be kept "keeps" all of itself.
fn token(bytes: &[u8], at: usize) -> (usize, usize) {
    let rest = &bytes[at..];
    let after_name = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    if rest.starts_with(b"//") {
        return (
            at + rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len()),
            0,
        );
    }
    if rest.starts_with(b"/*") {
        return (at + find(rest, b"*/").map_or(rest.len(), |n| n + 2), 0);
    }
    if rest[0] == b'r' && !after_name {
        let hashes = rest[1..].iter().take_while(|b| **b == b'#').count();
        if rest.get(1 + hashes) == Some(&b'"') {
            let close = [b"\"".as_slice(), &b"#".repeat(hashes)].concat();
            let open = hashes + 2;
            return (
                at + find(&rest[open..], &close).map_or(rest.len(), |n| open + n + close.len()),
                0,
            );
        }
    }
    if rest[0] == b'"' {
        return (at + quoted(rest, b'"'), 1);
    }
    // A character, not a lifetime: 'x' or '\…'.
    if rest[0] == b'\''
        && (rest.get(1) == Some(&b'\\')
            || char_len(rest).is_some_and(|n| rest.get(n) == Some(&b'\'')))
    {
        return (at + quoted(rest, b'\''), 1);
    }
    (at + 1, 1)
}

fn char_len(rest: &[u8]) -> Option<usize> {
    let length = match rest.get(1)? {
        0..0x80 => 1,
        0x80..0xE0 => 2,
        0xE0..0xF0 => 3,
        _ => 4,
    };
    Some(1 + length)
}

fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes
        .windows(needle.len())
        .position(|window| window == needle)
}

#[test]
fn comments_and_literals_are_no_code() {
    let text = "let a = \"crate::x \\\" é\"; // crate::y\nlet b = '\\''; let c: &'a str = r#\"q\"crate::z\"#; /* crate::w */ d()\n\
                #[cfg(test)]\nmod tests {}\n";
    let source = Source::new("a.rs", text);
    assert!(!source.code.contains("crate::"), "{}", source.code);
    assert!(
        source.code.contains("let c: &'a str =") && source.code.contains("d()"),
        "{}",
        source.code
    );
    assert!(
        !source.code.contains("mod tests"),
        "the tests at the end are left out: {}",
        source.code
    );
    assert_eq!(source.line(source.code.find("d()").expect("code stays")), 2);
}
