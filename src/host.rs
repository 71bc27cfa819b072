//! This host and its processes: what proves that a session is alive.
//!
//! A process is named by (pid, start time, boot id): a pid alone is re-used, a
//! start time alone restarts with the machine. `/proc` answers without a child;
//! where it is missing `ps` does.

use crate::{base::id::ProcessId, proc::Cmd};
use std::{fs, path::Path};

/// Returns the host's name.
pub fn name() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}

/// Returns an id that changes with every boot, so that pids of an earlier boot are never trusted.
pub fn boot_id() -> String {
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
/// dies with the command, so nothing else is taken: then beats decide.
pub fn caller(agent_names: &[&str]) -> Option<ProcessId> {
    let mut pid = parent(std::process::id())?;
    for _ in 0..32 {
        let (_, leader, tty, _) = stat(pid)?;
        let command = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        if agent_names.contains(&command.trim()) || (leader == pid && tty != 0) {
            return process(pid);
        }
        pid = parent(pid).filter(|&up| up > 1)?;
    }
    None
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
