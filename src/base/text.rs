//! Text from others made safe to show.
//!
//! What peers, records and repositories say is data: control characters cannot
//! reach a terminal or forge a line, and length is capped.

/// Returns `text` on one line with control characters escaped, at most `cap` characters.
pub fn one_line(text: &str, cap: usize) -> String {
    let mut out = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == cap {
            out.push('…');
            break;
        }
        push_safe(&mut out, c);
    }
    out
}

/// Says how many there are of something whose plural ends in `s`.
pub fn counted(count: impl std::fmt::Display, thing: &str) -> String {
    let count = count.to_string();
    let s = if count == "1" { "" } else { "s" };
    format!("{count} {thing}{s}")
}

/// Returns `text` with every control character but line breaks and tabs escaped.
pub fn block(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if matches!(c, '\n' | '\t') {
            out.push(c);
        } else {
            push_safe(&mut out, c);
        }
    }
    out
}

fn push_safe(out: &mut String, c: char) {
    // The bidirectional controls can make a line read as another one.
    if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
        out.extend(c.escape_default());
    } else {
        out.push(c);
    }
}

/// Quotes `word` for a POSIX shell where that is needed, so that hints can be pasted.
pub fn shell(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if let Some(rest) = word.strip_prefix("~/")
        && rest.chars().all(plain)
    {
        return word.to_owned();
    }
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_cannot_forge_a_line_or_drive_the_terminal() {
        assert_eq!(
            one_line("a\nb\u{1b}[2J\u{202e}x", 40),
            "a\\nb\\u{1b}[2J\\u{202e}x"
        );
        assert_eq!(one_line("abcdef", 3), "abc…");
        assert_eq!(block("a\nb\r"), "a\nb\\r");
    }

    #[test]
    fn a_hint_can_be_pasted() {
        assert_eq!(shell("src/a.rs"), "src/a.rs");
        assert_eq!(shell("src/*.rs"), "'src/*.rs'");
        assert_eq!(shell("it's"), r"'it'\''s'");
    }
}
