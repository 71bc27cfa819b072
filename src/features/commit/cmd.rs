//! `git ccc commit`.

use super::{
    fast,
    model::{TRAILER, Wanted},
    stock, store,
    view::Committed,
};
use crate::{
    ctx::Ctx,
    env,
    error::{Context, Error, Kind, Result},
    features::session,
    git::{Repo, adopt, log, objects, refs, run},
};
use clap::Args;
use std::io::Read;

/// Arguments of `commit`; the names are git's.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one field per option of git commit"
)]
pub struct CommitArgs {
    /// Commit message; more than one makes paragraphs
    #[arg(short, long, value_name = "MSG")]
    pub message: Vec<String>,
    /// Read the message from a file, - for standard input
    #[arg(short = 'F', long, value_name = "FILE")]
    pub file: Option<String>,
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
    #[arg(short, long)]
    pub signoff: bool,
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
    /// Leave the pre-commit and commit-msg hooks out
    #[arg(short = 'n', long)]
    pub no_verify: bool,
    /// Read the paths from a file, - for standard input
    #[arg(long, value_name = "FILE")]
    pub pathspec_from_file: Option<String>,
    /// Paths in that file are separated by NUL
    #[arg(long, requires = "pathspec_from_file")]
    pub pathspec_file_nul: bool,
    /// Edit the message
    #[arg(short, long)]
    pub edit: bool,
    /// Take the message as it is
    #[arg(long)]
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
    /// Show the change in the editor
    #[arg(short, long)]
    pub verbose: bool,
    /// Sign the commit
    #[arg(short = 'S', long, value_name = "KEY", num_args = 0..=1, require_equals = true)]
    pub gpg_sign: Option<Option<String>>,
    /// Do not sign the commit
    #[arg(long)]
    pub no_gpg_sign: bool,
    /// Leave the post-rewrite hook out
    #[arg(long)]
    pub no_post_rewrite: bool,
    /// Commit only the named paths, which is always so
    #[arg(short, long)]
    pub only: bool,
    /// Files and directories; none means everything changed under this session's claims
    #[arg(value_name = "PATH")]
    pub paths: Vec<String>,
}

impl CommitArgs {
    /// Returns the options that `git commit` gets as they are; empty when it is not needed for them.
    fn git_options(&self) -> Vec<String> {
        let flags = [
            (self.amend, "--amend"),
            (self.signoff, "--signoff"),
            (self.allow_empty, "--allow-empty"),
            (self.allow_empty_message, "--allow-empty-message"),
            (self.dry_run, "--dry-run"),
            (self.edit, "--edit"),
            (self.no_edit, "--no-edit"),
            (self.reset_author, "--reset-author"),
            (self.verbose, "--verbose"),
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
        let mut options: Vec<String> = flags
            .iter()
            .filter(|(on, _)| *on)
            .map(|(_, name)| (*name).to_owned())
            .collect();
        options.extend(
            values
                .iter()
                .filter_map(|(name, value)| value.as_ref().map(|value| format!("{name}={value}"))),
        );
        options.extend(
            self.trailer
                .iter()
                .map(|trailer| format!("--trailer={trailer}")),
        );
        options.extend(self.gpg_sign.as_ref().map(|key| {
            key.as_ref().map_or_else(
                || "--gpg-sign".to_owned(),
                |key| format!("--gpg-sign={key}"),
            )
        }));
        options
    }
}

/// Runs `commit`.
pub fn run(ctx: &Ctx, args: &CommitArgs) -> Result<()> {
    let repo = ctx.repo()?;
    repo.require_worktree()?;
    store::require_no_operation(repo)?;
    let wanted = wanted(ctx, args)?;
    if wanted.paths.is_empty() && !args.allow_empty && !args.amend {
        return Err(nothing());
    }
    if args.amend {
        require_own_head(repo, &wanted)?;
    }
    // Whatever needs no turn is done before ours comes.
    let ready = if fast::can_serve(ctx, &wanted)? {
        Some(fast::prepare(ctx, &wanted)?)
    } else {
        None
    };
    let turn = store::lane(repo)?;
    if adopt::recover(repo)? > 0 {
        ctx.ui.note("a commit interrupted by a crash was completed");
    }
    let show = ready.is_none() && !ctx.ui.json;
    let mut stock = wanted.clone();
    stock
        .options
        .extend(args.no_verify.then(|| "--no-verify".to_owned()));
    stock
        .options
        .extend(ctx.ui.quiet.then(|| "--quiet".to_owned()));
    let made = if let Some(ready) = ready {
        fast::commit(ctx, &wanted, ready, turn)?
    } else {
        let made = stock::commit(ctx, &stock, show)?;
        drop(turn);
        made
    };
    if made.is_none() && !args.dry_run {
        return Err(nothing());
    }
    maintain(ctx, repo)?;
    let (commit, subject) = made.map_or((None, String::new()), |(oid, subject)| {
        (Some(oid.to_string()), subject)
    });
    ctx.ui.answer(&Committed {
        commit,
        branch: repo.branch(),
        subject,
        session: wanted.session.map(String::from),
        paths: wanted.paths,
        dry_run: args.dry_run,
        shown: show,
    })
}

fn nothing() -> Error {
    Error::no("nothing to commit: the named paths are as in HEAD").hint("git status")
}

fn wanted(ctx: &Ctx, args: &CommitArgs) -> Result<Wanted> {
    let repo = ctx.repo()?;
    let session = if store::is_set_up(repo)? {
        session::store::current_if_any(ctx)?.map(|session| session.tag)
    } else {
        None
    };
    let mut named = args.paths.clone();
    if let Some(file) = &args.pathspec_from_file {
        if !named.is_empty() || args.file.as_deref() == Some("-") && file == "-" {
            return Err(Error::usage(
                "--pathspec-from-file goes with no other source of paths or of standard input",
            ));
        }
        named = pathspecs(file, args.pathspec_file_nul)?;
    }
    let paths = match (&session, named.is_empty()) {
        (_, false) => store::expand(ctx, &named)?,
        (_, true) if args.amend || args.allow_empty => Vec::new(),
        (Some(tag), true) => store::claimed_changes(ctx, tag)?,
        (None, true) => {
            return Err(Error::usage("without a session the paths must be named")
                .hint("git ccc commit -m MESSAGE -- PATHS"));
        }
    };
    let mut options = args.git_options();
    let (message, input) = message(args, &mut options)?;
    Ok(Wanted {
        session,
        paths,
        message,
        options,
        input,
        override_reason: env::var(env::OVERRIDE),
    })
}

/// Returns the complete message, if there is one, and what git must read from standard input.
fn message(
    args: &CommitArgs,
    options: &mut Vec<String>,
) -> Result<(Option<String>, Option<Vec<u8>>)> {
    if !args.message.is_empty() {
        return Ok((Some(args.message.join("\n\n")), None));
    }
    let Some(file) = &args.file else {
        return Ok((None, None));
    };
    if file != "-" {
        options.push(format!("--file={file}"));
        return Ok((None, None));
    }
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut bytes)
        .context(Kind::Usage, || {
            "the message cannot be read from standard input".to_owned()
        })?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok((Some(text), None)),
        // git takes a message in any encoding; ours would change it.
        Err(error) => {
            options.push("--file=-".to_owned());
            Ok((None, Some(error.into_bytes())))
        }
    }
}

fn pathspecs(file: &str, nul: bool) -> Result<Vec<String>> {
    let unreadable = || format!("{file} cannot be read");
    let mut text = String::new();
    if file == "-" {
        std::io::stdin()
            .lock()
            .read_to_string(&mut text)
            .context(Kind::Usage, unreadable)?;
    } else {
        text = std::fs::read_to_string(file).context(Kind::Usage, unreadable)?;
    }
    let parts: Vec<&str> = if nul {
        text.split('\0').collect()
    } else {
        text.lines().collect()
    };
    if !nul && parts.iter().any(|part| part.starts_with('"')) {
        return Err(Error::usage(format!("{file} has quoted paths"))
            .hint("git ccc commit --pathspec-file-nul --pathspec-from-file=FILE"));
    }
    Ok(parts
        .into_iter()
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect())
}

/// Refuses to amend what somebody else committed.
fn require_own_head(repo: &Repo, wanted: &Wanted) -> Result<()> {
    let Some(head) = refs::find(repo, "HEAD")? else {
        return Err(Error::no("there is no commit to amend"));
    };
    let (_, message) = objects::read_entry(repo, head)?;
    let maker = message
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix(TRAILER)?.strip_prefix(": "));
    if maker
        == wanted
            .session
            .as_ref()
            .map(crate::base::id::SessionTag::as_str)
    {
        return Ok(());
    }
    let maker = maker.map_or_else(
        || "somebody without a session".to_owned(),
        |tag| crate::base::text::one_line(tag, 80),
    );
    Err(Error::no(format!(
        "HEAD was committed by {maker}, not by this session"
    ))
    .because("amending it would rewrite their commit")
    .hint("git ccc commit -m MESSAGE -- PATHS"))
}

/// Lets git tidy up as `git commit` does; asked once in a while, because asking costs a process.
fn maintain(ctx: &Ctx, repo: &Repo) -> Result<()> {
    const EVERY: u64 = 64;
    if ctx.dice.roll().is_multiple_of(EVERY) && !log::PATIENCE.is_zero() {
        run::on(repo)
            .args(["maintenance", "run", "--auto", "--quiet"])
            .detach()?;
    }
    Ok(())
}
