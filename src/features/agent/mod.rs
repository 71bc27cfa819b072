//! What coding agents' hooks ask: one entry point per vendor, `git ccc hook claude` and `git ccc hook codex`.
//!
//! The event comes as JSON on standard input; the answer is JSON on standard output, or nothing.
//!
//! | event | does |
//! |---|---|
//! | SessionStart | registers or resumes the session under the agent's own id; answers a brief of at most 1 KB |
//! | UserPromptSubmit | gives all unread mail, each message once |
//! | PostToolBatch (Claude), PostToolUse (Codex) | gives mail addressed to the session `now` or `next` |
//! | PreToolUse | refuses an edit of a path that another live session holds, by the path and not by the directory; claims a free one; refuses git commands that would take siblings' held work away or along |
//! | PreToolUse of a shared file (`files.shared`) | what is read counts as known to the session; what is written is merged with what others wrote since, by changed input or by a refusal that names the merge |
//! | PostToolUse of one | the write is carried out once more under the file's lock, and recorded under the session's name |
//! | Stop | goes on if mail waits: Claude is given it, Codex is told by a fixed sentence to read it |
//! | Stop, Notification, PermissionRequest (Codex) | tells a person that the turn has ended, or that the session waits for them (`notify`) |
//! | SessionEnd | keeps the session for a resume, or ends it (setting `agents.at_end`) |
//! | all | beat |
//!
//! What both really send and how they treat answers is known from records (`tests/data/agents/README.md`). Codex carries out
//! `cd DIR && apply_patch` in a shell itself, so paths of such a patch count from there; its terminals share a server that
//! says nothing of one conversation, so their sessions live by beats until `SessionEnd`; `claude -p` waits for every hook, so
//! waking is for terminals.
//!
//! Invariants: nothing to say is nothing printed; only keys that the vendor documents are printed; a failure of ours is
//! one line on standard error and exit 0, and no lock is waited for longer than a second. A message is offered once
//! however many hooks run at one time. What others wrote is named, escaped, capped and never worded as an approval, and
//! never stands where the vendor would take it for the user's words. A stream that names a conversation whose process is
//! another one that still runs is a stranger: it gets no mail, claims nothing, and meets claims as everybody does.

pub mod cmd;
pub mod guard;
pub mod harm;
pub mod logic;
pub mod mail;
pub mod model;
pub mod shared;
pub mod store;
pub mod told;
pub mod view;
pub mod wake;
