//! However transcripts grow, are cut, rewritten, moved and deleted between and under looks at them, the index says what one
//! that is built at once says; and whoever kills the indexer loses nothing and doubles nothing.

use crate::common::race::{Random, race_with_kills};
use crate::common::world::World;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// One thing that happens to one of a few transcripts.
#[derive(Clone, Debug)]
enum Step {
    /// Records are added.
    Append(usize, u8),
    /// The beginning of a record is added; what is added next is its rest.
    Tear(usize),
    /// Only so many records stay.
    Truncate(usize, u8),
    /// Something else stands there.
    Rewrite(usize),
    /// It lies elsewhere.
    Rename(usize),
    /// It is gone.
    Delete(usize),
    /// Somebody looks.
    Look,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3_usize, 1..5_u8).prop_map(|(file, count)| Step::Append(file, count)),
        2 => (0..3_usize).prop_map(Step::Tear),
        1 => (0..3_usize, 0..3_u8).prop_map(|(file, keep)| Step::Truncate(file, keep)),
        1 => (0..3_usize).prop_map(Step::Rewrite),
        1 => (0..3_usize).prop_map(Step::Rename),
        1 => (0..3_usize).prop_map(Step::Delete),
        3 => Just(Step::Look),
    ]
}

/// What lies on the disk: each transcript's path, its whole records, and the torn one.
struct Disk {
    world: World,
    files: Vec<(PathBuf, Vec<String>, Option<String>)>,
    next: usize,
}

fn record(n: usize) -> String {
    serde_json::json!({
        "type": "user", "uuid": format!("u{n}"), "timestamp": "2026-04-26T12:00:00.000Z",
        "message": {"role": "user", "content": format!("zz{n}a says something")},
    })
    .to_string()
}

impl Disk {
    fn new() -> Self {
        let world = World::new();
        let dir = world.home().join(".claude/projects/-r");
        fs::create_dir_all(&dir).expect("the folders");
        let files = (0..3)
            .map(|n| (dir.join(format!("file{n}.jsonl")), Vec::new(), None))
            .collect();
        Disk {
            world,
            files,
            next: 0,
        }
    }

    fn record(&mut self) -> String {
        self.next += 1;
        record(self.next)
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Append(file, count) => {
                for _ in 0..count {
                    let new = self.files[file].2.take().unwrap_or_else(|| self.record());
                    self.files[file].1.push(new);
                }
                self.write(file);
            }
            Step::Tear(file) => {
                let new = self.record();
                self.files[file].2.get_or_insert(new);
                self.write(file);
            }
            Step::Truncate(file, keep) => {
                self.files[file].1.truncate(keep.into());
                self.files[file].2 = None;
                self.write(file);
            }
            Step::Rewrite(file) => {
                let new = self.record();
                (self.files[file].1, self.files[file].2) = (vec![new], None);
                self.write(file);
            }
            Step::Rename(file) => {
                self.next += 1;
                let path = self.files[file]
                    .0
                    .with_file_name(format!("renamed{}.jsonl", self.next));
                if self.files[file].0.exists() {
                    fs::rename(&self.files[file].0, &path).expect("a move");
                    self.files[file].0 = path;
                }
            }
            Step::Delete(file) => {
                if self.files[file].0.exists() {
                    fs::remove_file(&self.files[file].0).expect("a deletion");
                }
                self.next += 1;
                let path = self.files[file]
                    .0
                    .with_file_name(format!("fresh{}.jsonl", self.next));
                self.files[file] = (path, Vec::new(), None);
            }
            Step::Look => _ = self.world.ccc(["index", "-q"]).ok(),
        }
    }

    /// Writes a transcript in place, as a program that truncates does; one that only grew has the same beginning.
    fn write(&self, file: usize) {
        let (path, whole, torn) = &self.files[file];
        let mut text: String = whole
            .iter()
            .flat_map(|line| [line.as_str(), "\n"])
            .collect();
        if let Some(torn) = torn {
            text.push_str(&torn[..torn.len() / 2]);
        }
        fs::write(path, text).expect("a transcript");
    }

    /// All records that lie there whole.
    fn present(&self) -> BTreeSet<String> {
        let lines = self.files.iter().flat_map(|(_, whole, _)| whole);
        lines.map(|line| text(line)).collect()
    }
}

fn text(line: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(line).expect("a record");
    value["message"]["content"]
        .as_str()
        .expect("its text")
        .to_owned()
}

/// Every text in the index, and how often it is found.
fn indexed(world: &World) -> BTreeMap<String, usize> {
    let args = [
        "search",
        "--json",
        "--no-refresh",
        "--limit",
        "9999",
        "--moments",
        "9999",
        "zz*",
    ];
    let output = world.ccc(args);
    let mut all = BTreeMap::new();
    if output.code == 1 {
        return all;
    }
    let answer = output.ok().json();
    for hit in answer["hits"].as_array().into_iter().flatten() {
        for moment in hit["moments"].as_array().into_iter().flatten() {
            *all.entry(moment["snippet"].as_str().expect("a text").to_owned())
                .or_default() += 1;
        }
    }
    all
}

fn cases() -> u32 {
    if std::env::var_os("CCC_LONG").is_some() {
        200
    } else {
        4
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_index_follows_whatever_happens_to_files(steps in proptest::collection::vec(step(), 1..25)) {
        let mut disk = Disk::new();
        for step in &steps {
            disk.step(step);
        }
        disk.world.ccc(["index", "-q"]).ok();
        let followed = indexed(&disk.world);
        prop_assert!(followed.values().all(|count| *count == 1), "nothing is there twice: {followed:?}");
        let documents = disk.world.ccc(["index", "--json"]).ok().json()["documents"].as_u64();
        prop_assert_eq!(documents, Some(followed.len() as u64), "each text is one document");
        let present = disk.present();
        let found: BTreeSet<String> = followed.into_keys().collect();
        prop_assert!(found.is_superset(&present), "{:?}", present.difference(&found));
        disk.world.ccc(["index", "-q", "--rebuild"]).ok();
        let rebuilt: BTreeSet<String> = indexed(&disk.world).into_keys().collect();
        prop_assert_eq!(rebuilt, present);
    }
}

#[test]
fn a_kill_while_indexing_loses_nothing_and_doubles_nothing() {
    let disk = Disk::new();
    let mut random = Random::new(11);
    let mut n = 0;
    for round in 0..6 {
        for file in 0..4 {
            let path = disk.files[0]
                .0
                .with_file_name(format!("kill{file}-{}.jsonl", round / 2));
            let mut lines = fs::read_to_string(&path).unwrap_or_default();
            for _ in 0..10 {
                n += 1;
                lines.push_str(&record(n));
                lines.push('\n');
            }
            fs::write(&path, lines).expect("a transcript");
        }
        let index = || {
            disk.world
                .command(crate::common::world::BINARY, ["index", "-q"])
        };
        race_with_kills([index(), index()], &mut random, Duration::from_millis(60));
    }
    disk.world.ccc(["index", "-q"]).ok();
    let found = indexed(&disk.world);
    assert_eq!(found.len(), n, "all are there");
    assert!(found.values().all(|count| *count == 1), "and none twice");
}

#[test]
fn a_kill_in_the_middle_of_a_file_loses_nothing_of_its_rest() {
    let disk = Disk::new();
    let mut random = Random::new(12);
    let path = disk.files[0].0.with_file_name("long.jsonl");
    let lines: Vec<String> = (0..300).map(record).collect();
    fs::write(&path, lines.join("\n") + "\n").expect("a transcript");
    // Commits after every few lines, so that most kills hit between two of one file.
    let index = || {
        disk.world
            .command(crate::common::world::BINARY, ["index", "-q"])
            .env("CCC_TEST_INDEX_STEP", "300")
    };
    for _ in 0..6 {
        race_with_kills([index()], &mut random, Duration::from_millis(400));
    }
    disk.world.ccc(["index", "-q"]).ok();
    let found = indexed(&disk.world);
    assert_eq!(found.len(), lines.len(), "all are there");
    assert!(found.values().all(|count| *count == 1), "and none twice");
}
