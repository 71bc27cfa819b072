//! Moments as a person's clock shows them; records and JSON stay in UTC.

use super::time::Timestamp;
use chrono::{DateTime, FixedOffset, SecondsFormat};

/// The zone a person is in: seconds ahead of UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Zone(pub i32);

impl Zone {
    fn moment(self, at: Timestamp) -> DateTime<FixedOffset> {
        let utc = DateTime::from_timestamp(at.unix(), 0).unwrap_or_default();
        let zone = FixedOffset::east_opt(self.0);
        // No zone is a day or more away from UTC; were one, UTC is still a time.
        zone.map_or_else(|| utc.fixed_offset(), |zone| utc.with_timezone(&zone))
    }

    /// Returns `2026-04-27T19:42:00-04:00`.
    pub fn stamp(self, at: Timestamp) -> String {
        self.moment(at).to_rfc3339_opts(SecondsFormat::Secs, false)
    }

    /// Returns `19:42`.
    pub fn clock(self, at: Timestamp) -> String {
        self.moment(at).format("%H:%M").to_string()
    }

    /// Returns the minute of the day, from 0.
    pub fn minute_of_day(self, at: Timestamp) -> u32 {
        use chrono::Timelike;
        self.moment(at).num_seconds_from_midnight() / 60
    }

    /// Returns `2026-04-27 19:42`.
    pub fn date_clock(self, at: Timestamp) -> String {
        self.moment(at).format("%Y-%m-%d %H:%M").to_string()
    }

    /// Returns the clock time, with the date unless it is that of `now`.
    pub fn near(self, at: Timestamp, now: Timestamp) -> String {
        if self.moment(at).date_naive() == self.moment(now).date_naive() {
            self.clock(at)
        } else {
            self.date_clock(at)
        }
    }
}

/// Returns a length of time in its largest unit: `12m`.
pub fn span(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..3600 => format!("{}m", seconds / 60),
        seconds @ 3600..86_400 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_shown_where_the_person_is() {
        let at: Timestamp = "2026-04-27T23:42:00Z".parse().expect("a moment");
        let (here, utc) = (Zone(-4 * 3600), Zone(0));
        assert_eq!(here.stamp(at), "2026-04-27T19:42:00-04:00");
        assert_eq!(utc.stamp(at), "2026-04-27T23:42:00+00:00");
        let later = at.after("1h".parse().expect("a length"));
        assert_eq!(here.near(later, at), "20:42");
        assert_eq!(utc.near(later, at), "2026-04-28 00:42");
        assert_eq!(span(59), "59s");
        assert_eq!(span(3 * 86_400 + 5), "3d");
    }
}
