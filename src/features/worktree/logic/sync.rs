//! What becomes of a worktree when all are brought onto main.

use serde::Serialize;

/// What is known of a worktree. Whether it is locked is not: a lock is about its place.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and any may be true with any other"
)]
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Its files are where they should be, and readable.
    pub whole: bool,
    /// Why it is not.
    pub state: String,
    /// What git is in the middle of there.
    pub act: Option<&'static str>,
    /// Paths of unfinished merges.
    pub conflicted: u32,
    /// Sessions that are alive in it and not those of whoever asks.
    pub alive: Vec<String>,
    /// It has a branch.
    pub branch: bool,
    /// Its branch is the one that work goes to.
    pub is_target: bool,
    /// Commits that main has not.
    pub ahead: u32,
    /// Commits that only main has.
    pub behind: u32,
    /// Main has all that its own commits change.
    pub squashed: bool,
    /// Some of its own commits are on a remote.
    pub pushed: bool,
    /// Paths that main and its commits both change, so that somebody must decide.
    pub conflicts: Vec<String>,
    /// Uncommitted paths that main changes too.
    pub in_the_way: Vec<String>,
    /// The policy is to merge.
    pub merges: bool,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Nothing: main has nothing that it lacks.
    UpToDate,
    /// Its branch moves to main.
    FastForward,
    /// Its commits are made anew on top of main.
    Rebase,
    /// Main is merged into it.
    Merge,
    /// Nothing, until somebody has decided something.
    Conflict,
    /// Nothing, for a reason that is said.
    Skip,
}

impl Step {
    /// Returns the words.
    pub fn word(self) -> &'static str {
        match self {
            Step::UpToDate => "up to date",
            Step::FastForward => "fast-forward",
            Step::Rebase => "rebase",
            Step::Merge => "merge",
            Step::Conflict => "conflict",
            Step::Skip => "left as it is",
        }
    }

    /// Tells whether something is done.
    pub fn acts(self) -> bool {
        matches!(self, Step::FastForward | Step::Rebase | Step::Merge)
    }
}

/// Decides, and says why.
pub fn decide(facts: &Facts) -> (Step, String) {
    let skip = |why: &str| (Step::Skip, why.to_owned());
    if !facts.whole {
        return skip(&facts.state);
    }
    if let Some(act) = facts.act {
        return skip(&format!("it is in the middle of {act}"));
    }
    if facts.conflicted > 0 {
        return skip("a merge in it is not finished");
    }
    if !facts.branch {
        return skip("no branch is checked out in it");
    }
    if facts.behind == 0 {
        return (Step::UpToDate, String::new());
    }
    if !facts.alive.is_empty() {
        return skip(&format!("{} works in it", facts.alive.join(", ")));
    }
    if facts.is_target && facts.ahead > 0 {
        return skip("it and the remote have gone different ways");
    }
    if facts.squashed && facts.ahead > 0 {
        return skip("main has all of it: it can be removed");
    }
    if !facts.in_the_way.is_empty() {
        return (
            Step::Conflict,
            "main changes what is uncommitted here".to_owned(),
        );
    }
    if !facts.conflicts.is_empty() {
        return (Step::Conflict, "main and it change the same".to_owned());
    }
    if facts.ahead == 0 {
        return (Step::FastForward, String::new());
    }
    if facts.pushed && !facts.merges {
        return (
            Step::Merge,
            "some of it is on a remote: others may have it".to_owned(),
        );
    }
    let step = if facts.merges {
        Step::Merge
    } else {
        Step::Rebase
    };
    (step, String::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_done_where_somebody_works_or_must_decide() {
        let plain = Facts {
            whole: true,
            branch: true,
            ahead: 2,
            behind: 3,
            ..Facts::default()
        };
        let step = |facts: &Facts| decide(facts).0;
        assert_eq!(step(&plain), Step::Rebase);
        assert_eq!(
            step(&Facts {
                merges: true,
                ..plain.clone()
            }),
            Step::Merge
        );
        assert_eq!(
            step(&Facts {
                pushed: true,
                ..plain.clone()
            }),
            Step::Merge
        );
        assert_eq!(
            step(&Facts {
                ahead: 0,
                ..plain.clone()
            }),
            Step::FastForward
        );
        assert_eq!(
            step(&Facts {
                behind: 0,
                ..plain.clone()
            }),
            Step::UpToDate
        );
        let paths = vec!["a".to_owned()];
        for facts in [
            Facts {
                whole: false,
                ..plain.clone()
            },
            Facts {
                act: Some("a rebase"),
                ..plain.clone()
            },
            Facts {
                conflicted: 1,
                ..plain.clone()
            },
            Facts {
                branch: false,
                ..plain.clone()
            },
            Facts {
                alive: paths.clone(),
                ..plain.clone()
            },
            Facts {
                is_target: true,
                ..plain.clone()
            },
            Facts {
                squashed: true,
                ..plain.clone()
            },
            Facts {
                conflicts: paths.clone(),
                ..plain.clone()
            },
            Facts {
                in_the_way: paths.clone(),
                ..plain.clone()
            },
        ] {
            assert!(!step(&facts).acts(), "{facts:?}");
        }
    }
}
