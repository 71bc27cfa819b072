//! What the log says of claims: how each began, what was added to its time, and what ended it.

use super::{Entry, Open, Reader};
use crate::{
    base::{
        id::{ClaimId, SessionTag},
        scope::Scope,
    },
    features::check::model::Period,
};

/// Reasons of the log for a claim that held until that very entry.
const HELD_TILL_THEN: &[&str] = &["released", "commit", "committed", "absorbed", "broken"];
/// The reason for one whose time was over.
const EXPIRED: &str = "expired";
/// The reason for one whose holder's process was gone.
pub(super) const HOLDER_GONE: &str = "holder-gone";
/// Names an entry that a lost swap dropped, and that this one says again.
const AGAIN: &str = "Ccc-Again";

impl Reader<'_> {
    pub(super) fn gone(&mut self, entry: &Entry) {
        let gone: Vec<(u32, String)> = entry
            .trailers()
            .filter(|(_, key, _)| *key == "Ccc-Gone")
            .map(|(line, _, value)| (line, value.to_owned()))
            .collect();
        for (line, value) in gone {
            let parsed = value
                .split_once(' ')
                .and_then(|(id, why)| Some((id.parse::<ClaimId>().ok()?, why)));
            let Some((id, why)) = parsed else {
                self.fault(entry, line, &value);
                continue;
            };
            let Some(Open { period, until }) = self.open.remove(&id) else {
                if HELD_TILL_THEN.contains(&why) {
                    self.early.insert(id, entry.at);
                }
                continue;
            };
            let to = if HELD_TILL_THEN.contains(&why) {
                Some(entry.at)
            } else if why == EXPIRED {
                until.map(|until| until.min(entry.at))
            } else if why == HOLDER_GONE {
                let seen = self.ledger.seen.get(&period.session).copied();
                seen.map(|seen| until.map_or(seen, |until| until.min(seen)))
            } else {
                None
            };
            if to.is_some() {
                self.ledger.periods.push(Period { to, ..period });
            }
        }
    }

    /// The claims an entry grants: each is followed by its scopes and its time.
    pub(super) fn granted(&mut self, entry: &Entry, by: Option<&SessionTag>) {
        let mut current: Option<ClaimId> = None;
        let lines: Vec<(u32, String, String)> = entry
            .trailers()
            .map(|(line, key, value)| (line, key.to_owned(), value.to_owned()))
            .collect();
        let mut granted: Vec<ClaimId> = Vec::new();
        for (line, key, value) in lines {
            // The scopes that follow are of a claim that was granted before.
            if key == "Ccc-Renewed" {
                break;
            }
            let understood = match (key.as_str(), by) {
                ("Ccc-Claim", Some(by)) => {
                    current = value.parse::<ClaimId>().ok();
                    granted.extend(current.clone());
                    self.open(entry, by, current.as_ref());
                    current.is_some()
                }
                ("Ccc-Scope", _) => self.add(
                    current.as_ref(),
                    Scope::parse(&value).ok(),
                    |open, scope| {
                        open.period.scopes.push(scope);
                    },
                ),
                ("Ccc-Until", _) => {
                    self.add(current.as_ref(), value.parse().ok(), |open, until| {
                        open.until = Some(until);
                    })
                }
                _ => true,
            };
            if !understood {
                self.fault(entry, line, &value);
            }
        }
        if entry.one(AGAIN).is_some() {
            self.said_again(&granted);
        }
    }

    fn open(&mut self, entry: &Entry, by: &SessionTag, id: Option<&ClaimId>) {
        let Some(id) = id else { return };
        let period = Period {
            claim: id.clone(),
            session: by.clone(),
            scopes: Vec::new(),
            from: entry.at,
            to: None,
            sure: None,
        };
        let until = None;
        self.open.insert(id.clone(), Open { period, until });
    }

    /// Adds what an entry says of a claim that it grants; `false` if that cannot be understood.
    fn add<T>(
        &mut self,
        id: Option<&ClaimId>,
        what: Option<T>,
        to: impl FnOnce(&mut Open, T),
    ) -> bool {
        let Some(what) = what else { return false };
        if let Some(open) = id.and_then(|id| self.open.get_mut(id)) {
            to(open, what);
        }
        true
    }

    /// The end of a claim may have been logged before its grant was said again.
    fn said_again(&mut self, granted: &[ClaimId]) {
        for id in granted {
            let Some(to) = self.early.remove(id) else {
                continue;
            };
            if let Some(open) = self.open.remove(id) {
                self.ledger.periods.push(Period {
                    to: Some(to),
                    ..open.period
                });
            }
        }
    }

    pub(super) fn renewed(&mut self, entry: &Entry) {
        for value in entry.all("Ccc-Renewed") {
            let parsed = value
                .split_once(" until ")
                .and_then(|(id, until)| Some((id.parse::<ClaimId>().ok()?, until.parse().ok()?)));
            if let Some((id, until)) = parsed
                && let Some(open) = self.open.get_mut(&id)
            {
                open.until = Some(until);
            }
        }
    }
}
