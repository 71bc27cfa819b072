//! `git ccc file …`.

mod look;
mod watch;

use super::{
    known::Known,
    logic::Edit,
    model::{Act, MAX_BYTES},
    order::{Base, Done, Input},
    place::{Place, Who},
    store::{self, Version},
    view::{Other, Pair, Written},
    write,
};
use crate::{
    base::text::shell,
    ctx::Ctx,
    error::{Context, Error, Kind, Result},
};
use clap::{Args, Subcommand};
use serde::Deserialize;
use std::{
    io::{IsTerminal, Read},
    path::PathBuf,
};

/// What can be done with shared files.
#[derive(Debug, Subcommand)]
pub enum FileCommand {
    /// Print a file, and note that this session has read it
    Cat(look::CatArgs),
    /// Show what changed: since this session read, or between versions
    Diff(look::DiffArgs),
    /// Replace a text, or add a line
    Edit(EditArgs),
    /// List the files that have versions
    List,
    /// Tell who changed a file, when, and whose lines went
    Log(look::LogArgs),
    /// Bring an older version back, as a new one
    Restore(RestoreArgs),
    /// Print each change of a file as it comes
    Watch(watch::WatchArgs),
    /// Write a file from stdin, merged with what others wrote since this session read it
    Write(WriteArgs),
}

/// Arguments of `file write`.
#[derive(Debug, Args)]
pub struct WriteArgs {
    /// The file
    pub path: PathBuf,
    /// Version that was read (a number, a commit, or none), if it was not with `file cat`
    #[arg(long, value_name = "VERSION")]
    pub base: Option<String>,
    /// Write what a refused write had meant instead of stdin
    #[arg(long, value_name = "VERSION", conflicts_with = "base")]
    pub kept: Option<String>,
    /// Write the bytes as they come: line ends and byte order mark too
    #[arg(long)]
    pub as_is: bool,
    /// Let stdin be empty: the file will be
    #[arg(long)]
    pub allow_empty: bool,
}

/// Arguments of `file edit`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(false))]
pub struct EditArgs {
    /// The file
    pub path: PathBuf,
    /// Text that stands there exactly once
    #[arg(
        long,
        value_name = "TEXT",
        requires = "new",
        group = "what",
        allow_hyphen_values = true
    )]
    pub old: Option<String>,
    /// What is to stand there
    #[arg(
        long,
        value_name = "TEXT",
        requires = "old",
        allow_hyphen_values = true
    )]
    pub new: Option<String>,
    /// Replace the text everywhere
    #[arg(long, requires = "old")]
    pub all: bool,
    /// Add a line at the end; the file need not exist
    #[arg(long, value_name = "LINE", group = "what", allow_hyphen_values = true)]
    pub append: Option<String>,
    /// Take one edit or a list from stdin: JSON of {"old", "new", "all"} or {"append"}
    #[arg(long, group = "what")]
    pub stdin: bool,
}

/// Arguments of `file restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The file
    pub path: PathBuf,
    /// Number or commit (default: the version before the newest)
    pub version: Option<String>,
}

/// Runs `git ccc file …`.
pub fn run(ctx: &Ctx, command: &FileCommand) -> Result<()> {
    match command {
        FileCommand::Cat(args) => look::cat(ctx, args),
        FileCommand::Diff(args) => look::diff(ctx, args),
        FileCommand::Edit(args) => edit(ctx, args),
        FileCommand::List => look::list(ctx),
        FileCommand::Log(args) => look::log(ctx, args),
        FileCommand::Restore(args) => restore(ctx, args),
        FileCommand::Watch(args) => watch::watch(ctx, args),
        FileCommand::Write(args) => write(ctx, args),
    }
}

fn write(ctx: &Ctx, args: &WriteArgs) -> Result<()> {
    let place = Place::find(ctx, &args.path)?;
    let who = Who::runs(ctx, &place.hub)?;
    let (bytes, base) = match (&args.kept, &args.base) {
        (Some(kept), _) => {
            let (bytes, base) = kept_input(&place, kept)?;
            (bytes, Base::Stated(base))
        }
        (None, Some(base)) => (
            input(args.allow_empty)?,
            Base::Stated(stated(&place, base)?),
        ),
        (None, None) => (input(args.allow_empty)?, Base::Known),
    };
    let input = Input::Whole {
        bytes,
        as_is: args.as_is,
    };
    let done = write::write(ctx, &place, &who, (input, base))?;
    answer(ctx, &place, &done)
}

/// Reads stdin, no more of it than a file may have.
fn input(allow_empty: bool) -> Result<Vec<u8>> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        return Err(
            Error::usage("the new content comes on stdin, and stdin is a terminal")
                .hint("git ccc help file write"),
        );
    }
    let mut bytes = Vec::new();
    let read = stdin
        .lock()
        .take(MAX_BYTES as u64 + 1)
        .read_to_end(&mut bytes);
    read.context(Kind::Usage, || "stdin cannot be read".to_owned())?;
    if bytes.len() > MAX_BYTES {
        return Err(super::error::too_large("stdin"));
    }
    if bytes.is_empty() && !allow_empty {
        return Err(Error::usage("there is nothing on stdin")
            .because("a file is emptied with --allow-empty only")
            .hint("git ccc help file write"));
    }
    Ok(bytes)
}

/// Returns what a stated base is.
fn stated(place: &Place, name: &str) -> Result<Known> {
    if name == "none" {
        return Ok(Known {
            blob: None,
            commit: None,
        });
    }
    Ok(Known::of(&store::by_name(place, name)?))
}

/// Returns what a refused write meant, and what its writer had read.
fn kept_input(place: &Place, name: &str) -> Result<(Vec<u8>, Known)> {
    let version = store::by_name(place, name)?;
    let meant = look::meant(place, &version)?;
    let bytes = store::content(&place.hub, meant.blob)?.unwrap_or_default();
    // Whoever had read nothing is merged as such: never over what it does not know.
    let base = match meant.before {
        Some(commit) => Known::of(&store::version(&place.hub, commit)?),
        None => Known {
            blob: None,
            commit: None,
        },
    };
    Ok((bytes, base))
}

fn edit(ctx: &Ctx, args: &EditArgs) -> Result<()> {
    let edits = edits(args)?;
    let place = Place::find(ctx, &args.path)?;
    let who = Who::runs(ctx, &place.hub)?;
    let done = write::write(ctx, &place, &who, (Input::Edits(edits), Base::Known))?;
    answer(ctx, &place, &done)
}

/// One edit in JSON.
#[derive(Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Given {
    Replace {
        old: String,
        new: String,
        #[serde(default)]
        all: bool,
    },
    Append {
        append: String,
    },
}

impl From<Given> for Edit {
    fn from(given: Given) -> Self {
        match given {
            Given::Replace { old, new, all } => Edit::Replace { old, new, all },
            Given::Append { append } => Edit::Append(append),
        }
    }
}

fn edits(args: &EditArgs) -> Result<Vec<Edit>> {
    if let (Some(old), Some(new)) = (&args.old, &args.new) {
        return Ok(vec![Edit::Replace {
            old: old.clone(),
            new: new.clone(),
            all: args.all,
        }]);
    }
    if let Some(line) = &args.append {
        return Ok(vec![Edit::Append(line.clone())]);
    }
    let bytes = input(false)?;
    let no_edits = || "stdin is no list of edits".to_owned();
    let value: serde_json::Value = serde_json::from_slice(&bytes).context(Kind::Usage, no_edits)?;
    let list = match value {
        serde_json::Value::Array(list) => list,
        one => vec![one],
    };
    let given: Result<Vec<Given>, _> = list.into_iter().map(serde_json::from_value).collect();
    let given = given.context(Kind::Usage, no_edits).map_err(|error| {
        error
            .because("each is {\"old\", \"new\", \"all\"} or {\"append\"}")
            .hint("git ccc help file edit")
    })?;
    Ok(given.into_iter().map(Edit::from).collect())
}

fn restore(ctx: &Ctx, args: &RestoreArgs) -> Result<()> {
    let place = Place::find(ctx, &args.path)?;
    let who = Who::runs(ctx, &place.hub)?;
    // What was changed without us is a version before it is replaced.
    let now = store::look_in_passing(ctx, &place)?;
    let version = match &args.version {
        Some(name) => store::by_name(&place, name)?,
        None => before(&place, now.tip)?,
    };
    let input = Input::Old(Box::new(version));
    let done = write::write(ctx, &place, &who, (input, Base::Known))?;
    answer(ctx, &place, &done)
}

/// Finds the newest version that is another than the file is now.
fn before(place: &Place, tip: Option<Version>) -> Result<Version> {
    let now = tip.as_ref().map(|tip| tip.blob);
    for version in store::walk(place, tip.map(|tip| tip.commit)) {
        let version = version?;
        if version.about.act != Act::Refused && Some(version.blob) != now && version.blob.is_some()
        {
            return Ok(version);
        }
    }
    Err(Error::no(format!("{} has no version before", place.shown))
        .hint(format!("git ccc file log {}", shell(&place.shown))))
}

fn answer(ctx: &Ctx, place: &Place, done: &Done) -> Result<()> {
    if let Some(number) = done.noticed {
        ctx.ui.note(&format!(
            "{} had been changed without git ccc: that is version {number}",
            place.shown
        ));
    }
    if done.linked {
        ctx.ui.warn(&format!(
            "{} had other names (hard links), which keep what was there",
            place.shown
        ));
    }
    ctx.ui.answer(&written(place, done))
}

/// Builds the view of what was done.
fn written(place: &Place, done: &Done) -> Written {
    let version = done.version.as_ref();
    Written {
        path: place.shown.clone(),
        version: version.map(|version| version.about.number),
        commit: version.map(|version| version.commit.to_string()),
        wrote: done.wrote,
        merged: done
            .merged
            .iter()
            .map(|(version, by)| Other {
                version: *version,
                by: by.clone(),
                lines: None,
            })
            .collect(),
        duplicates: done.duplicates.iter().map(Pair::from).collect(),
        noticed: done.noticed,
    }
}
