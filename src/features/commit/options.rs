//! The options that `git commit` takes as they are, under its own names.
//!
//! None of them widens what is committed: those that would (`-a`, `-i`, `-p`)
//! are known only to be refused with a reason.

use crate::error::{Error, Result};
use clap::{ArgAction, Args};
use std::ffi::OsString;

/// What is handed to `git commit`; any of it takes the stock lane.
#[derive(Debug, Default, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one field per option of git commit"
)]
pub struct GitOptions {
    /// Replace the last commit, which must be this session's own
    #[arg(long)]
    pub amend: bool,
    /// Override the author
    #[arg(long)]
    pub author: Option<String>,
    /// Override the author date
    #[arg(long)]
    pub date: Option<String>,
    /// Add a Signed-off-by trailer
    #[arg(short, long, overrides_with = "no_signoff")]
    pub signoff: bool,
    /// Add no Signed-off-by trailer
    #[arg(long, hide = true, overrides_with = "signoff")]
    pub no_signoff: bool,
    /// Add a trailer
    #[arg(long, value_name = "TOKEN[=VALUE]")]
    pub trailer: Vec<String>,
    /// Allow a commit that changes nothing
    #[arg(long)]
    pub allow_empty: bool,
    /// Allow an empty message
    #[arg(long)]
    pub allow_empty_message: bool,
    /// Show what would be committed
    #[arg(long)]
    pub dry_run: bool,
    /// Show that in the short form
    #[arg(long)]
    pub short: bool,
    /// Show that in the form for scripts
    #[arg(long)]
    pub porcelain: bool,
    /// Show that in the long form
    #[arg(long)]
    pub long: bool,
    /// Show the branch in the short form
    #[arg(long)]
    pub branch: bool,
    /// End lines of that with NUL
    #[arg(short = 'z', long)]
    pub null: bool,
    /// Say how far the branch is from its upstream
    #[arg(long, hide = true)]
    pub ahead_behind: bool,
    /// Do not say how far the branch is from its upstream
    #[arg(long, hide = true)]
    pub no_ahead_behind: bool,
    /// Which untracked files to show: no, normal or all
    #[arg(short, long, value_name = "MODE", num_args = 0..=1, require_equals = true)]
    pub untracked_files: Option<Option<String>>,
    /// Edit the message
    #[arg(short, long, overrides_with = "no_edit")]
    pub edit: bool,
    /// Take the message as it is
    #[arg(long, overrides_with = "edit")]
    pub no_edit: bool,
    /// Reuse the message of a commit
    #[arg(short = 'C', long, value_name = "COMMIT")]
    pub reuse_message: Option<String>,
    /// Reuse and edit the message of a commit
    #[arg(short = 'c', long, value_name = "COMMIT")]
    pub reedit_message: Option<String>,
    /// Make a fixup of a commit
    #[arg(long, value_name = "COMMIT")]
    pub fixup: Option<String>,
    /// Make a squash of a commit
    #[arg(long, value_name = "COMMIT")]
    pub squash: Option<String>,
    /// Take over authorship when amending or reusing
    #[arg(long)]
    pub reset_author: bool,
    /// How to clean the message
    #[arg(long, value_name = "MODE")]
    pub cleanup: Option<String>,
    /// Begin the message with a template
    #[arg(short = 't', long, value_name = "FILE")]
    pub template: Option<String>,
    /// Show the change in the editor; twice: also what is not committed
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,
    /// Describe the commit in the editor
    #[arg(long, overrides_with = "no_status")]
    pub status: bool,
    /// Do not describe the commit in the editor
    #[arg(long, overrides_with = "status")]
    pub no_status: bool,
    /// Sign the commit
    #[arg(short = 'S', long, value_name = "KEY", num_args = 0..=1, require_equals = true, overrides_with = "no_gpg_sign")]
    pub gpg_sign: Option<Option<String>>,
    /// Do not sign the commit
    #[arg(long, overrides_with = "gpg_sign")]
    pub no_gpg_sign: bool,
    /// Leave the post-rewrite hook out
    #[arg(long)]
    pub no_post_rewrite: bool,
    #[command(flatten)]
    refused: Refused,
}

/// What takes more than paths.
#[derive(Debug, Default, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one field per option of git commit"
)]
struct Refused {
    #[arg(short, long, hide = true)]
    all: bool,
    #[arg(short, long, hide = true)]
    include: bool,
    #[arg(short, long, hide = true)]
    patch: bool,
    #[arg(long, hide = true)]
    interactive: bool,
}

impl GitOptions {
    /// Tells whether nothing is to be written.
    pub fn only_looks(&self) -> bool {
        self.dry_run || self.short || self.porcelain || self.long
    }

    /// Tells whether a message that was given goes through an editor, or git puts another one together.
    pub fn changes_message(&self) -> bool {
        self.edit
            || [
                &self.reuse_message,
                &self.reedit_message,
                &self.fixup,
                &self.squash,
            ]
            .iter()
            .any(|option| option.is_some())
    }

    /// Tells whether a commit without paths is one of the message alone.
    pub fn needs_no_path(&self, only: bool) -> bool {
        let fixup = |kind| {
            self.fixup
                .as_ref()
                .is_some_and(|commit| commit.starts_with(kind))
        };
        self.amend || self.allow_empty || fixup("reword:") || only && fixup("amend:")
    }

    /// Refuses what would take more than the named paths, and what git refuses to do with paths.
    pub fn check(&self, only: bool, paths: &[String]) -> Result<()> {
        let wide = [
            (self.refused.all, "-a"),
            (self.refused.include, "-i"),
            (self.refused.patch, "-p"),
            (self.refused.interactive, "--interactive"),
        ];
        if let Some((_, name)) = wide.iter().find(|(on, _)| *on) {
            return Err(Error::usage(format!("{name} takes more than named paths"))
                .because("the index and the worktree may hold the work of others")
                .hint("git ccc commit -m MESSAGE -- PATHS"));
        }
        let reword = self
            .fixup
            .as_ref()
            .is_some_and(|commit| commit.starts_with("reword:"));
        let other = match paths.first() {
            Some(path) => format!("path '{}'", crate::base::text::one_line(path, 200)),
            None => "'--only'".to_owned(),
        };
        if reword && (only || !paths.is_empty()) {
            return Err(Error::usage(format!(
                "reword option of '--fixup' and {other} cannot be used together"
            )));
        }
        Ok(())
    }

    /// Returns the options for `git commit`; empty when it is not needed for them.
    pub fn passed_on(&self) -> Vec<String> {
        let flags = [
            (self.amend, "--amend"),
            (self.signoff, "--signoff"),
            (self.allow_empty, "--allow-empty"),
            (self.allow_empty_message, "--allow-empty-message"),
            (self.dry_run, "--dry-run"),
            (self.short, "--short"),
            (self.porcelain, "--porcelain"),
            (self.long, "--long"),
            (self.branch, "--branch"),
            (self.null, "--null"),
            (self.ahead_behind, "--ahead-behind"),
            (self.no_ahead_behind, "--no-ahead-behind"),
            (self.edit, "--edit"),
            (self.no_edit, "--no-edit"),
            (self.reset_author, "--reset-author"),
            (self.status, "--status"),
            (self.no_status, "--no-status"),
            (self.no_gpg_sign, "--no-gpg-sign"),
            (self.no_post_rewrite, "--no-post-rewrite"),
        ];
        let values = [
            ("--author", &self.author),
            ("--date", &self.date),
            ("--reuse-message", &self.reuse_message),
            ("--reedit-message", &self.reedit_message),
            ("--fixup", &self.fixup),
            ("--squash", &self.squash),
            ("--cleanup", &self.cleanup),
            ("--template", &self.template),
        ];
        let optional = [
            ("--gpg-sign", &self.gpg_sign),
            ("--untracked-files", &self.untracked_files),
        ];
        let flags = flags.into_iter().filter(|(on, _)| *on);
        let mut options: Vec<String> = flags.map(|(_, name)| name.to_owned()).collect();
        options.extend((0..self.verbose).map(|_| "--verbose".to_owned()));
        let joined = |name: &str, value: &String| format!("{name}={value}");
        options.extend(
            values
                .iter()
                .filter_map(|(name, value)| Some(joined(name, value.as_ref()?))),
        );
        options.extend(self.trailer.iter().map(|text| joined("--trailer", text)));
        options.extend(optional.iter().filter_map(|(name, value)| {
            let value = value.as_ref()?.as_ref();
            Some(value.map_or_else(|| (*name).to_owned(), |value| joined(name, value)))
        }));
        options
    }
}

/// Short options of `git commit` that take a value, in the next argument if nothing follows them.
const VALUED: &[u8] = b"mFCct";
/// Short options whose value, if any, follows in the same argument.
const ATTACHED: &[(u8, &str)] = &[(b'S', "--gpg-sign="), (b'u', "--untracked-files=")];

/// Spells out what git reads in one word and our parser would read as several: `-uno` is no `-u -n -o`.
pub fn spelled_out(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut args = args.into_iter();
    let mut out: Vec<OsString> = args.next().into_iter().collect();
    while let Some(arg) = args.next() {
        let option = arg.as_encoded_bytes().starts_with(b"-");
        let named = arg == "--session";
        let commit = arg == "commit";
        out.push(arg);
        if named {
            out.extend(args.next());
        } else if commit {
            break;
        } else if !option {
            // Another command.
            out.extend(args);
            return out;
        }
    }
    while let Some(arg) = args.next() {
        let text = arg.to_str().unwrap_or_default();
        let ended = text == "--";
        let (words, takes_next) = match text.strip_prefix('-') {
            Some(letters) if !letters.starts_with('-') => cluster(letters),
            _ => (None, false),
        };
        match words {
            Some(words) => out.extend(words.into_iter().map(OsString::from)),
            None => out.push(arg),
        }
        if takes_next {
            out.extend(args.next());
        }
        if ended {
            break;
        }
    }
    out.extend(args);
    out
}

/// Returns what replaces a word of short options, if anything, and whether its value is the next word.
fn cluster(letters: &str) -> (Option<Vec<String>>, bool) {
    for (at, letter) in letters.bytes().enumerate() {
        let rest = letters.get(at + 1..).unwrap_or_default();
        if VALUED.contains(&letter) {
            return (None, rest.is_empty());
        }
        let long = ATTACHED.iter().find(|(short, _)| *short == letter);
        if let Some((_, long)) = long.filter(|_| !rest.is_empty()) {
            let before = (at > 0).then(|| format!("-{}", &letters[..at]));
            let words = before.into_iter().chain([format!("{long}{rest}")]);
            return (Some(words.collect()), false);
        }
    }
    (None, false)
}

#[cfg(test)]
mod tests {
    use super::spelled_out;

    #[test]
    fn words_of_short_options_mean_what_they_mean_in_git() {
        for (given, meant) in [
            ("x commit -uno f", "x commit --untracked-files=no f"),
            (
                "x commit -vSkey -m -uno f",
                "x commit -v --gpg-sign=key -m -uno f",
            ),
            ("x commit -smSuno -u -S f", "x commit -smSuno -u -S f"),
            (
                "x --session commit commit -ua -- -uno",
                "x --session commit commit --untracked-files=a -- -uno",
            ),
            ("x --json claim commit -uno", "x --json claim commit -uno"),
        ] {
            let words = given.split(' ').map(Into::into);
            assert_eq!(spelled_out(words).join(" ".as_ref()), meant);
        }
    }
}
