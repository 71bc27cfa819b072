//! Many processes take overlapping scopes; a witness directory per path proves that there was never an instant with two holders.
//!
//! A holder makes the witness of every path its scope covers (`mkdir` is atomic) and removes it before it gives the claim back. One that is
//! there already is a second holder. `CCC_LONG=1` runs 16 processes × 500 rounds.

use crate::common::race::{Packer, race};
use crate::common::session::Session;
use crate::common::setup::ready;
use crate::common::world::{BINARY, Options, World};

/// Scopes of different kinds, each with the paths of a small universe that it covers.
const SCOPES: &str = "src|a b c
src/*.rs|a b
src/a.rs|a
src/[bc]*|b c
src/{a.rs,c.txt}|a c
**/*.txt|c
res:port/3000|r
~/.claude/|h
~/.claude/settings.json|h";

/// One process: take, bear witness, give back. A claim whose command was killed may be held or not, so it is given back unseen.
const WORKER: &str = r#"
scopes=$1; rounds=$2; n=$3; witness=$4; ccc=$5; count=$(wc -l <"$scopes")
back() {
  tries=0
  until "$ccc" release --all -q >/dev/null 2>"$TMPDIR/err.$n"; do
    tries=$((tries+1)); [ $tries -lt 40 ] || { echo "STUCK $(cat "$TMPDIR/err.$n")"; exit 9; }
  done
}
i=0
while [ $i -lt $rounds ]; do
  i=$((i+1))
  line=$(sed -n "$(( (i * 7 + n * 3 + i * n) % count + 1 ))p" "$scopes")
  "$ccc" claim -q "${line%|*}" >/dev/null 2>"$TMPDIR/err.$n"; code=$?
  case $code in
  0) echo "held ${line%|*}"
     for w in ${line#*|}; do mkdir "$witness/$w" || echo "VIOLATION $w by $n in round $i"; done
     for w in ${line#*|}; do rmdir "$witness/$w"; done
     back ;;
  1) ;;
  137) back ;;
  *) echo "FAILED $code $(cat "$TMPDIR/err.$n")" ;;
  esac
done
"#;

/// What goes wrong beside the workers.
#[derive(Clone, Copy, PartialEq)]
enum Weather {
    /// git packs refs and collects garbage.
    Packing,
    /// The same, and the tool is killed before or after a call of git.
    ToolDies,
    /// git is killed in the middle of a transaction.
    GitDies,
}

/// A `git` that kills: about every twelfth transaction. Its locks are made to look old, so that nobody has to wait ten seconds for that;
/// packed-refs.lock and reftable's tables.list.lock may be anybody's, so the tool leaves them to a person, who is played here.
fn deadly(weather: Weather) -> String {
    let strike = match weather {
        Weather::ToolDies => {
            "case $((n % 2)) in 0) kill -9 $PPID; exit 137 ;; *) git \"$@\" <&0; kill -9 $PPID; exit 137 ;; esac"
        }
        _ => {
            "exec 3<&0; git \"$@\" <&3 & p=$!; sleep 0.00$((n % 8)); kill -9 $p 2>/dev/null && { wait $p; \
             find \"$REFS\" -name '*.lock' -exec touch -d '1 minute ago' {} + ; \
             rm -f \"${REFS%/refs/ccc}/packed-refs.lock\" \"${REFS%/refs/ccc}\"/reftable/*.lock; exit 137; }; wait $p; exit $?"
        }
    };
    format!(
        "PATH=${{PATH#*:}}; export PATH\ncase \"$*\" in *update-ref*) ;; *) exec git \"$@\" ;; esac\n\
         n=$(od -An -N1 -tu1 /dev/urandom); n=$((n))\n[ $n -lt 21 ] || exec git \"$@\"\n{strike}"
    )
}

fn storm(options: Options, workers: usize, rounds: usize, weather: Weather) {
    let told = format!("{options:?} {workers} x {rounds}");
    let w = ready(options.real_clock().build());
    let sessions: Vec<Session> = (0..workers).map(|n| w.session(&format!("w{n}"))).collect();
    let witness = w.tmp().join("witness");
    std::fs::create_dir(&witness).expect("a fresh folder");
    let scopes = w.tmp().join("scopes");
    std::fs::write(&scopes, format!("{SCOPES}\n")).expect("the scopes");
    let refs = w.main_worktree().join(".git/refs/ccc");
    if weather != Weather::Packing {
        w.tool("git", &deadly(weather));
    }
    let packer = (weather == Weather::Packing).then(|| Packer::start(&w));
    let commands = sessions.iter().enumerate().map(|(n, session)| {
        let args = [
            "-c".to_owned(),
            WORKER.to_owned(),
            "worker".to_owned(),
            scopes.display().to_string(),
            rounds.to_string(),
            n.to_string(),
            witness.display().to_string(),
            BINARY.to_owned(),
        ];
        w.command("sh", args)
            .env("CCC_SESSION", session.tag())
            .env("REFS", &refs)
    });
    let outputs = race(commands);
    drop(packer);
    w.tool("git", "PATH=${PATH#*:} exec git \"$@\"");
    let held: usize = outputs
        .iter()
        .map(|output| output.stdout.matches("held ").count())
        .sum();
    let bad: Vec<String> = outputs
        .iter()
        .flat_map(|output| output.stdout.lines().chain(output.stderr.lines()))
        .filter(|line| !line.starts_with("held "))
        .map(str::to_owned)
        .collect();
    assert!(
        bad.is_empty(),
        "{told}: {held} grants and\n{}",
        bad.join("\n")
    );
    assert!(
        held > workers / 2,
        "{told}: only {held} grants, this shows nothing"
    );
    what_is_left(&w, &sessions[0], weather, &told);
}

/// Nothing is broken, nothing is lost from the log, nothing stops the next command.
fn what_is_left(w: &World, any: &Session, weather: Weather, told: &str) {
    any.ccc(["claim", "src/", "res:port/3000", "~/.claude/"])
        .ok();
    any.ccc(["release", "--all"]).ok();
    assert_eq!(
        w.git_text(["for-each-ref", "refs/ccc/claims"]),
        "",
        "{told}: claims are gone"
    );
    w.git(["fsck", "--strict"]).ok();
    let chain = w.git_text([
        "log",
        "--format=%H %(trailers:key=Ccc-Fence,valueonly,separator=)",
        "refs/ccc/log",
    ]);
    let mut expected = chain.lines().count();
    for line in chain.lines() {
        expected -= 1;
        assert!(
            line.ends_with(&format!(" {expected}")),
            "{told}: the log counts by one: {line}"
        );
    }
    let reflog = w.git_text([
        "reflog",
        "show",
        "--format=%H",
        "--no-abbrev",
        "refs/ccc/log",
    ]);
    let oids: Vec<&str> = chain
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    if weather == Weather::GitDies {
        // git writes the line before the ref: one killed in between leaves a line without an entry, never the reverse.
        for oid in oids {
            assert!(reflog.contains(oid), "{told}: {oid} has no line");
        }
    } else {
        let lines: Vec<&str> = reflog.lines().collect();
        assert!(
            lines == oids,
            "{told}: the reflog joins: {} lines, {} entries",
            lines.len(),
            oids.len()
        );
    }
}

fn long() -> bool {
    std::env::var_os("CCC_LONG").is_some()
}

#[test]
fn never_two_holders_while_git_packs() {
    for (n, options) in World::matrix().into_iter().enumerate() {
        let (workers, rounds) = if long() {
            (16, 500)
        } else {
            (8, if n == 0 { 10 } else { 3 })
        };
        storm(options, workers, rounds, Weather::Packing);
    }
}

#[test]
fn never_two_holders_while_the_tool_is_killed() {
    for (n, options) in World::matrix().into_iter().enumerate() {
        let (workers, rounds) = if long() {
            (16, 500)
        } else {
            (8, if n == 0 { 10 } else { 3 })
        };
        storm(options, workers, rounds, Weather::ToolDies);
    }
}

#[test]
fn never_two_holders_while_git_is_killed() {
    for (n, options) in World::matrix().into_iter().enumerate() {
        let (workers, rounds) = if long() {
            (16, 500)
        } else {
            (8, if n == 0 { 10 } else { 3 })
        };
        storm(options, workers, rounds, Weather::GitDies);
    }
}
