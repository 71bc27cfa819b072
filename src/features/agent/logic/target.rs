//! Which files a tool is about to write.

use serde_json::Value;

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
    paths.sort();
    paths.dedup();
    paths.truncate(MAX_PATHS);
    paths
}

/// Tells whether a tool writes files by their names.
pub fn writes(tool: &str) -> bool {
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
}
