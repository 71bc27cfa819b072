//! A question while it is answered: which conversations, and what is shown of each.

use super::{
    meaning::{self, Mode, Near},
    search::{SearchArgs, SortArg},
};
use crate::{
    base::secrets::mask,
    ctx::Ctx,
    error::Result,
    features::{
        search::{
            logic::{
                blend,
                pieces::floor,
                query::Expr,
                rank::{Order, Sort},
                snippet::snippet,
                wanted::{self, Wanted},
            },
            model::{Hit, Line, Moment, Ranked, Role, Scored, Source},
            readers,
            store::{
                ask::{self, Question, Shown},
                narrow,
                open::{Store, shown as moment_of},
                record,
            },
        },
        session::{model::Session, register::own_native},
    },
};
use std::{collections::HashSet, path::Path};
use tantivy::Searcher;

/// About so many bytes of a moment are shown.
const WIDTH: usize = 280;
/// So many characters of a neighbour are shown.
const NEIGHBOUR: usize = 400;

/// One question, while it is answered.
pub(super) struct Asked<'a> {
    /// Where meaning can be asked for; without it, as while one types, words decide.
    pub ctx: Option<&'a Ctx>,
    /// The time, in milliseconds.
    pub now: i64,
    /// How it is asked.
    pub args: &'a SearchArgs,
    /// The index.
    pub store: &'a Store,
    /// A view of it that does not change.
    pub searcher: &'a Searcher,
    /// The sessions that are registered here.
    pub known: &'a [Session],
}

/// What a query found.
pub(super) struct Found {
    /// The conversations, the best first.
    pub ranked: Vec<Ranked>,
    /// The words that were wanted.
    pub wanted: Vec<Wanted>,
    /// How it was found.
    pub mode: Mode,
    /// Why meaning counted less than it could.
    pub down: Option<String>,
}

impl Asked<'_> {
    /// Ranks the conversations.
    pub fn rank(&self, expr: &Expr) -> Result<Found> {
        let now = self.now;
        let wanted = wanted::wanted(expr);
        let need = narrow::needs(expr, self.searcher, &self.store.fields, now)?;
        let mut without = HashSet::new();
        if let Some((id, agent)) = own_native().filter(|_| !self.args.own) {
            without.insert(record::conversation(&agent, &id));
        }
        let question = Question {
            wanted: &wanted,
            need: need.as_ref(),
            without: &without,
            all_words: self.args.all_words,
        };
        let (mut places, common) = ask::weigh(self.store, self.searcher, &question)?;
        let order = self.order(&wanted);
        let mode = self.mode(expr, (&wanted, order.sort))?;
        let rarity: Vec<f32> = common.iter().map(|common| common.rarity).collect();
        let share = match mode {
            Mode::Keyword => 0.0,
            Mode::Semantic => 1.0,
            Mode::Hybrid => blend::share(&mut places, &rarity, &order),
        };
        let near = match self.ctx {
            Some(ctx) if share > 0.0 => {
                let index = (self.store, self.searcher);
                let fresh = !self.args.no_refresh;
                meaning::near(ctx, index, (expr, &question), &common, fresh)?
            }
            _ => Near::default(),
        };
        let ranked = match mode {
            Mode::Semantic => blend::by_meaning(near.places, &order),
            _ => blend::blend(places, near.places, share, &order),
        };
        Ok(Found {
            ranked,
            wanted,
            mode,
            down: near.down,
        })
    }

    fn order(&self, wanted: &[Wanted]) -> Order {
        let sort = match self.args.sort {
            SortArg::Newest => Sort::Newest,
            SortArg::Oldest => Sort::Oldest,
            // Without words there is nothing to fit better.
            SortArg::Best if wanted.is_empty() => Sort::Newest,
            SortArg::Best if self.args.recent => Sort::Recent,
            SortArg::Best => Sort::Best,
        };
        Order {
            sort,
            now: self.now,
            moments: self.args.moments.max(1),
        }
    }

    fn mode(&self, expr: &Expr, (wanted, sort): (&[Wanted], Sort)) -> Result<Mode> {
        let Some(ctx) = self.ctx else {
            return Ok(Mode::Keyword);
        };
        let mode = Mode::of(ctx, self.args.mode, expr)?;
        // What is not ranked by how well it fits, or must have all words, is as exact as can be.
        let exact = wanted.is_empty() || self.args.all_words;
        let by_age = matches!(sort, Sort::Newest | Sort::Oldest) && mode == Mode::Hybrid;
        Ok(if exact || by_age { Mode::Keyword } else { mode })
    }

    /// Returns a conversation with its moments.
    pub fn hit(&self, ranked: &Ranked, wanted: &[Wanted]) -> Result<Hit> {
        let shown = self.shown(&ranked.moments)?;
        let moments = shown.iter().map(|place| self.moment(place, wanted));
        Ok(Hit {
            moments: moments.collect::<Result<_>>()?,
            ..self.described(ranked, wanted, &shown)
        })
    }

    /// Returns a conversation without its moments, which is all that a list needs.
    pub fn face(&self, ranked: &Ranked, wanted: &[Wanted]) -> Result<Hit> {
        let first = &ranked.moments[..ranked.moments.len().min(1)];
        Ok(self.described(ranked, wanted, &self.shown(first)?))
    }

    /// Reads places, each with its source.
    fn shown(&self, moments: &[Scored]) -> Result<Vec<(Shown, Scored, Source)>> {
        let mut shown: Vec<(Shown, Scored, Source)> = Vec::new();
        for moment in moments {
            let place = ask::show(self.store, self.searcher, moment.at)?;
            // A piece that says the same says nothing new.
            if !shown.iter().any(|(known, _, _)| known.hash == place.hash) {
                let source = ask::source(self.store, self.searcher, place.source)?;
                shown.push((place, *moment, source));
            }
        }
        Ok(shown)
    }

    /// Says what is known of the conversation of some places.
    fn described(
        &self,
        ranked: &Ranked,
        wanted: &[Wanted],
        shown: &[(Shown, Scored, Source)],
    ) -> Hit {
        let source = shown
            .first()
            .map(|(_, _, source)| source.clone())
            .unwrap_or_default();
        let under = shown
            .first()
            .and_then(|(place, _, _)| place.tool.clone())
            .unwrap_or_default();
        let of_repo = matches!(source.agent.as_str(), "room" | "log" | "memory" | "plan");
        let session = if of_repo {
            under
        } else {
            source.conversation().to_owned()
        };
        let tag = self.known.iter().find(|known| {
            known.record.native.as_ref() == Some(&session)
                && known.record.agent.as_ref() == Some(&source.agent)
        });
        let span = shown.iter().filter_map(|(_, _, source)| source.span);
        let span = span.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        let resume = readers::of_agent(&source.agent).map(|reader| reader.resume(&session));
        Hit {
            agent: source.agent.clone(),
            title: source.title().map(|title| mask(title).into_owned()),
            tag: tag.map(|session| session.tag.to_string()),
            project: source
                .dirs
                .first()
                .and_then(|dir| Path::new(dir).file_name())
                .map(|name| name.to_string_lossy().into_owned()),
            branches: source.branches.clone(),
            began: span.and_then(|(first, _)| moment_of(first)),
            last: span.and_then(|(_, last)| moment_of(last)),
            score: ranked.score,
            missing: missing(wanted, ranked.words),
            resume: resume.filter(|_| !source.gone),
            moments: Vec::new(),
            session,
        }
    }

    fn moment(
        &self,
        (place, scored, source): &(Shown, Scored, Source),
        wanted: &[Wanted],
    ) -> Result<Moment> {
        let masked = mask(&place.text);
        let code = matches!(
            place.role,
            Role::ToolIn | Role::ToolOut | Role::Lookup | Role::Echo
        );
        let best = snippet(&masked, wanted, WIDTH, code);
        let mut around = Vec::new();
        if self.args.context > 0 {
            for (after, neighbour) in
                ask::around(self.store, self.searcher, place, self.args.context)?
            {
                let text = &neighbour.text[..floor(&neighbour.text, NEIGHBOUR)];
                around.push(Line {
                    role: neighbour.role.word(),
                    after,
                    text: mask(text).into_owned(),
                });
            }
        }
        let named = matches!(
            place.role,
            Role::Message | Role::Log | Role::Memory | Role::Plan
        );
        let tool = place.tool.clone().filter(|_| !named);
        Ok(Moment {
            role: place.role.word(),
            tool,
            at: moment_of(place.time),
            snippet: best.text,
            highlights: best.marks,
            around,
            path: (!source.gone).then(|| source.path.clone()),
            offset: place.at >> 16,
            subagent: source.parent.is_some(),
            hash: format!("{:016x}", place.hash),
            score: scored.score,
        })
    }
}

pub(super) fn missing(wanted: &[Wanted], words: u32) -> Vec<String> {
    let lacks = |index: &usize| words & (1 << index.min(&(wanted::BITS - 1))) == 0;
    (0..wanted.len())
        .filter(lacks)
        .map(|index| wanted[index].typed.clone())
        .collect()
}
