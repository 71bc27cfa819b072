//! Asking by meaning: when it is asked, of which embedder, and what is said if that one is down.

use crate::{
    ctx::Ctx,
    env,
    error::Result,
    features::search::{
        logic::{blend, query::Expr, wanted::Wanted},
        model::Scored,
        store::{
            ask::{Common, Question},
            builtin::Builtin,
            embed,
            fill::{Filled, fill},
            near,
            open::Store,
            vectors::Vectors,
        },
    },
    ui::progress::Progress,
};
use clap::ValueEnum;
use tantivy::Searcher;

/// How to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// By words
    Keyword,
    /// By meaning
    Semantic,
    /// By words, and by meaning as far as words fail
    Hybrid,
}

impl Mode {
    /// Returns the mode for a query: what was asked for, else what the settings say, unless the query is exact.
    pub fn of(ctx: &Ctx, asked: Option<Mode>, expr: &Expr) -> Result<Mode> {
        if let Some(mode) = asked {
            return Ok(mode);
        }
        let settings = ctx.settings_anywhere()?;
        Ok(match settings.search_mode() {
            "keyword" => Mode::Keyword,
            _ if !blend::is_prose(expr) => Mode::Keyword,
            "semantic" => Mode::Semantic,
            _ => Mode::Hybrid,
        })
    }

    /// Returns the word.
    pub fn word(self) -> &'static str {
        match self {
            Mode::Keyword => "keyword",
            Mode::Semantic => "semantic",
            Mode::Hybrid => "hybrid",
        }
    }
}

/// What meaning found, or why it could not be asked.
#[derive(Debug, Default)]
pub struct Near {
    /// Passages.
    pub places: Vec<Scored>,
    /// Why there are none, or not all.
    pub down: Option<String>,
}

/// A search embeds so many new texts at a server before it is answered.
const FEW: usize = 64;

/// Finds passages by meaning.
pub fn near(
    ctx: &Ctx,
    (store, searcher): (&Store, &Searcher),
    (expr, question): (&Expr, &Question<'_>),
    common: &[Common],
    fresh: bool,
) -> Result<Near> {
    let embedder = embed::of(&ctx.settings_anywhere()?, env::embedder_key())?;
    let Some(text) = sayable(expr, question.wanted, common, embedder.is_quick())? else {
        return Ok(Near::default());
    };
    let asked = match embedder.embed(&[&text], true) {
        Ok(mut vectors) => vectors.pop().flatten(),
        Err(down) => {
            return Ok(Near {
                places: Vec::new(),
                down: Some(down.to_string()),
            });
        }
    };
    let Some(asked) = asked else {
        return Ok(Near::default());
    };
    let mut vectors = Vectors::open(&*embedder)?;
    let mut filled = Filled::default();
    if fresh {
        let limit = if embedder.is_quick() { usize::MAX } else { FEW };
        let bar = Progress::new(&ctx.ui, "embedding");
        let both = (&mut vectors, &*embedder);
        let done = fill(store, searcher, both, limit, &mut |done, of| {
            bar.set(done, of);
        });
        bar.end();
        filled = done?;
    }
    let more = (filled.left > 0).then(|| {
        let left = filled.left;
        let why = filled
            .down
            .map_or_else(String::new, |why| format!(": {why}"));
        format!("{left} passages have no vector yet{why}; git ccc index makes them")
    });
    Ok(Near {
        places: near::near(
            store,
            searcher,
            question,
            (&vectors, &asked, embedder.floor()),
        )?,
        down: more,
    })
}

/// Returns what of a query says something, if any of its words stands somewhere or is one that everybody knows.
///
/// Of a word that is neither, the builtin embedder would make a vector up; a larger model may still know it.
fn sayable(
    expr: &Expr,
    wanted: &[Wanted],
    common: &[Common],
    known_only: bool,
) -> Result<Option<String>> {
    let builtin = Builtin::open()?;
    let made_up =
        |(wanted, common): &(&Wanted, &Common)| !common.known && !builtin.knows(&wanted.typed);
    let both = wanted.iter().zip(common);
    let strange: Vec<&str> = both
        .filter(made_up)
        .map(|(wanted, _)| wanted.typed.as_str())
        .collect();
    if strange.len() == wanted.len() {
        return Ok(None);
    }
    let says = |word: &&str| !known_only || !strange.iter().any(|strange| word.contains(strange));
    let words: Vec<&str> = blend::spoken(expr).into_iter().filter(says).collect();
    Ok(Some(words.join(" ")))
}

/// Embeds everything that has no vector yet.
pub fn complete(ctx: &Ctx, store: &Store, searcher: &Searcher) -> Result<(Filled, usize, String)> {
    let embedder = embed::of(&ctx.settings_anywhere()?, env::embedder_key())?;
    let mut vectors = Vectors::open(&*embedder)?;
    let bar = Progress::new(&ctx.ui, "embedding");
    let both = (&mut vectors, &*embedder);
    let filled = fill(store, searcher, both, usize::MAX, &mut |done, of| {
        bar.set(done, of);
    });
    bar.end();
    Ok((filled?, vectors.len(), embedder.name().to_owned()))
}
