//! Setting a repository up, proving that it works, and leaving without trace.
//!
//! `init` begins the log, puts a shim of `git-hooks/` where git really looks
//! for hooks, and installs the manual page; `uninstall` takes every byte of
//! that back; `doctor` makes git run the hooks and reads what else may be wrong.
//! What was done is recorded in `$GIT_COMMON_DIR/ccc-install.toml`, beside the
//! directory `ccc/`, which may be deleted at any time.
//!
//! Where the shims go, and why:
//! - No `core.hooksPath`, and the hooks directory lies inside the git directory:
//!   there. A hook that is already there keeps its inode under the name
//!   `<hook>.ccc-chained`, and the shim runs it first. Tools that install into
//!   this directory (pre-commit, lefthook) go on working as they know it.
//! - Otherwise (husky, a tracked directory, one for all repositories of a user,
//!   a symbolic link out of the git directory): in `$GIT_COMMON_DIR/ccc-hooks`,
//!   which `core.hooksPath` of this clone then names by its absolute path. Each
//!   shim there runs its namesake of the directory before, and hooks that are
//!   not ours have a shim that does only that. Nothing outside the git directory
//!   is written: files there are tracked, generated anew, or shared with other
//!   repositories. The absolute path holds in every linked worktree, while the
//!   path before is kept as it was written, and a relative one still counts
//!   from the root of the worktree the hook runs in.
//!
//! Config hooks (git 2.54) are not used: one repository is often used by
//! several gits (an editor's own among them), and older ones ignore them without
//! a word, while every git runs the directory.
//!
//! Invariants: init twice is init once; init and uninstall leave the git
//! directory as it was but for objects, our refs and `ccc/`; a hook of others
//! runs as before, with its arguments, standard input and exit code; a git-ccc
//! that is missing from `PATH` stops nobody.

pub mod agents;
pub mod chain;
pub mod cmd;
pub mod doctor;
pub mod logic;
pub mod manual;
pub mod model;
pub mod probe;
pub mod store;
pub mod view;
