//! `refs/ccc/log`: the append-only record of every transition, and the clock.
//!
//! An entry is a commit of the empty tree whose subject says in words what
//! happened and whose trailers say it to machines; `Ccc-Fence` counts up by one.
//! A decision reads the tip first and everything else second, and its
//! transaction moves the log from that tip **as the last update**: whoever sees
//! the new tip also sees what it announces.
//!
//! The flock taken here gives order and speed. Safety rests on the swap, because
//! a flock can be absent; and the callers list again after a grant, because git's
//! own swap can be fooled by a stale packed-refs (see `features/claim/store.rs`).

use crate::{
    base::time::Timestamp,
    error::{Context, Error, Kind, Result},
    fs::Lock,
    git::{
        Oid, Repo, locks, notes, objects,
        refs::{self, Edit, Held, Lost, Reflog, Writer},
    },
};
use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

/// The log's ref.
pub const REF: &str = "refs/ccc/log";
/// How long a command waits for others before it says that the repository is busy.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The newest entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tip {
    /// The entry's commit.
    pub oid: Oid,
    /// Its number.
    pub fence: u64,
}

/// An entry before it has a number.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// One line in words.
    pub subject: String,
    /// Trailers, in order; keys carry the `Ccc-` prefix.
    pub trailers: Vec<(&'static str, String)>,
}

/// One entry as read back.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The entry's commit.
    pub oid: Oid,
    /// Its number.
    pub fence: u64,
    /// The entry before it, if any.
    pub parent: Option<Oid>,
    /// When it was written, by the clock of whoever wrote it: order is the number's business.
    pub at: Timestamp,
    /// The whole message.
    pub message: String,
}

impl Entry {
    /// Takes a commit of the log that was read with its time; its number is not looked for.
    pub fn of_link(link: crate::git::notes::Link) -> Self {
        Entry {
            oid: link.oid,
            fence: 0,
            message: link.message,
            parent: link.parents.first().copied(),
            at: link.at,
        }
    }

    /// Returns the values of a trailer.
    pub fn trailers<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.message
            .lines()
            .filter_map(move |line| line.strip_prefix(key)?.strip_prefix(": "))
    }
}

/// The right to decide: the flock, until dropped.
#[derive(Debug)]
pub struct Guard {
    _lock: Lock,
}

/// Takes the flock that orders decisions in this repository.
pub fn lock(repo: &Repo) -> Result<Guard> {
    let path = repo.ccc_dir().join("log.flock");
    let taken = Lock::acquire(&path, PATIENCE)
        .context(Kind::Setup, || {
            format!("{} cannot be locked", path.display())
        })
        .map_err(|error| error.hint("git ccc doctor"))?;
    let lock = taken.ok_or_else(|| {
        Error::busy(format!(
            "another git-ccc has held {} for {} s",
            path.display(),
            PATIENCE.as_secs()
        ))
        .hint("git ccc doctor")
    })?;
    Ok(Guard { _lock: lock })
}

/// Reads the newest entry; an error of kind Setup says that the repository has no log yet.
pub fn tip(repo: &Repo) -> Result<Tip> {
    let oid = refs::find(repo, REF)?.ok_or_else(|| {
        Error::setup("this repository is not set up for git ccc").hint("git ccc init")
    })?;
    Ok(Tip {
        oid,
        fence: entry(repo, oid)?.fence,
    })
}

/// Reads one entry.
pub fn entry(repo: &Repo, oid: Oid) -> Result<Entry> {
    let link = notes::read(repo, oid).map_err(|error| error.hint("git ccc doctor"))?;
    let mut entry = Entry::of_link(link);
    let fence = entry
        .trailers("Ccc-Fence")
        .last()
        .and_then(|text| text.parse().ok());
    entry.fence = fence.ok_or_else(|| {
        Error::internal(format!("log entry {oid} has no readable Ccc-Fence")).hint("git ccc doctor")
    })?;
    Ok(entry)
}

/// Walks the log from the newest entry back.
pub fn walk(repo: &Repo, from: Oid) -> impl Iterator<Item = Result<Entry>> {
    let mut next = Some(from);
    std::iter::from_fn(move || {
        let oid = next.take()?;
        let entry = entry(repo, oid);
        next = entry.as_ref().ok().and_then(|entry| entry.parent);
        Some(entry)
    })
}

/// Writes the first entry, with a reflog: a reflog line that does not join the one before is the proof of a lost swap.
pub fn begin(repo: &Repo, at: Timestamp, nonce: &str) -> Result<bool> {
    if refs::find(repo, REF)?.is_some() {
        return Ok(false);
    }
    let author = objects::Author {
        name: "git-ccc",
        at,
    };
    let message = format!("log begins\n\nCcc-Act: begin\nCcc-Nonce: {nonce}\nCcc-Fence: 0\n");
    let oid = objects::write_entry(repo, None, &message, author)?;
    match refs::transact(repo, &[Edit::create(REF, oid)], Reflog::Begin("log begins")) {
        Ok(()) => Ok(true),
        // Somebody else began it: as good.
        Err(Lost::Conflict(_)) if refs::find(repo, REF)?.is_some() => Ok(false),
        Err(lost) => Err(lost.into_error("begin the log")),
    }
}

/// Writes the commit of the entry after `tip`; it is not in the log until [`append`] has moved the ref.
pub fn write(
    repo: &Repo,
    tip: &Tip,
    draft: &Draft,
    author: objects::Author<'_>,
    nonce: &str,
) -> Result<Tip> {
    let fence = tip.fence + 1;
    let mut message = format!("{}\n\n", crate::base::text::one_line(&draft.subject, 200));
    for (key, value) in draft
        .trailers
        .iter()
        .map(|(key, value)| (*key, value.as_str()))
        .chain([("Ccc-Nonce", nonce)])
    {
        // Writing to a String cannot fail.
        let _ = writeln!(
            message,
            "{key}: {}",
            crate::base::text::one_line(value, 1000)
        );
    }
    let _ = writeln!(message, "Ccc-Fence: {fence}");
    let oid = objects::write_entry(repo, Some(tip.oid), &message, author)?;
    Ok(Tip { oid, fence })
}

/// As [`write`], for an entry that says again what a lost one said.
pub fn write_again(
    repo: &Repo,
    tip: &Tip,
    lost: &Entry,
    author: objects::Author<'_>,
    nonce: &str,
) -> Result<Tip> {
    let (own, fence) = (["Ccc-Nonce: ", "Ccc-Fence: "], tip.fence + 1);
    let kept = lost.message.lines();
    let kept = kept.filter(|line| !own.iter().any(|own| line.starts_with(own)));
    let mut message: String = kept.flat_map(|line| [line, "\n"]).collect();
    // Writing to a String cannot fail.
    let _ = write!(
        message,
        "Ccc-Again: {}\nCcc-Nonce: {nonce}\nCcc-Fence: {fence}\n",
        lost.oid
    );
    let oid = objects::write_entry(repo, Some(tip.oid), &message, author)?;
    Ok(Tip { oid, fence })
}

/// The ref edits that go with an entry.
#[derive(Clone, Debug, Default)]
pub struct Around {
    /// Visible before the log moves.
    pub before: Vec<Edit>,
    /// Deletions: git makes them visible last.
    pub after: Vec<Edit>,
}

/// Appends an entry in one transaction with what goes with it.
pub fn append(repo: &Repo, tip: &Tip, entry: &Tip, around: Around, by: By<'_>) -> Result<(), Lost> {
    let mut edits = around.before;
    edits.push(Edit::swap(REF, Some(tip.oid), entry.oid));
    edits.extend(around.after);
    match by {
        By::Ready(writer) => writer.transact(repo, &edits),
        By::New(reflog) => refs::transact(repo, &edits, Reflog::Message(reflog)),
    }
}

/// Who writes an entry's transaction.
#[derive(Debug)]
pub enum By<'a> {
    /// A git that was started before, with its message for the reflog.
    Ready(Writer),
    /// One that is started now, with this message.
    New(&'a str),
}

/// Removes locks that a kill left behind and that are proved to be nobody's (`git::locks`); only the flock's holder may.
pub fn repair_lock(repo: &Repo, _guard: &Guard) -> Result<bool> {
    locks::repair(repo)
}

/// As [`repair_lock`] for whoever does not hold the flock, unless somebody has it: then that one repairs, or the next.
pub fn repair_if_free(repo: &Repo) -> Result<bool> {
    let path = repo.ccc_dir().join("log.flock");
    let taken = Lock::acquire(&path, Duration::ZERO).context(Kind::Setup, || {
        format!("{} cannot be locked", path.display())
    })?;
    match taken {
        Some(lock) => repair_lock(repo, &Guard { _lock: lock }),
        None => Ok(false),
    }
}

impl Lost {
    /// Turns a transaction that will not be tried again into an error.
    pub fn into_error(self, doing: &str) -> Error {
        let text = match self {
            Lost::Busy(Held {
                stuck: Some(left), ..
            }) => {
                return Error::busy(format!(
                    "could not {doing}: {} is in the way",
                    left.path.display()
                ))
                .because(left.fact())
                .hint("git ccc doctor");
            }
            Lost::Conflict(text) | Lost::Busy(Held { text, .. }) => text,
            Lost::Failed(error) => return error,
        };
        Error::busy(format!("could not {doing}: others were faster"))
            .because(text)
            .hint("git ccc doctor")
    }

    /// Tells whether trying again is useless.
    fn is_final(&self) -> bool {
        match self {
            Lost::Failed(_) => true,
            // Whoever met it may have repaired it since.
            Lost::Busy(Held {
                stuck: Some(left), ..
            }) => left.path.exists(),
            _ => false,
        }
    }
}

/// Bounded, jittered waiting between attempts at a swap.
#[derive(Debug)]
pub struct Retry {
    until: Instant,
    pause: Duration,
}

impl Retry {
    /// Starts the clock.
    pub fn new(patience: Duration) -> Self {
        Retry {
            until: Instant::now() + crate::fs::bounded(patience),
            pause: Duration::from_millis(1),
        }
    }

    /// Waits before the next attempt, or returns the error when time is up or trying is useless.
    pub fn again(&mut self, lost: Lost, doing: &str, dice: u64) -> Result<()> {
        if lost.is_final() || Instant::now() >= self.until {
            return Err(lost.into_error(doing));
        }
        // Full jitter: waiters that lost together do not come back together.
        let micros = u64::try_from(self.pause.as_micros())
            .unwrap_or(u64::MAX)
            .max(1);
        std::thread::sleep(Duration::from_micros(dice % micros));
        self.pause = (self.pause * 2).min(Duration::from_millis(50));
        Ok(())
    }
}
