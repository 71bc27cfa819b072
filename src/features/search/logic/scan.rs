//! JSON as it stands in a line: values are found and passed over without being parsed.
//!
//! Four fifths of a transcript are copies that nobody looks at, so a value is a slice until somebody wants its text.
//! Whatever a line holds, this ends, without recursion: text that is not quite JSON gives `None`, a lone surrogate or
//! bytes that are no UTF-8 give U+FFFD, of equal keys the first one counts.

use memchr::memchr;
use std::borrow::Cow;

/// One value, unparsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raw<'a>(&'a [u8]);

/// Finds the value that begins at or after `at`, and where it ends.
pub fn value(bytes: &[u8], at: usize) -> Option<(Raw<'_>, usize)> {
    let start = blank(bytes, at);
    let end = past(bytes, start)?;
    Some((Raw(&bytes[start..end]), end))
}

/// Returns where something other than white space is.
pub fn blank(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest
        .iter()
        .position(|byte| !byte.is_ascii_whitespace())
        .unwrap_or(rest.len())
}

/// Returns where the value that begins at `at` ends.
fn past(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'"' => past_string(bytes, at),
        b'{' | b'[' => past_nested(bytes, at),
        b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => {
            let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace();
            let length = bytes[at..].iter().position(ends);
            Some(length.map_or(bytes.len(), |length| at + length))
        }
        _ => None,
    }
}

fn past_string(bytes: &[u8], at: usize) -> Option<usize> {
    let mut next = at + 1;
    loop {
        // Escaped line ends are many and escaped quotes few, so it is at a quote that one looks back.
        let found = next + quote(bytes.get(next..)?)?;
        let before = bytes[at + 1..found].iter().rev();
        if before.take_while(|byte| **byte == b'\\').count() % 2 == 0 {
            return Some(found + 1);
        }
        next = found + 1;
    }
}

/// Finds a quote: most strings are short, so it is looked for among the first bytes before anything is begun.
fn quote(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES * 128;
    const QUOTES: u64 = u64::from_le_bytes([b'"'; 8]);
    let (first, _) = bytes.as_chunks::<8>();
    for (at, chunk) in first.iter().take(3).enumerate() {
        // A byte that is a quote is zero here; the lowest one is found right.
        let left = u64::from_le_bytes(*chunk) ^ QUOTES;
        let found = left.wrapping_sub(ONES) & !left & HIGH;
        if found != 0 {
            return Some(at * 8 + (found.trailing_zeros() / 8) as usize);
        }
    }
    let seen = first.len().min(3) * 8;
    memchr(b'"', &bytes[seen..]).map(|found| seen + found)
}

fn past_nested(bytes: &[u8], at: usize) -> Option<usize> {
    let (mut depth, mut next) = (0_usize, at);
    loop {
        match bytes.get(next)? {
            b'"' => {
                next = past_string(bytes, next)?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        next += 1;
        if depth == 0 {
            return Some(next);
        }
    }
}

impl<'a> Raw<'a> {
    /// Returns the bytes as they stand.
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// Tells whether it is an object.
    pub fn is_object(self) -> bool {
        self.0.first() == Some(&b'{')
    }

    /// Tells whether it is a list.
    pub fn is_list(self) -> bool {
        self.0.first() == Some(&b'[')
    }

    /// Tells whether it is `true`.
    pub fn is_true(self) -> bool {
        self.0 == b"true"
    }

    /// Returns the number.
    pub fn number(self) -> Option<i64> {
        std::str::from_utf8(self.0).ok()?.parse().ok()
    }

    /// Returns the string's text.
    pub fn text(self) -> Option<Cow<'a, str>> {
        let inner = self.0.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        if memchr::memchr(b'\\', inner).is_none() {
            return Some(String::from_utf8_lossy(inner));
        }
        Some(Cow::Owned(unescape(inner)))
    }

    /// Returns the keys and values of an object, as far as it is one.
    pub fn entries(self) -> Entries<'a> {
        Entries {
            bytes: self.0,
            at: if self.is_object() { 1 } else { self.0.len() },
        }
    }

    /// Returns the values of a list, as far as it is one.
    pub fn items(self) -> impl Iterator<Item = Raw<'a>> {
        let mut at = if self.is_list() { 1 } else { self.0.len() };
        std::iter::from_fn(move || {
            at = blank(self.0, at);
            if self.0.get(at) == Some(&b',') {
                at += 1;
            }
            let (raw, end) = value(self.0, at)?;
            at = end;
            Some(raw)
        })
    }

    /// Returns the value of a key.
    pub fn get(self, key: &str) -> Option<Raw<'a>> {
        let mut found = self.entries().filter(|(known, _)| *known == key.as_bytes());
        found.next().map(|(_, value)| value)
    }

    /// Returns the text of a key.
    pub fn str(self, key: &str) -> Option<Cow<'a, str>> {
        self.get(key)?.text()
    }
}

/// Keys and values, in order.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Entries<'a> {
    type Item = (&'a [u8], Raw<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let mut at = blank(self.bytes, self.at);
        if self.bytes.get(at) == Some(&b',') {
            at = blank(self.bytes, at + 1);
        }
        if self.bytes.get(at) != Some(&b'"') {
            self.at = self.bytes.len();
            return None;
        }
        let end = past_string(self.bytes, at)?;
        let colon = blank(self.bytes, end);
        if self.bytes.get(colon) != Some(&b':') {
            self.at = self.bytes.len();
            return None;
        }
        let (value, after) = value(self.bytes, colon + 1)?;
        self.at = after;
        Some((&self.bytes[at + 1..end - 1], value))
    }
}

fn unescape(bytes: &[u8]) -> String {
    let mut out: Vec<u8> = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let Some(plain) = memchr::memchr(b'\\', &bytes[at..]) else {
            out.extend_from_slice(&bytes[at..]);
            break;
        };
        out.extend_from_slice(&bytes[at..at + plain]);
        at += plain + 1;
        let escaped = bytes.get(at).copied().unwrap_or(b'\\');
        at += 1;
        match escaped {
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            b'r' => out.push(b'\r'),
            b'b' | b'f' => out.push(b' '),
            b'u' => {
                let (c, used) = code_point(&bytes[at..]);
                at += used;
                let mut buffer = [0; 4];
                out.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
            }
            other => out.push(other),
        }
    }
    match String::from_utf8(out) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }
}

/// Reads what stands behind `\u`, and says how much of it was read.
fn code_point(bytes: &[u8]) -> (char, usize) {
    let unit = |bytes: &[u8]| {
        let digits = std::str::from_utf8(bytes.get(..4)?).ok()?;
        u32::from_str_radix(digits, 16).ok()
    };
    let Some(first) = unit(bytes) else {
        return (char::REPLACEMENT_CHARACTER, 0);
    };
    if (0xD800..0xDC00).contains(&first)
        && bytes.get(4..6) == Some(b"\\u")
        && let Some(second) = unit(&bytes[6..])
        && (0xDC00..0xE000).contains(&second)
    {
        let joined = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
        return (
            char::from_u32(joined).unwrap_or(char::REPLACEMENT_CHARACTER),
            10,
        );
    }
    // A NUL would end the text for whoever reads it as C does.
    let c = char::from_u32(first).filter(|c| *c != '\0');
    (c.unwrap_or(char::REPLACEMENT_CHARACTER), 4)
}

/// An object of a line: what its keys hold is found together with where it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    raw: Raw<'a>,
    entries: Vec<(&'a [u8], Raw<'a>)>,
}

impl<'a> Record<'a> {
    /// Returns the bytes as they stand.
    pub fn bytes(&self) -> &'a [u8] {
        self.raw.bytes()
    }

    /// Returns it as any value.
    pub fn raw(&self) -> Raw<'a> {
        self.raw
    }

    /// Returns the keys and values, as far as it is an object.
    pub fn entries(&self) -> impl Iterator<Item = (&'a [u8], Raw<'a>)> {
        self.entries.iter().copied()
    }

    /// Returns the value of a key.
    pub fn get(&self, key: &str) -> Option<Raw<'a>> {
        let mut found = self.entries().filter(|(known, _)| *known == key.as_bytes());
        found.next().map(|(_, value)| value)
    }

    /// Returns the text of a key.
    pub fn str(&self, key: &str) -> Option<Cow<'a, str>> {
        self.get(key)?.text()
    }
}

/// Finds the object that begins at `at`, and where it ends.
fn object(bytes: &[u8], at: usize) -> Option<(Record<'_>, usize)> {
    if let Some((entries, end)) = plain(bytes, at) {
        let raw = Raw(&bytes[at..end]);
        return Some((Record { raw, entries }, end));
    }
    let (raw, end) = value(bytes, at).filter(|(raw, _)| raw.is_object())?;
    let entries = raw.entries().collect();
    Some((Record { raw, entries }, end))
}

/// The keys and values of an object, and where it ends.
type Entered<'a> = (Vec<(&'a [u8], Raw<'a>)>, usize);

/// Reads an object that is written as it should; of any other, what is between its brackets decides where it ends.
fn plain(bytes: &[u8], at: usize) -> Option<Entered<'_>> {
    let mut entries = Vec::with_capacity(24);
    let mut next = blank(bytes, bytes.get(at..)?.strip_prefix(b"{").map(|_| at + 1)?);
    if bytes.get(next)? == &b'}' {
        return Some((entries, next + 1));
    }
    loop {
        if bytes.get(next)? != &b'"' {
            return None;
        }
        let end = past_string(bytes, next)?;
        let colon = blank(bytes, end);
        if bytes.get(colon)? != &b':' {
            return None;
        }
        let (raw, after) = value(bytes, colon + 1)?;
        let nested = |byte: &u8| matches!(byte, b'"' | b'{' | b'[');
        if !raw.0.first().is_some_and(nested) && raw.0.iter().any(nested) {
            return None;
        }
        entries.push((&bytes[next + 1..end - 1], raw));
        next = blank(bytes, after);
        match bytes.get(next)? {
            b',' => next = blank(bytes, next + 1),
            b'}' => return Some((entries, next + 1)),
            _ => return None,
        }
    }
}

/// What a line is made of.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// An object, and where in the line it begins.
    Object(Record<'a>, usize),
    /// Another value: a number, a list, `null`.
    Other,
    /// Bytes that are no JSON.
    Broken,
}

/// At most so many places in a broken line are tried for where an object begins.
const TRIES: usize = 64;

/// Returns all objects of a line: usually one, several if writers glued them together, the readable ones of a broken line.
pub fn line(bytes: &[u8]) -> Vec<Found<'_>> {
    let mut found = Vec::new();
    let mut at = blank(bytes, 0);
    while at < bytes.len() {
        if let Some((record, end)) = object(bytes, at) {
            found.push(Found::Object(record, at));
            at = blank(bytes, end);
            continue;
        }
        if let Some((_, end)) = value(bytes, at) {
            found.push(Found::Other);
            at = blank(bytes, end.max(at + 1));
            continue;
        }
        found.push(Found::Broken);
        match recover(bytes, at + 1) {
            Some(start) => at = start,
            None => break,
        }
    }
    found
}

/// Finds where a whole object begins that reaches to the end of a line whose beginning is broken.
fn recover(bytes: &[u8], from: usize) -> Option<usize> {
    let starts = memchr::memmem::find_iter(bytes.get(from..)?, b"{\"");
    starts.take(TRIES).map(|start| from + start).find(|start| {
        let whole = value(bytes, *start).filter(|(_, end)| blank(bytes, *end) == bytes.len());
        whole.is_some_and(|(raw, _)| raw.get("type").is_some())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str) -> Vec<String> {
        let found = super::line(line.as_bytes());
        let name = |found: &Found<'_>| match found {
            Found::Object(raw, _) => raw.str("type").unwrap_or_default().into_owned(),
            Found::Other => "other".to_owned(),
            Found::Broken => "broken".to_owned(),
        };
        found.iter().map(name).collect()
    }

    #[test]
    fn a_line_is_one_object_several_or_what_can_be_read_of_it() {
        assert_eq!(texts(r#"{"type":"a"}"#), ["a"]);
        assert_eq!(texts("\u{feff}  "), ["broken"]);
        assert_eq!(texts(r#"{"type":"a"}{"type":"b"} "#), ["a", "b"]);
        assert_eq!(
            texts(r#"{"type":"a","x":"cut{"type":"b"}"#),
            ["broken", "b"]
        );
        assert_eq!(texts("null"), ["other"]);
        assert_eq!(texts("[1,2]"), ["other"]);
        assert_eq!(texts("nonsense }"), ["other", "broken"]);
        assert_eq!(texts(r#"{"type":"a" "#), ["broken"]);
        assert_eq!(texts(""), [""; 0]);
    }

    #[test]
    fn values_are_found_without_being_parsed() {
        let line = r#"{"skip":{"a":["]}\"",{"b":1}]},"type":"x","type":"y","n":-12,"t":true,"l":["p",2,{"q":"r"}]}"#;
        let (raw, end) = value(line.as_bytes(), 0).expect("an object");
        assert_eq!(end, line.len());
        assert_eq!(
            raw.str("type").as_deref(),
            Some("x"),
            "the first one counts"
        );
        assert_eq!(raw.get("n").and_then(Raw::number), Some(-12));
        assert!(raw.get("t").is_some_and(Raw::is_true));
        let items: Vec<Raw<'_>> = raw.get("l").expect("a list").items().collect();
        assert_eq!(items.len(), 3);
        assert_eq!(items[2].str("q").as_deref(), Some("r"));
    }

    #[test]
    fn text_survives_what_writers_do_to_it() {
        let text =
            |line: &[u8]| value(line, 0).and_then(|(raw, _)| raw.text().map(Cow::into_owned));
        assert_eq!(
            text(br#""a\n\"b\"\u00e9\ud83d\ude00""#).as_deref(),
            Some("a\n\"b\"é😀")
        );
        assert_eq!(text(br#""\ud83d!""#).as_deref(), Some("\u{fffd}!"));
        assert_eq!(text(br#""\u0000x""#).as_deref(), Some("\u{fffd}x"));
        assert_eq!(text(b"\"\xff\"").as_deref(), Some("\u{fffd}"));
        assert_eq!(text(br#""\u12""#).as_deref(), Some("\u{fffd}12"));
        assert_eq!(text(br#""open"#), None);
    }

    #[test]
    fn an_object_is_the_same_read_in_one_pass_or_in_two() {
        let signs = b"{}[]\":,1a\\ ";
        let mut read = 0;
        for number in 0..11_usize.pow(5) {
            let mut line = b"{\"k\":".to_vec();
            line.extend((0..5).map(|at| signs[number / 11_usize.pow(at) % 11]));
            line.push(b'}');
            let long = value(&line, 0).map(|(raw, end)| (raw, raw.entries().collect(), end));
            let once = object(&line, 0).map(|(record, end)| (record.raw, record.entries, end));
            assert_eq!(once, long, "{}", line.escape_ascii());
            read += usize::from(plain(&line, 0).is_some());
        }
        assert!(read > 1000, "{read}");
        let parts = |line: &[u8]| plain(line, 0).map(|(entries, end)| (entries.len(), end));
        assert_eq!(
            parts(br#"{ "a" : {"b":[1,2]} , "c":"}" }, 1"#),
            Some((2, 31))
        );
        assert_eq!(parts(b"{}"), Some((0, 2)));
        assert_eq!(parts(br#"{"a":1 "b":2}"#), None);
    }

    #[test]
    fn a_quote_is_found_wherever_it_stands() {
        for length in 0..64 {
            let mut bytes = vec![0x80 | b'"'; 64];
            bytes.truncate(length);
            assert_eq!(quote(&bytes), None);
            for at in (0..length).rev() {
                bytes[at] = b'"';
                assert_eq!(quote(&bytes), Some(at));
            }
        }
    }

    #[test]
    fn depth_costs_no_stack() {
        let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert_eq!(
            value(deep.as_bytes(), 0).map(|(_, end)| end),
            Some(2_000_000)
        );
        assert_eq!(value(&deep.as_bytes()[..1_500_000], 0), None);
    }
}
