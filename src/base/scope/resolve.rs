//! From typed text to a scope: lexical, without a look at the disk.
//!
//! Symbolic links are not followed: a scope names paths of the repository, as git does. Resolving a scope's own text from
//! the root gives the same scope.

use std::sync::Arc;

use super::error::quote;
use super::pattern::{Fault, Token, literal, render, tokenize};
use super::{Body, Glob, MAX_BYTES, Scope, ScopeError, Space};

/// What typed text is relative to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Base<'a> {
    /// The caller's directory relative to the repository's root; "" at the root, without a trailing slash.
    pub prefix: &'a str,
    /// The absolute roots of the worktrees, so that absolute paths can be made relative.
    pub roots: &'a [&'a str],
    /// The absolute home directory.
    pub home: Option<&'a str>,
}

/// The tokens of one component, without a slash outside braces.
type Component = Vec<Token>;

/// What a text counts from.
enum Anchor {
    Repo,
    Home,
    Absolute,
}

/// Resolves typed text; see [`Scope::resolve`].
pub(super) fn resolve(typed: &str, base: &Base<'_>) -> Result<Scope, ScopeError> {
    refuse_unfit(typed)?;
    let text = || quote(typed);
    if let Some(name) = typed.strip_prefix("res:") {
        return resource(typed, name);
    }
    if typed.starts_with('!') {
        return Err(ScopeError::Negated { text: text() });
    }
    let (anchor, start, rest) = anchor(typed, base);
    let tokens = tokenize(rest).map_err(|fault| described(fault, typed))?;
    let (floor, place) = match anchor {
        Anchor::Repo => (false, "the repository"),
        Anchor::Home => (false, "the home directory"),
        Anchor::Absolute => (true, ""),
    };
    let mut stack = start;
    for part in split(tokens) {
        match literal(&part).as_deref() {
            Some("" | ".") => {}
            Some("..") => match stack.pop() {
                Some(parent) if literal(&parent).is_none() => {
                    let what = "`..` after a wildcard";
                    return Err(ScopeError::Syntax { text: text(), what });
                }
                None if !floor => {
                    return Err(ScopeError::Leaves {
                        text: text(),
                        place,
                    });
                }
                _ => {}
            },
            _ => stack.push(part),
        }
    }
    let space = match anchor {
        Anchor::Repo => Space::Repo,
        Anchor::Home => Space::Home,
        Anchor::Absolute => {
            let found = locate(&stack, base);
            let (space, depth) = found.ok_or_else(|| ScopeError::Outside { text: text() })?;
            stack.drain(..depth);
            space
        }
    };
    build(space, &stack, typed)
}

/// Says what a text counts from, with the components that stand before it, and what is left of it.
fn anchor<'t>(typed: &'t str, base: &Base<'_>) -> (Anchor, Vec<Component>, &'t str) {
    if typed == "~" || typed.starts_with("~/") {
        return match base.home {
            // Through the absolute path, so that a file of the repository has one name wherever the repository is.
            Some(home) => (Anchor::Absolute, names(home), &typed[1..]),
            None => (Anchor::Home, Vec::new(), &typed[1..]),
        };
    }
    if typed.starts_with('/') {
        (Anchor::Absolute, Vec::new(), typed)
    } else if let Some(rest) = typed.strip_prefix(":/") {
        (Anchor::Repo, Vec::new(), rest)
    } else {
        (Anchor::Repo, names(base.prefix), typed)
    }
}

/// Builds the scope of a repository path without giving any character a meaning; see [`Scope::literal`].
pub(super) fn plain(path: &str) -> Result<Scope, ScopeError> {
    refuse_unfit(path)?;
    let mut stack = Vec::new();
    for name in path.split('/').filter(|name| !matches!(*name, "" | ".")) {
        if name != ".." {
            stack.push(characters(name));
        } else if stack.pop().is_none() {
            let (text, place) = (quote(path), "the repository");
            return Err(ScopeError::Leaves { text, place });
        }
    }
    if path.starts_with('/') {
        return Err(ScopeError::Outside { text: quote(path) });
    }
    build(Space::Repo, &stack, path)
}

fn refuse_unfit(text: &str) -> Result<(), ScopeError> {
    if text.len() > MAX_BYTES {
        let bytes = text.len();
        return Err(ScopeError::TooLong {
            text: quote(text),
            bytes,
        });
    }
    if text.chars().any(char::is_control) {
        return Err(ScopeError::Control { text: quote(text) });
    }
    Ok(())
}

fn resource(typed: &str, name: &str) -> Result<Scope, ScopeError> {
    let name = name.strip_suffix('/').unwrap_or(name);
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._/@:+-".contains(c);
    let what = if name.is_empty() {
        "it has no name"
    } else if !name.chars().all(allowed) {
        "a name holds letters, digits and . _ / @ : + - only"
    } else if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
        "a part of its name is empty, `.` or `..`"
    } else {
        return Ok(Scope {
            text: format!("res:{name}"),
            space: Space::Resource,
            body: Body::Literal(name.to_owned()),
        });
    };
    let text = quote(typed);
    Err(ScopeError::Resource { text, what })
}

fn described(fault: Fault, typed: &str) -> ScopeError {
    let text = quote(typed);
    match fault {
        Fault::Syntax(what) => ScopeError::Syntax { text, what },
        Fault::TooComplex => ScopeError::TooComplex { text },
    }
}

/// Splits tokens at the slashes outside braces.
fn split(tokens: Vec<Token>) -> Vec<Component> {
    let mut parts = vec![Vec::new()];
    let mut depth = 0;
    for token in tokens {
        match token {
            Token::Open => depth += 1,
            Token::Close => depth -= 1,
            Token::Slash if depth == 0 => {
                parts.push(Vec::new());
                continue;
            }
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(token);
        }
    }
    parts
}

fn characters(name: &str) -> Component {
    name.chars().map(Token::Char).collect()
}

/// The components of a path that is known to be plain and normalised.
fn names(path: &str) -> Vec<Component> {
    let names = path.split('/').filter(|name| !matches!(*name, "" | "."));
    names.map(characters).collect()
}

/// Finds the deepest worktree root that an absolute path lies under, else the home directory, and how deep that is.
///
/// A worktree wins even where home lies below it, so that no file has a name in both spaces.
fn locate(stack: &[Component], base: &Base<'_>) -> Option<(Space, usize)> {
    let depth_of = |root: &&str| {
        let root = names(root);
        stack.starts_with(&root).then_some(root.len())
    };
    let repo = base.roots.iter().filter_map(depth_of).max();
    let home = || base.home.as_ref().and_then(depth_of);
    repo.map(|depth| (Space::Repo, depth))
        .or_else(|| Some((Space::Home, home()?)))
}

/// Makes a scope of normalised components.
fn build(space: Space, stack: &[Component], typed: &str) -> Result<Scope, ScopeError> {
    let tokens: Vec<Token> = stack.join(&Token::Slash);
    let text = display(space, &render(&tokens));
    if text.len() > MAX_BYTES {
        let bytes = text.len();
        return Err(ScopeError::TooLong {
            text: quote(typed),
            bytes,
        });
    }
    let body = if let Some(path) = literal(&tokens) {
        Body::Literal(path)
    } else {
        let glob = Glob::new(tokens).map_err(|fault| described(fault, typed))?;
        if glob.is_empty() {
            return Err(ScopeError::MatchesNothing { text: quote(typed) });
        }
        Body::Glob(Arc::new(glob))
    };
    Ok(Scope { text, space, body })
}

/// The canonical text of a path or pattern in its space.
fn display(space: Space, inner: &str) -> String {
    match space {
        Space::Home if inner.is_empty() => "~".to_owned(),
        Space::Home => format!("~/{inner}"),
        _ if inner.is_empty() => ".".to_owned(),
        _ => {
            let special = inner == "~"
                || ["!", "~/", ":/", "res:"]
                    .iter()
                    .any(|start| inner.starts_with(start));
            format!("{}{inner}", if special { "\\" } else { "" })
        }
    }
}
