//! `git ccc index` and `git ccc search`.

mod index;
mod search;

pub use index::{IndexArgs, index};
pub use search::{SearchArgs, search};

use super::{
    readers::Places,
    store::{
        open::Store,
        sweep::{self, Report, Wanted},
    },
};
use crate::{ctx::Ctx, env, error::Result, ui::progress::Progress};
use std::{path::PathBuf, time::Duration};

/// Returns where this user's transcripts are.
fn places() -> Places {
    let dir = |name: &str| env::var_os(name).map(PathBuf::from);
    Places {
        home: env::home(),
        claude: dir(env::CLAUDE_DIR),
        codex: dir(env::CODEX_DIR),
        config: env::config_home(),
    }
}

/// Brings the index up to date, with a bar if that takes long enough to be seen.
fn refresh(ctx: &Ctx, store: &Store, patience: Duration) -> Result<Report> {
    let settings = ctx.settings_anywhere()?;
    let roots =
        settings
            .search_roots()
            .iter()
            .map(|root| match (root.strip_prefix("~/"), env::home()) {
                (Some(below), Some(home)) => home.join(below),
                _ => PathBuf::from(root),
            });
    let wanted = Wanted {
        places: places(),
        roots: roots.collect(),
        repo: ctx.repo().ok(),
        patience,
    };
    let bar = Progress::new(&ctx.ui, "indexing");
    let report = sweep::sweep(store, &wanted, &mut |done, of| bar.set(done, of));
    bar.end();
    report
}
