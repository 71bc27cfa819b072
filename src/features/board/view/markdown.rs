//! The board as the files that people keep by hand: the coordination board and the session status.
//!
//! Both formats are others', byte for byte; what they have no place for is left out.

use crate::{
    base::{local::Zone, text::one_line, time::Timestamp},
    features::board::logic::stand::{Standing, Worker},
};
use std::fmt::Write as _;

/// When and where somebody looks.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// When.
    pub now: Timestamp,
    /// Where.
    pub zone: Zone,
    /// They see colours.
    pub in_colour: bool,
}

/// Returns the coordination board over one or many repositories.
pub fn board(boards: &[Standing], look: Look) -> String {
    let Look { now, zone, .. } = look;
    let mut out = String::from("# Claude Session Coordination Board\n\n");
    // Writing to a String cannot fail.
    let _ = writeln!(out, "Last updated: {}", zone.stamp(now));
    let claims = boards.iter().flat_map(|board| &board.claims).map(|claim| {
        let end = match claim.eta {
            Some(eta) => format!("eta {}", zone.near(eta, now)),
            None => format!("until {}", zone.near(claim.until, now)),
        };
        format!(
            "{} (started {}) — {} — {end}",
            claim.session,
            zone.near(claim.taken, now),
            one_line(&claim.scopes.join(", "), 500),
        )
    });
    section(&mut out, "Active claims", claims);
    let mut releases: Vec<_> = boards.iter().flat_map(|board| &board.releases).collect();
    releases.sort_by_key(|release| std::cmp::Reverse(release.at));
    let releases = releases.into_iter().map(|release| {
        let who = release.session.as_ref();
        format!(
            "{} — {} — {}",
            zone.date_clock(release.at),
            who.map_or("somebody", |tag| tag.as_str()),
            one_line(&release.scopes.join(", "), 500),
        )
    });
    section(&mut out, "Recent releases", releases);
    let pins = boards.iter().flat_map(|board| &board.pins);
    section(
        &mut out,
        "Pinned notes",
        pins.map(|pin| one_line(&pin.text, 500)),
    );
    out
}

fn section(out: &mut String, name: &str, lines: impl Iterator<Item = String>) {
    let _ = write!(out, "\n## {name}\n\n");
    for line in lines {
        let _ = writeln!(out, "- {line}");
    }
}

/// Returns the status of the sessions that are not gone.
pub fn status(boards: &[Standing]) -> String {
    let mut out = String::from("# Active Sessions\n");
    let sessions = boards.iter().flat_map(|board| &board.sessions);
    let present = sessions.filter(|session| session.life != "dead");
    for (index, session) in present.enumerate() {
        let shown = |text: &Option<String>, cap| {
            text.as_deref()
                .map_or_else(|| "unknown".to_owned(), |text| one_line(text, cap))
        };
        let _ = write!(
            out,
            "\n## Session {}: {}\nStatus: {}\nBranch: {}\nProgress: {}\n",
            index + 1,
            title(session),
            session.column.word(),
            shown(&session.branch, 200),
            shown(&session.progress, 200),
        );
    }
    out
}

fn title(session: &Worker) -> String {
    match &session.task {
        Some(task) => format!("{} - {}", session.tag, one_line(task, 120)),
        None => session.tag.to_string(),
    }
}
