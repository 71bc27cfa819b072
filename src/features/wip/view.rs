//! How snapshots are shown.

use super::model::{Entry, Item, LeftOut, Shape, Staged, Verdict, shown};
use crate::{
    base::{
        text::{counted, one_line},
        time::Timestamp,
    },
    ui::{Answer, table::columns},
};
use serde::Serialize;
use std::fmt::Write as _;

/// One snapshot in a list.
#[derive(Clone, Debug, Serialize)]
pub struct SnapshotView {
    /// Its name.
    pub id: String,
    /// Its commit: `git stash apply` takes it.
    pub commit: String,
    /// Whose.
    pub session: String,
    /// When.
    pub at: Timestamp,
    /// The worktree it was made of.
    pub worktree: String,
    /// The branch.
    pub branch: Option<String>,
    /// What for.
    pub why: String,
    /// How many paths it holds.
    pub paths: u32,
    /// What is not in it.
    pub left_out: Vec<LeftOut>,
    /// How many more are not.
    pub left_out_more: u32,
    /// Branches whose tips hang on it.
    pub keeps: Vec<Kept>,
}

/// A branch whose tip hangs on a snapshot.
#[derive(Clone, Debug, Serialize)]
pub struct Kept {
    /// The branch.
    pub branch: String,
    /// Its tip.
    pub commit: String,
}

impl SnapshotView {
    /// Shows a snapshot.
    pub fn new(entry: &Entry) -> Self {
        let note = &entry.note;
        let kept = |(branch, commit): &(String, String)| Kept {
            branch: branch.clone(),
            commit: commit.clone(),
        };
        SnapshotView {
            id: note.id.clone(),
            commit: entry.oid.clone(),
            session: entry.session.to_string(),
            at: entry.at,
            worktree: note.worktree.clone(),
            branch: note.branch.clone(),
            why: note.why.clone(),
            paths: note.paths,
            left_out: note.left_out.clone(),
            left_out_more: note.left_more,
            keeps: note.keeps.iter().map(kept).collect(),
        }
    }

    fn row(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.at.to_string(),
            self.session.clone(),
            counted(self.paths, "path"),
            one_line(&self.why, 100),
        ]
    }

    fn left_out(&self, text: &mut String) {
        for out in &self.left_out {
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "left out: {} ({})",
                one_line(&out.path, 300),
                out.why.says()
            );
        }
        if self.left_out_more > 0 {
            let _ = writeln!(text, "left out: {} more", self.left_out_more);
        }
    }
}

/// `wip save`.
#[derive(Debug, Serialize)]
pub struct Saved {
    /// Something was written.
    pub saved: bool,
    /// The snapshot that has the work; nothing if there is none to keep.
    pub snapshot: Option<SnapshotView>,
    /// What is not in it.
    pub left_out: Vec<LeftOut>,
    /// How many more are not.
    pub left_out_more: u32,
}

impl Answer for Saved {
    const SCHEMA: &'static str = "ccc.wip.save/1";

    fn render(&self) -> String {
        let mut text = match &self.snapshot {
            None => "nothing is uncommitted\n".to_owned(),
            Some(one) if self.saved => {
                format!("{}  {} saved\n", one.id, counted(one.paths, "path"))
            }
            Some(one) => format!("{}  has all that already\n", one.id),
        };
        for out in &self.left_out {
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "left out: {} ({})",
                one_line(&out.path, 300),
                out.why.says()
            );
        }
        if self.left_out_more > 0 {
            let _ = writeln!(text, "left out: {} more", self.left_out_more);
        }
        text
    }
}

/// `wip list`.
#[derive(Debug, Serialize)]
pub struct SnapshotList {
    /// The newest first.
    pub snapshots: Vec<SnapshotView>,
    /// Chains that end in something that cannot be read, and why.
    pub unreadable: Vec<(String, String)>,
}

impl Answer for SnapshotList {
    const SCHEMA: &'static str = "ccc.wip.list/1";

    fn render(&self) -> String {
        let rows: Vec<Vec<String>> = self.snapshots.iter().map(SnapshotView::row).collect();
        let mut text = columns(&rows);
        for (tag, why) in &self.unreadable {
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "{tag}: older ones cannot be read: {}",
                one_line(why, 200)
            );
        }
        text
    }
}

/// One path of a snapshot.
#[derive(Debug, Serialize)]
pub struct ItemView {
    /// The path.
    pub path: String,
    /// How it differed.
    pub shape: Shape,
    /// Something of it was staged.
    pub staged: bool,
    /// What stood on disk.
    pub blob: Option<String>,
    /// What was staged, if it was a file.
    pub staged_blob: Option<String>,
}

impl ItemView {
    /// Shows a path.
    pub fn new(item: &Item) -> Self {
        ItemView {
            path: String::from_utf8_lossy(&item.path).into_owned(),
            shape: item.shape(),
            staged: item.staged != Staged::No,
            blob: item.work.as_ref().map(|spot| spot.oid.clone()),
            staged_blob: match &item.staged {
                Staged::As(spot) => Some(spot.oid.clone()),
                Staged::No | Staged::Removal => None,
            },
        }
    }
}

/// `wip show`.
#[derive(Debug, Serialize)]
pub struct SnapshotDetail {
    /// The snapshot.
    pub snapshot: SnapshotView,
    /// What it holds.
    pub paths: Vec<ItemView>,
}

impl Answer for SnapshotDetail {
    const SCHEMA: &'static str = "ccc.wip.show/1";

    fn render(&self) -> String {
        let one = &self.snapshot;
        let branch = one.branch.as_deref().unwrap_or("a detached HEAD");
        let mut text = format!(
            "{} of {} at {}, {}\non {} in {}\ncommit {}\n",
            one.id,
            one.session,
            one.at,
            one_line(&one.why, 100),
            one_line(branch, 100),
            one_line(&one.worktree, 300),
            one.commit
        );
        for item in &self.paths {
            let mark = match item.shape {
                Shape::Changed => 'M',
                Shape::Added => 'A',
                Shape::Deleted => 'D',
                Shape::Untracked => '?',
                Shape::Staged => ' ',
            };
            let staged = if item.staged { 'S' } else { ' ' };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{staged}{mark} {}", shown(item.path.as_bytes()));
        }
        for kept in &one.keeps {
            let _ = writeln!(
                text,
                "keeps {} at {}",
                one_line(&kept.branch, 100),
                kept.commit
            );
        }
        one.left_out(&mut text);
        text
    }
}

/// One path of a restore.
#[derive(Debug, Serialize)]
pub struct StepView {
    /// The path.
    pub path: String,
    /// What became of the file.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// What was staged is staged again.
    pub staged: bool,
}

/// `wip restore`.
#[derive(Debug, Serialize)]
pub struct Restored {
    /// Nothing was done: this is what would be.
    pub dry_run: bool,
    /// The snapshot.
    pub snapshot: SnapshotView,
    /// The snapshot that has what was there before, if anything was.
    pub before: Option<SnapshotView>,
    /// Where to, if not in place.
    pub to: Option<String>,
    /// Each path that the snapshot has and that is not as it was.
    pub paths: Vec<StepView>,
}

impl Answer for Restored {
    const SCHEMA: &'static str = "ccc.wip.restore/1";

    fn render(&self) -> String {
        let mut text = String::new();
        for step in &self.paths {
            let path = shown(step.path.as_bytes());
            let more = match &step.verdict {
                Verdict::Held(by) => format!(" (by {by})"),
                Verdict::InTheWay(why) => format!(" ({})", one_line(why, 200)),
                _ => String::new(),
            };
            let word = match &step.verdict {
                Verdict::Same => "staged",
                verdict => verdict.word(),
            };
            let staged = match step.verdict {
                Verdict::Same => "",
                _ if step.staged => " and staged",
                _ => "",
            };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{word}{staged}: {path}{more}");
        }
        let one = &self.snapshot;
        let place = self
            .to
            .as_ref()
            .map_or_else(String::new, |to| format!(" to {}", one_line(to, 300)));
        let would = if self.dry_run { "would come " } else { "" };
        let _ = writeln!(
            text,
            "{would}from {} of {} at {}{place}",
            one.id, one.session, one.at
        );
        if let Some(before) = &self.before {
            let _ = writeln!(text, "what was there before: {}", before.id);
        }
        text
    }
}

/// `wip drop`.
#[derive(Debug, Serialize)]
pub struct Dropped {
    /// Whose.
    pub session: String,
    /// What went.
    pub dropped: Vec<SnapshotView>,
    /// How many are left.
    pub left: u32,
}

impl Answer for Dropped {
    const SCHEMA: &'static str = "ccc.wip.drop/1";

    fn render(&self) -> String {
        let mut text = String::new();
        for one in &self.dropped {
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "{} dropped; git show {} until git prunes it",
                one.id, one.commit
            );
        }
        text
    }
}
