//! The room, the log and what else a repository keeps as sources: what was said and done since they were read last.

use super::{
    cursor::Cursor,
    ingest::{From, Ingest, Place},
    papers, record,
};
use crate::{
    error::Result,
    features::{
        chat::{model::Message, store as chat},
        search::{
            model::{Block, Role, Source},
            readers::hash,
        },
    },
    git::{
        Oid, Repo,
        history::{self, Bound},
        log, refs,
    },
};
use std::{borrow::Cow, os::unix::ffi::OsStrExt};

/// What a chain of commits holds that is new.
#[derive(Debug)]
pub struct News {
    pub(super) cursor: Cursor,
    pub(super) source: Source,
    pub(super) said: Vec<Said>,
    /// It takes the place of what was read before.
    pub(super) anew: bool,
}

/// One message or entry.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) role: Role,
    pub(super) record: String,
    pub(super) text: String,
    pub(super) at: i64,
    /// Under what it is shown: the thread, the session that did it, the file.
    pub(super) under: String,
    pub(super) room: String,
    pub(super) paths: Vec<String>,
}

/// Looks for what is new.
pub fn news(repo: &Repo, cursors: &[Cursor]) -> Result<Vec<News>> {
    let mut all = Vec::new();
    if let Some(tip) = chat::tip(repo)? {
        all.extend(of_chain(repo, cursors, "room", tip, room)?);
    }
    if let Some(tip) = refs::find(repo, log::REF)? {
        all.extend(of_chain(repo, cursors, "log", tip, entries)?);
    }
    all.extend(papers::news(repo, cursors)?);
    Ok(all)
}

fn of_chain(
    repo: &Repo,
    cursors: &[Cursor],
    agent: &str,
    tip: Oid,
    read: fn(&Repo, Oid, Option<Oid>) -> Result<Vec<Said>>,
) -> Result<Option<News>> {
    let id = hash(
        &[
            agent.as_bytes(),
            b" ",
            repo.common_dir().as_os_str().as_bytes(),
        ]
        .concat(),
    );
    let known = cursors.iter().find(|cursor| cursor.id == id);
    let mark = tip.to_string();
    if known.is_some_and(|cursor| cursor.mark == mark) {
        return Ok(None);
    }
    let after = known.and_then(|cursor| Oid::from_hex(cursor.mark.as_bytes()).ok());
    let said = read(repo, tip, after.filter(|oid| repo.gix().has_object(*oid)))?;
    let cursor = Cursor {
        id,
        agent: agent.to_owned(),
        path: repo.common_dir().to_owned(),
        mark,
        ..Cursor::default()
    };
    let place = repo
        .worktree()
        .unwrap_or(repo.common_dir())
        .display()
        .to_string();
    let mut source = Source {
        agent: agent.to_owned(),
        session: format!("{}-{id:016x}", repo.name()),
        path: repo.common_dir().display().to_string(),
        dirs: vec![place],
        ..Source::default()
    };
    source.titles[0] = Some(format!("{agent} of {}", repo.name()));
    for said in &said {
        source.at(said.at);
    }
    Ok(Some(News {
        cursor,
        source,
        said,
        anew: false,
    }))
}

/// Adds what is new.
pub fn add(ingest: &mut Ingest<'_>, cursors: &mut Vec<Cursor>, news: News) -> Result<()> {
    let News {
        cursor,
        mut source,
        said,
        anew,
    } = news;
    if anew {
        ingest.forget(cursor.id);
    } else if let Some(known) = ingest.source(cursor.id)? {
        for time in known.span.iter().flat_map(|(first, last)| [*first, *last]) {
            source.at(time);
        }
    }
    let mut owners = Vec::new();
    for said in said {
        let session =
            record::conversation(&source.agent, &format!("{}/{}", source.session, said.under));
        let mut from = From {
            id: cursor.id,
            session,
            owners: &mut owners,
        };
        let mut place = Place {
            offset: said.at.unsigned_abs() / 1000,
            piece: 0,
        };
        let block = Block {
            role: said.role,
            text: Cow::Owned(said.text),
            time: Some(said.at),
            record: Cow::Owned(said.record),
            tool: Cow::Owned(said.under),
            paths: said.paths,
        };
        ingest.add(&mut from, &mut place, &block, &[("room", &said.room)])?;
    }
    ingest.describe(&source, cursor.id)?;
    match cursors.iter_mut().find(|known| known.id == cursor.id) {
        Some(known) => *known = cursor,
        None => cursors.push(cursor),
    }
    Ok(())
}

fn room(repo: &Repo, tip: Oid, after: Option<Oid>) -> Result<Vec<Said>> {
    let bounds: Vec<Bound> = after.map(Bound::At).into_iter().collect();
    let links = match bounds.as_slice() {
        [] => history::newest(repo, Some(tip)).collect::<Result<Vec<_>>>()?,
        bounds => history::span(repo, tip, bounds, usize::MAX)?.links,
    };
    Ok(links.iter().filter_map(chat::message).map(said).collect())
}

fn said(message: Message) -> Said {
    let to: Vec<String> = message.about.to.iter().map(ToString::to_string).collect();
    let whom = if to.is_empty() {
        String::new()
    } else {
        format!(" → {}", to.join(", "))
    };
    Said {
        role: Role::Message,
        record: message.id.to_string(),
        text: format!("{}{whom}: {}", message.from, message.text),
        at: message.at.unix() * 1000,
        under: message.thread().to_string(),
        room: message.about.room.to_string(),
        paths: message.about.paths,
    }
}

fn entries(repo: &Repo, tip: Oid, after: Option<Oid>) -> Result<Vec<Said>> {
    let mut all = Vec::new();
    for entry in log::walk(repo, tip) {
        let entry = entry?;
        if Some(entry.oid) == after {
            break;
        }
        let under = entry
            .trailers("Ccc-Session")
            .next()
            .unwrap_or("git-ccc")
            .to_owned();
        all.push(Said {
            role: Role::Log,
            record: entry.oid.to_string(),
            at: entry.at.unix() * 1000,
            under,
            room: String::new(),
            paths: Vec::new(),
            text: entry.message,
        });
    }
    Ok(all)
}
