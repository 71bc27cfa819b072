//! The query: words, `"phrases"`, `begin*`, `-not`, `OR`, parentheses and filters.
//!
//! Bare words are wanted, and whoever has more of them ranks higher; everything else is required. The parser takes
//! any text: what closes nothing or opens nothing stands for itself.

use super::when::{self, When};
use crate::features::search::model::ROLE_WORDS;

/// A part of a query.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// All of these.
    All(Vec<Expr>),
    /// One of these.
    Any(Vec<Expr>),
    /// Not this.
    Not(Box<Expr>),
    /// A word.
    Word(String),
    /// Words in a row.
    Phrase(String),
    /// A word that begins so.
    Begin(String),
    /// A property.
    Filter(Filter),
}

/// What a property may be.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// What kind of block.
    Role(String),
    /// Of which tool.
    Tool(String),
    /// Of a conversation that touched this file.
    File(String),
    /// Of a conversation that worked there.
    Project(String),
    /// Of a conversation on this branch.
    Branch(String),
    /// Of this conversation.
    Session(String),
    /// Of this agent.
    Agent(String),
    /// In this room.
    Room(String),
    /// Of a conversation that names this commit.
    Commit(String),
    /// Said at or after.
    After(When),
    /// Said before.
    Before(When),
}

/// The names of filters.
pub const FILTERS: &[&str] = &[
    "role:", "tool:", "file:", "project:", "branch:", "session:", "agent:", "room:", "after:",
    "before:", "since:", "commit:",
];

/// What is wrong with a query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// No such role.
    #[error("role:{0} is none of {list}", list = ROLE_WORDS.join(", "))]
    Role(String),
    /// No time.
    #[error("{0}{1} is no time such as 2026-04-26, 2026-04-26T12:00Z or 3d")]
    Time(String, String),
    /// Nothing to look for.
    #[error("the query is empty")]
    Empty,
    /// Too much to look for.
    #[error("the query has more than {MOST} parts")]
    Long,
}

/// So many parts a query may have.
const MOST: usize = 256;
/// Deeper parentheses stand for nothing.
const DEEP: usize = 32;

/// Reads a query.
pub fn parse(text: &str) -> Result<Expr, QueryError> {
    let tokens = tokens(text)?;
    if tokens.len() > MOST {
        return Err(QueryError::Long);
    }
    let mut at = 0;
    let mut parts = Vec::new();
    while at < tokens.len() {
        let (expr, next) = any(&tokens, at, 0);
        parts.extend(expr);
        // A parenthesis that closes nothing is passed over.
        at = if next == at { at + 1 } else { next };
    }
    let mut parts: Vec<Expr> = parts.into_iter().flat_map(flat).collect();
    match parts.len() {
        0 => Err(QueryError::Empty),
        1 => Ok(parts.remove(0)),
        _ => Ok(Expr::All(parts)),
    }
}

fn flat(expr: Expr) -> Vec<Expr> {
    match expr {
        Expr::All(parts) => parts,
        other => vec![other],
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Open,
    Close,
    Or,
    Not,
    Leaf(Expr),
}

/// Reads alternatives up to a closing parenthesis or the end.
fn any(tokens: &[Token], mut at: usize, depth: usize) -> (Option<Expr>, usize) {
    let mut branches: Vec<Vec<Expr>> = vec![Vec::new()];
    while let Some(token) = tokens.get(at) {
        match token {
            Token::Close => break,
            Token::Or => {
                branches.push(Vec::new());
                at += 1;
            }
            _ => {
                let (expr, next) = one(tokens, at, depth);
                at = next;
                if let Some(branch) = branches.last_mut() {
                    branch.extend(expr);
                }
            }
        }
    }
    // `a b OR c d`: OR joins its neighbours, as everywhere; what stands further off is of the whole.
    (join(branches, depth == 0), at)
}

fn join(mut branches: Vec<Vec<Expr>>, top: bool) -> Option<Expr> {
    branches.retain(|branch| !branch.is_empty());
    if branches.len() < 2 {
        return branches.pop().map(all);
    }
    if !top {
        return Some(Expr::Any(branches.into_iter().map(all).collect()));
    }
    let mut parts = Vec::new();
    let last = branches.len() - 1;
    let mut choice = Vec::new();
    for (index, mut branch) in branches.into_iter().enumerate() {
        let next = if index < last && !branch.is_empty() {
            branch.pop()
        } else {
            None
        };
        let first = if index > 0 && !branch.is_empty() {
            Some(branch.remove(0))
        } else {
            None
        };
        choice.extend(first);
        if !branch.is_empty() && !choice.is_empty() {
            parts.push(Expr::Any(std::mem::take(&mut choice)));
        }
        parts.extend(branch);
        choice.extend(next);
    }
    if !choice.is_empty() {
        parts.push(Expr::Any(choice));
    }
    let single = |part: Expr| match part {
        Expr::Any(mut choice) if choice.len() == 1 => choice.remove(0),
        other => other,
    };
    Some(all(parts.into_iter().map(single).collect()))
}

fn all(mut parts: Vec<Expr>) -> Expr {
    if parts.len() == 1 {
        parts.remove(0)
    } else {
        Expr::All(parts)
    }
}

fn one(tokens: &[Token], at: usize, depth: usize) -> (Option<Expr>, usize) {
    match &tokens[at] {
        Token::Leaf(expr) => (Some(expr.clone()), at + 1),
        Token::Not => match tokens.get(at + 1) {
            Some(Token::Leaf(_) | Token::Open) => {
                let (expr, next) = one(tokens, at + 1, depth);
                (expr.map(|expr| Expr::Not(Box::new(expr))), next)
            }
            _ => (None, at + 1),
        },
        Token::Open if depth < DEEP => {
            let (expr, next) = any(tokens, at + 1, depth + 1);
            (
                expr,
                next + usize::from(tokens.get(next) == Some(&Token::Close)),
            )
        }
        Token::Open | Token::Close | Token::Or => (None, at + 1),
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, QueryError> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let fresh = |rest: &str| rest.len() > 1 && !rest[1..].starts_with(char::is_whitespace);
        let (token, used) = match first {
            '(' => (Some(Token::Open), 1),
            ')' => (Some(Token::Close), 1),
            '-' if fresh(rest) => (Some(Token::Not), 1),
            '"' => {
                let (inner, used) = quoted(rest);
                (
                    (!inner.trim().is_empty()).then(|| Token::Leaf(Expr::Phrase(inner.to_owned()))),
                    used,
                )
            }
            _ => leaf(rest)?,
        };
        tokens.extend(token);
        rest = rest[used..].trim_start();
    }
    Ok(tokens)
}

/// Returns what stands in quotes and how long it is with them; quotes that do not close reach to the end.
fn quoted(text: &str) -> (&str, usize) {
    match text[1..].find('"') {
        Some(end) => (&text[1..=end], end + 2),
        None => (&text[1..], text.len()),
    }
}

fn leaf(text: &str) -> Result<(Option<Token>, usize), QueryError> {
    for name in FILTERS {
        let Some(rest) = text.strip_prefix(name) else {
            continue;
        };
        let (value, used) = if rest.starts_with('"') {
            quoted(rest)
        } else {
            let ends = |c: char| c.is_whitespace() || c == ')';
            let end = rest.find(ends).unwrap_or(rest.len());
            (&rest[..end], end)
        };
        if value.is_empty() {
            break;
        }
        return Ok((
            Some(Token::Leaf(Expr::Filter(filter(name, value)?))),
            name.len() + used,
        ));
    }
    // A parenthesis inside of a word is of the word: `main()`.
    let mut depth = 0_i32;
    let end = text.find(|c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c.is_whitespace() || c == '"' || depth < 0
    });
    let word = &text[..end.unwrap_or(text.len())];
    let token = match word {
        "OR" | "||" => Some(Token::Or),
        "NOT" => Some(Token::Not),
        "AND" | "&&" => None,
        word => {
            let begin = word
                .strip_suffix('*')
                .filter(|begin| begin.chars().any(char::is_alphanumeric));
            match begin {
                Some(begin) => Some(Token::Leaf(Expr::Begin(begin.to_owned()))),
                None if word.chars().any(char::is_alphanumeric) => {
                    Some(Token::Leaf(Expr::Word(word.to_owned())))
                }
                None => None,
            }
        }
    };
    Ok((token, word.len().max(1)))
}

fn filter(name: &str, value: &str) -> Result<Filter, QueryError> {
    let text = value.to_owned();
    let time = || when::parse(value).ok_or_else(|| QueryError::Time(name.to_owned(), text.clone()));
    Ok(match name {
        "role:" => {
            let wanted = value.to_lowercase().replace('-', "_");
            if !ROLE_WORDS.contains(&wanted.as_str()) {
                return Err(QueryError::Role(text));
            }
            Filter::Role(wanted)
        }
        "tool:" => Filter::Tool(text),
        "file:" => Filter::File(text),
        "project:" => Filter::Project(text),
        "branch:" => Filter::Branch(text),
        "session:" => Filter::Session(text),
        "agent:" => Filter::Agent(text),
        "room:" => Filter::Room(text),
        "commit:" => Filter::Commit(text),
        "before:" => Filter::Before(time()?),
        _ => Filter::After(time()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::search::logic::wanted::wanted;

    fn word(text: &str) -> Expr {
        Expr::Word(text.to_owned())
    }

    fn shown(text: &str) -> String {
        fn show(expr: &Expr) -> String {
            let list =
                |parts: &[Expr], by: &str| parts.iter().map(show).collect::<Vec<_>>().join(by);
            match expr {
                Expr::All(parts) => format!("({})", list(parts, " ")),
                Expr::Any(parts) => format!("({})", list(parts, "|")),
                Expr::Not(part) => format!("-{}", show(part)),
                Expr::Word(text) => text.clone(),
                Expr::Phrase(text) => format!("'{text}'"),
                Expr::Begin(text) => format!("{text}*"),
                Expr::Filter(filter) => format!("{filter:?}"),
            }
        }
        parse(text).map_or_else(|error| error.to_string(), |expr| show(&expr))
    }

    #[test]
    fn the_grammar() {
        assert_eq!(parse("one"), Ok(word("one")));
        assert_eq!(shown("one two"), "(one two)");
        assert_eq!(
            shown("\"exact words\" beg* -not"),
            "('exact words' beg* -not)"
        );
        assert_eq!(shown("a b OR c d"), "(a (b|c) d)");
        assert_eq!(shown("a OR b OR c"), "(a|b|c)");
        assert_eq!(shown("x (a b OR c)"), "(x ((a b)|c))");
        assert_eq!(shown("-(a OR b) c"), "(-(a|b) c)");
        assert_eq!(
            shown("main() foo(bar) src/a.rs"),
            "(main() foo(bar) src/a.rs)"
        );
        assert_eq!(shown("a AND b - c"), "(a b c)");
        assert_eq!(
            shown("file:\"a b.txt\" tool:Bash"),
            "(File(\"a b.txt\") Tool(\"Bash\"))"
        );
        assert_eq!(shown("role:tool-in"), "Role(\"tool_in\")");
    }

    #[test]
    fn what_cannot_be_meant_is_said() {
        assert_eq!(parse("  -- () \"\""), Err(QueryError::Empty));
        assert_eq!(parse("role:king"), Err(QueryError::Role("king".to_owned())));
        assert_eq!(
            parse("after:soon"),
            Err(QueryError::Time("after:".to_owned(), "soon".to_owned()))
        );
        assert_eq!(parse(&"x ".repeat(300)), Err(QueryError::Long));
        assert_eq!(shown(")a) (b"), "(a b)");
        assert_eq!(shown("\"open end"), "'open end'");
        assert_eq!(shown("OR a OR"), "a");
        assert_eq!(shown(&format!("{}a", "(".repeat(200))), "a");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_query_or_an_error(text in ".{0,80}") {
            if let Ok(expr) = parse(&text) {
                wanted(&expr);
            }
        }

        #[test]
        fn any_mixture_of_signs_too(parts in proptest::collection::vec("(\\(|\\)|\"|-|OR|\\*|role:|after:|x|é検|A_b1|\\s){0,1}", 0..40)) {
            let _ = parse(&parts.concat()).map(|expr| wanted(&expr));
        }
    }
}
