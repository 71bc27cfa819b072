//! Why a text is no scope.

use thiserror::Error;

/// Longest text shown in an error, in characters.
const SHOWN: usize = 120;

/// Why a text is no scope; each names the text, with what could upset a terminal escaped.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ScopeError {
    /// The text, or what it resolves to, is longer than a path can be.
    #[error("scope `{text}` is {bytes} bytes long, the most is {max}", max = super::MAX_BYTES)]
    TooLong {
        /// The start of the text.
        text: String,
        /// Its length.
        bytes: usize,
    },
    /// The text holds NUL or another control character.
    #[error("scope `{text}` holds a control character")]
    Control {
        /// The text.
        text: String,
    },
    /// The text starts with `!`.
    #[error(
        "scope `{text}` starts with `!`: a scope cannot exclude (write `\\!` for the character)"
    )]
    Negated {
        /// The text.
        text: String,
    },
    /// `..` leads out of the repository or the home directory.
    #[error("scope `{text}` leads out of {place} with `..`")]
    Leaves {
        /// The text.
        text: String,
        /// What it leads out of.
        place: &'static str,
    },
    /// An absolute path lies in no worktree of the repository and not in the home directory.
    #[error("scope `{text}` is outside the repository and the home directory")]
    Outside {
        /// The text.
        text: String,
    },
    /// The pattern cannot be read.
    #[error("scope `{text}` cannot be read: {what}")]
    Syntax {
        /// The text.
        text: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The pattern expands to more than can be compared.
    #[error(
        "scope `{text}` is too complex: its braces nest or expand too far, or it has too many wildcards"
    )]
    TooComplex {
        /// The text.
        text: String,
    },
    /// The pattern matches no path at all.
    #[error("scope `{text}` can match no path")]
    MatchesNothing {
        /// The text.
        text: String,
    },
    /// The name of a resource is not well formed.
    #[error("scope `{text}` is no resource: {what}")]
    Resource {
        /// The text.
        text: String,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// Escapes and shortens a text for an error.
pub(super) fn quote(text: &str) -> String {
    let mut chars = text.chars();
    let mut out: String = chars
        .by_ref()
        .take(SHOWN)
        .flat_map(|c| {
            // Quotes and backslashes are harmless and part of what was typed.
            let plain = matches!(c, '\\' | '\'' | '"');
            let escaped = (!plain).then(|| c.escape_debug());
            escaped.into_iter().flatten().chain(plain.then_some(c))
        })
        .collect();
    if chars.next().is_some() {
        out.push('…');
    }
    out
}
