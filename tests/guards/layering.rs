//! Who may import whom: the table of the design, `cli → features → {ui, git} → base`, and the inner order of a feature.
//!
//! A new edge is one line here, seen in review. Paths are read from the text (`crate::…`, groups included, and `super::…` inside a
//! feature); `super::super` is refused, since it hides where a path leads.

use super::source::{Source, refuse, sources};

/// What stands beside the layers: each uses `base` and says what else.
const MODULES: &[(&str, &[&str])] = &[
    ("base", &["base"]),
    ("error", &["base"]),
    ("env", &["base", "error"]),
    ("proc", &["base", "error"]),
    ("fs", &["base", "error"]),
    ("clock", &["base", "error", "env"]),
    ("host", &["base", "error", "env", "proc", "fs"]),
    ("settings", &["base", "error", "env", "fs"]),
    ("git", &["base", "error", "proc", "fs", "host", "git"]),
    ("ui", &["base", "error", "env", "ui"]),
    (
        "ctx",
        &[
            "base", "error", "env", "proc", "fs", "clock", "host", "settings", "git", "ui",
        ],
    ),
    (
        "cli",
        &[
            "base", "error", "env", "clock", "host", "settings", "ui", "ctx", "features", "cli",
        ],
    ),
    ("main", &["cli"]),
];

/// What a file of a feature may import of the layers below it.
const FEATURE_LAYERS: &[(&str, &[&str])] = &[
    ("mod", &[]),
    ("model", &["base"]),
    ("logic", &["base"]),
    // A store loads and swaps for one command, so it takes the command's Ctx: the time, the dice and the settings come with it.
    (
        "store",
        &[
            "base", "error", "git", "fs", "ctx", "settings", "clock", "env", "host", "proc",
        ],
    ),
    ("view", &["base", "ui"]),
    ("error", &["base", "error", "git"]),
    (
        "cmd",
        &[
            "base", "error", "env", "git", "fs", "proc", "host", "settings", "ctx", "ui",
        ],
    ),
];

/// What of `ui` a view may use: shapes, not writers.
const VIEW_UI: &[&str] = &["table", "label", "json", "Answer"];

/// What a file of a feature may import of its own feature.
const FEATURE_INNER: &[(&str, &[&str])] = &[
    ("mod", &["model", "logic", "store", "view", "error", "cmd"]),
    ("model", &["model", "error"]),
    ("logic", &["model", "logic", "error"]),
    ("store", &["model", "logic", "store", "error"]),
    ("view", &["model", "logic", "view", "error"]),
    ("error", &["model", "logic", "view", "error"]),
    ("cmd", &["model", "logic", "store", "view", "error", "cmd"]),
];

/// A feature imports features of a lower rank; peers never.
const RANKS: &[&[&str]] = &[
    &["session"],
    // Whoever does something that a person should know of tells it.
    &["notify"],
    &["claim", "chat", "event"],
    // A restore asks the claims whose a path is, a write of what is shared meets them; memory tells the room what it cannot decide.
    // A template is read by whoever makes something from it.
    &["wip", "memory", "file", "template"],
    // Search reads the room.
    &[
        "inbox", "commit", "worktree", "plan", "radar", "sync", "search",
    ],
    &["spawn", "check", "why"],
    &["board"],
    &["hook", "mcp"],
    &["agent"],
    &["setup"],
];

/// What lib.rs lifts to the root of the crate, and where it lives.
const RE_EXPORTS: &[(&str, &str)] = &[
    ("Error", "error"),
    ("Kind", "error"),
    ("Result", "error"),
    ("Ctx", "ctx"),
];

/// What pure code (`base`, a feature's model and logic) does not touch.
const IMPURE: &[&str] = &[
    "std::fs",
    "std::process",
    "std::env",
    "std::net",
    "std::thread",
    "SystemTime",
    "Instant::now",
    "gix::",
];

/// The parts of gix that are functions of their arguments: pure code may use these.
const PURE_GIX: &[&str] = &["gix::diff::blob::"];

#[test]
fn imports_follow_the_table() {
    refuse(&sources("src").iter().flat_map(check).collect::<Vec<_>>());
}

fn check(source: &Source) -> Vec<String> {
    let mut findings: Vec<_> = source
        .positions("super::super")
        .map(|position| {
            source.finding(
                position,
                "super::super hides where a path leads: write crate::…",
            )
        })
        .collect();
    let parts: Vec<&str> = source
        .path
        .trim_start_matches("src/")
        .trim_end_matches(".rs")
        .split('/')
        .collect();
    if pure(&parts) {
        let uses = IMPURE
            .iter()
            .flat_map(|needle| source.positions(needle).map(move |at| (at, needle)))
            .filter(|(at, _)| {
                !PURE_GIX
                    .iter()
                    .any(|part| source.code[*at..].starts_with(part))
            });
        findings.extend(
            uses.map(|(at, needle)| {
                source.finding(at, &format!("pure code does not use {needle}"))
            }),
        );
    }
    for (position, path) in paths(source) {
        if let Some(rule) = verdict(&parts, &path) {
            findings.push(source.finding(
                position,
                &format!("{} → {}: {rule}", parts.join("::"), path.join("::")),
            ));
        }
    }
    findings
}

fn pure(parts: &[&str]) -> bool {
    matches!(parts, ["base", ..] | ["features", _, "model" | "logic"])
}

/// The rule that an import breaks.
fn verdict(from: &[&str], path: &[String]) -> Option<String> {
    let mut path: Vec<&str> = path.iter().map(String::as_str).collect();
    if let Some((_, home)) = RE_EXPORTS
        .iter()
        .find(|(name, _)| path.first() == Some(name))
    {
        path.insert(0, home);
    }
    match (from, path.as_slice()) {
        (["lib"] | ["features", "mod"], _) => None,
        (["features", noun, file, ..], ["features", other, rest @ ..]) if noun == other => {
            inner(file, rest)
        }
        (["features", noun, file, ..], ["features", other, rest @ ..]) => {
            across(noun, file, other, rest)
        }
        (["features", _, "view"], ["ui", what, ..]) => (!VIEW_UI.contains(what))
            .then(|| format!("of ui a view uses only {}", VIEW_UI.join(", "))),
        (["features", _, file, ..], [module, ..]) => allowed(FEATURE_LAYERS, part(file), module),
        ([layer, ..], [module, ..]) => allowed(MODULES, layer, module),
        _ => None,
    }
}

/// A named part of a feature (`source/`, `pre_commit.rs`) may do what its command may.
fn part(file: &str) -> &str {
    if FEATURE_LAYERS.iter().any(|(name, _)| *name == file) {
        file
    } else {
        "cmd"
    }
}

fn allowed(table: &[(&str, &[&str])], from: &str, to: &str) -> Option<String> {
    let Some((_, all)) = table.iter().find(|(name, _)| *name == from) else {
        return Some(format!("{from} is not in the import table"));
    };
    (!all.contains(&to)).then(|| format!("{from} may import only {}", all.join(", ")))
}

fn inner(file: &str, rest: &[&str]) -> Option<String> {
    let to = *rest.first()?;
    let named = FEATURE_INNER.iter().any(|(name, _)| *name == to);
    // What is no file of the inner shape is a re-export or a named part.
    if named {
        allowed(FEATURE_INNER, part(file), to)
    } else {
        None
    }
}

fn across(noun: &str, file: &str, other: &str, rest: &[&str]) -> Option<String> {
    let (Some(mine), Some(theirs)) = (rank(noun), rank(other)) else {
        return Some("a feature without a rank: give it one in the import table".to_owned());
    };
    if theirs >= mine {
        return Some(format!(
            "{noun} has rank {mine} and uses lower ranks only; {other} has rank {theirs}"
        ));
    }
    match (file, rest.first().copied()) {
        (_, Some("cmd" | "view")) => Some("another feature's cmd and view are its own".to_owned()),
        ("model" | "logic", Some("store")) => Some("pure code does not use a store".to_owned()),
        _ => None,
    }
}

fn rank(noun: &str) -> Option<usize> {
    RANKS.iter().position(|rank| rank.contains(&noun))
}

/// All paths into the crate, from its root; `super::` inside a feature is written out.
fn paths(source: &Source) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    let mut add = |position: usize, start: &str, prefix: &[String]| {
        expand(
            &mut source.code[position + start.len()..].chars().peekable(),
            prefix,
            &mut |path| {
                found.push((position, path));
            },
        );
    };
    for start in ["crate::", "git_ccc::"] {
        source
            .positions(start)
            .filter(|at| !in_visibility(&source.code[..*at]))
            .for_each(|at| add(at, start, &[]));
    }
    let parts: Vec<&str> = source.path.trim_start_matches("src/").split('/').collect();
    if let ["features", noun, file] = parts.as_slice() {
        let prefix = ["features".to_owned(), (*noun).to_owned()];
        let start = if *file == "mod.rs" {
            "self::"
        } else {
            "super::"
        };
        source
            .positions(start)
            .for_each(|at| add(at, start, &prefix));
    }
    // Just below the root `super::` is the crate; in a module inside such a file it is the file, whose items are no modules.
    if matches!(parts.as_slice(), [_] | [_, "mod.rs"]) {
        let modules = |at: &usize| {
            let name = source.code[*at + "super::".len()..]
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .next();
            MODULES.iter().any(|(module, _)| Some(*module) == name)
        };
        source
            .positions("super::")
            .filter(modules)
            .for_each(|at| add(at, "super::", &[]));
    }
    found
}

/// `pub(in crate::…)` names who may see, not what is used.
fn in_visibility(before: &str) -> bool {
    before.trim_end().ends_with("(in")
}

/// Reads a path or a use tree, and hands over each of its leaves.
fn expand(
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
    prefix: &[String],
    leaf: &mut impl FnMut(Vec<String>),
) {
    let skip = |chars: &mut std::iter::Peekable<std::str::Chars<'_>>| {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
    };
    skip(chars);
    if chars.next_if_eq(&'{').is_some() {
        loop {
            skip(chars);
            match chars.peek() {
                None => return,
                Some('}') => {
                    chars.next();
                    return;
                }
                Some(',') => {
                    chars.next();
                }
                Some(_) => expand(chars, prefix, leaf),
            }
        }
    }
    let mut name = String::new();
    while let Some(c) = chars.next_if(|c| c.is_alphanumeric() || matches!(c, '_' | '*' | '#')) {
        name.push(c);
    }
    if name.is_empty() {
        chars.next();
        return;
    }
    let path = [prefix, &[name]].concat();
    if chars.next_if_eq(&':').is_some()
        && chars.next_if_eq(&':').is_some()
        && chars.peek() != Some(&'<')
    {
        return expand(chars, &path, leaf);
    }
    // `name as other`: the rest, up to the end of this leaf, is no path.
    if chars.peek() == Some(&' ') {
        while chars
            .next_if(|c| c.is_alphanumeric() || matches!(c, ' ' | '_'))
            .is_some()
        {}
    }
    leaf(path);
}

#[cfg(test)]
mod itself {
    use super::{Source, check};

    fn findings(path: &str, text: &str) -> usize {
        check(&Source::new(path, text)).len()
    }

    #[test]
    fn refuses_what_the_table_refuses() {
        for (path, text) in [
            ("src/base/id.rs", "use crate::git::refs;"),
            ("src/base/id.rs", "use std::fs;"),
            ("src/base/id.rs", "use gix::{diff, open};"),
            ("src/git/refs.rs", "use crate::{base::id, ui::table};"),
            ("src/ui/table.rs", "fn f() { crate::git::run::x() }"),
            ("src/main.rs", "git_ccc::features::claim::x()"),
            ("src/cli/mod.rs", "use crate::git::refs;"),
            ("src/features/claim/logic.rs", "use super::store::load;"),
            (
                "src/features/claim/logic.rs",
                "use crate::features::session::store;",
            ),
            ("src/features/claim/model.rs", "use crate::ctx::Ctx;"),
            (
                "src/features/claim/view.rs",
                "use crate::ui::{table, answer};",
            ),
            (
                "src/features/claim/cmd.rs",
                "use crate::features::chat::model;",
            ),
            (
                "src/features/claim/cmd.rs",
                "use crate::features::commit::model;",
            ),
            (
                "src/features/commit/cmd.rs",
                "use crate::features::claim::{model, cmd};",
            ),
            (
                "src/features/unheard/cmd.rs",
                "use crate::features::claim::model;",
            ),
            ("src/unheard.rs", "use crate::base::id;"),
            ("src/git/refs.rs", "use super::super::base;"),
            ("src/fs.rs", "use super::git::refs;"),
            ("src/base/id.rs", "use crate::Error;"),
        ] {
            assert_eq!(findings(path, text), 1, "{path} must not say {text}");
        }
    }

    #[test]
    fn allows_what_the_table_allows() {
        for (path, text) in [
            (
                "src/git/refs.rs",
                "use crate::{Error, error::Kind}; use super::run;",
            ),
            (
                "src/base/id.rs",
                "use crate::base::{scope::Scope as S, time};\npub(in crate::git) fn f() {}",
            ),
            (
                "src/git/refs.rs",
                "use crate::{base::id, proc::{self, Run}, fs};",
            ),
            (
                "src/features/claim/store.rs",
                "use super::{logic::decide, model};\nuse crate::git::refs;",
            ),
            (
                "src/features/claim/cmd.rs",
                "use crate::features::session::{model, store};\nuse crate::{ctx::Ctx, ui};",
            ),
            (
                "src/features/claim/view.rs",
                "use crate::ui::table::Table; use super::model::Claim;",
            ),
            (
                "src/features/hook/pre_commit.rs",
                "use crate::ctx::Ctx; use crate::features::claim::logic;",
            ),
            (
                "src/features/mod.rs",
                "pub use crate::features::claim::cmd;",
            ),
            ("src/base/id.rs", "use gix::diff::blob::Diff;"),
            ("src/main.rs", "fn main() { git_ccc::cli::main() }"),
        ] {
            assert_eq!(findings(path, text), 0, "{path} may say {text}");
        }
    }
}
