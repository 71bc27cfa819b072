//! What becomes of a file: a write seen against what its writer had read and what stands there.
//!
//! Nothing here changes the file. Objects are written, which nobody sees before a ref names them; what is refused is kept.

use super::{
    disk::Found,
    error,
    known::{self, Known},
    logic::{self, Edit, Misfit},
    model::Act,
    order::{Base, Input},
    place::{Place, Who},
    store::{self, Draft, Now, Version},
};
use crate::{
    base::merge::{self, Conflict, Kind as Shape, Labels, Merged, Side},
    ctx::Ctx,
    error::{Error, Result},
    git::{Oid, versions},
};
use std::{cell::OnceCell, fmt::Write as _};

/// So many versions back it is looked who wrote what is in the way.
const LOOK_BACK: usize = 64;
/// So many of those who were merged with are named.
const NAMED: usize = 5;

/// What is to be done with what was found.
#[derive(Debug)]
pub enum Step {
    /// Nothing: the file is as it should be.
    Nothing,
    /// The file becomes this, or goes.
    Become {
        /// Its content.
        bytes: Option<Vec<u8>>,
        /// How.
        act: Act,
        /// With what others wrote, if it was merged.
        merged: Option<Merged>,
    },
    /// It does not.
    Refuse(Refused),
}

/// Why a write is refused.
#[derive(Debug)]
pub enum Refused {
    /// Another changed the same.
    Conflict(Vec<Conflict>),
    /// It would break the file for its readers.
    Invalid(String),
}

/// A writer's view at the moment of its write.
#[derive(Debug)]
pub struct View<'a> {
    /// The command's world.
    pub ctx: &'a Ctx,
    /// The file.
    pub place: &'a Place,
    /// Who writes.
    pub who: &'a Who,
    /// What stands there.
    pub current: Option<Vec<u8>>,
    /// Its version.
    pub tip: Option<Version>,
    /// What the writer had read, with its content.
    pub base: Option<(Known, Option<Vec<u8>>)>,
    /// The versions since then, once they were looked for.
    since: OnceCell<Vec<Version>>,
}

impl<'a> View<'a> {
    /// Takes what was found for a writer, and hands back the file as it was found.
    pub fn of(
        ctx: &'a Ctx,
        place: &'a Place,
        who: &'a Who,
        (now, base, landed): (Now, &Base, Option<Oid>),
    ) -> Result<(Self, Found)> {
        let Now { found, tip, .. } = now;
        // Where what stands there is ours, what others recorded meanwhile is what it has to be merged with.
        let ours = landed.is_some() && store::name(place, &found)? == landed;
        let current = if ours {
            store::content(&place.hub, tip.as_ref().and_then(|tip| tip.blob))?
        } else {
            found.bytes.clone()
        };
        Ok((Self::on(ctx, place, who, (current, tip, base))?, found))
    }

    /// Takes what stands there, or will in a moment, for a writer.
    pub fn on(
        ctx: &'a Ctx,
        place: &'a Place,
        who: &'a Who,
        (current, tip, base): (Option<Vec<u8>>, Option<Version>, &Base),
    ) -> Result<Self> {
        Ok(View {
            ctx,
            place,
            who,
            base: known(place, who, base)?,
            since: OnceCell::new(),
            current,
            tip,
        })
    }

    fn shape(&self, bytes: &[u8]) -> Shape {
        Shape::of(&self.place.path, bytes)
    }

    /// Returns what the writer means the file to be.
    pub fn given(&self, input: &Input) -> Result<Option<Vec<u8>>> {
        let shown = &self.place.shown;
        match input {
            Input::Old(version) => store::content(&self.place.hub, version.blob),
            Input::Whole { bytes, as_is: true } => Ok(Some(bytes.clone())),
            Input::Whole { bytes, .. } => {
                let base = || self.base.as_ref()?.1.as_deref();
                let model = self.current.as_deref().or_else(base).unwrap_or_default();
                Ok(Some(logic::like(model, bytes.clone())))
            }
            Input::Edits(edits) => {
                let creates = edits.iter().all(|edit| matches!(edit, Edit::Append(_)));
                if self.current.is_none() && !creates {
                    return Err(error::absent(shown, self.tip.is_some()));
                }
                let current = self.current.as_deref().unwrap_or_default();
                match logic::apply(current, edits) {
                    Ok(bytes) => Ok(Some(bytes)),
                    // It may fit what the writer had read: then there are two opinions of one place.
                    Err(Misfit::Absent(old)) => match self.edited_base(edits) {
                        Some(bytes) => Ok(Some(bytes)),
                        None => Err(error::misfit(shown, &Misfit::Absent(old))),
                    },
                    Err(misfit) => Err(error::misfit(shown, &misfit)),
                }
            }
        }
    }

    fn edited_base(&self, edits: &[Edit]) -> Option<Vec<u8>> {
        let base = self.base.as_ref()?.1.as_deref()?;
        logic::apply(base, edits).ok()
    }

    /// Decides what becomes of the file.
    pub fn decide(&self, input: &Input, given: Option<&[u8]>) -> Result<Step> {
        if given == self.current.as_deref() {
            return Ok(Step::Nothing);
        }
        let plain = |act| Step::Become {
            bytes: given.map(<[u8]>::to_vec),
            act,
            merged: None,
        };
        let Some(given) = given else {
            return Ok(plain(Act::Restore));
        };
        if matches!(input, Input::Old(_)) {
            return Ok(plain(Act::Restore));
        }
        let shape = self.shape(given);
        let broken = |bytes: &[u8]| logic::invalid(shape, bytes);
        if let Some(why) = broken(given)
            && self
                .current
                .as_deref()
                .is_none_or(|now| broken(now).is_none())
        {
            return Ok(Step::Refuse(Refused::Invalid(why)));
        }
        let Some(current) = &self.current else {
            // What was edited stays, though another removed it.
            return Ok(plain(Act::Write));
        };
        if let Input::Edits(edits) = input
            && logic::apply(current, edits).is_ok()
        {
            return Ok(plain(Act::Write));
        }
        match &self.base {
            Some((_, Some(base))) if base == current => Ok(plain(Act::Write)),
            Some((known, base)) => self.merge(shape, (known, base.as_deref()), (given, current)),
            None => {
                let tip = self.tip.as_ref();
                let tip = tip.map_or((0, String::new()), |tip| (tip.about.number, tip.who()));
                let session = self.who.session.as_ref().map(ToString::to_string);
                let tip = (tip.0, tip.1.as_str());
                Err(error::unread(&self.place.shown, session.as_deref(), tip))
            }
        }
    }

    /// Merges what is given with what stands there.
    fn merge(
        &self,
        shape: Shape,
        (known, base): (&Known, Option<&[u8]>),
        (given, current): (&[u8], &[u8]),
    ) -> Result<Step> {
        let number = self.number(known);
        let base_label = number.map_or_else(|| "before".to_owned(), |n| format!("version {n}"));
        let theirs = self.name_others()?;
        let labels = Labels {
            base: &base_label,
            ours: &self.who.name,
            theirs: &theirs,
        };
        let mut merged = merge::merge(shape, base, given, current, &labels);
        if let Some(ours) = merged.invalid.iter().find(|found| found.side == Side::Ours)
            && !merged.conflicts.is_empty()
        {
            return Ok(Step::Refuse(Refused::Invalid(ours.why.clone())));
        }
        if !merged.conflicts.is_empty() {
            self.attribute(&mut merged.conflicts)?;
            return Ok(Step::Refuse(Refused::Conflict(merged.conflicts)));
        }
        if merged.bytes == current {
            return Ok(Step::Nothing);
        }
        Ok(Step::Become {
            bytes: Some(merged.bytes.clone()),
            act: Act::Merge,
            merged: Some(merged),
        })
    }

    /// Writes the version that the file is about to become.
    pub fn prepare(
        &self,
        bytes: Option<&[u8]>,
        act: Act,
        (given, merged): (Option<&[u8]>, bool),
    ) -> Result<Version> {
        let hub = &self.place.hub;
        let number = self.tip.as_ref().map_or(1, |tip| tip.about.number + 1);
        let blob = bytes
            .map(|bytes| versions::write_blob(hub, bytes))
            .transpose()?;
        let mut note = None;
        let mut meant = None;
        if let (true, Some(given)) = (merged, given) {
            meant = Some(self.meant(number, given)?);
            note = Some(format!("with {}", self.name_others()?));
        }
        let read = self.base.as_ref().and_then(|(known, _)| self.number(known));
        store::prepare(
            self.ctx,
            self.place,
            self.tip.as_ref(),
            Draft {
                act,
                blob,
                meant,
                who: Some(self.who),
                read: read.filter(|_| act != Act::Restore),
                note,
            },
        )
    }

    fn meant(&self, number: u64, given: &[u8]) -> Result<Oid> {
        let blob = versions::write_blob(&self.place.hub, given)?;
        let base = self.base.as_ref().and_then(|(known, _)| known.commit);
        store::prepare_meant(self.ctx, self.place, (self.who, number), (base, blob))
    }

    /// Keeps what was meant, and says why it was not written.
    pub fn refuse(&self, refused: Refused, given: Option<&[u8]>) -> Result<Error> {
        let why = match &refused {
            Refused::Invalid(why) => format!("not valid: {why}"),
            Refused::Conflict(conflicts) => {
                let others = conflicts.iter().map(|conflict| conflict.theirs_by.as_str());
                let mut others: Vec<&str> = others.collect();
                others.dedup();
                format!("in conflict with {}", others.join(", "))
            }
        };
        let kept = match (given, &self.tip) {
            (Some(given), Some(_)) => Some(self.keep(given, &why)?),
            _ => None,
        };
        let shown = &self.place.shown;
        Ok(match refused {
            Refused::Invalid(why) => error::invalid(shown, &why, kept),
            Refused::Conflict(conflicts) => {
                error::conflict(shown, &conflicts, kept.unwrap_or_default())
            }
        })
    }

    /// Records what was not written, and returns its number; the same again is not recorded again.
    pub fn keep(&self, given: &[u8], why: &str) -> Result<u64> {
        if let Some(tip) = &self.tip
            && tip.about.act == Act::Refused
            && tip.about.by.as_deref() == Some(self.who.name.as_str())
            && let Some(meant) = tip.meant
        {
            let (_, blob) = versions::read(&self.place.hub, meant)?;
            if blob == Some(versions::name_blob(&self.place.hub, given)?) {
                return Ok(tip.about.number);
            }
        }
        let number = self.tip.as_ref().map_or(1, |tip| tip.about.number + 1);
        let draft = Draft {
            act: Act::Refused,
            blob: self.tip.as_ref().and_then(|tip| tip.blob),
            meant: Some(self.meant(number, given)?),
            who: Some(self.who),
            read: self.base.as_ref().and_then(|(known, _)| self.number(known)),
            note: Some(why.to_owned()),
        };
        let version = store::prepare(self.ctx, self.place, self.tip.as_ref(), draft)?;
        let done = store::publish(self.place, (&version, self.tip.as_ref()), None);
        done.map_err(|lost| lost.into_error("keep what was to be written"))?;
        Ok(version.about.number)
    }

    fn number(&self, known: &Known) -> Option<u64> {
        let version = store::version_of(self.place, known.commit?).ok()?;
        Some(version.about.number)
    }

    /// The versions that others wrote since the writer had read, newest first.
    fn since(&self) -> Result<&[Version]> {
        if let Some(since) = self.since.get() {
            return Ok(since);
        }
        let found = self.walk_since()?;
        Ok(self.since.get_or_init(|| found))
    }

    fn walk_since(&self) -> Result<Vec<Version>> {
        let Some(tip) = &self.tip else {
            return Ok(Vec::new());
        };
        let from = self.base.as_ref().and_then(|(known, _)| known.commit);
        let mut found = Vec::new();
        for version in store::walk(self.place, Some(tip.commit)).take(LOOK_BACK) {
            let version = version?;
            if Some(version.commit) == from {
                break;
            }
            if version.about.act != Act::Refused {
                found.push(version);
            }
        }
        Ok(found)
    }

    /// The same, in words: (version, who), oldest first; the writer's own do not count.
    pub fn others(&self) -> Result<Vec<(u64, String)>> {
        let mut all: Vec<_> = self
            .since()?
            .iter()
            .filter(|version| version.about.by.as_deref() != Some(self.who.name.as_str()))
            .map(|version| (version.about.number, version.who()))
            .collect();
        all.reverse();
        Ok(all)
    }

    /// Names who wrote since the writer had read.
    pub fn name_others(&self) -> Result<String> {
        let others = self.others()?;
        let mut names: Vec<&str> = Vec::new();
        for (_, who) in &others {
            if !names.contains(&who.as_str()) {
                names.push(who);
            }
        }
        let more = names.len().saturating_sub(NAMED);
        names.truncate(NAMED);
        let mut text = names.join(", ");
        if more > 0 {
            // Writing to a String cannot fail.
            let _ = write!(text, " and {more} more");
        }
        Ok(match text.as_str() {
            "" => "the file".to_owned(),
            _ => text,
        })
    }

    /// Puts the right name to the other side of each conflict: whoever first wrote what stands there now.
    fn attribute(&self, conflicts: &mut [Conflict]) -> Result<()> {
        let mut open: Vec<&mut Conflict> = conflicts.iter_mut().collect();
        for version in self.since()?.iter().rev() {
            let text = store::content(&self.place.hub, version.blob)?.unwrap_or_default();
            let has = |part: &Option<Vec<u8>>| {
                part.as_ref()
                    .is_some_and(|part| logic::contains(&text, part))
            };
            open.retain_mut(|conflict| {
                let made = match &conflict.theirs {
                    Some(_) => has(&conflict.theirs),
                    None => !has(&conflict.base),
                };
                if made {
                    conflict.theirs_by = version.who();
                }
                !made
            });
        }
        Ok(())
    }

    /// Returns what the writer knows now: what it wrote, never what it was merged with; nothing if that is as before.
    pub fn learned(
        &self,
        input: &Input,
        given: Option<&[u8]>,
        version: Option<&Version>,
        merged: bool,
    ) -> Result<Option<Known>> {
        let (Some(version), true) = (version, self.who.knower.is_some()) else {
            return Ok(None);
        };
        let (hub, base) = (&self.place.hub, self.base.as_ref());
        let known = match input {
            Input::Old(_) => return Ok(None),
            Input::Whole { .. } => {
                let blob = given
                    .map(|given| versions::write_blob(hub, given))
                    .transpose()?;
                // Whoever was merged knows no more of the others than before.
                let unmerged = !merged && blob == version.blob;
                let commit = base.filter(|_| !unmerged).map(|(known, _)| known.commit);
                Known {
                    blob,
                    commit: commit.unwrap_or(Some(version.commit)),
                }
            }
            Input::Edits(edits) => {
                let Some((known, Some(text))) = base else {
                    return Ok(None);
                };
                let Ok(text) = logic::apply(text, edits) else {
                    return Ok(None);
                };
                let blob = versions::write_blob(hub, &text)?;
                let commit = if Some(blob) == version.blob {
                    Some(version.commit)
                } else {
                    known.commit
                };
                Known {
                    blob: Some(blob),
                    commit,
                }
            }
        };
        Ok(Some(known))
    }
}

/// Returns what the writer had read, with its content.
fn known(place: &Place, who: &Who, base: &Base) -> Result<Option<(Known, Option<Vec<u8>>)>> {
    let known = match base {
        Base::Stated(known) => known.clone(),
        Base::Known => match known::known(place, who) {
            Some(known) => known,
            None => return Ok(None),
        },
    };
    // What is no longer there was never read, as far as anybody can tell.
    match (store::content(&place.hub, known.blob), base) {
        (Ok(bytes), _) => Ok(Some((known, bytes))),
        (Err(_), Base::Known) => Ok(None),
        (Err(error), Base::Stated(_)) => Err(error),
    }
}
