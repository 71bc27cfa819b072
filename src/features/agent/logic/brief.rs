//! What a session is told when it begins or has forgotten: at most 1 KB.

use crate::base::text::one_line;
use std::fmt::Write as _;

/// The most that it may take, in bytes.
pub const CAP: usize = 1024;

/// What is known; texts of others as they were written.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The session's tag.
    pub tag: String,
    /// Its branch.
    pub branch: Option<String>,
    /// What it said it is doing.
    pub task: Option<String>,
    /// What is different with the leases of its worktree.
    pub leases: Vec<String>,
    /// What it holds, with the end of each.
    pub claims: Vec<String>,
    /// Unread messages that are addressed to it.
    pub addressed: usize,
    /// All other unread ones.
    pub room: usize,
    /// Proposals that it executes, and questions to it that wait.
    pub open: Vec<String>,
    /// What is pinned.
    pub pins: Vec<String>,
    /// Who else is alive, and at what.
    pub peers: Vec<String>,
}

const HOW: &str = "Run plain `git ccc …` from here: claim PATH -m WHY before touching what others may touch, commit -m MESSAGE -- PATHS to commit exactly those, inbox, send TAG TEXT, ask, chat post|reply to speak. Skill: group-chat.";

/// Puts it together; what is least needed is left out first, with the command that shows it.
pub fn brief(facts: &Facts) -> String {
    let mut out = format!(
        "git ccc: other sessions work in this repository. This one is {}",
        facts.tag
    );
    // Writing to a String cannot fail.
    if let Some(branch) = &facts.branch {
        let _ = write!(out, " on branch {}", one_line(branch, 60));
    }
    out.push_str(".\n");
    if let Some(task) = &facts.task {
        let _ = writeln!(out, "Task: {}", one_line(task, 110));
    }
    let unread = match (facts.addressed, facts.room) {
        (0, 0) => None,
        (addressed, room) => Some(format!(
            "{addressed} to it, {room} in the room: git ccc inbox, git ccc chat read --unread"
        )),
    };
    let parts: [(&str, Vec<String>, &str); 6] = [
        ("Leases", short(&facts.leases, 140), "git ccc claims --mine"),
        ("Holds", short(&facts.claims, 80), "git ccc claims --mine"),
        ("Unread", unread.into_iter().collect(), ""),
        ("Open", short(&facts.open, 100), "git ccc inbox --tasks"),
        ("Pinned", short(&facts.pins, 140), "git ccc chat read"),
        ("Peers", short(&facts.peers, 90), "git ccc who --alive"),
    ];
    for (word, items, rest) in parts {
        let room = CAP - HOW.len() - 2;
        put(&mut out, word, &items, (rest, room));
    }
    out.push_str(HOW);
    out.push('\n');
    out
}

fn short(items: &[String], cap: usize) -> Vec<String> {
    items.iter().map(|item| one_line(item, cap)).collect()
}

/// Adds one line with as many items as fit below `room` bytes in all.
fn put(out: &mut String, word: &str, items: &[String], (rest, room): (&str, usize)) {
    if items.is_empty() {
        return;
    }
    let mut line = format!("{word}: ");
    let reserve = if rest.is_empty() { 2 } else { rest.len() + 24 };
    let mut shown = 0;
    for item in items {
        let separator = if shown == 0 { "" } else { "; " };
        if out.len() + line.len() + separator.len() + item.len() + reserve > room {
            break;
        }
        line.push_str(separator);
        line.push_str(item);
        shown += 1;
    }
    let left = items.len() - shown;
    if left > 0 {
        if out.len() + line.len() + reserve > room {
            return;
        }
        let separator = if shown == 0 { "" } else { "; " };
        let _ = write!(line, "{separator}{left} more ({rest})");
    }
    out.push_str(&line);
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_takes_more_than_its_size_and_always_says_who_and_how() {
        let many = |text: &str| vec![text.repeat(20); 60];
        let facts = Facts {
            tag: format!("{}-1d33", "x".repeat(40)),
            branch: Some("b".repeat(300)),
            task: Some("é\u{1b}".repeat(300)),
            leases: many("port "),
            claims: many("src/"),
            addressed: 99999,
            room: 99999,
            open: many("why? "),
            pins: many("No apply. "),
            peers: many("docs "),
        };
        let text = brief(&facts);
        assert!(text.len() <= CAP, "{}: {text}", text.len());
        assert!(
            text.ends_with("group-chat.\n") && text.contains("-1d33") && !text.contains('\u{1b}')
        );
        let least = brief(&Facts {
            tag: "a-0001".to_owned(),
            ..Facts::default()
        });
        assert_eq!(least.lines().count(), 2, "{least}");
    }
}
