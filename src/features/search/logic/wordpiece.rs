//! Cutting text into the tokens that a model was made with: words in lower case without accents, each the fewest,
//! longest pieces that the vocabulary has. Signs are no tokens here: their vectors say nothing.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// A longer word is none.
const LONGEST: usize = 100;

/// The names of tokens.
pub trait Vocabulary {
    /// Finds a token by its name; a piece that goes on with a word begins with `##`.
    fn find(&self, name: &[u8]) -> Option<u32>;

    /// The length of the longest name in bytes, without `##`.
    fn longest(&self) -> usize;
}

/// Hands over the tokens of a text, in their order.
pub fn tokens(text: &str, vocabulary: &impl Vocabulary, take: &mut dyn FnMut(u32)) {
    let mut pieces = Pieces {
        vocabulary,
        name: Vec::new(),
        found: Vec::new(),
    };
    let mut word = String::new();
    for c in text.chars() {
        if c.is_ascii() {
            if c.is_ascii_alphanumeric() {
                word.push(c.to_ascii_lowercase());
            } else {
                pieces.word(&mut word, take);
            }
            continue;
        }
        for c in c.to_lowercase().nfd() {
            if is_combining_mark(c) {
                continue;
            }
            if is_ideograph(c) {
                pieces.word(&mut word, take);
                word.push(c);
                pieces.word(&mut word, take);
            } else if c.is_alphanumeric() {
                word.push(c);
            } else {
                pieces.word(&mut word, take);
            }
        }
    }
    pieces.word(&mut word, take);
}

/// Tells whether a word is one token.
pub fn is_token(word: &str, vocabulary: &impl Vocabulary) -> bool {
    let (mut count, mut length) = (0, 0);
    tokens(word, vocabulary, &mut |_| count += 1);
    length += word.chars().filter(|c| c.is_alphanumeric()).count();
    count == 1 && length > 1
}

fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{2ffff}')
}

struct Pieces<'v, V> {
    vocabulary: &'v V,
    name: Vec<u8>,
    found: Vec<u32>,
}

impl<V: Vocabulary> Pieces<'_, V> {
    /// Cuts a word and empties it; one that cannot be cut to its end is no token at all.
    fn word(&mut self, word: &mut String, take: &mut dyn FnMut(u32)) {
        if !word.is_empty() && word.chars().count() <= LONGEST && self.cut(word) {
            self.found.iter().copied().for_each(take);
        }
        word.clear();
    }

    fn cut(&mut self, word: &str) -> bool {
        self.found.clear();
        let mut from = 0;
        while from < word.len() {
            let mut to = super::pieces::floor(word, from + self.vocabulary.longest());
            loop {
                if to <= from {
                    return false;
                }
                self.name.clear();
                if from > 0 {
                    self.name.extend_from_slice(b"##");
                }
                self.name.extend_from_slice(&word.as_bytes()[from..to]);
                if let Some(token) = self.vocabulary.find(&self.name) {
                    self.found.push(token);
                    from = to;
                    break;
                }
                to = super::pieces::floor(word, to - 1);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Words(&'static [&'static str]);

    impl Vocabulary for Words {
        fn find(&self, name: &[u8]) -> Option<u32> {
            let at = self.0.iter().position(|word| word.as_bytes() == name);
            at.and_then(|at| u32::try_from(at).ok())
        }

        fn longest(&self) -> usize {
            6
        }
    }

    const WORDS: Words = Words(&["re", "##try", "##tr", "##y", "retry", "cafe", "検", "ab"]);

    fn cut(text: &str) -> Vec<&'static str> {
        let mut all = Vec::new();
        tokens(text, &WORDS, &mut |token| {
            all.push(WORDS.0[token as usize]);
        });
        all
    }

    #[test]
    fn the_longest_pieces_are_taken() {
        assert_eq!(cut("Retry, re-retry"), ["retry", "re", "retry"]);
        assert_eq!(cut("RETRYY"), ["retry", "##y"]);
        assert_eq!(cut("Café 検検"), ["cafe", "検", "検"]);
        assert_eq!(cut("abx ab_ab"), ["ab", "ab"]);
        assert_eq!(cut(&"a".repeat(101)), [""; 0]);
        assert!(is_token("retry", &WORDS) && !is_token("retryy", &WORDS) && !is_token("", &WORDS));
    }
}
