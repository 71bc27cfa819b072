//! The manual page, without which `git ccc --help` finds nothing; shared by all repositories of a user.

use super::model::Installed;
use crate::{
    env,
    error::{Context, Kind, Result},
    fs,
};
use std::{
    fs as disk,
    path::{Path, PathBuf},
};

/// The most a page to look at may hold.
const CAP: usize = 16 << 20;
/// How the manual page begins, so that ours is known again.
const MARK: &[u8] = b".\\\" git-ccc wrote this page\n";

fn unwritable(path: &Path) -> impl FnOnce() -> String {
    let shown = path.display().to_string();
    move || format!("{shown} cannot be written")
}

/// Returns where the page belongs: below the user's data directory if `man` looks there, else beside the directory that
/// this program was installed into.
///
/// `man` looks into `share/man` beside each `bin` on `PATH`; who installs with cargo often has no other one than cargo's.
pub fn place() -> Option<PathBuf> {
    let data = env::data_home()?;
    let home = env::home();
    let bins = env::programs();
    let bins = || bins.iter().filter(|dir| dir.ends_with("bin"));
    let share = |bin: &Path| Some(bin.parent()?.join("share"));
    let is_found = bins().any(|bin| share(bin).as_ref() == Some(&data));
    let is_ours = |bin: &&PathBuf| {
        home.as_ref().is_some_and(|home| bin.starts_with(home)) && bin.join("git-ccc").is_file()
    };
    let own = bins().find(is_ours).and_then(|bin| share(bin));
    let dir = own.filter(|_| !is_found).unwrap_or(data);
    Some(dir.join("man/man1/git-ccc.1"))
}

/// Writes the manual page unless one that is not ours stands there; notes what has to go with it.
pub fn write(installed: &mut Installed, path: &Path, page: &[u8]) -> Result<bool> {
    let there = fs::read_capped(path, CAP).context(Kind::Setup, unwritable(path))?;
    if there.as_deref() == Some(page) {
        return Ok(true);
    }
    if there.is_some_and(|text| !text.starts_with(MARK)) {
        return Ok(false);
    }
    let missing: Vec<&Path> = path
        .ancestors()
        .skip(1)
        .take_while(|dir| !dir.exists())
        .collect();
    let made = missing.iter().rev().map(|dir| dir.display().to_string());
    let mut noted: Vec<String> = made.chain([path.display().to_string()]).collect();
    noted.retain(|path| !installed.manual.contains(path));
    fs::replace(path, page).context(Kind::Setup, unwritable(path))?;
    installed.manual.extend(noted);
    Ok(true)
}

/// Removes the manual page and the directories that were made for it, if nothing else is in them.
pub fn remove(installed: &mut Installed) {
    for path in installed.manual.drain(..).rev() {
        let path = Path::new(&path);
        let ours = fs::read_capped(path, CAP)
            .ok()
            .flatten()
            .is_some_and(|text| text.starts_with(MARK));
        // Best effort: a page that stays harms nobody.
        let _ = if ours {
            fs::remove(path)
        } else {
            disk::remove_dir(path)
        };
    }
}
