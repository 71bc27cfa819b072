//! Worktrees for sessions: made whole or not at all, from a fresh base, with what a fresh checkout lacks, and removed
//! without losing anything.
//!
//! What is known of a worktree stands in its own git directory (`ccc-worktree.toml`, a [`model::Record`]) and goes with it;
//! what is being made or removed stands in `$GIT_COMMON_DIR/ccc/making/<id>.toml`, beside a lock that the maker holds and
//! hands down to every git it starts.
//!
//! A new worktree is built in `<beside>/.ccc-making-<id>/<name>`, locked against pruning, and renamed into place when its
//! files are there. Then it gets its session, which waits for whoever comes first, its leases (`res:port/N`,
//! `res:slot/NAME/S`: claims like all others), files that name them, memory, agents' settings and a brief; then the lock goes,
//! and only then do commands run, each only if the user trusts the file it stands in. When a session comes back after its process
//! ended, its leases are claimed again, or others in their place, and the files say which.
//!
//! Invariants: a kill leaves what the next `git ccc worktree` or `git ccc doctor` sees and repairs, once the maker and all
//! that it started are proved gone; a worktree that is being made is in nobody's way; no port or slot is leased to two
//! worktrees, whether their sessions live or not; nothing is written through a link or outside of the new tree; nothing that
//! is not committed, pushed or saved by `wip` goes with a worktree; what other tools' settings name is copied, what they
//! would run waits for trust.

pub mod cmd;
pub mod logic;
pub mod model;
pub mod store;
pub mod tell;
pub mod view;
