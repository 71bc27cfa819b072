//! Who knows which content of a file, and what an agent's tool is about to write.
//!
//! Both are hints beside the chain: a lost one makes a writer read again.

use super::{
    hints,
    place::{Place, Who},
    store::Version,
};
use crate::{
    error::{Context, Kind, Result},
    git::Oid,
};
use std::path::PathBuf;

/// What a reader knows of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The content; nothing if there was no file.
    pub blob: Option<Oid>,
    /// The version whose changes it knows all of; none where there was no version.
    pub commit: Option<Oid>,
}

impl Known {
    /// Takes a version as it is.
    pub fn of(version: &Version) -> Self {
        Known {
            blob: version.blob,
            commit: Some(version.commit),
        }
    }

    /// Writes it in two words.
    pub fn render(&self) -> String {
        let word = |oid: Option<Oid>| oid.map_or_else(|| "-".to_owned(), |oid| oid.to_string());
        format!("{} {}", word(self.blob), word(self.commit))
    }

    /// Reads these two words.
    pub fn parse<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<Self> {
        Some(Known {
            blob: word(words.next()?).ok()?,
            commit: word(words.next()?).ok()?,
        })
    }
}

/// Reads an object's name, or `-` for none.
fn word(text: &str) -> Result<Option<Oid>, ()> {
    match text {
        "-" => Ok(None),
        text => Oid::from_hex(text.as_bytes()).map(Some).map_err(|_| ()),
    }
}

/// Returns what somebody is known to have read.
pub fn known(place: &Place, who: &Who) -> Option<Known> {
    let path = hints::known(place).join(who.knower.as_ref()?);
    let bytes = crate::fs::read_capped(&path, 200).ok()??;
    Known::parse(&mut String::from_utf8(bytes).ok()?.split_whitespace())
}

/// Notes what somebody has read.
pub fn note_known(place: &Place, who: &Who, known: &Known) -> Result<()> {
    let Some(knower) = &who.knower else {
        return Ok(());
    };
    let path = hints::known(place).join(knower);
    // Half of an old record and half of a new one name contents that were both read, or nothing.
    crate::fs::overwrite(&path, &hints::record(&known.render())).context(Kind::Setup, || {
        format!("{} cannot be written", path.display())
    })
}

/// A write that an agent's own tool is about to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// What the writer had read.
    pub base: Known,
    /// What the writer means; none if only the tool knows.
    pub given: Option<Oid>,
    /// What the tool is going to put there; none as above.
    pub lands: Option<Oid>,
    /// What the writer knows afterwards, if that is known.
    pub knows: Option<Known>,
    /// The call, as the agent names it.
    pub call: String,
}

fn pending(place: &Place, who: &Who) -> Option<PathBuf> {
    let name = format!("{}.{}", place.id, who.knower.as_ref()?);
    Some(hints::folder(&place.hub).join("pending").join(name))
}

/// Notes what an agent's tool is about to write.
pub fn note_pending(place: &Place, who: &Who, what: &Pending) -> Result<()> {
    let Some(path) = pending(place, who) else {
        return Ok(());
    };
    let word = |oid: Option<Oid>| oid.map_or_else(|| "-".to_owned(), |oid| oid.to_string());
    let knows = what.knows.as_ref().map_or_else(String::new, Known::render);
    let text = format!(
        "{} {} {} {knows}\n{}",
        what.base.render(),
        word(what.given),
        word(what.lands),
        what.call
    );
    crate::fs::replace(&path, text.as_bytes()).context(Kind::Setup, || {
        format!("{} cannot be written", path.display())
    })
}

/// Takes what was noted, which happens once.
pub fn take_pending(place: &Place, who: &Who) -> Option<Pending> {
    let path = pending(place, who)?;
    let bytes = crate::fs::read_capped(&path, 1000).ok()??;
    crate::fs::remove(&path).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (line, call) = text.split_once('\n')?;
    let mut words = line.split_whitespace();
    Some(Pending {
        base: Known::parse(&mut words)?,
        given: word(words.next()?).ok()?,
        lands: word(words.next()?).ok()?,
        knows: Known::parse(&mut words),
        call: call.to_owned(),
    })
}
