//! The only test binary: one link, one harness, and one place that says what goes where.
//!
//! | folder | holds | asserts |
//! |---|---|---|
//! | `common/` | the world: hermetic environment, clock, ids, sessions, races | nothing |
//! | `features/` | one file per feature folder of `src/`, same name | commands end to end, inline snapshots |
//! | `contracts/` | what others may rely on: JSON, exit codes, records, refs, hooks, settings | exact values |
//! | `races/` | many real processes, kills, a packer beside them | invariants, never text |
//! | `props/` | models against a real repository | invariants |
//! | `guards/` | the rules for the source tree | `file:line: rule` |
//! | `data/` | transcripts and old records | nothing |
//! | `upstream/` | git's own tests with our commit (a script, run by hand) | what git asserts |
//!
//! A new file is declared below; `guards/tests_tree.rs` refuses one that is not. Whatever can be tested without git and without a
//! process is tested beside the code, in `src/`.

#![allow(
    clippy::case_sensitive_file_extension_comparisons,
    reason = "guards read our own tree, where an extension has one spelling"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "the chokepoints are the product's: tests start processes and read the time themselves"
)]

#[allow(
    dead_code,
    reason = "the harness is one vocabulary: not every word is used in every state of the tests"
)]
mod common {
    pub mod agent;
    pub mod bytes;
    pub mod command;
    pub mod history;
    pub mod http;
    pub mod output;
    pub mod race;
    pub mod schema;
    pub mod session;
    pub mod setup;
    pub mod transcripts;
    pub mod world;
}

mod contracts {
    mod agents;
    mod documents;
    mod exit_codes;
    mod json;
    mod mcp;
    mod records;
    mod refs;
    mod work_documents;
}

mod features {
    mod agent;
    mod agent_setup;
    mod announce;
    mod bad_input;
    mod beside_claims;
    mod board;
    mod bypass;
    mod chat;
    mod check;
    mod check_clean;
    mod check_forms;
    mod check_planted;
    mod claim;
    mod commit;
    mod commit_kinds;
    mod commit_options;
    pub mod dirt;
    mod feed;
    mod file;
    mod file_hooks;
    mod file_queue;
    mod filters;
    mod hook;
    mod hub;
    mod inbox;
    mod index_patch;
    mod log;
    mod memory;
    mod notify;
    mod search;
    mod search_files;
    mod search_live;
    mod search_meaning;
    mod session;
    mod setup;
    mod template;
    mod tmux;
    mod tour;
    mod why;
    mod wip;
    mod wip_matrix;
    mod worktree;
    mod worktree_adopt;
    mod worktree_back;
    mod worktree_matrix;
    mod worktree_reflink;
    mod worktree_remove;
}

mod guards {
    mod ci;
    mod harness;
    mod layering;
    mod sizes;
    mod source;
    mod templates;
    mod tests_tree;
    mod words;
    mod writers;
}

mod props {
    mod board_logic;
    mod chat_logic;
    mod claim_logic;
    mod claim_protocol;
    mod dirt;
    mod inbox_logic;
    mod merge_laws;
    mod merge_text;
    mod search_bytes;
    mod search_index;
}

mod races {
    mod beside_git;
    mod chat;
    mod claim;
    mod commit;
    mod file;
    mod inbox;
    mod locks;
    mod memory;
    mod wip;
    mod worktree;
}
