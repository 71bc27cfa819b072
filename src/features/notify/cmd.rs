//! `git ccc notify`: plumbing for hooks and scripts, and the way to try one's settings.

use super::{
    model::{Event, Kind, Outcome},
    store,
    view::Told,
};
use crate::{ctx::Ctx, error::Result, features::session::store as sessions};
use clap::Args;

/// Arguments of `notify`.
#[derive(Debug, Args)]
pub struct NotifyArgs {
    /// What happened: mention, input_needed, finished, broken_claim
    #[arg(value_name = "KIND", required_unless_present = "agent_type")]
    kind: Option<Kind>,
    /// What to say
    #[arg(long, short = 'm', value_name = "TEXT", default_value = "")]
    message: String,
    /// What an agent calls its notification, such as permission_prompt; an idle timer is no alarm
    #[arg(long, value_name = "TYPE", conflicts_with = "kind")]
    agent_type: Option<String>,
    /// The same for the same thing: it is told once (default: new each time)
    #[arg(long)]
    id: Option<String>,
}

/// Runs `notify`.
pub fn run(ctx: &Ctx, args: &NotifyArgs) -> Result<()> {
    let named = args.agent_type.as_deref().and_then(Kind::of_agent);
    let Some(kind) = args.kind.or(named) else {
        let outcome = Outcome::Unwanted;
        return ctx.ui.answer(&Told { outcome });
    };
    let repo = ctx.repo()?;
    // It is only a name to show: where several could be meant, none is.
    let from = match sessions::current_if_any(ctx).ok().flatten() {
        Some(session) => session.tag.to_string(),
        None => repo
            .config("user.name")
            .unwrap_or_else(|| "somebody".to_owned()),
    };
    let event = Event {
        id: args.id.clone().unwrap_or_else(|| ctx.dice.hex(8)),
        kind,
        from,
        repo: repo.name(),
        text: args.message.clone(),
    };
    let outcome = store::try_send(ctx, &event)?;
    ctx.ui.answer(&Told { outcome })
}
