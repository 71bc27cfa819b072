//! What a commit is asked to be.

use crate::base::id::SessionTag;

/// The trailer that says which session made a commit.
pub const TRAILER: &str = "Ccc-Session";

/// A commit to be made.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Who makes it; a person may be nobody in particular.
    pub session: Option<SessionTag>,
    /// The changed files, from the root of the worktree, sorted.
    pub paths: Vec<String>,
    /// The commit gets a trailer that names the session.
    pub signs: bool,
    /// The message, if it is complete and no editor is wanted.
    pub message: Option<String>,
    /// What says the message to `git commit`.
    pub message_options: Vec<String>,
    /// git's own options, for `git commit`.
    pub options: Vec<String>,
    /// Nothing is written: a dry run, in whichever form.
    pub only_looks: bool,
    /// What `git commit` reads from standard input.
    pub input: Option<Vec<u8>>,
    /// The reason given for passing a claim held by another.
    pub override_reason: Option<String>,
}

impl Wanted {
    /// Returns the session that the trailer names.
    pub fn signature(&self) -> Option<&SessionTag> {
        self.session.as_ref().filter(|_| self.signs)
    }
}

/// Cleans a message that no editor saw, as `git commit --cleanup=whitespace` does.
pub fn clean(message: &str) -> String {
    let mut out = String::new();
    let mut blank = false;
    for line in message.lines().map(str::trim_end) {
        if line.is_empty() {
            blank = !out.is_empty();
            continue;
        }
        if std::mem::take(&mut blank) {
            out.push('\n');
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// Tells whether a clean message is empty to git: a sign-off alone is no message.
pub fn says_nothing(message: &str) -> bool {
    message
        .lines()
        .all(|line| line.is_empty() || line.starts_with("Signed-off-by: "))
}

/// Adds a trailer to a clean message, in its own paragraph unless the last one already holds trailers.
pub fn with_trailer(message: &str, key: &str, value: &str) -> String {
    let line = format!("{key}: {value}\n");
    if message.lines().any(|present| present == line.trim_end()) {
        return message.to_owned();
    }
    let last = message.trim_end().rsplit_once("\n\n").map(|(_, last)| last);
    let joined = last.is_some_and(|last| last.lines().all(is_trailer));
    format!("{message}{}{line}", if joined { "" } else { "\n" })
}

fn is_trailer(line: &str) -> bool {
    let token =
        |key: &str| !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    line.split_once(':')
        .is_some_and(|(key, value)| token(key) && value.starts_with(' '))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_trailer_joins_trailers_and_leaves_prose_alone() {
        assert_eq!(with_trailer("a\n", "K", "v"), "a\n\nK: v\n");
        assert_eq!(with_trailer("a\n\nb: c\n", "K", "v"), "a\n\nb: c\nK: v\n");
        assert_eq!(
            with_trailer("a\n\nsome prose\n", "K", "v"),
            "a\n\nsome prose\n\nK: v\n"
        );
        assert_eq!(
            with_trailer("fix: a\n", "K", "v"),
            "fix: a\n\nK: v\n",
            "a subject is not a trailer"
        );
        assert_eq!(with_trailer("a\n\nK: v\n", "K", "v"), "a\n\nK: v\n");
    }

    proptest! {
        #[test]
        fn cleaning_twice_changes_nothing(text in "[ab \\n\\t]{0,40}") {
            let once = clean(&text);
            prop_assert_eq!(clean(&once), once);
        }
    }
}

/// What git says of a commit beside its subject.
#[derive(Debug, Default)]
pub struct Summary {
    /// It has no parent.
    pub root: bool,
    /// Its name, as short as this repository can have it.
    pub short: String,
    /// How much it changes, and which files come and go.
    pub changes: String,
}
