//! The merge by example: what people and agents really write into these files.

use super::*;

const LABELS: Labels<'static> = Labels {
    base: "base",
    ours: "a-0001",
    theirs: "b-0002",
};

fn merged(path: &str, base: &str, ours: &str, theirs: &str) -> Merged {
    let kind = Kind::of(path, ours.as_bytes());
    merge(
        kind,
        Some(base.as_bytes()),
        ours.as_bytes(),
        theirs.as_bytes(),
        &LABELS,
    )
}

#[track_caller]
fn clean(path: &str, base: &str, ours: &str, theirs: &str, expected: &str) -> Merged {
    let merged = merged(path, base, ours, theirs);
    assert_eq!(merged.conflicts, Vec::new());
    assert_eq!(String::from_utf8_lossy(&merged.bytes), expected);
    merged
}

#[test]
fn two_permissions_added_at_one_place_are_both_kept_and_comments_stay() {
    let base = "{\n  // who may what\n  \"permissions\": {\n    \"allow\": [\"Bash(ls)\"] // short\n  },\n  \"model\": \"x\"\n}\n";
    let ours = base.replace("[\"Bash(ls)\"]", "[\"Bash(ls)\", \"Bash(cat:*)\"]");
    let theirs = base
        .replace("[\"Bash(ls)\"]", "[\"Bash(ls)\", \"Bash(cat *)\"]")
        .replace("\"x\"", "\"y\"");
    let expected = base
        .replace(
            "[\"Bash(ls)\"]",
            "[\"Bash(ls)\", \"Bash(cat:*)\", \"Bash(cat *)\"]",
        )
        .replace("\"x\"", "\"y\"");
    let merged = clean("settings.json", base, &ours, &theirs, &expected);
    assert_eq!(
        merged.duplicates.len(),
        1,
        "the two say the same: {:?}",
        merged.duplicates
    );
}

#[test]
fn hooks_that_both_append_are_both_there() {
    let hook =
        |name: &str| format!("    {{\n      \"matcher\": \"{name}\",\n      \"hooks\": []\n    }}");
    let file = |hooks: &[&str]| {
        let hooks: Vec<String> = hooks.iter().map(|name| hook(name)).collect();
        format!("{{\n  \"PreToolUse\": [\n{}\n  ]\n}}\n", hooks.join(",\n"))
    };
    clean(
        "settings.json",
        &file(&["Bash"]),
        &file(&["Bash", "Edit"]),
        &file(&["Bash", "Write"]),
        &file(&["Bash", "Edit", "Write"]),
    );
}

#[test]
fn a_key_that_both_changed_is_a_conflict_with_both_values_and_no_markers() {
    let merged = merged(
        "a.json",
        "{\"a\": {\"b\": 1}, \"c\": 1}",
        "{\"a\": {\"b\": 2}, \"c\": 1}",
        "{\"a\": {\"b\": 3}, \"c\": 5}",
    );
    assert_eq!(
        String::from_utf8_lossy(&merged.bytes),
        "{\"a\": {\"b\": 2}, \"c\": 5}"
    );
    let [conflict] = &merged.conflicts[..] else {
        panic!("{:?}", merged.conflicts)
    };
    assert_eq!(conflict.at, "a.b");
    assert_eq!(conflict.base.as_deref(), Some(&b"1"[..]));
    assert_eq!(
        (conflict.ours.as_deref(), conflict.ours_by.as_str()),
        (Some(&b"2"[..]), "a-0001")
    );
    assert_eq!(
        (conflict.theirs.as_deref(), conflict.theirs_by.as_str()),
        (Some(&b"3"[..]), "b-0002")
    );
}

#[test]
fn a_comment_of_theirs_and_a_value_of_ours_meet_at_one_key() {
    clean(
        "a.jsonc",
        "{\n  \"a\": 1,\n  \"b\": 2\n}\n",
        "{\n  \"a\": 3,\n  \"b\": 2\n}\n",
        "{\n  // why\n  \"a\": 1, // and how\n  \"b\": 2\n}\n",
        "{\n  // why\n  \"a\": 3, // and how\n  \"b\": 2\n}\n",
    );
}

#[test]
fn an_entry_behind_the_last_one_gets_its_comma_before_the_comment() {
    clean(
        "a.jsonc",
        "{\n  \"a\": 1 // one\n}\n",
        "{\n  \"a\": 1, // one\n  \"b\": 2\n}\n",
        "{\n  \"a\": 1, // one\n  \"c\": 3 // three\n}\n",
        "{\n  \"a\": 1, // one\n  \"b\": 2,\n  \"c\": 3 // three\n}\n",
    );
}

#[test]
fn json_that_does_not_parse_is_kept_and_reported() {
    let merged = merged(
        "a.json",
        "{\"a\": 1}",
        "{\"a\": 2, }}",
        "{\"a\": 1, \"b\": 2}",
    );
    assert_eq!(merged.bytes, b"{\"a\": 2, }}");
    assert_eq!(merged.conflicts.len(), 1);
    assert_eq!(merged.invalid[0].side, Side::Ours);
}

#[test]
fn line_ends_and_the_byte_order_mark_of_whoever_changed_them_stay() {
    let base = "{\r\n  \"a\": 1,\r\n  \"b\": 1\r\n}\r\n";
    let theirs = "\u{feff}{\n  \"a\": 1,\n  \"b\": 2\n}\n";
    let expected = "\u{feff}{\n  \"a\": 2,\n  \"b\": 2\n}\n";
    clean(
        "a.json",
        base,
        &base.replace("\"a\": 1", "\"a\": 2"),
        theirs,
        expected,
    );
}

#[test]
fn tables_that_both_append_are_both_there_and_keys_stay_above_them() {
    let base = "# our tools\n\nname = \"x\" # the name\n\n[a]\nk = 1\n";
    let ours = format!("{base}\n# of ours\n[b]\nk = 2\n");
    let theirs = format!(
        "{}\n[c]\nk = 3\n",
        base.replace("[a]\n", "[a]\nm = [\n  1, # one\n]\n")
            .replace("# the name\n", "# the name\nage = 3\n")
    );
    let expected = "# our tools\n\nname = \"x\" # the name\nage = 3\n\n[a]\nm = [\n  1, # one\n]\nk = 1\n\n# of ours\n[b]\nk = 2\n\n[c]\nk = 3\n";
    clean("a.toml", base, &ours, &theirs, expected);
}

#[test]
fn elements_of_an_array_of_tables_are_found_by_name() {
    let element =
        |name: &str, n: u8| format!("[[tool]]\nname = \"{name}\"\n[tool.more]\nn = {n}\n\n");
    let base = [element("a", 1), element("b", 1)].concat();
    let ours = [element("a", 2), element("b", 1), element("c", 1)].concat();
    let theirs = [element("b", 3), element("d", 1)].concat();
    let merged = merged("a.toml", &base, &ours, &theirs);
    assert_eq!(
        String::from_utf8_lossy(&merged.bytes),
        [
            element("a", 2),
            element("b", 3),
            element("c", 1),
            element("d", 1)
        ]
        .concat()
    );
    assert_eq!(
        merged.conflicts.len(),
        1,
        "a was changed and removed: {:?}",
        merged.conflicts
    );
}

#[test]
fn bullets_that_both_append_are_both_kept_and_an_index_keeps_its_order() {
    clean(
        "MEMORY.md",
        "# M\n\n- one\n\n## End\nx\n",
        "# M\n\n- one\n- ours\n\n## End\nx\n",
        "# M\n\n- one\n- theirs\n\n## End\nx\n",
        "# M\n\n- one\n- ours\n- theirs\n\n## End\nx\n",
    );
    clean(
        "_index.md",
        "- [a](a.md)\n- [m](m.md)\n- [z](z.md)\n",
        "- [a](a.md)\n- [d](d.md)\n- [m](m.md)\n- [z](z.md)\n",
        "- [a](a.md)\n- [b](b.md)\n- [m](m.md)\n- [z](z.md)\n",
        "- [a](a.md)\n- [b](b.md)\n- [d](d.md)\n- [m](m.md)\n- [z](z.md)\n",
    );
}

#[test]
fn sections_that_both_append_are_both_kept() {
    clean(
        "a.md",
        "# A\ntext\n",
        "# A\ntext\n\n## Ours\n- x\n",
        "# A\ntext\n\n## Theirs\ny\n",
        "# A\ntext\n\n## Ours\n- x\n## Theirs\ny\n",
    );
}

#[test]
fn an_entry_that_both_reworded_is_a_conflict_in_its_section() {
    let file = |what: &str| format!("## Index\n- [a](a.md): {what}\n- b\n");
    let merged = merged("a.md", &file("one"), &file("two"), &file("three"));
    assert_eq!(merged.conflicts.len(), 1);
    let text = String::from_utf8_lossy(&merged.bytes).into_owned();
    assert!(text.contains("two") && text.contains("three"), "{text}");
}

#[test]
fn fields_of_the_front_matter_merge_by_name_and_the_later_change_wins() {
    let file = |modified: &str, kind: &str, text: &str| {
        format!("---\ntype: {kind}\nmodified: {modified}\n---\n{text}\n")
    };
    clean(
        "a.md",
        &file("2026-01-01", "user", "x"),
        &file("2026-01-03", "user", "x"),
        &file("2026-01-02", "feedback", "y"),
        &file("2026-01-03", "feedback", "y"),
    );
}

#[test]
fn the_same_bullet_at_two_places_is_reported() {
    let merged = clean(
        "a.md",
        "# A\n- a\n\n# B\n- b\n",
        "# A\n- a\n- Use the cache\n\n# B\n- b\n",
        "# A\n- a\n\n# B\n- b\n- use the cache.\n",
        "# A\n- a\n- Use the cache\n\n# B\n- b\n- use the cache.\n",
    );
    assert_eq!(merged.duplicates.len(), 1, "{:?}", merged.duplicates);
}

#[test]
fn records_with_one_id_are_reported() {
    let merged = clean(
        "a.jsonl",
        "",
        "{\"id\":1,\"a\":1}\n",
        "{\"id\":1,\"a\":2}\n",
        "{\"id\":1,\"a\":1}\n{\"id\":1,\"a\":2}\n",
    );
    assert_eq!(merged.duplicates.len(), 1);
}

#[test]
fn binary_is_one_side_or_a_conflict() {
    let merged = merged("a.png", "\0a", "\0b", "\0c");
    assert_eq!(merged.bytes, b"\0b");
    assert_eq!(merged.conflicts.len(), 1);
}
