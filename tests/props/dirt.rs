//! Whatever happens to the files, the index and HEAD of a worktree, we count what `git status` counts.
//!
//! `CCC_LONG=1` is twenty times as many steps.

use crate::common::race::Random;
use crate::common::setup::ready;
use crate::common::world::World;
use std::fmt::Write as _;

/// Some share prefixes, so that files and directories take each other's places.
const NAMES: &[&str] = &[
    "a",
    "a.b",
    "a/b",
    "a/b/c",
    "a/d",
    "a-",
    "b/x.log",
    "b/y",
    "b/z/x.log",
    "c/deep/er/f",
    "c/deep/g",
    "x.log",
];
const FOLDERS: &[&str] = &[".", "a", "b", "b/z", "c", "c/deep"];
const PATTERNS: &[&str] = &[
    "*.log",
    "!x.log",
    "/b",
    "b/",
    "z/",
    "deep/*",
    "!deep/er/",
    "**/g",
    "a*",
    "",
    "/c/**",
];

fn below(random: &mut Random, end: usize) -> usize {
    usize::try_from(random.below(end as u64)).expect("it is below")
}

/// One thing that somebody does, as a line of a shell script that may fail.
fn step(random: &mut Random) -> String {
    let mut pick = |from: &[&'static str]| from[below(random, from.len())];
    let (name, other, folder, pattern) = (pick(NAMES), pick(NAMES), pick(FOLDERS), pick(PATTERNS));
    match below(random, 27) {
        0..=5 => {
            let text = ["aa", "bb", "longer"][below(random, 3)];
            format!("rm -rf '{name}'; mkdir -p \"$(dirname '{name}')\"; echo {text} >'{name}'")
        }
        6 => format!("echo bb >'{name}'"),
        7 => format!("rm -rf '{name}'"),
        8 => format!("chmod +x '{name}' || true"),
        9 => format!("ln -sfn '{other}' '{name}'"),
        10 => format!("touch -d '2020-01-01' '{name}'"),
        11..=13 => "git add -A".to_owned(),
        14 => format!("git add -f -- '{name}'"),
        15 => format!("git add -N -- '{name}'"),
        16 => format!("git rm -rq --cached -- '{name}'"),
        17 => "git commit -qam step".to_owned(),
        18 => format!("mkdir -p '{folder}'; echo '{pattern}' >'{folder}/.gitignore'"),
        19 => format!("mkdir -p '{folder}'; echo '{pattern}' >>'{folder}/.gitignore'"),
        20 => "git update-index -q --refresh; git reset -q --soft HEAD~1".to_owned(),
        21 => format!("git init -q '{folder}/own'; rm -rf c/own"),
        // As many names as before, but others; some right after they have been listed.
        22 => format!("rm -rf '{name}'; touch \"$(dirname '{name}')/fresh\""),
        23 => format!("git ccc worktree list; rm -rf '{name}'; touch '{folder}/fresh'"),
        24 => format!(
            "touch '{folder}/x'; rm '{folder}/x'; git ccc worktree list; touch '{folder}/fresh'"
        ),
        // Folders in each other's place, and one that looks as old as before.
        25 => "mv a tmp; mv b a; mv tmp b; mv c tmp; mv tmp c".to_owned(),
        _ => format!(
            "cp -a '{folder}' ../old; touch '{folder}/more'; touch -r ../old '{folder}'; rm -rf ../old"
        ),
    }
}

#[test]
fn whatever_happens_we_count_as_git_does() {
    let long = std::env::var_os("CCC_LONG").is_some();
    let mut random = Random::new(7);
    for run in 0..if long { 40 } else { 4 } {
        let w = ready(World::new());
        w.git(["config", "core.hooksPath", "/dev/null"]).ok();
        let mut done = String::new();
        for _ in 0..if long { 60 } else { 15 } {
            let steps = 1 + below(&mut random, 4);
            let lines: Vec<String> = (0..steps).map(|_| step(&mut random)).collect();
            // What cannot be done is not done.
            let script = lines.join("\n");
            let out = w.command("sh", ["-c", &format!("{script}\ntrue")]).run();
            out.ok();
            let _ = writeln!(done, "{script}");
            let git = crate::features::dirt::by_git(&w, &w.repo());
            // The second look is at directories that the first one has listed.
            for look in ["first", "second"] {
                let ours = crate::features::dirt::by_us(&w)[0].1;
                assert_eq!(ours, git, "run {run}, {look} look, after:\n{done}");
            }
        }
    }
}
