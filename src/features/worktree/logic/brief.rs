//! What whoever comes to a worktree is told: what it is for, its limits, what it holds, who else is there. At most 1 KB.

use crate::base::text::one_line;
use std::fmt::Write as _;

/// No more bytes than this.
pub const CAP: usize = 1024;

/// What is known.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The session's tag.
    pub session: Option<String>,
    /// The branch.
    pub branch: Option<String>,
    /// What it began from.
    pub base: String,
    /// The kind of work.
    pub kind: String,
    /// What it is for.
    pub purpose: String,
    /// What must not be done.
    pub limits: Vec<String>,
    /// What it holds: `port.web=3000`, `src/auth`.
    pub claims: Vec<String>,
    /// What is checked at the end.
    pub checks: Vec<String>,
    /// Who else is alive, and at what.
    pub peers: Vec<String>,
    /// The steps of the work, in Markdown.
    pub steps: String,
}

/// Puts it together; what does not fit is left out, the least needed first.
pub fn brief(facts: &Facts) -> String {
    let mut out = String::new();
    let who = facts.session.as_deref().unwrap_or("no session yet");
    let branch = facts.branch.as_deref().unwrap_or("no branch");
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "{}: {}\nSession {}, branch {}, from {}",
        one_line(&facts.kind, 20),
        one_line(&facts.purpose, 160),
        one_line(who, 60),
        one_line(branch, 60),
        one_line(&facts.base, 60),
    );
    let lists: [(&str, &[String], usize); 4] = [
        ("Limits", &facts.limits, 80),
        ("Holds", &facts.claims, 60),
        ("Checked at the end", &facts.checks, 60),
        ("Peers", &facts.peers, 70),
    ];
    for (word, items, cap) in lists {
        push(&mut out, word, items, cap);
    }
    for line in facts.steps.lines().filter(|line| !line.trim().is_empty()) {
        let line = one_line(line, 160);
        if out.len() + line.len() + 1 > CAP {
            break;
        }
        out.push_str(&line);
        out.push('\n');
    }
    // Wide letters can make even the first lines too long.
    while out.len() > CAP {
        out.pop();
    }
    out
}

fn push(out: &mut String, word: &str, items: &[String], cap: usize) {
    let mut line = String::new();
    for (count, item) in items.iter().enumerate() {
        let item = one_line(item, cap);
        let left = items.len() - count;
        // Room for the rest of the line, should this item not be the last that fits.
        if out.len() + word.len() + line.len() + item.len() + 24 > CAP {
            if !line.is_empty() {
                let _ = write!(line, "; {left} more");
            }
            break;
        }
        if !line.is_empty() {
            line.push_str("; ");
        }
        line.push_str(&item);
    }
    if !line.is_empty() {
        let _ = writeln!(out, "{word}: {line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_takes_more_than_its_size() {
        let many = |text: &str| vec![text.repeat(30); 40];
        let facts = Facts {
            session: Some("é".repeat(100)),
            branch: Some("b\u{1b}".repeat(200)),
            base: "origin/main".repeat(20),
            kind: "feature".repeat(20),
            purpose: "ü".repeat(900),
            limits: many("no "),
            claims: many("src/"),
            checks: many("tests "),
            peers: many("docs "),
            steps: "- [ ] x\n".repeat(400),
        };
        let text = brief(&facts);
        assert!(
            text.len() <= CAP && !text.contains('\u{1b}'),
            "{}: {text}",
            text.len()
        );
        assert!(brief(&Facts::default()).lines().count() == 2);
    }
}
