//! Claims at 100 live ones, against what git itself takes to create and to delete one ref.

use super::{BINARY, Repo, row};

const LIVE: usize = 100;
const SESSIONS: usize = 10;
const ROUNDS: usize = 60;

pub fn run() {
    let repo = Repo::new();
    repo.set_up();
    for s in 0..SESSIONS {
        let tag = repo.session(&format!("holder {s}"));
        for n in 0..LIVE / SESSIONS {
            let scope = format!("held/{s}/{n}/");
            repo.timed(BINARY, &["claim", &scope, "-q"], &tag);
        }
    }
    let tag = repo.session("bench");
    let head = repo.git(&["rev-parse", "HEAD"]);
    let (mut claim, mut release, mut create, mut delete) = (vec![], vec![], vec![], vec![]);
    let (mut board, mut refs, mut list, mut start) = (vec![], vec![], vec![], vec![]);
    for round in 0..ROUNDS {
        let name = format!("refs/bench/{round}");
        create.push(repo.timed("git", &["update-ref", &name, &head], &tag));
        claim.push(repo.timed(BINARY, &["claim", "src/lib.rs"], &tag));
        delete.push(repo.timed("git", &["update-ref", "-d", &name], &tag));
        release.push(repo.timed(BINARY, &["release", "src/lib.rs"], &tag));
        let for_each = ["for-each-ref", "--format=%(contents)", "refs/ccc/claims"];
        refs.push(repo.timed("git", &for_each, &tag));
        board.push(repo.timed(BINARY, &["claims"], &tag));
        start.push(repo.timed(BINARY, &["--version"], &tag));
        list.push(repo.timed(BINARY, &["session", "list"], &tag));
    }
    row(
        "claim, 100 live / update-ref",
        &mut claim,
        &mut create,
        "<= 3",
    );
    row(
        "release, 100 live / update-ref -d",
        &mut release,
        &mut delete,
        "<= 3",
    );
    row(
        "claims, 100 live / for-each-ref",
        &mut board,
        &mut refs,
        "-",
    );
    row("session list / --version", &mut list, &mut start, "-");
}
