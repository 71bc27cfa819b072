//! A corpus of any size, made of copies of the kit's sessions under ids of their own (synthetic): what memory indexing it
//! takes, and that kills on its way lose and double nothing.

use super::World;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Ids of a copy are not those of the original, or it would be passed over as one.
const IDS: &[&str] = &[
    "\"uuid\":\"",
    "\"parentUuid\":\"",
    "\"sessionId\":\"",
    "\"id\":\"msg_",
];

pub fn run(kit: &Path) {
    let size: u64 = std::env::var("CCC_BIG")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(5000);
    let (whole, killed) = (World::empty(), World::empty());
    let bytes = make(
        kit,
        &whole.path().join(".claude/projects/big"),
        size * 1_000_000,
    );
    fs::create_dir_all(killed.path().join(".claude")).expect("a directory");
    let there = whole.path().join(".claude/projects");
    std::os::unix::fs::symlink(there, killed.path().join(".claude/projects")).expect("a link");
    let start = Instant::now();
    let (peak, done) = index(&whole, None);
    assert!(done, "the index is built");
    println!(
        "{} MB indexed in {:.0} s, peak of resident memory {} MB (bar: 150), {} documents",
        bytes / 1_000_000,
        start.elapsed().as_secs_f64(),
        peak / 1024,
        documents(&whole)
    );
    let mut kills = 0;
    let mut after = Duration::from_secs(2);
    while !index(&killed, Some(after)).1 {
        kills += 1;
        // Growing, for less than what is between two commits never ends.
        after += after / 2;
    }
    let (one, other) = (documents(&whole), documents(&killed));
    println!("killed {kills} times on its way: {other} documents, {one} without (bar: as many)");
    assert_eq!(one, other);
}

/// Copies sessions until there are enough bytes.
fn make(kit: &Path, dir: &Path, enough: u64) -> u64 {
    fs::create_dir_all(dir).expect("a directory");
    let mut files: Vec<PathBuf> = Vec::new();
    for project in fs::read_dir(kit.join("home/.claude/projects")).expect("the kit has transcripts")
    {
        let inside = fs::read_dir(project.expect("an entry").path()).expect("a directory");
        files.extend(inside.map(|entry| entry.expect("an entry").path()));
    }
    files.sort();
    let mut total = 0;
    for copy in 0.. {
        for (at, file) in files.iter().enumerate() {
            let text = String::from_utf8_lossy(&fs::read(file).expect("a transcript")).into_owned();
            let marked = IDS
                .iter()
                .fold(text, |text, id| text.replace(id, &format!("{id}{copy:x}-")));
            let mut out = fs::File::create(dir.join(format!("{copy}-{at}.jsonl"))).expect("a file");
            out.write_all(marked.as_bytes()).expect("there is room");
            total += marked.len() as u64;
            if total >= enough {
                return total;
            }
        }
    }
    total
}

/// Indexes, or is killed after a time; returns the largest resident size in KiB, and whether it came to its end.
fn index(world: &World, kill: Option<Duration>) -> (u64, bool) {
    let mut child = world
        .ccc(&["index", "-q"])
        .stdout(Stdio::null())
        .spawn()
        .expect("it starts");
    let status = format!("/proc/{}/status", child.id());
    let start = Instant::now();
    let mut most = 0;
    loop {
        if let Ok(text) = fs::read_to_string(&status) {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let size = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
            most = most.max(size.unwrap_or(0));
        }
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            return (most, status.success());
        }
        if kill.is_some_and(|kill| start.elapsed() > kill) {
            child.kill().expect("it is there");
            child.wait().expect("it ends");
            return (most, false);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn documents(world: &World) -> u64 {
    let out = world
        .ccc(&["index", "--status", "--json"])
        .output()
        .expect("it starts");
    let answer: serde_json::Value = serde_json::from_slice(&out.stdout).expect("it answers");
    answer["documents"].as_u64().expect("a number")
}
