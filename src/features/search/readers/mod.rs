//! What agents write down of their conversations, read in one way: another agent is one file and a line in [`ALL`].
//!
//! A reader sees one record at a time, keeps what it needs of earlier ones in the [`Source`], counts every type of
//! record by name, and hands over what was said. It never fails: what it does not know is counted and passed over.

mod claude;
mod codex;

use crate::features::search::{
    logic::scan::{Raw, Record},
    model::{Block, Role, Source},
};
use std::{
    borrow::Cow,
    fmt,
    path::{Path, PathBuf},
};

/// Where a user's things are.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// The home directory.
    pub home: Option<PathBuf>,
    /// `$CLAUDE_CONFIG_DIR`.
    pub claude: Option<PathBuf>,
    /// `$CODEX_HOME`.
    pub codex: Option<PathBuf>,
    /// `$XDG_CONFIG_HOME`.
    pub config: Option<PathBuf>,
}

/// Takes what a reader hands over.
pub type Emit<'e, 'a> = dyn FnMut(Block<'a>) + 'e;

/// How one agent writes.
pub trait Reader: Sync + fmt::Debug {
    /// The agent's name.
    fn agent(&self) -> &'static str;

    /// The directories below which its transcripts are.
    fn roots(&self, places: &Places) -> Vec<PathBuf>;

    /// Tells whether a file below one of its roots is a transcript.
    fn wants(&self, path: &Path) -> bool;

    /// Tells whether a record is one of its own, for files in other places.
    fn knows(&self, record: &Record<'_>) -> bool;

    /// Says what a file's name tells of it.
    fn begin(&self, path: &Path, source: &mut Source);

    /// Reads one record.
    fn read<'a>(&self, record: &Record<'a>, source: &mut Source, emit: &mut Emit<'_, 'a>);

    /// Returns the command that goes on with a conversation.
    fn resume(&self, session: &str) -> String;
}

/// All readers.
pub const ALL: &[&dyn Reader] = &[&codex::Codex, &claude::Claude];

/// Finds the reader of an agent.
pub fn of_agent(agent: &str) -> Option<&'static dyn Reader> {
    ALL.iter().copied().find(|reader| reader.agent() == agent)
}

/// Returns a block with nothing but its role and its text.
fn block(role: Role, text: Cow<'_, str>) -> Block<'_> {
    Block {
        role,
        text,
        time: None,
        record: Cow::Borrowed(""),
        tool: Cow::Borrowed(""),
        paths: Vec::new(),
    }
}

/// Reads a time such as `2026-04-26T12:00:00.000Z` as milliseconds.
fn millis(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    // What agents write has one form; everything else goes the long way.
    if bytes.len() >= 20 && bytes[10] == b'T' && bytes.last() == Some(&b'Z') {
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        let fraction = text[19..].trim_matches(['.', 'Z']);
        let millis = format!("{fraction:0<3.3}").parse::<i64>().unwrap_or(0);
        let days = chrono::NaiveDate::from_ymd_opt(
            i32::try_from(year).ok()?,
            u32::try_from(month).ok()?,
            u32::try_from(day).ok()?,
        )?;
        let epoch = chrono::NaiveDate::from_ymd_opt(1970, 1, 1)?;
        let days = days.signed_duration_since(epoch).num_days();
        return Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + millis);
    }
    let parsed = chrono::DateTime::parse_from_rfc3339(text).ok()?;
    Some(parsed.timestamp_millis())
}

/// Joins the strings of a value, whatever it is: a string, or all strings within, a line each.
fn all_text(value: Raw<'_>) -> String {
    let mut out = String::new();
    gather(value, &mut out, 0);
    out
}

/// Deeper than this nothing was written by a tool's caller.
const DEEP: usize = 16;

fn gather(value: Raw<'_>, out: &mut String, depth: usize) {
    if depth > DEEP {
        return;
    }
    if let Some(text) = value.text() {
        push(out, &text);
    } else if value.is_object() {
        for (_, value) in value.entries() {
            gather(value, out, depth + 1);
        }
    } else if value.is_list() {
        for value in value.items() {
            gather(value, out, depth + 1);
        }
    } else if value.number().is_some() {
        push(out, &String::from_utf8_lossy(value.bytes()));
    }
}

/// Adds a text on a line of its own; images that stand in text as data are passed over.
fn push(out: &mut String, text: &str) {
    if text.starts_with("data:") && text.len() > 200 {
        return;
    }
    if !out.is_empty() && !text.is_empty() {
        out.push('\n');
    }
    out.push_str(text);
}

/// Returns the text of a message's content: a string, or the texts of a list of blocks.
fn content_text(value: Raw<'_>) -> Cow<'_, str> {
    if let Some(text) = value.text() {
        return text;
    }
    let mut out = String::new();
    for block in value.items() {
        if let Some(text) = block.text().or_else(|| block.str("text")) {
            push(&mut out, &text);
        }
    }
    Cow::Owned(out)
}

/// Tells whether a command asks us: its answer is an echo of what was found elsewhere.
fn asks_us(command: &str) -> bool {
    [
        "git ccc search",
        "git-ccc search",
        "git ccc why",
        "git-ccc why",
    ]
    .iter()
    .any(|ours| command.contains(ours))
}

/// Returns the name of a tag that a text opens with: `<task-notification>` is none of a person's words.
fn opening_tag(text: &str) -> Option<&str> {
    let rest = text.trim_start().strip_prefix('<')?;
    let end = rest.find(['>', ' ', '\n'])?;
    let name = &rest[..end];
    let good = |c: char| c.is_ascii_lowercase() || matches!(c, '-' | '_');
    (!name.is_empty() && name.chars().all(good)).then_some(name)
}

/// Hashes what names something.
pub fn hash(bytes: &[u8]) -> u64 {
    twox_hash::XxHash3_64::oneshot(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_all_their_forms() {
        assert_eq!(millis("1970-01-02T00:00:01.5Z"), Some(86_401_500));
        assert_eq!(
            millis("2026-04-26T12:00:00.123456Z"),
            millis("2026-04-26T12:00:00.123Z")
        );
        assert_eq!(millis("1970-01-01T01:00:00+01:00"), Some(0));
        assert_eq!(millis("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(millis("yesterday"), None);
        assert_eq!(millis("9999-99-99T99:99:99.999Z"), None);
    }
}
