//! Space and comments between entries.

use super::Syntax;
use std::ops::Range;

impl Syntax {
    /// Where the comma stands in what is between two entries.
    pub fn comma(self, text: &str, gap: Range<usize>) -> Option<usize> {
        self.outside(text, gap)
            .find(|(_, byte)| *byte == b',')
            .map(|(at, _)| at)
    }

    /// Where a comment that stands alone behind a comma ends; the start if there is none, or if something follows on its line.
    pub fn comment_behind(self, text: &str, gap: Range<usize>) -> usize {
        let line = text[gap.clone()]
            .find('\n')
            .map_or(gap.end, |end| gap.start + end);
        let line = text[..line]
            .strip_suffix('\r')
            .map_or(line, str::len)
            .max(gap.start);
        let whole = line < gap.end || gap.end == text.len();
        let blank = |range: Range<usize>| text[range].trim().is_empty();
        let code = self
            .outside(text, gap.start..gap.end)
            .any(|(at, byte)| at < line && !byte.is_ascii_whitespace());
        // A block comment that goes on beyond the line belongs to what follows.
        let goes_on = self.outside(text, gap.clone()).any(|(at, _)| at == line) || line == gap.end;
        if whole && goes_on && !code && !blank(gap.start..line) {
            line
        } else {
            gap.start
        }
    }

    /// The comments alone, without the space around them: what a reformatting does not change.
    pub fn comments(self, text: &str) -> String {
        let mut comments = String::new();
        let mut end = 0;
        for (at, _) in self.outside(text, 0..text.len()) {
            // What is no JSON and no TOML may have anything between its values.
            if let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
                push(&mut comments, &text[end..at]);
                end = at + c.len_utf8();
            }
        }
        push(&mut comments, &text[end..]);
        comments
    }

    /// The bytes that are in no comment. All of them are ASCII, or the text is no space between entries.
    fn outside(self, text: &str, range: Range<usize>) -> impl Iterator<Item = (usize, u8)> {
        let bytes = &text.as_bytes()[..range.end];
        let mut at = range.start;
        std::iter::from_fn(move || {
            loop {
                let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
                let Some(length) = self.comment(rest) else {
                    at += 1;
                    return Some((at - 1, rest[0]));
                };
                at += length;
            }
        })
    }

    /// The length of the comment that begins here; a line's end is no part of it.
    fn comment(self, rest: &[u8]) -> Option<usize> {
        let line = || {
            let end = rest
                .iter()
                .position(|byte| *byte == b'\n')
                .unwrap_or(rest.len());
            end - usize::from(rest[..end].ends_with(b"\r"))
        };
        match self {
            Syntax::Toml if rest.starts_with(b"#") => Some(line()),
            Syntax::Json if rest.starts_with(b"//") => Some(line()),
            Syntax::Json if rest.starts_with(b"/*") => {
                let end = rest.windows(2).skip(2).position(|pair| pair == b"*/");
                Some(end.map_or(rest.len(), |end| end + 4))
            }
            _ => None,
        }
    }
}

fn push(comments: &mut String, comment: &str) {
    if !comment.is_empty() {
        *comments += comment.trim_end();
        comments.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_in_a_comment_is_none() {
        let text = " /* a, b */ , // c, d\n  ";
        let comma = Syntax::Json.comma(text, 0..text.len()).expect("a comma");
        assert_eq!(comma, 12);
        let end = Syntax::Json.comment_behind(text, comma + 1..text.len());
        assert_eq!(&text[comma + 1..end], " // c, d");
        assert_eq!(Syntax::Json.comments(text), "/* a, b */\n// c, d\n");
    }

    #[test]
    fn what_stands_before_the_next_entry_on_its_line_belongs_to_it() {
        let text = " /* of the next */ ";
        assert_eq!(Syntax::Json.comment_behind(text, 0..text.len() - 1), 0);
        let text = " /* two\nlines */ ";
        assert_eq!(Syntax::Json.comment_behind(text, 0..text.len()), 0);
        assert_eq!(Syntax::Toml.comment_behind(" # c\r\n", 0..6), 4);
    }
}
