//! What a session is told of its worktree's leases when it comes back.

use crate::{base::text::one_line, ctx::Ctx, features::worktree::store::back};

/// Holds the leases of this worktree again; returns what the session must know, a line each.
///
/// A session begins all the same where this fails.
pub fn come_back(ctx: &Ctx) -> Vec<String> {
    let back = match back::hold_again(ctx) {
        Ok(None) => return Vec::new(),
        Ok(Some(back)) => back,
        Err(error) => {
            let why = one_line(&error.to_string(), 300);
            return vec![format!(
                "what was leased for this worktree is not held: {why}"
            )];
        }
    };
    let moved = back.moved.iter().map(|(old, new)| {
        let (name, old, new) = (
            one_line(&new.name, 80),
            one_line(&old.value, 80),
            one_line(&new.value, 80),
        );
        format!("{name} is {new} now: another session holds {old}")
    });
    let written = back
        .written
        .iter()
        .map(|path| format!("{} says so", one_line(path, 200)));
    let left = back
        .left
        .iter()
        .map(|why| format!("not written: {}", one_line(why, 300)));
    moved.chain(written).chain(left).collect()
}

/// The same, narrated.
pub fn at_start(ctx: &Ctx) {
    for line in come_back(ctx) {
        ctx.ui.note(&line);
    }
}
