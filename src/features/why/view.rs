//! How the session behind a line is shown.

use super::model::{Clue, Sure};
use crate::{base::text, ui::Answer};
use serde::Serialize;
use std::fmt::Write as _;

/// The answer of `why`.
#[derive(Debug, Serialize)]
pub struct WhyView {
    /// The file, from the repository's root.
    pub file: String,
    /// The commit in which it was looked at, if one was named.
    pub rev: Option<String>,
    /// What is known, by commit: the one with the most lines first.
    pub findings: Vec<Finding>,
    /// Commits that brought lines too and were not looked at.
    pub more_commits: usize,
    /// The index was being written by another process: the newest may be missing.
    pub stale: bool,
}

/// Lines that one commit brought.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// The commit; none for what is not committed.
    pub commit: Option<String>,
    /// Its subject.
    pub summary: String,
    /// Its author.
    pub author: String,
    /// When it was written.
    pub at: Option<String>,
    /// The file's name in that commit.
    pub path: String,
    /// The lines: from and to.
    pub lines: Vec<(u32, u32)>,
    /// The first of them, secrets masked.
    pub text: String,
    /// The sessions, the likeliest first.
    pub sessions: Vec<Who>,
    /// The commit that wrote them, if this one only brought them to where they are.
    pub written_in: Option<String>,
}

impl Finding {
    /// Returns how far the best of it carries.
    pub fn sure(&self) -> Option<Sure> {
        self.sessions.first().map(|who| who.confidence)
    }
}

/// A session that may have written the lines.
#[derive(Debug, Default, Serialize)]
pub struct Who {
    /// How far the evidence carries.
    pub confidence: Sure,
    /// The session's tag in this repository.
    pub tag: Option<String>,
    /// The agent.
    pub agent: Option<String>,
    /// The conversation's id, as its agent knows it.
    pub session: Option<String>,
    /// Its title.
    pub title: Option<String>,
    /// Where it worked.
    pub project: Option<String>,
    /// The evidence.
    pub evidence: Vec<Clue>,
    /// Where it wrote the lines, or comes nearest to that.
    pub moment: Option<Place>,
    /// What a person had said last before that.
    pub prompt: Option<Prompt>,
    /// Its transcript, if it is still there.
    pub transcript: Option<String>,
    /// How to go on with it.
    pub resume: Option<String>,
}

/// A place in a transcript.
#[derive(Debug, Serialize)]
pub struct Place {
    /// What it is.
    pub role: &'static str,
    /// The tool, if it is of one.
    pub tool: Option<String>,
    /// When.
    pub at: Option<String>,
    /// The best part of it, secrets masked.
    pub snippet: String,
    /// The transcript, if it is still there.
    pub path: Option<String>,
    /// Where the record begins in it, in bytes.
    pub offset: u64,
    /// It is of a subagent.
    pub subagent: bool,
}

/// What a person said.
#[derive(Debug, Serialize)]
pub struct Prompt {
    /// When.
    pub at: Option<String>,
    /// What, secrets masked.
    pub text: String,
}

impl Answer for WhyView {
    const SCHEMA: &'static str = "ccc.why/1";

    fn render(&self) -> String {
        let mut out = String::new();
        for finding in &self.findings {
            let lines: Vec<String> = finding.lines.iter().copied().map(range).collect();
            let shown = lines.iter().take(8).cloned().collect::<Vec<_>>().join(" ");
            let more = if lines.len() > 8 { " …" } else { "" };
            let brought = match &finding.commit {
                None => "not committed".to_owned(),
                Some(commit) => format!(
                    "{} {} · {}, {}",
                    commit.get(..10).unwrap_or(commit),
                    text::one_line(&finding.summary, 72),
                    text::one_line(&finding.author, 40),
                    minute(finding.at.as_deref())
                ),
            };
            let file = text::one_line(&self.file, 200);
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{file}:{shown}{more}  {brought}");
            if let Some(origin) = &finding.written_in {
                let origin = origin.get(..10).unwrap_or(origin);
                let _ = writeln!(out, "  brought here; written in {origin}");
            }
            for who in &finding.sessions {
                render(&mut out, who);
            }
            if finding.sessions.is_empty() {
                out.push_str("  nothing is known of the session\n");
            }
        }
        if self.more_commits > 0 {
            let _ = writeln!(out, "{} more commits (--commits)", self.more_commits);
        }
        out
    }
}

fn range((from, to): (u32, u32)) -> String {
    match (from, to) {
        (from, to) if from == to => from.to_string(),
        (from, to) => format!("{from}-{to}"),
    }
}

fn minute(at: Option<&str>) -> String {
    let minute: String = at.unwrap_or_default().chars().take(16).collect();
    minute.replace('T', " ")
}

fn render(out: &mut String, who: &Who) {
    let tag = who.tag.as_deref().map(|tag| text::one_line(tag, 80));
    let mut names: Vec<String> = tag.into_iter().collect();
    if let (Some(agent), Some(id)) = (&who.agent, &who.session) {
        names.push(format!(
            "{} {}",
            text::one_line(agent, 20),
            text::one_line(id, 60)
        ));
    }
    names.extend(who.project.as_ref().map(|name| text::one_line(name, 40)));
    names.extend(
        who.title
            .as_ref()
            .map(|title| format!("“{}”", text::one_line(title, 80))),
    );
    // Writing to a String cannot fail.
    let _ = writeln!(out, "  {:<8} {}", who.confidence.word(), names.join(" · "));
    for clue in &who.evidence {
        let _ = writeln!(out, "    {}", text::one_line(&clue.says, 160));
    }
    if let Some(prompt) = &who.prompt {
        let at = minute(prompt.at.as_deref());
        let _ = writeln!(
            out,
            "    asked {at}: {}",
            text::one_line(prompt.text.trim(), 300)
        );
    }
    if let Some(moment) = &who.moment {
        let tool = moment.tool.as_deref().unwrap_or(moment.role);
        let at = minute(moment.at.as_deref());
        let _ = writeln!(out, "    {} {at}", text::one_line(tool, 40));
        let snippet = text::block(&moment.snippet);
        for line in snippet.lines().filter(|line| !line.trim().is_empty()) {
            let _ = writeln!(out, "    │ {line}");
        }
    }
    if let Some(resume) = &who.resume {
        let _ = writeln!(out, "    {}", text::one_line(resume, 120));
    }
}
