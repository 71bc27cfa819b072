//! Why the settings were refused, and where.
//!
//! Text from a file is shown escaped and cut short: it may come from a repository that nobody has read yet.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

use super::table::{KEYS, Key, Layer};

/// The most characters of a file's own text that a message repeats.
const SHOWN_CHARS: usize = 80;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The table: nobody set it.
    Default,
    /// A settings file.
    File {
        /// Which of the files.
        layer: Layer,
        /// Its path, as the caller gave it.
        path: PathBuf,
        /// The line, counted from 1, when known.
        line: Option<usize>,
    },
    /// A variable of this name.
    Variable(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Variable(name) => f.write_str(&shown(name)),
            Self::File { path, line, .. } => {
                f.write_str(&escaped(&path.to_string_lossy()))?;
                line.map_or(Ok(()), |line| write!(f, ":{line}"))
            }
        }
    }
}

/// Settings that cannot be used: the first fault, and its place.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct SettingsError {
    /// The file and line, or the variable.
    pub origin: Origin,
    /// The column in characters, counted from 1, when known.
    pub column: Option<usize>,
    /// What is wrong there; boxed, since every `Result` of the parser carries it.
    pub fault: Box<Fault>,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.origin)?;
        if let Some(column) = self.column {
            write!(f, ":{column}")?;
        }
        write!(f, ": {}", self.fault)
    }
}

impl SettingsError {
    /// What to do about it, in one line.
    pub fn hint(&self) -> String {
        match &*self.fault {
            Fault::UnknownKey {
                nearest: Some(name),
                ..
            } => format!("did you mean {name}?"),
            Fault::UnknownKey { nearest: None, .. } => {
                let section = |key: &Key| key.name.split_once('.').map(|(section, _)| section);
                // Rows of one section stand together.
                let mut names: Vec<&str> = KEYS.iter().filter_map(section).collect();
                names.dedup();
                format!("the sections are {}", names.join(", "))
            }
            Fault::BadValue {
                nearest: Some(word),
                ..
            } => format!("did you mean \"{word}\"?"),
            Fault::BadValue {
                key, nearest: None, ..
            }
            | Fault::WrongType { key, .. } => match KEYS.iter().find(|row| row.name == key) {
                Some(row) => format!("set {key} to {}", row.kind.expected()),
                None => format!("correct {key}"),
            },
            Fault::WrongLayer { key, allowed, .. } => format!("set {key} in one of: {allowed}"),
            Fault::NewerVersion { .. } => "update git-ccc, or set v = 1".to_owned(),
            Fault::Toml { .. } | Fault::NotText => {
                "correct the file; it must be TOML in UTF-8".to_owned()
            }
            Fault::TooLarge { .. } => "keep only settings in this file".to_owned(),
        }
    }
}

/// What is wrong with a settings file or variable. Texts are already fit to be shown.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fault {
    /// No such key.
    #[error("unknown key {key}")]
    UnknownKey {
        /// The key as written.
        key: String,
        /// The key it was probably meant to be.
        nearest: Option<String>,
    },
    /// A value of another type than the key's.
    #[error("{key} must be {expected}, found {found}")]
    WrongType {
        /// The key.
        key: String,
        /// What its value must be.
        expected: String,
        /// What was found.
        found: String,
    },
    /// A value of the right type that means nothing.
    #[error("{key} cannot be \"{value}\": {why}")]
    BadValue {
        /// The key.
        key: String,
        /// The value as written.
        value: String,
        /// Why not.
        why: String,
        /// The value it was probably meant to be.
        nearest: Option<String>,
    },
    /// A layer that may not set this key.
    #[error("{key} may not be set by the {layer} layer")]
    WrongLayer {
        /// The key.
        key: String,
        /// The layer that tried.
        layer: Layer,
        /// The layers that may.
        allowed: String,
    },
    /// Written for a later git-ccc.
    #[error("the file has version {found}, and this git-ccc reads version 1")]
    NewerVersion {
        /// The version as written.
        found: String,
    },
    /// Not TOML.
    #[error("broken TOML: {why}")]
    Toml {
        /// What the parser said.
        why: String,
    },
    /// Not UTF-8.
    #[error("the file is not UTF-8")]
    NotText,
    /// More than [`MAX_FILE_BYTES`](super::MAX_FILE_BYTES).
    #[error("the file has {bytes} bytes, more than the {max} allowed", max = super::MAX_FILE_BYTES)]
    TooLarge {
        /// Its size as far as it was read.
        bytes: usize,
    },
}

/// The text without characters that act on a terminal or reorder it, cut short.
pub fn shown(text: &str) -> String {
    let mut characters = text.chars();
    let head: String = characters.by_ref().take(SHOWN_CHARS).collect();
    let mut out = escaped(&head);
    if characters.next().is_some() {
        out.push('…');
    }
    out
}

/// The text without characters that act on a terminal or reorder it.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || is_invisible(character) {
            out.extend(character.escape_unicode());
        } else {
            out.push(character);
        }
    }
    out
}

/// Zero-width, line-separating and direction-changing characters, which make a text look like another.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}
