//! Setting a worktree up that is there: session, leases, files that name them, memory, agents' settings, record, brief.
//!
//! Each step can be done again; what is there stays. The record is written after each step that others must know of.

use super::{lease, record};
use crate::{
    base::{
        text::one_line,
        time::{Ttl, parse_duration},
    },
    ctx::Ctx,
    error::{Error, Result},
    features::{
        claim::store::{self as claims, About},
        memory,
        session::{
            logic::{Life, life},
            model::Session,
            register::{self, Entry, Words},
            store::{self as sessions, ThisHost},
        },
        template::{
            logic::{Values, fill, lay_over},
            model::{Memory, Write},
            store::Found,
        },
        worktree::{
            logic::{brief, lease::wants},
            model::{Lease, Record, VERSION},
        },
    },
    fs::beneath::{Dir, Sort},
    git::{run, worktrees::Worktree},
};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    io::{ErrorKind, Read},
    path::Path,
};

/// What is wished for a worktree.
#[derive(Debug)]
pub struct Wish<'a> {
    /// Its name.
    pub name: String,
    /// The template.
    pub found: Option<&'a Found>,
    /// What it is for, in somebody's own words.
    pub task: Option<String>,
    /// Labels over those of the template.
    pub labels: BTreeMap<String, String>,
    /// What it began from: name and commit.
    pub base: Option<(String, String)>,
    /// Its branch was made with it.
    pub branch_made: bool,
}

/// A worktree that is set up.
#[derive(Debug)]
pub struct Equipped {
    /// What is known of it.
    pub record: Record,
    /// The session that is meant to work in it.
    pub session: Session,
    /// What whoever comes is told.
    pub brief: String,
    /// Where that stands.
    pub brief_path: String,
    /// The files that were written.
    pub written: Vec<String>,
    /// What could not be done, and why.
    pub left: Vec<String>,
}

/// Sets a worktree up; `ctx` stands in it.
pub fn equip(
    ctx: &Ctx,
    tree: &Worktree,
    wish: &Wish<'_>,
    agents: &dyn Fn(&Ctx) -> Result<()>,
) -> Result<Equipped> {
    let mut record = begin(ctx, tree, wish)?;
    let session = session(ctx, &record)?;
    record.session = Some(session.tag.clone());
    record::save(&tree.git_dir, &record)?;
    let mut left = Vec::new();
    if let Some(found) = wish.found {
        let ttl = lease_time(ctx, Some(found))?;
        let wants = wants(&found.template.lease, &record.leases);
        let had = std::mem::take(&mut record.leases);
        record.leases = lease::take(ctx, &session.tag, (&wants, &had), (&tree.git_dir, ttl))?;
        record::save(&tree.git_dir, &record)?;
    }
    let (written, unwritten) = put_all(tree, &record, wish.found);
    left.extend(unwritten);
    let forks = wish
        .found
        .is_none_or(|found| found.template.memory == Memory::Fork);
    if forks {
        match fork(ctx, tree) {
            Ok((name, note)) => {
                record.memory = Some(name);
                left.extend(note);
            }
            Err(error) => left.push(format!("memory: {error}")),
        }
    }
    if let Err(error) = agents(ctx) {
        left.push(format!("agents' settings: {error}"));
    }
    record::save(&tree.git_dir, &record)?;
    let brief = tell(ctx, &record, wish.found)?;
    let brief_path = record::save_brief(&tree.git_dir, &brief)?;
    Ok(Equipped {
        record,
        session,
        brief,
        brief_path,
        written,
        left,
    })
}

/// For how long a worktree's leases are taken.
pub(super) fn lease_time(ctx: &Ctx, found: Option<&Found>) -> Result<Ttl> {
    let stated = found.and_then(|found| found.template.lease_time().unwrap_or(None));
    stated.map_or_else(|| default_time(ctx), Ok)
}

fn default_time(ctx: &Ctx) -> Result<Ttl> {
    parse_duration(lease::TIME)
        .map_or_else(|_| ctx.settings().map(crate::settings::Settings::ttl), Ok)
}

/// Returns the record as far as it is known: the old one with what is new.
fn begin(ctx: &Ctx, tree: &Worktree, wish: &Wish<'_>) -> Result<Record> {
    let old = record::load(&tree.git_dir)?;
    let template = wish.found.map(|found| &found.template);
    let mut labels = template.map_or_else(BTreeMap::new, |template| template.labels.clone());
    if let Some(template) = template {
        labels.insert("kind".to_owned(), template.kind.clone());
        if let Some(colour) = &template.colour {
            labels.insert("colour".to_owned(), colour.clone());
        }
    }
    labels.extend(wish.labels.clone());
    let values = Values::from([("name".to_owned(), wish.name.clone())]);
    let before = old.as_ref().filter(|old| {
        // Set up once more as what it is, it is still for the same.
        let same = old.template == wish.found.map(|found| found.name.clone());
        template.is_none() || (same && !old.purpose.is_empty())
    });
    let purpose = match (&wish.task, before, template) {
        (Some(task), ..) => task.clone(),
        (None, Some(before), _) => before.purpose.clone(),
        (None, None, Some(template)) => {
            fill(&template.purpose, &values).unwrap_or_else(|_| template.purpose.clone())
        }
        (None, None, None) => String::new(),
    };
    let limits = template.map_or_else(Vec::new, |template| {
        let fill = |text: &String| fill(text, &values).unwrap_or_else(|_| text.clone());
        template.limits.iter().map(fill).collect()
    });
    let (base, base_commit) = wish.base.clone().unwrap_or_default();
    let mut record = old.unwrap_or(Record {
        v: VERSION,
        name: wish.name.clone(),
        template: None,
        kind: String::new(),
        purpose: String::new(),
        limits: Vec::new(),
        base,
        base_commit,
        made: ctx.now(),
        session: None,
        branch_made: wish.branch_made,
        memory: None,
        labels: BTreeMap::new(),
        leases: Vec::new(),
        checks: Vec::new(),
        extra: toml::Table::new(),
    });
    record.purpose = one_line(&purpose, 400);
    if let Some(found) = wish.found {
        record.template = Some(found.name.clone());
        record.kind.clone_from(&found.template.kind);
        record.limits = limits;
    }
    record.labels.extend(labels);
    Ok(record)
}

/// The sessions that are alive in the worktree, and no longer only prepared.
pub(super) fn workers(ctx: &Ctx) -> Result<Vec<Session>> {
    let repo = ctx.repo()?;
    let root = repo.require_worktree()?.display().to_string();
    let host = ThisHost::new();
    let mut here = sessions::load_readable(repo)?;
    here.retain(|session| {
        session.record.worktree.as_ref() == Some(&root)
            && !session.record.prepared
            && life(&session.record, &host, ctx.now()) == Life::Alive
    });
    Ok(here)
}

/// Finds who works in the worktree, else prepares a session for whoever comes.
fn session(ctx: &Ctx, record: &Record) -> Result<Session> {
    if let [one] = workers(ctx)?.as_slice() {
        return Ok(one.clone());
    }
    // One that was moved has its session still, prepared where it was before.
    let before = match &record.session {
        Some(tag) => sessions::load(ctx.repo()?, tag)?,
        None => None,
    };
    let before = before.filter(|(session, _)| session.record.prepared);
    let entry = Entry {
        name: record.name.clone(),
        task: Some(record.purpose.clone()).filter(|purpose| !purpose.is_empty()),
        agent: None,
        native: None,
        process: None,
        continues: before.map(|(session, _)| session.tag),
        words: Words::New,
    };
    register::prepare(ctx, &entry, &record.labels)
}

/// What stands for what in the files that a template writes.
pub fn values(tree: &Worktree, record: &Record) -> Values {
    let path = tree.path.display().to_string();
    let digest = Sha256::digest(path.as_bytes());
    let hash: String = digest
        .iter()
        .take(4)
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    let mut values = Values::from([
        ("name".to_owned(), record.name.clone()),
        ("path".to_owned(), path),
        ("hash".to_owned(), hash),
        ("kind".to_owned(), record.kind.clone()),
    ]);
    if let Some(tag) = &record.session {
        values.insert("session".to_owned(), tag.to_string());
    }
    for Lease { name, value, .. } in &record.leases {
        values.insert(name.clone(), value.clone());
    }
    values
}

/// Writes the files of a template; returns which, and what could not be written and why.
pub(super) fn put_all(
    tree: &Worktree,
    record: &Record,
    found: Option<&Found>,
) -> (Vec<String>, Vec<String>) {
    let (mut written, mut left) = (Vec::new(), Vec::new());
    for write in found.into_iter().flat_map(|found| &found.template.write) {
        match put(tree, record, write) {
            Ok(()) => written.push(write.path.clone()),
            Err(why) => left.push(format!("{}: {why}", one_line(&write.path, 200))),
        }
    }
    (written, left)
}

/// Writes one file of a template: a link in its place is left alone, and so is whatever a link leads to.
fn put(tree: &Worktree, record: &Record, write: &Write) -> Result<(), String> {
    let text = fill(&write.text, &values(tree, record))
        .map_err(|word| format!("nothing is known of {}", one_line(&word, 80)))?;
    let path = Path::new(&write.path);
    let put = || -> std::io::Result<()> {
        let root = Dir::root(&tree.path)?;
        let dir = root.descend(path.parent().unwrap_or(Path::new("")), true)?;
        let name = path.file_name().ok_or(ErrorKind::InvalidInput)?;
        let (mut old, mut mode) = (String::new(), 0o600);
        match dir.meta(name) {
            Ok(meta) if meta.sort == Sort::File => {
                mode = meta.mode;
                let file = dir.read(name)?;
                file.take(1 << 20).read_to_string(&mut old)?;
            }
            Ok(_) => return Err(std::io::Error::other("what is there is no file")),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        dir.replace(name, lay_over(&old, &text).as_bytes(), mode)
    };
    put().map_err(|error| error.to_string())
}

/// Gives the agent's memory a copy of its own, and lets Claude Code use it where that makes no file that git shows.
fn fork(ctx: &Ctx, tree: &Worktree) -> Result<(String, Option<String>)> {
    let repo = ctx.repo()?;
    let name = memory::place::own(ctx, None)?;
    let place = memory::place::Place::find(ctx)?;
    let guard = memory::store::lock(repo)?;
    memory::store::fork(ctx, &place, &name, &guard)?;
    drop(guard);
    let file = ".claude/settings.local.json";
    let ignored = run::read(repo).args(["check-ignore", "-q", "--", file]);
    // The folder may be a link that leads elsewhere.
    let plain = tree
        .path
        .join(".claude")
        .symlink_metadata()
        .map_or(true, |meta| meta.is_dir());
    let note = if plain && ignored.run()?.ok() {
        memory::place::point_claude(&tree.path, &place.of(&name))
            .err()
            .map(|error| error.to_string())
    } else {
        let at = place.of(&name).display().to_string();
        Some(format!(
            "{file}, for git does not ignore it: the memory of {name} is in {}",
            one_line(&at, 300)
        ))
    };
    Ok((name, note))
}

/// Says what whoever comes must know.
pub fn tell(ctx: &Ctx, record: &Record, found: Option<&Found>) -> Result<String> {
    let repo = ctx.repo()?;
    let snapshot = claims::load(repo, ctx.now(), About::Scopes(&[]))?;
    let mut held: Vec<String> = record
        .leases
        .iter()
        .map(|lease| format!("{}={}", lease.name, lease.value))
        .collect();
    if let Some(tag) = &record.session {
        let scopes = snapshot
            .state
            .held_by(tag)
            .flat_map(|claim| claim.record.scopes.iter().map(ToString::to_string));
        let leased = |scope: &String| record.leases.iter().any(|lease| lease.scope == *scope);
        held.extend(scopes.filter(|scope| !leased(scope)));
    }
    let host = ThisHost::new();
    let peers = sessions::load_readable(repo)?
        .into_iter()
        .filter(|session| Some(&session.tag) != record.session.as_ref())
        .filter(|session| !session.record.prepared)
        .filter(|session| life(&session.record, &host, ctx.now()) == Life::Alive)
        .map(|session| match &session.record.task {
            Some(task) => format!("{} ({task})", session.tag),
            None => session.tag.to_string(),
        });
    let checks = found
        .into_iter()
        .flat_map(|found| &found.template.check)
        .filter_map(|check| {
            let after = check.after?;
            let same = if check.same {
                ", the same as before"
            } else {
                ""
            };
            Some(format!("{} {}{same}", check.name, after.word()))
        });
    Ok(brief::brief(&brief::Facts {
        session: record.session.as_ref().map(ToString::to_string),
        branch: repo.branch(),
        base: record.base.clone(),
        kind: if record.kind.is_empty() {
            "worktree".to_owned()
        } else {
            record.kind.clone()
        },
        purpose: record.purpose.clone(),
        limits: record.limits.clone(),
        claims: held,
        checks: checks.collect(),
        peers: peers.collect(),
        steps: found.map_or_else(String::new, |found| found.steps.clone()),
    }))
}

/// Runs the hook of git that a checkout runs, where somebody has one.
pub fn post_checkout(ctx: &Ctx, commit: &str) -> Result<()> {
    let repo = ctx.repo()?;
    let zero = "0".repeat(commit.len());
    let cmd = run::on(repo)
        .args(["hook", "run", "--ignore-missing", "post-checkout", "--"])
        .args([zero.as_str(), commit, "1"]);
    let out = cmd.run()?;
    if out.ok() {
        return Ok(());
    }
    Err(Error::no("the repository's own post-checkout hook failed")
        .because(one_line(out.stderr_text().trim(), 300)))
}
