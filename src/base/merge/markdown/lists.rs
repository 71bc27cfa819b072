//! A stretch of list items that both changed.

use super::blocks::{Block, Kind, depth};
use std::collections::HashMap;

/// The items of both, or none if something in the stretch can only be decided by who knows what is meant.
pub fn union(parts: [&[Block<'_>]; 3], sorted: bool) -> Option<Vec<String>> {
    let all = || parts.iter().flat_map(|part| part.iter());
    if all().any(|block| block.kind == Kind::Prose) || all().all(|block| block.kind == Kind::Blank)
    {
        return None;
    }
    let keys = parts.map(keys);
    let [base, ours, theirs] = [0, 1, 2].map(|side: usize| by_key(&keys[side], parts[side]));
    if replaced(&base, &ours, &theirs) {
        return None;
    }
    let mut kept: Vec<(String, String, bool)> = Vec::new();
    for (key, block) in keys[1].iter().zip(parts[1]) {
        let text = match key {
            None => Some(block.text.to_owned()),
            Some(key) => item(base.get(key), Some(block), theirs.get(key).copied())?,
        };
        let new = key.as_ref().is_some_and(|key| !base.contains_key(key));
        kept.extend(text.map(|text| (key.clone().unwrap_or_default(), text, new)));
    }
    let mut added: Vec<(String, String, bool)> = Vec::new();
    for (n, (key, block)) in keys[2].iter().zip(parts[2]).enumerate() {
        let Some(key) = key.as_ref().filter(|key| !ours.contains_key(*key)) else {
            continue;
        };
        let Some(text) = item(base.get(key), None, Some(block))? else {
            continue;
        };
        let apart = n > 0 && parts[2][n - 1].kind == Kind::Blank;
        let before = if apart && !(kept.is_empty() && added.is_empty()) {
            parts[2][n - 1].text
        } else {
            ""
        };
        added.push((key.clone(), format!("{before}{text}"), true));
    }
    Some(lay_out(kept, added, sorted))
}

/// Theirs behind ours; deeper items first, since they belong to what stands before both; all in order if the list is.
fn lay_out(
    kept: Vec<(String, String, bool)>,
    added: Vec<(String, String, bool)>,
    sorted: bool,
) -> Vec<String> {
    let deep = |list: &[(String, String, bool)]| {
        list.iter()
            .find(|(_, text, new)| *new && !text.trim().is_empty())
            .map_or(0, |(_, text, _)| {
                depth(text.trim_start_matches(['\r', '\n']))
            })
    };
    let only_new = kept
        .iter()
        .all(|(_, text, new)| *new || text.trim().is_empty());
    let mut all = if only_new && deep(&added) > deep(&kept) {
        [added, kept].concat()
    } else {
        // Behind the last item of ours, before the empty lines that end the stretch.
        let mut kept = kept;
        let end = kept
            .iter()
            .rposition(|(_, text, _)| !text.trim().is_empty())
            .map_or(0, |last| last + 1);
        kept.splice(end..end, added);
        kept
    };
    if sorted && all.iter().all(|(_, text, _)| !text.trim().is_empty()) {
        all.sort_by_key(|(_, text, _)| text.to_lowercase());
    }
    all.into_iter().map(|(_, text, _)| ended(text)).collect()
}

/// The last line of a file may come to stand before others.
fn ended(mut text: String) -> String {
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// One block that is found in several versions: outer none is a conflict, inner none says that it is gone.
#[expect(
    clippy::option_option,
    reason = "a conflict, gone, or a text: the caller leaves at the first with `?`"
)]
pub fn item(
    base: Option<&&Block<'_>>,
    ours: Option<&Block<'_>>,
    theirs: Option<&Block<'_>>,
) -> Option<Option<String>> {
    let say = |block: &Block<'_>| block.text.trim_end().to_owned();
    let (b, o, t) = (base.map(|block| say(block)), ours.map(say), theirs.map(say));
    let text = |block: Option<&Block<'_>>| block.map(|block| block.text.to_owned());
    if o == t || b == t {
        Some(text(ours))
    } else if b == o {
        Some(text(theirs))
    } else {
        let (Some(mine), Some(other)) = (ours, theirs) else {
            return None;
        };
        later(mine, other).map(|block| Some(block.text.to_owned()))
    }
}

/// Of two times of the last change the later one.
fn later<'b, 't>(ours: &'b Block<'t>, theirs: &'b Block<'t>) -> Option<&'b Block<'t>> {
    let name = ours.name.as_deref()?;
    let time = |block: &Block<'_>| {
        block
            .text
            .split_once(':')
            .map(|(_, time)| time.trim().to_owned())
    };
    let (mine, other) = (time(ours)?, time(theirs)?);
    let is_time = |text: &str| {
        text.len() >= 10
            && text.as_bytes()[4] == b'-'
            && text[..4].bytes().all(|byte| byte.is_ascii_digit())
    };
    let known = matches!(name, "modified:" | "updated:");
    let both = known && mine.len() == other.len() && is_time(&mine) && is_time(&other);
    both.then(|| if other > mine { theirs } else { ours })
}

/// Both took out the same item and at least one put something in: what became of it is not for us to say.
fn replaced(base: &Items<'_, '_>, ours: &Items<'_, '_>, theirs: &Items<'_, '_>) -> bool {
    let gone = base
        .keys()
        .any(|key| !ours.contains_key(key) && !theirs.contains_key(key));
    let new = |side: &Items<'_, '_>, other: &Items<'_, '_>| {
        side.iter().any(|(key, block)| {
            !base.contains_key(key)
                && other
                    .get(key)
                    .is_none_or(|other| other.text.trim_end() != block.text.trim_end())
        })
    };
    gone && (new(ours, theirs) || new(theirs, ours))
}

type Items<'b, 't> = HashMap<String, &'b Block<'t>>;

fn by_key<'b, 't>(keys: &[Option<String>], blocks: &'b [Block<'t>]) -> Items<'b, 't> {
    keys.iter()
        .zip(blocks)
        .filter_map(|(key, block)| Some((key.clone()?, block)))
        .collect()
}

/// What each block is found by; empty lines are not. Items that have the same name are told apart by their number.
fn keys(blocks: &[Block<'_>]) -> Vec<Option<String>> {
    let mut times: HashMap<String, usize> = HashMap::new();
    let mut key = |block: &Block<'_>| {
        let key = block
            .name
            .clone()
            .unwrap_or_else(|| block.text.trim().to_owned());
        let times = times.entry(key.clone()).or_default();
        *times += 1;
        format!("{key}\u{0}{times}")
    };
    blocks
        .iter()
        .map(|block| (block.kind == Kind::Item).then(|| key(block)))
        .collect()
}

/// Tells whether the items stand in the order of their letters, and are enough for that to mean something.
pub fn in_order(blocks: &[Block<'_>]) -> bool {
    let items = blocks.iter().filter(|block| block.kind == Kind::Item);
    let items: Vec<String> = items
        .map(|block| block.text.trim_end().to_lowercase())
        .collect();
    items.len() >= 3 && items.is_sorted()
}
