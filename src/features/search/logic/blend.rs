//! Words and meaning in one ranked list: when meaning is asked at all, and how much it counts.
//!
//! Meaning counts as far as words fail: a conversation that has all that was asked for needs no help, and every mixture
//! that ignores this ranks worse than words alone on the development split. All figures were chosen there
//! (`benches/retrieval`).

use super::{
    query::Expr,
    rank::{self, Order},
    words,
};
use crate::features::search::model::{Ranked, Scored};
use std::collections::HashMap;

/// How much meaning counts where the best conversation has none of the words; half of them leave a quarter of it.
const STRENGTH: f64 = 0.5;
/// So many passages are looked at in all.
const NEAREST: usize = 500;
/// So many passages of a conversation count, each less than the one before.
const DEPTH: usize = 3;

/// Tells whether a query is words of prose alone: quotes, beginnings, alternatives and identifiers ask for exact text.
pub fn is_prose(expr: &Expr) -> bool {
    match expr {
        Expr::All(parts) => parts.iter().all(is_prose),
        Expr::Word(word) => !is_code(word),
        Expr::Not(_) | Expr::Filter(_) => true,
        Expr::Any(_) | Expr::Phrase(_) | Expr::Begin(_) => false,
    }
}

/// Returns the words of a query as they were typed, without those that are ruled out.
pub fn spoken(expr: &Expr) -> Vec<&str> {
    match expr {
        Expr::All(parts) | Expr::Any(parts) => parts.iter().flat_map(spoken).collect(),
        Expr::Word(word) | Expr::Phrase(word) | Expr::Begin(word) => vec![word],
        Expr::Not(_) | Expr::Filter(_) => Vec::new(),
    }
}

/// Tells an identifier, a path, a number or a hash from a word.
fn is_code(word: &str) -> bool {
    let word = word.trim_matches(|c: char| c.is_ascii_punctuation());
    let inner = |c: char| {
        matches!(
            c,
            '_' | '/' | '.' | ':' | '#' | '@' | '\\' | '=' | '(' | '<'
        )
    };
    let humps = word
        .chars()
        .zip(word.chars().skip(1))
        .any(|(a, b)| a.is_lowercase() && b.is_uppercase());
    let digits = word.chars().any(|c| c.is_ascii_digit());
    word.contains(inner) || humps || digits || words::is_hash(word)
}

/// Returns how much of what was asked for the best place of a conversation has, by how rare it is.
fn coverage(session: u64, places: &[Scored], rarity: &[f32]) -> f64 {
    let total: f32 = rarity.iter().sum();
    let has = |words: u32| -> f32 {
        let bit = |index: usize| words & (1 << index.min(super::query::BITS - 1)) != 0;
        (0..rarity.len())
            .filter(|index| bit(*index))
            .map(|index| rarity[index])
            .sum()
    };
    let best = places
        .iter()
        .filter(|place| place.session == session)
        .map(|place| has(place.words))
        .fold(0.0, f32::max);
    f64::from(best / total.max(f32::MIN_POSITIVE))
}

/// Ranks by words (`places`, and how rare each word is) and by meaning (`near`, by likeness).
pub fn blend(
    mut places: Vec<Scored>,
    rarity: &[f32],
    mut near: Vec<Scored>,
    order: &Order,
) -> Vec<Ranked> {
    let mut all = rank::gather(&mut places, order, rank::DEPTH);
    let best = all
        .iter()
        .max_by(|a, b| a.score.total_cmp(&b.score))
        .map(|best| (best.session, best.score));
    let covered = best.map_or(0.0, |(session, _)| coverage(session, &places, rarity));
    let most = best.map_or(1.0, |(_, score)| score);
    let share = STRENGTH * (1.0 - covered).powi(2);
    rank::put_in_order(&mut near, order.sort);
    near.truncate(NEAREST);
    let meant = rank::gather(&mut near, order, DEPTH);
    let nearest = meant.iter().map(|ranked| ranked.score).fold(0.0, f64::max);
    let known: HashMap<u64, usize> = all
        .iter()
        .enumerate()
        .map(|(at, ranked)| (ranked.session, at))
        .collect();
    if share > 0.0 && nearest > 0.0 {
        for mut ranked in meant {
            let more = most * share * ranked.score / nearest;
            if let Some(at) = known.get(&ranked.session) {
                let known = &mut all[*at];
                known.score += more;
                let fresh = ranked
                    .moments
                    .into_iter()
                    .filter(|moment| known.moments.iter().all(|old| old.at != moment.at));
                let fresh: Vec<Scored> = fresh.collect();
                known.moments.extend(fresh);
                known.moments.truncate(order.moments);
            } else {
                ranked.score = more;
                all.push(ranked);
            }
        }
    }
    rank::sorted(all, order)
}

/// Ranks by meaning alone.
pub fn by_meaning(mut near: Vec<Scored>, order: &Order) -> Vec<Ranked> {
    rank::put_in_order(&mut near, order.sort);
    near.truncate(NEAREST);
    let all = rank::gather(&mut near, order, DEPTH);
    rank::sorted(all, order)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::search::logic::query;

    fn place(session: u64, score: f32, words: u32) -> Scored {
        Scored {
            at: (0, u32::try_from(session).unwrap_or(0)),
            session,
            score,
            words,
            time: 0,
        }
    }

    fn blended(places: &[Scored], near: &[Scored]) -> Vec<u64> {
        let order = Order {
            sort: rank::Sort::Best,
            now: 0,
            moments: 2,
        };
        let ranked = blend(places.to_vec(), &[1.0, 1.0], near.to_vec(), &order);
        ranked.iter().map(|ranked| ranked.session).collect()
    }

    #[test]
    fn exact_questions_stay_with_words() {
        for (text, prose) in [
            ("why do payments fail", true),
            ("payments role:human -test", true),
            ("\"exact words\"", false),
            ("resumeIndex fails", false),
            ("E0382", false),
            ("src/auth login", false),
            ("retr*", false),
            ("a OR b", false),
            ("deadbeef1 revert", false),
            ("what broke?", true),
        ] {
            let expr = query::parse(text).expect("a query");
            assert_eq!(is_prose(&expr), prose, "{text}");
        }
    }

    #[test]
    fn meaning_counts_as_far_as_words_fail() {
        let near = [place(3, 0.9, 0), place(2, 0.6, 0)];
        let all = blended(&[place(1, 2.0, 3), place(2, 1.9, 1)], &near);
        assert_eq!(
            all,
            [1, 2],
            "who has all words needs no help, and nobody else comes in"
        );
        let some = blended(&[place(1, 2.0, 1), place(2, 1.9, 1)], &near);
        assert_eq!(some, [2, 1, 3]);
        assert_eq!(blended(&[], &near), [3, 2]);
        assert_eq!(blended(&[], &[]), [0; 0]);
    }
}
