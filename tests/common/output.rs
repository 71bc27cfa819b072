//! What a command left behind: its two streams and how it ended, and the one way in which tests print that.

use std::fmt;

use serde_json::Value;

/// The result of one command. Either assert how it ended (`ok`, `code`) or put it in a snapshot: that is why it may not be dropped.
#[must_use = "assert the exit with .ok() or .code(n), or snapshot it"]
#[derive(Debug, Clone)]
pub struct CommandOutput {
    /// Standard output, `$REPO` and `$HOME` in place of the two paths that change from run to run.
    pub stdout: String,
    /// Standard error, with the same two replaced.
    pub stderr: String,
    /// The exit code, or 128 + n when signal n ended the process.
    pub code: i32,
    /// The signal that ended the process, when one did.
    pub signal: Option<i32>,
    /// What was run, for messages.
    pub what: String,
}

impl CommandOutput {
    /// Asserts that the command said yes.
    #[track_caller]
    pub fn ok(&self) -> &Self {
        self.code(0)
    }

    /// Asserts the exit code.
    #[track_caller]
    pub fn code(&self, expected: i32) -> &Self {
        assert_eq!(
            self.code, expected,
            "{} must exit {expected}:\n{self}",
            self.what
        );
        self
    }

    /// Whether a SIGKILL ended the process.
    pub fn killed(&self) -> bool {
        self.signal == Some(9)
    }

    /// The one JSON document on stdout.
    #[track_caller]
    pub fn json(&self) -> Value {
        parse(&self.what, "stdout", &self.stdout)
    }

    /// The one JSON document on stderr: how a refusal looks under `--json`.
    #[track_caller]
    pub fn json_error(&self) -> Value {
        parse(&self.what, "stderr", &self.stderr)
    }

    /// The JSON Lines of a stream on stdout.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<Value> {
        self.stdout
            .lines()
            .map(|line| parse(&self.what, "stdout", line))
            .collect()
    }

    /// The lines of stdout.
    pub fn lines(&self) -> Vec<&str> {
        self.stdout.lines().collect()
    }
}

#[track_caller]
fn parse(what: &str, stream: &str, text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| {
        panic!("{what} must print one JSON document on {stream}: {error}\n{text}")
    })
}

/// Stdout, `------- stderr -------` and stderr when there is any, `[exit N]`, `[EOF]`.
impl fmt::Display for CommandOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_stream(f, &self.stdout)?;
        if !self.stderr.is_empty() {
            writeln!(f, "------- stderr -------")?;
            write_stream(f, &self.stderr)?;
        }
        write!(f, "[exit {}]\n[EOF]", self.code)
    }
}

fn write_stream(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str(text)?;
    if !text.is_empty() && !text.ends_with('\n') {
        writeln!(f, "[no newline]")?;
    }
    Ok(())
}
