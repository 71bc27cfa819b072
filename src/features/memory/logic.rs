//! Which files a merge is about, and what namespaces are called; pure.

use super::model::How;
use std::collections::{BTreeMap, BTreeSet};

/// What is to be done with one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act<T> {
    /// Main takes the namespace's file, or its absence.
    Take(How, Option<T>),
    /// Both changed it.
    Both {
        /// What both started from; none if both added it.
        base: Option<T>,
        /// What main has.
        main: T,
        /// What the namespace has.
        theirs: T,
    },
    /// One changed what the other removed.
    Clash {
        /// What both started from.
        base: T,
        /// What main has.
        main: Option<T>,
        /// What the namespace has.
        theirs: Option<T>,
    },
}

/// Compares three versions of a directory, file by file; what main need not change is left out.
pub fn plan<T: Clone + PartialEq>(
    base: &BTreeMap<String, T>,
    main: &BTreeMap<String, T>,
    theirs: &BTreeMap<String, T>,
) -> BTreeMap<String, Act<T>> {
    let paths: BTreeSet<&String> = base
        .keys()
        .chain(main.keys())
        .chain(theirs.keys())
        .collect();
    let act = |path: &String| {
        let (b, m, t) = (base.get(path), main.get(path), theirs.get(path));
        if m == t || b == t {
            return None;
        }
        if b == m {
            let how = match (m, t) {
                (None, _) => How::Added,
                (_, None) => How::Removed,
                _ => How::Changed,
            };
            return Some(Act::Take(how, t.cloned()));
        }
        match (b, m, t) {
            (base, Some(main), Some(theirs)) => Some(Act::Both {
                base: base.cloned(),
                main: main.clone(),
                theirs: theirs.clone(),
            }),
            (Some(base), main, theirs) => Some(Act::Clash {
                base: base.clone(),
                main: main.cloned(),
                theirs: theirs.cloned(),
            }),
            // Without a base one of the two is absent, which was answered above.
            (None, _, _) => None,
        }
    };
    paths
        .into_iter()
        .filter_map(|path| Some((path.clone(), act(path)?)))
        .collect()
}

/// The name of a branch's or a session's namespace: one part of a path and of a ref.
pub fn namespace(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let name: String = name
        .chars()
        .map(|c| if plain(c) { c } else { '-' })
        .take(100)
        .collect();
    name.trim_matches('-').to_owned()
}

/// How Claude Code names the folder of a directory; none for one so long that it adds a hash of its own.
pub fn slug(directory: &str) -> Option<String> {
    let slug: String = directory
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    (slug.len() <= 200).then_some(slug)
}

/// Tells whether a path from a version may be written below a directory.
pub fn is_inside(path: &str) -> bool {
    !path.is_empty()
        && path
            .split('/')
            .all(|part| !part.is_empty() && !part.starts_with('.') && !part.contains(['\\', '\0']))
}

/// Tells whether a file still has the markers of a conflict.
pub fn has_markers(bytes: &[u8]) -> bool {
    let line = |start: &[u8]| {
        bytes
            .split(|byte| *byte == b'\n')
            .any(|line| line.starts_with(start))
    };
    line(b"<<<<<<< ") && line(b">>>>>>> ")
}

/// What changed between two versions, in words.
pub fn summary<T: PartialEq>(old: &BTreeMap<String, T>, new: &BTreeMap<String, T>) -> String {
    let paths: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let changed: Vec<String> = paths
        .into_iter()
        .filter(|path| old.get(*path) != new.get(*path))
        .map(|path| match (old.get(path), new.get(path)) {
            (None, _) => format!("+{path}"),
            (_, None) => format!("-{path}"),
            _ => path.clone(),
        })
        .collect();
    match &changed[..] {
        [] => "nothing".to_owned(),
        few @ ([_] | [_, _] | [_, _, _]) => few.join(", "),
        many => format!("{} and {} more", many[..3].join(", "), many.len() - 3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(text: &str) -> BTreeMap<String, u8> {
        text.split_whitespace()
            .map(|file| (file[..1].to_owned(), file.as_bytes()[1]))
            .collect()
    }

    #[test]
    fn each_file_is_one_sides_or_merged_or_a_clash() {
        let plan = plan(
            &files("a1 b1 c1 d1 e1 f1"),
            &files("a1 b2 c2 e2 g1"),
            &files("a2 b1 c3 d2 h1 f1"),
        );
        let words: Vec<String> = plan
            .iter()
            .map(|(path, act)| match act {
                Act::Take(how, _) => format!("{path} {}", how.word()),
                Act::Both { .. } => format!("{path} both"),
                Act::Clash { .. } => format!("{path} clash"),
            })
            .collect();
        assert_eq!(
            words,
            ["a changed", "c both", "d clash", "e clash", "h added"]
        );
    }

    #[test]
    fn names_cannot_leave_their_folder() {
        assert_eq!(namespace("feat/voice..buffer"), "feat-voice--buffer");
        assert_eq!(slug("/a/b.c").as_deref(), Some("-a-b-c"));
        assert!(
            is_inside("a/b.md") && !is_inside("../a") && !is_inside("a//b") && !is_inside(".git/x")
        );
    }
}
