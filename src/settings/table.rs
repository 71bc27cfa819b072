//! The one table that declares every key of the settings files.
//!
//! Parsing, the nearest-key suggestion, the `CCC_*` variable names and the reference text are all derived from
//! it, so a key is added by adding a row (and a typed getter in `mod.rs`). Names have exactly two parts,
//! `section.leaf`; rows of one section stand together.

use super::key::quoted;
pub use super::key::{Key, KeyDefault, KeyKind, Layer};
use std::fmt::{self, Write as _};

/// The git hooks that can be installed.
pub const HOOKS: &[&str] = &[
    "pre-commit",
    "prepare-commit-msg",
    "pre-merge-commit",
    "pre-applypatch",
    "post-commit",
    "post-merge",
    "post-applypatch",
    "post-checkout",
    "post-rewrite",
    "pre-push",
];

/// What agents keep for all of their sessions: settings, instructions, skills and their index, commands, memory.
pub const SHARED_FILES: &[&str] = &[
    "~/.claude/settings.json",
    "~/.claude/settings.local.json",
    "~/.claude/CLAUDE.md",
    "~/.claude/{skills,agents,commands,rules}/**",
    "~/.claude/projects/*/memory/**",
    "~/.codex/{config.toml,hooks.json,AGENTS.md,AGENTS.override.md}",
    "~/.codex/{memories,prompts,skills}/**",
    "~/.agents/**",
    "CLAUDE.local.md",
    ".claude/settings.local.json",
];

/// What a person can be told of.
pub const EVENTS: &[&str] = &["mention", "input_needed", "finished", "broken_claim"];

/// The user's own layers: what a repository brings along may not set these keys.
pub const OWN_LAYERS: &[Layer] = &[Layer::User, Layer::Env];

/// Every layer: what most keys allow.
pub const ANY_LAYER: &[Layer] = &[Layer::User, Layer::Repo, Layer::Clone, Layer::Env];

/// How much a rule of the check weighs.
const LEVELS: &[&str] = &["off", "note", "warning", "error"];

const fn level(name: &'static str, default: &'static str, doc: &'static str) -> Key {
    Key {
        name,
        kind: KeyKind::Choice(LEVELS),
        default: KeyDefault::Text(default),
        layers: ANY_LAYER,
        doc,
    }
}

/// Every key.
pub const KEYS: &[Key] = &[
    Key {
        name: "claims.ttl",
        kind: KeyKind::Duration,
        default: KeyDefault::Text("60m"),
        layers: ANY_LAYER,
        doc: "How long a claim lasts when its taker does not say.",
    },
    Key {
        name: "claims.require",
        kind: KeyKind::Scopes,
        default: KeyDefault::List(&[]),
        layers: ANY_LAYER,
        doc: "Scopes that must be claimed before a commit may change them.",
    },
    Key {
        name: "claims.exempt",
        kind: KeyKind::Scopes,
        default: KeyDefault::List(&[]),
        layers: ANY_LAYER,
        doc: "Scopes that are never checked against claims.",
    },
    Key {
        name: "claims.enforce",
        kind: KeyKind::Choice(super::Enforce::NAMES),
        default: KeyDefault::Text("commit"),
        layers: ANY_LAYER,
        doc: "What a change to another's claim meets: a warning, a refused commit, or a refusal of every ref update.",
    },
    Key {
        name: "claims.remote",
        kind: KeyKind::Remote,
        default: KeyDefault::Unset,
        layers: ANY_LAYER,
        doc: "The configured git remote through which clones share their claims.",
    },
    Key {
        name: "session.beat",
        kind: KeyKind::Duration,
        default: KeyDefault::Text("60s"),
        layers: ANY_LAYER,
        doc: "How often a running session says that it is alive.",
    },
    Key {
        name: "inbox.per_minute",
        kind: KeyKind::Count,
        default: KeyDefault::Text("20"),
        layers: ANY_LAYER,
        doc: "How many messages one session may address to another in a minute.",
    },
    Key {
        name: "inbox.per_hour",
        kind: KeyKind::Count,
        default: KeyDefault::Text("200"),
        layers: ANY_LAYER,
        doc: "The same in an hour.",
    },
    Key {
        name: "inbox.hops",
        kind: KeyKind::Count,
        default: KeyDefault::Text("16"),
        layers: ANY_LAYER,
        doc: "How many answers of sessions to each other may follow one another with no person and no commit in between.",
    },
    Key {
        name: "inbox.turns",
        kind: KeyKind::Count,
        default: KeyDefault::Text("8"),
        layers: ANY_LAYER,
        doc: "After how many turns within an hour two sessions no longer wake each other, until a person speaks or one of them commits.",
    },
    Key {
        name: "commit.lane",
        kind: KeyKind::Choice(super::Lane::NAMES),
        default: KeyDefault::Text("auto"),
        layers: ANY_LAYER,
        doc: "How commits are made: the fast lane where it is safe, or always git's own commit.",
    },
    Key {
        name: "commit.trailer",
        kind: KeyKind::Choice(super::Trailer::NAMES),
        default: KeyDefault::Text("session"),
        layers: ANY_LAYER,
        doc: "What is added to a commit's message: the session that made it, or nothing; the log has it in any case.",
    },
    Key {
        name: "files.shared",
        kind: KeyKind::Scopes,
        default: KeyDefault::List(SHARED_FILES),
        layers: ANY_LAYER,
        doc: "Files that several sessions write and that agents' hooks merge: what no branch keeps apart.",
    },
    Key {
        name: "hooks.install",
        kind: KeyKind::Subset(HOOKS),
        default: KeyDefault::List(HOOKS),
        layers: ANY_LAYER,
        doc: "The git hooks that `git ccc init` installs.",
    },
    Key {
        name: "agents.claim_on_edit",
        kind: KeyKind::Switch,
        default: KeyDefault::Switch(true),
        layers: ANY_LAYER,
        doc: "Whether an agent's first edit of a free path claims it, until the commit that contains it.",
    },
    Key {
        name: "agents.at_end",
        kind: KeyKind::Choice(super::AtEnd::NAMES),
        default: KeyDefault::Text("mark"),
        layers: ANY_LAYER,
        doc: "What the end of an agent's conversation does: mark keeps the session for a resume, end ends it and gives its claims back.",
    },
    Key {
        name: "agents.wake",
        kind: KeyKind::Choice(&["hooks", "tmux"]),
        default: KeyDefault::Text("hooks"),
        layers: OWN_LAYERS,
        doc: "How an idle agent learns of mail: by its own hooks alone, or also by words typed into its tmux pane.",
    },
    Key {
        name: "wip.auto",
        kind: KeyKind::Switch,
        default: KeyDefault::Switch(true),
        layers: ANY_LAYER,
        doc: "Whether uncommitted work is saved after an agent's tools and before its commands that could take it away.",
    },
    Key {
        name: "wip.keep",
        kind: KeyKind::Count,
        default: KeyDefault::Text("100"),
        layers: ANY_LAYER,
        doc: "How many snapshots of a session stay: the newest, and of the older ones fewer the older they are (a quarter more before that is seen to).",
    },
    Key {
        name: "wip.age",
        kind: KeyKind::Duration,
        default: KeyDefault::Text("30d"),
        layers: ANY_LAYER,
        doc: "After how long a snapshot goes, except the newest of a session that is alive.",
    },
    Key {
        name: "wip.file_mb",
        kind: KeyKind::Count,
        default: KeyDefault::Text("10"),
        layers: ANY_LAYER,
        doc: "How large a file a snapshot takes, in MiB; larger ones are named and left out.",
    },
    Key {
        name: "wip.total_mb",
        kind: KeyKind::Count,
        default: KeyDefault::Text("200"),
        layers: ANY_LAYER,
        doc: "How much a snapshot takes in all, in MiB; what git does not track is left out first, the largest first.",
    },
    Key {
        name: "check.max_behind",
        kind: KeyKind::Count,
        default: KeyDefault::Unset,
        layers: ANY_LAYER,
        doc: "How many commits the target may be ahead of where a range begins.",
    },
    Key {
        name: "check.max_age",
        kind: KeyKind::Duration,
        default: KeyDefault::Unset,
        layers: ANY_LAYER,
        doc: "How much older than the target's newest commit the beginning of a range may be.",
    },
    Key {
        name: "check.logged",
        kind: KeyKind::Scopes,
        default: KeyDefault::List(&[]),
        layers: ANY_LAYER,
        doc: "Scopes whose commits must be in the log, whoever makes them.",
    },
    Key {
        name: "check.exempt",
        kind: KeyKind::Scopes,
        default: KeyDefault::List(&[]),
        layers: ANY_LAYER,
        doc: "What the check does not judge: a scope, or \"RULE: SCOPE\" for one rule alone.",
    },
    level(
        "check.held_path",
        "error",
        "A commit of a path that another session held.",
    ),
    level(
        "check.unclaimed_path",
        "error",
        "A session's commit of a path that claims.require covers and it did not hold.",
    ),
    level(
        "check.live_claim",
        "warning",
        "A range that changes what another session holds now.",
    ),
    level(
        "check.stale_base",
        "error",
        "A range that begins further back than max_behind or max_age.",
    ),
    level(
        "check.conflict_marker",
        "error",
        "Conflict markers left in a file.",
    ),
    level(
        "check.memory_conflict",
        "error",
        "Conflict markers left in memory.",
    ),
    level(
        "check.open_thread",
        "warning",
        "An unanswered question or a countered proposal about a changed path.",
    ),
    level(
        "check.session_trailer",
        "error",
        "A missing or forged Ccc-Session.",
    ),
    level(
        "check.hook_bypass",
        "error",
        "A commit that the hooks should have seen and that is not in the log.",
    ),
    level(
        "check.unreadable_entry",
        "error",
        "An entry of the log that cannot be read.",
    ),
    level(
        "check.rewritten_log",
        "error",
        "A log that was rewritten, cut off or merged.",
    ),
    level(
        "check.unreadable_record",
        "error",
        "A claim, session or message that cannot be read.",
    ),
    Key {
        name: "memory.dir",
        kind: KeyKind::Folder,
        default: KeyDefault::Unset,
        layers: &[Layer::User, Layer::Clone, Layer::Env],
        doc: "The memory directory that agents share here; by default Claude Code's own for this repository.",
    },
    Key {
        name: "memory.shared",
        kind: KeyKind::Scopes,
        default: KeyDefault::List(&[]),
        layers: ANY_LAYER,
        doc: "Files of the memory directory that are merged at once, between turns, and not at the end.",
    },
    Key {
        name: "memory.fork",
        kind: KeyKind::Choice(&["never", "worktree"]),
        default: KeyDefault::Text("never"),
        layers: ANY_LAYER,
        doc: "Whether a session that starts in a linked worktree gets a memory of its own, until it is merged.",
    },
    Key {
        name: "notify.events",
        kind: KeyKind::Subset(EVENTS),
        default: KeyDefault::List(EVENTS),
        layers: OWN_LAYERS,
        doc: "What you are told of.",
    },
    Key {
        name: "notify.command",
        kind: KeyKind::Command,
        default: KeyDefault::Unset,
        layers: OWN_LAYERS,
        doc: "Runs with kind, title and text as $1, $2, $3 and a JSON document on stdin.",
    },
    Key {
        name: "notify.desktop",
        kind: KeyKind::Choice(&["off", "on"]),
        default: KeyDefault::Text("off"),
        layers: OWN_LAYERS,
        doc: "Tells by notify-send, osascript, or the terminal.",
    },
    Key {
        name: "notify.webhook",
        kind: KeyKind::Webhook,
        default: KeyDefault::Unset,
        layers: OWN_LAYERS,
        doc: "An incoming webhook of Mattermost or Slack.",
    },
    Key {
        name: "notify.webhook_command",
        kind: KeyKind::Command,
        default: KeyDefault::Unset,
        layers: OWN_LAYERS,
        doc: "Prints the URL of the webhook, such as `pass show hook`.",
    },
    Key {
        name: "notify.quiet_hours",
        kind: KeyKind::Hours,
        default: KeyDefault::Unset,
        layers: OWN_LAYERS,
        doc: "When you are told of broken claims alone.",
    },
    Key {
        name: "worktree.dir",
        kind: KeyKind::Folder,
        default: KeyDefault::Unset,
        layers: &[Layer::User, Layer::Clone, Layer::Env],
        doc: "Where new worktrees are made; by default beside the repository.",
    },
    Key {
        name: "worktree.fetch",
        kind: KeyKind::Switch,
        default: KeyDefault::Switch(false),
        layers: OWN_LAYERS,
        doc: "Whether `worktree new` fetches first, so that it begins from what is newest.",
    },
    Key {
        name: "worktree.max_behind",
        kind: KeyKind::Count,
        default: KeyDefault::Unset,
        layers: ANY_LAYER,
        doc: "How many commits what a new worktree begins from may be behind; by default check.max_behind.",
    },
    Key {
        name: "worktree.sync",
        kind: KeyKind::Choice(super::Bring::NAMES),
        default: KeyDefault::Text("rebase"),
        layers: ANY_LAYER,
        doc: "How `worktree sync` brings a branch onto main; one that has been pushed is merged in any case.",
    },
    Key {
        name: "worktree.test",
        kind: KeyKind::Command,
        default: KeyDefault::Unset,
        layers: ANY_LAYER,
        doc: "Runs the tests, for the checks of a template.",
    },
    Key {
        name: "worktree.test_names",
        kind: KeyKind::Command,
        default: KeyDefault::Unset,
        layers: ANY_LAYER,
        doc: "Prints a line for each test, so that a refactoring can be seen to keep them.",
    },
    Key {
        name: "search.roots",
        kind: KeyKind::Folders,
        default: KeyDefault::List(&[]),
        layers: OWN_LAYERS,
        doc: "Directories with transcripts, beside those that agents write to.",
    },
    Key {
        name: "search.mode",
        kind: KeyKind::Choice(&["keyword", "semantic", "hybrid"]),
        default: KeyDefault::Text("hybrid"),
        layers: OWN_LAYERS,
        doc: "By words, by meaning, or by words with meaning where they fail.",
    },
    Key {
        name: "search.embedder",
        kind: KeyKind::Choice(&["builtin", "ollama", "openai"]),
        default: KeyDefault::Text("builtin"),
        layers: OWN_LAYERS,
        doc: "What turns text into vectors; the last two send text to a server, secrets masked.",
    },
    Key {
        name: "search.embedder_url",
        kind: KeyKind::Url,
        default: KeyDefault::Unset,
        layers: OWN_LAYERS,
        doc: "Where that server is; the key of an openai one is in OPENAI_API_KEY.",
    },
    Key {
        name: "search.embedder_model",
        kind: KeyKind::Model,
        default: KeyDefault::Unset,
        layers: OWN_LAYERS,
        doc: "The model that it is asked for.",
    },
];

/// Every key with its default, type, layers and meaning, as a TOML file that sets each key to its default.
pub fn render_reference() -> String {
    render_table(KEYS)
}

pub(super) fn render_table(table: &[Key]) -> String {
    let mut text = String::from("v = 1\n");
    let mut section = "";
    for key in table {
        let (head, leaf) = key.parts();
        if head != section {
            section = head;
            push_line(&mut text, format_args!("\n[{head}]"));
        }
        let layers: Vec<String> = key.layers.iter().map(ToString::to_string).collect();
        push_line(&mut text, format_args!("# {}", key.doc));
        push_line(&mut text, format_args!("# Is {}.", key.kind.expected()));
        push_line(
            &mut text,
            format_args!("# Set by: {} ({}).", layers.join(", "), key.variable()),
        );
        match key.default {
            KeyDefault::Unset => push_line(&mut text, format_args!("# {leaf} has no default")),
            KeyDefault::Switch(on) => push_line(&mut text, format_args!("{leaf} = {on}")),
            KeyDefault::Text(value) if key.kind == KeyKind::Count => {
                push_line(&mut text, format_args!("{leaf} = {value}"));
            }
            KeyDefault::Text(value) => push_line(&mut text, format_args!("{leaf} = \"{value}\"")),
            KeyDefault::List(items) => {
                push_line(&mut text, format_args!("{leaf} = [{}]", quoted(items)));
            }
        }
    }
    text
}

fn push_line(text: &mut String, line: fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("writing to a String cannot fail");
}
