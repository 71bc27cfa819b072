//! Pure decisions about sessions: is one alive, and who is speaking.

use super::model::{Session, SessionRecord};
use crate::base::{
    id::{ProcessId, SessionTag, slug},
    time::Timestamp,
};

/// How long a session without a provable process counts as alive after its last beat.
pub const BEAT_GRACE_SECONDS: i64 = 60 * 60;

/// Whether a session is there, and what says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Its process runs on this host, or it beat lately and cannot be proved gone.
    Alive,
    /// Its process is proved gone: what it holds is free at once.
    Dead,
    /// It cannot be proved gone but has not beaten for long: what it holds ends at its stated time.
    Quiet,
}

/// What this host can say about processes.
pub trait Host {
    /// Returns the host's name.
    fn name(&self) -> &str;
    /// Returns the boot id.
    fn boot(&self) -> &str;
    /// Returns which processes can be seen from here.
    fn pids(&self) -> &str;
    /// Tells whether exactly this process runs.
    fn runs(&self, process: &ProcessId) -> bool;
}

/// Decides whether a session is alive.
pub fn life(record: &SessionRecord, host: &impl Host, now: Timestamp) -> Life {
    if record.host == host.name()
        && let Some(process) = &record.process
    {
        if record.boot != host.boot() {
            return Life::Dead;
        }
        // From within a sandbox all processes outside of it look gone.
        if record.pids.as_ref().is_none_or(|pids| pids == host.pids()) {
            return if host.runs(process) {
                Life::Alive
            } else {
                Life::Dead
            };
        }
    }
    if now.unix() - record.beat.unix() <= BEAT_GRACE_SECONDS {
        Life::Alive
    } else {
        Life::Quiet
    }
}

/// What is known about who runs a command, strongest first.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// `--session`.
    pub flag: Option<String>,
    /// `CCC_SESSION`.
    pub variable: Option<String>,
    /// The agents' own conversation ids: (agent, id).
    pub native: Vec<(String, String)>,
    /// The root of the worktree the command runs in.
    pub worktree: Option<String>,
}

/// Why nobody could be named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// A name was given and no session has it.
    NoSuch(String),
    /// A name fits several sessions.
    Ambiguous(Vec<SessionTag>),
    /// Nothing says who is speaking.
    Nobody,
}

/// Resolves who runs a command; `alive` is asked only for the worktree's sessions.
pub fn identify(
    evidence: &Evidence,
    sessions: &[Session],
    alive: impl Fn(&Session) -> bool,
) -> Result<SessionTag, Unknown> {
    if let Some(name) = evidence.flag.as_ref().or(evidence.variable.as_ref()) {
        return resolve(name, sessions);
    }
    for (agent, id) in &evidence.native {
        let speaks = |session: &&Session| {
            session.record.native.as_ref() == Some(id)
                && session.record.agent.as_ref() == Some(agent)
        };
        if let Some(session) = sessions.iter().find(speaks) {
            return Ok(session.tag.clone());
        }
    }
    // An agent that names itself and is not registered must not act as whoever shares its worktree.
    let Some(worktree) = evidence
        .worktree
        .as_ref()
        .filter(|_| evidence.native.is_empty())
    else {
        return Err(Unknown::Nobody);
    };
    let here: Vec<&Session> = sessions
        .iter()
        .filter(|session| session.record.worktree.as_ref() == Some(worktree) && alive(session))
        .collect();
    match here.as_slice() {
        [] => Err(Unknown::Nobody),
        [only] => Ok(only.tag.clone()),
        several => Err(Unknown::Ambiguous(
            several.iter().map(|session| session.tag.clone()).collect(),
        )),
    }
}

/// Finds a session by tag, by its slug or present name, or by a unique beginning; never guesses between two.
pub fn resolve(name: &str, sessions: &[Session]) -> Result<SessionTag, Unknown> {
    if let Some(exact) = sessions.iter().find(|session| session.tag.as_str() == name) {
        return Ok(exact.tag.clone());
    }
    let by = |fits: &dyn Fn(&Session) -> bool| -> Vec<SessionTag> {
        sessions
            .iter()
            .filter(|session| fits(session))
            .map(|session| session.tag.clone())
            .collect()
    };
    let wanted = slug(name);
    let called = |session: &Session| {
        session.tag.slug() == name || (!wanted.is_empty() && slug(&session.record.name) == wanted)
    };
    let mut found = by(&called);
    if found.is_empty() && !name.is_empty() {
        found = by(&|session| session.tag.as_str().starts_with(name));
    }
    match found.len() {
        0 => Err(Unknown::NoSuch(name.to_owned())),
        1 => Ok(found.remove(0)),
        _ => Err(Unknown::Ambiguous(found)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds).expect("within the calendar")
    }

    struct Here;
    impl Host for Here {
        fn name(&self) -> &'static str {
            "here"
        }
        fn boot(&self) -> &'static str {
            "b1"
        }
        fn pids(&self) -> &'static str {
            "p1"
        }
        fn runs(&self, process: &ProcessId) -> bool {
            process.pid == 7 && process.start == "70"
        }
    }

    fn session(tag: &str, worktree: &str) -> Session {
        let at = at(1000);
        let record = SessionRecord {
            name: tag.to_owned(),
            agent: Some("claude".to_owned()),
            native: Some(format!("id-{tag}")),
            host: "here".to_owned(),
            boot: "b1".to_owned(),
            pids: None,
            repo: String::new(),
            worktree: Some(worktree.to_owned()),
            branch: None,
            task: None,
            started: at,
            beat: at,
            nonce: String::new(),
            progress: None,
            cursor: crate::features::session::model::Cursor::default(),
            column: None,
            prepared: false,
            labels: std::collections::BTreeMap::new(),
            process: Some(ProcessId {
                pid: 7,
                start: "70".to_owned(),
            }),
            extra: toml::Table::new(),
        };
        Session {
            tag: tag.parse().expect("a tag"),
            record,
        }
    }

    #[test]
    fn a_process_is_proof_only_with_its_start_and_boot() {
        let mut record = session("a-0001", "/w").record;
        let later = at(1_000_000);
        assert_eq!(
            life(&record, &Here, later),
            Life::Alive,
            "it runs, however long ago it beat"
        );
        record.boot = "b0".to_owned();
        assert_eq!(
            life(&record, &Here, later),
            Life::Dead,
            "no process survives a boot"
        );
        record.boot = "b1".to_owned();
        record.process = Some(ProcessId {
            pid: 7,
            start: "71".to_owned(),
        });
        assert_eq!(
            life(&record, &Here, later),
            Life::Dead,
            "the pid was used again"
        );
        record.pids = Some("p2".to_owned());
        assert_eq!(
            life(&record, &Here, at(1000)),
            Life::Alive,
            "what a sandbox cannot see is not gone"
        );
        assert_eq!(life(&record, &Here, later), Life::Quiet);
        record.pids = Some("p1".to_owned());
        assert_eq!(life(&record, &Here, later), Life::Dead);
        record.host = "there".to_owned();
        assert_eq!(life(&record, &Here, at(1000)), Life::Alive);
        assert_eq!(
            life(&record, &Here, later),
            Life::Quiet,
            "from here a stranger's silence proves nothing"
        );
    }

    #[test]
    fn identity_follows_the_order_and_is_never_guessed() {
        let all = [
            session("a-0001", "/w"),
            session("a-0002", "/w"),
            session("b-0003", "/v"),
        ];
        let yes = |_: &Session| true;
        let who = |evidence: &Evidence| identify(evidence, &all, yes).map(|tag| tag.to_string());
        let native = vec![("claude".to_owned(), "id-a-0002".to_owned())];
        let mut evidence = Evidence {
            flag: Some("b".to_owned()),
            variable: Some("a-0001".to_owned()),
            native,
            worktree: Some("/w".to_owned()),
        };
        assert_eq!(who(&evidence).as_deref(), Ok("b-0003"));
        evidence.flag = None;
        assert_eq!(who(&evidence).as_deref(), Ok("a-0001"));
        evidence.variable = None;
        assert_eq!(who(&evidence).as_deref(), Ok("a-0002"));
        evidence.native = vec![("claude".to_owned(), "stranger".to_owned())];
        assert_eq!(
            who(&evidence),
            Err(Unknown::Nobody),
            "an unregistered agent is not its neighbour"
        );
        evidence.native.clear();
        assert!(matches!(who(&evidence), Err(Unknown::Ambiguous(two)) if two.len() == 2));
        evidence.worktree = Some("/v".to_owned());
        assert_eq!(who(&evidence).as_deref(), Ok("b-0003"));
        evidence.flag = Some("a".to_owned());
        assert!(
            matches!(who(&evidence), Err(Unknown::Ambiguous(_))),
            "two slugs are equal"
        );
    }
}
