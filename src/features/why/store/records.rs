//! What records say of commits: trailers, the log, notes of authorship.

use crate::{
    error::Result,
    features::{
        commit::model::TRAILER,
        why::{
            logic::note,
            model::{Blamed, Clue, Named, Sure, Trace},
        },
    },
    git::{Repo, log, refs, run},
};
use std::collections::BTreeMap;

/// So many entries of the log are looked at.
const ENTRIES: usize = 20_000;
/// An entry is written after its commit, by clocks that may differ.
const SLACK: i64 = 24 * 3600;
/// Where notes of authorship are.
const NOTES: &str = "refs/notes/ai";
/// Another tool's trailer, with a conversation in an address or bare.
const CONVERSATION: &str = "Claude-Session";

/// What records say of a commit: the sessions they name.
pub type Makers = BTreeMap<String, Vec<(Named, Clue)>>;

/// Reads what the trailers and the log say of commits.
pub fn makers(repo: &Repo, blamed: &[Blamed]) -> Result<Makers> {
    let mut found = Makers::new();
    let commits: Vec<&str> = blamed
        .iter()
        .filter_map(|blamed| blamed.commit.as_deref())
        .collect();
    if commits.is_empty() {
        return Ok(found);
    }
    trailers(repo, &commits, &mut found)?;
    let oldest = blamed
        .iter()
        .filter(|blamed| blamed.commit.is_some())
        .map(|blamed| blamed.committed)
        .min();
    logged(repo, &commits, oldest.unwrap_or(0) - SLACK, &mut found)?;
    Ok(found)
}

fn trailers(repo: &Repo, commits: &[&str], found: &mut Makers) -> Result<()> {
    let values = |key: &str| format!("%(trailers:key={key},valueonly)");
    let format = format!(
        "--format=%H%x00{}%x00{}%x01",
        values(TRAILER),
        values(CONVERSATION)
    );
    let cmd = run::read(repo)
        .args(["show", "--no-patch", "--no-notes", "--no-show-signature"])
        .arg(format)
        .args(commits);
    let out = run::checked(cmd, "read messages of commits")?;
    for record in out.stdout_text().split('\x01') {
        let mut fields = record.trim_start().split('\0');
        let (Some(commit), Some(ours), Some(theirs)) =
            (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let list = |text: &str| -> Vec<String> {
            let lines = text.lines().map(str::trim);
            let lines = lines.filter(|line| !line.is_empty());
            lines
                .take(8)
                .map(|line| line.chars().take(200).collect())
                .collect()
        };
        let (ours, theirs) = (list(ours), list(theirs));
        // A squashed commit has the trailers of all it was made of.
        let confidence = if ours.len() + theirs.len() == 1 {
            Sure::Certain
        } else {
            Sure::Likely
        };
        let all = found.entry(commit.to_owned()).or_default();
        for tag in ours {
            let says = format!("the commit says {TRAILER}: {tag}");
            all.push((Named::Tag(tag), clue("trailer", says, confidence)));
        }
        for value in theirs {
            let says = format!("the commit says {CONVERSATION}: {value}");
            let id = value.rsplit('/').next().unwrap_or(&value).to_owned();
            let named = Named::Conversation(Some("claude".to_owned()), id);
            all.push((named, clue("trailer", says, confidence)));
        }
    }
    Ok(())
}

fn clue(kind: &'static str, says: String, confidence: Sure) -> Clue {
    Clue {
        kind,
        says,
        confidence,
    }
}

fn logged(repo: &Repo, commits: &[&str], since: i64, found: &mut Makers) -> Result<()> {
    let Some(tip) = refs::find(repo, log::REF)? else {
        return Ok(());
    };
    let mut left = commits.len();
    for entry in log::walk(repo, tip).take(ENTRIES) {
        let entry = entry?;
        if left == 0 || entry.at.unix() < since {
            break;
        }
        let made = entry.trailers("Ccc-Commit");
        let rewritten = entry.trailers("Ccc-Rewrite");
        let rewritten = rewritten.filter_map(|pair| Some(pair.split_once(' ')?.1));
        for made in made.chain(rewritten).filter(|made| commits.contains(made)) {
            left = left.saturating_sub(1);
            if let Some(tag) = entry.trailers(TRAILER).next() {
                let says = format!("entry {} of the log: {tag} committed it", entry.fence);
                let named = (Named::Tag(tag.to_owned()), clue("log", says, Sure::Certain));
                found.entry(made.to_owned()).or_default().push(named);
            }
        }
    }
    Ok(())
}

/// Reads whom a note of authorship names for the lines.
pub fn noted(repo: &Repo, blamed: &Blamed) -> Result<Vec<(Named, Clue)>> {
    let Some(commit) = &blamed.commit else {
        return Ok(Vec::new());
    };
    if refs::find(repo, NOTES)?.is_none() {
        return Ok(Vec::new());
    }
    let out = run::read(repo)
        .args(["notes", "--ref", NOTES, "show", commit])
        .run()?;
    if !out.ok() {
        // A commit without a note.
        return Ok(Vec::new());
    }
    let lines: Vec<u32> = blamed.lines.iter().map(|line| line.original).collect();
    let authors = note::authors(&out.stdout_text(), &blamed.path, &lines);
    let named = authors.into_iter().take(8).map(|(agent, id)| {
        let says = format!("{NOTES} says: {agent} {id}");
        (
            Named::Conversation(Some(agent), id),
            clue("note", says, Sure::Certain),
        )
    });
    Ok(named.collect())
}

/// Makes a trace of a session that a record names, under what is known of it.
pub fn trace(named: Named, clue: Clue) -> Trace {
    let (tag, native) = match named {
        Named::Tag(tag) => (Some(tag), None),
        Named::Conversation(agent, id) => (None, Some((agent, id))),
    };
    Trace {
        tag,
        native,
        clues: vec![clue],
        ..Trace::default()
    }
}
