//! How sessions are shown.

use super::{logic::Life, model::Session};
use crate::{
    base::text::one_line,
    ui::{Answer, label, table},
};
use serde::Serialize;

/// One session as shown.
#[derive(Debug, Serialize)]
pub struct SessionView {
    /// The tag.
    pub tag: String,
    /// The readable name; a rename changes it and keeps the tag.
    pub name: String,
    /// `alive`, `dead` or `quiet`.
    pub life: &'static str,
    /// The program, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The agent's own conversation id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native: Option<String>,
    /// The host.
    pub host: String,
    /// The process id, if one stands for the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// The repository's common directory.
    pub repo: String,
    /// The worktree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worktree: Option<String>,
    /// The branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// What it is doing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// How far along it is, in its own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<String>,
    /// What it is about, a word each.
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub labels: std::collections::BTreeMap<String, String>,
    /// It was made for whoever comes to its worktree first, and nobody has come yet.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub prepared: bool,
    /// When it was registered.
    pub started: String,
    /// When it was last seen.
    pub beat: String,
}

impl SessionView {
    /// Builds the view of a session whose life is known.
    pub fn new(session: &Session, life: Life) -> Self {
        let record = &session.record;
        SessionView {
            tag: session.tag.to_string(),
            name: record.name.clone(),
            life: match life {
                Life::Alive => "alive",
                Life::Dead => "dead",
                Life::Quiet => "quiet",
            },
            agent: record.agent.clone(),
            native: record.native.clone(),
            host: record.host.clone(),
            pid: record.process.as_ref().map(|process| process.pid),
            repo: record.repo.clone(),
            worktree: record.worktree.clone(),
            branch: record.branch.clone(),
            task: record.task.clone(),
            progress: record.progress.clone(),
            labels: record.labels.clone(),
            prepared: record.prepared,
            started: record.started.to_string(),
            beat: record.beat.to_string(),
        }
    }

    fn row(&self, in_colour: bool) -> Vec<String> {
        let show = |text: &Option<String>| {
            text.as_deref()
                .map_or_else(|| "-".to_owned(), |text| one_line(text, 60))
        };
        vec![
            label::painted(&self.tag, &self.labels, in_colour),
            self.life.to_owned(),
            show(&self.agent),
            show(&self.branch),
            show(&self.worktree),
            show(&self.task),
            label::words(&self.labels),
        ]
    }
}

/// `session start`, `whoami`, `rename`, `set`: one session.
#[derive(Debug, Serialize)]
pub struct OneSession {
    /// The session.
    #[serde(flatten)]
    pub session: SessionView,
}

impl Answer for OneSession {
    const SCHEMA: &'static str = "ccc.session/1";

    fn render(&self) -> String {
        format!("{}\n", self.session.tag)
    }
}

/// `session show`: one session with all that is known of it.
#[derive(Debug, Serialize)]
pub struct SessionDetail {
    /// The session.
    #[serde(flatten)]
    pub session: SessionView,
    /// Where its agent wrote the conversation down; subagents' follow.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub transcripts: Vec<String>,
}

impl Answer for SessionDetail {
    const SCHEMA: &'static str = "ccc.session/1";

    fn render(&self) -> String {
        let view = &self.session;
        let line = |name: &str, value: &Option<String>| {
            value
                .as_ref()
                .map(|value| vec![name.to_owned(), one_line(value, 200)])
        };
        let mut rows = vec![
            vec!["session".to_owned(), view.tag.clone()],
            vec!["name".to_owned(), one_line(&view.name, 80)],
            vec!["life".to_owned(), view.life.to_owned()],
        ];
        rows.extend(line("agent", &view.agent));
        rows.extend(line("conversation", &view.native));
        for path in self.transcripts.iter().take(5) {
            rows.extend(line("transcript", &Some(path.clone())));
        }
        rows.extend(line("host", &Some(view.host.clone())));
        rows.extend(line("pid", &view.pid.map(|pid| pid.to_string())));
        rows.extend(line("worktree", &view.worktree));
        rows.extend(line("branch", &view.branch));
        rows.extend(line("task", &view.task));
        rows.extend(line("progress", &view.progress));
        let labels = label::words(&view.labels);
        rows.extend(line(
            "labels",
            &Some(labels).filter(|words| !words.is_empty()),
        ));
        rows.push(vec!["started".to_owned(), view.started.clone()]);
        rows.push(vec!["last seen".to_owned(), view.beat.clone()]);
        table::columns(&rows)
    }
}

/// `session list`, `who`: all sessions.
#[derive(Debug, Serialize)]
pub struct SessionList {
    /// The sessions, by tag.
    pub sessions: Vec<SessionView>,
    /// Refs whose record cannot be read: (tag, why).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<(String, String)>,
    /// Whoever looks sees colours.
    #[serde(skip)]
    pub in_colour: bool,
}

impl Answer for SessionList {
    const SCHEMA: &'static str = "ccc.session.list/1";

    fn render(&self) -> String {
        let row = |session: &SessionView| session.row(self.in_colour);
        let mut rows: Vec<_> = self.sessions.iter().map(row).collect();
        rows.extend(
            self.unreadable
                .iter()
                .map(|(tag, why)| vec![tag.clone(), "unreadable".to_owned(), one_line(why, 200)]),
        );
        table::columns(&rows)
    }
}
