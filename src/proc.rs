//! The one place that starts another program.
//!
//! A child gets its arguments as a list (never a shell line), a closed or given
//! standard input, and captured output unless it is meant to speak to the user.

use crate::error::{Context, Error, Kind, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::{
    ffi::{OsStr, OsString},
    io::{self, Read, Write},
    os::{fd::AsFd, unix::process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{Mutex, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// A program to run.
#[derive(Clone, Debug)]
pub struct Cmd {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, Option<OsString>)>,
    dir: Option<PathBuf>,
    input: Option<Vec<u8>>,
}

/// So many bytes fit into an empty pipe of any system we know: one page.
const PIPE_HOLDS: usize = 4096;

/// What a finished child said.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
}

impl Output {
    /// Tells whether it exited with 0.
    pub fn ok(&self) -> bool {
        self.status.success()
    }

    /// Returns standard output as text.
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Returns standard error as text.
    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

/// A child that waits for its standard input; one that is dropped has read the end of it and is gone.
#[derive(Debug)]
pub struct Running {
    cmd: Cmd,
    /// Taken when it is waited for.
    child: Option<Child>,
}

impl Running {
    /// Gives the child its standard input and captures what it said.
    pub fn finish(mut self, input: impl Into<Vec<u8>>) -> Result<Output> {
        let pipe = self.child.as_mut().and_then(|child| child.stdin.take());
        let feeder = pipe.and_then(|pipe| feed(pipe, input.into()));
        self.wait(feeder)
    }

    /// Gives the child the beginning of its input, at most a page, and waits until it has answered `line` to it; tells
    /// whether it has. Some read nothing before the end of their input, so nobody should wait for long.
    pub fn answers(&mut self, input: &str, line: &str, within: Duration) -> bool {
        let Some(child) = self.child.as_mut() else {
            return false;
        };
        let (Some(pipe), Some(out)) = (&mut child.stdin, &mut child.stdout) else {
            return false;
        };
        // The child's end is seen by who gives it the rest.
        if pipe.write_all(input.as_bytes()).is_err() {
            return false;
        }
        let (until, mut heard) = (Instant::now() + within, Vec::new());
        let mut buffer = [0; PIPE_HOLDS];
        while !says(&heard, line) {
            let left = until.saturating_duration_since(Instant::now());
            let mut polled = [PollFd::new(&*out, PollFlags::IN)];
            let limit = Timespec::try_from(left).ok();
            if !matches!(poll(&mut polled, limit.as_ref()), Ok(1)) {
                return false;
            }
            match out.read(&mut buffer) {
                Ok(read) if read > 0 => heard.extend(&buffer[..read]),
                _ => return false,
            }
        }
        true
    }

    /// As [`Running::finish`], but for a child whose work is done once it has said `line`: then it is left to end by
    /// itself, and nothing is returned.
    pub fn finish_at(mut self, input: impl Into<Vec<u8>>, line: &str) -> Result<Option<Output>> {
        let failure = || self.cmd.failure("could not be heard");
        let child = self.child.as_mut();
        let child = child.ok_or_else(|| Error::internal(failure()))?;
        let feeder = child.stdin.take().and_then(|pipe| feed(pipe, input.into()));
        let heard = hear(child, line).context(Kind::Internal, failure)?;
        if let Some(feeder) = feeder {
            let _ = feeder.join();
        }
        match heard {
            Heard::Line => {
                leave(self.child.take());
                Ok(None)
            }
            Heard::End { stdout, stderr } => {
                let ended = self.wait(None)?;
                Ok(Some(Output {
                    status: ended.status,
                    stdout,
                    stderr,
                }))
            }
        }
    }

    fn wait(mut self, feeder: Option<JoinHandle<()>>) -> Result<Output> {
        let failure = || self.cmd.failure("could not be waited for");
        let child = self.child.take();
        let child = child.ok_or_else(|| Error::internal(failure()))?;
        let done = child.wait_with_output();
        if let Some(feeder) = feeder {
            let _ = feeder.join();
        }
        let done = done.context(Kind::Internal, failure)?;
        Ok(Output {
            status: done.status,
            stdout: done.stdout,
            stderr: done.stderr,
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.stdin.take());
            // It has nothing to do and ends by itself; waiting leaves no zombie behind.
            let _ = child.wait();
        }
    }
}

/// Writes a child's standard input, by a thread of its own if the pipe may not hold it all.
fn feed(mut pipe: ChildStdin, bytes: Vec<u8>) -> Option<JoinHandle<()>> {
    if bytes.len() <= PIPE_HOLDS {
        // Writing waits for nobody; the child's status is the judge.
        let _ = pipe.write_all(&bytes);
        return None;
    }
    // A child that reads late and writes early would deadlock with us if one thread did both.
    Some(std::thread::spawn(move || {
        // A child that exits without reading is judged by its status, not by our broken pipe.
        let _ = pipe.write_all(&bytes);
    }))
}

/// What was heard of a child.
enum Heard {
    /// It said the line.
    Line,
    /// It ended without.
    End { stdout: Vec<u8>, stderr: Vec<u8> },
}

/// Reads both outputs of a child until it has said `line` or closed them.
fn hear(child: &mut Child, line: &str) -> io::Result<Heard> {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
    while out.is_some() || err.is_some() {
        let ready = |fd: &PollFd<'_>| !fd.revents().is_empty();
        let fds = [out.as_ref().map(AsFd::as_fd), err.as_ref().map(AsFd::as_fd)];
        let mut polled: Vec<PollFd<'_>> = (fds.into_iter().flatten())
            .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
            .collect();
        match poll(&mut polled, None) {
            Err(rustix::io::Errno::INTR) => continue,
            other => other?,
        };
        let mut ready = polled.iter().map(ready);
        let out_ready = out.is_some() && ready.next() == Some(true);
        let err_ready = err.is_some() && ready.next() == Some(true);
        if out_ready && take(&mut out, &mut stdout)? && says(&stdout, line) {
            return Ok(Heard::Line);
        }
        if err_ready {
            take(&mut err, &mut stderr)?;
        }
    }
    Ok(Heard::End { stdout, stderr })
}

/// Reads what is there, and lets go of a pipe that is at its end.
fn take(pipe: &mut Option<impl Read>, into: &mut Vec<u8>) -> io::Result<bool> {
    let mut buffer = [0; PIPE_HOLDS];
    let read = match pipe {
        Some(pipe) => pipe.read(&mut buffer)?,
        None => 0,
    };
    into.extend(&buffer[..read]);
    if read == 0 {
        *pipe = None;
    }
    Ok(read > 0)
}

fn says(heard: &[u8], line: &str) -> bool {
    heard
        .split_inclusive(|byte| *byte == b'\n')
        .any(|heard| heard.strip_suffix(b"\n") == Some(line.as_bytes()))
}

/// Children that have done their work and may still be ending.
static ENDING: Mutex<Vec<Child>> = Mutex::new(Vec::new());

/// Leaves a child to itself; those that have ended since are taken from the system's list of processes.
fn leave(child: Option<Child>) {
    let mut ending = ENDING.lock().unwrap_or_else(PoisonError::into_inner);
    // One that cannot be asked about is not ours to wait for any more.
    ending.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
    ending.extend(child);
}

/// Returns the exit code as a shell would see it: the code itself, or 128 + the signal.
pub fn exit_code(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt;
    let code = status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    u8::try_from(code).unwrap_or(u8::MAX)
}

impl Cmd {
    /// Names the program; it is looked up on `PATH`.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Cmd {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            dir: None,
            input: None,
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets a variable for the child.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env
            .push((name.as_ref().to_owned(), Some(value.as_ref().to_owned())));
        self
    }

    /// Takes a variable away from the child.
    #[must_use]
    pub fn without(mut self, name: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), None));
        self
    }

    /// Sets the directory the child starts in.
    #[must_use]
    pub fn dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.dir = Some(dir.as_ref().to_owned());
        self
    }

    /// Gives the child this standard input; without it the child reads nothing.
    #[must_use]
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = Some(bytes.into());
        self
    }

    /// Runs to the end and captures what the child said; a non-zero exit is not an error here.
    pub fn run(mut self) -> Result<Output> {
        if let Some(input) = self.input.take() {
            return self.begin()?.finish(input);
        }
        let child = Some(self.start(Stdio::null(), Stdio::piped(), Stdio::piped())?);
        Running { cmd: self, child }.wait(None)
    }

    /// Starts a child that is told later what to do, so that it gets ready while we do.
    pub fn begin(self) -> Result<Running> {
        let child = Some(self.start(Stdio::piped(), Stdio::piped(), Stdio::piped())?);
        Ok(Running { cmd: self, child })
    }

    /// Runs with the user's own terminal or pipes and returns how it ended.
    pub fn run_attached(self) -> Result<ExitStatus> {
        let stdin = if self.input.is_some() {
            Stdio::piped()
        } else {
            Stdio::inherit()
        };
        let mut child = self.start(stdin, Stdio::inherit(), Stdio::inherit())?;
        if let (Some(mut pipe), Some(bytes)) = (child.stdin.take(), &self.input) {
            // As above: the child's status is the judge.
            let _ = pipe.write_all(bytes);
        }
        child
            .wait()
            .context(Kind::Internal, || self.failure("could not be waited for"))
    }

    /// Starts without waiting; nothing is read from or shown of the child.
    pub fn detach(self) -> Result<()> {
        self.start(Stdio::null(), Stdio::null(), Stdio::null())
            .map(drop)
    }

    fn failure(&self, what: &str) -> String {
        format!("{} {what}", self.program.to_string_lossy())
    }

    /// Runs in the place of this process, with what that has open for the user. What was written must have been handed on, for
    /// this returns only if it could not be done.
    pub fn replace_us(self) -> io::Error {
        self.command().exec()
    }

    fn start(&self, stdin: Stdio, stdout: Stdio, stderr: Stdio) -> Result<Child> {
        self.command()
            .stdin(stdin)
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .map_err(|error| Error::setup(self.failure("could not be started")).caused_by(&error))
    }

    #[expect(clippy::disallowed_methods, reason = "the one spawn site")]
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args);
        for (name, value) in &self.env {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Running {
        Cmd::new("sh")
            .args(["-c", script])
            .begin()
            .expect("a shell")
    }

    #[test]
    fn a_child_that_has_said_its_line_is_not_waited_for() {
        let dir = tempfile::tempdir().expect("a directory");
        let (gate, done) = (dir.path().join("gate"), dir.path().join("done"));
        let script = format!(
            "mkfifo '{gate}'; cat; echo said; read -r x < '{gate}'; echo $x > '{done}'",
            gate = gate.display(),
            done = done.display()
        );
        let heard = shell(&script).finish_at("said too\n", "said");
        assert!(heard.expect("a line").is_none());
        assert!(!done.exists());
        // Opening it waits for the child, which is there to read it.
        std::fs::write(&gate, "on\n").expect("the child reads");
    }

    #[test]
    fn a_child_that_ends_without_its_line_is_told_of_whole() {
        let script = "head -c 300000 /dev/zero >&2; printf said; cat; exit 3";
        let input = vec![b'x'; 100_000];
        let heard = shell(script).finish_at(input, "said");
        let out = heard.expect("an end").expect("no line");
        assert_eq!(out.status.code(), Some(3));
        assert_eq!((out.stdout.len(), out.stderr.len()), (100_004, 300_000));
    }
}
