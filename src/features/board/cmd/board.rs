//! `git ccc board`.

use crate::{
    base::local::Zone,
    ctx::Ctx,
    error::{Error, Result},
    features::{
        board::{
            logic::stand::{self, Seen, Standing},
            store::{self, Back, Scene},
            view::{
                board::{Board, Boards, Form, Unreachable},
                markdown::Look,
            },
        },
        session::store as sessions,
    },
    git::{Repo, watch::Alarm},
    host,
};
use clap::Args;
use std::{collections::BTreeMap, path::Path, time::Duration};

/// The board looks at so many of the newest log entries and messages.
const LOOK: usize = 300;
/// No event announces a death or the end of a claim.
const TICK: Duration = Duration::from_secs(2);
/// Where a change can mean that the board changed, in the common directory.
pub const PLACES: &[&str] = &[
    "refs",
    "refs/ccc",
    "refs/ccc/claims",
    "refs/ccc/sessions",
    "refs/notes",
    "refs/notes/ccc",
    "ccc/chat",
    "reftable",
];

/// Arguments of `board`.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four flags of a command line, each by its own name"
)]
pub struct BoardArgs {
    /// As the coordination board that people keep in Markdown
    #[arg(long, conflicts_with = "status_md")]
    md: bool,
    /// As .claude/session-status.md
    #[arg(long)]
    status_md: bool,
    /// Show it again whenever something changes, until interrupted
    #[arg(long)]
    watch: bool,
    /// Over every repository of this user
    #[arg(long)]
    all: bool,
}

/// Runs `board`.
pub fn board(ctx: &Ctx, args: &BoardArgs) -> Result<()> {
    let mut last = String::new();
    loop {
        // Listening starts before looking, so that nothing comes unseen in between.
        let alarm = args.watch.then(|| alarm(ctx)).transpose()?;
        let heard = if args.all {
            show(ctx, args, &everywhere(ctx, form(args))?, &mut last)?
        } else {
            show(ctx, args, &here(ctx, form(args))?, &mut last)?
        };
        match alarm {
            Some(alarm) if heard => alarm.wait(TICK),
            _ => return Ok(()),
        }
    }
}

fn alarm(ctx: &Ctx) -> Result<Alarm> {
    match (ctx.repo(), sessions::hub(false)?) {
        (Ok(repo), _) => Ok(Alarm::new(repo, PLACES)),
        (Err(_), Some(hub)) => Ok(Alarm::new(&hub, PLACES)),
        (Err(error), None) => Err(error),
    }
}

/// Shows it, again only if it differs from the last time by more than the time of day.
fn show<T: crate::ui::Answer + Stamped>(
    ctx: &Ctx,
    args: &BoardArgs,
    answer: &T,
    last: &mut String,
) -> Result<bool> {
    if !args.watch {
        return ctx.ui.answer(answer).map(|()| false);
    }
    let print = answer.print();
    if print == *last {
        return Ok(true);
    }
    *last = print;
    ctx.ui.redraw(answer)
}

/// What can be compared with how it was before.
trait Stamped {
    /// Returns all of it but when it was looked at.
    fn print(&self) -> String;
}

impl Stamped for Board {
    fn print(&self) -> String {
        format!("{:?} {:?}", self.standing, self.unreadable)
    }
}

impl Stamped for Boards {
    fn print(&self) -> String {
        format!(
            "{:?} {:?} {:?}",
            self.boards, self.unreachable, self.unreadable
        )
    }
}

fn form(args: &BoardArgs) -> Form {
    match (args.md, args.status_md) {
        (true, _) => Form::Board,
        (_, true) => Form::Status,
        _ => Form::Plain,
    }
}

fn look(ctx: &Ctx) -> Look {
    Look {
        now: ctx.now(),
        zone: Zone(ctx.local_offset()),
        in_colour: ctx.ui.in_colour(),
    }
}

fn here(ctx: &Ctx, form: Form) -> Result<Board> {
    let look = look(ctx);
    let (standing, unreadable) = standing(ctx, ctx.repo()?)?;
    Ok(Board::new(standing, unreadable, look, form))
}

type Unreadable = Vec<(String, String)>;

fn standing(ctx: &Ctx, repo: &Repo) -> Result<(Standing, Unreadable)> {
    let back = Back {
        since: None,
        limit: LOOK,
    };
    let scene = store::scene(repo, ctx.now(), back)?;
    let Scene {
        name,
        path,
        claims,
        sessions,
        events,
        window,
        rooms,
        ..
    } = &scene;
    let standing = stand::stand(&Seen {
        name,
        path,
        claims: &claims.state,
        sessions,
        events,
        window,
        rooms,
    });
    let claims = claims.unreadable.iter();
    let claims = claims.map(|(name, _, why)| (name.clone(), why.clone()));
    let sessions = scene.unreadable.iter();
    let sessions = sessions.map(|(tag, why)| (tag.to_string(), why.clone()));
    Ok((standing, claims.chain(sessions).collect()))
}

/// Looks at every repository that has a session in the hub, and at this one.
fn everywhere(ctx: &Ctx, form: Form) -> Result<Boards> {
    let mut places: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    if let Some(hub) = sessions::hub(false)? {
        for session in sessions::load_readable(&hub)? {
            let place = (session.record.repo, session.record.host);
            places
                .entry(place)
                .or_default()
                .push(session.tag.to_string());
        }
    }
    let this_host = host::name();
    // Outside of a repository there is no board of one's own, and the others are there all the same.
    if let Ok(repo) = ctx.repo() {
        let path = repo.common_dir().display().to_string();
        places.entry((path, this_host.clone())).or_default();
    }
    let (mut boards, mut unreachable, mut unreadable) = (Vec::new(), Vec::new(), Vec::new());
    for ((path, host), sessions) in places {
        let found = if host == this_host {
            Repo::open(Path::new(&path)).and_then(|repo| standing(ctx, &repo))
        } else {
            Err(Error::no("it is on another host"))
        };
        match found {
            Ok((board, more)) => {
                boards.push(board);
                unreadable.extend(more);
            }
            Err(error) => unreachable.push(Unreachable {
                path,
                host,
                why: error.to_string(),
                sessions,
            }),
        }
    }
    boards.sort_by(|a, b| (&a.repo, &a.path).cmp(&(&b.repo, &b.path)));
    Ok(Boards::new(
        boards,
        unreachable,
        unreadable,
        (look(ctx), form),
    ))
}
