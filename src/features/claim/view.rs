//! How claims are shown: what a command made, the board, and the lines of the feed.

use super::{
    logic::Blocker,
    model::{Claim, join},
};
use crate::{
    base::{text::one_line, time::Timestamp},
    ui::{Answer, table},
};
use serde::Serialize;

/// One claim as shown.
#[derive(Debug, Serialize)]
pub struct ClaimView {
    /// Its id.
    pub id: String,
    /// The holder.
    pub session: String,
    /// What it covers.
    pub scopes: Vec<String>,
    /// What for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intent: Option<String>,
    /// When it was granted.
    pub taken: String,
    /// When it ends unless renewed.
    pub until: String,
    /// When the holder expects to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eta: Option<String>,
    /// The holder's worktree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worktree: Option<String>,
    /// The number of the log entry that granted it.
    pub fence: u64,
    /// `live`, or why it holds nothing any more.
    pub state: &'static str,
}

impl ClaimView {
    /// Builds the view of a claim in a known state.
    pub fn new(claim: &Claim, state: &'static str) -> Self {
        let record = &claim.record;
        ClaimView {
            id: claim.id.to_string(),
            session: record.session.to_string(),
            scopes: record.scopes.iter().map(ToString::to_string).collect(),
            intent: record.intent.clone(),
            taken: record.taken.to_string(),
            until: record.until.to_string(),
            eta: record.eta.map(|eta| eta.to_string()),
            worktree: record.worktree.clone(),
            fence: record.fence,
            state,
        }
    }
}

/// Returns a blocker for the `detail` of an error.
pub fn blocker_json(blocker: &Blocker) -> serde_json::Value {
    serde_json::json!({
        "claim": ClaimView::new(&blocker.claim, "live"),
        "held": blocker.held.to_string(),
        "wanted": blocker.wanted.to_string(),
    })
}

/// `claims`: the board.
#[derive(Debug, Serialize)]
pub struct ClaimList {
    /// The claims, oldest first.
    pub claims: Vec<ClaimView>,
    /// Lock refs that cannot be read: (ref, why).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<(String, String)>,
}

impl Answer for ClaimList {
    const SCHEMA: &'static str = "ccc.claim.list/1";

    fn render(&self) -> String {
        let mut rows: Vec<Vec<String>> = Vec::new();
        for claim in &self.claims {
            let intent = claim
                .intent
                .as_deref()
                .map(|text| one_line(text, 60))
                .unwrap_or_default();
            let until = if claim.state == "live" {
                format!("until {}", claim.until)
            } else {
                claim.state.to_owned()
            };
            rows.push(vec![
                claim.id.clone(),
                claim.scopes.join(" "),
                claim.session.clone(),
                until,
                intent,
            ]);
        }
        rows.extend(
            self.unreadable
                .iter()
                .map(|(name, why)| vec![name.clone(), "unreadable".to_owned(), one_line(why, 200)]),
        );
        table::columns(&rows)
    }
}

/// `claim`: what is held now.
#[derive(Debug, Serialize)]
pub struct Claimed {
    /// The claims that cover what was asked for.
    pub claims: Vec<ClaimView>,
    /// Nothing was written.
    pub dry_run: bool,
    #[serde(skip)]
    lines: Vec<String>,
}

impl Claimed {
    /// Builds the answer; each claim becomes a `CLAIM` line of the feed format.
    pub fn new(claims: &[Claim], dry_run: bool, now: Timestamp) -> Self {
        let line = |claim: &Claim| {
            let record = &claim.record;
            let until = record.eta.unwrap_or(record.until);
            let minutes = until.seconds_since(now).max(0).unsigned_abs().div_ceil(60);
            let word = if record.eta.is_some() { "eta" } else { "for" };
            format!(
                "[{}] CLAIM {} — {word} {minutes}min",
                record.session,
                join(&record.scopes)
            )
        };
        Claimed {
            lines: claims.iter().map(line).collect(),
            claims: claims
                .iter()
                .map(|claim| ClaimView::new(claim, "live"))
                .collect(),
            dry_run,
        }
    }
}

impl Answer for Claimed {
    const SCHEMA: &'static str = "ccc.claim/1";

    fn render(&self) -> String {
        if self.dry_run {
            return "free\n".to_owned();
        }
        self.lines.join(
            "
",
        ) + "
"
    }
}

/// `release` and `break`: what is free now.
#[derive(Debug, Serialize)]
pub struct Released {
    /// The session that held it.
    pub session: String,
    /// The scopes given back.
    pub scopes: Vec<String>,
    /// `done`, or why it was taken away.
    pub why: String,
}

impl Answer for Released {
    const SCHEMA: &'static str = "ccc.release/1";

    fn render(&self) -> String {
        if self.scopes.is_empty() {
            return String::new();
        }
        format!(
            "[{}] RELEASE {} — {}\n",
            self.session,
            self.scopes.join(" "),
            one_line(&self.why, 200)
        )
    }
}
