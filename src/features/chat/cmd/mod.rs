//! `git ccc chat …`.

mod compose;
mod post;
mod read;

use crate::{
    base::id::{MessageId, RoomName},
    ctx::Ctx,
    error::Result,
};
use clap::{Args, Subcommand};

pub use compose::{About, Text};

/// What can be done in the room.
#[derive(Debug, Subcommand)]
pub enum ChatCommand {
    /// Say something, ask or propose
    Post(PostArgs),
    /// Read the newest messages, or those not seen yet
    Read(ReadArgs),
    /// Answer a message
    Reply(ReplyArgs),
    /// Agree, or say that it was seen
    Ack(AnswerArgs),
    /// Object, and say why
    Counter(AnswerArgs),
    /// Begin to do what was proposed; only one can
    Executing(ExecutingArgs),
    /// Say that it is done
    Done(AnswerArgs),
    /// Keep a message, or a new one, in sight
    Pin(PinArgs),
    /// Take a pin away
    Unpin(UnpinArgs),
    /// List the rooms, the pins and what is unread
    Rooms,
    /// List what was asked or proposed and is open
    Threads(ThreadsArgs),
}

/// Arguments of `chat post`.
#[derive(Debug, Args)]
pub struct PostArgs {
    #[command(flatten)]
    text: Text,
    /// Post one message for each line of stdin: plain text, JSON objects, or texts that end in NUL
    #[arg(long, value_name = "FORM", num_args = 0..=1, require_equals = true, default_missing_value = "lines", conflicts_with_all = ["text", "file", "id"])]
    stdin: Option<post::Form>,
    #[command(flatten)]
    about: About,
    /// Id of an earlier try: if that got in, nothing is posted again
    #[arg(long)]
    id: Option<MessageId>,
    /// Say it in this thread
    #[arg(long, value_name = "ID")]
    thread: Option<MessageId>,
    /// What it is: note, question, proposal, ack, counter, executing, done
    #[arg(long, default_value = "note")]
    state: super::model::State,
    /// Ask
    #[arg(long, conflicts_with_all = ["state", "proposal"])]
    question: bool,
    /// Propose
    #[arg(long, conflicts_with = "state")]
    proposal: bool,
}

/// Arguments of `chat reply`.
#[derive(Debug, Args)]
pub struct ReplyArgs {
    /// The message to answer
    id: MessageId,
    #[command(flatten)]
    text: Text,
    #[command(flatten)]
    about: About,
    /// Ask back
    #[arg(long, conflicts_with = "proposal")]
    question: bool,
    /// Propose something else
    #[arg(long)]
    proposal: bool,
}

/// Arguments of `chat ack`, `counter` and `done`.
#[derive(Debug, Args)]
pub struct AnswerArgs {
    /// The message or thread
    id: MessageId,
    #[command(flatten)]
    text: Text,
    #[command(flatten)]
    about: About,
}

/// Arguments of `chat executing`.
#[derive(Debug, Args)]
pub struct ExecutingArgs {
    #[command(flatten)]
    answer: AnswerArgs,
    /// How long it will take; after that another may take over
    #[arg(long = "for", value_name = "TIME")]
    time: Option<crate::base::time::Ttl>,
    /// Replace an executor that is gone or out of time
    #[arg(long)]
    take_over: bool,
}

/// Arguments of `chat pin`.
#[derive(Debug, Args)]
pub struct PinArgs {
    /// Id of a message, or the text of a new one
    what: String,
    /// Until when: a date (that day included, UTC), a time, or a duration from now
    #[arg(long, value_name = "WHEN")]
    until: Option<crate::base::time::When>,
    #[command(flatten)]
    about: About,
}

/// Arguments of `chat unpin`.
#[derive(Debug, Args)]
pub struct UnpinArgs {
    /// The pinned message
    id: MessageId,
    /// Say it as the person git knows by user.name
    #[arg(long)]
    me: bool,
}

/// Arguments of `chat read`.
#[derive(Debug, Args)]
pub struct ReadArgs {
    /// Only what this session has not seen; afterwards it counts as seen
    #[arg(long)]
    unread: bool,
    /// Nothing older
    #[arg(long, value_name = "TIME")]
    since: Option<crate::base::time::Ttl>,
    /// Only this room
    #[arg(long, value_name = "NAME")]
    room: Option<RoomName>,
    /// Only this thread
    #[arg(long, value_name = "ID")]
    thread: Option<MessageId>,
    /// Go on with what comes, until interrupted
    #[arg(long)]
    follow: bool,
    /// At most so many (default: 20, with --since, --thread or --unread 1000)
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

/// Arguments of `chat threads`.
#[derive(Debug, Args)]
pub struct ThreadsArgs {
    /// Those that are answered or done too
    #[arg(long)]
    all: bool,
    /// Only this room
    #[arg(long, value_name = "NAME")]
    room: Option<RoomName>,
}

/// Runs `chat …`.
pub fn run(ctx: &Ctx, command: &ChatCommand) -> Result<()> {
    match command {
        ChatCommand::Post(args) => post::post(ctx, args),
        ChatCommand::Read(args) => read::read(ctx, args),
        ChatCommand::Reply(args) => post::reply(ctx, args),
        ChatCommand::Ack(args) => post::answer(ctx, args, super::model::State::Ack),
        ChatCommand::Counter(args) => post::answer(ctx, args, super::model::State::Counter),
        ChatCommand::Executing(args) => post::executing(ctx, args),
        ChatCommand::Done(args) => post::answer(ctx, args, super::model::State::Done),
        ChatCommand::Pin(args) => post::pin(ctx, args),
        ChatCommand::Unpin(args) => post::unpin(ctx, args),
        ChatCommand::Rooms => read::rooms(ctx),
        ChatCommand::Threads(args) => read::threads(ctx, args),
    }
}
