//! Waking an idle agent in a tmux pane, where the user wants that (`agents.wake = "tmux"`).
//!
//! What is typed is a fixed sentence, never a word of the message. Text and Enter are sent apart, and each is looked for on the pane:
//! a program that is busy or in a menu swallows either. It happens once for each time that the session is idle
//! (`session::idle`), only into a pane whose own program the session's process runs below, and never beside a waiting
//! hook of the agent, which wakes it by itself.

use crate::{
    base::id::SessionTag,
    ctx::Ctx,
    error::{Context, Error, Kind, Result},
    features::{
        chat::{
            logic::unread::Lane,
            model::{Message, To},
        },
        session::{idle, logic::Life, model::Session, store as sessions},
    },
    fs::Lock,
    host,
    proc::Cmd,
};
use std::{path::Path, time::Duration};

/// What is typed.
const WORDS: &str = "You have mail from other sessions of this repository: git ccc inbox";
/// What shows that it is there: a narrow prompt has the words on several lines, and the cursor on the last.
const LAST_WORDS: &str = "ccc inbox";
/// How often a pane is looked at for what was typed, and the pause between.
const LOOKS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// Wakes whom a letter is for. A failure is a warning: the letter is there all the same.
pub fn wake(ctx: &Ctx, message: &Message) {
    for to in &message.about.to {
        let To::Session(tag) = to else { continue };
        let urgent = matches!(Lane::of(message, tag), Some(Lane::Now | Lane::Next));
        if !urgent {
            continue;
        }
        if let Err(error) = try_wake(ctx, tag) {
            ctx.ui.warn(&format!("{tag} was not woken: {error}"));
        }
    }
}

fn try_wake(ctx: &Ctx, tag: &SessionTag) -> Result<()> {
    if !ctx.settings()?.types_into_tmux() {
        return Ok(());
    }
    let Some((session, _)) = sessions::load(ctx.repo()?, tag)? else {
        return Ok(());
    };
    let here = sessions::life(&session.record, ctx.now()) == Life::Alive;
    let Some(process) = session.record.process.clone().filter(|_| here) else {
        return Ok(());
    };
    if has_waiting_hook(&session)? || !idle::take(&session)? {
        return Ok(());
    }
    let panes = tmux(&["list-panes", "-a", "-F", "#{pane_pid} #{pane_id}"])?;
    let own = panes.lines().find_map(|line| {
        let (pid, id) = line.split_once(' ')?;
        host::is_below(process.pid, pid.parse().ok()?).then_some(id)
    });
    match own {
        Some(pane) => type_into(pane),
        // It runs elsewhere: its next prompt brings the mail.
        None => Ok(()),
    }
}

/// Tells whether a hook of the agent waits for mail itself.
fn has_waiting_hook(session: &Session) -> Result<bool> {
    let dir = Path::new(&session.record.repo).join("ccc").join("wake");
    let path = dir.join(session.tag.as_str());
    if !path.exists() {
        return Ok(false);
    }
    let free = Lock::try_acquire(&path).context(Kind::Setup, || {
        format!("{} cannot be locked", path.display())
    })?;
    Ok(free.is_none())
}

fn type_into(pane: &str) -> Result<()> {
    if tmux(&["display-message", "-p", "-t", pane, "#{pane_in_mode}"])?.trim() != "0" {
        return Err(Error::busy("somebody scrolls in its pane"));
    }
    tmux(&["send-keys", "-t", pane, "-l", "--", WORDS])?;
    if !shows(pane, |last| last.contains(LAST_WORDS))? {
        return Err(Error::busy("its pane does not take text"));
    }
    for _ in 0..2 {
        tmux(&["send-keys", "-t", pane, "Enter"])?;
        if shows(pane, |last| !last.contains(LAST_WORDS))? {
            return Ok(());
        }
    }
    Err(Error::busy("its pane does not take Enter"))
}

/// Looks until the line with the cursor is as it should be.
fn shows(pane: &str, wanted: impl Fn(&str) -> bool) -> Result<bool> {
    for look in 0..LOOKS {
        if look > 0 {
            std::thread::sleep(PAUSE);
        }
        let row = tmux(&["display-message", "-p", "-t", pane, "#{cursor_y}"])?;
        let text = tmux(&["capture-pane", "-p", "-t", pane])?;
        let at = row.trim().parse().ok();
        let line = at.and_then(|at| text.lines().nth(at));
        if wanted(line.unwrap_or_default()) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn tmux(args: &[&str]) -> Result<String> {
    let out = Cmd::new("tmux").args(args).run()?;
    if out.ok() {
        return Ok(out.stdout_text());
    }
    Err(Error::busy(format!("tmux {} failed", args[0])).because(out.stderr_text().trim()))
}
