//! Claude Code: `projects/<slug>/<session>.jsonl`, subagents beside it or below it.
//!
//! One record a content block. `toolUseResult` is a second copy, `progress` a third, `queue-operation` a copy of
//! prompts: passed over unparsed. What stands in a `user` record and was typed by nobody is `injected`.

use super::{
    Emit, Places, Reader, all_text, asks_us, block, content_text, hash, millis, opening_tag,
};
use crate::features::search::{
    logic::scan::{Raw, Record},
    model::{Block, Role, Source, Titled},
};
use std::{
    borrow::Cow,
    path::{Path, PathBuf},
};

/// See the module head.
#[derive(Debug)]
pub(super) struct Claude;

/// What a record says of itself.
#[derive(Default)]
struct Envelope<'a> {
    kind: Cow<'a, str>,
    uuid: Cow<'a, str>,
    time: Option<i64>,
    message: Option<Raw<'a>>,
    attachment: Option<Raw<'a>>,
    origin: Option<Raw<'a>>,
    subtype: Cow<'a, str>,
    content: Option<Raw<'a>>,
    is_meta: bool,
    is_compact: bool,
    is_error: bool,
}

/// Tools that look something up: their input is paths and patterns.
const LOOKUPS: &[&str] = &["Read", "Grep", "Glob", "LS"];

impl Reader for Claude {
    fn agent(&self) -> &'static str {
        "claude"
    }

    fn roots(&self, places: &Places) -> Vec<PathBuf> {
        let mut roots = Vec::new();
        roots.extend(places.claude.as_ref().map(|dir| dir.join("projects")));
        roots.extend(
            places
                .config
                .as_ref()
                .map(|dir| dir.join("claude-code/projects")),
        );
        if let Some(home) = &places.home {
            roots.push(home.join(".claude/projects"));
            roots.push(home.join(".claude/transcripts"));
        }
        roots
    }

    fn wants(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.extension()
            .is_some_and(|extension| extension == "jsonl")
            && name != "journal.jsonl"
    }

    fn knows(&self, record: &Record<'_>) -> bool {
        record.get("type").is_some() && record.get("payload").is_none()
    }

    fn begin(&self, path: &Path, source: &mut Source) {
        let stem = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let above = path
            .parent()
            .filter(|dir| dir.file_name().is_some_and(|name| name == "subagents"));
        if let Some(parent) = above.and_then(Path::parent).and_then(Path::file_name) {
            source.parent = Some(parent.to_string_lossy().into_owned());
        }
        source.session = stem;
    }

    fn read<'a>(&self, record: &Record<'a>, source: &mut Source, emit: &mut Emit<'_, 'a>) {
        let envelope = envelope(record, source);
        source.count(&label(&envelope));
        match &*envelope.kind {
            "user" => user(&envelope, source, emit),
            "assistant" => assistant(&envelope, source, emit),
            "attachment" => attachment(&envelope, source, emit),
            "system" => {
                if envelope.subtype == "local_command"
                    && let Some(text) = envelope.content.and_then(Raw::text)
                {
                    said(&envelope, 0, block(Role::Injected, text), emit);
                }
            }
            "custom-title" => entitle(record, "customTitle", Titled::Custom, source, emit),
            "agent-name" => entitle(record, "agentName", Titled::Name, source, emit),
            "ai-title" => entitle(record, "aiTitle", Titled::Agent, source, emit),
            "summary" => {
                // It may be of another file's conversation: it names this one only if nothing else does.
                entitle(record, "summary", Titled::Summary, source, emit);
            }
            "pr-link" => {
                if let Some(url) = record.str("prUrl") {
                    source.pull(&url);
                }
            }
            "relocated" => {
                if let Some(dir) = record.str("relocatedCwd") {
                    source.dir(&dir);
                }
            }
            "worktree-state" => {
                let state = record.get("worktreeSession");
                if let Some(dir) = state.and_then(|state| state.str("worktreePath")) {
                    source.dir(&dir);
                }
                if let Some(branch) = state.and_then(|state| state.str("worktreeBranch")) {
                    source.branch(&branch);
                }
            }
            _ => {}
        }
    }

    fn resume(&self, session: &str) -> String {
        format!("claude --resume {}", crate::base::text::shell(session))
    }
}

/// Under which name a record is counted: records that carry nothing to read say which of them they are.
fn label(envelope: &Envelope<'_>) -> String {
    match (&*envelope.kind, &*envelope.subtype) {
        ("", _) => "no type".to_owned(),
        ("attachment", _) => {
            let kind = envelope
                .attachment
                .and_then(|attachment| attachment.str("type"));
            format!("attachment/{}", kind.unwrap_or_default())
        }
        (kind, "") => kind.to_owned(),
        (kind, subtype) => format!("{kind}/{subtype}"),
    }
}

fn envelope<'a>(record: &Record<'a>, source: &mut Source) -> Envelope<'a> {
    let mut found = Envelope::default();
    let mut session = None;
    let mut sidechain = false;
    let mut agent = None;
    for (key, value) in record.entries() {
        match key {
            b"type" => found.kind = value.text().unwrap_or_default(),
            b"subtype" => found.subtype = value.text().unwrap_or_default(),
            b"uuid" => found.uuid = value.text().unwrap_or_default(),
            b"timestamp" => found.time = value.text().and_then(|text| millis(&text)),
            b"message" => found.message = Some(value),
            b"attachment" => found.attachment = Some(value),
            b"origin" => found.origin = Some(value),
            b"content" => found.content = Some(value),
            b"isMeta" => found.is_meta = value.is_true(),
            b"isCompactSummary" => found.is_compact = value.is_true(),
            b"isApiErrorMessage" => found.is_error = value.is_true(),
            b"isSidechain" => sidechain = value.is_true(),
            b"agentId" => agent = value.text(),
            b"sessionId" => session = value.text(),
            b"cwd" => source.dir(&value.text().unwrap_or_default()),
            b"gitBranch" => {
                let branch = value.text().unwrap_or_default();
                if branch != "HEAD" {
                    source.branch(&branch);
                }
            }
            _ => {}
        }
    }
    // The first record that names the conversation does; a subagent's records name its parent's.
    if let Some(session) = session.filter(|session| !session.is_empty())
        && !source.records.contains_key("(named)")
    {
        source.records.insert("(named)".to_owned(), 1);
        let own_file = sidechain && agent.is_some() && *session != source.session;
        if own_file {
            source.parent = Some(session.into_owned());
        } else if source.parent.is_none() {
            source.session = session.into_owned();
        }
    }
    if let Some(time) = found.time {
        source.at(time);
    }
    found
}

/// Hands over a block with what its record says of it.
fn said<'a>(envelope: &Envelope<'a>, index: usize, mut block: Block<'a>, emit: &mut Emit<'_, 'a>) {
    if block.text.trim().is_empty() {
        return;
    }
    block.time = envelope.time;
    if !envelope.uuid.is_empty() {
        block.record = match index {
            0 => envelope.uuid.clone(),
            index => Cow::Owned(format!("{}#{index}", envelope.uuid)),
        };
    }
    emit(block);
}

fn entitle<'a>(
    record: &Record<'a>,
    key: &str,
    how: Titled,
    source: &mut Source,
    emit: &mut Emit<'_, 'a>,
) {
    let Some(title) = record.str(key).filter(|title| !title.trim().is_empty()) else {
        return;
    };
    let stands = source.titles[how as usize].as_deref() == Some(title.trim());
    source.entitle(how, &title);
    if !stands {
        let role = if how == Titled::Summary {
            Role::Summary
        } else {
            Role::Title
        };
        emit(block(role, title));
    }
}

/// What opens a text that nobody typed.
const OPENINGS: &[&str] = &[
    "[Request interrupted",
    "Caveat: The messages below",
    "Base directory for this skill",
];
/// A typed command is shown as what was typed.
const COMMANDS: &[&str] = &["command-name", "command-message", "command-args"];

fn user<'a>(envelope: &Envelope<'a>, source: &mut Source, emit: &mut Emit<'_, 'a>) {
    let Some(content) = envelope.message.and_then(|message| message.get("content")) else {
        return;
    };
    let kind = envelope.origin.and_then(|origin| origin.str("kind"));
    let foreign = envelope.is_meta || kind.is_some_and(|kind| kind != "human");
    let role_of = |text: &str| {
        if envelope.is_compact {
            Role::Summary
        } else if foreign
            || opening_tag(text).is_some()
            || OPENINGS.iter().any(|opening| text.starts_with(opening))
        {
            Role::Injected
        } else {
            Role::Human
        }
    };
    if let Some(text) = content.text() {
        typed(envelope, 0, (role_of(&text), text), source, emit);
        return;
    }
    for (index, item) in content.items().enumerate() {
        match item.str("type").as_deref() {
            Some("text") => {
                if let Some(text) = item.str("text") {
                    typed(envelope, index, (role_of(&text), text), source, emit);
                }
            }
            Some("tool_result") => {
                let id = item.str("tool_use_id").unwrap_or_default();
                let tool = source.called(hash(id.as_bytes())).unwrap_or_default();
                let role = if tool == ECHO {
                    Role::Echo
                } else {
                    Role::ToolOut
                };
                let text = item.get("content").map(content_text).unwrap_or_default();
                let mut out = block(role, text);
                out.tool = Cow::Owned(if tool == ECHO {
                    "Bash".to_owned()
                } else {
                    tool
                });
                said(envelope, index, out, emit);
            }
            Some("image" | "document") => source.count("block/image"),
            Some(other) => source.count(&format!("block/{other}")),
            None => {
                if let Some(text) = item.text() {
                    typed(envelope, index, (role_of(&text), text), source, emit);
                }
            }
        }
    }
}

/// Stands for a tool call that asked us.
const ECHO: &str = "(echo)";

fn typed<'a>(
    envelope: &Envelope<'a>,
    index: usize,
    (role, text): (Role, Cow<'a, str>),
    source: &mut Source,
    emit: &mut Emit<'_, 'a>,
) {
    let command = opening_tag(&text).is_some_and(|tag| COMMANDS.contains(&tag));
    let (role, text) = match command.then(|| slash_command(&text)).flatten() {
        Some(command) if !envelope.is_meta => (Role::Human, Cow::Owned(command)),
        _ => (role, text),
    };
    if role == Role::Human && !command {
        source.entitle(Titled::First, &text);
    }
    said(envelope, index, block(role, text), emit);
}

/// Returns `/name args` of a command as the agent wraps it.
fn slash_command(text: &str) -> Option<String> {
    let inside = |tag: &str| {
        let from = text.find(&format!("<{tag}>"))? + tag.len() + 2;
        let to = from + text[from..].find("</")?;
        Some(text[from..to].trim())
    };
    let name = inside("command-name")?;
    let slash = if name.starts_with('/') { "" } else { "/" };
    let args = inside("command-args").unwrap_or_default();
    Some(format!("{slash}{name} {args}").trim_end().to_owned())
}

fn assistant<'a>(envelope: &Envelope<'a>, source: &mut Source, emit: &mut Emit<'_, 'a>) {
    let Some(message) = envelope.message else {
        return;
    };
    if let Some(model) = message.str("model").filter(|model| *model != "<synthetic>") {
        source.model = Some(model.into_owned());
    }
    let Some(content) = message.get("content") else {
        return;
    };
    let role = if envelope.is_error {
        Role::Injected
    } else {
        Role::Assistant
    };
    if let Some(text) = content.text() {
        said(envelope, 0, block(role, text), emit);
        return;
    }
    for (index, item) in content.items().enumerate() {
        match item.str("type").as_deref() {
            Some("text") => said(
                envelope,
                index,
                block(role, item.str("text").unwrap_or_default()),
                emit,
            ),
            Some("thinking") => {
                let text = item.str("thinking").unwrap_or_default();
                said(envelope, index, block(Role::Thinking, text), emit);
            }
            Some("tool_use" | "server_tool_use") => tool_use(envelope, index, item, source, emit),
            Some(other) => source.count(&format!("block/{other}")),
            None => {}
        }
    }
}

fn tool_use<'a>(
    envelope: &Envelope<'a>,
    index: usize,
    item: Raw<'a>,
    source: &mut Source,
    emit: &mut Emit<'_, 'a>,
) {
    let tool = item.str("name").unwrap_or_default();
    let id = item.str("id").unwrap_or_default();
    let input = item.get("input");
    let text = input.map(all_text).unwrap_or_default();
    let echo = tool == "Bash" && asks_us(&text);
    source.call(hash(id.as_bytes()), if echo { ECHO } else { &tool });
    let mut paths = Vec::new();
    for key in ["file_path", "notebook_path", "path"] {
        let path = input.and_then(|input| input.str(key));
        paths.extend(path.map(Cow::into_owned).filter(|path| path.len() < 4096));
    }
    let role = if LOOKUPS.contains(&&*tool) {
        Role::Lookup
    } else {
        Role::ToolIn
    };
    let mut asked = block(role, Cow::Owned(text));
    asked.tool = tool;
    asked.paths = paths;
    said(envelope, index, asked, emit);
}

fn attachment<'a>(envelope: &Envelope<'a>, source: &mut Source, emit: &mut Emit<'_, 'a>) {
    let Some(attachment) = envelope.attachment else {
        return;
    };
    if attachment.str("type").as_deref() != Some("queued_command") {
        return;
    }
    let Some(prompt) = attachment.get("prompt").map(content_text) else {
        return;
    };
    // Typed while the agent was busy: as much a prompt as any.
    let origin = attachment.get("origin").or(envelope.origin);
    let human = origin
        .and_then(|origin| origin.str("kind"))
        .is_none_or(|kind| kind == "human");
    let mode = attachment.str("commandMode");
    let is_prompt = mode.is_none_or(|mode| mode == "prompt");
    let role = if human && is_prompt && opening_tag(&prompt).is_none() {
        Role::Human
    } else {
        Role::Injected
    };
    typed(envelope, 0, (role, prompt), source, emit);
}
