//! The chain of a session: reading it, rewriting it shorter, and letting go of chains that nobody will ask for.

use crate::{
    base::{id::SessionTag, time::Timestamp},
    ctx::Ctx,
    error::{Error, Result},
    features::{
        session::{
            logic::{Life, life},
            store::{self as sessions, ThisHost},
        },
        wip::{
            logic::{codec, thin},
            model::{Entry, PREFIX},
        },
    },
    git::{
        Oid, Repo, log,
        notes::{self, Link},
        objects::{self, Author, NewCommit},
        refs::{self, Edit, Lost, Reflog},
    },
};

/// The parents that a snapshot always has: HEAD, the index, what is not tracked.
pub const FIXED: usize = 3;

/// One snapshot, and the commit that it was read from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What it says.
    pub entry: Entry,
    /// The commit.
    pub link: Link,
}

impl Loaded {
    /// The snapshot before it.
    pub fn before(&self) -> Option<Oid> {
        let chained = self.entry.note.count > 1;
        chained.then(|| self.link.parents.get(FIXED).copied())?
    }

    /// The tips that hang on it.
    pub fn keeps(&self) -> &[Oid] {
        let fixed = FIXED + usize::from(self.entry.note.count > 1);
        self.link.parents.get(fixed..).unwrap_or_default()
    }

    /// The commit that HEAD was, what the index was, what was not tracked.
    pub fn places(&self) -> Result<[Oid; FIXED]> {
        match self.link.parents.get(..FIXED) {
            Some([head, index, untracked]) => Ok([*head, *index, *untracked]),
            _ => Err(unreadable(self.link.oid)),
        }
    }
}

fn unreadable(oid: Oid) -> Error {
    Error::setup(format!(
        "commit {oid} is no snapshot that this version reads"
    ))
    .hint(format!("git show {oid}"))
}

/// Returns the ref of a session's chain.
pub fn ref_name(tag: &SessionTag) -> String {
    format!("{PREFIX}{tag}")
}

/// Reads one snapshot.
pub fn read(repo: &Repo, tag: &SessionTag, oid: Oid) -> Result<Loaded> {
    let link = notes::read(repo, oid)?;
    let note = codec::decode(&link.message).ok_or_else(|| unreadable(oid))?;
    let entry = Entry {
        oid: oid.to_string(),
        session: tag.clone(),
        at: link.at,
        note,
    };
    Ok(Loaded { entry, link })
}

/// Returns the newest snapshot of a session.
pub fn tip(repo: &Repo, tag: &SessionTag) -> Result<Option<Loaded>> {
    match refs::find(repo, &ref_name(tag))? {
        Some(oid) => read(repo, tag, oid).map(Some),
        None => Ok(None),
    }
}

/// Walks a chain, the newest first; one that cannot be read ends it.
pub fn walk(
    repo: &Repo,
    tag: &SessionTag,
    from: Option<Oid>,
) -> impl Iterator<Item = Result<Loaded>> {
    let mut next = from;
    std::iter::from_fn(move || {
        let loaded = read(repo, tag, next.take()?);
        next = loaded.as_ref().ok().and_then(Loaded::before);
        Some(loaded)
    })
}

/// Loads a whole chain.
pub fn load(repo: &Repo, tag: &SessionTag) -> Result<Vec<Loaded>> {
    walk(repo, tag, refs::find(repo, &ref_name(tag))?).collect()
}

/// Lists the sessions that have snapshots.
pub fn tags(repo: &Repo) -> Result<Vec<(SessionTag, Oid)>> {
    let all = refs::list(repo, PREFIX)?.into_iter();
    Ok(all
        .filter_map(|(name, oid)| Some((name.strip_prefix(PREFIX)?.parse().ok()?, oid)))
        .collect())
}

/// Writes the chain that has only these snapshots, given the newest first, and returns its tip.
pub fn rewrite(repo: &Repo, kept: &[&Loaded]) -> Result<Option<Loaded>> {
    let mut before: Option<Loaded> = None;
    for loaded in kept.iter().rev() {
        let mut note = loaded.entry.note.clone();
        note.count = before.as_ref().map_or(0, |before| before.entry.note.count) + 1;
        let mut parents = loaded.places()?.to_vec();
        parents.extend(before.as_ref().map(|before| before.link.oid));
        parents.extend(loaded.keeps());
        let oid = objects::write_commit(
            repo,
            &NewCommit {
                tree: loaded.link.tree,
                parents: &parents,
                author: Author {
                    name: &loaded.link.author,
                    at: loaded.link.at,
                },
                message: &codec::encode(&note),
            },
        )?;
        before = Some(read(repo, &loaded.entry.session, oid)?);
    }
    Ok(before)
}

/// Every so many snapshots the ages of all are looked at.
const LOOK: u32 = 16;

/// Returns the tip on which the next snapshot is to stand: a shorter chain, if this one is too long or too old.
pub fn bounded(ctx: &Ctx, repo: &Repo, tip: &Loaded) -> Result<Option<Loaded>> {
    let settings = ctx.settings()?;
    let (keep, age) = (settings.wip_keep(), settings.wip_age());
    let count = tip.entry.note.count;
    let long = count >= keep.saturating_add((keep / 4).max(8));
    if !long && !count.is_multiple_of(LOOK) {
        return Ok(None);
    }
    let chain: Vec<Loaded> =
        walk(repo, &tip.entry.session, Some(tip.link.oid)).collect::<Result<_>>()?;
    let ages: Vec<i64> = chain
        .iter()
        .map(|loaded| ctx.now().seconds_since(loaded.entry.at))
        .collect();
    let keep = if long { keep } else { count };
    let keep = usize::try_from(keep).unwrap_or(usize::MAX);
    let stays = thin::thin(&ages, keep, i64::from(age.seconds()));
    if stays.iter().all(|stays| *stays) {
        return Ok(None);
    }
    let kept: Vec<&Loaded> = chain
        .iter()
        .zip(&stays)
        .filter_map(|(loaded, stays)| stays.then_some(loaded))
        .collect();
    rewrite(repo, &kept)
}

/// Deletes the chains of sessions that are gone whose newest snapshot is older than the setting says.
pub fn expire(ctx: &Ctx, repo: &Repo) -> Result<()> {
    let (age, host) = (ctx.settings()?.wip_age(), ThisHost::new());
    for (tag, oid) in tags(repo)? {
        let old = |at: Timestamp| ctx.now().seconds_since(at) > i64::from(age.seconds());
        // What this version cannot read is not for this version to delete.
        let Ok(newest) = read(repo, &tag, oid) else {
            continue;
        };
        if !old(newest.entry.at) {
            continue;
        }
        let lives = sessions::load(repo, &tag)?
            .is_some_and(|(session, _)| life(&session.record, &host, ctx.now()) == Life::Alive);
        if !lives {
            delete(repo, &tag, oid).map_err(|lost| lost.into_error("let old snapshots go"))?;
        }
    }
    Ok(())
}

/// Moves a chain, or creates it; a lock that a kill left is cleared away.
pub fn swap(repo: &Repo, tag: &SessionTag, old: Option<Oid>, new: Oid) -> Result<(), Lost> {
    write(repo, &[Edit::swap(ref_name(tag), old, new)], "wip")
}

/// Deletes a chain.
pub fn delete(repo: &Repo, tag: &SessionTag, old: Oid) -> Result<(), Lost> {
    super::cache::forget(repo, tag);
    write(repo, &[Edit::delete(ref_name(tag), old)], "wip dropped")
}

fn write(repo: &Repo, edits: &[Edit], reflog: &str) -> Result<(), Lost> {
    match refs::transact(repo, edits, Reflog::Message(reflog)) {
        Err(Lost::Busy(_)) if log::repair_if_free(repo).map_err(Lost::Failed)? => {
            refs::transact(repo, edits, Reflog::Message(reflog))
        }
        done => done,
    }
}
