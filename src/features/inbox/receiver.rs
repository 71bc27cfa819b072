//! Who can be written to: the sessions of this repository, and through the hub those of every other one of this user.

use super::{
    logic::{
        heir::{self, By},
        names,
    },
    model::Peer,
    places,
};
use crate::{
    base::{
        id::SessionTag,
        text::{one_line, shell},
    },
    ctx::Ctx,
    error::{Error, Result},
    features::session::{
        logic::{Life, Unknown, life},
        model::Session,
        store::{self as session_store, ThisHost},
    },
};

/// Everybody who can be written to.
#[derive(Debug)]
pub struct Peers {
    /// Them.
    pub all: Vec<Peer>,
}

impl Peers {
    /// Reads who is here; those of other repositories only if `everywhere`.
    pub fn load(ctx: &Ctx, everywhere: bool) -> Result<Self> {
        let host = ThisHost::new();
        let now = ctx.now();
        let peer = |session: Session, elsewhere| Peer {
            dead: life(&session.record, &host, now) == Life::Dead,
            session,
            elsewhere,
        };
        let here = session_store::load_readable(ctx.repo()?)?.into_iter();
        let mut all: Vec<Peer> = here.map(|session| peer(session, false)).collect();
        if everywhere && let Some(hub) = places::hub(ctx) {
            let mine = ctx.repo()?.common_dir().display().to_string();
            let there = session_store::load_readable(hub.repo()?)?.into_iter();
            all.extend(
                there
                    .filter(|session| session.record.repo != mine)
                    .map(|session| peer(session, true)),
            );
        }
        Ok(Peers { all })
    }

    /// Returns the session with this tag.
    pub fn get(&self, tag: &SessionTag) -> Option<&Peer> {
        self.all.iter().find(|peer| peer.session.tag == *tag)
    }

    /// Tells whether a session is registered and not proved dead.
    pub fn is_there(&self, tag: &SessionTag) -> bool {
        self.get(tag).is_some_and(|peer| !peer.dead)
    }

    /// Finds the successor of a session that is gone; `area` are those that work on its paths.
    pub fn heir(&self, gone: &SessionTag, area: &[SessionTag]) -> Option<(SessionTag, By)> {
        let record = self.get(gone).map(|peer| &peer.session.record);
        let here = self.all.iter().filter(|peer| !peer.elsewhere && !peer.dead);
        let alive: Vec<&Session> = here.map(|peer| &peer.session).collect();
        heir::find(gone, record, &alive, area)
    }
}

/// Finds whom a name means; hints name `command` for each that it could mean.
pub fn find(ctx: &Ctx, name: &str, command: &dyn Fn(&SessionTag) -> String) -> Result<Peer> {
    let here = Peers::load(ctx, false)?;
    let found = match names::find(name, &here.all) {
        // Whom a name means elsewhere is looked up only if it means nobody here.
        Err(Unknown::NoSuch(_)) => {
            let peers = Peers::load(ctx, true)?;
            let found = names::find(name, &peers.all).cloned();
            return found.map_err(|unknown| explain(unknown, name, &peers, command));
        }
        found => found.cloned(),
    };
    found.map_err(|unknown| explain(unknown, name, &here, command))
}

/// Says why nobody could be found, or between whom nothing was guessed.
pub fn explain(
    unknown: Unknown,
    name: &str,
    peers: &Peers,
    command: &dyn Fn(&SessionTag) -> String,
) -> Error {
    match unknown {
        Unknown::Ambiguous(tags) => {
            let names: Vec<_> = tags.iter().map(ToString::to_string).collect();
            let error = Error::no(format!("it could be any of {}", names.join(", ")))
                .detail(serde_json::json!({ "unknown": "ambiguous", "sessions": names }));
            tags.iter()
                .take(3)
                .fold(error, |error, tag| error.hint(command(tag)))
        }
        Unknown::NoSuch(_) | Unknown::Nobody => {
            let error = Error::no(format!("no session is called {}", one_line(name, 80)))
                .detail(serde_json::json!({ "unknown": "no_such" }));
            match name.parse().ok().and_then(|tag| peers.heir(&tag, &[])) {
                Some((heir, by)) => error
                    .because(format!("it has ended; {heir} {}", by.words()))
                    .hint(command(&heir)),
                None => error.hint("git ccc who --everywhere"),
            }
        }
    }
}

/// Refuses a session that is gone and will not come back.
pub fn require_there(
    ctx: &Ctx,
    peer: &Peer,
    command: &dyn Fn(&SessionTag) -> String,
) -> Result<()> {
    let tag = &peer.session.tag;
    if !peer.dead {
        return Ok(());
    }
    if peer.can_resume() {
        ctx.ui.note(&format!(
            "{tag} is not running; it gets this when its conversation is resumed"
        ));
        return Ok(());
    }
    let error = Error::no(format!("{tag} is gone")).because("its process has ended");
    Err(match Peers::load(ctx, false)?.heir(tag, &[]) {
        Some((heir, by)) => error
            .because(format!("{heir} {}", by.words()))
            .detail(serde_json::json!({ "gone": tag, "successor": heir }))
            .hint(command(&heir)),
        None => error
            .detail(serde_json::json!({ "gone": tag }))
            .hint(format!("{} --anyway", command(tag))),
    })
}

/// Returns the command that sends a text to a session, with a placeholder for a long text.
pub fn send_command(tag: &SessionTag, text: &str) -> String {
    if text.len() <= 200 && !text.contains(char::is_control) {
        format!("git ccc send {tag} {}", shell(text))
    } else {
        format!("git ccc send {tag} TEXT")
    }
}
