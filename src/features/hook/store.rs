//! Entries of the log that change no claim, and the cache of what is claimed at all.
//!
//! The cache may only ever say "nothing overlaps": any overlap is decided from the refs. It is keyed by the log's tip,
//! which every grant moves, and by the stat of the claims' directory and of packed-refs, which every edit of a lock ref
//! moves, also one made without us. As git's index does, it distrusts a stat as young as the cache itself.

use crate::{
    base::{scope::Scope, time::Timestamp},
    ctx::Ctx,
    error::{Context, Kind, Result},
    features::claim::store::{self as claims, About},
    git::{
        Oid, Repo,
        log::{self, Around, By, Draft, Tip},
        objects::Author,
        refs::Lost,
        repo::Backend,
    },
};
use std::{fmt::Write as _, os::unix::fs::MetadataExt, path::Path};

/// The cache's largest size; a larger one is not written.
const CACHE_CAP: usize = 8 << 20;
/// A change within this time of the cache's writing may not show in a stat: coarse clocks tick in 10 ms.
const RACY_NANOS: i128 = 50_000_000;

/// What is claimed by anybody.
#[derive(Debug, Default)]
pub struct Held {
    /// The scopes of every claim that has a lock ref.
    pub scopes: Vec<Scope>,
    /// A lock ref cannot be read: it may cover anything.
    pub unreadable: bool,
}

/// Returns what is claimed by anybody, live or not.
pub fn held(repo: &Repo, tip: Oid, now: Timestamp) -> Result<Held> {
    let path = repo.ccc_dir().join("hook-scopes");
    let key = key(repo, tip);
    if let Some(key) = &key
        && let Some(scopes) = cached(repo, &path, key)
    {
        return Ok(Held {
            scopes,
            unreadable: false,
        });
    }
    // The stats were taken before this listing: a change in between shows at the next look.
    let snapshot = claims::load(repo, now, About::Scopes(&[]))?;
    let scopes: Vec<Scope> = snapshot
        .state
        .claims
        .into_iter()
        .flat_map(|claim| claim.record.scopes)
        .collect();
    let unreadable = !snapshot.unreadable.is_empty();
    if let (Some(key), false) = (key, unreadable) {
        let lines = scopes.iter().map(ToString::to_string).collect::<Vec<_>>();
        if let Ok(json) = serde_json::to_string(&lines)
            && json.len() < CACHE_CAP
        {
            // A cache that cannot be written costs time, nothing else.
            let _ = crate::fs::replace(&path, format!("{key}\n{json}").as_bytes());
        }
    }
    Ok(Held { scopes, unreadable })
}

fn claims_dir(repo: &Repo) -> std::path::PathBuf {
    repo.common_dir().join("refs/ccc/claims")
}

fn key(repo: &Repo, tip: Oid) -> Option<String> {
    if repo.backend() != Backend::Files {
        return None;
    }
    let mut key = format!("v1 {tip}");
    for path in [claims_dir(repo), repo.common_dir().join("packed-refs")] {
        // Writing to a String cannot fail.
        let _ = match std::fs::metadata(path) {
            Ok(meta) => write!(key, " {}:{}:{}", meta.ino(), meta.size(), nanos(&meta)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => write!(key, " -"),
            Err(_) => return None,
        };
    }
    Some(key)
}

fn nanos(meta: &std::fs::Metadata) -> i128 {
    i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec())
}

fn cached(repo: &Repo, path: &Path, key: &str) -> Option<Vec<Scope>> {
    let written = nanos(&std::fs::metadata(path).ok()?);
    let settled = |path: &Path| {
        std::fs::metadata(path).map_or(true, |meta| nanos(&meta) + RACY_NANOS < written)
    };
    if !settled(&claims_dir(repo)) || !settled(&repo.common_dir().join("packed-refs")) {
        return None;
    }
    let bytes = crate::fs::read_capped(path, CACHE_CAP).ok()??;
    let (found, json) = std::str::from_utf8(&bytes).ok()?.split_once('\n')?;
    if found != key {
        return None;
    }
    let lines: Vec<String> = serde_json::from_str(json).ok()?;
    lines.iter().map(|line| line.parse().ok()).collect()
}

/// Appends an entry that changes no claim; a lost swap is tried again on the new tip.
///
/// `twice` is asked of the newest entries: what is already recorded is not recorded again.
pub fn append(
    ctx: &Ctx,
    author: &str,
    draft: &Draft,
    twice: impl Fn(&log::Entry) -> bool,
) -> Result<Option<Tip>> {
    let repo = ctx.repo()?;
    let guard = log::lock(repo)?;
    let mut retry = log::Retry::new(log::PATIENCE);
    loop {
        let tip = log::tip(repo)?;
        let recent = log::walk(repo, tip.oid).take(RECENT).filter_map(Result::ok);
        if recent.into_iter().any(|entry| twice(&entry)) {
            return Ok(None);
        }
        let author = Author {
            name: author,
            at: ctx.now(),
        };
        let entry = log::write(repo, &tip, draft, author, &ctx.dice.hex(8))?;
        match log::append(
            repo,
            &tip,
            &entry,
            Around::default(),
            By::New(&draft.subject),
        ) {
            Ok(()) => return Ok(Some(entry)),
            Err(lost) => {
                if matches!(lost, Lost::Busy(_)) && log::repair_lock(repo, &guard)? {
                    ctx.ui.note("a lock left by a crash was removed");
                }
                retry.again(lost, "write to the log", ctx.dice.roll())?;
            }
        }
    }
}

/// How many entries back a repetition is looked for: the hooks of one commit run within moments.
const RECENT: usize = 32;

/// Returns the commits that are being merged, beside HEAD.
pub fn merge_heads(repo: &Repo) -> Result<Vec<Oid>> {
    let path = repo.git_dir().join("MERGE_HEAD");
    let text = crate::fs::read_capped(&path, 1 << 20)
        .context(Kind::Internal, || {
            format!("{} cannot be read", path.display())
        })?
        .unwrap_or_default();
    text.split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| {
            Oid::from_hex(line).context(Kind::Internal, || format!("{} is damaged", path.display()))
        })
        .collect()
}
