//! Many writers and readers, kills of both and of git, packing, garbage collection and stock `git notes append` beside them, and two clones
//! merged by stock `git notes merge`: nothing accepted is lost, nothing is shown twice to a reader, every sender's order is kept.
//!
//! `CCC_LONG=1` runs 30 writers, 30 readers and 10,000 messages on loose refs, a tenth of that on what else a repository may be made of.

use crate::common::output::CommandOutput;
use crate::common::race::{Packer, race};
use crate::common::session::Session;
use crate::common::setup::ready;
use crate::common::world::{BINARY, DEADLINE, Options, World};
use std::collections::BTreeSet;
use std::time::Duration;

const REF: &str = "refs/notes/ccc/chat";

const ALL_UNREAD: [&str; 5] = ["chat", "read", "--unread", "--json", "--limit=1000000"];

/// One sender: a message is accepted when the command said so; one that was killed may be in or out. The busier the machine, the more tries
/// a post takes and the likelier one of them is killed: so it goes on until as many as are wanted were accepted.
const WRITER: &str = r#"
n=$1; rounds=$2; ccc=$3; i=0; accepted=0
while [ $accepted -lt $rounds ] && [ $i -lt $((rounds * 40)) ]; do
  i=$((i+1)); dice=$(od -An -N1 -tu1 /dev/urandom); commit=
  [ $((i % 5)) -ne 0 ] || commit="--commit HEAD"
  if [ $((dice)) -lt $KILLS ]; then
    "$ccc" chat post "w$n $i" $commit >/dev/null 2>"$TMPDIR/err.$n" & p=$!
    sleep 0.0$((dice % 5)); kill -9 $p 2>/dev/null; wait $p; code=$?
  else
    "$ccc" chat post "w$n $i" $commit >/dev/null 2>"$TMPDIR/err.$n"; code=$?
  fi
  case $code in
  0) echo "accepted w$n $i"; accepted=$((accepted+1)) ;;
  137) ;;
  *) echo "FAILED $code $(cat "$TMPDIR/err.$n")" ;;
  esac
done
touch "$TMPDIR/done.$n"
"#;

/// One receiver. What a call that was killed has printed counts exactly if it moved the session's marks, and not if it only let it beat: the pipe is at its end when the
/// last git that the call had started has ended too.
const READER: &str = r#"
n=$1; writers=$2; ccc=$3; last=
out=$TMPDIR/out.$n; err=$TMPDIR/rerr.$n
marks() { git cat-file tag "refs/ccc/sessions/$CCC_SESSION" | sed -n '/^\[cursor/,$p'; }
while :; do
  [ $(ls "$TMPDIR" | grep -c '^done\.') -lt $writers ] || last=1
  dice=$(od -An -N1 -tu1 /dev/urandom); before=$(marks)
  if [ $((dice)) -lt $KILLS ] && [ -z "$last" ]; then
    { "$ccc" chat read --unread --json >"$out" 2>"$err" & p=$!
      sleep 0.0$((dice % 5)); kill -9 $p; wait $p; echo $? >"$TMPDIR/code.$n"; } 2>/dev/null 9>&1 | cat
  else
    { "$ccc" chat read --unread --json >"$out" 2>"$err"; echo $? >"$TMPDIR/code.$n"; } 9>&1 | cat
  fi
  code=$(cat "$TMPDIR/code.$n"); [ $code -ne 137 ] || [ "$before" = "$(marks)" ] || cat "$out"
  case $code in
  0) cat "$out"; [ -z "$last" ] || exit 0 ;;
  137) ;;
  *) echo "FAILED $code $(cat "$err")" ;;
  esac
done
"#;

/// A person with stock git, who does not retry.
const STOCK: &str = r#"
writers=$1; i=0
while [ $i -lt $2 ] && [ $(ls "$TMPDIR" | grep -c '^done\.') -lt $writers ]; do
  i=$((i+1)); git notes --ref=ccc/chat append -m "stock $i" HEAD >/dev/null 2>&1
done
"#;

/// A `git` that kills: about every twelfth transaction kills its caller before or after, or is killed itself in the middle. The lock of the
/// room that this leaves is made to look old, so that nobody has to wait for that. Where a lock is everybody's (reftable) or shared with the
/// packer (sessions), git itself is not killed: here it is the room that is shown.
const DEADLY: &str = r#"
PATH=${PATH#*:}; export PATH
case "$*" in *update-ref*) ;; *) exec git "$@" ;; esac
n=$(od -An -N1 -tu1 /dev/urandom); n=$((n))
[ $n -lt 21 ] || exec git "$@"
case "$*" in *" session "*) n=$((n % 3 % 2)) ;; esac
[ ! -d "$GIT/reftable" ] || n=$((n % 3 % 2))
case $((n % 3)) in
0) kill -9 $PPID; exit 137 ;;
1) git "$@" <&0; kill -9 $PPID; exit 137 ;;
*) cat >"$TMPDIR/script.$$"; git "$@" <"$TMPDIR/script.$$" & p=$!
   sleep 0.00$((n % 8)); kill -9 $p 2>/dev/null || { wait $p; exit $?; }
   wait $p; lock=$GIT/refs/notes/ccc/chat.lock
   new=$(cat "$lock" 2>/dev/null) && [ -n "$new" ] && grep -q "chat $new" "$TMPDIR/script.$$" && touch -c -d '30 seconds ago' "$lock"
   exit 137 ;;
esac
"#;

struct Size {
    writers: usize,
    readers: usize,
    rounds: usize,
}

fn size(short: (usize, usize, usize), long: (usize, usize, usize)) -> Size {
    let long_run = std::env::var_os("CCC_LONG").is_some();
    let (writers, readers, rounds) = if long_run { long } else { short };
    Size {
        writers,
        readers,
        rounds,
    }
}

fn words(numbers: [usize; 2], script: &str) -> Vec<String> {
    let [a, b] = numbers.map(|number| number.to_string());
    ["-c", script, "sh", &a, &b, BINARY]
        .map(str::to_owned)
        .to_vec()
}

fn storm(options: Options, size: &Size, kills: bool) {
    let told = format!("{options:?}");
    let w = ready(options.real_clock().build());
    let start = |kind: &str, n: usize| w.session(&format!("{kind}{n}"));
    let writers: Vec<Session> = (0..size.writers).map(|n| start("w", n)).collect();
    let readers: Vec<Session> = (0..size.readers).map(|n| start("r", n)).collect();
    if kills {
        w.tool("git", DEADLY);
    }
    let packer = Packer::start(&w);
    let limit = if kills { "24" } else { "0" };
    let messages = u32::try_from(size.writers * size.rounds).expect("a race has an end");
    let patience = DEADLINE + Duration::from_millis(500) * messages;
    let run = |session: Option<&Session>, args: Vec<String>| {
        let command = w.command("sh", args).env("KILLS", limit);
        let command = command.env("GIT", w.main_worktree().join(".git"));
        let command = command.within(patience);
        match session {
            Some(session) => command.env("CCC_SESSION", session.tag()),
            None => command,
        }
    };
    let writing = writers.iter().enumerate();
    let writing = writing.map(|(n, session)| run(Some(session), words([n, size.rounds], WRITER)));
    let reading = readers.iter().enumerate();
    let reading = reading.map(|(n, session)| run(Some(session), words([n, size.writers], READER)));
    let stock = run(None, words([size.writers, 20 * size.rounds], STOCK));
    let outputs = race(writing.chain(reading).chain([stock]));
    drop(packer);
    w.real_tool("git");
    let failed: Vec<&str> = outputs
        .iter()
        .flat_map(|output| output.stdout.lines().chain(output.stderr.lines()))
        .filter(|line| !line.starts_with("accepted ") && !line.starts_with('{'))
        // The shell's word for a child that was killed.
        .filter(|line| *line != "Killed")
        .collect();
    assert!(failed.is_empty(), "{told}: {}", failed.join("\n"));
    let accepted: BTreeSet<String> = outputs[..size.writers]
        .iter()
        .flat_map(|output| output.stdout.lines())
        .filter_map(|line| line.strip_prefix("accepted "))
        .map(str::to_owned)
        .collect();
    assert_eq!(
        accepted.len(),
        size.writers * size.rounds,
        "{told}: hardly a post got through"
    );
    let said = w.ccc(["chat", "read", "--json", "--limit", "1000000"]);
    check(&heard(said.ok()), &accepted, &format!("{told}: the room"));
    for (reader, output) in readers.iter().zip(&outputs[size.writers..]) {
        let mut seen = heard(output);
        seen.extend(heard(reader.ccc(ALL_UNREAD).ok()));
        check(&seen, &accepted, &format!("{told}: {}", reader.tag()));
    }
    notes_are_whole(&w, &writers[0], &accepted, &told);
    w.git(["fsck", "--strict"]).ok();
}

fn heard(output: &CommandOutput) -> Vec<String> {
    let texts = output.json_lines().into_iter();
    texts
        .map(|message| message["text"].as_str().expect("a text").to_owned())
        .collect()
}

/// All that was accepted is there, nothing twice, and every sender's messages come in the order in which they were posted.
#[track_caller]
fn check(seen: &[String], accepted: &BTreeSet<String>, told: &str) {
    let once: BTreeSet<&String> = seen.iter().collect();
    assert_eq!(
        once.len(),
        seen.len(),
        "{told}: something came twice: {seen:?}"
    );
    let lost: Vec<&String> = accepted
        .iter()
        .filter(|text| !once.contains(text))
        .collect();
    assert!(lost.is_empty(), "{told}: lost {lost:?} of {seen:?}");
    let mut newest = std::collections::BTreeMap::new();
    for text in seen {
        let (sender, number) = text.split_once(' ').expect("a sender and a number");
        let number: usize = number.parse().expect("a number");
        let before = newest.insert(sender.to_owned(), number);
        assert!(
            before.is_none_or(|before| before < number),
            "{told}: {text} after {before:?}"
        );
    }
}

/// The next write has put back whatever racing stock appends dropped of our lines.
fn notes_are_whole(w: &World, any: &Session, accepted: &BTreeSet<String>, told: &str) {
    any.ccc(["chat", "post", "w999 0"]).ok();
    let note = w.git_text(["notes", "--ref=ccc/chat", "show", "HEAD"]);
    for text in accepted {
        let number: usize = text
            .split_once(' ')
            .and_then(|(_, number)| number.parse().ok())
            .expect("a number");
        if number.is_multiple_of(5) {
            assert!(
                note.contains(&format!(": {text} [")),
                "{told}: the note has {text}:\n{note}"
            );
        }
    }
}

#[test]
fn nothing_accepted_is_lost_beside_packing_and_stock_notes() {
    for (n, options) in World::matrix().into_iter().enumerate() {
        let (short, long) = if n == 0 { (10, 334) } else { (5, 34) };
        storm(options, &size((4, 2, short), (30, 30, long)), false);
    }
}

#[test]
fn nothing_accepted_is_lost_when_writers_readers_and_git_are_killed() {
    for (n, options) in World::matrix().into_iter().enumerate() {
        let (short, long) = if n == 0 { (12, 334) } else { (5, 34) };
        storm(options, &size((4, 2, short), (30, 30, long)), true);
    }
}

#[test]
fn two_clones_that_merge_are_one_room() {
    let size = size((3, 2, 4), (8, 8, 100));
    let w = ready(World::options().real_clock().build());
    let clone = w.tmp().join("clone");
    let there = clone.to_str().expect("a path").to_owned();
    let spec = format!("{REF}:{REF}");
    w.session("first").ccc(["chat", "post", "w998 0"]).ok();
    w.git(["clone", "-q", ".", &there]).ok();
    w.command("git", ["fetch", "-q", "origin", &spec])
        .cwd(&clone)
        .run()
        .ok();
    w.command(BINARY, ["init"]).cwd(&clone).run().ok();
    let dirs = [w.main_worktree(), clone.clone()];
    let start = |kind: &str, n: usize| w.session_in(&dirs[n % 2], &format!("{kind}{n}"));
    let writers: Vec<Session> = (0..2 * size.writers).map(|n| start("w", n)).collect();
    let readers: Vec<Session> = (0..2 * size.readers).map(|n| start("r", n)).collect();
    let mut seen: Vec<Vec<String>> = vec![Vec::new(); readers.len()];
    let mut accepted = BTreeSet::new();
    for round in 0..3 {
        let commands = writers.iter().enumerate().map(|(n, session)| {
            let mut lines = String::new();
            for i in 0..size.rounds {
                let text = format!("w{n} {}", round * size.rounds + i);
                lines.push_str(&text);
                lines.push('\n');
                accepted.insert(text);
            }
            session
                .command(["chat", "post", "--stdin", "-q"])
                .stdin(lines)
        });
        let commands: Vec<_> = commands.collect();
        for output in race(commands) {
            output.ok();
        }
        // Some have read before the merge and some have not.
        for (n, reader) in readers
            .iter()
            .enumerate()
            .filter(|(n, _)| (n + round) % 3 != 0)
        {
            seen[n].extend(heard(reader.ccc(ALL_UNREAD).ok()));
        }
        for (n, dir) in dirs.iter().enumerate() {
            let from = dirs[1 - n].to_str().expect("a path");
            let fetch = ["fetch", "-q", from, &format!("+{REF}:refs/notes/theirs")];
            w.command("git", fetch).cwd(dir).run().ok();
            let merge = [
                "notes",
                "--ref=ccc/chat",
                "merge",
                "-q",
                "-s",
                "cat_sort_uniq",
                "refs/notes/theirs",
            ];
            w.command("git", merge).cwd(dir).run().ok();
        }
    }
    for (n, reader) in readers.iter().enumerate() {
        seen[n].extend(heard(reader.ccc(ALL_UNREAD).ok()));
        // One clone's reader came after the first word, the other one's too.
        check(&seen[n], &accepted, reader.tag());
    }
    for dir in &dirs {
        w.command("git", ["fsck", "--strict"]).cwd(dir).run().ok();
    }
}
