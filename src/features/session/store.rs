//! Session refs: loading, saving, beating, and the copy in the hub.

use super::{
    logic::{self, Evidence, Host, Life, Unknown},
    model::{Cursor, PREFIX, Session, SessionRecord},
};
use crate::{
    base::{
        id::{ProcessId, SessionTag},
        record,
        text::shell,
        time::Timestamp,
    },
    clock::Dice,
    ctx::Ctx,
    env,
    error::{Context, Error, Kind, Result},
    fs::Lock,
    git::{
        Oid, Repo, log, notes,
        objects::{self, Author},
        refs::{self, Edit, Lost, Reflog},
        run,
    },
    host,
};
use std::path::PathBuf;

/// This host's own answers, read once.
#[derive(Debug)]
pub struct ThisHost {
    name: String,
    boot: String,
    pids: String,
}

impl ThisHost {
    /// Asks the host for its name, its boot and what can be seen from here.
    pub fn new() -> Self {
        ThisHost {
            name: host::name(),
            boot: host::boot_id(),
            pids: host::pid_space(),
        }
    }
}

impl Default for ThisHost {
    fn default() -> Self {
        Self::new()
    }
}

impl Host for ThisHost {
    fn name(&self) -> &str {
        &self.name
    }

    fn boot(&self) -> &str {
        &self.boot
    }

    fn pids(&self) -> &str {
        &self.pids
    }

    fn runs(&self, process: &ProcessId) -> bool {
        host::is_running(process)
    }
}

/// A session, or why its record cannot be read.
pub type Loaded = (SessionTag, Result<SessionRecord>);

/// Loads every session; an unreadable record is kept as an error, so that one bad record hides no other.
pub fn load_all(repo: &Repo) -> Result<Vec<Loaded>> {
    let mut found = Vec::new();
    for (name, oid) in refs::list(repo, PREFIX)? {
        if let Some(tag) = name.strip_prefix(PREFIX).and_then(|tag| tag.parse().ok()) {
            found.push((tag, read(repo, oid)));
        }
    }
    Ok(found)
}

/// Loads the sessions whose records can be read.
pub fn load_readable(repo: &Repo) -> Result<Vec<Session>> {
    let all = load_all(repo)?.into_iter();
    Ok(all
        .filter_map(|(tag, record)| {
            Some(Session {
                tag,
                record: record.ok()?,
            })
        })
        .collect())
}

/// Loads one session and the object it was read from.
pub fn load(repo: &Repo, tag: &SessionTag) -> Result<Option<(Session, Oid)>> {
    let Some(oid) = refs::find(repo, &ref_name(tag))? else {
        return Ok(None);
    };
    Ok(Some((
        Session {
            tag: tag.clone(),
            record: read(repo, oid)?,
        },
        oid,
    )))
}

fn read(repo: &Repo, oid: Oid) -> Result<SessionRecord> {
    let message = objects::read_record(repo, oid)?;
    record::decode(&message).context(Kind::Setup, || {
        format!("session record {oid} cannot be read")
    })
}

fn ref_name(tag: &SessionTag) -> String {
    format!("{PREFIX}{tag}")
}

/// Writes a session's record; `old` is what was read, nothing for a new session. A lock that a kill left is cleared away.
pub fn save(repo: &Repo, session: &Session, old: Option<Oid>) -> Result<(), Lost> {
    let subject = session.record.subject(&session.tag);
    let text = record::encode(&subject, &session.record).context(Kind::Internal, || {
        "the session has no record form".to_owned()
    });
    let author = Author {
        name: session.tag.as_str(),
        at: session.record.beat,
    };
    let oid = text
        .and_then(|text| objects::write_record(repo, session.tag.as_str(), &text, author))
        .map_err(Lost::Failed)?;
    write(
        repo,
        &[Edit::swap(ref_name(&session.tag), old, oid)],
        "session",
    )
}

/// Applies edits, twice if a lock was in the way that proves to be nobody's any more.
fn write(repo: &Repo, edits: &[Edit], reflog: &str) -> Result<(), Lost> {
    match refs::transact(repo, edits, Reflog::Message(reflog)) {
        Err(Lost::Busy(_)) if log::repair_if_free(repo).map_err(Lost::Failed)? => {
            refs::transact(repo, edits, Reflog::Message(reflog))
        }
        done => done,
    }
}

/// Deletes a session's ref.
pub fn remove(repo: &Repo, tag: &SessionTag, dice: &Dice) -> Result<()> {
    let mut retry = log::Retry::new(log::PATIENCE);
    while let Some(old) = refs::find(repo, &ref_name(tag))? {
        match write(repo, &[Edit::delete(ref_name(tag), old)], "session ends") {
            Ok(()) => return Ok(()),
            Err(lost) => retry.again(lost, "remove the session", dice.roll())?,
        }
    }
    Ok(())
}

/// Tells whether a session is alive, as seen from this host.
pub fn life(record: &SessionRecord, now: Timestamp) -> Life {
    logic::life(record, &ThisHost::new(), now)
}

/// Gathers what says who runs this command.
pub fn evidence(ctx: &Ctx, repo: &Repo) -> Evidence {
    let variables = env::AGENT_IDS
        .iter()
        .filter_map(|(name, agent)| Some(((*agent).to_owned(), env::var(name)?)));
    let native = match &ctx.conversation {
        // A server is shared: its own environment says nothing of who calls.
        Some(named) => vec![named.clone()],
        None => variables.collect(),
    };
    Evidence {
        flag: ctx.session_flag.clone(),
        variable: env::var(env::SESSION),
        native,
        worktree: repo.worktree().map(|path| path.display().to_string()),
    }
}

/// Returns the session that runs this command, having let it beat; an error says how to become one.
pub fn current(ctx: &Ctx) -> Result<Session> {
    let repo = ctx.repo()?;
    let evidence = evidence(ctx, repo);
    // The usual case names a whole tag: one ref is read instead of all.
    let named = evidence
        .flag
        .as_ref()
        .or(evidence.variable.as_ref())
        .and_then(|name| name.parse::<SessionTag>().ok());
    if let Some(tag) = named
        && let Some((session, oid)) = load(repo, &tag)?
    {
        return beat(ctx, session, oid);
    }
    let host = ThisHost::new();
    let sessions = load_readable(repo)?;
    let alive = |session: &Session| logic::life(&session.record, &host, ctx.now()) == Life::Alive;
    let tag = logic::identify(&evidence, &sessions, alive).map_err(explain)?;
    let (session, oid) =
        load(repo, &tag)?.ok_or_else(|| explain(Unknown::NoSuch(tag.to_string())))?;
    beat(ctx, session, oid)
}

/// As [`current`], but refuses a session whose process is proved gone: what it took would be free at once.
pub fn current_alive(ctx: &Ctx) -> Result<Session> {
    let session = current(ctx)?;
    if life(&session.record, ctx.now()) == Life::Dead {
        return Err(Error::setup(format!(
            "session {} is registered with a process that is gone",
            session.tag
        ))
        .hint(format!(
            "git ccc session start --name {}",
            session.tag.slug()
        )));
    }
    Ok(session)
}

/// As [`current`], but nobody in particular is no error: a person may work without a session.
pub fn current_if_any(ctx: &Ctx) -> Result<Option<Session>> {
    match current(ctx) {
        Ok(session) => Ok(Some(session)),
        Err(error)
            if error.kind == Kind::Setup
                && error
                    .detail
                    .as_ref()
                    .is_some_and(|detail| detail["unknown"] == "nobody") =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Lets a session beat: its record is written again once its last beat is older than the setting says.
pub fn beat(ctx: &Ctx, mut session: Session, old: Oid) -> Result<Session> {
    let now = ctx.now();
    let news = session.record.cursor.went_on(ctx.began());
    let due = now.seconds_since(session.record.beat) >= i64::from(ctx.settings()?.beat().seconds());
    if due {
        ctx.note_beat(&session.tag);
        went_on_in_hub(ctx, &session.tag);
    } else if !news {
        return Ok(session);
    }
    session.record.beat = now;
    session.record.nonce = ctx.dice.hex(8);
    session.record.branch = ctx.repo()?.branch();
    match save(ctx.repo()?, &session, Some(old)) {
        // Another command of the same session beat at the same moment: as good.
        Ok(()) | Err(Lost::Conflict(_) | Lost::Busy(_)) => Ok(session),
        // A full or read-only disk must not stop a command that only looks; one that writes will say so itself.
        Err(Lost::Failed(error)) => {
            ctx.ui
                .warn(&format!("the session could not be kept fresh: {error}"));
            Ok(session)
        }
    }
}

/// Takes notice in the hub's copy of the record too; what cannot be written there is noticed later.
pub fn went_on_in_hub(ctx: &Ctx, tag: &SessionTag) {
    let write = || -> Result<()> {
        let Some(hub) = hub(false)? else {
            return Ok(());
        };
        let Some((mut session, old)) = load(&hub, tag)? else {
            return Ok(());
        };
        if !session.record.cursor.went_on(ctx.began()) {
            return Ok(());
        }
        session.record.nonce = ctx.dice.hex(8);
        save(&hub, &session, Some(old)).map_err(|lost| lost.into_error("write the hub"))
    };
    if let Err(error) = write() {
        ctx.ui
            .note(&format!("a receipt in the hub has to wait: {error}"));
    }
}

/// Says why nobody could be named, and how to be somebody.
pub fn explain(unknown: Unknown) -> Error {
    match unknown {
        Unknown::NoSuch(name) => Error::setup(format!(
            "no session is called {}",
            crate::base::text::one_line(&name, 80)
        ))
        .detail(serde_json::json!({ "unknown": "no_such" }))
        .hint("git ccc session list")
        .hint("git ccc session start --name NAME"),
        Unknown::Ambiguous(tags) => {
            let names: Vec<_> = tags.iter().map(ToString::to_string).collect();
            let first = tags.first().map_or("TAG", SessionTag::as_str);
            Error::setup(format!("it could be any of {}", names.join(", ")))
                .detail(serde_json::json!({ "unknown": "ambiguous", "sessions": names }))
                .hint(format!("export CCC_SESSION={}", shell(first)))
        }
        Unknown::Nobody => Error::setup("nothing says which session this is")
            .detail(serde_json::json!({ "unknown": "nobody" }))
            .hint("git ccc session start --name NAME")
            .hint("export CCC_SESSION=TAG"),
    }
}

/// Opens the hub, creating it if that is asked for; a damaged one is made whole, with all that it still has.
pub fn hub(create: bool) -> Result<Option<Repo>> {
    let Some(path) = env::state_dir().map(|dir| dir.join("hub.git")) else {
        return Ok(None);
    };
    if let Ok(hub) = Repo::open(&path) {
        return Ok(Some(hub));
    }
    if !create && !path.exists() {
        return Ok(None);
    }
    // Whoever creates it is waited for: git makes a repository in steps.
    let flock = path.with_extension("flock");
    let taken = Lock::acquire(&flock, log::PATIENCE).context(Kind::Setup, || {
        format!("{} cannot be locked", flock.display())
    })?;
    if taken.is_some() && Repo::open(&path).is_err() {
        create_hub(&path).map_err(|error| {
            let look = format!("git --git-dir={} fsck", shell(&path.display().to_string()));
            Error::setup(format!("the hub {} cannot be opened", path.display()))
                .caused_by(&error)
                .hint(look)
        })?;
    }
    Repo::open(&path).map(Some)
}

fn create_hub(path: &PathBuf) -> Result<()> {
    std::fs::create_dir_all(path).context(Kind::Setup, || {
        format!("{} cannot be created", path.display())
    })?;
    // git does not look again at a HEAD that is there; the hub has no branch for it to name.
    let head = path.join("HEAD");
    crate::fs::remove(&head).context(Kind::Setup, || {
        format!("{} cannot be replaced", head.display())
    })?;
    let cmd = run::bare()
        .args([
            "init",
            "--quiet",
            "--bare",
            "--object-format=sha1",
            "--ref-format=files",
            "--template=",
        ])
        .arg(path);
    let out = cmd.run()?;
    // git before 2.45 knows no --ref-format, and needs none.
    if !out.ok() {
        run::checked(
            run::bare()
                .args(["init", "--quiet", "--bare", "--template="])
                .arg(path),
            "create the hub",
        )?;
    }
    Ok(())
}

/// Copies a session into the hub, or takes it out; a hub that cannot be written is only narrated.
pub fn publish(ctx: &Ctx, session: &Session, gone: bool) {
    let write = || -> Result<()> {
        let Some(hub) = hub(!gone)? else {
            return Ok(());
        };
        if gone {
            return remove(&hub, &session.tag, &ctx.dice);
        }
        let mut copy = session.clone();
        let found = load(&hub, &session.tag)?;
        // The copy has marks of its own: those of the hub's room.
        copy.record.cursor = match &found {
            Some((known, _)) => known.record.cursor.clone(),
            None => Cursor::at(refs::find(&hub, notes::CHAT)?.map(|oid| oid.to_string())),
        };
        save(&hub, &copy, found.map(|(_, oid)| oid))
            .map_err(|lost| lost.into_error("write the hub"))
    };
    if let Err(error) = write() {
        ctx.ui.warn(&format!(
            "the session is not listed for other repositories: {error}"
        ));
    }
}

/// Makes a tag that no session here or in the hub has.
pub fn fresh_tag(repo: &Repo, name: &str, dice: &Dice) -> Result<SessionTag> {
    // A hub that cannot be opened stops nobody here; `publish` says what is wrong with it.
    let hub = hub(false).unwrap_or(None);
    for _ in 0..64 {
        let tag = SessionTag::new(name, &dice.hex(2))
            .context(Kind::Internal, || "the name has no tag".to_owned())?;
        let taken = |repo: &Repo| refs::find(repo, &ref_name(&tag)).map(|found| found.is_some());
        if !taken(repo)? && !hub.as_ref().map_or(Ok(false), taken)? {
            return Ok(tag);
        }
    }
    Err(Error::busy(format!("no free tag for {name} was found")).hint("git ccc session list"))
}
