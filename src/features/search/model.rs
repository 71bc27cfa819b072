//! What is searched, and what is found.

use serde::{Deserialize, Serialize};
use std::{borrow::Cow, collections::BTreeMap};

/// What a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A person typed it.
    Human,
    /// The agent said it.
    Assistant,
    /// The agent thought it.
    Thinking,
    /// The agent asked a tool.
    ToolIn,
    /// The agent asked a tool to look something up: paths and patterns, little of its own.
    Lookup,
    /// A tool answered.
    ToolOut,
    /// Said to the agent, and not by a person.
    Injected,
    /// A summary of a conversation.
    Summary,
    /// The title of a conversation.
    Title,
    /// A message of the room.
    Message,
    /// An entry of the log.
    Log,
    /// What a tool of ours found in all this: an echo.
    Echo,
    /// A file of a memory directory.
    Memory,
    /// A plan.
    Plan,
}

impl Role {
    /// All roles, by number.
    pub const ALL: [Role; 14] = [
        Role::Human,
        Role::Assistant,
        Role::Thinking,
        Role::ToolIn,
        Role::Lookup,
        Role::ToolOut,
        Role::Injected,
        Role::Summary,
        Role::Title,
        Role::Message,
        Role::Log,
        Role::Echo,
        Role::Memory,
        Role::Plan,
    ];

    /// Returns the number under which it is stored.
    pub fn number(self) -> u64 {
        Role::ALL.iter().position(|role| *role == self).unwrap_or(0) as u64
    }

    /// Returns the role that is stored under a number.
    pub fn of_number(number: u64) -> Role {
        let found = usize::try_from(number)
            .ok()
            .and_then(|number| Role::ALL.get(number));
        found.copied().unwrap_or(Role::Injected)
    }

    /// Returns the word.
    pub fn word(self) -> &'static str {
        match self {
            Role::Human => "human",
            Role::Assistant => "assistant",
            Role::Thinking => "thinking",
            Role::ToolIn | Role::Lookup => "tool_in",
            Role::ToolOut | Role::Echo => "tool_out",
            Role::Injected => "injected",
            Role::Summary => "summary",
            Role::Title => "title",
            Role::Message => "message",
            Role::Log => "log",
            Role::Memory => "memory",
            Role::Plan => "plan",
        }
    }

    /// Tells whether its words are kept apart, for there are many and they say little.
    pub fn is_bulk(self) -> bool {
        matches!(self, Role::ToolOut | Role::Lookup | Role::Echo)
    }

    /// Tells whether it says something in sentences.
    pub fn is_prose(self) -> bool {
        matches!(
            self,
            Role::Human
                | Role::Assistant
                | Role::Summary
                | Role::Title
                | Role::Message
                | Role::Memory
                | Role::Plan
        )
    }
}

/// The words of roles.
pub const ROLE_WORDS: &[&str] = &[
    "human",
    "assistant",
    "thinking",
    "tool_in",
    "tool_out",
    "injected",
    "summary",
    "title",
    "message",
    "log",
    "memory",
    "plan",
];

/// One thing that was said, as a reader hands it over.
#[derive(Clone, Debug)]
pub struct Block<'a> {
    /// What it is.
    pub role: Role,
    /// Its text.
    pub text: Cow<'a, str>,
    /// When, in milliseconds since 1970, if it says so.
    pub time: Option<i64>,
    /// What names the record wherever it is copied to; empty if nothing does.
    pub record: Cow<'a, str>,
    /// The tool, for what goes into one or comes out.
    pub tool: Cow<'a, str>,
    /// The files it is about.
    pub paths: Vec<String>,
}

/// What is known of a source after some of it was read; kept with the documents.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Source {
    /// The program that wrote it.
    pub agent: String,
    /// The conversation's own id.
    pub session: String,
    /// The conversation it is part of, for a subagent.
    pub parent: Option<String>,
    /// Where it lies.
    pub path: String,
    /// It is no more where it was; its text is kept.
    pub gone: bool,
    /// The directories it worked in.
    pub dirs: Vec<String>,
    /// The branches it was on.
    pub branches: Vec<String>,
    /// The room, for what was said in one.
    pub room: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// The commit it started from.
    pub base: Option<String>,
    /// Pull requests it made.
    pub pulls: Vec<String>,
    /// Its title, by who gave it, the strongest first.
    pub titles: [Option<String>; 5],
    /// When it began and when it last said something.
    pub span: Option<(i64, i64)>,
    /// Records by type: what was read, passed over and not known.
    pub records: BTreeMap<String, u64>,
    /// Lines that are no JSON, and lines that were too long.
    pub broken: u64,
    /// Which tool a pending call asked: (hash of the call's id, tool).
    pub calls: Vec<(u64, String)>,
    /// Hashes of what was said lately, for streams that say everything twice.
    pub lately: Vec<u64>,
}

/// Which of [`Source::titles`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Titled {
    /// By a person.
    Custom,
    /// By the agent's name.
    Name,
    /// By the agent.
    Agent,
    /// A summary.
    Summary,
    /// The first thing that a person said.
    First,
}

/// So many directories, branches, calls and pull requests of a source are remembered.
const MANY: usize = 32;
/// So many hashes of what was said.
const LATELY: usize = 64;

impl Source {
    /// Returns the title.
    pub fn title(&self) -> Option<&str> {
        self.titles.iter().flatten().map(String::as_str).next()
    }

    /// Gives it a title; the first thing that was said stays the first.
    pub fn entitle(&mut self, how: Titled, title: &str) {
        let line = title.lines().map(str::trim).find(|line| !line.is_empty());
        let slot = &mut self.titles[how as usize];
        if let Some(line) = line
            && !(how == Titled::First && slot.is_some())
        {
            *slot = Some(line.chars().take(200).collect());
        }
    }

    /// Counts a record by its type.
    pub fn count(&mut self, kind: &str) {
        let kind: String = kind.chars().take(60).collect();
        if self.records.len() < 200 || self.records.contains_key(&kind) {
            *self.records.entry(kind).or_default() += 1;
        }
    }

    /// Notes when something was said.
    pub fn at(&mut self, time: i64) {
        let (first, last) = self.span.unwrap_or((time, time));
        self.span = Some((first.min(time), last.max(time)));
    }

    /// Notes the directory it works in.
    pub fn dir(&mut self, dir: &str) {
        remember(&mut self.dirs, dir);
    }

    /// Notes the branch it is on.
    pub fn branch(&mut self, branch: &str) {
        remember(&mut self.branches, branch);
    }

    /// Notes a pull request.
    pub fn pull(&mut self, url: &str) {
        remember(&mut self.pulls, url);
    }

    /// Notes which tool a call asks.
    pub fn call(&mut self, id: u64, tool: &str) {
        self.calls.push((id, tool.to_owned()));
        let over = self.calls.len().saturating_sub(MANY);
        self.calls.drain(..over);
    }

    /// Returns the tool that a call asked.
    pub fn called(&mut self, id: u64) -> Option<String> {
        let at = self.calls.iter().rposition(|(known, _)| *known == id)?;
        Some(self.calls.remove(at).1)
    }

    /// Notes that this was said, and tells whether it was said lately: then it is no more.
    pub fn said_again(&mut self, hash: u64) -> bool {
        if let Some(at) = self.lately.iter().position(|known| *known == hash) {
            self.lately.remove(at);
            return true;
        }
        self.lately.push(hash);
        let over = self.lately.len().saturating_sub(LATELY);
        self.lately.drain(..over);
        false
    }

    /// Returns the conversation under which it is shown: a subagent's is its parent's.
    pub fn conversation(&self) -> &str {
        self.parent.as_deref().unwrap_or(&self.session)
    }
}

fn remember(known: &mut Vec<String>, new: &str) {
    if !new.is_empty() && !known.iter().any(|old| old == new) && known.len() < MANY {
        known.push(new.to_owned());
    }
}

/// One document that was found, by a retriever: what a fusion of several joins on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    /// Which segment of the index, and which document of it.
    pub at: (u32, u32),
    /// The conversation.
    pub session: u64,
    /// How well it fits; larger is better.
    pub score: f32,
    /// Which of the query's words it has, a bit each.
    pub words: u32,
    /// When it was said, in milliseconds; zero if unknown.
    pub time: i64,
}

/// A conversation that was found, with the best of its moments.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranked {
    /// The conversation.
    pub session: u64,
    /// How well it fits.
    pub score: f64,
    /// Its best moments, the best first.
    pub moments: Vec<Scored>,
    /// All words that its moments have.
    pub words: u32,
    /// The newest of its moments that fit.
    pub time: i64,
}

/// A conversation as it is shown.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Hit {
    /// Its id, as its agent knows it.
    pub session: String,
    /// The agent, `room` or `log`.
    pub agent: String,
    /// Its title.
    pub title: Option<String>,
    /// The session's tag in this repository, if it is registered here.
    pub tag: Option<String>,
    /// Where it worked.
    pub project: Option<String>,
    /// The branches it was on.
    pub branches: Vec<String>,
    /// When it began, in RFC 3339.
    pub began: Option<String>,
    /// When it last said something.
    pub last: Option<String>,
    /// How well it fits; comparable within one answer.
    pub score: f64,
    /// Words of the query that none of its moments has.
    pub missing: Vec<String>,
    /// How to go on with it.
    pub resume: Option<String>,
    /// The best of it.
    pub moments: Vec<Moment>,
}

/// One place in a conversation.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Moment {
    /// What it is.
    pub role: &'static str,
    /// The tool, if it is of one.
    pub tool: Option<String>,
    /// When, in RFC 3339.
    pub at: Option<String>,
    /// The best part of it, secrets masked.
    pub snippet: String,
    /// Where in the snippet the query's words are: characters from and to.
    pub highlights: Vec<(usize, usize)>,
    /// What stands before and after it, if asked for.
    pub around: Vec<Line>,
    /// The file it was read from, if it is still there.
    pub path: Option<String>,
    /// Where the record begins in the file, in bytes.
    pub offset: u64,
    /// It is of a subagent.
    pub subagent: bool,
    /// Its text's hash, under which anything about the text can be kept.
    pub hash: String,
    /// How well it fits.
    pub score: f32,
}

/// A neighbour of a moment.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// What it is.
    pub role: &'static str,
    /// Whether it stands after the moment.
    pub after: bool,
    /// The beginning of it, secrets masked.
    pub text: String,
}
