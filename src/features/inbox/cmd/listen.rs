//! `git ccc listen`: sleeps until something is for this session, says one thing and ends.
//!
//! One listener a session, by a flock that a kill gives back: a second one is
//! refused, because the first has the place already. File-system events wake
//! it; once a second it also looks whether its session is still there, in the
//! same process, and for what no event announces.

use super::ListenArgs;
use crate::{
    base::{id::SessionTag, scope::Scope, text::one_line},
    ctx::Ctx,
    error::{Context, Error, Kind, Result},
    features::{
        chat::{self, MessageView, logic::unread::Lane, reader::Proof, spool},
        claim::{
            self, queue,
            store::{self as claims, About},
        },
        inbox::{
            places::{self, Letter, Wish},
            view::Heard,
        },
        session::{
            logic::Life,
            model::Session,
            store::{self as session_store},
        },
    },
    fs::Lock,
    git::{Oid, log, refs, watch::Alarm},
};
use std::time::{Duration, Instant};

/// How often it looks without having been woken.
const TICK: Duration = Duration::from_secs(1);
/// `later` wakes nobody.
const WAKING: &[Lane] = &[Lane::Now, Lane::Next];
/// After a gap so many entries of the log are looked through.
const LOOKED_AT: usize = 1000;
/// What was said about mail is remembered for so many letters.
const TOLD: usize = 4096;

/// Runs `listen`.
pub fn listen(ctx: &Ctx, args: &ListenArgs) -> Result<()> {
    let session = session_store::current_alive(ctx)?;
    let repo = ctx.repo()?;
    let path = spool::dir(repo).join("listen").join(session.tag.as_str());
    let lock = Lock::try_acquire(&path).context(Kind::Setup, || {
        format!("{} cannot be locked", path.display())
    })?;
    let _lock = lock.ok_or_else(|| {
        Error::busy(format!("{} is listening already", session.tag))
            .because("one listener is enough, and two would wake it twice")
            .hint("git ccc inbox")
    })?;
    let end = args
        .timeout
        .map(|limit| Instant::now() + Duration::from(limit));
    let mut ear = Ear::new(ctx, args, session)?;
    let alarm = ear.alarm()?;
    loop {
        if let Some(heard) = ear.hear()? {
            return match heard {
                // It was printed when it was taken.
                Told::Already => Ok(()),
                Told::Now(heard) => ctx.ui.deliver(&[heard]).map(drop),
            };
        }
        let left = end.map_or(TICK, |end| end.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            // A quiet no.
            return Err(Error::already_said(Kind::No.code()));
        }
        alarm.wait(left.min(TICK));
        ear.require_session()?;
    }
}

enum Told {
    Already,
    Now(Heard),
}

struct Ear<'c> {
    ctx: &'c Ctx,
    args: &'c ListenArgs,
    session: Session,
    hub: Option<Ctx>,
    free: Vec<Scope>,
    log: Option<Oid>,
    rooms: (Option<Oid>, Option<Oid>),
}

impl<'c> Ear<'c> {
    fn new(ctx: &'c Ctx, args: &'c ListenArgs, session: Session) -> Result<Self> {
        let mut ear = Ear {
            free: claim::resolve_all(ctx, &args.free)?,
            hub: places::hub(ctx),
            log: None,
            rooms: (None, None),
            ctx,
            args,
            session,
        };
        ear.log = refs::find(ctx.repo()?, log::REF)?;
        Ok(ear)
    }

    /// Listening begins before the first look, so that nothing comes unseen in between.
    fn alarm(&self) -> Result<Alarm> {
        let repo = self.ctx.repo()?;
        let mut alarm = Alarm::new(repo, chat::store::PLACES);
        alarm.also(repo, queue::PLACES);
        if let Some(hub) = &self.hub {
            let hub = hub.repo()?;
            // A folder that is not there cannot be watched, and the first letter would make it.
            let dir = spool::dir(hub);
            std::fs::create_dir_all(&dir).context(Kind::Setup, || {
                format!("{} cannot be created", dir.display())
            })?;
            alarm.also(hub, chat::store::PLACES);
        }
        Ok(alarm)
    }

    fn tag(&self) -> &SessionTag {
        &self.session.tag
    }

    /// Ends with the session and with its process: who comes after it listens for itself.
    fn require_session(&self) -> Result<()> {
        let repo = self.ctx.repo()?;
        let over = |why: &str| {
            Err(Error::no(format!("{} no longer listens", self.tag()))
                .because(why)
                .hint("git ccc session list"))
        };
        let Some((now, _)) = session_store::load(repo, self.tag())? else {
            return over("the session has ended");
        };
        if now.record.process != self.session.record.process {
            return over("the session goes on in another process");
        }
        if session_store::life(&now.record, self.ctx.now()) == Life::Dead {
            return over("the session's process is gone");
        }
        Ok(())
    }

    fn hear(&mut self) -> Result<Option<Told>> {
        if let Some(heard) = self.mail()? {
            return Ok(Some(heard));
        }
        self.claims()
    }

    fn mail(&mut self) -> Result<Option<Told>> {
        let tip = |ctx: &Ctx| chat::store::tip(ctx.repo()?);
        let hub = self.hub.as_ref().map(tip).transpose()?.flatten();
        let tips = (tip(self.ctx)?, hub);
        if tips == self.rooms {
            return Ok(None);
        }
        let lanes: &[Lane] = if self.args.any { &Lane::ALL } else { WAKING };
        if self.args.peek {
            let told = self.announce(lanes)?;
            self.rooms = tips;
            return Ok(told);
        }
        let now = self.ctx.now();
        let wish = Wish { lanes, limit: 1 };
        let who = (self.tag(), Proof::Offered);
        let mut taken = false;
        places::take(self.ctx, who, wish, &mut |letters| {
            let views = letters.iter().map(|letter: &Letter| {
                let said = &letter.said;
                Heard::Message {
                    message: Box::new(MessageView::new(&said.message, &said.oid.to_string(), now)),
                }
            });
            taken = true;
            self.ctx.ui.deliver(&views.collect::<Vec<_>>())
        })?;
        self.rooms = tips;
        Ok(taken.then_some(Told::Already))
    }

    /// Says once of each letter that it is there.
    fn announce(&self, lanes: &[Lane]) -> Result<Option<Told>> {
        let wish = Wish { lanes, limit: TOLD };
        let (letters, _) = places::waiting(self.ctx, self.tag(), wish)?;
        let name = format!("{}.told", self.tag());
        let path = spool::dir(self.ctx.repo()?).join("listen").join(name);
        let unusable = || format!("{} cannot be used", path.display());
        let bytes = crate::fs::read_capped(&path, 32 * TOLD).context(Kind::Setup, unusable)?;
        let told = String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned();
        let ids: Vec<&str> = letters
            .iter()
            .map(|letter| letter.said.message.id.as_str())
            .collect();
        let news = letters
            .iter()
            .find(|letter| !told.lines().any(|id| id == letter.said.message.id.as_str()));
        let Some(letter) = news else {
            return Ok(None);
        };
        crate::fs::replace(&path, ids.join("\n").as_bytes()).context(Kind::Setup, unusable)?;
        Ok(Some(Told::Now(Heard::Mail {
            from: letter.said.message.from.to_string(),
            priority: places::priority(&letter.said.message),
            waiting: letters.len(),
        })))
    }

    fn claims(&mut self) -> Result<Option<Told>> {
        let repo = self.ctx.repo()?;
        if !self.free.is_empty() {
            let snapshot = claims::load(repo, self.ctx.now(), About::Scopes(&self.free))?;
            snapshot.require_readable()?;
            if snapshot
                .state
                .blockers(Some(self.tag()), &self.free)
                .is_empty()
            {
                let scopes = self.free.iter().map(ToString::to_string).collect();
                return Ok(Some(Told::Now(Heard::Free { scopes })));
            }
        }
        let tip = refs::find(repo, log::REF)?;
        if tip == self.log {
            return Ok(None);
        }
        let before = std::mem::replace(&mut self.log, tip);
        let Some(tip) = tip else {
            return Ok(None);
        };
        // The log says it before the claim's ref is gone.
        for entry in log::walk(repo, tip).take(LOOKED_AT) {
            let entry = entry?;
            if Some(entry.oid) == before {
                break;
            }
            let mine = entry
                .trailers("Ccc-Holder")
                .any(|tag| tag == self.tag().as_str());
            let gone = entry
                .trailers("Ccc-Gone")
                .find_map(|gone| gone.strip_suffix(" broken"));
            if let Some(claim) = gone.filter(|_| mine) {
                let subject = entry.message.lines().next().unwrap_or_default();
                let why = entry.trailers("Ccc-Why").next().unwrap_or_default();
                return Ok(Some(Told::Now(Heard::Broken {
                    claim: claim.to_owned(),
                    line: one_line(&format!("{subject}: {why}"), 300),
                })));
            }
        }
        Ok(None)
    }
}
