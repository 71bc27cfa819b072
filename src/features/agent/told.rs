//! What a person is told of a conversation: that it waits for an answer, that its turn has ended.

use super::model::Input;
use crate::{base::id::SessionTag, ctx::Ctx, features::notify};

/// Tells what the agent would have its user know, if it waits for that; an idle timer is nothing.
pub fn notification(ctx: &Ctx, input: &Input, session: &SessionTag) {
    let kind = input.notification.as_deref();
    if let Some(kind) = kind.and_then(notify::Kind::of_agent) {
        let text = input.message.clone().unwrap_or_default();
        tell(ctx, input, session, (kind, text));
    }
}

/// Tells that a tool waits for leave to run.
pub fn permission(ctx: &Ctx, input: &Input, session: &SessionTag) {
    let tool = input.tool.as_deref().unwrap_or("a tool");
    let text = format!("{tool} waits for your leave to run");
    tell(ctx, input, session, (notify::Kind::InputNeeded, text));
}

/// Tells that a turn has ended and nothing keeps it going.
pub fn finished(ctx: &Ctx, input: &Input, session: &SessionTag) {
    // What the agent said last may hold anything: the person reads it where it was said.
    let text = "its turn has ended".to_owned();
    tell(ctx, input, session, (notify::Kind::Finished, text));
}

fn tell(ctx: &Ctx, input: &Input, session: &SessionTag, (kind, text): (notify::Kind, String)) {
    // Agents give these no id. The same hook may stand in two of their settings files; a turn takes longer than a second.
    let conversation = input.conversation.as_deref().unwrap_or_default();
    let event = notify::Event {
        id: format!("{conversation} {}", ctx.now()),
        kind,
        from: session.to_string(),
        repo: ctx.repo().map(crate::git::Repo::name).unwrap_or_default(),
        text,
    };
    notify::send(ctx, &event);
}
