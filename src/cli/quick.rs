//! The commands that run at every turn, parsed without building all the others.
//!
//! Building the arguments of every command is a quarter of the time in which the program starts. Whatever is not understood here
//! (a wrong word, `--help`, an option before the command) is parsed again with all of them, which then says what is wrong: the two
//! never differ in what they accept, for they are built from the same derived arguments.

use super::{Cli, Command, Global};
use crate::features::{board, chat, claim, commit, file, hook, inbox, session};
use clap::{Args, FromArgMatches, Subcommand};
use std::ffi::OsString;

/// The commands that are parsed so.
const FREQUENT: [&str; 12] = [
    "board", "chat", "claim", "claims", "commit", "file", "hook", "inbox", "listen", "release",
    "send", "session",
];

/// Parses the command line of a frequent command.
pub fn parse(args: &[OsString]) -> Option<Cli> {
    let first = args.get(1)?.to_str()?;
    let name = FREQUENT.into_iter().find(|name| *name == first)?;
    match name {
        "board" => one::<board::cmd::BoardArgs>(name, args, Command::Board),
        "claim" => one::<claim::cmd::ClaimArgs>(name, args, Command::Claim),
        "claims" => one::<claim::cmd::ClaimsArgs>(name, args, Command::Claims),
        "commit" => {
            one::<commit::cmd::CommitArgs>(name, args, |args| Command::Commit(Box::new(args)))
        }
        "hook" => one::<hook::cmd::HookArgs>(name, args, Command::Hook),
        "inbox" => one::<inbox::cmd::InboxArgs>(name, args, Command::Inbox),
        "listen" => one::<inbox::cmd::ListenArgs>(name, args, Command::Listen),
        "release" => one::<claim::cmd::ReleaseArgs>(name, args, Command::Release),
        "send" => one::<inbox::cmd::SendArgs>(name, args, |args| Command::Send(Box::new(args))),
        "chat" => {
            family::<chat::cmd::ChatCommand>(name, args, |command| Command::Chat(Box::new(command)))
        }
        "file" => family::<file::cmd::FileCommand>(name, args, Command::File),
        "session" => family::<session::cmd::SessionCommand>(name, args, Command::Session),
        _ => None,
    }
}

fn one<A: Args>(name: &'static str, args: &[OsString], command: fn(A) -> Command) -> Option<Cli> {
    built(A::augment_args(clap::Command::new(name)), args, command)
}

fn family<S: Subcommand>(
    name: &'static str,
    args: &[OsString],
    command: fn(S) -> Command,
) -> Option<Cli> {
    let family = S::augment_subcommands(clap::Command::new(name)).subcommand_required(true);
    built(family, args, command)
}

fn built<T: FromArgMatches>(
    sub: clap::Command,
    args: &[OsString],
    command: fn(T) -> Command,
) -> Option<Cli> {
    let program = clap::Command::new("git ccc").subcommand(sub);
    let matches = Global::augment_args(program)
        .try_get_matches_from(args)
        .ok()?;
    let (_, inner) = matches.subcommand()?;
    Some(Cli {
        global: Global::from_arg_matches(&matches).ok()?,
        command: command(T::from_arg_matches(inner).ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[test]
    fn what_is_parsed_quickly_is_what_all_the_commands_together_make_of_it() {
        let lines = [
            "board --md --json",
            "claim src/ -m intent --for 5m --session a-1b2c",
            "claims --mine -q",
            "commit -m message --announce -- a b",
            "file write a --as-is",
            "hook pre-commit",
            "inbox --peek",
            "listen --timeout 3s",
            "release --all",
            "send a-1b2c text --task",
            "chat post text --room r --json",
            "session start --name n",
        ];
        for line in lines {
            let args: Vec<OsString> = ["git-ccc"]
                .into_iter()
                .chain(line.split(' '))
                .map(Into::into)
                .collect();
            let quick = parse(&args).unwrap_or_else(|| panic!("{line}"));
            let whole =
                Cli::try_parse_from(&args).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_eq!(format!("{quick:?}"), format!("{whole:?}"), "{line}");
        }
        for line in [
            "claim",
            "claim --help",
            "-q claim a",
            "clam a",
            "chat",
            "session",
            "file cat",
            "commit --bogus",
        ] {
            let args: Vec<OsString> = ["git-ccc"]
                .into_iter()
                .chain(line.split(' '))
                .map(Into::into)
                .collect();
            assert!(
                parse(&args).is_none(),
                "{line}: all the commands together say what is wrong"
            );
        }
    }
}
