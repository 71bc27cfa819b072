//! `git ccc send`, `inbox`, `listen` and `ask`.

mod ask;
mod inbox;
mod listen;
mod send;
mod task;

use crate::{
    base::{
        id::MessageId,
        time::{Ttl, When},
    },
    ctx::Ctx,
    error::{Context, Error, Kind, Result},
    features::chat::{
        draft,
        model::{MAX_TEXT, Priority, Sender},
    },
};
use clap::{Args, Subcommand};
use std::io::Read;

pub use ask::ask;
pub use inbox::inbox;
pub use listen::listen;
pub use send::{question, send};

/// Arguments of `send`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "one field per option")]
pub struct SendArgs {
    /// Tag, name, or the beginning of a tag
    #[arg(required_unless_present = "status")]
    to: Option<String>,
    /// What to say
    #[arg(required_unless_present_any = ["stdin", "status"])]
    text: Option<String>,
    /// Take the text from stdin
    #[arg(long, conflicts_with = "text")]
    stdin: bool,
    /// How soon it should be seen: now, next, later (which wakes nobody)
    #[arg(long, value_name = "WHEN", default_value = "next")]
    priority: Priority,
    /// Put it on the receiver's agenda
    #[arg(long)]
    task: bool,
    /// Until when the task should be done: a time, or a duration from now
    #[arg(long, value_name = "WHEN", requires = "task")]
    due: Option<When>,
    /// The message this answers
    #[arg(long, value_name = "ID")]
    reply_to: Option<MessageId>,
    /// A path it is about
    #[arg(long, value_name = "PATH")]
    path: Vec<String>,
    /// Leave it for a session that is gone
    #[arg(long)]
    anyway: bool,
    /// Say it as the person git knows by user.name
    #[arg(long)]
    me: bool,
    /// Show how far a message came instead
    #[arg(long, value_name = "ID", conflicts_with_all = ["to", "text", "stdin", "task", "reply_to", "path"])]
    status: Option<MessageId>,
}

/// Arguments of `inbox`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one field per option, which exclude each other"
)]
pub struct InboxArgs {
    #[command(subcommand)]
    command: Option<InboxCommand>,
    /// Show what waits and leave it waiting
    #[arg(long, conflicts_with_all = ["tasks", "sent", "all"])]
    peek: bool,
    /// Show the newest messages again, seen or not
    #[arg(long, conflicts_with_all = ["tasks", "sent"])]
    all: bool,
    /// Show the agenda: what this session was asked to do, and what it asked of others
    #[arg(long, conflicts_with = "sent")]
    tasks: bool,
    /// Show how far came what this session has sent
    #[arg(long)]
    sent: bool,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
}

/// What can be done with a letter or a task.
#[derive(Debug, Subcommand)]
pub enum InboxCommand {
    /// Take a task on, or say that a letter was seen
    Ack(TaskArgs),
    /// Hand a task back
    Return(ReturnArgs),
    /// Say that a task is done
    Done(TaskArgs),
}

/// Arguments of `inbox ack` and `done`.
#[derive(Debug, Args)]
pub struct TaskArgs {
    /// The task or letter
    id: MessageId,
    /// What to say with it
    text: Option<String>,
    /// The commit that did it
    #[arg(long, value_name = "REV")]
    commit: Option<String>,
    /// Say it as the person git knows by user.name
    #[arg(long)]
    me: bool,
}

/// Arguments of `inbox return`.
#[derive(Debug, Args)]
pub struct ReturnArgs {
    /// The task
    id: MessageId,
    /// Why
    #[arg(long, value_name = "WHY")]
    why: String,
}

/// Arguments of `listen`.
#[derive(Debug, Args)]
pub struct ListenArgs {
    /// Give up after this time, with exit code 1
    #[arg(long, value_name = "TIME")]
    timeout: Option<Ttl>,
    /// Wake for everything that is said in the room, and for letters that wake nobody else
    #[arg(long)]
    any: bool,
    /// Say only that there is mail, and leave it waiting
    #[arg(long)]
    peek: bool,
    /// Wake when nobody else holds this any more
    #[arg(long, value_name = "SCOPE")]
    free: Vec<String>,
}

/// Arguments of `ask`.
#[derive(Debug, Args)]
pub struct AskArgs {
    /// The question
    #[arg(required_unless_present = "stdin")]
    text: Option<String>,
    /// Take the question from stdin
    #[arg(long, conflicts_with = "text")]
    stdin: bool,
    /// Ask who holds this path, else who committed it last, else who talked about it last
    #[arg(long, value_name = "PATH", required_unless_present = "to")]
    path: Option<String>,
    /// Ask the session that this name, or these words, fit best
    #[arg(long, value_name = "NAME", conflicts_with = "path")]
    to: Option<String>,
    /// How soon it should be seen: now, next, later
    #[arg(long, value_name = "WHEN", default_value = "next")]
    priority: Priority,
    /// Say whom it would go to, and ask nothing
    #[arg(long)]
    dry_run: bool,
    /// Ask as the person git knows by user.name
    #[arg(long)]
    me: bool,
}

fn text(given: Option<&String>, stdin: bool) -> Result<String> {
    if let Some(text) = given.filter(|_| !stdin) {
        return Ok(text.clone());
    }
    let mut text = String::new();
    // One byte more than is allowed tells what is too long.
    let cap = u64::try_from(MAX_TEXT + 2).unwrap_or(u64::MAX);
    std::io::stdin()
        .lock()
        .take(cap)
        .read_to_string(&mut text)
        .context(Kind::Usage, || "stdin is no text".to_owned())?;
    // A text on stdin ends in a line break that nobody said.
    Ok(text.strip_suffix('\n').map_or(text.clone(), str::to_owned))
}

/// Returns who speaks; a hint names the same command for a person.
fn sender(ctx: &Ctx, me: bool) -> Result<Sender> {
    draft::sender(ctx, me).map_err(|mut error: Error| {
        error.hints.retain(|hint| !hint.contains("chat post"));
        error
    })
}
