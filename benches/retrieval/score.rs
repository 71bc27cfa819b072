//! T1: whether the sessions that made a commit are found by its subject.

#![allow(clippy::cast_precision_loss, reason = "means of a few hundred figures")]

use super::World;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::Instant;

/// One query with its answers and its stratum.
struct Query {
    text: String,
    sessions: Vec<String>,
    stratum: String,
}

/// Reciprocal rank at ten, hit at one, hit at ten.
type Metrics = [f64; 3];

type Run = HashMap<String, Vec<String>>;

pub fn run(kit: &Path) {
    let world = World::new(kit);
    let built = world.ccc(&["index", "-q"]).status().expect("it starts");
    assert!(built.success(), "the index is built");
    let queries = queries(kit);
    let (mut ours, mut times) = (Run::new(), Vec::new());
    for query in &queries {
        let words = plain(&query.text);
        let start = Instant::now();
        let args = [
            "search",
            "--json",
            "--no-refresh",
            "--limit",
            "10",
            "--moments",
            "1",
            "--",
            &words,
        ];
        let out = world.ccc(&args).output().expect("it starts");
        times.push(start.elapsed());
        let answer: Value = serde_json::from_slice(&out.stdout).unwrap_or_default();
        let hits = answer["hits"].as_array().cloned().unwrap_or_default();
        let ids = hits
            .iter()
            .filter_map(|hit| hit["session"].as_str().map(str::to_owned));
        ours.insert(query.text.clone(), ids.collect());
    }
    times.sort_unstable();
    println!(
        "{:<44} {:>6} {:>4} {:>7} {:>6} {:>6}",
        "T1", "", "n", "MRR@10", "R@1", "R@10"
    );
    let baselines = [
        ("FTS5 AND", "AND_all_max"),
        ("FTS5 OR", "OR_all_max"),
        ("FTS5 best", "OR_no-tool_result_porter_dcg"),
    ];
    let mut runs: Vec<(&str, Run)> = baselines
        .iter()
        .filter_map(|(name, file)| Some((*name, load(kit, file)?)))
        .collect();
    runs.push(("git ccc search", ours));
    for (name, run) in &runs {
        for stratum in ["clean", "leak"] {
            let all: Vec<Metrics> = of(&queries, run, stratum);
            let mean =
                |index: usize| all.iter().map(|m| m[index]).sum::<f64>() / all.len().max(1) as f64;
            println!(
                "{name:<44} {stratum:>6} {:>4} {:>7.3} {:>6.3} {:>6.3}",
                all.len(),
                mean(0),
                mean(1),
                mean(2)
            );
        }
    }
    if let Some((_, mine)) = runs.last() {
        for (name, base) in &runs[..runs.len() - 1] {
            let (mean, low, high) =
                bootstrap(&of(&queries, base, "clean"), &of(&queries, mine, "clean"));
            println!(
                "clean MRR@10 against {name}: {mean:+.3} [{low:+.3}, {high:+.3}] (paired bootstrap, 95 %)"
            );
        }
    }
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    println!(
        "a query, with starting the program: p50 {:.1} p95 {:.1} ms",
        at(50),
        at(95)
    );
}

/// A subject is words: what would be syntax in a query is none here.
fn plain(text: &str) -> String {
    let plain = |c: char| {
        if matches!(c, '"' | '(' | ')' | '*' | ':') {
            ' '
        } else {
            c
        }
    };
    let words: String = text.chars().map(plain).collect();
    let words = words
        .split_whitespace()
        .map(|word| word.trim_start_matches('-'));
    words
        .filter(|word| !matches!(*word, "OR" | "AND" | "NOT" | ""))
        .collect::<Vec<_>>()
        .join(" ")
}

fn queries(kit: &Path) -> Vec<Query> {
    let text = std::fs::read_to_string(kit.join("t1.json")).expect("t1.json of the kit");
    let list: Vec<BTreeMap<String, Value>> =
        serde_json::from_str(&text).expect("t1.json is a list");
    let query = |fields: &BTreeMap<String, Value>| Query {
        text: fields["q"].as_str().unwrap_or_default().to_owned(),
        sessions: serde_json::from_value(fields["sessions"].clone()).unwrap_or_default(),
        stratum: fields["stratum"].as_str().unwrap_or_default().to_owned(),
    };
    list.iter().map(query).collect()
}

fn load(kit: &Path, name: &str) -> Option<Run> {
    let text = std::fs::read_to_string(kit.join("runs").join(format!("{name}.jsonl"))).ok()?;
    let line = |line: &str| {
        let value: Value = serde_json::from_str(line).ok()?;
        Some((
            value["q"].as_str()?.to_owned(),
            serde_json::from_value(value["ranked"].clone()).ok()?,
        ))
    };
    Some(text.lines().filter_map(line).collect())
}

fn of(queries: &[Query], run: &Run, stratum: &str) -> Vec<Metrics> {
    let one = |query: &Query| {
        let ranked = run.get(&query.text).map(Vec::as_slice).unwrap_or_default();
        let first = ranked
            .iter()
            .take(10)
            .position(|id| query.sessions.contains(id));
        [
            first.map_or(0.0, |at| 1.0 / (at as f64 + 1.0)),
            f64::from(u8::from(first == Some(0))),
            f64::from(u8::from(first.is_some())),
        ]
    };
    queries
        .iter()
        .filter(|query| query.stratum == stratum)
        .map(one)
        .collect()
}

/// The mean difference in reciprocal rank and the middle 95 % of it over resampled queries.
fn bootstrap(base: &[Metrics], ours: &[Metrics]) -> (f64, f64, f64) {
    let differences: Vec<f64> = base
        .iter()
        .zip(ours)
        .map(|(base, ours)| ours[0] - base[0])
        .collect();
    let count = differences.len().max(1);
    let mut state = 1_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap_or(0) % count
    };
    let mut means: Vec<f64> = (0..2000)
        .map(|_| (0..count).map(|_| differences[next()]).sum::<f64>() / count as f64)
        .collect();
    means.sort_by(f64::total_cmp);
    (
        differences.iter().sum::<f64>() / count as f64,
        means[50],
        means[1950],
    )
}
