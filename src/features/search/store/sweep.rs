//! Bringing the index up to date: look at every file, read what is new in those that changed, commit.
//!
//! A file is taken to be append-only until its bytes prove otherwise; then it alone is read anew, and those that
//! repeat records which it owned. Nothing that fails with one file stops the others. One process writes at a time,
//! under a lock that dies with it.

use super::{
    cursor::{Cursor, UNREAD},
    files,
    ingest::{From, Ingest, Place},
    lines,
    open::Store,
    plan::{Job, plan},
    record, repo,
};
use crate::{
    error::{Context, Error, Kind, Result},
    features::search::{
        logic::scan::{self, Found as Part, Record},
        model::{Block, Source},
        readers::{self, Places, Reader, hash},
    },
    fs::Lock,
    git::Repo,
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// What to bring up to date.
#[derive(Debug)]
pub struct Wanted<'w> {
    /// Where agents keep their transcripts.
    pub places: Places,
    /// Other directories.
    pub roots: Vec<PathBuf>,
    /// The repository whose room and log are indexed too.
    pub repo: Option<&'w Repo>,
    /// How long to wait for another writer.
    pub patience: Duration,
    /// If there are more bytes to be read than this, nothing is done.
    pub limit: u64,
}

/// What was done.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Transcripts that are there.
    pub files: u64,
    /// Those that were read from.
    pub read: u64,
    /// Those that were read anew, because they were not what they had been.
    pub again: u64,
    /// Those that had moved.
    pub moved: u64,
    /// Those that are gone; their text is kept.
    pub gone: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Documents that were added.
    pub added: u64,
    /// Records that another source owns.
    pub copies: u64,
    /// What could not be read, and why.
    pub unreadable: Vec<(PathBuf, String)>,
    /// Another process was writing: nothing was done.
    pub busy: bool,
    /// There are more bytes to be read than was said: nothing was done.
    pub over: bool,
}

/// More bytes than this are much work, for which the engine gets more threads and memory.
const LARGE: u64 = 8 * 1024 * 1024;

/// Told how far it is: bytes read, of how many.
pub type Progress<'p> = dyn FnMut(u64, u64) + 'p;

/// See the module head.
pub fn sweep(store: &Store, wanted: &Wanted<'_>, progress: &mut Progress<'_>) -> Result<Report> {
    let mut report = Report::default();
    let path = store.dir.join("write.lock");
    let lock = Lock::acquire(&path, wanted.patience).context(Kind::Setup, || {
        format!("{} cannot be locked", path.display())
    })?;
    let Some(_lock) = lock else {
        report.busy = true;
        return Ok(report);
    };
    // What was there and what is there: with many files each takes as long as the other.
    let (places, roots) = (&wanted.places, &wanted.roots);
    let (cursors, walk) = std::thread::scope(|scope| {
        let walking = scope.spawn(|| files::walk(places, roots));
        let cursors = super::cursor::load(&store.index, &store.dir);
        (cursors, walking.join())
    });
    let walk = walk.map_err(|_| Error::internal("looking for transcripts failed"))?;
    let mut cursors = cursors?;
    report.files = walk.found.len() as u64;
    let mut plan = plan(&mut cursors, &walk.found, &walk.unreadable, &mut report);
    report.unreadable.extend(walk.unreadable);
    let news = match wanted.repo {
        Some(repo) => repo::news(repo, &cursors)?,
        None => Vec::new(),
    };
    if plan.jobs.is_empty() && !plan.changed && news.is_empty() {
        return Ok(report);
    }
    let total: u64 = plan.jobs.iter().map(|job| rest(&cursors, job)).sum();
    if total > wanted.limit {
        report.over = true;
        return Ok(report);
    }
    let mut ingest = Ingest::new(store, total > LARGE)?;
    for id in &plan.touched {
        if let Some(mut source) = ingest.source(*id)?
            && let Some(cursor) = cursors.iter().find(|cursor| cursor.id == *id)
        {
            source.gone = cursor.gone;
            source.path = cursor.path.display().to_string();
            ingest.describe(&source, *id)?;
        }
    }
    let mut run = Run {
        ingest,
        cursors,
        report,
        total,
        progress,
    };
    plan.jobs.retain(|job| run.clear(job));
    for job in plan.jobs {
        run.file(&job)?;
    }
    for news in news {
        repo::add(&mut run.ingest, &mut run.cursors, news)?;
    }
    run.end()
}

/// Returns how much of a file is to be read.
fn rest(cursors: &[Cursor], job: &Job) -> u64 {
    let done = if job.anew { 0 } else { cursors[job.at].offset };
    job.found.size.saturating_sub(done)
}

/// One bringing up to date.
struct Run<'r, 's> {
    ingest: Ingest<'s>,
    cursors: Vec<Cursor>,
    report: Report,
    total: u64,
    progress: &'r mut Progress<'r>,
}

impl Run<'_, '_> {
    /// Takes out what was read of a file that is to be read anew; `false` if it cannot be read at all.
    fn clear(&mut self, job: &Job) -> bool {
        if let Err(error) = lines::open(&job.found.path, 0) {
            let why = (job.found.path.clone(), error.to_string());
            self.report.unreadable.push(why);
            return false;
        }
        let cursor = &mut self.cursors[job.at];
        if job.anew {
            if cursor.size > 0 {
                self.ingest.forget(cursor.id);
            }
            (cursor.offset, cursor.head, cursor.tail) = (0, hash(b""), hash(b""));
            cursor.mtime = UNREAD;
            cursor.owners.clear();
        }
        true
    }

    fn file(&mut self, job: &Job) -> Result<()> {
        match self.read(job) {
            Ok(()) => {
                self.report.read += 1;
                Ok(())
            }
            Err(Stop::File(error)) => {
                self.report
                    .unreadable
                    .push((job.found.path.clone(), error.to_string()));
                Ok(())
            }
            Err(Stop::Index(error)) => Err(error),
        }
    }

    fn read(&mut self, job: &Job) -> Result<(), Stop> {
        let cursor = self.cursors[job.at].clone();
        let path = &job.found.path;
        let Some(reader) = job
            .found
            .reader
            .or_else(|| readers::of_agent(&cursor.agent))
            .or_else(|| recognise(path))
        else {
            // It may be one when there is more of it.
            return self.note(job, &cursor, None, true);
        };
        let known = if job.anew {
            None
        } else {
            self.ingest.source(cursor.id)?
        };
        let mut source = match known {
            Some(source) => source,
            None => named(path, reader)?,
        };
        source.path = path.display().to_string();
        let mut file = Reading {
            reader,
            session: record::conversation(reader.agent(), source.conversation()),
            cursor: Cursor {
                agent: reader.agent().to_owned(),
                ..cursor
            },
        };
        let mut lines = lines::open(path, file.cursor.offset)?;
        let mut shown = file.cursor.offset;
        while let Some(line) = lines.read()? {
            let (at, whole) = (line.at, line.whole);
            let size = line.bytes.len() as u64;
            self.line(&mut file, &mut source, line)?;
            if whole {
                file.cursor.offset = lines.place();
            }
            if at + size > shown + 1024 * 1024 {
                self.report.bytes += at + size - shown;
                shown = at + size;
                (self.progress)(self.report.bytes, self.total);
            }
            if whole && self.ingest.is_due() {
                self.note(job, &file.cursor, Some(&source), false)?;
                self.ingest.commit(&self.cursors)?;
            }
        }
        self.report.bytes += lines.place().saturating_sub(shown);
        (self.progress)(self.report.bytes, self.total);
        self.note(job, &file.cursor, Some(&source), true)
    }

    /// Keeps how far a file was read, and whether that is all of it.
    fn note(
        &mut self,
        job: &Job,
        cursor: &Cursor,
        source: Option<&Source>,
        whole: bool,
    ) -> Result<(), Stop> {
        let mut cursor = cursor.clone();
        if let Some((head, tail)) = lines::proof(&job.found.path, cursor.offset)? {
            (cursor.head, cursor.tail) = (head, tail);
        }
        (cursor.file, cursor.size, cursor.mtime) =
            (job.found.file, job.found.size, job.found.mtime);
        if !whole {
            cursor.mtime = UNREAD;
        }
        if let Some(source) = source {
            self.ingest.describe(source, cursor.id)?;
        }
        self.cursors[job.at] = cursor;
        Ok(())
    }

    fn line(
        &mut self,
        file: &mut Reading,
        source: &mut Source,
        line: lines::Line<'_>,
    ) -> Result<(), Stop> {
        if line.long {
            source.broken += 1;
            source.count("(line too long)");
            return Ok(());
        }
        let parts = scan::line(line.bytes);
        if line.whole {
            return self.parts(file, source, line.at, &parts);
        }
        if parts.is_empty() || parts.iter().any(|part| !matches!(part, Part::Object(..))) {
            return Ok(());
        }
        // It may be all of the record, and it will be read again: what would count twice is kept apart.
        let mut scratch = source.clone();
        self.parts(file, &mut scratch, line.at, &parts)?;
        (source.titles, source.span, source.dirs, source.branches) =
            (scratch.titles, scratch.span, scratch.dirs, scratch.branches);
        Ok(())
    }

    fn parts(
        &mut self,
        file: &mut Reading,
        source: &mut Source,
        at: u64,
        parts: &[Part<'_>],
    ) -> Result<(), Stop> {
        for part in parts {
            match part {
                Part::Object(raw, start) => {
                    self.object(file, source, (at + *start as u64, raw))?;
                }
                Part::Other => source.count("(no object)"),
                Part::Broken => {
                    source.broken += 1;
                    source.count("(broken)");
                }
            }
        }
        Ok(())
    }

    fn object(
        &mut self,
        file: &mut Reading,
        source: &mut Source,
        (at, raw): (u64, &Record<'_>),
    ) -> Result<(), Stop> {
        let mut place = Place {
            offset: at,
            piece: 0,
        };
        let branch = source.branches.last().cloned().unwrap_or_default();
        let mut from = From {
            id: file.cursor.id,
            session: file.session,
            owners: &mut file.cursor.owners,
        };
        let ingest = &mut self.ingest;
        let mut failed = Ok(());
        let mut emit = |block: Block<'_>| {
            if failed.is_ok() {
                failed = ingest.add(&mut from, &mut place, &block, &[("branch", &branch)]);
            }
        };
        file.reader.read(raw, source, &mut emit);
        Ok(failed?)
    }

    fn end(mut self) -> Result<Report> {
        (self.report.added, self.report.copies) = (self.ingest.added, self.ingest.copies);
        self.ingest.finish(&self.cursors)?;
        Ok(self.report)
    }
}

/// A file that is being read.
struct Reading {
    reader: &'static dyn Reader,
    session: u64,
    cursor: Cursor,
}

/// Why a file was not read to its end.
enum Stop {
    /// It is the file's own fault.
    File(std::io::Error),
    /// Nothing can be written.
    Index(crate::error::Error),
}

impl std::convert::From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Stop::File(error)
    }
}

impl std::convert::From<crate::error::Error> for Stop {
    fn from(error: crate::error::Error) -> Self {
        Stop::Index(error)
    }
}

/// So many lines are looked at for the name of a conversation.
const NAMED_WITHIN: usize = 40;

/// Returns a source that knows its conversation, before anything of it is indexed under a name.
fn named(path: &Path, reader: &'static dyn Reader) -> std::io::Result<Source> {
    let mut source = Source {
        agent: reader.agent().to_owned(),
        ..Source::default()
    };
    reader.begin(path, &mut source);
    let mut scratch = source.clone();
    let mut lines = lines::open(path, 0)?;
    for _ in 0..NAMED_WITHIN {
        let Some(line) = lines.read()? else { break };
        for part in scan::line(line.bytes) {
            if let Part::Object(raw, _) = part {
                reader.read(&raw, &mut scratch, &mut |_| {});
            }
        }
    }
    (source.session, source.parent) = (scratch.session, scratch.parent);
    Ok(source)
}

/// Finds out who wrote a file that lies in no agent's place.
fn recognise(path: &Path) -> Option<&'static dyn Reader> {
    let mut lines = lines::open(path, 0).ok()?;
    for _ in 0..NAMED_WITHIN {
        let line = lines.read().ok()??;
        for part in scan::line(line.bytes) {
            if let Part::Object(raw, _) = part
                && let Some(reader) = readers::ALL.iter().find(|reader| reader.knows(&raw))
            {
                return Some(*reader);
            }
        }
    }
    None
}
