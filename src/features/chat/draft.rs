//! From what somebody wants to say to a message in the room; what every feature that posts uses.

use super::{
    error,
    logic::{
        self, codec, mention,
        thread::{Executor, Refusal, Thread},
    },
    model::{About, Attachment, MAX_ATTACHMENT, Message, Sender, State, To},
    publish::{self, Posted},
    store::{self, Said},
    traffic::{self, Admitted},
};
use crate::{
    base::{id::MessageId, text::one_line},
    ctx::Ctx,
    error::{Context, Error, Kind, Result},
    features::{
        notify,
        session::{logic::Life, model::Session, store as session_store},
    },
    git::{Oid, notes, run},
};
use std::path::Path;

/// Returns who speaks: the session, or with `me` the person that git knows.
pub fn sender(ctx: &Ctx, me: bool) -> Result<Sender> {
    if !me {
        let session = session_store::current(ctx);
        return session
            .map(|session| Sender::Session(session.tag))
            .map_err(|error| match error.kind {
                Kind::Setup => error.hint("git ccc chat post --me TEXT"),
                _ => error,
            });
    }
    let name = ctx
        .repo()?
        .config("user.name")
        .map(|name| one_line(name.trim(), 60));
    name.filter(|name| !name.is_empty())
        .map(Sender::Person)
        .ok_or_else(|| {
            Error::setup("git does not know your name").hint("git config user.name \"Your Name\"")
        })
}

/// Makes a message of a text: checked, with a fresh id, and for whoever it mentions.
pub fn compose(ctx: &Ctx, from: Sender, text: String, about: About) -> Result<Message> {
    let sessions = if mention::is_possible(&text) {
        session_store::load_readable(ctx.repo()?)?
    } else {
        Vec::new()
    };
    compose_knowing(ctx, from, text, (about, &sessions))
}

/// As [`compose`], for many messages: the sessions are read once.
pub fn compose_knowing(
    ctx: &Ctx,
    from: Sender,
    text: String,
    (mut about, sessions): (About, &[Session]),
) -> Result<Message> {
    codec::check(&text).map_err(|refused| error::unsaid(&refused))?;
    for to in mention::find(&text, sessions) {
        if !about.to.contains(&to) && from.session() != only(&to) {
            about.to.push(to);
        }
    }
    let at = ctx.now();
    Ok(Message {
        id: MessageId::at_millis(ctx.millis(), ctx.dice.roll()),
        from,
        at,
        text,
        about,
    })
}

/// Makes a message for exactly those that it names in `about.to`: a letter mentions nobody.
pub fn letter(ctx: &Ctx, from: Sender, text: String, about: About) -> Result<Message> {
    codec::check(&text).map_err(|refused| error::unsaid(&refused))?;
    let at = ctx.now();
    Ok(Message {
        id: MessageId::at_millis(ctx.millis(), ctx.dice.roll()),
        from,
        at,
        text,
        about,
    })
}

fn only(to: &To) -> Option<&crate::base::id::SessionTag> {
    match to {
        To::Session(tag) => Some(tag),
        _ => None,
    }
}

/// Returns whom a name on the command line means; unlike in a text it must mean somebody.
pub fn addressee(ctx: &Ctx, name: &str) -> Result<To> {
    if let Ok(to @ (To::Person | To::All)) = name.parse() {
        return Ok(to);
    }
    let sessions = session_store::load_readable(ctx.repo()?)?;
    let name = name.strip_prefix('@').unwrap_or(name);
    crate::features::session::logic::resolve(name, &sessions)
        .map(To::Session)
        .map_err(session_store::explain)
}

/// Prepares an answer: same thread, same room, and for whoever wrote what it answers.
pub fn answering(said: &Said, from: &Sender, mut about: About) -> About {
    about.thread = Some(said.message.thread().clone());
    about.reply_to = Some(said.message.id.clone());
    let hop = logic::traffic::next_hop(&said.message, from);
    if hop > 0 {
        about.set_extra(logic::traffic::HOP, hop.to_string());
    }
    if let Sender::Session(tag) = &said.message.from
        && said.message.from != *from
    {
        let to = To::Session(tag.clone());
        if !about.to.contains(&to) {
            about.to.push(to);
        }
    }
    about
}

/// Finds a message or says that there is none.
pub fn required(ctx: &Ctx, id: &MessageId) -> Result<Said> {
    publish::heal(ctx)?;
    store::find(ctx.repo()?, id)?.ok_or_else(|| error::unknown(id.as_str()))
}

/// Stores a file for a message.
pub fn attach(ctx: &Ctx, path: &Path) -> Result<Attachment> {
    let full = ctx.cwd().join(path);
    let bytes = crate::fs::read_capped(&full, MAX_ATTACHMENT + 1)
        .context(Kind::Usage, || format!("{} cannot be read", path.display()))?
        .ok_or_else(|| Error::usage(format!("{} is not there", path.display())))?;
    if bytes.len() > MAX_ATTACHMENT {
        return Err(Error::usage(format!(
            "{} is larger than {} MiB",
            path.display(),
            MAX_ATTACHMENT / (1024 * 1024)
        )));
    }
    let blob = notes::write_blob(ctx.repo()?, &bytes)?;
    let name = path.file_name().unwrap_or(path.as_os_str());
    Ok(Attachment {
        blob: blob.to_string(),
        size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        name: one_line(&name.to_string_lossy(), 200),
    })
}

/// Resolves a revision to the commit a message is about.
pub fn commit(ctx: &Ctx, rev: &str) -> Result<String> {
    let out = run::read(ctx.repo()?)
        .args(["rev-parse", "--verify", "--quiet", "--end-of-options"])
        .arg(format!("{rev}^{{commit}}"))
        .run()?;
    let hex = out.stdout_text().trim().to_owned();
    if out.ok() && Oid::from_hex(hex.as_bytes()).is_ok() {
        Ok(hex)
    } else {
        Err(Error::usage(format!("{} is no commit", one_line(rev, 80))).hint("git log --oneline"))
    }
}

/// Tells whether a message must be looked at in its turn before it is posted.
pub fn is_decided(message: &Message) -> bool {
    matches!(
        message.about.state,
        State::Executing | State::Counter | State::Done
    )
}

/// Posts a message if its thread and the traffic between sessions allow it then.
pub fn say(ctx: &Ctx, message: Message) -> Result<Posted> {
    let message = match traffic::admit(ctx, message)? {
        Admitted::New(message) => *message,
        Admitted::Known(posted) => return Ok(*posted),
    };
    if is_decided(&message) {
        return say_once(ctx, message, false);
    }
    let posted = publish::post(ctx, message)?;
    tell_person(ctx, &posted)?;
    Ok(posted)
}

/// Tells the person whom a session mentions; that nobody could be told is a warning.
pub fn tell_person(ctx: &Ctx, posted: &Posted) -> Result<()> {
    let message = &posted.message;
    if message.from.session().is_some() && message.about.to.contains(&To::Person) {
        let event = notify::Event {
            id: message.id.to_string(),
            kind: notify::Kind::Mention,
            from: message.from.to_string(),
            repo: ctx.repo()?.name(),
            text: message.text.clone(),
        };
        notify::send(ctx, &event);
    }
    Ok(())
}

/// As [`say`], for a message whose id may be in the room already: then nothing is posted again.
pub fn say_once(ctx: &Ctx, message: Message, retry: bool) -> Result<Posted> {
    let repo = ctx.repo()?;
    let copy = message.clone();
    let posted = publish::post_decided(ctx, message, |tip| {
        if retry && store::find(repo, &copy.id)?.is_some() {
            return Ok(false);
        }
        if is_decided(&copy) {
            let rooms = store::rooms(repo, tip)?;
            let decided = match rooms.threads.get(copy.thread()) {
                Some(thread) => thread.check(&copy, |executor| is_stale(ctx, executor)),
                None if copy.about.state == State::Executing => Err(Refusal::NoProposal),
                None => Ok(()),
            };
            decided.map_err(|refusal| error::refused(&refusal, &copy))?;
        }
        Ok(true)
    })?;
    match posted {
        Some(posted) => {
            tell_person(ctx, &posted)?;
            Ok(posted)
        }
        None => required(ctx, &copy.id).map(|said| Posted {
            message: said.message,
            oid: said.oid,
            known: true,
        }),
    }
}

/// An executor may be replaced when its stated time is over, or its session has ended or is proved dead.
fn is_stale(ctx: &Ctx, executor: &Executor) -> bool {
    let now = ctx.now();
    if executor.until.is_some_and(|until| until < now) {
        return true;
    }
    let Some(tag) = executor.by.session() else {
        return false;
    };
    // A record that cannot be read proves nothing.
    match ctx.repo().and_then(|repo| session_store::load(repo, tag)) {
        Ok(Some((session, _))) => session_store::life(&session.record, now) == Life::Dead,
        Ok(None) => true,
        Err(_) => false,
    }
}

/// Returns the state of a thread.
pub fn thread(ctx: &Ctx, id: &MessageId) -> Result<Option<Thread>> {
    let repo = ctx.repo()?;
    let mut rooms = store::rooms(repo, store::tip(repo)?)?;
    Ok(rooms.threads.remove(id))
}
