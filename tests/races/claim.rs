//! Many processes take overlapping scopes; a witness file per path proves that there was never an instant with two holders.
//!
//! A holder makes the witness of every path its scope covers (a link is made or refused in one step) and removes it before it gives the claim
//! back. One that is there already is a second holder, unless its lease is over or somebody broke it, which the breaker writes down beside
//! the witnesses before it does so. `CCC_LONG=1` runs 16 processes × 500 rounds.

#![expect(
    clippy::print_stdout,
    reason = "what happened is the evidence that something did"
)]

use crate::common::race::{Packer, race};
use crate::common::setup::ready;
use crate::common::world::{BINARY, DEADLINE, Options, World, poll};
use std::collections::BTreeMap;
use std::time::Duration;

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

/// One process, round by round: it takes a scope, bears witness, and then gives it back, commits, walks away until the lease is over, or lets
/// its session die. Refused, it sometimes breaks the claim in its way. A command that was killed may have worked or not: what it took is
/// given back unseen.
const WORKER: &str = r#"
scopes=$1; rounds=$2; n=$3; witness=$4; ccc=$5; count=$(wc -l <"$scopes")
err=$TMPDIR/err.$n; out=$TMPDIR/out.$n; mine=$TMPDIR/mine.$n
now() { date -u +%Y-%m-%dT%H:%M:%SZ; }
begin() {
  sleep 86400 >/dev/null 2>&1 </dev/null & life=$!
  until "$ccc" session start --name "w$n" --pid $life --json >"$out" 2>"$err"; do :; done
  CCC_SESSION=$(sed -n 's/.*"tag": "\(.*\)".*/\1/p' "$out"); export CCC_SESSION
}
back() {
  tries=0
  until "$ccc" release --all -q >/dev/null 2>"$err"; do
    tries=$((tries+1)); [ $tries -lt 40 ] || { echo "STUCK $(cat "$err")"; exit 9; }
  done
}
over() { [ -e "$witness/broken/$1" ] || ! [ "$(now)" \< "$2" ]; }
bear() {
  rm -f "$mine"; echo "$id $until $n" >"$mine"
  until ln "$mine" "$witness/$1" 2>/dev/null; do
    read -r their_id their_until they <"$witness/$1" || continue
    if over "$their_id" "$their_until"; then cp "$mine" "$mine.new"; mv -f "$mine.new" "$witness/$1"; return
    elif over "$id" "$until"; then return
    else echo "VIOLATION $1 by $n ($id until $until) and $they ($their_id until $their_until)"; return; fi
  done 2>/dev/null
}
leave() { read -r their_id _ 2>/dev/null <"$witness/$1" && [ "$their_id" = "$id" ] && rm -f "$witness/$1"; }
save() {
  case $1 in a) file=src/a.rs ;; b) file=src/b.rs ;; c) file=src/c.txt ;; *) return ;; esac
  echo "$n $i" >>$file
  "$ccc" commit -q -m "w$n r$i" $file >/dev/null 2>"$err"; code=$?
  case $code in
  0) echo "committed w$n r$i" ;;
  137) ;;
  *) over "$id" "$until" || echo "FAILED commit $code of w$n r$i $CCC_SESSION $id: $(cat "$err"; git log -3 --format='%h %s %b' -- $file; git log -20 --format='%h %s; %(trailers:separator=%x20)' refs/ccc/log)" ;;
  esac
}
begin
i=0
while [ $i -lt $rounds ]; do
  i=$((i+1)); kind=$(( (i * 13 + n * 5) % 10 )); lease=1h; [ $kind -ne 6 ] || lease=2s
  line=$(sed -n "$(( (i * 7 + n * 3 + i * n) % count + 1 ))p" "$scopes")
  "$ccc" claim "${line%|*}" --for $lease --json >"$out" 2>"$err"; code=$?
  if [ $code -eq 1 ] && [ $kind -ge 8 ]; then
    id=$(sed -n 's/.*"id":"\([0-9a-f]*\)".*/\1/p' "$err")
    [ -n "$id" ] && mkdir -p "$witness/broken/$id" && "$ccc" break "$id" --why storm -q >/dev/null 2>"$err" && echo "broke $id"
    "$ccc" claim "${line%|*}" --for $lease --json >"$out" 2>"$err"; code=$?
  fi
  case $code in
  0) echo "held ${line%|*}"
     id=$(sed -n 's/.*"id": "\(.*\)".*/\1/p' "$out" | head -n 1); until=$(sed -n 's/.*"until": "\(.*\)".*/\1/p' "$out" | sort | head -n 1)
     for w in ${line#*|}; do bear "$w"; done
     case $kind in 3|4|5|8|9) w=${line#*|}; save "${w%% *}" ;; esac
     for w in ${line#*|}; do leave "$w"; done
     case $kind in
     6) echo "left $id" ;;
     7) kill -9 $life; wait $life 2>/dev/null; echo "died $id"; begin ;;
     *) back ;;
     esac ;;
  1) ;;
  137) back ;;
  *) echo "FAILED $code $(cat "$err")" ;;
  esac
done
kill -9 $life
"#;

/// What goes wrong beside the workers.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Weather {
    /// git packs refs and collects garbage.
    Packing,
    /// The tool is killed before or after a call of git.
    ToolDies,
    /// Both of these.
    Both,
    /// git is killed in the middle of a transaction.
    GitDies,
}

/// A `git` that kills: about every twelfth transaction. What stays of a git that was killed is made to look old, together with the note of when it
/// ran, so that nobody has to wait ten seconds for that; removing it is the tool's.
fn deadly(weather: Weather) -> String {
    let strike = match weather {
        Weather::ToolDies | Weather::Both => {
            "case $((n % 2)) in 0) kill -9 $PPID; exit 137 ;; *) git \"$@\" <&0; kill -9 $PPID; exit 137 ;; esac"
        }
        _ => {
            "exec 3<&0; git \"$@\" <&3 & p=$!; sleep 0.0$((n + 10)); \
             touch -c -d '2 minutes ago' \"$GITDIR/ccc/running/$PPID\".*; kill -9 $p 2>/dev/null && { wait $p; \
             left() { find \"$GITDIR/refs\" \"$GITDIR/reftable\" \"$GITDIR/\"*.lock \"$GITDIR/packed-refs.new\" \\( -name '*.lock' -o -name '*.new' \\) \
             -printf '%i %p\\n' 2>/dev/null; }; before=$(left); sleep 0.1; \
             left | while read -r line; do case \"$before\" in *\"$line\"*) touch -d '30 seconds ago' \"${line#* }\" 2>/dev/null ;; esac; done; exit 137; }; wait $p; exit $?"
        }
    };
    format!(
        "PATH=${{PATH#*:}}; export PATH\ncase \"$*\" in *update-ref*) ;; *) exec git \"$@\" ;; esac\n\
         n=$(od -An -N1 -tu1 /dev/urandom); n=$((n))\n[ $n -lt 21 ] || exec git \"$@\"\n{strike}"
    )
}

fn storm(options: Options, workers: usize, rounds: usize, weather: Weather) {
    let told = format!("{options:?} {workers} x {rounds} {weather:?}");
    let w = ready(options.real_clock().build());
    for file in ["src/a.rs", "src/b.rs", "src/c.txt"] {
        w.write(file, "begin\n");
        w.git(["add", file]).ok();
    }
    w.git(["commit", "-qm", "begin"]).ok();
    let witness = w.tmp().join("witness");
    std::fs::create_dir_all(witness.join("broken")).expect("a fresh folder");
    let scopes = w.tmp().join("scopes");
    std::fs::write(&scopes, format!("{SCOPES}\n")).expect("the scopes");
    let git_dir = w.main_worktree().join(".git");
    if weather != Weather::Packing {
        w.tool("git", &deadly(weather));
    }
    let packing = matches!(weather, Weather::Packing | Weather::Both);
    let packer = packing.then(|| Packer::start(&w));
    let patience = DEADLINE
        + Duration::from_millis(500) * u32::try_from(workers * rounds).expect("a race has an end");
    let commands = (0..workers).map(|n| {
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
            .env("GITDIR", &git_dir)
            .within(patience)
    });
    let outputs = race(commands);
    drop(packer);
    w.real_tool("git");
    let lines: Vec<&str> = outputs
        .iter()
        .flat_map(|output| output.stdout.lines().chain(output.stderr.lines()))
        .collect();
    let count = |word: &str| lines.iter().filter(|line| line.starts_with(word)).count();
    let done = ["held ", "committed ", "broke ", "left ", "died "];
    let counts = done.map(|word| format!("{word}{}", count(word))).join(", ");
    println!("info: {told}: {counts}");
    let bad: Vec<&&str> = lines
        .iter()
        .filter(|line| !done.iter().any(|word| line.starts_with(word)))
        .collect();
    assert!(bad.is_empty(), "{told}: {counts}, and\n{bad:#?}");
    assert!(
        count("held ") > workers / 2,
        "{told}: {counts}: this shows nothing"
    );
    if rounds >= 100 {
        assert!(
            done.iter().all(|word| count(word) > 0),
            "{told}: {counts}: not everything happened"
        );
    }
    let said = lines
        .iter()
        .filter_map(|line| line.strip_prefix("committed "));
    what_landed(&w, &said.collect::<Vec<_>>(), &told);
    what_is_left(&w, weather, &told);
}

/// What was said to be committed is there once, and no commit has a file beside its own.
fn what_landed(w: &World, said: &[&str], told: &str) {
    let text = w.git_text(["log", "--format=%x00%s", "--name-only", "HEAD"]);
    let mut found = BTreeMap::<&str, usize>::new();
    for commit in text.split('\0').filter(|commit| commit.starts_with('w')) {
        let mut lines = commit.lines().filter(|line| !line.is_empty());
        *found.entry(lines.next().unwrap_or_default()).or_default() += 1;
        assert_eq!(lines.count(), 1, "{told}: one file: {commit}");
    }
    assert!(found.values().all(|count| *count == 1), "{told}: {found:?}");
    let lost: Vec<_> = said
        .iter()
        .filter(|subject| !found.contains_key(**subject))
        .collect();
    assert!(lost.is_empty(), "{told}: {lost:?} did not land");
}

/// Nothing is broken, nothing is lost from the log, nothing stops the next command.
fn what_is_left(w: &World, weather: Weather, told: &str) {
    let any = w.session("after");
    poll("the last short lease", || {
        let taken = any.ccc(["claim", "src/", "res:port/3000", "~/.claude/"]);
        (taken.code == 0).then_some(())
    });
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

/// Runs the storm in each kind of repository; the short form is quick everywhere and a little longer in the first.
fn storms(weather: Weather, in_long: (usize, usize), long_weather: Weather) {
    for (n, options) in World::matrix().into_iter().enumerate() {
        if long() {
            storm(options, in_long.0, in_long.1, long_weather);
        } else {
            storm(options, 8, if n == 0 { 10 } else { 3 }, weather);
        }
    }
}

#[test]
fn never_two_holders_while_git_packs() {
    storms(Weather::Packing, (16, 500), Weather::Both);
}

#[test]
fn never_two_holders_while_the_tool_is_killed() {
    storms(Weather::ToolDies, (8, 50), Weather::ToolDies);
}

#[test]
fn never_two_holders_while_git_is_killed() {
    storms(Weather::GitDies, (16, 100), Weather::GitDies);
}
