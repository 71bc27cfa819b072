//! `git ccc index` and `git ccc search`.

mod asked;
mod index;
mod live;
mod meaning;
mod paging;
mod search;

pub use index::{IndexArgs, index};
pub use live::Finder;
pub use search::{SearchArgs, search};

use super::store::{
    fresh::{self, places},
    open::Store,
    sweep::Report,
};
use crate::{ctx::Ctx, error::Result, ui::progress::Progress};
use std::time::Duration;

/// Brings the index up to date, with a bar if that takes long enough to be seen.
fn refresh(ctx: &Ctx, store: &Store, patience: Duration) -> Result<Report> {
    let bar = Progress::new(&ctx.ui, "indexing");
    let report = fresh::refresh(ctx, store, patience, &mut |done, of| bar.set(done, of));
    bar.end();
    report
}
