//! `git ccc inbox`: what is addressed to this session.

use super::{InboxArgs, InboxCommand, task};
use crate::{
    base::id::{MessageId, SessionTag},
    ctx::Ctx,
    error::Result,
    features::{
        chat::{
            MessageView, error::unknown, logic::unread::Lane, model::Sender, reader::Proof,
            store::Said,
        },
        inbox::{
            model::Sent,
            places::{self, Letter, Wish},
            receiver::Peers,
            store,
            view::{Agenda, ReceiptList, ReceiptView, TaskView},
        },
        session::store as session_store,
    },
};

/// Runs `inbox`.
pub fn inbox(ctx: &Ctx, args: &InboxArgs) -> Result<()> {
    match &args.command {
        Some(InboxCommand::Ack(args)) => return task::ack(ctx, args),
        Some(InboxCommand::Return(args)) => return task::give_back(ctx, args),
        Some(InboxCommand::Done(args)) => return task::done(ctx, args),
        None => {}
    }
    let session = session_store::current(ctx)?.tag;
    if args.tasks {
        return agenda(ctx, &session);
    }
    if args.sent {
        let mut sent = sent(ctx, &Sender::Session(session))?;
        sent.drain(..sent.len().saturating_sub(args.limit));
        return show_sent(ctx, &sent);
    }
    let wish = Wish {
        lanes: &Lane::ADDRESSED,
        limit: args.limit,
    };
    let (count, more) = if args.all {
        let said = everything(ctx, &session, args.limit)?;
        show(ctx, said.iter())?;
        (said.len(), false)
    } else if args.peek {
        let (letters, more) = places::waiting(ctx, &session, wish)?;
        show(ctx, letters.iter().map(|letter| &letter.said))?;
        (letters.len(), more)
    } else {
        places::take(ctx, (&session, Proof::Seen), wish, &mut |letters| {
            show(ctx, letters.iter().map(|letter: &Letter| &letter.said))
        })?
    };
    if more {
        ctx.ui.note("there is more: git ccc inbox");
    } else if count == 0 {
        ctx.ui.note("nothing new");
    }
    Ok(())
}

fn show<'s>(ctx: &Ctx, said: impl Iterator<Item = &'s Said>) -> Result<bool> {
    let now = ctx.now();
    let views: Vec<MessageView> = said
        .map(|said| MessageView::new(&said.message, &said.oid.to_string(), now))
        .collect();
    ctx.ui.deliver(&views)
}

fn everything(ctx: &Ctx, session: &SessionTag, limit: usize) -> Result<Vec<Said>> {
    let mut said = store::addressed(ctx, session, limit)?;
    if let Some(hub) = places::hub_of(ctx, session) {
        said.extend(store::addressed(&hub, session, limit)?);
        said.sort_by_key(|said| (said.message.at, said.message.id.clone()));
        said.drain(..said.len().saturating_sub(limit));
    }
    Ok(said)
}

/// What was sent here and through the hub.
fn sent(ctx: &Ctx, from: &Sender) -> Result<Vec<Sent>> {
    let mut sent = store::sent(ctx, from)?;
    if let Some(hub) = places::hub(ctx) {
        sent.extend(store::sent(&hub, from)?);
        sent.sort_by_key(|sent| (sent.message.at, sent.message.id.clone()));
    }
    Ok(sent)
}

fn show_sent(ctx: &Ctx, sent: &[Sent]) -> Result<()> {
    let now = ctx.now();
    ctx.ui.answer(&ReceiptList {
        sent: sent
            .iter()
            .map(|sent| ReceiptView::new(sent, now))
            .collect(),
    })
}

/// Runs `send --status`.
pub fn status(ctx: &Ctx, id: &MessageId) -> Result<()> {
    let (_, said) = places::find(ctx, id)?;
    let mut sent = sent(ctx, &said.message.from)?;
    sent.retain(|sent| sent.message.id == *id);
    if sent.is_empty() {
        return Err(unknown(id.as_str()).because("it is addressed to no session"));
    }
    show_sent(ctx, &sent)
}

fn agenda(ctx: &Ctx, session: &SessionTag) -> Result<()> {
    let mut tasks = store::tasks(ctx)?;
    if let Some(hub) = places::hub(ctx) {
        tasks.extend(store::tasks(&hub)?);
    }
    tasks.sort_by_key(|task| (task.due.is_none(), task.due, task.given, task.id.clone()));
    let peers = Peers::load(ctx, true)?;
    let now = ctx.now();
    let (mut mine, mut given) = (Vec::new(), Vec::new());
    for task in tasks {
        let inherits = || {
            !peers.is_there(&task.holder)
                && peers
                    .heir(&task.holder, &[])
                    .is_some_and(|(heir, _)| heir == *session)
        };
        if task.stage.is_open() && task.holder == *session {
            mine.push(TaskView::new(task, false, now));
        } else if task.stage.is_open() && inherits() {
            mine.push(TaskView::new(task, true, now));
        } else if task.by.session() == Some(session) && task.commit.is_none() && !is_done(&task) {
            given.push(TaskView::new(task, false, now));
        }
    }
    ctx.ui.answer(&Agenda { tasks: mine, given })
}

fn is_done(task: &crate::features::chat::logic::agenda::Task) -> bool {
    task.stage == crate::features::chat::logic::agenda::Stage::Done
}
