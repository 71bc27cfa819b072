//! Printing each change of a file as it comes, also those that are made without us.

use super::look;
use crate::{
    base::time::Ttl,
    ctx::Ctx,
    error::{Error, Result},
    features::file::{place::Place, store, view::is_news},
    git::watch::Alarm,
};
use clap::Args;
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

/// Not every file system announces a change.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// Whoever writes without us may do it in pieces: a file is looked at once it has been quiet for so long.
const QUIET: Duration = Duration::from_millis(30);
/// But it is looked at after so many pieces.
const PIECES: usize = 20;
/// So many changes are told at once.
const AT_ONCE: usize = 1000;

/// Arguments of `file watch`.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// The file
    pub path: PathBuf,
    /// End after this time (default: never)
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<Ttl>,
    /// End after so many changes
    #[arg(short = 'n', long)]
    pub count: Option<usize>,
}

/// Prints changes until time is up, enough came, or nobody reads any more.
pub fn watch(ctx: &Ctx, args: &WatchArgs) -> Result<()> {
    let place = Place::find(ctx, &args.path)?;
    let end = args
        .timeout
        .map(|ttl| Instant::now() + Duration::from_secs(u64::from(ttl.seconds())));
    let mut alarm = Alarm::new(&place.hub, &["refs/ccc/files"]);
    alarm.also_in(place.path.parent().unwrap_or(&place.path));
    // Listening began before this look, so nothing comes unseen in between.
    let mut seen = store::look_in_passing(ctx, &place)?
        .tip
        .map_or(0, |tip| tip.about.number);
    let mut told = 0;
    loop {
        if args.count.is_some_and(|count| told >= count) {
            return Ok(());
        }
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return match told {
                0 => Err(Error::no(format!("{} did not change", place.shown))),
                _ => Ok(()),
            };
        }
        if alarm.hears(left.map_or(LOOK_AGAIN, |left| left.min(LOOK_AGAIN))) {
            let mut pieces = 0;
            while pieces < PIECES && alarm.hears(QUIET) {
                pieces += 1;
            }
        }
        let Some(tip) = store::look_in_passing(ctx, &place)?.tip else {
            continue;
        };
        if tip.about.number <= seen {
            continue;
        }
        let number = tip.about.number;
        let news = usize::try_from(number - seen)
            .unwrap_or(AT_ONCE)
            .min(AT_ONCE);
        let (mut views, _) = look::views(&place, &tip, news)?;
        views.reverse();
        views.retain(|view| view.act.parse().is_ok_and(is_news));
        if let Some(count) = args.count {
            views.truncate(count - told);
        }
        seen = number;
        told += views.len();
        if !ctx.ui.deliver(&views)? {
            return Ok(());
        }
    }
}
