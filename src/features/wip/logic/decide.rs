//! What a restore gives back, path by path.

use crate::{
    base::id::SessionTag,
    features::wip::model::{Item, Shape, Staged, Verdict},
};

/// How a path stands now.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, each asked for once by its name"
)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Now {
    /// The file is exactly what the snapshot has, or is as absent.
    pub same: bool,
    /// There is something on disk.
    pub exists: bool,
    /// A commit on top of the snapshot's has changed it.
    pub committed: bool,
    /// Its file differs from the index, or is not tracked.
    pub dirty: bool,
    /// What is on disk was saved, or can be had from HEAD or the index.
    pub saved: bool,
    /// The index has something else than HEAD.
    pub staged: bool,
    /// Why it cannot be written, if it cannot: a link above it, a directory in its place.
    pub blocked: Option<String>,
    /// The live session that holds it, if it is another.
    pub holder: Option<SessionTag>,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// The path was named, or all were: over other changes too.
    pub named: bool,
    /// Deletions are done again.
    pub deletions: bool,
}

/// Decides about the file.
pub fn file(item: &Item, now: &Now, wish: Wish) -> Verdict {
    // A file that was as in the commit is in the commit.
    if now.same || item.shape() == Shape::Staged {
        return Verdict::Same;
    }
    if item.work.is_none() && !wish.deletions {
        return Verdict::Deletion;
    }
    if !wish.named {
        if now.dirty && now.exists {
            return Verdict::Changed;
        }
        if now.committed {
            return Verdict::Committed;
        }
    }
    if let Some(holder) = &now.holder {
        return Verdict::Held(holder.clone());
    }
    if let Some(why) = &now.blocked {
        return Verdict::InTheWay(why.clone());
    }
    if now.exists && !now.saved {
        return Verdict::InTheWay("what is there now cannot be saved first".to_owned());
    }
    if item.work.is_some() {
        Verdict::Restored
    } else {
        Verdict::Deleted
    }
}

/// Tells whether what was staged is staged again: it was something of its own, and the index has nothing of its own now.
pub fn stage(item: &Item, now: &Now, wish: Wish) -> bool {
    let was = item.staged != Staged::No;
    let lost = !now.committed && !now.staged;
    was && now.holder.is_none() && (lost || wish.named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::wip::model::Spot;

    fn spot(oid: &str) -> Spot {
        Spot {
            mode: 0o100_644,
            oid: oid.to_owned(),
        }
    }

    fn item() -> Item {
        Item {
            path: b"a".to_vec(),
            base: Some(spot("base")),
            staged: Staged::No,
            work: Some(spot("work")),
            untracked: false,
        }
    }

    fn clean() -> Now {
        Now {
            same: false,
            exists: true,
            committed: false,
            dirty: false,
            saved: true,
            staged: false,
            blocked: None,
            holder: None,
        }
    }

    #[test]
    fn by_default_only_what_is_lost_comes_back() {
        let (item, now, wish) = (item(), clean(), Wish::default());
        let verdict = |now: &Now| file(&item, now, wish);
        assert_eq!(verdict(&now), Verdict::Restored);
        let same = Now {
            same: true,
            ..clean()
        };
        assert_eq!(verdict(&same), Verdict::Same);
        let dirty = Now {
            dirty: true,
            ..clean()
        };
        assert_eq!(verdict(&dirty), Verdict::Changed);
        let gone = Now {
            dirty: true,
            exists: false,
            ..clean()
        };
        assert_eq!(verdict(&gone), Verdict::Restored, "a deleted file is lost");
        let committed = Now {
            committed: true,
            ..clean()
        };
        assert_eq!(verdict(&committed), Verdict::Committed);
        let named = Wish {
            named: true,
            ..wish
        };
        assert_eq!(file(&item, &dirty, named), Verdict::Restored);
        assert_eq!(file(&item, &committed, named), Verdict::Restored);
    }

    #[test]
    fn nothing_is_written_over_what_is_not_saved_or_is_another_session_s() {
        let named = Wish {
            named: true,
            deletions: true,
        };
        let unsaved = Now {
            dirty: true,
            saved: false,
            ..clean()
        };
        assert!(file(&item(), &unsaved, named).refuses());
        let held = Now {
            holder: Some("a-1d33".parse().expect("a tag")),
            ..clean()
        };
        assert!(file(&item(), &held, named).refuses());
        assert!(!stage(
            &Item {
                staged: Staged::Removal,
                ..item()
            },
            &held,
            named
        ));
        let blocked = Now {
            blocked: Some("a link".into()),
            ..clean()
        };
        assert!(file(&item(), &blocked, named).refuses());
    }

    #[test]
    fn a_deletion_is_done_again_only_if_that_is_asked_for() {
        let gone = Item {
            work: None,
            ..item()
        };
        let wish = Wish::default();
        assert_eq!(file(&gone, &clean(), wish), Verdict::Deletion);
        let wish = Wish {
            deletions: true,
            ..wish
        };
        assert_eq!(file(&gone, &clean(), wish), Verdict::Deleted);
    }
}
