//! What search says.

pub mod live;

use crate::features::search::model::{Hit, Moment};
use crate::{base::text, ui::Answer};
use serde::Serialize;
use std::fmt::Write as _;

/// The answer of `search`.
#[derive(Debug, Serialize)]
pub struct SearchView {
    /// The query.
    pub query: String,
    /// The conversations, the best first.
    pub hits: Vec<Hit>,
    /// Conversations that fit, this part of the answer and all others.
    pub total: usize,
    /// What to ask with for the next ones.
    pub cursor: Option<String>,
    /// Words that stand nowhere.
    pub unmatched: Vec<String>,
    /// How it was found: `keyword`, `semantic` or `hybrid`.
    pub mode: &'static str,
    /// Why meaning could not be asked, or not of everything.
    pub degraded: Option<String>,
    /// The index was being written by another process: the newest may be missing.
    pub stale: bool,
    /// The answer is coloured.
    #[serde(skip)]
    pub colour: bool,
}

impl Answer for SearchView {
    const SCHEMA: &'static str = "ccc.search/1";

    fn render(&self) -> String {
        let mut out = String::new();
        for hit in &self.hits {
            render_hit(&mut out, hit, self.colour);
        }
        out
    }
}

fn render_hit(out: &mut String, hit: &Hit, colour: bool) {
    let (bold, dim, off) = if colour {
        ("\x1b[1m", "\x1b[2m", "\x1b[0m")
    } else {
        ("", "", "")
    };
    let title = text::one_line(hit.title.as_deref().unwrap_or("(no title)"), 100);
    let mut facts = vec![
        hit.agent.clone(),
        hit.tag.clone().unwrap_or_else(|| hit.session.clone()),
    ];
    facts.extend(hit.project.clone());
    facts.extend(hit.branches.last().cloned());
    facts.extend(
        hit.last
            .as_ref()
            .map(|last| last.chars().take(16).collect::<String>().replace('T', " ")),
    );
    let facts: Vec<String> = facts.iter().map(|fact| text::one_line(fact, 80)).collect();
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{bold}{title}{off}\n  {dim}{}{off}", facts.join(" · "));
    for moment in &hit.moments {
        render_moment(out, moment, colour);
    }
    if !hit.missing.is_empty() {
        let _ = writeln!(
            out,
            "  {dim}without: {}{off}",
            text::one_line(&hit.missing.join(" "), 100)
        );
    }
    if let Some(resume) = &hit.resume {
        let _ = writeln!(out, "  {dim}{}{off}", text::one_line(resume, 120));
    }
    out.push('\n');
}

fn render_moment(out: &mut String, moment: &Moment, colour: bool) {
    let mut head = moment.role.to_owned();
    if let Some(tool) = &moment.tool {
        let _ = write!(head, " {}", text::one_line(tool, 40));
    }
    if let Some(at) = &moment.at {
        let _ = write!(
            head,
            " {}",
            at.chars().take(16).collect::<String>().replace('T', " ")
        );
    }
    for line in moment.around.iter().filter(|line| !line.after) {
        let _ = writeln!(
            out,
            "  ⋮ {}: {}",
            line.role,
            text::one_line(&line.text, 160)
        );
    }
    let _ = writeln!(out, "  {head}");
    let shown = if colour {
        marked(&moment.snippet, &moment.highlights)
    } else {
        text::block(&moment.snippet)
    };
    for line in shown.lines().filter(|line| !line.trim().is_empty()) {
        let _ = writeln!(out, "  │ {line}");
    }
    for line in moment.around.iter().filter(|line| line.after) {
        let _ = writeln!(
            out,
            "  ⋮ {}: {}",
            line.role,
            text::one_line(&line.text, 160)
        );
    }
}

/// Returns a snippet with its words marked; its own control characters are escaped.
fn marked(snippet: &str, marks: &[(usize, usize)]) -> String {
    let chars: Vec<char> = snippet.chars().collect();
    let part = |from: usize, to: usize| {
        chars[from.min(chars.len())..to.min(chars.len())]
            .iter()
            .collect::<String>()
    };
    let mut out = String::new();
    let mut at = 0;
    for (from, to) in marks.iter().filter(|(from, to)| from < to) {
        if *from >= at {
            let _ = write!(
                out,
                "{}\x1b[1;33m{}\x1b[0m",
                text::block(&part(at, *from)),
                text::block(&part(*from, *to))
            );
            at = *to;
        }
    }
    out.push_str(&text::block(&part(at, chars.len())));
    out
}

/// The answer of `index`.
#[derive(Debug, Default, Serialize)]
pub struct IndexView {
    /// Where the index is.
    pub directory: String,
    /// Transcripts that are there.
    pub files: u64,
    /// Transcripts that were read from just now.
    pub read: u64,
    /// Those of them that were not what they had been.
    pub read_again: u64,
    /// Transcripts that had moved.
    pub moved: u64,
    /// Transcripts that are gone; their text is kept.
    pub gone: u64,
    /// Bytes that were read just now.
    pub bytes: u64,
    /// Documents that were added just now.
    pub added: u64,
    /// Records that stand in another transcript too and were passed over.
    pub copies: u64,
    /// Documents in the index.
    pub documents: u64,
    /// Bytes of the index.
    pub size: u64,
    /// What could not be read, and why.
    pub unreadable: Vec<Unreadable>,
    /// Records by agent and type, where they were asked for.
    pub records: std::collections::BTreeMap<String, u64>,
    /// Lines that are no JSON.
    pub broken: u64,
    /// What semantic search has, unless it is switched off.
    pub vectors: Option<VectorsView>,
    /// Another process was writing.
    pub busy: bool,
}

/// The vectors of semantic search.
#[derive(Debug, Serialize)]
pub struct VectorsView {
    /// What made them.
    pub embedder: String,
    /// Passages that have one.
    pub passages: usize,
    /// Those of them that were embedded just now.
    pub added: u64,
    /// Passages that have none yet.
    pub left: u64,
    /// Why there are no more.
    pub why: Option<String>,
}

/// Something that could not be read.
#[derive(Debug, Serialize)]
pub struct Unreadable {
    /// What.
    pub path: String,
    /// Why.
    pub why: String,
}

impl Answer for IndexView {
    const SCHEMA: &'static str = "ccc.index/1";

    fn render(&self) -> String {
        let mut out = String::new();
        if self.busy {
            out.push_str("another process is writing the index\n");
        }
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "{} transcripts, {} read now ({} new documents); {} documents, {} MB in {}",
            self.files,
            self.read,
            self.added,
            self.documents,
            self.size.div_ceil(1_000_000),
            self.directory
        );
        for (name, count) in [
            (
                "read again, for they were not what they had been",
                self.read_again,
            ),
            ("moved", self.moved),
            ("gone; their text is kept", self.gone),
            (
                "records passed over, for another transcript has them",
                self.copies,
            ),
            ("lines that are no JSON", self.broken),
        ] {
            if count > 0 {
                let _ = writeln!(out, "  {count} {name}");
            }
        }
        if let Some(vectors) = self.vectors.as_ref().filter(|vectors| vectors.left > 0) {
            let why = vectors.why.as_deref().unwrap_or("not asked yet");
            let _ = writeln!(
                out,
                "  {} passages cannot be found by meaning yet: {}",
                vectors.left,
                text::one_line(why, 200)
            );
        }
        for item in &self.unreadable {
            let _ = writeln!(
                out,
                "  cannot read {}: {}",
                text::one_line(&item.path, 200),
                text::one_line(&item.why, 200)
            );
        }
        for (kind, count) in &self.records {
            let _ = writeln!(out, "  {count:>9} {}", text::one_line(kind, 80));
        }
        out
    }
}
