//! Giving a snapshot back: what it holds, how the worktree stands to it, and writing what is to be written.
//!
//! A file is made whole beside the repository's own files and moved into place; no link is followed on the way.

use super::{
    blob,
    chain::Loaded,
    scan::{Dirt, Found},
};
use crate::{
    base::{id::SessionTag, scope::Scope},
    ctx::Ctx,
    error::{Context, Error, Kind, Result},
    features::{
        claim::store::{self as claims, About},
        wip::{
            logic::decide::{self, Now, Wish},
            model::{Item, Shape, Spot, Staged, Verdict},
        },
    },
    git::{Oid, Repo, changes, content, log, refs::Held, refs::Lost, run, status},
};
use gix::bstr::{BString, ByteSlice};
use std::{
    collections::{BTreeMap, HashMap},
    ffi::OsStr,
    io::{ErrorKind, Write as _},
    os::unix::{ffi::OsStrExt, fs::OpenOptionsExt},
    path::{Path, PathBuf},
};

/// Returns what a snapshot holds, sorted by path.
pub fn items(repo: &Repo, loaded: &Loaded) -> Result<Vec<Item>> {
    let [base, index, untracked] = loaded.places()?;
    let (base, index, others) = (
        changes::tree_of(repo, base)?,
        changes::tree_of(repo, index)?,
        changes::tree_of(repo, untracked)?,
    );
    let work = loaded.link.tree;
    let mut paths = changes::between(repo, Some(base), Some(index))?;
    paths.extend(changes::between(repo, Some(base), Some(work))?);
    paths.sort();
    paths.dedup();
    let at = |tree: Oid, path: &BString| -> Result<Option<Spot>> {
        let found = content::lookup(repo, tree, path.as_bstr())?;
        Ok(found.map(|(oid, mode)| Spot {
            mode,
            oid: oid.to_string(),
        }))
    };
    let mut items = BTreeMap::new();
    for path in paths {
        let (was, staged) = (at(base, &path)?, at(index, &path)?);
        let item = Item {
            path: path.to_vec(),
            staged: match staged {
                staged if staged == was => Staged::No,
                Some(spot) => Staged::As(spot),
                None => Staged::Removal,
            },
            base: was,
            work: at(work, &path)?,
            untracked: false,
        };
        items.insert(path, item);
    }
    for path in changes::between(repo, None, Some(others))? {
        let work = at(others, &path)?;
        let item = items.entry(path.clone()).or_insert_with(|| Item {
            path: path.to_vec(),
            base: None,
            staged: Staged::No,
            work: None,
            untracked: true,
        });
        // Staged as removed and on disk all the same: what is on disk counts.
        item.work = work;
    }
    Ok(items.into_values().collect())
}

/// One path and what is to become of it.
#[derive(Clone, Debug)]
pub struct Step {
    /// What the snapshot has.
    pub item: Item,
    /// What becomes of the file.
    pub verdict: Verdict,
    /// What was staged is staged again.
    pub stage: bool,
}

impl Step {
    /// Tells whether anything is done.
    pub fn acts(&self) -> bool {
        self.verdict.acts() || self.stage
    }
}

/// What is wanted of a restore.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Only what these cover; nothing is everything.
    pub scopes: &'a [Scope],
    /// Over other changes too.
    pub all: bool,
    /// Deletions are done again.
    pub deletions: bool,
    /// The index is left alone.
    pub no_index: bool,
}

impl Wanted<'_> {
    fn covers(&self, path: &[u8], fold: crate::base::scope::Fold) -> bool {
        let text = String::from_utf8_lossy(path);
        self.scopes.is_empty()
            || self
                .scopes
                .iter()
                .any(|scope| scope.covers_path(&text, fold))
    }
}

/// Decides about every path of a snapshot that is wanted.
pub fn plan(
    ctx: &Ctx,
    own: Option<&SessionTag>,
    (loaded, found): (&Loaded, &Found),
    wanted: Wanted<'_>,
) -> Result<Vec<Step>> {
    let repo = ctx.repo()?;
    let root = repo.require_worktree()?;
    let fold = repo.fold();
    let head = found
        .head
        .map(|head| changes::tree_of(repo, head))
        .transpose()?;
    let grown = is_ancestor(repo, loaded.places()?[0], found.head)?;
    let mut items = items(repo, loaded)?;
    items.retain(|item| wanted.covers(&item.path, fold) && is_safe(&item.path));
    let held = holders(ctx, own, &items)?;
    let wish = Wish {
        named: wanted.all || !wanted.scopes.is_empty(),
        deletions: wanted.deletions,
    };
    let mut steps = Vec::new();
    for item in items {
        let committed = match head {
            Some(head) if grown => {
                let path = BString::from(item.path.clone());
                let now = content::lookup(repo, head, path.as_bstr())?;
                let now = now.map(|(oid, mode)| Spot {
                    mode,
                    oid: oid.to_string(),
                });
                now != item.base
            }
            _ => false,
        };
        let mut now = look(repo, root, &item, found)?;
        now.committed = committed;
        now.holder = held.get(&item.path).cloned();
        let submodule = |spot: &Option<Spot>| {
            spot.as_ref()
                .is_some_and(|spot| spot.mode == status::SUBMODULE)
        };
        let verdict = if submodule(&item.work) || submodule(&item.base) {
            Verdict::Same
        } else {
            decide::file(&item, &now, wish)
        };
        let stage =
            !wanted.no_index && decide::stage(&item, &now, wish) && !is_staged(&item, found);
        steps.push(Step {
            item,
            verdict,
            stage,
        });
    }
    Ok(steps)
}

/// Paths of our own making are safe; a ref can come from anywhere.
fn is_safe(path: &[u8]) -> bool {
    let path = path.to_str_lossy();
    content::repo_path(&path).is_ok() && !path.split('/').any(|name| matches!(name, "." | ".."))
}

/// Tells whether the index has already what the snapshot has.
fn is_staged(item: &Item, found: &Found) -> bool {
    let index = found.dirt(&item.path).filter(|dirt| dirt.is_staged());
    let spot = |spot: status::Spot| Spot {
        mode: spot.mode,
        oid: spot.oid.to_string(),
    };
    match (&item.staged, index) {
        (
            Staged::As(was),
            Some(Dirt {
                index: Some(now), ..
            }),
        ) => *was == spot(*now),
        (Staged::Removal, Some(Dirt { index: None, .. })) => true,
        _ => false,
    }
}

fn is_ancestor(repo: &Repo, base: Oid, head: Option<Oid>) -> Result<bool> {
    let Some(head) = head else { return Ok(false) };
    if base == head {
        return Ok(true);
    }
    let (base, head) = (base.to_string(), head.to_string());
    let cmd = run::read(repo).args(["merge-base", "--is-ancestor", &base, &head]);
    Ok(cmd.run()?.ok())
}

/// Finds who else holds the paths.
fn holders(
    ctx: &Ctx,
    own: Option<&SessionTag>,
    items: &[Item],
) -> Result<HashMap<Vec<u8>, SessionTag>> {
    let repo = ctx.repo()?;
    let state = claims::load(repo, ctx.now(), About::Everything)?.state;
    let others: Vec<_> = state
        .live()
        .filter(|claim| Some(&claim.record.session) != own)
        .collect();
    let mut held = HashMap::new();
    for item in items {
        let path = String::from_utf8_lossy(&item.path);
        let holder = others.iter().find(|claim| {
            let mut scopes = claim.record.scopes.iter();
            scopes.any(|scope| scope.covers_path(&path, state.fold))
        });
        if let Some(holder) = holder {
            held.insert(item.path.clone(), holder.record.session.clone());
        }
    }
    Ok(held)
}

/// Looks at a path as it stands now.
fn look(repo: &Repo, root: &Path, item: &Item, found: &Found) -> Result<Now> {
    let place = root.join(OsStr::from_bytes(&item.path));
    let mut blocked = blocked(root, &item.path);
    let meta = place.symlink_metadata().ok();
    let file = meta
        .as_ref()
        .filter(|meta| meta.is_file() || meta.is_symlink());
    if blocked.is_none() && file.is_none() && meta.is_some() {
        blocked = Some("something that is no file is in its place".to_owned());
    }
    let same = match (&item.work, file) {
        (None, None) => meta.is_none(),
        (Some(spot), Some(meta)) if blocked.is_none() => is_same(repo, &place, meta, spot)?,
        _ => false,
    };
    let dirt = found.dirt(&item.path);
    let clean = found.is_clean(&item.path);
    Ok(Now {
        same,
        exists: file.is_some(),
        committed: false,
        dirty: !clean,
        // git knows a clean file that is in HEAD; one that it ignores is clean in its eyes too, and nowhere else.
        saved: match dirt {
            Some(dirt) => dirt.work != super::scan::Content::AsHead || dirt.head.is_some(),
            None => clean && is_tracked(repo, &item.path, found)?,
        },
        staged: dirt.is_some_and(Dirt::is_staged),
        blocked,
        holder: None,
    })
}

fn is_tracked(repo: &Repo, path: &[u8], found: &Found) -> Result<bool> {
    let Some(head) = found.head else {
        return Ok(false);
    };
    let path = BString::from(path);
    let tree = changes::tree_of(repo, head)?;
    Ok(content::lookup(repo, tree, path.as_bstr())?.is_some())
}

/// Says why nothing can be written at a path: a directory above it is none.
fn blocked(root: &Path, path: &[u8]) -> Option<String> {
    let path = Path::new(OsStr::from_bytes(path));
    let above: Vec<&Path> = path.ancestors().skip(1).collect();
    for dir in above.into_iter().rev().filter(|dir| *dir != Path::new("")) {
        match root.join(dir).symlink_metadata() {
            Ok(meta) if meta.is_dir() => {
                if root.join(dir).join(".git").symlink_metadata().is_ok() {
                    return Some(format!("{} is a repository of its own", dir.display()));
                }
            }
            Ok(_) => return Some(format!("{} is no directory", dir.display())),
            Err(_) => return None,
        }
    }
    None
}

fn is_same(repo: &Repo, place: &Path, meta: &std::fs::Metadata, spot: &Spot) -> Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let oid = Oid::from_hex(spot.oid.as_bytes())
        .context(Kind::Setup, || format!("{} names no object", spot.oid))?;
    let header = repo.gix().find_header(oid);
    let size = header.context(Kind::Setup, || format!("blob {oid} cannot be read"))?;
    let link = spot.mode == 0o120_000;
    if meta.is_symlink() != link || meta.size() != size.size() {
        return Ok(false);
    }
    if link {
        let target = std::fs::read_link(place).map(|target| target.as_os_str().as_bytes().to_vec());
        return Ok(target.is_ok_and(|target| blob(repo, &spot.oid).is_ok_and(|was| was == target)));
    }
    let modes = repo.gix().config_snapshot().boolean("core.filemode");
    let executable = (meta.mode() & 0o100 != 0) == (spot.mode == 0o100_755);
    if !executable && modes.unwrap_or(true) {
        return Ok(false);
    }
    let Ok(now) = std::fs::read(place) else {
        return Ok(false);
    };
    Ok(now == blob(repo, &spot.oid)?)
}

/// Does what was planned: files first, then the index.
pub fn apply(ctx: &Ctx, steps: &mut [Step]) -> Result<()> {
    let repo = ctx.repo()?;
    let root = repo.require_worktree()?;
    let temp = repo.ccc_dir().join("wip");
    std::fs::create_dir_all(&temp).context(Kind::Setup, || {
        format!("{} cannot be created", temp.display())
    })?;
    for step in steps.iter_mut() {
        match &step.verdict {
            Verdict::Restored => {
                let Some(spot) = &step.item.work else {
                    continue;
                };
                // Looked at again: somebody may have put something there since it was planned.
                if let Some(why) = blocked(root, &step.item.path) {
                    step.verdict = Verdict::InTheWay(why);
                    continue;
                }
                put(repo, (root, &temp), &step.item.path, spot)?;
            }
            Verdict::Deleted => {
                let place = root.join(OsStr::from_bytes(&step.item.path));
                crate::fs::remove(&place).context(Kind::Setup, || {
                    format!("{} cannot be removed", place.display())
                })?;
            }
            _ => {}
        }
    }
    stage(ctx, steps)
}

/// Writes a file or link below `root`, whole and at once.
pub fn put(repo: &Repo, (root, temp): (&Path, &Path), path: &[u8], spot: &Spot) -> Result<()> {
    let place = root.join(OsStr::from_bytes(path));
    let bytes = blob(repo, &spot.oid)?;
    let unwritable = || format!("{} cannot be written", place.display());
    let dir = place.parent().unwrap_or(root);
    std::fs::create_dir_all(dir).context(Kind::Setup, unwritable)?;
    let name = format!(".restore.{}.tmp", std::process::id());
    let written = into(&temp.join(&name), &place, &bytes, spot.mode);
    match written {
        // The worktree is on another file system than the repository.
        Err(error) if error.kind() == ErrorKind::CrossesDevices => {
            into(&dir.join(&name), &place, &bytes, spot.mode).context(Kind::Setup, unwritable)
        }
        done => done.context(Kind::Setup, unwritable),
    }
}

fn into(temp: &Path, place: &Path, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    crate::fs::remove(temp)?;
    let made = if mode == 0o120_000 {
        std::os::unix::fs::symlink(OsStr::from_bytes(bytes), temp)
    } else {
        let mode = if mode == 0o100_755 { 0o777 } else { 0o666 };
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create_new(true).mode(mode).open(temp);
        file.and_then(|mut file| file.write_all(bytes))
    };
    let done = made.and_then(|()| std::fs::rename(temp, place));
    if done.is_err() {
        // The error that is returned says more than a left-over file.
        let _ = crate::fs::remove(temp);
    }
    done
}

/// Puts back into the index what was staged.
fn stage(ctx: &Ctx, steps: &[Step]) -> Result<()> {
    let repo = ctx.repo()?;
    let none = Oid::null(repo.hash()).to_string();
    let mut input = Vec::new();
    for step in steps.iter().filter(|step| step.stage) {
        let (mode, oid) = match &step.item.staged {
            Staged::No => continue,
            Staged::As(spot) => (spot.mode, spot.oid.as_str()),
            Staged::Removal => (0, none.as_str()),
        };
        input.extend(format!("{mode:06o} {oid}\t").into_bytes());
        input.extend(&step.item.path);
        input.push(0);
    }
    if input.is_empty() {
        return Ok(());
    }
    let mut retry = log::Retry::new(log::PATIENCE);
    loop {
        let cmd = run::on(repo).args(["update-index", "-z", "--index-info"]);
        let out = cmd.input(input.clone()).run()?;
        if out.ok() {
            return Ok(());
        }
        let text = out.stderr_text();
        if !text.contains("index.lock") {
            return Err(run::failure("stage what was staged", &out));
        }
        let held = Held { text, stuck: None };
        retry.again(Lost::Busy(held), "stage what was staged", ctx.dice.roll())?;
    }
}

/// Writes what a snapshot holds below a directory; `staged` takes what was staged instead of what stood on disk.
pub fn export(
    repo: &Repo,
    dir: &Path,
    items: &[Item],
    staged: bool,
) -> Result<Vec<(Item, Verdict)>> {
    std::fs::create_dir_all(dir).context(Kind::Setup, || {
        format!("{} cannot be created", dir.display())
    })?;
    let dir: PathBuf = dir
        .canonicalize()
        .context(Kind::Setup, || format!("{} cannot be read", dir.display()))?;
    let mut done = Vec::new();
    for item in items.iter().filter(|item| is_safe(&item.path)) {
        let spot = match &item.staged {
            Staged::As(spot) if staged => Some(spot),
            _ if staged => None,
            _ if item.shape() == Shape::Staged => None,
            _ => item.work.as_ref(),
        };
        let Some(spot) = spot.filter(|spot| spot.mode != status::SUBMODULE) else {
            continue;
        };
        let place = dir.join(OsStr::from_bytes(&item.path));
        let verdict = match (blocked(&dir, &item.path), place.symlink_metadata()) {
            (Some(why), _) => Verdict::InTheWay(why),
            (None, Ok(meta)) if is_same(repo, &place, &meta, spot)? => Verdict::Same,
            (None, Ok(_)) => Verdict::InTheWay("something else is there".to_owned()),
            (None, Err(_)) => {
                put(repo, (&dir, &dir), &item.path, spot)?;
                Verdict::Restored
            }
        };
        done.push((item.clone(), verdict));
    }
    Ok(done)
}

/// Refuses to overwrite while somebody else could not be asked.
pub fn require_set_up(repo: &Repo) -> Result<()> {
    log::tip(repo)
        .map(drop)
        .map_err(|error: Error| error.hint("git ccc init"))
}
