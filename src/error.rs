//! The one error type that reaches the user.
//!
//! A failure is a kind, one fact, the causes below it and commands that help.
//! The kind alone picks the exit code. A valid "no" (held by another, no hits)
//! is also carried here, because to a script it is an exit code like the rest.

use std::fmt;

/// What sort of answer an error is; it alone decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A valid negative answer: held by another, nothing found, a check failed.
    No,
    /// The command line or a settings file is wrong.
    Usage,
    /// Two versions need a decision.
    Conflict,
    /// Lost a race or ran out of time; the same command may be tried again.
    Busy,
    /// Not a repository, not initialised, or a program is too old.
    Setup,
    /// A defect of this program.
    Internal,
    /// A child's own exit status, handed through.
    Child(u8),
}

impl Kind {
    /// Returns the process exit code.
    pub fn code(self) -> u8 {
        match self {
            Kind::No => 1,
            Kind::Usage => 2,
            Kind::Conflict => 3,
            Kind::Busy => 4,
            Kind::Setup => 5,
            Kind::Internal => 70,
            Kind::Child(code) => code,
        }
    }

    /// Returns the word used in `"kind"` of the JSON form.
    pub fn word(self) -> &'static str {
        match self {
            Kind::No => "no",
            Kind::Usage => "usage",
            Kind::Conflict => "conflict",
            Kind::Busy => "busy",
            Kind::Setup => "setup",
            Kind::Internal => "internal",
            Kind::Child(_) => "child",
        }
    }
}

/// A failure or a refusal, ready to be shown.
#[derive(Debug)]
pub struct Error {
    /// What sort of answer this is.
    pub kind: Kind,
    /// One fact, lower case, that names the object; empty when a child has already said it.
    pub message: String,
    /// Why, outermost first; never repeats `message`.
    pub because: Vec<String>,
    /// Commands that can be run as they stand; none destroys anything.
    pub hints: Vec<String>,
    /// Machine-readable detail for `--json`.
    pub detail: Option<serde_json::Value>,
}

/// The result of everything that can be shown to fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Creates an error of `kind` with one fact.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Error {
            kind,
            message: message.into(),
            because: Vec::new(),
            hints: Vec::new(),
            detail: None,
        }
    }

    /// Creates a [`Kind::No`].
    pub fn no(message: impl Into<String>) -> Self {
        Self::new(Kind::No, message)
    }

    /// Creates a [`Kind::Usage`].
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// Creates a [`Kind::Busy`].
    pub fn busy(message: impl Into<String>) -> Self {
        Self::new(Kind::Busy, message)
    }

    /// Creates a [`Kind::Setup`].
    pub fn setup(message: impl Into<String>) -> Self {
        Self::new(Kind::Setup, message)
    }

    /// Creates a [`Kind::Internal`].
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Kind::Internal, message)
    }

    /// Creates an error whose text a child process has already printed.
    pub fn already_said(code: u8) -> Self {
        Self::new(Kind::Child(code), "")
    }

    /// Adds a cause.
    #[must_use]
    pub fn because(mut self, cause: impl fmt::Display) -> Self {
        self.because.push(cause.to_string());
        self
    }

    /// Adds the whole source chain of `cause`.
    #[must_use]
    pub fn caused_by(mut self, cause: &(dyn std::error::Error + 'static)) -> Self {
        let mut next = Some(cause);
        while let Some(error) = next {
            let text = error.to_string();
            if self.because.last() != Some(&text) {
                self.because.push(text);
            }
            next = error.source();
        }
        self
    }

    /// Adds a runnable command.
    #[must_use]
    pub fn hint(mut self, command: impl Into<String>) -> Self {
        self.hints.push(command.into());
        self
    }

    /// Attaches detail for `--json`.
    #[must_use]
    pub fn detail(mut self, value: serde_json::Value) -> Self {
        self.detail = Some(value);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for cause in &self.because {
            write!(f, ": {cause}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// Turns any library error into one of ours that says what was being done.
pub trait Context<T> {
    /// Maps the error to `kind` with `message()` as the fact and the error as its cause.
    fn context(self, kind: Kind, message: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: std::error::Error + 'static> Context<T> for Result<T, E> {
    fn context(self, kind: Kind, message: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| Error::new(kind, message()).caused_by(&error))
    }
}
