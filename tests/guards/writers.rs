//! One chokepoint an effect: printing, spawning, the environment, the clock, the end of the process. `.clippy.toml` holds most of this by
//! resolved paths; this guard holds the rest, and holds it where a lint was silenced.

use super::source::{Source, refuse, sources};

struct Chokepoint {
    needles: &'static [&'static str],
    home: &'static str,
    rule: &'static str,
}

const CHOKEPOINTS: &[Chokepoint] = &[
    Chokepoint {
        needles: &[
            "println!",
            "eprintln!",
            "print!",
            "eprint!",
            "dbg!",
            "io::stdout()",
            "io::stderr()",
        ],
        home: "src/ui/",
        rule: "only src/ui/ writes to stdout or stderr",
    },
    Chokepoint {
        needles: &["Command::new(", "process::Command"],
        home: "src/proc.rs",
        rule: "only src/proc.rs starts a process",
    },
    Chokepoint {
        needles: &[
            "std::env::var",
            "std::env::set_var",
            "std::env::remove_var",
            "std::env::current_dir",
            "std::env::set_current_dir",
            "std::env;",
            "std::env::{",
        ],
        home: "src/env.rs",
        rule: "only src/env.rs reads the environment",
    },
    Chokepoint {
        needles: &["SystemTime::now", "Utc::now", "Local::now"],
        home: "src/clock.rs",
        rule: "only src/clock.rs reads the clock",
    },
    Chokepoint {
        needles: &["process::exit", "process::abort"],
        home: "nowhere",
        rule: "an exit code is returned to cli::main, never taken",
    },
    Chokepoint {
        needles: &["#[allow(", "#![allow("],
        home: "nowhere",
        rule: "#[expect(…, reason = \"…\")] instead of #[allow(…)]",
    },
];

#[test]
fn effects_happen_at_their_chokepoints() {
    refuse(&sources("src").iter().flat_map(check).collect::<Vec<_>>());
}

fn check(source: &Source) -> Vec<String> {
    let elsewhere = CHOKEPOINTS
        .iter()
        .filter(|point| !source.path.starts_with(point.home));
    let needles = elsewhere.flat_map(|point| {
        point
            .needles
            .iter()
            .map(move |needle| (*needle, point.rule))
    });
    let mut findings = Vec::new();
    for (needle, rule) in needles {
        let positions = source
            .positions(needle)
            .filter(|at| !source.code[..*at].ends_with("clap::"));
        findings.extend(positions.map(|at| source.finding(at, &format!("{needle}: {rule}"))));
    }
    findings
}

#[test]
fn an_effect_elsewhere_is_found() {
    for text in [
        "fn f() { println!() }",
        "fn f() { Command::new(1) }",
        "use std::env;",
        "fn f() { std::env::var_os(1) }",
        "fn f() { Utc::now() }",
        "fn f() { std::process::exit(1) }",
        "#[allow(dead_code)]",
    ] {
        assert_eq!(
            check(&Source::new("src/cli/mod.rs", text)).len(),
            1,
            "{text}"
        );
    }
    for (path, text) in [
        ("src/ui/mod.rs", "fn f() { println!() }"),
        (
            "src/proc.rs",
            "use std::process::Command; fn f() { Command::new(1) }",
        ),
        (
            "src/cli/man.rs",
            "clap::Command::new(1); my_println!(); // println!",
        ),
        (
            "src/cli/mod.rs",
            "fn f() { std::env::args_os() }\n#[cfg(test)]\nmod tests { fn f() { println!() } }",
        ),
    ] {
        assert_eq!(check(&Source::new(path, text)).len(), 0, "{path}: {text}");
    }
}
