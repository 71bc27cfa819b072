//! The hook directories, `core.hooksPath` and the record of what was done to them.
//!
//! A shim takes a name by rename over a second link to the hook that was there,
//! so at no instant is a hook missing. The record is written before the
//! configuration is touched, so that a crash between leaves what can be undone.

use super::{
    logic::{self, Slot, Step},
    model::{self, CHAINED, COSTLY, HARMLESS, Installed, Redirect, Role},
};
use crate::{
    error::{Context, Error, Kind, Result},
    fs,
    git::{Repo, run},
};
use sha2::{Digest, Sha256};
use std::{
    ffi::OsStr,
    fmt::Write as _,
    fs as disk,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::{Path, PathBuf},
};

/// The most a hook or a configuration file of ours to look at may hold.
const CAP: usize = 16 << 20;

/// What an installation found and did.
#[derive(Debug)]
pub struct Installation {
    /// The directory git now takes hooks from.
    pub dir: PathBuf,
    /// The directory before, if that is another one.
    pub before: Option<String>,
    /// Each hook and what was done.
    pub hooks: Vec<Placed>,
}

/// One hook after `init`.
#[derive(Debug)]
pub struct Placed {
    /// Its name.
    pub name: String,
    /// What was done.
    pub step: Step,
    /// The hook of others that runs before ours.
    pub chained: Option<PathBuf>,
    /// A hook of others that had been set aside and is kept under this name, run by nobody.
    pub kept: Option<PathBuf>,
}

/// Where shims go, and what stood there before.
#[derive(Debug)]
enum Home {
    InPlace(PathBuf),
    Private { dir: PathBuf, before: String },
}

fn unwritable(path: &Path) -> impl FnOnce() -> String {
    let shown = path.display().to_string();
    move || format!("{shown} cannot be written")
}

fn record_path(repo: &Repo) -> PathBuf {
    repo.common_dir().join("ccc-install.toml")
}

fn backup_path(repo: &Repo) -> PathBuf {
    repo.common_dir().join("ccc-install.config")
}

fn private_dir(repo: &Repo) -> PathBuf {
    repo.common_dir().join("ccc-hooks")
}

fn own_dir(repo: &Repo) -> PathBuf {
    repo.common_dir().join("hooks")
}

/// Returns the directory git starts hooks in, from which it counts a relative `core.hooksPath`.
pub fn root(repo: &Repo) -> &Path {
    repo.worktree().unwrap_or(repo.git_dir())
}

/// Returns the directory git takes hooks from, here.
pub fn in_force(repo: &Repo) -> Result<PathBuf> {
    let cmd = run::read(repo)
        .dir(root(repo))
        .args(["rev-parse", "--git-path", "hooks"]);
    let out = run::checked(cmd, "say where its hooks are")?;
    let text = out.stdout.strip_suffix(b"\n").unwrap_or(&out.stdout);
    Ok(root(repo).join(OsStr::from_bytes(text)))
}

/// Reads the record of what was done; nothing was if there is none.
pub fn load(repo: &Repo) -> Result<Option<Installed>> {
    let path = record_path(repo);
    let unreadable = || format!("{} cannot be read", path.display());
    let Some(text) = fs::read_capped(&path, CAP).context(Kind::Setup, unreadable)? else {
        return Ok(None);
    };
    let mut table: toml::Table = String::from_utf8_lossy(&text)
        .parse()
        .context(Kind::Setup, unreadable)?;
    match table.remove("v").and_then(|v| v.as_integer()) {
        Some(1) => table.try_into().map(Some).context(Kind::Setup, unreadable),
        found => Err(Error::setup(unreadable())
            .because(format!("its version is {found:?} and this git-ccc reads 1"))),
    }
}

/// Writes the record.
pub fn save(repo: &Repo, installed: &Installed) -> Result<()> {
    let body = toml::to_string(installed).context(Kind::Internal, || {
        "the installation has no record form".to_owned()
    })?;
    let path = record_path(repo);
    fs::replace(&path, format!("v = 1\n{body}").as_bytes()).context(Kind::Setup, unwritable(&path))
}

/// Removes the record: nothing is installed any more.
pub fn forget(repo: &Repo) -> Result<()> {
    let path = record_path(repo);
    fs::remove(&path).context(Kind::Setup, unwritable(&path))
}

/// Reads what stands where a hook belongs.
pub fn slot(dir: &Path, name: &str) -> Slot {
    let path = dir.join(name);
    let there = |path: &Path| path.symlink_metadata().is_ok();
    let read = |path: &Path| {
        fs::read_capped(path, CAP)
            .ok()
            .flatten()
            .unwrap_or_default()
    };
    Slot {
        text: there(&path).then(|| read(&path)),
        chained: there(&beside(dir, name, CHAINED)),
        wrapped: model::is_ours(&read(&beside(dir, name, ".legacy"))),
    }
}

fn beside(dir: &Path, name: &str, ending: &str) -> PathBuf {
    dir.join(format!("{name}{ending}"))
}

/// Returns the last `core.hooksPath` that git reads: its scope and its value as a path.
fn setting(repo: &Repo) -> Result<Option<(String, String)>> {
    let get = |args: &[&str]| {
        let cmd = run::read(repo).dir(root(repo)).arg("config");
        cmd.args(args).arg("core.hooksPath").run()
    };
    let scopes = get(&["--show-scope", "-z", "--get-all"])?;
    if !scopes.ok() {
        return Ok(None);
    }
    let text = scopes.stdout_text();
    let fields: Vec<&str> = text.split_terminator('\0').collect();
    let scope = fields.rchunks(2).next().and_then(|pair| pair.first());
    let value = get(&["--type=path", "-z", "--get"])?.stdout_text();
    Ok(scope.map(|scope| ((*scope).to_owned(), value.trim_end_matches('\0').to_owned())))
}

fn home(repo: &Repo, installed: &Installed) -> Result<Home> {
    let (own, dir) = (own_dir(repo), private_dir(repo));
    let Some((scope, value)) = setting(repo)? else {
        // A link out of the git directory leads to files that are tracked or shared.
        let real = own.canonicalize().unwrap_or_else(|_| own.clone());
        let before = own.display().to_string();
        return Ok(if real.starts_with(repo.common_dir()) {
            Home::InPlace(own)
        } else {
            Home::Private { dir, before }
        });
    };
    if scope == "command" {
        return Err(Error::setup(
            "core.hooksPath is set for this command alone, so no hook can be installed for others",
        )
        .because(format!("it is {value}, given by -c or by GIT_CONFIG_*"))
        .hint("git config --show-origin --show-scope --get-all core.hooksPath"));
    }
    let before = if in_force(repo)? == dir {
        let known = installed.redirect.as_ref();
        known.map_or(own.display().to_string(), |edit| edit.before.clone())
    } else {
        value
    };
    Ok(Home::Private { dir, before })
}

/// Puts the shims of `ours` where git looks for hooks; doing it again changes nothing.
pub fn install(repo: &Repo, installed: &mut Installed, ours: &[&str]) -> Result<Installation> {
    match home(repo, installed)? {
        Home::InPlace(dir) => {
            if !installed.in_place {
                installed.in_place = true;
                installed.made_hooks_dir = !dir.exists();
                save(repo, installed)?;
            }
            let hooks = fill(&dir, None, &logic::wanted(ours, &[]))?;
            Ok(Installation {
                dir,
                before: None,
                hooks,
            })
        }
        Home::Private { dir, before } => {
            let from = root(repo).join(&before);
            // Shims of ours in the directory before would run a second time.
            clear(&from)?;
            let there = COSTLY.iter().filter(|name| from.join(name).exists());
            let pass_on: Vec<&str> = HARMLESS.iter().chain(there).copied().collect();
            let hooks = fill(&dir, Some(&before), &logic::wanted(ours, &pass_on))?;
            redirect(repo, installed, &dir, &before)?;
            Ok(Installation {
                dir,
                before: Some(before),
                hooks,
            })
        }
    }
}

/// Writes the wanted shims into `dir` and takes those away that are no longer wanted.
fn fill(dir: &Path, before: Option<&str>, wanted: &[(&str, Role)]) -> Result<Vec<Placed>> {
    disk::create_dir_all(dir).context(Kind::Setup, unwritable(dir))?;
    for name in HARMLESS.iter().chain(COSTLY) {
        if !wanted.iter().any(|(kept, _)| kept == name) {
            restore(dir, name)?;
        }
    }
    let mut placed = Vec::new();
    for (name, role) in wanted {
        let slot = slot(dir, name);
        let foreign = slot.text.as_ref().is_some_and(|text| !model::is_ours(text));
        // What a tool wrote into our directory since goes before what it was to pass on to.
        let before = before.filter(|_| !foreign && !slot.chained);
        let shim = model::shim(name, *role, before);
        let step = logic::step(&slot, &shim);
        let kept = carry_out(dir, name, step, &shim)?;
        let chained = before.map_or_else(
            || beside(dir, name, CHAINED),
            |before| Path::new(before).join(name),
        );
        if *role == Role::Ours {
            placed.push(Placed {
                name: (*name).to_owned(),
                step,
                chained: Some(chained).filter(|path| path.symlink_metadata().is_ok()),
                kept,
            });
        }
    }
    Ok(placed)
}

fn carry_out(dir: &Path, name: &str, step: Step, shim: &str) -> Result<Option<PathBuf>> {
    let (path, aside) = (dir.join(name), beside(dir, name, CHAINED));
    let failed = || unwritable(&path);
    let mut kept = None;
    match step {
        Step::Keep => {
            // Without the bit git passes over it, with no more than a hint.
            if model::is_ours(shim.as_bytes()) && !is_executable(&path) && !path.is_symlink() {
                set_mode(&path).context(Kind::Setup, failed())?;
            }
            return Ok(None);
        }
        Step::Write => {}
        Step::Chain => set_aside(&path, &aside).context(Kind::Setup, failed())?,
        Step::ChainAnew => {
            let free = (1..1000)
                .map(|n| beside(dir, name, &format!(".ccc-replaced-{n}")))
                .find(|path| path.symlink_metadata().is_err());
            let Some(free_name) = &free else {
                return Err(Error::setup(failed()()).because("too many replaced hooks are kept"));
            };
            disk::rename(&aside, free_name).context(Kind::Setup, failed())?;
            kept = free;
            set_aside(&path, &aside).context(Kind::Setup, failed())?;
        }
    }
    put(dir, &path, shim).context(Kind::Setup, failed())?;
    Ok(kept)
}

/// Gives a hook a second name; on a file system without links it is renamed.
fn set_aside(path: &Path, aside: &Path) -> std::io::Result<()> {
    disk::hard_link(path, aside).or_else(|_| disk::rename(path, aside))
}

fn put(dir: &Path, path: &Path, text: &str) -> std::io::Result<()> {
    let temp = dir.join(format!(".ccc-hook.{}.tmp", std::process::id()));
    let done = disk::write(&temp, text)
        .and_then(|()| set_mode(&temp))
        .and_then(|()| disk::rename(&temp, path));
    if done.is_err() {
        // Best effort: the error that is returned says more than a left-over file.
        let _ = disk::remove_file(&temp);
    }
    done
}

fn set_mode(path: &Path) -> std::io::Result<()> {
    disk::set_permissions(path, disk::Permissions::from_mode(0o755))
}

/// Tells whether git would run this file.
pub fn is_executable(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Takes our shim of one hook away and puts back what it had displaced; says whether there was one.
fn restore(dir: &Path, name: &str) -> Result<bool> {
    let aside = beside(dir, name, CHAINED);
    for path in [dir.join(name), beside(dir, name, ".legacy")] {
        let text = fs::read_capped(&path, CAP).ok().flatten();
        if !text.is_some_and(|text| model::is_ours(&text)) {
            continue;
        }
        let failed = unwritable(&path);
        if aside.symlink_metadata().is_ok() {
            disk::rename(&aside, &path).context(Kind::Setup, failed)?;
        } else {
            fs::remove(&path).context(Kind::Setup, failed)?;
        }
        return Ok(true);
    }
    Ok(false)
}

/// Takes all our shims in a directory away; returns the hooks there were.
fn clear(dir: &Path) -> Result<Vec<String>> {
    let mut gone = Vec::new();
    for name in HARMLESS.iter().chain(COSTLY) {
        if restore(dir, name)? {
            gone.push((*name).to_owned());
        }
    }
    Ok(gone)
}

/// Returns the last value of `core.hooksPath` in one file.
fn value_in(repo: &Repo, file: &Path) -> Result<Option<String>> {
    let cmd = run::read(repo).args(["config", "-z", "--file"]).arg(file);
    let out = cmd.args(["--get-all", "core.hooksPath"]).run()?;
    let text = out.stdout_text();
    Ok(text.split_terminator('\0').next_back().map(str::to_owned))
}

fn set_value(repo: &Repo, file: &Path, value: Option<&str>) -> Result<()> {
    let cmd = run::on(repo).args(["config", "--file"]).arg(file);
    let cmd = match value {
        Some(value) => cmd.args(["--replace-all", "core.hooksPath", value]),
        None => cmd.args(["--unset-all", "core.hooksPath"]),
    };
    run::checked(cmd, "set core.hooksPath").map(drop)
}

/// Points `core.hooksPath` at our directory, having kept the bytes of the file that says so.
fn redirect(repo: &Repo, installed: &mut Installed, dir: &Path, before: &str) -> Result<()> {
    if setting(repo)?.is_some() && in_force(repo)? == dir {
        return Ok(());
    }
    let worktree = setting(repo)?.is_some_and(|(scope, _)| scope == "worktree");
    let file = if worktree {
        repo.git_dir().join("config.worktree")
    } else {
        repo.common_dir().join("config")
    };
    let file = file.canonicalize().unwrap_or(file);
    let bytes = disk::read(&file).context(Kind::Setup, unwritable(&file))?;
    let backup = backup_path(repo);
    fs::replace(&backup, &bytes).context(Kind::Setup, unwritable(&backup))?;
    let mut edit = Redirect {
        file: file.display().to_string(),
        old: value_in(repo, &file)?,
        sha256: String::new(),
        before: before.to_owned(),
    };
    installed.redirect = Some(edit.clone());
    save(repo, installed)?;
    set_value(repo, &file, Some(&dir.display().to_string()))?;
    let after = disk::read(&file).context(Kind::Setup, unwritable(&file))?;
    edit.sha256 = digest(&after);
    installed.redirect = Some(edit);
    save(repo, installed)?;
    let now = in_force(repo)?;
    if now == dir {
        return Ok(());
    }
    undo_redirect(repo, installed)?;
    save(repo, installed)?;
    Err(Error::setup(format!(
        "git takes its hooks from {} whatever this clone says",
        now.display()
    ))
    .hint("git config --show-origin --show-scope --get-all core.hooksPath"))
}

fn digest(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(bytes) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Puts the configuration back: its bytes if nobody changed them since, else our one key.
fn undo_redirect(repo: &Repo, installed: &mut Installed) -> Result<()> {
    let Some(edit) = installed.redirect.take() else {
        return Ok(());
    };
    let (file, backup) = (PathBuf::from(&edit.file), backup_path(repo));
    let now = disk::read(&file).unwrap_or_default();
    let kept = disk::read(&backup).ok();
    match kept.filter(|_| digest(&now) == edit.sha256) {
        Some(bytes) => fs::replace(&file, &bytes).context(Kind::Setup, unwritable(&file))?,
        None if value_in(repo, &file)?
            .is_some_and(|value| Path::new(&value) == private_dir(repo)) =>
        {
            set_value(repo, &file, edit.old.as_deref())?;
        }
        None => {}
    }
    fs::remove(&backup).context(Kind::Setup, unwritable(&backup))
}

/// Takes the hooks away and puts back what was there; returns the hooks there were.
pub fn uninstall(repo: &Repo, installed: &mut Installed) -> Result<Vec<String>> {
    undo_redirect(repo, installed)?;
    let mut gone = Vec::new();
    for (dir, made) in [
        (private_dir(repo), true),
        (own_dir(repo), installed.made_hooks_dir),
    ] {
        // Through a link out of the git directory we wrote nothing.
        let real = dir.canonicalize().unwrap_or_else(|_| dir.clone());
        if real.starts_with(repo.common_dir()) {
            gone.extend(clear(&dir)?);
        }
        if made {
            // Something of others in it keeps it.
            let _ = disk::remove_dir(&dir);
        }
    }
    gone.sort();
    gone.dedup();
    Ok(gone)
}

/// Lists hooks that were set aside and not put back, because what stands in their place is not ours.
pub fn left_aside(repo: &Repo) -> Vec<PathBuf> {
    let all = HARMLESS.iter().chain(COSTLY);
    all.map(|name| beside(&own_dir(repo), name, CHAINED))
        .filter(|path| path.symlink_metadata().is_ok())
        .collect()
}
