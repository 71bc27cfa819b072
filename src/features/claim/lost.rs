//! Entries that a fooled swap dropped from the log: found in its reflog, and said again.
//!
//! git's own compare-and-swap can act on a stale packed-refs and then moves the log from a tip that it has left; the
//! entries between are in no log any more. The log's reflog shows it: a line does not begin where the one before it
//! ended. Whoever sees that first appends what was dropped: the same subject and trailers under a new number, and
//! `Ccc-Again: <lost oid>`, so that nobody says it a second time. What was granted needs no repair: a lock ref has a name
//! of its own, which no swap of another touches.
//!
//! A reftable compares under the lock of all refs, on tables read under it: no view is stale there, and there is no
//! reflog to read like this.

use crate::{
    ctx::Ctx,
    error::Result,
    git::{
        Oid,
        log::{self, Around, By, Entry, Guard, Retry},
        notes,
        objects::Author,
        refs::{self, Lost},
    },
};
use std::collections::HashSet;

/// The trailer that names the lost entry.
pub const AGAIN: &str = "Ccc-Again";
/// How much of the reflog's end is looked at after a swap of ours.
pub const RECENT: u64 = 8 * 1024;
/// How much of it doctor looks at.
pub const ALL: u64 = 16 * 1024 * 1024;
/// No more entries than this are looked at behind one that was dropped.
const MOST: usize = 1000;

/// What the log lacks.
#[derive(Debug, Default)]
pub struct Missing {
    /// Dropped and not said again, oldest first.
    pub entries: Vec<Entry>,
    /// Dropped, and they or what is behind them cannot be read: not to be said again without those.
    pub unreadable: Vec<Oid>,
}

/// The log from its tip back to where it was needed.
struct Chain {
    next: Option<Oid>,
    seen: HashSet<Oid>,
    said: HashSet<String>,
}

impl Chain {
    /// Reads on to the entry with this number.
    fn down_to(&mut self, fence: u64, read: &mut impl FnMut(Oid) -> Result<Entry>) -> Result<()> {
        while let Some(oid) = self.next {
            let entry = read(oid)?;
            if entry.fence < fence {
                break;
            }
            self.seen.insert(oid);
            self.said.extend(entry.trailers(AGAIN).map(str::to_owned));
            self.next = entry.parent;
        }
        Ok(())
    }
}

/// Finds which of these entries, and of those before them, the log has neither as they are nor said again.
pub fn missing(
    dropped: &[Oid],
    tip: Oid,
    mut read: impl FnMut(Oid) -> Result<Entry>,
) -> Result<Missing> {
    let mut log = Chain {
        next: Some(tip),
        seen: HashSet::new(),
        said: HashSet::new(),
    };
    let mut missing = Missing::default();
    'ends: for end in dropped {
        let (mut next, mut behind) = (Some(*end), Vec::new());
        while let Some(oid) = next.filter(|oid| !log.seen.contains(oid)) {
            let entry = match read(oid) {
                Ok(entry) if behind.len() < MOST => entry,
                _ => {
                    missing.unreadable.push(*end);
                    continue 'ends;
                }
            };
            // What stands for it in the log has this number or a larger one.
            log.down_to(entry.fence, &mut read)?;
            if !log.seen.contains(&oid) {
                next = entry.parent;
                behind.push(entry);
            }
        }
        behind.retain(|entry| !log.said.contains(&entry.oid.to_string()));
        missing.entries.extend(behind.into_iter().rev());
    }
    let mut once = HashSet::new();
    missing.entries.retain(|entry| once.insert(entry.oid));
    missing
        .unreadable
        .retain(|oid| !log.said.contains(&oid.to_string()));
    Ok(missing)
}

/// Says again what was dropped, as far as the end of the reflog shows it; returns how many entries that were.
pub fn put_back(ctx: &Ctx, guard: &Guard, reach: u64) -> Result<usize> {
    let repo = ctx.repo()?;
    let mut retry = Retry::new(log::PATIENCE);
    loop {
        let dropped = refs::broken_swaps(repo, log::REF, reach);
        if dropped.is_empty() {
            return Ok(0);
        }
        let dropped: Vec<Oid> = dropped.into_iter().map(|(lost, _)| lost).collect();
        let tip = log::tip(repo)?;
        let missing = missing(&dropped, tip.oid, |oid| log::entry(repo, oid))?;
        if missing.entries.is_empty() {
            return Ok(0);
        }
        let mut end = tip;
        for entry in &missing.entries {
            let link = notes::read(repo, entry.oid)?;
            // It happened when it happened.
            let author = Author {
                name: &link.author,
                at: link.at,
            };
            end = log::write_again(repo, &end, entry, author, &ctx.dice.hex(8))?;
        }
        let by = By::New("put back what a lost swap dropped");
        match log::append(repo, &tip, &end, Around::default(), by) {
            Ok(()) => return Ok(missing.entries.len()),
            Err(lost) => {
                if matches!(lost, Lost::Busy(_)) {
                    log::repair_lock(repo, guard)?;
                }
                retry.again(lost, "put back what the log lost", ctx.dice.roll())?;
            }
        }
    }
}

/// As [`put_back`] after a swap of ours, which stands whatever comes of this.
pub fn put_back_if_any(ctx: &Ctx, guard: &Guard) {
    match put_back(ctx, guard, RECENT) {
        Ok(0) => {}
        Ok(count) => ctx.ui.note(&format!(
            "{count} entries of the log that a lost swap had dropped were put back"
        )),
        Err(error) => ctx.ui.note(&format!(
            "the log has lost entries and they could not be put back: {error}; git ccc doctor names them"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use std::collections::BTreeMap;

    fn oid(n: u64) -> Oid {
        Oid::from_hex(format!("{n:040x}").as_bytes()).expect("forty digits")
    }

    /// A log in which entry `n` follows `parent`; what it says again is named by number.
    fn log(entries: &[(u64, Option<u64>, u64, Option<u64>)]) -> BTreeMap<Oid, Entry> {
        let entry = |(n, parent, fence, again): &(u64, Option<u64>, u64, Option<u64>)| {
            let again = again.map(|n| format!("{AGAIN}: {}\n", oid(n)));
            let entry = Entry {
                oid: oid(*n),
                fence: *fence,
                parent: parent.map(oid),
                at: "2026-01-01T00:00:00Z".parse().expect("a moment"),
                message: format!("x\n\n{}Ccc-Fence: {fence}\n", again.unwrap_or_default()),
            };
            (oid(*n), entry)
        };
        entries.iter().map(entry).collect()
    }

    fn found(entries: &BTreeMap<Oid, Entry>, dropped: &[u64], tip: u64) -> (Vec<Oid>, Vec<Oid>) {
        let dropped: Vec<Oid> = dropped.iter().copied().map(oid).collect();
        let read = |oid| entries.get(&oid).cloned().ok_or_else(|| Error::no("gone"));
        let missing = missing(&dropped, oid(tip), read).expect("the log itself is whole");
        let entries = missing.entries.iter().map(|entry| entry.oid).collect();
        (entries, missing.unreadable)
    }

    #[test]
    fn everything_behind_a_lost_tip_is_missing_until_it_is_said_again() {
        // 12 and 13 were dropped by 22, which was decided on 11.
        let mut all = vec![
            (10, None, 0, None),
            (11, Some(10), 1, None),
            (12, Some(11), 2, None),
            (13, Some(12), 3, None),
            (22, Some(11), 2, None),
        ];
        let lost = vec![oid(12), oid(13)];
        assert_eq!(found(&log(&all), &[13], 22), (lost.clone(), vec![]));
        assert_eq!(found(&log(&all), &[12, 13, 13], 22), (lost, vec![]));
        all.push((23, Some(22), 3, Some(12)));
        assert_eq!(found(&log(&all), &[13], 23), (vec![oid(13)], vec![]));
        all.push((24, Some(23), 4, Some(13)));
        assert_eq!(found(&log(&all), &[13, 12], 24), (vec![], vec![]));
        all.push((25, Some(24), 5, None));
        assert_eq!(found(&log(&all), &[13], 25), (vec![], vec![]));
    }

    #[test]
    fn what_is_in_the_log_was_not_dropped() {
        let all = log(&[
            (10, None, 0, None),
            (11, Some(10), 1, None),
            (12, Some(11), 2, None),
        ]);
        assert_eq!(found(&all, &[11, 10, 12], 12), (vec![], vec![]));
    }

    #[test]
    fn what_said_something_again_and_was_lost_itself_is_said_again() {
        let all = log(&[
            (10, None, 0, None),
            (11, Some(10), 1, None),
            (21, Some(10), 1, None),
            (22, Some(21), 2, Some(11)),
            (32, Some(21), 2, None),
        ]);
        assert_eq!(found(&all, &[11, 22], 32).0, [oid(11), oid(22)]);
        let mut all = all;
        all.extend(log(&[(33, Some(32), 3, Some(22))]));
        let both = format!("x\n\n{AGAIN}: {}\n{AGAIN}: {}\n", oid(11), oid(22));
        all.entry(oid(33)).and_modify(|entry| entry.message = both);
        assert!(found(&all, &[11, 22], 33).0.is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_named_and_nothing_after_it_is_said_without_it() {
        let all = log(&[
            (10, None, 0, None),
            (13, Some(12), 3, None),
            (21, Some(10), 1, None),
        ]);
        assert_eq!(found(&all, &[13], 21), (vec![], vec![oid(13)]));
        assert_eq!(found(&all, &[12], 21), (vec![], vec![oid(12)]));
    }
}
