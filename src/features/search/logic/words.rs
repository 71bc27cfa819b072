//! Cutting text into words: prose by its stems, identifiers whole and by their parts, ideographs by pairs.
//!
//! `resumeIndex`, `resume_index` and `resume index` share the words `resum index`, which stand at consecutive places
//! in each, so a phrase finds all three; the identifier as it was written stands beside them at the first place. A
//! path, a slug, a uuid or an error code is its parts in a row. Text is compared in NFKC and lower case. A word longer
//! than [`LONGEST`] is cut, and what looks like encoded bytes is not taken apart, so that a blob adds few words.

use super::stems::Stems;
use std::borrow::Cow;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

/// So many bytes of a word are looked at.
pub const LONGEST: usize = 64;
/// What is longer than this and has no shape of a name is encoded bytes.
const BLOB: usize = 48;
/// So many of those in one piece of text are enough.
const BLOBS: usize = 16;

/// One word of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word {
    /// As it is compared.
    pub text: String,
    /// Which word of the text it is; a whole identifier has the place of its first part.
    pub place: usize,
    /// Where it begins in the text.
    pub from: usize,
    /// Where it ends.
    pub to: usize,
    /// It is an identifier whose parts follow.
    pub whole: bool,
}

/// Brings a text into the form in which it is compared; places in it are then those of the result.
pub fn normal(text: &str) -> Cow<'_, str> {
    // What is ASCII changes nothing, so the rest alone decides.
    let others = || text.chars().filter(|c| !c.is_ascii() && !is_plain_sign(*c));
    if text.is_ascii() || is_nfkc_quick(others()) == IsNormalized::Yes {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfkc().collect())
    }
}

/// Tells signs that are their own normal form and no part of a word, of those that fill the output of tools.
fn is_plain_sign(c: char) -> bool {
    matches!(c, '\u{2012}'..='\u{2016}' | '\u{2018}'..='\u{2023}' | '\u{2190}'..='\u{21ff}' | '\u{2500}'..='\u{2775}')
}

/// Cuts a text in its normal form into words.
pub struct Cutter<'a> {
    text: &'a str,
    at: usize,
    place: usize,
    blobs: usize,
    /// What is left of an identifier: where its next part begins, and where it ends.
    parts: Option<(usize, usize)>,
    /// What is left of a run of ideographs.
    run: Option<(usize, usize)>,
    stems: Memory<'a>,
}

/// Stems of one's own, or of whoever cuts many texts.
enum Memory<'a> {
    Own(Stems),
    Shared(&'a mut Stems),
}

impl std::fmt::Debug for Cutter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cutter")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

impl<'a> Cutter<'a> {
    /// Begins at the start of a text.
    pub fn new(text: &'a str) -> Self {
        Self::remembering(text, Memory::Own(Stems::default()))
    }

    /// The same, with the stems that were found before.
    pub fn with(text: &'a str, stems: &'a mut Stems) -> Self {
        Self::remembering(text, Memory::Shared(stems))
    }

    fn remembering(text: &'a str, stems: Memory<'a>) -> Self {
        Cutter {
            text,
            at: 0,
            place: 0,
            blobs: 0,
            parts: None,
            run: None,
            stems,
        }
    }

    /// Puts the next word into `word`; `false` at the end.
    pub fn next(&mut self, word: &mut Word) -> bool {
        loop {
            if let Some((from, to)) = self.parts {
                let end = part_end(&self.text.as_bytes()[..to], from);
                let next = skip_joints(&self.text.as_bytes()[..to], end);
                self.parts = (next < to).then_some((next, to));
                self.put(word, (from, end), Form::Stem);
                return true;
            }
            if let Some((from, to)) = self.run {
                self.pair(word, from, to);
                return true;
            }
            let Some((from, to, shape)) = self.token() else {
                return false;
            };
            self.at = to;
            match shape {
                Shape::Ideographs => self.run = Some((from, to)),
                Shape::Plain => {
                    self.put(word, (from, to), Form::Stem);
                    return true;
                }
                Shape::Joined => {
                    let bytes = &self.text.as_bytes()[..to];
                    let first = skip_joints(bytes, from);
                    if first >= to {
                        continue;
                    }
                    let token = &bytes[from..];
                    if is_hex(token) || is_blob(token) {
                        self.blobs += usize::from(!is_hex(token));
                        if self.blobs > BLOBS {
                            continue;
                        }
                        self.put(word, (from, to), Form::AsIs);
                        return true;
                    }
                    let end = part_end(bytes, first);
                    if skip_joints(bytes, end) >= to {
                        // Joints around a single part: `_private`.
                        self.put(word, (first, end), Form::Stem);
                        return true;
                    }
                    self.parts = Some((first, to));
                    self.put(word, (from, to), Form::AsIs);
                    self.place -= 1;
                    word.whole = true;
                    return true;
                }
            }
        }
    }

    fn put(&mut self, word: &mut Word, (from, to): (usize, usize), form: Form) {
        word.text.clear();
        let end = if to - from > LONGEST {
            super::pieces::floor(self.text, from + LONGEST).max(from)
        } else {
            to
        };
        // A part is of letters or of digits throughout.
        let stem = matches!(form, Form::Stem)
            && end - from > 3
            && self.text.as_bytes()[from].is_ascii_alphabetic();
        let stems = match &mut self.stems {
            Memory::Own(stems) => stems,
            Memory::Shared(stems) => stems,
        };
        stems.lower(&self.text[from..], end - from, stem, &mut word.text);
        (word.from, word.to, word.place, word.whole) = (from, to, self.place, false);
        self.place += 1;
    }

    /// Ideographs stand for themselves: two neighbours are a word, the last one alone is one too.
    fn pair(&mut self, word: &mut Word, from: usize, to: usize) {
        let mut chars = self.text[from..to]
            .char_indices()
            .skip(1)
            .map(|(at, _)| from + at);
        let second = chars.next().unwrap_or(to);
        let end = if second < to {
            chars.next().unwrap_or(to)
        } else {
            to
        };
        self.run = (second < to).then_some((second, to));
        self.put(word, (from, end), Form::AsIs);
    }

    /// Finds the next run of characters of one kind.
    fn token(&self) -> Option<(usize, usize, Shape)> {
        let bytes = self.text.as_bytes();
        let mut from = self.at;
        let (start, first) = loop {
            match KINDS[usize::from(*bytes.get(from)?)] {
                NONE => from += 1,
                OTHER => {
                    let c = self.text[from..].chars().next()?;
                    if is_word(c) {
                        break (from, c);
                    }
                    from += c.len_utf8();
                }
                _ => {
                    let token = self.ascii_token(from);
                    if !self.is_line_number(&token) {
                        return Some(token);
                    }
                    from = token.1;
                }
            }
        };
        let run = is_ideograph(first);
        let ends = |(_, c): &(usize, char)| !is_word(*c) || is_ideograph(*c) != run;
        let mut chars = self.text[start..].char_indices();
        let end = chars
            .find(ends)
            .map_or(self.text.len(), |(at, _)| start + at);
        Some((
            start,
            end,
            if run { Shape::Ideographs } else { Shape::Plain },
        ))
    }

    /// Tells the number that a reading tool puts before a line: `   12→`, which is no word of the file.
    fn is_line_number(&self, (from, to, shape): &(usize, usize, Shape)) -> bool {
        let bytes = self.text.as_bytes();
        let before = || bytes[..*from].iter().rev().find(|byte| **byte != b' ');
        bytes[*from].is_ascii_digit()
            && bytes[*to..].starts_with("→".as_bytes())
            && matches!(shape, Shape::Plain)
            && before().is_none_or(|byte| *byte == b'\n')
    }

    fn ascii_token(&self, from: usize) -> (usize, usize, Shape) {
        let bytes = &self.text.as_bytes()[from..];
        let kind = |byte: &u8| KINDS[usize::from(*byte)];
        let mut before = kind(&bytes[0]);
        let (mut joined, mut length) = (false, 1);
        let inside = |kind: &u8| (LOWER..=JOINT).contains(kind);
        for kind in bytes[1..].iter().map(kind).take_while(inside) {
            joined |= joins(before, kind);
            before = kind;
            length += 1;
        }
        let to = from + length;
        let shape = if joined { Shape::Joined } else { Shape::Plain };
        if bytes.get(length).is_none_or(u8::is_ascii) {
            return (from, to, shape);
        }
        // A word with other letters in it is a word of prose.
        let rest = &self.text[to..];
        let others = rest
            .find(|c: char| !is_word(c) || is_ideograph(c))
            .unwrap_or(rest.len());
        let shape = if others > 0 { Shape::Plain } else { shape };
        (from, to + others, shape)
    }
}

/// What a byte is: nothing of a word, a letter, a digit, a joint, of another alphabet.
const NONE: u8 = 0;
const LOWER: u8 = 1;
const UPPER: u8 = 2;
const DIGIT: u8 = 3;
const JOINT: u8 = 4;
const OTHER: u8 = 5;

const KINDS: [u8; 256] = {
    let mut kinds = [NONE; 256];
    let mut byte = 0_u8;
    loop {
        kinds[byte as usize] = match byte {
            b'a'..=b'z' => LOWER,
            b'A'..=b'Z' => UPPER,
            b'0'..=b'9' => DIGIT,
            b'_' => JOINT,
            0x80.. => OTHER,
            _ => NONE,
        };
        if byte == u8::MAX {
            break;
        }
        byte += 1;
    }
    kinds
};

#[derive(Clone, Copy)]
enum Form {
    AsIs,
    Stem,
}

#[derive(Clone, Copy)]
enum Shape {
    Plain,
    Joined,
    Ideographs,
}

fn is_word(c: char) -> bool {
    // An arrow stands behind the number of every line that a tool read.
    if is_plain_sign(c) {
        return false;
    }
    c.is_alphanumeric() || c == '_' || ('\u{0300}'..='\u{036f}').contains(&c)
}

fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{2fdf}' | '\u{3040}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Tells whether a part may end between two kinds of bytes: wherever they differ.
fn joins(before: u8, after: u8) -> bool {
    before != after || before == JOINT
}

fn skip_joints(bytes: &[u8], at: usize) -> usize {
    at + bytes[at.min(bytes.len())..]
        .iter()
        .take_while(|byte| **byte == b'_')
        .count()
}

/// Returns where the part that begins at `at` ends: `HTTPServer2` is `HTTP`, `Server`, `2`.
fn part_end(bytes: &[u8], at: usize) -> usize {
    let kind = |byte: u8| (byte.is_ascii_digit(), byte.is_ascii_uppercase());
    let mut end = at + 1;
    while let Some(byte) = bytes.get(end) {
        if *byte == b'_' || byte.is_ascii_digit() != bytes[at].is_ascii_digit() {
            break;
        }
        let (_, upper) = kind(*byte);
        let (_, was_upper) = kind(bytes[end - 1]);
        if upper && !was_upper {
            break;
        }
        let next_lower = bytes.get(end + 1).is_some_and(u8::is_ascii_lowercase);
        if upper && was_upper && next_lower {
            break;
        }
        end += 1;
    }
    end
}

/// Tells encoded bytes from a name: long, without joints, and of all kinds of characters.
fn is_blob(token: &[u8]) -> bool {
    token.len() > BLOB && memchr::memchr_iter(b'_', token).count() * 12 < token.len()
}

/// Tells a hash from a name.
fn is_hex(token: &[u8]) -> bool {
    (7..=LONGEST).contains(&token.len()) && token.iter().all(u8::is_ascii_hexdigit)
}

/// Tells whether a word can be (the beginning of) the name of a git object.
pub fn is_hash(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    (6..=64).contains(&word.len())
        && digits > 0
        && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Returns all words of a text, which is brought into its normal form first.
pub fn words(text: &str) -> Vec<Word> {
    let text = normal(text);
    let mut cutter = Cutter::new(&text);
    let mut all = Vec::new();
    let mut word = Word::default();
    while cutter.next(&mut word) {
        all.push(word.clone());
    }
    all
}

/// Returns the words that a text is sought by: an ideograph that a pair has already does not stand alone.
pub fn sought(text: &str) -> Vec<Word> {
    let mut all: Vec<Word> = words(text);
    let ends: Vec<(usize, usize)> = all.iter().map(|word| (word.from, word.to)).collect();
    let mut index = 0_usize;
    all.retain(|word| {
        let before = index.checked_sub(1).map(|before: usize| ends[before]);
        index += 1;
        !before.is_some_and(|(from, to)| {
            to == word.to && from < word.from && word.text.chars().all(is_ideograph)
        })
    });
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<String> {
        let show = |word: &Word| {
            format!(
                "{}{}@{}",
                if word.whole { "=" } else { "" },
                word.text,
                word.place
            )
        };
        words(text).iter().map(show).collect()
    }

    #[test]
    fn identifiers_stand_whole_and_in_parts() {
        assert_eq!(cut("resumeIndex"), ["=resumeindex@0", "resum@0", "index@1"]);
        assert_eq!(
            cut("resume_index x"),
            ["=resume_index@0", "resum@0", "index@1", "x@2"]
        );
        assert_eq!(
            cut("HTTPServer2"),
            ["=httpserver2@0", "http@0", "server@1", "2@2"]
        );
        assert_eq!(cut("_private"), ["privat@0"]);
        assert_eq!(cut("__"), [""; 0]);
        assert_eq!(
            cut("src/auth/login.rs:42"),
            ["src@0", "auth@1", "login@2", "rs@3", "42@4"]
        );
        assert_eq!(cut("E0382"), ["=e0382@0", "e@0", "0382@1"]);
        assert_eq!(cut("deadbeef1"), ["deadbeef1@0"]);
    }

    #[test]
    fn prose_is_stemmed_and_ideographs_are_paired() {
        assert_eq!(
            cut("The parsers were parsing"),
            ["the@0", "parser@1", "were@2", "pars@3"]
        );
        assert_eq!(cut("検索する"), ["検索@0", "索す@1", "する@2", "る@3"]);
        assert_eq!(
            cut("ﬁle Ａ１ naïve"),
            ["file@0", "=a1@1", "a@1", "1@2", "naïve@3"]
        );
        assert_eq!(cut("x検y"), ["x@0", "検@1", "y@2"]);
    }

    #[test]
    fn a_blob_adds_few_words_and_a_long_word_is_cut() {
        let blob = "aB3".repeat(40);
        let all = words(&[blob.as_str(); 100].join(" "));
        assert_eq!(all.len(), BLOBS);
        assert!(all.iter().all(|word| word.text.len() == LONGEST));
    }

    #[test]
    fn every_word_stands_where_it_says() {
        for text in [
            "aé_b 検索 fooBar\u{301} 9x😀_",
            "ÀÉ日本x_y",
            "\u{130}stanbul ſtop",
        ] {
            let text = normal(text);
            for word in words(&text) {
                assert!(
                    text.get(word.from..word.to)
                        .is_some_and(|part| !part.is_empty()),
                    "{word:?}"
                );
            }
        }
    }
}
