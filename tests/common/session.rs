//! One session: a handle that runs commands under its tag, and the process it is registered with, so that a test can let it die.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::command::{Cmd, Running};
use super::output::CommandOutput;
use super::world::{BINARY, World};

/// See the module head. Its process ends when the handle goes.
#[derive(Debug)]
pub struct Session {
    world: World,
    tag: String,
    dir: PathBuf,
    process: Child,
}

impl Session {
    pub(super) fn start(world: &World, name: &str, dir: &Path) -> Self {
        // Waits for input that never comes, and ends by itself if the whole test is killed.
        let process = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("a process for the session");
        let pid = process.id().to_string();
        let args = ["session", "start", "--name", name, "--pid", &pid, "--json"];
        let mut session = Session {
            world: world.clone(),
            tag: String::new(),
            dir: dir.to_owned(),
            process,
        };
        let started = world.command(BINARY, args).cwd(dir).run();
        let answer = started.ok().json();
        let tag = answer["tag"]
            .as_str()
            .unwrap_or_else(|| panic!("{} must answer a tag:\n{answer}", started.what));
        tag.clone_into(&mut session.tag);
        session
    }

    /// The name it was given by `session start`.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// The worktree it works in.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The process it is registered with.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Runs `git ccc` as this session.
    pub fn ccc<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> CommandOutput {
        self.command(args).run()
    }

    /// Starts `git ccc` as this session and goes on.
    pub fn spawn<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Running {
        self.command(args).spawn()
    }

    /// `git ccc` as this session, not yet run: for standard input, variables, kills and races.
    pub fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Cmd {
        self.world
            .command(BINARY, args)
            .cwd(&self.dir)
            .env("CCC_SESSION", &self.tag)
    }

    /// Runs plain git as this session: what its hooks see.
    pub fn git<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> CommandOutput {
        self.world
            .command("git", args)
            .cwd(&self.dir)
            .env("CCC_SESSION", &self.tag)
            .run()
    }

    /// Lets the session die: its process is killed and reaped, so its pid is proved gone. The handle still runs commands.
    pub fn die(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.die();
    }
}
