//! Model checks of the claim protocol: every interleaving of up to three sessions, within stated bounds.
//!
//! Contract: a setup said to hold has no reachable state, in any scenario, in which two sessions rightly believe
//! that they hold overlapping claims, in which a commit lands while another's granted live claim overlaps it, or
//! in which HEAD loses an update. A setup said to break is broken, with a short trace: that is how we know that
//! the check bites. `CCC_LONG=1` widens the bounds.
//!
//! The protocol under test differs from DESIGN §3.2 in three places, each found here by a counterexample that
//! needs no flock and a fooled swap of the log (git-facts §3.5), and each kept below as a test that it breaks:
//! 1. A session that lists again withdraws from *any* live overlapping claim. An older fence proves nothing once
//!    a swap was fooled: the "younger" one may have listed before the older one was visible, and been granted.
//! 2. A claim whose fence is beyond the tip is held like any other until it expires. A fooled swap shortens the
//!    log, so a granted claim can look like that; deleting it frees a scope under its holder.
//! 3. A commit asks that no other live overlapping claim be listed, beside its own. Its own may never have
//!    passed the second listing: its tool was killed, or could not withdraw.

#![expect(clippy::print_stdout, reason = "the state counts are the evidence")]

mod explore;
mod model;

use explore::{Outcome, Violation, explore};
use model::Op::{Break, Claim, Commit, Release, Renew};
use model::{
    Bounds, CommitRule, Expired, LogSwap, Op, Orphans, Records, Recovery, Relist, Setup, World,
};

/// The full protocol with neither flock nor fooled swaps.
const FULL: Setup = Setup {
    flock_present: false,
    cas_on_stale_packed: false,
    log: LogSwap::Last,
    relist: Relist::Any,
    orphans: Orphans::Keep,
    expired: Expired::Delete,
    commit: CommitRule::Alone,
    recovery: Recovery::Atomic,
    records: Records::Unique,
};
const STALE: Setup = Setup {
    cas_on_stale_packed: true,
    ..FULL
};
/// DESIGN §3.2 to the letter.
const LETTER: Setup = Setup {
    relist: Relist::Older,
    orphans: Orphans::Delete,
    commit: CommitRule::OwnListed,
    ..FULL
};

const CAP: usize = 20_000_000;

const fn bounds(scripts: [&'static [Op]; 3], kills: u8, packs: u8, ticks: u8) -> Bounds {
    Bounds {
        scripts,
        kills,
        packs,
        ticks,
        lease: 1,
        retries: 1,
    }
}

const SHORT: [(&str, Bounds); 10] = [
    (
        "claim and commit",
        bounds([&[Claim, Commit], &[Claim, Commit], &[]], 0, 1, 0),
    ),
    (
        "kill, packed twice",
        bounds([&[Claim], &[Claim], &[]], 1, 2, 0),
    ),
    (
        "three claim",
        bounds([&[Claim], &[Claim], &[Claim]], 0, 0, 0),
    ),
    (
        "three claim, kill",
        bounds([&[Claim], &[Claim], &[Claim]], 1, 0, 0),
    ),
    (
        "kill, then commit",
        bounds([&[Claim, Commit], &[Claim], &[]], 1, 1, 0),
    ),
    ("expiry", bounds([&[Claim, Commit], &[Claim], &[]], 0, 1, 1)),
    ("renewal", bounds([&[Claim, Renew], &[Claim], &[]], 0, 1, 2)),
    (
        "release and claim again",
        bounds([&[Claim, Release, Claim], &[Claim], &[]], 0, 1, 0),
    ),
    (
        "release, kill",
        bounds([&[Claim, Release], &[Claim], &[]], 1, 0, 0),
    ),
    (
        "break",
        bounds([&[Claim, Commit], &[Break, Claim], &[]], 0, 1, 0),
    ),
];

const LONG: [(&str, Bounds); 5] = [
    (
        "two kills, two packs",
        bounds([&[Claim, Commit], &[Claim, Commit], &[]], 2, 2, 0),
    ),
    (
        "three claim, packed",
        bounds([&[Claim], &[Claim], &[Claim]], 0, 1, 0),
    ),
    (
        "expiry, kill",
        bounds([&[Claim, Commit], &[Claim, Commit], &[]], 1, 1, 2),
    ),
    (
        "renewal, kill",
        bounds([&[Claim, Renew, Commit], &[Claim], &[]], 1, 1, 2),
    ),
    (
        "break, kill",
        bounds([&[Claim, Commit], &[Break, Claim], &[]], 1, 1, 0),
    ),
];

/// Asserts that no scenario breaks the setup.
fn holds(name: &str, setup: Setup) {
    let long = std::env::var_os("CCC_LONG").is_some_and(|v| v == "1");
    let wide: &[_] = if long { &LONG } else { &[] };
    let mut total = 0;
    for (scenario, bounds) in SHORT.iter().chain(wide) {
        let Outcome { states, violation } = explore(&mut World::new(setup, *bounds), CAP);
        println!("{name}: {scenario}: {states} states");
        assert!(
            states > 50,
            "{name}: {scenario}: only {states} states, the model is stuck"
        );
        if let Some(Violation { what, steps, trace }) = violation {
            panic!("{name}: {scenario}: {what}, in {steps} steps:\n{trace}");
        }
        total += states;
    }
    println!("{name}: holds, {total} states");
}

/// Asserts that some scenario breaks the setup within `most` steps.
fn breaks(name: &str, setup: Setup, most: usize) {
    breaks_in(&SHORT, name, setup, most);
}

fn breaks_in(scenarios: &[(&str, Bounds)], name: &str, setup: Setup, most: usize) {
    let mut total = 0;
    for &(scenario, bounds) in scenarios {
        let Outcome { states, violation } = explore(&mut World::new(setup, bounds), CAP);
        total += states;
        if let Some(Violation { what, steps, trace }) = violation {
            println!("{name}: {scenario}: {what}, in {steps} steps, {total} states");
            assert!(
                steps <= most && trace.lines().count() == steps,
                "{name}: {steps} steps, not short:\n{trace}"
            );
            return;
        }
    }
    panic!("{name}: no violation in {total} states: the check does not bite");
}

#[test]
fn full_protocol_holds_under_the_flock() {
    holds(
        "flock",
        Setup {
            flock_present: true,
            ..FULL
        },
    );
    holds(
        "flock, stale swap",
        Setup {
            flock_present: true,
            ..STALE
        },
    );
}

#[test]
fn full_protocol_holds_without_the_flock() {
    holds("no flock", FULL);
}

#[test]
fn full_protocol_holds_without_flock_or_sound_swap() {
    holds("no flock, stale swap", STALE);
}

#[test]
fn letter_of_the_design_holds_while_the_swap_is_sound() {
    holds(
        "letter, flock",
        Setup {
            flock_present: true,
            ..LETTER
        },
    );
    holds("letter, no flock", LETTER);
}

#[test]
fn letter_of_the_design_breaks_on_a_stale_swap() {
    breaks(
        "letter, stale swap",
        Setup {
            cas_on_stale_packed: true,
            ..LETTER
        },
        30,
    );
    let flock = Setup {
        flock_present: true,
        cas_on_stale_packed: true,
        ..LETTER
    };
    breaks("letter, stale swap, flock freed by a kill", flock, 35);
}

#[test]
fn withdrawing_from_older_fences_alone_breaks() {
    breaks(
        "older fences",
        Setup {
            relist: Relist::Older,
            ..STALE
        },
        30,
    );
}

#[test]
fn deleting_orphan_claims_breaks() {
    breaks(
        "orphans deleted",
        Setup {
            orphans: Orphans::Delete,
            ..STALE
        },
        35,
    );
}

#[test]
fn committing_on_the_own_claim_alone_breaks() {
    breaks(
        "own claim alone",
        Setup {
            commit: CommitRule::OwnListed,
            ..STALE
        },
        50,
    );
}

#[test]
fn no_second_listing_breaks() {
    breaks(
        "no second listing",
        Setup {
            relist: Relist::Off,
            ..STALE
        },
        30,
    );
}

#[test]
fn log_first_breaks() {
    breaks(
        "log first",
        Setup {
            log: LogSwap::First,
            relist: Relist::Older,
            ..FULL
        },
        30,
    );
    breaks(
        "log first, not listed again",
        Setup {
            log: LogSwap::First,
            relist: Relist::Off,
            ..FULL
        },
        30,
    );
}

#[test]
fn no_log_swap_breaks() {
    breaks(
        "no swap",
        Setup {
            log: LogSwap::Unchecked,
            relist: Relist::Older,
            ..FULL
        },
        30,
    );
    breaks(
        "no swap, not listed again",
        Setup {
            log: LogSwap::Unchecked,
            relist: Relist::Off,
            ..FULL
        },
        30,
    );
}

#[test]
fn reused_objects_break() {
    breaks(
        "reused objects",
        Setup {
            records: Records::Reused,
            ..FULL
        },
        50,
    );
    let flock = Setup {
        records: Records::Reused,
        flock_present: true,
        ..FULL
    };
    breaks("reused objects, flock", flock, 50);
}

#[test]
fn ignoring_an_expired_claim_instead_of_deleting_it_breaks() {
    breaks(
        "expired claim left",
        Setup {
            expired: Expired::Ignore,
            ..STALE
        },
        40,
    );
}

#[test]
fn removing_a_lock_by_age_without_the_flock_breaks() {
    // By the letter, because it breaks early: the full protocol breaks too, on a renewal, after six million states.
    breaks(
        "lock removed by age",
        Setup {
            recovery: Recovery::AgeOnly,
            ..LETTER
        },
        40,
    );
}

#[test]
fn removing_a_dead_lock_without_the_flock_holds() {
    holds(
        "lock removed in two steps",
        Setup {
            recovery: Recovery::Racy,
            ..FULL
        },
    );
}
