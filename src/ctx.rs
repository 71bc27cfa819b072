//! What every command receives: how to speak, where it stands, the time, the dice, the settings.

use crate::{
    base::{
        id::SessionTag,
        time::{Clock, Timestamp},
    },
    clock::{Dice, SystemClock},
    env,
    error::{Context, Error, Kind, Result},
    git::Repo,
    settings::{Layer, LayerText, MAX_FILE_BYTES, Settings, TrustStore},
    ui::Ui,
};
use std::{
    cell::{OnceCell, RefCell},
    path::{Path, PathBuf},
};

/// The world of one command.
#[derive(Debug)]
pub struct Ctx {
    /// How to speak.
    pub ui: Ui,
    /// The dice.
    pub dice: Dice,
    /// The session named by `--session`, if any.
    pub session_flag: Option<String>,
    /// The conversation (agent, its own id) that a protocol names as the caller, if one does.
    pub conversation: Option<(String, String)>,
    clock: SystemClock,
    began: Timestamp,
    cwd: PathBuf,
    repo: OnceCell<Repo>,
    settings: OnceCell<Settings>,
    beaten: RefCell<Option<SessionTag>>,
}

impl Ctx {
    /// Looks at the environment once.
    pub fn new(ui: Ui, session_flag: Option<String>) -> Result<Self> {
        let cwd = env::cwd().context(Kind::Setup, || {
            "the working directory cannot be read".to_owned()
        })?;
        let clock = SystemClock::new();
        Ok(Ctx {
            ui,
            dice: Dice::new(),
            session_flag,
            conversation: None,
            began: clock.now(),
            clock,
            cwd,
            repo: OnceCell::new(),
            settings: OnceCell::new(),
            beaten: RefCell::new(None),
        })
    }

    /// Returns the world of the same command as if it had been started in another directory.
    #[must_use]
    pub fn standing_in(&self, dir: &Path) -> Self {
        Ctx {
            ui: self.ui,
            dice: Dice::new(),
            session_flag: self.session_flag.clone(),
            conversation: self.conversation.clone(),
            began: self.began,
            clock: SystemClock::new(),
            cwd: dir.to_owned(),
            repo: OnceCell::new(),
            settings: OnceCell::new(),
            beaten: RefCell::new(None),
        }
    }

    /// Returns the world of a command that works in another repository, with the same settings.
    pub fn in_repo(&self, repo: Repo) -> Result<Self> {
        let settings = self.settings()?.clone();
        Ok(Ctx {
            ui: self.ui,
            dice: Dice::new(),
            session_flag: self.session_flag.clone(),
            conversation: self.conversation.clone(),
            began: self.began,
            clock: SystemClock::new(),
            cwd: self.cwd.clone(),
            repo: OnceCell::from(repo),
            settings: OnceCell::from(settings),
            beaten: RefCell::new(None),
        })
    }

    /// Notes that a session beat, which is when its leases are looked at too.
    pub fn note_beat(&self, session: &SessionTag) {
        self.beaten.replace(Some(session.clone()));
    }

    /// Notes that the leases of a session were looked at and none is due.
    pub fn note_leases_kept(&self, session: &SessionTag) {
        self.beaten
            .borrow_mut()
            .take_if(|beaten| *beaten == *session);
    }

    /// Returns the session that beat in this command and whose leases nobody has looked at since.
    pub fn beaten(&self) -> Option<SessionTag> {
        self.beaten.borrow().clone()
    }

    /// Returns the time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns when this command began.
    pub fn began(&self) -> Timestamp {
        self.began
    }

    /// Returns the seconds that local time is ahead of UTC.
    pub fn local_offset(&self) -> i32 {
        crate::clock::local_offset(self.now())
    }

    /// Returns the time in milliseconds since 1970, each time a later one.
    pub fn millis(&self) -> u64 {
        self.clock.millis()
    }

    /// Returns the directory the command was started in.
    pub fn cwd(&self) -> &Path {
        &self.cwd
    }

    /// Returns the repository around the working directory.
    pub fn repo(&self) -> Result<&Repo> {
        if let Some(repo) = self.repo.get() {
            return Ok(repo);
        }
        // The hooks of a push get `.` from git, where gix would look for `./.git`.
        let inside = env::var_os(env::GIT_DIR).is_some_and(|dir| dir == ".")
            && env::var_os(env::GIT_WORK_TREE).is_none();
        let found = if inside {
            Repo::open(&self.cwd)?
        } else {
            Repo::discover(&self.cwd)?
        };
        Ok(self.repo.get_or_init(|| found))
    }

    /// Returns the settings in force here.
    pub fn settings(&self) -> Result<&Settings> {
        if let Some(settings) = self.settings.get() {
            return Ok(settings);
        }
        let found = load_settings(Some(self.repo()?))?;
        Ok(self.settings.get_or_init(|| found))
    }

    /// Returns what the user lets run; a store that cannot be read lets nothing run.
    pub fn trust(&self) -> Result<TrustStore> {
        let Some(path) = env::state_dir().map(|dir| dir.join("trust.toml")) else {
            return Ok(TrustStore::default());
        };
        let unreadable = || format!("{} cannot be read", path.display());
        let text =
            crate::fs::read_capped(&path, MAX_FILE_BYTES).context(Kind::Setup, unreadable)?;
        let text = String::from_utf8_lossy(&text.unwrap_or_default()).into_owned();
        TrustStore::parse(&text).map_err(|error| Error::setup(unreadable()).caused_by(&error))
    }

    /// Returns the settings in force here or, outside of every repository, the user's own.
    pub fn settings_anywhere(&self) -> Result<Settings> {
        match self.repo() {
            Ok(_) => self.settings().cloned(),
            Err(_) => load_settings(None),
        }
    }
}

fn load_settings(repo: Option<&Repo>) -> Result<Settings> {
    let user = env::config_dir().map(|dir| (Layer::User, dir.join("config.toml")));
    let policy = repo
        .and_then(Repo::worktree)
        .map(|root| (Layer::Repo, root.join(".ccc.toml")));
    let clone = repo.map(|repo| (Layer::Clone, repo.common_dir().join("ccc.toml")));
    let mut texts = Vec::new();
    for (layer, path) in user.into_iter().chain(policy).chain(clone) {
        let text = crate::fs::read_capped(&path, MAX_FILE_BYTES + 1)
            .context(Kind::Usage, || format!("{} cannot be read", path.display()))?;
        texts.extend(text.map(|text| (layer, path, text)));
    }
    let layers: Vec<LayerText<'_>> = texts
        .iter()
        .map(|(layer, path, text)| LayerText {
            layer: *layer,
            path,
            text,
        })
        .collect();
    Settings::load(&layers, &env::ccc_vars())
        .map_err(|error| Error::usage(error.to_string()).because(error.hint()))
}
