//! What the screen asks of the index: the conversations of a query, then the moments of the one that is chosen.

use crate::{
    ctx::Ctx,
    error::{Context, Error, Kind, Result},
    features::{
        search::{
            cmd::{
                asked::{Asked, missing},
                refresh,
                search::{PATIENCE, SearchArgs, registered, with_tags},
            },
            logic::{
                live::{Answer, Row},
                query::{self, Expr, QueryError},
                wanted::{self, Wanted},
            },
            model::Ranked,
            store::{ingest, narrow, open, open::Store},
        },
        session::{logic::Life, model::Session, store as sessions},
    },
};
use std::collections::HashSet;
use tantivy::Searcher;

/// So many conversations are listed.
const ROWS: usize = 40;
/// So many moments of one are shown.
const MOMENTS: usize = 6;
/// A word of so few characters is taken for no beginning: too many begin so.
const SHORTEST: usize = 2;

/// Looks for what is typed in the index as it was when it began.
#[derive(Debug)]
pub struct Finder {
    args: SearchArgs,
    store: Store,
    searcher: Searcher,
    known: Vec<Session>,
    alive: HashSet<String>,
    now: i64,
    found: Option<Found>,
}

/// What was found last.
#[derive(Debug)]
struct Found {
    number: u64,
    ranked: Vec<Ranked>,
    wanted: Vec<Wanted>,
}

impl Finder {
    /// Reads what is new, and who is here.
    pub fn new(ctx: &Ctx, args: &SearchArgs) -> Result<Self> {
        let store = open::open(!args.no_refresh)?;
        let Some(store) = store else {
            return Err(Error::no("there is no index yet").hint("git ccc index"));
        };
        if !args.no_refresh {
            refresh(ctx, &store, PATIENCE)?;
        }
        let known = registered(ctx);
        let alive = known
            .iter()
            .filter(|session| sessions::life(&session.record, ctx.now()) == Life::Alive)
            .map(|session| session.tag.to_string());
        let mut args = args.clone();
        args.moments = MOMENTS;
        Ok(Finder {
            alive: alive.collect(),
            args,
            searcher: ingest::reader(&store.index)?.searcher(),
            store,
            known,
            now: ctx.now().unix() * 1000,
            found: None,
        })
    }

    /// Looks for a query; `None` as soon as nobody wants to know any more.
    pub fn find(
        &mut self,
        number: u64,
        query: &str,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<Option<Answer>> {
        let expr = match query::parse(query) {
            Ok(expr) => with_tags(self.open_ended(expr, query)?, &self.known),
            // Before the first word there are the newest conversations.
            Err(QueryError::Empty) => Expr::All(Vec::new()),
            Err(error) => {
                let why = error.to_string();
                return Ok(Some(Answer::Wrong { number, why }));
            }
        };
        let found = self.asked().rank(&expr)?;
        let (ranked, wanted) = (found.ranked, found.wanted);
        let mut rows = Vec::new();
        for ranked in ranked.iter().take(ROWS) {
            if !is_wanted() {
                return Ok(None);
            }
            rows.push(self.row(ranked, &wanted)?);
        }
        let everywhere = ranked.iter().fold(0, |words, ranked| words | ranked.words);
        let answer = Answer::Found {
            number,
            rows,
            total: ranked.len(),
            unmatched: missing(&wanted, everywhere),
        };
        self.found = Some(Found {
            number,
            ranked,
            wanted,
        });
        Ok(Some(answer))
    }

    /// Reads the moments of a conversation; `None` if something else was looked for since.
    pub fn show(&self, number: u64, row: usize) -> Result<Option<Answer>> {
        let found = self.found.as_ref().filter(|found| found.number == number);
        let Some((found, ranked)) = found.and_then(|found| Some((found, found.ranked.get(row)?)))
        else {
            return Ok(None);
        };
        let hit = Box::new(self.asked().hit(ranked, &found.wanted)?);
        Ok(Some(Answer::Shown { number, row, hit }))
    }

    fn asked(&self) -> Asked<'_> {
        Asked {
            ctx: None,
            now: self.now,
            args: &self.args,
            store: &self.store,
            searcher: &self.searcher,
            known: &self.known,
        }
    }

    fn row(&self, ranked: &Ranked, wanted: &[Wanted]) -> Result<Row> {
        let hit = self.asked().face(ranked, wanted)?;
        let alive = hit.tag.as_ref().is_some_and(|tag| self.alive.contains(tag));
        Ok(Row { hit, alive })
    }

    /// Takes the last word for the beginning of one, if it stands nowhere as it is and more of it may come.
    fn open_ended(&self, expr: Expr, query: &str) -> Result<Expr> {
        if query.ends_with(char::is_whitespace) {
            return Ok(expr);
        }
        Ok(match expr {
            Expr::Word(word) if self.is_beginning(&word)? => Expr::Begin(word),
            Expr::All(mut parts) => {
                if let Some(Expr::Word(word)) = parts.last()
                    && self.is_beginning(word)?
                {
                    let begin = Expr::Begin(word.clone());
                    parts.pop();
                    parts.push(begin);
                }
                Expr::All(parts)
            }
            other => other,
        })
    }

    fn is_beginning(&self, word: &str) -> Result<bool> {
        let unreadable = || "the index cannot be read".to_owned();
        if word.chars().count() < SHORTEST {
            return Ok(false);
        }
        let fields = [self.store.fields.said, self.store.fields.bulk];
        for form in wanted::forms(word).iter().flat_map(|wanted| &wanted.terms) {
            for segment in self.searcher.segment_readers() {
                for field in fields {
                    let index = segment
                        .inverted_index(field)
                        .context(Kind::Setup, unreadable)?;
                    for term in narrow::expand(form, segment, field)? {
                        if index.doc_freq(&term).context(Kind::Setup, unreadable)? > 0 {
                            return Ok(false);
                        }
                    }
                }
            }
        }
        Ok(true)
    }
}
