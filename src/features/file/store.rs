//! The chain of a file's versions, who knows which, and what was about to be done.

use super::{
    disk::{self, Found},
    hints,
    model::{About, Act, PREFIX, Version as Model},
    place::{Place, Who},
};
use crate::{
    base::{text::one_line, time::Timestamp},
    ctx::Ctx,
    error::{Context, Error, Kind, Result},
    git::{
        Oid, Repo, bulk_checkin, log,
        objects::Author,
        refs::{self, Edit, Lost, Reflog, Writer},
        run,
        versions::{self, NewVersion},
    },
};

/// A version in the hub.
pub type Version = Model<Oid>;

/// After so many versions git is asked whether the hub wants packing.
const PACK_EVERY: u64 = 64;
/// So many writes become versions at once, at most.
pub const MOST_AT_ONCE: u64 = 64;

/// Reads a version.
pub fn version(hub: &Repo, commit: Oid) -> Result<Version> {
    let (link, blob) = versions::read(hub, commit)?;
    let about = About::parse(&link.message).ok_or_else(|| {
        Error::setup(format!("{commit} is no version of a shared file")).hint("git ccc doctor")
    })?;
    let second = link.parents.get(1).copied();
    Ok(Version {
        commit,
        before: link.parents.first().copied(),
        meant: second,
        blob,
        at: link.at,
        about,
    })
}

/// As [`version`], of this file; each is read once.
pub fn version_of(place: &Place, commit: Oid) -> Result<Version> {
    if let Some(version) = place.remembered(commit) {
        return Ok(version);
    }
    let version = version(&place.hub, commit)?;
    place.remember(&version);
    Ok(version)
}

/// Reads the newest version.
pub fn tip(place: &Place) -> Result<Option<Version>> {
    let found = refs::find(&place.hub, &place.id.ref_name())?;
    found.map(|oid| version_of(place, oid)).transpose()
}

/// Walks from a version back.
pub fn walk(place: &Place, from: Option<Oid>) -> impl Iterator<Item = Result<Version>> {
    let mut next = from;
    std::iter::from_fn(move || {
        let version = version_of(place, next.take()?);
        next = version.as_ref().ok().and_then(|version| version.before);
        Some(version)
    })
}

/// Reads a version's content.
pub fn content(hub: &Repo, blob: Option<Oid>) -> Result<Option<Vec<u8>>> {
    blob.map(|oid| versions::read_blob(hub, oid)).transpose()
}

/// Finds a version by its number, by the beginning of its commit, or as `none`, which is no file at all.
pub fn by_name(place: &Place, name: &str) -> Result<Version> {
    let number = name.parse::<u64>().ok();
    for version in walk(place, tip(place)?.map(|tip| tip.commit)) {
        let version = version?;
        let commit = version.commit.to_string();
        if Some(version.about.number) == number
            || (number.is_none() && name.len() >= 7 && commit.starts_with(name))
        {
            return Ok(version);
        }
    }
    let path = crate::base::text::shell(&place.shown);
    Err(Error::no(format!(
        "{} has no version {}",
        place.shown,
        one_line(name, 60)
    ))
    .hint(format!("git ccc file log {path}")))
}

/// Lists all files that have versions: the newest of each.
pub fn list(hub: &Repo) -> Result<Vec<Version>> {
    let all = refs::list(hub, PREFIX)?.into_iter();
    all.map(|(_, oid)| version(hub, oid)).collect()
}

/// A version that is about to be written.
#[derive(Debug)]
pub struct Draft<'a> {
    /// How it comes to be.
    pub act: Act,
    /// The content; nothing where the file is gone.
    pub blob: Option<Oid>,
    /// What was meant, as a commit.
    pub meant: Option<Oid>,
    /// Who; nobody if it was changed without us.
    pub who: Option<&'a Who>,
    /// The number of the version that was read.
    pub read: Option<u64>,
    /// What was merged, restored or in the way.
    pub note: Option<String>,
}

/// Writes a version's objects; it is a version once [`publish`] has moved the ref.
pub fn prepare(
    ctx: &Ctx,
    place: &Place,
    before: Option<&Version>,
    draft: Draft<'_>,
) -> Result<Version> {
    let Draft {
        act,
        blob,
        meant,
        who,
        read,
        note,
    } = draft;
    let about = About {
        number: before.map_or(1, |before| before.about.number + 1),
        act,
        path: place.path.display().to_string(),
        by: who.map(|who| who.name.clone()),
        session: who.and_then(|who| who.session.clone()),
        worktree: who.and_then(|who| who.worktree.clone()),
        read,
        note,
    };
    let parents: Vec<Oid> = before
        .map(|before| before.commit)
        .into_iter()
        .chain(meant)
        .collect();
    let commit = write(ctx, place, &about, (&parents, blob))?;
    let version = Version {
        commit,
        before: before.map(|before| before.commit),
        meant,
        blob,
        at: ctx.now(),
        about,
    };
    place.remember(&version);
    Ok(version)
}

/// Writes what somebody meant, as a version that follows the one that was read.
pub fn prepare_meant(
    ctx: &Ctx,
    place: &Place,
    (who, number): (&Who, u64),
    (base, blob): (Option<Oid>, Oid),
) -> Result<Oid> {
    let about = About {
        number,
        act: Act::Write,
        path: place.path.display().to_string(),
        by: Some(who.name.clone()),
        session: who.session.clone(),
        worktree: who.worktree.clone(),
        read: None,
        note: None,
    };
    let parents: Vec<Oid> = base.into_iter().collect();
    write(ctx, place, &about, (&parents, Some(blob)))
}

fn write(
    ctx: &Ctx,
    place: &Place,
    about: &About,
    (parents, blob): (&[Oid], Option<Oid>),
) -> Result<Oid> {
    let author = Author {
        name: about.by.as_deref().unwrap_or("outside"),
        at: ctx.now(),
    };
    versions::write(
        &place.hub,
        &NewVersion {
            parents,
            name: &place.name(),
            blob,
            author,
            message: &about.encode(&ctx.dice.hex(8)),
        },
    )
}

/// Makes a prepared version the newest; `old` was it until now, and the version follows it, maybe with others between.
pub fn publish(
    place: &Place,
    (version, old): (&Version, Option<&Version>),
    git: Option<Writer>,
) -> Result<(), Lost> {
    let hub = &place.hub;
    let name = place.id.ref_name();
    let edits = [Edit::swap(name, old.map(|old| old.commit), version.commit)];
    let reflog = Reflog::Message("file");
    let done = match git {
        Some(git) => git.transact(hub, &edits),
        None => refs::transact(hub, &edits, reflog),
    };
    let done = match done {
        Err(Lost::Busy(_)) if log::repair_if_free(hub).map_err(Lost::Failed)? => {
            refs::transact(hub, &edits, reflog)
        }
        done => done,
    };
    let turns = |version: &Version| version.about.number / PACK_EVERY;
    if done.is_ok() && old.is_some_and(|old| turns(old) != turns(version)) {
        tidy(place, version.at);
    }
    done
}

/// Lets git pack the hub if it wants to, and forgets what readers knew long ago.
fn tidy(place: &Place, now: Timestamp) {
    // Either is only housekeeping: what fails now is done another time.
    let _ = run::on(&place.hub)
        .args(["gc", "--auto", "--quiet"])
        .detach();
    hints::forget(place, now);
    bulk_checkin::forget(&place.hub, now);
}

/// Notes which version the file is about to become, and what is the newest one until then; it stays there when that is done.
pub fn begin(place: &Place, version: &Version, old: Option<Oid>) -> Result<()> {
    note_doing(place, Some((version.commit, old)))
}

fn note_doing(place: &Place, what: Option<(Oid, Option<Oid>)>) -> Result<()> {
    let (path, mut line) = (hints::doing(place), String::new());
    if let Some((new, old)) = what {
        let old = old.map_or_else(|| "-".to_owned(), |old| old.to_string());
        line = format!("{new} {old}");
    }
    crate::fs::overwrite(&path, &hints::record(&line)).context(Kind::Setup, || {
        format!("{} cannot be written", path.display())
    })
}

/// Reads what was about to be done: the version, and what was the newest one.
fn noted(place: &Place) -> Option<(Oid, Option<Oid>)> {
    let bytes = crate::fs::read_capped(&hints::doing(place), 200).ok()??;
    let text = String::from_utf8(bytes).ok()?;
    let mut words = text.split_whitespace();
    let mut oid = || words.next().map(|word| Oid::from_hex(word.as_bytes()).ok());
    Some((oid()??, oid()?))
}

/// Looks whether a kill interrupted a write, and finishes it if so; only who holds the lock may.
pub fn settle(ctx: &Ctx, place: &Place) -> Result<()> {
    finish(ctx, place, &disk::read(&place.path)?)
}

/// Finishes what a kill interrupted after the file was replaced; only who holds the lock may.
fn finish(ctx: &Ctx, place: &Place, found: &Found) -> Result<()> {
    let Some((new, old)) = noted(place) else {
        return Ok(());
    };
    let ref_name = place.id.ref_name();
    let mut retry = log::Retry::new(log::PATIENCE);
    // The git of the one that was killed may still be at it, or another that packs the refs.
    while refs::find(&place.hub, &ref_name)? == old {
        let (blob, version) = (name(place, found)?, version(&place.hub, new).ok());
        let Some(version) = version.filter(|version| version.blob == blob) else {
            // It came to nothing, and is not to be taken for somebody's later change.
            return note_doing(place, None);
        };
        let before = old.map(|old| self::version(&place.hub, old)).transpose()?;
        match publish(place, (&version, before.as_ref()), None) {
            Ok(()) => break,
            Err(lost) => retry.again(lost, "finish a write", ctx.dice.roll())?,
        }
    }
    Ok(())
}

/// Returns the object that the file's content is.
pub fn name(place: &Place, found: &Found) -> Result<Option<Oid>> {
    let bytes = found.bytes.as_deref();
    bytes
        .map(|bytes| versions::name_blob(&place.hub, bytes))
        .transpose()
}

/// What the file is, and the version that it is.
#[derive(Debug)]
pub struct Now {
    /// The file.
    pub found: Found,
    /// Its version; none if there is neither a file nor ever was.
    pub tip: Option<Version>,
    /// The version was recorded just now: somebody had changed the file without us.
    pub noticed: bool,
}

/// Looks at the file; a change that was made without us becomes a version. Only who holds the lock may.
///
/// `landed` is what we wrote ourselves and could not record, because another recorded something first.
pub fn look(ctx: &Ctx, place: &Place, landed: Option<Oid>) -> Result<Now> {
    let found = disk::read(&place.path)?;
    finish(ctx, place, &found)?;
    let mut retry = log::Retry::new(log::PATIENCE);
    loop {
        let tip = tip(place)?;
        let blob = name(place, &found)?;
        let same = match &tip {
            None => blob.is_none(),
            Some(tip) => tip.blob == blob,
        };
        if same || (landed.is_some() && blob == landed) {
            return Ok(Now {
                found,
                tip,
                noticed: false,
            });
        }
        if let Some(bytes) = &found.bytes {
            versions::write_blob(&place.hub, bytes)?;
        }
        let draft = Draft {
            act: if tip.is_some() {
                Act::Outside
            } else {
                Act::First
            },
            blob,
            meant: None,
            who: None,
            read: None,
            note: None,
        };
        let version = prepare(ctx, place, tip.as_ref(), draft)?;
        match publish(place, (&version, tip.as_ref()), None) {
            Ok(()) => {
                let noticed = version.about.act == Act::Outside;
                return Ok(Now {
                    found,
                    tip: Some(version),
                    noticed,
                });
            }
            Err(lost) => retry.again(lost, "record the file", ctx.dice.roll())?,
        }
    }
}

/// Looks at the file as a reader does: without the lock, unless there is something to record.
///
/// An order of a killed process may just be carried out: who looks whether a write came to be waits for that.
pub fn look_in_passing(ctx: &Ctx, place: &Place) -> Result<Now> {
    let orphans = hints::orphans(place);
    if !orphans.is_empty() {
        let _lock = hints::lock(place)?;
        for order in orphans {
            // What stays behind is removed by the next who writes.
            let _ = crate::fs::remove(&order);
        }
        return look(ctx, place, None);
    }
    let found = disk::read(&place.path)?;
    let blob = name(place, &found)?;
    let tip = tip(place)?;
    match tip {
        Some(tip) if tip.blob == blob => Ok(Now {
            found,
            tip: Some(tip),
            noticed: false,
        }),
        None if blob.is_none() => Ok(Now {
            found,
            tip: None,
            noticed: false,
        }),
        _ => {
            let _lock = hints::lock(place)?;
            look(ctx, place, None)
        }
    }
}
