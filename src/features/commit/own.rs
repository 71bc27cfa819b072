//! Whose commit HEAD is: only its maker may replace it.

use super::model::{TRAILER, Wanted};
use crate::{
    base::text::one_line,
    error::{Error, Result},
    git::{Oid, Repo, log, objects, refs},
};

/// How far back the log is searched for a commit without a trailer.
const SEARCHED: usize = 1000;

/// Refuses to amend what somebody else committed.
pub fn require_own_head(repo: &Repo, wanted: &Wanted) -> Result<()> {
    let Some(head) = refs::find(repo, "HEAD")? else {
        return Err(Error::no("there is no commit to amend"));
    };
    let maker = maker(repo, head)?;
    let own = wanted.session.as_ref().map(ToString::to_string);
    if maker == own || wanted.override_reason.is_some() {
        return Ok(());
    }
    let maker = maker.map_or_else(
        || "somebody without a session".to_owned(),
        |tag| one_line(&tag, 80),
    );
    Err(Error::no(format!(
        "HEAD was committed by {maker}, not by this session"
    ))
    .because("amending it would rewrite their commit")
    .hint("git ccc commit -m MESSAGE -- PATHS"))
}

/// Returns the session that made a commit: its trailer says so, or the log where trailers are off.
fn maker(repo: &Repo, commit: Oid) -> Result<Option<String>> {
    let (_, message) = objects::read_entry(repo, commit)?;
    let signed = message
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix(TRAILER)?.strip_prefix(": "));
    if let Some(tag) = signed {
        return Ok(Some(tag.to_owned()));
    }
    let Some(tip) = refs::find(repo, log::REF)? else {
        return Ok(None);
    };
    let wanted = commit.to_string();
    for entry in log::walk(repo, tip).take(SEARCHED) {
        let entry = entry?;
        if entry.trailers("Ccc-Commit").any(|made| made == wanted) {
            let maker = entry.trailers(TRAILER).next().map(str::to_owned);
            return Ok(maker);
        }
    }
    Ok(None)
}
