//! Who runs a hook, and what a session is told of itself.

use super::{
    logic::brief::Facts,
    model::{Event, Input, Vendor},
};
use crate::{
    base::{
        id::{ProcessId, SessionTag, slug},
        time::Timestamp,
    },
    ctx::Ctx,
    env,
    error::Result,
    features::{
        chat::{logic::thread::Status, model::Sender, reader, store as room},
        claim::store::{self as claims, About},
        session::{
            logic::{self as sessions, Life},
            model::Session,
            register::{self, Entry, Words},
            store::{self as session_store, ThisHost},
        },
    },
    git::{Oid, Repo},
    host,
};

/// So many commits of the room are looked at to count what is unread.
pub const COUNTED: usize = 2000;

/// Who runs the hook.
#[derive(Debug)]
pub enum Who {
    /// This session; `fresh` if it was registered by this very hook.
    Session {
        /// The session.
        session: Box<Session>,
        /// It was registered by this very hook.
        fresh: bool,
    },
    /// Somebody who names a conversation that is another process's.
    Stranger(SessionTag),
    /// Nobody that is registered.
    Nobody,
}

impl Who {
    /// Returns the session, if it is one.
    pub fn session(&self) -> Option<&Session> {
        match self {
            Who::Session { session, .. } => Some(session),
            Who::Stranger(_) | Who::Nobody => None,
        }
    }
}

/// Finds out who runs the hook; registers the session where the event says that one is at work, and lets it beat.
pub fn attend(ctx: &Ctx, vendor: Vendor, input: &Input) -> Result<Who> {
    let Some(id) = &input.conversation else {
        return Ok(Who::Nobody);
    };
    let own = own_process(vendor);
    if let Some((session, oid)) = named(ctx, vendor, id)? {
        let session = Box::new(session_store::beat(ctx, session, oid)?);
        return Ok(Who::Session {
            session,
            fresh: false,
        });
    }
    let Some((session, oid)) = find(ctx.repo()?, vendor, id)? else {
        let comes = matches!(
            input.event,
            Event::SessionStart
                | Event::UserPromptSubmit
                | Event::PreToolUse
                | Event::PostToolBatch
                | Event::PostToolUse
        );
        if !comes || input.nested {
            return Ok(Who::Nobody);
        }
        let session = Box::new(enter(ctx, vendor, input, (own, None))?);
        return Ok(Who::Session {
            session,
            fresh: true,
        });
    };
    if is_other(ctx.repo()?, vendor, (&session, id), own.as_ref())? {
        return Ok(Who::Stranger(session.tag));
    }
    let here = ctx
        .repo()?
        .worktree()
        .map(|path| path.display().to_string());
    let moved = input.event == Event::UserPromptSubmit && session.record.worktree != here;
    let gone = |process: &ProcessId| !host::is_running(process);
    let back = session.record.process.as_ref().is_some_and(gone)
        && (own.is_some() || input.event != Event::SessionEnd);
    let session = if (input.event == Event::SessionStart && !input.nested) || moved || back {
        enter(ctx, vendor, input, (own, Some(session.tag)))?
    } else {
        session_store::beat(ctx, session, oid)?
    };
    Ok(Who::Session {
        session: Box::new(session),
        fresh: false,
    })
}

fn enter(
    ctx: &Ctx,
    vendor: Vendor,
    input: &Input,
    (process, known): (Option<ProcessId>, Option<SessionTag>),
) -> Result<Session> {
    let repo = ctx.repo()?;
    // A cleared conversation goes on in the same process under a new id.
    let cleared = known.is_none() && input.source.as_deref() == Some("clear");
    let continues = match (known, &process) {
        (Some(tag), _) => Some(tag),
        (None, Some(own)) if cleared && vendor == Vendor::Claude => {
            let mut all = session_store::load_readable(repo)?.into_iter();
            let same = |session: &Session| {
                session.record.process.as_ref() == Some(own)
                    && session.record.agent.as_deref() == Some(vendor.word())
            };
            all.find(same).map(|session| session.tag)
        }
        _ => None,
    };
    let branch = repo
        .branch()
        .filter(|branch| !matches!(branch.as_str(), "main" | "master" | "trunk"));
    let name = [input.title.clone(), branch]
        .into_iter()
        .flatten()
        .find(|name| !slug(name).is_empty())
        .unwrap_or_else(|| vendor.word().to_owned());
    let session = register::enter(
        ctx,
        &Entry {
            name,
            task: None,
            agent: Some(vendor.word().to_owned()),
            native: input.conversation.clone(),
            process,
            continues,
            words: Words::Old,
        },
    )?;
    if let Some(id) = &input.conversation {
        note(repo, vendor, id, &session.tag);
    }
    Ok(session)
}

/// Finds the process of the agent; another vendor's variable may have been inherited and says nothing.
fn own_process(vendor: Vendor) -> Option<ProcessId> {
    let variables = match vendor {
        Vendor::Claude => env::AGENT_PIDS,
        Vendor::Codex => &[],
    };
    register::process_of(variables, &[vendor.word()])
}

/// Notes that a conversation is over whose process does not say so: a server of many goes on, so the process of this
/// hook, which ends now, stands for it from here on.
pub fn depart(ctx: &Ctx, tag: &SessionTag) -> Result<()> {
    let repo = ctx.repo()?;
    let Some((mut session, old)) = session_store::load(repo, tag)? else {
        return Ok(());
    };
    if session.record.process.is_some() {
        return Ok(());
    }
    session.record.process = host::process(std::process::id());
    session.record.pids = Some(host::pid_space());
    session.record.nonce = ctx.dice.hex(8);
    session_store::save(repo, &session, Some(old))
        .map_err(|lost| lost.into_error("note the end of the session"))?;
    session_store::publish(ctx, &session, false);
    Ok(())
}

/// Returns the session that the flag or the variable names, unless it is another conversation's: then it was inherited.
fn named(ctx: &Ctx, vendor: Vendor, id: &str) -> Result<Option<(Session, Oid)>> {
    let name = ctx.session_flag.clone().or_else(|| env::var(env::SESSION));
    let Some(tag) = name.and_then(|name| name.parse::<SessionTag>().ok()) else {
        return Ok(None);
    };
    let own = |session: &Session| {
        let record = &session.record;
        record.native.is_none()
            || (record.native.as_deref() == Some(id)
                && record.agent.as_deref() == Some(vendor.word()))
    };
    Ok(session_store::load(ctx.repo()?, &tag)?.filter(|(session, _)| own(session)))
}

/// Finds the session of a conversation.
pub fn find(repo: &Repo, vendor: Vendor, id: &str) -> Result<Option<(Session, Oid)>> {
    let own = |session: &Session| {
        session.record.native.as_deref() == Some(id)
            && session.record.agent.as_deref() == Some(vendor.word())
    };
    let hint = hint(repo, vendor, id)
        .and_then(|path| crate::fs::read_capped(&path, 200).ok().flatten())
        .and_then(|bytes| String::from_utf8(bytes).ok()?.parse::<SessionTag>().ok());
    if let Some(tag) = hint
        && let Ok(Some(found)) = session_store::load(repo, &tag)
        && own(&found.0)
    {
        return Ok(Some(found));
    }
    let Some(session) = session_store::load_readable(repo)?.into_iter().find(own) else {
        return Ok(None);
    };
    note(repo, vendor, id, &session.tag);
    session_store::load(repo, &session.tag)
}

/// Where the tag of a conversation is kept, so that one ref is read instead of all; it is only a hint.
fn hint(repo: &Repo, vendor: Vendor, id: &str) -> Option<std::path::PathBuf> {
    let plain = id.len() <= 100
        && id
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    plain.then(|| {
        repo.ccc_dir()
            .join("agents")
            .join(format!("{}-{id}", vendor.word()))
    })
}

fn note(repo: &Repo, vendor: Vendor, id: &str, tag: &SessionTag) {
    if let Some(path) = hint(repo, vendor, id) {
        // Without it all sessions are read.
        let _ = crate::fs::replace(&path, tag.as_str().as_bytes());
    }
}

/// Tells whether a conversation is somebody else's: the environment names another one, or another process runs it.
fn is_other(
    repo: &Repo,
    vendor: Vendor,
    (session, id): (&Session, &str),
    own: Option<&ProcessId>,
) -> Result<bool> {
    let told = env::AGENT_IDS
        .iter()
        .filter(|(_, agent)| *agent == vendor.word())
        .find_map(|(name, _)| env::var(name));
    if let Some(told) = told.filter(|told| told != id)
        && let Some((other, _)) = find(repo, vendor, &told)?
        && other.tag != session.tag
    {
        return Ok(true);
    }
    let record = &session.record;
    let (Some(recorded), Some(own)) = (&record.process, own) else {
        return Ok(false);
    };
    let here = record.host == host::name() && record.boot == host::boot_id();
    Ok(here && recorded != own && host::is_running(recorded))
}

/// Gathers what a session is told of itself and of the others.
pub fn facts(ctx: &Ctx, session: &Session) -> Result<Facts> {
    let (repo, now) = (ctx.repo()?, ctx.now());
    let snapshot = claims::load(repo, now, About::Scopes(&[]))?;
    let held = snapshot.state.held_by(&session.tag);
    let mut facts = Facts {
        tag: session.tag.to_string(),
        branch: session.record.branch.clone(),
        task: session.record.task.clone(),
        claims: held
            .flat_map(|claim| {
                let until = clock(claim.record.until);
                let scopes = claim.record.scopes.iter();
                scopes
                    .map(move |scope| format!("{scope} until {until}"))
                    .collect::<Vec<_>>()
            })
            .collect(),
        ..Facts::default()
    };
    let unread = reader::count_unread(repo, &session.tag, COUNTED)?;
    (facts.addressed, facts.room) = (unread.addressed, unread.room);
    let rooms = room::rooms(repo, room::tip(repo)?)?;
    let me = Sender::Session(session.tag.clone());
    facts.open = rooms
        .threads
        .values()
        .filter(|thread| {
            thread.status == Status::Executing
                && thread
                    .executor
                    .as_ref()
                    .is_some_and(|executor| executor.by == me)
        })
        .map(|thread| format!("executing [{}] {}", thread.id, thread.line))
        .collect();
    let tasks = rooms.tasks.values();
    facts.open.extend(
        tasks
            .filter(|task| task.holder == session.tag && task.stage.is_open())
            .map(|task| format!("task [{}] {}", task.id, task.line)),
    );
    facts.pins = rooms
        .pins
        .iter()
        .filter(|pin| pin.until.is_none_or(|until| until > now))
        .map(|pin| match pin.until {
            Some(until) => format!("{} (by {}, until {until})", pin.line, pin.by),
            None => format!("{} (by {})", pin.line, pin.by),
        })
        .collect();
    facts.peers = peers(repo, session, now)?;
    Ok(facts)
}

fn peers(repo: &Repo, own: &Session, now: Timestamp) -> Result<Vec<String>> {
    let host = ThisHost::new();
    let all = session_store::load_readable(repo)?.into_iter();
    let others = all.filter(|session| {
        session.tag != own.tag && sessions::life(&session.record, &host, now) == Life::Alive
    });
    Ok(others
        .map(|session| match &session.record.task {
            Some(task) => format!("{} (\"{task}\")", session.tag),
            None => session.tag.to_string(),
        })
        .collect())
}

fn clock(at: Timestamp) -> String {
    // 2026-01-01T12:34:56Z
    at.to_string()
        .get(11..16)
        .map_or_else(|| at.to_string(), |time| format!("{time}Z"))
}
