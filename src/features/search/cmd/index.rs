//! `git ccc index`.

use super::{meaning, places, refresh};
use crate::{
    ctx::Ctx,
    error::{Context, Error, Kind, Result},
    features::search::{
        store::{
            ask, cursor, files, ingest, open,
            open::{SOURCE, Store},
            sweep::Report,
        },
        view::{IndexView, Unreadable, VectorsView},
    },
};
use clap::Args;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

/// Arguments of `index`.
#[derive(Debug, Args)]
pub struct IndexArgs {
    /// Go on with what comes, until interrupted
    #[arg(long, conflicts_with = "status")]
    watch: bool,
    /// Begin again from nothing; the text of transcripts that are gone is lost
    #[arg(long, conflicts_with = "status")]
    rebuild: bool,
    /// Change nothing: say what is indexed, by types of records
    #[arg(long)]
    status: bool,
}

/// Others are waited for this long.
const PATIENCE: Duration = Duration::from_secs(600);
/// What no event announces is found this soon.
const TICK: Duration = Duration::from_secs(20);
/// One write makes many events.
const SETTLED: Duration = Duration::from_millis(200);

/// Runs `index`.
pub fn index(ctx: &Ctx, args: &IndexArgs) -> Result<()> {
    if args.status {
        return status(ctx);
    }
    if args.rebuild {
        open::remove()?;
    }
    let store = open::open(true)?.ok_or_else(|| Error::internal("the index was not made"))?;
    if args.watch {
        return watch(ctx, &store);
    }
    let report = refresh(ctx, &store, PATIENCE)?;
    let failed =
        report.files > 0 && report.unreadable.len() as u64 >= report.files && report.read == 0;
    let mut view = view(&store, report, false)?;
    view.vectors = embed(ctx, &store)?;
    ctx.ui.answer(&view)?;
    if failed && view.added == 0 && view.documents == 0 {
        return Err(Error::no("nothing could be indexed")
            .because("no transcript can be read")
            .hint("git ccc index --status"));
    }
    Ok(())
}

/// Embeds what is new, unless nobody wants to find by meaning.
fn embed(ctx: &Ctx, store: &Store) -> Result<Option<VectorsView>> {
    if ctx.settings_anywhere()?.search_mode() == "keyword" {
        return Ok(None);
    }
    let searcher = ingest::reader(&store.index)?.searcher();
    let (filled, passages, embedder) = meaning::complete(ctx, store, &searcher)?;
    Ok(Some(VectorsView {
        embedder,
        passages,
        added: filled.added,
        left: filled.left,
        why: filled.down,
    }))
}

fn status(ctx: &Ctx) -> Result<()> {
    let Some(store) = open::open(false)? else {
        return Err(Error::no("there is no index yet").hint("git ccc index"));
    };
    let mut report = Report::default();
    for cursor in cursor::load(&store.index, &store.dir)? {
        report.files += u64::from(cursor.mark.is_empty());
        report.gone += u64::from(cursor.gone);
    }
    ctx.ui.answer(&view(&store, report, true)?)
}

fn view(store: &Store, report: Report, by_type: bool) -> Result<IndexView> {
    let searcher = ingest::reader(&store.index)?.searcher();
    let mut view = IndexView {
        directory: store.dir.display().to_string(),
        files: report.files,
        read: report.read,
        read_again: report.again,
        moved: report.moved,
        gone: report.gone,
        bytes: report.bytes,
        added: report.added,
        copies: report.copies,
        size: size(&store.dir).context(Kind::Setup, || "the index cannot be read".to_owned())?,
        busy: report.busy,
        ..IndexView::default()
    };
    let shown = |(path, why): (PathBuf, String)| Unreadable {
        path: path.display().to_string(),
        why,
    };
    view.unreadable = report.unreadable.into_iter().map(shown).collect();
    let mut records = BTreeMap::new();
    for segment in searcher.segment_readers() {
        let roles = segment
            .fast_fields()
            .u64("role")
            .context(Kind::Setup, || "the index cannot be read".to_owned())?;
        for doc in segment.doc_ids_alive() {
            if roles.first(doc) != Some(SOURCE) {
                view.documents += 1;
            }
        }
    }
    for cursor in cursor::load(&store.index, &store.dir)? {
        if !by_type {
            break;
        }
        let source = ask::source(store, &searcher, cursor.id)?;
        view.broken += source.broken;
        for (kind, count) in source.records {
            if kind != "(named)" {
                *records
                    .entry(format!("{} {kind}", source.agent))
                    .or_default() += count;
            }
        }
    }
    view.records = records;
    Ok(view)
}

fn size(dir: &Path) -> std::io::Result<u64> {
    let mut total = 0;
    for entry in std::fs::read_dir(dir)? {
        // A file that went away beside us has no size.
        total += entry?.metadata().map_or(0, |meta| meta.len());
    }
    Ok(total)
}

/// Goes on: events say when to look, the look says what is new.
fn watch(ctx: &Ctx, store: &Store) -> Result<()> {
    loop {
        let roots = files::walk(&places(), &[]).roots;
        // Listening starts before looking, so that nothing comes unseen in between.
        let alarm = crate::fs::Watch::below(&roots);
        let report = refresh(ctx, store, PATIENCE)?;
        if report.added > 0 {
            embed(ctx, store)?;
        }
        if report.added > 0
            && !ctx
                .ui
                .hand_over(format!("{} new documents\n", report.added).as_bytes())?
        {
            return Ok(());
        }
        alarm.wait(TICK, SETTLED);
    }
}
