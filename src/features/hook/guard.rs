//! Judges changed paths against the claims: the one decision behind every hook that may refuse.

use super::{
    logic::{judged, scope_of, unclaimed},
    store,
};
use crate::{
    base::{
        id::SessionTag,
        scope::Scope,
        text::{one_line, shell},
    },
    ctx::Ctx,
    env,
    error::{Error, Kind, Result},
    features::{
        claim::{
            error as refusal,
            logic::{self as claims, State},
            store::{About, load},
        },
        session::store as sessions,
    },
    git::{
        Repo, changes,
        log::{self, Draft},
        refs, trees,
    },
    settings::{Enforce, Settings},
};
use gix::bstr::{BString, ByteSlice};
use std::path::PathBuf;

/// Trailers that name paths are capped: a merge may bring thousands.
pub const MAX_NAMED: usize = 200;

/// Who commits.
enum Actor {
    Session(SessionTag),
    /// A person without a session.
    Person,
    /// A session was meant, and nobody can say which.
    Unclear(Error),
}

impl Actor {
    fn tag(&self) -> Option<&SessionTag> {
        match self {
            Actor::Session(tag) => Some(tag),
            Actor::Person | Actor::Unclear(_) => None,
        }
    }
}

/// Returns the settings in force; broken ones must not stop a commit, nor open a held path: the defaults hold then.
pub fn policy(ctx: &Ctx) -> Result<Settings> {
    match ctx.settings() {
        Ok(settings) => Ok(settings.clone()),
        Err(error) => {
            ctx.ui
                .warn(&format!("the settings are not in force: {error}"));
            Settings::load(&[], &[]).map_err(|error| Error::internal(error.to_string()))
        }
    }
}

/// Judges what the index that git names would change.
pub fn staged(ctx: &Ctx) -> Result<()> {
    judge(ctx, |repo| {
        let index = env::var_os(env::INDEX_FILE).map_or_else(
            || repo.git_dir().join("index"),
            |path| ctx.cwd().join(PathBuf::from(path)),
        );
        let mut parents = Vec::from_iter(refs::find(repo, "HEAD")?);
        parents.extend(store::merge_heads(repo)?);
        let trees = parents
            .into_iter()
            .map(|parent| trees::of(repo, parent))
            .collect::<Result<Vec<_>>>()?;
        changes::staged(repo, &index, &trees)
    })
}

/// Judges changed paths; they are asked for only if something is claimed.
pub fn judge(ctx: &Ctx, changed: impl FnOnce(&Repo) -> Result<Vec<BString>>) -> Result<()> {
    let repo = ctx.repo()?;
    let Some(tip) = refs::find(repo, log::REF)? else {
        return Ok(());
    };
    let policy = policy(ctx)?;
    let require = if policy.enforce() == Enforce::Strict {
        parse(ctx, policy.require())
    } else {
        Vec::new()
    };
    let held = store::held(repo, tip, ctx.now())?;
    if held.scopes.is_empty() && !held.unreadable && require.is_empty() {
        return Ok(());
    }
    let fold = repo.fold();
    let paths = changed(repo)?
        .iter()
        .filter_map(|path| scope_of(&path.to_str_lossy()))
        .collect();
    let paths = judged(paths, &parse(ctx, policy.exempt()), fold);
    let concerned = |scopes: &[Scope]| claims::overlap(scopes, &paths, fold).is_some();
    if paths.is_empty() || !(held.unreadable || concerned(&held.scopes) || concerned(&require)) {
        return Ok(());
    }
    let snapshot = load(repo, ctx.now(), About::Scopes(&paths))?;
    let verdict = snapshot
        .require_readable()
        .map_err(closed)
        .and_then(|()| decide(ctx, &snapshot.state, &paths, &require));
    match (verdict, policy.enforce()) {
        (Err(error), Enforce::Warn) => {
            ctx.ui
                .warn("this passes, for claims.enforce is \"warn\" here");
            ctx.ui.error(&error);
            Ok(())
        }
        (Err(error), _) => overridden(ctx, &paths, error),
        (Ok(()), _) => Ok(()),
    }
}

/// Scopes of the settings; one that is no scope is named and left out.
fn parse(ctx: &Ctx, texts: &[String]) -> Vec<Scope> {
    let mut scopes = Vec::with_capacity(texts.len());
    for text in texts {
        match text.parse() {
            Ok(scope) => scopes.push(scope),
            Err(error) => ctx.ui.warn(&format!(
                "{} in the settings is no scope: {error}",
                one_line(text, 80)
            )),
        }
    }
    scopes
}

/// Turns what nobody can know into a no.
fn closed(mut error: Error) -> Error {
    error.kind = Kind::No;
    error
}

fn decide(ctx: &Ctx, state: &State, paths: &[Scope], require: &[Scope]) -> Result<()> {
    let actor = match sessions::current_if_any(ctx) {
        Ok(Some(session)) => Actor::Session(session.tag),
        Ok(None) => Actor::Person,
        Err(error) => Actor::Unclear(error),
    };
    let blockers = state.blockers(actor.tag(), paths);
    if !blockers.is_empty() {
        let error = refusal::held(&blockers);
        return Err(match actor {
            Actor::Session(_) => {
                let mut wanted: Vec<_> = blockers
                    .iter()
                    .map(|blocker| shell(&blocker.wanted.to_string()))
                    .collect();
                wanted.dedup();
                error.hint(format!("git ccc claim --wait {}", wanted.join(" ")))
            }
            Actor::Person => error
                .because("CCC_OVERRIDE=\"reason\" lets a person pass, on the record")
                .hint("git ccc claims"),
            Actor::Unclear(unclear) => {
                let mut error = error.because(format!("nobody can say who commits: {unclear}"));
                error.hints.extend(unclear.hints);
                error
            }
        });
    }
    let Actor::Session(tag) = actor else {
        return Ok(());
    };
    let missing = unclaimed(state, &tag, require, paths);
    let Some(first) = missing.first() else {
        return Ok(());
    };
    let words: Vec<_> = missing
        .iter()
        .take(20)
        .map(|scope| shell(&scope.to_string()))
        .collect();
    Err(
        Error::no(format!("{first} must be claimed before it is committed"))
            .because(format!(
                "claims.require covers {} of the changed paths that {tag} does not hold",
                missing.len()
            ))
            .hint(format!("git ccc claim {}", words.join(" "))),
    )
}

/// Lets a refused change pass if a reason is given, once that is in the log.
fn overridden(ctx: &Ctx, paths: &[Scope], error: Error) -> Result<()> {
    let Some(why) = env::var(env::OVERRIDE) else {
        return Err(error);
    };
    let repo = ctx.repo()?;
    let tag = sessions::current_if_any(ctx)
        .ok()
        .flatten()
        .map(|session| session.tag);
    let person = || repo.config("user.name").unwrap_or_default();
    let who = tag
        .as_ref()
        .map_or_else(|| one_line(&person(), 80), ToString::to_string);
    let base = refs::find(repo, "HEAD")?.map_or_else(|| "unborn".to_owned(), |oid| oid.to_string());
    let why = one_line(why.trim(), 500);
    let mut trailers = vec![
        ("Ccc-Act", "override".to_owned()),
        ("Ccc-By", who.clone()),
        ("Ccc-Why", why.clone()),
        ("Ccc-Base", base.clone()),
        ("Ccc-Refused", one_line(&error.message, 300)),
    ];
    trailers.extend(named(paths));
    let draft = Draft {
        subject: format!("override by {who}: {why}"),
        trailers,
    };
    // pre-commit, prepare-commit-msg and reference-transaction of one commit ask the same thing.
    let twice = |entry: &log::Entry| {
        let has = |key: &str, value: &str| entry.trailers(key).any(|found| found == value);
        has("Ccc-Act", "override")
            && has("Ccc-By", &who)
            && has("Ccc-Why", &why)
            && has("Ccc-Base", &base)
            && named(paths).iter().all(|(key, path)| has(key, path))
    };
    let author = tag.as_ref().map_or("person", SessionTag::as_str);
    store::append(ctx, author, &draft, twice).map_err(|failure| {
        closed(
            Error::no("the override cannot be recorded, so it does not count")
                .because(failure)
                .because(error.message.clone())
                .hint("git ccc doctor"),
        )
    })?;
    ctx.ui
        .note(&format!("passed on the record, against: {}", error.message));
    Ok(())
}

/// Returns the trailers that name paths, capped, with the count when some are left out.
pub fn named(paths: &[Scope]) -> Vec<(&'static str, String)> {
    let mut trailers: Vec<_> = paths
        .iter()
        .take(MAX_NAMED)
        .map(|path| ("Ccc-Path", path.to_string()))
        .collect();
    if paths.len() > MAX_NAMED {
        trailers.push(("Ccc-Paths", paths.len().to_string()));
    }
    trailers
}
