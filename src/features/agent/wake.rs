//! Waking an idle Claude session: a hook in the background that ends with code 2 when mail comes.
//!
//! Claude Code starts it when a turn ends and when a conversation begins, and
//! takes its standard error as a reminder, at once even when idle. It says that
//! there is mail, never what: the next hook gives the mail. One waits for each
//! session, however often it is started; it ends with the session's process.

use super::{
    cmd, mail,
    model::{Input, Vendor},
    store,
};
use crate::{
    ctx::Ctx,
    error::{Context, Kind, Result},
    features::{
        chat::store::PLACES,
        session::{logic::Life, store as sessions},
    },
    fs::Lock,
    git::watch::Alarm,
};
use std::time::Duration;

/// Nothing announces the end of a process, and not every change of the room an event.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Waits until mail comes, the session is gone, or another waits already.
pub fn run(ctx: &Ctx, input: &Input) -> Result<()> {
    let (Some(id), false) = (&input.conversation, input.nested) else {
        return Ok(());
    };
    let repo = ctx.repo()?;
    let Some((session, _)) = store::find(repo, Vendor::Claude, id)? else {
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
        if !there {
            return Ok(());
        }
        alarm.wait(LOOK_AGAIN);
    }
}
