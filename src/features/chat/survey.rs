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
/// The clocks of those who share a repository differ by fewer seconds, mostly; else a commit is merged that was there.
const SKEW: i64 = 10;
/// So many commits are looked at when nothing says what we wrote last.
const GUESSED: usize = 64;
/// At most so many trees of merges are compared with the newest one.
const COMPARED: usize = 100;

/// What happened since the last write.
#[derive(Debug)]
pub struct Survey {
    /// What the last writer left.
    pub published: Published,
    /// Up to here it was looked at: its tree, and what that lacked, stand for all before it.
    upto: Option<Oid>,
    /// Messages that are in the room since then.
    pub known: BTreeSet<MessageId>,
    /// Sides of merges, whose trees have lines of ours that the tip should have too; not compared yet.
    sides: Vec<Oid>,
    /// What messages put into the tree that were not compared yet.
    added: Additions,
    /// What the tree of the tip lacks, for stock commands dropped it.
    pub dropped: Additions,
    /// The last tip of ours, and what a writer who died may have swapped in.
    expected: Vec<Expected>,
    /// What git's own swap dropped.
    lost: Option<Expected>,
}

/// A commit that should be behind the tip.
#[derive(Debug)]
struct Expected {
    oid: Oid,
    place: Place,
    /// What it and those before it put into the tree is looked for.
    wanted: bool,
}

/// Where a commit is; finding out can mean a long walk, so it is kept from one try to the next.
#[derive(Debug)]
enum Place {
    Unknown,
    Behind,
    Aside(Box<Link>),
}

impl Expected {
    fn new(oid: Oid, place: Place) -> Self {
        Expected {
            oid,
            place,
            wanted: false,
        }
    }

    /// Brings the place up to what is new; `grown` says that the tip follows the one before.
    fn settle(
        &mut self,
        (new, grown): (&[Link], bool),
        find: impl FnOnce(Oid) -> Result<Option<Link>>,
    ) -> Result<()> {
        let joins = || new.iter().any(|link| link.parents.contains(&self.oid));
        self.place = match &self.place {
            Place::Behind if grown => return Ok(()),
            Place::Aside(_) if grown && !joins() => return Ok(()),
            Place::Aside(_) if grown => Place::Behind,
            _ => match find(self.oid)? {
                Some(link) => Place::Aside(Box::new(link)),
                None => Place::Behind,
            },
        };
        Ok(())
    }
}

impl Survey {
    /// Begins where the last writer left off.
    pub fn new(published: Published) -> Self {
        let place = |behind| {
            if behind {
                Place::Behind
            } else {
                Place::Unknown
            }
        };
        let known = published.tip == published.whole;
        let ours = published.tip.map(|oid| Expected::new(oid, place(known)));
        let left = published.pending;
        let left = left.map(|oid| Expected::new(oid, Place::Unknown));
        Survey {
            upto: published.whole,
            sides: Vec::new(),
            published,
            known: BTreeSet::new(),
            added: Additions::default(),
            dropped: Additions::default(),
            expected: ours.into_iter().chain(left).collect(),
            lost: None,
        }
    }

    /// Looks at what is new; a lost swap looks only at what came since the last look.
    pub fn advance(&mut self, repo: &Repo, tip: Option<Oid>) -> Result<()> {
        let Some(tip) = tip else {
            return Ok(());
        };
        let known = |oid: &Oid| repo.gix().has_object(*oid);
        let (links, grown) = match self.upto.filter(known) {
            Some(last) if last == tip => (Vec::new(), true),
            Some(last) => {
                let links = history::span(repo, tip, &[Bound::At(last)], usize::MAX)?.links;
                let grown = links.iter().any(|link| link.parents.contains(&last));
                (links, grown)
            }
            None => {
                // A room that began with a message of ours has been whole at no time yet: then all of it is looked at.
                let ours = self.published.tip.is_some();
                let count = if ours { usize::MAX } else { GUESSED };
                let links = history::newest(repo, Some(tip)).take(count);
                (links.collect::<Result<_>>()?, false)
            }
        };
        for link in &links {
            self.look_at(link);
        }
        self.expected.retain(|expected| known(&expected.oid));
        for expected in &mut self.expected {
            expected.settle((&links, grown), |ours| beside(repo, tip, ours))?;
        }
        self.find_lost(repo, tip, (&links, grown))?;
        self.compare(repo, tip)
    }

    /// Returns the commits that have been left aside.
    pub fn abandoned(&self) -> impl Iterator<Item = &Link> {
        let all = self.expected.iter().chain(&self.lost);
        all.filter_map(|expected| match &expected.place {
            Place::Aside(link) => Some(&**link),
            Place::Unknown | Place::Behind => None,
        })
    }

    /// Looks at the reflog: what it shows as lost should be behind the tip too.
    fn find_lost(&mut self, repo: &Repo, tip: Oid, (new, grown): (&[Link], bool)) -> Result<()> {
        let broken = refs::broken_reflog(repo, CHAT);
        let lost = broken.map(|(lost, _)| lost);
        let Some(oid) = lost.filter(|lost| repo.gix().has_object(*lost)) else {
            self.lost = None;
            return Ok(());
        };
        let lost = self.lost.take().filter(|lost| lost.oid == oid);
        let mut lost = lost.unwrap_or_else(|| Expected::new(oid, Place::Unknown));
        lost.settle((new, grown), |lost| {
            dropped_by_swap(repo, tip, lost, &self.known)
        })?;
        self.lost = Some(lost);
        Ok(())
    }

    /// Finds what the tip lacks of what messages put into the tree and of the trees that had all lines of ours.
    ///
    /// Only with what is new: else a try would take the longer the more were lost before it.
    fn compare(&mut self, repo: &Repo, tip: Oid) -> Result<()> {
        let now = notes::read(repo, tip)?.tree;
        let mut dropped = Additions::default();
        for oid in self
            .upto
            .replace(tip)
            .into_iter()
            .chain(std::mem::take(&mut self.sides))
        {
            if !repo.gix().has_object(oid) {
                continue;
            }
            let then = notes::read(repo, oid)?.tree;
            if then != now {
                dropped.merge(notes::dropped(repo, then, now, codec::is_note_line)?);
            }
        }
        // Trees grow with the room, and one of them for each message would be read: what a message added, it says itself.
        let mut wanted = std::mem::take(&mut self.dropped);
        wanted.merge(std::mem::take(&mut self.added));
        for aside in self.expected.iter_mut().chain(&mut self.lost) {
            if aside.wanted || !matches!(aside.place, Place::Aside(_)) {
                continue;
            }
            for link in history::span(repo, aside.oid, &[Bound::At(tip)], usize::MAX)?.links {
                wanted.merge(added_by(&link).unwrap_or_default());
            }
            aside.wanted = true;
        }
        dropped.merge(notes::missing(repo, now, &wanted)?);
        self.dropped = dropped;
        Ok(())
    }

    /// Each side of a merge has all of our lines in its tree.
    fn look_at(&mut self, link: &Link) {
        if let Some(message) = codec::decode(&link.author, link.at, &link.message) {
            self.added.merge(added_by(link).unwrap_or_default());
            self.known.insert(message.id);
        } else if link.parents.len() != 1 {
            self.sides.extend(&link.parents);
        }
        self.sides.truncate(COMPARED);
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

/// Returns the same of a commit of the room; one that is no message, or names what is no object, adds nothing.
fn added_by(link: &Link) -> Option<Additions> {
    let message = codec::decode(&link.author, link.at, &link.message)?;
    additions(&message).ok()
}

/// Returns the last tip of ours if the present one has left it aside.
fn beside(repo: &Repo, tip: Oid, ours: Oid) -> Result<Option<Link>> {
    let links = history::span(repo, tip, &[Bound::At(ours)], usize::MAX)?.links;
    // Nothing beside it: the ref was set back. A parent: it is behind the tip.
    let aside = !links.is_empty() && !links.iter().any(|link| link.parents.contains(&ours));
    aside.then(|| notes::read(repo, ours)).transpose()
}

/// Returns a commit that the reflog shows as lost, because a line does not begin where the one before it ended, unless it
/// or its message is in the room: a git that was killed leaves out its line too.
fn dropped_by_swap(
    repo: &Repo,
    tip: Oid,
    lost: Oid,
    known: &BTreeSet<MessageId>,
) -> Result<Option<Link>> {
    let lost = notes::read(repo, lost)?;
    let id =
        |link: &Link| codec::decode(&link.author, link.at, &link.message).map(|message| message.id);
    let said = id(&lost);
    if said.as_ref().is_some_and(|said| known.contains(said)) {
        return Ok(None);
    }
    for link in history::newest(repo, Some(tip)).take(SURVEY) {
        let link = link?;
        let same = said.is_some() && id(&link) == said;
        if link.oid == lost.oid || link.parents.contains(&lost.oid) || same {
            return Ok(None);
        }
        // What follows it was published after it, by about the same clock.
        if link.published < lost.published - SKEW {
            break;
        }
    }
    Ok(Some(lost))
}
