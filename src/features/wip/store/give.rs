//! Writing what is given back.
//!
//! A file is made whole beside the repository's own files and moved into place; no link is followed on the way.

use super::{
    blob,
    restore::{Step, blocked, is_safe, is_same},
};
use crate::{
    ctx::Ctx,
    error::{Context, Kind, Result},
    features::wip::model::{Item, Shape, Spot, Staged, Verdict},
    git::{
        Oid, Repo, log,
        refs::{Held, Lost},
        run, status,
    },
};
use std::{
    ffi::OsStr,
    io::{ErrorKind, Write as _},
    os::unix::{ffi::OsStrExt, fs::OpenOptionsExt},
    path::{Path, PathBuf},
};

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
pub fn put(repo: &Repo, (root, beside): (&Path, &Path), path: &[u8], spot: &Spot) -> Result<()> {
    let place = root.join(OsStr::from_bytes(path));
    let bytes = blob(repo, &spot.oid)?;
    let unwritable = || format!("{} cannot be written", place.display());
    let dir = place.parent().unwrap_or(root);
    std::fs::create_dir_all(dir).context(Kind::Setup, unwritable)?;
    let name = format!(".restore.{}.tmp", std::process::id());
    let written = into(&beside.join(&name), &place, &bytes, spot.mode);
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
    let filled = if mode == 0o120_000 {
        std::os::unix::fs::symlink(OsStr::from_bytes(bytes), temp)
    } else {
        let mode = if mode == 0o100_755 { 0o777 } else { 0o666 };
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create_new(true).mode(mode).open(temp);
        file.and_then(|mut file| file.write_all(bytes))
    };
    let done = filled.and_then(|()| std::fs::rename(temp, place));
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
