//! The text of a scope as tokens: reading, writing, and expanding braces.
//!
//! `tokenize` and `render` are inverse on canonical text. Braces mean what a shell means by them: the pattern is
//! expanded first, and what results is read as if it had been written so; `**` in an alternative is a whole component
//! if it is one after expansion. Expansion is capped, so that a short text cannot ask for unbounded work.

use super::charset::{Class, posix};

/// Most tokens that all expansions of one pattern may have together.
const MAX_TOKENS: usize = 4096;
/// Deepest nesting of braces.
const MAX_DEPTH: usize = 32;

/// One piece of a scope's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A character that stands for itself.
    Char(char),
    /// `?`
    Any,
    /// `*`
    Star,
    /// `[…]`
    Class(Class),
    /// `{`
    Open,
    /// `,` inside braces.
    Comma,
    /// `}` that closes a brace.
    Close,
    /// `/`
    Slash,
}

/// What is wrong with a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It cannot be read.
    Syntax(&'static str),
    /// It asks for more than the caps allow.
    TooComplex,
}

/// Reads a text into tokens with balanced braces.
pub(super) fn tokenize(text: &str) -> Result<Vec<Token>, Fault> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    let mut depth = 0;
    while let Some(c) = rest.chars().next() {
        let from = rest;
        rest = &rest[c.len_utf8()..];
        out.push(match c {
            '\\' => {
                let (escaped, after) = unescape(rest)?;
                rest = after;
                Token::Char(escaped)
            }
            '*' => Token::Star,
            '?' => Token::Any,
            '/' => Token::Slash,
            '[' => {
                let (class, after) = read_class(from)?;
                rest = after;
                Token::Class(class)
            }
            '{' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(Fault::TooComplex);
                }
                Token::Open
            }
            ',' if depth > 0 => Token::Comma,
            '}' if depth > 0 => {
                depth -= 1;
                Token::Close
            }
            c => Token::Char(c),
        });
    }
    if depth > 0 {
        return Err(Fault::Syntax(
            "`{` is never closed (write `\\{` for the character)",
        ));
    }
    Ok(out)
}

/// Takes the character after a backslash.
fn unescape(rest: &str) -> Result<(char, &str), Fault> {
    match rest.chars().next() {
        None => Err(Fault::Syntax("`\\` at the end escapes nothing")),
        Some('/') => Err(Fault::Syntax("`/` cannot be escaped")),
        Some(c) => Ok((c, &rest[c.len_utf8()..])),
    }
}

/// Reads the class that `text` starts with; returns it and what follows.
fn read_class(text: &str) -> Result<(Class, &str), Fault> {
    let mut rest = &text[1..];
    let negated = rest.starts_with(['!', '^']);
    if negated {
        rest = &rest[1..];
    }
    let mut members = Vec::new();
    let mut first = true;
    loop {
        if !first && let Some(after) = rest.strip_prefix(']') {
            let raw = text[..text.len() - after.len()].to_owned();
            let class = Class {
                raw,
                members,
                negated,
            };
            return Ok((class, after));
        }
        first = false;
        if let Some(after) = rest.strip_prefix("[:") {
            let named = after.split_once(":]");
            let Some((set, after)) = named.and_then(|(name, after)| Some((posix(name)?, after)))
            else {
                return Err(Fault::Syntax("unknown `[:name:]` in a class"));
            };
            members.extend_from_slice(set);
            rest = after;
            continue;
        }
        let (lo, after) = class_char(rest)?;
        rest = after;
        let mut hi = lo;
        if let Some(after) = rest.strip_prefix('-')
            && !after.starts_with(']')
        {
            (hi, rest) = class_char(after)?;
        }
        if lo > hi {
            return Err(Fault::Syntax("a range in a class runs backwards"));
        }
        members.push((u32::from(lo), u32::from(hi)));
    }
}

/// Takes one character of a class, escaped or not.
fn class_char(rest: &str) -> Result<(char, &str), Fault> {
    match rest.chars().next() {
        None => Err(Fault::Syntax(
            "`[` is never closed (write `\\[` for the character)",
        )),
        Some('/') => Err(Fault::Syntax("a class cannot hold `/`")),
        Some('\\') => unescape(&rest[1..]),
        Some(c) => Ok((c, &rest[c.len_utf8()..])),
    }
}

/// Writes tokens as text, escaping only what would otherwise be read as something else.
pub(super) fn render(tokens: &[Token]) -> String {
    let mut out = String::with_capacity(tokens.len());
    let mut depth = 0usize;
    for token in tokens {
        match token {
            Token::Char(c) => {
                let inside = depth > 0 && matches!(c, ',' | '}');
                if inside || matches!(c, '*' | '?' | '[' | '{' | '\\') {
                    out.push('\\');
                }
                out.push(*c);
            }
            Token::Any => out.push('?'),
            Token::Star => out.push('*'),
            Token::Class(class) => out.push_str(&class.raw),
            Token::Open => {
                depth += 1;
                out.push('{');
            }
            Token::Comma => out.push(','),
            Token::Close => {
                depth = depth.saturating_sub(1);
                out.push('}');
            }
            Token::Slash => out.push('/'),
        }
    }
    out
}

/// The text that tokens stand for when none of them is a wildcard.
pub(super) fn literal(tokens: &[Token]) -> Option<String> {
    let as_char = |token: &Token| match token {
        Token::Char(c) => Some(*c),
        Token::Slash => Some('/'),
        _ => None,
    };
    tokens.iter().map(as_char).collect()
}

/// One expansion: the tokens of a pattern without braces.
type Plain<'t> = Vec<&'t Token>;

/// Expands braces into patterns without braces, each split into non-empty components.
pub(super) fn expand(tokens: &[Token]) -> Result<Vec<Vec<Plain<'_>>>, Fault> {
    let (plain, _) = sequence(tokens)?;
    plain.iter().map(|plain| components(plain)).collect()
}

/// Expands up to the end, or to the comma or brace that ends an alternative; returns what follows too.
fn sequence(mut tokens: &[Token]) -> Result<(Vec<Plain<'_>>, &[Token]), Fault> {
    let mut out: Vec<Plain<'_>> = vec![Vec::new()];
    let mut total = 0;
    while let [token, rest @ ..] = tokens {
        match token {
            Token::Comma | Token::Close => break,
            Token::Open => {
                let (choices, after) = alternatives(rest)?;
                tokens = after;
                if out.len() * choices.len() > MAX_TOKENS {
                    return Err(Fault::TooComplex);
                }
                let pairs = out
                    .iter()
                    .flat_map(|head| choices.iter().map(move |tail| (head, tail)));
                total = pairs
                    .clone()
                    .map(|(head, tail)| head.len() + tail.len())
                    .sum();
                check(total, out.len() * choices.len())?;
                out = pairs
                    .map(|(head, tail)| [&head[..], tail].concat())
                    .collect();
            }
            token => {
                tokens = rest;
                total += out.len();
                check(total, out.len())?;
                for plain in &mut out {
                    plain.push(token);
                }
            }
        }
    }
    Ok((out, tokens))
}

/// Expands what follows an opening brace; returns what follows its closing one too.
fn alternatives(mut tokens: &[Token]) -> Result<(Vec<Plain<'_>>, &[Token]), Fault> {
    let mut out = Vec::new();
    loop {
        let (choices, rest) = sequence(tokens)?;
        out.extend(choices);
        check(0, out.len())?;
        match rest {
            [Token::Comma, after @ ..] => tokens = after,
            [_, after @ ..] => return Ok((out, after)),
            [] => return Ok((out, &[])),
        }
    }
}

/// Refuses expansions that have grown past the cap; each one costs two states besides its tokens.
fn check(total: usize, expansions: usize) -> Result<(), Fault> {
    if total + 2 * expansions > MAX_TOKENS {
        return Err(Fault::TooComplex);
    }
    Ok(())
}

/// Splits an expansion at its slashes; empty components mean nothing, as in a path.
fn components<'t>(plain: &[&'t Token]) -> Result<Vec<Plain<'t>>, Fault> {
    let split = plain.split(|token| **token == Token::Slash);
    let parts: Vec<Plain<'t>> = split
        .filter(|part| !part.is_empty())
        .map(<[_]>::to_vec)
        .collect();
    let dots = |part: &Plain<'t>| part.len() <= 2 && part.iter().all(|t| **t == Token::Char('.'));
    if parts.iter().any(dots) {
        return Err(Fault::Syntax("`.` or `..` as a component inside braces"));
    }
    Ok(parts)
}
