//! What is brought along: of what git ignores, that which the template or a file of the repository names.
//!
//! git says what is ignored, a directory that is ignored as a whole as one entry. A pattern means such an entry; one that
//! is anchored (it has a `/` before its end) may also mean something within it. So `.env*` means no file deep in
//! `node_modules`.

use crate::{
    base::text::one_line,
    ctx::Ctx,
    error::{Context, Kind, Result},
    features::{
        template::store::{Found, Source},
        worktree::{
            logic::foreign::{self, Foreign},
            model::BUILDING,
        },
    },
    git::{Repo, run},
    settings::Command,
};
use gix::{
    bstr::{BStr, BString, ByteSlice},
    glob::pattern::Case,
    ignore::{Search, search::Ignore},
};
use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

/// The most entries within ignored directories that are looked at.
const MOST: usize = 20_000;

/// Something that is brought along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// From the root.
    pub path: PathBuf,
    /// It is a directory.
    pub dir: bool,
    /// Nothing in it is ever changed in place.
    pub immutable: bool,
}

/// A file of another tool, and what it says.
#[derive(Clone, Debug)]
pub struct Said {
    /// From the root of the repository.
    pub file: &'static str,
    /// Its content: trust is in this.
    pub content: Vec<u8>,
    /// What it says.
    pub says: Foreign,
}

impl Said {
    /// A command of it, which waits for trust.
    pub fn command(&self, text: &str) -> Command {
        Command::in_file(text.to_owned(), &self.content)
    }
}

/// Reads the settings of other tools; what cannot be read is said and passed over.
pub fn foreign(ctx: &Ctx, root: &Path) -> Vec<Said> {
    let mut all = Vec::new();
    let Ok(dir) = crate::fs::beneath::Dir::root(root) else {
        return all;
    };
    for (file, tool) in foreign::FILES {
        let content = match read(&dir, file) {
            Ok(Some(content)) => content,
            Ok(None) => continue,
            Err(error) => {
                ctx.ui
                    .warn(&format!("{file} of {tool} is not read: {error}"));
                continue;
            }
        };
        let text = String::from_utf8_lossy(&content).into_owned();
        match foreign::read(file, &text) {
            Ok(says) => all.push(Said {
                file,
                content,
                says,
            }),
            Err(why) => {
                let why = one_line(&why, 200);
                ctx.ui.warn(&format!("{file} of {tool} is not read: {why}"));
            }
        }
    }
    all
}

/// Reads a file that no link leads to; one that is too large is an error.
fn read(root: &crate::fs::beneath::Dir, file: &str) -> std::io::Result<Option<Vec<u8>>> {
    use std::io::Read;
    let path = Path::new(file);
    let (dir, name) = (
        path.parent().unwrap_or(Path::new("")),
        path.file_name().unwrap_or_default(),
    );
    let opened = root.descend(dir, false).and_then(|dir| {
        // What is no file is not what the tool reads either.
        match dir.meta(name)?.sort {
            crate::fs::beneath::Sort::File => dir.read(name).map(Some),
            _ => Ok(None),
        }
    });
    let file = match opened {
        Ok(Some(file)) => file,
        Ok(None) => return Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(foreign::MAX_BYTES as u64 + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() > foreign::MAX_BYTES {
        return Err(std::io::Error::other("it is larger than 64 KiB"));
    }
    Ok(Some(bytes))
}

/// Patterns, and what they are of.
struct Patterns {
    any: Search,
    immutable: Search,
    anchored: Vec<String>,
    case: Case,
}

impl Patterns {
    fn of(repo: &Repo, found: Option<&Found>, foreign: &[Said]) -> Self {
        let copies = found.map(|found| &found.template.copy);
        let mut any: Vec<String> = foreign
            .iter()
            .flat_map(|said| said.says.copy.iter().cloned())
            .collect();
        let mut immutable = Vec::new();
        if let Some(copies) = copies {
            any.extend(copies.files.iter().chain(&copies.directories).cloned());
            any.extend(copies.immutable.iter().cloned());
            // A repository may not make two worktrees share what one of them could change.
            if !matches!(found.map(|found| &found.source), Some(Source::Repo(_))) {
                immutable.extend(copies.immutable.iter().cloned());
            }
        }
        let anchored = any
            .iter()
            .filter(|text| !text.starts_with('!'))
            .filter(|text| text.trim_end_matches('/').contains('/'))
            .map(|text| text.trim_start_matches('/').to_owned())
            .collect();
        Patterns {
            any: Search::from_overrides(&any, Ignore::default()),
            immutable: Search::from_overrides(&immutable, Ignore::default()),
            anchored,
            case: if repo.fold().case {
                Case::Fold
            } else {
                Case::Sensitive
            },
        }
    }

    fn wants(&self, path: &BStr, dir: bool) -> bool {
        matches(&self.any, path, dir, self.case)
    }

    /// Tells whether an anchored pattern may mean something in this directory.
    fn reaches_into(&self, dir: &BStr) -> bool {
        let dir = dir.to_str_lossy();
        let literal = |pattern: &str| {
            let end = pattern.find(['*', '?', '[', '\\']).unwrap_or(pattern.len());
            pattern[..end].to_owned()
        };
        self.anchored.iter().any(|pattern| {
            let start = literal(pattern);
            start.starts_with(&format!("{dir}/")) || format!("{dir}/").starts_with(&start)
        })
    }
}

fn matches(search: &Search, path: &BStr, dir: bool, case: Case) -> bool {
    let found = search.pattern_matching_relative_path(path, Some(dir), case);
    found.is_some_and(|found| !found.pattern.is_negative())
}

/// Finds what is brought along from the worktree at `root`.
pub fn find(
    root: &Repo,
    found: Option<&Found>,
    foreign: &[Said],
    trees: &[PathBuf],
) -> Result<Vec<Item>> {
    let patterns = Patterns::of(root, found, foreign);
    let cmd = run::read(root).args([
        "ls-files",
        "--others",
        "--ignored",
        "--exclude-standard",
        "--directory",
        "-z",
    ]);
    let out = run::checked(cmd, "list what it ignores")?;
    let top = root.require_worktree()?;
    let mut items = Vec::new();
    let mut looked = 0;
    for entry in out.stdout.split(|byte| *byte == 0) {
        let dir = entry.ends_with(b"/");
        let path = entry.strip_suffix(b"/").unwrap_or(entry).as_bstr();
        if path.is_empty() || is_ours(top, path, trees) {
            continue;
        }
        if patterns.wants(path, dir) {
            items.push(item(&patterns, path, dir));
        } else if dir && patterns.reaches_into(path) {
            within(top, &patterns, path.to_owned(), &mut looked, &mut items)?;
        }
    }
    items.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(items)
}

fn item(patterns: &Patterns, path: &BStr, dir: bool) -> Item {
    Item {
        path: PathBuf::from(OsStr::from_bytes(path)),
        dir,
        immutable: matches(&patterns.immutable, path, dir, patterns.case),
    }
}

/// Worktrees are not copied into each other, nor is what is just being made.
fn is_ours(top: &Path, path: &BStr, trees: &[PathBuf]) -> bool {
    let full = top.join(OsStr::from_bytes(path));
    trees.iter().any(|tree| tree.starts_with(&full))
        || path
            .split_str("/")
            .any(|part| part.starts_with(BUILDING.as_bytes()))
}

/// Looks into an ignored directory for what anchored patterns mean.
fn within(
    top: &Path,
    patterns: &Patterns,
    dir: BString,
    looked: &mut usize,
    items: &mut Vec<Item>,
) -> Result<()> {
    let mut rest = vec![dir];
    while let Some(dir) = rest.pop() {
        let full = top.join(OsStr::from_bytes(&dir));
        let unreadable = || format!("{} cannot be read", full.display());
        for entry in std::fs::read_dir(&full).context(Kind::Setup, unreadable)? {
            *looked += 1;
            if *looked > MOST {
                return Ok(());
            }
            let entry = entry.context(Kind::Setup, unreadable)?;
            let mut path = dir.clone();
            path.extend_from_slice(b"/");
            path.extend_from_slice(entry.file_name().as_bytes());
            let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if patterns.wants(path.as_bstr(), is_dir) {
                items.push(item(patterns, path.as_bstr(), is_dir));
            } else if is_dir && patterns.reaches_into(path.as_bstr()) {
                rest.push(path);
            }
        }
    }
    Ok(())
}
