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

/// What bash gets beside the script: the names of filters in a query of `search`, and `_git_ccc`, which git's own
/// completion calls for `git ccc <TAB>`. `SCRIPT` stands for the function that the script defines.
const BASH: &str = r#"
_git_ccc_and_filters() {
    SCRIPT "$@"
    if [[ " ${COMP_WORDS[*]:0:COMP_CWORD} " == *" search "* && $2 != -* ]]; then
        COMPREPLY+=($(compgen -W "$(git-ccc search --filters 2>/dev/null)" -- "$2"))
        [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *: ]] && compopt -o nospace 2>/dev/null
    fi
    return 0
}
complete -F _git_ccc_and_filters -o bashdefault -o default git-ccc

_git_ccc() {
    COMP_WORDS=(git-ccc "${COMP_WORDS[@]:2}")
    COMP_CWORD=$((COMP_CWORD - 1))
    _git_ccc_and_filters git-ccc "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
}
"#;

/// What fish gets beside the script.
const FISH: &str = r#"
complete -c git-ccc -n "__fish_git_ccc_using_subcommand search" -a "(git-ccc search --filters 2>/dev/null)"
"#;

/// What zsh completes a query of `search` with, before the script's own functions; it stands in the place of [`ANYTHING`].
const ZSH: &str = r#"
_git_ccc_query() {
    compadd -S '' -- ${(f)"$(git-ccc search --filters 2>/dev/null)"}
}
"#;
/// How the generator says that it knows nothing of an argument.
const ANYTHING: &str = ":_default'";

/// Puts the names of filters into the script for zsh.
fn with_filters(script: &str) -> String {
    let mut out = String::new();
    for line in script.lines() {
        let query = line.strip_prefix("'*::query -- ");
        match query.and_then(|_| line.rsplit_once(ANYTHING)) {
            Some((before, after)) => out.extend([before, ":_git_ccc_query'", after]),
            None => out.push_str(line),
        }
        out.push('\n');
        if line.starts_with("autoload ") {
            out.push_str(ZSH);
        }
    }
    out
}

/// Prints the script.
pub fn run(ctx: &Ctx, args: &CompletionsArgs) -> Result<()> {
    let mut script = Vec::new();
    let mut command = Cli::command().bin_name("git-ccc");
    clap_complete::generate(args.shell, &mut command, "git-ccc", &mut script);
    match args.shell {
        Shell::Bash => {
            // The name is the generator's affair.
            let name = script
                .split(|byte| *byte == b'(')
                .next()
                .unwrap_or_default();
            let more = BASH.replace("SCRIPT", &String::from_utf8_lossy(name));
            script.extend_from_slice(more.as_bytes());
        }
        Shell::Zsh => script = with_filters(&String::from_utf8_lossy(&script)).into_bytes(),
        Shell::Fish => script.extend_from_slice(FISH.as_bytes()),
        _ => {}
    }
    ctx.ui.raw(&script)
}
