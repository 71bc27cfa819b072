//! Reads what a repository asks: for a machine from the target's own files, which the range cannot have changed.

use crate::{
    base::{scope::Scope, text::one_line},
    ctx::Ctx,
    error::{Context, Error, Kind, Result},
    features::check::{
        logic::{
            baseline::{self, Baseline},
            rules,
        },
        model::{
            finding::Level,
            policy::{Exempt, Policy},
        },
    },
    git::{Oid, Repo, trees},
    settings::{Layer, LayerText, MAX_FILE_BYTES, Origin, Settings, Trailer},
};
use std::path::Path;

/// The settings of a repository, at its root.
const FILE: &str = ".ccc.toml";
/// The largest baseline.
const MAX_BASELINE: usize = 16 << 20;

/// Where policy is read.
#[derive(Clone, Copy, Debug)]
pub enum Source {
    /// What is in force for whoever asks.
    Here,
    /// The files of this commit, and nothing of this machine.
    Commit(Oid),
}

/// Returns the policy and the baseline.
pub fn load(ctx: &Ctx, source: Source) -> Result<(Policy, Baseline)> {
    let repo = ctx.repo()?;
    match source {
        Source::Here => {
            let file = repo.worktree().map(|root| root.join(baseline::FILE));
            let text = file.map_or(Ok(None), |file| {
                crate::fs::read_capped(&file, MAX_BASELINE + 1)
                    .context(Kind::Usage, || format!("{} cannot be read", file.display()))
            })?;
            Ok((policy(ctx.settings()?)?, read_baseline(text)?))
        }
        Source::Commit(commit) => {
            let text = blob(repo, commit, FILE, MAX_FILE_BYTES + 1)?;
            let layer = text.as_ref().map(|text| LayerText {
                layer: Layer::Repo,
                path: Path::new(FILE),
                text,
            });
            let layers: Vec<LayerText<'_>> = layer.into_iter().collect();
            let settings = Settings::load(&layers, &[])
                .map_err(|error| Error::usage(error.to_string()).because(error.hint()))?;
            let accepted = blob(repo, commit, baseline::FILE, MAX_BASELINE + 1)?;
            Ok((policy(&settings)?, read_baseline(accepted)?))
        }
    }
}

/// Reads a file of a commit; a link is none.
fn blob(repo: &Repo, commit: Oid, path: &str, cap: usize) -> Result<Option<Vec<u8>>> {
    let tree = trees::of_or_empty(repo, Some(commit))?;
    let found = trees::lookup(repo, tree, path.into())?;
    let Some((oid, _)) = found.filter(|(_, mode)| super::markers::is_file(*mode)) else {
        return Ok(None);
    };
    let unreadable = || format!("{path} of {commit} cannot be read");
    let object = repo
        .gix()
        .find_object(oid)
        .context(Kind::Setup, unreadable)?;
    let mut data = object.data.clone();
    data.truncate(cap);
    Ok(Some(data))
}

fn read_baseline(text: Option<Vec<u8>>) -> Result<Baseline> {
    let Some(text) = text else {
        return Ok(Baseline::default());
    };
    let bad = || Error::usage(format!("{} is no baseline", baseline::FILE));
    if text.len() > MAX_BASELINE {
        return Err(bad().because(format!("it is larger than {} MiB", MAX_BASELINE >> 20)));
    }
    let text = std::str::from_utf8(&text).map_err(|error| bad().because(error))?;
    Baseline::parse(text)
        .map_err(|error| bad().because(error).hint("git ccc check --write-baseline"))
}

fn policy(settings: &Settings) -> Result<Policy> {
    let mut policy = Policy {
        require: scopes("claims.require", settings.require())?,
        free: scopes("claims.exempt", settings.exempt())?,
        logged: scopes("check.logged", settings.check_logged())?,
        signed: settings.trailer() == Trailer::Session,
        max_behind: settings.check_max_behind(),
        max_age: settings.check_max_age(),
        base_set: ["check.max_behind", "check.max_age"]
            .iter()
            .find_map(|key| set_in(settings, key)),
        ..Policy::default()
    };
    for rule in rules::ALL {
        if let Some(level) = settings.check_level(&rule.key()).and_then(Level::read) {
            policy.levels.insert(rule.id, level);
        }
    }
    for text in settings.check_exempt() {
        policy.exempt.push(exempt(text)?);
    }
    Ok(policy)
}

/// A line of the repository's own file: every clone has it.
fn set_in(settings: &Settings, key: &str) -> Option<(String, u32)> {
    match settings.origin(key)? {
        Origin::File {
            layer: Layer::Repo,
            line: Some(line),
            ..
        } => Some((FILE.to_owned(), u32::try_from(*line).unwrap_or(1))),
        _ => None,
    }
}

fn scopes(key: &str, texts: &[String]) -> Result<Vec<Scope>> {
    texts.iter().map(|text| scope(key, text)).collect()
}

fn scope(key: &str, text: &str) -> Result<Scope> {
    Scope::parse(text).map_err(|error| {
        let shown = one_line(text, 100);
        Error::usage(format!("{shown} in {key} is no scope")).because(error)
    })
}

/// `SCOPE`, or `RULE: SCOPE`.
fn exempt(text: &str) -> Result<Exempt> {
    const KEY: &str = "check.exempt";
    let Some((rule, rest)) = text.split_once(": ") else {
        let scope = scope(KEY, text)?;
        return Ok(Exempt { rule: None, scope });
    };
    let known = rules::named(rule).ok_or_else(|| {
        let all: Vec<&str> = rules::ALL.iter().map(|rule| rule.id).collect();
        Error::usage(format!("{} in {KEY} names no rule", one_line(text, 100)))
            .because(format!("the rules are {}", all.join(", ")))
            .hint("git ccc check --explain")
    })?;
    Ok(Exempt {
        rule: Some(known.id),
        scope: scope(KEY, rest.trim())?,
    })
}
