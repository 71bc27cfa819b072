//! The index and its files end to end: what broken, moved, rewritten and unreadable ones cost.

use crate::common::transcripts::{CODEX, best, claude, codex, count, find, said};
use crate::common::world::{BINARY, World, poll};
use std::fs;
use std::os::unix::fs::PermissionsExt;

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
    let dir = w.home().join(".cache/git-ccc/search-2");
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
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn much_is_read_by_a_process_that_gives_back_what_it_frees() {
    let w = World::options().real_clock().build();
    let path = claude(&w, "a.jsonl", said("1", "a", "firstword"));
    let file = fs::File::options().append(true).open(&path);
    let hole = file.and_then(|file| file.set_len(65 * 1024 * 1024));
    hole.expect("a file may have a hole");
    let watch = w.command(BINARY, ["index", "--watch"]).spawn();
    watch.wait_for("new documents");
    let environ = fs::read(format!("/proc/{}/environ", watch.pid())).expect("it is there");
    let mut variables = environ.split(|byte| *byte == 0);
    assert!(variables.any(|set| set == b"MALLOC_MMAP_THRESHOLD_=131072"));
    watch.signal(rustix::process::Signal::TERM);
    watch.wait().code(143);
    assert_eq!(count(&w, "firstword"), 1, "once, by whichever of the two");
}

#[test]
fn who_began_the_index_again_does_so_once_however_much_comes_later() {
    let w = World::options().real_clock().build();
    let gone = claude(&w, "a.jsonl", said("1", "a", "goneword"));
    let watch = w.command(BINARY, ["index", "--rebuild", "--watch"]).spawn();
    watch.wait_for("new documents");
    watch.wait_until_it_watches();
    fs::remove_file(&gone).expect("it was there");
    let much = claude(&w, "b.jsonl", said("2", "b", "laterword"));
    let file = fs::File::options().append(true).open(&much);
    let hole = file.and_then(|file| file.set_len(65 * 1024 * 1024));
    hole.expect("a file may have a hole");
    let found = |word| w.ccc(["search", "--no-refresh", "--json", word]).code == 0;
    poll("it is indexed", || found("laterword").then_some(()));
    assert!(found("goneword"), "what is gone keeps its text");
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
