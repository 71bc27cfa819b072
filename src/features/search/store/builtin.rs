//! The embedder that is always there: a text's vector is the sum of its tokens' vectors.
//!
//! The vectors are made of all-MiniLM-L6-v2 by `scripts/distill`, which says how; they know words apart from each
//! other, not their order.

use super::{
    embed::{Down, Embedder, unit},
    hashed::Map,
};
use crate::{
    error::{Error, Result},
    features::search::{
        logic::wordpiece::{self, Pieces, Vocabulary},
        readers::hash,
    },
};
use std::{
    iter::Enumerate,
    slice::Chunks,
    sync::{Mutex, OnceLock, PoisonError},
    thread::ScopedJoinHandle,
};

static TOKENS: &[u8] = include_bytes!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/assets/minilm/tokens.bin"
));
/// The first bytes of the file.
const MAGIC: &[u8] = b"ccc tokens 1\n";

/// So many texts a thread takes at once, which for fewer is not worth its beginning: texts differ much in length.
const SHARE: usize = 64;

/// Shares of texts with their numbers.
type Numbered<'t> = Enumerate<Chunks<'t, &'t str>>;
/// A share's number, and the vectors of its texts.
type Share = (usize, Vec<Option<Vec<f32>>>);

/// See the module head.
#[derive(Debug)]
pub struct Builtin {
    name: String,
    table: Table,
    names: OnceLock<Names>,
}

/// The parts of the file: where each name ends, the names in their order, a factor and the numbers of each token.
#[derive(Clone, Copy, Debug)]
struct Table {
    dim: usize,
    ends: &'static [u8],
    names: &'static [u8],
    factors: &'static [u8],
    numbers: &'static [u8],
    longest: usize,
}

impl Table {
    fn read(bytes: &'static [u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(MAGIC)?;
        let (count, rest) = rest.split_first_chunk()?;
        let (dim, rest) = rest.split_first_chunk()?;
        let count = usize::try_from(u32::from_le_bytes(*count)).ok()?;
        let dim = usize::try_from(u32::from_le_bytes(*dim)).ok()?;
        let (ends, rest) = rest.split_at_checked(count * 4)?;
        let length = u32::from_le_bytes(*ends.last_chunk()?);
        let (names, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        let (factors, numbers) = rest.split_at_checked(count * 4)?;
        let mut table = Table {
            dim,
            ends,
            names,
            factors,
            numbers,
            longest: 0,
        };
        let length = |at: usize| table.name(at).map(<[u8]>::len);
        table.longest = (0..count).filter_map(length).max()?;
        (dim > 0 && numbers.len() == count * dim).then_some(table)
    }

    fn end(&self, at: usize) -> Option<usize> {
        let bytes = self.ends.get(at * 4..at * 4 + 4)?;
        usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
    }

    fn name(&self, at: usize) -> Option<&'static [u8]> {
        let from = match at.checked_sub(1) {
            Some(before) => self.end(before)?,
            None => 0,
        };
        self.names.get(from..self.end(at)?)
    }

    /// Adds a token's vector to a sum.
    fn add(&self, token: u32, sum: &mut [f32]) {
        let at = token as usize;
        let factor = self.factors[at * 4..].first_chunk();
        let factor = factor.map_or(0.0, |bytes| f32::from_le_bytes(*bytes));
        let numbers = &self.numbers[at * self.dim..(at + 1) * self.dim];
        for (sum, number) in sum.iter_mut().zip(numbers) {
            *sum += factor * f32::from(number.cast_signed());
        }
    }
}

impl Vocabulary for Table {
    fn find(&self, name: &[u8]) -> Option<u32> {
        let (mut from, mut to) = (0, self.ends.len() / 4);
        while from < to {
            let middle = usize::midpoint(from, to);
            match self.name(middle)?.cmp(name) {
                std::cmp::Ordering::Less => from = middle + 1,
                std::cmp::Ordering::Greater => to = middle,
                std::cmp::Ordering::Equal => return u32::try_from(middle).ok(),
            }
        }
        None
    }

    fn longest(&self) -> usize {
        self.longest
    }
}

/// All names by themselves, for whoever looks for many.
#[derive(Debug)]
struct Names {
    known: Map<&'static [u8], u32>,
    longest: usize,
}

impl Names {
    fn of(table: &Table) -> Self {
        let all = 0..u32::try_from(table.ends.len() / 4).unwrap_or_default();
        let name = |token: u32| Some((table.name(token as usize)?, token));
        Names {
            known: all.filter_map(name).collect(),
            longest: table.longest,
        }
    }
}

impl Vocabulary for Names {
    fn find(&self, name: &[u8]) -> Option<u32> {
        self.known.get(name).copied()
    }

    fn longest(&self) -> usize {
        self.longest
    }
}

impl Builtin {
    /// Reads what comes with this program.
    pub fn open() -> Result<Self> {
        let table = Table::read(TOKENS)
            .ok_or_else(|| Error::internal("the token vectors of this program are damaged"))?;
        // Other bytes are another space; their beginning and their factors tell.
        let digest = hash(table.factors);
        Ok(Builtin {
            name: format!("minilm-tokens-{}-{digest:016x}", table.dim),
            table,
            names: OnceLock::new(),
        })
    }

    /// Tells whether a word is one that the vocabulary has whole: no made-up one is.
    pub fn knows(&self, word: &str) -> bool {
        wordpiece::is_token(word, &self.table)
    }

    /// Embeds a text with the names where they lie, or where they were put to be found sooner.
    fn one(&self, text: &str, pieces: &mut Pieces<'_, impl Vocabulary>) -> Option<Vec<f32>> {
        let mut sum = vec![0.0; self.table.dim];
        pieces.text(text, &mut |token| self.table.add(token, &mut sum));
        unit(sum)
    }

    /// Embeds shares of texts until there are no more; returns each share's number and vectors.
    fn shares(&self, shares: &Mutex<Numbered<'_>>, names: &Names) -> Vec<Share> {
        let mut pieces = Pieces::new(names, wordpiece::MANY);
        let next = || shares.lock().unwrap_or_else(PoisonError::into_inner).next();
        let mut done = Vec::new();
        while let Some((number, texts)) = next() {
            let vectors = texts.iter().map(|text| self.one(text, &mut pieces));
            done.push((number, vectors.collect()));
        }
        done
    }
}

impl Embedder for Builtin {
    fn name(&self) -> &str {
        &self.name
    }

    fn batch(&self) -> usize {
        // As many again are read while these are embedded.
        2048
    }

    fn is_quick(&self) -> bool {
        true
    }

    fn floor(&self) -> f32 {
        0.3
    }

    fn embed(&self, texts: &[&str], _asked: bool) -> Result<Vec<Option<Vec<f32>>>, Down> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = threads.min(8).min(texts.len().div_ceil(SHARE));
        if threads <= 1 {
            let slots = if texts.len() > 1 { wordpiece::MANY } else { 1 };
            let mut pieces = Pieces::new(&self.table, slots);
            return Ok(texts
                .iter()
                .map(|text| self.one(text, &mut pieces))
                .collect());
        }
        let names = self.names.get_or_init(|| Names::of(&self.table));
        let shares = Mutex::new(texts.chunks(SHARE).enumerate());
        let found: Vec<_> = std::thread::scope(|scope| {
            let begin = |_| scope.spawn(|| self.shares(&shares, names));
            let threads: Vec<_> = (0..threads).map(begin).collect();
            threads.into_iter().map(ScopedJoinHandle::join).collect()
        });
        let parts: Result<Vec<_>, _> = found.into_iter().collect();
        let parts = parts.map_err(|_| Down("embedding failed".to_owned()))?;
        let mut parts: Vec<Share> = parts.into_iter().flatten().collect();
        parts.sort_unstable_by_key(|(number, _)| *number);
        Ok(parts.into_iter().flat_map(|(_, vectors)| vectors).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn alone(embedder: &Builtin, text: &str) -> Option<Vec<f32>> {
        embedder.one(text, &mut Pieces::new(&embedder.table, 1))
    }

    fn like(embedder: &Builtin, a: &str, b: &str) -> f32 {
        let of = |text| alone(embedder, text).unwrap_or_default();
        of(a).iter().zip(of(b)).map(|(x, y)| x * y).sum()
    }

    #[test]
    fn what_means_the_same_is_nearer() {
        let all = Builtin::open().expect("the table is whole");
        let hangs = "stopping the server never finishes in the test suite";
        let same = like(&all, "quitting a process takes forever", hangs);
        let other = like(&all, "the weather in spring", hangs);
        assert!(same > 0.3 && other < 0.1, "{same} {other}");
        assert_eq!(alone(&all, "… ::"), None, "signs say nothing");
        assert!(all.knows("payment") && !all.knows("zanzibarq") && !all.knows("x"));
    }

    #[test]
    fn many_texts_are_embedded_as_one_is() {
        let all = Builtin::open().expect("the table is whole");
        let texts: Vec<String> = (0..300)
            .map(|n| format!("retrying payment {n} unbelievableness"))
            .collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let one: Vec<_> = texts.iter().map(|text| alone(&all, text)).collect();
        assert_eq!(all.embed(&texts, false), Ok(one));
    }

    #[test]
    fn tokens_are_those_of_the_model() {
        let all = Builtin::open().expect("the table is whole");
        let text = include_str!("../../../../tests/data/embeddings.json");
        let known: Vec<Value> = serde_json::from_str(text).expect("the fixture is JSON");
        assert!(known.len() > 9);
        for entry in known {
            let names = entry["tokens"].as_array().expect("tokens").iter();
            let names = names.filter_map(|name| all.table.find(name.as_str()?.as_bytes()));
            let mut ours = Vec::new();
            let text = entry["text"].as_str().expect("a text");
            wordpiece::tokens(text, &all.table, &mut |token| ours.push(token));
            assert_eq!(ours, names.collect::<Vec<_>>(), "{text}");
        }
    }
}
