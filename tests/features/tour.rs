//! Two agents that do what the installed skill says and nothing else, one through its hooks and shell, one through its hooks and the
//! tools: a question answered, a proposal countered and settled, one executor, a claim waited for, work landed. The README's tour is
//! the same day.

use git_ccc::base::id::MessageId;
use rmcp::{
    RoleClient, ServiceExt,
    model::{CallToolRequestParams, CallToolResult},
    service::RunningService,
    transport::TokioChildProcess,
};
use serde_json::{Value, json};

use crate::common::agent::Agent;
use crate::common::setup::ready;
use crate::common::world::{BINARY, World, poll};

const README: &str = include_str!("../../README.md");

/// The tools of an agent whose calls name its thread.
struct Tools {
    client: RunningService<RoleClient, ()>,
    thread: String,
}

impl Tools {
    async fn start(w: &World, thread: &str) -> Self {
        let server = w.command(BINARY, ["mcp"]).prepared();
        let transport = TokioChildProcess::new(tokio::process::Command::from(server));
        let client = ().serve(transport.expect("the server starts")).await;
        Tools {
            client: client.expect("the server answers"),
            thread: thread.to_owned(),
        }
    }

    async fn try_call(&self, tool: &'static str, given: Value) -> CallToolResult {
        let mut request = CallToolRequestParams::new(tool);
        request.arguments = given.as_object().cloned();
        request.meta = serde_json::from_value(json!({"threadId": self.thread})).ok();
        self.client.call_tool(request).await.expect("an answer")
    }

    async fn call(&self, tool: &'static str, given: Value) -> String {
        let answer = self.try_call(tool, given).await;
        assert_ne!(answer.is_error, Some(true), "{tool}: {}", text(&answer));
        text(&answer)
    }
}

fn text(answer: &CallToolResult) -> String {
    let blocks = answer.content.iter().filter_map(|block| block.as_text());
    blocks.map(|block| block.text.as_str()).collect()
}

/// The id that stands with a message in what an agent is told.
fn id_in(context: &str) -> String {
    let words = context.split(|c: char| !c.is_alphanumeric());
    let id = words
        .into_iter()
        .find(|word| word.parse::<MessageId>().is_ok());
    id.unwrap_or_else(|| panic!("an id: {context}")).to_owned()
}

#[test]
fn two_agents_that_follow_the_skill_get_the_work_done() {
    let w = ready(World::options().real_clock().build());
    w.write("src/parser.rs", "old\n");
    w.write("src/lexer.rs", "old\n");
    w.git(["add", "."]).ok();
    w.git(["commit", "-qm", "base"]).ok();
    let ada = Agent::new(&w, "claude", "c-ada");
    let ben = Agent::new(&w, "codex", "thread-ben");
    let (ada_tag, ben_tag) = (ada.start("startup"), ben.start("startup"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let tools = Tools::start(&w, "thread-ben").await;

        // On entry: each claims what it is about to touch.
        ada.ccc(["session", "set", "--task", "split the parser"]).ok();
        ada.ccc(["claim", "src/parser.rs", "-m", "split it", "--eta", "30m"]).ok();
        tools.call("claim", json!({"scopes": ["src/lexer.rs"], "intent": "faster"})).await;

        // A question to the one that knows, answered in the same turn.
        ada.ccc(["ask", "--path", "src/lexer.rs", "may tokens borrow from the input?"]).ok();
        let context = ben.told("UserPromptSubmit", &json!({"prompt": "go on"}));
        assert!(context.contains("may tokens borrow") && context.contains(&ada_tag), "{context}");
        let question = id_in(&context);
        tools
            .call("room_answer", json!({"act": "reply", "id": question, "text": "they may"}))
            .await;
        let context = ada.told("PostToolBatch", &json!({"tool_calls": []}));
        assert!(context.contains("they may") && context.contains(&ben_tag), "{context}");

        // A proposal, countered once, settled, with one executor.
        let to = format!("@{ben_tag} rename Token to Tok everywhere");
        ada.ccc(["chat", "post", "--proposal", &to]).ok();
        let context = ben.told("UserPromptSubmit", &json!({"prompt": "go on"}));
        assert!(context.contains("rename Token"), "{context}");
        let counter = json!({"act": "counter", "id": id_in(&context), "text": "only in src/parser.rs"});
        tools.call("room_answer", counter).await;
        let context = ada.told("PostToolBatch", &json!({"tool_calls": []}));
        assert!(context.contains("only in src/parser.rs"), "{context}");
        let to = format!("@{ben_tag} rename Token to Tok in src/parser.rs");
        ada.ccc(["chat", "post", "--proposal", &to]).ok();
        let second = id_in(&ben.told("UserPromptSubmit", &json!({"prompt": "go on"})));
        tools.call("room_answer", json!({"act": "ack", "id": second})).await;
        ada.ccc(["chat", "executing", &second, "--for", "30m"]).ok();
        let late = tools.try_call("room_answer", json!({"act": "executing", "id": second})).await;
        assert_eq!(late.is_error, Some(true), "one executor");
        assert!(text(&late).contains(&ada_tag), "{}", text(&late));

        // What is held is not edited by another; it is waited for.
        let refused = ben.tool("apply_patch", &json!({"command": "*** Begin Patch\n*** Update File: src/parser.rs\n@@\n-old\n+new\n*** End Patch\n"}));
        assert!(refused.expect("refused").contains(&ada_tag));
        let waiting = ben.command(["claim", "--wait=30s", "src/parser.rs"]).spawn();
        let queue = w.repo().join(".git/ccc/queue");
        poll("ben waits", || {
            std::fs::read_dir(&queue).ok()?.flatten().next().map(drop)
        });

        // Work lands, alone, and the next in the queue goes on.
        w.write("src/parser.rs", "tok\n");
        w.write("src/lexer.rs", "fast\n");
        w.git(["add", "src/lexer.rs"]).ok();
        ada.ccc(["commit", "-q", "-m", "Rename Token in the parser", "--", "src/parser.rs"]).ok();
        ada.ccc(["chat", "done", &second, "--commit", "HEAD"]).ok();
        ada.ccc(["release", "--all"]).ok();
        waiting.wait().ok();
        assert_eq!(w.git_text(["show", "--format=", "--name-only", "HEAD"]), "src/parser.rs");
        assert_eq!(w.git_text(["diff", "--cached", "--name-only"]), "src/lexer.rs");

        tools
            .call("commit", json!({"message": "Speed the lexer up", "paths": ["src/lexer.rs"]}))
            .await;
        tools.call("release", json!({"all": true})).await;
        let thread = tools.call("room_read", json!({"thread": second})).await;
        assert!(thread.contains("done"), "{thread}");
        let board = tools.call("board", json!({})).await;
        assert!(board.contains(&ada_tag) && board.contains(&ben_tag), "{board}");
        tools.client.cancel().await.expect("the server ends");
    });
    assert_eq!(w.git_text(["status", "--porcelain"]), "");
    let shown = [
        w.git_text([
            "log",
            "--reverse",
            "--format=%an: %s",
            "refs/notes/ccc/chat",
        ]),
        w.git_text(["log", "--reverse", "--format=%s", "refs/ccc/log"]),
    ]
    .map(|text| {
        let text = text
            .replace(&ada_tag, "claude-a96c")
            .replace(&ben_tag, "codex-0b3e");
        let id = |rev: &str| w.git_text(["rev-parse", "--short=9", rev]);
        text.replace(&id("HEAD~1"), "217fcd9dd")
            .replace(&id("HEAD"), "094e8a4d4")
    });
    for text in shown {
        assert!(README.contains(&text), "the README shows this run: {text}");
    }
    let notes = w.git_text(["log", "-2", "--notes=ccc/chat"]);
    assert!(
        notes.contains(&ada_tag),
        "the room stands beside the change: {notes}"
    );
}
