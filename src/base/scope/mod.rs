//! Scopes: what a claim covers, and the one function that says whether two of them overlap.
//!
//! A scope is a set of names in one of three spaces, which never meet: paths of the repository (literal or glob), named
//! resources (`res:port/3000`), and files of the home directory (`~/.claude/settings.json`, literal or glob). It covers
//! what it matches and all beneath that, so `src/auth` and `src/auth/` are the same scope, and `.` is the whole repository.
//!
//! In globs `*`, `?` and classes stop at `/`; `**` as a whole component takes any number of components (`a/**` is what is
//! below `a`, without `a`); braces are expanded as a shell does, empty alternatives included; a backslash takes the meaning
//! from the next character; POSIX classes are ASCII. An alternative that leaves nothing at all is the root.
//!
//! Contract: pure, no I/O. The text of a scope is canonical: `parse` and `Display` are inverse on it, equality, order and
//! hash are those of the text. `overlaps` is exact over valid paths (non-empty components, none `.` or `..`, no NUL) and
//! symmetric; `covers` is exact too, except that a pair of globs too large to compare answers no. Under a fold both are
//! exact over folded names, as sequences of characters: text that a composed character would absorb counts as possible,
//! so they err towards "overlaps" and "does not cover". A text is refused rather than slow: its length, its expansion and the
//! size of its automaton are capped.

mod charset;
mod error;
mod fold;
mod nfa;
mod pattern;
mod resolve;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

pub use error::ScopeError;
pub use fold::Fold;
pub use resolve::Base;

use nfa::Nfa;
use pattern::{Fault, Token};

/// Longest text of a scope, in bytes: the longest path of common systems.
const MAX_BYTES: usize = 4096;

/// What a claim covers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope {
    text: String,
    space: Space,
    body: Body,
}

/// Where names live; names of different spaces are never the same thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Space {
    Repo,
    Home,
    Resource,
}

#[derive(Clone, Debug)]
enum Body {
    /// A path without leading or trailing slash; "" is the root.
    Literal(String),
    /// Shared, because scopes are cloned freely and automata are built once.
    Glob(Arc<Glob>),
}

impl Scope {
    /// Reads the canonical text of a scope; other text is resolved from the repository's root.
    pub fn parse(canonical: &str) -> Result<Self, ScopeError> {
        resolve::resolve(canonical, &Base::default())
    }

    /// Resolves what a user typed in a directory: `.`, `..`, `//`, absolute paths, `~/`, `:/` for the root.
    ///
    /// The caller's prefix applies to globs as well. An absolute path below a worktree root is a path of the repository,
    /// another one below home a home file; any other is refused, as is a `..` that leaves the repository.
    pub fn resolve(typed: &str, base: &Base<'_>) -> Result<Self, ScopeError> {
        resolve::resolve(typed, base)
    }

    /// Makes the scope of a repository path, in which no character has a meaning of its own.
    pub fn literal(path: &str) -> Result<Self, ScopeError> {
        resolve::plain(path)
    }

    /// Makes the scope of a changed path; one that no scope can name is judged by its nearest directory that has one.
    pub fn nearest(path: &str) -> Option<Self> {
        let mut path = path;
        loop {
            if let Ok(scope) = Scope::literal(path) {
                return Some(scope);
            }
            path = match path.rsplit_once('/') {
                Some((parent, _)) => parent,
                None => return Scope::parse(".").ok(),
            };
        }
    }

    /// Makes the scope of a file below home in the same way.
    pub fn literal_home(path: &str) -> Result<Self, ScopeError> {
        let mut text = String::from("~/");
        for c in path.chars() {
            if "*?[]{}\\!".contains(c) {
                text.push('\\');
            }
            text.push(c);
        }
        Self::parse(&text)
    }

    /// Whether some name is covered by both.
    pub fn overlaps(&self, other: &Self, fold: Fold) -> bool {
        if self.space != other.space {
            return false;
        }
        let fold = self.space.fold(fold);
        match (&self.body, &other.body) {
            (Body::Literal(a), Body::Literal(b)) => {
                let (a, b) = (&*fold.apply(a), &*fold.apply(b));
                is_within(a, b) || is_within(b, a)
            }
            (Body::Literal(path), Body::Glob(glob)) | (Body::Glob(glob), Body::Literal(path)) => {
                glob.nfa(fold).meets_literal(&fold.apply(path))
            }
            (Body::Glob(a), Body::Glob(b)) => a.nfa(fold).meets(b.nfa(fold)),
        }
    }

    /// Whether every name that `other` covers is covered; a pair too large to compare answers no.
    pub fn covers(&self, other: &Self, fold: Fold) -> bool {
        if self == other {
            return true; // whatever its size
        }
        if self.space != other.space {
            return false;
        }
        let fold = self.space.fold(fold);
        match (&self.body, &other.body) {
            (Body::Literal(outer), Body::Literal(inner)) => {
                is_within(&fold.apply(inner), &fold.apply(outer))
            }
            (Body::Glob(glob), Body::Literal(path)) if !path.is_empty() => {
                glob.nfa(fold).matches(&fold.apply(path))
            }
            (Body::Glob(glob), Body::Literal(_)) => {
                glob.nfa(fold).includes(&Nfa::literal(""), fold.case)
            }
            (Body::Literal(path), Body::Glob(glob)) => {
                let outer = Nfa::literal(&fold.apply(path));
                outer.includes(glob.nfa(fold), fold.case)
            }
            (Body::Glob(a), Body::Glob(b)) => a.nfa(fold).includes(b.nfa(fold), fold.case),
        }
    }

    /// Whether a path of the repository is covered; a path that is not valid never is.
    pub fn covers_path(&self, path: &str, fold: Fold) -> bool {
        if self.space != Space::Repo || !is_valid(path) {
            return false;
        }
        let path = fold.apply(path);
        match &self.body {
            Body::Literal(outer) => is_within(&path, &fold.apply(outer)),
            Body::Glob(glob) => glob.nfa(fold).matches(&path),
        }
    }

    /// Whether it is a glob.
    pub fn is_glob(&self) -> bool {
        matches!(self.body, Body::Glob(_))
    }

    /// Whether it covers paths of the repository.
    pub fn is_repo(&self) -> bool {
        self.space == Space::Repo
    }

    /// The repository path of a literal scope, unescaped; "" for the whole repository.
    pub fn as_literal_path(&self) -> Option<&str> {
        self.literal_in(Space::Repo)
    }

    /// The path below home of a literal home scope, unescaped; "" for all of home.
    pub fn as_home_path(&self) -> Option<&str> {
        self.literal_in(Space::Home)
    }

    /// The name of a resource, without `res:`.
    pub fn as_resource(&self) -> Option<&str> {
        self.literal_in(Space::Resource)
    }

    fn literal_in(&self, space: Space) -> Option<&str> {
        match &self.body {
            Body::Literal(path) if self.space == space => Some(path),
            _ => None,
        }
    }
}

impl Space {
    /// Names of resources are no file names: nothing is folded in them.
    fn fold(self, fold: Fold) -> Fold {
        match self {
            Self::Repo | Self::Home => fold,
            Self::Resource => Fold::default(),
        }
    }
}

/// A pattern with its automata, one for each way to fold, built when first asked for.
#[derive(Debug)]
struct Glob {
    tokens: Vec<Token>,
    nfa: [OnceLock<Nfa>; 4],
}

impl Glob {
    fn new(tokens: Vec<Token>) -> Result<Self, Fault> {
        let nfa = Nfa::glob(&tokens, Fold::default())?;
        let glob = Self {
            tokens,
            nfa: Default::default(),
        };
        glob.nfa[0].get_or_init(|| nfa);
        Ok(glob)
    }

    fn is_empty(&self) -> bool {
        self.nfa(Fold::default()).is_empty()
    }

    fn nfa(&self, fold: Fold) -> &Nfa {
        self.nfa[fold.index()].get_or_init(|| {
            let composed = pattern::tokenize(&fold.compose(&pattern::render(&self.tokens)));
            let composed = composed
                .ok()
                .and_then(|tokens| Nfa::glob(&tokens, fold).ok());
            // Composition can turn a class's range round (a letter for the Kelvin sign); then the text stands as it is.
            let as_written = || Nfa::glob(&self.tokens, fold).ok();
            composed.or_else(as_written).unwrap_or_default()
        })
    }
}

/// Whether a path is another one or beneath it.
fn is_within(path: &str, outer: &str) -> bool {
    outer.is_empty()
        || path
            .strip_prefix(outer)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a path is one that a repository can hold.
fn is_valid(path: &str) -> bool {
    !path.contains('\0') && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl std::str::FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Scope {
    type Error = ScopeError;

    fn try_from(text: String) -> Result<Self, ScopeError> {
        Self::parse(&text)
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.text
    }
}

impl PartialEq for Scope {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Scope {}

impl PartialOrd for Scope {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scope {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl Hash for Scope {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}
