//! The command line: argv in, exit code out.

mod complete;
mod help;
mod man;
mod quick;

use crate::{
    base::id::SessionTag,
    ctx::Ctx,
    error::{Error, Kind, Result},
    features::{
        agent, board, chat, check, claim, commit, file, hook, inbox, mcp, memory, notify, search,
        session, setup, template, why, wip, worktree,
    },
    ui::{self, Ui},
};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::{ffi::OsString, process::ExitCode};

/// Many agent sessions and people on one repository, without losing each other's work
#[derive(Debug, Parser)]
#[command(
    name = "git ccc",
    bin_name = "git ccc",
    version,
    disable_help_subcommand = false,
    arg_required_else_help = true
)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
struct Global {
    /// Answer with one JSON document
    #[arg(long, global = true)]
    json: bool,
    /// Leave the narration out
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Act as this session
    #[arg(long, global = true, value_name = "TAG")]
    session: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Ask the session that knows: who holds a path, or who is meant by a name
    Ask(inbox::cmd::AskArgs),
    /// Show how things stand: claims, releases, pins, sessions by column
    Board(board::cmd::BoardArgs),
    /// Take a claim away from its holder, on the record
    Break(claim::cmd::BreakArgs),
    /// Talk in the room: post, read, reply, ack, pin
    #[command(subcommand)]
    Chat(Box<chat::cmd::ChatCommand>),
    /// Judge a range of commits by the claims, the log and the room: what CI runs
    Check(check::cmd::CheckArgs),
    /// Claim paths, globs or named resources
    Claim(claim::cmd::ClaimArgs),
    /// List the claims
    Claims(claim::cmd::ClaimsArgs),
    /// Commit exactly the named paths, beside everybody else
    Commit(Box<commit::cmd::CommitArgs>),
    /// Tell the log and the room in one order, a line each
    Feed(board::cmd::FeedArgs),
    /// Write files that several sessions share, and see who changed them
    #[command(subcommand)]
    File(file::cmd::FileCommand),
    /// Run as a hook of git or of an agent
    #[command(hide = true)]
    Hook(hook::cmd::HookArgs),
    /// Print a completion script for a shell
    Completions(complete::CompletionsArgs),
    /// Fire the hooks and look for what is wrong
    Doctor(setup::doctor::DoctorArgs),
    /// Set this repository up, or repair its hooks
    Init(setup::cmd::InitArgs),
    /// Bring the index of all transcripts up to date, or say how it stands
    Index(search::cmd::IndexArgs),
    /// Read the letters to this session, its tasks, and what became of what it sent
    Inbox(inbox::cmd::InboxArgs),
    /// Sleep until something is for this session, say it and end
    Listen(inbox::cmd::ListenArgs),
    /// Print the manual page
    Man,
    /// Serve the commands as tools of an agent (Model Context Protocol)
    Mcp(mcp::cmd::McpArgs),
    /// Keep what agents remember: a copy for each branch, merged back three ways
    #[command(subcommand)]
    Memory(memory::cmd::MemoryCommand),
    /// Tell a person, in the way the user's own settings say
    Notify(notify::cmd::NotifyArgs),
    /// Tell what happened while you were away
    Recap(board::cmd::RecapArgs),
    /// Give claims back
    Release(claim::cmd::ReleaseArgs),
    /// Find what was said: in every transcript, the room and the log
    Search(Box<search::cmd::SearchArgs>),
    /// Write to one session
    Send(Box<inbox::cmd::SendArgs>),
    /// Register, list, show, rename and end sessions
    #[command(subcommand)]
    Session(session::cmd::SessionCommand),
    /// Print what an agent's status line shows: tag, unread, claims
    StatusLine,
    /// List, show and begin templates of sessions
    #[command(subcommand)]
    Template(template::cmd::TemplateCommand),
    /// Let the commands in this repository's settings run
    Trust(setup::cmd::TrustArgs),
    /// Take back what init did
    Uninstall(setup::cmd::UninstallArgs),
    /// List the sessions that are here
    Who(session::cmd::ListArgs),
    /// Find the session behind a line: who wrote it, and what had been asked
    Why(why::cmd::WhyArgs),
    /// Save uncommitted work beside everything, and give it back
    #[command(subcommand)]
    Wip(wip::cmd::WipCommand),
    /// Make, list, sync and remove worktrees for sessions, without losing anything
    #[command(subcommand)]
    Worktree(worktree::cmd::WorktreeCommand),
}

/// Runs the program.
pub fn main() -> ExitCode {
    ExitCode::from(execute(std::env::args_os().collect(), None))
}

/// Runs one command line and returns its exit code.
fn execute(args: Vec<OsString>, conversation: Option<(String, String)>) -> u8 {
    let json = args.iter().any(|arg| arg == "--json");
    let args = commit::options::spelled_out(args);
    let parsed = quick::parse(&args).map_or_else(|| parse(&args), Ok);
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return usage(&error, json),
    };
    let ui = Ui {
        json: cli.global.json,
        quiet: cli.global.quiet,
    };
    let done = std::panic::catch_unwind(|| {
        let mut ctx = Ctx::new(ui, cli.global.session.clone())?;
        ctx.conversation = conversation;
        serve(&ctx, &cli.command)
    });
    let done =
        done.unwrap_or_else(|_| Err(Error::new(Kind::Internal, "this is a defect of git ccc")));
    match done {
        Ok(()) => 0,
        Err(error) if cli.command.never_fails() && !matches!(error.kind, Kind::Child(_)) => {
            // A code other than 0 would stop the agent, or show it an error of ours.
            ui.warn(&format!("the hook of git ccc did nothing: {error}"));
            0
        }
        Err(error) => ui.error(&error),
    }
}

fn parse(args: &[OsString]) -> Result<Cli, clap::Error> {
    let mut program = help::by_area(Cli::command());
    let matches = program.try_get_matches_from_mut(args)?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut program))
}

/// Runs a command line inside this process, for a server.
fn inside(words: Vec<String>, conversation: Option<(String, String)>) -> mcp::cmd::Reply {
    let program = OsString::from("git-ccc");
    let args = std::iter::once(program).chain(words.into_iter().map(OsString::from));
    let (code, said) = ui::listen(|| execute(args.collect(), conversation));
    mcp::cmd::Reply {
        code,
        answer: said.answer,
        narration: said.narration,
    }
}

impl Command {
    /// Tells whether it runs inside an agent, where no failure of ours may count; an exit code that it chose stays.
    fn never_fails(&self) -> bool {
        match self {
            Command::Hook(args) => agent::cmd::job(args.name()).is_some(),
            Command::StatusLine => true,
            _ => false,
        }
    }
}

/// Shows help and version on stdout, what could be said instead of nothing on stderr, and a wrong command line as an error of ours.
fn usage(error: &clap::Error, json: bool) -> u8 {
    use clap::error::ErrorKind;
    let ui = Ui { json, quiet: false };
    let text = error.render().to_string();
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        return match ui.raw(text.as_bytes()) {
            Ok(()) => 0,
            Err(error) => ui.error(&error),
        };
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand && !json {
        ui.note(text.trim_end());
        return Kind::Usage.code();
    }
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let fact = lines
        .next()
        .unwrap_or("the command line is wrong")
        .trim_start_matches("error: ")
        .to_owned();
    let error = lines
        .take_while(|line| !line.starts_with("For more"))
        .fold(Error::usage(fact), Error::because);
    ui.error(&error.hint("git ccc -h"))
}

/// Runs the command; a session that beat with it also keeps its leases.
fn serve(ctx: &Ctx, command: &Command) -> Result<()> {
    run(ctx, command)?;
    match ctx.beaten() {
        Some(session) => claim::store::renew_due(ctx, &session),
        None => Ok(()),
    }
}

/// What a session that ends gives back: its memory to all, its claims to nobody.
fn give_back(ctx: &Ctx, session: &SessionTag) -> Result<usize> {
    memory::tell::at_end(ctx, session);
    claim::store::release_all(ctx, session)
}

fn run(ctx: &Ctx, command: &Command) -> Result<()> {
    match command {
        Command::Ask(args) => inbox::cmd::ask(ctx, args),
        Command::Board(args) => board::cmd::board(ctx, args),
        Command::Break(args) => claim::cmd::break_claim(ctx, args),
        Command::Chat(command) => chat::cmd::run(ctx, command),
        Command::Check(args) => check::cmd::run(ctx, args),
        Command::Claim(args) => claim::cmd::claim(ctx, args),
        Command::Claims(args) => claim::cmd::claims(ctx, args),
        Command::Commit(args) => commit::cmd::run(ctx, args),
        Command::Feed(args) => board::cmd::feed(ctx, args),
        Command::File(command) => file::cmd::run(ctx, command),
        Command::Hook(args) => match agent::cmd::job(args.name()) {
            Some(job) => agent::cmd::run(ctx, job),
            None => hook::cmd::run(ctx, args),
        },
        Command::Completions(args) => complete::run(ctx, args),
        Command::Doctor(args) => setup::doctor::doctor(ctx, args),
        Command::Init(args) => setup::cmd::init(ctx, args, &man::page()?),
        Command::Index(args) => search::cmd::index(ctx, args),
        Command::Inbox(args) => inbox::cmd::inbox(ctx, args),
        Command::Listen(args) => inbox::cmd::listen(ctx, args),
        Command::Man => ctx.ui.raw(&man::page()?),
        Command::Mcp(args) => mcp::cmd::run(ctx, args, inside),
        Command::Memory(command) => memory::cmd::run(ctx, command),
        Command::Notify(args) => notify::cmd::run(ctx, args),
        Command::Recap(args) => board::cmd::recap(ctx, args),
        Command::Release(args) => claim::cmd::release(ctx, args),
        Command::Search(args) => search::cmd::search(ctx, args, &inbox::cmd::question),
        Command::Send(args) => inbox::cmd::send(ctx, args),
        Command::Session(command) => {
            session::cmd::run(ctx, command, give_back, why::store::files::of_session)?;
            match command {
                session::cmd::SessionCommand::Start(_) => {
                    worktree::tell::at_start(ctx);
                    memory::tell::at_start(ctx)
                }
                _ => Ok(()),
            }
        }
        Command::StatusLine => agent::cmd::status_line(ctx),
        Command::Template(command) => template::cmd::run(ctx, command),
        Command::Trust(args) => setup::cmd::trust(ctx, args),
        Command::Uninstall(args) => setup::cmd::uninstall(ctx, args),
        Command::Who(args) => session::cmd::list(ctx, args),
        Command::Why(args) => why::cmd::run(ctx, args),
        Command::Wip(command) => wip::cmd::run(ctx, command),
        Command::Worktree(command) => worktree::cmd::run(ctx, command, &setup::agents::equip),
    }
}
