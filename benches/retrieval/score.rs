//! How well search finds: T1, the sessions that made a commit by its subject; T3, a conversation by what an agent wrote
//! about it (`t3.py`); T3p, the same questions in other words (`paraphrase.py`). Each by words, by meaning and by both.

#![allow(clippy::cast_precision_loss, reason = "means of a few hundred figures")]

use super::World;
use chrono::DateTime;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::{Duration, Instant};

/// One query with its answers and its stratum.
struct Query {
    text: String,
    sessions: Vec<String>,
    stratum: String,
    /// When the commit was made; zero for other questions.
    time: i64,
}

/// Reciprocal rank at ten, hit at one, hit at ten.
type Metrics = [f64; 3];

type Run = HashMap<String, Vec<String>>;

/// The ways to search, as they are told to the program; the first is what nothing is told for.
const MODES: &[(&str, &[&str])] = &[
    ("git ccc search", &[]),
    ("  --mode keyword", &["--mode", "keyword"]),
    ("  --mode semantic", &["--mode", "semantic"]),
    ("  --mode hybrid", &["--mode", "hybrid"]),
];
/// The answers to T3 stand in these: they are taken out.
const WITHOUT: &str = " -role:summary -role:title";

pub fn run(kit: &Path) {
    let world = World::new(kit);
    let built = world.ccc(&["index", "-q"]).status().expect("it starts");
    assert!(built.success(), "the index is built");
    println!(
        "{:<32} {:>5} {:>4} {:>7} {:>6} {:>6}",
        "", "", "n", "MRR@10", "R@1", "R@10"
    );
    for task in ["t1", "t3", "t3p"] {
        let Some(queries) = queries(kit, task) else {
            println!("{task}.json is not there: not measured");
            continue;
        };
        let baselines = [
            ("FTS5 AND", "AND_all_max"),
            ("FTS5 OR", "OR_all_max"),
            ("FTS5 best", "OR_no-tool_result_porter_dcg"),
        ];
        let mut runs: Vec<(&str, Run)> = baselines
            .iter()
            .filter(|_| task == "t1")
            .filter_map(|(name, file)| Some((*name, load(kit, file)?)))
            .collect();
        let others = runs.len();
        let mut times = Vec::new();
        for (name, mode) in MODES {
            let ending = if task == "t1" { "" } else { WITHOUT };
            let (run, mut took) = ask(&world, &queries, mode, (ending, "10"));
            took.sort_unstable();
            runs.push((name, run));
            times.push(took);
        }
        println!("{task}");
        for (name, run) in &runs {
            table(name, &queries, run);
        }
        let keyword = others + 1;
        for (base, mine) in (0..others).map(|base| (base, others)).chain([
            (keyword, others),
            (keyword, others + 2),
            (keyword, others + 3),
        ]) {
            against(&queries, &runs[base], &runs[mine]);
        }
        halves(&queries, &runs[others..]);
        if task == "t1" {
            standing_there(kit, &world, &queries, &runs[..others]);
        }
        for ((name, _), took) in MODES.iter().zip(&times) {
            let at = |percent: usize| took[(took.len() - 1) * percent / 100].as_secs_f64() * 1e3;
            println!(
                "{name}: a query with starting the program p50 {:.1} p95 {:.1} ms",
                at(50),
                at(95)
            );
        }
    }
}

/// T1 as one would have asked at the commit: of conversations that began after it none is a candidate, for anybody. The
/// others keep their order, so a hundred are asked for.
fn standing_there(kit: &Path, world: &World, queries: &[Query], baselines: &[(&str, Run)]) {
    let begun = begun(kit);
    let mine = MODES[..2].iter().map(|(name, mode)| {
        let (run, _) = ask(world, queries, mode, ("", "100"));
        (*name, run)
    });
    println!("t1, among the conversations that had begun when the commit was made");
    let baselines = baselines.iter().map(|(name, run)| (*name, run.clone()));
    for (name, mut run) in baselines.chain(mine) {
        for query in queries {
            let was_there = |id: &String| begun.get(id).is_some_and(|begun| *begun <= query.time);
            run.entry(query.text.clone()).or_default().retain(was_there);
        }
        table(name, queries, &run);
    }
}

/// When each conversation began, in seconds since 1970: the first time in its transcript.
fn begun(kit: &Path) -> HashMap<String, i64> {
    let text = std::fs::read_to_string(kit.join("manifest.json")).expect("the kit lists its files");
    let files: Vec<Value> = serde_json::from_str(&text).expect("it is a list");
    let first = |file: &Value| {
        let path = kit.join(file["file"].as_str()?);
        let text = std::fs::read_to_string(path).ok()?;
        let (_, rest) = text.split_once("\"timestamp\":\"")?;
        let at = DateTime::parse_from_rfc3339(rest.split_once('"')?.0).ok()?;
        Some((file["session"].as_str()?.to_owned(), at.timestamp()))
    };
    files.iter().filter_map(first).collect()
}

fn ask(
    world: &World,
    queries: &[Query],
    mode: &[&str],
    (ending, limit): (&str, &str),
) -> (Run, Vec<Duration>) {
    let (mut run, mut times) = (Run::new(), Vec::new());
    for query in queries {
        let words = format!("{}{ending}", plain(&query.text));
        let mut args = vec!["search", "--json", "--no-refresh", "--limit", limit];
        args.extend(["--moments", "1"]);
        args.extend(mode);
        args.extend(["--", &words]);
        let start = Instant::now();
        let out = world.ccc(&args).output().expect("it starts");
        times.push(start.elapsed());
        let answer: Value = serde_json::from_slice(&out.stdout).unwrap_or_default();
        let hits = answer["hits"].as_array().cloned().unwrap_or_default();
        let ids = hits
            .iter()
            .filter_map(|hit| hit["session"].as_str().map(str::to_owned));
        run.insert(query.text.clone(), ids.collect());
    }
    (run, times)
}

fn table(name: &str, queries: &[Query], run: &Run) {
    for stratum in ["clean", "leak"] {
        let all: Vec<Metrics> = of(queries, run, stratum);
        if all.len() < 10 {
            continue;
        }
        let [mrr, first, ten] = means(&all);
        println!(
            "{name:<32} {stratum:>5} {:>4} {mrr:>7.3} {first:>6.3} {ten:>6.3}",
            all.len()
        );
    }
}

fn means(all: &[Metrics]) -> Metrics {
    [0, 1, 2].map(|index| all.iter().map(|m| m[index]).sum::<f64>() / all.len().max(1) as f64)
}

fn against(queries: &[Query], base: &(&str, Run), mine: &(&str, Run)) {
    let (before, after) = (of(queries, &base.1, "clean"), of(queries, &mine.1, "clean"));
    let (mean, low, high) = bootstrap(&before, &after);
    println!(
        "clean MRR@10, {} against {}: {mean:+.3} [{low:+.3}, {high:+.3}] (paired bootstrap, 95 %)",
        mine.0.trim(),
        base.0.trim()
    );
}

/// What a half of the queries says of a figure that was chosen on all of them.
fn halves(queries: &[Query], runs: &[(&str, Run)]) {
    for (name, run) in runs {
        let all = of(queries, run, "clean");
        let part =
            |rest: usize| -> Vec<Metrics> { all.iter().copied().skip(rest).step_by(2).collect() };
        println!(
            "{}: MRR@10 of every other query {:.3}, of the rest {:.3}",
            name.trim(),
            means(&part(0))[0],
            means(&part(1))[0]
        );
    }
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

fn queries(kit: &Path, task: &str) -> Option<Vec<Query>> {
    let text = std::fs::read_to_string(kit.join(format!("{task}.json"))).ok()?;
    let list: Vec<BTreeMap<String, Value>> =
        serde_json::from_str(&text).expect("a set of queries is a list");
    let query = |fields: &BTreeMap<String, Value>| Query {
        text: fields["q"].as_str().unwrap_or_default().to_owned(),
        sessions: serde_json::from_value(fields["sessions"].clone()).unwrap_or_default(),
        stratum: fields["stratum"].as_str().unwrap_or_default().to_owned(),
        time: fields.get("time").and_then(Value::as_i64).unwrap_or(0),
    };
    Some(list.iter().map(query).collect())
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
