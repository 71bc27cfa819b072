//! Search end to end: what every kind of record becomes, what a query requires, what is shown.

use crate::common::setup::ready;
use crate::common::transcripts::{CLAUDE, CODEX, best, claude, codex, count, find, said};
use crate::common::world::{BINARY, World};

#[test]
fn every_record_of_claude_code_becomes_what_it_is() {
    let w = World::new();
    claude(&w, "5e551011-aaaa-4bbb-8ccc-000000000001.jsonl", CLAUDE);
    for (word, role, tool) in [
        ("roundHalfEven", "human", ""),
        ("ponderword", "thinking", ""),
        ("assistantword", "assistant", ""),
        ("TOTAL_DIGITS", "tool_in", "Edit"),
        ("resultword", "tool_out", "Edit"),
        ("bashword", "tool_in", "Bash"),
        ("E0382", "tool_out", "Bash"),
        ("blockword", "human", ""),
        ("commandarg", "human", ""),
        ("caveatword", "injected", ""),
        ("notificationword", "injected", ""),
        ("teammateword", "injected", ""),
        ("originword", "injected", ""),
        ("compactword", "summary", ""),
        ("queuedword", "human", ""),
        ("queuednoteword", "injected", ""),
        ("localword", "injected", ""),
        ("overloadedword", "injected", ""),
        ("echoword", "tool_out", "Bash"),
        ("mcpword", "tool_in", "mcp__tracker__find"),
        ("nestedword", "tool_in", "mcp__tracker__find"),
        ("writeword", "tool_in", "Write"),
        ("summaryword", "summary", ""),
        ("Aititleword", "title", ""),
        ("nameword", "title", ""),
        ("Customtitleword", "title", ""),
    ] {
        assert_eq!(best(&w, word), (role.to_owned(), tool.to_owned()), "{word}");
    }
    for word in [
        "snapshotwordnever",
        "secondcopyword",
        "hookwordnever",
        "reminderwordnever",
        "apierrorwordnever",
        "progresswordnever",
        "queueopwordnever",
        "lastpromptwordnever",
        "bridgewordnever",
        "unknownwordnever",
        "unknownblocknever",
        "aW1hZ2V3b3Jk*",
        "c2lnbmF0dXJl*",
    ] {
        assert_eq!(count(&w, word), 0, "{word} is no text of the conversation");
    }
    let records = w.ccc(["index", "--status", "--json"]).ok().json();
    for kind in [
        "brand-new-record",
        "block/brand_new_block",
        "progress",
        "attachment/hook_success",
        "system/compact_boundary",
        "bridge-session",
    ] {
        assert!(
            records["records"][format!("claude {kind}")].as_u64() >= Some(1),
            "{kind} is counted: {records}"
        );
    }
    let hit = &find(&w, "roundHalfEven").ok().json()["hits"][0];
    assert_eq!(hit["title"], "Customtitleword: rounding");
    assert_eq!(
        hit["resume"],
        "claude --resume 5e551011-aaaa-4bbb-8ccc-000000000001"
    );
    assert_eq!(hit["project"], "shop");
}

#[test]
fn every_record_of_codex_becomes_what_it_is() {
    let w = World::new();
    codex(&w, CODEX);
    for (word, role, tool) in [
        ("environmentword", "injected", ""),
        ("agentsmdword", "injected", ""),
        ("jitterword", "human", ""),
        ("eventonlyword", "human", ""),
        ("reasonword", "thinking", ""),
        ("eventreasonword", "thinking", ""),
        ("retryPolicy", "tool_in", "exec_command"),
        ("outputword", "tool_out", "exec_command"),
        ("patchword", "tool_in", "apply_patch"),
        ("patchresult", "tool_out", "apply_patch"),
        ("codexecho", "tool_out", "exec_command"),
        ("listoutputword", "tool_out", ""),
        ("answerword", "assistant", ""),
        ("eventanswerword", "assistant", ""),
        ("Threadnameword", "title", ""),
        ("interagentword", "injected", ""),
    ] {
        assert_eq!(best(&w, word), (role.to_owned(), tool.to_owned()), "{word}");
    }
    for word in [
        "baseinstructionsnever",
        "developerwordnever",
        "diffwordnever",
        "execcopynever",
        "compactednever",
        "historynever",
        "eventnever",
        "newtypenever",
        "ZW5j*",
    ] {
        assert_eq!(count(&w, word), 0, "{word} is no text of the conversation");
    }
    let answer = find(&w, "answerword").ok().json();
    assert_eq!(
        answer["hits"][0]["moments"].as_array().map(Vec::len),
        Some(1),
        "two streams say it once: {answer}"
    );
    assert_eq!(
        answer["hits"][0]["session"],
        "c0de0000-1111-4222-8333-000000000002"
    );
    assert_eq!(count(&w, "file:src/http.rs"), 1);
    assert_eq!(count(&w, "commit:89e6c98 jitterword"), 1);
    assert_eq!(
        count(
            &w,
            "project:api branch:api/retry agent:codex session:c0de jitterword"
        ),
        1
    );
}

#[test]
fn every_exact_token_of_the_fixtures_is_found() {
    let w = World::new();
    claude(&w, "s.jsonl", CLAUDE);
    codex(&w, CODEX);
    for token in [
        "roundHalfEven",
        "round_half_even",
        "TOTAL_DIGITS",
        "src/cart/total.rs",
        "/r/shop/src/cart/total.rs",
        "total.rs:42:9",
        "error[E0382]",
        "E0382",
        "x.round()",
        "3f78685",
        "3f786850e3",
        "3f786850e387550fdab836ed7e6dc881de23001b",
        "half-even",
        "feature/cart",
        "検索エンジン",
        "検索",
        "索",
        "fixture",
        "retryPolicy",
        "src/http.rs",
        "backoff()",
        "rounding.md",
    ] {
        assert!(count(&w, token) > 0, "{token}");
        assert!(
            count(&w, &format!("\"{token}\"")) > 0,
            "\"{token}\" in quotes"
        );
    }
}

#[test]
fn the_query_language_requires_what_it_says() {
    let w = World::new();
    claude(
        &w,
        "a.jsonl",
        said("1", "a", "the parser fails on empty input") + &said("2", "a", "alpha only"),
    );
    claude(
        &w,
        "b.jsonl",
        said("3", "b", "the lexer fails, the parser is fine"),
    );
    claude(
        &w,
        "c.jsonl",
        said("4", "c", "nothing of interest: bananas"),
    );
    let ids = |query: &str| -> Vec<String> {
        let output = find(&w, query);
        if output.code == 1 {
            return Vec::new();
        }
        let answer = output.ok().json();
        let hits = answer["hits"].as_array().cloned().unwrap_or_default();
        hits.iter()
            .filter_map(|hit| hit["session"].as_str().map(str::to_owned))
            .collect()
    };
    assert_eq!(
        ids("parser lexer"),
        ["b", "a"],
        "who has all words is first, who has some is there"
    );
    assert_eq!(ids("\"parser fails\""), ["a"]);
    assert_eq!(ids("parser -lexer"), ["a"]);
    assert_eq!(ids("banan*"), ["c"]);
    let mut both = ids("parser -empty_parser");
    both.sort();
    assert_eq!(both, ["a", "b"], "an identifier is not one of its parts");
    assert_eq!(ids("(lexer OR bananas) -parser"), ["c"]);
    assert_eq!(ids("fails session:b"), ["b"]);
    assert_eq!(ids("parser after:2027-01-01"), [""; 0]);
    assert_eq!(ids("zzqx9nonsense"), [""; 0]);
    let none = w.ccc(["search", "zzqx9nonsense"]);
    assert!(none.code(1).stderr.contains("nothing matches"), "{none}");
    let wrong = w.ccc(["search", "role:king"]);
    assert!(wrong.code(2).stderr.contains("role:king"), "{wrong}");
    let first = w
        .ccc(["search", "--json", "--limit", "1", "parser fails"])
        .ok()
        .json();
    assert_eq!(first["total"], 2);
    let cursor = first["cursor"].as_str().expect("there is more");
    let second = w
        .ccc([
            "search",
            "--json",
            "--limit",
            "1",
            "--cursor",
            cursor,
            "parser fails",
        ])
        .ok()
        .json();
    assert_ne!(first["hits"][0]["session"], second["hits"][0]["session"]);
    assert_eq!(second["cursor"], serde_json::Value::Null);
}

#[test]
fn an_agent_does_not_find_what_it_says_itself() {
    let w = World::new();
    claude(&w, "a.jsonl", said("1", "a", "about turnips"));
    claude(&w, "b.jsonl", said("2", "b", "turnips again"));
    let asks = |args: &[&str]| {
        let all = ["search", "--json", "turnips"].iter().chain(args);
        let answer = w
            .command(BINARY, all)
            .env("CLAUDE_CODE_SESSION_ID", "a")
            .run()
            .ok()
            .json();
        answer["total"].as_u64()
    };
    assert_eq!(asks(&[]), Some(1));
    assert_eq!(asks(&["--own"]), Some(2));
}

#[test]
fn secrets_are_masked_and_names_of_commits_are_not() {
    let w = World::new();
    let token = ["gh", "p_", &"a1B2".repeat(9)].concat();
    let sha = "3f786850e387550fdab836ed7e6dc881de23001b";
    claude(
        &w,
        "a.jsonl",
        said("1", "a", &format!("deploy with {token} at {sha}")),
    );
    let output = find(&w, "deploy");
    assert!(!output.ok().stdout.contains(&token), "{output}");
    assert!(
        output.stdout.contains(sha) && output.stdout.contains("[secret]"),
        "{output}"
    );
}

#[test]
fn text_of_others_does_not_drive_the_terminal() {
    let w = World::new();
    claude(&w, "a.jsonl", said("1", "a", "evil \u{1b}[2J text"));
    let output = w.ccc(["search", "evil"]);
    assert!(!output.ok().stdout.contains('\u{1b}'), "{output}");
}

#[test]
fn the_room_and_the_log_are_found_too() {
    let w = ready(World::new());
    let a = w.session("archive");
    a.ccc(["claim", "src/", "-m", "mangowork"]).ok();
    a.ccc(["chat", "post", "who knows the papaya parser?"]).ok();
    let room = w.ccc(["search", "--json", "papaya"]).ok().json();
    assert_eq!(
        (
            &room["hits"][0]["agent"],
            &room["hits"][0]["moments"][0]["role"]
        ),
        (&"room".into(), &"message".into())
    );
    assert_eq!(
        w.ccc(["search", "--json", "papaya room:main"]).ok().json()["total"],
        1
    );
    a.ccc(["chat", "post", "the kiwi one"]).ok();
    assert_eq!(
        w.ccc(["search", "--json", "kiwi"]).ok().json()["total"],
        1,
        "what is new is found"
    );
    let log = w
        .ccc(["search", "--json", "role:log", "archive"])
        .ok()
        .json();
    assert_eq!(log["hits"][0]["agent"], "log", "{log}");
}

#[test]
fn memory_and_plans_are_found_as_they_are_now() {
    let w = ready(World::new());
    let a = w.session("archive");
    let hits = |query: &str| {
        let output = find(&w, query);
        if output.code == 1 {
            return Vec::new();
        }
        let answer = output.ok().json();
        let hits = answer["hits"].as_array().expect("a list").clone();
        let word = |hit: &serde_json::Value, key: &str| hit[key].as_str().map(str::to_owned);
        hits.iter()
            .map(|hit| (word(hit, "agent"), word(hit, "session")))
            .collect::<Vec<_>>()
    };
    let of = |agent: &str, name: &str| vec![(Some(agent.to_owned()), Some(name.to_owned()))];
    w.write("plan.md", "# Overview\n\n- [ ] peel the mangosteen first\n");
    w.write("docs/plans/later.md", "then the durian\n");
    w.write("docs/other.md", "no rambutan here\n");
    assert_eq!(hits("mangosteen"), of("plan", "plan.md"));
    assert_eq!(hits("role:plan durian"), of("plan", "docs/plans/later.md"));
    assert_eq!(hits("rambutan"), []);
    w.write(
        "plan.md",
        "# Overview\n\nthe lychee instead, which is longer\n",
    );
    assert_eq!(hits("mangosteen"), [], "a plan is what it is now");
    assert_eq!(hits("lychee"), of("plan", "plan.md"));

    let copy = a.ccc(["memory", "fork", "one"]).ok().stdout.clone();
    let home = w.home().display().to_string();
    let copy = std::path::PathBuf::from(copy.trim().replace("$HOME", &home));
    std::fs::write(copy.join("MEMORY.md"), "- soursop is sour\n").expect("a note");
    a.ccc(["memory", "merge", "one"]).ok();
    assert_eq!(hits("soursop"), of("memory", "MEMORY.md"));
    assert_eq!(hits("role:memory sour"), of("memory", "MEMORY.md"));
}

#[test]
fn neighbours_and_the_place_are_shown_when_asked_for() {
    let w = World::new();
    let text: String = (0..5)
        .map(|n| said(&format!("{n}"), "a", &format!("line{n}word of five")))
        .collect();
    let path = claude(&w, "a.jsonl", text);
    let answer = w
        .ccc(["search", "--json", "-C", "1", "line2word"])
        .ok()
        .json();
    let around = answer["hits"][0]["moments"][0]["around"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let texts: Vec<&str> = around
        .iter()
        .filter_map(|line| line["text"].as_str())
        .collect();
    assert_eq!(texts, ["line1word of five", "line3word of five"]);
    assert_eq!(
        w.ccc(["search", "--open", "line2word"]).ok().stdout,
        w.redact(&format!("{}:3\n", path.display()))
    );
    insta::assert_snapshot!(w.ccc(["search", "line2word five"]), @r"
    line0word of five
      claude · a · shop · 2026-04-26 12:00
      human 2026-04-26 12:00
      │ line2word of five
      human 2026-04-26 12:00
      │ line0word of five
      human 2026-04-26 12:00
      │ line1word of five
      claude --resume a

    [exit 0]
    [EOF]
    ");
}
