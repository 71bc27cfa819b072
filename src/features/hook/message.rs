//! Adds `Ccc-Session: <tag>` to a commit message, before the user sees it.
//!
//! A replayed commit (rebase, cherry-pick) keeps the trailers its maker gave it. An empty message and an untouched
//! template stay as they are, because git aborts a commit whose message nobody wrote and a trailer would defeat that;
//! such a commit is in the log all the same.

use crate::{
    ctx::Ctx,
    error::{Context, Kind, Result},
    features::session::store as sessions,
    git::{Repo, log, refs, run},
    settings::Trailer,
};
use std::path::Path;

/// Longest message that is signed.
const CAP: usize = 4 << 20;

/// Adds the trailer if a session commits and the message has none of it yet.
pub fn sign(ctx: &Ctx, file: &Path, source: Option<&str>) -> Result<()> {
    let repo = ctx.repo()?;
    let off = ctx.settings()?.trailer() == Trailer::Off;
    if off || source == Some("template") || replays(repo) || refs::find(repo, log::REF)?.is_none() {
        return Ok(());
    }
    let unreadable = || format!("{} cannot be read", file.display());
    let bytes = crate::fs::read_capped(file, CAP)
        .context(Kind::Internal, unreadable)?
        .unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    if !has_words(&text, &comment(repo)) {
        return Ok(());
    }
    // Who commits was asked before; an unclear answer was no obstacle there.
    let Ok(Some(session)) = sessions::current_if_any(ctx) else {
        return Ok(());
    };
    let trailer = format!("Ccc-Session: {}", session.tag);
    if text.lines().any(|line| line == trailer) {
        return Ok(());
    }
    let cmd = run::read(repo)
        .args([
            "interpret-trailers",
            "--in-place",
            "--no-divider",
            "--where=end",
            "--if-exists=addIfDifferent",
            "--if-missing=add",
            "--trailer",
        ])
        .arg(trailer)
        .arg(file);
    run::checked(cmd, "add the trailer").map(drop)
}

fn replays(repo: &Repo) -> bool {
    ["rebase-merge", "rebase-apply", "CHERRY_PICK_HEAD"]
        .iter()
        .any(|name| repo.git_dir().join(name).exists())
}

fn comment(repo: &Repo) -> String {
    repo.config("core.commentString")
        .or_else(|| repo.config("core.commentChar"))
        .filter(|comment| comment != "auto")
        .unwrap_or_else(|| "#".to_owned())
}

/// Tells whether somebody wrote anything: comments and what follows git's scissors do not count.
fn has_words(text: &str, comment: &str) -> bool {
    text.lines()
        .take_while(|line| {
            line.strip_prefix(comment)
                .is_none_or(|rest| !rest.trim_start().starts_with("-----") || !rest.contains(">8"))
        })
        .any(|line| !line.trim().is_empty() && !line.starts_with(comment))
}

#[cfg(test)]
mod tests {
    use super::has_words;

    #[test]
    fn comments_and_the_diff_are_not_the_users_words() {
        assert!(!has_words("\n# Please enter\n#\n", "#"));
        assert!(!has_words(
            "\n# ------------------------ >8 ------------------------\ndiff --git\n",
            "#"
        ));
        assert!(has_words("Fix it\n# comment\n", "#"));
        assert!(has_words("# A heading\n", ";"));
    }
}
