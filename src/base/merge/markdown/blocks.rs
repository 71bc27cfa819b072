//! A Markdown text cut into sections and blocks, without a gap.

use std::collections::HashMap;

/// A heading and what stands under it, up to the next heading of any level.
#[derive(Clone, Debug, Default)]
pub struct Section<'a> {
    /// The heading, with a number if it is not the first of its words; empty before the first heading.
    pub key: String,
    /// The heading's line.
    pub head: &'a str,
    pub blocks: Vec<Block<'a>>,
    /// All of it.
    pub text: &'a str,
}

/// What a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A list item without those below it, a row of a table, a field of the front matter.
    Item,
    /// Empty lines.
    Blank,
    /// Prose, code, anything else.
    Prose,
}

/// Lines that belong together.
#[derive(Clone, Debug)]
pub struct Block<'a> {
    pub kind: Kind,
    pub text: &'a str,
    /// What an item is known by when its words change.
    pub name: Option<String>,
}

/// Cuts a text.
pub fn sections(text: &str) -> Vec<Section<'_>> {
    let mut starts = vec![(0, "")];
    let (mut at, mut fence) = (0, None);
    let front = front_matter(text);
    for line in text.split_inclusive('\n') {
        if at >= front {
            if fence.is_none() && is_heading(line) {
                starts.push((at, line));
            }
            fence = fence_after(fence, line);
        }
        at += line.len();
    }
    let mut times: HashMap<&str, usize> = HashMap::new();
    let ends = starts.iter().skip(1).map(|(at, _)| *at).chain([text.len()]);
    let cut = starts.iter().zip(ends).map(|((start, head), end)| {
        let text = &text[*start..end];
        let times = times.entry(head.trim_end()).or_default();
        *times += 1;
        let key = if *times == 1 {
            head.trim_end().to_owned()
        } else {
            format!("{}\u{0}{times}", head.trim_end())
        };
        let front = if *start == 0 && head.is_empty() {
            front
        } else {
            0
        };
        Section {
            key,
            head,
            blocks: blocks(&text[head.len()..], front),
            text,
        }
    });
    cut.collect()
}

fn is_heading(line: &str) -> bool {
    let rest = line.trim_start_matches('#');
    (1..=6).contains(&(line.len() - rest.len()))
        && (rest.starts_with([' ', '\t']) || rest.trim().is_empty())
}

/// The fence that is open behind a line.
fn fence_after(fence: Option<(char, usize)>, line: &str) -> Option<(char, usize)> {
    let line = line.trim_start();
    let sign = line.chars().next().filter(|sign| matches!(sign, '`' | '~'));
    let length = sign.map_or(0, |sign| line.len() - line.trim_start_matches(sign).len());
    match (fence, sign) {
        (None, Some(sign)) if length >= 3 => Some((sign, length)),
        (Some((open, least)), Some(sign))
            if sign == open && length >= least && line[length..].trim().is_empty() =>
        {
            None
        }
        _ => fence,
    }
}

/// Where the front matter ends; 0 without one.
fn front_matter(text: &str) -> usize {
    let mut lines = text.split_inclusive('\n');
    let Some(first) = lines.next().filter(|line| line.trim_end() == "---") else {
        return 0;
    };
    let mut at = first.len();
    for line in lines {
        at += line.len();
        if line.trim_end() == "---" {
            return at;
        }
    }
    0
}

fn blocks(text: &str, front: usize) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let (mut start, mut at, mut fence) = (0, 0, None);
    let mut kind: Option<Kind> = None;
    let mut flush = |kind: Option<Kind>, from: usize, to: usize| {
        if let Some(kind) = kind {
            let text = &text[from..to];
            let name = if from < front {
                field(text)
            } else {
                name(text)
            };
            let name = name.filter(|_| kind == Kind::Item);
            blocks.push(Block { kind, text, name });
        }
    };
    for line in text.split_inclusive('\n') {
        let inside = fence.is_some();
        let next = if at < front {
            begins_in_front(line)
        } else {
            fence = fence_after(fence, line);
            let before = kind
                .filter(|_| at != front)
                .map(|kind| (kind, &text[start..at]));
            if inside { None } else { begins(line, before) }
        };
        if let Some(next) = next.or(kind.is_none().then_some(Kind::Prose)) {
            flush(kind, start, at);
            (kind, start) = (Some(next), at);
        }
        at += line.len();
    }
    flush(kind, start, at);
    blocks
}

/// The block that a line of the front matter begins; none if it goes on with the one before.
fn begins_in_front(line: &str) -> Option<Kind> {
    let nested = line.starts_with([' ', '\t']);
    let kind = if field(line).is_some() {
        Kind::Item
    } else {
        Kind::Prose
    };
    (!nested).then_some(kind)
}

/// The block that a line begins; none if it goes on with the one before.
fn begins(line: &str, before: Option<(Kind, &str)>) -> Option<Kind> {
    if line.trim().is_empty() {
        return Some(Kind::Blank);
    }
    if is_item(line) || line.trim_start().starts_with('|') {
        return Some(Kind::Item);
    }
    // What is no item of its own goes on with the item or the paragraph before it.
    let goes_on = match before {
        Some((Kind::Prose, _)) => true,
        Some((Kind::Item, text)) => {
            let row = text.trim_start().starts_with('|');
            !row && !line.starts_with("```") && !line.starts_with("~~~")
        }
        _ => false,
    };
    (!goes_on).then_some(Kind::Prose)
}

fn is_item(line: &str) -> bool {
    let line = line.trim_start();
    let behind = line.strip_prefix(['-', '*', '+']).or_else(|| {
        let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
        if rest.len() == line.len() {
            None
        } else {
            rest.strip_prefix(['.', ')'])
        }
    });
    behind.is_some_and(|behind| behind.starts_with([' ', '\t']) || behind.trim().is_empty())
}

/// How far an item is indented.
pub fn depth(text: &str) -> usize {
    text.len() - text.trim_start_matches([' ', '\t']).len()
}

fn field(line: &str) -> Option<String> {
    let (name, _) = line.split_once(':')?;
    let plain = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
    plain.then(|| format!("{name}:"))
}

/// What an item links to, its bold key, or the first cell of a row.
fn name(text: &str) -> Option<String> {
    let line = text.trim();
    if let Some(cells) = line.strip_prefix('|') {
        let first = cells.split('|').next()?.trim();
        return Some(format!("|{first}")).filter(|_| first.contains(char::is_alphanumeric));
    }
    let content = line
        .trim_start_matches(|c: char| {
            c.is_ascii_digit() || matches!(c, '-' | '*' | '+' | '.' | ')')
        })
        .trim_start();
    let content = if line.contains("**")
        && line
            .trim_start_matches(['-', '+', ' ', '\t'])
            .starts_with("**")
    {
        let bold = line.split("**").nth(1)?;
        return Some(format!("**{}", bold.trim_end_matches(':')));
    } else {
        content
    };
    let target = content
        .strip_prefix('[')?
        .split_once("](")?
        .1
        .split(')')
        .next()?;
    Some(format!("({target}"))
}
