//! Which conversations wait for their person: a file each below `ccc/idle/` of the git directory, there from the end of a turn to the
//! next word.
//!
//! Whoever removes the file may wake the session, and nobody else: so it is woken once.

use super::model::Session;
use crate::{
    base::id::SessionTag,
    error::{Context, Kind, Result},
    git::Repo,
};
use std::path::{Path, PathBuf};

const DIR: &str = "idle";

/// Writes down that the session's turn has ended.
pub fn begin(repo: &Repo, tag: &SessionTag) -> Result<()> {
    let path = repo.ccc_dir().join(DIR).join(tag.as_str());
    let made = std::fs::create_dir_all(repo.ccc_dir().join(DIR));
    made.and_then(|()| std::fs::write(&path, ""))
        .context(Kind::Setup, || unwritable(&path))
}

/// The session is at work again.
pub fn end(repo: &Repo, tag: &SessionTag) -> Result<()> {
    removed(&repo.ccc_dir().join(DIR).join(tag.as_str())).map(drop)
}

/// Tells whether the session, of any repository of this host, was idle and this caller is the one that may wake it.
pub fn take(session: &Session) -> Result<bool> {
    let dir = Path::new(&session.record.repo).join("ccc").join(DIR);
    removed(&dir.join(session.tag.as_str()))
}

fn removed(path: &PathBuf) -> Result<bool> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).context(Kind::Setup, || unwritable(path)),
    }
}

fn unwritable(path: &Path) -> String {
    format!("{} cannot be changed", path.display())
}
