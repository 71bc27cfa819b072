//! Merging a namespace into main: look at both, decide per file, write files, then move both refs.

use super::{
    dir,
    logic::{self, Act},
    model::{Changed, How, MAIN, Open, Twice},
    place::Place,
    store::{self, Guard, New, Space},
};
use crate::{
    base::{
        merge::{self, Kind as FileKind, Labels, Merged},
        scope::Fold,
        scope::Scope,
    },
    ctx::Ctx,
    error::{Context, Error, Kind, Result},
    git::{
        Oid, Repo,
        folder::{self, Files},
    },
};
use std::{collections::BTreeMap, path::PathBuf};

/// So often somebody may write a file while we merge before we say that the directory is busy.
const ATTEMPTS: usize = 20;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Only files that these cover.
    pub only: Option<Vec<Scope>>,
    /// What was a conflict is taken from where it was put side by side.
    pub resolved: bool,
    /// Nothing is written.
    pub dry_run: bool,
}

/// What a merge came to.
#[derive(Debug, Default)]
pub struct Done {
    /// What changed in main.
    pub changed: Vec<Changed>,
    /// What is left to decide: then nothing was written.
    pub open: Vec<Open>,
    /// Where all versions are, if something is left to decide.
    pub conflicts: Option<PathBuf>,
    /// Whether they were put there now.
    pub new_conflict: bool,
    /// What says the same twice now.
    pub duplicates: Vec<Twice>,
    /// The version of main.
    pub version: Option<Oid>,
}

/// The files that are shared at once, as the settings say.
pub fn shared(ctx: &Ctx) -> Result<Vec<Scope>> {
    scopes(ctx.settings()?.memory_shared())
}

/// Files, folders and globs of a memory directory.
pub fn scopes(written: &[String]) -> Result<Vec<Scope>> {
    let parse = |text: &String| {
        Scope::parse(text.trim_end_matches('/')).context(Kind::Usage, || {
            let text = crate::base::text::one_line(text, 200);
            format!("{text} names no files of a memory directory")
        })
    };
    written.iter().map(parse).collect()
}

/// What becomes of the files of main.
#[derive(Default)]
struct Decided {
    done: Done,
    files: Files,
    /// For each conflict: base, main, namespace and what we have made of it.
    sides: BTreeMap<String, [Option<Vec<u8>>; 4]>,
}

/// Merges a namespace into main.
pub fn merge(
    ctx: &Ctx,
    place: &Place,
    name: &str,
    request: &Request,
    guard: &Guard,
) -> Result<Done> {
    let repo = ctx.repo()?;
    for _ in 0..ATTEMPTS {
        let main = store::main(ctx, place, guard)?;
        let theirs = match store::sweep(ctx, place, name, guard)? {
            Some(space) => space,
            None => store::required(repo, name)?,
        };
        let base = match theirs.base {
            Some(base) => store::at(repo, MAIN, base)?.files,
            None => Files::new(),
        };
        let mut result = decide(repo, (&base, &main, &theirs), request.only.as_deref())?;
        if !result.sides.is_empty() {
            let at = place.conflicts(name).join(key(repo, &result)?);
            if request.resolved && at.is_dir() {
                resolve(repo, &mut result, &at)?;
            }
            if !result.sides.is_empty() {
                result.done.conflicts = Some(at.clone());
                if !request.dry_run {
                    result.done.new_conflict = side_by_side(&result, &at, name)?;
                }
                return Ok(result.done);
            }
        }
        if request.dry_run {
            return Ok(result.done);
        }
        if let Some(done) = settle(ctx, place, (&base, &main, &theirs), result, request)? {
            if request.resolved {
                clean_up(place, name)?;
            }
            return Ok(done);
        }
    }
    Err(
        Error::busy("files of the memory directory change faster than they can be merged")
            .hint("git ccc memory status"),
    )
}

/// Decides every file; nothing is written but objects.
fn decide(
    repo: &Repo,
    (base, main, theirs): (&Files, &Space, &Space),
    only: Option<&[Scope]>,
) -> Result<Decided> {
    let mut result = Decided {
        files: main.files.clone(),
        ..Decided::default()
    };
    let labels = Labels {
        base: "before",
        ours: MAIN,
        theirs: &theirs.name,
    };
    for (path, act) in logic::plan(base, &main.files, &theirs.files) {
        if only.is_some_and(|only| {
            !only
                .iter()
                .any(|scope| scope.covers_path(&path, Fold::default()))
        }) {
            continue;
        }
        let read = |oid: Option<Oid>| oid.map(|oid| folder::read_blob(repo, oid)).transpose();
        match act {
            Act::Take(how, oid) => {
                match oid {
                    Some(oid) => result.files.insert(path.clone(), oid),
                    None => result.files.remove(&path),
                };
                result.done.changed.push(Changed { path, how });
            }
            Act::Clash { base, main, theirs } => {
                let (base, main, theirs) = (read(Some(base))?, read(main)?, read(theirs)?);
                let made = main.clone().or_else(|| theirs.clone());
                result
                    .done
                    .open
                    .push(open(&path, "", [&base, &main, &theirs]));
                result.sides.insert(path, [base, main, theirs, made]);
            }
            Act::Both { base, main, theirs } => {
                let (base, ours, other) = (
                    read(base)?,
                    folder::read_blob(repo, main)?,
                    folder::read_blob(repo, theirs)?,
                );
                let merged = merge::merge(
                    FileKind::of(&path, &ours),
                    base.as_deref(),
                    &ours,
                    &other,
                    &labels,
                );
                result.take(repo, path, merged, [base, Some(ours), Some(other)])?;
            }
        }
    }
    Ok(result)
}

impl Decided {
    fn take(
        &mut self,
        repo: &Repo,
        path: String,
        merged: Merged,
        sides: [Option<Vec<u8>>; 3],
    ) -> Result<()> {
        for twice in merged.duplicates {
            self.done.duplicates.push(Twice {
                path: path.clone(),
                at: twice.at,
                first: twice.first,
                second: twice.second,
            });
        }
        if merged.conflicts.is_empty() {
            self.files
                .insert(path.clone(), folder::write_blob(repo, &merged.bytes)?);
            self.done.changed.push(Changed {
                path,
                how: How::Merged,
            });
            return Ok(());
        }
        for conflict in &merged.conflicts {
            let sides = [&conflict.base, &conflict.ours, &conflict.theirs];
            self.done.open.push(open(&path, &conflict.at, sides));
        }
        let [base, main, theirs] = sides;
        self.sides
            .insert(path, [base, main, theirs, Some(merged.bytes)]);
        Ok(())
    }
}

fn open(path: &str, at: &str, sides: [&Option<Vec<u8>>; 3]) -> Open {
    let text = |side: &Option<Vec<u8>>| {
        side.as_ref()
            .and_then(|bytes| String::from_utf8(bytes.clone()).ok())
    };
    let [base, main, theirs] = sides.map(text);
    Open {
        path: path.to_owned(),
        at: at.to_owned(),
        base,
        main,
        theirs,
    }
}

/// Names a conflict by all that is in it: the same conflict has one place, another has another.
fn key(repo: &Repo, result: &Decided) -> Result<String> {
    let mut all = Vec::new();
    for (path, sides) in &result.sides {
        all.extend_from_slice(path.as_bytes());
        for side in sides {
            all.push(0);
            all.extend_from_slice(side.as_deref().unwrap_or(b"\0"));
        }
    }
    let oid = folder::write_blob(repo, &all)?.to_string();
    Ok(oid[..12].to_owned())
}

/// Puts the versions of a conflict where they can be seen; `false` if they were there, and may have been worked on.
fn side_by_side(result: &Decided, at: &PathBuf, name: &str) -> Result<bool> {
    if at.is_dir() {
        return Ok(false);
    }
    let failed = || format!("{} cannot be written", at.display());
    // Complete under another name first: what is there under its own is never written again.
    let temp = at.with_extension("tmp");
    for (path, sides) in &result.sides {
        let names = [
            format!("{path}.before"),
            format!("{path}.{MAIN}"),
            format!("{path}.{name}"),
            path.clone(),
        ];
        for (file, side) in names.iter().zip(sides) {
            if let Some(bytes) = side {
                crate::fs::replace(&temp.join(file), bytes).context(Kind::Setup, failed)?;
            }
        }
    }
    std::fs::rename(&temp, at).context(Kind::Setup, failed)?;
    Ok(true)
}

/// Takes what was decided from where the versions stand side by side.
fn resolve(repo: &Repo, result: &mut Decided, at: &std::path::Path) -> Result<()> {
    for (path, [_, main, theirs, _]) in std::mem::take(&mut result.sides) {
        let file = at.join(&path);
        let bytes = crate::fs::read_capped(&file, 64 << 20)
            .context(Kind::Setup, || format!("{} cannot be read", file.display()))?;
        let undecided = |why: &str| {
            Err(
                Error::new(Kind::Conflict, format!("{} is not decided", file.display()))
                    .because(why)
                    .hint("git ccc memory status"),
            )
        };
        match bytes {
            None if main.is_some() && theirs.is_some() => {
                return undecided("the file is gone, and both sides have it");
            }
            None => {
                result.files.remove(&path);
            }
            Some(bytes) => {
                let kind = FileKind::of(&path, &bytes);
                if !kind.is_structured() && logic::has_markers(&bytes) {
                    return undecided("it still has markers of the conflict");
                }
                let labels = Labels {
                    base: "",
                    ours: "",
                    theirs: "",
                };
                if let Some(invalid) = merge::merge(kind, None, &bytes, &bytes, &labels)
                    .invalid
                    .first()
                {
                    return undecided(&invalid.why);
                }
                result
                    .files
                    .insert(path.clone(), folder::write_blob(repo, &bytes)?);
            }
        }
        result.done.changed.push(Changed {
            path,
            how: How::Merged,
        });
    }
    result.done.open.clear();
    Ok(())
}

/// Writes files and then refs; none if something changed meanwhile and all must be looked at again.
fn settle(
    ctx: &Ctx,
    place: &Place,
    (base, main, theirs): (&Files, &Space, &Space),
    result: Decided,
    request: &Request,
) -> Result<Option<Done>> {
    let repo = ctx.repo()?;
    let Decided {
        mut done, files, ..
    } = result;
    done.version = Some(main.tip);
    // What the namespace is one with from now on: with a choice of files, main as it was for all others.
    let (mut next_base, mut copy) = (files.clone(), files.clone());
    if let Some(only) = &request.only {
        let chosen = |path: &String| {
            only.iter()
                .any(|scope| scope.covers_path(path, Fold::default()))
        };
        next_base = pick(&files, base, chosen);
        copy = pick(&files, &theirs.files, chosen);
    }
    if files == main.files && copy == theirs.files && next_base == *base {
        return Ok(Some(done));
    }
    if !write_files(repo, place, main, &files)? || !write_files(repo, place, theirs, &copy)? {
        return Ok(None);
    }
    let next = Next {
        files: &files,
        base: &next_base,
        copy: &copy,
    };
    let Some(tip) = move_refs(ctx, (main, theirs), &next)? else {
        return Ok(None);
    };
    done.version = Some(tip);
    Ok(Some(done))
}

/// What both namespaces are after a merge.
struct Next<'a> {
    /// Main.
    files: &'a Files,
    /// What the two have in common from now on.
    base: &'a Files,
    /// The namespace.
    copy: &'a Files,
}

/// Writes the versions of a merge and moves both refs; none if somebody was faster.
fn move_refs(ctx: &Ctx, (main, theirs): (&Space, &Space), next: &Next<'_>) -> Result<Option<Oid>> {
    let what = logic::summary(&main.files, next.files);
    let write = |files, parents, subject, base| {
        store::write(
            ctx,
            &New {
                files,
                parents,
                subject,
                base,
            },
        )
    };
    let name = theirs.name.as_str();
    let tip = if *next.files == main.files {
        main.tip
    } else {
        let subject = format!("main takes {name}: {what}");
        write(next.files, vec![main.tip, theirs.tip], subject, None)?
    };
    let one_with = if next.base == next.files {
        tip
    } else {
        let subject = format!("what {name} and main have in common");
        write(next.base, vec![tip], subject, None)?
    };
    let subject = format!("{name} is one with main: {what}");
    let parents = vec![theirs.tip, one_with];
    let theirs_tip = write(next.copy, parents, subject, Some(one_with))?;
    let mut moves = vec![(name, Some(theirs.tip), theirs_tip)];
    if tip != main.tip {
        moves.insert(0, (MAIN, Some(main.tip), tip));
    }
    Ok(store::swap(ctx, &moves)?.then_some(tip))
}

/// The chosen files of one, all others of the other.
fn pick(chosen: &Files, others: &Files, is_chosen: impl Fn(&String) -> bool) -> Files {
    let chosen = chosen.iter().filter(|(path, _)| is_chosen(path));
    let others = others.iter().filter(|(path, _)| !is_chosen(path));
    chosen
        .chain(others)
        .map(|(path, oid)| (path.clone(), *oid))
        .collect()
}

/// Brings a directory to these files; `false` if one of them is no longer what was read.
fn write_files(repo: &Repo, place: &Place, was: &Space, files: &Files) -> Result<bool> {
    let dir = place.of(&was.name);
    // A copy whose worktree is gone has no directory to keep up; main always has one.
    if was.name != MAIN && !dir.is_dir() {
        return Ok(true);
    }
    // Main's directory may be missing as a whole: then its files come back with the others.
    let gone = !dir.is_dir();
    for path in was
        .files
        .keys()
        .chain(files.keys().filter(|path| !was.files.contains_key(*path)))
    {
        let (old, new) = (was.files.get(path).filter(|_| !gone), files.get(path));
        if old == new {
            continue;
        }
        let read = |oid: Option<&Oid>| oid.map(|oid| folder::read_blob(repo, *oid)).transpose();
        if !dir::write(&dir, path, read(old)?.as_deref(), read(new)?.as_deref())? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What was put side by side is decided.
fn clean_up(place: &Place, name: &str) -> Result<()> {
    let dir = place.conflicts(name);
    match std::fs::remove_dir_all(&dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::setup(format!("{} cannot be removed", dir.display())).caused_by(&error))
        }
        _ => Ok(()),
    }
}
