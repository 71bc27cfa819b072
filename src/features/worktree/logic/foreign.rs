//! What other tools' settings say about new worktrees: what to bring along, and what they would run.
//!
//! The files are data of a repository: bounded, and read for these keys alone. What a tool would link is copied here: a
//! link would give all worktrees one copy of what each of them changes.

use serde_json::Value;

/// Each file, and the tool it is of.
pub const FILES: &[(&str, &str)] = &[
    (".worktreeinclude", "Claude Code"),
    (".worktreelink", "worktree links"),
    ("conductor.json", "Conductor"),
    (".cursor/worktrees.json", "Cursor"),
    (".superset/config.json", "Superset"),
    (".workmux.yaml", "workmux"),
    (".config/wt.toml", "worktrunk"),
];
/// The largest of these files.
pub const MAX_BYTES: usize = 64 << 10;
/// The most entries that are taken from one.
const MAX_ITEMS: usize = 500;
/// The deepest that a file may be nested.
const DEPTH: usize = 16;

/// What one file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Foreign {
    /// Patterns of what is to be brought along.
    pub copy: Vec<String>,
    /// Commands for when the worktree is there.
    pub setup: Vec<String>,
    /// Commands for when it goes.
    pub teardown: Vec<String>,
}

/// Reads one of [`FILES`]; the error says why it cannot be read as what it should be.
pub fn read(file: &str, text: &str) -> Result<Foreign, String> {
    let mut found = match file {
        ".worktreeinclude" | ".worktreelink" => Foreign {
            copy: text.lines().map(str::to_owned).collect(),
            ..Foreign::default()
        },
        "conductor.json" => of_json(text, &["scripts/setup"], &["scripts/archive"])?,
        ".cursor/worktrees.json" => {
            let keys = ["setup-worktree-unix", "setup-worktree"];
            let value: Value = json(text)?;
            // The first that is there is meant: the other one is for another system.
            let key = keys.into_iter().find(|key| value.get(key).is_some());
            of_json(text, &[key.unwrap_or(keys[1])], &[])?
        }
        ".superset/config.json" => of_json(text, &["setup"], &["teardown"])?,
        ".workmux.yaml" => {
            let value = yaml(text)?;
            let mut found = Foreign {
                setup: list(&value, "post_create"),
                teardown: list(&value, "pre_remove"),
                ..Foreign::default()
            };
            for key in ["files/copy", "files/symlink"] {
                found.copy.extend(list(&value, key));
            }
            found
        }
        ".config/wt.toml" => {
            let table: toml::Table = text
                .parse()
                .map_err(|error: toml::de::Error| error.message().to_owned())?;
            let value = serde_json::to_value(table).map_err(|error| error.to_string())?;
            let all = |keys: &[&str]| keys.iter().flat_map(|key| list(&value, key)).collect();
            Foreign {
                copy: all(&["copy"]),
                setup: all(&["post-create", "pre-start", "post-start"]),
                teardown: all(&["pre-remove"]),
            }
        }
        _ => return Err("nothing is known of such a file".to_owned()),
    };
    let plain = |text: &String| !text.contains('\0');
    found.copy.retain(|line| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with('#') && !line.contains('\0')
    });
    for all in [&mut found.copy, &mut found.setup, &mut found.teardown] {
        all.retain(plain);
        if all.len() > MAX_ITEMS {
            return Err(format!("it has a list of more than {MAX_ITEMS}"));
        }
    }
    Ok(found)
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn of_json(text: &str, setup: &[&str], teardown: &[&str]) -> Result<Foreign, String> {
    let value = json(text)?;
    let all = |keys: &[&str]| keys.iter().flat_map(|key| list(&value, key)).collect();
    Ok(Foreign {
        copy: all(&["copy", "copyFiles", "filesToCopy", "files/copy"]),
        setup: all(setup),
        teardown: all(teardown),
    })
}

/// Returns the texts at a path of keys: one, a list of them, or all that a table holds.
fn list(value: &Value, path: &str) -> Vec<String> {
    let mut at = Some(value);
    for key in path.split('/') {
        at = at.and_then(|value| value.get(key));
    }
    let mut found = Vec::new();
    if let Some(at) = at {
        gather(at, &mut found, 0);
    }
    found
}

fn gather(value: &Value, found: &mut Vec<String>, depth: usize) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) if depth < 3 => {
            for item in items {
                gather(item, found, depth + 1);
            }
        }
        Value::Object(items) if depth < 3 => {
            for item in items.values() {
                gather(item, found, depth + 1);
            }
        }
        _ => {}
    }
}

/// Reads the first document of a YAML file; every scalar is a text. References are refused: they can grow without end.
fn yaml(text: &str) -> Result<Value, String> {
    use saphyr_parser::{Event, Parser};
    /// A list or table that is being read; a table with the key whose value comes next.
    enum Open {
        List(Vec<Value>),
        Table(serde_json::Map<String, Value>, Option<String>),
    }
    let mut stack: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| error.to_string())?;
        let done = match event {
            Event::Alias(_) => return Err("it refers to other parts of itself".to_owned()),
            Event::SequenceStart(..) | Event::MappingStart(..) if stack.len() >= DEPTH => {
                return Err("it is nested too deeply".to_owned());
            }
            Event::SequenceStart(..) => {
                stack.push(Open::List(Vec::new()));
                continue;
            }
            Event::MappingStart(..) => {
                stack.push(Open::Table(serde_json::Map::new(), None));
                continue;
            }
            Event::Scalar(text, ..) => Value::String(text.into_owned()),
            Event::SequenceEnd | Event::MappingEnd => match stack.pop() {
                Some(Open::List(items)) => Value::Array(items),
                Some(Open::Table(items, _)) => Value::Object(items),
                None => return Err("it does not fit together".to_owned()),
            },
            _ => continue,
        };
        match stack.last_mut() {
            None => return Ok(done),
            Some(Open::List(items)) => items.push(done),
            Some(Open::Table(items, key)) => match key.take() {
                Some(key) => {
                    items.insert(key, done);
                }
                None => *key = Some(done.as_str().unwrap_or_default().to_owned()),
            },
        }
    }
    Ok(Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tool_is_understood() {
        let include = read(".worktreeinclude", "# mine\n.env\n\nconfig/*.key\n").expect("it reads");
        assert_eq!(include.copy, [".env", "config/*.key"]);
        let conductor = r#"{"scripts": {"setup": "npm ci", "run": "npm start", "archive": "x"}}"#;
        let conductor = read("conductor.json", conductor).expect("it reads");
        assert_eq!(
            (conductor.setup, conductor.teardown),
            (vec!["npm ci".to_owned()], vec!["x".to_owned()])
        );
        let cursor = r#"{"setup-worktree-unix": ["a", "b"], "setup-worktree": ["c"]}"#;
        assert_eq!(
            read(".cursor/worktrees.json", cursor)
                .expect("it reads")
                .setup,
            ["a", "b"]
        );
        let superset = r#"{"setup": ["./setup.sh"], "teardown": []}"#;
        assert_eq!(
            read(".superset/config.json", superset)
                .expect("it reads")
                .setup,
            ["./setup.sh"]
        );
        let mux = "# c\nfiles:\n  copy:\n    - .env\n  symlink: [node_modules]\npost_create:\n  - \"npm ci\"\n  - >-\n    a\n    b\n";
        let mux = read(".workmux.yaml", mux).expect("it reads");
        assert_eq!(mux.copy, [".env", "node_modules"]);
        assert_eq!(mux.setup, ["npm ci", "a b"]);
        let wt = "[post-create]\ninstall = \"npm ci\"\n[pre-remove]\nx = 'y'\n";
        let wt = read(".config/wt.toml", wt).expect("it reads");
        assert_eq!(
            (wt.setup, wt.teardown),
            (vec!["npm ci".to_owned()], vec!["y".to_owned()])
        );
    }

    #[test]
    fn what_is_not_what_it_should_be_is_said_and_nothing_hangs() {
        for (file, text) in [
            ("conductor.json", "{"),
            (".workmux.yaml", "a: &x [1]\nb: *x\n"),
            (".workmux.yaml", &"[".repeat(1000)),
            (".config/wt.toml", "= 1"),
        ] {
            assert!(read(file, text).is_err(), "{file} {text}");
        }
        for (file, _) in FILES {
            // Any answer will do.
            let _ = read(file, "\u{0}\u{1b}[2J - : [ {");
            let _ = read(file, "");
        }
        assert_eq!(
            read(
                "conductor.json",
                r#"{"scripts": 7, "copy": [1, null, {"a": []}]}"#
            ),
            Ok(Foreign::default())
        );
    }
}
