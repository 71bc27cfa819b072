//! The options that say what a message is and whom it is for, shared by every command that posts.

use crate::{
    base::id::RoomName,
    ctx::Ctx,
    error::{Context, Error, Kind, Result},
    features::chat::{
        draft,
        model::{self, MAX_TEXT, Priority},
    },
};
use clap::Args;
use std::{
    io::Read,
    path::{Path, PathBuf},
};

/// Where the text comes from.
#[derive(Debug, Args)]
pub struct Text {
    /// What to say
    #[arg(value_name = "TEXT", conflicts_with = "file")]
    text: Option<String>,
    /// Take the text from a file, - for stdin
    #[arg(short = 'F', long, value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Text {
    /// Returns the text, or `default` if there is none on the command line.
    pub fn read(&self, ctx: &Ctx, default: Option<&str>) -> Result<String> {
        match (&self.text, &self.file) {
            (Some(text), _) => Ok(text.clone()),
            (None, Some(file)) => read_file(ctx, file),
            (None, None) => default.map(str::to_owned).ok_or_else(|| {
                Error::usage("there is nothing to say").hint("git ccc chat post TEXT")
            }),
        }
    }
}

fn read_file(ctx: &Ctx, file: &Path) -> Result<String> {
    // One byte more than is allowed tells what is too long.
    let cap = MAX_TEXT + 2;
    let unreadable = || format!("{} cannot be read", file.display());
    let bytes = if file == Path::new("-") {
        let mut bytes = Vec::new();
        let mut input = std::io::stdin().take(u64::try_from(cap).unwrap_or(u64::MAX));
        input
            .read_to_end(&mut bytes)
            .context(Kind::Usage, || "stdin cannot be read".to_owned())?;
        bytes
    } else {
        crate::fs::read_capped(&ctx.cwd().join(file), cap)
            .context(Kind::Usage, unreadable)?
            .ok_or_else(|| Error::usage(unreadable()).because("it is not there"))?
    };
    let text = String::from_utf8(bytes)
        .context(Kind::Usage, || format!("{} is no text", file.display()))?;
    // A file ends in a line break that nobody said.
    Ok(text.strip_suffix('\n').map_or(text.clone(), str::to_owned))
}

/// What is said about a message beside its text.
#[derive(Debug, Args)]
pub struct About {
    /// The room (default: main, or that of what is answered)
    #[arg(long, value_name = "NAME")]
    pub room: Option<RoomName>,
    /// Whom it is for: a session, @me for the person, @all
    #[arg(long, value_name = "WHO")]
    pub to: Vec<String>,
    /// A path it is about
    #[arg(long, value_name = "PATH")]
    pub path: Vec<String>,
    /// The commit it is about: git log --notes=ccc/chat shows it there
    #[arg(long, value_name = "REV")]
    pub commit: Option<String>,
    /// A file to go with it
    #[arg(long, value_name = "FILE")]
    pub attach: Vec<PathBuf>,
    /// How soon it should be seen: now, next, later
    #[arg(long, value_name = "WHEN")]
    pub priority: Option<Priority>,
    /// Say it as the person git knows by user.name
    #[arg(long)]
    pub me: bool,
}

impl About {
    /// Resolves names, revisions and files.
    pub fn resolve(&self, ctx: &Ctx) -> Result<model::About> {
        let mut about = model::About {
            paths: self.path.clone(),
            priority: self.priority,
            ..model::About::default()
        };
        if let Some(room) = &self.room {
            about.room.clone_from(room);
        }
        for name in &self.to {
            let to = draft::addressee(ctx, name)?;
            if !about.to.contains(&to) {
                about.to.push(to);
            }
        }
        about.commit = self
            .commit
            .as_ref()
            .map(|rev| draft::commit(ctx, rev))
            .transpose()?;
        for path in &self.attach {
            about.attachments.push(draft::attach(ctx, path)?);
        }
        Ok(about)
    }
}
