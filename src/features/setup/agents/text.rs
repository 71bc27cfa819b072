//! Changing a JSON text in a few places and leaving every other byte as it is.
//!
//! A settings file is a person's: its order, its spacing and its other keys
//! stay. So the text is edited between spans, never written out anew.

use serde_json::Value;
use std::ops::Range;

/// A value and where it stands.
#[derive(Debug)]
struct Node {
    span: Range<usize>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Object(Vec<(String, Range<usize>, Node)>),
    Array(Vec<Node>),
    Other,
}

/// Deeper texts are no settings.
const DEPTH: usize = 64;

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn space(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn value(&mut self, depth: usize) -> Option<Node> {
        self.space();
        let start = self.at;
        let kind = match self.peek()? {
            b'{' if depth > 0 => Kind::Object(self.items(b'}', |parser| {
                parser.space();
                let from = parser.at;
                parser.string()?;
                let key = serde_json::from_str(&parser.text[from..parser.at]).ok()?;
                let span = from..parser.at;
                parser.space();
                (parser.peek()? == b':').then(|| parser.at += 1)?;
                Some((key, span, parser.value(depth - 1)?))
            })?),
            b'[' if depth > 0 => Kind::Array(self.items(b']', |parser| parser.value(depth - 1))?),
            b'"' => {
                self.string()?;
                Kind::Other
            }
            _ => {
                let rest = &self.text[self.at..];
                self.at += rest
                    .find([',', ']', '}', ' ', '\t', '\n', '\r'])
                    .unwrap_or(rest.len());
                Kind::Other
            }
        };
        Some(Node {
            span: start..self.at,
            kind,
        })
    }

    fn string(&mut self) -> Option<()> {
        (self.peek()? == b'"').then_some(())?;
        self.at += 1;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some(())
    }

    fn items<T>(&mut self, end: u8, item: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        self.at += 1;
        let mut all = Vec::new();
        loop {
            self.space();
            if self.peek()? == end {
                self.at += 1;
                return Some(all);
            }
            all.push(item(self)?);
            self.space();
            if self.peek()? == b',' {
                self.at += 1;
            }
        }
    }
}

/// Reads an object; serde judges whether it is JSON, so that what follows may trust the text.
fn parse(text: &str) -> Option<Node> {
    serde_json::from_str::<serde_json::Map<String, Value>>(text).ok()?;
    Parser { text, at: 0 }.value(DEPTH)
}

/// What is ours in a settings file.
#[derive(Clone, Copy, Debug)]
pub struct Ours {
    /// What every command of ours contains.
    pub mark: &'static str,
}

impl Ours {
    fn command(self, value: &Value) -> bool {
        let text = value.get("command").and_then(Value::as_str);
        text.is_some_and(|text| text.contains(self.mark))
    }

    fn group(self, value: &Value) -> bool {
        let handlers = value.get("hooks").and_then(Value::as_array);
        handlers.is_some_and(|all| !all.is_empty() && all.iter().all(|one| self.command(one)))
    }
}

/// Puts the hooks, and the status line if there is none, of `wanted` into a text; nothing if the text is no JSON object.
pub fn merge(text: &str, wanted: &Value, ours: Ours) -> Option<String> {
    let text = if text.trim().is_empty() { "{}\n" } else { text };
    let now: Value = serde_json::from_str(text).ok()?;
    if holds(&now, wanted, ours) {
        return Some(text.to_owned());
    }
    let mut out = strip(text, ours)?;
    for (event, groups) in wanted["hooks"].as_object()? {
        for group in groups.as_array()? {
            out = add_group(&out, event, group)?;
        }
    }
    if let Some(line) = wanted.get("statusLine")
        && now
            .get("statusLine")
            .is_none_or(|found| ours.command(found))
    {
        let root = parse(&out)?;
        out = insert(&out, &root, 0, &member("statusLine", line, &unit(&out), 1));
    }
    serde_json::from_str::<Value>(&out).ok().map(|_| out)
}

/// Tells whether all that is ours stands there as wanted, and nothing else of ours.
fn holds(now: &Value, wanted: &Value, ours: Ours) -> bool {
    let found = |event: &str| -> Vec<&Value> {
        let groups = now["hooks"][event].as_array().into_iter().flatten();
        groups.filter(|group| ours.group(group)).collect()
    };
    let Some(events) = wanted["hooks"].as_object() else {
        return false;
    };
    let others = now["hooks"].as_object().into_iter().flatten();
    let stray = others
        .filter(|(event, _)| !events.contains_key(*event))
        .any(|(event, _)| !found(event).is_empty());
    let line = match (wanted.get("statusLine"), now.get("statusLine")) {
        (Some(wanted), Some(found)) => !ours.command(found) || found == wanted,
        (Some(_), None) => false,
        (None, found) => found.is_none_or(|found| !ours.command(found)),
    };
    let all = events.iter().all(|(event, groups)| {
        groups
            .as_array()
            .is_some_and(|groups| found(event) == groups.iter().collect::<Vec<_>>())
    });
    line && all && !stray
}

fn add_group(text: &str, event: &str, group: &Value) -> Option<String> {
    let unit = unit(text);
    let root = parse(text)?;
    let Kind::Object(members) = &root.kind else {
        return None;
    };
    let Some((_, _, hooks)) = members.iter().find(|(key, _, _)| key == "hooks") else {
        let value = serde_json::json!({ event: [group] });
        return Some(insert(text, &root, 0, &member("hooks", &value, &unit, 1)));
    };
    let Kind::Object(events) = &hooks.kind else {
        return None;
    };
    match events.iter().find(|(key, _, _)| key == event) {
        None => {
            let value = serde_json::json!([group]);
            Some(insert(text, hooks, 1, &member(event, &value, &unit, 2)))
        }
        Some((_, _, groups)) => match groups.kind {
            Kind::Array(_) => Some(insert(text, groups, 2, &pretty(group, &unit, 3))),
            _ => None,
        },
    }
}

/// Takes out what is ours, and what becomes empty by it; nothing if the text is no JSON object.
pub fn strip(text: &str, ours: Ours) -> Option<String> {
    let mut text = text.to_owned();
    while let Some(cut) = next_cut(&text, &parse(&text)?, ours) {
        text.replace_range(cut, "");
    }
    Some(text)
}

fn next_cut(text: &str, root: &Node, ours: Ours) -> Option<Range<usize>> {
    let value =
        |node: &Node| serde_json::from_str::<Value>(&text[node.span.clone()]).unwrap_or_default();
    let Kind::Object(members) = &root.kind else {
        return None;
    };
    let spans = |members: &[(String, Range<usize>, Node)]| -> Vec<Range<usize>> {
        members
            .iter()
            .map(|(_, key, node)| key.start..node.span.end)
            .collect()
    };
    for (index, (key, _, node)) in members.iter().enumerate() {
        if key == "statusLine" && ours.command(&value(node)) {
            return Some(cut(&root.span, &spans(members), index));
        }
        let Kind::Object(events) = &node.kind else {
            continue;
        };
        if key != "hooks" {
            continue;
        }
        for (at, (_, _, groups)) in events.iter().enumerate() {
            let Kind::Array(groups_in) = &groups.kind else {
                continue;
            };
            let Some(gone) = groups_in.iter().position(|group| ours.group(&value(group))) else {
                continue;
            };
            return Some(match (groups_in.len(), events.len()) {
                (1, 1) => cut(&root.span, &spans(members), index),
                (1, _) => cut(&node.span, &spans(events), at),
                _ => {
                    let items: Vec<_> = groups_in.iter().map(|group| group.span.clone()).collect();
                    cut(&groups.span, &items, gone)
                }
            });
        }
    }
    None
}

/// Returns the span of one item with its comma and the space that belongs to it.
fn cut(container: &Range<usize>, items: &[Range<usize>], index: usize) -> Range<usize> {
    let item = &items[index];
    if index > 0 {
        return items[index - 1].end..item.end;
    }
    let inside = container.start + 1..container.end - 1;
    items.get(1).map_or(inside, |next| item.start..next.start)
}

/// Adds an item at the end of an object or an array that stands `depth` deep.
fn insert(text: &str, container: &Node, depth: usize, item: &str) -> String {
    let unit = unit(text);
    let line = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let item = item.replace('\n', line);
    let last = match &container.kind {
        Kind::Object(members) => members.last().map(|(_, _, node)| node.span.end),
        Kind::Array(items) => items.last().map(|node| node.span.end),
        Kind::Other => None,
    };
    let (inner, outer) = (unit.repeat(depth + 1), unit.repeat(depth));
    let (head, middle, tail) = match last {
        Some(end) => (&text[..end], format!(",{line}{inner}{item}"), &text[end..]),
        None => (
            &text[..=container.span.start],
            format!("{line}{inner}{item}{line}{outer}"),
            &text[container.span.end - 1..],
        ),
    };
    format!("{head}{middle}{tail}")
}

fn member(key: &str, value: &Value, unit: &str, depth: usize) -> String {
    format!("{}: {}", Value::from(key), pretty(value, unit, depth))
}

/// Writes a value over several lines, the later ones indented for `depth`.
fn pretty(value: &Value, unit: &str, depth: usize) -> String {
    let mut bytes = Vec::new();
    let format = serde_json::ser::PrettyFormatter::with_indent(unit.as_bytes());
    let mut writer = serde_json::Serializer::with_formatter(&mut bytes, format);
    // Writing a value into memory cannot fail.
    let _ = serde::Serialize::serialize(value, &mut writer);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    text.replace('\n', &format!("\n{}", unit.repeat(depth)))
}

/// Returns what one step of indentation is in a text.
fn unit(text: &str) -> String {
    let indented = text
        .lines()
        .skip(1)
        .find(|line| line.starts_with([' ', '\t']) && !line.trim().is_empty());
    let indent = indented.map(|line| &line[..line.len() - line.trim_start().len()]);
    indent.unwrap_or("  ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const OURS: Ours = Ours {
        mark: "exec git-ccc ",
    };

    fn wanted() -> Value {
        let hook =
            |word: &str| json!({"type": "command", "command": format!("exec git-ccc hook {word}")});
        json!({"hooks": {"Stop": [{"hooks": [hook("a")]}], "PreToolUse": [{"matcher": "Edit", "hooks": [hook("b")]}]},
               "statusLine": {"type": "command", "command": "exec git-ccc status-line"}})
    }

    #[test]
    fn what_was_there_stays_as_it_was_and_comes_back() {
        for text in [
            "{}\n",
            "{\n}\n",
            "{\"a\": 1}",
            "{\n\t\"z\": [1,2 , 3],\n\t\"hooks\": {\n\t\t\"Stop\": [ {\"hooks\": [{\"type\": \"command\", \"command\": \"mine\"}]} ]\n\t},\n\t\"a\": \"\\\"}\"\n}\n",
            "{\r\n    \"hooks\": {},\r\n    \"b\": null\r\n}\r\n",
            "{\"statusLine\": {\"type\": \"command\", \"command\": \"mine\"}, \"hooks\": {\"PreToolUse\": []}}",
        ] {
            let merged = merge(text, &wanted(), OURS).expect("JSON");
            let value: Value = serde_json::from_str(&merged).expect("still JSON");
            for event in ["Stop", "PreToolUse"] {
                let ours = value["hooks"][event].as_array().expect("a list");
                assert!(ours.contains(&wanted()["hooks"][event][0]), "{merged}");
            }
            assert_eq!(
                merge(&merged, &wanted(), OURS).as_ref(),
                Some(&merged),
                "twice is once"
            );
            let back = strip(&merged, OURS).expect("JSON");
            let mut left: Value = serde_json::from_str(&back).expect("still JSON");
            let mut before: Value = serde_json::from_str(text).expect("JSON");
            for value in [&mut left, &mut before] {
                // What was empty may go with what was put into it.
                if value["hooks"]
                    .as_object()
                    .is_none_or(|hooks| hooks.values().all(|list| list == &json!([])))
                {
                    value.as_object_mut().expect("an object").remove("hooks");
                }
            }
            assert_eq!(left, before, "{back}");
        }
    }

    #[test]
    fn what_is_no_object_is_not_touched() {
        for text in [
            "[]",
            "{",
            "// a comment\n{}",
            "{\"hooks\": 3}",
            "{\"hooks\": {\"Stop\": {}}}",
        ] {
            assert_eq!(merge(text, &wanted(), OURS), None, "{text}");
        }
        assert!(
            merge("", &wanted(), OURS).is_some(),
            "an empty file is as good as none"
        );
    }

    #[test]
    fn an_older_version_of_ours_is_replaced() {
        let old = merge(
            "{}",
            &json!({"hooks": {"Gone": [{"hooks": [{"command": "exec git-ccc hook old"}]}]}}),
            OURS,
        );
        let new = merge(&old.expect("JSON"), &wanted(), OURS).expect("JSON");
        assert!(!new.contains("Gone") && new.contains("hook a"), "{new}");
    }
}
