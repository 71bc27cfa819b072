//! Compares [`patch`] with a model that knows nothing of spans and marks.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const OLD_MTIME: u32 = 1000;

#[derive(Debug, Clone, PartialEq)]
struct ModelEntry {
    words: [u32; 10],
    oid: Vec<u8>,
    assume_valid: bool,
    extended: u16,
}

type Model = BTreeMap<(String, u16), ModelEntry>;
type Extensions = Vec<(Vec<u8>, Vec<u8>)>;

fn hash_len(hash: Kind) -> usize {
    if hash == Kind::Sha1 { 20 } else { 32 }
}

fn encode(hash: Kind, version: u32, model: &Model, extensions: &Extensions) -> Vec<u8> {
    let mut out = b"DIRC".to_vec();
    out.extend(version.to_be_bytes());
    out.extend(u32::try_from(model.len()).expect("few").to_be_bytes());
    for ((path, stage), entry) in model {
        let mut one: Vec<u8> = entry.words.iter().flat_map(|w| w.to_be_bytes()).collect();
        one.extend(&entry.oid);
        let len = u16::try_from(path.len().min(0xfff)).expect("small");
        let extended = if entry.extended == 0 { 0 } else { 0x4000 };
        let valid = if entry.assume_valid { 0x8000 } else { 0 };
        one.extend((valid | extended | stage << 12 | len).to_be_bytes());
        if extended != 0 {
            one.extend(entry.extended.to_be_bytes());
        }
        one.extend(path.as_bytes());
        one.push(0);
        while !one.len().is_multiple_of(8) {
            one.push(0);
        }
        out.extend(one);
    }
    for (name, data) in extensions {
        out.extend(name);
        out.extend(u32::try_from(data.len()).expect("short").to_be_bytes());
        out.extend(data);
    }
    let sum = checksum(&out, hash).expect("known hash");
    out.extend(sum);
    out
}

fn word(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes[..4].try_into().expect("four"))
}

/// Panics unless the file is well formed, sorted and summed up.
fn decode(hash: Kind, bytes: &[u8]) -> (Model, Extensions) {
    let (body, trailer) = bytes.split_at(bytes.len() - hash_len(hash));
    assert_eq!(trailer, checksum(body, hash).expect("known hash"));
    assert_eq!(&body[..4], b"DIRC");
    let mut at = 12;
    let mut model = Model::new();
    let mut order = Vec::new();
    for _ in 0..word(&body[8..]) {
        let start = at;
        let words = std::array::from_fn(|i| word(&body[start + 4 * i..]));
        at += 40;
        let oid = body[at..at + hash_len(hash)].to_vec();
        at += hash_len(hash);
        let flags = u16::from_be_bytes([body[at], body[at + 1]]);
        at += 2;
        let mut extended = 0;
        if flags & 0x4000 != 0 {
            extended = u16::from_be_bytes([body[at], body[at + 1]]);
            at += 2;
        }
        let len = body[at..].iter().position(|b| *b == 0).expect("a NUL");
        assert_eq!(usize::from(flags & 0xfff), len.min(0xfff));
        let path = String::from_utf8(body[at..at + len].to_vec()).expect("utf-8");
        at += len;
        let zeros = 8 - (at - start) % 8;
        assert!(body[at..at + zeros].iter().all(|b| *b == 0));
        at += zeros;
        let stage = flags >> 12 & 3;
        order.push((path.clone(), stage));
        model.insert(
            (path, stage),
            ModelEntry {
                words,
                oid,
                assume_valid: flags & 0x8000 != 0,
                extended,
            },
        );
    }
    assert!(order.iter().eq(model.keys()), "sorted, nothing twice");
    let mut extensions = Vec::new();
    while at < body.len() {
        let end = at + 8 + word(&body[at + 4..]) as usize;
        extensions.push((body[at..at + 4].to_vec(), body[at + 8..end].to_vec()));
        at = end;
    }
    (model, extensions)
}

fn beneath(path: &str, dir: &str) -> bool {
    dir.is_empty()
        || path
            .strip_prefix(dir)
            .is_some_and(|rest| rest.starts_with('/'))
}

fn apply(model: &mut Model, changes: &[Change]) {
    for change in changes {
        let path = change.path().to_string();
        model.retain(|(old, _), _| *old != path);
        if let Change::Set {
            oid, mode, stat, ..
        } = change
        {
            model.retain(|(old, _), _| !beneath(old, &path) && !beneath(&path, old));
            let s = stat;
            let words = [
                s.ctime_s, s.ctime_ns, s.mtime_s, s.mtime_ns, s.dev, s.ino, *mode, s.uid, s.gid,
                s.size,
            ];
            let entry = ModelEntry {
                words,
                oid: oid.as_slice().to_vec(),
                assume_valid: false,
                extended: 0,
            };
            model.insert((path, 0), entry);
        }
    }
}

fn smudged(mut model: Model) -> Model {
    for ((_, stage), entry) in &mut model {
        if *stage == 0 && entry.words[2] >= OLD_MTIME && entry.words[6] != 0o160_000 {
            entry.words[9] = 0;
        }
    }
    model
}

/// Node by path: count and id.
type Tree = BTreeMap<String, Option<Vec<u8>>>;

fn tree_of(model: &Model, hash: Kind) -> Tree {
    let mut dirs = BTreeSet::from([String::new()]);
    for (path, _) in model.keys() {
        dirs.extend(path.match_indices('/').map(|(at, _)| path[..at].to_owned()));
    }
    let id = |dir: &String| checksum(dir.as_bytes(), hash).expect("known hash");
    dirs.iter().map(|d| (d.clone(), Some(id(d)))).collect()
}

fn encode_tree(tree: &Tree, dir: &str, out: &mut Vec<u8>) {
    let children: Vec<&String> = tree
        .keys()
        .filter(|d| !d.is_empty() && d.rsplit_once('/').map_or("", |(up, _)| up) == dir)
        .collect();
    let name = dir.rsplit('/').next().expect("one part");
    let count = if tree[dir].is_some() { "7" } else { "-1" };
    out.extend(format!("{name}\0{count} {}\n", children.len()).bytes());
    out.extend(tree[dir].iter().flatten());
    for child in children {
        encode_tree(tree, child, out);
    }
}

/// What `TREE` must be: a node is valid only if nothing beneath it differs.
fn expected_tree(before: &Model, after: &Model, tree: Tree) -> Tree {
    let content = |model: &Model, dir: &str| -> Vec<_> {
        model
            .iter()
            .filter(|((path, _), _)| beneath(path, dir))
            .map(|(key, e)| (key.clone(), e.oid.clone(), e.words[6], e.extended & 0x2000))
            .collect()
    };
    let is_file = |dir: &str| after.keys().any(|(p, _)| p == dir || beneath(dir, p));
    tree.into_iter()
        .filter(|(dir, _)| dir.is_empty() || !is_file(dir))
        .map(|(dir, id)| {
            let same = content(before, &dir) == content(after, &dir);
            (dir, id.filter(|_| same))
        })
        .collect()
}

fn a_path() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec!["a", "a-", "a.b", "b", "a0"]);
    prop::collection::vec(part, 1..4).prop_map(|parts| parts.join("/"))
}

/// Id, index of the mode, mtime, size, assume-valid, extended flags.
type RawFields = (u8, usize, u32, u32, bool, u16);
/// Path, which stages, the rest.
type RawEntry = (String, u8, RawFields);

fn an_entry() -> impl Strategy<Value = RawFields> {
    (
        1u8..4,
        0usize..4,
        998u32..1003,
        0u32..3,
        any::<bool>(),
        prop::sample::select(vec![0u16, 0, 0, 0x2000, 0x4000]),
    )
}

fn a_model() -> impl Strategy<Value = Vec<RawEntry>> {
    prop::collection::vec((a_path(), 0u8..10, an_entry()), 0..12)
}

fn build(hash: Kind, raw: Vec<RawEntry>) -> Model {
    let mut model = Model::new();
    for (path, stages, (id, mode, mtime, size, assume_valid, extended)) in raw {
        model.retain(|(old, _), _| *old != path && !beneath(old, &path) && !beneath(&path, old));
        let mut entry = ModelEntry {
            words: [1, 2, mtime, 4, 5, 6, MODES[mode], 8, 9, size],
            oid: vec![id; hash_len(hash)],
            assume_valid,
            extended,
        };
        if stages < 7 {
            model.insert((path, 0), entry);
        } else {
            entry.extended = 0;
            for stage in 1..=u16::from(stages - 6) {
                model.insert((path.clone(), stage), entry.clone());
            }
        }
    }
    model
}

fn set(hash: Kind, path: &str, id: u8, mode: u32, mtime_s: u32) -> Change {
    Change::Set {
        path: path.into(),
        oid: ObjectId::try_from(&vec![id; hash_len(hash)][..]).expect("an id"),
        mode,
        stat: Stat {
            mtime_s,
            size: 77,
            ..Stat::default()
        },
    }
}

fn remove(path: &str) -> Change {
    Change::Remove { path: path.into() }
}

/// Keeps the changes that do not contradict earlier ones.
fn consistent(hash: Kind, raw: Vec<(bool, String, u8, usize)>) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    for (is_set, path, id, mode) in raw {
        let clash = changes.iter().any(|other| {
            let old = other.path().to_string();
            let both = is_set && matches!(other, Change::Set { .. });
            old == path || both && (beneath(&old, &path) || beneath(&path, &old))
        });
        if !clash {
            changes.push(if is_set {
                set(hash, &path, id, MODES[mode], 900)
            } else {
                remove(&path)
            });
        }
    }
    changes
}

fn old(bytes: &[u8]) -> Old<'_> {
    Old {
        bytes,
        mtime_s: OLD_MTIME,
    }
}

fn one(path: &str) -> Model {
    build(
        Kind::Sha1,
        vec![(path.to_owned(), 0, (1, 0, 900, 1, false, 0))],
    )
}

fn named(name: &[u8], data: &[u8]) -> (Vec<u8>, Vec<u8>) {
    (name.to_vec(), data.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn patch_is_the_model_edit(
        wide in any::<bool>(),
        entries in a_model(),
        raw in prop::collection::vec((any::<bool>(), a_path(), 1u8..4, 0usize..4), 0..5),
    ) {
        let hash = if wide { Kind::Sha256 } else { Kind::Sha1 };
        let before = build(hash, entries);
        let changes = consistent(hash, raw);
        let tree = tree_of(&before, hash);
        let mut data = Vec::new();
        encode_tree(&tree, "", &mut data);
        let bytes = encode(hash, 3, &before, &vec![(b"TREE".to_vec(), data)]);

        let patched = patch(Some(old(&bytes)), hash, &changes).expect("supported");
        let (after, extensions) = decode(hash, &patched);

        let mut expected = smudged(before.clone());
        apply(&mut expected, &changes);
        prop_assert_eq!(&after, &expected);
        let mut data = Vec::new();
        encode_tree(&expected_tree(&before, &after, tree), "", &mut data);
        prop_assert_eq!(extensions, vec![(b"TREE".to_vec(), data)]);

        for ((path, stage), e) in after.iter().rev() {
            let found = entry(&patched, hash, path.as_str().into()).expect("supported").expect("there");
            if u16::from(found.stage) == *stage {
                prop_assert_eq!(found.oid.as_slice(), &e.oid[..]);
                prop_assert_eq!(found.mode, e.words[6]);
                prop_assert_eq!(found.flags >> 16, u32::from(e.extended));
            }
        }
        prop_assert_eq!(entry(&patched, hash, "nowhere".into()), Ok(None));
    }

    #[test]
    fn damage_never_panics(
        entries in a_model(),
        cut in 0usize..600,
        damage in prop::collection::vec((0usize..600, any::<u8>()), 0..4),
    ) {
        let before = build(Kind::Sha1, entries);
        let mut data = Vec::new();
        encode_tree(&tree_of(&before, Kind::Sha1), "", &mut data);
        let extensions = vec![(b"TREE".to_vec(), data), named(b"REUC", b"a\x000\x000\x000\0"), named(b"UNTR", &[0; 140])];
        let mut bytes = encode(Kind::Sha1, 3, &before, &extensions);
        for (at, value) in damage {
            let len = bytes.len();
            bytes[at % len] = value;
        }
        bytes.truncate(bytes.len().saturating_sub(cut / 2 * (cut % 2)));
        let changes = [set(Kind::Sha1, "a/b", 1, 0o100_644, 1), remove("b")];
        let _ = patch(Some(old(&bytes)), Kind::Sha1, &changes);
        let _ = entry(&bytes, Kind::Sha1, "a".into());
    }
}

#[test]
fn every_truncation_is_refused() {
    let bytes = encode(Kind::Sha1, 2, &one("some/path"), &Vec::new());
    for len in 0..bytes.len() {
        let cut = patch(Some(old(&bytes[..len])), Kind::Sha1, &[]);
        assert!(matches!(cut, Err(Unsupported::Corrupt(_))), "{len}");
    }
}

#[test]
fn no_index_makes_a_fresh_one() {
    for hash in [Kind::Sha1, Kind::Sha256] {
        let changes = [
            remove("x"),
            set(hash, "b", 2, 0o100_755, 5),
            set(hash, "a/c", 1, 0o120_000, 5),
        ];
        let bytes = patch(None, hash, &changes).expect("supported");
        let (model, extensions) = decode(hash, &bytes);
        let mut expected = Model::new();
        apply(&mut expected, &changes);
        assert_eq!(model, expected);
        assert!(extensions.is_empty());
    }
}

#[test]
fn a_long_path_is_found_and_replaced() {
    for len in [0xffe, 0xfff, 0x1000, 0x1801] {
        let path = "x".repeat(len);
        let bytes = encode(Kind::Sha1, 2, &one(&path), &Vec::new());
        let change = set(Kind::Sha1, &path, 9, 0o100_644, 5);
        let bytes = patch(Some(old(&bytes)), Kind::Sha1, &[change]).expect("supported");
        let (model, _) = decode(Kind::Sha1, &bytes);
        assert_eq!(model[&(path, 0)].oid, [9; 20]);
    }
}

#[test]
fn extensions_are_kept_dropped_or_refused() {
    let kept = |name: &[u8], changes: &[Change]| {
        let data = b"a\x00100644\x000\x000\0iiiiiiiiiiiiiiiiiiii\x62\x000\x000\x000\0".to_vec();
        let bytes = encode(Kind::Sha1, 2, &one("a"), &vec![(name.to_vec(), data)]);
        patch(Some(old(&bytes)), Kind::Sha1, changes).map(|b| decode(Kind::Sha1, &b).1)
    };
    for name in [b"FSMN", b"EOIE", b"IEOT", b"ZZZZ", b"TREE"] {
        let change = [set(Kind::Sha1, "a", 3, 0o100_644, 1)];
        assert_eq!(kept(name, &change), Ok(Vec::new()));
    }
    assert_eq!(kept(b"link", &[]), Err(Unsupported::Split));
    assert_eq!(kept(b"sdir", &[]), Err(Unsupported::Sparse));
    let other = Unsupported::Extension("zzzz".into());
    assert_eq!(kept(b"zzzz", &[]), Err(other));
    let left = kept(b"REUC", &[remove("a")]).expect("supported");
    assert_eq!(left, vec![named(b"REUC", b"b\x000\x000\x000\0")]);
    let left = kept(b"REUC", &[remove("c")]).expect("supported");
    assert_eq!(left[0].1.len(), 41);
}

#[test]
fn other_versions_and_disorder_are_refused() {
    let bytes = encode(Kind::Sha1, 4, &one("a"), &Vec::new());
    let refused = patch(Some(old(&bytes)), Kind::Sha1, &[]);
    assert_eq!(refused, Err(Unsupported::Version(4)));
    let mut model = one("a");
    model.extend(one("b"));
    let mut bytes = encode(Kind::Sha1, 2, &model, &Vec::new());
    let second_name = 12 + 64 + 62;
    assert_eq!(bytes[second_name], b'b');
    bytes[second_name] = b'a';
    let refused = patch(Some(old(&bytes)), Kind::Sha1, &[]);
    assert!(matches!(refused, Err(Unsupported::Corrupt(_))));
}

#[test]
fn bad_changes_are_refused() {
    let bad = |changes: &[Change]| {
        let refused = patch(None, Kind::Sha1, changes);
        assert!(
            matches!(refused, Err(Unsupported::Change { .. })),
            "{changes:?}"
        );
    };
    for path in [
        "", "/a", "a/", "a//b", ".", "a/../b", ".git/x", "a/.GIT", "a\0b",
    ] {
        bad(&[set(Kind::Sha1, path, 1, 0o100_644, 1)]);
        bad(&[remove(path)]);
    }
    bad(&[set(Kind::Sha1, "a", 1, 0o040_000, 1)]);
    bad(&[set(Kind::Sha1, "a", 0, 0o100_644, 1)]);
    bad(&[set(Kind::Sha256, "a", 1, 0o100_644, 1)]);
    bad(&[set(Kind::Sha1, "a", 1, 0o100_644, 1), remove("a")]);
    let deep = set(Kind::Sha1, "a/b/c", 1, 0o100_644, 1);
    bad(&[deep.clone(), set(Kind::Sha1, "a", 1, 0o100_644, 1)]);
    assert!(patch(None, Kind::Sha1, &[deep, remove("a")]).is_ok());
}

#[test]
fn a_skipped_checksum_stays_skipped() {
    let mut bytes = encode(Kind::Sha1, 2, &one("a"), &Vec::new());
    let at = bytes.len() - 20;
    bytes[at..].fill(0);
    let change = [set(Kind::Sha1, "b", 1, 0o100_644, 1)];
    let patched = patch(Some(old(&bytes)), Kind::Sha1, &change).expect("supported");
    assert_eq!(patched[patched.len() - 20..], [0; 20]);
}

#[test]
fn the_same_content_invalidates_nothing() {
    let data = b"\x001 0\niiiiiiiiiiiiiiiiiiii";
    let bytes = encode(
        Kind::Sha1,
        2,
        &one("a"),
        &vec![named(b"TREE", data), named(b"REUC", b"a\x000\x000\x000\0")],
    );
    let change = [set(Kind::Sha1, "a", 1, 0o100_644, 1)];
    let patched = patch(Some(old(&bytes)), Kind::Sha1, &change).expect("supported");
    let (model, extensions) = decode(Kind::Sha1, &patched);
    assert_eq!(model[&("a".to_owned(), 0)].words[9], 77);
    assert_eq!(extensions[0].1, data);
    assert_eq!(extensions.len(), 2);
}
