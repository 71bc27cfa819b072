//! The known name that a mistyped one was probably meant to be.
//!
//! Suggests only what is close: about one slip in three letters, a swap of neighbours being one slip. A wrong
//! suggestion is worse than none, because an agent follows it.

use super::table::Key;

/// How many slips a name of this length may hold and still be recognised.
fn allowed_slips(length: usize) -> usize {
    (length.saturating_add(1) / 3).clamp(1, 3)
}

/// The word of `known` that `word` is closest to, if it is close.
pub fn nearest_word<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .filter_map(|candidate| slips(word, candidate).map(|count| (count, candidate)))
        .min()
        .map(|(_, candidate)| candidate)
}

/// The key that the dotted `name` is closest to, if it is close.
///
/// The parts are compared one by one, so that a shared section does not make two unlike leaves look close; a
/// leaf that is right is found under any section, or under none.
pub fn nearest_key<'a>(name: &str, table: &'a [Key]) -> Option<&'a str> {
    let (section, leaf) = name.split_once('.').unwrap_or(("", name));
    let close = table.iter().filter_map(|key| {
        let (key_section, key_leaf) = key.parts();
        let count = slips(section, key_section)? + slips(leaf, key_leaf)?;
        Some((count, key.name))
    });
    let same_leaf = || {
        table
            .iter()
            .find(|key| key.parts().1.eq_ignore_ascii_case(leaf))
            .map(|key| key.name)
    };
    close.min().map(|(_, name)| name).or_else(same_leaf)
}

/// The number of slips from `word` to `known`, or `None` when they are too many.
fn slips(word: &str, known: &str) -> Option<usize> {
    let allowed = allowed_slips(known.chars().count());
    // Before the quadratic part: the word comes from a file and may be as long as the file.
    if word.len() > known.len().saturating_mul(4).saturating_add(16) {
        return None;
    }
    let word: Vec<char> = word.chars().flat_map(char::to_lowercase).collect();
    let known: Vec<char> = known.chars().collect();
    Some(distance(&word, &known)).filter(|count| *count <= allowed)
}

/// Edit distance in which swapping two neighbours counts once (optimal string alignment).
fn distance(left: &[char], right: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (row, a) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, b) in right.iter().enumerate() {
            let replaced = last[column] + usize::from(a != b);
            let mut best = replaced.min(last[column + 1] + 1).min(current[column] + 1);
            if row > 0 && column > 0 && *a == right[column - 1] && left[row - 1] == *b {
                best = best.min(before_last[column - 1] + 1);
            }
            current.push(best);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last[right.len()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::table::KEYS;
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_an_unlike_name_is_not() {
        for (typed, meant) in [
            ("claims.tll", Some("claims.ttl")),
            ("claim.ttl", Some("claims.ttl")),
            ("clams.requier", Some("claims.require")),
            ("ttl", Some("claims.ttl")),
            ("session.ttl", Some("claims.ttl")),
            ("Claims.Enforce", Some("claims.enforce")),
            ("claims.foo", None),
            ("zebra", None),
            ("", None),
        ] {
            assert_eq!(nearest_key(typed, KEYS), meant, "{typed}");
        }
    }

    #[test]
    fn a_swap_of_neighbours_is_one_slip() {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        assert_eq!(distance(&chars("wran"), &chars("warn")), 1);
        assert_eq!(distance(&chars("kitten"), &chars("sitting")), 3);
        assert_eq!(distance(&[], &chars("abc")), 3);
    }

    proptest! {
        #[test]
        fn one_slip_in_a_known_key_leads_back_to_it(
            row in 0..KEYS.len(), at in any::<prop::sample::Index>(), letter in proptest::char::range('a', 'z'), how in 0..4
        ) {
            let (section, leaf) = KEYS[row].parts();
            let mut letters: Vec<char> = leaf.chars().collect();
            let at = at.index(letters.len());
            match how {
                0 => letters[at] = letter,
                1 => letters.insert(at, letter),
                2 => { letters.remove(at); }
                _ => letters.swap(at, (at + 1) % leaf.len().max(1)),
            }
            prop_assume!(how != 3 || at + 1 < leaf.len());
            let typed = format!("{section}.{}", letters.iter().collect::<String>());
            prop_assert_eq!(nearest_key(&typed, KEYS), Some(KEYS[row].name));
        }

        #[test]
        fn distance_is_symmetric(a in "[a-d]{0,8}", b in "[a-d]{0,8}") {
            let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
            prop_assert_eq!(distance(&a, &b), distance(&b, &a));
            prop_assert_eq!(distance(&a, &b) == 0, a == b);
        }
    }
}
