//! The decision: which commits were of a path that somebody else held.

use super::model::{Account, Breach, Made, Override, Period};
use crate::{
    base::scope::{Fold, Scope},
    features::claim::logic::overlap,
};

/// Returns the first breach of each commit.
pub fn breaches(
    commits: &[Made],
    periods: &[Period],
    account: &Account,
    fold: Fold,
) -> Vec<Breach> {
    commits
        .iter()
        .filter(|commit| !account.overridden.contains(&commit.oid))
        .filter_map(|commit| breach(commit, periods, account, fold))
        .collect()
}

fn breach(commit: &Made, periods: &[Period], account: &Account, fold: Fold) -> Option<Breach> {
    let makers = account.makers.get(&commit.oid);
    periods
        .iter()
        .filter(|period| period.held_at(commit))
        .filter(|period| makers.is_none_or(|makers| !makers.contains(&period.session)))
        .find_map(|period| {
            let open: Vec<Scope> = commit
                .paths
                .iter()
                .filter(|path| !account.overrides.iter().any(|one| one.lets(commit, path)))
                .cloned()
                .collect();
            let (_, path) = overlap(&period.scopes, &open, fold)?;
            Some(Breach {
                oid: commit.oid.clone(),
                path: path.clone(),
                period: period.clone(),
                maker: makers.and_then(|makers| makers.first().cloned()),
            })
        })
}

impl Period {
    /// Tells whether the claim held beyond doubt: git's times are whole seconds.
    pub fn held_at(&self, commit: &Made) -> bool {
        self.from < commit.at && self.to.is_none_or(|to| commit.at < to)
    }
}

impl Override {
    fn lets(&self, commit: &Made, path: &Scope) -> bool {
        let base = commit.parents.contains(&self.base)
            || commit.parents == self.grand
            || commit.parents.is_empty() && self.base == "unborn";
        base && (self.capped || self.paths.contains(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{id::SessionTag, time::Timestamp};

    fn tag(name: &str) -> SessionTag {
        SessionTag::new(name, "1d33").expect("a tag")
    }

    fn scope(text: &str) -> Scope {
        Scope::parse(text).expect("a scope")
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds).expect("a time")
    }

    fn period(from: i64, to: Option<i64>) -> Period {
        Period {
            claim: "0123456789ab".parse().expect("an id"),
            session: tag("holder"),
            scopes: vec![scope("src/")],
            from: at(from),
            to: to.map(at),
        }
    }

    fn made(oid: &str, time: i64, path: &str) -> Made {
        Made {
            oid: oid.to_owned(),
            parents: vec!["base".to_owned()],
            at: at(time),
            paths: vec![scope("free"), scope(path)],
        }
    }

    fn found(commits: &[Made], periods: &[Period], account: &Account) -> Vec<String> {
        breaches(commits, periods, account, Fold::default())
            .into_iter()
            .map(|breach| format!("{} {}", breach.oid, breach.path))
            .collect()
    }

    #[test]
    fn only_what_was_held_at_that_time_by_another_counts() {
        let commits: Vec<Made> = (9..=13)
            .map(|time| made(&time.to_string(), time, "src/a"))
            .collect();
        let none = Account::default();
        assert_eq!(
            found(&commits, &[period(10, Some(13))], &none),
            ["11 src/a", "12 src/a"],
            "the seconds in which it began and ended prove nothing"
        );
        assert_eq!(found(&commits, &[period(12, None)], &none), ["13 src/a"]);
        assert!(found(&[made("x", 20, "docs/a")], &[period(10, None)], &none).is_empty());
    }

    #[test]
    fn the_holder_and_an_override_account_for_a_commit() {
        let (commits, periods) = ([made("x", 20, "src/a")], [period(10, None)]);
        let by = |who: &str| Account {
            makers: [("x".to_owned(), [tag(who)].into())].into(),
            ..Account::default()
        };
        assert!(found(&commits, &periods, &by("holder")).is_empty());
        let breach = breaches(&commits, &periods, &by("other"), Fold::default());
        assert_eq!(breach[0].maker, Some(tag("other")));
        let one = |base: &str, path: &str| Account {
            overrides: vec![Override {
                base: base.to_owned(),
                grand: vec!["root".to_owned()],
                paths: vec![scope(path)],
                capped: false,
            }],
            ..Account::default()
        };
        assert!(found(&commits, &periods, &one("base", "src/a")).is_empty());
        assert_eq!(
            found(&commits, &periods, &one("base", "src/b")),
            ["x src/a"]
        );
        assert_eq!(
            found(&commits, &periods, &one("else", "src/a")),
            ["x src/a"]
        );
        let mut amended = commits.clone();
        amended[0].parents = vec!["root".to_owned()];
        assert!(found(&amended, &periods, &one("base", "src/a")).is_empty());
        let own = Account {
            overridden: ["x".to_owned()].into(),
            ..Account::default()
        };
        assert!(found(&commits, &periods, &own).is_empty());
    }
}
