//! `git ccc ask`: a question to the session that knows.

use super::{AskArgs, send::deliver, sender, text};
use crate::{
    base::id::{RoomName, SessionTag},
    ctx::Ctx,
    error::{Error, Result},
    features::{
        chat::{
            MessageView, draft,
            model::{About, State, To},
        },
        claim,
        inbox::{
            logic::{
                names,
                route::{self, Route, Tie},
            },
            receiver::{self, Peers},
            ties,
            view::SentView,
        },
    },
};

/// Runs `ask`.
pub fn ask(ctx: &Ctx, args: &AskArgs) -> Result<()> {
    let from = sender(ctx, args.me)?;
    let question = text(args.text.as_ref(), args.stdin)?;
    let (route, path) = match (&args.to, &args.path) {
        (Some(name), _) => (Some(named(ctx, name)?), None),
        (None, Some(path)) => {
            let scopes = claim::resolve_all(ctx, std::slice::from_ref(path))?;
            let peers = Peers::load(ctx, false)?;
            let ties = ties::of(ctx, &scopes)?;
            let heir = |gone: &SessionTag| {
                let area: Vec<SessionTag> =
                    ties.holds.iter().chain(&ties.committed).cloned().collect();
                peers.heir(gone, &area)
            };
            let there = |tag: &SessionTag| peers.is_there(tag);
            let route = route::decide(&ties, from.session(), there, heir);
            let path = scopes.first().map(ToString::to_string);
            (route.map(|route| (route, false)), path)
        }
        (None, None) => return Err(Error::usage("whom to ask is said by --path or --to")),
    };
    tell(ctx, route.as_ref(), path.as_deref());
    let elsewhere = route.as_ref().is_some_and(|(_, elsewhere)| *elsewhere);
    let route = route.map(|(route, _)| route);
    let about = About {
        state: State::Question,
        room: match &route {
            // An open question is everybody's, and so is what a path's holder is asked.
            None => RoomName::main(),
            Some(_) => RoomName::mail(),
        },
        to: route
            .iter()
            .map(|route| To::Session(route.to.clone()))
            .collect(),
        priority: route.is_some().then_some(args.priority),
        paths: path.into_iter().collect(),
        ..About::default()
    };
    let message = draft::letter(ctx, from, question, about)?;
    let view = |message: &MessageView, known, hub| SentView {
        message: message.clone(),
        known,
        hub,
        because: route.as_ref().map(|route| route.tie.words()),
        instead_of: route
            .as_ref()
            .and_then(|route| Some(route.instead_of.as_ref()?.0.to_string())),
    };
    if args.dry_run {
        let message = MessageView::new(&message, "", ctx.now());
        return ctx.ui.answer(&view(&message, false, elsewhere));
    }
    let (posted, hub) = deliver(ctx, message, elsewhere)?;
    let message = MessageView::new(&posted.message, &posted.oid.to_string(), ctx.now());
    ctx.ui.answer(&view(&message, posted.known, hub))
}

/// Finds the session that a name, or words, fit best.
fn named(ctx: &Ctx, name: &str) -> Result<(Route, bool)> {
    let peers = Peers::load(ctx, true)?;
    let command = |tag: &SessionTag| format!("git ccc ask --to {tag} TEXT");
    let peer = names::best(name, &peers.all)
        .map_err(|unknown| receiver::explain(unknown, name, &peers, &command))?;
    let tag = &peer.session.tag;
    let mut route = Route {
        to: tag.clone(),
        tie: Tie::Named,
        instead_of: None,
    };
    if peer.dead
        && !peer.can_resume()
        && let Some((heir, by)) = peers.heir(tag, &[])
    {
        route.instead_of = Some((tag.clone(), by));
        route.to = heir;
        return Ok((route, false));
    }
    receiver::require_there(ctx, peer, &command)?;
    Ok((route, peer.elsewhere))
}

fn tell(ctx: &Ctx, route: Option<&(Route, bool)>, path: Option<&str>) {
    let Some((route, _)) = route else {
        let path = path.unwrap_or_default();
        ctx.ui.note(&format!(
            "nobody who is there has had to do with {path}: the question is open to all in the room"
        ));
        return;
    };
    match &route.instead_of {
        Some((gone, by)) if route.tie == Tie::Named => ctx.ui.note(&format!(
            "{gone} is gone; asking {}, which {}",
            route.to,
            by.words()
        )),
        Some((gone, by)) => ctx.ui.note(&format!(
            "{gone} {} and is gone; asking {}, which {}",
            route.tie.words(),
            route.to,
            by.words()
        )),
        None => ctx
            .ui
            .note(&format!("asking {}, which {}", route.to, route.tie.words())),
    }
}
