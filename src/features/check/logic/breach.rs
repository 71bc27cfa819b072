//! The decision: which commits were of a path that somebody else held.

use crate::{
    base::{
        scope::{Fold, Scope},
        time::Timestamp,
    },
    features::{
        check::model::{Account, Breach, Made, Override, Period},
        claim::logic::overlap,
    },
};

/// Returns the first breach of each commit.
pub fn first_breaches(
    commits: &[Made],
    periods: &[Period],
    account: &Account,
    fold: Fold,
) -> Vec<Breach> {
    commits
        .iter()
        .filter_map(|commit| breach(commit, periods, account, fold))
        .collect()
}

fn breach(commit: &Made, periods: &[Period], account: &Account, fold: Fold) -> Option<Breach> {
    breaches(commit, periods, account, fold).next()
}

/// Returns the breaches of a commit, one for each claim.
pub fn breaches<'a>(
    commit: &'a Made,
    periods: &'a [Period],
    account: &'a Account,
    fold: Fold,
) -> impl Iterator<Item = Breach> + 'a {
    let makers = account.makers.get(&commit.oid);
    let overridden = account.overridden.contains(&commit.oid);
    periods
        .iter()
        .filter(move |_| !overridden)
        .filter(move |period| period.held_at(commit, makers.is_some()))
        .filter(move |period| makers.is_none_or(|makers| !makers.contains(&period.session)))
        .filter(|period| {
            let copy = (commit.oid.clone(), period.claim.clone());
            !account.copies.contains(&copy)
        })
        .filter_map(move |period| {
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
    ///
    /// A commit that the hooks saw passed them, perhaps for its holder was gone: then a sign of life must follow it.
    pub fn held_at(&self, commit: &Made, seen: bool) -> bool {
        let before = |end: Option<Timestamp>| end.is_none_or(|end| commit.at < end);
        self.from < commit.at && before(self.to) && (!seen || before(self.sure))
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
    use crate::base::id::SessionTag;

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
            sure: None,
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
        first_breaches(commits, periods, account, Fold::default())
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
    fn what_the_hooks_saw_is_judged_while_the_holder_was_surely_there() {
        let mut period = period(10, Some(50));
        period.sure = Some(at(20));
        let commits = [made("15", 15, "src/a"), made("30", 30, "src/a")];
        let none = Account::default();
        let periods = [period];
        assert_eq!(found(&commits, &periods, &none), ["15 src/a", "30 src/a"]);
        let seen = Account {
            makers: ["15", "30"]
                .map(|oid| (oid.to_owned(), [tag("other")].into()))
                .into(),
            ..Account::default()
        };
        assert_eq!(found(&commits, &periods, &seen), ["15 src/a"]);
        let copied = Account {
            copies: [("15".to_owned(), periods[0].claim.clone())].into(),
            ..Account::default()
        };
        assert_eq!(found(&commits, &periods, &copied), ["30 src/a"]);
    }

    #[test]
    fn the_holder_and_an_override_account_for_a_commit() {
        let (commits, periods) = ([made("x", 20, "src/a")], [period(10, None)]);
        let by = |who: &str| Account {
            makers: [("x".to_owned(), [tag(who)].into())].into(),
            ..Account::default()
        };
        assert!(found(&commits, &periods, &by("holder")).is_empty());
        let breach = first_breaches(&commits, &periods, &by("other"), Fold::default());
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
