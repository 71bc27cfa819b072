//! Who makes a commit, and when: git's own rules, read from gix's merged configuration.
//!
//! gix resolves the same (`Repository::author`), but asks for the local time zone in a
//! way that walks the whole zone database, which is a large part of a small commit.

use crate::{
    error::{Context, Error, Kind, Result},
    git::Repo,
};
use gix::{actor::Signature, bstr::ByteSlice, date::Time};

/// Whose name stands where.
#[derive(Clone, Copy, Debug)]
pub enum Role {
    /// Who wrote the change.
    Author,
    /// Who makes the commit.
    Committer,
}

impl Role {
    fn word(self) -> &'static str {
        match self {
            Role::Author => "author",
            Role::Committer => "committer",
        }
    }
}

/// Returns the signature of a commit made now; the environment goes before `author.*` or `committer.*`, these before `user.*`.
pub fn signature(repo: &Repo, role: Role, now: Time) -> Result<Signature> {
    let config = repo.gix().config_snapshot();
    let word = role.word();
    let first = |keys: &[String]| {
        let found = keys.iter().find_map(|key| config.string(key.as_str()));
        found.ok_or_else(|| {
            Error::usage("git does not know who you are")
                .hint("git config user.email you@example.org")
        })
    };
    let name = first(&[
        format!("{word}.name"),
        "user.name".to_owned(),
        format!("gitoxide.{word}.nameFallback"),
    ])?;
    let email = first(&[
        format!("{word}.email"),
        "user.email".to_owned(),
        "gitoxide.user.emailFallback".to_owned(),
        format!("gitoxide.{word}.emailFallback"),
    ])?;
    let time = match config.string(format!("gitoxide.commit.{word}Date").as_str()) {
        None => now,
        Some(text) => {
            let unreadable = || format!("the {word} date {text} is none");
            let known = text.to_str().context(Kind::Usage, unreadable)?;
            gix::date::parse(known, Some(gix::date::Zoned::now()))
                .context(Kind::Usage, unreadable)?
        }
    };
    Ok(Signature { name, email, time })
}
