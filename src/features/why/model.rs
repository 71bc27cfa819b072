//! What a line is traced through: blame, clues, sessions.

use serde::Serialize;

/// What is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The file, as it was typed.
    pub path: String,
    /// First and last line; all if none are named.
    pub lines: Option<(u32, u32)>,
}

/// One line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number in the file that is asked about.
    pub number: u32,
    /// Its number in the commit that brought it.
    pub original: u32,
    /// What it says.
    pub text: String,
}

/// Lines that one commit brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blamed {
    /// The commit; none for what is not committed.
    pub commit: Option<String>,
    /// The file's name in that commit.
    pub path: String,
    /// The lines.
    pub lines: Vec<Line>,
    /// The subject.
    pub summary: String,
    /// The author.
    pub author: String,
    /// When it was written, in seconds.
    pub authored: i64,
    /// When it was committed, in seconds.
    pub committed: i64,
}

/// The lines that a commit adds to a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Added {
    /// The file.
    pub path: String,
    /// Number and text.
    pub lines: Vec<(u32, String)>,
}

/// How far evidence carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sure {
    /// It was there.
    #[default]
    Guess,
    /// Its tools were given these lines.
    Likely,
    /// A record names it.
    Certain,
}

impl Sure {
    /// Returns the word.
    pub fn word(self) -> &'static str {
        match self {
            Sure::Guess => "guess",
            Sure::Likely => "likely",
            Sure::Certain => "certain",
        }
    }
}

/// One piece of evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Clue {
    /// `trailer`, `log`, `note`, `commit_output`, `lines`, `patch` or `window`.
    pub kind: &'static str,
    /// What it says.
    pub says: String,
    /// How far it carries.
    pub confidence: Sure,
}

/// A place in a transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Spot {
    /// Segment and document.
    pub at: (u32, u32),
    /// The source.
    pub source: u64,
    /// The conversation.
    pub session: u64,
    /// Where in the source.
    pub place: u64,
    /// When, in milliseconds; zero if unknown.
    pub time: i64,
}

/// Whom a commit's own records name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// A session, by its tag.
    Tag(String),
    /// A conversation, by its agent (if that is said) and its id.
    Conversation(Option<String>, String),
}

/// One that may have written the lines.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// The conversation in the index.
    pub session: Option<u64>,
    /// The session's tag, where a record says it.
    pub tag: Option<String>,
    /// The agent and its id of the conversation, where a record says them.
    pub native: Option<(Option<String>, String)>,
    /// The evidence.
    pub clues: Vec<Clue>,
    /// How well its tools' input fits the change.
    pub score: f64,
    /// Where it wrote the lines, or comes nearest to that.
    pub spot: Option<Spot>,
}

impl Trace {
    /// Returns how far the best of its evidence carries.
    pub fn sure(&self) -> Sure {
        let all = self.clues.iter().map(|clue| clue.confidence);
        all.max().unwrap_or_default()
    }
}
