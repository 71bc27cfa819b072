//! What a row of the table of settings is made of.

use std::fmt;

/// Where a value may come from, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// `$XDG_CONFIG_HOME/git-ccc/config.toml`.
    User,
    /// `.ccc.toml` at the root of the worktree: policy that travels with the repository.
    Repo,
    /// `$GIT_COMMON_DIR/ccc.toml`.
    Clone,
    /// A `CCC_*` variable.
    Env,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "user",
            Self::Repo => "repository",
            Self::Clone => "clone",
            Self::Env => "environment",
        })
    }
}

/// What a key's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// A length of time such as `"60m"`.
    Duration,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// The name of a git remote.
    Remote,
    /// A list of scopes; only their being non-empty text is checked here, `base::scope` parses them.
    Scopes,
    /// A list of these words.
    Subset(&'static [&'static str]),
    /// `true` or `false`.
    Switch,
    /// A number of things.
    Count,
    /// Hours of the day such as `"22:00-07:00"`.
    Hours,
    /// The URL of a webhook, or the path of a file that holds it: a secret, never shown.
    Webhook,
    /// The address of a server.
    Url,
    /// The name that a server knows a model by.
    Model,
    /// A list of directories, absolute or below the home directory.
    Folders,
    /// A directory, absolute or below the home.
    Folder,
    /// A shell command, which runs only as a [`Trusted`](super::Trusted) value.
    Command,
}

impl KeyKind {
    /// What the value must be, for messages and the reference.
    pub fn expected(self) -> String {
        match self {
            Self::Duration => "a duration such as \"60m\"".to_owned(),
            Self::Choice(words) => format!("one of {}", quoted(words)),
            Self::Remote => "the name of a git remote".to_owned(),
            Self::Scopes => "a list of scopes such as [\"src/auth/\"]".to_owned(),
            Self::Subset(words) => format!("a list of {}", quoted(words)),
            Self::Switch => "true or false".to_owned(),
            Self::Count => "a number such as 20".to_owned(),
            Self::Hours => "hours such as \"22:00-07:00\"".to_owned(),
            Self::Webhook => "a URL, or the path of a file that only you can read".to_owned(),
            Self::Url => "a URL that begins with http:// or https://".to_owned(),
            Self::Model => "the name of a model".to_owned(),
            Self::Folders => "a list of directories such as [\"~/transcripts\"]".to_owned(),
            Self::Folder => "a directory that starts with / or ~/".to_owned(),
            Self::Command => "a shell command".to_owned(),
        }
    }

    /// Whether the value is a list.
    pub const fn is_list(self) -> bool {
        matches!(self, Self::Scopes | Self::Subset(_) | Self::Folders)
    }
}

/// What a key is when nobody sets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyDefault {
    /// Nothing.
    Unset,
    /// This text.
    Text(&'static str),
    /// On or off.
    Switch(bool),
    /// This list.
    List(&'static [&'static str]),
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// `section.leaf`.
    pub name: &'static str,
    /// What its value is.
    pub kind: KeyKind,
    /// Its value when nobody sets it.
    pub default: KeyDefault,
    /// The layers that may set it.
    pub layers: &'static [Layer],
    /// What it does, in one line.
    pub doc: &'static str,
}

impl Key {
    /// The two parts of the name.
    pub fn parts(&self) -> (&'static str, &'static str) {
        self.name.split_once('.').unwrap_or(("", self.name))
    }

    /// The variable that sets it: `CCC_CLAIMS_TTL` for `claims.ttl`.
    pub fn variable(&self) -> String {
        format!("CCC_{}", self.name.replace('.', "_").to_ascii_uppercase())
    }
}

/// Lists words as TOML writes them.
pub fn quoted(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    words.join(", ")
}
