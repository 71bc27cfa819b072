//! Words in lower case and by their stems, short ones remembered in place: a text has the same few thousand again and again.

use std::borrow::Cow;

/// The stems of words.
#[derive(Clone, Default)]
pub struct Stems {
    known: Vec<Known>,
}

/// A short word and its stem, as long as that is.
#[derive(Clone, Copy, Default)]
struct Known {
    word: Short,
    stem: Short,
    length: u8,
    /// The word begins with its stem, as most do.
    begins: bool,
}

/// A short word's bytes, and zeros.
pub(super) type Short = [u8; 16];

/// Returns where among so many a short word is remembered.
pub(super) fn slot(word: Short, slots: usize) -> usize {
    let (low, high) = word.split_at(8);
    let half = |bytes: &[u8]| {
        bytes
            .first_chunk()
            .map_or(0, |bytes| u64::from_le_bytes(*bytes))
    };
    let mixed = (half(low) ^ half(high).rotate_left(23)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::try_from((mixed >> 32) % slots.max(1) as u64).unwrap_or_default()
}

impl std::fmt::Debug for Stems {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stems").finish_non_exhaustive()
    }
}

const SLOTS: usize = 8192;

/// Returns the first bytes of a text, if they are few enough.
fn short(all: &[u8], length: usize) -> Option<Short> {
    if length > 16 {
        return None;
    }
    if let Some(window) = all.first_chunk::<16>() {
        let keep = u128::MAX.checked_shr(8 * (16 - u32::try_from(length).ok()?));
        return Some((u128::from_le_bytes(*window) & keep.unwrap_or(0)).to_le_bytes());
    }
    let mut short = Short::default();
    short[..length].copy_from_slice(all.get(..length)?);
    Some(short)
}

fn stemmed(word: &str) -> Cow<'_, str> {
    frostem::Stemmer::new(frostem::Algorithm::English).stem(word)
}

impl Stems {
    /// Adds a word of ASCII to `out`, which is empty, in lower case, and without its ending if that is asked for.
    ///
    /// The word is the first `length` bytes of `text`: with what comes after it, it is read in one piece.
    pub(super) fn lower(&mut self, text: &str, length: usize, stem: bool, out: &mut String) {
        let (all, text) = (text.as_bytes(), &text[..length]);
        if !stem {
            out.push_str(text);
            return out.make_ascii_lowercase();
        }
        let Some(mut short) = short(all, length) else {
            out.push_str(text);
            out.make_ascii_lowercase();
            return *out = stemmed(out).into_owned();
        };
        short.make_ascii_lowercase();
        let known = self.stem(short, text.len());
        let length = usize::from(known.length);
        if known.begins {
            out.push_str(&text[..length]);
            out.make_ascii_lowercase();
        } else {
            out.push_str(std::str::from_utf8(&known.stem[..length]).unwrap_or_default());
        }
    }

    fn stem(&mut self, word: Short, length: usize) -> Known {
        if self.known.is_empty() {
            self.known.resize(SLOTS, Known::default());
        }
        let known = &mut self.known[slot(word, SLOTS)];
        if known.word != word {
            let text = std::str::from_utf8(&word[..length]).unwrap_or_default();
            let found = stemmed(text);
            // No stem is longer than its word.
            let found = found.get(..found.len().min(16)).unwrap_or_default();
            let mut stem = Short::default();
            stem[..found.len()].copy_from_slice(found.as_bytes());
            let length = u8::try_from(found.len()).unwrap_or_default();
            *known = Known {
                word,
                stem,
                length,
                begins: text.starts_with(found),
            };
        }
        *known
    }
}
