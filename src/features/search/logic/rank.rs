//! From documents to conversations: what a place counts, how a conversation's places add up, and what its age changes.
//!
//! All figures were chosen on the development split alone (`benches/retrieval`). Who has all words comes first because
//! rare words weigh most and places add up; to lift those places any further cost .02 to .05 there.

use crate::features::search::model::{Ranked, Role, Scored};
use std::collections::HashMap;

/// How much a place of each role counts.
pub fn weight(role: Role) -> f32 {
    match role {
        Role::Lookup => 0.2,
        Role::ToolOut => 0.1,
        Role::Echo => 0.01,
        _ => 1.0,
    }
}

/// The shape of BM25: how soon repetition stops to count, and how much length does.
pub const K1: f32 = 1.5;
/// See [`K1`].
pub const B: f32 = 0.75;

/// So many places of a conversation count, each less than the one before.
pub const DEPTH: usize = 10;
/// So many places are looked at in all.
pub const PLACES: usize = 5000;

/// In what order conversations are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// By how well they fit, newer ones a little before older ones.
    #[default]
    Best,
    /// By how well they fit, newer ones clearly first.
    Recent,
    /// The newest first.
    Newest,
    /// The oldest first.
    Oldest,
}

/// What a query asks of the ranks.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// In what order.
    pub sort: Sort,
    /// The time.
    pub now: i64,
    /// So many moments of a conversation are kept.
    pub moments: usize,
}

/// Returns what age leaves of a score: at most three tenths are lost by default.
fn recency(sort: Sort, age: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "days, not nanoseconds")]
    let days = (age.max(0) as f64) / 86_400_000.0;
    match sort {
        Sort::Recent => 0.2 + 0.8 * (-days / 7.0).exp2(),
        _ => 0.7 + 0.3 * (-days / 30.0).exp2(),
    }
}

/// Puts the best places first; of equals the older, or the newer if the newest are wanted.
pub fn put_in_order(places: &mut [Scored], sort: Sort) {
    places.sort_unstable_by(|a, b| {
        let by_age = match sort {
            // Without words all fit alike, and it is the oldest that are passed over.
            Sort::Newest => b.time.cmp(&a.time),
            _ => a.time.cmp(&b.time),
        };
        b.score
            .total_cmp(&a.score)
            .then(by_age)
            .then(a.at.cmp(&b.at))
    });
}

/// Ranks the conversations of the places that were found, the best first.
///
/// Equal ones stand with the older first: who comes to a thing first has most to say of it.
pub fn rank(mut places: Vec<Scored>, order: &Order) -> Vec<Ranked> {
    let all = gather(&mut places, order, DEPTH);
    sorted(all, order)
}

/// Adds the places of each conversation up, `depth` of them, and keeps its best moments; the places are put in order.
pub fn gather(places: &mut Vec<Scored>, order: &Order, depth: usize) -> Vec<Ranked> {
    put_in_order(places, order.sort);
    places.truncate(PLACES);
    let mut index: HashMap<u64, usize> = HashMap::new();
    let mut all: Vec<(Ranked, usize)> = Vec::new();
    for place in places.iter() {
        let at = *index.entry(place.session).or_insert_with(|| {
            all.push((
                Ranked {
                    session: place.session,
                    score: 0.0,
                    moments: Vec::new(),
                    words: 0,
                    time: place.time,
                },
                0,
            ));
            all.len() - 1
        });
        let (ranked, count) = &mut all[at];
        if *count < depth {
            #[expect(clippy::cast_precision_loss, reason = "at most a handful")]
            let share = f64::from(place.score) / (*count as f64 + 1.0);
            ranked.score += share;
        }
        *count += 1;
        ranked.words |= place.words;
        ranked.time = ranked.time.max(place.time);
        if ranked.moments.len() < order.moments {
            ranked.moments.push(*place);
        }
    }
    all.into_iter().map(|(ranked, _)| ranked).collect()
}

/// Lets age count and puts the best conversations first.
pub fn sorted(mut ranked: Vec<Ranked>, order: &Order) -> Vec<Ranked> {
    for ranked in &mut ranked {
        ranked.score *= recency(order.sort, order.now - ranked.time);
    }
    let first = |ranked: &Ranked| ranked.moments.iter().map(|moment| moment.time).min();
    ranked.sort_by(|a, b| {
        let by_age = match order.sort {
            Sort::Newest => b.time.cmp(&a.time),
            Sort::Oldest => a.time.cmp(&b.time),
            Sort::Best | Sort::Recent => std::cmp::Ordering::Equal,
        };
        by_age
            .then(b.score.total_cmp(&a.score))
            .then(first(a).cmp(&first(b)))
            .then(a.session.cmp(&b.session))
    });
    ranked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(session: u64, score: f32, words: u32, time: i64) -> Scored {
        Scored {
            at: (0, u32::try_from(session).unwrap_or(0)),
            session,
            score,
            words,
            time,
        }
    }

    fn order(sort: Sort) -> Order {
        Order {
            sort,
            now: 400 * 86_400_000,
            moments: 2,
        }
    }

    fn ids(ranked: &[Ranked]) -> Vec<u64> {
        ranked.iter().map(|ranked| ranked.session).collect()
    }

    #[test]
    fn several_good_places_beat_one_and_age_decides_between_equals() {
        let day = 86_400_000;
        let places = vec![
            place(1, 2.0, 3, day),
            place(2, 1.5, 1, day),
            place(2, 1.5, 2, day),
            place(3, 2.0, 3, 399 * day),
        ];
        let ranked = rank(places.clone(), &order(Sort::Best));
        assert_eq!(ids(&ranked), [3, 2, 1]);
        assert_eq!(ids(&rank(places, &order(Sort::Newest)))[0], 3);
    }

    #[test]
    fn age_takes_no_more_than_three_tenths_and_the_older_of_equals_is_first() {
        let old = rank(
            vec![place(1, 1.0, 3, 0), place(2, 0.69, 3, 400 * 86_400_000)],
            &order(Sort::Best),
        );
        assert_eq!(ids(&old), [1, 2]);
        let equal = rank(
            vec![place(2, 1.0, 3, -2 << 40), place(1, 1.0, 3, -1 << 40)],
            &order(Sort::Best),
        );
        assert_eq!(ids(&equal), [2, 1]);
    }
}
