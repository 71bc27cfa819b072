//! The shims, and the record of what an installation did.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What every shim of ours carries, whatever its version.
const MARK: &str = "\n# git-ccc hook ";
/// What a displaced hook is called.
pub const CHAINED: &str = ".ccc-chained";

/// The shim of each hook that `git ccc hook` answers.
const SHIMS: &[(&str, &str)] = &[
    ("pre-commit", include_str!("../../../git-hooks/pre-commit")),
    (
        "prepare-commit-msg",
        include_str!("../../../git-hooks/prepare-commit-msg"),
    ),
    (
        "pre-merge-commit",
        include_str!("../../../git-hooks/pre-merge-commit"),
    ),
    (
        "pre-applypatch",
        include_str!("../../../git-hooks/pre-applypatch"),
    ),
    (
        "post-commit",
        include_str!("../../../git-hooks/post-commit"),
    ),
    ("post-merge", include_str!("../../../git-hooks/post-merge")),
    (
        "post-applypatch",
        include_str!("../../../git-hooks/post-applypatch"),
    ),
    (
        "post-checkout",
        include_str!("../../../git-hooks/post-checkout"),
    ),
    (
        "post-rewrite",
        include_str!("../../../git-hooks/post-rewrite"),
    ),
    ("pre-push", include_str!("../../../git-hooks/pre-push")),
    (
        "reference-transaction",
        include_str!("../../../git-hooks/reference-transaction"),
    ),
];

/// The shim of a hook that is not ours, in a directory that is.
const CHAIN: &str = include_str!("../../../git-hooks/chain");

/// Every hook git looks for whose mere presence changes nothing (githooks(5)).
pub const HARMLESS: &[&str] = &[
    "applypatch-msg",
    "pre-applypatch",
    "post-applypatch",
    "pre-commit",
    "pre-merge-commit",
    "prepare-commit-msg",
    "commit-msg",
    "post-commit",
    "pre-rebase",
    "post-checkout",
    "post-merge",
    "pre-push",
    "pre-receive",
    "update",
    "post-receive",
    "post-update",
    "pre-auto-gc",
    "post-rewrite",
    "sendemail-validate",
];

/// Hooks that change or slow git by being there: passed on only if they were there at `init`.
pub const COSTLY: &[&str] = &[
    "reference-transaction",
    "push-to-checkout",
    "proc-receive",
    "post-index-change",
    "p4-changelist",
    "p4-prepare-changelist",
    "p4-post-changelist",
    "p4-pre-submit",
];

/// Tells whether a hook's text is a shim of ours, of any version.
pub fn is_ours(text: &[u8]) -> bool {
    let head = String::from_utf8_lossy(text.get(..text.len().min(400)).unwrap_or_default());
    head.starts_with("#!/bin/sh") && head.contains(MARK)
}

/// Which hooks a shim stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `git ccc hook` answers it.
    Ours,
    /// It only passes on.
    PassOn,
}

/// Returns the shim of `name`; `before` is the hook directory it passes on to, when that is not its own.
pub fn shim(name: &str, role: Role, before: Option<&str>) -> String {
    let text = match SHIMS.iter().find(|(known, _)| *known == name) {
        Some((_, text)) if role == Role::Ours => Cow::Borrowed(*text),
        _ => Cow::Owned(CHAIN.replace("NAME", name)),
    };
    match before {
        None => text.into_owned(),
        Some(dir) => text.replacen(
            &format!("chained=${{0%/*}}/{name}{CHAINED}"),
            &format!("chained={}", quoted(&format!("{dir}/{name}"))),
            1,
        ),
    }
}

/// Quotes for a shell, always: a path may hold anything.
fn quoted(path: &str) -> String {
    format!("'{}'", path.replace('\'', r"'\''"))
}

/// What an installation did to this clone; kept so that all of it can be undone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    /// Shims stand in the git directory's own `hooks`.
    #[serde(default)]
    pub in_place: bool,
    /// That directory did not exist before.
    #[serde(default)]
    pub made_hooks_dir: bool,
    /// `core.hooksPath` was pointed at a directory of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect: Option<Redirect>,
    /// The manual page that was written, and the directories that were made for it, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub manual: Vec<String>,
    /// Files in a worktree that were written or changed for agents, in that order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<Written>,
}

/// One file that was written or changed for agents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// Where it is.
    pub path: String,
    /// SHA-256 of the file after our change: while it is still that, its bytes are put back. Empty once others changed it.
    pub sha256: String,
    /// The copy of the file as it was; none if it was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Directories that were made for it, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub made: Vec<String>,
}

/// How `core.hooksPath` was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirect {
    /// The configuration file that was written.
    pub file: String,
    /// The value that file had, as it was written there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// SHA-256 of the file after our change: while it is still that, its bytes are put back.
    pub sha256: String,
    /// The hook directory that was in force, `~` expanded; a relative one counts from each worktree's root.
    pub before: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shim_is_ours_and_chains_to_what_it_is_told() {
        for (name, text) in SHIMS {
            assert!(is_ours(text.as_bytes()), "{name} carries the mark");
            let own = shim(name, Role::Ours, None);
            assert!(own.contains(&format!("chained=${{0%/*}}/{name}{CHAINED}")));
            let far = shim(name, Role::Ours, Some("it's/_"));
            assert!(
                far.contains(&format!("chained='it'\\''s/_/{name}'")),
                "{far}"
            );
            assert!(is_ours(far.as_bytes()));
        }
        let chain = shim("commit-msg", Role::PassOn, Some(".husky/_"));
        assert!(chain.contains("chained='.husky/_/commit-msg'"), "{chain}");
        assert!(is_ours(chain.as_bytes()));
        assert!(!is_ours(b"#!/bin/sh\necho hello\n"));
    }
}
