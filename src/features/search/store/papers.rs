//! What a repository keeps in files of its own as sources: the memory of every namespace, and plans.
//!
//! Such a text is replaced, not continued, so a source whose mark is another is taken out and read whole. A file that
//! several namespaces have alike is found once, under `main` if that has it.

use super::{
    cursor::Cursor,
    repo::{News, Said},
};
use crate::{
    error::Result,
    features::{
        memory::{model::MAIN, store as memory},
        search::{
            model::{Role, Source},
            readers::hash,
        },
    },
    git::{Repo, folder},
};
use std::{
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::PathBuf,
};

/// A larger file is data.
const LARGEST: u64 = 1024 * 1024;
/// Where plans are, from the root of a worktree.
const PLANS: &[&str] = &["", "plan", "plans", "docs/plans", ".claude/plans"];

/// Looks for what is another than it was.
pub fn news(repo: &Repo, cursors: &[Cursor]) -> Result<Vec<News>> {
    let mut all = Vec::new();
    let spaces = spaces(repo)?;
    let tips: Vec<String> = spaces
        .iter()
        .map(|space| format!("{} {}", space.name, space.tip))
        .collect();
    if let Some(cursor) = changed(repo, cursors, "memory", &tips) {
        all.push(told(repo, cursor, remembered(repo, &spaces)?));
    }
    let plans = plans(repo);
    let seen: Vec<String> = plans
        .iter()
        .map(|plan| format!("{} {} {}", plan.name, plan.size, plan.mtime))
        .collect();
    if let Some(cursor) = changed(repo, cursors, "plan", &seen) {
        all.push(told(repo, cursor, planned(&plans)));
    }
    Ok(all)
}

/// Returns the new cursor of a source that is not what it was; one that never was anything has none.
fn changed(repo: &Repo, cursors: &[Cursor], agent: &str, state: &[String]) -> Option<Cursor> {
    // Plans are those of a worktree, memory is all worktrees'.
    let place = match agent {
        "plan" => repo.worktree()?,
        _ => repo.common_dir(),
    };
    let id = hash(&[agent.as_bytes(), b" ", place.as_os_str().as_bytes()].concat());
    let known = cursors.iter().find(|cursor| cursor.id == id);
    let mark = format!("{:016x}", hash(state.join("\n").as_bytes()));
    if known.map_or(state.is_empty(), |known| known.mark == mark) {
        return None;
    }
    Some(Cursor {
        id,
        agent: agent.to_owned(),
        path: place.to_owned(),
        mark,
        ..Cursor::default()
    })
}

fn told(repo: &Repo, cursor: Cursor, said: Vec<Said>) -> News {
    let place = repo.worktree().unwrap_or(repo.common_dir());
    let mut source = Source {
        agent: cursor.agent.clone(),
        session: format!("{}-{:016x}", repo.name(), cursor.id),
        path: cursor.path.display().to_string(),
        dirs: vec![place.display().to_string()],
        ..Source::default()
    };
    source.titles[0] = Some(format!("{} of {}", cursor.agent, repo.name()));
    for said in &said {
        source.at(said.at);
    }
    News {
        cursor,
        source,
        said,
        anew: true,
    }
}

/// Returns the namespaces of memory, `main` first.
fn spaces(repo: &Repo) -> Result<Vec<memory::Space>> {
    let mut names = memory::names(repo)?;
    names.sort_by_key(|name| (name != MAIN, name.clone()));
    let mut spaces = Vec::new();
    for name in names {
        // One that ended since it was listed is none.
        spaces.extend(memory::load(repo, &name)?);
    }
    Ok(spaces)
}

fn remembered(repo: &Repo, spaces: &[memory::Space]) -> Result<Vec<Said>> {
    let mut all: Vec<Said> = Vec::new();
    for space in spaces {
        let at = folder::version(repo, space.tip)?.at.unix() * 1000;
        for (path, blob) in &space.files {
            let record = format!("{} {path} {blob}", repo.common_dir().display());
            if all.iter().any(|said| said.record == record) {
                continue;
            }
            let Some(text) = text(&folder::read_blob(repo, *blob)?) else {
                continue;
            };
            let under = if space.name == MAIN {
                path.clone()
            } else {
                format!("{}/{path}", space.name)
            };
            all.push(Said {
                role: Role::Memory,
                record,
                text,
                at,
                under,
                room: String::new(),
                paths: vec![path.clone()],
            });
        }
    }
    Ok(all)
}

/// A plan as it lies there.
struct Plan {
    path: PathBuf,
    name: String,
    size: u64,
    mtime: i64,
}

/// Finds plans: `plan.md` at the root, and what lies in folders of plans. What cannot be looked at is none.
fn plans(repo: &Repo) -> Vec<Plan> {
    let Some(root) = repo.worktree() else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for folder in PLANS {
        let Ok(entries) = std::fs::read_dir(root.join(folder)) else {
            continue;
        };
        for entry in entries.flatten() {
            let file = entry.file_name().to_string_lossy().into_owned();
            let path = entry.path();
            let markdown = path
                .extension()
                .is_some_and(|extension| extension.eq_ignore_ascii_case("md"));
            if !markdown || (folder.is_empty() && !file.eq_ignore_ascii_case("plan.md")) {
                continue;
            }
            // A link leads out of the repository as likely as not: it is not followed.
            let Ok(meta) = entry.metadata() else { continue };
            if meta.is_file() && meta.len() <= LARGEST {
                all.push(Plan {
                    path,
                    name: format!("{folder}/{file}")
                        .trim_start_matches('/')
                        .to_owned(),
                    size: meta.len(),
                    mtime: meta
                        .mtime()
                        .saturating_mul(1000)
                        .saturating_add(meta.mtime_nsec() / 1_000_000),
                });
            }
        }
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

fn planned(plans: &[Plan]) -> Vec<Said> {
    let read = |plan: &Plan| {
        // One that went since it was listed is none; the next look sees that.
        let text = text(&std::fs::read(&plan.path).ok()?)?;
        Some(Said {
            role: Role::Plan,
            record: format!("{} {:016x}", plan.path.display(), hash(text.as_bytes())),
            text,
            at: plan.mtime,
            under: plan.name.clone(),
            room: String::new(),
            paths: vec![plan.name.clone()],
        })
    };
    plans.iter().filter_map(read).collect()
}

/// Returns a file's text, if it is text.
fn text(bytes: &[u8]) -> Option<String> {
    let fits = bytes.len() as u64 <= LARGEST && !bytes.contains(&0);
    fits.then(|| String::from_utf8_lossy(bytes).into_owned())
}
