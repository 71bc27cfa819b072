//! `git ccc hook claude`, `git ccc hook codex` and what runs beside them.

use super::{
    guard,
    logic::{
        brief::{self, Facts},
        target,
    },
    mail,
    model::{Answer, Event, Input, Vendor},
    shared,
    store::{self, Who},
    told, wake,
};
use crate::{
    ctx::Ctx,
    env,
    error::{Context, Error, Kind, Result},
    features::{
        chat::reader,
        claim::store::{self as claims, About},
        memory::tell as memory,
        session::{idle, store as sessions},
        wip::store as wip,
        worktree::tell as worktree,
    },
    git::{log, refs},
    settings::AtEnd,
};
use std::{
    fmt::Write as _,
    io::{IsTerminal, Read, Write as _},
    path::Path,
    time::Duration,
};

/// Most that is read of what an agent says: a batch of tools brings their whole output.
const INPUT_CAP: u64 = 64 << 20;
/// No lock is waited for longer: the agent waits with us.
const PATIENCE: Duration = Duration::from_secs(1);

/// What `git ccc hook NAME` can be for an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Answers an event.
    Answer(Vendor),
    /// Waits for mail while the agent is idle.
    Wake,
}

/// Returns the job of this name.
pub fn job(name: &str) -> Option<Job> {
    match name {
        "claude" => Some(Job::Answer(Vendor::Claude)),
        "codex" => Some(Job::Answer(Vendor::Codex)),
        "claude-wake" => Some(Job::Wake),
        _ => None,
    }
}

/// Runs a hook of an agent.
pub fn run(ctx: &Ctx, job: Job) -> Result<()> {
    let bytes = input()?;
    let input = Input::parse(&bytes).context(Kind::Usage, || {
        "what the agent says is no JSON object".to_owned()
    })?;
    if let Some(path) = env::var_os(env::PROBE) {
        return probe(Path::new(&path), job, &input);
    }
    let cwd = input.cwd.as_ref().map(Path::new).filter(|cwd| cwd.is_dir());
    let ctx = ctx.standing_in(cwd.unwrap_or(ctx.cwd()));
    match job {
        Job::Wake => wake::run(&ctx, &input),
        Job::Answer(vendor) => {
            crate::fs::hurry(PATIENCE);
            answer(&ctx, vendor, &input)?;
            match ctx.beaten() {
                Some(session) => claims::renew_due(&ctx, &session),
                None => Ok(()),
            }
        }
    }
}

fn input() -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(INPUT_CAP)
        .read_to_end(&mut bytes)
        .context(Kind::Internal, || {
            "what the agent says cannot be read".to_owned()
        })?;
    Ok(bytes)
}

fn answer(ctx: &Ctx, vendor: Vendor, input: &Input) -> Result<()> {
    // Only a tool can reach into a repository from outside of all.
    let set_up = ctx
        .repo()
        .is_ok_and(|repo| matches!(refs::find(repo, log::REF), Ok(Some(_))));
    if !set_up && input.event != Event::PreToolUse {
        return Ok(());
    }
    let who = if set_up {
        store::attend(ctx, vendor, input)?
    } else {
        Who::Nobody
    };
    if let Who::Stranger(tag) = &who {
        ctx.ui.warn(&format!(
            "this conversation is registered as {tag}, which another process runs: nothing is done in its name"
        ));
    }
    if input.event == Event::PreToolUse {
        let mut answer = guard::judge(ctx, vendor, (&who, input))?;
        if let (Answer::Silence, Who::Session { session, .. }) = (&answer, &who) {
            answer = shared::before(ctx, vendor, (session, input))?;
        }
        return mail::say(ctx, vendor, input.event, &answer).map(drop);
    }
    let mut news = None;
    if let (Event::PostToolUse, Who::Session { session, .. }) = (input.event, &who) {
        news = shared::after(ctx, (session, input))?;
    }
    let done = match (&who, input.nested) {
        (Who::Session { session, fresh }, false) => {
            let before = if *fresh || input.event == Event::SessionStart {
                let leases = worktree::come_back(ctx);
                let brief = brief::brief(&Facts {
                    leases,
                    ..store::facts(ctx, session)?
                });
                Some(news.map_or(brief.clone(), |news| format!("{brief}{news}\n")))
            } else {
                news
            };
            act(ctx, vendor, input, (&session.tag, before))
        }
        _ => Ok(()),
    };
    // After the agent has its answer; a helper inside it writes files as well.
    match (&who, boundary(input)) {
        (Who::Session { session, .. }, Some(why)) => {
            done.and(wip::boundary(ctx, &session.tag, why).map(drop))
        }
        _ => done,
    }
}

/// Says at which events uncommitted work is saved: where a tool may have changed files, and where nobody may come back.
fn boundary(input: &Input) -> Option<&'static str> {
    match (input.event, input.tool.as_deref()) {
        (Event::PostToolBatch, _) => Some("after tools"),
        (Event::PostToolUse, Some(tool)) if target::is_shell(tool) || target::is_writer(tool) => {
            Some("after a tool")
        }
        (Event::Stop, _) => Some("at the end of a turn"),
        (Event::SessionEnd, _) => Some("at the end of a conversation"),
        _ => None,
    }
}

fn act(
    ctx: &Ctx,
    vendor: Vendor,
    input: &Input,
    (session, before): (&crate::base::id::SessionTag, Option<String>),
) -> Result<()> {
    if input.event == Event::UserPromptSubmit && ctx.settings()?.types_into_tmux() {
        idle::end(ctx.repo()?, session)?;
    }
    // Where agents begin and end a turn their files are complete.
    if matches!(
        input.event,
        Event::SessionStart | Event::UserPromptSubmit | Event::Stop
    ) && let Err(error) = memory::notice(ctx)
    {
        ctx.ui.note(&format!(
            "the memory directory could not be looked at: {error}"
        ));
    }
    match (input.event, vendor) {
        (Event::SessionStart, _) => {
            let text = before.unwrap_or_default();
            mail::say(ctx, vendor, input.event, &Answer::Context(text)).map(drop)
        }
        (Event::UserPromptSubmit, _)
        | (Event::PostToolBatch, Vendor::Claude)
        | (Event::PostToolUse, Vendor::Codex) => {
            mail::give(ctx, (vendor, input.event), session, before).map(drop)
        }
        (Event::Stop, _) => {
            if input.stopping_again || !goes_on(ctx, vendor, session)? {
                if ctx.settings()?.types_into_tmux() {
                    idle::begin(ctx.repo()?, session)?;
                }
                told::finished(ctx, input, session);
            }
            Ok(())
        }
        (Event::Notification, _) => {
            told::notification(ctx, input, session);
            Ok(())
        }
        // Claude Code tells of these by a notification.
        (Event::PermissionRequest, Vendor::Codex) => {
            told::permission(ctx, input, session);
            Ok(())
        }
        (Event::SessionEnd, _) => end(ctx, input, session),
        (Event::PostToolUse, Vendor::Claude) => match before {
            Some(text) => mail::say(ctx, vendor, input.event, &Answer::Context(text)).map(drop),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

/// Keeps a turn that is about to end going if mail waits; tells whether it does.
fn goes_on(ctx: &Ctx, vendor: Vendor, session: &crate::base::id::SessionTag) -> Result<bool> {
    match vendor {
        Vendor::Claude => mail::give(ctx, (vendor, Event::Stop), session, None),
        // What Codex is told here becomes its user's words: only a fixed sentence may.
        Vendor::Codex if mail::is_waiting(ctx, session)? => {
            mail::say(ctx, vendor, Event::Stop, &Answer::GoOn(String::new()))
        }
        Vendor::Codex => Ok(false),
    }
}

/// A conversation that is over keeps its session for a resume, or gives everything back, as the setting says.
fn end(ctx: &Ctx, input: &Input, tag: &crate::base::id::SessionTag) -> Result<()> {
    if matches!(input.reason.as_deref(), Some("clear" | "resume")) {
        return Ok(());
    }
    if ctx.settings()?.at_end() == AtEnd::Mark {
        return store::depart(ctx, tag);
    }
    let repo = ctx.repo()?;
    memory::at_end(ctx, tag);
    claims::release_all(ctx, tag)?;
    if let Some((session, _)) = sessions::load(repo, tag)? {
        sessions::remove(repo, tag, &ctx.dice)?;
        sessions::publish(ctx, &session, true);
    }
    Ok(())
}

/// Adds the event to the file that doctor looks at, and does nothing else.
fn probe(path: &Path, job: Job, input: &Input) -> Result<()> {
    let word = match job {
        Job::Answer(vendor) => vendor.word(),
        Job::Wake => "claude-wake",
    };
    std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .and_then(|mut file| file.write_all(format!("{word} {}\n", input.event.name()).as_bytes()))
        .context(Kind::Setup, || {
            format!("{} cannot be written", path.display())
        })
}

/// Prints one line for an agent's status line; a conversation that is not registered has none.
pub fn status_line(ctx: &Ctx) -> Result<()> {
    // By hand there is nobody to say which conversation it is: the environment does.
    let told = if std::io::stdin().is_terminal() {
        None
    } else {
        Input::parse(&input()?).ok()
    };
    let cwd = told.as_ref().and_then(|input| input.cwd.clone());
    let ctx = ctx.standing_in(cwd.as_ref().map_or(ctx.cwd(), Path::new));
    let repo = ctx.repo()?;
    let known = match told.and_then(|input| input.conversation) {
        Some(id) => store::find(repo, Vendor::Claude, &id)?.map(|(session, _)| session),
        None => None,
    };
    let session = match known {
        Some(session) => session,
        None => match sessions::current_if_any(&ctx)? {
            Some(session) => session,
            None => return Ok(()),
        },
    };
    let unread = reader::count_unread(repo, &session.tag, store::COUNTED)?;
    let snapshot = claims::load(repo, ctx.now(), About::Scopes(&[]))?;
    let held = snapshot.state.held_by(&session.tag).count();
    let more = if unread.more { "+" } else { "" };
    let mut line = session.tag.to_string();
    for (count, word) in [
        (unread.addressed, "for you"),
        (unread.room, "in the room"),
        (held, "held"),
    ] {
        if count > 0 {
            let more = if word == "held" { "" } else { more };
            // Writing to a String cannot fail.
            let _ = write!(line, " · {count}{more} {word}");
        }
    }
    line.push('\n');
    ctx.ui.raw(line.as_bytes())
}

/// Ends with a code that the agent reads as a call, its text already said.
pub fn calling() -> Error {
    Error::already_said(2)
}
