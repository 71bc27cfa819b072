//! What a snapshot holds, how the worktree stands to it, and so what becomes of each path.

use super::{
    blob,
    chain::Loaded,
    scan::{Dirt, Found},
};
use crate::{
    base::{id::SessionTag, scope::Scope},
    ctx::Ctx,
    error::{Context, Kind, Result},
    features::{
        claim::store::{self as claims, About},
        wip::{
            logic::decide::{self, Now, Wish},
            model::{Item, Spot, Staged, Verdict},
        },
    },
    git::{Oid, Repo, changes, content, run, status, trees},
};
use gix::bstr::{BString, ByteSlice};
use std::{
    collections::{BTreeMap, HashMap},
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::Path,
};

/// Returns what a snapshot holds, sorted by path.
pub fn items(repo: &Repo, loaded: &Loaded) -> Result<Vec<Item>> {
    let [base, index, untracked] = loaded.places()?;
    let (base, index, others) = (
        trees::of(repo, base)?,
        trees::of(repo, index)?,
        trees::of(repo, untracked)?,
    );
    let work = loaded.link.tree;
    let mut paths = changes::between(repo, Some(base), Some(index))?;
    paths.extend(changes::between(repo, Some(base), Some(work))?);
    paths.sort();
    paths.dedup();
    let at = |tree: Oid, path: &BString| -> Result<Option<Spot>> {
        let found = trees::lookup(repo, tree, path.as_bstr())?;
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
    let head = found.head.map(|head| trees::of(repo, head)).transpose()?;
    let grown = is_ancestor(repo, loaded.places()?[0], found.head)?;
    let mut wanted_items = items(repo, loaded)?;
    wanted_items.retain(|item| wanted.covers(&item.path, fold) && is_safe(&item.path));
    let taken = holders(ctx, own, &wanted_items)?;
    let wish = Wish {
        named: wanted.all || !wanted.scopes.is_empty(),
        deletions: wanted.deletions,
    };
    let mut steps = Vec::new();
    for item in wanted_items {
        let committed = match head {
            Some(head) if grown => {
                let path = BString::from(item.path.clone());
                let now = trees::lookup(repo, head, path.as_bstr())?;
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
        now.holder = taken.get(&item.path).cloned();
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
pub(super) fn is_safe(path: &[u8]) -> bool {
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
    let as_staged = dirt.is_some_and(|dirt| dirt.as_index) && is_staged(item, found);
    Ok(Now {
        same,
        exists: file.is_some(),
        committed: false,
        // What was staged then and stands on disk alone now is no later work.
        dirty: !(clean || as_staged),
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
    let tree = trees::of(repo, head)?;
    Ok(trees::lookup(repo, tree, path.as_bstr())?.is_some())
}

/// Says why nothing can be written at a path: a directory above it is none.
pub(super) fn blocked(root: &Path, path: &[u8]) -> Option<String> {
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

pub(super) fn is_same(
    repo: &Repo,
    place: &Path,
    meta: &std::fs::Metadata,
    spot: &Spot,
) -> Result<bool> {
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
