//! Transcripts where agents put them, and questions to the index of them.

use super::output::CommandOutput;
use super::world::World;
use std::fs;
use std::path::PathBuf;

/// A record of every type of Claude Code.
pub const CLAUDE: &str = include_str!("../data/transcripts/claude.jsonl");
/// The same of Codex.
pub const CODEX: &str = include_str!("../data/transcripts/codex.jsonl");

/// Puts a transcript where Claude Code would.
pub fn claude(w: &World, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = w.home().join(".claude/projects/-r-shop").join(name);
    fs::create_dir_all(path.parent().expect("it has a folder")).expect("the folders");
    fs::write(&path, text).expect("a transcript");
    path
}

/// Puts a transcript where Codex would.
pub fn codex(w: &World, text: impl AsRef<[u8]>) -> PathBuf {
    let name = "rollout-2026-05-01T08-00-00-c0de0000-1111-4222-8333-000000000002.jsonl";
    let path = w.home().join(".codex/sessions/2026/05/01").join(name);
    fs::create_dir_all(path.parent().expect("it has a folder")).expect("the folders");
    fs::write(&path, text).expect("a transcript");
    path
}

/// What a person said, as a record.
pub fn said(uuid: &str, session: &str, text: &str) -> String {
    let record = serde_json::json!({
        "type": "user", "uuid": uuid, "sessionId": session, "timestamp": "2026-04-26T12:00:00.000Z", "cwd": "/r/shop",
        "message": {"role": "user", "content": text},
    });
    format!("{record}\n")
}

/// Searches.
pub fn find(w: &World, query: &str) -> CommandOutput {
    w.ccc(["search", "--json", query])
}

/// The role and the tool of the best moment.
pub fn best(w: &World, query: &str) -> (String, String) {
    let answer = find(w, query).ok().json();
    let moment = &answer["hits"][0]["moments"][0];
    let word = |key: &str| moment[key].as_str().unwrap_or_default().to_owned();
    (word("role"), word("tool"))
}

/// How many conversations are found.
pub fn count(w: &World, query: &str) -> usize {
    let output = find(w, query);
    if output.code == 1 {
        return 0;
    }
    output.ok().json()["hits"].as_array().map_or(0, Vec::len)
}
