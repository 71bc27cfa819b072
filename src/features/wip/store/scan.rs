//! Reading what is uncommitted: git says which paths, the files say what, and blobs are written of what is new.

use super::cache::{Cache, Known, Probe};
use crate::{
    base::id::SessionTag,
    error::{Context, Kind, Result},
    features::wip::model::{LeftOut, NAMED, Reason, shown},
    git::{
        Oid, Repo,
        index::Stat,
        loose,
        objects::{self, persist},
        status::{self, Spot, Status, Work},
    },
};
use gix::{
    bstr::{BString, ByteSlice},
    objs::Kind as ObjectKind,
};
use std::{
    fs::{Metadata, OpenOptions},
    io::Read,
    os::unix::{
        ffi::OsStrExt,
        fs::{MetadataExt, OpenOptionsExt},
    },
    path::Path,
};

/// So many files that git does not track are looked at.
const MAX_UNTRACKED: usize = 20_000;
/// A file that changes while it is read is read so often.
const READS: usize = 3;

/// How much a snapshot may hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of one file.
    pub file: u64,
    /// Bytes of all.
    pub total: u64,
    /// Bytes of all that git ignores; nothing of it is looked for if there are none.
    pub ignored: u64,
}

/// What a file is, against HEAD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// As in HEAD, or not looked at.
    AsHead,
    /// Not there.
    Gone,
    /// This.
    Is(Spot),
}

/// One path that is not as committed.
#[derive(Clone, Debug)]
pub struct Dirt {
    /// From the root of the worktree.
    pub path: BString,
    /// What HEAD has.
    pub head: Option<Spot>,
    /// What the index has.
    pub index: Option<Spot>,
    /// What stands on disk.
    pub work: Content,
    /// git tracks it.
    pub tracked: bool,
    /// The file is what the index has, as git sees it.
    pub as_index: bool,
    ignored: bool,
    known: Option<Known>,
}

impl Dirt {
    /// Tells whether the index has something of its own.
    pub fn is_staged(&self) -> bool {
        self.tracked && self.index != self.head
    }
}

/// What was found.
#[derive(Debug)]
pub struct Found {
    /// The commit of HEAD.
    pub head: Option<Oid>,
    /// The branch.
    pub branch: Option<String>,
    /// All that is uncommitted, sorted by path.
    pub dirt: Vec<Dirt>,
    /// What is not in it, at most [`NAMED`].
    pub left_out: Vec<LeftOut>,
    /// How many more are not.
    pub left_more: u32,
    /// The paths of all that git called changed, with what was left out: nothing else may be written over unseen.
    pub unclean: Vec<BString>,
    probe: Option<Probe>,
}

/// Looks at the worktree; objects are written only for content that the repository does not have.
pub fn scan(repo: &Repo, (tag, cache): (&SessionTag, &Cache), limits: Limits) -> Result<Found> {
    let status = status::status(repo, limits.ignored > 0)?;
    let mut scan = Scan {
        repo,
        tag,
        cache,
        limits,
        modes: repo
            .gix()
            .config_snapshot()
            .boolean("core.filemode")
            .unwrap_or(true),
        found: Found {
            head: status.head,
            branch: status.branch.clone(),
            dirt: Vec::new(),
            left_out: Vec::new(),
            left_more: 0,
            unclean: Vec::new(),
            probe: None,
        },
    };
    for path in &status.closed {
        scan.leave(path, 0, Reason::Unreadable);
    }
    let looked = scan.look(status)?;
    let looked = scan.fit(looked);
    for one in looked {
        scan.read(one)?;
    }
    let mut found = scan.found;
    found.dirt.sort_by(|left, right| left.path.cmp(&right.path));
    found.unclean.sort();
    Ok(found)
}

/// A path that was looked at and not read yet.
struct Looked {
    dirt: Dirt,
    /// Nothing if there is nothing to read.
    meta: Option<Metadata>,
}

struct Scan<'a> {
    repo: &'a Repo,
    tag: &'a SessionTag,
    cache: &'a Cache,
    limits: Limits,
    modes: bool,
    found: Found,
}

impl Scan<'_> {
    fn leave(&mut self, path: &BString, bytes: u64, why: Reason) {
        if self.found.left_out.len() < NAMED {
            self.found.left_out.push(LeftOut {
                path: shown(path),
                bytes,
                why,
            });
        } else {
            self.found.left_more = self.found.left_more.saturating_add(1);
        }
    }

    fn leave_more(&mut self, beyond: usize) {
        self.leave(&BString::from("…"), 0, Reason::TooMany);
        let more = u32::try_from(beyond - 1).unwrap_or(u32::MAX);
        self.found.left_more = self.found.left_more.saturating_add(more);
    }

    fn look(&mut self, status: Status) -> Result<Vec<Looked>> {
        let root = self.repo.require_worktree()?;
        let mut all = Vec::with_capacity(status.tracked.len() + status.untracked.len());
        for tracked in status.tracked {
            self.found.unclean.push(tracked.path.clone());
            let submodule = tracked.is_submodule();
            let dirt = Dirt {
                path: tracked.path,
                head: tracked.head,
                index: tracked.index,
                work: Content::AsHead,
                tracked: true,
                as_index: tracked.work == Work::Same,
                ignored: false,
                known: None,
            };
            if submodule {
                if tracked.work != Work::Same {
                    self.leave(&dirt.path, 0, Reason::Submodule);
                }
                let work = dirt.index.map_or(Content::Gone, Content::Is);
                let dirt = Dirt { work, ..dirt };
                all.push(Looked { dirt, meta: None });
                continue;
            }
            self.look_at(root, dirt, &mut all);
        }
        let beyond = [&status.untracked, &status.ignored]
            .map(|paths| paths.len().saturating_sub(MAX_UNTRACKED))
            .iter()
            .sum::<usize>();
        let untracked = status.untracked.into_iter().map(|path| (path, false));
        let ignored = status.ignored.into_iter().map(|path| (path, true));
        for (path, ignored) in untracked
            .take(MAX_UNTRACKED)
            .chain(ignored.take(MAX_UNTRACKED))
        {
            self.found.unclean.push(path.clone());
            if path.ends_with(b"/") {
                self.leave(&path, 0, Reason::Repository);
                continue;
            }
            let dirt = Dirt {
                path,
                head: None,
                index: None,
                work: Content::AsHead,
                tracked: false,
                as_index: false,
                ignored,
                known: None,
            };
            self.look_at(root, dirt, &mut all);
        }
        if beyond > 0 {
            self.leave_more(beyond);
        }
        Ok(all)
    }

    fn look_at(&mut self, root: &Path, dirt: Dirt, all: &mut Vec<Looked>) {
        let place = root.join(std::ffi::OsStr::from_bytes(&dirt.path));
        match place.symlink_metadata() {
            Ok(meta) if meta.is_file() || meta.is_symlink() => {
                let meta = Some(meta);
                all.push(Looked { dirt, meta });
            }
            // A directory has taken its place: what it holds is listed by itself.
            Ok(meta) if meta.is_dir() => Self::gone(dirt, all),
            Ok(_) => self.unread(dirt, (0, Reason::Special), all),
            Err(error) => match error.kind() {
                std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => {
                    Self::gone(dirt, all);
                }
                _ => self.unread(dirt, (0, Reason::Unreadable), all),
            },
        }
    }

    fn gone(dirt: Dirt, all: &mut Vec<Looked>) {
        // A file that was never tracked and went away meanwhile is nothing at all.
        if dirt.tracked {
            let work = Content::Gone;
            let dirt = Dirt { work, ..dirt };
            all.push(Looked { dirt, meta: None });
        }
    }

    /// Leaves a file out; what is staged of it is known all the same.
    fn unread(&mut self, dirt: Dirt, (bytes, why): (u64, Reason), all: &mut Vec<Looked>) {
        self.leave(&dirt.path, bytes, why);
        if dirt.is_staged() {
            all.push(Looked { dirt, meta: None });
        }
    }

    /// Leaves out what is too much: large files, and of all the largest that git does not track first.
    fn fit(&mut self, looked: Vec<Looked>) -> Vec<Looked> {
        let size = |one: &Looked| one.meta.as_ref().map_or(0, MetadataExt::size);
        let (limits, mut kept) = (self.limits, Vec::with_capacity(looked.len()));
        for one in looked {
            let bytes = size(&one);
            if bytes > limits.file {
                self.unread(one.dirt, (bytes, Reason::TooLarge), &mut kept);
            } else {
                kept.push(one);
            }
        }
        let kept = self.fit_total(kept, limits.ignored, |one| one.dirt.ignored);
        self.fit_total(kept, limits.total, |_| true)
    }

    /// Leaves out the largest of those that are meant until the rest of them fits; what git tracks comes last.
    fn fit_total(
        &mut self,
        mut looked: Vec<Looked>,
        limit: u64,
        meant: impl Fn(&Looked) -> bool,
    ) -> Vec<Looked> {
        let size = |one: &Looked| one.meta.as_ref().map_or(0, MetadataExt::size);
        let mut total: u64 = looked.iter().filter(|one| meant(one)).map(size).sum();
        if total <= limit {
            return looked;
        }
        looked.sort_by_key(|one| (one.dirt.tracked, std::cmp::Reverse(size(one))));
        let mut rest = Vec::with_capacity(looked.len());
        for one in looked {
            let bytes = size(&one);
            if total > limit && bytes > 0 && meant(&one) {
                total -= bytes;
                self.unread(one.dirt, (bytes, Reason::Total), &mut rest);
            } else {
                rest.push(one);
            }
        }
        rest
    }

    fn read(&mut self, Looked { dirt, meta }: Looked) -> Result<()> {
        let Some(mut meta) = meta else {
            self.found.dirt.push(dirt);
            return Ok(());
        };
        if let Some(known) = self.cache.get(&dirt.path, &Stat::from(&meta)) {
            self.push(dirt, known);
            return Ok(());
        }
        if self.found.probe.is_none() {
            self.found.probe = Probe::new(self.repo, self.tag);
        }
        let root = self.repo.require_worktree()?;
        let place = root.join(std::ffi::OsStr::from_bytes(&dirt.path));
        let mut kept = Vec::new();
        for attempt in 1..=READS {
            let bytes = match content(&place, &meta, self.limits.file) {
                Ok(Some(bytes)) => bytes,
                Ok(None) => {
                    self.unread(dirt, (meta.size(), Reason::TooLarge), &mut kept);
                    break;
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    Self::gone(dirt, &mut kept);
                    break;
                }
                Err(_) => {
                    self.unread(dirt, (meta.size(), Reason::Unreadable), &mut kept);
                    break;
                }
            };
            let after = place.symlink_metadata();
            let steady = after
                .as_ref()
                .is_ok_and(|after| Stat::from(after) == Stat::from(&meta));
            if !steady && attempt < READS {
                if let Ok(after) = after {
                    meta = after;
                }
                continue;
            }
            let spot = Spot {
                mode: self.mode(&dirt, &meta),
                oid: write(self.repo, &bytes)?,
            };
            let settled =
                steady && (self.found.probe.as_ref()).is_some_and(|probe| probe.settles(&meta));
            let known = Known {
                spot,
                stat: Stat::from(&meta),
                settled,
            };
            self.push(dirt, known);
            break;
        }
        self.found.dirt.extend(kept.into_iter().map(|one| one.dirt));
        Ok(())
    }

    fn push(&mut self, dirt: Dirt, known: Known) {
        let work = match dirt.head {
            Some(head) if head == known.spot => Content::AsHead,
            _ => Content::Is(known.spot),
        };
        // A file that is as committed and not staged either: only its time was new.
        if work == Content::AsHead && !dirt.is_staged() {
            return;
        }
        self.found.dirt.push(Dirt {
            work,
            known: Some(known),
            ..dirt
        });
    }

    fn mode(&self, dirt: &Dirt, meta: &Metadata) -> u32 {
        if meta.is_symlink() {
            return 0o120_000;
        }
        let recorded = dirt.index.or(dirt.head).map(|spot| spot.mode);
        match recorded {
            Some(mode @ (0o100_644 | 0o100_755)) if !self.modes => mode,
            _ if self.modes && meta.mode() & 0o100 != 0 => 0o100_755,
            _ => 0o100_644,
        }
    }
}

/// Reads a file or a link without following it; nothing if it is larger than allowed.
fn content(place: &Path, meta: &Metadata, limit: u64) -> std::io::Result<Option<Vec<u8>>> {
    if meta.is_symlink() {
        let target = std::fs::read_link(place)?;
        return Ok(Some(target.as_os_str().as_bytes().to_vec()));
    }
    // What has become a link or a pipe meanwhile is neither followed nor waited for.
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).map_err(std::io::Error::other)?;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(place)?;
    let mut bytes = Vec::with_capacity(usize::try_from(meta.size()).unwrap_or_default());
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    let fits = u64::try_from(bytes.len()).is_ok_and(|length| length <= limit);
    Ok(fits.then_some(bytes))
}

/// Writes a blob that the repository does not have.
fn write(repo: &Repo, bytes: &[u8]) -> Result<Oid> {
    let oid = gix::objs::compute_hash(repo.hash(), ObjectKind::Blob, bytes)
        .context(Kind::Internal, || "a file cannot be hashed".to_owned())?;
    if repo.gix().has_object(oid) {
        return Ok(oid);
    }
    persist(|| loose::write(repo, ObjectKind::Blob, bytes))
        .map_err(|error| objects::unwritable(repo, &error))
}

impl Found {
    /// Tells whether a path is as committed: git named it in no way.
    pub fn is_clean(&self, path: &[u8]) -> bool {
        self.unclean
            .binary_search_by(|known| known.as_bytes().cmp(path))
            .is_err()
    }

    /// Returns what was found of a path.
    pub fn dirt(&self, path: &[u8]) -> Option<&Dirt> {
        let at = self
            .dirt
            .binary_search_by(|dirt| dirt.path.as_bytes().cmp(path));
        at.ok().map(|at| &self.dirt[at])
    }

    /// Keeps what was read, for the next time; if all of it was known already, it is kept.
    pub fn remember(&mut self, repo: &Repo, tag: &SessionTag, tip: Oid, fresh: bool) {
        let probe = self.found_probe(repo, tag, fresh);
        if let Some(probe) = probe {
            let known = self
                .dirt
                .iter()
                .filter_map(|dirt| Some((&dirt.path, dirt.known?)));
            probe.keep(repo, tag, tip, known);
        }
    }

    fn found_probe(&mut self, repo: &Repo, tag: &SessionTag, fresh: bool) -> Option<Probe> {
        let probe = self.probe.take();
        if probe.is_none() && fresh {
            return Probe::new(repo, tag);
        }
        probe
    }
}
