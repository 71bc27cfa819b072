//! Which files a tool is about to write.

use super::shell;
use serde_json::Value;
use std::path::PathBuf;

/// So deep texts are looked for in a tool's input.
const DEPTH: usize = 4;
/// So many paths of one call are judged.
const MAX_PATHS: usize = 200;

/// Returns the paths that a tool would write, as the agent spells them.
pub fn written(tool: &str, input: &Value) -> Vec<String> {
    let mut paths = Vec::new();
    match tool {
        "Edit" | "Write" | "MultiEdit" | "NotebookEdit" => {
            for key in ["file_path", "notebook_path", "path"] {
                paths.extend(input.get(key).and_then(Value::as_str).map(str::to_owned));
            }
            // Codex matches these names for patches too.
            patches(input, DEPTH, &mut paths);
        }
        "apply_patch" => patches(input, DEPTH, &mut paths),
        _ if is_shell(tool) => patches(input, DEPTH, &mut paths),
        _ => {}
    }
    paths.retain(|path| !path.is_empty());
    land(tool, input, paths.iter_mut());
    paths.sort();
    paths.dedup();
    paths.truncate(MAX_PATHS);
    paths
}

/// Tells whether a tool writes files by their names.
pub fn is_writer(tool: &str) -> bool {
    matches!(
        tool,
        "Edit" | "Write" | "MultiEdit" | "NotebookEdit" | "apply_patch"
    )
}

/// Tells whether a tool runs shell commands.
pub fn is_shell(tool: &str) -> bool {
    matches!(
        tool,
        "Bash" | "shell" | "local_shell" | "exec_command" | "unified_exec"
    )
}

/// Takes the names of a patch in a shell from where they count: after `cd DIR && apply_patch …` that is below DIR.
fn land<'a>(tool: &str, input: &Value, names: impl Iterator<Item = &'a mut String>) {
    let Some(line) = command(input).filter(|_| is_shell(tool)) else {
        return;
    };
    let all = shell::simple(&line).into_iter();
    let mut all = all.filter(|one| matches!(one.program.as_str(), "apply_patch" | "applypatch"));
    let Some(dir) = all.next().map(|one| one.dirs.iter().collect::<PathBuf>()) else {
        return;
    };
    if dir.as_os_str().is_empty() {
        return;
    }
    for name in names.filter(|name| !name.starts_with("~/")) {
        *name = dir.join(&*name).display().to_string();
    }
}

/// Returns the shell command of a tool, if it has one.
pub fn command(input: &Value) -> Option<String> {
    let found = ["command", "cmd"].iter().find_map(|key| input.get(key))?;
    if let Some(text) = found.as_str() {
        return Some(text.to_owned());
    }
    let words: Vec<&str> = found.as_array()?.iter().filter_map(Value::as_str).collect();
    match words.as_slice() {
        // `bash -lc TEXT`
        [_, flag, text] if flag.starts_with('-') && flag.ends_with('c') => Some((*text).to_owned()),
        words => Some(
            words
                .iter()
                .map(|word| crate::base::text::shell(word))
                .collect::<Vec<_>>()
                .join(" "),
        ),
    }
}

/// Collects the files that the patches in a value name.
fn patches(value: &Value, depth: usize, paths: &mut Vec<String>) {
    match value {
        Value::String(text) if text.contains("*** ") => {
            for line in text.lines() {
                let header = ["Update File: ", "Add File: ", "Delete File: ", "Move to: "];
                let rest = line.trim_start().strip_prefix("*** ");
                let path =
                    rest.and_then(|rest| header.iter().find_map(|head| rest.strip_prefix(head)));
                paths.extend(path.map(|path| path.trim().to_owned()));
            }
        }
        Value::Array(items) if depth > 0 => {
            for item in items {
                patches(item, depth - 1, paths);
            }
        }
        Value::Object(fields) if depth > 0 => {
            for item in fields.values() {
                patches(item, depth - 1, paths);
            }
        }
        _ => {}
    }
}

/// Returns the file that a tool is about to read from its beginning to its end.
pub fn read_whole(tool: &str, input: &Value) -> Option<String> {
    let part = ["offset", "limit", "pages"];
    if tool != "Read"
        || part
            .iter()
            .any(|key| input.get(key).is_some_and(|value| !value.is_null()))
    {
        return None;
    }
    Some(input.get("file_path")?.as_str()?.to_owned())
}

/// One replacement, as a tool is told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What stands there.
    pub old: String,
    /// What is to stand there.
    pub new: String,
    /// Everywhere.
    pub all: bool,
}

/// How a tool is about to write a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Writes {
    /// Whole.
    Whole(String),
    /// In places.
    Edits(Vec<Edit>),
    /// In a way that only the tool knows.
    Unknown,
}

/// Returns the files that a tool is about to write, and how.
pub fn writes(tool: &str, input: &Value) -> Vec<(String, Writes)> {
    let path = || {
        input
            .get("file_path")
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let content = input.get("content").and_then(Value::as_str);
    match (tool, path(), content) {
        ("Write", Some(path), Some(content)) => vec![(path, Writes::Whole(content.to_owned()))],
        ("Edit", Some(path), _) => vec![(path, edits(std::slice::from_ref(input)))],
        ("MultiEdit", Some(path), _) => {
            let all = input.get("edits").and_then(Value::as_array);
            vec![(path, edits(all.map_or(&[], Vec::as_slice)))]
        }
        _ => {
            let mut added = Vec::new();
            added_files(input, DEPTH, &mut added);
            land(tool, input, added.iter_mut().map(|(name, _)| name));
            let all = written(tool, input).into_iter();
            all.map(|path| {
                let whole = added.iter().find(|(name, _)| *name == path);
                let writes = whole.map_or(Writes::Unknown, |(_, text)| Writes::Whole(text.clone()));
                (path, writes)
            })
            .collect()
        }
    }
}

fn edits(all: &[Value]) -> Writes {
    let text = |value: &Value, key: &str| value.get(key)?.as_str().map(str::to_owned);
    let edit = |value: &Value| {
        Some(Edit {
            old: text(value, "old_string")?,
            new: text(value, "new_string")?,
            all: value
                .get("replace_all")
                .and_then(Value::as_bool)
                .unwrap_or(false),
        })
    };
    match all.iter().map(edit).collect::<Option<Vec<Edit>>>() {
        // A text for nothing makes a new file.
        Some(edits) => match edits.as_slice() {
            [only] if only.old.is_empty() => Writes::Whole(only.new.clone()),
            _ => Writes::Edits(edits),
        },
        None => Writes::Unknown,
    }
}

/// Collects the files that the patches in a value write whole: name and content.
fn added_files(value: &Value, depth: usize, found: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) if text.contains("*** Add File: ") => {
            let mut open = false;
            for line in text.lines() {
                if let Some(head) = line.trim_start().strip_prefix("*** ") {
                    let path = head.strip_prefix("Add File: ");
                    open = path.is_some();
                    found.extend(path.map(|path| (path.trim().to_owned(), String::new())));
                } else if let (true, Some(more), Some((_, content))) =
                    (open, line.strip_prefix('+'), found.last_mut())
                {
                    content.push_str(more);
                    content.push('\n');
                }
            }
        }
        Value::Array(items) if depth > 0 => {
            for item in items {
                added_files(item, depth - 1, found);
            }
        }
        Value::Object(fields) if depth > 0 => {
            for item in fields.values() {
                added_files(item, depth - 1, found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_target_is_read_from_paths_and_patch_headers() {
        assert_eq!(
            written("Edit", &json!({"file_path": "/r/a.rs"})),
            ["/r/a.rs"]
        );
        assert_eq!(
            written("NotebookEdit", &json!({"notebook_path": "/r/n.ipynb"})),
            ["/r/n.ipynb"]
        );
        let patch = "*** Begin Patch\n*** Update File: src/a.rs\n@@\n-*** Update File: no\n*** Move to: src/b.rs\n*** Add File: c d.txt\n+x\n*** End Patch";
        let all = ["c d.txt", "src/a.rs", "src/b.rs"];
        assert_eq!(written("apply_patch", &json!({"command": patch})), all);
        assert_eq!(
            written("apply_patch", &json!({"command": ["apply_patch", patch]})),
            all
        );
        assert_eq!(
            written(
                "Bash",
                &json!({"command": format!("apply_patch <<'E'\n{patch}\nE")})
            ),
            all
        );
        let moved = format!("cd deep && cd 'er' && apply_patch <<'E'\n{patch}\nE");
        assert_eq!(
            written("Bash", &json!({ "command": moved })),
            ["deep/er/c d.txt", "deep/er/src/a.rs", "deep/er/src/b.rs"]
        );
        let script = json!({"command": ["bash", "-lc", moved.replace("src/a.rs", "/r/a.rs")]});
        assert_eq!(
            written("shell", &script),
            ["/r/a.rs", "deep/er/c d.txt", "deep/er/src/b.rs"]
        );
        let whole = writes("Bash", &json!({ "command": moved }));
        assert!(whole.contains(&(
            "deep/er/c d.txt".to_owned(),
            Writes::Whole("x\n".to_owned())
        )));
        assert!(written("Read", &json!({"file_path": "/r/a.rs"})).is_empty());
        assert!(written("Edit", &json!({"file_path": 3})).is_empty());
        assert!(written("Edit", &Value::Null).is_empty());
    }

    #[test]
    fn a_command_is_text_or_words() {
        assert_eq!(
            command(&json!({"command": ["bash", "-lc", "git stash"]})).as_deref(),
            Some("git stash")
        );
        assert_eq!(
            command(&json!({"command": ["git", "add", "a b"]})).as_deref(),
            Some("git add 'a b'")
        );
        assert_eq!(command(&json!({})), None);
    }

    #[test]
    fn what_is_written_whole_is_told_from_what_is_edited() {
        let write = json!({"file_path": "/a", "content": "x"});
        assert_eq!(
            writes("Write", &write),
            [("/a".to_owned(), Writes::Whole("x".to_owned()))]
        );
        let edit = json!({"file_path": "/a", "old_string": "x", "new_string": "y"});
        let wanted = Edit {
            old: "x".to_owned(),
            new: "y".to_owned(),
            all: false,
        };
        assert_eq!(
            writes("Edit", &edit),
            [("/a".to_owned(), Writes::Edits(vec![wanted]))]
        );
        let patch = "*** Begin Patch\n*** Add File: /n.md\n+one\n+\n*** Update File: /u.md\n@@\n+no\n*** End Patch";
        assert_eq!(
            writes("apply_patch", &json!({ "command": patch })),
            [
                ("/n.md".to_owned(), Writes::Whole("one\n\n".to_owned())),
                ("/u.md".to_owned(), Writes::Unknown)
            ]
        );
        let read = json!({"file_path": "/a"});
        assert_eq!(read_whole("Read", &read).as_deref(), Some("/a"));
        assert_eq!(
            read_whole("Read", &json!({"file_path": "/a", "limit": 9})),
            None
        );
    }
}
