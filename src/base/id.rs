//! Names and ids as types, so that one cannot be passed for another.
//!
//! A session tag and a claim id are both ref components; their grammar is a
//! subset of what git allows in one, on every file system.

use super::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The text is not an id of the kind that was asked for.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("'{}' is not a {expected}", crate::base::text::one_line(.text, 80))]
pub struct IdError {
    text: String,
    expected: &'static str,
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $valid:path) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Returns the text form.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                if $valid(text) { Ok($name(text.to_owned())) } else { Err(IdError { text: text.to_owned(), expected: $expected }) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

text_id!(
    /// The name of a session: a readable slug and four hex digits (`archive-filter-1d33`).
    SessionTag,
    "session tag (a slug and four hex digits, such as archive-filter-1d33)",
    is_tag
);
text_id!(
    /// The name of one claim: twelve hex digits, new with every acquisition.
    ClaimId,
    "claim id (twelve hex digits)",
    is_claim_id
);

text_id!(
    /// The name of one message: nine characters of time and six of chance, so that ids sort as messages were written.
    MessageId,
    "message id (fifteen characters, as git ccc chat read shows it)",
    is_message_id
);
text_id!(
    /// The name of a room: lower-case letters, digits and inner `-`, `_`, `.`.
    RoomName,
    "room name (lower-case letters, digits and inner - _ ., at most 40)",
    is_room
);

/// Names one process of one host for good: a pid alone is re-used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    /// The process id.
    pub pid: u32,
    /// When it started, in the host's own unit; only compared for equality.
    pub start: String,
}

/// The longest slug; a tag stays readable and far from every file system's limit.
const SLUG_MAX: usize = 40;

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_tag(text: &str) -> bool {
    text.rsplit_once('-').is_some_and(|(name, hex)| {
        hex.len() == 4 && is_hex(hex) && name == slug(name) && !name.is_empty()
    })
}

fn is_claim_id(text: &str) -> bool {
    text.len() == 12 && is_hex(text)
}

/// Crockford's digits: none of them is read as another one.
const BASE32: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const MESSAGE_TIME: usize = 9;
const MESSAGE_CHANCE: usize = 6;

fn is_message_id(text: &str) -> bool {
    text.len() == MESSAGE_TIME + MESSAGE_CHANCE && text.bytes().all(|b| BASE32.contains(&b))
}

fn is_room(text: &str) -> bool {
    let inner = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'z' | b'-' | b'_' | b'.');
    let edge = |b: Option<&u8>| b.is_some_and(|b| matches!(b, b'0'..=b'9' | b'a'..=b'z'));
    let bytes = text.as_bytes();
    bytes.len() <= SLUG_MAX
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().copied().all(inner)
}

fn base32(mut number: u64, digits: usize) -> String {
    let mut out = vec![b'0'; digits];
    for digit in out.iter_mut().rev() {
        *digit = BASE32[usize::try_from(number % 32).unwrap_or(0)];
        number /= 32;
    }
    out.into_iter().map(char::from).collect()
}

impl MessageId {
    /// Makes an id of a moment, in milliseconds since 1970, and 30 random bits; the year 3084 is the last.
    pub fn at_millis(millis: u64, random: u64) -> Self {
        let time = base32(millis.min((1 << 45) - 1), MESSAGE_TIME);
        MessageId(time + &base32(random, MESSAGE_CHANCE))
    }

    /// As [`MessageId::at_millis`], of the beginning of a second.
    pub fn new(at: Timestamp, random: u64) -> Self {
        Self::at_millis(u64::try_from(at.unix()).unwrap_or(0) * 1000, random)
    }

    /// Returns the second in which the id was made.
    pub fn at(&self) -> i64 {
        self.millis() / 1000
    }

    fn millis(&self) -> i64 {
        let digit = |b: u8| BASE32.iter().position(|known| *known == b).unwrap_or(0);
        self.0
            .bytes()
            .take(MESSAGE_TIME)
            .fold(0, |sum, b| sum * 32 + i64::try_from(digit(b)).unwrap_or(0))
    }
}

impl RoomName {
    /// Returns the room in which everybody is.
    pub fn main() -> Self {
        RoomName("main".to_owned())
    }

    /// Returns the room of what one session says to another and to nobody else.
    pub fn mail() -> Self {
        RoomName("mail".to_owned())
    }
}

/// Returns `name` as a slug: lower-case ASCII letters, digits and single inner dashes, at most 40 bytes.
///
/// Lower case only, because two tags that differ in case would be one file on some systems.
pub fn slug(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
        if out.len() >= SLUG_MAX {
            break;
        }
    }
    out.trim_end_matches('-').to_owned()
}

impl SessionTag {
    /// Makes a tag of a name and four hex digits; a name without one usable letter becomes `session`.
    pub fn new(name: &str, hex: &str) -> Result<Self, IdError> {
        let name = slug(name);
        let name = if name.is_empty() { "session" } else { &name };
        format!("{name}-{hex}").parse()
    }

    /// Returns the readable part.
    pub fn slug(&self) -> &str {
        self.0.rsplit_once('-').map_or("", |(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_name_becomes_a_valid_tag(name in "\\PC{0,80}") {
            let tag = SessionTag::new(&name, "1d33").expect("any name has a tag");
            prop_assert_eq!(tag.as_str().parse::<SessionTag>().expect("display and parse are inverse"), tag);
        }

        #[test]
        fn message_ids_sort_as_they_were_made(a in 0_u64..1 << 45, b in 0_u64..1 << 45, x: u64, y: u64) {
            let (first, second) = (MessageId::at_millis(a, x), MessageId::at_millis(b, y));
            prop_assert_eq!(u64::try_from(first.millis()), Ok(a));
            prop_assert_eq!(first.as_str().parse::<MessageId>().expect("an id"), first.clone());
            if a != b {
                prop_assert_eq!(a < b, first < second);
            }
        }

        #[test]
        fn a_slug_is_its_own_slug(name in "\\PC{0,80}") {
            let once = slug(&name);
            prop_assert_eq!(slug(&once), once);
        }
    }

    #[test]
    fn foreign_text_is_no_id() {
        for bad in [
            "", "x", "A-1d33", "a--1d33", "-1d33", "a-1d3", "a/b-1d33", "a.lock", "a-1d33\n",
        ] {
            assert!(bad.parse::<SessionTag>().is_err(), "{bad:?}");
        }
        assert!("0123456789ab".parse::<ClaimId>().is_ok());
        assert!("0123456789aB".parse::<ClaimId>().is_err());
    }
}
