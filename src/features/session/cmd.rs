//! `git ccc session …` and `git ccc who`.

use super::{
    logic::{self, Life},
    model::{Column, Session, SessionRecord, StatedColumn},
    register::{self, Entry, Words},
    store,
    view::{OneSession, SessionDetail, SessionList, SessionView},
};
use crate::{
    base::{
        id::SessionTag,
        text::{counted, one_line},
    },
    ctx::Ctx,
    error::{Error, Result},
    git::{log, refs::Lost},
    host,
};
use clap::{Args, Subcommand};

/// What can be done with sessions.
#[derive(Debug, Subcommand)]
pub enum SessionCommand {
    /// Register this session, or resume it, and print its tag
    Start(StartArgs),
    /// List the sessions of this repository
    List(ListArgs),
    /// Show all that is known of one session, and where its transcripts are
    Show(NameArgs),
    /// Print the tag of the session that runs this command
    Whoami,
    /// Give this session another name; its tag stays
    Rename(RenameArgs),
    /// Say what this session is doing
    Set(SetArgs),
    /// End a session and give back what it holds
    End(EndArgs),
}

/// Arguments of `session start`.
#[derive(Debug, Args)]
pub struct StartArgs {
    /// Readable name, such as archive-filter
    #[arg(long)]
    pub name: String,
    /// What it is going to do
    #[arg(long)]
    pub task: Option<String>,
    /// Process that stands for the session (default: the agent, or the shell on a terminal)
    #[arg(long)]
    pub pid: Option<u32>,
    /// Program that runs it, such as claude or codex
    #[arg(long)]
    pub agent: Option<String>,
    /// The agent's own id of the conversation
    #[arg(long)]
    pub native: Option<String>,
}

/// Arguments of `session list` and `who`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only those that are alive
    #[arg(long)]
    pub alive: bool,
    /// Those of every repository of this user
    #[arg(long)]
    pub everywhere: bool,
}

/// Arguments of `session show`.
#[derive(Debug, Args)]
pub struct NameArgs {
    /// Tag, name, or the beginning of one
    pub name: String,
}

/// Arguments of `session rename`.
#[derive(Debug, Args)]
pub struct RenameArgs {
    /// The new readable name
    pub name: String,
}

/// Arguments of `session set`.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct SetArgs {
    /// What it is doing; empty for nothing
    #[arg(long)]
    pub task: Option<String>,
    /// How far along it is, such as "60% - parser done, tests next"; empty for nothing
    #[arg(long)]
    pub progress: Option<String>,
    /// Where it stands on the board until its next act: planning, working, review, testing, verified
    #[arg(long)]
    pub column: Option<Column>,
}

/// Arguments of `session end`.
#[derive(Debug, Args)]
pub struct EndArgs {
    /// Tag or name of a session that is gone (default: this session)
    pub name: Option<String>,
}

/// Registers the session that runs this command, or resumes it.
fn start(ctx: &Ctx, args: &StartArgs) -> Result<Session> {
    let process = match args.pid {
        Some(pid) => Some(host::process(pid).ok_or_else(|| {
            Error::usage(format!("no process {pid} runs on this host"))
                .hint("git ccc session start --name NAME")
        })?),
        None => register::own_process(),
    };
    let native = args
        .native
        .clone()
        .zip(args.agent.clone())
        .or_else(register::own_native);
    let (native, agent) = native.map_or((None, args.agent.clone()), |(id, agent)| {
        (Some(id), Some(agent))
    });
    let entry = Entry {
        name: args.name.clone(),
        task: args.task.clone(),
        agent,
        native,
        process,
        continues: None,
        words: Words::New,
    };
    register::enter(ctx, &entry)
}

/// Runs `session …`; ending one is `release`'s business too and where its transcripts are that of `search`, so the
/// caller passes what gives its claims back and what finds them.
pub fn run(
    ctx: &Ctx,
    command: &SessionCommand,
    give_back: impl Fn(&Ctx, &SessionTag) -> Result<usize>,
    transcripts: impl Fn(&Ctx, &Session) -> Result<Vec<String>>,
) -> Result<()> {
    match command {
        SessionCommand::Start(args) => {
            let session = start(ctx, args)?;
            ctx.ui.note(&format!("export CCC_SESSION={}", session.tag));
            ctx.ui.answer(&OneSession {
                session: SessionView::new(&session, Life::Alive),
            })
        }
        SessionCommand::List(args) => list(ctx, args),
        SessionCommand::Show(args) => {
            let session = named(ctx, &args.name)?;
            let life = store::life(&session.record, ctx.now());
            ctx.ui.answer(&SessionDetail {
                session: SessionView::new(&session, life),
                transcripts: transcripts(ctx, &session)?,
            })
        }
        SessionCommand::Whoami => {
            let session = store::current_alive(ctx)?;
            let life = store::life(&session.record, ctx.now());
            ctx.ui.answer(&OneSession {
                session: SessionView::new(&session, life),
            })
        }
        SessionCommand::Rename(args) => change(ctx, |record| record.name.clone_from(&args.name)),
        SessionCommand::Set(args) => set(ctx, args),
        SessionCommand::End(args) => end(ctx, args, give_back),
    }
}

/// Runs `session list` and `who`.
pub fn list(ctx: &Ctx, args: &ListArgs) -> Result<()> {
    let host = store::ThisHost::new();
    let loaded = if args.everywhere {
        store::hub(false)?
            .map(|hub| store::load_all(&hub))
            .transpose()?
            .unwrap_or_default()
    } else {
        store::load_all(ctx.repo()?)?
    };
    let (mut sessions, mut unreadable) = (Vec::new(), Vec::new());
    for (tag, record) in loaded {
        match record {
            Ok(record) => {
                let life = logic::life(&record, &host, ctx.now());
                if life == Life::Alive || !args.alive {
                    sessions.push(SessionView::new(&Session { tag, record }, life));
                }
            }
            Err(error) => unreadable.push((tag.to_string(), error.to_string())),
        }
    }
    if sessions.is_empty() && unreadable.is_empty() {
        ctx.ui.note("nobody is here");
    }
    ctx.ui.answer(&SessionList {
        in_colour: ctx.ui.in_colour(),
        sessions,
        unreadable,
    })
}

/// Finds a session by name, here first, then in the hub.
fn named(ctx: &Ctx, name: &str) -> Result<Session> {
    let mut sessions = store::load_readable(ctx.repo()?)?;
    let mut found = logic::resolve(name, &sessions);
    if matches!(found, Err(logic::Unknown::NoSuch(_)))
        && let Some(hub) = store::hub(false)?
    {
        sessions = store::load_readable(&hub)?;
        found = logic::resolve(name, &sessions);
    }
    let tag = found.map_err(store::explain)?;
    sessions
        .into_iter()
        .find(|session| session.tag == tag)
        .ok_or_else(|| store::explain(logic::Unknown::NoSuch(tag.to_string())))
}

fn set(ctx: &Ctx, args: &SetArgs) -> Result<()> {
    let fence = log::tip(ctx.repo()?)?.fence;
    let stated = |text: &String| Some(one_line(text.trim(), 200)).filter(|text| !text.is_empty());
    change(ctx, |record| {
        if let Some(task) = &args.task {
            record.task = Some(task.clone()).filter(|task| !task.is_empty());
        }
        if let Some(progress) = &args.progress {
            record.progress = stated(progress);
        }
        if let Some(word) = args.column {
            let at = ctx.now();
            record.column = Some(StatedColumn { word, at, fence });
        }
    })
}

fn change(ctx: &Ctx, edit: impl Fn(&mut SessionRecord)) -> Result<()> {
    let tag = store::current(ctx)?.tag;
    let repo = ctx.repo()?;
    let mut retry = log::Retry::new(log::PATIENCE);
    loop {
        let (mut session, old) = store::load(repo, &tag)?
            .ok_or_else(|| store::explain(logic::Unknown::NoSuch(tag.to_string())))?;
        edit(&mut session.record);
        session.record.beat = ctx.now();
        session.record.nonce = ctx.dice.hex(8);
        match store::save(repo, &session, Some(old)) {
            Ok(()) => {
                store::publish(ctx, &session, false);
                let life = store::life(&session.record, ctx.now());
                return ctx.ui.answer(&OneSession {
                    session: SessionView::new(&session, life),
                });
            }
            Err(Lost::Failed(error)) => return Err(error),
            Err(lost) => retry.again(lost, "change the session", ctx.dice.roll())?,
        }
    }
}

fn end(
    ctx: &Ctx,
    args: &EndArgs,
    give_back: impl Fn(&Ctx, &SessionTag) -> Result<usize>,
) -> Result<()> {
    let own = store::current_if_any(ctx)?;
    let session = match &args.name {
        Some(name) => named(ctx, name)?,
        None => own.clone().map_or_else(|| store::current(ctx), Ok)?,
    };
    let mine = own.is_some_and(|own| own.tag == session.tag);
    // Nobody has come to one that was prepared.
    let somebodys = !mine && !session.record.prepared;
    if somebodys && store::life(&session.record, ctx.now()) == Life::Alive {
        return Err(Error::no(format!(
            "session {} is alive and not yours to end",
            session.tag
        ))
        .because(one_line(
            session
                .record
                .task
                .as_deref()
                .unwrap_or("it runs, or beat within the hour"),
            200,
        ))
        .hint(format!("git ccc session show {}", session.tag)));
    }
    let freed = give_back(ctx, &session.tag)?;
    store::remove(ctx.repo()?, &session.tag, &ctx.dice)?;
    store::publish(ctx, &session, true);
    ctx.ui.note(&format!(
        "session {} ended; {} given back",
        session.tag,
        counted(freed, "claim")
    ));
    ctx.ui.answer(&OneSession {
        session: SessionView::new(&session, Life::Dead),
    })
}
