//! Words and meaning in one ranked list: when meaning is asked at all, and how much it counts.
//!
//! Meaning counts as far as words fail: a conversation that has all that was asked for needs little help, and every
//! mixture that ignores this ranks worse than words alone on the development split. All figures were chosen there
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
/// So much it counts in a sentence even where all of its words stand: many conversations have them, few mean it. From 0.1
/// to 0.15 it ranks as well.
const ALWAYS: f64 = 0.12;
/// So many words are a sentence; fewer are looked up, by words alone if they stand somewhere, and that is fast.
const SENTENCE: usize = 5;
/// Who has more of the words than this has as good as all.
const ENOUGH: f64 = 0.95;
/// So many passages are looked at in all.
const NEAREST: usize = 500;
/// So many passages of a conversation count, each less than the one before.
const DEPTH: usize = 3;

/// Tells whether a query is a question in words: quotes, beginnings and alternatives ask for exact text, and so does one
/// that is identifiers for the most part.
pub fn is_prose(expr: &Expr) -> bool {
    let (mut plain, mut code) = (0, 0);
    count(expr, &mut plain, &mut code) && plain >= code
}

fn count(expr: &Expr, plain: &mut u32, code: &mut u32) -> bool {
    match expr {
        Expr::All(parts) => parts.iter().all(|part| count(part, plain, code)),
        Expr::Word(word) => {
            *(if is_code(word) { code } else { plain }) += 1;
            true
        }
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
        let bit = |index: usize| words & (1 << index.min(super::wanted::BITS - 1)) != 0;
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

/// Returns how much meaning counts beside words, whose places these are, and how rare each word is; as little as can be
/// where a conversation has as good as all of them.
pub fn share(places: &mut Vec<Scored>, rarity: &[f32], order: &Order) -> f64 {
    let all = rank::gather(places, order, rank::DEPTH);
    let best = all.iter().max_by(|a, b| a.score.total_cmp(&b.score));
    let covered = best.map_or(0.0, |best| coverage(best.session, places, rarity));
    let least = if rarity.len() < SENTENCE { 0.0 } else { ALWAYS };
    if covered > ENOUGH {
        return least;
    }
    least.max(STRENGTH * (1.0 - covered).powi(2))
}

/// Ranks by words (`places`) and by meaning (`near`, by likeness), which counts so much.
pub fn blend(
    mut places: Vec<Scored>,
    mut near: Vec<Scored>,
    share: f64,
    order: &Order,
) -> Vec<Ranked> {
    let mut all = rank::gather(&mut places, order, rank::DEPTH);
    let most = all.iter().map(|ranked| ranked.score).reduce(f64::max);
    rank::put_in_order(&mut near, order.sort);
    near.truncate(NEAREST);
    let meant = rank::gather(&mut near, order, DEPTH);
    let nearest = meant.iter().map(|ranked| ranked.score).fold(0.0, f64::max);
    if share > 0.0 && nearest > 0.0 {
        let at = |(at, ranked): (usize, &Ranked)| (ranked.session, at);
        let known: HashMap<u64, usize> = all.iter().enumerate().map(at).collect();
        for mut ranked in meant {
            let more = most.unwrap_or(1.0) * share * ranked.score / nearest;
            if let Some(at) = known.get(&ranked.session) {
                add(&mut all[*at], ranked, more, order.moments);
            } else {
                ranked.score = more;
                all.push(ranked);
            }
        }
    }
    rank::sorted(all, order)
}

fn add(known: &mut Ranked, meant: Ranked, more: f64, moments: usize) {
    known.score += more;
    for moment in meant.moments {
        if known.moments.len() < moments && known.moments.iter().all(|old| old.at != moment.at) {
            known.moments.push(moment);
        }
    }
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

    fn blended(words: usize, places: &[Scored], near: &[Scored]) -> Vec<u64> {
        let order = Order {
            sort: rank::Sort::Best,
            now: 0,
            moments: 2,
        };
        let mut places = places.to_vec();
        let share = share(&mut places, &vec![1.0; words], &order);
        let ranked = blend(places, near.to_vec(), share, &order);
        ranked.iter().map(|ranked| ranked.session).collect()
    }

    #[test]
    fn exact_questions_stay_with_words() {
        for (text, prose) in [
            ("why do payments fail", true),
            ("payments role:human -test", true),
            ("\"exact words\"", false),
            ("resumeIndex E0382 fails", false),
            ("E0382", false),
            ("src/auth resumeIndex login", false),
            ("why does resumeIndex fail", true),
            ("retr*", false),
            ("a OR b", false),
            ("deadbeef1", false),
            ("what broke?", true),
        ] {
            let expr = query::parse(text).expect("a query");
            assert_eq!(is_prose(&expr), prose, "{text}");
        }
    }

    #[test]
    fn meaning_counts_as_far_as_words_fail() {
        let near = [place(3, 0.9, 0), place(2, 0.6, 0)];
        let all = blended(2, &[place(1, 2.0, 3), place(2, 1.9, 1)], &near);
        assert_eq!(
            all,
            [1, 2],
            "who has all words needs no help, and nobody else comes in"
        );
        let some = blended(2, &[place(1, 2.0, 1), place(2, 1.9, 1)], &near);
        assert_eq!(some, [2, 1, 3]);
        assert_eq!(blended(2, &[], &near), [3, 2]);
        assert_eq!(blended(2, &[], &[]), [0; 0]);
    }

    #[test]
    fn a_sentence_is_ranked_by_meaning_too_though_all_its_words_stand() {
        let near = [place(2, 0.9, 0)];
        let all = blended(5, &[place(1, 2.0, 31), place(2, 1.9, 31)], &near);
        assert_eq!(all, [2, 1]);
        let far = blended(5, &[place(1, 2.0, 31), place(2, 1.7, 31)], &near);
        assert_eq!(far, [1, 2], "by an eighth and no more");
        let few = blended(4, &[place(1, 2.0, 15), place(2, 1.9, 15)], &near);
        assert_eq!(few, [1, 2], "fewer words are no sentence");
    }
}
