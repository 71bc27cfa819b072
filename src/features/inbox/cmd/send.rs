//! `git ccc send`: a letter to one session.

use super::{SendArgs, inbox, sender, text};
use crate::{
    base::id::{RoomName, SessionTag},
    ctx::Ctx,
    error::{Error, Result},
    features::{
        chat::{
            MessageView, draft,
            logic::{
                agenda::{DUE, TASK},
                traffic,
            },
            model::{About, Message, Priority, State, To},
            publish::Posted,
        },
        inbox::{pane, places, receiver, view::SentView},
    },
};

/// Runs `send`.
pub fn send(ctx: &Ctx, args: &SendArgs) -> Result<()> {
    if let Some(id) = &args.status {
        return inbox::status(ctx, id);
    }
    let name = args.to.as_deref().unwrap_or_default();
    let from = sender(ctx, args.me)?;
    let said = text(args.text.as_ref(), args.stdin)?;
    let command = |tag: &SessionTag| receiver::send_command(tag, &said);
    let peer = receiver::find(ctx, name, &command)?;
    if !args.anyway {
        receiver::require_there(ctx, &peer, &command)?;
    }
    if from.session() == Some(&peer.session.tag) {
        return Err(Error::usage("a session does not write to itself").hint("git ccc who"));
    }
    let mut about = About {
        room: RoomName::mail(),
        to: vec![To::Session(peer.session.tag.clone())],
        priority: Some(args.priority),
        paths: args.path.clone(),
        ..About::default()
    };
    if let Some(id) = &args.reply_to {
        let (_, answered) = places::find(ctx, id)?;
        about.thread = Some(answered.message.thread().clone());
        about.reply_to = Some(id.clone());
        let hop = traffic::next_hop(&answered.message, &from);
        if hop > 0 {
            about.set_extra(traffic::HOP, hop.to_string());
        }
    }
    let mut message = draft::letter(ctx, from, said, about)?;
    if args.task {
        message.about.state = State::Proposal;
        message
            .about
            .set_extra(TASK, message.id.as_str().to_owned());
        if let Some(due) = args.due {
            message
                .about
                .set_extra(DUE, due.after(ctx.now()).to_string());
        }
    }
    let (posted, hub) = deliver(ctx, message, peer.elsewhere)?;
    ctx.ui.answer(&SentView {
        message: MessageView::new(&posted.message, &posted.oid.to_string(), ctx.now()),
        known: posted.known,
        hub,
        because: None,
        instead_of: None,
    })
}

/// Sends a session that is there what a person typed at a terminal, and tells what became of it.
pub fn question(ctx: &Ctx, to: &SessionTag, said: &str) -> Result<String> {
    // A person may sit in a session's worktree and is not that session.
    let from = sender(ctx, true).or_else(|_| sender(ctx, false))?;
    let command = |tag: &SessionTag| receiver::send_command(tag, said);
    let peer = receiver::find(ctx, to.as_str(), &command)?;
    receiver::require_there(ctx, &peer, &command)?;
    if from.session() == Some(to) {
        return Err(Error::usage("a session does not write to itself"));
    }
    let about = About {
        room: RoomName::mail(),
        to: vec![To::Session(to.clone())],
        priority: Some(Priority::Next),
        ..About::default()
    };
    let message = draft::letter(ctx, from, said.to_owned(), about)?;
    let (posted, _) = deliver(ctx, message, peer.elsewhere)?;
    Ok(format!("{} is sent to {to}", posted.message.id))
}

/// Posts here or in the hub, and tells where.
pub fn deliver(ctx: &Ctx, message: Message, elsewhere: bool) -> Result<(Posted, bool)> {
    let hub = if elsewhere {
        let none = || Error::setup("this user has no home for the hub").hint("git ccc doctor");
        Some(places::hub_to_write(ctx)?.ok_or_else(none)?)
    } else {
        None
    };
    let place = hub.as_ref().unwrap_or(ctx);
    let posted = draft::say(place, message)?;
    pane::wake(place, &posted.message);
    Ok((posted, elsewhere))
}
