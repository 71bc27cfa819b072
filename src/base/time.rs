//! Moments and lengths of time, as whole seconds.
//!
//! Contract: every value has one written form, and reading is the inverse of writing: `Timestamp` is RFC 3339
//! in UTC (`2026-01-02T03:04:05Z`), `Ttl` is digits and units (`1h30m`). Nothing here reads the clock; what
//! needs the present moment takes a [`Clock`].

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The first second RFC 3339 can write: `0000-01-01T00:00:00Z`.
const FIRST_SECOND: i64 = -62_167_219_200;
/// The last second RFC 3339 can write: `9999-12-31T23:59:59Z`.
const LAST_SECOND: i64 = 253_402_300_799;

/// The units of a length of time, longest first, in seconds.
const UNITS: [(char, u32); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// A text that is not a moment or a length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TimeError {
    /// Not `YYYY-MM-DDTHH:MM:SSZ`.
    #[error("expected a UTC time such as 2026-01-02T03:04:05Z")]
    Timestamp,
    /// Not digits and units, longest unit first.
    #[error("expected a duration such as 90s, 60m, 1h30m or 2d")]
    Duration,
    /// A length of nothing, which would end before it began.
    #[error("a duration must be longer than zero")]
    Zero,
    /// Neither a moment nor a duration.
    #[error("expected a date (2026-04-28), a time (2026-04-28T12:00:00Z) or a duration (3d)")]
    When,
    /// Longer than [`Ttl::MAX`].
    #[error("a duration must not be longer than 366d")]
    TooLong,
}

/// A moment: whole seconds since 1970 in UTC, within the years 0000 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment `seconds` after the start of 1970, if RFC 3339 can write it.
    pub fn from_unix(seconds: i64) -> Option<Self> {
        (FIRST_SECOND..=LAST_SECOND)
            .contains(&seconds)
            .then_some(Self(seconds))
    }

    /// Seconds since the start of 1970.
    pub const fn unix(self) -> i64 {
        self.0
    }

    /// The moment `ttl` later; the last writable second at most.
    #[must_use]
    pub fn after(self, ttl: Ttl) -> Self {
        Self(
            self.0
                .saturating_add(i64::from(ttl.seconds()))
                .min(LAST_SECOND),
        )
    }

    /// Seconds from `earlier` to this moment; negative when `earlier` is later.
    pub const fn seconds_since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = DateTime::from_timestamp(self.0, 0).ok_or(fmt::Error)?;
        f.write_str(&moment.to_rfc3339_opts(SecondsFormat::Secs, true))
    }
}

impl FromStr for Timestamp {
    type Err = TimeError;

    /// Reads only what `Display` writes, so that equal moments have equal bytes in every record.
    fn from_str(text: &str) -> Result<Self, TimeError> {
        let moment = DateTime::parse_from_rfc3339(text).map_err(|_| TimeError::Timestamp)?;
        // RFC 3339 leaves open: offsets, fractions, the separator, leap seconds. One form of each is written.
        let written = text.len() == 20
            && text.as_bytes()[10] == b'T'
            && text.ends_with('Z')
            && moment.timestamp_subsec_nanos() == 0;
        Self::from_unix(moment.timestamp())
            .filter(|_| written)
            .ok_or(TimeError::Timestamp)
    }
}

impl TryFrom<String> for Timestamp {
    type Error = TimeError;

    fn try_from(text: String) -> Result<Self, TimeError> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(moment: Timestamp) -> Self {
        moment.to_string()
    }
}

/// A length of time: at least a second, at most 366 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ttl(u32);

impl Ttl {
    /// The longest length of time: 366 days.
    pub const MAX: Self = Self(366 * 86_400);

    /// A length of `seconds`.
    pub fn from_seconds(seconds: u64) -> Result<Self, TimeError> {
        match u32::try_from(seconds) {
            Ok(0) => Err(TimeError::Zero),
            Ok(seconds) if seconds <= Self::MAX.0 => Ok(Self(seconds)),
            _ => Err(TimeError::TooLong),
        }
    }

    /// The length in seconds.
    pub const fn seconds(self) -> u32 {
        self.0
    }
}

impl From<Ttl> for Duration {
    fn from(ttl: Ttl) -> Self {
        Self::from_secs(u64::from(ttl.0))
    }
}

impl fmt::Display for Ttl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&render_duration(*self))
    }
}

impl FromStr for Ttl {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        parse_duration(text)
    }
}

impl TryFrom<String> for Ttl {
    type Error = TimeError;

    fn try_from(text: String) -> Result<Self, TimeError> {
        parse_duration(&text)
    }
}

impl From<Ttl> for String {
    fn from(ttl: Ttl) -> Self {
        render_duration(ttl)
    }
}

/// Reads `90s`, `60m`, `1h30m`, `2d`: numbers with units, longest unit first, each unit once.
///
/// A bare number is refused: half of those who write one mean minutes, the other half seconds.
pub fn parse_duration(text: &str) -> Result<Ttl, TimeError> {
    let mut rest = text;
    let mut units = UNITS.iter();
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .ok_or(TimeError::Duration)?;
        let (number, tail) = rest.split_at(digits);
        let unit = tail.chars().next().ok_or(TimeError::Duration)?;
        let (_, seconds) = units
            .find(|(name, _)| *name == unit)
            .ok_or(TimeError::Duration)?;
        if number.is_empty() {
            return Err(TimeError::Duration);
        }
        // The digits are checked, so the only failure left is a number that is too large.
        let number: u64 = number.parse().map_err(|_| TimeError::TooLong)?;
        let part = number
            .checked_mul(u64::from(*seconds))
            .ok_or(TimeError::TooLong)?;
        total = total.checked_add(part).ok_or(TimeError::TooLong)?;
        rest = &tail[unit.len_utf8()..];
    }
    if text.is_empty() {
        return Err(TimeError::Duration);
    }
    Ttl::from_seconds(total)
}

/// Writes a length as [`parse_duration`] reads it, in the fewest units: `1h30m`.
pub fn render_duration(ttl: Ttl) -> String {
    let mut rest = ttl.0;
    let mut text = String::new();
    for (name, seconds) in UNITS {
        let number = rest / seconds;
        rest %= seconds;
        if number > 0 {
            text.push_str(&number.to_string());
            text.push(name);
        }
    }
    text
}

/// Tells the present moment; the one way a rule may learn it.
pub trait Clock {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// A stopped clock, for tests and for a command that must see one moment throughout.
impl Clock for Timestamp {
    fn now(&self) -> Timestamp {
        *self
    }
}

/// A moment: a date, a time, or a duration from now.
#[derive(Clone, Copy, Debug)]
pub enum When {
    /// This moment.
    At(Timestamp),
    /// So long from now.
    In(Ttl),
}

impl When {
    /// Returns the moment.
    pub fn after(self, now: Timestamp) -> Timestamp {
        match self {
            When::At(at) => at,
            When::In(ttl) => now.after(ttl),
        }
    }
}

impl FromStr for When {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        if let Ok(at) = text.parse() {
            return Ok(When::At(at));
        }
        if let Ok(end) = format!("{text}T23:59:59Z").parse() {
            return Ok(When::At(end));
        }
        text.parse().map(When::In).map_err(|_| TimeError::When)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_read_in_the_documented_forms() {
        for (text, seconds) in [
            ("90s", 90),
            ("60m", 3600),
            ("1h30m", 5400),
            ("2d", 172_800),
            ("366d", 31_622_400),
        ] {
            assert_eq!(
                parse_duration(text).map(Ttl::seconds),
                Ok(seconds),
                "{text}"
            );
        }
    }

    #[test]
    fn durations_that_say_nothing_or_too_much_are_refused() {
        for text in [
            "", "5", "m", "1 h", "1h 2m", "-5m", "+5m", "1.5h", "30m1h", "1m1m", "5M", "５m", "1w",
            "5m3",
        ] {
            assert_eq!(parse_duration(text), Err(TimeError::Duration), "{text:?}");
        }
        for text in ["0s", "0m", "0d0h"] {
            assert_eq!(parse_duration(text), Err(TimeError::Zero), "{text:?}");
        }
        for text in [
            "367d",
            "366d1s",
            "18446744073709551615d",
            "99999999999999999999999s",
        ] {
            assert_eq!(parse_duration(text), Err(TimeError::TooLong), "{text:?}");
        }
    }

    #[test]
    fn a_timestamp_has_exactly_one_spelling() {
        let moment: Timestamp = "2026-01-02T03:04:05Z".parse().expect("canonical form");
        assert_eq!(moment.unix(), 1_767_323_045);
        for text in [
            "2026-01-02T03:04:05+00:00",
            "2026-01-02T04:04:05+01:00",
            "2026-01-02 03:04:05Z",
            "2026-01-02t03:04:05z",
            "2026-01-02T03:04:05.5Z",
            "2026-12-31T23:59:60Z",
            "2026-02-30T00:00:00Z",
            "",
        ] {
            assert_eq!(
                text.parse::<Timestamp>(),
                Err(TimeError::Timestamp),
                "{text:?}"
            );
        }
    }

    #[test]
    fn the_edges_of_time_are_written_and_never_passed() {
        let last = Timestamp::from_unix(LAST_SECOND).expect("in range");
        assert_eq!(last.to_string(), "9999-12-31T23:59:59Z");
        assert_eq!(last.after(Ttl::MAX), last);
        let first = Timestamp::from_unix(FIRST_SECOND).expect("in range");
        assert_eq!(first.to_string(), "0000-01-01T00:00:00Z");
        assert_eq!(Timestamp::from_unix(LAST_SECOND + 1), None);
        assert_eq!(Timestamp::from_unix(i64::MIN), None);
    }

    proptest! {
        #[test]
        fn reading_a_duration_is_the_inverse_of_writing_it(seconds in 1..=Ttl::MAX.0) {
            let ttl = Ttl(seconds);
            prop_assert_eq!(parse_duration(&render_duration(ttl)), Ok(ttl));
        }

        #[test]
        fn reading_a_timestamp_is_the_inverse_of_writing_it(seconds in FIRST_SECOND..=LAST_SECOND) {
            let moment = Timestamp(seconds);
            prop_assert_eq!(moment.to_string().parse(), Ok(moment));
        }

        #[test]
        fn no_text_makes_the_parsers_panic(text in "\\PC{0,20}|[0-9dhms]{0,30}") {
            let _ = parse_duration(&text);
            let _ = text.parse::<Timestamp>();
        }
    }
}
