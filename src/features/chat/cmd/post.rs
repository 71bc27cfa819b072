//! The commands that post.

use super::{AnswerArgs, ExecutingArgs, PinArgs, PostArgs, ReplyArgs, UnpinArgs};
use crate::{
    base::id::MessageId,
    ctx::Ctx,
    error::{Context, Error, Kind, Result},
    features::{
        chat::{
            draft,
            error::unknown,
            logic::traffic,
            model::{self, Message, Priority, Sender, State},
            publish::{self, Posted},
            store,
            view::{MessageView, PostedView},
        },
        session::{model::Session, store as session_store},
    },
};
use serde::Deserialize;
use std::{
    io::BufRead,
    str::FromStr,
    sync::mpsc::{self, Receiver},
};

/// So many messages of a stream go into one transaction at most.
const BATCH: usize = 1000;
/// A longer line of a stream is refused before it is taken in.
const MAX_LINE: usize = 512 * 1024;

/// How messages stand on stdin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One text a line.
    Lines,
    /// One JSON object a line.
    Json,
    /// Texts that end in NUL.
    Nul,
}

impl FromStr for Form {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "lines" => Ok(Form::Lines),
            "jsonl" => Ok(Form::Json),
            "nul" => Ok(Form::Nul),
            _ => Err("expected one of lines, jsonl, nul".to_owned()),
        }
    }
}

/// Runs `chat post`.
pub fn post(ctx: &Ctx, args: &PostArgs) -> Result<()> {
    let from = draft::sender(ctx, args.about.me)?;
    let mut about = args.about.resolve(ctx)?;
    about.state = match (args.question, args.proposal) {
        (true, _) => State::Question,
        (_, true) => State::Proposal,
        _ => args.state,
    };
    if let Some(id) = &args.thread {
        let said = draft::required(ctx, id)?;
        about.thread = Some(said.message.thread().clone());
        if args.about.room.is_none() {
            about.room = said.message.about.room;
        }
    }
    if let Some(form) = args.stdin {
        return stream(ctx, &from, &about, form);
    }
    let text = args.text.read(ctx, None)?;
    let mut message = draft::compose(ctx, from, text, about)?;
    let posted = match &args.id {
        Some(id) => {
            message.id = id.clone();
            draft::say_once(ctx, message, true)?
        }
        None => say(ctx, message)?,
    };
    answer_with(ctx, &posted)
}

/// Posts; an error that leaves open whether it got in says how to try again without saying it twice.
fn say(ctx: &Ctx, message: Message) -> Result<Posted> {
    let id = message.id.clone();
    draft::say(ctx, message).map_err(|error| match error.kind {
        Kind::Busy => error.hint(format!("git ccc chat post --id {id} TEXT")),
        _ => error,
    })
}

fn answer_with(ctx: &Ctx, posted: &Posted) -> Result<()> {
    ctx.ui.answer(&view(ctx, posted))
}

fn view(ctx: &Ctx, posted: &Posted) -> PostedView {
    PostedView {
        message: MessageView::new(&posted.message, &posted.oid.to_string(), ctx.now()),
        known: posted.known,
    }
}

/// What one line of `--stdin=jsonl` may say; what it does not say is as on the command line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    text: String,
    id: Option<MessageId>,
    state: Option<State>,
    room: Option<crate::base::id::RoomName>,
    thread: Option<MessageId>,
    reply_to: Option<MessageId>,
    to: Option<Vec<String>>,
    paths: Option<Vec<String>>,
    priority: Option<Priority>,
    commit: Option<String>,
}

/// Posts what comes on stdin: all that is there at one time in one transaction, answered as it is accepted.
fn stream(ctx: &Ctx, from: &Sender, about: &model::About, form: Form) -> Result<()> {
    let sessions = session_store::load_readable(ctx.repo()?)?;
    let pieces = pieces(form);
    let mut number = 0;
    while let Ok(first) = pieces.recv() {
        let mut batch = Vec::new();
        let mut failed = None;
        let mut next = Some(first);
        while let Some(piece) = next {
            number += 1;
            let made = piece.and_then(|text| line(ctx, (from, about, &sessions), &text, form));
            match made {
                Ok(None) => {}
                Ok(Some(message)) => batch.push(message),
                Err(error) => {
                    failed = Some(error.because(format!("in message {number} of stdin")));
                    break;
                }
            }
            next = (batch.len() < BATCH)
                .then(|| pieces.try_recv().ok())
                .flatten();
        }
        let posted = post_batch(ctx, batch)?;
        let views: Vec<PostedView> = posted.iter().map(|posted| view(ctx, posted)).collect();
        let heard = ctx.ui.deliver(&views)?;
        if let Some(error) = failed {
            return Err(error);
        }
        if !heard {
            return Ok(());
        }
    }
    Ok(())
}

/// Posts in order; what must be decided in its turn goes by itself.
fn post_batch(ctx: &Ctx, batch: Vec<(Message, bool)>) -> Result<Vec<Posted>> {
    let mut done = Vec::new();
    let mut plain = Vec::new();
    for (message, retry) in batch {
        if retry || draft::is_decided(&message) || traffic::is_concerned(&message) {
            flush(ctx, &mut plain, &mut done)?;
            done.push(if retry {
                draft::say_once(ctx, message, true)?
            } else {
                draft::say(ctx, message)?
            });
        } else {
            plain.push(message);
        }
    }
    flush(ctx, &mut plain, &mut done)?;
    Ok(done)
}

fn flush(ctx: &Ctx, plain: &mut Vec<Message>, done: &mut Vec<Posted>) -> Result<()> {
    if !plain.is_empty() {
        let posted = publish::post_all(ctx, plain)?;
        for posted in &posted {
            draft::tell_person(ctx, posted)?;
        }
        done.extend(posted);
        plain.clear();
    }
    Ok(())
}

/// Reads stdin in a thread of its own, so that what is there can be taken without waiting for more.
fn pieces(form: Form) -> Receiver<Result<String>> {
    let (sender, receiver) = mpsc::sync_channel(BATCH);
    std::thread::spawn(move || {
        let end = if form == Form::Nul { 0 } else { b'\n' };
        let mut input = std::io::stdin().lock();
        loop {
            let piece = piece(&mut input, end);
            let last = matches!(piece, Ok(None) | Err(_));
            // The receiver is gone only when nobody wants more.
            if let Some(piece) = piece.transpose()
                && sender.send(piece).is_err()
            {
                return;
            }
            if last {
                return;
            }
        }
    });
    receiver
}

fn piece(input: &mut impl BufRead, end: u8) -> Result<Option<String>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_LINE).unwrap_or(u64::MAX);
    let mut limited = std::io::Read::take(&mut *input, limit);
    let count = limited
        .read_until(end, &mut bytes)
        .context(Kind::Usage, || "stdin cannot be read".to_owned())?;
    if count == 0 {
        return Ok(None);
    }
    if bytes.last() == Some(&end) {
        bytes.pop();
    } else if count == MAX_LINE {
        return Err(Error::usage("a message on stdin is too long"));
    }
    let text = String::from_utf8(bytes).context(Kind::Usage, || "stdin is no text".to_owned())?;
    Ok(Some(text))
}

/// Makes a message of one piece of stdin, and says whether its id may be in the room already; a blank one is none.
fn line(
    ctx: &Ctx,
    (from, about, sessions): (&Sender, &model::About, &[Session]),
    text: &str,
    form: Form,
) -> Result<Option<(Message, bool)>> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let mut about = about.clone();
    if form != Form::Json {
        let text = text.strip_suffix('\r').unwrap_or(text).to_owned();
        let made = draft::compose_knowing(ctx, from.clone(), text, (about, sessions))?;
        return Ok(Some((made, false)));
    }
    let line: Line = serde_json::from_str(text)
        .context(Kind::Usage, || "a line is no message in JSON".to_owned())?;
    about.state = line.state.unwrap_or(about.state);
    about.room = line.room.unwrap_or(about.room);
    about.thread = line.thread.or(about.thread);
    about.reply_to = line.reply_to.or(about.reply_to);
    about.paths = line.paths.unwrap_or(about.paths);
    about.priority = line.priority.or(about.priority);
    if let Some(names) = line.to {
        let all = names.iter().map(|name| draft::addressee(ctx, name));
        about.to = all.collect::<Result<_>>()?;
    }
    if let Some(rev) = line.commit {
        about.commit = Some(draft::commit(ctx, &rev)?);
    }
    let mut made = draft::compose_knowing(ctx, from.clone(), line.text, (about, sessions))?;
    let retry = line.id.is_some();
    made.id = line.id.unwrap_or(made.id);
    Ok(Some((made, retry)))
}

/// Runs `chat reply`.
pub fn reply(ctx: &Ctx, args: &ReplyArgs) -> Result<()> {
    let state = match (args.question, args.proposal) {
        (true, _) => State::Question,
        (_, true) => State::Proposal,
        _ => State::Note,
    };
    let text = args.text.read(ctx, None)?;
    let message = answering(ctx, &args.id, &args.about, (text, state))?;
    answer_with(ctx, &say(ctx, message)?)
}

/// Runs `chat ack`, `counter` and `done`.
pub fn answer(ctx: &Ctx, args: &AnswerArgs, state: State) -> Result<()> {
    let default = (state != State::Counter).then_some(state.word());
    let text = args.text.read(ctx, default)?;
    let message = answering(ctx, &args.id, &args.about, (text, state))?;
    answer_with(ctx, &say(ctx, message)?)
}

/// Runs `chat executing`.
pub fn executing(ctx: &Ctx, args: &ExecutingArgs) -> Result<()> {
    let answer = &args.answer;
    let text = answer.text.read(ctx, Some("executing"))?;
    let mut message = answering(ctx, &answer.id, &answer.about, (text, State::Executing))?;
    message.about.until = args.time.map(|time| ctx.now().after(time));
    if args.take_over {
        let thread = draft::thread(ctx, message.thread())?;
        let current = thread.and_then(|thread| thread.executor);
        message.about.take_over = current.map(|executor| executor.id);
    }
    answer_with(ctx, &say(ctx, message)?)
}

fn answering(
    ctx: &Ctx,
    id: &MessageId,
    args: &super::About,
    (text, state): (String, State),
) -> Result<Message> {
    let from = draft::sender(ctx, args.me)?;
    let said = draft::required(ctx, id)?;
    let mut about = draft::answering(&said, &from, args.resolve(ctx)?);
    about.state = state;
    if args.room.is_none() {
        about.room = said.message.about.room;
    }
    draft::compose(ctx, from, text, about)
}

/// Runs `chat pin`.
pub fn pin(ctx: &Ctx, args: &PinArgs) -> Result<()> {
    let from = draft::sender(ctx, args.about.me)?;
    let mut about = args.about.resolve(ctx)?;
    about.until = args.until.map(|until| until.after(ctx.now()));
    let Ok(id) = args.what.parse::<MessageId>() else {
        let mut message = draft::compose(ctx, from, args.what.clone(), about)?;
        message.about.pin = Some(message.id.clone());
        return answer_with(ctx, &say(ctx, message)?);
    };
    let said = draft::required(ctx, &id)?;
    about.thread = Some(said.message.thread().clone());
    if args.about.room.is_none() {
        about.room = said.message.about.room.clone();
    }
    about.pin = Some(id);
    let message = draft::compose_knowing(ctx, from, said.message.first_line(200), (about, &[]))?;
    answer_with(ctx, &say(ctx, message)?)
}

/// Runs `chat unpin`.
pub fn unpin(ctx: &Ctx, args: &UnpinArgs) -> Result<()> {
    let from = draft::sender(ctx, args.me)?;
    let repo = ctx.repo()?;
    let rooms = store::rooms(repo, store::tip(repo)?)?;
    let pinned = rooms.pins.iter().find(|pin| pin.id == args.id);
    let pinned = pinned.ok_or_else(|| unknown(args.id.as_str()).because("it is not pinned"))?;
    let about = model::About {
        room: pinned.room.clone(),
        unpin: Some(args.id.clone()),
        ..model::About::default()
    };
    let text = format!("unpinned: {}", pinned.line);
    let message = draft::compose_knowing(ctx, from, text, (about, &[]))?;
    answer_with(ctx, &say(ctx, message)?)
}
