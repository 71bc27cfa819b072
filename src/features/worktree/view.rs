//! How worktrees are shown.

pub mod outcome;

use super::model::{Lease, Record};
use crate::{
    base::text::{block, one_line, shell},
    features::session::{logic::Life, model::Session},
    ui::{Answer, label, table},
};
use serde::Serialize;
use std::{collections::BTreeMap, fmt::Write as _};

/// What a worktree began from.
#[derive(Debug, Serialize)]
pub struct BaseView {
    /// As it was called.
    pub name: String,
    /// The commit.
    pub commit: String,
    /// What is newest of main.
    pub target: String,
    /// How many commits that has which the base lacks.
    pub behind: u32,
}

/// What was brought along.
#[derive(Debug, Serialize)]
pub struct BroughtView {
    /// The entries.
    pub entries: Vec<String>,
    /// Files in all.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes that are shared until changed.
    pub shared_bytes: u64,
    /// Bytes of files that have one more name now.
    pub linked_bytes: u64,
}

/// What was leased.
#[derive(Debug, Serialize)]
pub struct LeaseView {
    /// `port.web`.
    pub name: String,
    /// `res:port/3000`.
    pub scope: String,
    /// `3000`.
    pub value: String,
}

impl LeaseView {
    fn new(lease: &Lease) -> Self {
        LeaseView {
            name: lease.name.clone(),
            scope: lease.scope.clone(),
            value: lease.value.clone(),
        }
    }
}

/// A command that ran.
#[derive(Debug, Serialize)]
pub struct RanView {
    /// What.
    pub command: String,
    /// How it ended.
    pub code: u8,
}

/// The answer of `worktree new` and `worktree adopt`.
#[derive(Debug, Serialize)]
pub struct Made {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub path: String,
    /// Its branch; null when detached.
    pub branch: Option<String>,
    /// What it began from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<BaseView>,
    /// The session that works in it, or waits for whoever comes.
    pub session: String,
    /// The session waits.
    pub prepared: bool,
    /// The template.
    pub template: Option<String>,
    /// What it is for.
    pub purpose: String,
    /// Kind, colour and the like.
    pub labels: BTreeMap<String, String>,
    /// What was leased.
    pub leases: Vec<LeaseView>,
    /// What was brought along.
    pub brought: BroughtView,
    /// What was written.
    pub written: Vec<String>,
    /// The memory namespace.
    pub memory: Option<String>,
    /// The commands that ran.
    pub ran: Vec<RanView>,
    /// Files whose commands wait for trust.
    pub untrusted: Vec<String>,
    /// Commands in another tool's own words.
    pub not_understood: Vec<String>,
    /// What could not be done, and why.
    pub left: Vec<String>,
    /// What whoever comes is told.
    pub brief: String,
    /// Where that stands.
    pub brief_path: String,
}

impl Answer for Made {
    const SCHEMA: &'static str = "ccc.worktree/1";

    fn render(&self) -> String {
        let mut lines = vec![one_line(&self.path, 1000)];
        let branch = self.branch.as_deref().unwrap_or("no branch");
        let mut first = format!("  on {}", one_line(branch, 100));
        if let Some(base) = &self.base {
            first.push_str(" from ");
            first.push_str(&one_line(&base.name, 100));
            if base.behind > 0 {
                let target = one_line(&base.target, 100);
                // Writing to a String cannot fail.
                let _ = write!(first, ", {} behind {target}", base.behind);
            }
        }
        lines.push(format!("{first}, session {}", self.session));
        let leases: Vec<String> = self
            .leases
            .iter()
            .map(|lease| format!("{}={}", lease.name, lease.value))
            .collect();
        if !leases.is_empty() {
            lines.push(format!("  leased {}", leases.join(" ")));
        }
        if !self.brought.entries.is_empty() {
            lines.push(format!("  brought {}", self.brought.says()));
        }
        if !self.written.is_empty() {
            lines.push(format!("  wrote {}", list(&self.written)));
        }
        for ran in &self.ran {
            lines.push(format!("  ran {} ({})", ran.command, ran.code));
        }
        for file in &self.untrusted {
            lines.push(format!(
                "  did not run what {} says: git ccc trust {}",
                one_line(file, 200),
                shell(file)
            ));
        }
        for text in &self.not_understood {
            lines.push(format!(
                "  did not run {}: another tool fills it in",
                one_line(text, 200)
            ));
        }
        lines.extend(
            self.left
                .iter()
                .map(|left| format!("  left out: {}", one_line(left, 400))),
        );
        lines.push(format!(
            "  cd {} && export CCC_SESSION={}",
            shell(&self.path),
            self.session
        ));
        lines.push(String::new());
        block(&lines.join("\n"))
    }
}

impl Made {
    /// Builds the answer.
    pub fn new(
        (record, session): (&Record, &Session),
        path: String,
        branch: Option<String>,
        (base, brought, written): (Option<BaseView>, BroughtView, Vec<String>),
        (brief, brief_path): (String, String),
    ) -> Self {
        Made {
            name: record.name.clone(),
            path,
            branch,
            base,
            session: session.tag.to_string(),
            prepared: session.record.prepared,
            template: record.template.clone(),
            purpose: record.purpose.clone(),
            labels: record.labels.clone(),
            leases: record.leases.iter().map(LeaseView::new).collect(),
            brought,
            written,
            memory: record.memory.clone(),
            ran: Vec::new(),
            untrusted: Vec::new(),
            not_understood: Vec::new(),
            left: Vec::new(),
            brief,
            brief_path,
        }
    }
}

impl BroughtView {
    fn says(&self) -> String {
        let how = if self.shared_bytes > 0 && self.shared_bytes + self.linked_bytes >= self.bytes {
            ", shared until changed"
        } else if self.linked_bytes >= self.bytes && self.bytes > 0 {
            ", linked"
        } else {
            ""
        };
        format!("{} ({}{how})", list(&self.entries), size(self.bytes))
    }
}

fn list(items: &[String]) -> String {
    let shown: Vec<String> = items
        .iter()
        .take(8)
        .map(|item| one_line(item, 100))
        .collect();
    match items.len().saturating_sub(8) {
        0 => shown.join(" "),
        more => format!("{} and {more} more", shown.join(" ")),
    }
}

/// A number of bytes for people.
pub fn size(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, word)) => {
            let tenths = bytes * 10 / unit;
            format!("{}.{} {word}", tenths / 10, tenths % 10)
        }
        None => format!("{bytes} B"),
    }
}

/// A session in a worktree.
#[derive(Debug, Serialize)]
pub struct GuestView {
    /// Its tag.
    pub tag: String,
    /// alive, dead, quiet, or waiting: it was prepared for whoever comes.
    pub life: &'static str,
    /// What it is doing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// What it holds.
    pub claims: Vec<String>,
}

impl GuestView {
    /// Builds the view.
    pub fn new(session: &Session, life: Life, claims: Vec<String>) -> Self {
        GuestView {
            tag: session.tag.to_string(),
            life: match life {
                _ if session.record.prepared => "waiting",
                Life::Alive => "alive",
                Life::Dead => "dead",
                Life::Quiet => "quiet",
            },
            task: session.record.task.clone(),
            claims,
        }
    }
}

/// One worktree.
#[derive(Debug, Serialize)]
pub struct StandView {
    /// What it is called.
    pub name: String,
    /// Where it is, or was.
    pub path: String,
    /// The repository's first one.
    pub main: bool,
    /// whole, busy, missing, moved, unreadable.
    pub state: &'static str,
    /// Where to, or why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Why it is locked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked: Option<String>,
    /// Its branch; null when detached.
    pub branch: Option<String>,
    /// Its commit.
    pub head: Option<String>,
    /// Commits that main has not.
    pub ahead: Option<u32>,
    /// Commits that only main has.
    pub behind: Option<u32>,
    /// Paths that are staged.
    pub staged: Option<u32>,
    /// Paths that are changed.
    pub changed: Option<u32>,
    /// Paths that are not tracked.
    pub untracked: Option<u32>,
    /// Paths whose merge is not finished.
    pub conflicted: Option<u32>,
    /// Something is uncommitted.
    pub dirty: Option<bool>,
    /// Who is in it.
    pub sessions: Vec<GuestView>,
    /// The template it was made from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// Kind, colour and the like.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// What was leased for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub leases: Vec<String>,
    /// When something was last done in it.
    pub last_act: Option<String>,
    /// What its files take on the disk, if that was asked.
    pub disk_bytes: Option<u64>,
}

impl StandView {
    fn work(&self) -> String {
        let counts = [
            ("!", self.conflicted),
            ("+", self.staged),
            ("~", self.changed),
            ("?", self.untracked),
        ];
        let shown: Vec<String> = counts
            .iter()
            .filter_map(|(mark, count)| Some((mark, count.filter(|count| *count > 0)?)))
            .map(|(mark, count)| format!("{mark}{count}"))
            .collect();
        match (self.state, &self.detail) {
            ("whole", _) if shown.is_empty() => "clean".to_owned(),
            ("whole", _) => shown.join(" "),
            (state, Some(detail)) => format!("{state}: {}", one_line(detail, 120)),
            (state, None) => state.to_owned(),
        }
    }

    fn row(&self, in_colour: bool) -> Vec<String> {
        let apart = match (self.ahead, self.behind) {
            (Some(0), Some(0)) => "=".to_owned(),
            (Some(ahead), Some(behind)) => format!("+{ahead} -{behind}"),
            _ => "-".to_owned(),
        };
        let who: Vec<String> = self
            .sessions
            .iter()
            .map(|guest| {
                let holds = match guest.claims.len() {
                    0 => String::new(),
                    count => format!(", holds {count}"),
                };
                format!("{} ({}{holds})", guest.tag, guest.life)
            })
            .collect();
        let last = self.last_act.as_deref().unwrap_or("-");
        let mut work = self.work();
        if let Some(why) = &self.locked {
            work.push_str(", locked ");
            work.push_str(&one_line(why, 60));
        }
        let mut row = vec![
            label::painted(&one_line(&self.name, 60), &self.labels, in_colour),
            one_line(self.branch.as_deref().unwrap_or("(detached)"), 60),
            apart,
            work,
            if who.is_empty() {
                "-".to_owned()
            } else {
                who.join(", ")
            },
            last.to_owned(),
        ];
        row.extend(self.disk_bytes.map(size));
        row.push(one_line(&self.path, 200));
        row.push(label::words(&self.labels));
        row
    }
}

/// The answer of `worktree list`.
#[derive(Debug, Serialize)]
pub struct TreeList {
    /// What they are compared with.
    pub target: Option<String>,
    /// The first one first, the others by path.
    pub worktrees: Vec<StandView>,
    /// Whoever looks sees colours.
    #[serde(skip)]
    pub in_colour: bool,
}

impl Answer for TreeList {
    const SCHEMA: &'static str = "ccc.worktree.list/1";

    fn render(&self) -> String {
        let row = |tree: &StandView| tree.row(self.in_colour);
        table::columns(&self.worktrees.iter().map(row).collect::<Vec<_>>())
    }
}
