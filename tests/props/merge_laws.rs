//! Laws of the merge, over generated documents of every kind: JSON and TOML against a model of their values.

use git_ccc::base::merge::{Conflict, Kind, Labels, Merged, merge};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

const LABELS: Labels<'static> = Labels {
    base: "base",
    ours: "a-0001",
    theirs: "b-0002",
};

const KINDS: [Kind; 6] = [
    Kind::Text,
    Kind::Markdown,
    Kind::Json,
    Kind::Toml,
    Kind::Lines,
    Kind::Binary,
];

/// What a file says: numbers, sets and tables.
#[derive(Clone, Debug, PartialEq)]
enum Val {
    Num(u8),
    Set(BTreeSet<u8>),
    Table(BTreeMap<String, Val>),
}

#[derive(Clone, Debug)]
struct Edit {
    path: Vec<String>,
    act: Act,
}

#[derive(Clone, Debug)]
enum Act {
    Put(Val),
    Remove,
    Toggle(u8),
}

/// Keys in `c` carry a comment.
fn key() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["alpha", "beta", "cat", "cow", "delta", "a.b"])
        .prop_map(str::to_owned)
}

fn leaf() -> impl Strategy<Value = Val> {
    prop_oneof![
        (0..9_u8).prop_map(Val::Num),
        prop::collection::btree_set(0..9_u8, 0..5).prop_map(Val::Set),
    ]
}

fn value() -> impl Strategy<Value = Val> {
    leaf().prop_recursive(2, 12, 4, |inner| {
        prop::collection::btree_map(key(), inner, 0..4).prop_map(Val::Table)
    })
}

fn table() -> impl Strategy<Value = BTreeMap<String, Val>> {
    prop::collection::btree_map(key(), value(), 0..5)
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let act = prop_oneof![
        2 => value().prop_map(Act::Put),
        1 => Just(Act::Remove),
        3 => (0..9_u8).prop_map(Act::Toggle),
    ];
    let edit = (prop::collection::vec(key(), 1..3), act).prop_map(|(path, act)| Edit { path, act });
    prop::collection::vec(edit, 0..4)
}

fn apply(table: &BTreeMap<String, Val>, edits: &[Edit]) -> BTreeMap<String, Val> {
    let mut table = table.clone();
    for Edit { path, act } in edits {
        let mut at = &mut table;
        for key in &path[..path.len() - 1] {
            let inner = at
                .entry(key.clone())
                .or_insert_with(|| Val::Table(BTreeMap::new()));
            if !matches!(inner, Val::Table(_)) {
                *inner = Val::Table(BTreeMap::new());
            }
            let Val::Table(inner) = inner else {
                unreachable!("made above")
            };
            at = inner;
        }
        let key = path[path.len() - 1].clone();
        match act {
            Act::Put(value) => {
                at.insert(key, value.clone());
            }
            Act::Remove => {
                at.remove(&key);
            }
            Act::Toggle(element) => match at.get_mut(&key) {
                Some(Val::Set(set)) => {
                    if !set.remove(element) {
                        set.insert(*element);
                    }
                }
                _ => {
                    at.insert(key, Val::Set(BTreeSet::from([*element])));
                }
            },
        }
    }
    table
}

/// How a document is laid out.
#[derive(Clone, Copy, Debug)]
struct Style {
    indent: usize,
    crlf: bool,
    toml_inline: bool,
}

fn style() -> impl Strategy<Value = Style> {
    (
        prop::sample::select(vec![0, 2, 4]),
        prop::bool::weighted(0.2),
        any::<bool>(),
    )
        .prop_map(|(indent, crlf, toml_inline)| Style {
            indent,
            crlf,
            toml_inline,
        })
}

fn ends(text: String, style: Style) -> Vec<u8> {
    if style.crlf {
        text.replace('\n', "\r\n")
    } else {
        text
    }
    .into_bytes()
}

fn json(table: &BTreeMap<String, Val>, style: Style) -> Vec<u8> {
    let mut out = String::new();
    json_value(&mut out, &Val::Table(table.clone()), style, 0, "");
    out.push('\n');
    ends(out, style)
}

fn json_value(out: &mut String, value: &Val, style: Style, depth: usize, path: &str) {
    let line = |out: &mut String, depth: usize| match style.indent {
        0 => out.push(' '),
        indent => {
            let _ = write!(out, "\n{}", " ".repeat(indent * depth));
        }
    };
    match value {
        Val::Num(n) => {
            let _ = write!(out, "{n}");
        }
        Val::Set(set) => {
            let all: Vec<String> = set.iter().map(|n| format!("\"e{n}\"")).collect();
            let _ = write!(out, "[{}]", all.join(", "));
        }
        Val::Table(table) if table.is_empty() => *out += "{}",
        Val::Table(table) => {
            out.push('{');
            for (n, (key, value)) in table.iter().enumerate() {
                line(out, depth + 1);
                let path = format!("{path}/{key}");
                if key.starts_with('c') && style.indent > 0 {
                    let _ = write!(out, "// about {path}");
                    line(out, depth + 1);
                }
                let _ = write!(out, "\"{key}\": ");
                json_value(out, value, style, depth + 1, &path);
                if n + 1 < table.len() {
                    out.push(',');
                }
            }
            line(out, depth);
            out.push('}');
        }
    }
}

fn toml(table: &BTreeMap<String, Val>, style: Style) -> Vec<u8> {
    let mut out = "# what this file is\n\n".to_owned();
    toml_table(&mut out, table, style, "");
    ends(out, style)
}

fn toml_key(key: &str) -> String {
    if key.contains('.') {
        format!("\"{key}\"")
    } else {
        key.to_owned()
    }
}

fn toml_table(out: &mut String, table: &BTreeMap<String, Val>, style: Style, path: &str) {
    let below = |value: &Val| matches!(value, Val::Table(_)) && !style.toml_inline;
    for (key, value) in table.iter().filter(|(_, value)| !below(value)) {
        if key.starts_with('c') {
            let _ = writeln!(out, "# about {path}/{key}");
        }
        let _ = write!(out, "{} = ", toml_key(key));
        toml_value(out, value);
        out.push('\n');
    }
    for (key, value) in table.iter().filter(|(_, value)| below(value)) {
        let Val::Table(inner) = value else {
            unreachable!("filtered")
        };
        let path = if path.is_empty() {
            toml_key(key)
        } else {
            format!("{path}.{}", toml_key(key))
        };
        if key.starts_with('c') {
            let _ = writeln!(out, "\n# about {path}");
        }
        let _ = writeln!(out, "[{path}]");
        toml_table(out, inner, style, &path);
    }
}

fn toml_value(out: &mut String, value: &Val) {
    match value {
        Val::Num(n) => {
            let _ = write!(out, "{n}");
        }
        Val::Set(set) => {
            let all: Vec<String> = set.iter().map(|n| format!("'e{n}'")).collect();
            let _ = write!(out, "[{}]", all.join(", "));
        }
        Val::Table(table) => {
            let mut parts = Vec::new();
            for (key, value) in table {
                let mut part = format!("{} = ", toml_key(key));
                toml_value(&mut part, value);
                parts.push(part);
            }
            let _ = write!(out, "{{ {} }}", parts.join(", "));
        }
    }
}

/// What a document says, read by a parser that is not ours.
fn read(kind: Kind, bytes: &[u8]) -> BTreeMap<String, Val> {
    let text = std::str::from_utf8(bytes).expect("UTF-8 stays UTF-8");
    let value: serde_json::Value = if kind == Kind::Json {
        let code: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        serde_json::from_str(&code.join("\n")).unwrap_or_else(|error| panic!("{error}:\n{text}"))
    } else {
        ::toml::from_str(text).unwrap_or_else(|error| panic!("{error}:\n{text}"))
    };
    match model(&value) {
        Val::Table(table) => table,
        other => panic!("the root is a table: {other:?}"),
    }
}

fn model(value: &serde_json::Value) -> Val {
    match value {
        serde_json::Value::Number(n) => {
            Val::Num(u8::try_from(n.as_u64().expect("ours")).expect("small"))
        }
        serde_json::Value::Array(all) => {
            let set: Vec<u8> = all
                .iter()
                .map(|e| e.as_str().expect("ours")[1..].parse().expect("ours"))
                .collect();
            let distinct: BTreeSet<u8> = set.iter().copied().collect();
            assert_eq!(
                distinct.len(),
                set.len(),
                "an element of a set is there once"
            );
            Val::Set(distinct)
        }
        serde_json::Value::Object(map) => Val::Table(
            map.iter()
                .map(|(key, value)| (key.clone(), model(value)))
                .collect(),
        ),
        other => panic!("not ours: {other}"),
    }
}

/// What a merge may come to.
enum Want {
    Is(Option<Val>),
    /// Ours, and a conflict at this place.
    Conflict(Option<Val>),
}

fn want(base: Option<&Val>, ours: Option<&Val>, theirs: Option<&Val>) -> Want {
    if ours == theirs || base == theirs {
        Want::Is(ours.cloned())
    } else if base == ours {
        Want::Is(theirs.cloned())
    } else {
        Want::Conflict(ours.cloned())
    }
}

/// Holds a merged value against the model, key by key; collects where there must be a conflict.
fn hold(
    three: [Option<&Val>; 3],
    merged: Option<&Val>,
    path: &str,
    conflicts: &[Conflict],
    expected: &mut BTreeSet<String>,
) -> Result<(), TestCaseError> {
    match three {
        [base, Some(Val::Table(ours)), Some(Val::Table(theirs))] => {
            let empty = BTreeMap::new();
            let base = if let Some(Val::Table(base)) = base {
                base
            } else {
                &empty
            };
            let Some(Val::Table(merged)) = merged else {
                return Err(TestCaseError::fail(format!("{path} is a table")));
            };
            let keys: BTreeSet<&String> = base
                .keys()
                .chain(ours.keys())
                .chain(theirs.keys())
                .chain(merged.keys())
                .collect();
            for key in keys {
                let name = if key.contains('.') {
                    format!("{key:?}")
                } else {
                    key.clone()
                };
                let inner = if path.is_empty() {
                    name
                } else {
                    format!("{path}.{name}")
                };
                let three = [base.get(key), ours.get(key), theirs.get(key)];
                hold(three, merged.get(key), &inner, conflicts, expected)?;
            }
            Ok(())
        }
        [base, Some(Val::Set(ours)), Some(Val::Set(theirs))] => {
            let empty = BTreeSet::new();
            let base = if let Some(Val::Set(base)) = base {
                base
            } else {
                &empty
            };
            let Some(Val::Set(merged)) = merged else {
                return Err(TestCaseError::fail(format!("{path} is a set")));
            };
            if conflicts
                .iter()
                .any(|conflict| conflict.at.starts_with(&format!("{path}[")))
            {
                expected.extend(
                    conflicts
                        .iter()
                        .map(|c| c.at.clone())
                        .filter(|at| at.starts_with(&format!("{path}["))),
                );
                return Ok(());
            }
            let kept = base
                .iter()
                .filter(|e| ours.contains(e) && theirs.contains(e));
            let new = ours.iter().chain(theirs).filter(|e| !base.contains(e));
            prop_assert_eq!(
                merged,
                &kept.chain(new).copied().collect::<BTreeSet<u8>>(),
                "the set at {}",
                path
            );
            Ok(())
        }
        [base, ours, theirs] => {
            let value = match want(base, ours, theirs) {
                Want::Is(value) => value,
                Want::Conflict(value) => {
                    expected.insert(path.to_owned());
                    value
                }
            };
            prop_assert_eq!(merged, value.as_ref(), "the value at {}", path);
            Ok(())
        }
    }
}

type Docs = [BTreeMap<String, Val>; 3];

fn docs() -> impl Strategy<Value = Docs> {
    (table(), edits(), edits()).prop_map(|(base, ours, theirs)| {
        let (ours, theirs) = (apply(&base, &ours), apply(&base, &theirs));
        [base, ours, theirs]
    })
}

fn all_laws(kind: Kind, docs: &Docs, bytes: &[Vec<u8>; 3]) -> Result<(), TestCaseError> {
    let [base, ours, theirs] = bytes;
    let merged = merge(kind, Some(base), ours, theirs, &LABELS);
    prop_assert_eq!(&merged.invalid, &Vec::new());
    let said = read(kind, &merged.bytes);
    let mut expected = BTreeSet::new();
    let roots = docs.clone().map(Val::Table);
    let three = [Some(&roots[0]), Some(&roots[1]), Some(&roots[2])];
    hold(
        three,
        Some(&Val::Table(said.clone())),
        "",
        &merged.conflicts,
        &mut expected,
    )?;
    let conflicts: BTreeSet<String> = merged
        .conflicts
        .iter()
        .map(|conflict| conflict.at.clone())
        .collect();
    prop_assert_eq!(
        &conflicts,
        &expected,
        "conflicts are where the model has them"
    );
    let swapped = merge(kind, Some(base), theirs, ours, &LABELS);
    prop_assert_eq!(
        sides(&merged, false),
        sides(&swapped, true),
        "swapping the sides swaps the conflicts"
    );
    if merged.conflicts.is_empty() {
        prop_assert_eq!(said, read(kind, &swapped.bytes), "and changes no value");
    }
    comments_stay(&merged, &bytes[1])
}

/// What ours and theirs have where they conflict.
type Pair = (Option<Vec<u8>>, Option<Vec<u8>>);

fn sides(merged: &Merged, swap: bool) -> BTreeSet<Pair> {
    let pair = |conflict: &Conflict| {
        let pair = (conflict.ours.clone(), conflict.theirs.clone());
        if swap { (pair.1, pair.0) } else { pair }
    };
    merged.conflicts.iter().map(pair).collect()
}

/// A comment of ours that is in the result is there once.
fn comments_stay(merged: &Merged, ours: &[u8]) -> Result<(), TestCaseError> {
    let (merged, ours) = (
        String::from_utf8_lossy(&merged.bytes),
        String::from_utf8_lossy(ours),
    );
    let comments = ours
        .lines()
        .filter(|line| line.trim_start().starts_with(['#', '/']));
    for comment in comments {
        let times = merged
            .lines()
            .filter(|line| line.trim() == comment.trim())
            .count();
        prop_assert!(
            times <= 1,
            "{} stands {} times in\n{}",
            comment,
            times,
            merged
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if std::env::var_os("CCC_LONG").is_some() { 20_000 } else { 400 }, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_side_or_the_same_twice_is_that_side(
        base in prop::collection::vec(any::<u8>(), 0..40),
        side in prop::collection::vec(any::<u8>(), 0..40),
        docs in docs(),
        style in style(),
    ) {
        let [one, other, _] = docs;
        let pairs = [
            (base.clone(), side),
            (json(&one, style), json(&other, style)),
            (toml(&one, style), toml(&other, style)),
            (json(&one, style), base),
        ];
        for kind in KINDS {
            for (base, side) in &pairs {
                for (b, o, t) in [(base, side, base), (base, base, side), (base, side, side)] {
                    let merged = merge(kind, Some(b), o, t, &LABELS);
                    prop_assert_eq!(&merged.bytes, side, "{:?}", kind);
                    prop_assert!(merged.is_clean());
                }
            }
        }
    }

    #[test]
    fn odd_bytes_never_panic_and_are_kept_or_reported(
        base in prop::option::of("[{}\\[\\]\"',:#=/* \r\n\t\u{feff}a1é-]{0,60}"),
        ours in "[{}\\[\\]\"',:#=/* \r\n\t\u{feff}a1é-]{0,60}",
        theirs in "[{}\\[\\]\"',:#=/* \r\n\t\u{feff}a1é-]{0,60}",
    ) {
        let base = base.as_ref().map(String::as_bytes);
        for kind in KINDS {
            let merged = merge(kind, base, ours.as_bytes(), theirs.as_bytes(), &LABELS);
            if kind.is_structured() && !merged.is_clean() {
                let markers = merged.bytes.windows(7).any(|seven| seven == b"<<<<<<<");
                prop_assert!(!markers, "no markers in a structured file");
            }
        }
    }

    #[test]
    fn json_merges_as_its_values(docs in docs(), styles in prop::array::uniform3(style()), alike in prop::bool::weighted(0.7)) {
        let style = |at: usize| if alike { styles[0] } else { styles[at] };
        let bytes = [json(&docs[0], style(0)), json(&docs[1], style(1)), json(&docs[2], style(2))];
        if alike {
            all_laws(Kind::Json, &docs, &bytes)?;
        } else {
            // In other layouts comments come and go: the values are what is compared.
            let merged = merge(Kind::Json, Some(&bytes[0]), &bytes[1], &bytes[2], &LABELS);
            let swapped = merge(Kind::Json, Some(&bytes[0]), &bytes[2], &bytes[1], &LABELS);
            prop_assert_eq!(merged.conflicts.len(), swapped.conflicts.len());
            read(Kind::Json, &merged.bytes);
        }
    }

    #[test]
    fn toml_merges_as_its_values(docs in docs(), style in style()) {
        let style = Style { toml_inline: true, ..style };
        let bytes = [toml(&docs[0], style), toml(&docs[1], style), toml(&docs[2], style)];
        all_laws(Kind::Toml, &docs, &bytes)?;
    }

    #[test]
    fn toml_tables_stay_valid_and_lose_nothing(docs in docs(), style in style()) {
        let style = Style { toml_inline: false, ..style };
        let bytes = [toml(&docs[0], style), toml(&docs[1], style), toml(&docs[2], style)];
        let merged = merge(Kind::Toml, Some(&bytes[0]), &bytes[1], &bytes[2], &LABELS);
        let said = read(Kind::Toml, &merged.bytes);
        let swapped = merge(Kind::Toml, Some(&bytes[0]), &bytes[2], &bytes[1], &LABELS);
        // A table against a key of the same name can be a conflict of the key or of the whole file, as the rest allows.
        prop_assert_eq!(merged.is_clean(), swapped.is_clean(), "swapping the sides changes no verdict");
        if merged.is_clean() {
            prop_assert_eq!(&said, &read(Kind::Toml, &swapped.bytes));
            let mut none = BTreeSet::new();
            let roots = docs.clone().map(Val::Table);
            // A table that says nothing is there or not: the model need not tell the two apart.
            let held = hold([Some(&roots[0]), Some(&roots[1]), Some(&roots[2])], Some(&Val::Table(said)), "", &[], &mut none);
            if none.is_empty() {
                held?;
            }
        }
    }

    #[test]
    fn what_either_side_added_to_a_list_of_lines_is_there_once(
        base in prop::collection::vec(0..30_u8, 0..12),
        ours in prop::collection::vec(30..60_u8, 0..6),
        theirs in prop::collection::vec(60..90_u8, 0..6),
        at in any::<(prop::sample::Index, prop::sample::Index)>(),
        ended in any::<bool>(),
    ) {
        let text = |lines: &[u8], what: &str| {
            let mut text = text_of(lines.iter().map(|n| format!("{what}{n}")));
            if !ended { text.pop(); }
            text.into_bytes()
        };
        let put = |new: &[u8], at: prop::sample::Index| {
            let mut lines = base.clone();
            let at = at.index(lines.len() + 1);
            lines.splice(at..at, new.iter().copied());
            lines
        };
        let (ours_lines, theirs_lines) = (put(&ours, at.0), put(&theirs, at.1));
        for (kind, what) in [(Kind::Lines, "line "), (Kind::Markdown, "- item ")] {
            let bytes = [text(&base, what), text(&ours_lines, what), text(&theirs_lines, what)];
            let merged = merge(kind, Some(&bytes[0]), &bytes[1], &bytes[2], &LABELS);
            prop_assert!(merged.is_clean(), "{:?}", merged.conflicts);
            let all = String::from_utf8(merged.bytes).expect("text");
            for n in ours.iter().chain(&theirs) {
                let line = format!("{what}{n}");
                let times = |lines: &[u8]| lines.split(|m| m == n).count() - 1;
                let wanted = times(&ours_lines).max(times(&theirs_lines));
                prop_assert_eq!(all.lines().filter(|other| *other == line).count(), wanted, "{} in\n{}", line, all);
            }
            prop_assert_eq!(all.lines().count(), base.len() + ours.len() + theirs.len());
        }
    }

    #[test]
    fn no_line_of_markdown_is_lost(
        base in prop::collection::vec(markdown_line(), 0..14),
        ours in markdown_edits("x"),
        theirs in markdown_edits("y"),
    ) {
        let put = |edits: &[(prop::sample::Index, usize, String)]| {
            let mut lines = base.clone();
            for (at, drop, line) in edits {
                let at = at.index(lines.len() + 1);
                let to = (at + drop).min(lines.len());
                lines.splice(at..to, [line.clone()]);
            }
            lines
        };
        let text = |lines: &[String]| text_of(lines.iter().cloned());
        let (mine, other) = (text(&put(&ours)), text(&put(&theirs)));
        let merged = merge(Kind::Markdown, Some(text(&base).as_bytes()), mine.as_bytes(), other.as_bytes(), &LABELS);
        let all = String::from_utf8(merged.bytes).expect("text");
        for line in mine.lines().chain(other.lines()).filter(|line| line.contains('§')) {
            prop_assert!(all.lines().any(|there| there == line), "{} is not in\n{}", line, all);
        }
    }
}

fn text_of(lines: impl Iterator<Item = String>) -> String {
    let mut text = String::new();
    for line in lines {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

fn markdown_line() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "# Index",
        "## Notes",
        "## Decisions",
        "- one",
        "- two",
        "  - deeper",
        "",
        "prose",
        "more prose",
        "| a | b |",
        "```",
        "- [Page](page.md): what",
        "---",
    ])
    .prop_map(str::to_owned)
}

/// New lines end in the mark of their side.
fn markdown_edits(
    mark: &'static str,
) -> impl Strategy<Value = Vec<(prop::sample::Index, usize, String)>> {
    let line = (markdown_line(), 0..3_u8).prop_map(move |(line, n)| format!("{line} {n}§{mark}"));
    prop::collection::vec((any::<prop::sample::Index>(), 0..2_usize, line), 0..4)
}
