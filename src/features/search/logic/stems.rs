//! Words in lower case and by their stems, short ones remembered in place: a text has the same few thousand again and again.
//!
//! A short word is read in one piece together with what follows it, and stays in two registers until it is known: what is
//! done for every word of every text is a load, a few operations on all its bytes at once, and a look at one place.

use std::borrow::Cow;

/// The stems of words.
#[derive(Clone, Default)]
pub struct Stems {
    known: Vec<Known>,
}

/// A short word, and how its stem is made of it.
#[derive(Clone, Copy, Default)]
struct Known {
    word: [u64; 2],
    /// So many bytes of the word are kept.
    keep: u8,
    /// So many bytes are put behind them.
    more: u8,
    tail: [u8; 6],
}

/// A short word's bytes, and zeros.
pub(super) type Short = u128;

/// So many bytes are short.
pub(super) const SHORT: usize = 16;

/// Returns where among so many a short word is remembered.
pub(super) fn slot(word: Short, slots: usize) -> usize {
    let [low, high] = halves(word);
    let mixed = (low ^ high.rotate_left(23)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::try_from((mixed >> 32) % slots.max(1) as u64).unwrap_or_default()
}

#[expect(clippy::cast_possible_truncation, reason = "halves")]
fn halves(word: Short) -> [u64; 2] {
    [word as u64, (word >> 64) as u64]
}

impl std::fmt::Debug for Stems {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stems").finish_non_exhaustive()
    }
}

const SLOTS: usize = 8192;

/// What keeps so many of the first bytes.
const KEEP: [Short; SHORT + 1] = {
    let mut keep = [0; SHORT + 1];
    let mut length = 1;
    while length <= SHORT {
        keep[length] = Short::MAX >> (8 * (SHORT - length));
        length += 1;
    }
    keep
};

/// Returns the first bytes of a text, if they are few enough.
pub(super) fn short(all: &[u8], length: usize) -> Option<Short> {
    let keep = KEEP.get(length)?;
    if let Some(window) = all.first_chunk() {
        return Some(Short::from_le_bytes(*window) & keep);
    }
    let mut short = [0; SHORT];
    short[..length].copy_from_slice(all.get(..length)?);
    Some(Short::from_le_bytes(short))
}

/// A byte of each kind at all places.
const fn all(byte: u8) -> Short {
    Short::from_le_bytes([byte; SHORT])
}

/// Tells whether all bytes are ASCII.
fn is_ascii(word: Short) -> bool {
    word & all(0x80) == 0
}

/// Brings ASCII into lower case.
fn lower(word: Short) -> Short {
    // The highest bit of each byte says whether it is at or behind a letter's place.
    let from = word + all(0x80 - b'A');
    let behind = word + all(0x80 - b'Z' - 1);
    word | (((from ^ behind) & all(0x80)) >> 2)
}

fn stemmed(word: &str) -> Cow<'_, str> {
    frostem::Stemmer::new(frostem::Algorithm::English).stem(word)
}

impl Stems {
    /// Adds a word to `out`, which is empty, in lower case, and without its ending if that is asked for and it is of ASCII.
    ///
    /// The word is the first `length` bytes of `text`: with what comes after it, it is read in one piece.
    pub(super) fn lower(&mut self, text: &str, length: usize, stem: bool, out: &mut String) {
        match short(text.as_bytes(), length) {
            Some(short) if is_ascii(short) => {
                let low = lower(short);
                let (mut keep, mut tail) = (length, &[][..]);
                let known;
                if stem {
                    let Some(found) = self.stem(low, length) else {
                        return long(&text[..length], stem, out);
                    };
                    known = found;
                    keep = usize::from(known.keep);
                    tail = &known.tail[..usize::from(known.more)];
                }
                out.push_str(&text[..keep]);
                if low != short {
                    out.make_ascii_lowercase();
                }
                if !tail.is_empty() {
                    out.push_str(std::str::from_utf8(tail).unwrap_or_default());
                }
            }
            _ => long(&text[..length], stem, out),
        }
    }

    #[inline]
    fn stem(&mut self, low: Short, length: usize) -> Option<Known> {
        if self.known.is_empty() {
            self.known.resize(SLOTS, Known::default());
        }
        let at = slot(low, SLOTS);
        let known = self.known[at];
        if known.word == halves(low) {
            Some(known)
        } else {
            self.learn(at, low, length)
        }
    }

    /// Remembers a word, unless its stem has an ending of its own that is too long: none has.
    #[cold]
    fn learn(&mut self, at: usize, low: Short, length: usize) -> Option<Known> {
        let bytes = low.to_le_bytes();
        let word = std::str::from_utf8(&bytes[..length]).unwrap_or_default();
        let stem = stemmed(word);
        let same = word.bytes().zip(stem.bytes()).take_while(|(a, b)| a == b);
        let keep = same.count();
        let mut known = Known {
            word: halves(low),
            keep: u8::try_from(keep).unwrap_or_default(),
            ..Known::default()
        };
        let tail = &stem.as_bytes()[keep..];
        known.more = u8::try_from(tail.len()).unwrap_or_default();
        known.tail.get_mut(..tail.len())?.copy_from_slice(tail);
        self.known[at] = known;
        Some(known)
    }
}

/// The same for any word.
fn long(word: &str, stem: bool, out: &mut String) {
    if !word.is_ascii() {
        return out.extend(word.chars().flat_map(char::to_lowercase));
    }
    out.push_str(word);
    out.make_ascii_lowercase();
    if stem && let Cow::Owned(stem) = stemmed(out) {
        *out = stem;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(stems: &mut Stems, text: &str, length: usize, stem: bool) -> String {
        let mut out = String::new();
        stems.lower(text, length, stem, &mut out);
        out
    }

    #[test]
    fn a_word_is_the_same_remembered_or_not_and_wherever_it_stands() {
        let mut stems = Stems::default();
        let words = "Running runs HAPPY happily relational Ties dying skies generously sky Internationally \
                     abcdefghijklmnop ABCDEFGHIJKLMNOPQ a@[`{z Zz9 conditionally hopefulness";
        for _ in 0..2 {
            for (at, word) in words.split(' ').map(|word| (words.find(word), word)) {
                let rest = &words[at.expect("it is there")..];
                let low = word.to_ascii_lowercase();
                assert_eq!(put(&mut stems, rest, word.len(), false), low);
                assert_eq!(put(&mut stems, rest, word.len(), true), stemmed(&low));
                assert_eq!(put(&mut stems, word, word.len(), true), stemmed(&low));
            }
        }
        assert_eq!(put(&mut stems, "ÀB", 3, true), "àb");
        assert_eq!(put(&mut stems, "ABÀB word and more of it", 5, true), "abàb");
    }

    #[test]
    fn every_byte_is_brought_into_lower_case_as_it_should() {
        for byte in 0..128_u8 {
            let low = lower(all(byte)).to_le_bytes();
            assert_eq!(low, [byte.to_ascii_lowercase(); SHORT]);
        }
    }
}
