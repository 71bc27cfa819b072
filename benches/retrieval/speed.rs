//! Building the index against SQLite FTS5, a fresh line until it is found, a cold query against ripgrep or grep,
//! a key until its screen.

use super::World;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 3;

pub fn run(kit: &Path) {
    index(kit);
    let world = World::new(kit);
    assert!(
        world
            .ccc(&["index", "-q"])
            .status()
            .expect("it starts")
            .success(),
        "the index is built"
    );
    append(&world);
    cold(&world);
    super::keys::run(&world, kit);
    many();
}

/// A look at ten thousand transcripts of which none has changed, beside a search that does not look.
fn many() {
    let world = World::empty();
    for n in 0..10_000 {
        let dir = world.path().join(format!(".claude/projects/p{}", n / 100));
        std::fs::create_dir_all(&dir).expect("a directory");
        let record = serde_json::json!({
            "type": "user", "uuid": format!("m-{n}"), "sessionId": format!("s-{n}"), "timestamp": "2026-04-26T12:00:00.000Z",
            "message": {"role": "user", "content": format!("conversation number {n} of many")},
        });
        std::fs::write(dir.join(format!("{n}.jsonl")), format!("{record}\n"))
            .expect("a transcript");
    }
    let built = world.ccc(&["index", "-q"]).stdout(Stdio::null()).status();
    assert!(built.expect("it starts").success(), "the index is built");
    let (mut looks, mut base) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        for (args, times) in [
            (
                ["search", "--json", "--limit", "1", "many"].as_slice(),
                &mut looks,
            ),
            (
                &["search", "--json", "--limit", "1", "--no-refresh", "many"],
                &mut base,
            ),
        ] {
            let start = Instant::now();
            world.ccc(args).output().expect("it starts");
            times.push(start.elapsed());
        }
    }
    base.sort_unstable();
    let without = base[base.len() / 2];
    let mut more: Vec<Duration> = looks
        .iter()
        .map(|look| look.saturating_sub(without))
        .collect();
    row(
        "a look at 10,000 files, nothing new (base: a search)",
        &mut more,
        &mut base,
        "<= 50 ms",
    );
}

fn index(kit: &Path) {
    let (mut ours, mut words, mut base) = (Vec::new(), Vec::new(), Vec::new());
    let mut memory = 0;
    for _ in 0..ROUNDS {
        let world = World::new(kit);
        let start = Instant::now();
        memory = memory.max(peak(world.ccc(&["index", "-q"]).stdout(Stdio::null())));
        ours.push(start.elapsed());
        // The baseline makes no vectors.
        let alone = World::new(kit);
        let mut command = alone.ccc(&["index", "-q"]);
        let start = Instant::now();
        peak(
            command
                .env("CCC_SEARCH_MODE", "keyword")
                .stdout(Stdio::null()),
        );
        words.push(start.elapsed());
        let start = Instant::now();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/retrieval/fts5.py");
        let mut python = Command::new("python3");
        python
            .arg(script)
            .arg(world.path().join(".claude"))
            .arg(world.path().join("base.db"));
        assert!(
            python
                .stdout(Stdio::null())
                .status()
                .expect("python3 starts")
                .success(),
            "the baseline runs"
        );
        base.push(start.elapsed());
    }
    row("index, all transcripts", &mut ours, &mut base, "<= 0.5");
    row("  words alone, no vectors", &mut words, &mut base, "<= 0.5");
    println!("  peak of resident memory: {} MB (bar: 150)", memory / 1024);
}

/// Runs to the end and returns the largest resident size that was seen, in KiB.
fn peak(command: &mut Command) -> u64 {
    let mut child = command.spawn().expect("it starts");
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    loop {
        if let Ok(text) = std::fs::read_to_string(&status) {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let size = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
            most = most.max(size.unwrap_or(0));
        }
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            assert!(status.success(), "the index is built");
            return most;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn append(world: &World) {
    let dir = world.path().join(".claude/projects/live");
    std::fs::create_dir_all(&dir).expect("a fresh directory");
    let mut file = std::fs::File::create(dir.join("live.jsonl")).expect("a fresh file");
    let (mut ours, mut base) = (Vec::new(), Vec::new());
    for n in 0..20 {
        let record = serde_json::json!({
            "type": "user", "uuid": format!("live-{n}"), "sessionId": "live", "timestamp": "2026-04-26T12:00:00.000Z",
            "message": {"role": "user", "content": format!("find the zanzibar{n}q now")},
        });
        writeln!(file, "{record}").expect("a line is written");
        let query = format!("zanzibar{n}q");
        let start = Instant::now();
        let out = world
            .ccc(&["search", "--json", &query])
            .output()
            .expect("it starts");
        ours.push(start.elapsed());
        assert!(out.status.success(), "a fresh line is found");
        let start = Instant::now();
        world
            .ccc(&["search", "--json", "--no-refresh", &query])
            .output()
            .expect("it starts");
        base.push(start.elapsed());
    }
    row(
        "append → found (base: same, no refresh)",
        &mut ours,
        &mut base,
        "<= 50 ms",
    );
}

fn cold(world: &World) {
    let tool = if Command::new("rg")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_ok()
    {
        "rg"
    } else {
        "grep"
    };
    let (mut ours, mut base) = (Vec::new(), Vec::new());
    for query in [
        "retry backoff timeout",
        "merge conflict index",
        "session hook config",
        "panic unwrap",
        "permission denied",
    ] {
        let start = Instant::now();
        world
            .ccc(&["search", query])
            .stdout(Stdio::null())
            .status()
            .expect("it starts");
        ours.push(start.elapsed());
        let start = Instant::now();
        let mut scan = Command::new(tool);
        if tool == "rg" {
            scan.args(["-L", "--no-ignore", "--hidden", "-c", "-i"]);
        } else {
            scan.args(["-R", "-c", "-i", "-E"]);
        }
        scan.arg(query.replace(' ', "|"))
            .arg(world.path().join(".claude"));
        scan.stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .expect("it starts");
        base.push(start.elapsed());
    }
    row(
        &format!("cold query (base: {tool})"),
        &mut ours,
        &mut base,
        "<= 0.2",
    );
}

fn row(name: &str, ours: &mut [Duration], base: &mut [Duration], bar: &str) {
    ours.sort_unstable();
    base.sort_unstable();
    let middle = |times: &[Duration]| times[times.len() / 2].as_secs_f64() * 1e3;
    let (mine, theirs) = (middle(ours), middle(base));
    println!(
        "{name:<42} {mine:>9.1} ms   base {theirs:>9.1} ms   ratio {:>5.2}   bar {bar}",
        mine / theirs
    );
}
