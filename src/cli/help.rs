//! The first help: what there is, by what one wants to do. Each command's own help is clap's.

use clap::Command;
use std::fmt::Write as _;

/// The commands by what they are for, in the order in which somebody meets them.
const AREAS: &[(&str, &[&str])] = &[
    ("Set up", &["init", "doctor", "trust", "uninstall"]),
    (
        "Who is here, and how things stand",
        &["session", "who", "board", "feed", "recap"],
    ),
    (
        "Hold and commit",
        &["claim", "release", "claims", "break", "commit"],
    ),
    (
        "Talk",
        &["chat", "ask", "send", "inbox", "listen", "notify"],
    ),
    ("Lose nothing", &["wip", "file", "memory"]),
    ("Worktrees", &["worktree", "template"]),
    ("Find what was said", &["search", "why", "index"]),
    (
        "For machines",
        &["check", "mcp", "status-line", "completions", "man"],
    ),
];

const LAYOUT: &str = "\
{about}

{usage-heading} {usage}{after-help}

Options:
{options}

`git ccc help <command>` explains one; `git ccc man` prints all.
";

/// Gives the program its first help.
pub fn by_area(program: Command) -> Command {
    let areas = areas(&program);
    program.help_template(LAYOUT).after_help(areas)
}

fn areas(program: &Command) -> String {
    let names = AREAS.iter().flat_map(|(_, names)| *names);
    let width = names.map(|name| name.len()).max().unwrap_or_default();
    let mut text = String::new();
    for (area, names) in AREAS {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "\n{area}:");
        for command in names
            .iter()
            .filter_map(|name| program.find_subcommand(name))
        {
            let about = command
                .get_about()
                .map(ToString::to_string)
                .unwrap_or_default();
            let _ = writeln!(text, "  {:width$}  {about}", command.get_name());
        }
    }
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn every_command_has_one_place() {
        let program = crate::cli::Cli::command();
        let mut shown: Vec<&str> = program
            .get_subcommands()
            .filter(|sub| !sub.is_hide_set())
            .map(Command::get_name)
            .collect();
        let mut placed: Vec<&str> = AREAS
            .iter()
            .flat_map(|(_, names)| *names)
            .copied()
            .collect();
        shown.sort_unstable();
        placed.sort_unstable();
        assert_eq!(shown, placed);
    }
}
