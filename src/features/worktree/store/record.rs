//! The record of a worktree, in its own git directory.

use crate::{
    error::{Context, Error, Kind, Result},
    features::worktree::model::{BRIEF, RECORD, Record, VERSION},
    git::worktrees::Worktree,
};
use std::path::Path;

/// Reads what is known of a worktree; nothing for one that nobody has made or adopted by us.
pub fn load(git_dir: &Path) -> Result<Option<Record>> {
    let path = git_dir.join(RECORD);
    let unreadable = || format!("{} cannot be read", path.display());
    let bytes = crate::fs::read_plain(&path, 1 << 20).context(Kind::Setup, unreadable)?;
    let Some(bytes) = bytes else {
        return Ok(None);
    };
    let text = String::from_utf8(bytes).context(Kind::Setup, unreadable)?;
    let record: Record = toml::from_str(&text).context(Kind::Setup, unreadable)?;
    if record.v > VERSION {
        return Err(Error::setup(unreadable()).because(format!(
            "it is version {} and a newer git-ccc is needed",
            record.v
        )));
    }
    Ok(Some(record))
}

/// Writes what is known of a worktree.
pub fn save(git_dir: &Path, record: &Record) -> Result<()> {
    let path = git_dir.join(RECORD);
    let unwritable = || format!("{} cannot be written", path.display());
    let text = toml::to_string(record).context(Kind::Internal, unwritable)?;
    crate::fs::replace(&path, text.as_bytes()).context(Kind::Setup, unwritable)
}

/// Writes the brief; returns its path.
pub fn save_brief(git_dir: &Path, text: &str) -> Result<String> {
    let path = git_dir.join(BRIEF);
    crate::fs::replace(&path, text.as_bytes()).context(Kind::Setup, || {
        format!("{} cannot be written", path.display())
    })?;
    Ok(path.display().to_string())
}

/// The records of all worktrees; one that cannot be read is none here, and is named where it is looked at.
pub fn all(trees: &[Worktree]) -> impl Iterator<Item = (&Worktree, Record)> {
    trees
        .iter()
        .filter_map(|tree| Some((tree, load(&tree.git_dir).ok().flatten()?)))
}
