//! Search and index end to end: what every kind of record becomes, what broken files cost, what is shown.

use crate::common::output::CommandOutput;
use crate::common::setup::ready;
use crate::common::world::{BINARY, World, poll};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

const CLAUDE: &str = include_str!("../data/transcripts/claude.jsonl");
const CODEX: &str = include_str!("../data/transcripts/codex.jsonl");

/// Puts a transcript where Claude Code would.
fn claude(w: &World, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = w.home().join(".claude/projects/-r-shop").join(name);
    fs::create_dir_all(path.parent().expect("it has a folder")).expect("the folders");
    fs::write(&path, text).expect("a transcript");
    path
}

/// Puts a transcript where Codex would.
fn codex(w: &World, text: impl AsRef<[u8]>) -> PathBuf {
    let name = "rollout-2026-05-01T08-00-00-c0de0000-1111-4222-8333-000000000002.jsonl";
    let path = w.home().join(".codex/sessions/2026/05/01").join(name);
    fs::create_dir_all(path.parent().expect("it has a folder")).expect("the folders");
    fs::write(&path, text).expect("a transcript");
    path
}

fn said(uuid: &str, session: &str, text: &str) -> String {
    let record = serde_json::json!({
        "type": "user", "uuid": uuid, "sessionId": session, "timestamp": "2026-04-26T12:00:00.000Z", "cwd": "/r/shop",
        "message": {"role": "user", "content": text},
    });
    format!("{record}\n")
}

fn find(w: &World, query: &str) -> CommandOutput {
    w.ccc(["search", "--json", query])
}

/// The role and the tool of the best moment.
fn best(w: &World, query: &str) -> (String, String) {
    let answer = find(w, query).ok().json();
    let moment = &answer["hits"][0]["moments"][0];
    let word = |key: &str| moment[key].as_str().unwrap_or_default().to_owned();
    (word("role"), word("tool"))
}

fn count(w: &World, query: &str) -> usize {
    let output = find(w, query);
    if output.code == 1 {
        return 0;
    }
    output.ok().json()["hits"].as_array().map_or(0, Vec::len)
}

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
fn torn_glued_and_invalid_lines_cost_themselves_alone() {
    let w = World::new();
    let one = said("1", "a", "firstword");
    let (two, three) = (said("2", "a", "secondword"), said("3", "a", "thirdword"));
    let mut bytes = b"\xef\xbb\xbf".to_vec();
    bytes.extend_from_slice(one.as_bytes());
    bytes.extend_from_slice(format!("{}{}", two.trim_end(), three).as_bytes());
    bytes.extend_from_slice(b"\r\n\nnull\n[1,2]\nno json at all\n");
    bytes.extend_from_slice(br#"{"type":"user","uuid":"4","message":{"role":"user","content":"lonely \ud83d surrogateword \u0000 "}}"#);
    bytes.extend_from_slice(b"\n{\"type\":\"user\",\"uuid\":\"5\",\"message\":{\"role\":\"user\",\"content\":\"bad \xff utfword\"}}\n");
    bytes.extend_from_slice(
        br#"{"type":"user","uuid":"6","message":{"role":"user","content":"cut in the mid"#,
    );
    bytes.extend_from_slice(said("7", "a", "recoveredword").as_bytes());
    let torn = said("8", "a", "tornword comes later");
    bytes.extend_from_slice(&torn.as_bytes()[..60]);
    let path = claude(&w, "a.jsonl", &bytes);
    for word in [
        "firstword",
        "secondword",
        "thirdword",
        "surrogateword",
        "utfword",
        "recoveredword",
    ] {
        assert_eq!(count(&w, word), 1, "{word}");
    }
    assert_eq!(count(&w, "tornword"), 0);
    let status = w.ccc(["index", "--status", "--json"]).ok().json();
    assert!(status["broken"].as_u64() >= Some(1), "{status}");
    bytes.extend_from_slice(&torn.as_bytes()[60..]);
    fs::write(&path, &bytes).expect("the rest of the line");
    assert_eq!(count(&w, "tornword"), 1);
}

#[test]
fn a_last_record_without_a_newline_is_there_once() {
    let w = World::new();
    let path = claude(&w, "a.jsonl", said("1", "a", "oneword").trim_end());
    assert_eq!(count(&w, "oneword"), 1);
    let text = said("1", "a", "oneword") + said("2", "a", "twoword").trim_end();
    fs::write(&path, &text).expect("a transcript");
    assert_eq!(count(&w, "twoword"), 1);
    let moments = find(&w, "oneword").ok().json();
    assert_eq!(
        moments["hits"][0]["moments"].as_array().map(Vec::len),
        Some(1)
    );
    let status = w.ccc(["index", "--json"]).ok().json();
    assert_eq!(status["documents"], 2, "{status}");
}

#[test]
fn what_was_indexed_outlives_its_file_and_follows_it() {
    let w = World::new();
    let path = claude(&w, "a.jsonl", said("1", "a", "persistword"));
    assert_eq!(count(&w, "persistword"), 1);
    let other = path.with_file_name("moved.jsonl");
    fs::rename(&path, &other).expect("a move");
    let moved = w.ccc(["index", "--json"]).ok().json();
    assert_eq!(
        (&moved["moved"], &moved["added"]),
        (&1.into(), &0.into()),
        "{moved}"
    );
    assert_eq!(
        find(&w, "persistword").ok().json()["hits"][0]["moments"][0]["path"],
        w.redact(&other.display().to_string())
    );
    fs::remove_file(&other).expect("the sweep of old transcripts");
    let gone = w.ccc(["index", "--json"]).ok().json();
    assert_eq!(gone["gone"], 1, "{gone}");
    let answer = find(&w, "persistword").ok().json();
    assert_eq!(
        answer["hits"][0]["moments"][0]["path"],
        serde_json::Value::Null,
        "its text is kept: {answer}"
    );
    assert_eq!(
        w.ccc(["search", "--open", "persistword"]).ok().stdout,
        "persistword\n"
    );
}

#[test]
fn a_file_that_was_rewritten_is_read_again_alone() {
    let w = World::new();
    let path = claude(
        &w,
        "a.jsonl",
        said("1", "a", "oldword") + &said("2", "a", "stayword"),
    );
    claude(&w, "b.jsonl", said("3", "b", "otherword"));
    assert_eq!(count(&w, "oldword"), 1);
    fs::write(&path, said("1", "a", "newword entirely")).expect("a rewrite");
    let again = w.ccc(["index", "--json"]).ok().json();
    assert_eq!(
        (&again["read"], &again["read_again"], &again["documents"]),
        (&1.into(), &1.into(), &2.into()),
        "{again}"
    );
    assert_eq!((count(&w, "oldword"), count(&w, "newword")), (0, 1));
}

#[test]
fn a_record_that_was_copied_has_one_owner_until_that_is_gone() {
    let w = World::new();
    let path = claude(&w, "a.jsonl", said("1", "a", "sharedword"));
    w.ccc(["index"]).ok();
    claude(
        &w,
        "b.jsonl",
        said("1", "a", "sharedword") + &said("2", "b", "resumedword"),
    );
    let resumed = w.ccc(["index", "--json"]).ok().json();
    assert_eq!(
        (&resumed["copies"], &resumed["documents"]),
        (&1.into(), &2.into()),
        "{resumed}"
    );
    fs::write(&path, said("9", "a", "another thing")).expect("a rewrite");
    assert_eq!(count(&w, "sharedword"), 1, "whoever repeats it owns it now");
}

#[test]
fn subagents_are_of_their_conversation() {
    let w = World::new();
    claude(&w, "main.jsonl", said("1", "main", "parentword"));
    let record = said("2", "main", "childword")
        .replace("\"cwd\"", "\"isSidechain\":true,\"agentId\":\"x1\",\"cwd\"");
    claude(&w, "main/subagents/agent-x1.jsonl", &record);
    claude(
        &w,
        "main/subagents/workflows/wf_1/journal.jsonl",
        said("3", "main", "journalwordnever"),
    );
    let hit = find(&w, "childword").ok().json();
    assert_eq!(
        (
            &hit["hits"][0]["session"],
            &hit["hits"][0]["moments"][0]["subagent"]
        ),
        (&"main".into(), &true.into())
    );
    assert_eq!(find(&w, "childword parentword").ok().json()["total"], 1);
    assert_eq!(count(&w, "journalwordnever"), 0);
}

#[test]
fn a_machine_without_transcripts_says_so() {
    let w = World::new();
    let none = w.ccc(["search", "anything"]);
    assert!(
        none.code(1).stderr.contains("no transcript was found"),
        "{none}"
    );
    let cold = w.ccc(["search", "--no-refresh", "anything"]);
    assert_eq!(cold.code, 1, "{cold}");
    assert_eq!(w.ccc(["index", "--json"]).ok().json()["files"], 0);
}

#[test]
fn what_cannot_be_read_is_named_and_stops_nothing() {
    let w = World::new();
    claude(&w, "a.jsonl", said("1", "a", "readableword"));
    claude(&w, "empty.jsonl", "");
    claude(
        &w,
        "folder.jsonl/inside.jsonl",
        said("2", "b", "insideword"),
    );
    claude(
        &w,
        "pretty.jsonl",
        "{\n  \"type\": \"user\",\n  \"x\": 1\n}\n",
    );
    let locked = claude(&w, "locked.jsonl", said("3", "c", "lockedword"));
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).expect("permissions");
    let dir = claude(&w, "shut/d.jsonl", said("4", "d", "shutword"));
    let dir = dir.parent().expect("a folder").to_owned();
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o000)).expect("permissions");
    let report = w.ccc(["index", "--json"]).ok().json();
    assert_eq!(
        (count(&w, "readableword"), count(&w, "insideword")),
        (1, 1),
        "{report}"
    );
    // Whoever may read everything is stopped by nothing.
    if fs::read_dir(&dir).is_err() {
        assert_eq!(
            report["unreadable"].as_array().map(Vec::len),
            Some(2),
            "{report}"
        );
    }
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).expect("permissions");
}

#[test]
fn the_index_is_private_and_disposable() {
    let w = World::new();
    claude(&w, "a.jsonl", said("1", "a", "privateword"));
    w.ccc(["index"]).ok();
    let dir = w.home().join(".cache/git-ccc/search-1");
    assert_eq!(
        fs::metadata(&dir).expect("the index").permissions().mode() & 0o777,
        0o700
    );
    for entry in fs::read_dir(&dir).expect("the index").flatten() {
        let mode = entry.metadata().expect("a file").permissions().mode() & 0o777;
        assert!(
            mode == 0o600 || entry.file_name() == "write.lock",
            "{:?} {mode:o}",
            entry.file_name()
        );
    }
    fs::remove_dir_all(&dir).expect("it can be deleted");
    assert_eq!(count(&w, "privateword"), 1);
    assert_eq!(
        w.ccc(["index", "--rebuild", "--json"]).ok().json()["documents"],
        1
    );
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
fn a_rollout_that_was_packed_is_still_there_once() {
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};
    let w = World::new();
    let plain = codex(&w, CODEX);
    let before = w.ccc(["index", "--json"]).ok().json();
    let packed = plain.with_extension("jsonl.zst");
    fs::write(
        &packed,
        compress_to_vec(CODEX.as_bytes(), CompressionLevel::Fastest),
    )
    .expect("a file");
    fs::remove_file(&plain).expect("it was there");
    assert_eq!(best(&w, "jitterword").0, "human");
    assert_eq!(count(&w, "jitterword"), 1, "it is one conversation");
    let after = w.ccc(["index", "--json"]).ok().json();
    assert_eq!(after["documents"], before["documents"], "{after}");

    // Torn in the middle, it costs what is behind the tear.
    let torn = fs::read(&packed).expect("it is there");
    fs::write(&packed, &torn[..torn.len() / 2]).expect("a file");
    w.ccc(["index", "--rebuild"]).code(1);
    let packed = w.ccc(["search", "--json", "jitterword"]);
    assert!(packed.code <= 1, "{packed}");
}

#[test]
fn what_comes_while_it_watches_is_indexed() {
    let w = World::options().real_clock().build();
    let path = claude(&w, "a.jsonl", said("1", "a", "earlyword"));
    let watch = w.command(BINARY, ["index", "--watch"]).spawn();
    watch.wait_for("new documents");
    watch.wait_until_it_watches();
    let mut text = fs::read_to_string(&path).expect("it is there");
    text.push_str(&said("2", "a", "lateword"));
    fs::write(&path, &text).expect("a transcript");
    claude(&w, "b.jsonl", said("3", "b", "otherword"));
    poll("both are indexed", || {
        let found = |word| w.ccc(["search", "--no-refresh", "--json", word]).code == 0;
        (found("lateword") && found("otherword")).then_some(())
    });
    watch.signal(rustix::process::Signal::TERM);
    watch.wait().code(143);
}

#[test]
fn other_roots_are_read() {
    let w = World::new();
    let elsewhere = w.tmp().join("elsewhere");
    fs::create_dir_all(&elsewhere).expect("a folder");
    fs::write(elsewhere.join("x.jsonl"), CODEX).expect("a transcript");
    let config = w.home().join(".config/git-ccc/config.toml");
    fs::create_dir_all(config.parent().expect("a folder")).expect("the folders");
    fs::write(
        &config,
        format!("v = 1\n[search]\nroots = [\"{}\"]\n", elsewhere.display()),
    )
    .expect("settings");
    assert_eq!(best(&w, "jitterword").0, "human");
    let answer = w
        .command(BINARY, ["search", "--json", "jitterword"])
        .cwd(w.outside())
        .run()
        .ok()
        .json();
    assert_eq!(
        answer["hits"][0]["agent"], "codex",
        "outside of a repository too: {answer}"
    );
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
