//! What a file system holds to be the same name.
//!
//! Case is folded by Unicode simple lowercase: a character whose lowercase is several characters stays as it is,
//! because a set of characters could not follow it. Unicode form is folded to NFC. Folding is idempotent.

use std::borrow::Cow;
use std::sync::OnceLock;

use unicode_normalization::UnicodeNormalization;

/// No character at or above this one has a lowercase of its own (a test holds it).
const LAST_CASED: u32 = 0x1_F000;

/// What the file system under a scope ignores when it compares names; the default ignores nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Fold {
    /// Letter case is ignored.
    pub case: bool,
    /// The Unicode form is ignored: composed and decomposed text are the same name.
    pub unicode: bool,
}

impl Fold {
    /// Folds a text; borrows when there is nothing to do.
    pub(super) fn apply(self, text: &str) -> Cow<'_, str> {
        if text.is_ascii() {
            return if self.case && text.bytes().any(|b| b.is_ascii_uppercase()) {
                Cow::Owned(text.to_ascii_lowercase())
            } else {
                Cow::Borrowed(text)
            };
        }
        match (self.case, self.unicode) {
            (false, false) => Cow::Borrowed(text),
            (true, false) => Cow::Owned(text.chars().map(lower).collect()),
            (false, true) => Cow::Owned(text.nfc().collect()),
            // Composed twice: `J` + caron has no composed form, its lowercase has.
            (true, true) => Cow::Owned(text.nfc().map(lower).nfc().collect()),
        }
    }

    /// Brings a pattern's own text to the Unicode form that paths are compared in.
    pub(super) fn compose(self, text: &str) -> Cow<'_, str> {
        Self {
            case: false,
            ..self
        }
        .apply(text)
    }

    /// Numbers the four ways to fold, for a cache.
    pub(super) fn index(self) -> usize {
        usize::from(self.case) + 2 * usize::from(self.unicode)
    }
}

/// The simple lowercase of a character.
pub(super) fn lower(c: char) -> char {
    let mut all = c.to_lowercase();
    match (all.next(), all.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

/// Every character that folding changes, with what it becomes, in order.
pub(super) fn cased() -> &'static [(u32, u32)] {
    static TABLE: OnceLock<Vec<(u32, u32)>> = OnceLock::new();
    TABLE.get_or_init(|| {
        (0..LAST_CASED)
            .filter_map(char::from_u32)
            .map(|c| (u32::from(c), u32::from(lower(c))))
            .filter(|(from, to)| from != to)
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cased_character_lies_beyond_the_table() {
        assert!(
            (LAST_CASED..=0x10_FFFF)
                .filter_map(char::from_u32)
                .all(|c| lower(c) == c)
        );
    }

    #[test]
    fn folding_every_character_is_idempotent() {
        for c in (0..LAST_CASED).filter_map(char::from_u32) {
            assert_eq!(lower(lower(c)), lower(c));
            for tail in ["", "\u{30c}", "\u{301}"] {
                for (case, unicode) in [(true, false), (false, true), (true, true)] {
                    let fold = Fold { case, unicode };
                    let text = format!("{c}{tail}");
                    let once = fold.apply(&text);
                    assert_eq!(fold.apply(&once), once, "{text:?} {fold:?}");
                }
            }
        }
    }
}
