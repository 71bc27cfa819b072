//! Reads one layer, a file's text or the variables, into checked values with their places.
//!
//! Pure: the caller reads the files and the environment. Keys are looked at in the order of the file, so the
//! first fault reported is the first one in it.

use std::ops::Range;
use std::path::Path;

use sha2::{Digest, Sha256};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Fault, Origin, SettingsError, shown};
use super::nearest::nearest_key;
use super::table::{Key, Layer};
use super::value::{Raw, Value, check_layer, check_value, wrong_type};

/// The largest settings file that is read; a caller may stop reading one byte later.
pub const MAX_FILE_BYTES: usize = 1024 * 1024;

/// The version of the file format; a file without `v` has this one.
const VERSION: u64 = 1;

/// One settings file.
#[derive(Debug, Clone, Copy)]
pub struct LayerText<'a> {
    /// Which file it is; never [`Layer::Env`].
    pub layer: Layer,
    /// Its path, for messages.
    pub path: &'a Path,
    /// Its bytes.
    pub text: &'a [u8],
}

/// A key that a layer sets.
#[derive(Debug)]
pub(super) struct Assignment<'t> {
    pub key: &'t Key,
    pub value: Value,
    pub origin: Origin,
}

/// A file's text with what is needed to say where in it a fault is.
struct Source<'a> {
    file: LayerText<'a>,
    text: &'a str,
}

impl Source<'_> {
    fn fail(&self, at: Option<Range<usize>>, fault: Fault) -> SettingsError {
        let place = at.map(|span| self.place(span.start));
        SettingsError {
            origin: self.file.origin(place.map(|(line, _)| line)),
            column: place.map(|(_, column)| column),
            fault: Box::new(fault),
        }
    }

    fn place(&self, offset: usize) -> (usize, usize) {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &self.text[..offset];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (
            before.matches('\n').count() + 1,
            before[line_start..].chars().count() + 1,
        )
    }
}

impl LayerText<'_> {
    fn origin(&self, line: Option<usize>) -> Origin {
        Origin::File {
            layer: self.layer,
            path: self.path.to_owned(),
            line,
        }
    }
}

/// Reads a file into the values it sets, in the order of the file.
pub(super) fn parse_file<'t>(
    table: &'t [Key],
    file: LayerText<'_>,
) -> Result<Vec<Assignment<'t>>, SettingsError> {
    let plain = |fault| SettingsError {
        origin: file.origin(None),
        column: None,
        fault: Box::new(fault),
    };
    if file.text.len() > MAX_FILE_BYTES {
        return Err(plain(Fault::TooLarge {
            bytes: file.text.len(),
        }));
    }
    let text = std::str::from_utf8(file.text).map_err(|_| plain(Fault::NotText))?;
    let source = Source { file, text };
    let root = DeTable::parse(text).map_err(|error| {
        source.fail(
            error.span(),
            Fault::Toml {
                why: shown(error.message()),
            },
        )
    })?;
    let root = root.get_ref();
    check_version(&source, root)?;
    let mut assignments = Vec::new();
    for (name, value) in in_file_order(root) {
        let section = name.get_ref().as_ref();
        let is_section = table.iter().any(|key| key.parts().0 == section);
        match value.get_ref() {
            _ if section == "v" => {}
            DeValue::Table(leaves) if is_section => {
                for (leaf, value) in in_file_order(leaves) {
                    assignments.push(parse_leaf(table, &source, section, (leaf, value))?);
                }
            }
            other if is_section => {
                let fault = wrong_type(section, "a table".to_owned(), other.type_str());
                return Err(source.fail(Some(value.span()), fault));
            }
            _ => return Err(source.fail(Some(name.span()), unknown_section(table, section, value))),
        }
    }
    Ok(assignments)
}

type Named<'a, 'i> = (
    &'a Spanned<toml::de::DeString<'i>>,
    &'a Spanned<DeValue<'i>>,
);

fn in_file_order<'a, 'i>(table: &'a DeTable<'i>) -> Vec<Named<'a, 'i>> {
    let mut entries: Vec<Named<'a, 'i>> = table.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    entries
}

fn check_version(source: &Source<'_>, root: &DeTable<'_>) -> Result<(), SettingsError> {
    let Some(value) = root.get("v") else {
        return Ok(());
    };
    let Some(written) = value.get_ref().as_integer() else {
        let fault = wrong_type("v", "the number 1".to_owned(), value.get_ref().type_str());
        return Err(source.fail(Some(value.span()), fault));
    };
    match u64::from_str_radix(written.as_str(), written.radix()) {
        Ok(VERSION) => Ok(()),
        Err(_) if written.as_str().starts_with('-') => {
            Err(bad_version(source, value, written.as_str()))
        }
        Ok(0) => Err(bad_version(source, value, "0")),
        _ => {
            let found = shown(written.as_str());
            Err(source.fail(Some(value.span()), Fault::NewerVersion { found }))
        }
    }
}

fn bad_version(source: &Source<'_>, value: &Spanned<DeValue<'_>>, written: &str) -> SettingsError {
    let why = "the only version is 1".to_owned();
    let fault = Fault::BadValue {
        key: "v".to_owned(),
        value: shown(written),
        why,
        nearest: None,
    };
    source.fail(Some(value.span()), fault)
}

fn parse_leaf<'t>(
    table: &'t [Key],
    source: &Source<'_>,
    section: &str,
    (leaf, value): Named<'_, '_>,
) -> Result<Assignment<'t>, SettingsError> {
    let found = table
        .iter()
        .find(|key| key.parts() == (section, leaf.get_ref().as_ref()));
    let Some(key) = found else {
        let fault = unknown_key(table, &[section, leaf.get_ref()]);
        return Err(source.fail(Some(leaf.span()), fault));
    };
    check_layer(key, source.file.layer).map_err(|fault| source.fail(Some(leaf.span()), fault))?;
    let digest = || Some(Sha256::digest(source.file.text).into());
    let needs_trust = source.file.layer != Layer::User;
    let raw = Raw::from(value.get_ref());
    let value = check_value(key, &raw, if needs_trust { &digest } else { &|| None })
        .map_err(|fault| source.fail(Some(value.span()), fault))?;
    let line = source.place(leaf.span().start).0;
    Ok(Assignment {
        key,
        value,
        origin: source.file.origin(Some(line)),
    })
}

/// Reads the variables of the table's keys; other variables and empty ones are not looked at.
pub(super) fn parse_variables<'t>(
    table: &'t [Key],
    variables: &[(String, String)],
) -> Result<Vec<Assignment<'t>>, SettingsError> {
    let mut assignments = Vec::new();
    for (name, text) in variables.iter().filter(|(_, text)| !text.is_empty()) {
        let Some(key) = table.iter().find(|key| key.variable() == *name) else {
            continue;
        };
        let raw = if key.kind.is_list() {
            Raw::List(
                text.lines()
                    .map(str::trim)
                    .filter(|line| !line.is_empty())
                    .collect(),
            )
        } else {
            Raw::Text(text)
        };
        let origin = Origin::Variable(name.clone());
        match check_layer(key, Layer::Env).and_then(|()| check_value(key, &raw, &|| None)) {
            Ok(value) => assignments.push(Assignment { key, value, origin }),
            Err(fault) => {
                return Err(SettingsError {
                    origin,
                    column: None,
                    fault: Box::new(fault),
                });
            }
        }
    }
    Ok(assignments)
}

fn unknown_key(table: &[Key], parts: &[&str]) -> Fault {
    let nearest = nearest_key(&parts.join("."), table).map(str::to_owned);
    let written: Vec<String> = parts.iter().map(|part| key_part(part)).collect();
    Fault::UnknownKey {
        key: written.join("."),
        nearest,
    }
}

/// Shows a part of a key with the quotes that TOML wants, without which `"claims.ttl"` would look known.
fn key_part(part: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !part.is_empty() && part.chars().all(bare) {
        shown(part)
    } else {
        format!("\"{}\"", shown(part))
    }
}

/// Names the first key of an unknown section, since the section alone says less about what was meant.
fn unknown_section(table: &[Key], section: &str, value: &Spanned<DeValue<'_>>) -> Fault {
    let leaves = value
        .get_ref()
        .as_table()
        .map(in_file_order)
        .unwrap_or_default();
    match leaves.first() {
        Some((leaf, _)) => unknown_key(table, &[section, leaf.get_ref()]),
        None => unknown_key(table, &[section]),
    }
}
