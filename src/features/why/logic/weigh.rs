//! From clues to sessions: who is the likeliest.

use crate::features::why::model::{Clue, Spot, Sure, Trace};
use std::collections::{BTreeSet, HashMap, HashSet};

/// A line that was looked for.
#[derive(Clone, Debug, Default)]
pub struct Sought {
    /// It is one of those that were asked about, not only of the same change.
    pub asked: bool,
    /// Where tools were given it.
    pub spots: Vec<Spot>,
}

/// Lines that were asked about count so much more than others of the change.
const ASKED: f64 = 4.0;
/// What was written long before it was committed was perhaps written again: half of the score stays.
const DAY: f64 = 24.0 * 3600.0 * 1000.0;

/// Finds who was given the lines, at or before a time; a line that many were given says little of each.
pub fn writers(sought: &[Sought], touched: &BTreeSet<u64>, until: i64) -> Vec<Trace> {
    let mut all: HashMap<u64, Tally> = HashMap::new();
    for line in sought {
        let spots = line.spots.iter().filter(|spot| spot.time <= until);
        let sessions: HashSet<u64> = spots.clone().map(|spot| spot.session).collect();
        for session in &sessions {
            let own = spots.clone().filter(|spot| spot.session == *session);
            // The last time before the commit is what was committed.
            let Some(spot) = own.copied().max_by_key(|spot| (spot.time, spot.place)) else {
                continue;
            };
            let tally = all.entry(*session).or_default();
            let weight = if line.asked { ASKED } else { 1.0 };
            tally.score += weight * nearness(until - spot.time) / count(sessions.len());
            *(if line.asked {
                &mut tally.asked
            } else {
                &mut tally.near
            }) += 1;
            let rank = |asked: bool, spot: &Spot| (asked, spot.time, spot.place);
            if tally
                .spot
                .is_none_or(|(asked, old)| rank(line.asked, &spot) > rank(asked, &old))
            {
                tally.spot = Some((line.asked, spot));
            }
        }
    }
    let asked = sought.iter().filter(|line| line.asked).count();
    let near = sought.len() - asked;
    let top = all.values().map(|tally| tally.score).fold(0.0, f64::max);
    let traces = all.into_iter().map(|(session, mut tally)| {
        let own_file = touched.contains(&session);
        if own_file {
            tally.score *= 1.5;
        }
        trace(session, &tally, (asked, near), tally.score * 2.0 >= top)
    });
    traces.collect()
}

#[derive(Default)]
struct Tally {
    score: f64,
    asked: usize,
    near: usize,
    spot: Option<(bool, Spot)>,
}

#[expect(clippy::cast_precision_loss, reason = "a handful of lines")]
fn count(number: usize) -> f64 {
    number.max(1) as f64
}

#[expect(clippy::cast_precision_loss, reason = "a weight")]
fn nearness(age: i64) -> f64 {
    0.5 + 0.5 * (-(age.max(0) as f64) / DAY).exp2()
}

fn trace(session: u64, tally: &Tally, (asked, near): (usize, usize), ahead: bool) -> Trace {
    let mut clues = Vec::new();
    let enough = tally.near >= 2 && tally.near * 10 >= near * 3;
    let mut clue = |kind, says: String, likely: bool| {
        clues.push(Clue {
            kind,
            says,
            confidence: if likely && ahead {
                Sure::Likely
            } else {
                Sure::Guess
            },
        });
    };
    if tally.asked > 0 {
        let says = format!("its tools were given {} of {asked} lines", tally.asked);
        clue("lines", says, true);
    }
    if tally.near > 0 {
        let says = format!(
            "its tools were given {} of {near} other lines of the change",
            tally.near
        );
        clue("patch", says, enough);
    }
    Trace {
        session: Some(session),
        clues,
        score: tally.score,
        spot: tally.spot.map(|(_, spot)| spot),
        ..Trace::default()
    }
}

/// Tells whether a session has a kind of evidence that carries so far.
fn has(trace: &Trace, kind: &str, least: Sure) -> bool {
    let mut clues = trace.clues.iter();
    clues.any(|clue| clue.kind == kind && clue.confidence >= least)
}

/// Puts what is known of one session together, and the likeliest first.
pub fn merge(all: Vec<Trace>) -> Vec<Trace> {
    let mut merged: Vec<Trace> = Vec::new();
    for trace in all {
        let same = |known: &&mut Trace| {
            (known.session.is_some() && known.session == trace.session)
                || (known.tag.is_some() && known.tag == trace.tag)
        };
        match merged.iter_mut().find(same) {
            Some(known) => {
                known.session = known.session.or(trace.session);
                known.tag = known.tag.take().or(trace.tag);
                known.native = known.native.take().or(trace.native);
                known.clues.extend(trace.clues);
                known.score += trace.score;
                known.spot = known.spot.or(trace.spot);
            }
            None => merged.push(trace),
        }
    }
    let written = merged.iter().any(|trace| has(trace, "lines", Sure::Likely));
    for trace in &mut merged {
        let own = ["lines", "patch"].map(|kind| has(trace, kind, Sure::Guess));
        if written && own == [false; 2] {
            // Whoever commits what another one wrote did not write it.
            let made = trace.clues.iter_mut();
            made.filter(|clue| clue.kind == "commit_output")
                .for_each(|clue| clue.confidence = clue.confidence.min(Sure::Likely));
        }
    }
    merged.sort_by(|a, b| {
        let time = |trace: &Trace| trace.spot.map_or(0, |spot| spot.time);
        let by = b.sure().cmp(&a.sure()).then(b.score.total_cmp(&a.score));
        by.then(time(b).cmp(&time(a)))
            .then(a.session.cmp(&b.session))
    });
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spot(session: u64, time: i64) -> Spot {
        Spot {
            at: (0, 0),
            source: session,
            session,
            place: 0,
            time,
        }
    }

    #[test]
    fn whoever_was_given_the_lines_last_before_the_commit_wrote_them() {
        let day = 24 * 3600 * 1000;
        let sought = [
            Sought {
                asked: true,
                spots: vec![spot(1, day), spot(2, 9 * day), spot(3, 11 * day)],
            },
            Sought {
                asked: false,
                spots: vec![spot(2, 9 * day)],
            },
            Sought::default(),
        ];
        let all = merge(writers(&sought, &BTreeSet::from([2]), 10 * day));
        let ids: Vec<_> = all.iter().map(|trace| trace.session).collect();
        assert_eq!(ids, [Some(2), Some(1)], "3 came after the commit");
        assert_eq!(all[0].sure(), Sure::Likely);
        assert_eq!(all[1].sure(), Sure::Guess);
    }

    #[test]
    fn whoever_committed_what_another_wrote_comes_after_that() {
        let trace = |session, kind, confidence, score| Trace {
            session: Some(session),
            clues: vec![Clue {
                kind,
                says: String::new(),
                confidence,
            }],
            score,
            ..Trace::default()
        };
        let made = trace(1, "commit_output", Sure::Certain, 0.0);
        let wrote = trace(2, "lines", Sure::Likely, 3.0);
        let alone = merge(vec![made.clone()]);
        assert_eq!(alone[0].sure(), Sure::Certain);
        let both = merge(vec![made, wrote]);
        assert_eq!((both[0].session, both[1].sure()), (Some(2), Sure::Likely));
    }

    #[test]
    fn a_record_goes_before_any_score() {
        let clue = |confidence| Clue {
            kind: "trailer",
            says: String::new(),
            confidence,
        };
        let named = Trace {
            tag: Some("a-1".into()),
            clues: vec![clue(Sure::Certain)],
            ..Trace::default()
        };
        let wrote = Trace {
            session: Some(7),
            clues: vec![clue(Sure::Likely)],
            score: 9.0,
            ..Trace::default()
        };
        let all = merge(vec![wrote.clone(), named, wrote]);
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].tag.as_deref(), Some("a-1"));
        assert_eq!(all[1].clues.len(), 2);
    }
}
