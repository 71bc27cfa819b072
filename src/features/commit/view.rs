//! How a commit is shown.

use super::model::Summary;
use crate::{base::text::one_line, ui::Answer};
use serde::Serialize;

/// `commit`: what was made, or what would be.
#[derive(Debug, Serialize)]
pub struct Committed {
    /// The commit; absent in a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The branch it is on; `null` when HEAD is detached.
    pub branch: Option<String>,
    /// The first line of its message.
    pub subject: String,
    /// Who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The paths it contains.
    pub paths: Vec<String>,
    /// Nothing was written.
    pub dry_run: bool,
    /// What a person is shown beside it.
    #[serde(skip)]
    pub summary: Summary,
    /// git has already shown it.
    #[serde(skip)]
    pub shown: bool,
}

impl Answer for Committed {
    const SCHEMA: &'static str = "ccc.commit/1";

    fn render(&self) -> String {
        if self.shown {
            return String::new();
        }
        if self.dry_run {
            let lines: Vec<String> = self.paths.iter().map(|path| one_line(path, 4096)).collect();
            return lines.join(
                "
",
            ) + "
";
        }
        let branch = self.branch.as_deref().unwrap_or("detached HEAD");
        let Summary {
            root,
            short,
            changes,
        } = &self.summary;
        let root = if *root { " (root-commit)" } else { "" };
        let subject = one_line(&self.subject, 200);
        format!("[{branch}{root} {short}] {subject}\n{changes}")
    }
}
