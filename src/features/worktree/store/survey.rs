//! How all worktrees stand: read at once, several at a time, without a lock and without starting git for each.

use super::{base, making, record};
use crate::{
    base::time::Timestamp,
    ctx::Ctx,
    error::Result,
    features::{
        claim::store::{self as claims, About},
        session::{
            logic::{Life, life},
            model::Session,
            store::{self as sessions, ThisHost},
        },
        worktree::model::{LOCKED, Record},
    },
    git::{
        Oid, Repo,
        dirt::{self, Dirt, Scratch},
        refs, run,
        worktrees::{self, Worktree},
    },
};
use std::{
    collections::BTreeMap,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

/// What a worktree is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Its files are there.
    Whole,
    /// Somebody makes or removes it.
    Busy,
    /// Its files are not there.
    Missing,
    /// They have been moved here by hand.
    Moved(PathBuf),
    /// It cannot be read, and why.
    Unreadable(String),
}

/// A session in a worktree.
#[derive(Clone, Debug)]
pub struct Guest {
    /// Who.
    pub session: Session,
    /// Whether it is alive.
    pub life: Life,
    /// What it holds.
    pub holds: Vec<String>,
}

/// How a worktree stands.
#[derive(Debug)]
pub struct Stand {
    /// The worktree.
    pub tree: Worktree,
    /// What it is in.
    pub state: State,
    /// Its branch; nothing when detached.
    pub branch: Option<String>,
    /// The commit of its HEAD.
    pub head: Option<Oid>,
    /// How many commits it has that the target has not, and the other way round.
    pub apart: Option<(u32, u32)>,
    /// What is uncommitted.
    pub dirt: Option<Dirt>,
    /// Who is in it.
    pub guests: Vec<Guest>,
    /// What is known of it.
    pub record: Option<Record>,
    /// When something was last done in it.
    pub last: Option<Timestamp>,
    /// How many bytes its files take, if that was asked.
    pub disk: Option<u64>,
}

/// How all of them stand.
#[derive(Debug)]
pub struct Survey {
    /// What they are compared with, as people call it.
    pub target: Option<String>,
    /// Each of them.
    pub stands: Vec<Stand>,
}

/// Looks at all worktrees.
pub fn survey(ctx: &Ctx, disk: bool) -> Result<Survey> {
    let repo = ctx.repo()?;
    let trees = worktrees::list(repo)?;
    let busy: Vec<PathBuf> = making::all(repo)
        .into_iter()
        .flat_map(|making| [making.inside(), making.path])
        .collect();
    let target = base::newest(repo)?;
    // git counts while we look, if there is anything to count.
    let counting = match &target {
        Some((_, oid)) if any_apart(repo, &trees, *oid)? => Some(counting(repo, *oid)?),
        _ => None,
    };
    let mut stands = look(&trees, &busy, disk);
    let counts = counting.map_or_else(|| Ok(BTreeMap::new()), counts)?;
    let mut guests = guests(ctx)?;
    for stand in &mut stands {
        let path = stand.tree.path.display().to_string();
        stand.guests = guests.remove(&path).unwrap_or_default();
        let beats = stand.guests.iter().map(|guest| guest.session.record.beat);
        stand.last = stand.last.into_iter().chain(beats).max();
        let known = stand.branch.as_ref().and_then(|branch| counts.get(branch));
        stand.apart = match (known, stand.head, &target) {
            (Some(apart), ..) => Some(*apart),
            (None, Some(head), Some((_, target))) => worktrees::apart(repo, head, *target).ok(),
            _ => None,
        };
    }
    Ok(Survey {
        target: target.map(|(name, _)| base::short(&name).to_owned()),
        stands,
    })
}

/// Looks at one worktree as [`survey`] does.
pub fn one(ctx: &Ctx, tree: &Worktree) -> Result<Stand> {
    let all = survey(ctx, false)?;
    let found = all
        .stands
        .into_iter()
        .find(|stand| stand.tree.git_dir == tree.git_dir);
    found.ok_or_else(|| crate::error::Error::internal("a worktree has gone meanwhile"))
}

/// Looks at the files of each, on all processors.
fn look(trees: &[Worktree], busy: &[PathBuf], disk: bool) -> Vec<Stand> {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::with_capacity(trees.len()));
    let work = || {
        let mut scratch = Scratch::default();
        while let Some((at, tree)) = {
            let at = next.fetch_add(1, Relaxed);
            trees.get(at).map(|tree| (at, tree))
        } {
            let stand = look_at(tree, trees, (busy, disk), &mut scratch);
            found
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((at, stand));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 1..threads.min(trees.len()) {
            scope.spawn(work);
        }
        work();
    });
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, stand)| stand).collect()
}

fn look_at(
    tree: &Worktree,
    trees: &[Worktree],
    (busy, disk): (&[PathBuf], bool),
    scratch: &mut Scratch,
) -> Stand {
    let mut stand = Stand {
        tree: tree.clone(),
        state: State::Whole,
        branch: None,
        head: None,
        apart: None,
        dirt: None,
        guests: Vec::new(),
        record: record::load(&tree.git_dir).ok().flatten(),
        last: touched(&tree.git_dir),
        disk: None,
    };
    let making = busy.contains(&tree.path) || tree.locked.as_deref() == Some(LOCKED);
    let opened = Repo::open(&tree.git_dir);
    match &opened {
        Ok(repo) => {
            stand.branch = repo.branch();
            stand.head = refs::find(repo, "HEAD").ok().flatten();
        }
        Err(_) => stand.branch = worktrees::branch(tree),
    }
    stand.state = match opened {
        _ if making => State::Busy,
        _ if !tree.present => match worktrees::moved_to(tree, trees) {
            Some(path) => State::Moved(path),
            None => State::Missing,
        },
        Err(error) => State::Unreadable(error.to_string()),
        Ok(repo) => match dirt::count(&repo, crate::clock::of_files(), scratch) {
            Ok(dirt) => {
                stand.dirt = Some(dirt);
                State::Whole
            }
            Err(error) => State::Unreadable(error.to_string()),
        },
    };
    if disk && tree.present {
        stand.disk = Some(used(&tree.path));
    }
    stand
}

/// When HEAD last moved, as its reflog's own time says.
fn touched(git_dir: &Path) -> Option<Timestamp> {
    let meta = std::fs::metadata(git_dir.join("logs/HEAD"))
        .or_else(|_| std::fs::metadata(git_dir.join("HEAD")))
        .ok()?;
    Timestamp::from_unix(meta.mtime())
}

/// Adds up what files take on the disk; one with several names counts once.
fn used(root: &Path) -> u64 {
    let (mut total, mut seen) = (0, std::collections::HashSet::new());
    let mut rest = vec![root.to_owned()];
    while let Some(dir) = rest.pop() {
        for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
            let Ok(meta) = entry.path().symlink_metadata() else {
                continue;
            };
            if meta.nlink() > 1 && !meta.is_dir() && !seen.insert((meta.dev(), meta.ino())) {
                continue;
            }
            total += meta.blocks() * 512;
            if meta.is_dir() {
                rest.push(entry.path());
            }
        }
    }
    total
}

/// Tells whether a worktree may stand on a branch that is not where the target is.
fn any_apart(repo: &Repo, trees: &[Worktree], target: Oid) -> Result<bool> {
    let heads: BTreeMap<String, Oid> = refs::list(repo, "refs/heads/")?.into_iter().collect();
    Ok(trees.iter().any(|tree| {
        let branch = worktrees::branch_at(&tree.git_dir);
        branch.is_some_and(|branch| heads.get(&format!("refs/heads/{branch}")) != Some(&target))
    }))
}

/// Lets git count how far every branch is from the target; git before 2.41 cannot.
fn counting(repo: &Repo, target: Oid) -> Result<crate::proc::Running> {
    run::read(repo)
        .args(["for-each-ref", "refs/heads"])
        .arg(format!(
            "--format=%(refname:lstrip=2)%00%(ahead-behind:{target})"
        ))
        .begin()
}

fn counts(counting: crate::proc::Running) -> Result<BTreeMap<String, (u32, u32)>> {
    let out = counting.finish("")?;
    if !out.ok() {
        return Ok(BTreeMap::new());
    }
    let text = out.stdout_text();
    let read = |line: &str| {
        let (name, counts) = line.split_once('\0')?;
        let (ahead, behind) = counts.split_once(' ')?;
        Some((name.to_owned(), (ahead.parse().ok()?, behind.parse().ok()?)))
    };
    Ok(text.lines().filter_map(read).collect())
}

/// The sessions by the root of their worktree, with what they hold.
pub fn guests(ctx: &Ctx) -> Result<BTreeMap<String, Vec<Guest>>> {
    let repo = ctx.repo()?;
    let snapshot = claims::load(repo, ctx.now(), About::Everything)?;
    let host = ThisHost::new();
    let mut all: BTreeMap<String, Vec<Guest>> = BTreeMap::new();
    for session in sessions::load_readable(repo)? {
        let Some(root) = session.record.worktree.clone() else {
            continue;
        };
        let holds = snapshot
            .state
            .held_by(&session.tag)
            .flat_map(|claim| claim.record.scopes.iter().map(ToString::to_string))
            .collect();
        let life = life(&session.record, &host, ctx.now());
        all.entry(root).or_default().push(Guest {
            session,
            life,
            holds,
        });
    }
    Ok(all)
}
