//! The check of a range of 1,000 commits, with 1,000 entries of the log and 100 live claims, against `git log --name-only` of the same range.

use super::{BINARY, Repo, row, said};
use std::{
    fmt::Write as _,
    io::Write as _,
    process::Stdio,
    time::{Duration, Instant},
};

const ROUNDS: usize = 15;
const COMMITS: usize = 1_000;

pub fn run() {
    let repo = Repo::new();
    repo.set_up();
    repo.git(&["branch", "base"]);
    import(&repo);
    let holder = repo.session("holder");
    for n in 0..100 {
        repo.timed(BINARY, &["claim", &format!("held/{n}/"), "-q"], &holder);
    }
    let (mut ours, mut base) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let list = ["log", "--name-only", "--format=%H %ct", "base..work"];
        base.push(timed(&repo, "git", &list));
        ours.push(timed(&repo, BINARY, &["check", "--ci", "base..work"]));
    }
    let name = "check, 1000 commits / log --name-only";
    row(name, &mut ours, &mut base, "< 2000 ms");
}

fn timed(repo: &Repo, program: &str, args: &[&str]) -> Duration {
    let start = Instant::now();
    said(&mut repo.command(program, args));
    start.elapsed()
}

/// 2,000 files in 50 folders, then commits of two files each; the log has as many entries.
fn import(repo: &Repo) {
    let mut stream = String::new();
    for commit in 0..=COMMITS {
        let at = 1_700_000_000 + commit;
        let message = format!("Change {commit}");
        let _ = write!(
            stream,
            "commit refs/heads/work\ncommitter B <b@example.com> {at} +0000\ndata {}\n{message}\n",
            message.len()
        );
        let files = if commit == 0 {
            0..2_000
        } else {
            commit * 2..commit * 2 + 2
        };
        for file in files {
            let (folder, text) = (file % 50, format!("{file} in {commit}\nmore\n"));
            let _ = write!(
                stream,
                "M 100644 inline f{folder}/{file}\ndata {}\n{text}\n",
                text.len()
            );
        }
        if commit == 0 {
            stream.push_str("\nreset refs/heads/base\nfrom refs/heads/work\n");
        }
        stream.push('\n');
    }
    // The log goes on from its first entry.
    for entry in 1..=COMMITS {
        let message =
            format!("note {entry}\n\nCcc-Act: note\nCcc-Session: bench-0001\nCcc-Fence: {entry}\n");
        let parent = if entry == 1 {
            "from refs/ccc/log^0\n"
        } else {
            ""
        };
        let _ = write!(
            stream,
            "commit refs/ccc/log\ncommitter B <b@example.com> {} +0000\ndata {}\n{message}\n{parent}deleteall\n\n",
            1_700_000_000 + entry,
            message.len()
        );
    }
    let mut command = repo.command("git", &["fast-import", "--quiet", "--force"]);
    let mut child = command.stdin(Stdio::piped()).spawn().expect("it starts");
    let mut input = child.stdin.take().expect("it is piped");
    input.write_all(stream.as_bytes()).expect("it reads");
    drop(input);
    assert!(child.wait().expect("it ends").success());
}
