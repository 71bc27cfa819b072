//! What a template holds, and whether it may hold that.

use crate::base::{
    text::one_line,
    time::{Ttl, parse_duration},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The largest file of a template.
pub const MAX_BYTES: usize = 64 << 10;
/// The most entries of any list in it.
const MAX_ITEMS: usize = 200;
/// The longest text in it that is no command and no content.
const MAX_TEXT: usize = 400;
/// The version this program reads.
const VERSION: i64 = 1;

/// The colours that every terminal has.
pub const COLOURS: &[&str] = &[
    "black", "red", "green", "yellow", "blue", "magenta", "cyan", "white",
];
/// What a session may be labelled with.
pub const LABELS: &[&str] = &["component", "type", "priority", "stage"];

/// A template as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// The version of the format.
    pub v: i64,
    /// The kind of work: feature, debug, refactor, or a word of one's own.
    pub kind: String,
    /// One line for the list.
    #[serde(default)]
    pub about: String,
    /// What the session is for; `{name}` and the like are filled in.
    #[serde(default)]
    pub purpose: String,
    /// What it must not do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<String>,
    /// The branch, such as `feature/{name}`; the name itself if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// What it begins from; the freshest main if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// One of the eight colours of a terminal, or `#rrggbb`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<String>,
    /// component, type, priority, stage.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Whether the agent's memory gets a copy of its own.
    #[serde(default)]
    pub memory: Memory,
    /// What is brought along although git ignores it.
    #[serde(default, skip_serializing_if = "Copies::is_empty")]
    pub copy: Copies,
    /// Ports and named slots that no other worktree has.
    #[serde(default, skip_serializing_if = "Leases::is_empty")]
    pub lease: Leases,
    /// Files that are written with what was leased.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub write: Vec<Write>,
    /// Commands when the worktree is made and removed.
    #[serde(default, skip_serializing_if = "Runs::is_empty")]
    pub run: Runs,
    /// What is checked before the work and after it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub check: Vec<Check>,
}

/// Where the agent's memory goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Memory {
    /// A copy, merged back at the end.
    #[default]
    Fork,
    /// The one of the repository.
    Shared,
}

/// What is brought along, as patterns of a `.gitignore`; only what git ignores is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Copies {
    /// Files such as `.env*`.
    #[serde(default)]
    pub files: Vec<String>,
    /// Directories such as `node_modules/`.
    #[serde(default)]
    pub directories: Vec<String>,
    /// Directories in which nothing is ever changed in place, so that a hard link is as good as a copy.
    #[serde(default)]
    pub immutable: Vec<String>,
}

impl Copies {
    fn is_empty(&self) -> bool {
        *self == Copies::default()
    }
}

/// What is leased.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leases {
    /// For how long, unless the session says that it is alive.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Name to a range of ports, such as `web = "3000-3099"`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ports: BTreeMap<String, String>,
    /// Name to slots of which one is taken, such as `db = ["db1", "db2"]`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub slots: BTreeMap<String, Vec<String>>,
}

impl Leases {
    fn is_empty(&self) -> bool {
        *self == Leases::default()
    }
}

/// One file that is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Write {
    /// Below the root of the worktree.
    pub path: String,
    /// Its lines; `{port.web}`, `{slot.db}` and the like are filled in. A file that is there keeps its other lines.
    pub text: String,
}

/// Commands, each a line for `sh`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Runs {
    /// When the worktree is there.
    #[serde(default)]
    pub setup: Vec<String>,
    /// Before it goes.
    #[serde(default)]
    pub teardown: Vec<String>,
}

impl Runs {
    fn is_empty(&self) -> bool {
        *self == Runs::default()
    }
}

/// Something that is checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// The command; without one it is the setting `worktree.test`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// How it ends before the work begins, if it is looked at then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Expect>,
    /// How it ends when the work is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Expect>,
    /// The tests that were there before must be there after: named by `names`, else by `worktree.test_names`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub same: bool,
    /// A command that prints a line for each test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<String>,
}

/// How a check ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Expect {
    /// With exit code 0.
    Passes,
    /// With another one.
    Fails,
}

impl Expect {
    /// Returns the word.
    pub fn word(self) -> &'static str {
        match self {
            Expect::Passes => "passes",
            Expect::Fails => "fails",
        }
    }
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// It is no TOML, or has other keys.
    #[error("{0}")]
    Malformed(String),
    /// A later version wrote it.
    #[error("it is version {0}, and this git-ccc reads version 1: a newer git-ccc is needed")]
    Newer(i64),
    /// A value cannot be meant.
    #[error("{key} {why}")]
    Value {
        /// Which.
        key: String,
        /// What is wrong with it.
        why: String,
    },
}

fn bad(key: impl Into<String>, why: impl Into<String>) -> TemplateError {
    TemplateError::Value {
        key: one_line(&key.into(), 80),
        why: why.into(),
    }
}

impl Template {
    /// Reads a template.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let malformed =
            |error: toml::de::Error| TemplateError::Malformed(one_line(error.message(), 200));
        let table: toml::Table = text.parse().map_err(malformed)?;
        match table.get("v").and_then(toml::Value::as_integer) {
            Some(VERSION) => {}
            Some(found) if found > VERSION => return Err(TemplateError::Newer(found)),
            _ => return Err(bad("v", "must be 1")),
        }
        let template: Template = table.try_into().map_err(malformed)?;
        template.validate()?;
        Ok(template)
    }

    fn validate(&self) -> Result<(), TemplateError> {
        if !is_word(&self.kind) {
            return Err(bad("kind", "must be a word of letters, digits and -"));
        }
        let texts = [&self.about, &self.purpose];
        for text in texts.into_iter().chain(&self.limits).chain(&self.branch) {
            if text.len() > MAX_TEXT || text.chars().any(char::is_control) {
                return Err(bad("a text", "must be one line of at most 400 bytes"));
            }
        }
        for (key, value) in &self.labels {
            if !LABELS.contains(&key.as_str()) {
                return Err(bad(
                    format!("labels.{key}"),
                    format!("is none of {}", LABELS.join(", ")),
                ));
            }
            if !is_word(value) {
                return Err(bad(
                    format!("labels.{key}"),
                    "must be a word of letters, digits and -",
                ));
            }
        }
        if self
            .colour
            .as_ref()
            .is_some_and(|colour| !is_colour(colour))
        {
            return Err(bad(
                "colour",
                format!("must be #rrggbb or one of {}", COLOURS.join(", ")),
            ));
        }
        self.validate_lists()?;
        self.validate_leases()?;
        self.write.iter().try_for_each(|write| {
            is_inside(&write.path).then_some(()).ok_or_else(|| {
                bad(
                    format!("write.path {}", one_line(&write.path, 60)),
                    "must stay below the root of the worktree, and out of .git",
                )
            })
        })
    }

    fn validate_lists(&self) -> Result<(), TemplateError> {
        let counts = [
            ("limits", self.limits.len()),
            ("copy.files", self.copy.files.len()),
            ("copy.directories", self.copy.directories.len()),
            ("copy.immutable", self.copy.immutable.len()),
            ("lease.ports", self.lease.ports.len()),
            ("lease.slots", self.lease.slots.len()),
            ("write", self.write.len()),
            ("run.setup", self.run.setup.len()),
            ("run.teardown", self.run.teardown.len()),
            ("check", self.check.len()),
        ];
        for (key, count) in counts {
            if count > MAX_ITEMS {
                return Err(bad(key, format!("has more than {MAX_ITEMS} entries")));
            }
        }
        for check in &self.check {
            if !is_word(&check.name) {
                return Err(bad("check.name", "must be a word of letters, digits and -"));
            }
        }
        Ok(())
    }

    fn validate_leases(&self) -> Result<(), TemplateError> {
        self.lease_time()?;
        for (name, range) in &self.lease.ports {
            if !is_word(name) || port_range(range).is_none() {
                return Err(bad(
                    format!("lease.ports.{name}"),
                    "must be a port such as \"3000\" or a range such as \"3000-3099\"",
                ));
            }
        }
        for (name, slots) in &self.lease.slots {
            let fits = slots.iter().all(|slot| is_word(slot)) && slots.len() <= MAX_ITEMS;
            if !is_word(name) || slots.is_empty() || !fits {
                return Err(bad(
                    format!("lease.slots.{name}"),
                    "must be a list of words of letters, digits and -",
                ));
            }
        }
        Ok(())
    }

    /// For how long leases are taken.
    pub fn lease_time(&self) -> Result<Option<Ttl>, TemplateError> {
        let time = self.lease.time.as_deref().map(parse_duration).transpose();
        time.map_err(|_| bad("lease.for", "must be a duration such as \"12h\""))
    }
}

/// Reads `3000` or `3000-3099`.
pub fn port_range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let range = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (range.0 > 0 && range.0 <= range.1).then_some(range)
}

/// Tells whether a text is a word of letters, digits, `-`, `_` and `.`, which begins with none of these marks.
pub fn is_word(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

fn is_colour(text: &str) -> bool {
    let hex = |rest: &str| rest.len() == 6 && rest.chars().all(|c| c.is_ascii_hexdigit());
    COLOURS.contains(&text) || text.strip_prefix('#').is_some_and(hex)
}

/// Tells whether a path, with `/`, names something below a root and nothing of git's.
pub fn is_inside(path: &str) -> bool {
    let fits = |part: &str| {
        !part.is_empty() && part != "." && part != ".." && !part.eq_ignore_ascii_case(".git")
    };
    path.len() <= 1000 && !path.chars().any(char::is_control) && path.split('/').all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_template_is_said_in_words() {
        let bad = |text: &str| {
            Template::parse(text)
                .expect_err("it is refused")
                .to_string()
        };
        assert!(bad("v = 2\nkind = 'a'").contains("version 2"));
        assert!(bad("kind = 'a'").contains("v must be 1"));
        assert!(bad("v = 1\nkind = 'a'\nsurprise = 1").contains("surprise"));
        assert!(bad("v = 1\nkind = 'a b'").contains("kind"));
        assert!(bad("v = 1\nkind = 'a'\ncolour = 'mauve'").contains("colour"));
        assert!(bad("v = 1\nkind = 'a'\n[lease.ports]\nweb = '9-3'").contains("lease.ports.web"));
        assert!(bad("v = 1\nkind = 'a'\n[labels]\nmood = 'x'").contains("labels.mood"));
        for path in [
            "../x",
            "/x",
            "a//b",
            ".git/hooks/x",
            "a/.GIT/x",
            "a/../../x",
            "",
            "a\\u001b",
        ] {
            let text = format!("v = 1\nkind = 'a'\n[[write]]\npath = \"{path}\"\ntext = 'x'");
            assert!(bad(&text).contains("write.path"), "{path}");
        }
    }

    #[test]
    fn a_range_is_read() {
        assert_eq!(port_range("3000"), Some((3000, 3000)));
        assert_eq!(port_range("3000-3001"), Some((3000, 3001)));
        assert_eq!(port_range("0-1"), None);
        assert_eq!(port_range("70000"), None);
    }
}
