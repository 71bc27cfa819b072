//! Many real processes at once, kills at random, and git packing refs beside them.
//!
//! A race test states an invariant and runs it against what is left; it never expects a text or an order.

use std::io::pipe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::command::{Cmd, Running};
use super::output::CommandOutput;
use super::world::{DEADLINE, World, poll};

/// Runs all of them at once: each process is up and waits at a barrier before the first may go on. Outputs come in the order given.
pub fn race(commands: impl IntoIterator<Item = Cmd>) -> Vec<CommandOutput> {
    release(commands).into_iter().map(Running::wait).collect()
}

/// The same, and about every second process is killed (SIGKILL) at a moment of the first `within`.
pub fn race_with_kills(
    commands: impl IntoIterator<Item = Cmd>,
    random: &mut Random,
    within: Duration,
) -> Vec<CommandOutput> {
    let mut running = release(commands);
    let start = Instant::now();
    let span = u64::try_from(within.as_micros()).expect("a race is short");
    let mut kills: Vec<(u64, usize)> = (0..running.len())
        .map(|n| (random.coin(), random.below(span), n))
        .filter(|(hit, _, _)| *hit)
        .map(|(_, moment, n)| (moment, n))
        .collect();
    kills.sort_unstable();
    for (moment, n) in kills {
        // Not to wait for anything: the moment is what is random.
        std::thread::sleep(Duration::from_micros(moment).saturating_sub(start.elapsed()));
        running[n].kill();
    }
    running.into_iter().map(Running::wait).collect()
}

fn release(commands: impl IntoIterator<Item = Cmd>) -> Vec<Running> {
    let (read, write) = pipe().expect("a pipe");
    let waiting = commands
        .into_iter()
        .map(|command| command.spawn_behind(read.try_clone().expect("a pipe can be shared").into()))
        .collect();
    drop(write);
    waiting
}

/// Random numbers from a seed (SplitMix64). Print the seed in the assertion: it is how a failure is run again.
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
}

impl Random {
    /// The same seed gives the same numbers.
    pub fn new(seed: u64) -> Self {
        Random { state: seed }
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.number() % end.max(1)
    }

    /// True as often as not.
    pub fn coin(&mut self) -> bool {
        self.number() & 1 == 1
    }
}

/// Packs refs again and again, with a `git gc` every eighth time, until the handle goes.
#[derive(Debug)]
pub struct Packer {
    stop: Arc<AtomicBool>,
    rounds: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Packer {
    /// Starts packing, and returns after the first round.
    pub fn start(world: &World) -> Self {
        let (stop, rounds) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicUsize::new(0)),
        );
        let (world, stopped, counted) = (world.clone(), Arc::clone(&stop), Arc::clone(&rounds));
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::SeqCst) {
                let round = counted.load(Ordering::SeqCst);
                // Either may find a ref locked and give up: that is a part of the weather, not a failure.
                let args: &[&str] = if round % 8 == 7 {
                    &["gc", "--quiet"]
                } else {
                    &["pack-refs", "--all", "--prune"]
                };
                // Among sixty processes it takes as long as it takes; the race has an end of its own.
                let _ = world
                    .command("git", args.to_vec())
                    .within(10 * DEADLINE)
                    .run();
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        let packer = Packer {
            stop,
            rounds,
            thread: Some(thread),
        };
        poll("the packer's first round", || {
            (packer.rounds() > 0).then_some(())
        });
        packer
    }

    /// How often it has packed.
    pub fn rounds(&self) -> usize {
        self.rounds.load(Ordering::SeqCst)
    }
}

impl Drop for Packer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(
                ended.is_ok() || std::thread::panicking(),
                "the packer must be able to start git"
            );
        }
    }
}
