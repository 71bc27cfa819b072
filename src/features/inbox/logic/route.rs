//! Whom a question about a path goes to.

use crate::{base::id::SessionTag, features::inbox::logic::heir::By};

/// Why a session is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tie {
    /// It holds the path.
    Holds,
    /// It was the last to commit it.
    Committed,
    /// It was the last to talk about it.
    Discussed,
    /// It was named.
    Named,
}

impl Tie {
    /// Says it in words.
    pub fn words(self) -> &'static str {
        match self {
            Tie::Holds => "holds it",
            Tie::Committed => "committed it last",
            Tie::Discussed => "talked about it last",
            Tie::Named => "is meant by that name",
        }
    }
}

/// What is known of who had to do with a path, each list with the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ties {
    /// Who holds it.
    pub holds: Vec<SessionTag>,
    /// Who committed it.
    pub committed: Vec<SessionTag>,
    /// Who talked about it.
    pub discussed: Vec<SessionTag>,
}

/// Where a question goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Who is asked.
    pub to: SessionTag,
    /// Why that one.
    pub tie: Tie,
    /// If it is the successor of who should have been asked: of whom, and why.
    pub instead_of: Option<(SessionTag, By)>,
}

/// Decides who is asked: the first session of the strongest tie that is there, or its successor; nobody if none is.
///
/// A session that is gone and has no successor leaves the question to the next one that had to do with the path.
pub fn decide(
    ties: &Ties,
    asker: Option<&SessionTag>,
    there: impl Fn(&SessionTag) -> bool,
    heir: impl Fn(&SessionTag) -> Option<(SessionTag, By)>,
) -> Option<Route> {
    let all = [
        (Tie::Holds, &ties.holds),
        (Tie::Committed, &ties.committed),
        (Tie::Discussed, &ties.discussed),
    ];
    let candidates = all
        .into_iter()
        .flat_map(|(tie, tags)| tags.iter().map(move |tag| (tie, tag)))
        .filter(|(_, tag)| Some(*tag) != asker);
    for (tie, tag) in candidates {
        if there(tag) {
            return Some(Route {
                to: tag.clone(),
                tie,
                instead_of: None,
            });
        }
        if let Some((to, by)) = heir(tag).filter(|(to, _)| Some(to) != asker && there(to)) {
            return Some(Route {
                to,
                tie,
                instead_of: Some((tag.clone(), by)),
            });
        }
    }
    None
}
