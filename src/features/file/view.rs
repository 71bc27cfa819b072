//! How shared files and their versions are shown.

use super::{
    logic::{Count, Taken},
    model::{Act, Version},
};
use crate::{
    base::{
        merge::Duplicate,
        text::{block, one_line},
    },
    ui::{Answer, table},
};
use serde::Serialize;
use std::fmt::{Display, Write as _};

/// Whose version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Other {
    /// Its number.
    pub version: u64,
    /// Who made it.
    pub by: String,
    /// How many lines of it are meant, where that counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<usize>,
}

/// What a write, an edit or a restore came to.
#[derive(Debug, Serialize)]
pub struct Written {
    /// The file.
    pub path: String,
    /// Its newest version; none if there never was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// The version's commit in the hub.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The file was changed.
    pub wrote: bool,
    /// What others had written since the writer had read, which is kept.
    pub merged: Vec<Other>,
    /// Entries that mean the same.
    pub duplicates: Vec<Pair>,
    /// A change that was made without us was found, and is this version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noticed: Option<u64>,
}

/// Two entries that mean the same.
#[derive(Debug, Serialize)]
pub struct Pair {
    /// Where.
    pub at: String,
    /// The first.
    pub first: String,
    /// The other one.
    pub second: String,
}

impl From<&Duplicate> for Pair {
    fn from(duplicate: &Duplicate) -> Self {
        let Duplicate { at, first, second } = duplicate;
        Pair {
            at: at.clone(),
            first: first.clone(),
            second: second.clone(),
        }
    }
}

impl Answer for Written {
    const SCHEMA: &'static str = "ccc.file.write/1";

    fn render(&self) -> String {
        let number = self
            .version
            .map_or_else(|| "-".to_owned(), |n| n.to_string());
        let mut out = if self.wrote {
            format!("{} is version {number}\n", self.path)
        } else {
            format!("{} is as it should be, version {number}\n", self.path)
        };
        if !self.merged.is_empty() {
            let names = self.merged.iter();
            let names: Vec<String> = names
                .map(|other| format!("{} by {}", other.version, other.by))
                .collect();
            // Writing to a String cannot fail.
            let _ = writeln!(out, "merged with {}", names.join(", "));
        }
        for pair in &self.duplicates {
            let _ = writeln!(
                out,
                "say the same ({}): \"{}\" and \"{}\"",
                one_line(&pair.at, 80),
                one_line(pair.first.trim(), 100),
                one_line(pair.second.trim(), 100)
            );
        }
        out
    }
}

/// A file's content.
#[derive(Debug, Serialize)]
pub struct Content {
    /// The file.
    pub path: String,
    /// The version.
    pub version: u64,
    /// Its commit.
    pub commit: String,
    /// Who wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When.
    pub at: String,
    /// The content, if it is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The content in base64, if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<String>,
}

impl Content {
    /// Builds the view of a version.
    pub fn new<Id: Display>(path: String, version: &Version<Id>, content: Vec<u8>) -> Self {
        let (text, bytes) = match String::from_utf8(content) {
            Ok(text) => (Some(text), None),
            Err(error) => (None, Some(base64(error.as_bytes()))),
        };
        Content {
            path,
            version: version.about.number,
            commit: version.commit.to_string(),
            by: version.about.by.clone(),
            at: version.at.to_string(),
            text,
            bytes,
        }
    }
}

impl Answer for Content {
    const SCHEMA: &'static str = "ccc.file/1";

    fn render(&self) -> String {
        self.text.clone().unwrap_or_default()
    }
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for part in bytes.chunks(3) {
        let at = |index: usize| u32::from(part.get(index).copied().unwrap_or_default());
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for digit in 0..4 {
            let index = (bits >> (18 - 6 * digit)) & 63;
            out.push(if digit > part.len() {
                '='
            } else {
                char::from(DIGITS[index as usize])
            });
        }
    }
    out
}

/// One version in a list.
#[derive(Debug, Serialize)]
pub struct VersionView {
    /// The file.
    pub path: String,
    /// Its number.
    pub version: u64,
    /// Its commit.
    pub commit: String,
    /// When.
    pub at: String,
    /// `first`, `outside`, `write`, `merge`, `restore` or `refused`.
    pub act: &'static str,
    /// Who; nobody if it was changed without us.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Where the writer worked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worktree: Option<String>,
    /// The version that its writer had read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read: Option<u64>,
    /// What was merged, restored or in the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The file is gone in it.
    pub gone: bool,
    /// Lines that are new; absent if the version before was not looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub added: Option<usize>,
    /// Lines that are gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed: Option<usize>,
    /// Whose lines are gone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub took: Vec<Other>,
}

impl VersionView {
    /// Builds the view of a version.
    pub fn new<Id: Display>(path: &str, version: &Version<Id>) -> Self {
        let about = &version.about;
        VersionView {
            path: path.to_owned(),
            version: about.number,
            commit: version.commit.to_string(),
            at: version.at.to_string(),
            act: about.act.word(),
            by: about.by.clone(),
            session: about.session.as_ref().map(ToString::to_string),
            worktree: about.worktree.clone(),
            read: about.read,
            note: about.note.clone(),
            gone: version.blob.is_none(),
            added: None,
            removed: None,
            took: Vec::new(),
        }
    }

    /// Adds what it changed; `name` says whose a version is.
    #[must_use]
    pub fn changing(
        mut self,
        (count, taken): (Count, Taken),
        name: impl Fn(u64) -> String,
    ) -> Self {
        self.added = Some(count.added);
        self.removed = Some(count.removed);
        let own = self.by.clone();
        self.took = taken
            .into_iter()
            .map(|(version, lines)| Other {
                version,
                by: name(version),
                lines: Some(lines),
            })
            .filter(|other| own.as_ref() != Some(&other.by))
            .collect();
        self
    }

    fn words(&self) -> String {
        let note = self.note.as_ref().map(|note| one_line(note, 120));
        let mut text = match (self.act, note) {
            ("first", _) => "as it was found".to_owned(),
            ("outside", _) => "changed without git ccc".to_owned(),
            ("merge", Some(note)) => format!("written, merged {note}"),
            ("restore", Some(note)) => format!("brought back: {note}"),
            ("refused", Some(note)) => format!("not written: {note}"),
            ("refused", None) => "not written".to_owned(),
            _ => "written".to_owned(),
        };
        if self.gone {
            text.push_str(", the file is gone");
        }
        for other in self.took.iter().take(4) {
            // Writing to a String cannot fail.
            let _ = write!(
                text,
                "; took {} of {}'s lines (version {})",
                other.lines.unwrap_or_default(),
                one_line(&other.by, 60),
                other.version
            );
        }
        text
    }

    fn row(&self) -> Vec<String> {
        let counts = match (self.added, self.removed) {
            (Some(added), Some(removed)) => format!("+{added} -{removed}"),
            _ => String::new(),
        };
        let by = self
            .by
            .as_deref()
            .map_or_else(|| "-".to_owned(), |by| one_line(by, 60));
        vec![
            self.version.to_string(),
            self.at.clone(),
            by,
            counts,
            self.words(),
        ]
    }
}

impl Answer for VersionView {
    const SCHEMA: &'static str = "ccc.file.version/1";

    fn render(&self) -> String {
        let path = one_line(&self.path, 200);
        let by = self
            .by
            .as_deref()
            .map_or_else(|| "-".to_owned(), |by| one_line(by, 60));
        format!(
            "{} {path} {} {by} {}\n",
            self.at,
            self.version,
            self.words()
        )
    }
}

/// A file's versions, newest first.
#[derive(Debug, Serialize)]
pub struct Log {
    /// The file.
    pub path: String,
    /// Its ref in the hub.
    #[serde(rename = "ref")]
    pub name: String,
    /// The versions.
    pub versions: Vec<VersionView>,
    /// There are older ones.
    pub more: bool,
}

impl Answer for Log {
    const SCHEMA: &'static str = "ccc.file.log/1";

    fn render(&self) -> String {
        let rows: Vec<Vec<String>> = self.versions.iter().map(VersionView::row).collect();
        table::columns(&rows)
    }
}

/// The files that have versions.
#[derive(Debug, Serialize)]
pub struct List {
    /// The newest version of each.
    pub files: Vec<VersionView>,
}

impl Answer for List {
    const SCHEMA: &'static str = "ccc.file.list/1";

    fn render(&self) -> String {
        let rows: Vec<Vec<String>> = self
            .files
            .iter()
            .map(|file| {
                let by = file
                    .by
                    .as_deref()
                    .map_or_else(|| "-".to_owned(), |by| one_line(by, 60));
                let path = one_line(&file.path, 200);
                vec![path, file.version.to_string(), file.at.clone(), by]
            })
            .collect();
        table::columns(&rows)
    }
}

/// What is different between two versions.
#[derive(Debug, Serialize)]
pub struct Difference {
    /// The file.
    pub path: String,
    /// The older one.
    pub from: String,
    /// The newer one.
    pub to: String,
    /// They are the same.
    pub same: bool,
    /// The difference in git's form; none for what is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
}

impl Answer for Difference {
    const SCHEMA: &'static str = "ccc.file.diff/1";

    fn render(&self) -> String {
        match (&self.diff, self.same) {
            (_, true) => String::new(),
            (Some(diff), _) => block(diff),
            (None, _) => format!("{} and {} are different, and no text\n", self.from, self.to),
        }
    }
}

impl Difference {
    /// Compares two contents.
    pub fn new(path: &str, (from, old): (String, &[u8]), (to, new): (String, &[u8])) -> Self {
        let text = |bytes| {
            std::str::from_utf8(bytes)
                .ok()
                .filter(|text| !text.contains('\0'))
        };
        let diff = text(old).zip(text(new)).map(|(old, new)| {
            similar::TextDiff::from_lines(old, new)
                .unified_diff()
                .header(&from, &to)
                .to_string()
        });
        Difference {
            path: path.to_owned(),
            from,
            to,
            same: old == new,
            diff,
        }
    }
}

/// Tells whether a version says something that a reader of the file should know.
pub fn is_news(act: Act) -> bool {
    act != Act::Refused
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn bytes_are_written_as_the_rfc_says() {
        let all = ["", "f", "fo", "foo", "foob"].map(|text| base64(text.as_bytes()));
        assert_eq!(all, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]);
    }
}
