//! Looking at a file and its versions.

use crate::{
    base::text::shell,
    ctx::Ctx,
    error::{Error, Result},
    features::file::{
        error,
        known::{self, Known},
        logic::Story,
        model::Act,
        place::{self, Place, Who},
        store::{self, Version},
        view::{Content, Difference, List, Log, VersionView},
    },
};
use clap::Args;
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

/// So many versions beyond those that are shown are read, to know whose lines went.
const BEFORE: usize = 300;
/// But no more bytes of them than this.
const READ: usize = 64 << 20;

/// Arguments of `file cat`.
#[derive(Debug, Args)]
pub struct CatArgs {
    /// The file
    pub path: PathBuf,
    /// An older version: a number or a commit; it does not count as read
    #[arg(long, value_name = "VERSION")]
    pub at: Option<String>,
}

/// Arguments of `file log`.
#[derive(Debug, Args)]
pub struct LogArgs {
    /// The file
    pub path: PathBuf,
    /// At most so many versions
    #[arg(short = 'n', long, default_value_t = 20)]
    pub limit: usize,
}

/// Arguments of `file diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The file
    pub path: PathBuf,
    /// From this version (default: what this session has read, else the one before the newest)
    pub from: Option<String>,
    /// To this version (default: the file as it is)
    pub to: Option<String>,
    /// What a refused write had meant to change
    #[arg(long, value_name = "VERSION", conflicts_with = "from")]
    pub kept: Option<String>,
}

/// Prints a file.
pub fn cat(ctx: &Ctx, args: &CatArgs) -> Result<()> {
    let place = Place::find(ctx, &args.path)?;
    let (version, bytes, reads) = if let Some(name) = &args.at {
        let version = store::by_name(&place, name)?;
        let bytes = store::content(&place.hub, version.blob)?;
        (Some(version), bytes, false)
    } else {
        let now = store::look_in_passing(ctx, &place)?;
        (now.tip, now.found.bytes, true)
    };
    let (Some(version), Some(bytes)) = (&version, bytes) else {
        return Err(error::absent(&place.shown, version.is_some()));
    };
    let taken = if ctx.ui.json {
        let view = Content::new(place.shown.clone(), version, bytes);
        ctx.ui.deliver(&[view])?
    } else {
        ctx.ui.hand_over(&bytes)?
    };
    // Nobody has read what went into a closed pipe. Who cannot be told apart has read nothing either.
    if taken
        && reads
        && let Ok(who) = Who::runs(ctx, &place.hub)
    {
        known::note_known(&place, &who, &Known::of(version))?;
    }
    Ok(())
}

/// Lists the files that have versions.
pub fn list(ctx: &Ctx) -> Result<()> {
    let hub = place::hub()?;
    let mut files: Vec<VersionView> = store::list(&hub)?
        .iter()
        .map(|version| VersionView::new(&place::show(Path::new(&version.about.path)), version))
        .collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    ctx.ui.answer(&List { files })
}

/// Tells who changed a file.
pub fn log(ctx: &Ctx, args: &LogArgs) -> Result<()> {
    let place = Place::find(ctx, &args.path)?;
    let tip = store::look_in_passing(ctx, &place)?.tip;
    let Some(tip) = tip else {
        return Err(Error::no(format!("{} has no version", place.shown)).hint("git ccc file list"));
    };
    let (views, more) = views(&place, &tip, args.limit)?;
    ctx.ui.answer(&Log {
        path: place.shown.clone(),
        name: place.id.ref_name(),
        versions: views,
        more,
    })
}

/// Builds the views of the newest versions, with what each changed.
pub fn views(place: &Place, tip: &Version, limit: usize) -> Result<(Vec<VersionView>, bool)> {
    let walk = store::walk(place, Some(tip.commit));
    let mut all: Vec<Version> = walk
        .take(limit.saturating_add(BEFORE))
        .collect::<Result<_>>()?;
    let whole = all.last().is_none_or(|oldest| oldest.before.is_none());
    let more = all.len() > limit || !whole;
    all.reverse();
    let names: HashMap<u64, String> = all
        .iter()
        .map(|version| (version.about.number, version.who()))
        .collect();
    let name = |number| names.get(&number).cloned().unwrap_or_default();
    let mut story = Story::default();
    let mut budget = READ;
    let mut views = Vec::new();
    for (index, version) in all.iter().enumerate() {
        let view = VersionView::new(&place.shown, version);
        if version.about.act == Act::Refused {
            views.push(view);
            continue;
        }
        if budget == 0 {
            views.push(view);
            continue;
        }
        let text = store::content(&place.hub, version.blob)?.unwrap_or_default();
        budget = budget.saturating_sub(text.len());
        let change = story.next(version.about.number, &text);
        // What came before the first one that was read is not known.
        views.push(if index == 0 && !whole {
            view
        } else {
            view.changing(change, name)
        });
    }
    views.reverse();
    views.truncate(limit);
    Ok((views, more))
}

/// Finds what a refused or merged write had meant.
pub fn meant(place: &Place, version: &Version) -> Result<Version> {
    let Some(commit) = version.meant else {
        return Err(Error::no(format!(
            "version {} of {} was written as it was meant",
            version.about.number, place.shown
        ))
        .hint(format!("git ccc file log {}", shell(&place.shown))));
    };
    store::version(&place.hub, commit)
}

/// Shows what changed.
pub fn diff(ctx: &Ctx, args: &DiffArgs) -> Result<()> {
    let place = Place::find(ctx, &args.path)?;
    let now = store::look_in_passing(ctx, &place)?;
    let read = |version: &Version| -> Result<(String, Vec<u8>)> {
        let bytes = store::content(&place.hub, version.blob)?.unwrap_or_default();
        Ok((format!("version {}", version.about.number), bytes))
    };
    let (from, to) = if let Some(kept) = &args.kept {
        let version = store::by_name(&place, kept)?;
        let meant = meant(&place, &version)?;
        let base = meant
            .before
            .map(|commit| store::version(&place.hub, commit));
        let from = match base.transpose()? {
            Some(base) => read(&base)?,
            None => ("nothing".to_owned(), Vec::new()),
        };
        let label = format!("meant as version {}", version.about.number);
        (from, (label, read(&meant)?.1))
    } else {
        let from = match &args.from {
            Some(name) => read(&store::by_name(&place, name)?)?,
            None => before(ctx, &place, now.tip.as_ref())?,
        };
        let to = match &args.to {
            Some(name) => read(&store::by_name(&place, name)?)?,
            None => ("now".to_owned(), now.found.bytes.unwrap_or_default()),
        };
        (from, to)
    };
    let view = Difference::new(&place.shown, (from.0, &from.1), (to.0, &to.1));
    ctx.ui.answer(&view)
}

/// What this session has read, else what was there before the newest version.
fn before(ctx: &Ctx, place: &Place, tip: Option<&Version>) -> Result<(String, Vec<u8>)> {
    let known = Who::runs(ctx, &place.hub)
        .ok()
        .and_then(|who| known::known(place, &who));
    if let Some(known) = known
        && let Ok(bytes) = store::content(&place.hub, known.blob)
    {
        return Ok((
            "as this session knows it".to_owned(),
            bytes.unwrap_or_default(),
        ));
    }
    let Some(before) = tip.and_then(|tip| tip.before) else {
        return Ok(("nothing".to_owned(), Vec::new()));
    };
    let version = store::version(&place.hub, before)?;
    let bytes = store::content(&place.hub, version.blob)?.unwrap_or_default();
    Ok((format!("version {}", version.about.number), bytes))
}
