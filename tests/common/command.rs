//! One child process: how it is set up, run to its end, or left running while the test goes on.
//!
//! Each child leads a process group of its own, and the group is killed when its handle goes, so nothing outlives a test. A command that
//! does not end by the deadline is killed and fails the test with what it had printed.

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::output::CommandOutput;
use super::world::{BINARY, DEADLINE, World, poll, write_script};

/// When a [`Cmd::kill_at`] strikes: what git was asked to do is not done, or is done and nobody hears of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Instead of the call.
    Before,
    /// After the call, before its caller has its answer.
    After,
}

/// A command that has not run yet.
#[derive(Debug, Clone)]
pub struct Cmd {
    world: World,
    program: OsString,
    args: Vec<OsString>,
    cwd: PathBuf,
    extra: Vec<(OsString, Option<OsString>)>,
    stdin: Option<Vec<u8>>,
    path_first: Option<PathBuf>,
    deadline: Duration,
}

impl Cmd {
    pub(super) fn new<S: AsRef<OsStr>>(
        world: &World,
        program: &OsStr,
        args: impl IntoIterator<Item = S>,
    ) -> Self {
        Cmd {
            world: world.clone(),
            program: program.to_owned(),
            args: args
                .into_iter()
                .map(|arg| arg.as_ref().to_owned())
                .collect(),
            cwd: world.repo(),
            extra: Vec::new(),
            stdin: None,
            path_first: None,
            deadline: DEADLINE,
        }
    }

    /// Runs in another directory.
    pub fn cwd(mut self, dir: impl AsRef<Path>) -> Self {
        dir.as_ref().clone_into(&mut self.cwd);
        self
    }

    /// Sets a variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.extra
            .push((name.into(), Some(value.as_ref().to_owned())));
        self
    }

    /// Takes a variable away.
    pub fn env_remove(mut self, name: &str) -> Self {
        self.extra.push((name.into(), None));
        self
    }

    /// Lets it take longer than other commands, for work that is long by its nature.
    pub fn within(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Feeds standard input; without it, it is empty.
    pub fn stdin(mut self, input: impl AsRef<[u8]>) -> Self {
        self.stdin = Some(input.as_ref().to_owned());
        self
    }

    /// Kills (SIGKILL) whoever makes the nth call of `git`, counted from 1 over this command and its children. A command that makes fewer
    /// calls runs to its end: `killed()` tells a sweep where to stop.
    pub fn kill_at(mut self, nth: u32, when: When) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let dir = self
            .world
            .tmp()
            .join(format!("kill-{}", NEXT.fetch_add(1, Ordering::SeqCst)));
        std::fs::create_dir(&dir).expect("a fresh folder for the wrapper");
        let strike = match when {
            When::Before => "kill -9 $PPID; exit 137",
            When::After => "PATH=$rest git \"$@\"; kill -9 $PPID; exit 137",
        };
        // `mkdir` is the counter: it is atomic, and a command may make two calls at once.
        let script = format!(
            "dir='{}'\nrest=${{PATH#\"$dir:\"}}\nn=1\nuntil mkdir \"$dir/$n\" 2>/dev/null; do n=$((n+1)); done\n\
             if [ $n -eq {nth} ]; then {strike}; fi\nPATH=$rest exec git \"$@\"",
            dir.display()
        );
        write_script(&dir.join("git"), &script);
        self.path_first = Some(dir);
        self
    }

    /// Runs to the end.
    pub fn run(self) -> CommandOutput {
        self.spawn().wait()
    }

    /// Starts it and goes on.
    pub fn spawn(self) -> Running {
        let mut command = Command::new(&self.program);
        command.args(&self.args);
        self.start(command, self.stdin.is_some().then(Stdio::piped))
    }

    /// Starts it behind a barrier: it prints a line `ready`, then waits until the read end of the pipe is at its end.
    pub(super) fn spawn_behind(mut self, barrier: Stdio) -> Running {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let mut input = PathBuf::from("/dev/null");
        if let Some(bytes) = self.stdin.take() {
            input = self
                .world
                .tmp()
                .join(format!("stdin-{}", NEXT.fetch_add(1, Ordering::SeqCst)));
            std::fs::write(&input, bytes).expect("a file for standard input");
        }
        let mut command = Command::new("sh");
        command.args([
            "-c",
            r#"echo ready; read _; input=$1; shift; exec "$@" <"$input""#,
            "sh",
        ]);
        command.arg(input).arg(&self.program).args(&self.args);
        let mut running = self.start(command, Some(barrier));
        running.prefix = Some("ready\n");
        running.wait_for("ready");
        running
    }

    /// Returns the command for a library that starts it itself.
    pub fn prepared(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args);
        self.surround(&mut command);
        command
    }

    /// Gives a command the world's environment and a process group of its own.
    fn surround(&self, command: &mut Command) {
        let mut env = self.world.environment();
        for (name, value) in &self.extra {
            env.retain(|(known, _)| known != name);
            env.extend(value.clone().map(|value| (name.clone(), value)));
        }
        if let Some(dir) = &self.path_first {
            for (_, path) in env.iter_mut().filter(|(name, _)| name == "PATH") {
                *path = [dir.as_os_str(), path].join(OsStr::new(":"));
            }
        }
        command
            .env_clear()
            .envs(env)
            .current_dir(&self.cwd)
            .process_group(0);
    }

    fn start(&self, mut command: Command, stdin: Option<Stdio>) -> Running {
        self.surround(&mut command);
        command
            .stdin(stdin.unwrap_or_else(Stdio::null))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{} must start: {error}", self.what()));
        if let (Some(bytes), Some(mut pipe)) = (self.stdin.clone(), child.stdin.take()) {
            // In a thread, for the child may print before it reads; a child that does not read is no error here.
            std::thread::spawn(move || drop(pipe.write_all(&bytes)));
        }
        let stdout = Stream::follow(child.stdout.take().expect("stdout is piped"));
        let stderr = Stream::follow(child.stderr.take().expect("stderr is piped"));
        Running {
            world: self.world.clone(),
            what: self.what(),
            deadline: self.deadline,
            child,
            stdout,
            stderr,
            prefix: None,
            ended: false,
        }
    }

    fn what(&self) -> String {
        let program = if self.program == BINARY {
            "git ccc".into()
        } else {
            self.program.to_string_lossy()
        };
        let args = self.args.iter().map(|arg| arg.to_string_lossy());
        let words: Vec<_> = std::iter::once(program).chain(args).collect();
        self.world.redact(&words.join(" "))
    }
}

/// A command that runs beside the test. Killed with all it started when the handle goes.
#[derive(Debug)]
pub struct Running {
    world: World,
    what: String,
    deadline: Duration,
    child: Child,
    stdout: Stream,
    stderr: Stream,
    prefix: Option<&'static str>,
    ended: bool,
}

impl Running {
    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills the process, and it alone (SIGKILL): what it had started goes on, as in a real crash.
    pub fn kill(&mut self) {
        self.child.kill().expect("our own child can be killed");
    }

    /// Sends another signal to the process.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("our own child can be signalled");
    }

    /// Waits until stdout has this text.
    #[track_caller]
    pub fn wait_for(&self, needle: &str) {
        self.stdout.wait_for(&self.what, needle);
    }

    /// Waits until the process watches files: whatever happens from then on is news to it.
    #[track_caller]
    pub fn wait_until_it_watches(&self) {
        let dir = PathBuf::from(format!("/proc/{}/fdinfo", self.pid()));
        // Where there is no /proc nothing can be asked, and a watcher that came too late looks again by the clock.
        if !dir.exists() {
            return;
        }
        super::world::poll(&self.what, || {
            let all = std::fs::read_dir(&dir).ok()?.flatten();
            let watches = |path: PathBuf| {
                std::fs::read_to_string(path).is_ok_and(|text| text.contains("inotify wd"))
            };
            all.map(|entry| entry.path()).any(watches).then_some(())
        });
    }

    /// Whether it runs no longer.
    pub fn has_ended(&mut self) -> bool {
        self.child
            .try_wait()
            .expect("our own child can be asked")
            .is_some()
    }

    /// Waits for the end.
    #[track_caller]
    pub fn wait(mut self) -> CommandOutput {
        let start = Instant::now();
        let (deadline, closed) = (self.deadline, |stream: &Stream| {
            stream.closed(start, self.deadline)
        });
        let closed = closed(&self.stdout) && closed(&self.stderr);
        let status = if closed {
            Some(poll(&self.what, || self.child.try_wait().ok().flatten()))
        } else {
            None
        };
        self.kill_group();
        let output = self.output(status.unwrap_or_else(|| ExitStatus::from_raw(9)));
        assert!(
            closed,
            "{} must end within {deadline:?}; it had printed:\n{output}",
            self.what
        );
        output
    }

    fn output(&self, status: ExitStatus) -> CommandOutput {
        let stdout = self.stdout.text();
        let stdout = self
            .prefix
            .and_then(|prefix| stdout.strip_prefix(prefix))
            .unwrap_or(&stdout);
        let signal = status.signal();
        CommandOutput {
            stdout: self.world.redact(stdout),
            stderr: self.world.redact(&self.stderr.text()),
            code: status.code().unwrap_or_else(|| 128 + signal.unwrap_or(0)),
            signal,
            what: self.what.clone(),
        }
    }

    /// Once only: after the end the number may belong to another group.
    fn kill_group(&mut self) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        // "No such process" is the usual answer: all of the group has ended.
        kill_process_group(Pid::from_child(&self.child), Signal::KILL).unwrap_or(());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill_group();
        let _ = self.child.wait();
    }
}

/// What a child prints, gathered while it prints.
#[derive(Debug, Clone)]
struct Stream {
    shared: Arc<(Mutex<Gathered>, Condvar)>,
}

#[derive(Debug, Default)]
struct Gathered {
    bytes: Vec<u8>,
    at_end: bool,
}

impl Stream {
    fn follow(mut pipe: impl Read + Send + 'static) -> Self {
        let stream = Stream {
            shared: Arc::default(),
        };
        let shared = Arc::clone(&stream.shared);
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            loop {
                let count = pipe.read(&mut buffer).unwrap_or(0);
                let mut gathered = shared.0.lock().expect("no reader panics");
                gathered.bytes.extend_from_slice(&buffer[..count]);
                gathered.at_end = count == 0;
                shared.1.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
        stream
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.shared.0.lock().expect("no reader panics").bytes).into_owned()
    }

    /// Waits for the end of the stream, until the deadline.
    fn closed(&self, start: Instant, deadline: Duration) -> bool {
        let gathered = self.shared.0.lock().expect("no reader panics");
        let left = deadline.saturating_sub(start.elapsed());
        let waited = self
            .shared
            .1
            .wait_timeout_while(gathered, left, |gathered| !gathered.at_end);
        waited.expect("no reader panics").0.at_end
    }

    #[track_caller]
    fn wait_for(&self, what: &str, needle: &str) {
        let has = |gathered: &Gathered| String::from_utf8_lossy(&gathered.bytes).contains(needle);
        let gathered = self.shared.0.lock().expect("no reader panics");
        let waited = self
            .shared
            .1
            .wait_timeout_while(gathered, DEADLINE, |gathered| {
                !gathered.at_end && !has(gathered)
            });
        let (gathered, _) = waited.expect("no reader panics");
        let text = String::from_utf8_lossy(&gathered.bytes).into_owned();
        drop(gathered);
        assert!(
            text.contains(needle),
            "{what} must print {needle:?}; it printed:\n{text}"
        );
    }
}
