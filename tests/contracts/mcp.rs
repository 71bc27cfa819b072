//! `git ccc mcp` as a client library sees it that is not ours.

use crate::common::{
    setup::ready,
    world::{BINARY, World},
};
use git_ccc::features::mcp::model::{Kind, TOOLS, Word};
use rmcp::{
    RoleClient, ServiceExt,
    model::{CallToolRequestParams, CallToolResult, ReadResourceRequestParams, ResourceContents},
    service::RunningService,
    transport::TokioChildProcess,
};
use serde_json::{Value, json};

type Client = RunningService<RoleClient, ()>;

/// Runs a dialogue with a server that acts as `session`, or as nobody.
fn with_client<F: Future<Output = ()>>(
    w: &World,
    session: Option<&str>,
    dialogue: impl FnOnce(Client) -> F,
) {
    let mut server = w.command(BINARY, ["mcp"]);
    if let Some(tag) = session {
        server = server.env("CCC_SESSION", tag);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let command = tokio::process::Command::from(server.prepared());
        let transport = TokioChildProcess::new(command).expect("the server starts");
        let client = ().serve(transport).await.expect("the server answers initialize");
        dialogue(client).await;
    });
}

async fn call(client: &Client, tool: &'static str, given: Value) -> CallToolResult {
    let given = given.as_object().expect("an object").clone();
    let request = CallToolRequestParams::new(tool).with_arguments(given);
    client.call_tool(request).await.expect("an answer")
}

fn text(result: &CallToolResult) -> String {
    let texts = result.content.iter().filter_map(|block| block.as_text());
    texts.map(|block| block.text.as_str()).collect()
}

fn document(result: &CallToolResult) -> Value {
    assert_ne!(result.is_error, Some(true), "{}", text(result));
    serde_json::from_str(&text(result)).expect("the answer is a document")
}

#[test]
fn tools_are_small_annotated_and_described() {
    let w = ready(World::new());
    with_client(&w, None, async |client| {
        let info = client.peer_info().expect("the server says who it is");
        let name = info.server_info.as_ref().map(|info| info.name.as_str());
        assert_eq!(name, Some("ccc"));
        assert!(
            info.instructions
                .as_ref()
                .is_some_and(|text| text.len() <= 512),
            "some clients cut the instructions"
        );
        let tools = client.list_all_tools().await.expect("tools");
        assert!(tools.len() >= 12);
        for tool in tools {
            let annotations = tool.annotations.expect("annotated");
            assert_eq!(annotations.destructive_hint, Some(false), "{}", tool.name);
            assert_eq!(annotations.open_world_hint, Some(false), "{}", tool.name);
            assert!(annotations.read_only_hint.is_some(), "{}", tool.name);
            assert!(tool.description.is_some_and(|text| text.len() < 400));
            assert_eq!(tool.input_schema["type"], "object");
        }
        client.cancel().await.expect("the server ends");
    });
}

#[test]
fn a_tool_does_what_its_command_does() {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    a.ccc(["claim", "held.txt", "-m", "the parser"]).ok();
    w.write("mine.txt", "mine\n");
    with_client(&w, Some(b.tag()), async |client| {
        let claimed = call(&client, "claim", json!({"scopes": ["mine.txt"]})).await;
        assert_eq!(document(&claimed)["schema"], "ccc.claim/1");

        let refused = call(&client, "claim", json!({"scopes": ["held.txt"]})).await;
        assert_eq!(refused.is_error, Some(true));
        let said = text(&refused);
        assert!(
            said.contains(a.tag()) && said.contains("the parser"),
            "{said}"
        );

        let made = call(
            &client,
            "commit",
            json!({"message": "Add mine", "paths": ["mine.txt"]}),
        );
        assert_eq!(document(&made.await)["subject"], "Add mine");

        call(
            &client,
            "room_post",
            json!({"text": "done --to nobody", "state": "note"}),
        )
        .await;
        let read = call(&client, "room_read", json!({})).await;
        assert!(text(&read).contains("done --to nobody"), "{}", text(&read));
        client.cancel().await.expect("the server ends");
    });
    assert_eq!(w.git_text(["log", "-1", "--format=%s"]), "Add mine");
}

#[test]
fn a_caller_that_is_named_is_believed_and_a_stranger_is_refused() {
    let w = ready(World::new());
    w.ccc([
        "session", "start", "--name", "codex", "--agent", "codex", "--native", "thread-1",
    ])
    .ok();
    with_client(&w, None, async |client| {
        for (thread, fine) in [("thread-1", true), ("thread-2", false)] {
            let mut request = CallToolRequestParams::new("claim");
            request.arguments = json!({"scopes": [thread]}).as_object().cloned();
            request.meta = serde_json::from_value(json!({"threadId": thread})).ok();
            let answer = client.call_tool(request).await.expect("an answer");
            assert_eq!(answer.is_error == Some(false), fine, "{}", text(&answer));
        }
        client.cancel().await.expect("the server ends");
    });
}

#[test]
fn a_wrong_call_is_an_error_of_the_protocol() {
    let w = ready(World::new());
    with_client(&w, None, async |client| {
        for (tool, given) in [
            ("shell", json!({"command": "true"})),
            ("claim", json!({})),
            ("claim", json!({"scopes": ["a"], "--session": "x"})),
        ] {
            let given = given.as_object().expect("an object").clone();
            let request = CallToolRequestParams::new(tool).with_arguments(given);
            assert!(client.call_tool(request).await.is_err(), "{tool}");
        }
        client.cancel().await.expect("the server ends");
    });
}

#[test]
fn pages_can_be_read_and_consume_nothing() {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    a.ccc(["chat", "post", "--to", b.tag(), "a question to b"])
        .ok();
    with_client(&w, Some(b.tag()), async |client| {
        let pages = client.list_all_resources().await.expect("resources");
        assert_eq!(pages.len(), 3);
        for _ in 0..2 {
            for page in &pages {
                let request = ReadResourceRequestParams::new(page.uri.clone());
                let read = client.read_resource(request).await.expect(&page.uri);
                let Some(ResourceContents::TextResourceContents { text, .. }) =
                    read.contents.first()
                else {
                    panic!("{} is text", page.uri);
                };
                assert!(
                    page.name == "board" || text.contains("a question to b"),
                    "{}: {text}",
                    page.uri
                );
            }
        }
        client.cancel().await.expect("the server ends");
    });
}

#[test]
fn every_tool_is_a_command_with_these_options() {
    let w = World::new();
    for tool in TOOLS {
        let verbs = tool
            .arguments
            .iter()
            .find(|argument| argument.word == Word::Verb);
        let verbs = match verbs.map(|argument| argument.kind) {
            Some(Kind::One(words)) => words.to_vec(),
            _ => Vec::new(),
        };
        let mut forms: Vec<Vec<&str>> = verbs
            .iter()
            .map(|verb| [tool.command, &[*verb]].concat())
            .collect();
        if forms.is_empty() {
            forms.push(tool.command.to_vec());
        }
        for form in forms {
            let mut args = form.clone();
            args.push("--help");
            let help = w.command(BINARY, args).run();
            for argument in tool.arguments {
                if let Word::Option(name) | Word::Flag(name) = argument.word {
                    let option = format!("--{name}");
                    assert!(help.ok().stdout.contains(&option), "{form:?} {option}");
                }
            }
        }
    }
}
