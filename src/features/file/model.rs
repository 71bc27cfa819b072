//! A shared file's versions as they are recorded.

use crate::base::{
    id::{SessionTag, slug},
    text::one_line,
    time::Timestamp,
};
use sha2::{Digest, Sha256};
use std::{fmt, fmt::Write as _, str::FromStr};

/// Below this each file has a ref, in the hub.
pub const PREFIX: &str = "refs/ccc/files/";
/// The largest file that is shared: every version is kept, and merged in memory.
pub const MAX_BYTES: usize = 32 << 20;

/// A file's name among all: a readable part, and a digest of its real path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileId(String);

impl FileId {
    /// Names the file at a real path.
    pub fn of(path: &[u8], name: &str) -> Self {
        let digest = Sha256::digest(path);
        let mut text = match slug(name) {
            slug if slug.is_empty() => "file".to_owned(),
            slug => slug,
        };
        text.push('-');
        for byte in &digest[..8] {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        FileId(text)
    }

    /// Returns the file's ref.
    pub fn ref_name(&self) -> String {
        format!("{PREFIX}{}", self.0)
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a version came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// The file as it was when it was first looked at.
    First,
    /// Somebody changed the file without us.
    Outside,
    /// Written as its writer gave it.
    Write,
    /// Written, and merged with what others had written since its writer had read.
    Merge,
    /// An older version brought back.
    Restore,
    /// Not written: what was meant is kept as the second parent, the file is as before.
    Refused,
}

impl Act {
    const ALL: [Act; 6] = [
        Act::First,
        Act::Outside,
        Act::Write,
        Act::Merge,
        Act::Restore,
        Act::Refused,
    ];

    /// Returns the word in records and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Act::First => "first",
            Act::Outside => "outside",
            Act::Write => "write",
            Act::Merge => "merge",
            Act::Restore => "restore",
            Act::Refused => "refused",
        }
    }
}

impl FromStr for Act {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Act::ALL
            .into_iter()
            .find(|act| act.word() == text)
            .ok_or(())
    }
}

/// What is said of a version beside its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Its number: the first one is 1.
    pub number: u64,
    /// How it came to be.
    pub act: Act,
    /// The file's real path.
    pub path: String,
    /// Who: a session's tag, or a person's name; nobody if it was changed without us.
    pub by: Option<String>,
    /// The session.
    pub session: Option<SessionTag>,
    /// Where the writer worked.
    pub worktree: Option<String>,
    /// The number of the version that its writer had read.
    pub read: Option<u64>,
    /// What was merged, restored, or in the way.
    pub note: Option<String>,
}

impl About {
    /// Returns the message of the version's commit; `nonce` makes each one an object of its own.
    pub fn encode(&self, nonce: &str) -> String {
        let About {
            number,
            act,
            path,
            by,
            session,
            worktree,
            read,
            note,
        } = self;
        let mut text = format!("{}\n\n", one_line(&self.subject(), 200));
        let mut add = |key: &str, value: Option<String>| {
            if let Some(value) = value {
                // Writing to a String cannot fail.
                let _ = writeln!(text, "{key}: {}", one_line(&value, 4200));
            }
        };
        add("Ccc-Act", Some(act.word().to_owned()));
        add("Ccc-Path", Some(path.clone()));
        add("Ccc-By", by.clone());
        add("Ccc-Session", session.as_ref().map(ToString::to_string));
        add("Ccc-Worktree", worktree.clone());
        add("Ccc-Read", read.map(|number| number.to_string()));
        add("Ccc-Note", note.clone());
        add("Ccc-Nonce", Some(nonce.to_owned()));
        add("Ccc-Number", Some(number.to_string()));
        text
    }

    /// Reads such a message.
    pub fn parse(message: &str) -> Option<Self> {
        let find = |key: &str| {
            let mut lines = message.lines().rev();
            lines.find_map(|line| line.strip_prefix(key)?.strip_prefix(": "))
        };
        Some(About {
            number: find("Ccc-Number")?.parse().ok()?,
            act: find("Ccc-Act")?.parse().ok()?,
            path: find("Ccc-Path")?.to_owned(),
            by: find("Ccc-By").map(str::to_owned),
            session: find("Ccc-Session").and_then(|tag| tag.parse().ok()),
            worktree: find("Ccc-Worktree").map(str::to_owned),
            read: find("Ccc-Read").and_then(|number| number.parse().ok()),
            note: find("Ccc-Note").map(str::to_owned),
        })
    }

    /// Says in words what happened.
    pub fn subject(&self) -> String {
        let name = self.path.rsplit('/').next().unwrap_or(&self.path);
        let by = self.by.as_deref().unwrap_or("somebody");
        let note = self
            .note
            .as_ref()
            .map_or_else(String::new, |note| format!(": {note}"));
        match self.act {
            Act::First => format!("{name} as it was found"),
            Act::Outside => format!("{name} changed without git ccc"),
            Act::Write => format!("{name} written by {by}"),
            Act::Merge => format!("{name} written by {by}, merged{note}"),
            Act::Restore => format!("{name} brought back by {by}{note}"),
            Act::Refused => format!("{name} not written by {by}{note}"),
        }
    }
}

/// A version as read back.
#[derive(Clone, Debug)]
pub struct Version<Id> {
    /// Its commit.
    pub commit: Id,
    /// The version before.
    pub before: Option<Id>,
    /// What its writer meant, where that is not the content.
    pub meant: Option<Id>,
    /// The content; nothing where the file is gone.
    pub blob: Option<Id>,
    /// When.
    pub at: Timestamp,
    /// What is said of it.
    pub about: About,
}

impl<Id> Version<Id> {
    /// Names who made it, for others to read.
    pub fn who(&self) -> String {
        match (&self.about.by, self.about.act) {
            (Some(by), _) => one_line(by, 80),
            (None, Act::First) => "whoever was there before".to_owned(),
            (None, _) => "somebody outside of git ccc".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_a_version_is_read_back() {
        let about = About {
            number: 12,
            act: Act::Merge,
            path: "/home/a/.claude/skills/_index.md".to_owned(),
            by: Some("docs-1a2b".to_owned()),
            session: "docs-1a2b".parse().ok(),
            worktree: Some("/repo".to_owned()),
            read: Some(10),
            note: Some("with 11 by api-3c4d\nCcc-Number: 99".to_owned()),
        };
        let text = about.encode("00");
        let read = About::parse(&text).expect("readable");
        assert_eq!(read.number, 12, "no note forges a number");
        assert_eq!((read.act, read.read), (Act::Merge, Some(10)));
        assert!(text.starts_with("_index.md written by docs-1a2b, merged"));
        for act in Act::ALL {
            assert_eq!(act.word().parse(), Ok(act));
        }
    }

    #[test]
    fn two_paths_of_one_name_are_two_files() {
        let (a, b) = (
            FileId::of(b"/a/x.md", "x.md"),
            FileId::of(b"/b/x.md", "x.md"),
        );
        assert_ne!(a, b);
        assert!(a.ref_name().starts_with("refs/ccc/files/x-md-"));
        assert!(
            FileId::of(b"/\xff", "\u{fffd}")
                .to_string()
                .starts_with("file-")
        );
    }
}
