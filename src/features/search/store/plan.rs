//! What to read of which file: what is new, what grew, what moved, what is no more what it was.

use super::{
    cursor::Cursor,
    files::Found,
    hashed::{Map, Set},
    lines,
    sweep::Report,
};
use crate::features::search::readers::{self, Reader, hash};
use std::{
    collections::HashSet,
    ffi::OsStr,
    path::{Path, PathBuf},
};

/// A file that is to be read.
#[derive(Debug)]
pub struct Job {
    /// Its cursor.
    pub at: usize,
    /// The file.
    pub found: Found,
    /// From its beginning, whatever was read of it before.
    pub anew: bool,
}

/// What is to be done.
#[derive(Debug, Default)]
pub struct Plan {
    /// What is to be read.
    pub jobs: Vec<Job>,
    /// Sources that moved or went.
    pub touched: Vec<u64>,
    /// Some cursor changed without anything to be read.
    pub changed: bool,
}

/// The cursors of files that are not simply as they were, by what a file can be known again by.
struct Known<'f> {
    by_path: Map<PathBuf, usize>,
    by_file: Map<(u64, u64), usize>,
    present: Set<&'f OsStr>,
    ids: Set<u64>,
}

impl<'f> Known<'f> {
    fn new(cursors: &[Cursor], found: &'f [Found], taken: &[bool]) -> Self {
        let present: Set<&OsStr> = found.iter().map(|found| found.path.as_os_str()).collect();
        let files = || {
            let all = cursors.iter().enumerate();
            all.filter(|(at, cursor)| cursor.mark.is_empty() && !taken[*at])
        };
        Known {
            by_path: files()
                .map(|(at, cursor)| (cursor.path.clone(), at))
                .collect(),
            by_file: files()
                .filter(|(_, cursor)| !present.contains(cursor.path.as_os_str()))
                .map(|(at, cursor)| (cursor.file, at))
                .collect(),
            ids: cursors.iter().map(|cursor| cursor.id).collect(),
            present,
        }
    }

    /// Finds the cursor of a file: at its place, packed in its place, or moved from another place.
    fn find(&self, cursors: &[Cursor], found: &Found) -> Option<usize> {
        if let Some(at) = self.by_path.get(&found.path) {
            return Some(*at);
        }
        let unpacked = lines::is_packed(&found.path).then(|| found.path.with_extension(""));
        let replaced = unpacked.filter(|path| !self.present.contains(path.as_os_str()));
        if let Some(at) = replaced.and_then(|path| self.by_path.get(&path)) {
            return Some(*at);
        }
        let at = *self.by_file.get(&found.file)?;
        proves(&cursors[at], &found.path).then_some(at)
    }

    fn fresh(&mut self, found: &Found) -> Cursor {
        let path = found.path.to_string_lossy();
        let mut ids = (0_u32..).map(|salt| hash(format!("{salt} {path}").as_bytes()));
        let id = ids.find(|id| self.ids.insert(*id)).unwrap_or_default();
        let agent = found.reader.map(Reader::agent).unwrap_or_default();
        Cursor {
            id,
            agent: agent.to_owned(),
            path: found.path.clone(),
            ..Cursor::default()
        }
    }
}

/// Returns the files of which one look does not tell that they are as they were: the others are taken.
fn unsettled<'f>(cursors: &[Cursor], found: &'f [Found], taken: &mut [bool]) -> Vec<&'f Found> {
    let files = cursors.iter().enumerate();
    let files = files.filter(|(_, cursor)| cursor.mark.is_empty() && !cursor.gone);
    let by_file: Map<(u64, u64), usize> = files.map(|(at, cursor)| (cursor.file, at)).collect();
    let mut settled = |found: &&Found| {
        let at = by_file.get(&found.file).filter(|at| {
            let cursor = &cursors[**at];
            cursor.size == found.size
                && cursor.mtime == found.mtime
                && cursor.path.as_os_str() == found.path.as_os_str()
        });
        at.inspect(|at| taken[**at] = true).is_none()
    };
    found.iter().filter(&mut settled).collect()
}

/// Compares what lies there with what was read.
pub fn plan(
    cursors: &mut Vec<Cursor>,
    found: &[Found],
    unreadable: &[(PathBuf, String)],
    report: &mut Report,
) -> Plan {
    let mut plan = Plan::default();
    let mut taken = vec![false; cursors.len()];
    let left = unsettled(cursors, found, &mut taken);
    let mut known = (!left.is_empty()).then(|| Known::new(cursors, found, &taken));
    let mut rewritten = HashSet::new();
    for found in left {
        let Some(known) = &mut known else { break };
        let at = known.find(cursors, found).filter(|at| !taken[*at]);
        let Some(at) = at else {
            taken.push(true);
            cursors.push(known.fresh(found));
            plan.jobs.push(Job {
                at: cursors.len() - 1,
                found: found.clone(),
                anew: true,
            });
            continue;
        };
        taken[at] = true;
        let cursor = &mut cursors[at];
        let same =
            cursor.file == found.file && cursor.size == found.size && cursor.mtime == found.mtime;
        if cursor.path != found.path || cursor.gone {
            report.moved += u64::from(cursor.path != found.path);
            (cursor.path, cursor.gone) = (found.path.clone(), false);
            plan.touched.push(cursor.id);
            plan.changed = true;
        }
        if !same {
            let grown = proves(cursor, &found.path);
            if !grown {
                rewritten.insert(cursor.id);
                report.again += 1;
            }
            plan.jobs.push(Job {
                at,
                found: found.clone(),
                anew: !grown,
            });
        }
    }
    vanish(cursors, &taken, unreadable, (&mut plan, report));
    reread(cursors, &rewritten, &mut plan);
    // What is read anew comes first: then nothing takes its records for copies of what they were.
    plan.jobs.sort_by(|a, b| {
        let age = a.found.mtime.cmp(&b.found.mtime);
        b.anew
            .cmp(&a.anew)
            .then(age)
            .then(a.found.path.cmp(&b.found.path))
    });
    plan
}

/// Marks what is no more there, unless nobody can look.
fn vanish(
    cursors: &mut [Cursor],
    taken: &[bool],
    unreadable: &[(PathBuf, String)],
    (plan, report): (&mut Plan, &mut Report),
) {
    for (at, cursor) in cursors.iter_mut().enumerate() {
        let hidden = unreadable
            .iter()
            .any(|(dir, _)| cursor.path.starts_with(dir));
        if taken[at] || !cursor.mark.is_empty() || hidden {
            continue;
        }
        report.gone += 1;
        if !cursor.gone {
            cursor.gone = true;
            plan.touched.push(cursor.id);
            plan.changed = true;
        }
    }
}

/// What repeats records of a source that is read anew is read anew too: it may own them now.
fn reread(cursors: &[Cursor], rewritten: &HashSet<u64>, plan: &mut Plan) {
    if rewritten.is_empty() {
        return;
    }
    for (at, cursor) in cursors.iter().enumerate() {
        if cursor.gone || !cursor.owners.iter().any(|owner| rewritten.contains(owner)) {
            continue;
        }
        if let Some(job) = plan.jobs.iter_mut().find(|job| job.at == at) {
            job.anew = true;
            continue;
        }
        let found = Found {
            path: cursor.path.clone(),
            reader: readers::of_agent(&cursor.agent),
            file: cursor.file,
            size: cursor.size,
            mtime: cursor.mtime,
        };
        plan.jobs.push(Job {
            at,
            found,
            anew: true,
        });
    }
}

/// Tells whether a file still begins with what was read of it.
fn proves(cursor: &Cursor, path: &Path) -> bool {
    // A file that cannot be read proves nothing now; reading it will say why.
    lines::proof(path, cursor.offset).ok().flatten() == Some((cursor.head, cursor.tail))
}
