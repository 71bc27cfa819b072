//! Completion scripts for shells.

use super::Cli;
use crate::{ctx::Ctx, error::Result};
use clap::{Args, CommandFactory};
use clap_complete::Shell;

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// Shell to write for
    pub shell: Shell,
}

/// git's own bash completion calls this for `git ccc <TAB>`.
const BASH_BRIDGE: &str = "
_git_ccc() {
    COMP_WORDS=(git-ccc \"${COMP_WORDS[@]:2}\")
    COMP_CWORD=$((COMP_CWORD - 1))
    _git-ccc git-ccc \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD-1]}\"
}
";

/// Prints the script.
pub fn run(ctx: &Ctx, args: &CompletionsArgs) -> Result<()> {
    let mut script = Vec::new();
    let mut command = Cli::command().bin_name("git-ccc");
    clap_complete::generate(args.shell, &mut command, "git-ccc", &mut script);
    if args.shell == Shell::Bash {
        script.extend_from_slice(BASH_BRIDGE.as_bytes());
    }
    ctx.ui.raw(&script)
}
