//! Turns what is written for a key into a value of the key's kind, or says why it cannot be one.

use toml::de::DeValue;

use super::error::{Fault, Origin, SettingsError, shown};
use super::nearest::nearest_word;
use super::table::{Key, KeyDefault, KeyKind, Layer};
use super::trust::Command;
use crate::base::time::{Ttl, parse_duration};

/// A checked value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Duration(Ttl),
    Text(String),
    Switch(bool),
    /// Text that is never shown.
    Secret(String),
    List(Vec<String>),
    Command(Command),
    Count(u32),
}

/// A value as written, before its key's kind is known to fit.
pub(super) enum Raw<'a> {
    Text(&'a str),
    Switch(bool),
    List(Vec<&'a str>),
    Integer(&'a str),
    Other(&'static str),
}

/// The value a key has when nobody sets it.
pub(super) fn default_value(key: &Key) -> Result<Option<Value>, SettingsError> {
    let raw = match key.default {
        KeyDefault::Unset => return Ok(None),
        KeyDefault::Text(text) => Raw::Text(text),
        KeyDefault::Switch(on) => Raw::Switch(on),
        KeyDefault::List(items) => Raw::List(items.to_vec()),
    };
    check_value(key, &raw, &|| None)
        .map(Some)
        .map_err(|fault| SettingsError {
            origin: Origin::Default,
            column: None,
            fault: Box::new(fault),
        })
}

impl<'a> From<&'a DeValue<'_>> for Raw<'a> {
    fn from(value: &'a DeValue<'_>) -> Self {
        match value {
            DeValue::String(text) => Raw::Text(text),
            DeValue::Boolean(on) => Raw::Switch(*on),
            DeValue::Array(items) => {
                let items: Option<Vec<&str>> =
                    items.iter().map(|item| item.get_ref().as_str()).collect();
                items.map_or(Raw::Other("array of other things than strings"), Raw::List)
            }
            DeValue::Integer(number) if number.radix() == 10 => Raw::Integer(number.as_str()),
            other => Raw::Other(other.type_str()),
        }
    }
}

pub(super) fn check_layer(key: &Key, layer: Layer) -> Result<(), Fault> {
    if key.layers.contains(&layer) {
        return Ok(());
    }
    let allowed: Vec<String> = key.layers.iter().map(ToString::to_string).collect();
    Err(Fault::WrongLayer {
        key: key.name.to_owned(),
        layer,
        allowed: allowed.join(", "),
    })
}

pub(super) fn check_value(
    key: &Key,
    raw: &Raw<'_>,
    digest: &dyn Fn() -> Option<[u8; 32]>,
) -> Result<Value, Fault> {
    let bad = |value: &str, why: String, nearest: Option<&str>| Fault::BadValue {
        key: key.name.to_owned(),
        value: shown(value),
        why,
        nearest: nearest.map(str::to_owned),
    };
    match (key.kind, raw) {
        (KeyKind::Duration, Raw::Text(text)) => parse_duration(text)
            .map(Value::Duration)
            .map_err(|error| bad(text, error.to_string(), None)),
        (KeyKind::Choice(words), Raw::Text(text)) => {
            let why = || format!("expected {}", key.kind.expected());
            require_word(words, text).map_err(|nearest| bad(text, why(), nearest))?;
            Ok(Value::Text((*text).to_owned()))
        }
        (KeyKind::Switch, Raw::Switch(on)) => Ok(Value::Switch(*on)),
        // A variable has no other type than text.
        (KeyKind::Switch, Raw::Text(text)) => text
            .parse()
            .map(Value::Switch)
            .map_err(|_| bad(text, "expected true or false".to_owned(), None)),
        (KeyKind::Remote, Raw::Text(text)) if is_remote_name(text) => {
            Ok(Value::Text((*text).to_owned()))
        }
        (KeyKind::Remote, Raw::Text(text)) => {
            Err(bad(text, "not the name of a remote".to_owned(), None))
        }
        (KeyKind::Folder, Raw::Text(text)) if is_folder(text) => {
            Ok(Value::Text((*text).to_owned()))
        }
        (KeyKind::Url, Raw::Text(text)) if is_url(text) => Ok(Value::Text((*text).to_owned())),
        (KeyKind::Model, Raw::Text(text)) if is_model(text) => Ok(Value::Text((*text).to_owned())),
        (KeyKind::Hours, Raw::Text(text)) if is_hours(text) => Ok(Value::Text((*text).to_owned())),
        (KeyKind::Hours | KeyKind::Folder | KeyKind::Url | KeyKind::Model, Raw::Text(text)) => {
            Err(bad(text, format!("expected {}", key.kind.expected()), None))
        }
        (KeyKind::Webhook, Raw::Text(text)) if is_webhook(text) => {
            Ok(Value::Secret((*text).to_owned()))
        }
        // What was meant to be a secret is not repeated.
        (KeyKind::Webhook, Raw::Text(_)) => {
            Err(bad("…", format!("expected {}", key.kind.expected()), None))
        }
        (KeyKind::Command, Raw::Text(text)) if text.trim().is_empty() || text.contains('\0') => {
            Err(bad(text, "not a command".to_owned(), None))
        }
        (KeyKind::Command, Raw::Text(text)) => Ok(Value::Command(Command::written(
            (*text).to_owned(),
            digest(),
        ))),
        (KeyKind::Count, Raw::Text(text) | Raw::Integer(text)) => text
            .parse()
            .map(Value::Count)
            .map_err(|_| bad(text, format!("expected {}", key.kind.expected()), None)),
        (KeyKind::Scopes, Raw::List(items)) => match items.iter().find(|item| item.is_empty()) {
            Some(item) => Err(bad(item, "a scope must not be empty".to_owned(), None)),
            None => Ok(Value::List(owned(items))),
        },
        (KeyKind::Folders, Raw::List(items)) => {
            let rooted = |item: &&&str| item.starts_with('/') || item.starts_with("~/");
            match items.iter().find(|item| !rooted(item)) {
                Some(item) => {
                    let why = "a directory begins with / or ~/".to_owned();
                    Err(bad(item, why, None))
                }
                None => Ok(Value::List(owned(items))),
            }
        }
        (KeyKind::Subset(words), Raw::List(items)) => {
            for item in items {
                let why = || format!("expected {}", key.kind.expected());
                require_word(words, item).map_err(|nearest| bad(item, why(), nearest))?;
            }
            Ok(Value::List(owned(items)))
        }
        (kind, Raw::Text(_)) => Err(wrong_type(key.name, kind.expected(), "string")),
        (kind, Raw::Switch(_)) => Err(wrong_type(key.name, kind.expected(), "boolean")),
        (kind, Raw::List(_)) => Err(wrong_type(key.name, kind.expected(), "array")),
        (kind, Raw::Integer(_)) => Err(wrong_type(key.name, kind.expected(), "integer")),
        (kind, Raw::Other(found)) => Err(wrong_type(key.name, kind.expected(), found)),
    }
}

fn owned(items: &[&str]) -> Vec<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

fn require_word<'w>(words: &[&'w str], text: &str) -> Result<(), Option<&'w str>> {
    if words.contains(&text) {
        Ok(())
    } else {
        Err(nearest_word(text, words.iter().copied()))
    }
}

fn is_folder(text: &str) -> bool {
    let below = text.strip_prefix("~/").or_else(|| text.strip_prefix('/'));
    below.is_some_and(|below| !below.is_empty()) && !text.contains(char::is_control)
}

fn is_url(text: &str) -> bool {
    let starts = ["https://", "http://"];
    let host = starts.iter().find_map(|start| text.strip_prefix(start));
    // A password does not belong into a file of settings, nor what a shell or a header would take apart.
    host.is_some_and(|host| !host.is_empty() && !host.contains('@'))
        && !text.contains(|c: char| c.is_control() || c.is_whitespace())
}

fn is_model(text: &str) -> bool {
    (1..=200).contains(&text.len()) && !text.contains(|c: char| c.is_control() || c.is_whitespace())
}

fn is_webhook(text: &str) -> bool {
    let starts = ["https://", "http://", "/", "~/"];
    starts.iter().any(|start| text.starts_with(start)) && !text.contains(char::is_control)
}

/// Whether the text is `HH:MM-HH:MM`.
fn is_hours(text: &str) -> bool {
    let clock = |text: &str| {
        let two = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        text.split_once(':')
            .is_some_and(|(h, m)| two(h) && two(m) && h < "24" && m < "60")
    };
    text.split_once('-')
        .is_some_and(|(from, to)| clock(from) && clock(to))
}

/// Whether git can take the text for nothing but a remote's name: no URL (`ext::` runs a command), no option,
/// no path that leaves the directory.
fn is_remote_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
    text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && text.chars().all(plain)
        && text
            .split('/')
            .all(|part| !part.is_empty() && !part.starts_with('.'))
}

pub(super) fn wrong_type(key: &str, expected: String, found: &str) -> Fault {
    Fault::WrongType {
        key: key.to_owned(),
        expected,
        found: found.to_owned(),
    }
}
