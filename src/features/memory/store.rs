//! The chains of versions, and what a directory holds made one of them.

use super::{
    dir, logic,
    model::{MAIN, PREFIX, Version},
    place::Place,
};
use crate::{
    ctx::Ctx,
    error::{Context, Error, Kind, Result},
    features::session::store as sessions,
    fs::Lock,
    git::{
        Oid, Repo,
        folder::{self, Files},
        log::{self, Retry},
        objects::Author,
        refs::{self, Edit, Lost, Reflog},
    },
};

/// Names the version of main that a namespace was last one with.
const BASE: &str = "Ccc-Base: ";

/// A namespace as it is.
#[derive(Clone, Debug)]
pub struct Space {
    /// Its name.
    pub name: String,
    /// Its newest version.
    pub tip: Oid,
    /// The version of main it was last one with; main has none.
    pub base: Option<Oid>,
    /// The files of the newest version.
    pub files: Files,
}

/// The right to look and write: one at a time in a repository.
#[derive(Debug)]
pub struct Guard {
    _lock: Lock,
}

/// Takes the flock that orders what is done with memory.
pub fn lock(repo: &Repo) -> Result<Guard> {
    let path = repo.ccc_dir().join("memory.flock");
    let taken = Lock::acquire(&path, log::PATIENCE).context(Kind::Setup, || {
        format!("{} cannot be locked", path.display())
    })?;
    let lock = taken.ok_or_else(|| {
        Error::busy("another git-ccc is at work on the memory of this repository")
            .hint("git ccc memory status")
    })?;
    Ok(Guard { _lock: lock })
}

/// The names of all namespaces, main among them if there is one.
pub fn names(repo: &Repo) -> Result<Vec<String>> {
    let listed = refs::list(repo, PREFIX)?;
    let name = |name: &str| name.strip_prefix(PREFIX).map(str::to_owned);
    Ok(listed
        .iter()
        .filter_map(|(full, _)| name(full))
        .filter(|name| *name == logic::namespace(name))
        .collect())
}

/// Loads a namespace as its ref has it.
pub fn load(repo: &Repo, name: &str) -> Result<Option<Space>> {
    let Some(tip) = refs::find(repo, &format!("{PREFIX}{name}"))? else {
        return Ok(None);
    };
    at(repo, name, tip).map(Some)
}

/// Loads a version of a namespace.
pub fn at(repo: &Repo, name: &str, version: Oid) -> Result<Space> {
    let link = folder::version(repo, version)?;
    let base = link
        .message
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix(BASE));
    Ok(Space {
        name: name.to_owned(),
        tip: version,
        base: base.and_then(|base| base.parse().ok()),
        files: folder::read(repo, link.tree)?,
    })
}

/// As [`load`], where it must be there.
pub fn required(repo: &Repo, name: &str) -> Result<Space> {
    load(repo, name)?.ok_or_else(|| {
        Error::no(format!("there is no memory namespace {name}"))
            .hint("git ccc memory status")
            .hint(format!("git ccc memory fork {name}"))
    })
}

/// Who writes a version: the session, else the person that git knows.
pub fn author(ctx: &Ctx) -> Result<String> {
    let session = sessions::current_if_any(ctx).ok().flatten();
    let person = || -> Result<String> {
        Ok(ctx
            .repo()?
            .config("user.name")
            .unwrap_or_else(|| "somebody".to_owned()))
    };
    session.map_or_else(person, |session| Ok(session.tag.to_string()))
}

/// A version that is to be written.
#[derive(Debug)]
pub struct New<'a> {
    /// Its files.
    pub files: &'a Files,
    /// What it comes from.
    pub parents: Vec<Oid>,
    /// What changed, in words.
    pub subject: String,
    /// For a namespace, the version of main it is one with.
    pub base: Option<Oid>,
}

/// Writes a version; its ref does not move yet.
pub fn write(ctx: &Ctx, new: &New<'_>) -> Result<Oid> {
    let repo = ctx.repo()?;
    let tree = folder::write(repo, new.files)?;
    let name = author(ctx)?;
    let mut message = format!("{}\n", crate::base::text::one_line(&new.subject, 200));
    if let Some(base) = new.base {
        message.extend(["\n", BASE, &base.to_string(), "\n"]);
    }
    let author = Author {
        name: &name,
        at: ctx.now(),
    };
    folder::commit(repo, &new.parents, tree, author, &message)
}

/// Moves the refs of namespaces from what was read, all or none; `false` if somebody was faster.
pub fn swap(ctx: &Ctx, moves: &[(&str, Option<Oid>, Oid)]) -> Result<bool> {
    let repo = ctx.repo()?;
    let edits: Vec<Edit> = moves
        .iter()
        .map(|(name, old, new)| Edit::swap(format!("{PREFIX}{name}"), *old, *new))
        .collect();
    let mut retry = Retry::new(log::PATIENCE);
    loop {
        match refs::transact(repo, &edits, Reflog::Begin("ccc memory")) {
            Ok(()) => return Ok(true),
            Err(Lost::Conflict(_)) => return Ok(false),
            Err(lost) => {
                if matches!(lost, Lost::Busy(_)) && log::repair_if_free(repo)? {
                    continue;
                }
                retry.again(lost, "keep a version of the memory", ctx.dice.roll())?;
            }
        }
    }
}

/// Makes a version of what the directory of a namespace holds now; a directory that is gone changes nothing.
pub fn sweep(ctx: &Ctx, place: &Place, name: &str, _guard: &Guard) -> Result<Option<Space>> {
    let repo = ctx.repo()?;
    loop {
        let known = load(repo, name)?;
        let held = dir::read(ctx, &place.of(name), name)?;
        let Some(files) = held else {
            return Ok(known);
        };
        if known.as_ref().is_some_and(|known| known.files == files) {
            return Ok(known);
        }
        if known.is_none() && name != MAIN {
            return Ok(None);
        }
        let none = Files::new();
        let old = known.as_ref().map_or(&none, |known| &known.files);
        let what = logic::summary(old, &files);
        let verb = if known.is_some() {
            "edited in place"
        } else {
            "begins"
        };
        let base = known.as_ref().and_then(|known| known.base);
        let parents = known.iter().map(|known| known.tip).collect();
        let subject = format!("{name} {verb}: {what}");
        let tip = write(
            ctx,
            &New {
                files: &files,
                parents,
                subject,
                base,
            },
        )?;
        if swap(ctx, &[(name, known.map(|known| known.tip), tip)])? {
            return Ok(Some(Space {
                name: name.to_owned(),
                tip,
                base,
                files,
            }));
        }
    }
}

/// As [`sweep`] of main, which begins if it is not there.
pub fn main(ctx: &Ctx, place: &Place, guard: &Guard) -> Result<Space> {
    if let Some(main) = sweep(ctx, place, MAIN, guard)? {
        return Ok(main);
    }
    let files = Files::new();
    let subject = "main begins: nothing".to_owned();
    let tip = write(
        ctx,
        &New {
            files: &files,
            parents: Vec::new(),
            subject,
            base: None,
        },
    )?;
    if !swap(ctx, &[(MAIN, None, tip)])? {
        return required(ctx.repo()?, MAIN);
    }
    Ok(Space {
        name: MAIN.to_owned(),
        tip,
        base: None,
        files,
    })
}

/// Gives a namespace a directory of its own with what main holds; one that is there is left as it is.
pub fn fork(ctx: &Ctx, place: &Place, name: &str, guard: &Guard) -> Result<(Space, bool)> {
    let repo = ctx.repo()?;
    let main = main(ctx, place, guard)?;
    if let Some(known) = sweep(ctx, place, name, guard)? {
        if !place.of(name).is_dir() {
            fill(repo, place, &known)?;
        }
        return Ok((known, false));
    }
    let dir = place.of(name);
    if dir.exists() {
        return Err(
            Error::no(format!("{} is there and is no namespace", dir.display())).hint(format!(
                "ls {}",
                crate::base::text::shell(&dir.display().to_string())
            )),
        );
    }
    let subject = format!("{name} forks from main");
    let new = New {
        files: &main.files,
        parents: vec![main.tip],
        subject,
        base: Some(main.tip),
    };
    let tip = write(ctx, &new)?;
    let space = Space {
        name: name.to_owned(),
        tip,
        base: Some(main.tip),
        files: main.files.clone(),
    };
    // The directory is complete before the ref says that it counts.
    fill(repo, place, &space)?;
    if swap(ctx, &[(name, None, tip)])? {
        return Ok((space, true));
    }
    Ok((required(repo, name)?, false))
}

fn fill(repo: &Repo, place: &Place, space: &Space) -> Result<()> {
    let dir = place.of(&space.name);
    std::fs::create_dir_all(&dir).context(Kind::Setup, || {
        format!("{} cannot be created", dir.display())
    })?;
    for (path, oid) in &space.files {
        dir::write(&dir, path, None, Some(&folder::read_blob(repo, *oid)?))?;
    }
    Ok(())
}

/// The versions of a namespace, the newest first; only those that changed `path`, if one is given.
pub fn versions(repo: &Repo, name: &str, path: Option<&str>, limit: usize) -> Result<Vec<Version>> {
    let mut next = Some(required(repo, name)?.tip);
    let mut found = Vec::new();
    while let Some(oid) = next.filter(|_| found.len() < limit) {
        let link = folder::version(repo, oid)?;
        next = link.parents.first().copied();
        if let Some(path) = path {
            let is = folder::read(repo, link.tree)?.remove(path);
            let was = next.map(|parent| -> Result<Option<Oid>> {
                Ok(folder::read(repo, folder::version(repo, parent)?.tree)?.remove(path))
            });
            if is == was.transpose()?.flatten() {
                continue;
            }
        }
        found.push(Version {
            version: oid.to_string(),
            by: link.author,
            at: link.at,
            subject: link.message.lines().next().unwrap_or_default().to_owned(),
        });
    }
    Ok(found)
}

/// Finds a version by the beginning of its name.
pub fn find_version(repo: &Repo, name: &str, version: &str) -> Result<Oid> {
    let mut next = Some(required(repo, name)?.tip);
    while let Some(oid) = next {
        if version.len() >= 4 && oid.to_string().starts_with(version) {
            return Ok(oid);
        }
        next = folder::version(repo, oid)?.parents.first().copied();
    }
    Err(Error::no(format!(
        "{name} has no version {}",
        crate::base::text::one_line(version, 80)
    ))
    .hint(format!("git ccc memory log {name}")))
}

/// Tells whether the branch or the session of a namespace is there.
pub fn is_in_use(repo: &Repo, name: &str) -> Result<bool> {
    let branches = refs::list(repo, "refs/heads/")?;
    let branch = branches
        .iter()
        .filter_map(|(full, _)| full.strip_prefix("refs/heads/"));
    let sessions = sessions::load_all(repo)?;
    let session = sessions.iter().map(|(tag, _)| tag.as_str());
    let name = name
        .strip_prefix("branch-")
        .filter(|name| *name == MAIN)
        .unwrap_or(name);
    Ok(branch
        .chain(session)
        .any(|other| logic::namespace(other) == name))
}

/// Takes a namespace away: its files as far as its newest version has them, and its ref.
pub fn remove(ctx: &Ctx, place: &Place, name: &str, _guard: &Guard) -> Result<()> {
    let repo = ctx.repo()?;
    let space = required(repo, name)?;
    let dir = place.of(name);
    if dir.is_dir() {
        for (path, oid) in &space.files {
            dir::write(&dir, path, Some(&folder::read_blob(repo, *oid)?), None)?;
        }
        if !remove_empty(&dir) {
            ctx.ui.note(&format!(
                "{} has files that were not kept, and stays",
                dir.display()
            ));
        }
    }
    let edit = Edit::delete(format!("{PREFIX}{name}"), space.tip);
    refs::transact(repo, &[edit], Reflog::Message("ccc memory prune"))
        .map_err(|lost| lost.into_error("prune the memory"))
}

/// Removes a folder if nothing but empty folders is in it; `false` if something is.
fn remove_empty(dir: &std::path::Path) -> bool {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return false;
    };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_empty(&entry.path());
        }
    }
    std::fs::remove_dir(dir).is_ok()
}
