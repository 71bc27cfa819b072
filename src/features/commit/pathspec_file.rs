//! Paths read from a file or from standard input: one a line, quoted as git quotes them, or ended by NUL.

use crate::error::{Context, Error, Kind, Result};
use std::io::Read;

/// Reads the paths in `file`, `-` being standard input.
pub fn read(file: &str, nul: bool) -> Result<Vec<String>> {
    let unreadable = || format!("could not open '{file}' for reading");
    let mut text = String::new();
    if file == "-" {
        std::io::stdin()
            .lock()
            .read_to_string(&mut text)
            .context(Kind::Usage, unreadable)?;
    } else {
        text = std::fs::read_to_string(file).context(Kind::Usage, unreadable)?;
    }
    parse(&text, nul).ok_or_else(|| Error::usage(format!("{file} has a badly quoted path")))
}

fn parse(text: &str, nul: bool) -> Option<Vec<String>> {
    if nul {
        let parts = text.split('\0').filter(|part| !part.is_empty());
        return Some(parts.map(str::to_owned).collect());
    }
    let lines = text.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| match line.strip_prefix('"') {
            Some(rest) => unquote(rest),
            None => Some(line.to_owned()),
        })
        .collect()
}

/// Undoes git's C-style quoting of what follows the opening quote.
fn unquote(rest: &str) -> Option<String> {
    let inner = rest.strip_suffix('"')?;
    let mut bytes = Vec::with_capacity(inner.len());
    let mut input = inner.bytes();
    while let Some(byte) = input.next() {
        bytes.push(match byte {
            b'"' => return None,
            b'\\' => escaped(&mut input)?,
            plain => plain,
        });
    }
    String::from_utf8(bytes).ok()
}

fn escaped(input: &mut impl Iterator<Item = u8>) -> Option<u8> {
    Some(match input.next()? {
        b'a' => 7,
        b'b' => 8,
        b't' => b'\t',
        b'n' => b'\n',
        b'v' => 11,
        b'f' => 12,
        b'r' => b'\r',
        same @ (b'"' | b'\\') => same,
        high @ b'0'..=b'3' => {
            let mut octal = || input.next().filter(|digit| (b'0'..=b'7').contains(digit));
            let (middle, low) = (octal()?, octal()?);
            (high - b'0') << 6 | (middle - b'0') << 3 | (low - b'0')
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn quotes_are_undone_as_git_makes_them() {
        let text = "a b\r\n\"file\\101.t\"\n\n\"\\303\\251\\t\\\"\\\\\"\n";
        let paths = parse(text, false).expect("well quoted");
        assert_eq!(paths, ["a b", "fileA.t", "é\t\"\\"]);
        for bad in ["\"open\n", "\"a\"b\"\n", "\"\\q\"\n", "\"\\10\"\n"] {
            assert_eq!(parse(bad, false), None, "{bad}");
        }
        assert_eq!(
            parse("\"a\0b\n\0", true),
            Some(vec!["\"a".into(), "b\n".into()])
        );
    }
}
