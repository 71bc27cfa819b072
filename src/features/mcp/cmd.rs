//! `git ccc mcp`.

use super::server;
use crate::{ctx::Ctx, error::Result};
use clap::Args;

/// Arguments of `mcp`.
#[derive(Debug, Args)]
pub struct McpArgs {}

/// What a command of ours said when it was run inside this process.
#[derive(Debug)]
pub struct Reply {
    /// Its exit code.
    pub code: u8,
    /// Its standard output.
    pub answer: String,
    /// Its standard error.
    pub narration: String,
}

/// Runs a command line in this process: its words, and the conversation (agent, its own id) that calls, if it is named.
pub type Run = fn(Vec<String>, Option<(String, String)>) -> Reply;

/// Serves until standard input ends.
pub fn run(_ctx: &Ctx, _args: &McpArgs, run: Run) -> Result<()> {
    server::serve(run)
}
