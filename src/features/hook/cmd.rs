//! `git ccc hook NAME`: which hook does what, and what a failure of ours means to the user's command.

use super::{after, guard, message, strict};
use crate::{
    ctx::Ctx,
    env,
    error::{Context, Error, Kind, Result},
};
use std::{
    ffi::OsString,
    io::{Read, Write},
    path::Path,
};

/// Most that is read of what git feeds a hook.
const INPUT_CAP: u64 = 16 << 20;

/// Arguments of `hook`.
#[derive(Debug, clap::Args)]
pub struct HookArgs {
    /// Hook by git's name, or the agent whose hook it is
    name: String,
    /// What git gives the hook
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<OsString>,
}

impl HookArgs {
    /// Returns the name that was given.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Runs one hook: a no stands, any other failure of ours is one line and lets git go on.
pub fn run(ctx: &Ctx, args: &HookArgs) -> Result<()> {
    if let Some(path) = env::var_os(env::PROBE) {
        return probe(Path::new(&path), &args.name);
    }
    if env::var_os(env::INTERNAL_LANE).is_some() {
        return Ok(());
    }
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| dispatch(ctx, args)));
    let failure = match done {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) if error.kind == Kind::No && refuses(&args.name) => return Err(error),
        Ok(Err(error)) => error,
        Err(_) => Error::internal("this is a defect of git ccc"),
    };
    ctx.ui.warn(&format!(
        "the {} hook of git ccc did nothing: {failure}",
        args.name
    ));
    Ok(())
}

fn refuses(name: &str) -> bool {
    !name.starts_with("post-")
}

fn dispatch(ctx: &Ctx, args: &HookArgs) -> Result<()> {
    let text = |at: usize| args.args.get(at).and_then(|arg| arg.to_str());
    match args.name.as_str() {
        "pre-commit" | "pre-applypatch" => guard::staged(ctx),
        "pre-merge-commit" if ctx.repo()?.git_dir().join("MERGE_HEAD").exists() => {
            guard::staged(ctx)
        }
        "prepare-commit-msg" => {
            guard::staged(ctx)?;
            let file = args.args.first().map(|file| ctx.cwd().join(file));
            file.map_or(Ok(()), |file| {
                message::sign(ctx, &file, text(1)).or_else(|error| {
                    ctx.ui
                        .warn(&format!("the message has no Ccc-Session: {error}"));
                    Ok(())
                })
            })
        }
        "post-commit" | "post-applypatch" => after::commit(ctx),
        // 1 is a squash: its commit is yet to come.
        "post-merge" if text(0) != Some("1") => after::merge(ctx),
        "post-checkout" if text(2) == Some("1") => after::checkout(ctx),
        "post-rewrite" => after::rewrite(ctx, text(0).unwrap_or("rewrite"), &input()?),
        "reference-transaction" if text(0) == Some("prepared") => strict::prepared(ctx, &input()?),
        // git stops at a hook that does not read what it is fed.
        "pre-push" => input().map(drop),
        _ => Ok(()),
    }
}

fn input() -> Result<String> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(INPUT_CAP)
        .read_to_end(&mut bytes)
        .context(Kind::Internal, || {
            "what git says to the hook cannot be read".to_owned()
        })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn probe(path: &Path, name: &str) -> Result<()> {
    std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .and_then(|mut file| file.write_all(format!("{name}\n").as_bytes()))
        .context(Kind::Setup, || {
            format!("{} cannot be written", path.display())
        })
}
