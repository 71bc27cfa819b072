//! Which snapshots of a chain stay: all of the newest, of the older ones fewer the older they are.

/// Of the snapshots that stay, so many parts of [`WHOLE`] are the newest ones, without a gap.
const NEWEST: usize = 2;
const WHOLE: usize = 5;

/// Tells which snapshots stay, given their ages in seconds, the newest first: at most `keep`, none older than `age`,
/// and the newest in any case.
pub fn thin(ages: &[i64], keep: usize, age: i64) -> Vec<bool> {
    let keep = keep.max(1);
    let mut stays: Vec<bool> = ages
        .iter()
        .enumerate()
        .map(|(index, old)| index == 0 || *old <= age)
        .collect();
    let dense = (keep * NEWEST / WHOLE).max(1);
    let mut left: Vec<usize> = (0..ages.len()).filter(|index| stays[*index]).collect();
    while left.len() > keep {
        // Whoever has its neighbours closest, measured by its age, is missed least. The oldest is never measured.
        let end = left.len();
        let gap = |at: &usize| {
            let older = left.get(at + 1).map_or(i64::MAX, |next| ages[*next]);
            let newer = ages[left[at - 1]];
            let span = older.saturating_sub(newer).max(0);
            // In millionths of its age.
            span.saturating_mul(1_000_000) / ages[left[*at]].max(1)
        };
        let Some(least) = (dense..end).min_by_key(gap) else {
            break;
        };
        stays[left[least]] = false;
        left.remove(least);
    }
    stays
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_stay_and_the_older_grow_apart() {
        // One a minute for a day.
        let ages: Vec<i64> = (0..1440).map(|n| n * 60).collect();
        let stays = thin(&ages, 50, 7 * 86_400);
        let kept: Vec<i64> = ages
            .iter()
            .zip(&stays)
            .filter_map(|(age, stays)| stays.then_some(*age))
            .collect();
        assert_eq!(kept.len(), 50);
        assert_eq!(kept[..20], ages[..20], "the newest have no gap");
        assert_eq!(kept.last(), ages.last(), "and the oldest is there");
        let gap = |age: i64| {
            let at = kept.partition_point(|kept| *kept <= age);
            kept[at] - kept[at - 1]
        };
        assert!(gap(3600) < 1800, "an hour ago is found within half an hour");
        assert!(gap(40_000) < 12_000, "half a day ago within hours");
    }

    #[test]
    fn what_is_too_old_goes_but_never_the_newest() {
        assert_eq!(thin(&[10, 20, 30], 10, 20), [true, true, false]);
        assert_eq!(thin(&[99], 10, 20), [true]);
        assert_eq!(thin(&[], 10, 20), [false; 0]);
        assert_eq!(thin(&[1, 2, 3], 1, 20), [true, false, false]);
        // A clock that went back.
        assert_eq!(thin(&[-5, -50, 3], 2, 20).iter().filter(|s| **s).count(), 2);
    }
}
