//! What JSON and TOML have in common around the merge of their trees: byte order mark, line ends, empty files, files that do not parse.
//!
//! The tree decides; if the merge of lines comes to the same values, its bytes are taken, since they keep how both sides
//! formatted and ordered what they touched.

use super::tree::{self, Doc};
use super::{Invalid, Labels, Merged, Side, Sides, text};
use std::borrow::Cow;

const MARK: &str = "\u{feff}";

/// How one language is read.
pub type Parse = for<'t> fn(&'t str) -> Result<Doc<'t>, String>;

/// Why bytes are no file of a language; an empty one is none of any.
pub fn check(bytes: &[u8], check: fn(&str) -> Option<String>) -> Option<String> {
    match std::str::from_utf8(bytes) {
        Ok(text) => check(text.strip_prefix(MARK).unwrap_or(text)),
        Err(error) => Some(error.to_string()),
    }
}

/// Merges by key.
pub fn merge(sides: &Sides<'_>, invalid: &[Invalid], parse: Parse) -> Merged {
    // A file that did not parse before either is in a dialect of its readers; one that stopped to parse is damaged.
    if invalid.iter().any(|invalid| invalid.side == Side::Base) {
        return sides.without_markers();
    }
    if !invalid.is_empty() {
        return sides.keep_ours();
    }
    attempt(sides, parse).unwrap_or_else(|| sides.keep_ours())
}

/// The merge, unless it leads to what does not parse.
fn attempt(sides: &Sides<'_>, parse: Parse) -> Option<Merged> {
    let alike = Alike::of(sides)?;
    let base = alike.base.as_deref().map(parse).transpose().ok()?;
    let (ours, theirs) = (parse(&alike.ours).ok()?, parse(&alike.theirs).ok()?);
    let mut merged = tree::merge(base.as_ref(), &ours, &theirs, sides.labels);
    let by_tree = std::str::from_utf8(&merged.bytes).ok()?;
    let meant = parse(by_tree).ok()?.root.meaning_of_sets();
    if merged.is_clean() {
        let lines = text::merge(&alike.sides(sides.labels));
        let same = |bytes: &[u8]| {
            Some(
                parse(std::str::from_utf8(bytes).ok()?)
                    .ok()?
                    .root
                    .meaning_of_sets()
                    == meant,
            )
        };
        if lines.is_clean() && same(&lines.bytes) == Some(true) {
            merged.bytes = lines.bytes;
        }
    }
    if alike.mark {
        merged.bytes.splice(0..0, MARK.bytes());
    }
    Some(merged)
}

/// The three texts with one kind of line end and without a mark, so that neither stands between them.
struct Alike<'a> {
    base: Option<Cow<'a, str>>,
    ours: Cow<'a, str>,
    theirs: Cow<'a, str>,
    mark: bool,
}

impl<'a> Alike<'a> {
    fn of(sides: &Sides<'a>) -> Option<Self> {
        let text = |bytes| std::str::from_utf8(bytes).ok();
        let (base, ours, theirs) = (
            sides.base.and_then(text),
            text(sides.ours)?,
            text(sides.theirs)?,
        );
        let chosen = |of: fn(&str) -> Option<bool>| match (base.and_then(of), of(ours), of(theirs))
        {
            (base, ours, theirs) if ours == base => theirs,
            (_, ours, _) => ours,
        };
        let mark = chosen(|text| Some(text.starts_with(MARK))) == Some(true);
        let crlf = chosen(line_ends);
        let mixed = [base, Some(ours), Some(theirs)]
            .into_iter()
            .flatten()
            .any(|text| line_ends(text).is_none());
        let alike = |text: &'a str| {
            let text = text.strip_prefix(MARK).unwrap_or(text);
            match crlf {
                Some(crlf) if !mixed && line_ends(text) != Some(crlf) => {
                    let lf = text.replace("\r\n", "\n");
                    Cow::Owned(if crlf { lf.replace('\n', "\r\n") } else { lf })
                }
                _ => Cow::Borrowed(text),
            }
        };
        Some(Alike {
            base: base.map(alike),
            ours: alike(ours),
            theirs: alike(theirs),
            mark,
        })
    }

    fn sides<'s>(&'s self, labels: &'s Labels<'s>) -> Sides<'s> {
        Sides {
            base: self.base.as_deref().map(str::as_bytes),
            ours: self.ours.as_bytes(),
            theirs: self.theirs.as_bytes(),
            labels,
        }
    }
}

/// Whether all lines end in CRLF, or none; none if they differ, and if a string spans lines, whose ends are content.
fn line_ends(text: &str) -> Option<bool> {
    let (all, crlf) = (text.matches('\n').count(), text.matches("\r\n").count());
    let content = text.contains("\"\"\"") || text.contains("'''");
    match crlf {
        _ if content && all > 0 => None,
        0 => Some(false),
        crlf if crlf == all => Some(true),
        _ => None,
    }
}
