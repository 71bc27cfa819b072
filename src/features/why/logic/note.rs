//! Notes of authorship (`refs/notes/ai`), read as far as they can be understood and never written.
//!
//! Lines with a file's name, below each of them indented `<key> <ranges>`, a line `---`, then JSON that says who the
//! keys are. Versions differ in where in the JSON a key stands, so it is looked for everywhere.

use super::blame::unquoted;
use serde_json::Value;

/// Finds whom a note names for lines of a file: the agent and its id of the conversation.
pub fn authors(note: &str, path: &str, lines: &[u32]) -> Vec<(String, String)> {
    let (head, json) = note.split_once("\n---").unwrap_or((note, ""));
    let json: Value = serde_json::from_str(json.trim()).unwrap_or_default();
    let mut found = Vec::new();
    let mut here = false;
    for row in head.lines() {
        match row.strip_prefix("  ") {
            None => here = unquoted(row.trim()) == path,
            Some(entry) if here => {
                let (key, ranges) = entry.trim().split_once(' ').unwrap_or((entry.trim(), ""));
                if lines.iter().any(|line| covers(ranges, *line))
                    && let Some(author) = author(&json, key, 0)
                    && !found.contains(&author)
                {
                    found.push(author);
                }
            }
            Some(_) => {}
        }
    }
    found
}

fn covers(ranges: &str, line: u32) -> bool {
    ranges.split([',', ' ']).any(|range| {
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        let number = |text: &str| text.trim().parse::<u32>();
        matches!((number(from), number(to)), (Ok(from), Ok(to)) if from <= line && line <= to)
    })
}

/// Deeper than this nothing is looked for.
const DEEP: usize = 6;

fn author(value: &Value, key: &str, depth: usize) -> Option<(String, String)> {
    let Value::Object(map) = value else {
        return None;
    };
    // `s_<session>::t_<trace>`: the session is whom the table knows.
    let session = key.split("::").next().unwrap_or(key);
    let entry = map.get(key).or_else(|| map.get(session));
    let named = entry.and_then(|entry| {
        let agent = entry.get("agent_id").unwrap_or(entry);
        let text = |name: &str| agent.get(name).and_then(Value::as_str).map(str::to_owned);
        Some((text("tool")?, text("id")?))
    });
    named.or_else(|| {
        (depth < DEEP)
            .then(|| map.values().find_map(|inner| author(inner, key, depth + 1)))
            .flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_names_who_wrote_a_line() {
        let note = "src/a.rs\n  s_0123456789abcd::t_00000000000001 1-3,7\n  h_0123456789abcd 4\n\"b \\\"c\"\n  9 9\n---\n\
                    {\"schema_version\":\"authorship/3.0.0\",\"sessions\":{\"s_0123456789abcd\":{\"agent_id\":{\"tool\":\"claude\",\"id\":\"S1\"}}}}";
        let one = vec![("claude".to_owned(), "S1".to_owned())];
        assert_eq!(authors(note, "src/a.rs", &[7]), one);
        assert_eq!(authors(note, "src/a.rs", &[4, 8]), []);
        assert_eq!(authors(note, "src/b.rs", &[1]), []);
        for torn in ["", "---", "a\n  k 1\n---\n{", "a\n  k 99999999999-1"] {
            assert_eq!(authors(torn, "a", &[1]), []);
        }
    }
}
