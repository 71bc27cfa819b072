//! What a check finds, and where.

use serde::Serialize;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// It is told and fails nothing.
    Note,
    /// It fails the check and may be left for later.
    Warning,
    /// It fails the check.
    Error,
}

impl Level {
    /// Returns the word.
    pub fn word(self) -> &'static str {
        match self {
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Error => "error",
        }
    }

    /// Reads the word of the settings; `off` is none.
    pub fn read(word: &str) -> Option<Self> {
        [Level::Note, Level::Warning, Level::Error]
            .into_iter()
            .find(|level| level.word() == word)
    }
}

/// Where it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// A path of the tree, or a ref; none for a commit that changes nothing.
    pub file: Option<String>,
    /// The line, from 1: of the file as the commit has it, or of the object's text.
    pub line: u32,
}

impl Place {
    /// Returns the place of a file whose line is looked for later.
    pub fn file(path: impl Into<String>) -> Self {
        Self::line(path, 1)
    }

    /// Returns a line of a file.
    pub fn line(path: impl Into<String>, line: u32) -> Self {
        Place {
            file: Some(path.into()),
            line,
        }
    }

    /// Returns the place of what is in no file.
    pub fn nowhere() -> Self {
        Place {
            file: None,
            line: 1,
        }
    }
}

/// What a rule has found, in words that are safe to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Where.
    pub place: Place,
    /// The commit concerned.
    pub commit: Option<String>,
    /// One fact.
    pub fact: String,
    /// Why it is one.
    pub because: Vec<String>,
    /// A command that shows more or repairs it; it destroys nothing.
    pub next: String,
    /// What makes it this finding and no other, in every clone.
    pub key: Vec<String>,
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule.
    pub rule: &'static str,
    /// How much it weighs here.
    pub level: Level,
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// The commit concerned.
    pub commit: Option<String>,
    /// One fact.
    pub fact: String,
    /// Why it is one.
    pub because: Vec<String>,
    /// The next command.
    pub next: String,
    /// The same in every clone, for a baseline.
    pub id: String,
}

impl Finding {
    /// What findings are sorted by.
    pub fn order(&self) -> impl Ord + use<'_> {
        let (file, line) = (&self.place.file, self.place.line);
        (
            file.is_none(),
            file,
            line,
            self.rule,
            &self.commit,
            &self.id,
        )
    }
}
