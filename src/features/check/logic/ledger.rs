//! The log read from its first entry to its last: claims over time, who made what, and what is wrong with it.
//!
//! A claim that ran out held until its stated time, one that was broken until that entry, and one whose holder died
//! until the holder's last entry: nothing says when it died after that. An entry of an older git-ccc has no stated
//! time; such a claim that ran out without a renewal is not judged. A withdrawn one never held.

use crate::{
    base::{
        id::{ClaimId, SessionTag},
        scope::Scope,
        time::Timestamp,
    },
    features::check::model::{
        Override, Period,
        snapshot::{Fault, Ledger},
    },
};
use std::collections::BTreeMap;

mod claims;
mod entry;

pub use entry::{Entry, is_subject};

use claims::HOLDER_GONE;
use entry::subject_of_commit;

/// A claim that has not ended yet.
#[derive(Debug)]
struct Open {
    period: Period,
    until: Option<Timestamp>,
}

struct Reader<'a> {
    parents: &'a dyn Fn(&str) -> Vec<String>,
    ledger: Ledger,
    open: BTreeMap<ClaimId, Open>,
    /// Ends that were logged before a grant that is said again.
    early: BTreeMap<ClaimId, Timestamp>,
}

/// Reads the entries, oldest first; `hole` is the one before them that cannot be read.
///
/// `parents` gives those of a commit, for overrides that an amendment uses; an unknown commit has none.
pub fn read(
    entries: &[Entry],
    hole: Option<&(String, String)>,
    parents: &dyn Fn(&str) -> Vec<String>,
) -> Ledger {
    let mut reader = Reader {
        parents,
        ledger: Ledger::default(),
        open: BTreeMap::new(),
        early: BTreeMap::new(),
    };
    let mut before: Option<&Entry> = None;
    if let Some((oid, why)) = hole.cloned() {
        reader.ledger.faults.push(Fault::Hole { oid, why });
    }
    for entry in entries {
        reader.chain(entry, before, hole.is_some());
        reader.entry(entry);
        before = Some(entry);
    }
    let mut ledger = reader.ledger;
    for open in reader.open.into_values() {
        ledger.periods.push(Period {
            to: open.until,
            ..open.period
        });
    }
    for period in &mut ledger.periods {
        let last = ledger.seen.get(&period.session).copied();
        let last = last.unwrap_or(period.from);
        period.sure = Some(period.to.map_or(last, |to| to.min(last)));
    }
    ledger.tip = entries.last().map(|entry| entry.oid.clone());
    ledger.faults.reverse();
    ledger
}

impl Reader<'_> {
    /// Judges the numbers.
    fn chain(&mut self, entry: &Entry, before: Option<&Entry>, hole: bool) {
        let (oid, fence) = (entry.oid.clone(), entry.fence());
        let faults = &mut self.ledger.faults;
        if entry.parents.len() > 1 {
            faults.push(Fault::Merged {
                oid: oid.clone(),
                parents: entry.parents.len(),
            });
        }
        match (fence, before.map(Entry::fence)) {
            (None, _) => {
                let line = entry.trailers().find(|(_, key, _)| *key == "Ccc-Fence");
                let line = line.map_or(1, |(line, _, _)| line);
                faults.push(Fault::NoNumber {
                    oid: oid.clone(),
                    line,
                });
            }
            (Some(fence), Some(Some(before))) if fence != before + 1 => faults.push(Fault::Jump {
                oid: oid.clone(),
                fence,
                before,
            }),
            (Some(fence), None) if fence > 0 && !hole => faults.push(Fault::CutOff {
                oid: oid.clone(),
                fence,
            }),
            _ => {}
        }
        self.ledger.entries.insert(oid, fence);
        self.ledger.at = self.ledger.at.max(Some(entry.at));
    }

    fn entry(&mut self, entry: &Entry) {
        let by = self.session(entry);
        self.commits(entry, by.as_ref());
        self.gone(entry);
        self.granted(entry, by.as_ref());
        self.renewed(entry);
        if let Some(by) = by {
            // Others end the claims of the dead in their name.
            let buried = entry
                .all("Ccc-Gone")
                .any(|gone| gone.ends_with(HOLDER_GONE));
            let seen = self.ledger.seen.entry(by).or_insert(entry.at);
            if !buried {
                *seen = entry.at.max(*seen);
            }
        }
    }

    fn session(&mut self, entry: &Entry) -> Option<SessionTag> {
        let (line, _, text) = entry.trailers().find(|(_, key, _)| *key == "Ccc-Session")?;
        let tag = text.parse().ok();
        if tag.is_none() {
            self.fault(entry, line, text);
        }
        tag
    }

    fn fault(&mut self, entry: &Entry, line: u32, text: &str) {
        self.ledger.faults.push(Fault::Trailer {
            oid: entry.oid.clone(),
            line,
            text: text.to_owned(),
        });
    }

    /// Who made what, and what was let pass.
    fn commits(&mut self, entry: &Entry, by: Option<&SessionTag>) {
        let account = &mut self.ledger.account;
        let rewrites = entry
            .all("Ccc-Rewrite")
            .filter_map(|pair| pair.split_once(' '));
        for (old, new) in rewrites {
            let mut makers = account.makers.get(old).cloned().unwrap_or_default();
            makers.extend(by.cloned());
            if !makers.is_empty() {
                let known = account.makers.entry(new.to_owned()).or_default();
                known.extend(makers);
            }
            if entry
                .message
                .lines()
                .next()
                .is_some_and(|line| line.ends_with(": rebase"))
            {
                account.rebased.insert(new.to_owned());
            }
        }
        for oid in entry.all("Ccc-Commit") {
            if let Some(by) = by {
                let makers = account.makers.entry(oid.to_owned()).or_default();
                makers.insert(by.clone());
            }
            if entry.one("Ccc-Override").is_some() {
                account.overridden.insert(oid.to_owned());
            }
        }
        if let (Some("override"), Some(base)) = (entry.one("Ccc-Act"), entry.one("Ccc-Base")) {
            account.overrides.push(Override {
                base: base.to_owned(),
                grand: (self.parents)(base),
                paths: entry
                    .all("Ccc-Path")
                    .filter_map(|path| Scope::parse(path).ok())
                    .collect(),
                capped: entry.one("Ccc-Paths").is_some(),
            });
        }
        if let (Some(by), Some(subject)) = (by, subject_of_commit(entry)) {
            let subjects = self.ledger.subjects.entry(by.clone()).or_default();
            subjects.insert(subject.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds).expect("a time")
    }

    /// Entries of one session at these seconds; the numbers are added.
    fn log(entries: &[(i64, &str, &str)]) -> Ledger {
        let mut all = Vec::new();
        for (number, (seconds, by, text)) in entries.iter().enumerate() {
            let session = if by.is_empty() {
                String::new()
            } else {
                format!("Ccc-Session: {by}\n")
            };
            let parents = number.checked_sub(1).map(|before| before.to_string());
            all.push(Entry {
                oid: number.to_string(),
                parents: parents.into_iter().collect(),
                at: at(*seconds),
                message: format!("x\n\n{session}{text}\nCcc-Fence: {number}\n"),
            });
        }
        read(&all, None, &|_| Vec::new())
    }

    fn ends(ledger: &Ledger) -> Vec<(i64, Option<i64>, i64)> {
        let mut found: Vec<_> = ledger
            .periods
            .iter()
            .map(|period| {
                let sure = period.sure.expect("it is always known").unix();
                (period.from.unix(), period.to.map(Timestamp::unix), sure)
            })
            .collect();
        found.sort_unstable();
        found
    }

    const TAKE: &str = "Ccc-Claim: 0123456789ab\nCcc-Scope: src\nCcc-Until: 1970-01-01T00:01:40Z";

    #[test]
    fn a_claim_holds_until_what_ended_it() {
        let a = "a-0001";
        for (end, expected) in [
            ("Ccc-Gone: 0123456789ab released", (10, Some(200), 30)),
            ("Ccc-Gone: 0123456789ab broken", (10, Some(200), 30)),
            ("Ccc-Gone: 0123456789ab expired", (10, Some(100), 30)),
            ("Ccc-Gone: 0123456789ab holder-gone", (10, Some(30), 30)),
            ("Ccc-Act: nothing", (10, Some(100), 30)),
        ] {
            let ledger = log(&[
                (10, a, TAKE),
                (30, a, "Ccc-Act: commit"),
                (200, "b-0002", end),
            ]);
            assert_eq!(ends(&ledger), [expected], "{end}");
        }
        let withdrawn = log(&[(10, a, TAKE), (11, a, "Ccc-Gone: 0123456789ab withdrawn")]);
        assert_eq!(ends(&withdrawn), [], "it never held");
        let renewed = log(&[
            (10, a, TAKE),
            (
                20,
                a,
                "Ccc-Renewed: 0123456789ab until 1970-01-01T00:05:00Z\nCcc-Scope: src",
            ),
            (400, "b-0002", "Ccc-Gone: 0123456789ab expired"),
        ]);
        assert_eq!(ends(&renewed), [(10, Some(300), 20)]);
        let unstated = log(&[
            (10, a, "Ccc-Claim: 0123456789ab\nCcc-Scope: src"),
            (400, "b-0002", "Ccc-Gone: 0123456789ab expired"),
        ]);
        assert_eq!(ends(&unstated), [], "nothing says until when");
    }

    #[test]
    fn a_burial_is_no_sign_of_life() {
        let ledger = log(&[
            (10, "a-0001", TAKE),
            (90, "a-0001", "Ccc-Gone: 0123456789ab holder-gone"),
        ]);
        assert_eq!(ends(&ledger), [(10, Some(10), 10)]);
    }

    #[test]
    fn what_does_not_count_or_cannot_be_understood_is_a_fault() {
        let entry = |oid: &str, parents: &[&str], message: &str| Entry {
            oid: oid.to_owned(),
            parents: parents.iter().map(|p| (*p).to_owned()).collect(),
            at: at(1),
            message: message.to_owned(),
        };
        let entries = [
            entry("a", &[], "x\n\nCcc-Fence: 4\n"),
            entry("b", &["a"], "x\n\nCcc-Fence: 6\n"),
            entry("c", &["b", "z"], "x\n\nCcc-Fence: 7\n"),
            entry("d", &["c"], "x\n\nCcc-Fence: soon\n"),
            entry("e", &["d"], "x\n\nCcc-Session: nobody\nCcc-Fence: 9\n"),
        ];
        let ledger = read(&entries, None, &|_| Vec::new());
        let words: Vec<String> = ledger
            .faults
            .iter()
            .map(|fault| format!("{fault:?}"))
            .collect();
        let words: Vec<&str> = words.iter().filter_map(|w| w.split(' ').next()).collect();
        assert_eq!(words, ["Trailer", "NoNumber", "Merged", "Jump", "CutOff"]);
    }

    #[test]
    fn a_subject_is_known_as_the_log_cut_it() {
        assert!(is_subject("Rotate the key", " Rotate the key"));
        assert!(is_subject("Rotate the…", "Rotate the key"));
        assert!(!is_subject("Rotate", "Rotate the key") && !is_subject("", ""));
    }
}
