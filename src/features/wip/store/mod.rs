//! Making snapshots: look, compare with the newest, write what is new, swap the ref.

mod cache;
pub mod chain;
pub mod give;
pub mod restore;
pub mod scan;

use super::{
    logic::codec,
    model::{LeftOut, Note},
};
use crate::{
    base::{id::SessionTag, time::Timestamp},
    ctx::Ctx,
    error::{Context, Error, Kind, Result},
    git::{
        Oid, Repo,
        content::{self, Blob, Staged},
        index::Stat,
        log, notes,
        objects::{self, Author, NewCommit},
        refs,
        status::Spot,
    },
};
use cache::Cache;
use chain::Loaded;
use gix::objs::tree::{EntryKind, EntryMode};
use scan::{Content, Dirt, Found, Limits};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// What a snapshot is made for.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// In words: `save`, `after a tool`, `before git stash`.
    pub why: &'a str,
    /// So many bytes of what git ignores are taken too.
    pub ignored: u64,
    /// Branches whose tips are to hang on it.
    pub keeps: &'a [(String, Oid)],
}

/// What became of it.
#[derive(Debug)]
pub enum Outcome {
    /// Nothing is uncommitted that could be kept.
    Clean,
    /// The newest snapshot has all that already.
    Same(Box<Loaded>),
    /// A new snapshot.
    Saved(Box<Loaded>),
}

/// A snapshot and what was seen for it.
#[derive(Debug)]
pub struct Taken {
    /// What became of it.
    pub outcome: Outcome,
    /// How the worktree stands.
    pub found: Found,
}

impl Taken {
    /// Returns what is not in it.
    pub fn left_out(&self) -> (&[LeftOut], u32) {
        (&self.found.left_out, self.found.left_more)
    }
}

/// Makes a snapshot of the worktree for a session, unless the newest one has all that.
pub fn save(ctx: &Ctx, tag: &SessionTag, request: Request<'_>) -> Result<Taken> {
    let repo = ctx.repo()?;
    let settings = ctx.settings()?;
    let limits = Limits {
        file: u64::from(settings.wip_file_mb()) << 20,
        total: u64::from(settings.wip_total_mb()) << 20,
        ignored: request.ignored,
    };
    let mut tip = refs::find(repo, &chain::ref_name(tag))?;
    let cache = Cache::load(repo, tag, tip);
    let mut found = scan::scan(repo, (tag, &cache), limits)?;
    if found.dirt.is_empty() && request.keeps.is_empty() {
        let outcome = Outcome::Clean;
        return Ok(Taken { outcome, found });
    }
    let state = state(repo, &found, request.keeps)?;
    let mut retry = log::Retry::new(log::PATIENCE);
    let mut places: Option<Places> = None;
    loop {
        let newest = tip.map(|oid| chain::read(repo, tag, oid)).transpose()?;
        if let Some(newest) = newest.as_ref().filter(|it| it.entry.note.state == state) {
            let newest = newest.clone();
            found.remember(repo, tag, newest.link.oid, false);
            let outcome = Outcome::Same(Box::new(newest));
            return Ok(Taken { outcome, found });
        }
        let places = match &places {
            Some(places) => places,
            None => places.insert(write_places(repo, &found)?),
        };
        let shorter = newest.as_ref().map(|it| chain::bounded(ctx, repo, it));
        let before = shorter.transpose()?.flatten().or(newest);
        let saved = write(
            ctx,
            (repo, tag),
            (&found, &state),
            (places, before.as_ref()),
            request,
        )?;
        match chain::swap(repo, tag, tip, saved.link.oid) {
            Ok(()) => {
                found.remember(repo, tag, saved.link.oid, true);
                if tip.is_none() {
                    chain::expire(ctx, repo)?;
                }
                let outcome = Outcome::Saved(Box::new(saved));
                return Ok(Taken { outcome, found });
            }
            Err(lost) => retry.again(lost, "save the uncommitted work", ctx.dice.roll())?,
        }
        tip = refs::find(repo, &chain::ref_name(tag))?;
    }
}

/// Returns what stands for all that a snapshot would hold: equal for equal bytes at equal paths in the same worktree.
fn state(repo: &Repo, found: &Found, keeps: &[(String, Oid)]) -> Result<String> {
    let mut hash = Sha256::new();
    let mut put = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    let spot = |spot: Option<Spot>| spot.map_or_else(|| "-".to_owned(), line);
    put(repo.require_worktree()?.as_os_str().as_encoded_bytes());
    for dirt in &found.dirt {
        put(&dirt.path);
        put(&[u8::from(dirt.tracked)]);
        let staged = dirt.is_staged().then(|| spot(dirt.index));
        put(staged.unwrap_or_default().as_bytes());
        match dirt.work {
            Content::AsHead => put(b"="),
            Content::Gone => put(b"-"),
            Content::Is(spot) => put(line(spot).as_bytes()),
        }
    }
    for (name, oid) in keeps {
        put(name.as_bytes());
        put(oid.as_bytes());
    }
    let digest = hash.finalize();
    let mut text = String::new();
    for byte in digest.iter().take(20) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

fn line(spot: Spot) -> String {
    format!("{:o} {}", spot.mode, spot.oid)
}

/// The commits and the tree of a snapshot that do not depend on the one before.
struct Places {
    base: Oid,
    index: Oid,
    untracked: Oid,
    work: Oid,
}

fn write_places(repo: &Repo, found: &Found) -> Result<Places> {
    // Equal states make equal commits: nothing is written of what is there.
    let epoch = Timestamp::from_unix(0).ok_or_else(|| Error::internal("1970 is a time"))?;
    let author = |at| Author {
        name: "git-ccc",
        at,
    };
    let (base, head, at) = beneath(repo, found.head, epoch)?;
    let tracked = || found.dirt.iter().filter(|dirt| dirt.tracked);
    let staged = tracked().filter(|dirt| dirt.is_staged());
    let index = edited(repo, head, staged.map(|dirt| (dirt, dirt.index)))?;
    let index = NewCommit {
        tree: index,
        parents: &[base],
        author: author(at),
        message: "what is staged\n",
    };
    let index = objects::write_commit(repo, &index)?;
    let empty = objects::empty_tree(repo)?;
    let others = found.dirt.iter().filter(|dirt| !dirt.tracked);
    let untracked = others.filter_map(|dirt| match dirt.work {
        Content::Is(spot) => Some((dirt, Some(spot))),
        Content::AsHead | Content::Gone => None,
    });
    let untracked = edited(repo, empty, untracked)?;
    let untracked = NewCommit {
        tree: untracked,
        parents: &[],
        author: author(epoch),
        message: "what is not tracked\n",
    };
    let untracked = objects::write_commit(repo, &untracked)?;
    let work = tracked().filter_map(|dirt| match dirt.work {
        Content::AsHead => None,
        Content::Gone => Some((dirt, None)),
        Content::Is(spot) => Some((dirt, Some(spot))),
    });
    let work = edited(repo, head, work)?;
    Ok(Places {
        base,
        index,
        untracked,
        work,
    })
}

/// Returns the commit beneath a snapshot, its tree and its time; where there is none yet, one of nothing.
fn beneath(repo: &Repo, head: Option<Oid>, epoch: Timestamp) -> Result<(Oid, Oid, Timestamp)> {
    if let Some(head) = head {
        let link = notes::read(repo, head)?;
        let at = Timestamp::from_unix(link.published).unwrap_or(epoch);
        return Ok((head, link.tree, at));
    }
    let tree = objects::empty_tree(repo)?;
    let commit = NewCommit {
        tree,
        parents: &[],
        author: Author {
            name: "git-ccc",
            at: epoch,
        },
        message: "nothing was committed yet\n",
    };
    Ok((objects::write_commit(repo, &commit)?, tree, epoch))
}

/// Writes a tree with some paths changed; what goes, goes first, for a directory may take the place of a file.
fn edited<'a>(
    repo: &Repo,
    base: Oid,
    edits: impl Iterator<Item = (&'a Dirt, Option<Spot>)>,
) -> Result<Oid> {
    let mut staged = Vec::new();
    for (dirt, spot) in edits {
        let kind = |spot: Spot| {
            let mode = u16::try_from(spot.mode)
                .ok()
                .and_then(|mode| EntryMode::try_from(u32::from(mode)).ok());
            mode.map(EntryKind::from)
                .ok_or_else(|| Error::internal(format!("{} has an unknown mode", dirt.path)))
        };
        let blob = |spot: Spot| {
            Ok::<_, Error>(Blob {
                oid: spot.oid,
                kind: kind(spot)?,
                stat: Stat::default(),
            })
        };
        staged.push(Staged {
            path: dirt.path.clone(),
            blob: spot.map(blob).transpose()?,
        });
    }
    if staged.is_empty() {
        return Ok(base);
    }
    staged.sort_by_key(|staged| staged.blob.is_some());
    content::edit_tree(repo, base, &staged)
}

fn write(
    ctx: &Ctx,
    (repo, tag): (&Repo, &SessionTag),
    (found, state): (&Found, &str),
    (places, before): (&Places, Option<&Loaded>),
    request: Request<'_>,
) -> Result<Loaded> {
    let note = Note {
        id: ctx.dice.hex(4),
        state: state.to_owned(),
        worktree: repo.require_worktree()?.display().to_string(),
        branch: found.branch.clone(),
        why: request.why.to_owned(),
        count: before.map_or(0, |before| before.entry.note.count) + 1,
        paths: u32::try_from(found.dirt.len()).unwrap_or(u32::MAX),
        left_out: found.left_out.clone(),
        left_more: found.left_more,
        keeps: request
            .keeps
            .iter()
            .map(|(name, oid)| (name.clone(), oid.to_string()))
            .collect(),
    };
    let mut parents = vec![places.base, places.index, places.untracked];
    parents.extend(before.map(|before| before.link.oid));
    parents.extend(request.keeps.iter().map(|(_, oid)| *oid));
    let commit = NewCommit {
        tree: places.work,
        parents: &parents,
        author: Author {
            name: tag.as_str(),
            at: ctx.now(),
        },
        message: &codec::encode(&note),
    };
    let oid = objects::write_commit(repo, &commit)?;
    chain::read(repo, tag, oid)
}

/// Makes a snapshot at the boundary of a tool, if the settings say so and this is a worktree.
pub fn boundary(ctx: &Ctx, tag: &SessionTag, why: &str) -> Result<Option<Taken>> {
    if ctx.repo()?.worktree().is_none() || !ctx.settings()?.wip_auto() {
        return Ok(None);
    }
    let request = Request {
        why,
        ignored: 0,
        keeps: &[],
    };
    save(ctx, tag, request).map(Some)
}

/// Finds the snapshot that a word names: its own name, or its commit, or the beginning of either.
pub fn named(chains: &[Loaded], word: &str) -> Result<Loaded> {
    let fits = |loaded: &&Loaded| {
        loaded.entry.note.id.starts_with(word) || loaded.entry.oid.starts_with(word)
    };
    let mut found = chains.iter().filter(fits);
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one.clone()),
        (None, _) => Err(Error::no(format!(
            "no snapshot is called {}",
            crate::base::text::one_line(word, 80)
        ))
        .hint("git ccc wip list --all")),
        _ => Err(
            Error::usage(format!("{word} is the beginning of more than one snapshot"))
                .hint("git ccc wip list --all"),
        ),
    }
}

/// Takes snapshots out of a session's chain, or all of it; returns how many are left.
pub fn drop_some(ctx: &Ctx, tag: &SessionTag, ids: Option<&[String]>) -> Result<u32> {
    let repo = ctx.repo()?;
    let mut retry = log::Retry::new(log::PATIENCE);
    while let Some(old) = refs::find(repo, &chain::ref_name(tag))? {
        let mut left = 0;
        let done = match ids {
            None => chain::delete(repo, tag, old),
            Some(ids) => {
                let chain: Vec<Loaded> =
                    chain::walk(repo, tag, Some(old)).collect::<Result<_>>()?;
                let kept: Vec<&Loaded> = chain
                    .iter()
                    .filter(|loaded| !ids.contains(&loaded.entry.note.id))
                    .collect();
                left = u32::try_from(kept.len()).unwrap_or(u32::MAX);
                match chain::rewrite(repo, &kept)? {
                    Some(tip) => chain::swap(repo, tag, Some(old), tip.link.oid),
                    None => chain::delete(repo, tag, old),
                }
            }
        };
        match done {
            Ok(()) => return Ok(left),
            Err(lost) => retry.again(lost, "drop the snapshots", ctx.dice.roll())?,
        }
    }
    Ok(0)
}

/// Reads a blob.
pub(crate) fn blob(repo: &Repo, oid: &str) -> Result<Vec<u8>> {
    let unreadable = || format!("blob {oid} cannot be read");
    let id = Oid::from_hex(oid.as_bytes()).context(Kind::Setup, unreadable)?;
    let found = objects::persist(|| repo.gix().find_blob(id).map(|mut blob| blob.take_data()));
    found.context(Kind::Setup, unreadable)
}
