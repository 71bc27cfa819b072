//! The worktrees of a repository as its own files say, and git's commands on them.
//!
//! Listing reads `$GIT_COMMON_DIR/worktrees` in process. What git prints is not parsed: whether a command did what it
//! should is seen in the files afterwards.

use crate::{
    error::{Context, Error, Kind, Result},
    git::{Oid, Repo, refs, run},
    proc::Cmd,
};
use std::path::{Path, PathBuf};

/// One worktree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worktree {
    /// git's name for it; `main` for the first one.
    pub name: String,
    /// Its own git directory.
    pub git_dir: PathBuf,
    /// Its root, where it is said to be.
    pub path: PathBuf,
    /// The repository's first one.
    pub is_main: bool,
    /// Why it is locked, if it is.
    pub locked: Option<String>,
    /// Its root is there and belongs to it.
    pub present: bool,
}

/// Lists the worktrees, the first one first; a bare repository has none such.
pub fn list(repo: &Repo) -> Result<Vec<Worktree>> {
    let common = repo.common_dir();
    let mut all = Vec::new();
    let main = Repo::open(common)?;
    if let Some(root) = main.worktree() {
        all.push(Worktree {
            name: "main".to_owned(),
            git_dir: common.to_owned(),
            path: root.to_owned(),
            is_main: true,
            locked: None,
            present: root.is_dir(),
        });
    }
    let dir = common.join("worktrees");
    let entries = match std::fs::read_dir(&dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(all),
        Err(error) => {
            return Err(error).context(Kind::Setup, || format!("{} cannot be read", dir.display()));
        }
    };
    let mut linked: Vec<Worktree> = entries
        .flatten()
        .filter_map(|entry| linked(&entry.path()))
        .collect();
    linked.sort_by(|left, right| left.path.cmp(&right.path));
    all.append(&mut linked);
    Ok(all)
}

/// Reads the directory that the repository has for a worktree; one that is just being made or removed is none.
pub fn linked(git_dir: &Path) -> Option<Worktree> {
    let written = read(&git_dir.join("gitdir"))?;
    let dot_git = absolute(git_dir, &written);
    let path = dot_git.parent()?.to_owned();
    let back = read(&dot_git);
    let present = back
        .as_deref()
        .and_then(|back| back.strip_prefix("gitdir: "))
        .is_some_and(|back| same(&absolute(&path, back), git_dir));
    Some(Worktree {
        name: git_dir.file_name()?.to_string_lossy().into_owned(),
        git_dir: git_dir.to_owned(),
        path,
        is_main: false,
        locked: git_dir
            .join("locked")
            .symlink_metadata()
            .is_ok()
            .then(|| read(&git_dir.join("locked")).unwrap_or_default()),
        present,
    })
}

fn read(path: &Path) -> Option<String> {
    let bytes = crate::fs::read_plain(path, 64 << 10).ok()??;
    let text = String::from_utf8(bytes).ok()?;
    Some(text.trim_end_matches('\n').to_owned())
}

fn absolute(from: &Path, written: &str) -> PathBuf {
    let joined = from.join(written);
    // A relative one goes up; what is missing at the end stays as it is written.
    match joined
        .parent()
        .and_then(|dir| Some((dir.canonicalize().ok()?, joined.file_name()?)))
    {
        Some((dir, name)) => dir.join(name),
        None => joined,
    }
}

fn same(left: &Path, right: &Path) -> bool {
    match (left.canonicalize(), right.canonicalize()) {
        (Ok(left), Ok(right)) => left == right,
        _ => false,
    }
}

/// The branch of a worktree whose files may be missing; nothing when detached.
pub fn branch(tree: &Worktree) -> Option<String> {
    if let Ok(repo) = Repo::open(&tree.git_dir) {
        return repo.branch();
    }
    branch_at(&tree.git_dir)
}

/// The branch that the file of its HEAD names, which on reftable is none.
pub fn branch_at(git_dir: &Path) -> Option<String> {
    let head = read(&git_dir.join("HEAD"))?;
    Some(head.strip_prefix("ref: refs/heads/")?.to_owned())
}

/// The commit of its HEAD.
pub fn head(repo: &Repo, tree: &Worktree) -> Result<Option<Oid>> {
    if let Ok(repo) = Repo::open(&tree.git_dir) {
        return refs::find(&repo, "HEAD");
    }
    match branch(tree) {
        Some(branch) => refs::find(repo, &format!("refs/heads/{branch}")),
        None => Ok(read(&tree.git_dir.join("HEAD")).and_then(|head| head.parse().ok())),
    }
}

/// Finds where a worktree that is missing has been moved by hand: beside where it was, or where others are.
pub fn moved_to(tree: &Worktree, others: &[Worktree]) -> Option<PathBuf> {
    let mut places: Vec<&Path> = vec![tree.path.parent()?];
    places.extend(others.iter().filter_map(|other| other.path.parent()));
    places.sort();
    places.dedup();
    let entries = places
        .into_iter()
        .filter_map(|place| std::fs::read_dir(place).ok())
        .flat_map(|entries| entries.flatten().take(1000));
    entries
        .map(|entry| entry.path())
        .find(|path| is_of(path, tree))
}

/// Tells whether a directory says that it is the root of a worktree.
pub fn is_of(path: &Path, tree: &Worktree) -> bool {
    pointer(path).is_some_and(|git_dir| same(&git_dir, &tree.git_dir))
}

fn pointer(root: &Path) -> Option<PathBuf> {
    let text = read(&root.join(".git"))?;
    Some(absolute(root, text.strip_prefix("gitdir: ")?))
}

/// Opens the repository whose worktree has its root exactly here, whatever the environment says.
pub fn repo_at(root: &Path) -> Result<Repo> {
    Repo::open(&pointer(root).unwrap_or_else(|| root.join(".git")))
}

/// git in a directory, without maintenance that would outlive it and hold what it was handed.
pub fn quietly(repo: &Repo) -> Cmd {
    run::bare().arg("--git-dir").arg(repo.common_dir()).args([
        "-c",
        "gc.auto=0",
        "-c",
        "maintenance.auto=false",
    ])
}

/// Registers a worktree at `path` on a branch that is there, or detached at a commit; no file of it is written yet.
pub fn add(repo: &Repo, path: &Path, head: &str, why_locked: &str) -> Result<()> {
    let cmd = quietly(repo)
        .args(["worktree", "add", "-q", "--no-checkout", "--lock"])
        .args(["--reason", why_locked, "--"])
        .arg(path)
        .arg(head)
        .dir(path.parent().unwrap_or(Path::new("/")));
    run::checked(cmd, "add a worktree").map(drop)
}

/// Finds the worktree whose root is `path`.
pub fn at(repo: &Repo, path: &Path) -> Result<Option<Worktree>> {
    Ok(list(repo)?.into_iter().find(|tree| tree.path == path))
}

/// Writes the files of a worktree that has none.
pub fn fill(repo: &Repo) -> Result<()> {
    let cmd = run::on(repo)
        .args(["-c", "gc.auto=0", "-c", "maintenance.auto=false"])
        .args(["reset", "--hard", "-q", "--no-recurse-submodules"]);
    run::checked(cmd, "write the files of the worktree").map(drop)
}

/// Writes down that a worktree has been moved.
pub fn moved(repo: &Repo, tree: &Worktree, path: &Path) -> Result<()> {
    let file = tree.git_dir.join("gitdir");
    let absolute = read(&file).is_some_and(|written| Path::new(&written).is_absolute());
    if !absolute {
        return repair(repo, path);
    }
    let mut text = path.join(".git").into_os_string().into_encoded_bytes();
    text.push(b'\n');
    crate::fs::replace(&file, &text).context(Kind::Setup, || {
        format!("{} cannot be written", file.display())
    })
}

/// Lets git say anew where a worktree is.
pub fn repair(repo: &Repo, path: &Path) -> Result<()> {
    let cmd = quietly(repo).args(["worktree", "repair"]).arg(path);
    run::checked(cmd, "say where the worktree is").map(drop)
}

/// Lets go of a worktree's lock; one that is not locked stays so.
pub fn unlock(tree: &Worktree) -> Result<()> {
    let path = tree.git_dir.join("locked");
    crate::fs::remove(&path).context(Kind::Setup, || {
        format!("{} cannot be removed", path.display())
    })
}

/// Locks a worktree against being pruned.
pub fn lock(tree: &Worktree, why: &str) -> Result<()> {
    let path = tree.git_dir.join("locked");
    crate::fs::replace(&path, format!("{why}\n").as_bytes()).context(Kind::Setup, || {
        format!("{} cannot be written", path.display())
    })
}

/// Forgets a worktree, whose files must be gone already.
pub fn forget(repo: &Repo, tree: &Worktree) -> Result<()> {
    if tree.is_main
        || !tree
            .git_dir
            .starts_with(repo.common_dir().join("worktrees"))
    {
        return Err(Error::internal(format!(
            "{} is no linked worktree",
            tree.path.display()
        )));
    }
    let unremovable = || format!("{} cannot be removed", tree.git_dir.display());
    // Moved out of git's sight at once: half of it would be a worktree that nobody can read.
    bury(repo)?;
    let grave = grave(repo);
    std::fs::create_dir_all(&grave).context(Kind::Setup, unremovable)?;
    match std::fs::rename(&tree.git_dir, grave.join("tree")) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).context(Kind::Setup, unremovable);
        }
        _ => bury(repo)?,
    }
    // git itself takes the directory away with the last one.
    let _ = std::fs::remove_dir(repo.common_dir().join("worktrees"));
    Ok(())
}

fn grave(repo: &Repo) -> PathBuf {
    repo.ccc_dir().join("making").join("gone")
}

/// Deletes what a kill has left of worktrees that are forgotten.
pub fn bury(repo: &Repo) -> Result<()> {
    let grave = grave(repo);
    match std::fs::remove_dir_all(&grave) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error)
            .context(Kind::Setup, || {
                format!("{} cannot be removed", grave.display())
            }),
        _ => Ok(()),
    }
}

/// Resolves a commit that somebody names.
pub fn commit(repo: &Repo, name: &str) -> Result<Option<Oid>> {
    let cmd = run::read(repo)
        .args(["rev-parse", "--verify", "-q", "--end-of-options"])
        .arg(format!("{name}^{{commit}}"));
    let out = cmd.run()?;
    Ok(out
        .ok()
        .then(|| out.stdout_text().trim().parse().ok())
        .flatten())
}

/// How many commits each of two has that the other has not: (only in the first, only in the second).
pub fn apart(repo: &Repo, first: Oid, second: Oid) -> Result<(u32, u32)> {
    if first == second {
        return Ok((0, 0));
    }
    let cmd = run::read(repo)
        .args(["rev-list", "--left-right", "--count"])
        .arg(format!("{first}...{second}"));
    let out = run::checked(cmd, "count commits")?.stdout_text();
    let mut counts = out.split_whitespace().map(str::parse);
    match (counts.next(), counts.next()) {
        (Some(Ok(first)), Some(Ok(second))) => Ok((first, second)),
        _ => Err(Error::internal("git's count is not in the form we know")),
    }
}

/// The branch that work goes to: what the remote says, else main, master or trunk, else where the first worktree stands.
pub fn target(repo: &Repo) -> Result<Option<String>> {
    let remote = repo
        .config("checkout.defaultRemote")
        .unwrap_or_else(|| "origin".to_owned());
    if let Some(name) = refs::symbolic(repo, &format!("refs/remotes/{remote}/HEAD"))?
        && refs::find(repo, &name)?.is_some()
    {
        return Ok(Some(name));
    }
    for name in ["main", "master", "trunk"] {
        for full in [
            format!("refs/remotes/{remote}/{name}"),
            format!("refs/heads/{name}"),
        ] {
            if refs::find(repo, &full)?.is_some() {
                return Ok(Some(full));
            }
        }
    }
    let branch = Repo::open(repo.common_dir())?.branch();
    Ok(branch.map(|branch| format!("refs/heads/{branch}")))
}

/// Returns where two commits began to differ.
pub fn merge_base(repo: &Repo, one: Oid, other: Oid) -> Result<Option<Oid>> {
    let cmd = run::read(repo)
        .arg("merge-base")
        .args([one.to_string(), other.to_string()]);
    let out = cmd.run()?;
    let text = out.stdout_text();
    Ok(text.lines().next().and_then(|line| line.parse().ok()))
}

/// What a merge of two commits would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merged {
    /// This tree.
    Clean(Oid),
    /// A decision about these paths.
    Conflict(Vec<String>),
    /// This git (before 2.38) cannot say without doing it.
    Unknown,
}

impl Merged {
    /// Returns the tree of a merge that needs no decision.
    pub fn clean(&self) -> Option<Oid> {
        match self {
            Merged::Clean(tree) => Some(*tree),
            Merged::Conflict(_) | Merged::Unknown => None,
        }
    }
}

/// Merges two commits without touching any file.
pub fn merged_tree(repo: &Repo, ours: Oid, theirs: Oid) -> Result<Merged> {
    let cmd = run::read(repo)
        .args(["merge-tree", "--write-tree", "-z", "--name-only"])
        .arg("--no-messages")
        .args([ours.to_string(), theirs.to_string()]);
    let out = cmd.run()?;
    let text = out.stdout_text();
    let mut parts = text.split('\0').filter(|part| !part.is_empty());
    let tree = parts.next().and_then(|tree| tree.trim().parse().ok());
    Ok(match (crate::proc::exit_code(out.status), tree) {
        (0, Some(tree)) => Merged::Clean(tree),
        (1, Some(_)) => {
            let mut paths: Vec<String> = parts.map(str::to_owned).collect();
            paths.sort();
            paths.dedup();
            Merged::Conflict(paths)
        }
        _ => Merged::Unknown,
    })
}
