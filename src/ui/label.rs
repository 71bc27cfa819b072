//! What a session or worktree is labelled with, and the colour in which its name is shown.
//!
//! Labels are words of whoever made the template: escaped and capped. The colour is never the only thing that says something.

use crate::base::text::one_line;
use std::collections::BTreeMap;

/// The label that is a colour, and shown as such.
const COLOUR: &str = "colour";
/// The label that is shown without its key, before all others.
const KIND: &str = "kind";
/// The colours of a terminal in its order.
const NAMES: [&str; 8] = [
    "black", "red", "green", "yellow", "blue", "magenta", "cyan", "white",
];
/// So many labels are shown, so long each at most.
const MOST: usize = 6;
const LONGEST: usize = 40;

/// What something is labelled with.
pub type Labels = BTreeMap<String, String>;

/// Returns the labels in a few words: the kind, then the others with their keys.
pub fn words(labels: &Labels) -> String {
    let kind = labels.get(KIND).map(|kind| one_line(kind, LONGEST));
    let others = labels
        .iter()
        .filter(|(key, _)| ![KIND, COLOUR].contains(&key.as_str()))
        .map(|(key, value)| format!("{}={}", one_line(key, LONGEST), one_line(value, LONGEST)));
    let mut all: Vec<String> = kind.into_iter().chain(others).collect();
    if all.len() > MOST {
        all.truncate(MOST);
        all.push("…".to_owned());
    }
    all.join(" ")
}

/// Returns a name in the colour of its labels, if it is shown in colour.
pub fn painted(name: &str, labels: &Labels, in_colour: bool) -> String {
    let code = labels.get(COLOUR).and_then(|colour| code(colour));
    match code {
        Some(code) if in_colour => format!("\x1b[{code}m{name}\x1b[0m"),
        _ => name.to_owned(),
    }
}

/// What switches a terminal to a colour: one of its own, or `#rrggbb`.
fn code(colour: &str) -> Option<String> {
    if let Some(number) = NAMES.iter().position(|name| *name == colour) {
        return Some(format!("3{number}"));
    }
    let hex = colour.strip_prefix('#').filter(|hex| hex.len() == 6)?;
    if !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let part = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    Some(format!("38;2;{};{};{}", part(0)?, part(2)?, part(4)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(all: &[(&str, &str)]) -> Labels {
        all.iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn the_kind_comes_first_and_nothing_of_others_reaches_the_terminal_raw() {
        let one = labels(&[("colour", "red"), ("component", "cart"), ("kind", "debug")]);
        assert_eq!(words(&one), "debug component=cart");
        let bad = labels(&[("kind", "a\x1b[2J\nb"), ("stage", &"x".repeat(100))]);
        let shown = words(&bad);
        assert!(
            !shown.contains(['\x1b', '\n']) && shown.chars().count() < 80,
            "{shown}"
        );
        let many: Labels = (0..20).map(|n| (format!("k{n}"), String::new())).collect();
        assert_eq!(words(&many).split(' ').count(), MOST + 1);
    }

    #[test]
    fn a_colour_is_one_of_the_terminal_or_three_numbers_or_none() {
        let painted = |colour, on| painted("x", &labels(&[("colour", colour)]), on);
        assert_eq!(painted("green", true), "\x1b[32mx\x1b[0m");
        assert_eq!(painted("#ff8000", true), "\x1b[38;2;255;128;0mx\x1b[0m");
        for bad in ["mauve", "#12345", "#é2345", "31m\x1b[2J", "#+1+2+3"] {
            assert_eq!(painted(bad, true), "x", "{bad}");
        }
        assert_eq!(painted("green", false), "x");
    }
}
