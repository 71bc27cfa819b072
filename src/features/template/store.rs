//! Where templates are, and reading one.

use super::model::{MAX_BYTES, Template, is_word};
use crate::{
    base::text::{one_line, shell},
    ctx::Ctx,
    env,
    error::{Context, Error, Kind, Result},
    settings::Command,
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Those that are compiled in: name, TOML, Markdown.
const BUILT_IN: &[(&str, &str, &str)] = &[
    (
        "debug",
        include_str!("../../../templates/sessions/debug.toml"),
        include_str!("../../../templates/sessions/debug.md"),
    ),
    (
        "feature",
        include_str!("../../../templates/sessions/feature.toml"),
        include_str!("../../../templates/sessions/feature.md"),
    ),
    (
        "refactor",
        include_str!("../../../templates/sessions/refactor.toml"),
        include_str!("../../../templates/sessions/refactor.md"),
    ),
];
/// Where a repository keeps its own.
pub const REPO_DIR: &str = ".ccc/templates";

/// Who wrote a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// It is part of this program.
    BuiltIn,
    /// The user, in this file.
    User(PathBuf),
    /// The repository, in this file.
    Repo(PathBuf),
}

impl Source {
    /// Returns the word.
    pub fn word(&self) -> &'static str {
        match self {
            Source::BuiltIn => "built-in",
            Source::User(_) => "user",
            Source::Repo(_) => "repository",
        }
    }

    /// Returns the file.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Source::BuiltIn => None,
            Source::User(path) | Source::Repo(path) => Some(path),
        }
    }
}

/// A template that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its name.
    pub name: String,
    /// Who wrote it.
    pub source: Source,
    /// What it holds.
    pub template: Template,
    /// Its TOML as it is written.
    pub text: String,
    /// The steps of the work.
    pub steps: String,
}

impl Found {
    /// Returns a command of it, which runs only if the user trusts whoever wrote it.
    pub fn command(&self, text: &str) -> Command {
        match &self.source {
            Source::Repo(_) => Command::in_file(text.to_owned(), self.text.as_bytes()),
            Source::BuiltIn | Source::User(_) => Command::of_user(text.to_owned()),
        }
    }
}

/// The user's own directory of templates.
pub fn user_dir() -> Option<PathBuf> {
    env::config_dir().map(|dir| dir.join("templates"))
}

/// The names of all templates with where each is taken from.
pub fn names(ctx: &Ctx) -> BTreeMap<String, Source> {
    let mut all: BTreeMap<String, Source> = BUILT_IN
        .iter()
        .map(|(name, ..)| ((*name).to_owned(), Source::BuiltIn))
        .collect();
    if let Some(dir) = repo_dir(ctx) {
        all.extend(in_dir(&dir, Source::Repo));
    }
    if let Some(dir) = user_dir() {
        all.extend(in_dir(&dir, Source::User));
    }
    all
}

fn repo_dir(ctx: &Ctx) -> Option<PathBuf> {
    let root = ctx.repo().ok()?.worktree()?;
    let dir = root.join(REPO_DIR);
    // A link may lead to files that nobody meant as templates of this repository.
    let real = dir.canonicalize().ok()?;
    (real == dir).then_some(dir)
}

fn in_dir(dir: &Path, source: fn(PathBuf) -> Source) -> Vec<(String, Source)> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    let named = entries.flatten().filter_map(|entry| {
        let path = entry.path();
        let name = path.file_name()?.to_str()?.strip_suffix(".toml")?;
        let fits = is_word(name) && entry.file_type().is_ok_and(|kind| kind.is_file());
        fits.then(|| (name.to_owned(), source(path.clone())))
    });
    named.collect()
}

/// Finds a template by its name.
pub fn find(ctx: &Ctx, name: &str) -> Result<Found> {
    let source = names(ctx).remove(name).ok_or_else(|| {
        Error::usage(format!("there is no template {}", one_line(name, 80)))
            .hint("git ccc template list")
    })?;
    let (text, steps) = match source.path() {
        None => BUILT_IN
            .iter()
            .find(|(known, ..)| *known == name)
            .map(|(_, text, steps)| ((*text).to_owned(), (*steps).to_owned()))
            .unwrap_or_default(),
        Some(path) => (
            read(path)?.unwrap_or_default(),
            read(&path.with_extension("md"))?.unwrap_or_default(),
        ),
    };
    let template = Template::parse(&text).map_err(|error| {
        let at = source
            .path()
            .map_or_else(|| name.to_owned(), |path| path.display().to_string());
        Error::usage(format!("{} is no template", one_line(&at, 300)))
            .because(error)
            .hint(format!("git ccc template show {}", shell("feature")))
    })?;
    Ok(Found {
        name: name.to_owned(),
        source,
        template,
        text,
        steps,
    })
}

/// Reads a text that is a file itself and no link to one.
fn read(path: &Path) -> Result<Option<String>> {
    let unreadable = || format!("{} cannot be read", path.display());
    let bytes = crate::fs::read_plain(path, MAX_BYTES + 1).context(Kind::Usage, unreadable)?;
    let Some(bytes) = bytes else {
        return Ok(None);
    };
    if bytes.len() > MAX_BYTES {
        return Err(Error::usage(unreadable()).because("a template has at most 64 KiB"));
    }
    let text = String::from_utf8(bytes).context(Kind::Usage, unreadable)?;
    Ok(Some(text))
}

/// Writes a template of the user's own, from another one; its path.
pub fn write(name: &str, from: &Found) -> Result<PathBuf> {
    if !is_word(name) {
        return Err(
            Error::usage("a template is called by a word of letters, digits and -")
                .hint("git ccc template list"),
        );
    }
    let dir = user_dir().ok_or_else(|| Error::setup("HOME is not set"))?;
    let path = dir.join(format!("{name}.toml"));
    if path.symlink_metadata().is_ok() {
        return Err(Error::no(format!("{} is there", path.display()))
            .hint(format!("cat {}", shell(&path.display().to_string()))));
    }
    let unwritable = || format!("{} cannot be written", path.display());
    crate::fs::replace(&path.with_extension("md"), from.steps.as_bytes())
        .context(Kind::Setup, unwritable)?;
    crate::fs::replace(&path, from.text.as_bytes()).context(Kind::Setup, unwritable)?;
    Ok(path)
}
