//! Bringing the index up to date from wherever this user's transcripts are.

use super::{
    heap,
    open::Store,
    sweep::{self, Progress, Report, Wanted},
};
use crate::{ctx::Ctx, env, error::Result, features::search::readers::Places};
use std::{path::PathBuf, time::Duration};

/// More bytes than this are read by a process whose heap gives back what is freed.
const MUCH: u64 = 64 * 1024 * 1024;

/// Returns where this user's transcripts are.
pub fn places() -> Places {
    let dir = |name: &str| env::var_os(name).map(PathBuf::from);
    Places {
        home: env::home(),
        claude: dir(env::CLAUDE_DIR),
        codex: dir(env::CODEX_DIR),
        config: env::config_home(),
    }
}

/// Returns where the settings say that there are more.
pub fn roots(ctx: &Ctx) -> Result<Vec<PathBuf>> {
    let settings = ctx.settings_anywhere()?;
    let roots =
        settings
            .search_roots()
            .iter()
            .map(|root| match (root.strip_prefix("~/"), env::home()) {
                (Some(below), Some(home)) => home.join(below),
                _ => PathBuf::from(root),
            });
    Ok(roots.collect())
}

/// Reads what is new; another writer is waited for as long as there is patience.
pub fn refresh(
    ctx: &Ctx,
    store: &Store,
    patience: Duration,
    progress: &mut Progress<'_>,
) -> Result<Report> {
    let mut wanted = Wanted {
        places: places(),
        roots: roots(ctx)?,
        repo: ctx.repo().ok(),
        patience,
        limit: if heap::is_settled() { u64::MAX } else { MUCH },
    };
    let report = sweep::sweep(store, &wanted, progress)?;
    if !report.over {
        return Ok(report);
    }
    heap::begin_anew();
    wanted.limit = u64::MAX;
    sweep::sweep(store, &wanted, progress)
}
