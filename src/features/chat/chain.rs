//! The commits that bring messages into the room, written on top of a tip before the ref is moved.

use super::{
    logic::codec,
    model::Message,
    store::Said,
    survey::{self, Survey},
};
use crate::{
    base::time::Timestamp,
    error::{Error, Result},
    git::{
        Oid, Repo,
        notes::{self, Additions, Link, NewLink},
        objects::{self, Author},
    },
};

/// Commits that were written; they are in the room when the ref has moved to the head, or to what joins it.
#[derive(Debug)]
pub struct Chain {
    /// The messages, in order.
    pub said: Vec<Said>,
    /// The last commit.
    pub head: Oid,
    /// What it put into the tree that was not there.
    added: Additions,
}

/// Writes the commits of all messages on top of the tip, after what must be put back.
pub fn write(
    repo: &Repo,
    (tip, now): (Option<Oid>, Timestamp),
    survey: &Survey,
    messages: impl Iterator<Item = Message>,
) -> Result<Chain> {
    let link = tip.map(|tip| notes::read(repo, tip)).transpose()?;
    let mut tree = match &link {
        Some(link) => link.tree,
        None => objects::empty_tree(repo)?,
    };
    let published = not_before(now, link.as_ref());
    let mut parents: Vec<Oid> = tip.into_iter().collect();
    let mut added = survey.dropped.clone();
    tree = notes::add(repo, tree, &added)?;
    for lost in survey.abandoned() {
        let missing = notes::dropped(repo, lost.tree, tree, |_| true)?;
        tree = notes::add(repo, tree, &missing)?;
        added.merge(missing);
        let both: Vec<Oid> = parents.iter().copied().chain([lost.oid]).collect();
        let subject = "Put back what a lost swap dropped\n";
        parents = vec![merge(repo, (&both, tree), (now, published), subject)?];
    }
    let messages: Vec<Message> = messages.collect();
    let mut new = Additions::default();
    for message in &messages {
        new.merge(survey::additions(message)?);
    }
    // A note grows with what is said about one commit: it is written once for all of them, and each message says its line itself.
    let whole = notes::add(repo, tree, &new)?;
    added.merge(new);
    let mut said = Vec::new();
    let last = messages.len().saturating_sub(1);
    for (at, message) in messages.into_iter().enumerate() {
        let tree = if at == last { whole } else { tree };
        let new = NewLink {
            parents: &parents,
            tree,
            author: Author {
                name: &message.from.to_string(),
                at: message.at,
            },
            published,
            message: &codec::encode(&message),
        };
        let oid = notes::write(repo, &new)?;
        parents = vec![oid];
        said.push(Said { message, oid });
    }
    let head = parents.first().copied();
    let head = head.ok_or_else(|| Error::internal("there is nothing to publish"))?;
    Ok(Chain { said, head, added })
}

/// Joins a chain to a tip that it does not follow: one commit, however long the chain is, so that little can happen meanwhile.
pub fn join(
    repo: &Repo,
    (tip, now): (Option<Oid>, Timestamp),
    survey: &Survey,
    chain: &Chain,
) -> Result<Oid> {
    let Some(tip) = tip else {
        return Ok(chain.head);
    };
    let link = notes::read(repo, tip)?;
    let mut added = chain.added.clone();
    added.merge(survey.dropped.clone());
    let tree = notes::add(repo, link.tree, &added)?;
    let published = not_before(now, Some(&link));
    let subject = "Join what was said at the same time\n";
    merge(repo, (&[tip, chain.head], tree), (now, published), subject)
}

fn merge(
    repo: &Repo,
    (parents, tree): (&[Oid], Oid),
    (at, published): (Timestamp, Timestamp),
    message: &str,
) -> Result<Oid> {
    let author = Author {
        name: "git-ccc",
        at,
    };
    let new = NewLink {
        parents,
        tree,
        author,
        published,
        message,
    };
    notes::write(repo, &new)
}

/// Along our commits the time at which they were published never goes back.
fn not_before(now: Timestamp, tip: Option<&Link>) -> Timestamp {
    let before = tip.and_then(|link| Timestamp::from_unix(link.published));
    before.map_or(now, |before| before.max(now))
}
