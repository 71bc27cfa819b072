//! Pure decisions: what to do with one hook, and what doctor makes of what it read.

use super::model::{Role, is_ours};
use crate::{base::text::one_line, features::check::model::Breach};

/// What stands where a hook belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The hook's text, if there is one; a link that leads nowhere reads as empty.
    pub text: Option<Vec<u8>>,
    /// A displaced hook stands beside it.
    pub chained: bool,
    /// A tool has set a shim of ours aside as `<hook>.legacy` and runs it from there (pre-commit does).
    pub wrapped: bool,
}

/// What `init` does with one hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing: the shim is there.
    Keep,
    /// Write the shim.
    Write,
    /// Set the hook of others aside, then write the shim.
    Chain,
    /// As above, but a displaced hook already stands aside: keep that one under yet another name.
    ChainAnew,
}

impl Step {
    /// The word for machines.
    pub fn word(self) -> &'static str {
        match self {
            Step::Keep => "present",
            Step::Write => "installed",
            Step::Chain | Step::ChainAnew => "chained",
        }
    }
}

/// Decides what `init` does where `shim` belongs.
pub fn step(slot: &Slot, shim: &str) -> Step {
    match &slot.text {
        None => Step::Write,
        Some(text) if text == shim.as_bytes() => Step::Keep,
        Some(text) if is_ours(text) => Step::Write,
        Some(_) if slot.wrapped => Step::Keep,
        Some(_) if slot.chained => Step::ChainAnew,
        Some(_) => Step::Chain,
    }
}

/// Which hooks get a shim in a directory, and what each shim does.
pub fn wanted<'a>(ours: &[&'a str], pass_on: &[&'a str]) -> Vec<(&'a str, Role)> {
    let mut all: Vec<(&str, Role)> = ours.iter().map(|name| (*name, Role::Ours)).collect();
    let others = pass_on.iter().filter(|name| !ours.contains(name));
    all.extend(others.map(|name| (*name, Role::PassOn)));
    all
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Something does not work.
    Error,
    /// Something will go wrong, or is left over.
    Warning,
}

impl Severity {
    /// The word for machines and people.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// One thing that is wrong, and what repairs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// A word for machines, such as `hook-silent`.
    pub code: &'static str,
    /// What is so.
    pub fact: String,
    /// A command that repairs it, or that shows what a person must decide.
    pub repair: String,
    /// Already repaired, by `--fix`.
    pub fixed: bool,
}

impl Finding {
    /// Something that does not work.
    pub fn error(code: &'static str, fact: String, repair: impl Into<String>) -> Self {
        let (severity, repair) = (Severity::Error, repair.into());
        Finding {
            severity,
            code,
            fact,
            repair,
            fixed: false,
        }
    }

    /// Something that will go wrong, or is left over.
    pub fn warning(code: &'static str, fact: String, repair: impl Into<String>) -> Self {
        Finding {
            severity: Severity::Warning,
            ..Self::error(code, fact, repair)
        }
    }

    /// The same, repaired.
    #[must_use]
    pub fn fixed(mut self) -> Self {
        self.fixed = true;
        self
    }
}

/// Reads the numbers of `git version 2.47.3 (Apple Git-1)`.
pub fn version(text: &str) -> Option<(u32, u32, u32)> {
    let word = text.split_whitespace().nth(2)?;
    let mut parts = word.split('.').map(str::parse::<u32>);
    let (major, minor) = (parts.next()?.ok()?, parts.next()?.ok()?);
    Some((major, minor, parts.next().and_then(Result::ok).unwrap_or(0)))
}

/// Judges git's version.
pub fn judge_version(version: (u32, u32, u32)) -> Option<Finding> {
    let (major, minor, patch) = version;
    let shown = format!("git {major}.{minor}.{patch}");
    if version < (2, 36, 0) {
        let fact = format!("{shown} is too old: git ccc needs 2.36");
        return Some(Finding::error("git-too-old", fact, "git --version"));
    }
    let fact = format!(
        "{shown} can corrupt an index that several processes write: use another 2.51 or newer"
    );
    (version == (2, 51, 0)).then(|| Finding::warning("git-corrupts", fact, "git --version"))
}

/// Tells of a commit of a held path that nothing accounts for.
pub fn breach(breach: &Breach) -> Finding {
    let Breach {
        oid, path, period, ..
    } = breach;
    let short = oid.get(..10).unwrap_or(oid);
    let by = match &breach.maker {
        Some(maker) => format!("{maker} is on record for it"),
        None => "the log does not know it: no hook saw it".to_owned(),
    };
    let fact = format!(
        "commit {short} changed {path} while {} held it; {by}",
        period.session
    );
    Finding::warning("held-path-committed", fact, format!("git show {oid} --"))
}

/// One entry of the log, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The entry's commit.
    pub oid: String,
    /// How many entries it follows.
    pub parents: usize,
    /// Its number, if it can be read.
    pub fence: Option<u64>,
}

/// Where the reading of the log ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// At the first entry.
    Begin,
    /// Where it was long enough.
    FarEnough,
    /// At an entry that cannot be read.
    Unreadable(String),
}

/// Finds where the log does not count up by one, forks, is cut off, or cannot be read.
pub fn judge_log(links: &[Link], end: &End) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, link) in links.iter().enumerate() {
        let oid = &link.oid;
        if link.parents > 1 {
            let fact = format!(
                "log entry {oid} follows {} entries: others merged logs",
                link.parents
            );
            let look = format!("git show --no-patch {oid}^@");
            findings.push(Finding::error("log-fork", fact, look));
        }
        let Some(fence) = link.fence else {
            let fact = format!("log entry {oid} has no number: others wrote it");
            let look = format!("git show --no-patch {oid}");
            findings.push(Finding::error("log-fence", fact, look));
            continue;
        };
        let before = links.get(at + 1).and_then(|older| older.fence);
        if let Some(before) = before.filter(|before| fence != before + 1) {
            let fact = format!("log entry {oid} is number {fence} after number {before}");
            let look = format!("git show --no-patch {oid} {oid}^");
            findings.push(Finding::error("log-fence", fact, look));
        }
    }
    let last = links.last();
    match end {
        End::Unreadable(oid) => {
            let by = last.map_or_else(String::new, |link| format!(", which {} follows,", link.oid));
            let fact = format!(
                "log entry {oid}{by} cannot be read: what was released before it counts as held until its time"
            );
            findings.push(Finding::error("log-hole", fact, "git fsck"));
        }
        End::Begin if last.is_some_and(|link| link.fence.is_some_and(|fence| fence > 0)) => {
            let fence = last.and_then(|link| link.fence).unwrap_or_default();
            let fact = format!("the log begins with number {fence}: what was before is not there");
            findings.push(Finding::error(
                "log-hole",
                fact,
                "git rev-parse --is-shallow-repository",
            ));
        }
        End::Begin | End::FarEnough => {}
    }
    findings
}

/// Tells of an entry that a lost swap dropped.
pub fn lost(oid: &str, message: &str) -> Finding {
    let said = one_line(message.lines().next().unwrap_or_default(), 80);
    let fact = format!("log entry {oid} was lost: {said}");
    Finding::error("log-lost-swap", fact, "git ccc doctor --fix")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(text: Option<&str>, chained: bool) -> Slot {
        Slot {
            text: text.map(|text| text.as_bytes().to_owned()),
            chained,
            wrapped: false,
        }
    }

    #[test]
    fn a_hook_of_others_is_never_overwritten() {
        let shim = "#!/bin/sh\n# git-ccc hook 1\n";
        assert_eq!(step(&slot(None, false), shim), Step::Write);
        assert_eq!(step(&slot(Some(shim), true), shim), Step::Keep);
        assert_eq!(
            step(&slot(Some("#!/bin/sh\n# git-ccc hook 0\n"), true), shim),
            Step::Write
        );
        assert_eq!(step(&slot(Some("echo"), false), shim), Step::Chain);
        assert_eq!(step(&slot(Some(""), true), shim), Step::ChainAnew);
    }

    #[test]
    fn versions_are_read_and_judged() {
        assert_eq!(version("git version 2.47.3"), Some((2, 47, 3)));
        assert_eq!(
            version("git version 2.39.5 (Apple Git-154)"),
            Some((2, 39, 5))
        );
        assert_eq!(version("git version 2.55.GIT"), Some((2, 55, 0)));
        assert_eq!(version("what"), None);
        assert!(judge_version((2, 36, 0)).is_none());
        assert!(judge_version((2, 35, 9)).is_some_and(|found| found.code == "git-too-old"));
        assert!(judge_version((2, 51, 0)).is_some_and(|found| found.code == "git-corrupts"));
        assert!(judge_version((2, 51, 1)).is_none());
    }

    #[test]
    fn a_log_that_does_not_join_is_found() {
        let link = |oid: &str, parents, fence| Link {
            oid: oid.to_owned(),
            parents,
            fence,
        };
        let log = |newest: Link| vec![newest, link("b", 1, Some(1)), link("a", 0, Some(0))];
        let codes = |links: &[Link], end| {
            let findings = judge_log(links, &end);
            findings.iter().map(|found| found.code).collect::<Vec<_>>()
        };
        let good = log(link("c", 1, Some(2)));
        assert!(codes(&good, End::Begin).is_empty());
        assert!(codes(&good[..2], End::FarEnough).is_empty());
        assert_eq!(codes(&good[..2], End::Begin), ["log-hole"]);
        assert_eq!(
            codes(&good[..2], End::Unreadable("a".to_owned())),
            ["log-hole"]
        );
        assert_eq!(
            codes(&log(link("c", 1, Some(1))), End::Begin),
            ["log-fence"]
        );
        assert_eq!(
            codes(&log(link("c", 1, Some(3))), End::Begin),
            ["log-fence"]
        );
        assert_eq!(codes(&log(link("c", 1, None)), End::Begin), ["log-fence"]);
        assert_eq!(codes(&log(link("c", 2, Some(2))), End::Begin), ["log-fork"]);
    }
}
