//! How memory is shown.

use super::model::{Changed, MAIN, Open, Twice, Version};
use crate::{base::text::one_line, ui::Answer};
use serde::Serialize;
use std::fmt::Write as _;

/// One namespace.
#[derive(Debug, Serialize)]
pub struct SpaceView {
    /// Its name.
    pub name: String,
    /// Its directory.
    pub directory: String,
    /// Whether the directory is there.
    pub present: bool,
    /// Its newest version.
    pub version: String,
    /// Its files.
    pub files: usize,
    /// What a merge would change in main.
    pub changed: Vec<Changed>,
    /// What a merge would leave to decide.
    pub open: Vec<Open>,
}

/// `memory status`.
#[derive(Debug, Serialize)]
pub struct Status {
    /// The directory that agents share.
    pub directory: String,
    /// Its newest version; none if nothing is kept yet.
    pub version: Option<String>,
    /// The namespaces, without main.
    pub namespaces: Vec<SpaceView>,
}

impl Answer for Status {
    const SCHEMA: &'static str = "ccc.memory.status/1";

    fn render(&self) -> String {
        let mut out = format!("main  {}\n", one_line(&self.directory, 300));
        if self.version.is_none() {
            out += "      nothing is kept yet\n";
        }
        for space in &self.namespaces {
            let gone = if space.present {
                ""
            } else {
                " (directory is gone)"
            };
            let state = match (space.open.len(), space.changed.len()) {
                (0, 0) => "merged".to_owned(),
                (0, n) => format!("{n} to merge"),
                (open, n) => format!("{n} to merge, {open} to decide"),
            };
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{}  {state}{gone}", space.name);
            for change in &space.changed {
                let _ = writeln!(
                    out,
                    "      {} {}",
                    change.how.word(),
                    one_line(&change.path, 200)
                );
            }
            for open in &space.open {
                let _ = writeln!(out, "      to decide: {}", open.spot());
            }
        }
        out
    }
}

/// `memory fork`.
#[derive(Debug, Serialize)]
pub struct Forked {
    /// The namespace.
    pub name: String,
    /// Its directory.
    pub directory: String,
    /// Its newest version.
    pub version: String,
    /// Whether it was made now.
    pub new: bool,
}

impl Answer for Forked {
    const SCHEMA: &'static str = "ccc.memory.fork/1";

    fn render(&self) -> String {
        format!("{}\n", self.directory)
    }
}

/// `memory merge` and `memory promote`.
#[derive(Debug, Serialize)]
pub struct MergedView {
    /// The namespace.
    pub name: String,
    /// The version of main.
    pub version: Option<String>,
    /// Whether nothing was written because nothing was to be.
    pub dry_run: bool,
    /// What changed in main.
    pub changed: Vec<Changed>,
    /// What says the same twice now.
    pub duplicates: Vec<Twice>,
}

impl Answer for MergedView {
    const SCHEMA: &'static str = "ccc.memory.merge/1";

    fn render(&self) -> String {
        let mut out = String::new();
        for change in &self.changed {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{} {}", change.how.word(), one_line(&change.path, 200));
        }
        for twice in &self.duplicates {
            let _ = writeln!(
                out,
                "said twice in {}: {}",
                one_line(&twice.path, 200),
                one_line(&twice.first, 100)
            );
        }
        if self.changed.is_empty() {
            let _ = writeln!(out, "{MAIN} has all of {}", self.name);
        }
        out
    }
}

/// `memory log`.
#[derive(Debug, Serialize)]
pub struct Log {
    /// The namespace.
    pub name: String,
    /// Its versions, the newest first.
    pub versions: Vec<Version>,
}

impl Answer for Log {
    const SCHEMA: &'static str = "ccc.memory.log/1";

    fn render(&self) -> String {
        let line = |version: &Version| {
            let by = one_line(&version.by, 60);
            format!(
                "{}  {}  {by}  {}\n",
                &version.version[..12],
                version.at,
                one_line(&version.subject, 200)
            )
        };
        self.versions.iter().map(line).collect()
    }
}

/// `memory show`, as a document.
#[derive(Debug, Serialize)]
pub struct Content {
    /// The file.
    pub path: String,
    /// The version it was read from.
    pub version: String,
    /// What it says.
    pub text: String,
}

impl Answer for Content {
    const SCHEMA: &'static str = "ccc.memory.show/1";

    fn render(&self) -> String {
        self.text.clone()
    }
}

/// `memory restore`.
#[derive(Debug, Serialize)]
pub struct Restored {
    /// The file.
    pub path: String,
    /// The version it came back from.
    pub from: String,
    /// The version that has what was there before.
    pub before: String,
    /// Whether the version has the file; else it was removed.
    pub present: bool,
}

impl Answer for Restored {
    const SCHEMA: &'static str = "ccc.memory.restore/1";

    fn render(&self) -> String {
        let what = if self.present { "restored" } else { "removed" };
        format!(
            "{what} {} as in {}\n",
            one_line(&self.path, 200),
            &self.from[..12]
        )
    }
}

/// `memory diff`, as a document.
#[derive(Debug, Serialize)]
pub struct Difference {
    /// The namespace.
    pub name: String,
    /// A patch from main to the namespace.
    pub patch: String,
}

impl Answer for Difference {
    const SCHEMA: &'static str = "ccc.memory.diff/1";

    fn render(&self) -> String {
        crate::base::text::block(&self.patch)
    }
}

/// `memory prune`.
#[derive(Debug, Serialize)]
pub struct Pruned {
    /// What was taken away: merged, and nobody's any more.
    pub pruned: Vec<String>,
    /// What was left, and why.
    pub kept: Vec<Kept>,
    /// Whether it only was looked at.
    pub dry_run: bool,
}

/// A namespace that was left.
#[derive(Debug, Serialize)]
pub struct Kept {
    /// Its name.
    pub name: String,
    /// Why.
    pub why: &'static str,
}

impl Answer for Pruned {
    const SCHEMA: &'static str = "ccc.memory.prune/1";

    fn render(&self) -> String {
        let mut out = String::new();
        for name in &self.pruned {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "pruned {name}");
        }
        for kept in &self.kept {
            let _ = writeln!(out, "kept {}: {}", kept.name, kept.why);
        }
        out
    }
}
