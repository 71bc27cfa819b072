//! The merge of lines is git's: the same verdict and the same bytes as `git merge-file --zdiff3`, over random triples.

use git_ccc::base::merge::{Kind, Labels, merge};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::fs;
use std::path::Path;
use std::process::Command;

const LABELS: Labels<'static> = Labels {
    base: "base",
    ours: "a-0001",
    theirs: "b-0002",
};

/// What a run takes seconds for; the full count is for `CCC_LONG=1`.
fn count() -> usize {
    if std::env::var_os("CCC_LONG").is_some() {
        10_000
    } else {
        400
    }
}

type Triple = (Vec<u8>, Vec<u8>, Vec<u8>);

/// A few words, so that lines repeat; sometimes a marker, an odd end, bytes that are no text.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "a",
        "b",
        "c",
        "d",
        "e",
        "f",
        "",
        "{",
        "}",
        "    return;",
        "x = 1",
        "x = 2",
    ]);
    prop_oneof![
        20 => words.prop_map(|word| word.as_bytes().to_vec()),
        1 => Just(b"<<<<<<< a-0001".to_vec()),
        1 => Just(b"=======".to_vec()),
        1 => Just(vec![0xff, 0xfe, b'z']),
    ]
}

/// Edits of a text: at a line, drop some and put others.
fn edits() -> impl Strategy<Value = Vec<(prop::sample::Index, usize, Vec<Vec<u8>>)>> {
    let edit = (
        any::<prop::sample::Index>(),
        0..3_usize,
        prop::collection::vec(line(), 0..3),
    );
    prop::collection::vec(edit, 0..4)
}

fn triple() -> impl Strategy<Value = Triple> {
    let end = prop_oneof![6 => Just("\n"), 1 => Just("\r\n")];
    let ended = prop::array::uniform3(prop::bool::weighted(0.9));
    (
        prop::collection::vec(line(), 0..25),
        edits(),
        edits(),
        end,
        ended,
    )
        .prop_map(|(base, ours, theirs, end, ended)| {
            let apply = |edits: Vec<(prop::sample::Index, usize, Vec<Vec<u8>>)>| {
                let mut lines = base.clone();
                for (at, drop, put) in edits {
                    let at = at.index(lines.len() + 1);
                    let to = (at + drop).min(lines.len());
                    lines.splice(at..to, put);
                }
                lines
            };
            let text = |lines: &[Vec<u8>], ended: bool| {
                let mut text = lines.join(end.as_bytes());
                if ended && !lines.is_empty() {
                    text.extend_from_slice(end.as_bytes());
                }
                text
            };
            let (ours, theirs) = (apply(ours), apply(theirs));
            (
                text(&base, ended[0]),
                text(&ours, ended[1]),
                text(&theirs, ended[2]),
            )
        })
}

/// Merges all triples of a folder with git: one shell, a process a triple.
const SCRIPT: &str = r#"
for d in */; do
  git merge-file -p --zdiff3 -L a-0001 -L base -L b-0002 "$d/ours" "$d/base" "$d/theirs" >"$d/merged"
  echo $? >"$d/verdict"
done
"#;

#[test]
fn lines_merge_as_git_merges_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let triples: Vec<Triple> = (0..count())
        .map(|_| triple().new_tree(&mut runner).expect("a triple").current())
        .collect();
    for (n, (base, ours, theirs)) in triples.iter().enumerate() {
        let at = folder.path().join(n.to_string());
        fs::create_dir(&at).expect("a folder");
        for (name, text) in [("base", base), ("ours", ours), ("theirs", theirs)] {
            fs::write(at.join(name), text).expect("a file");
        }
    }
    let status = Command::new("sh")
        .args(["-c", SCRIPT])
        .current_dir(folder.path())
        .status()
        .expect("sh runs");
    assert!(status.success(), "the script runs to its end");
    let (mut conflicts, mut differ) = (0, Vec::new());
    for (n, triple) in triples.iter().enumerate() {
        match compare(&folder.path().join(n.to_string()), triple) {
            Ok(conflict) => conflicts += usize::from(conflict),
            Err(story) => differ.push(story),
        }
    }
    differ.sort_by_key(|s: &String| (s.contains("\\r"), s.len()));
    assert!(
        differ.is_empty(),
        "{} of {} triples differ from git; the smallest:\n{}",
        differ.len(),
        triples.len(),
        differ[..differ.len().min(12)].join("\n#######\n")
    );
    assert!(
        conflicts > triples.len() / 20 && conflicts < triples.len() / 2,
        "the triples show both verdicts: {conflicts} conflicts"
    );
}

/// Compares one triple; tells whether it conflicts.
fn compare(at: &Path, (base, ours, theirs): &Triple) -> Result<bool, String> {
    let merged = merge(Kind::Text, Some(base), ours, theirs, &LABELS);
    let read = |name: &str| fs::read(at.join(name)).expect("git wrote it");
    let verdict = String::from_utf8_lossy(&read("verdict")).trim().to_owned();
    let git = read("merged");
    let conflicts = merged.conflicts.len().min(127).to_string();
    if verdict == conflicts && merged.bytes == git {
        return Ok(verdict != "0");
    }
    let show = |name: &str, bytes: &[u8]| {
        format!("--- {name}\n{}\n", bytes.escape_ascii()).replace("\\n", "\n")
    };
    Err([
        show("base", base),
        show("ours", ours),
        show("theirs", theirs),
        show(&format!("git, {verdict} conflicts"), &git),
        show(&format!("we, {conflicts} conflicts"), &merged.bytes),
    ]
    .concat())
}

#[test]
fn a_hundred_megabytes_are_merged() {
    // Short, it is the way of large files that is shown; long, their size.
    let megabytes = if std::env::var_os("CCC_LONG").is_some() {
        100
    } else {
        10
    };
    let line = |n: usize| format!("{n:07} {}\n", "x".repeat(40));
    let lines: Vec<String> = (0..megabytes * 20_400).map(line).collect();
    let base = lines.concat();
    let (ours, theirs) = (format!("ours\n{base}"), format!("{base}theirs\n"));
    for kind in [
        Kind::Text,
        Kind::Markdown,
        Kind::Lines,
        Kind::Json,
        Kind::Toml,
    ] {
        let merged = merge(
            kind,
            Some(base.as_bytes()),
            ours.as_bytes(),
            theirs.as_bytes(),
            &LABELS,
        );
        assert!(merged.is_clean(), "{kind:?}");
        assert_eq!(merged.bytes.len(), base.len() + 12, "{kind:?}");
    }
    let other = format!(
        "{}{}",
        "y\n".repeat(megabytes * 100_000),
        &base[..base.len() / 2]
    );
    let merged = merge(
        Kind::Json,
        Some(base.as_bytes()),
        other.as_bytes(),
        ours.as_bytes(),
        &LABELS,
    );
    assert_eq!(
        merged.bytes.len(),
        other.len(),
        "a structured file never gets markers"
    );
    let one_line = ["{\"a\": \"", &"z".repeat(megabytes << 20), "\"}"].concat();
    let merged = merge(
        Kind::Json,
        Some(b"{}"),
        one_line.as_bytes(),
        b"{\"b\": 1}",
        &LABELS,
    );
    assert_eq!(merged.conflicts.len(), 1);
}
