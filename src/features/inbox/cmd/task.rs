//! `git ccc inbox ack`, `return` and `done`: what becomes of a task.

use super::{ReturnArgs, TaskArgs, sender};
use crate::{
    base::id::MessageId,
    ctx::Ctx,
    error::{Error, Result},
    features::{
        chat::{
            MessageView, draft,
            logic::agenda::{FOR, Stage, TASK, Task},
            model::{About, Sender, State},
        },
        inbox::{places, receiver::Peers, store, view::SentView},
    },
};

/// Runs `inbox ack`.
pub fn ack(ctx: &Ctx, args: &TaskArgs) -> Result<()> {
    let from = sender(ctx, args.me)?;
    let said = args.text.as_deref().unwrap_or("ack");
    answer(ctx, from, &args.id, (State::Ack, said, &args.commit))
}

/// Runs `inbox return`.
pub fn give_back(ctx: &Ctx, args: &ReturnArgs) -> Result<()> {
    let from = sender(ctx, false)?;
    answer(ctx, from, &args.id, (State::Counter, &args.why, &None))
}

/// Runs `inbox done`.
pub fn done(ctx: &Ctx, args: &TaskArgs) -> Result<()> {
    let from = sender(ctx, args.me)?;
    let said = args.text.as_deref().unwrap_or("done");
    answer(ctx, from, &args.id, (State::Done, said, &args.commit))
}

fn answer(
    ctx: &Ctx,
    from: Sender,
    id: &MessageId,
    (state, text, commit): (State, &str, &Option<String>),
) -> Result<()> {
    let (hub, said) = places::find(ctx, id)?;
    let place = hub.as_ref().unwrap_or(ctx);
    let mut about = About {
        state,
        room: said.message.about.room.clone(),
        ..About::default()
    };
    if let Some(rev) = commit {
        let oid = draft::commit(ctx, rev)?;
        // The hub has no such commit to keep a note of: there it is only named.
        if hub.is_none() {
            about.commit = Some(oid);
        } else {
            about.set_extra("Ccc-Done-In", oid);
        }
    }
    about = draft::answering(&said, &from, about);
    let task = store::tasks(place)?.into_iter().find(|task| task.id == *id);
    if let Some(task) = task {
        about.set_extra(TASK, task.id.to_string());
        if let Some(gone) = right(ctx, &from, &task, state)? {
            about.set_extra(FOR, gone);
        }
    } else if state == State::Counter {
        return Err(
            Error::no(format!("{id} is no task")).hint(format!("git ccc chat counter {id} WHY"))
        );
    }
    let message = draft::letter(ctx, from, text.to_owned(), about)?;
    let posted = draft::say(place, message)?;
    ctx.ui.answer(&SentView {
        message: MessageView::new(&posted.message, &posted.oid.to_string(), ctx.now()),
        known: posted.known,
        hub: hub.is_some(),
        because: None,
        instead_of: None,
    })
}

/// Checks that this sender may move the task; returns the session it is taken over from, if it is.
fn right(ctx: &Ctx, from: &Sender, task: &Task, state: State) -> Result<Option<String>> {
    let id = &task.id;
    if !task.stage.is_open() {
        let show = format!("git ccc chat read --thread {}", task.thread);
        let error = Error::no(format!("task {id} is {}", task.stage.word()));
        return Err(match (&task.why, task.stage) {
            (Some(why), Stage::Returned) => error.because(why),
            _ => error,
        }
        .hint(show));
    }
    let holds = from.session() == Some(&task.holder);
    if holds || (state == State::Done && *from == task.by) {
        return Ok(None);
    }
    let peers = Peers::load(ctx, true)?;
    if from.session().is_some() && !peers.is_there(&task.holder) {
        return Ok(Some(task.holder.to_string()));
    }
    Err(
        Error::no(format!("task {id} is on the agenda of {}", task.holder))
            .because("only its holder takes it on, returns it or does it while it is there")
            .detail(serde_json::json!({ "task": id, "holder": task.holder }))
            .hint(format!("git ccc chat read --thread {}", task.thread)),
    )
}
