//! What became of worktrees that were removed, brought onto main, or checked.

use crate::{
    base::text::{counted, one_line},
    ui::Answer,
};
use serde::Serialize;
use std::fmt::Write as _;

/// A snapshot that was made.
#[derive(Debug, Serialize)]
pub struct SnapshotView {
    /// Whose chain it is in.
    pub session: String,
    /// Its name.
    pub snapshot: String,
}

/// The answer of `worktree remove`.
#[derive(Debug, Serialize)]
pub struct Removed {
    /// What it was called.
    pub name: String,
    /// Where it was.
    pub path: String,
    /// Nothing was done.
    pub dry_run: bool,
    /// Something was uncommitted.
    pub dirty: bool,
    /// merged, squashed, not; null if there is nothing to compare it with.
    pub landed: Option<&'static str>,
    /// Commits that main has not.
    pub unmerged: u32,
    /// What main is called.
    pub target: String,
    /// What has the uncommitted work.
    pub snapshot: Option<SnapshotView>,
    /// Its branch; null when detached.
    pub branch: Option<String>,
    /// The branch went too, or would: main has all of it.
    pub branch_deleted: bool,
    /// The commit it was on.
    pub head: Option<String>,
    /// Sessions that were ended.
    pub ended: Vec<String>,
    /// How many claims were given back.
    pub claims: usize,
}

impl Removed {
    fn keeps_commits_alone(&self) -> bool {
        !self.dirty && (self.branch.is_none() || self.landed == Some("squashed"))
    }

    fn farewell(&self) -> String {
        let ended = match self.ended.as_slice() {
            [] => "no session".to_owned(),
            ended => ended.join(", "),
        };
        let claims = match self.claims {
            0 => String::new(),
            count => format!(", {} given back", counted(count, "claim")),
        };
        format!("  ended {ended}{claims}")
    }
}

impl Answer for Removed {
    const SCHEMA: &'static str = "ccc.worktree.remove/1";

    fn render(&self) -> String {
        let path = one_line(&self.path, 1000);
        let mut lines = vec![if self.dry_run {
            format!("{path} would go")
        } else {
            format!("removed {path}")
        }];
        let target = one_line(&self.target, 100);
        let landed = match self.landed {
            Some("merged") => format!("merged into {target}"),
            Some("squashed") => format!("all of it is in {target}, under other commits"),
            Some(_) => format!("{} that {target} has not", counted(self.unmerged, "commit")),
            None => "nothing to compare it with".to_owned(),
        };
        match &self.branch {
            Some(branch) if self.branch_deleted => {
                let head = self.head.as_deref().unwrap_or_default();
                let (went, was) = if self.dry_run {
                    ("would go", "is")
                } else {
                    ("went", "was")
                };
                lines.push(format!(
                    "  branch {} {went} ({landed}; it {was} {head})",
                    one_line(branch, 100)
                ));
            }
            Some(branch) => {
                lines.push(format!(
                    "  branch {} stays ({landed})",
                    one_line(branch, 100)
                ));
            }
            None => {}
        }
        match &self.snapshot {
            Some(one) if self.keeps_commits_alone() => lines.push(format!(
                "  its own commits are kept: git ccc wip show --of {} {}",
                one.session, one.snapshot
            )),
            Some(one) => lines.push(format!(
                "  what was uncommitted: git ccc wip restore --of {} --from {} --to DIR",
                one.session, one.snapshot
            )),
            None if self.dry_run && self.dirty => {
                lines.push("  what is uncommitted would be saved first".to_owned());
            }
            None => {}
        }
        if !self.ended.is_empty() || self.claims > 0 {
            lines.push(self.farewell());
        }
        lines.push(String::new());
        lines.join("\n")
    }
}

/// Somebody on the other side of a conflict.
#[derive(Debug, Serialize)]
pub struct OwnerView {
    /// The path.
    pub path: String,
    /// Whose commit changed it, or who holds it.
    pub who: String,
    /// The commit with its subject, or that it is held.
    pub how: String,
}

/// What became of one worktree.
#[derive(Debug, Serialize)]
pub struct SyncedView {
    /// What it is called.
    pub name: String,
    /// Where it is.
    pub path: String,
    /// Its branch.
    pub branch: Option<String>,
    /// up to date, fast-forward, rebase, merge, conflict, left as it is.
    pub step: &'static str,
    /// Why.
    pub why: String,
    /// Something was uncommitted.
    pub dirty: bool,
    /// The paths that somebody must decide about.
    pub paths: Vec<String>,
    /// Who is on the other side.
    pub owners: Vec<OwnerView>,
    /// The snapshot of what was uncommitted.
    pub snapshot: Option<String>,
    /// What should be known.
    pub notes: Vec<String>,
}

impl SyncedView {
    /// Tells whether somebody must decide something.
    pub fn conflict(&self) -> bool {
        self.step == "conflict"
    }

    fn lines(&self) -> String {
        let mut out = format!("{}  {}", one_line(&self.name, 60), self.step);
        if !self.why.is_empty() {
            out.push_str(": ");
            out.push_str(&one_line(&self.why, 300));
        }
        out.push('\n');
        for path in &self.paths {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "    {}", one_line(path, 300));
            for owner in self.owners.iter().filter(|owner| owner.path == *path) {
                let _ = writeln!(
                    out,
                    "      {}: {}",
                    one_line(&owner.who, 80),
                    one_line(&owner.how, 120)
                );
            }
        }
        if let Some(snapshot) = &self.snapshot {
            let _ = writeln!(
                out,
                "    what was uncommitted is in snapshot {snapshot} too"
            );
        }
        for note in &self.notes {
            let _ = writeln!(out, "    {}", one_line(note, 300));
        }
        out
    }
}

/// The answer of `worktree sync`.
#[derive(Debug, Serialize)]
pub struct Synced {
    /// What they are brought onto.
    pub target: String,
    /// Its commit.
    pub commit: String,
    /// Nothing was done.
    pub dry_run: bool,
    /// Each of them.
    pub worktrees: Vec<SyncedView>,
}

impl Answer for Synced {
    const SCHEMA: &'static str = "ccc.worktree.sync/1";

    fn render(&self) -> String {
        self.worktrees.iter().map(SyncedView::lines).collect()
    }
}

/// What a check said.
#[derive(Debug, Serialize)]
pub struct CheckView {
    /// Its name.
    pub name: String,
    /// passes or fails.
    pub expected: &'static str,
    /// The same.
    pub ended: &'static str,
    /// The exit code.
    pub code: u8,
    /// It is as it should be.
    pub good: bool,
    /// How many tests there are, if they were asked for.
    pub tests: usize,
    /// Tests that were there before.
    pub missing: Vec<String>,
    /// All of them, for the record.
    #[serde(skip)]
    pub names: Vec<String>,
}

/// The answer of `worktree verify`.
#[derive(Debug, Serialize)]
pub struct Verified {
    /// The worktree.
    pub name: String,
    /// before or after.
    pub when: &'static str,
    /// The commit that is checked out.
    pub commit: String,
    /// Each check.
    pub checks: Vec<CheckView>,
}

impl Answer for Verified {
    const SCHEMA: &'static str = "ccc.worktree.verify/1";

    fn render(&self) -> String {
        let mut out = String::new();
        for check in &self.checks {
            let word = if check.good { "good" } else { "bad" };
            // Writing to a String cannot fail.
            let _ = write!(
                out,
                "{word}  {} {} ({}, expected {})",
                check.name, check.ended, check.code, check.expected
            );
            if check.tests > 0 {
                let _ = write!(out, ", {} tests", check.tests);
            }
            out.push('\n');
            for name in check.missing.iter().take(20) {
                let _ = writeln!(out, "      gone: {}", one_line(name, 200));
            }
        }
        out
    }
}
