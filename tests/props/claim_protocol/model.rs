//! The world the claim protocol runs in, as a finite state machine.
//!
//! Purpose: refs as git's files backend keeps them (loose over packed, one `.lock` a ref, transactions that
//! are visible rename by rename), three sessions that each run a script of commands, their git children,
//! a packer, a clock, and kills. Every step another process could observe is a step of its own; pure decisions
//! ride on the read before them.
//!
//! Contract: [`World::successors`] yields every possible next state; [`World::violated`] and the third field of
//! a successor say which property broke. Objects are content-addressed as git's are: equal content, equal oid.
//!
//! Harsher than the real thing on purpose: a claim's ref name is the session's, so names are re-used; a listing
//! is no snapshot and is never restarted; dead processes' locks stay until someone removes them.

mod git;
mod tool;

use std::collections::HashMap;

/// An object's name; 0 is "no such ref".
pub type Oid = u16;
/// Number of sessions; claim ref `i` is session `i`'s.
pub const SESSIONS: usize = 3;
const LOG: usize = 3;
const HEAD: usize = 4;
const REFS: usize = 5;
const REF_NAMES: [&str; REFS] = ["claims/A", "claims/B", "claims/C", "log", "HEAD"];
/// Scopes A={1}, B={1,2}, C={2}, as bits.
const SCOPES: [u8; SESSIONS] = [0b01, 0b11, 0b10];
/// The git child whose tool was killed; the children before it are the sessions'.
const ORPHAN: usize = SESSIONS;
const CHILDREN: usize = ORPHAN + 1;
/// Owner of a dead process's lock; 0 is free, `child + 1` a living one.
const DEAD: u8 = 9;
const PACKER: u8 = 8;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Object {
    Claim {
        session: u8,
        nonce: u8,
        fence: u8,
        until: u8,
    },
    Entry {
        parent: Oid,
        fence: u8,
        by: u8,
        grants: Oid,
        ends: [Oid; SESSIONS],
        head: Oid,
    },
    Commit {
        parent: Oid,
        by: u8,
    },
}

/// A command of a session's script.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op {
    Claim,
    Commit,
    Renew,
    Release,
    /// Removes another's live overlapping claim.
    Break,
}

/// Where the log stands among a transaction's edits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogSwap {
    Last,
    First,
    /// The log is written without an expected value.
    Unchecked,
}

/// What the listing after a grant makes a session do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Relist {
    Off,
    /// Withdraw when an overlapping claim has an older fence, or the same fence and a lower id.
    Older,
    /// Withdraw when any live claim overlaps.
    Any,
}

/// What a reader makes of a claim whose fence is beyond the log's tip.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Orphans {
    /// The next transaction deletes it by expected value.
    Delete,
    /// It is a claim like any other, until it expires.
    Keep,
}

/// What a taker does with an expired claim that overlaps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expired {
    /// Deletes it by expected value in the granting transaction.
    Delete,
    Ignore,
}

/// What a commit asks of the listing, its own unexpired claim apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CommitRule {
    OwnListed,
    /// No other live overlapping claim is listed either.
    Alone,
}

/// When the lock of a dead process may be removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Recovery {
    /// The check that its owner is dead and the unlink are one step (what holding a real flock gives).
    Atomic,
    /// Another process may act between the check and the unlink.
    Racy,
    /// The check is age alone, so a stalled living owner is taken for dead.
    AgeOnly,
}

/// Whether a record carries something that makes it unique.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Records {
    Unique,
    Reused,
}

/// A protocol and the environment it runs in.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    pub flock_present: bool,
    /// git may accept a wrong expectation of the log while the log has no loose file.
    pub cas_on_stale_packed: bool,
    pub log: LogSwap,
    pub relist: Relist,
    pub orphans: Orphans,
    pub expired: Expired,
    pub commit: CommitRule,
    pub recovery: Recovery,
    pub records: Records,
}

/// How far the search goes.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub scripts: [&'static [Op]; SESSIONS],
    pub kills: u8,
    pub packs: u8,
    pub ticks: u8,
    /// A claim taken at `now` ends at `now + lease`.
    pub lease: u8,
    /// How often a command starts again after losing a swap or meeting a lock.
    pub retries: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Kind {
    Verify,
    Update,
    Delete,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Edit {
    target: u8,
    kind: Kind,
    old: Oid,
    new: Oid,
}

const NO_EDIT: Edit = Edit {
    target: 0,
    kind: Kind::Verify,
    old: 0,
    new: 0,
};

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Phase {
    Idle,
    /// Locks and checks the edit of this index.
    Prepare(u8),
    LockPacked,
    /// Renames the edit of this index into place.
    Rename(u8),
    RewritePacked,
    Unlink(u8),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Git {
    phase: Phase,
    len: u8,
    edits: [Edit; 4],
}

const NO_GIT: Git = Git {
    phase: Phase::Idle,
    len: 0,
    edits: [NO_EDIT; 4],
};

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum At {
    Idle,
    Tip,
    Loose,
    Packed,
    Git,
    /// Saw this ref's lock to be stale, is about to remove it.
    Unlock(u8),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Mode {
    Act,
    Relist,
    Withdraw,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Tool {
    op: u8,
    tries: u8,
    at: At,
    mode: Mode,
    tip: Oid,
    seen: [Oid; SESSIONS],
    /// The claim this command wrote.
    mine: Oid,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Packing {
    Idle,
    Holding,
    Pruning(u8),
}

/// One state of the world.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct State {
    loose: [Oid; REFS],
    packed: [Oid; REFS],
    lock: [u8; REFS],
    packed_lock: u8,
    flock: u8,
    now: u8,
    kills: u8,
    packs: u8,
    packing: Packing,
    snapshot: [Oid; REFS],
    tools: [Tool; SESSIONS],
    git: [Git; CHILDREN],
    nonce: [u8; SESSIONS],
    /// The claim each session was told it holds.
    belief: [Oid; SESSIONS],
    /// The claim a break has ended; its holder's belief no longer counts.
    broken: Oid,
}

/// A step, as a trace names it.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Tool(u8),
    Git(u8),
    /// git accepts a wrong expectation of the log.
    Fooled(u8),
    KillTool(u8),
    KillBoth(u8),
    Pack,
    Tick,
}

/// The step, the state after it, a property the step itself broke.
pub type Next = Vec<(Step, State, Option<&'static str>)>;

/// A setup, its bounds, the objects written.
pub struct World {
    setup: Setup,
    bounds: Bounds,
    objects: Vec<Object>,
    names: HashMap<Object, Oid>,
}

fn overlap(a: usize, b: usize) -> bool {
    a != b && SCOPES[a] & SCOPES[b] != 0
}

fn byte(n: usize) -> u8 {
    u8::try_from(n).expect("small")
}

impl State {
    fn value(&self, r: usize) -> Oid {
        [self.loose[r], self.packed[r]][usize::from(self.loose[r] == 0)]
    }

    fn free_locks(&mut self, child: usize, to: u8) {
        let own = byte(child) + 1;
        for lock in self.lock.iter_mut().chain([&mut self.packed_lock]) {
            if *lock == own {
                *lock = to;
            }
        }
    }
}

impl World {
    pub fn new(setup: Setup, bounds: Bounds) -> Self {
        Self {
            setup,
            bounds,
            objects: Vec::new(),
            names: HashMap::new(),
        }
    }

    /// The empty repository: a log with its first entry, a HEAD, no claims.
    pub fn first(&mut self) -> State {
        let root = self.write(Object::Entry {
            parent: 0,
            fence: 0,
            by: 9,
            grants: 0,
            ends: [0; 3],
            head: 0,
        });
        let head = self.write(Object::Commit { parent: 0, by: 9 });
        let tool = Tool {
            op: 0,
            tries: 0,
            at: At::Idle,
            mode: Mode::Act,
            tip: 0,
            seen: [0; SESSIONS],
            mine: 0,
        };
        State {
            loose: [0, 0, 0, root, head],
            packed: [0; REFS],
            lock: [0; REFS],
            packed_lock: 0,
            flock: 0,
            now: 0,
            kills: 0,
            packs: 0,
            packing: Packing::Idle,
            snapshot: [0; REFS],
            tools: [tool; SESSIONS],
            git: [NO_GIT; CHILDREN],
            nonce: [0; SESSIONS],
            belief: [0; SESSIONS],
            broken: 0,
        }
    }

    fn write(&mut self, object: Object) -> Oid {
        *self.names.entry(object).or_insert_with(|| {
            self.objects.push(object);
            Oid::try_from(self.objects.len()).expect("few objects")
        })
    }

    fn object(&self, oid: Oid) -> Object {
        self.objects[usize::from(oid) - 1]
    }

    fn until(&self, claim: Oid) -> u8 {
        match self.object(claim) {
            Object::Claim { until, .. } => until,
            other => unreachable!("{other:?} is no claim"),
        }
    }

    fn fence(&self, oid: Oid) -> u8 {
        match self.object(oid) {
            Object::Claim { fence, .. } | Object::Entry { fence, .. } => fence,
            other @ Object::Commit { .. } => unreachable!("{other:?} has no fence"),
        }
    }

    /// Whether the log's last word on the claim is that it ended.
    fn ended(&self, mut tip: Oid, claim: Oid) -> bool {
        while tip != 0 {
            let Object::Entry {
                parent,
                grants,
                ends,
                ..
            } = self.object(tip)
            else {
                unreachable!()
            };
            if grants == claim || ends.contains(&claim) {
                return grants != claim;
            }
            tip = parent;
        }
        false
    }

    /// Whether the session rightly believes that it holds its claim now.
    fn holds(&self, state: &State, s: usize) -> bool {
        let claim = state.belief[s];
        claim != 0 && claim != state.broken && state.now < self.until(claim)
    }

    /// The property that every state has.
    pub fn violated(&self, state: &State) -> Option<&'static str> {
        let both = |a, b| overlap(a, b) && self.holds(state, a) && self.holds(state, b);
        (both(0, 1) || both(1, 2)).then_some("two sessions hold overlapping claims")
    }

    /// Every step that can be taken, kills, packing and the clock included.
    pub fn successors(&mut self, state: &State, out: &mut Next) {
        for s in 0..SESSIONS {
            self.tool_steps(state, s, out);
            if state.tools[s].at != At::Idle && state.kills < self.bounds.kills {
                let mut dead = *state;
                dead.kills += 1;
                self.finish(&mut dead, s);
                let mut running = dead;
                dead.free_locks(s, DEAD);
                dead.git[s] = NO_GIT;
                out.push((Step::KillBoth(byte(s)), dead, None));
                if running.git[s].phase != Phase::Idle && running.git[ORPHAN].phase == Phase::Idle {
                    running.free_locks(s, byte(ORPHAN) + 1);
                    running.git[ORPHAN] = running.git[s];
                    running.git[s] = NO_GIT;
                    out.push((Step::KillTool(byte(s)), running, None));
                }
            }
        }
        for child in 0..CHILDREN {
            if state.git[child].phase != Phase::Idle {
                self.git_steps(state, child, out);
            }
        }
        self.pack_step(state, out);
        if state.now < self.bounds.ticks {
            let mut next = *state;
            next.now += 1;
            out.push((Step::Tick, next, None));
        }
    }

    /// Names a step.
    pub fn tell(&self, before: &State, step: Step) -> String {
        let who = |n: u8| ["A", "B", "C", "orphaned git"][usize::from(n)];
        match step {
            Step::Tool(s) => {
                let tool = before.tools[usize::from(s)];
                let op = self.bounds.scripts[usize::from(s)][usize::from(tool.op)];
                format!("{} {op:?}/{:?}: {:?}", who(s), tool.mode, tool.at)
            }
            Step::Git(c) | Step::Fooled(c) => {
                let git = before.git[usize::from(c)];
                let target = match git.phase {
                    Phase::Prepare(i) | Phase::Rename(i) | Phase::Unlink(i) => {
                        REF_NAMES[usize::from(git.edits[usize::from(i)].target)]
                    }
                    _ => "packed-refs",
                };
                let fooled = if matches!(step, Step::Fooled(_)) {
                    " FOOLED"
                } else {
                    ""
                };
                format!("{} git: {:?} {target}{fooled}", who(c), git.phase)
            }
            Step::KillTool(s) => format!("kill {}'s tool, its git runs on", who(s)),
            Step::KillBoth(s) => format!("kill {} and its git", who(s)),
            Step::Pack => format!("packer: {:?}", before.packing),
            Step::Tick => "the clock ticks".to_owned(),
        }
    }

    /// Sums a state up for a trace.
    pub fn show(&self, state: &State) -> String {
        let State {
            loose,
            packed,
            lock,
            belief,
            now,
            ..
        } = state;
        let tip = self.fence(state.value(LOG));
        format!(
            "t{now} loose {loose:?} packed {packed:?} locks {lock:?} fence {tip} granted {belief:?}"
        )
    }
}
