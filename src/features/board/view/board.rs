//! The board on a terminal and as JSON.

use super::markdown::{self, Look};
use crate::{
    base::{local::span, text::one_line},
    features::board::logic::{
        stand::{Standing, Worker},
        unread::Count,
    },
    ui::{Answer, label, table},
};
use serde::Serialize;
use std::fmt::Write as _;

/// In which form text is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Columns for a terminal.
    Plain,
    /// The coordination board.
    Board,
    /// The session status.
    Status,
}

/// `board`: how things stand here.
#[derive(Debug, Serialize)]
pub struct Board {
    /// When it was looked at.
    pub updated: String,
    /// How things stand.
    #[serde(flatten)]
    pub standing: Standing,
    /// Refs that cannot be read: (ref, why).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<(String, String)>,
    #[serde(skip)]
    look: Look,
    #[serde(skip)]
    form: Form,
}

impl Board {
    /// Builds the answer.
    pub fn new(
        standing: Standing,
        unreadable: Vec<(String, String)>,
        look: Look,
        form: Form,
    ) -> Self {
        Board {
            updated: look.now.to_string(),
            standing,
            unreadable,
            look,
            form,
        }
    }
}

impl Answer for Board {
    const SCHEMA: &'static str = "ccc.board/1";

    fn render(&self) -> String {
        let one = std::slice::from_ref(&self.standing);
        let mut out = render(one, self.look, self.form);
        if self.form == Form::Plain {
            out.push_str(&unreadable(&self.unreadable));
        }
        out
    }
}

/// A repository that could not be looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Unreachable {
    /// Its common directory.
    pub path: String,
    /// The host it is on.
    pub host: String,
    /// Why.
    pub why: String,
    /// The sessions that are known to be there.
    pub sessions: Vec<String>,
}

/// `board --all`: how things stand everywhere.
#[derive(Debug, Serialize)]
pub struct Boards {
    /// When it was looked at.
    pub updated: String,
    /// The repositories, by name.
    pub boards: Vec<Standing>,
    /// Those that could not be looked at.
    pub unreachable: Vec<Unreachable>,
    /// Refs that cannot be read: (ref, why).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<(String, String)>,
    #[serde(skip)]
    look: Look,
    #[serde(skip)]
    form: Form,
}

impl Boards {
    /// Builds the answer.
    pub fn new(
        boards: Vec<Standing>,
        unreachable: Vec<Unreachable>,
        unreadable: Vec<(String, String)>,
        (look, form): (Look, Form),
    ) -> Self {
        Boards {
            updated: look.now.to_string(),
            boards,
            unreachable,
            unreadable,
            look,
            form,
        }
    }
}

impl Answer for Boards {
    const SCHEMA: &'static str = "ccc.board.all/1";

    fn render(&self) -> String {
        let mut out = render(&self.boards, self.look, self.form);
        if self.form != Form::Plain {
            return out;
        }
        for gone in &self.unreachable {
            // Writing to a String cannot fail.
            let _ = writeln!(
                out,
                "not seen: {} on {} ({}): {}",
                one_line(&gone.path, 200),
                one_line(&gone.host, 80),
                gone.sessions.join(", "),
                one_line(&gone.why, 200),
            );
        }
        out.push_str(&unreadable(&self.unreadable));
        out
    }
}

fn unreadable(all: &[(String, String)]) -> String {
    let row =
        |(name, why): &(String, String)| format!("unreadable: {name}: {}\n", one_line(why, 200));
    all.iter().map(row).collect()
}

fn render(boards: &[Standing], look: Look, form: Form) -> String {
    match form {
        Form::Board => markdown::board(boards, look),
        Form::Status => markdown::status(boards),
        Form::Plain => boards
            .iter()
            .map(|board| plain(board, look))
            .collect::<Vec<_>>()
            .join("\n"),
    }
}

fn plain(board: &Standing, look: Look) -> String {
    let Look { now, zone, .. } = look;
    let mut out = format!("{}  {}\n", board.repo, zone.date_clock(now));
    let claims = board.claims.iter().map(|claim| {
        let end = match claim.eta {
            Some(eta) => format!("eta {}", zone.near(eta, now)),
            None => format!("until {}", zone.near(claim.until, now)),
        };
        vec![
            one_line(&claim.scopes.join(" "), 120),
            claim.session.to_string(),
            end,
            one_line(claim.intent.as_deref().unwrap_or_default(), 60),
        ]
    });
    section(&mut out, "active claims", &claims.collect::<Vec<_>>());
    let releases = board.releases.iter().map(|release| {
        vec![
            one_line(&release.scopes.join(" "), 120),
            release
                .session
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            format!("{} ago", span(now.seconds_since(release.at))),
            one_line(&release.why, 40),
        ]
    });
    section(&mut out, "recent releases", &releases.collect::<Vec<_>>());
    let pins = board.pins.iter().map(|pin| {
        let until = pin
            .until
            .map(|until| format!("until {}", zone.near(until, now)));
        vec![
            one_line(&pin.text, 160),
            one_line(&pin.by, 60),
            until.unwrap_or_default(),
        ]
    });
    section(&mut out, "pinned notes", &pins.collect::<Vec<_>>());
    let mut rest: &[Worker] = &board.sessions;
    while let Some(first) = rest.first() {
        let count = rest
            .iter()
            .take_while(|one| one.column == first.column)
            .count();
        let rows = rest[..count].iter().map(|session| row(session, look));
        section(&mut out, first.column.word(), &rows.collect::<Vec<_>>());
        rest = &rest[count..];
    }
    out
}

fn row(session: &Worker, look: Look) -> Vec<String> {
    let show = |text: &Option<String>, cap| {
        text.as_deref()
            .map_or_else(|| "-".to_owned(), |text| one_line(text, cap))
    };
    let doing = match (&session.task, &session.progress) {
        (Some(task), Some(progress)) => {
            format!("{} ({})", one_line(task, 60), one_line(progress, 60))
        }
        (task, progress) => show(if task.is_some() { task } else { progress }, 80),
    };
    vec![
        label::painted(&session.tag.to_string(), &session.labels, look.in_colour),
        format!(
            "{} {}",
            session.life,
            span(look.now.seconds_since(session.beat))
        ),
        show(&session.branch, 40),
        unread(session.unread),
        doing,
        label::words(&session.labels),
    ]
}

fn unread(count: Count) -> String {
    let more = if count.more { "+" } else { "" };
    match (count.addressed, count.room) {
        (0, 0) => "nothing new".to_owned(),
        (0, room) => format!("{room}{more} unread"),
        (addressed, room) => format!("{}{more} unread, {addressed} to it", addressed + room),
    }
}

fn section(out: &mut String, name: &str, rows: &[Vec<String>]) {
    if rows.is_empty() {
        return;
    }
    let _ = write!(out, "\n{name}\n");
    for line in table::columns(rows).lines() {
        let _ = writeln!(out, "  {line}");
    }
}
