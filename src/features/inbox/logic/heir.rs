//! Who follows a session that is gone: in its worktree, under its name, or in its area.

use crate::{
    base::id::SessionTag,
    features::session::model::{Session, SessionRecord},
};

/// Why a session is taken for the successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// It works in the same worktree.
    Worktree,
    /// It has the same name.
    Name,
    /// It holds or changed the same paths.
    Area,
}

impl By {
    /// Says it in words.
    pub fn words(self) -> &'static str {
        match self {
            By::Worktree => "works in its worktree",
            By::Name => "has its name",
            By::Area => "works on its paths",
        }
    }
}

/// Finds the successor of a session; `alive` are the sessions that may be it, `area` those that work on its paths,
/// the one to ask first at the beginning.
///
/// In one worktree several sessions can work: then the one with the same name, else the only one, else whoever works on
/// its paths.
pub fn find(
    gone: &SessionTag,
    record: Option<&SessionRecord>,
    alive: &[&Session],
    area: &[SessionTag],
) -> Option<(SessionTag, By)> {
    let others = || alive.iter().filter(|session| session.tag != *gone);
    let same_name = |session: &&&Session| {
        session.tag.slug() == gone.slug()
            || record.is_some_and(|record| session.record.name == record.name)
    };
    let worktree = record.and_then(|record| record.worktree.as_ref());
    let beside =
        |session: &&&Session| worktree.is_some() && session.record.worktree.as_ref() == worktree;
    let only = |mut all: Vec<&&Session>, by: By| {
        let one = (all.len() == 1).then(|| all.remove(0))?;
        Some((one.tag.clone(), by))
    };
    only(
        others().filter(beside).filter(same_name).collect(),
        By::Worktree,
    )
    .or_else(|| only(others().filter(same_name).collect(), By::Name))
    .or_else(|| only(others().filter(beside).collect(), By::Worktree))
    .or_else(|| {
        let here = |tag: &&SessionTag| others().any(|session| session.tag == **tag);
        area.iter().find(here).map(|tag| (tag.clone(), By::Area))
    })
}
