//! Reading what was sent and what became of it, and whose tasks are whose.

use super::{
    logic::receipts,
    model::{Receipt, Sent},
};
use crate::{
    base::{
        id::{MessageId, SessionTag},
        time::Timestamp,
    },
    ctx::Ctx,
    error::Result,
    features::{
        chat::{
            logic::agenda::Task,
            model::{Message, Sender, To},
            reader::Standing,
            store::{self, Said, Selection},
        },
        session::store as session_store,
    },
};
use std::collections::HashMap;

/// What was sent is looked for so many seconds back.
const BACK: i64 = 14 * 86_400;
/// So many messages are looked through.
const LOOKED_AT: usize = 5000;

/// Returns what a sender has sent in one room, and how far it came, oldest first.
pub fn sent(ctx: &Ctx, from: &Sender) -> Result<Vec<Sent>> {
    let repo = ctx.repo()?;
    let selection = Selection {
        after: None,
        since: Timestamp::from_unix(ctx.now().unix() - BACK),
        limit: LOOKED_AT,
    };
    let said = store::recent(repo, store::tip(repo)?, &selection, |_| true)?;
    let mut standings: HashMap<&SessionTag, Option<Standing>> = HashMap::new();
    for message in said.iter().filter(|said| said.message.from == *from) {
        for to in &message.message.about.to {
            if let To::Session(tag) = to
                && !standings.contains_key(tag)
            {
                let loaded = session_store::load(repo, tag)?;
                let standing = loaded
                    .map(|(session, _)| Standing::load(repo, &session.record, LOOKED_AT))
                    .transpose()?;
                standings.insert(tag, standing);
            }
        }
    }
    let places: HashMap<&MessageId, &Said> =
        said.iter().map(|said| (&said.message.id, said)).collect();
    let marked = |message: &Message, to: &SessionTag| {
        // Of a session that has ended nothing is known but what it answered.
        let standing = standings.get(to).and_then(Option::as_ref);
        match standing.zip(places.get(&message.id)) {
            Some((standing, said)) => match standing.of(said, to) {
                (true, true) => Receipt::Seen,
                (true, false) => Receipt::Offered,
                (false, _) => Receipt::Stored,
            },
            None => Receipt::Stored,
        }
    };
    let messages: Vec<Message> = said.iter().map(|said| said.message.clone()).collect();
    Ok(receipts::derive(&messages, from, marked))
}

/// Returns the tasks of a room.
pub fn tasks(ctx: &Ctx) -> Result<Vec<Task>> {
    let repo = ctx.repo()?;
    let rooms = store::rooms(repo, store::tip(repo)?)?;
    Ok(rooms.tasks.into_values().collect())
}

/// Returns the addressed messages of a session, whether it has seen them or not, newest `limit` of them, oldest first.
pub fn addressed(ctx: &Ctx, tag: &SessionTag, limit: usize) -> Result<Vec<Said>> {
    let repo = ctx.repo()?;
    let selection = Selection {
        after: None,
        since: Timestamp::from_unix(ctx.now().unix() - BACK),
        limit,
    };
    store::recent(repo, store::tip(repo)?, &selection, |message| {
        message.is_for(tag) && message.from.session() != Some(tag)
    })
}
