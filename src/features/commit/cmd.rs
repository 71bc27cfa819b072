//! `git ccc commit`.

use super::{
    announce, fast,
    model::{Summary, Wanted},
    options::GitOptions,
    own, pathspec_file, stock, store,
    view::Committed,
};
use crate::{
    base::time::Ttl,
    ctx::Ctx,
    env,
    error::{Context, Error, Kind, Result},
    features::session,
    git::{Oid, Repo, adopt, log, run},
    settings::Trailer,
};
use clap::Args;
use std::{io::Read, path::Path};

/// Arguments of `commit`; the names are git's.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one field per option of git commit"
)]
pub struct CommitArgs {
    /// Commit message; more than one makes paragraphs
    #[arg(short, long, value_name = "MSG", allow_hyphen_values = true)]
    pub message: Vec<String>,
    /// Read the message from a file, - for standard input
    #[arg(short = 'F', long, value_name = "FILE")]
    pub file: Option<String>,
    /// Say in the room what is to be committed, and wait for those who hold it or committed it lately; a counter stops it
    #[arg(long)]
    pub announce: bool,
    /// How long they have to answer
    #[arg(
        long,
        value_name = "TIME",
        requires = "announce",
        default_value = "30s"
    )]
    pub wait: Ttl,
    /// Leave the pre-commit and commit-msg hooks out
    #[arg(short = 'n', long, overrides_with = "verify")]
    pub no_verify: bool,
    /// Run the hooks
    #[arg(long, hide = true)]
    pub verify: bool,
    /// Read the paths from a file, - for standard input
    #[arg(long, value_name = "FILE")]
    pub pathspec_from_file: Option<String>,
    /// Paths in that file are separated by NUL
    #[arg(long)]
    pub pathspec_file_nul: bool,
    /// Commit only the named paths, which is always so
    #[arg(short, long)]
    pub only: bool,
    /// What git takes as it is
    #[command(flatten)]
    pub git: GitOptions,
    /// Files and directories; none means everything changed under this session's claims
    #[arg(value_name = "PATH")]
    pub paths: Vec<String>,
}

/// Runs `commit`.
pub fn run(ctx: &Ctx, args: &CommitArgs) -> Result<()> {
    let repo = ctx.repo()?;
    repo.require_worktree()?;
    store::require_no_operation(repo)?;
    require_own_index(ctx)?;
    let wanted = wanted(ctx, args)?;
    if wanted.paths.is_empty() && !args.git.needs_no_path(args.only) {
        return Err(nothing());
    }
    if args.git.amend {
        own::require_own_head(repo, &wanted)?;
    }
    let looks = args.git.only_looks();
    if args.announce && looks {
        return Err(Error::usage("what is not committed is not announced"));
    }
    let announced = args
        .announce
        .then(|| announce::announce(ctx, &wanted, args.wait))
        .transpose()?;
    let done = make(ctx, args, &wanted);
    let told = wanted.session.as_ref().zip(announced.as_ref());
    if let (Some((tag, thread)), Err(error)) = (told, &done) {
        announce::give_up(ctx, tag, thread, error);
    }
    let (made, show) = done?;
    let (commit, subject) = made.map_or((None, String::new()), |(oid, subject)| {
        (Some(oid.to_string()), subject)
    });
    if let (Some(tag), Some(commit)) = (&wanted.session, &commit) {
        let committed = |path: &str| wanted.paths.iter().any(|known| known == path);
        announce::after(ctx, tag, announced.as_ref(), (commit, &subject), committed);
    }
    maintain(ctx, repo)?;
    // git's own --quiet is about the commit that was made.
    let shown = show || ctx.ui.quiet && !looks;
    let summary = match &commit {
        Some(commit) if !shown && !ctx.ui.json => store::summary(repo, commit)?,
        _ => Summary::default(),
    };
    ctx.ui.answer(&Committed {
        summary,
        commit,
        branch: repo.branch(),
        subject,
        session: wanted.session.map(String::from),
        paths: wanted.paths,
        dry_run: looks,
        shown,
    })
}

/// Refuses an index of the caller's own: what is committed here comes from the files, and into the worktree's index.
fn require_own_index(ctx: &Ctx) -> Result<()> {
    let Some(named) = env::var_os(env::INDEX_FILE) else {
        return Ok(());
    };
    let own = ctx.repo()?.git_dir().join("index");
    let named = ctx.cwd().join(named);
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if real(&named) == real(&own) {
        return Ok(());
    }
    let fact = format!("GIT_INDEX_FILE names {}", named.display());
    Err(Error::usage(fact)
        .because("the named paths are committed as they are in the worktree, and its own index is kept in step")
        .hint("env -u GIT_INDEX_FILE git ccc commit -m MESSAGE -- PATHS"))
}

/// Makes the commit, and tells whether git has shown it.
fn make(ctx: &Ctx, args: &CommitArgs, wanted: &Wanted) -> Result<(Option<(Oid, String)>, bool)> {
    let repo = ctx.repo()?;
    // Whatever needs no turn is done before ours comes.
    let ready = if fast::can_serve(ctx, wanted)? {
        Some(fast::prepare(ctx, wanted)?)
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
        fast::commit(ctx, wanted, ready, turn)?
    } else {
        let made = stock::commit(ctx, &stock, show)?;
        drop(turn);
        made
    };
    if made.is_none() && !args.git.only_looks() {
        return Err(nothing());
    }
    Ok((made, show))
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
    let named = named(args)?;
    let paths = match (&session, named.is_empty()) {
        (_, false) => store::expand(ctx, &named)?,
        (_, true) if args.git.needs_no_path(args.only) => Vec::new(),
        (Some(tag), true) => store::claimed_changes(ctx, tag)?,
        (None, true) => {
            return Err(Error::usage("without a session the paths must be named")
                .hint("git ccc commit -m MESSAGE -- PATHS"));
        }
    };
    let options = args.git.passed_on();
    let given = message(args)?;
    Ok(Wanted {
        session,
        signs: ctx.settings()?.trailer() == Trailer::Session,
        paths,
        message: given.text,
        message_options: given.options,
        options,
        only_looks: args.git.only_looks(),
        input: given.input,
        override_reason: env::var(env::OVERRIDE),
    })
}

/// Returns the pathspecs that are given, in whichever way.
fn named(args: &CommitArgs) -> Result<Vec<String>> {
    let from_file = args.pathspec_from_file.as_deref();
    let named = match from_file {
        None if args.pathspec_file_nul => {
            return Err(Error::usage(
                "the option '--pathspec-file-nul' requires '--pathspec-from-file'",
            ));
        }
        None => args.paths.clone(),
        Some(_) if !args.paths.is_empty() => {
            return Err(Error::usage(
                "'--pathspec-from-file' and pathspec arguments cannot be used together",
            ));
        }
        Some("-") if args.file.as_deref() == Some("-") => {
            return Err(Error::usage(
                "the message and the paths cannot both be read from standard input",
            ));
        }
        Some(file) => pathspec_file::read(file, args.pathspec_file_nul)?,
    };
    args.git.check(args.only, &named)?;
    // A list that turns out empty must not widen the commit to everything claimed.
    let limited = args.only || from_file.is_some();
    if named.is_empty() && limited && !args.git.needs_no_path(args.only) {
        return Err(
            Error::usage("No paths with --include/--only does not make sense.")
                .hint("git ccc commit -m MESSAGE -- PATHS"),
        );
    }
    Ok(named)
}

/// The message as it was given.
#[derive(Default)]
struct Given {
    /// All of it, if it is known now and git would not change it.
    text: Option<String>,
    /// What says it to git.
    options: Vec<String>,
    /// What git must read from standard input.
    input: Option<Vec<u8>>,
}

fn message(args: &CommitArgs) -> Result<Given> {
    let mut given = Given::default();
    let each = args.message.iter();
    given
        .options
        .extend(each.map(|text| format!("--message={text}")));
    if let Some(file) = &args.file {
        given.options.push(format!("--file={file}"));
    }
    if args.file.as_deref() == Some("-") {
        let mut bytes = Vec::new();
        std::io::stdin()
            .lock()
            .read_to_end(&mut bytes)
            .context(Kind::Usage, || {
                "the message cannot be read from standard input".to_owned()
            })?;
        given.input = Some(bytes);
    }
    if args.git.changes_message() {
        return Ok(given);
    }
    given.text = match (&args.file, &given.input) {
        (None, _) if !args.message.is_empty() => Some(args.message.join("\n\n")),
        // Both is for git to refuse; a file that is unreadable, or in another encoding, too.
        (Some(_), _) if !args.message.is_empty() => None,
        (Some(_), Some(bytes)) => String::from_utf8(bytes.clone()).ok(),
        (Some(file), None) => std::fs::read_to_string(file).ok(),
        (None, _) => None,
    };
    Ok(given)
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
