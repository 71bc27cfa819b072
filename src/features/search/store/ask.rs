//! Asking the index: the score of every document that may be found, then the text of the few that are shown.
//!
//! A document's score is BM25 over the words that are wanted, in the field its role is kept in, times what its role
//! counts. Scores are summed in one array a segment, which is faster than it sounds and ranks as one likes.

use super::{
    narrow::{self, Bits, Need},
    open::{SOURCE, Store},
    record,
};
use crate::{
    error::{Context, Kind, Result},
    features::search::{
        logic::{
            rank::{B, K1, PLACES, weight},
            wanted::{BITS, Wanted},
        },
        model::{Role, Scored, Source},
    },
};
use std::collections::HashSet;
use tantivy::{
    DocAddress, DocSet, Searcher, SegmentReader, TERMINATED, TantivyDocument, Term,
    postings::Postings,
    schema::{Field, IndexRecordOption, Value},
};

/// What is asked.
#[derive(Debug)]
pub struct Question<'q> {
    /// The words, for the score.
    pub wanted: &'q [Wanted],
    /// What is required.
    pub need: Option<&'q Need>,
    /// Conversations that are left out.
    pub without: &'q HashSet<u64>,
    /// All words are required.
    pub all_words: bool,
}

fn unreadable() -> String {
    "the index cannot be read".to_owned()
}

/// How many documents a field has, and how long they are.
struct Measure {
    documents: f32,
    average: f32,
}

/// How common a word is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Common {
    /// How rare it is: its weight in a score.
    pub rarity: f32,
    /// It stands somewhere.
    pub known: bool,
}

/// Scores all documents that fit.
pub fn score(store: &Store, searcher: &Searcher, question: &Question<'_>) -> Result<Vec<Scored>> {
    Ok(weigh(store, searcher, question)?.0)
}

/// Scores all documents that fit, and says how common each word is.
pub fn weigh(
    store: &Store,
    searcher: &Searcher,
    question: &Question<'_>,
) -> Result<(Vec<Scored>, Vec<Common>)> {
    let mut common = vec![Common::default(); question.wanted.len()];
    let segments = searcher.segment_readers();
    let mut sums: Vec<Sums> = segments
        .iter()
        .map(|segment| Sums::new(segment.max_doc()))
        .collect();
    let counts = counts(searcher)?;
    for (bulk, field) in [(false, store.fields.said), (true, store.fields.bulk)] {
        let measure = measure(searcher, field, counts[usize::from(bulk)])?;
        for (index, wanted) in question.wanted.iter().enumerate() {
            for form in &wanted.terms {
                let words = segments
                    .iter()
                    .map(|segment| narrow::expand(form, segment, field));
                let words: Vec<Vec<Term>> = words.collect::<Result<_>>()?;
                let (rarity, count) = rarity(&words, searcher, field, measure.documents)?;
                if !bulk {
                    common[index].rarity = common[index].rarity.max(rarity);
                }
                common[index].known |= count > 0;
                for ((segment, words), sums) in segments.iter().zip(&words).zip(&mut sums) {
                    sums.add(
                        words,
                        segment,
                        field,
                        &Share {
                            measure: &measure,
                            rarity,
                            index,
                        },
                    )?;
                }
            }
        }
    }
    let mut all = Vec::new();
    for (ord, (segment, sums)) in segments.iter().zip(&sums).enumerate() {
        let allowed = match question.need {
            Some(need) => narrow::narrow(need, segment, &store.fields)?,
            None => Bits::all(segment.max_doc()),
        };
        collect(
            u32::try_from(ord).unwrap_or(u32::MAX),
            segment,
            question,
            (&allowed, sums),
            &mut all,
        )?;
    }
    Ok((all, common))
}

/// What one word adds.
struct Share<'s> {
    measure: &'s Measure,
    rarity: f32,
    index: usize,
}

/// The sums of a segment.
struct Sums {
    scores: Vec<f32>,
    words: Vec<u32>,
}

impl Sums {
    fn new(count: u32) -> Self {
        Sums {
            scores: vec![0.0; count as usize],
            words: vec![0; count as usize],
        }
    }

    fn add(
        &mut self,
        words: &[Term],
        segment: &SegmentReader,
        field: Field,
        share: &Share<'_>,
    ) -> Result<()> {
        if words.is_empty() {
            return Ok(());
        }
        let index = segment
            .inverted_index(field)
            .context(Kind::Setup, unreadable)?;
        let norms = segment
            .get_fieldnorms_reader(field)
            .context(Kind::Setup, unreadable)?;
        let lengths: Vec<f32> = (0..=255_u8)
            .map(|id| {
                length_norm(
                    tantivy::fieldnorm::FieldNormReader::id_to_fieldnorm(id),
                    share.measure.average,
                )
            })
            .collect();
        let bit = 1_u32 << share.index.min(BITS - 1);
        for word in words {
            let postings = index
                .read_postings(word, IndexRecordOption::WithFreqs)
                .context(Kind::Setup, unreadable)?;
            let Some(mut postings) = postings else {
                continue;
            };
            while postings.doc() != TERMINATED {
                let doc = postings.doc();
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "a count of words in a piece of text"
                )]
                let count = postings.term_freq() as f32;
                let norm = lengths[usize::from(norms.fieldnorm_id(doc))];
                self.scores[doc as usize] += share.rarity * count * (K1 + 1.0) / (count + norm);
                self.words[doc as usize] |= bit;
                postings.advance();
            }
        }
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "a length is rounded anyway")]
fn length_norm(length: u32, average: f32) -> f32 {
    K1 * (1.0 - B + B * length as f32 / average)
}

/// Counts the documents with something said, and those with what tools answered.
fn counts(searcher: &Searcher) -> Result<[u64; 2]> {
    let mut counts = [0; 2];
    for segment in searcher.segment_readers() {
        let roles = segment
            .fast_fields()
            .u64("role")
            .context(Kind::Setup, unreadable)?;
        let known = (0..segment.max_doc()).filter_map(|doc| roles.first(doc));
        for role in known.filter(|role| *role != SOURCE) {
            counts[usize::from(Role::of_number(role).is_bulk())] += 1;
        }
    }
    Ok(counts)
}

#[expect(clippy::cast_precision_loss, reason = "averages")]
fn measure(searcher: &Searcher, field: Field, documents: u64) -> Result<Measure> {
    let mut words = 0_u64;
    for segment in searcher.segment_readers() {
        words += segment
            .inverted_index(field)
            .context(Kind::Setup, unreadable)?
            .total_num_tokens();
    }
    let documents = documents.max(1) as f32;
    Ok(Measure {
        documents,
        average: (words as f32 / documents).max(1.0),
    })
}

#[expect(clippy::cast_precision_loss, reason = "a logarithm follows")]
fn rarity(
    words: &[Vec<Term>],
    searcher: &Searcher,
    field: Field,
    documents: f32,
) -> Result<(f32, u64)> {
    let mut count = 0_u64;
    for (segment, words) in searcher.segment_readers().iter().zip(words) {
        let index = segment
            .inverted_index(field)
            .context(Kind::Setup, unreadable)?;
        for word in words {
            count += u64::from(index.doc_freq(word).context(Kind::Setup, unreadable)?);
        }
    }
    let found = (count as f32).min(documents);
    Ok((
        (1.0 + (documents - found + 0.5) / (found + 0.5)).ln(),
        count,
    ))
}

fn collect(
    ord: u32,
    segment: &SegmentReader,
    question: &Question<'_>,
    (allowed, sums): (&Bits, &Sums),
    all: &mut Vec<Scored>,
) -> Result<()> {
    let columns = segment.fast_fields();
    let roles = columns.u64("role").context(Kind::Setup, unreadable)?;
    let sessions = columns.u64("session").context(Kind::Setup, unreadable)?;
    let times = columns.i64("time").context(Kind::Setup, unreadable)?;
    let wordless = question.wanted.is_empty();
    let full = all_words(question.wanted);
    for doc in 0..segment.max_doc() {
        let score = if wordless {
            1.0
        } else {
            sums.scores[doc as usize]
        };
        let words = sums.words[doc as usize];
        if score <= 0.0
            || !allowed.has(doc)
            || segment.is_deleted(doc)
            || (question.all_words && words != full)
        {
            continue;
        }
        let role = roles.first(doc).unwrap_or(SOURCE);
        let session = sessions.first(doc).unwrap_or_default();
        if role == SOURCE || question.without.contains(&session) {
            continue;
        }
        all.push(Scored {
            at: (ord, doc),
            session,
            score: score * weight(Role::of_number(role)),
            words,
            time: times.first(doc).unwrap_or_default(),
        });
    }
    if !wordless && all.len() > 4 * PLACES {
        // Who comes after so many better ones is not looked at.
        all.select_nth_unstable_by(2 * PLACES, |a, b| b.score.total_cmp(&a.score));
        all.truncate(2 * PLACES);
    }
    Ok(())
}

/// Returns a bit for each word.
pub fn all_words(wanted: &[Wanted]) -> u32 {
    (0..wanted.len().min(BITS)).fold(0, |bits, index| bits | (1 << index))
}

/// A document as it is shown.
#[derive(Clone, Debug)]
pub struct Shown {
    /// What it is.
    pub role: Role,
    /// Its source.
    pub source: u64,
    /// Where in the source.
    pub at: u64,
    /// When, in milliseconds.
    pub time: i64,
    /// Its text's hash.
    pub hash: u64,
    /// Its text.
    pub text: String,
    /// The tool; for messages and entries, what they are shown under.
    pub tool: Option<String>,
}

/// Reads a document.
pub fn show(store: &Store, searcher: &Searcher, (ord, doc): (u32, u32)) -> Result<Shown> {
    let segment = searcher.segment_reader(ord);
    let columns = segment.fast_fields();
    let number = |name: &str| -> Result<u64> {
        let column = columns.u64(name).context(Kind::Setup, unreadable)?;
        Ok(column.first(doc).unwrap_or_default())
    };
    let document: TantivyDocument = searcher
        .doc(DocAddress::new(ord, doc))
        .context(Kind::Setup, unreadable)?;
    let text = |field: Field| {
        document
            .get_first(field)
            .and_then(|value| value.as_str().map(str::to_owned))
    };
    Ok(Shown {
        role: Role::of_number(number("role")?),
        source: number("source")?,
        at: number("at")?,
        time: columns
            .i64("time")
            .context(Kind::Setup, unreadable)?
            .first(doc)
            .unwrap_or_default(),
        hash: number("hash")?,
        text: text(store.fields.body).unwrap_or_default(),
        tool: text(store.fields.tool),
    })
}

/// Reads what is known of a source.
pub fn source(store: &Store, searcher: &Searcher, id: u64) -> Result<Source> {
    Ok(record::load(store, searcher, id)?.unwrap_or_default())
}

/// Finds the neighbours of a document in its source: so many before it and after it, in their order.
pub fn around(
    store: &Store,
    searcher: &Searcher,
    shown: &Shown,
    count: usize,
) -> Result<Vec<(bool, Shown)>> {
    let term = Term::from_field_u64(store.fields.source, shown.source);
    let mut places: Vec<(u64, (u32, u32))> = Vec::new();
    for (ord, segment) in searcher.segment_readers().iter().enumerate() {
        let ord = u32::try_from(ord).unwrap_or(u32::MAX);
        let columns = segment.fast_fields();
        let at = columns.u64("at").context(Kind::Setup, unreadable)?;
        let roles = columns.u64("role").context(Kind::Setup, unreadable)?;
        let index = segment
            .inverted_index(store.fields.source)
            .context(Kind::Setup, unreadable)?;
        let postings = index
            .read_postings(&term, IndexRecordOption::Basic)
            .context(Kind::Setup, unreadable)?;
        let Some(mut postings) = postings else {
            continue;
        };
        while postings.doc() != TERMINATED {
            let doc = postings.doc();
            if !segment.is_deleted(doc) && roles.first(doc) != Some(SOURCE) {
                places.push((at.first(doc).unwrap_or_default(), (ord, doc)));
            }
            postings.advance();
        }
    }
    places.sort_unstable();
    let here = places.partition_point(|(at, _)| *at < shown.at);
    let before = &places[here.saturating_sub(count)..here];
    let after = places.get(here + 1..).unwrap_or_default();
    let both = before
        .iter()
        .map(|place| (false, place))
        .chain(after.iter().take(count).map(|place| (true, place)));
    both.map(|(after, (_, at))| Ok((after, show(store, searcher, *at)?)))
        .collect()
}
