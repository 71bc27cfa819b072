//! Codex: `sessions/YYYY/MM/DD/rollout-<time>-<uuid>.jsonl`, archived ones, compressed ones.
//!
//! Everything is said in two streams. `response_item` is read; what an `event_msg` says counts only if no item says
//! it. Copies of the parent's history in forks repeat its times and texts, which is what names a record here, for
//! records have no ids. `compacted` holds the whole history again, images and all: passed over unparsed.

use super::{
    Emit, Places, Reader, all_text, asks_us, block, content_text, hash, millis, opening_tag,
};
use crate::features::search::{
    logic::scan::{self, Raw, Record},
    model::{Role, Source, Titled},
};
use std::{
    borrow::Cow,
    path::{Path, PathBuf},
};

/// See the module head.
#[derive(Debug)]
pub(super) struct Codex;

/// What opens a text that nobody typed, beside tags.
const OPENINGS: &[&str] = &[
    "# AGENTS.md instructions",
    "# Context from my IDE setup",
    "Warning: ",
];

impl Reader for Codex {
    fn agent(&self) -> &'static str {
        "codex"
    }

    fn roots(&self, places: &Places) -> Vec<PathBuf> {
        let default = places.home.as_ref().map(|home| home.join(".codex"));
        let base = places.codex.clone().or(default);
        let folders = ["sessions", "archived_sessions"];
        base.iter()
            .flat_map(|base| folders.map(|folder| base.join(folder)))
            .collect()
    }

    fn wants(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        [".jsonl", ".jsonl.zst"]
            .iter()
            .any(|ending| name.ends_with(ending))
    }

    fn knows(&self, record: &Record<'_>) -> bool {
        record.get("payload").is_some_and(Raw::is_object)
            || (record.get("instructions").is_some() && record.get("type").is_none())
    }

    fn begin(&self, path: &Path, source: &mut Source) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let stem = name.split(".jsonl").next().unwrap_or_default();
        // rollout-2026-04-26T12-00-00-<uuid>
        stem.get(28..)
            .unwrap_or(stem)
            .clone_into(&mut source.session);
    }

    fn read<'a>(&self, record: &Record<'a>, source: &mut Source, emit: &mut Emit<'_, 'a>) {
        let (mut kind, mut payload, mut time) = (Cow::Borrowed(""), None, None);
        for (key, value) in record.entries() {
            match key {
                b"type" => kind = value.text().unwrap_or_default(),
                b"payload" => payload = Some(value),
                b"timestamp" => time = value.text(),
                _ => {}
            }
        }
        let Some(payload) = payload else {
            return legacy(record, &kind, source, emit);
        };
        let at = time.as_deref().and_then(millis);
        if let Some(at) = at {
            source.at(at);
        }
        let subtype = match &*kind {
            "response_item" | "event_msg" => payload.str("type").unwrap_or_default(),
            _ => Cow::Borrowed(""),
        };
        if subtype.is_empty() {
            source.count(&kind);
        } else {
            source.count(&format!("{kind}/{subtype}"));
        }
        let mut emit = |mut block: crate::features::search::model::Block<'a>| {
            block.time = at;
            if let Some(time) = &time {
                // A fork repeats time and text; two things said at once by one source differ in their text.
                let text = hash(block.text.as_bytes());
                block.record = Cow::Owned(format!("{time}/{}/{text:x}", block.role.number()));
            }
            if !block.text.trim().is_empty() {
                emit(block);
            }
        };
        match (&*kind, &*subtype) {
            ("session_meta", _) => meta(payload, source),
            ("turn_context", _) => {
                source.dir(&payload.str("cwd").unwrap_or_default());
                source.model = payload
                    .str("model")
                    .map(Cow::into_owned)
                    .or(source.model.take());
            }
            ("response_item", subtype) => item(subtype, payload, source, &mut emit),
            ("event_msg", subtype) => event(subtype, payload, source, &mut emit),
            _ => {}
        }
    }

    fn resume(&self, session: &str) -> String {
        format!("codex resume {}", crate::base::text::shell(session))
    }
}

/// The first one names the conversation; later ones are copies of the parent's.
fn meta(payload: Raw<'_>, source: &mut Source) {
    if source
        .records
        .get("session_meta")
        .is_some_and(|count| *count > 1)
    {
        return;
    }
    if let Some(id) = payload.str("id") {
        source.session = id.into_owned();
    }
    source.parent = payload.str("parent_thread_id").map(Cow::into_owned);
    source.dir(&payload.str("cwd").unwrap_or_default());
    if let Some(git) = payload.get("git") {
        source.base = git.str("commit_hash").map(Cow::into_owned);
        source.branch(&git.str("branch").unwrap_or_default());
    }
    if let Some(name) = payload.str("agent_nickname") {
        source.entitle(Titled::Name, &name);
    }
}

fn item<'a>(kind: &str, payload: Raw<'a>, source: &mut Source, emit: &mut Emit<'_, 'a>) {
    match kind {
        "message" => {
            let text = payload.get("content").map(content_text).unwrap_or_default();
            match payload.str("role").as_deref() {
                Some("user") => user(text, source, emit),
                Some("assistant") if !source.said_again(hash(text.as_bytes())) => {
                    emit(block(Role::Assistant, text));
                }
                _ => {}
            }
        }
        "function_call" | "custom_tool_call" | "local_shell_call" => call(payload, source, emit),
        "function_call_output" | "custom_tool_call_output" | "local_shell_call_output" => {
            let id = payload.str("call_id").unwrap_or_default();
            let tool = source.called(hash(id.as_bytes())).unwrap_or_default();
            let text = payload.get("output").map(output).unwrap_or_default();
            let role = if tool == ECHO {
                Role::Echo
            } else {
                Role::ToolOut
            };
            let mut out = block(role, text);
            out.tool = Cow::Owned(if tool == ECHO {
                "exec_command".to_owned()
            } else {
                tool
            });
            emit(out);
        }
        "reasoning" => {
            let summary = payload.get("summary").map(content_text).unwrap_or_default();
            if !summary.trim().is_empty() && !source.said_again(hash(summary.as_bytes())) {
                emit(block(Role::Thinking, summary));
            }
        }
        "agent_message" => {
            let text = payload.get("content").map(content_text).unwrap_or_default();
            emit(block(Role::Injected, text));
        }
        _ => {}
    }
}

fn user<'a>(text: Cow<'a, str>, source: &mut Source, emit: &mut Emit<'_, 'a>) {
    if source.said_again(hash(text.as_bytes())) {
        return;
    }
    let injected =
        opening_tag(&text).is_some() || OPENINGS.iter().any(|opening| text.starts_with(opening));
    if !injected {
        source.entitle(Titled::First, &text);
    }
    emit(block(
        if injected {
            Role::Injected
        } else {
            Role::Human
        },
        text,
    ));
}

fn event<'a>(kind: &str, payload: Raw<'a>, source: &mut Source, emit: &mut Emit<'_, 'a>) {
    let text = |key: &str| payload.str(key).filter(|text| !text.trim().is_empty());
    match kind {
        "user_message" => {
            if let Some(text) = text("message")
                && !source.said_again(hash(text.as_bytes()))
            {
                source.entitle(Titled::First, &text);
                emit(block(Role::Human, text));
            }
        }
        "agent_message" => {
            if let Some(text) = text("message")
                && !source.said_again(hash(text.as_bytes()))
            {
                emit(block(Role::Assistant, text));
            }
        }
        "agent_reasoning" => {
            if let Some(text) = text("text")
                && !source.said_again(hash(text.as_bytes()))
            {
                emit(block(Role::Thinking, text));
            }
        }
        "thread_name_updated" => {
            if let Some(name) = text("thread_name").or_else(|| text("name")) {
                source.entitle(Titled::Custom, &name);
                emit(block(Role::Title, name));
            }
        }
        "patch_apply_end" => {
            if let Some(changes) = payload.get("changes") {
                let paths = changes
                    .entries()
                    .map(|(path, _)| String::from_utf8_lossy(path).into_owned());
                let paths: Vec<String> = paths.take(100).collect();
                let mut changed = block(Role::Lookup, Cow::Owned(paths.join("\n")));
                changed.tool = Cow::Borrowed("apply_patch");
                changed.paths = paths;
                emit(changed);
            }
        }
        _ => {}
    }
}

/// Stands for a call that asked us.
const ECHO: &str = "(echo)";

fn call<'a>(payload: Raw<'a>, source: &mut Source, emit: &mut Emit<'_, 'a>) {
    let tool = payload.str("name").unwrap_or(Cow::Borrowed("local_shell"));
    let id = payload.str("call_id").unwrap_or_default();
    let given = payload
        .get("arguments")
        .or_else(|| payload.get("input"))
        .or_else(|| payload.get("action"));
    let text = given.map(arguments).unwrap_or_default();
    source.call(
        hash(id.as_bytes()),
        if asks_us(&text) { ECHO } else { &tool },
    );
    let paths = patched(&text);
    let mut asked = block(Role::ToolIn, Cow::Owned(text));
    asked.tool = tool;
    asked.paths = paths;
    emit(asked);
}

/// Returns the texts of arguments, which are JSON in a string, or text as it is.
fn arguments(given: Raw<'_>) -> String {
    let Some(text) = given.text() else {
        return all_text(given);
    };
    match scan::value(text.as_bytes(), 0) {
        Some((inner, _)) if inner.is_object() || inner.is_list() => all_text(inner),
        _ => text.into_owned(),
    }
}

/// Returns the text of what a tool answered: as it is, in a list, or in an object in a string.
fn output(value: Raw<'_>) -> Cow<'_, str> {
    if let Some(text) = value.text() {
        if text.starts_with('{')
            && let Some((inner, _)) = scan::value(text.as_bytes(), 0)
            && let Some(output) = inner.str("output")
        {
            return Cow::Owned(output.into_owned());
        }
        return text;
    }
    if value.is_object() {
        return value
            .get("content")
            .or_else(|| value.get("output"))
            .map(content_text)
            .unwrap_or_default();
    }
    content_text(value)
}

/// Returns the paths of a patch.
fn patched(text: &str) -> Vec<String> {
    let heads = [
        "*** Update File: ",
        "*** Add File: ",
        "*** Delete File: ",
        "*** Move to: ",
    ];
    let path = |line: &str| {
        let found = heads.iter().find_map(|head| line.strip_prefix(head));
        found.map(|path| path.trim().to_owned())
    };
    text.lines().filter_map(path).take(100).collect()
}

/// Rollouts from before there were payloads: a header line, then bare items.
fn legacy<'a>(record: &Record<'a>, kind: &str, source: &mut Source, emit: &mut Emit<'_, 'a>) {
    source.count(&format!("legacy/{kind}"));
    let at = record.str("timestamp").as_deref().and_then(millis);
    if let Some(at) = at {
        source.at(at);
    }
    if kind.is_empty() {
        if let Some(id) = record.str("id") {
            source.session = id.into_owned();
        }
        if let Some(git) = record.get("git") {
            source.base = git.str("commit_hash").map(Cow::into_owned);
            source.branch(&git.str("branch").unwrap_or_default());
        }
        return;
    }
    let mut emit = |mut block: crate::features::search::model::Block<'a>| {
        block.time = at;
        if !block.text.trim().is_empty() {
            emit(block);
        }
    };
    item(kind, record.raw(), source, &mut emit);
}
