//! Which file, whose hub, and who is at it.

use super::{
    disk,
    model::{FileId, Version},
};
use crate::{
    base::id::SessionTag,
    ctx::Ctx,
    env,
    error::{Context, Error, Kind, Result},
    features::session::{
        logic::{self, Life},
        model::Session,
        store as sessions,
    },
    git::{
        Oid, Repo,
        identity::{Role, signature},
        log, refs,
    },
};
use sha2::{Digest, Sha256};
use std::{
    cell::RefCell,
    collections::HashMap,
    fmt::Write as _,
    fs,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::{Path, PathBuf},
};

/// A shared file and the hub that keeps its versions.
#[derive(Debug)]
pub struct Place {
    /// The hub.
    pub hub: Repo,
    /// The file's real path.
    pub path: PathBuf,
    /// Its name in the hub.
    pub id: FileId,
    /// Its path as people write it.
    pub shown: String,
    versions: RefCell<HashMap<Oid, Version<Oid>>>,
}

impl Place {
    /// Finds the file that a typed path leads to.
    pub fn find(ctx: &Ctx, typed: &Path) -> Result<Self> {
        Self::at(hub()?, disk::resolve(ctx.cwd(), typed)?)
    }

    /// Takes the file at a real path.
    pub fn at(hub: Repo, path: PathBuf) -> Result<Self> {
        if path.starts_with(hub.git_dir()) {
            return Err(
                Error::usage(format!("{} is a file of the hub", path.display()))
                    .because("it keeps the versions of others")
                    .hint("git ccc file list"),
            );
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let id = FileId::of(path.as_os_str().as_bytes(), &name);
        let shown = show(&path);
        Ok(Place {
            hub,
            path,
            id,
            shown,
            versions: RefCell::default(),
        })
    }

    /// Returns a version that was remembered.
    pub fn remembered(&self, commit: Oid) -> Option<Version<Oid>> {
        self.versions.borrow().get(&commit).cloned()
    }

    /// Remembers a version: whoever writes with others looks at the same ones again and again.
    pub fn remember(&self, version: &Version<Oid>) {
        let mut versions = self.versions.borrow_mut();
        versions.insert(version.commit, version.clone());
    }

    /// Returns the file's name.
    pub fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }
}

/// Opens the hub; nobody else may read what it keeps of files that are private.
pub fn hub() -> Result<Repo> {
    let hub = sessions::hub(true)?
        .ok_or_else(|| Error::setup("this user has no home for the hub").hint("git ccc doctor"))?;
    let unsafe_hub = || format!("{} cannot be made private", hub.git_dir().display());
    let meta = fs::metadata(hub.git_dir()).context(Kind::Setup, unsafe_hub)?;
    if meta.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(hub.git_dir(), fs::Permissions::from_mode(0o700))
            .context(Kind::Setup, unsafe_hub)?;
    }
    Ok(hub)
}

/// Returns a path with `~` for the home directory.
pub fn show(path: &Path) -> String {
    let below = |home: &Path| path.strip_prefix(home).ok();
    let home = env::home();
    let rest = home
        .as_deref()
        .and_then(below)
        .or_else(|| below(&home.as_ref()?.canonicalize().ok()?));
    match rest {
        Some(rest) => format!("~/{}", rest.display()),
        None => path.display().to_string(),
    }
}

/// Who reads or writes.
#[derive(Clone, Debug)]
pub struct Who {
    /// The session, if it is one.
    pub session: Option<SessionTag>,
    /// Its tag, or the person's name.
    pub name: String,
    /// Under which name it is kept what was read: a helper inside an agent has read what it read itself.
    pub knower: Option<String>,
    /// Where it works.
    pub worktree: Option<String>,
}

impl Who {
    /// A session; `part` is the helper inside it.
    pub fn session(ctx: &Ctx, tag: &SessionTag, part: Option<&str>) -> Self {
        let knower = match part {
            None => tag.to_string(),
            Some(part) => {
                let mut name = format!("{tag}.");
                for byte in &Sha256::digest(part)[..6] {
                    // Writing to a String cannot fail.
                    let _ = write!(name, "{byte:02x}");
                }
                name
            }
        };
        Who {
            session: Some(tag.clone()),
            name: tag.to_string(),
            knower: Some(knower),
            worktree: worktree(ctx),
        }
    }

    /// The session that runs this command, in whatever repository it is registered; else the person.
    pub fn runs(ctx: &Ctx, hub: &Repo) -> Result<Self> {
        if let Some(tag) = session(ctx, hub)? {
            return Ok(Self::session(ctx, &tag, None));
        }
        let now = gix_now(ctx);
        let person = signature(ctx.repo().unwrap_or(hub), Role::Author, now);
        Ok(Who {
            session: None,
            name: person.map_or_else(|_| "a person".to_owned(), |found| found.name.to_string()),
            knower: None,
            worktree: worktree(ctx),
        })
    }
}

fn gix_now(ctx: &Ctx) -> gix::date::Time {
    gix::date::Time::new(ctx.now().unix(), 0)
}

fn worktree(ctx: &Ctx) -> Option<String> {
    let root = ctx.repo().ok()?.worktree()?;
    Some(root.display().to_string())
}

fn session(ctx: &Ctx, hub: &Repo) -> Result<Option<SessionTag>> {
    let set_up = |repo: &Repo| refs::find(repo, log::REF).is_ok_and(|found| found.is_some());
    if let Ok(repo) = ctx.repo()
        && set_up(repo)
    {
        match sessions::current_if_any(ctx) {
            Ok(Some(session)) => return Ok(Some(session.tag)),
            Ok(None) => {}
            // It may be registered in another repository.
            Err(error) if unknown(&error) => {}
            Err(error) => return Err(error),
        }
    }
    let evidence = sessions::evidence(ctx, hub);
    let alive = |session: &Session| sessions::life(&session.record, ctx.now()) == Life::Alive;
    match logic::identify(&evidence, &sessions::load_readable(hub)?, alive) {
        Ok(tag) => Ok(Some(tag)),
        Err(logic::Unknown::Nobody) => Ok(None),
        Err(unknown) => Err(sessions::explain(unknown)),
    }
}

fn unknown(error: &Error) -> bool {
    let detail = error.detail.as_ref();
    detail.is_some_and(|detail| detail["unknown"] == "no_such")
}
