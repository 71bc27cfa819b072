//! What happened to the room since our last write: which messages came, what stock commands dropped or left aside.

use super::{logic::codec, model::Message, spool::Published};
use crate::{
    base::id::MessageId,
    error::{Context, Kind, Result},
    git::{
        Oid, Repo,
        history::{self, Bound},
        notes::{self, Additions, CHAT, Link},
        refs,
    },
};
use std::collections::BTreeSet;

/// For a lost swap, at most so many commits are looked at.
const SURVEY: usize = 2000;
/// So many commits are looked at when nothing says what we wrote last.
const GUESSED: usize = 64;
/// At most so many trees of merges are compared with the newest one.
const COMPARED: usize = 100;

/// What happened since the last write.
#[derive(Debug)]
pub struct Survey {
    /// What the last writer left.
    pub published: Published,
    /// This try puts back what was dropped.
    pub restoring: bool,
    /// The last tip of ours is behind what was looked at.
    joined: bool,
    /// What a writer who died may have swapped in.
    left: Option<Oid>,
    /// Up to here it was looked at.
    upto: Option<Oid>,
    /// Messages that are in the room since then.
    pub known: BTreeSet<MessageId>,
    /// Commits whose trees have lines of ours that the tip should have too.
    whole: Vec<Oid>,
    /// What the messages since then put into the tree.
    added: Additions,
    /// What stock commands dropped from the tree.
    pub dropped: Additions,
    /// A commit that a lost swap left behind.
    pub abandoned: Option<Link>,
}

impl Survey {
    /// Begins where the last writer left off.
    pub fn new(published: Published) -> Self {
        Survey {
            restoring: true,
            joined: published.tip == published.whole,
            left: published.pending,
            upto: published.whole,
            whole: published.whole.into_iter().collect(),
            published,
            known: BTreeSet::new(),
            added: Additions::default(),
            dropped: Additions::default(),
            abandoned: None,
        }
    }

    /// Looks at what is new; a lost swap looks only at what came since the last look.
    pub fn advance(&mut self, repo: &Repo, tip: Option<Oid>) -> Result<()> {
        let Some(tip) = tip else {
            return Ok(());
        };
        let known = |oid: &Oid| repo.gix().has_object(*oid);
        let links = match self.upto.filter(known) {
            Some(last) if last == tip => Vec::new(),
            Some(last) => {
                let links = history::span(repo, tip, &[Bound::At(last)], usize::MAX)?.links;
                self.joined &= links.iter().any(|link| link.parents.contains(&last));
                links
            }
            None => history::newest(repo, Some(tip))
                .take(GUESSED)
                .collect::<Result<_>>()?,
        };
        for link in &links {
            self.look_at(link);
        }
        self.upto = Some(tip);
        self.dropped = Additions::default();
        if self.restoring {
            self.compare(repo, tip)?;
        }
        self.abandoned = match self.published.tip.filter(known) {
            Some(ours) if !self.joined => beside(repo, tip, ours)?,
            _ => None,
        };
        if let (None, Some(left)) = (&self.abandoned, self.left.filter(known)) {
            self.abandoned = beside(repo, tip, left)?;
        }
        if self.abandoned.is_none() {
            self.abandoned = abandoned(repo, tip, &self.known)?;
        }
        Ok(())
    }

    /// Finds what the tip lacks of what messages said and of the trees that had all lines of ours.
    fn compare(&mut self, repo: &Repo, tip: Oid) -> Result<()> {
        let now = notes::read(repo, tip)?.tree;
        for oid in self.whole.iter().filter(|oid| repo.gix().has_object(**oid)) {
            let then = notes::read(repo, *oid)?.tree;
            if then != now {
                let dropped = notes::dropped(repo, then, now, codec::is_note_line)?;
                self.dropped.merge(dropped);
            }
        }
        // Trees grow with the room, and one of them for each message would be read: what a message added, it says itself.
        self.dropped.merge(notes::missing(repo, now, &self.added)?);
        Ok(())
    }

    /// Each side of a merge has all of our lines in its tree.
    fn look_at(&mut self, link: &Link) {
        if let Some(message) = codec::decode(&link.author, link.at, &link.message) {
            // What names no object was not written by us.
            if let Ok(added) = additions(&message) {
                self.added.merge(added);
            }
            self.known.insert(message.id);
        } else if link.parents.len() != 1 {
            self.whole.extend(&link.parents);
        }
        self.whole.truncate(COMPARED);
    }
}

/// Returns what a message puts into the tree beside its commit.
pub fn additions(message: &Message) -> Result<Additions> {
    let oid = |hex: &str| {
        Oid::from_hex(hex.as_bytes()).context(Kind::Internal, || format!("{hex} is no object id"))
    };
    let mut additions = Additions::default();
    if let Some(commit) = &message.about.commit {
        additions
            .lines
            .push((oid(commit)?, codec::note_line(message)));
    }
    for attachment in &message.about.attachments {
        additions.attachments.push(oid(&attachment.blob)?);
    }
    Ok(additions)
}

/// Returns the last tip of ours if the present one has left it aside.
fn beside(repo: &Repo, tip: Oid, ours: Oid) -> Result<Option<Link>> {
    let links = history::span(repo, tip, &[Bound::At(ours)], usize::MAX)?.links;
    // Nothing beside it: the ref was set back. A parent: it is behind the tip.
    let aside = !links.is_empty() && !links.iter().any(|link| link.parents.contains(&ours));
    aside.then(|| notes::read(repo, ours)).transpose()
}

/// Finds a commit that git's own swap dropped: in the reflog, a line does not begin where the one before it ended.
fn abandoned(repo: &Repo, tip: Oid, known: &BTreeSet<MessageId>) -> Result<Option<Link>> {
    let Some((lost, before)) = refs::broken_reflog(repo, CHAT) else {
        return Ok(None);
    };
    if !repo.gix().has_object(lost) {
        return Ok(None);
    }
    let lost = notes::read(repo, lost)?;
    let message = codec::decode(&lost.author, lost.at, &lost.message);
    if message.is_some_and(|message| known.contains(&message.id)) {
        return Ok(None);
    }
    for link in history::newest(repo, Some(tip)).take(SURVEY) {
        let link = link?;
        let same = codec::decode(&link.author, link.at, &link.message).is_some_and(|message| {
            lost.message
                .contains(&format!("Ccc-Message: {}\n", message.id))
        });
        if link.oid == lost.oid || same {
            return Ok(None);
        }
        if link.oid == before {
            break;
        }
    }
    Ok(Some(lost))
}
