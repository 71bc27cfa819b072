//! `git ccc worktree verify`: the checks of the template, before the work and after it.

use super::{VerifyArgs, named};
use crate::{
    base::{
        text::{one_line, shell},
        time::Timestamp,
    },
    ctx::Ctx,
    error::{Error, Kind, Result},
    features::{
        template::{
            model::{Check, Expect},
            store::{self as templates, Found, Source},
        },
        worktree::{
            model::{Checked, Record},
            store::{
                command::{self, Place},
                record,
            },
            view::outcome::{CheckView, Verified},
        },
    },
    git::{
        Repo, refs,
        worktrees::{self, Worktree},
    },
    settings::{TrustError, Trusted},
};
use std::collections::BTreeSet;

/// The most names of tests that are kept.
const MOST: usize = 20_000;

pub(super) fn run(ctx: &Ctx, args: &VerifyArgs) -> Result<()> {
    let repo = ctx.repo()?;
    let (tree, mut record, found) = meant(ctx, args)?;
    let when = if args.before { "before" } else { "after" };
    let commit = refs::find(&Repo::open(&tree.git_dir)?, "HEAD")?
        .map(|head| head.to_string())
        .unwrap_or_default();
    let first = Repo::open(repo.common_dir())?;
    let root = first.worktree().unwrap_or(&tree.path).to_owned();
    let mut views = Vec::new();
    for check in &found.template.check {
        let Some(expected) = (if args.before {
            check.before
        } else {
            check.after
        }) else {
            continue;
        };
        let known = record.clone();
        let place = Place {
            path: &tree.path,
            root: &root,
            record: &known,
        };
        let view = one(ctx, place, (&found, check, expected), when)?;
        remember(&mut record, check, (when, &commit), &view, ctx.now());
        views.push(view);
    }
    record::save(&tree.git_dir, &record)?;
    let bad = views.iter().filter(|view| !view.good).count();
    let none = views.is_empty();
    ctx.ui.answer(&Verified {
        name: record.name.clone(),
        when,
        commit,
        checks: views,
    })?;
    if none {
        return Err(
            Error::no(format!("the template has nothing to check {when} the work"))
                .hint(format!("git ccc template show {}", shell(&found.name))),
        );
    }
    if bad > 0 {
        // The report is the answer.
        return Err(Error::new(Kind::No, ""));
    }
    Ok(())
}

/// Finds the worktree, what is known of it, and its template.
fn meant(ctx: &Ctx, args: &VerifyArgs) -> Result<(Worktree, Record, Found)> {
    let repo = ctx.repo()?;
    let tree = match &args.worktree {
        Some(word) => named(ctx, word)?,
        None => worktrees::at(repo, repo.require_worktree()?)?
            .ok_or_else(|| Error::no("this is no worktree").hint("git ccc worktree list"))?,
    };
    let record = record::load(&tree.git_dir)?.ok_or_else(|| {
        let path = shell(&tree.path.display().to_string());
        Error::no(format!("{path} was not made from a template"))
            .hint(format!("git ccc worktree adopt {path} --template feature"))
    })?;
    let Some(name) = &record.template else {
        let path = shell(&tree.path.display().to_string());
        return Err(Error::no("it has no template, and so no checks")
            .hint(format!("git ccc worktree adopt {path} --template feature")));
    };
    let found = templates::find(ctx, name)?;
    Ok((tree, record, found))
}

fn remember(
    record: &mut Record,
    check: &Check,
    (when, commit): (&str, &str),
    view: &CheckView,
    at: Timestamp,
) {
    record
        .checks
        .retain(|old| old.name != check.name || old.when != when);
    record.checks.push(Checked {
        name: check.name.clone(),
        when: when.to_owned(),
        commit: commit.to_owned(),
        at,
        good: view.good,
        names: view.names.clone(),
    });
}

fn one(
    ctx: &Ctx,
    place: Place<'_>,
    (found, check, expected): (&Found, &Check, Expect),
    when: &str,
) -> Result<CheckView> {
    let run = require(ctx, found, check.run.as_deref(), ("worktree.test", place))?;
    let code = command::watch(ctx, place, &run)?;
    let ended = if code == 0 {
        Expect::Passes
    } else {
        Expect::Fails
    };
    let (names, missing) = if check.same {
        compare(ctx, place, (found, check), when)?
    } else {
        (Vec::new(), Vec::new())
    };
    Ok(CheckView {
        name: check.name.clone(),
        expected: expected.word(),
        ended: ended.word(),
        code,
        good: ended == expected && missing.is_empty(),
        tests: names.len(),
        missing,
        names,
    })
}

/// Lists the tests, and those of before that are no more.
fn compare(
    ctx: &Ctx,
    place: Place<'_>,
    (found, check): (&Found, &Check),
    when: &str,
) -> Result<(Vec<String>, Vec<String>)> {
    let mut missing = Vec::new();
    let list = require(
        ctx,
        found,
        check.names.as_deref(),
        ("worktree.test_names", place),
    )?;
    let (listed, text) = command::ask(place, &list)?;
    if listed != 0 {
        return Err(Error::no(format!(
            "the names of the tests cannot be told: the command ended with {listed}"
        ))
        .hint("git ccc help worktree"));
    }
    let lines: BTreeSet<String> = text
        .lines()
        .map(|line| one_line(line.trim(), 300))
        .filter(|line| !line.is_empty())
        .take(MOST)
        .collect();
    let before = place
        .record
        .checks
        .iter()
        .find(|old| old.name == check.name && old.when == "before");
    if when == "after" {
        let before = before.ok_or_else(|| {
            Error::no(format!(
                "nothing is known of {} before the work",
                check.name
            ))
            .hint("git ccc worktree verify --before")
        })?;
        missing = before
            .names
            .iter()
            .filter(|name| !lines.contains(*name))
            .cloned()
            .collect();
    }
    Ok((lines.into_iter().collect(), missing))
}

/// Returns a command that the user trusts: the template's own, else that of the setting.
fn require(
    ctx: &Ctx,
    found: &Found,
    own: Option<&str>,
    (setting, place): (&str, Place<'_>),
) -> Result<Trusted<String>> {
    let (repo, trust) = (ctx.repo()?, ctx.trust()?);
    let untrusted = |error: TrustError, file: &str| {
        let trust = format!("git ccc trust {}", shell(file));
        Error::no("a command is not trusted")
            .caused_by(&error)
            .hint(if file.is_empty() {
                "git ccc trust"
            } else {
                &trust
            })
    };
    if let Some(text) = own {
        let file = match &found.source {
            Source::Repo(path) => path.strip_prefix(place.root).unwrap_or(path),
            Source::User(path) => path,
            Source::BuiltIn => std::path::Path::new(""),
        };
        let file = file.display().to_string();
        let admitted = trust.admit(repo.common_dir(), &found.command(text));
        return admitted.map_err(|error| untrusted(error, &file));
    }
    let admitted = ctx
        .settings()?
        .command(setting, repo.common_dir(), &trust)
        .map_err(|error| untrusted(error, ""))?;
    admitted.ok_or_else(|| {
        Error::usage(format!(
            "nothing says how the tests run: the setting {setting}"
        ))
        .because("a template's check without a command of its own takes it from there")
        .hint("git ccc man")
    })
}
