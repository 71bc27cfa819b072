//! Finding by meaning end to end: the embedder that is always there, and servers on loopback that answer with what the
//! real model made of the fixture's texts (`scripts/distill` wrote it down).

use crate::common::http::{Request, response, serve};
use crate::common::output::CommandOutput;
use crate::common::world::World;
use serde_json::{Value, json};
use std::fs;
use std::sync::mpsc::Receiver;

const KNOWN: &str = include_str!("../data/embeddings.json");
const DECLINED: &str = "The checkout declined the card because the currency was rounded twice";
const DECIMALS: &str = "Charging customers breaks when amounts have three decimals";
const HANGS: &str = "Stopping the server never finishes in the test suite";
const WEATHER: &str = "the weather in spring";

/// Puts down a conversation of one sentence each.
fn conversations(w: &World, all: &[(&str, &str)]) {
    let dir = w.home().join(".claude/projects/-r-shop");
    fs::create_dir_all(&dir).expect("the folders");
    for (session, text) in all {
        let record = json!({
            "type": "user", "uuid": format!("u-{session}"), "sessionId": session, "cwd": "/r/shop",
            "timestamp": "2026-04-26T12:00:00.000Z", "message": {"role": "user", "content": text},
        });
        fs::write(dir.join(format!("{session}.jsonl")), format!("{record}\n"))
            .expect("a transcript");
    }
}

fn shop(w: &World) {
    conversations(
        w,
        &[
            ("declined", DECLINED),
            ("decimals", DECIMALS),
            ("hangs", HANGS),
            ("weather", WEATHER),
        ],
    );
}

fn settings(w: &World, text: &str) {
    let config = w.home().join(".config/git-ccc/config.toml");
    fs::create_dir_all(config.parent().expect("it has a folder")).expect("the folder");
    fs::write(config, format!("v = 1\n[search]\n{text}\n")).expect("settings");
}

fn found(output: &CommandOutput) -> Vec<String> {
    if output.code == 1 {
        return Vec::new();
    }
    let hits = output.ok().json()["hits"].clone();
    let hits = hits.as_array().expect("a list").iter();
    hits.map(|hit| hit["session"].as_str().expect("an id").to_owned())
        .collect()
}

fn search(w: &World, args: &[&str]) -> CommandOutput {
    w.ccc(["search", "--json"].iter().chain(args))
}

#[test]
fn other_words_for_the_same_are_found_and_nonsense_is_not() {
    let w = World::new();
    shop(&w);
    let meant = search(&w, &["payment refused by the bank"]);
    assert_eq!(meant.ok().json()["mode"], "hybrid");
    assert_eq!(found(&meant).first().map(String::as_str), Some("declined"));
    let words = search(&w, &["--mode", "keyword", "payment refused"]);
    assert_eq!(found(&words), [""; 0]);
    for nonsense in ["zxqvprt", "flurbo zanzibarq", "xkcdqq wvut"] {
        for mode in ["semantic", "hybrid"] {
            assert_eq!(
                found(&search(&w, &["--mode", mode, nonsense])),
                [""; 0],
                "{nonsense}"
            );
        }
    }
    let both = search(&w, &["--mode", "semantic", "--sort", "newest", "weather"]);
    assert!(found(&both).contains(&"weather".to_owned()));
}

#[test]
fn exact_questions_stay_with_words_and_what_is_required_holds() {
    let w = World::new();
    shop(&w);
    for exact in [
        "\"payment refused\"",
        "paymentRefused",
        "refus*",
        "payment OR refused",
    ] {
        let output = search(&w, &[exact]);
        assert_eq!(found(&output), [""; 0], "{exact}");
    }
    let narrow = search(
        &w,
        &[
            "--mode",
            "hybrid",
            "payment refused by the bank -role:human",
        ],
    );
    assert_eq!(
        found(&narrow),
        [""; 0],
        "what is ruled out is ruled out for meaning too"
    );
    let mode = |args: &[&str]| search(&w, args).ok().json()["mode"].clone();
    assert_eq!(mode(&["declined card"]), "hybrid");
    assert_eq!(mode(&["--sort", "newest", "declined card"]), "keyword");
    assert_eq!(mode(&["--all-words", "declined card"]), "keyword");
    settings(&w, "mode = \"keyword\"");
    assert_eq!(mode(&["declined card"]), "keyword");
    let index = w.ccc(["index", "--json"]).ok().json();
    assert_eq!(index["vectors"], Value::Null);
}

#[test]
fn a_text_is_embedded_once_and_a_rebuild_keeps_it() {
    let w = World::new();
    shop(&w);
    let index = |args: &[&str]| {
        w.ccc(["index", "--json"].iter().chain(args)).ok().json()["vectors"].clone()
    };
    let first = index(&[]);
    assert_eq!(
        (&first["passages"], &first["added"], &first["left"]),
        (&json!(4), &json!(4), &json!(0))
    );
    assert_eq!(index(&["--rebuild"])["added"], 0);
    conversations(
        &w,
        &[
            ("again", DECLINED),
            ("fresh", "rename the columns of the invoice table"),
        ],
    );
    let more = index(&[]);
    assert_eq!((&more["passages"], &more["added"]), (&json!(5), &json!(1)));
    let dir = w.home().join(".cache/git-ccc/vectors-1");
    for entry in fs::read_dir(&dir).expect("the vectors are there") {
        let entry = entry.expect("an entry");
        let bytes = fs::read(entry.path()).expect("it can be read");
        fs::write(entry.path(), &bytes[..bytes.len() / 2]).expect("torn");
    }
    let healed = index(&[]);
    assert_eq!(healed["passages"], 5, "what is damaged is made again");
    assert!(healed["added"].as_u64() > Some(1));
}

/// What a server does.
#[derive(Clone, Copy)]
enum Does {
    Ollama,
    OpenAi,
    /// Is busy the first time.
    BusyOnce,
    Fails,
    Nonsense,
    /// Never answers, and keeps the connection.
    Hangs,
}

/// A server that answers with what the real model made of a text.
fn server(does: Does) -> (String, Receiver<Request>) {
    let known: Vec<Value> = serde_json::from_str(KNOWN).expect("the fixture is JSON");
    serve(move |turn, body| {
        let asked: Value = serde_json::from_str(body).expect("JSON is asked");
        let vector = |text: &Value| {
            let entry = known.iter().find(|entry| entry["text"] == *text);
            // What the model was not asked beforehand is like nothing.
            entry.map_or_else(|| json!(vec![0.0; 384]), |entry| entry["vector"].clone())
        };
        let texts = asked["input"].as_array().expect("texts").clone();
        let (status, answer) = match does {
            Does::Hangs => return None,
            Does::Fails => ("400 Bad Request", json!({"error": "no such model"})),
            Does::BusyOnce if turn == 0 => ("503 Service Unavailable", json!({})),
            Does::Nonsense => ("200 OK", json!({"embeddings": [["a"], null]})),
            Does::OpenAi => {
                let entry = |(index, text)| json!({"index": index, "embedding": vector(text)});
                let data: Vec<Value> = texts.iter().enumerate().map(entry).rev().collect();
                ("200 OK", json!({"object": "list", "data": data}))
            }
            Does::Ollama | Does::BusyOnce => {
                let all: Vec<Value> = texts.iter().map(vector).collect();
                ("200 OK", json!({"model": "all-minilm", "embeddings": all}))
            }
        };
        Some(response(status, &answer.to_string()))
    })
}

/// What a server was asked: line and headers, and the document.
fn asked_of(requests: &Receiver<Request>) -> (String, Value) {
    let (head, body) = requests.recv().expect("it was asked");
    (head, serde_json::from_str(&body).expect("JSON is asked"))
}

fn served(w: &World, kind: &str, url: &str) {
    settings(
        w,
        &format!("embedder = \"{kind}\"\nembedder_url = \"{url}\""),
    );
}

#[test]
fn ollama_and_openai_are_asked_as_they_expect() {
    for (kind, does, path) in [
        ("ollama", Does::Ollama, "POST /api/embed "),
        ("openai", Does::OpenAi, "POST /v1/embeddings "),
    ] {
        let w = World::new();
        shop(&w);
        let (url, asked) = server(does);
        served(&w, kind, &url);
        let index = w
            .command("git-ccc", ["index", "--json"])
            .env("OPENAI_API_KEY", "sk-test");
        let vectors = index.run().ok().json()["vectors"].clone();
        assert_eq!(
            (&vectors["passages"], &vectors["left"]),
            (&json!(4), &json!(0)),
            "{kind}"
        );
        let (head, body) = asked_of(&asked);
        assert!(head.starts_with(path), "{head}");
        assert_eq!(head.contains("Bearer sk-test"), kind == "openai", "{head}");
        assert_eq!(body["input"].as_array().map(Vec::len), Some(4));
        let meant = search(&w, &["--mode", "semantic", "why do payments fail"]);
        assert_eq!(found(&meant), ["declined", "decimals"], "{kind}");
        let (_, body) = asked_of(&asked);
        assert_eq!(body["input"], json!(["why do payments fail"]));
        let meant = search(&w, &["--mode", "semantic", "the tests hang on shutdown"]);
        assert_eq!(found(&meant), ["hangs"], "{kind}");
        let nonsense = search(&w, &["--mode", "semantic", "flurbo zanzibarq"]);
        assert_eq!(nonsense.code, 1, "it is not even asked");
        asked.recv().expect("the second question");
        assert!(asked.try_recv().is_err());
    }
}

#[test]
fn secrets_stay_on_this_machine() {
    let w = World::new();
    let secret = format!("ghp_{}", "a1B2".repeat(9));
    conversations(
        &w,
        &[("s", &format!("my token is {secret} and it does not work"))],
    );
    let (url, asked) = server(Does::Ollama);
    served(&w, "ollama", &url);
    w.ccc(["index"]).ok();
    let (_, body) = asked_of(&asked);
    let sent = body["input"][0].as_str().expect("a text");
    assert!(
        sent.contains("does not work") && !sent.contains(&secret),
        "{sent}"
    );
}

#[test]
fn a_server_that_is_busy_is_asked_again_and_one_that_is_down_is_named() {
    let w = World::new();
    shop(&w);
    let (url, _asked) = server(Does::BusyOnce);
    served(&w, "ollama", &url);
    assert_eq!(
        w.ccc(["index", "--json"]).ok().json()["vectors"]["passages"],
        4
    );
    for (does, why) in [
        (Does::Fails, "the server answered with status 400"),
        (
            Does::Nonsense,
            "the server's answer has not a vector for each text",
        ),
        (Does::Hangs, "the server did not answer in time"),
    ] {
        let (url, _asked) = server(does);
        served(&w, "ollama", &url);
        let output = search(&w, &["declined plastic"]);
        assert_eq!(found(&output), ["declined"], "words are found all the same");
        assert_eq!(output.json()["degraded"], why);
        assert!(output.stderr.contains(why), "{}", output.stderr);
    }
    served(&w, "ollama", "http://127.0.0.1:9");
    let output = search(&w, &["declined plastic"]);
    assert_eq!(found(&output), ["declined"]);
    assert!(output.json()["degraded"].is_string());
    let left = w.ccc(["index", "--json"]).ok().json()["vectors"].clone();
    assert_eq!(left["left"], 0, "what is embedded stays");
}

#[test]
fn a_repository_does_not_say_where_text_is_sent() {
    let w = World::new();
    w.write(
        ".ccc.toml",
        "v = 1\n[search]\nembedder = \"ollama\"\nembedder_url = \"http://127.0.0.1:9\"\n",
    );
    shop(&w);
    let output = w.ccc(["search", "declined"]);
    assert_eq!(output.code, 2, "{}", output.stderr);
    settings(&w, "embedder_url = \"ftp://host\"");
    assert_eq!(w.ccc(["search", "declined"]).code, 2);
}
