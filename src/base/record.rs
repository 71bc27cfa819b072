//! Versioned TOML records: what stands in the body of every tag object we write.
//!
//! A record is `<subject>\n\nv = 1\n<keys>`. A reader keeps keys it does not
//! know (each record type flattens them into a table) and refuses a newer
//! version, because it could not know what it would be ignoring.

use serde::{Serialize, de::DeserializeOwned};

/// The record version this program reads and writes.
pub const VERSION: i64 = 1;

/// A record that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Written by a newer program.
    #[error(
        "it is a version {0} record and this git-ccc reads version {VERSION}: a newer git-ccc is needed"
    )]
    Newer(i64),
    /// Not a record, or a damaged one.
    #[error("it is not a readable record: {0}")]
    Malformed(String),
}

/// Encodes a record under a subject that says in words what it is.
pub fn encode<T: Serialize>(subject: &str, record: &T) -> Result<String, RecordError> {
    let body =
        toml::to_string(record).map_err(|error| RecordError::Malformed(error.to_string()))?;
    Ok(format!(
        "{}\n\nv = {VERSION}\n{body}",
        super::text::one_line(subject, 200)
    ))
}

/// Decodes the record in a tag's message.
pub fn decode<T: DeserializeOwned>(message: &str) -> Result<T, RecordError> {
    let malformed = |text: &str| RecordError::Malformed(super::text::one_line(text, 200));
    let (_, body) = message
        .split_once("\n\n")
        .ok_or_else(|| malformed("no body"))?;
    let mut table: toml::Table = body
        .parse()
        .map_err(|error: toml::de::Error| malformed(error.message()))?;
    match table.remove("v") {
        Some(toml::Value::Integer(version)) if version > VERSION => {
            return Err(RecordError::Newer(version));
        }
        Some(toml::Value::Integer(VERSION)) => {}
        _ => return Err(malformed("no version")),
    }
    T::deserialize(toml::Value::Table(table)).map_err(|error| malformed(error.message()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Sample {
        name: String,
        #[serde(flatten)]
        extra: toml::Table,
    }

    #[test]
    fn unknown_keys_survive_a_rewrite() {
        let read: Sample = decode("x\n\nv = 1\nname = \"a\"\nfuture = 3\n").expect("readable");
        let again: Sample = decode(&encode("x", &read).expect("encodes")).expect("readable");
        assert_eq!(again.extra.get("future"), Some(&toml::Value::Integer(3)));
        assert_eq!(again, read);
    }

    #[test]
    fn a_newer_version_is_refused_by_number() {
        let error = decode::<Sample>("x\n\nv = 7\nname = \"a\"\n").expect_err("newer");
        assert!(error.to_string().contains("version 7"), "{error}");
    }

    #[test]
    fn a_damaged_record_is_an_error_not_a_panic() {
        for bad in [
            "",
            "x",
            "x\n\n",
            "x\n\nv = 1\nname = ",
            "x\n\nname = \"a\"\n",
            "x\n\nv = 1\n",
        ] {
            assert!(decode::<Sample>(bad).is_err(), "{bad:?}");
        }
    }
}
