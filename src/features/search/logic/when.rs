//! Times as they are typed: a day, a moment, or how long ago.

use crate::base::time::parse_duration;

/// A time that is known once it is known what time it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Milliseconds since 1970.
    At(i64),
    /// Milliseconds before now.
    Ago(i64),
}

impl When {
    /// Returns it in milliseconds since 1970.
    pub fn millis(self, now: i64) -> i64 {
        match self {
            When::At(at) => at,
            When::Ago(ago) => now - ago,
        }
    }
}

/// Reads a time.
pub fn parse(text: &str) -> Option<When> {
    let lower = text.to_ascii_lowercase();
    match lower.as_str() {
        "today" => return Some(When::Ago(86_400_000)),
        "yesterday" => return Some(When::Ago(2 * 86_400_000)),
        _ => {}
    }
    if let Ok(ttl) = parse_duration(&lower) {
        return Some(When::Ago(i64::from(ttl.seconds()) * 1000));
    }
    // Weeks and more are longer than any lease, so the one reader of durations does not know all of them.
    let (number, unit) = lower.split_at(
        lower
            .len()
            .checked_sub(1)
            .filter(|at| lower.is_char_boundary(*at))?,
    );
    let days = match unit {
        "d" => 1,
        "w" => 7,
        "m" => 30,
        "y" => 365,
        _ => 0,
    };
    if let Ok(count) = number.parse::<i64>()
        && days > 0
        && (0..100_000).contains(&count)
    {
        return Some(When::Ago(count * days * 86_400_000));
    }
    let full = match text.len() {
        4 => format!("{text}-01-01T00:00:00Z"),
        7 => format!("{text}-01T00:00:00Z"),
        10 => format!("{text}T00:00:00Z"),
        _ if text.ends_with('Z') && text.matches(':').count() == 1 => {
            format!("{}:00Z", &text[..text.len() - 1])
        }
        _ => text.to_owned(),
    };
    let parsed = chrono::DateTime::parse_from_rfc3339(&full).ok()?;
    Some(When::At(parsed.timestamp_millis()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_people_type_them() {
        assert_eq!(parse("1970-01-02"), Some(When::At(86_400_000)));
        assert_eq!(parse("1970-01-01T00:01Z"), Some(When::At(60_000)));
        assert_eq!(parse("1970"), Some(When::At(0)));
        assert_eq!(parse("3d"), Some(When::Ago(3 * 86_400_000)));
        assert_eq!(parse("90d"), Some(When::Ago(90 * 86_400_000)));
        assert_eq!(parse("2w"), Some(When::Ago(14 * 86_400_000)));
        assert_eq!(parse("90m"), Some(When::Ago(90 * 60_000)));
        for wrong in [
            "",
            "soon",
            "é",
            "-3d",
            "2026-13-01",
            "99999999999999999999d",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
