//! One commit's question: all evidence gathered, put together, and shown.

use crate::{
    base::secrets::mask,
    error::Result,
    features::{
        search::{
            logic::{query::Expr, snippet::snippet, wanted},
            model::Source,
            readers,
            store::open::shown as moment_of,
        },
        session::model::Session,
        why::{
            logic::{
                telling::{self, Mention},
                weigh,
            },
            model::{Blamed, Clue, Spot, Sure, Trace},
            store::{history, records, records::Makers, transcripts::Transcripts},
            view::{Place, Prompt, Who},
        },
    },
    git::Repo,
};

/// So many of the lines that are asked about are looked for.
const ASKED: usize = 24;
/// So many others of the same change.
const NEAR: usize = 16;
/// Clocks differ by so much, in milliseconds.
const SLACK: i64 = 10 * 60 * 1000;
/// Who worked on the file so long before the commit was there, in milliseconds.
const WINDOW: i64 = 12 * 3600 * 1000;
/// About so many bytes of a moment are shown.
const WIDTH: usize = 280;

/// What one commit is asked with.
#[derive(Debug)]
pub(super) struct Inquiry<'i> {
    pub repo: &'i Repo,
    pub known: &'i [Session],
    pub makers: Makers,
    pub index: Option<Transcripts<'i>>,
    pub limit: usize,
}

impl Inquiry<'_> {
    /// Finds the sessions behind lines; and says what was looked at without finding any.
    pub fn ask(&self, blamed: &Blamed) -> Result<(Vec<Who>, Vec<String>)> {
        let mut without = Vec::new();
        let mut recorded: Vec<Trace> = Vec::new();
        if let Some(commit) = &blamed.commit {
            let named = self.makers.get(commit).cloned().unwrap_or_default();
            if named.is_empty() {
                without.push("its message has no Ccc-Session and the log no entry".to_owned());
            }
            let noted = records::noted(self.repo, blamed)?;
            if noted.is_empty() {
                without.push("no note of authorship".to_owned());
            }
            let all = named.into_iter().chain(noted);
            recorded.extend(all.map(|(named, clue)| records::trace(named, clue)));
        }
        for trace in &mut recorded {
            self.resolve(trace)?;
        }
        let (mut asked, mut traces) = (Vec::new(), Vec::new());
        match &self.index {
            Some(index) => {
                asked = telling_lines(blamed);
                traces = self.written(index, blamed, &asked, &mut without)?;
            }
            None => without.push("there is no index of transcripts".to_owned()),
        }
        // Where a session wrote the lines is a better place to show than where it is named.
        traces.extend(recorded);
        let merged = weigh::merge(traces);
        let shown = merged.iter().take(self.limit);
        let who = shown.map(|trace| self.who(trace, blamed, &asked));
        Ok((who.collect::<Result<_>>()?, without))
    }

    /// Finds the conversation of whom a record names.
    fn resolve(&self, trace: &mut Trace) -> Result<()> {
        if let Some(tag) = &trace.tag {
            let session = self.known.iter().find(|known| known.tag.as_str() == tag);
            let native = session.and_then(|known| {
                let id = known.record.native.clone()?;
                Some((known.record.agent.clone(), id))
            });
            trace.native = trace.native.take().or(native);
        }
        if let (Some(index), Some((agent, id))) = (&self.index, &trace.native) {
            let spot = index.conversation(agent.as_deref(), id)?;
            trace.session = spot.map(|spot| spot.session);
        }
        Ok(())
    }

    /// Asks the transcripts, the strongest evidence first.
    fn written(
        &self,
        index: &Transcripts<'_>,
        blamed: &Blamed,
        asked: &[String],
        without: &mut Vec<String>,
    ) -> Result<Vec<Trace>> {
        let until = match blamed.commit {
            Some(_) => blamed.committed * 1000 + SLACK,
            None => index.now + SLACK,
        };
        // A commit that was rebased was written when its author says.
        let (touched, within) = index.touched(&blamed.path, &hours(blamed, until))?;
        let near = self.neighbours(blamed, asked)?;
        let mut sought = Vec::new();
        for (line, is_asked) in asked
            .iter()
            .map(|line| (line, true))
            .chain(near.iter().map(|line| (line, false)))
        {
            sought.push(index.line(line, is_asked, until)?);
        }
        let mut traces = weigh::writers(&sought, &touched, until);
        if traces.is_empty() {
            without.push(format!("no tool was given any of {} lines", sought.len()));
        }
        let makers = match &blamed.commit {
            Some(commit) => index.makers(commit, blamed.committed * 1000)?,
            None => Vec::new(),
        };
        if makers.is_empty() && blamed.commit.is_some() {
            without.push("no tool's answer names the commit".to_owned());
        }
        let (made, named): (Vec<_>, Vec<_>) = makers
            .into_iter()
            .partition(|(mention, _)| *mention == Mention::Made);
        let says = "git commit told it the commit's name";
        traces.extend(
            made.iter()
                .map(|(_, spot)| found(*spot, "commit_output", says, Sure::Certain)),
        );
        let says = "it saw the commit's name when that was new";
        traces.extend(
            named
                .iter()
                .map(|(_, spot)| found(*spot, "commit_output", says, Sure::Likely)),
        );
        if within.is_empty() {
            without.push("nobody worked on the file in the hours before".to_owned());
        }
        let says = "it worked on the file in the hours before";
        traces.extend(
            within
                .iter()
                .map(|spot| found(*spot, "window", says, Sure::Guess)),
        );
        Ok(traces)
    }

    /// Chooses other lines of the same change: the nearest of the same file, then those of others.
    fn neighbours(&self, blamed: &Blamed, asked: &[String]) -> Result<Vec<String>> {
        let added = history::added(self.repo, blamed)?;
        let far = |number: u32| {
            let all = blamed
                .lines
                .iter()
                .map(|line| line.original.abs_diff(number));
            all.min().unwrap_or(u32::MAX)
        };
        let mut all: Vec<(bool, u32, String)> = Vec::new();
        for file in &added {
            let other = file.path != blamed.path;
            for (number, text) in &file.lines {
                let distance = if other { *number } else { far(*number) };
                all.push((other, distance, telling::normal(text)));
            }
        }
        all.retain(|(_, _, line)| telling::tells(line) && !asked.contains(line));
        all.sort();
        let mut near: Vec<String> = Vec::new();
        for (_, _, line) in all {
            if near.len() < NEAR && !near.contains(&line) {
                near.push(line);
            }
        }
        Ok(near)
    }

    fn who(&self, trace: &Trace, blamed: &Blamed, asked: &[String]) -> Result<Who> {
        let mut who = Who {
            confidence: trace.sure(),
            tag: trace.tag.clone(),
            agent: trace.native.as_ref().and_then(|(agent, _)| agent.clone()),
            session: trace.native.as_ref().map(|(_, id)| id.clone()),
            evidence: trace.clues.iter().map(masked).collect(),
            ..Who::default()
        };
        let (Some(index), Some(session)) = (&self.index, trace.session) else {
            return Ok(who);
        };
        let before = match (&trace.spot, &blamed.commit) {
            (Some(spot), _) if spot.time > 0 => spot.time,
            (_, Some(_)) => blamed.committed * 1000 + SLACK,
            _ => i64::MAX,
        };
        let prompt = index.prompt(session, before)?;
        let spot = trace.spot.or(prompt.as_ref().map(|(spot, _)| *spot));
        if let Some((spot, shown)) = &prompt {
            who.prompt = Some(Prompt {
                at: moment_of(spot.time),
                text: mask(&shown.text).into_owned(),
            });
        }
        let spot = match (spot, &trace.native) {
            (None, Some((agent, id))) => index.conversation(agent.as_deref(), id)?,
            (spot, _) => spot,
        };
        let Some(spot) = spot else {
            return Ok(who);
        };
        let source = index.source(&spot)?;
        if let Some(spot) = &trace.spot {
            who.moment = Some(moment(index, spot, &source, asked)?);
        }
        self.name(&mut who, &source);
        Ok(who)
    }

    /// Says what is known of a conversation.
    fn name(&self, who: &mut Who, source: &Source) {
        let id = source.conversation().to_owned();
        let session = self.known.iter().find(|known| {
            known.record.native.as_ref() == Some(&id)
                && known.record.agent.as_ref() == Some(&source.agent)
        });
        who.tag = who
            .tag
            .take()
            .or_else(|| session.map(|known| known.tag.to_string()));
        who.title = source.title().map(|title| mask(title).into_owned());
        who.project = source
            .dirs
            .first()
            .and_then(|dir| std::path::Path::new(dir).file_name())
            .map(|name| name.to_string_lossy().into_owned());
        who.transcript = (!source.gone).then(|| source.path.clone());
        who.resume = readers::of_agent(&source.agent)
            .filter(|_| !source.gone)
            .map(|reader| reader.resume(&id));
        who.agent = Some(source.agent.clone());
        who.session = Some(id);
    }
}

/// Returns the times in which whoever made a change worked on it; one that was rebased was written when its author says.
fn hours(blamed: &Blamed, until: i64) -> Vec<(i64, i64)> {
    let mut hours = vec![(until - SLACK - WINDOW, until)];
    if blamed.commit.is_some() {
        let written = blamed.authored * 1000;
        hours.push((written - WINDOW, written + SLACK));
    }
    hours
}

fn telling_lines(blamed: &Blamed) -> Vec<String> {
    let mut asked: Vec<String> = Vec::new();
    for line in &blamed.lines {
        let line = telling::normal(&line.text);
        if asked.len() < ASKED && telling::tells(&line) && !asked.contains(&line) {
            asked.push(line);
        }
    }
    asked
}

fn found(spot: Spot, kind: &'static str, says: &str, confidence: Sure) -> Trace {
    Trace {
        session: Some(spot.session),
        clues: vec![Clue {
            kind,
            says: says.to_owned(),
            confidence,
        }],
        spot: Some(spot),
        ..Trace::default()
    }
}

fn masked(clue: &Clue) -> Clue {
    Clue {
        says: mask(&clue.says).into_owned(),
        ..clue.clone()
    }
}

fn moment(
    index: &Transcripts<'_>,
    spot: &Spot,
    source: &Source,
    asked: &[String],
) -> Result<Place> {
    let shown = index.show(spot)?;
    let tool = shown.tool.clone().unwrap_or_default();
    let here = asked
        .iter()
        .find(|line| telling::has(&shown.text, &tool, line));
    let wanted = here.map(|line| wanted::wanted(&Expr::Phrase(telling::phrase(line).to_owned())));
    let best = snippet(&mask(&shown.text), &wanted.unwrap_or_default(), WIDTH, true);
    Ok(Place {
        role: shown.role.word(),
        tool: shown.tool,
        at: moment_of(spot.time),
        snippet: best.text,
        path: (!source.gone).then(|| source.path.clone()),
        offset: spot.place >> 16,
        subagent: source.parent.is_some(),
    })
}
