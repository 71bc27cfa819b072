//! Waking an idle Claude session: a hook in the background that ends with code 2 when mail comes.
//!
//! Claude Code starts it when a turn ends and when a conversation begins, and
//! takes its standard error as a reminder, at once even when idle. It says that
//! there is mail, never what: the next hook gives the mail. One waits for each
//! session, however often it is started; it ends with the session's process.
//!
//! Only a terminal's Claude Code starts it in the background. `claude -p` and what is built on it wait for the hook
//! as for any other (seen with 2.1.330), and a turn would not end before the time-out of a day: there it does nothing.

use super::{
    cmd, mail,
    model::{Event, Input, Vendor},
    store,
};
use crate::{
    ctx::Ctx,
    env,
    error::{Context, Kind, Result},
    features::{
        chat::store::PLACES,
        session::{logic::Life, model::Session, store as sessions},
    },
    fs::Lock,
    git::{Repo, log, refs, watch::Alarm},
};
use std::time::{Duration, Instant};

/// Nothing announces the end of a process, and not every change of the room an event.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// The hook that registers the session runs at the same time: so long one that is not there yet, or no more, is waited for.
const COMING: Duration = Duration::from_secs(10);
/// Where a session that is registered shows.
const SESSIONS: &[&str] = &["ccc/agents", "refs/ccc", "refs/ccc/sessions", "reftable"];

/// Waits until mail comes, the session is gone, or another waits already.
pub fn run(ctx: &Ctx, input: &Input) -> Result<()> {
    let (Some(id), false) = (&input.conversation, input.nested) else {
        return Ok(());
    };
    if !runs_beside(
        env::var(env::CLAUDE_ENTRYPOINT).as_deref(),
        env::var(env::CLAUDE_ATTENDED).as_deref(),
    ) {
        return Ok(());
    }
    let until = match input.event {
        Event::SessionStart => Instant::now() + COMING,
        _ => Instant::now(),
    };
    let repo = ctx.repo()?;
    let Some(session) = registered(repo, id, until)? else {
        return Ok(());
    };
    let path = repo.ccc_dir().join("wake").join(session.tag.as_str());
    let alone = Lock::try_acquire(&path).context(Kind::Setup, || {
        format!("{} cannot be locked", path.display())
    })?;
    let Some(_alone) = alone else { return Ok(()) };
    loop {
        // Listening starts before looking, so that nothing comes unseen in between.
        let alarm = Alarm::new(repo, PLACES);
        if mail::is_waiting(ctx, &session.tag)? {
            ctx.ui
                .warn("you have mail from other sessions of this repository: git ccc inbox");
            return Err(cmd::calling());
        }
        let now = sessions::load(repo, &session.tag)?;
        let there =
            now.is_some_and(|(now, _)| sessions::life(&now.record, ctx.now()) == Life::Alive);
        // One that is resumed is still the old process's until it is registered again.
        if !there && Instant::now() >= until {
            return Ok(());
        }
        alarm.wait(LOOK_AGAIN);
    }
}

/// Tells whether Claude Code goes on while this hook runs.
fn runs_beside(entrypoint: Option<&str>, attended: Option<&str>) -> bool {
    entrypoint == Some("cli") && attended != Some("0")
}

/// Finds the session of a conversation, also of one that is just beginning.
fn registered(repo: &Repo, id: &str, until: Instant) -> Result<Option<Session>> {
    if refs::find(repo, log::REF)?.is_none() {
        return Ok(None);
    }
    loop {
        let alarm = Alarm::new(repo, SESSIONS);
        if let Some((session, _)) = store::find(repo, Vendor::Claude, id)? {
            return Ok(Some(session));
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        alarm.wait(left.min(LOOK_AGAIN / 10));
    }
}
