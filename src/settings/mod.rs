//! The settings: TOML files and `CCC_*` variables over compiled defaults.
//!
//! Order, weakest first: defaults, the user's file, the repository's `.ccc.toml`, the clone's file, variables;
//! flags are the caller's and stronger than all. A later layer replaces a key's whole value, lists included.
//! Pure: the caller reads files and environment and hands over text. Invariants: every key is a row of
//! [`KEYS`]; an unknown key, a wrong type and a wrong layer are errors that name file and line; every value
//! knows where it came from; a command comes out only as [`Trusted`].

mod error;
mod key;
mod layer;
mod nearest;
mod table;
#[cfg(test)]
mod tests;
mod trust;
mod value;

use std::fmt;
use std::path::Path;

pub use error::{Fault, Origin, SettingsError};
use layer::{Assignment, parse_file, parse_variables};
pub use layer::{LayerText, MAX_FILE_BYTES};
pub use table::{
    ANY_LAYER, EVENTS, HOOKS, KEYS, Key, KeyDefault, KeyKind, Layer, render_reference,
};
pub use trust::{Command, Grant, TrustError, TrustStore, Trusted};
use value::{Value, default_value};

use crate::base::time::Ttl;

/// What a change to another session's claim meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Enforce {
    /// A warning.
    Warn,
    /// A refused commit.
    Commit,
    /// A refusal of every ref update.
    Strict,
}

impl Enforce {
    /// The words of the setting.
    pub const NAMES: &[&str] = &["warn", "commit", "strict"];
}

/// How commits are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// The fast lane where it is safe.
    Auto,
    /// Always git's own commit.
    Stock,
}

impl Lane {
    /// The words of the setting.
    pub const NAMES: &[&str] = &["auto", "stock"];
}

/// What is added to the message of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trailer {
    /// `Ccc-Session: <tag>`.
    Session,
    /// Nothing.
    Off,
}

impl Trailer {
    /// The words of the setting.
    pub const NAMES: &[&str] = &["session", "off"];
}

/// What the end of an agent's conversation does to its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AtEnd {
    /// The session stays for a resume.
    Mark,
    /// The session ends and its claims are given back.
    End,
}

impl AtEnd {
    /// The words of the setting.
    pub const NAMES: &[&str] = &["mark", "end"];
}

/// How a branch is brought onto main.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bring {
    /// Its commits are made anew on top.
    Rebase,
    /// Main is merged into it.
    Merge,
}

impl Bring {
    /// The words of the setting.
    pub const NAMES: &[&str] = &["rebase", "merge"];
}

/// Every setting, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    entries: Vec<Entry>,
}

/// One key with the value it has and the place that gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The row of the table.
    pub key: &'static Key,
    /// Where the value comes from.
    pub origin: Origin,
    value: Option<Value>,
}

impl fmt::Display for Entry {
    /// Shows the value as TOML would hold it, escaped and cut short; an unset one is empty.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            None => Ok(()),
            Some(Value::Duration(ttl)) => write!(f, "\"{ttl}\""),
            Some(Value::Switch(on)) => write!(f, "{on}"),
            Some(Value::Text(text)) => write!(f, "\"{}\"", error::shown(text)),
            Some(Value::Count(count)) => write!(f, "{count}"),
            Some(Value::Secret(_)) => f.write_str("\"…\""),
            Some(Value::Command(command)) => write!(f, "\"{command}\""),
            Some(Value::List(items)) => {
                let items: Vec<String> = items
                    .iter()
                    .map(|item| format!("\"{}\"", error::shown(item)))
                    .collect();
                write!(f, "[{}]", items.join(", "))
            }
        }
    }
}

impl Settings {
    /// Resolves every key from the files, given in any order, and the `CCC_*` variables.
    pub fn load(
        files: &[LayerText<'_>],
        variables: &[(String, String)],
    ) -> Result<Self, SettingsError> {
        Self::load_table(KEYS, files, variables)
    }

    fn load_table(
        table: &'static [Key],
        files: &[LayerText<'_>],
        variables: &[(String, String)],
    ) -> Result<Self, SettingsError> {
        let mut entries = Vec::with_capacity(table.len());
        for key in table {
            entries.push(Entry {
                key,
                origin: Origin::Default,
                value: default_value(key)?,
            });
        }
        let mut settings = Self { entries };
        let mut files = files.to_vec();
        files.sort_by_key(|file| file.layer);
        for file in files {
            settings.apply(parse_file(table, file)?);
        }
        settings.apply(parse_variables(table, variables)?);
        Ok(settings)
    }

    fn apply(&mut self, assignments: Vec<Assignment<'_>>) {
        for Assignment { key, value, origin } in assignments {
            if let Some(entry) = self
                .entries
                .iter_mut()
                .find(|entry| entry.key.name == key.name)
            {
                entry.value = Some(value);
                entry.origin = origin;
            }
        }
    }

    /// How long a claim lasts when its taker does not say.
    pub fn ttl(&self) -> Ttl {
        self.duration("claims.ttl")
    }

    /// Scopes that must be claimed before a commit, not yet parsed.
    pub fn require(&self) -> &[String] {
        self.list("claims.require")
    }

    /// Scopes that are never checked, not yet parsed.
    pub fn exempt(&self) -> &[String] {
        self.list("claims.exempt")
    }

    /// What a change to another's claim meets.
    pub fn enforce(&self) -> Enforce {
        match self.text("claims.enforce") {
            Some("warn") => Enforce::Warn,
            Some("strict") => Enforce::Strict,
            _ => Enforce::Commit,
        }
    }

    /// The remote through which clones share their claims.
    ///
    /// The name may come from the repository: pass it to git only after finding `remote.<name>.url` in the
    /// configuration, else git takes it for a path, and a repository in the worktree brings its own hooks.
    pub fn remote(&self) -> Option<&str> {
        self.text("claims.remote")
    }

    /// How often a running session says that it is alive.
    pub fn beat(&self) -> Ttl {
        self.duration("session.beat")
    }

    /// How commits are made.
    pub fn lane(&self) -> Lane {
        match self.text("commit.lane") {
            Some("stock") => Lane::Stock,
            _ => Lane::Auto,
        }
    }

    /// What is added to the message of a commit.
    pub fn trailer(&self) -> Trailer {
        match self.text("commit.trailer") {
            Some("off") => Trailer::Off,
            _ => Trailer::Session,
        }
    }

    /// How many messages one session may address to another in a minute.
    pub fn messages_per_minute(&self) -> u32 {
        self.count("inbox.per_minute")
    }

    /// The same in an hour.
    pub fn messages_per_hour(&self) -> u32 {
        self.count("inbox.per_hour")
    }

    /// How many answers of sessions to each other may follow one another.
    pub fn hops(&self) -> u32 {
        self.count("inbox.hops")
    }

    /// After how many turns two sessions no longer wake each other.
    pub fn turns(&self) -> u32 {
        self.count("inbox.turns")
    }

    /// Files that several sessions write, as scopes not yet parsed.
    pub fn shared_files(&self) -> &[String] {
        self.list("files.shared")
    }

    /// The git hooks to install.
    pub fn hooks(&self) -> &[String] {
        self.list("hooks.install")
    }

    /// Whether an agent's first edit of a free path claims it.
    pub fn claim_on_edit(&self) -> bool {
        self.switch("agents.claim_on_edit")
    }

    /// What the end of an agent's conversation does to its session.
    pub fn at_end(&self) -> AtEnd {
        match self.text("agents.at_end") {
            Some("end") => AtEnd::End,
            _ => AtEnd::Mark,
        }
    }

    /// Whether words may be typed into an idle agent's tmux pane.
    pub fn types_into_tmux(&self) -> bool {
        self.text("agents.wake") == Some("tmux")
    }

    /// Whether uncommitted work is saved after an agent's tools.
    pub fn wip_auto(&self) -> bool {
        self.switch("wip.auto")
    }

    /// How many snapshots of a session stay; one at least.
    pub fn wip_keep(&self) -> u32 {
        self.count("wip.keep").max(1)
    }

    /// After how long a snapshot goes.
    pub fn wip_age(&self) -> Ttl {
        self.duration("wip.age")
    }

    /// How large a file a snapshot takes, in MiB.
    pub fn wip_file_mb(&self) -> u32 {
        self.count("wip.file_mb")
    }

    /// How much a snapshot takes in all, in MiB.
    pub fn wip_total_mb(&self) -> u32 {
        self.count("wip.total_mb")
    }

    /// The memory directory that agents share, as written.
    pub fn memory_dir(&self) -> Option<&str> {
        self.text("memory.dir")
    }

    /// Files of the memory directory that are merged at once, not yet parsed.
    pub fn memory_shared(&self) -> &[String] {
        self.list("memory.shared")
    }

    /// Whether a session in a linked worktree gets a memory of its own.
    pub fn memory_fork(&self) -> bool {
        self.text("memory.fork") == Some("worktree")
    }

    /// What the user is told of.
    pub fn notify_events(&self) -> &[String] {
        self.list("notify.events")
    }

    /// Whether the desktop tells.
    pub fn notify_desktop(&self) -> bool {
        self.text("notify.desktop") == Some("on")
    }

    /// When the user is told of what is urgent alone.
    pub fn quiet_hours(&self) -> Option<&str> {
        self.text("notify.quiet_hours")
    }

    /// The URL of the user's webhook, or the path of a file that holds it: not to be shown.
    pub fn webhook(&self) -> Option<&str> {
        match self.entry("notify.webhook")?.value.as_ref()? {
            Value::Secret(text) => Some(text),
            _ => None,
        }
    }

    /// How much a rule of the check weighs, by its key: off, note, warning or error.
    pub fn check_level(&self, key: &str) -> Option<&str> {
        self.text(key)
    }

    /// What the check does not judge: `SCOPE`, or `RULE: SCOPE`, not yet parsed.
    pub fn check_exempt(&self) -> &[String] {
        self.list("check.exempt")
    }

    /// Scopes whose commits must be in the log, not yet parsed.
    pub fn check_logged(&self) -> &[String] {
        self.list("check.logged")
    }

    /// How many commits the target may be ahead of where a range begins.
    pub fn check_max_behind(&self) -> Option<u32> {
        match self.entry("check.max_behind")?.value.as_ref()? {
            Value::Count(count) => Some(*count),
            _ => None,
        }
    }

    /// How much older than the target's newest commit the beginning of a range may be.
    pub fn check_max_age(&self) -> Option<Ttl> {
        match self.entry("check.max_age")?.value.as_ref()? {
            Value::Duration(ttl) => Some(*ttl),
            _ => None,
        }
    }

    /// Where new worktrees are made, as written.
    pub fn worktree_dir(&self) -> Option<&str> {
        self.text("worktree.dir")
    }

    /// Whether a new worktree is made from what is fetched first.
    pub fn worktree_fetch(&self) -> bool {
        self.switch("worktree.fetch")
    }

    /// How many commits what a new worktree begins from may be behind.
    pub fn worktree_max_behind(&self) -> Option<u32> {
        match self.entry("worktree.max_behind")?.value.as_ref() {
            Some(Value::Count(count)) => Some(*count),
            _ => self.check_max_behind(),
        }
    }

    /// How a branch is brought onto main.
    pub fn bring(&self) -> Bring {
        match self.text("worktree.sync") {
            Some("merge") => Bring::Merge,
            _ => Bring::Rebase,
        }
    }

    /// Directories with transcripts, not yet resolved.
    pub fn search_roots(&self) -> &[String] {
        self.list("search.roots")
    }

    /// How search finds: `keyword`, `semantic` or `hybrid`.
    pub fn search_mode(&self) -> &str {
        self.text("search.mode").unwrap_or("hybrid")
    }

    /// What turns text into vectors: `builtin`, `ollama` or `openai`.
    pub fn search_embedder(&self) -> &str {
        self.text("search.embedder").unwrap_or("builtin")
    }

    /// Where a server that does is.
    pub fn search_embedder_url(&self) -> Option<&str> {
        self.text("search.embedder_url")
    }

    /// The model that it is asked for.
    pub fn search_embedder_model(&self) -> Option<&str> {
        self.text("search.embedder_model")
    }

    /// Where the value of `name` comes from, if there is such a key.
    pub fn origin(&self, name: &str) -> Option<&Origin> {
        self.entry(name).map(|entry| &entry.origin)
    }

    /// Every key in the order of the table.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The command of `name`, if it is set and trusted for `repo`; the only way to a command's text.
    ///
    /// A command of an untrusted file is refused rather than replaced by that of a weaker layer, which would
    /// run something else than what the settings show.
    pub fn command(
        &self,
        name: &str,
        repo: &Path,
        store: &TrustStore,
    ) -> Result<Option<Trusted<String>>, TrustError> {
        match self.entry(name).and_then(|entry| entry.value.as_ref()) {
            Some(Value::Command(command)) => store.admit(repo, command).map(Some),
            _ => Ok(None),
        }
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key.name == name)
    }

    fn duration(&self, name: &str) -> Ttl {
        match self.entry(name).and_then(|entry| entry.value.as_ref()) {
            Some(Value::Duration(ttl)) => *ttl,
            _ => unreachable!("{name} is declared as a duration with a default"),
        }
    }

    fn switch(&self, name: &str) -> bool {
        match self.entry(name).and_then(|entry| entry.value.as_ref()) {
            Some(Value::Switch(on)) => *on,
            _ => unreachable!("{name} is declared as a switch with a default"),
        }
    }

    fn count(&self, name: &str) -> u32 {
        match self.entry(name).and_then(|entry| entry.value.as_ref()) {
            Some(Value::Count(count)) => *count,
            _ => unreachable!("{name} is declared as a count with a default"),
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        match self.entry(name)?.value.as_ref()? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    fn list(&self, name: &str) -> &[String] {
        match self.entry(name).and_then(|entry| entry.value.as_ref()) {
            Some(Value::List(items)) => items,
            _ => &[],
        }
    }
}
