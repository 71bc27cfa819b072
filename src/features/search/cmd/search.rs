//! `git ccc search`.

use super::{
    asked::{Asked, missing},
    live::{Ask, live},
    meaning::Mode,
    paging::{after, cursor},
    refresh,
};
use crate::{
    base::{secrets::mask, text},
    ctx::Ctx,
    env,
    error::{Error, Result},
    features::{
        search::{
            logic::query::{self, Expr, Filter},
            model::Ranked,
            readers,
            store::{ask, ingest, open},
            view::SearchView,
        },
        session::{model::Session, store as sessions},
    },
    git::run,
    proc::{Cmd, Output},
};
use clap::{Args, ValueEnum};
use std::{path::Path, time::Duration};
use tantivy::Searcher;

/// Another writer is waited for this long before the index is asked as it is.
pub(super) const PATIENCE: Duration = Duration::from_millis(300);

/// In what order.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum SortArg {
    /// Those that fit best
    #[default]
    Best,
    /// The newest
    Newest,
    /// The oldest
    Oldest,
}

/// Arguments of `search`.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
#[derive(Clone, Debug, Args)]
#[command(after_long_help = HELP)]
pub struct SearchArgs {
    /// What to look for: words, "phrase", begin*, -not, OR, (…), role: tool: file: project: branch: session: agent: room: after: before: commit:
    #[arg(required_unless_present_any = ["filters", "commit", "interactive"], num_args = 1.., value_name = "QUERY")]
    pub(super) query: Vec<String>,
    /// Show so many conversations
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub(super) limit: usize,
    /// Show so many moments of each
    #[arg(long, default_value_t = 3, value_name = "N")]
    pub(super) moments: usize,
    /// The order
    #[arg(long, value_enum, default_value_t)]
    pub(super) sort: SortArg,
    /// What is new counts clearly more
    #[arg(long)]
    pub(super) recent: bool,
    /// How to find; unless said, a query of identifiers, quotes or alternatives is found by words
    #[arg(long, value_enum)]
    pub(super) mode: Option<Mode>,
    /// Only what has all words
    #[arg(long)]
    pub(super) all_words: bool,
    /// Do not look for new text first
    #[arg(long)]
    pub(super) no_refresh: bool,
    /// Show so many neighbours on both sides of each moment
    #[arg(short = 'C', long, default_value_t = 0, value_name = "N")]
    pub(super) context: usize,
    /// Only conversations that name this commit, by any name that git knows
    #[arg(long, value_name = "SHA")]
    pub(super) commit: Option<String>,
    /// Open the best moment in $VISUAL or $EDITOR, or say where it is
    #[arg(long)]
    pub(super) open: bool,
    /// Search as you type, on the whole screen
    #[arg(short, long, conflicts_with_all = ["context", "open", "cursor"])]
    pub(super) interactive: bool,
    /// Find what the asking conversation said itself, too
    #[arg(long)]
    pub(super) own: bool,
    /// Go on behind an earlier answer, by its cursor
    #[arg(long, value_name = "CURSOR")]
    pub(super) cursor: Option<String>,
    /// Print the names of the filters, a line each, for completion
    #[arg(long, hide = true)]
    pub(super) filters: bool,
}

const HELP: &str = "\
Who has more of the words ranks higher; phrases, filters and -not are required. Identifiers are found whole and by
their parts, names of commits by their beginning.

  git ccc search 'retry backoff file:src/net role:human after:2w'
  git ccc search '\"connection reset\" -test project:api'
  git ccc search 'commit:3f78685'
  git ccc search --commit HEAD~2
  git ccc search -i 'retry backoff'

On the screen of -i: up and down choose a conversation and tab one of its moments, enter opens it in the editor, ^Y copies
the command that goes on with the conversation, ^S sends a question to its session if that is running, esc ends.

In one word of the shell a query may begin with -: put -- before it.";

/// Runs `search`; asking a session something is the caller's business, who passes what does it.
pub fn search(ctx: &Ctx, args: &SearchArgs, ask: Ask<'_>) -> Result<()> {
    if args.interactive {
        return live(ctx, args, ask);
    }
    if args.filters {
        return ctx
            .ui
            .raw(format!("{}\n", query::FILTERS.join("\n")).as_bytes());
    }
    let text = query_text(ctx, args);
    let expr = query::parse(&text)
        .map_err(|error| Error::usage(error.to_string()).hint("git ccc search --help"))?;
    let known = registered(ctx);
    let expr = with_tags(expr, &known);
    let store = open::open(!args.no_refresh)?;
    let Some(store) = store else {
        return Err(Error::no("there is no index yet").hint("git ccc index"));
    };
    let stale = !args.no_refresh && refresh(ctx, &store, PATIENCE)?.busy;
    let searcher = ingest::reader(&store.index)?.searcher();
    let asked = Asked {
        ctx: Some(ctx),
        now: ctx.now().unix() * 1000,
        args,
        store: &store,
        searcher: &searcher,
        known: &known,
    };
    let found = asked.rank(&expr)?;
    let (ranked, wanted) = (found.ranked, found.wanted);
    let total = ranked.len();
    let from = args
        .cursor
        .as_ref()
        .map_or(Ok(0), |cursor| after(&ranked, cursor))?;
    let page: Vec<&Ranked> = ranked.iter().skip(from).take(args.limit).collect();
    if page.is_empty() {
        return Err(nothing(&text, total, &searcher));
    }
    if args.open {
        return open_best(ctx, &asked, page[0]);
    }
    let more = from + page.len() < total;
    let everywhere = ranked.iter().fold(0, |words, ranked| words | ranked.words);
    let hits = page.iter().map(|ranked| asked.hit(ranked, &wanted));
    let view = SearchView {
        query: text,
        hits: hits.collect::<Result<_>>()?,
        total,
        cursor: page.last().filter(|_| more).map(|last| cursor(last)),
        unmatched: missing(&wanted, everywhere),
        mode: found.mode.word(),
        degraded: found.down,
        stale,
        colour: ctx.ui.in_colour(),
    };
    tell(ctx, &view)
}

fn tell(ctx: &Ctx, view: &SearchView) -> Result<()> {
    if !view.unmatched.is_empty() {
        let words = text::one_line(&view.unmatched.join(" "), 200);
        ctx.ui.note(&format!("nowhere: {words}"));
    }
    if let Some(why) = &view.degraded {
        ctx.ui
            .note(&format!("meaning counts less than it could: {why}"));
    }
    if view.stale {
        ctx.ui
            .note("another process is indexing: the newest may be missing");
    }
    ctx.ui.answer(view)
}

/// Returns the query with the commit that an option names, by its full name if git knows it here.
pub(super) fn query_text(ctx: &Ctx, args: &SearchArgs) -> String {
    let mut words = args.query.clone();
    if let Some(name) = &args.commit {
        let full = ctx.repo().ok().and_then(|repo| {
            let asked = run::read(repo)
                .args(["rev-parse", "--verify", "--quiet", "--end-of-options"])
                .arg(format!("{name}^{{commit}}"));
            let out = asked.run().ok().filter(Output::ok)?;
            Some(out.stdout_text().trim().to_owned())
        });
        words.push(format!("commit:{}", full.as_ref().unwrap_or(name)));
    }
    words.join(" ")
}

fn nothing(text: &str, total: usize, searcher: &Searcher) -> Error {
    if total > 0 {
        return Error::no("there is no more");
    }
    let error = Error::no(format!("nothing matches {}", text::one_line(text, 200)));
    if searcher.num_docs() == 0 {
        return error
            .because("no transcript was found")
            .hint("git ccc index --status");
    }
    error
}

/// Returns the sessions that are registered here, if this is a repository that has any.
pub(super) fn registered(ctx: &Ctx) -> Vec<Session> {
    // Outside of a repository, or in one that is not set up, there are none.
    ctx.repo()
        .and_then(sessions::load_readable)
        .unwrap_or_default()
}

/// Puts a conversation's own id in the place of a session's tag.
pub(super) fn with_tags(expr: Expr, known: &[Session]) -> Expr {
    let list = |parts: Vec<Expr>| {
        parts
            .into_iter()
            .map(|part| with_tags(part, known))
            .collect()
    };
    match expr {
        Expr::All(parts) => Expr::All(list(parts)),
        Expr::Any(parts) => Expr::Any(list(parts)),
        Expr::Not(part) => Expr::Not(Box::new(with_tags(*part, known))),
        Expr::Filter(Filter::Session(name)) => {
            let fits =
                |session: &&Session| session.tag.as_str() == name || session.tag.slug() == name;
            let native = known
                .iter()
                .find(fits)
                .and_then(|session| session.record.native.clone());
            Expr::Filter(Filter::Session(native.unwrap_or(name)))
        }
        other => other,
    }
}

/// Opens the best moment where it stands in the transcript.
fn open_best(ctx: &Ctx, asked: &Asked<'_>, ranked: &Ranked) -> Result<()> {
    let place = ask::show(asked.store, asked.searcher, ranked.moments[0].at)?;
    let source = ask::source(asked.store, asked.searcher, place.source)?;
    if source.gone || readers::of_agent(&source.agent).is_none() {
        let text = text::block(&mask(&place.text));
        return ctx.ui.raw(format!("{text}\n").as_bytes());
    }
    let line = line_of(Path::new(&source.path), place.at >> 16);
    let Some(editor) = editor(&source.path, line).filter(|_| ctx.ui.on_terminal()) else {
        return ctx.ui.raw(format!("{}:{line}\n", source.path).as_bytes());
    };
    if editor.run_attached()?.success() {
        Ok(())
    } else {
        Err(Error::no("the editor ended with an error"))
    }
}

/// Returns what opens a file at a line in $VISUAL or $EDITOR.
pub(super) fn editor(path: &str, line: u64) -> Option<Cmd> {
    let editor = env::editor()?;
    let mut words = editor.split_whitespace();
    let editor = Cmd::new(words.next()?).args(words);
    Some(editor.arg(format!("+{line}")).arg(path))
}

/// Counts lines up to a byte of a file; one that cannot be read is shown from its beginning.
pub(super) fn line_of(path: &Path, offset: u64) -> u64 {
    use std::io::Read;
    let Ok(file) = std::fs::File::open(path) else {
        return 1;
    };
    let mut line = 1;
    let mut rest = file.take(offset);
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = rest.read(&mut buffer) {
        line += memchr::memchr_iter(b'\n', &buffer[..read]).count() as u64;
    }
    line
}
