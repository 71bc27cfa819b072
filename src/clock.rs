//! The time and the dice: the only non-determinism, and the only place it enters.

use crate::{
    base::time::{Clock, Timestamp},
    env,
};
use std::cell::Cell;

/// The clock of this machine, or the pinned one of a test.
#[derive(Debug, Default)]
pub struct SystemClock {
    pinned: Option<Timestamp>,
    last: Cell<u64>,
}

impl SystemClock {
    /// Reads `CCC_TEST_NOW`; an unreadable value is ignored, as the real time is always right.
    pub fn new() -> Self {
        SystemClock {
            pinned: env::var(env::TEST_NOW).and_then(|text| text.parse().ok()),
            last: Cell::new(0),
        }
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one reader of the clock")]
    fn now(&self) -> Timestamp {
        self.pinned.unwrap_or_else(|| {
            let since = std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap_or_default();
            let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
            Timestamp::from_unix(seconds).expect("this machine's clock is before the year 10000")
        })
    }
}

/// Returns the real time, pinned or not: what times of files are compared with.
#[expect(clippy::disallowed_methods, reason = "the one reader of the clock")]
pub fn of_files() -> std::time::SystemTime {
    std::time::SystemTime::now()
}

/// Returns the seconds that local time is ahead of UTC at a moment; zero where the zone is unknown.
pub fn local_offset(at: Timestamp) -> i32 {
    use chrono::{Local, Offset, TimeZone};
    let found = Local.timestamp_opt(at.unix(), 0).single();
    found.map_or(0, |moment| moment.offset().fix().local_minus_utc())
}

impl SystemClock {
    /// Returns the time in milliseconds since 1970, each time a later one: what sorts ids made one after the other.
    #[expect(clippy::disallowed_methods, reason = "the one reader of the clock")]
    pub fn millis(&self) -> u64 {
        let now = match self.pinned {
            Some(at) => u64::try_from(at.unix()).unwrap_or(0) * 1000,
            None => std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .map_or(0, |since| {
                    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
                }),
        };
        let later = now.max(self.last.get().saturating_add(1));
        self.last.set(later);
        later
    }
}

/// The source of nonces and ids: the operating system, or a seeded sequence in tests.
#[derive(Debug)]
pub struct Dice {
    seeded: Option<Cell<u64>>,
}

impl Dice {
    /// Reads `CCC_TEST_SEED`.
    pub fn new() -> Self {
        let seed = env::var(env::TEST_SEED).and_then(|text| text.parse::<u64>().ok());
        Dice {
            seeded: seed.map(Cell::new),
        }
    }

    /// Returns `2 * bytes` random lower-case hex digits, at most 16.
    pub fn hex(&self, bytes: usize) -> String {
        let digits = bytes.min(8) * 2;
        format!("{:016x}", self.roll())[..digits].to_owned()
    }

    /// Returns 64 random bits.
    pub fn roll(&self) -> u64 {
        match &self.seeded {
            // splitmix64: well mixed and short; nothing here is a secret.
            Some(state) => {
                state.set(state.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
                let mut z = state.get();
                z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                z ^ (z >> 31)
            }
            None => getrandom::u64().unwrap_or_else(|_| {
                // Without an entropy source uniqueness still holds between processes and calls.
                use std::hash::{BuildHasher, Hasher};
                std::collections::hash_map::RandomState::new()
                    .build_hasher()
                    .finish()
                    ^ u64::from(std::process::id())
            }),
        }
    }
}

impl Default for Dice {
    fn default() -> Self {
        Self::new()
    }
}
