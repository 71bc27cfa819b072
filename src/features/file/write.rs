//! One write: under the file's lock look, merge, replace, record; in this order, so that a kill leaves nothing half done.
//! Whoever has the lock takes along what others wait to write: many versions, one replacement, one transaction.
//!
//! What is about to become the file is prepared as a version and noted before the file is replaced: whoever comes after a
//! kill finds the file either as it was or as that version, and records it under its writer's name.

use super::{
    claims,
    decide::{Refused, Step, View},
    disk::{self, Found},
    hints,
    known::{self, Known},
    order::{Base, Done, Input, Order},
    place::{Place, Who},
    queue::{self, Turn, Waiting},
    store::{self, Version},
};
use crate::{
    ctx::Ctx,
    error::Result,
    git::{
        Oid,
        bulk_checkin::BulkCheckin,
        log,
        refs::{Lost, Reflog, Writer},
        versions,
    },
};

/// Writes, or says why not.
pub fn write(ctx: &Ctx, place: &Place, who: &Who, (input, base): (Input, Base)) -> Result<Done> {
    claims::require_free(ctx, place, who)?;
    let order = Order {
        input,
        base,
        landed: None,
    };
    carry_out(ctx, place, who, order)
}

/// Writes what no claim of another is in the way of; whoever finds the lock taken may find its write done by who had it.
pub fn carry_out(ctx: &Ctx, place: &Place, who: &Who, order: Order) -> Result<Done> {
    let (done, knows) = match queue::wait(ctx, place, who, &order)? {
        Turn::Done(found) => *found,
        Turn::Ours(lock) => {
            let done = until_done(ctx, place, who, order)?;
            drop(lock);
            done
        }
    };
    if let Some(knows) = knows {
        known::note_known(place, who, &knows)?;
    }
    Ok(done)
}

fn until_done(ctx: &Ctx, place: &Place, who: &Who, order: Order) -> Result<(Done, Option<Known>)> {
    let mut retry = log::Retry::new(log::PATIENCE);
    let mut attempt = Attempt {
        ctx,
        place,
        who,
        order,
        // Started before it is known what to write, so that nobody waits for git to get ready.
        git: Writer::early(&place.hub, Reflog::Message("file")),
    };
    loop {
        match attempt.make()? {
            Ok(done) => return Ok(done),
            Err(lost) => retry.again(lost, "write the file", ctx.dice.roll())?,
        }
    }
}

/// A write that may have to be tried again: what others do without our lock is not prevented, only noticed.
struct Attempt<'a> {
    ctx: &'a Ctx,
    place: &'a Place,
    who: &'a Who,
    order: Order,
    git: Option<Writer>,
}

/// What the file is to be after a write, and before the next one.
#[derive(Clone)]
struct Standing {
    bytes: Option<Vec<u8>>,
    tip: Option<Version>,
}

/// What a write comes to once the file is replaced: its answer, and what its writer knows then.
type Outcome = (Done, Option<Known>);

impl Attempt<'_> {
    fn make(&mut self) -> Result<Result<Outcome, Lost>> {
        let (ctx, place, who) = (self.ctx, self.place, self.who);
        let now = store::look(ctx, place, self.order.landed)?;
        let noticed = now.tip.as_ref().filter(|_| now.noticed);
        let noticed = noticed.map(|tip| tip.about.number);
        let (base, landed) = (&self.order.base, self.order.landed);
        let (view, found) = View::of(ctx, place, who, (now, base, landed))?;
        let objects = BulkCheckin::begin(&place.hub);
        let (mut standing, mut outcome) = match joined(&view, &self.order.input, found.names())? {
            Ok(joined) => joined,
            Err((refused, given)) => {
                drop(objects);
                return Err(view.refuse(refused, given.as_deref())?);
            }
        };
        outcome.0.noticed = noticed;
        let others = match landed {
            None => self.take_along(&mut standing, found.names()),
            Some(_) => Vec::new(),
        };
        // Until a ref names them; whoever comes after a kill needs them too.
        let _kept = objects.write()?;
        let old = view.tip.as_ref().map(|tip| tip.commit);
        let Standing { bytes, tip: newest } = standing;
        let version = newest.filter(|newest| Some(newest.commit) != old);
        if let Some(version) = &version {
            store::begin(place, version, old)?;
        }
        for (order, (done, knows)) in &others {
            queue::tell(order, done, knows.as_ref());
        }
        if !put(place, bytes.as_deref(), &found)? {
            let changed = "the file changed meanwhile".to_owned();
            return Ok(Err(Lost::Conflict(changed)));
        }
        if let Some(version) = &version
            && let Err(lost) = store::publish(place, (version, view.tip.as_ref()), self.git.take())
        {
            let tip = view.tip.clone();
            self.order.after(bytes, version, tip.as_ref());
            return Ok(Err(lost));
        }
        Ok(Ok(outcome))
    }

    /// Takes along what others wait to write, as far as it simply goes: whatever else comes of it, they do it themselves.
    fn take_along(&self, standing: &mut Standing, names: u64) -> Vec<(Waiting, Outcome)> {
        let mut done = Vec::new();
        for order in queue::waiting(self.place) {
            let Standing { bytes, tip } = standing.clone();
            let view = View::on(self.ctx, self.place, &order.who, (bytes, tip, &order.base));
            if let Ok(Ok((next, outcome))) =
                view.and_then(|view| joined(&view, &order.input, names))
            {
                *standing = next;
                done.push((order, outcome));
            }
        }
        done
    }
}

/// Refused, and what was meant.
type Unjoined = (Refused, Option<Vec<u8>>);

/// Joins a write with what stands there: as a version that is the newest once it is published.
fn joined(
    view: &View<'_>,
    input: &Input,
    names: u64,
) -> Result<Result<(Standing, Outcome), Unjoined>> {
    let given = view.given(input)?;
    let (bytes, act, merged) = match view.decide(input, given.as_deref())? {
        Step::Refuse(refused) => return Ok(Err((refused, given))),
        Step::Nothing => {
            let (bytes, tip) = (view.current.clone(), view.tip.clone());
            let knows = view.learned(input, given.as_deref(), tip.as_ref(), false)?;
            let done = Done {
                version: tip.clone(),
                wrote: false,
                merged: Vec::new(),
                duplicates: Vec::new(),
                noticed: None,
                linked: false,
            };
            return Ok(Ok((Standing { bytes, tip }, (done, knows))));
        }
        Step::Become { bytes, act, merged } => (bytes, act, merged),
    };
    let is_merged = merged.is_some();
    let version = view.prepare(bytes.as_deref(), act, (given.as_deref(), is_merged))?;
    let knows = view.learned(input, given.as_deref(), Some(&version), is_merged)?;
    let done = Done {
        version: Some(version.clone()),
        wrote: true,
        merged: if is_merged {
            view.others()?
        } else {
            Vec::new()
        },
        duplicates: merged.map(|merged| merged.duplicates).unwrap_or_default(),
        noticed: None,
        linked: names > 1,
    };
    let tip = Some(version);
    Ok(Ok((Standing { bytes, tip }, (done, knows))))
}

/// Makes the file what it is to be; tells whether it was still as it was found.
fn put(place: &Place, bytes: Option<&[u8]>, found: &Found) -> Result<bool> {
    match bytes {
        bytes if bytes == found.bytes.as_deref() => Ok(true),
        Some(bytes) => {
            let temp = format!(".ccc-{}.tmp", place.id);
            let sync = place.hub.syncs_objects();
            disk::replace(&place.path, (bytes, sync), found, &temp)
        }
        None => disk::remove(&place.path, found),
    }
}

/// What a write would come to.
#[derive(Debug)]
pub enum Forecast {
    /// Nothing would change.
    Nothing,
    /// The file would become what is given.
    Plain,
    /// The file would become this, merged with what these wrote.
    Merged(Vec<u8>, String),
}

/// What was looked at for a forecast.
#[derive(Debug)]
pub struct Outlook {
    /// What would happen.
    pub forecast: Forecast,
    /// What the writer had read.
    pub base: Option<Known>,
    /// What stands there.
    pub now: Known,
    /// What is given, as an object, with the file's own line ends.
    pub given: Option<Oid>,
}

/// Says what a write would come to, without writing; a refusal keeps what was meant, as in [`write`].
pub fn forecast(ctx: &Ctx, place: &Place, who: &Who, input: &Input) -> Result<Outlook> {
    let _lock = hints::lock(place)?;
    let now = store::look(ctx, place, None)?;
    let (view, _) = View::of(ctx, place, who, (now, &Base::Known, None))?;
    let given = view.given(input)?;
    let forecast = match view.decide(input, given.as_deref())? {
        Step::Refuse(refused) => return Err(view.refuse(refused, given.as_deref())?),
        Step::Nothing => Forecast::Nothing,
        Step::Become {
            bytes: Some(bytes),
            merged: Some(_),
            ..
        } => Forecast::Merged(bytes, view.name_others()?),
        Step::Become { .. } => Forecast::Plain,
    };
    let given = given.map(|given| versions::write_blob(&place.hub, &given));
    Ok(Outlook {
        forecast,
        base: view.base.map(|(known, _)| known),
        now: Known {
            blob: view.tip.as_ref().and_then(|tip| tip.blob),
            commit: view.tip.as_ref().map(|tip| tip.commit),
        },
        given: given.transpose()?,
    })
}

/// Keeps what a writer meant, for `git ccc file write --kept`; returns its number.
pub fn keep(ctx: &Ctx, place: &Place, who: &Who, (input, why): (&Input, &str)) -> Result<u64> {
    let _lock = hints::lock(place)?;
    let now = store::look(ctx, place, None)?;
    let (view, _) = View::of(ctx, place, who, (now, &Base::Known, None))?;
    let given = view.given(input)?.unwrap_or_default();
    view.keep(&given, why)
}
