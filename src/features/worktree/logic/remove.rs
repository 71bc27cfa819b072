//! Whether a worktree may go, and what has to be kept first.

use crate::base::text::shell;

/// What is known of a worktree that is to go.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Its root.
    pub path: String,
    /// The repository's first one.
    pub main: bool,
    /// Whoever asks stands in it.
    pub inside: bool,
    /// Why it is locked.
    pub locked: Option<String>,
    /// They have been moved here.
    pub moved: Option<String>,
    /// Somebody makes or removes it at this moment.
    pub busy: bool,
    /// What git is in the middle of there.
    pub act: Option<&'static str>,
    /// Paths of unfinished merges.
    pub conflicted: u32,
    /// Sessions that are alive in it and not those of whoever asks.
    pub alive: Vec<String>,
}

/// Why a worktree stays: the fact, why, and a safe way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stays {
    /// The fact.
    pub fact: String,
    /// Why.
    pub because: String,
    /// What can be done, without destroying anything.
    pub hints: Vec<String>,
}

fn stays(fact: String, because: &str, hints: &[String]) -> Stays {
    Stays {
        fact,
        because: because.to_owned(),
        hints: hints.to_vec(),
    }
}

/// Says why a worktree stays, if it does.
pub fn refuse(facts: &Facts) -> Option<Stays> {
    let path = &facts.path;
    let at = shell(path);
    let see = "git ccc worktree list".to_owned();
    if facts.main {
        return Some(stays(
            format!("{path} is the repository's first worktree"),
            "all others live from it",
            &[see],
        ));
    }
    if facts.busy {
        return Some(stays(
            format!("{path} is just being made or removed"),
            "whoever does that is alive",
            &[see],
        ));
    }
    if let Some(new) = &facts.moved {
        return Some(stays(
            format!("{path} has been moved to {new}"),
            "its files are there, and git does not know it",
            &[format!("git ccc worktree adopt {}", shell(new))],
        ));
    }
    if let Some(why) = &facts.locked {
        let why = if why.is_empty() {
            "nobody has said why"
        } else {
            why
        };
        return Some(stays(
            format!("{path} is locked"),
            why,
            &[format!("git worktree unlock {at}")],
        ));
    }
    refuse_work(facts, &at)
}

/// Says whose work keeps it.
fn refuse_work(facts: &Facts, at: &str) -> Option<Stays> {
    let path = &facts.path;
    if facts.inside {
        return Some(stays(
            format!("you stand in {path}"),
            "a shell whose directory is gone can do nothing",
            &[format!("cd {}", shell(parent(path)))],
        ));
    }
    if !facts.alive.is_empty() {
        let tags = facts.alive.join(", ");
        let asks = facts
            .alive
            .iter()
            .map(|tag| format!("git ccc send {} 'may I remove your worktree?'", shell(tag)));
        return Some(stays(
            format!("{tags} works in {path}"),
            "what it has not committed and pushed would go under its hands",
            &asks.collect::<Vec<_>>(),
        ));
    }
    if let Some(act) = facts.act.or((facts.conflicted > 0).then_some("a merge")) {
        return Some(stays(
            format!("{path} is in the middle of {act}"),
            "a snapshot keeps files, and not how far that has come",
            &[format!("git -C {at} status")],
        ));
    }
    None
}

fn parent(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) | None => "/",
        Some(end) => &path[..end],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_names_a_way_that_destroys_nothing() {
        let plain = Facts {
            path: "/w/x y".to_owned(),
            ..Facts::default()
        };
        assert_eq!(refuse(&plain), None);
        let cases = [
            Facts {
                main: true,
                ..plain.clone()
            },
            Facts {
                busy: true,
                ..plain.clone()
            },
            Facts {
                moved: Some("/w/z".to_owned()),
                ..plain.clone()
            },
            Facts {
                locked: Some(String::new()),
                ..plain.clone()
            },
            Facts {
                inside: true,
                ..plain.clone()
            },
            Facts {
                alive: vec!["a-0001".to_owned()],
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
        ];
        for facts in cases {
            let stays = refuse(&facts).expect("it stays");
            assert!(
                !stays.hints.is_empty() && !stays.because.is_empty(),
                "{stays:?}"
            );
            for hint in &stays.hints {
                for word in ["--force", "reset", "rm ", "clean", "--abort", "prune", "-D"] {
                    assert!(!hint.contains(word), "{hint}");
                }
            }
        }
    }
}
