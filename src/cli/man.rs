//! The manual page: the whole command line, the exit codes and the settings on one page.

use super::Cli;
use crate::{
    error::{Context, Kind, Result},
    settings,
};
use clap::CommandFactory;
use std::fmt::Write as _;

/// The first line, by which `init` and `uninstall` know the page again.
const MARK: &str = ".\\\" git-ccc wrote this page\n";

const EXIT_CODES: &[(&str, &str)] = &[
    ("0", "Yes, done."),
    (
        "1",
        "A valid no: held by another, nothing found, a check failed.",
    ),
    ("2", "The command line or a settings file is wrong."),
    ("3", "A conflict that needs a decision."),
    (
        "4",
        "Busy: lost a race or ran out of time. The same command may be tried again.",
    ),
    (
        "5",
        "Not set up: no repository, not initialised, or a program is too old.",
    ),
    ("70", "A defect of git ccc."),
    ("128+n", "Ended by signal n."),
];

/// Returns the page as roff.
pub fn page() -> Result<Vec<u8>> {
    let mut command = Cli::command();
    command.build();
    let mut out = MARK.as_bytes().to_vec();
    let man = clap_mangen::Man::new(command.clone().name("git-ccc"))
        .title("GIT-CCC")
        .section("1")
        .manual("Git Manual");
    let unwritable = || "the manual page cannot be written".to_owned();
    man.render_title(&mut out)
        .and_then(|()| man.render_name_section(&mut out))
        .and_then(|()| man.render_synopsis_section(&mut out))
        .and_then(|()| man.render_description_section(&mut out))
        .and_then(|()| man.render_options_section(&mut out))
        .context(Kind::Internal, unwritable)?;
    let mut rest = String::from(".SH COMMANDS\n");
    for sub in visible(&command) {
        describe(&mut rest, sub, "git ccc");
    }
    rest.push_str(".SH EXIT STATUS\n");
    for (code, meaning) in EXIT_CODES {
        // Writing to a String cannot fail.
        let _ = writeln!(rest, ".TP\n\\fB{code}\\fR\n{}", escape(meaning));
    }
    rest.push_str(".SH SETTINGS\n");
    rest.push_str("Read from the user's file \\fI$XDG_CONFIG_HOME/git\\-ccc/config.toml\\fR, \\fI.ccc.toml\\fR at the root of the repository, \\fI$GIT_COMMON_DIR/ccc.toml\\fR, and variables; the later win.\n.PP\n.nf\n");
    rest.push_str(&escape(&settings::render_reference()));
    rest.push_str("\n.fi\n");
    out.extend_from_slice(rest.as_bytes());
    Ok(out)
}

fn visible(command: &clap::Command) -> impl Iterator<Item = &clap::Command> {
    let all = command.get_subcommands();
    all.filter(|sub| !sub.is_hide_set() && sub.get_name() != "help")
}

/// Writes one command, or those below it, as `.SS` sections.
fn describe(out: &mut String, command: &clap::Command, parent: &str) {
    let name = format!("{parent} {}", command.get_name());
    if command.has_subcommands() {
        for sub in visible(command) {
            describe(out, sub, &name);
        }
        return;
    }
    let usage = command.clone().bin_name(&name).render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").replace('\n', " ");
    // Writing to a String cannot fail.
    let _ = writeln!(out, ".SS \"{}\"", escape(&usage).replace('"', "\\(dq"));
    if let Some(about) = command.get_about() {
        let _ = writeln!(out, "{}.", escape(&about.to_string()));
    }
    for arg in command.get_arguments() {
        if arg.is_hide_set() || arg.is_global_set() || arg.get_id() == "help" {
            continue;
        }
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(
            out,
            ".TP\n\\fB{}\\fR\n{}",
            escape(&arg.to_string()),
            escape(&help)
        );
    }
}

/// Makes text safe for roff: no line of it is a request, and a hyphen stays a minus that can be copied.
fn escape(text: &str) -> String {
    let line = |line: &str| {
        let line = line.replace('\\', "\\e").replace('-', "\\-");
        if line.starts_with(['.', '\'']) {
            format!("\\&{line}")
        } else {
            line
        }
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}
