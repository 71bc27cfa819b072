//! This host and its processes: what proves that a session is alive.
//!
//! A process is named by (pid, start time, boot id): a pid alone is re-used, a
//! start time alone restarts with the machine. `/proc` answers without a child;
//! where it is missing `ps` does.

use crate::{base::id::ProcessId, proc::Cmd};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
    time::Duration,
};

/// Returns the host's name.
pub fn name() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}

/// Returns an id that changes with every boot, so that pids of an earlier boot are never trusted.
pub fn boot_id() -> String {
    static BOOT: OnceLock<String> = OnceLock::new();
    BOOT.get_or_init(read_boot_id).clone()
}

fn read_boot_id() -> String {
    if let Ok(id) = fs::read_to_string("/proc/sys/kernel/random/boot_id") {
        return id.trim().to_owned();
    }
    Cmd::new("sysctl")
        .args(["-n", "kern.boottime"])
        .run()
        .map_or_else(|_| String::new(), |out| out.stdout_text().trim().to_owned())
}

/// Returns the identity of the running process `pid`, or nothing if there is none (a zombie counts as gone).
pub fn process(pid: u32) -> Option<ProcessId> {
    let start = if Path::new("/proc/self/stat").exists() {
        let (state, _, _, start) = stat(pid)?;
        if matches!(state, 'Z' | 'X') {
            return None;
        }
        start
    } else {
        let out = Cmd::new("ps")
            .args(["-o", "lstart=", "-p", &pid.to_string()])
            .run()
            .ok()?;
        let text = out.stdout_text().trim().to_owned();
        if text.is_empty() {
            return None;
        }
        text
    };
    Some(ProcessId { pid, start })
}

/// Tells whether exactly this process still runs on this boot of this host.
pub fn is_running(id: &ProcessId) -> bool {
    process(id.pid).is_some_and(|now| now.start == id.start)
}

/// Finds the long-lived process that stands for whoever runs us.
///
/// Only two ancestors are proof enough: a known agent, and a session leader on a
/// terminal (a person's shell). The shell that an agent opens for one command
/// dies with the command, so nothing else is taken: then beats decide. They do
/// too for an agent that serves many conversations and outlives each of them.
pub fn caller(agent_names: &[&str]) -> Option<ProcessId> {
    let mut pid = parent(std::process::id())?;
    for _ in 0..32 {
        let (_, leader, tty, _) = stat(pid)?;
        let command = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        if agent_names.contains(&command.trim()) {
            return process(pid).filter(|_| !serves_many(pid));
        }
        if leader == pid && tty != 0 {
            return process(pid);
        }
        pid = parent(pid).filter(|&up| up > 1)?;
    }
    None
}

/// Tells whether a process is Codex's server, which its terminals share since 0.157 and leave running.
fn serves_many(pid: u32) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0)
        .skip(1)
        .any(|word| word == b"app-server")
}

/// Tells whether a process is another one or was started below it; all are below the first, which says nothing.
pub fn is_below(pid: u32, above: u32) -> bool {
    let mut at = Some(pid).filter(|_| above > 1);
    for _ in 0..32 {
        match at {
            Some(now) if now == above => return true,
            Some(now) if now > 1 => at = parent(now),
            _ => return false,
        }
    }
    false
}

/// Returns which processes this one can see: a pid of another container is not a pid of ours.
pub fn pid_space() -> String {
    fs::read_link("/proc/self/ns/pid")
        .map_or_else(|_| String::new(), |link| link.display().to_string())
}

/// A process of this host, as far as it lets itself be looked at.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its number.
    pub pid: u32,
    /// The program's name.
    pub command: String,
    /// How long ago it started.
    pub age: Duration,
}

impl Seen {
    fn file(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.pid))
    }

    /// Returns its arguments; none if they cannot be read.
    pub fn args(&self) -> Vec<String> {
        let bytes = fs::read(self.file("cmdline")).unwrap_or_default();
        let words = bytes
            .split(|byte| *byte == 0)
            .filter(|word| !word.is_empty());
        words
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect()
    }

    /// Returns its working directory, if that can be read.
    pub fn cwd(&self) -> Option<PathBuf> {
        fs::read_link(self.file("cwd")).ok()
    }

    /// Tells whether it was started with this variable; nothing if that cannot be read.
    pub fn has_variable(&self, name: &str) -> Option<bool> {
        let bytes = fs::read(self.file("environ")).ok()?;
        let mut words = bytes.split(|byte| *byte == 0);
        Some(words.any(|word| {
            word.strip_prefix(name.as_bytes())
                .is_some_and(|rest| rest.first() == Some(&b'='))
        }))
    }

    /// Tells whether it has the file open, as far as that can be seen.
    pub fn has_open(&self, path: &Path) -> bool {
        let descriptors = fs::read_dir(self.file("fd"));
        let mut targets = descriptors
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| fs::read_link(entry.path()).ok());
        targets.any(|target| target == path)
    }
}

/// Lists the running processes; nothing where the host does not show them.
pub fn processes() -> Option<Vec<Seen>> {
    let uptime = fs::read_to_string("/proc/uptime").ok()?;
    let uptime: f64 = uptime.split(' ').next()?.parse().ok()?;
    let up = Duration::try_from_secs_f64(uptime).ok()?;
    let ticks = rustix::param::clock_ticks_per_second().max(1);
    let pids = fs::read_dir("/proc").ok()?.flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let seen = |pid| {
        let (state, _, _, start) = stat(pid)?;
        let start: u64 = start.parse().ok()?;
        let command = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        let start = Duration::from_nanos(start.saturating_mul(1_000_000_000 / ticks));
        (!matches!(state, 'Z' | 'X')).then(|| Seen {
            pid,
            command: command.trim().to_owned(),
            age: up.saturating_sub(start),
        })
    };
    Some(pids.filter_map(seen).collect())
}

fn parent(pid: u32) -> Option<u32> {
    fields(pid)?.get(1)?.parse().ok()
}

/// Returns (state, session leader, controlling terminal, start) from `/proc/<pid>/stat` (proc(5)).
fn stat(pid: u32) -> Option<(char, u32, i64, String)> {
    let fields = fields(pid)?;
    let state = fields.first()?.chars().next()?;
    Some((
        state,
        fields.get(3)?.parse().ok()?,
        fields.get(4)?.parse().ok()?,
        fields.get(19)?.clone(),
    ))
}

/// Returns the fields after the command, which alone may contain spaces and brackets.
fn fields(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}
