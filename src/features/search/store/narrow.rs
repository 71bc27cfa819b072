//! What a query requires: which documents may be found at all.
//!
//! What concerns a whole conversation (a file it touched, a commit it names, where it worked) is found first, over all
//! segments; then each segment is narrowed by itself.

use super::open::{Fields, SOURCE};
use crate::{
    error::{Context, Kind, Result},
    features::search::{
        logic::{
            query::{Expr, Filter},
            wanted::{Term as Form, forms, wanted},
            words::{self, sought},
        },
        model::Role,
    },
};
use std::collections::HashSet;
use tantivy::{
    DocSet, Searcher, SegmentReader, TERMINATED, Term,
    query::{EnableScoring, PhraseQuery, Query},
    schema::{Field, IndexRecordOption},
};

/// A beginning stands for so many words at most.
const BEGINNINGS: usize = 400;

/// A requirement, ready to be asked of a segment.
#[derive(Debug)]
pub enum Need {
    /// All of these.
    All(Vec<Need>),
    /// One of these.
    Any(Vec<Need>),
    /// Not this.
    Not(Box<Need>),
    /// Any of these words.
    Words(Vec<Form>),
    /// These words in a row.
    Row(Vec<(usize, String)>),
    /// One of these roles.
    Roles(Vec<u64>),
    /// This property.
    Facet(String),
    /// One of these sources.
    Sources(HashSet<u64>),
    /// One of these conversations.
    Sessions(HashSet<u64>),
    /// About a file, by the parts of its path.
    Path(Vec<(usize, String)>),
    /// Said at or after the one and before the other.
    Time(i64, i64),
}

/// Documents of a segment, a bit each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bits(Vec<u64>);

impl Bits {
    fn none(count: u32) -> Self {
        Bits(vec![0; count.div_ceil(64) as usize])
    }

    /// All of so many documents.
    pub fn all(count: u32) -> Self {
        Bits(vec![u64::MAX; count.div_ceil(64) as usize])
    }

    fn add(&mut self, doc: u32) {
        self.0[doc as usize / 64] |= 1 << (doc % 64);
    }

    /// Tells whether a document is one of them.
    pub fn has(&self, doc: u32) -> bool {
        self.0[doc as usize / 64] & (1 << (doc % 64)) != 0
    }

    fn each(mut self, other: &Bits, join: impl Fn(u64, u64) -> u64) -> Self {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine = join(*mine, *theirs);
        }
        self
    }
}

fn unreadable() -> String {
    "the index cannot be read".to_owned()
}

/// Finds out what a query requires; bare words are wanted and not required.
pub fn needs(expr: &Expr, searcher: &Searcher, fields: &Fields, now: i64) -> Result<Option<Need>> {
    let look = Look {
        searcher,
        fields,
        now,
        wordless: wanted(expr).is_empty(),
    };
    let parts = match expr {
        Expr::All(parts) => parts.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut needs = Vec::new();
    for part in parts {
        let bare = |part: &Expr| matches!(part, Expr::Word(_) | Expr::Begin(_));
        let optional = bare(part) || matches!(part, Expr::Any(choice) if choice.iter().all(bare));
        if !optional {
            needs.push(look.need(part)?);
        }
    }
    Ok((!needs.is_empty()).then_some(Need::All(needs)))
}

struct Look<'l> {
    searcher: &'l Searcher,
    fields: &'l Fields,
    now: i64,
    wordless: bool,
}

impl Look<'_> {
    fn need(&self, expr: &Expr) -> Result<Need> {
        let list = |parts: &[Expr]| {
            parts
                .iter()
                .map(|part| self.need(part))
                .collect::<Result<Vec<_>>>()
        };
        Ok(match expr {
            Expr::All(parts) => Need::All(list(parts)?),
            Expr::Any(parts) => Need::Any(list(parts)?),
            Expr::Not(part) => Need::Not(Box::new(self.need(part)?)),
            // Where it is required, an identifier or a path is its parts in a row, not one of them.
            Expr::Word(text) | Expr::Phrase(text) => phrase(text),
            Expr::Begin(_) => {
                let all = wanted(expr).into_iter();
                Need::All(all.map(|wanted| Need::Words(wanted.terms)).collect())
            }
            Expr::Filter(filter) => self.filter(filter)?,
        })
    }

    fn filter(&self, filter: &Filter) -> Result<Need> {
        Ok(match filter {
            Filter::Role(word) => {
                let fits = Role::ALL.iter().filter(|role| role.word() == word);
                Need::Roles(fits.map(|role| role.number()).collect())
            }
            Filter::Tool(tool) => Need::Facet(format!("tool:{}", tool.to_lowercase())),
            Filter::Room(room) => Need::Facet(format!("room:{}", room.to_lowercase())),
            Filter::Branch(branch) => Need::Facet(format!("branch:{}", branch.to_lowercase())),
            Filter::Agent(agent) => Need::Sources(self.sources("agent", agent, false)?),
            Filter::Session(session) => Need::Sources(self.sources("session", session, true)?),
            Filter::Project(project) => {
                Need::Sources(self.sources("project", project.trim_end_matches('/'), false)?)
            }
            Filter::After(when) => Need::Time(when.millis(self.now), i64::MAX),
            Filter::Before(when) => Need::Time(i64::MIN + 1, when.millis(self.now)),
            Filter::File(path) => {
                let touched = Need::Path(row(path));
                if self.wordless {
                    touched
                } else {
                    Need::Sessions(self.sessions(&touched)?)
                }
            }
            Filter::Commit(name) => {
                let terms = forms(name)
                    .into_iter()
                    .flat_map(|wanted| wanted.terms)
                    .collect();
                let named = Need::Words(terms);
                let mut sessions = self.sessions(&named)?;
                sessions.extend(self.based(name)?);
                if self.wordless {
                    Need::Any(vec![named, Need::Sessions(HashSet::new())])
                } else {
                    Need::Sessions(sessions)
                }
            }
        })
    }

    /// Finds the conversations that have a document that fits.
    fn sessions(&self, need: &Need) -> Result<HashSet<u64>> {
        let mut found = HashSet::new();
        for segment in self.searcher.segment_readers() {
            let bits = narrow(need, segment, self.fields)?;
            let sessions = segment
                .fast_fields()
                .u64("session")
                .context(Kind::Setup, unreadable)?;
            let fits =
                (0..segment.max_doc()).filter(|doc| bits.has(*doc) && !segment.is_deleted(*doc));
            found.extend(fits.filter_map(|doc| sessions.first(doc)));
        }
        Ok(found)
    }

    /// Finds the conversations that began at a commit.
    fn based(&self, name: &str) -> Result<HashSet<u64>> {
        self.of_sources("commit", name, true, "session")
    }

    /// Finds the sources that have a property, or one that begins so.
    fn sources(&self, name: &str, value: &str, begin: bool) -> Result<HashSet<u64>> {
        self.of_sources(name, value, begin, "source")
    }

    fn of_sources(
        &self,
        name: &str,
        value: &str,
        begin: bool,
        column: &str,
    ) -> Result<HashSet<u64>> {
        let mut found = HashSet::new();
        let text = format!("{name}:{}", value.to_lowercase());
        for segment in self.searcher.segment_readers() {
            let form = Form {
                text: text.clone(),
                begin,
            };
            let mut bits = Bits::none(segment.max_doc());
            mark(&form, segment, self.fields.facet, &mut bits)?;
            let columns = segment.fast_fields();
            let wanted = columns.u64(column).context(Kind::Setup, unreadable)?;
            let roles = columns.u64("role").context(Kind::Setup, unreadable)?;
            for doc in
                (0..segment.max_doc()).filter(|doc| bits.has(*doc) && !segment.is_deleted(*doc))
            {
                if roles.first(doc) == Some(SOURCE) {
                    found.extend(wanted.first(doc));
                }
            }
        }
        Ok(found)
    }
}

/// Returns the words of a text with their places, an identifier by its parts alone.
fn row(text: &str) -> Vec<(usize, String)> {
    let all = sought(text);
    let parts = all.into_iter().filter(|word| !word.whole);
    parts.map(|word| (word.place, word.text)).collect()
}

fn phrase(text: &str) -> Need {
    let row = row(text);
    match row.as_slice() {
        [] => Need::All(Vec::new()),
        // One ideograph, the name of an object: they have forms.
        [_] => Need::All(
            forms(text)
                .into_iter()
                .map(|wanted| Need::Words(wanted.terms))
                .collect(),
        ),
        _ => Need::Row(row),
    }
}

/// Finds the documents of a segment that fit.
pub fn narrow(need: &Need, segment: &SegmentReader, fields: &Fields) -> Result<Bits> {
    let count = segment.max_doc();
    let each = |needs: &[Need], first: Bits, join: fn(u64, u64) -> u64| {
        needs.iter().try_fold(first, |bits, need| {
            Ok(bits.each(&narrow(need, segment, fields)?, join))
        })
    };
    Ok(match need {
        Need::All(needs) => each(needs, Bits::all(count), |a, b| a & b)?,
        Need::Any(needs) => each(needs, Bits::none(count), |a, b| a | b)?,
        Need::Not(need) => Bits::all(count).each(&narrow(need, segment, fields)?, |a, b| a & !b),
        Need::Words(forms) => marked(count, |bits| {
            forms.iter().try_for_each(|form| {
                mark(form, segment, fields.said, bits)?;
                mark(form, segment, fields.bulk, bits)
            })
        })?,
        Need::Row(row) => marked(count, |bits| {
            in_a_row(row, segment, fields.said, bits)?;
            in_a_row(row, segment, fields.bulk, bits)
        })?,
        Need::Path(row) => marked(count, |bits| in_a_row(row, segment, fields.path, bits))?,
        Need::Facet(text) => {
            let form = Form {
                text: text.clone(),
                begin: false,
            };
            marked(count, |bits| mark(&form, segment, fields.facet, bits))?
        }
        Need::Roles(roles) => column(segment, "role", |role| roles.contains(&role))?,
        Need::Sources(sources) => column(segment, "source", |source| sources.contains(&source))?,
        Need::Sessions(sessions) => {
            column(segment, "session", |session| sessions.contains(&session))?
        }
        Need::Time(from, to) => {
            let times = segment
                .fast_fields()
                .i64("time")
                .context(Kind::Setup, unreadable)?;
            let mut bits = Bits::none(count);
            let fits = |doc: &u32| {
                times
                    .first(*doc)
                    .is_some_and(|time| *from <= time && time < *to && time != 0)
            };
            (0..count).filter(fits).for_each(|doc| bits.add(doc));
            bits
        }
    })
}

fn marked(count: u32, mark: impl FnOnce(&mut Bits) -> Result<()>) -> Result<Bits> {
    let mut bits = Bits::none(count);
    mark(&mut bits)?;
    Ok(bits)
}

fn column(segment: &SegmentReader, name: &str, fits: impl Fn(u64) -> bool) -> Result<Bits> {
    let values = segment
        .fast_fields()
        .u64(name)
        .context(Kind::Setup, unreadable)?;
    let mut bits = Bits::none(segment.max_doc());
    for doc in 0..segment.max_doc() {
        if values.first(doc).is_some_and(&fits) {
            bits.add(doc);
        }
    }
    Ok(bits)
}

/// Marks the documents that have a word.
fn mark(form: &Form, segment: &SegmentReader, field: Field, bits: &mut Bits) -> Result<()> {
    for term in expand(form, segment, field)? {
        let index = segment
            .inverted_index(field)
            .context(Kind::Setup, unreadable)?;
        let postings = index
            .read_postings(&term, IndexRecordOption::Basic)
            .context(Kind::Setup, unreadable)?;
        if let Some(mut postings) = postings {
            while postings.doc() != TERMINATED {
                bits.add(postings.doc());
                postings.advance();
            }
        }
    }
    Ok(())
}

/// Returns the words of a segment that a form stands for.
pub fn expand(form: &Form, segment: &SegmentReader, field: Field) -> Result<Vec<Term>> {
    let text = &form.text
        [..crate::features::search::logic::pieces::floor(&form.text, words::LONGEST.max(1000))];
    if !form.begin {
        return Ok(vec![Term::from_field_text(field, text)]);
    }
    let index = segment
        .inverted_index(field)
        .context(Kind::Setup, unreadable)?;
    let mut stream = index
        .terms()
        .range()
        .ge(text.as_bytes())
        .into_stream()
        .context(Kind::Setup, unreadable)?;
    let mut found = Vec::new();
    while stream.advance() && stream.key().starts_with(text.as_bytes()) && found.len() < BEGINNINGS
    {
        if let Ok(word) = std::str::from_utf8(stream.key()) {
            found.push(Term::from_field_text(field, word));
        }
    }
    Ok(found)
}

fn in_a_row(
    row: &[(usize, String)],
    segment: &SegmentReader,
    field: Field,
    bits: &mut Bits,
) -> Result<()> {
    let terms: Vec<(usize, Term)> = row
        .iter()
        .map(|(place, word)| (*place, Term::from_field_text(field, word)))
        .collect();
    if let [(_, _)] = terms.as_slice() {
        return mark(
            &Form {
                text: row[0].1.clone(),
                begin: false,
            },
            segment,
            field,
            bits,
        );
    }
    if terms.is_empty() {
        return Ok(());
    }
    let query = PhraseQuery::new_with_offset(terms);
    let scoring = EnableScoring::disabled_from_schema(segment.schema());
    let weight = query.weight(scoring).context(Kind::Setup, unreadable)?;
    let mut scorer = weight
        .scorer(segment, 1.0)
        .context(Kind::Setup, unreadable)?;
    while scorer.doc() != TERMINATED {
        bits.add(scorer.doc());
        scorer.advance();
    }
    Ok(())
}
