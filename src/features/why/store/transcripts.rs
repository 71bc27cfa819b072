//! What transcripts say of a change, asked of the index: phrases find the places, the text of each is then compared.

use crate::{
    error::{Context, Kind, Result},
    features::{
        search::{
            logic::query::{Expr, Filter},
            model::{Role, Source},
            store::{
                ask::{self, Shown},
                narrow,
                open::{SOURCE, Store},
            },
        },
        why::{
            logic::{
                telling::{self, Mention},
                weigh::Sought,
            },
            model::Spot,
        },
    },
};
use serde_json::Value;
use std::{
    collections::{BTreeSet, HashSet},
    io::{Read, Seek, SeekFrom},
    path::Path,
};
use tantivy::Searcher;

/// A line that stands in more places is everybody's: the rest is not looked at.
const PLACES: usize = 120;
/// A longer record is not read again to tell old text from new.
const RECORD: u64 = 4 * 1024 * 1024;

/// The index as it is now.
#[derive(Debug)]
pub struct Transcripts<'t> {
    /// The index.
    pub store: &'t Store,
    /// A view of it that does not change.
    pub searcher: &'t Searcher,
    /// The time, in milliseconds.
    pub now: i64,
}

fn unreadable() -> String {
    "the index cannot be read".to_owned()
}

impl Transcripts<'_> {
    /// Finds the places of some roles that fit a query.
    pub fn spots(&self, expr: &Expr, roles: &[Role]) -> Result<Vec<Spot>> {
        let fields = &self.store.fields;
        let Some(need) = narrow::needs(expr, self.searcher, fields, self.now)? else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for (ord, segment) in (0_u32..).zip(self.searcher.segment_readers()) {
            let bits = narrow::narrow(&need, segment, fields)?;
            self.collect(ord, &|doc| bits.has(doc), roles, &mut found)?;
        }
        Ok(found)
    }

    fn collect(
        &self,
        ord: u32,
        fits: &dyn Fn(u32) -> bool,
        wanted: &[Role],
        found: &mut Vec<Spot>,
    ) -> Result<()> {
        let segment = self.searcher.segment_reader(ord);
        let columns = segment.fast_fields();
        let column = |name: &str| columns.u64(name).context(Kind::Setup, unreadable);
        let (roles, sessions) = (column("role")?, column("session")?);
        let (sources, places) = (column("source")?, column("at")?);
        let times = columns.i64("time").context(Kind::Setup, unreadable)?;
        for doc in (0..segment.max_doc()).filter(|doc| fits(*doc) && !segment.is_deleted(*doc)) {
            let role = roles.first(doc).unwrap_or(SOURCE);
            if role != SOURCE && wanted.contains(&Role::of_number(role)) {
                found.push(Spot {
                    at: (ord, doc),
                    source: sources.first(doc).unwrap_or_default(),
                    session: sessions.first(doc).unwrap_or_default(),
                    place: places.first(doc).unwrap_or_default(),
                    time: times.first(doc).unwrap_or_default(),
                });
            }
        }
        Ok(())
    }

    /// Reads a place.
    pub fn show(&self, spot: &Spot) -> Result<Shown> {
        ask::show(self.store, self.searcher, spot.at)
    }

    /// Reads what is known of a source.
    pub fn source(&self, spot: &Spot) -> Result<Source> {
        ask::source(self.store, self.searcher, spot.source)
    }

    /// Finds where tools were given a line, until a time; the newest places first.
    pub fn line(&self, line: &str, asked: bool, until: i64) -> Result<Sought> {
        let phrase = Expr::Phrase(telling::phrase(line).to_owned());
        let mut spots = self.spots(&phrase, &[Role::ToolIn])?;
        spots.retain(|spot| spot.time <= until);
        spots.sort_by_key(|spot| std::cmp::Reverse((spot.time, spot.place)));
        spots.truncate(PLACES);
        let mut sought = Sought {
            asked,
            spots: Vec::new(),
        };
        for spot in spots {
            let shown = self.show(&spot)?;
            let tool = shown.tool.clone().unwrap_or_default();
            if telling::has(&shown.text, &tool, line) && self.is_new(&spot, &tool, line)? {
                sought.spots.push(spot);
            }
        }
        Ok(sought)
    }

    /// Tells whether an edit put a line in and did not only take it out; where that cannot be read any more, it did.
    fn is_new(&self, spot: &Spot, tool: &str, line: &str) -> Result<bool> {
        if !matches!(tool, "Edit" | "MultiEdit") {
            return Ok(true);
        }
        let source = self.source(spot)?;
        let there = (!source.gone).then(|| record(Path::new(&source.path), spot.place >> 16));
        let record = there.flatten();
        Ok(record.is_none_or(|record| puts_in(&record, line)))
    }

    /// Finds the tool output in which whoever made a commit saw its name; else who saw it just after it was made.
    pub fn makers(&self, commit: &str, committed: i64) -> Result<Vec<(Mention, Spot)>> {
        let name = Expr::Filter(Filter::Commit(commit.to_owned()));
        let mut found = Vec::new();
        for spot in self.spots(&name, &[Role::ToolOut])? {
            let text = self.show(&spot)?.text;
            match telling::mention(&text, commit) {
                Some(Mention::Made) => found.push((Mention::Made, spot)),
                Some(Mention::Named) if near(spot.time, committed) => {
                    found.push((Mention::Named, spot));
                }
                _ => {}
            }
        }
        found.sort_by_key(|(mention, spot)| (std::cmp::Reverse(*mention), spot.time));
        let mut seen = HashSet::new();
        found.retain(|(_, spot)| seen.insert(spot.session));
        // One made it; another that shows it read about it.
        if found
            .first()
            .is_some_and(|(first, _)| *first == Mention::Made)
        {
            found.truncate(1);
        }
        found.truncate(3);
        Ok(found)
    }

    /// Finds who gave tools a path: all, and the last place of each within some times.
    pub fn touched(&self, path: &str, times: &[(i64, i64)]) -> Result<(BTreeSet<u64>, Vec<Spot>)> {
        let file = Expr::Filter(Filter::File(path.to_owned()));
        let mut spots = self.spots(&file, &[Role::ToolIn, Role::Lookup])?;
        let all = spots.iter().map(|spot| spot.session).collect();
        spots.retain(|spot| {
            let mut times = times.iter();
            times.any(|(from, until)| (*from..=*until).contains(&spot.time))
        });
        spots.sort_by_key(|spot| std::cmp::Reverse(spot.time));
        let mut seen = HashSet::new();
        spots.retain(|spot| seen.insert(spot.session));
        Ok((all, spots))
    }

    /// Finds where a conversation was said, by its own id.
    pub fn conversation(&self, agent: Option<&str>, id: &str) -> Result<Option<Spot>> {
        let mut parts = vec![Expr::Filter(Filter::Session(id.to_owned()))];
        if let Some(agent) = agent {
            parts.push(Expr::Filter(Filter::Agent(agent.to_owned())));
        }
        let spots = self.spots(&Expr::All(parts), &Role::ALL)?;
        let sessions: HashSet<u64> = spots.iter().map(|spot| spot.session).collect();
        // The beginning of an id may be that of several.
        Ok((sessions.len() == 1).then(|| spots[0]))
    }

    /// Finds the last thing that a person said before a place of a conversation.
    pub fn prompt(&self, session: u64, before: i64) -> Result<Option<(Spot, Shown)>> {
        let mut said = Vec::new();
        for (ord, segment) in (0_u32..).zip(self.searcher.segment_readers()) {
            let columns = segment.fast_fields();
            let column = columns.u64("session").context(Kind::Setup, unreadable)?;
            let fits = |doc: u32| column.first(doc) == Some(session);
            self.collect(ord, &fits, &[Role::Human], &mut said)?;
        }
        said.retain(|spot| spot.time <= before);
        let Some(last) = said.iter().max_by_key(|spot| (spot.time, spot.place >> 16)) else {
            return Ok(None);
        };
        // A long prompt has pieces: it begins with the first.
        let record =
            |spot: &&Spot| spot.source == last.source && spot.place >> 16 == last.place >> 16;
        let first = said.iter().filter(record).min_by_key(|spot| spot.place);
        let spot = *first.unwrap_or(last);
        Ok(Some((spot, self.show(&spot)?)))
    }
}

/// Whoever made a commit sees its name soon.
fn near(time: i64, committed: i64) -> bool {
    const BEFORE: i64 = 2 * 60 * 1000;
    const AFTER: i64 = 30 * 60 * 1000;
    (committed - BEFORE..=committed + AFTER).contains(&time)
}

/// Reads one record of a transcript; none if it is not there, packed or too long.
fn record(path: &Path, offset: u64) -> Option<Value> {
    if path.extension().is_none_or(|ending| ending != "jsonl") {
        return None;
    }
    let mut file = std::fs::File::open(path).ok()?;
    file.seek(SeekFrom::Start(offset)).ok()?;
    let mut all = serde_json::Deserializer::from_reader(file.take(RECORD)).into_iter::<Value>();
    all.next()?.ok()
}

/// Tells whether one of a record's edits puts a line in that it did not find there.
fn puts_in(record: &Value, line: &str) -> bool {
    let blocks = record["message"]["content"].as_array();
    let has = |text: &Value| {
        let text = text.as_str().unwrap_or_default();
        text.lines()
            .filter(|row| telling::normal(row) == line)
            .count()
    };
    let puts = |edit: &Value| has(&edit["new_string"]) > has(&edit["old_string"]);
    blocks.into_iter().flatten().any(|block| {
        let input = &block["input"];
        puts(input)
            || input["edits"]
                .as_array()
                .is_some_and(|edits| edits.iter().any(puts))
    })
}
