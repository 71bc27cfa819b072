//! `stale-base`: the range began too long ago.

use super::Rule;
use crate::{
    base::{text::one_line, time::Ttl},
    features::check::model::{
        finding::{Draft, Level, Place},
        snapshot::{Snapshot, Target},
    },
};

pub const RULE: Rule = Rule {
    id: "stale-base",
    level: Level::Error,
    title: "the range begins further back than policy allows",
    why: "What was green on an old base was green on a tree that exists nowhere. check.max_behind says how many commits \
          the target may be ahead of where the range began, check.max_age how much older than its newest commit that \
          place may be. Without them this rule asks nothing, nor without a target.",
    fix: "Rebase or merge the target, and test again.",
    check,
};

fn check(snapshot: &Snapshot) -> Vec<Draft> {
    let policy = &snapshot.policy;
    let Some(target) = &snapshot.range.target else {
        return Vec::new();
    };
    if snapshot.commits.is_empty() || policy.max_behind.is_none() && policy.max_age.is_none() {
        return Vec::new();
    }
    let name = one_line(&target.name, 100);
    let Some((base, at)) = &target.base else {
        let fact = format!("the range and {name} have no commit in common");
        return vec![draft(snapshot, target, fact, Vec::new())];
    };
    let mut because = Vec::new();
    if let Some(most) = policy.max_behind.filter(|most| target.behind > *most) {
        because.push(format!("check.max_behind is {most}"));
    }
    let age = target.at.seconds_since(*at);
    if let Some(most) = policy
        .max_age
        .filter(|most| age > i64::from(most.seconds()))
    {
        because.push(format!("check.max_age is {most}"));
    }
    if because.is_empty() {
        return Vec::new();
    }
    let older = u64::try_from(age)
        .ok()
        .and_then(|age| Ttl::from_seconds(age).ok());
    let older = older.map_or_else(String::new, |age| format!(" and {age} older than it"));
    let fact = format!(
        "the range begins at {}, {} commits behind {name}{older}",
        base.get(..10).unwrap_or(base),
        target.behind
    );
    vec![draft(snapshot, target, fact, because)]
}

fn draft(snapshot: &Snapshot, target: &Target, fact: String, because: Vec<String>) -> Draft {
    let set = &snapshot.policy.base_set;
    Draft {
        place: set
            .as_ref()
            .map_or_else(Place::nowhere, |(file, line)| Place::line(file, *line)),
        commit: Some(snapshot.range.tip.clone()),
        fact,
        because,
        next: format!("git log --oneline {}..{}", snapshot.range.tip, target.oid),
        key: vec![snapshot.range.tip.clone(), target.oid.clone()],
    }
}
