//! Cutting text into the tokens that a model was made with: words in lower case without accents, each the fewest,
//! longest pieces that the vocabulary has. Signs are no tokens here: their vectors say nothing.

use super::stems::{Short, short, slot};
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
    Pieces::new(vocabulary, 1).text(text, take);
}

/// Cuts many texts: what was made of a word is remembered, for the same few thousand words make most of them.
#[derive(Debug)]
pub struct Pieces<'v, V> {
    vocabulary: &'v V,
    name: Vec<u8>,
    found: Vec<u32>,
    known: Vec<Known>,
}

/// A short word, and the few tokens that it is made of.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    word: Short,
    tokens: [u32; 4],
    count: u8,
}

/// So many words are remembered by whoever cuts many texts.
pub const MANY: usize = 8192;

impl<'v, V: Vocabulary> Pieces<'v, V> {
    /// Remembers so many words.
    pub fn new(vocabulary: &'v V, slots: usize) -> Self {
        Pieces {
            vocabulary,
            name: Vec::new(),
            found: Vec::new(),
            known: vec![Known::default(); slots],
        }
    }

    /// Hands over the tokens of a text, in their order.
    pub fn text(&mut self, text: &str, take: &mut dyn FnMut(u32)) {
        let pieces = self;
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

    /// Cuts a word and empties it; one that cannot be cut to its end is no token at all.
    fn word(&mut self, word: &mut String, take: &mut dyn FnMut(u32)) {
        if word.is_empty() {
            return;
        }
        let Some(short) = short(word.as_bytes(), word.len()) else {
            if word.chars().count() <= LONGEST && self.cut(word) {
                self.found.iter().copied().for_each(take);
            }
            return word.clear();
        };
        let slot = slot(short, self.known.len());
        let known = self.known[slot];
        if known.word == short {
            known.tokens[..usize::from(known.count)]
                .iter()
                .copied()
                .for_each(take);
            return word.clear();
        }
        if !self.cut(word) {
            self.found.clear();
        }
        let mut known = Known {
            word: short,
            ..Known::default()
        };
        if let Some(tokens) = known.tokens.get_mut(..self.found.len()) {
            tokens.copy_from_slice(&self.found);
            known.count = u8::try_from(self.found.len()).unwrap_or_default();
            self.known[slot] = known;
        }
        self.found.iter().copied().for_each(take);
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
