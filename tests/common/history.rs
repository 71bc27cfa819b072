//! A repository made at once: commits, the log, claims, sessions and the room as they would be, written by `git fast-import`.
//!
//! Commits are named by a number until [`History::import`]; a text for the log says `{c7}` for the name of commit 7. Time is what the test
//! says it is, and only grows.

use std::fmt::Write as _;

use super::world::World;

/// Where the time begins: 2026-01-01T00:00:00Z.
pub const EPOCH: i64 = 1_767_225_600;

/// A file of a commit: its path, and its content or none for a deletion.
pub type Change<'a> = (&'a str, Option<&'a str>);

/// A commit to be made.
#[derive(Debug, Clone, Copy, Default)]
pub struct Commit<'a> {
    pub branch: &'a str,
    pub message: &'a str,
    pub changes: &'a [Change<'a>],
    pub from: Option<usize>,
    pub merge: Option<usize>,
    /// When its change was first made, if that was before.
    pub authored: Option<i64>,
}

/// See the module head.
#[derive(Debug)]
pub struct History {
    world: World,
    stream: Vec<u8>,
    commits: usize,
    log: Vec<(i64, String, Vec<usize>)>,
    chat: Vec<(i64, String)>,
    /// Seconds since 1970.
    pub now: i64,
}

/// What was imported: names of commits and of log entries.
#[derive(Debug)]
pub struct Imported {
    pub world: World,
    pub commits: Vec<String>,
    pub entries: Vec<String>,
}

impl History {
    pub fn new() -> Self {
        let mut history = History {
            world: World::new(),
            stream: Vec::new(),
            commits: 0,
            log: Vec::new(),
            chat: Vec::new(),
            now: EPOCH,
        };
        history.entry("log begins", &["Ccc-Act: begin", "Ccc-Nonce: 0"]);
        history
    }

    /// Lets time pass.
    pub fn wait(&mut self, seconds: i64) -> i64 {
        self.now += seconds;
        self.now
    }

    /// Makes a commit now and returns its number.
    pub fn commit(&mut self, commit: Commit<'_>) -> usize {
        self.commits += 1;
        let Commit {
            branch, message, ..
        } = commit;
        let (now, authored) = (self.now, commit.authored.unwrap_or(self.now));
        let mut out = format!(
            "commit refs/heads/{branch}\nmark :{}\nauthor A <a@example.com> {authored} +0000\n\
             committer A <a@example.com> {now} +0000\ndata {}\n{message}\n",
            self.commits,
            message.len()
        );
        for (word, parent) in [("from", commit.from), ("merge", commit.merge)] {
            if let Some(parent) = parent {
                let _ = writeln!(out, "{word} :{parent}");
            }
        }
        for (path, content) in commit.changes {
            let quoted: String = path
                .chars()
                .flat_map(|c| match c {
                    '"' | '\\' => vec!['\\', c],
                    '\n' => vec!['\\', 'n'],
                    c => vec![c],
                })
                .collect();
            let _ = match content {
                Some(text) => writeln!(
                    out,
                    "M 100644 inline \"{quoted}\"\ndata {}\n{text}",
                    text.len()
                ),
                None => writeln!(out, "D \"{quoted}\""),
            };
        }
        out.push('\n');
        self.stream.extend(out.into_bytes());
        self.commits
    }

    /// Appends an entry to the log, with the next number, and returns its index.
    pub fn entry(&mut self, subject: &str, trailers: &[&str]) -> usize {
        let fence = self.log.len();
        self.raw_entry(
            &format!("{subject}\n\n{}\nCcc-Fence: {fence}\n", trailers.join("\n")),
            &[],
        )
    }

    /// Appends an entry as it stands, which also follows these entries.
    pub fn raw_entry(&mut self, message: &str, also: &[usize]) -> usize {
        self.log.push((self.now, message.to_owned(), also.to_vec()));
        self.log.len() - 1
    }

    /// The log has a commit as this session's.
    pub fn logged(&mut self, commit: usize, by: &str, subject: &str, more: &[&str]) {
        let session = format!("Ccc-Session: {by}");
        let made = format!("Ccc-Commit: {{c{commit}}}");
        let mut trailers = vec!["Ccc-Act: commit", &session, &made];
        trailers.extend(more);
        self.entry(&format!("commit 0123456789 by {by}: {subject}"), &trailers);
    }

    /// The log has a claim as granted; returns the entry.
    pub fn claimed(&mut self, id: &str, by: &str, scope: &str, seconds: i64) -> usize {
        let until = rfc3339(self.now + seconds);
        let trailers = [
            "Ccc-Act: take".to_owned(),
            format!("Ccc-Session: {by}"),
            format!("Ccc-Claim: {id}"),
            format!("Ccc-Scope: {scope}"),
            format!("Ccc-Until: {until}"),
        ];
        let trailers: Vec<&str> = trailers.iter().map(String::as_str).collect();
        self.entry(&format!("take {scope} by {by}"), &trailers)
    }

    /// The log has a claim as ended.
    pub fn gone(&mut self, id: &str, by: &str, why: &str) {
        let session = format!("Ccc-Session: {by}");
        let gone = format!("Ccc-Gone: {id} {why}");
        self.entry(
            &format!("release by {by}"),
            &["Ccc-Act: release", &session, &gone],
        );
    }

    /// Says something in the room: text, then trailers.
    pub fn said(&mut self, text: &str, trailers: &[&str]) {
        let message = format!("{text}\n\n{}\n", trailers.join("\n"));
        self.chat.push((self.now, message));
    }

    /// Writes it all.
    pub fn import(self) -> Imported {
        let world = self.world;
        let marks = world.tmp().join("marks");
        let export = format!("--export-marks={}", marks.display());
        let import = |stream: Vec<u8>| {
            world
                .command("git", ["fast-import", "--quiet", "--force", &export])
                .stdin(stream)
                .run()
                .ok();
            let text = std::fs::read_to_string(&marks).expect("marks were exported");
            let mut found: Vec<(usize, String)> = text
                .lines()
                .filter_map(|line| {
                    let (mark, oid) = line.strip_prefix(':')?.split_once(' ')?;
                    Some((mark.parse().ok()?, oid.to_owned()))
                })
                .collect();
            found.sort();
            found.into_iter().map(|(_, oid)| oid).collect::<Vec<_>>()
        };
        let commits = import(self.stream);
        let mut stream = String::from("feature done\n");
        for (at, (now, message, also)) in self.log.iter().enumerate() {
            let mut message = message.clone();
            for (number, oid) in commits.iter().enumerate() {
                if !message.contains("{c") {
                    break;
                }
                message = message.replace(&format!("{{c{}}}", number + 1), oid);
            }
            let merge: Vec<String> = also
                .iter()
                .map(|n| {
                    format!(
                        "merge :{}
",
                        n + 1
                    )
                })
                .collect();
            let head = link("refs/ccc/log", at + 1, *now, &message);
            let _ = writeln!(stream, "{head}{}", merge.concat());
        }
        let first = self.log.len() + 1;
        for (at, (now, message)) in self.chat.iter().enumerate() {
            let head = link("refs/notes/ccc/chat", first + at, *now, message);
            let _ = writeln!(stream, "{head}");
        }
        stream.push_str("done\n");
        let mut entries = import(stream.into_bytes());
        entries.truncate(self.log.len());
        Imported {
            world,
            commits,
            entries,
        }
    }
}

fn link(name: &str, mark: usize, now: i64, message: &str) -> String {
    let who = format!("A <a@example.com> {now} +0000");
    format!(
        "commit {name}\nmark :{mark}\nauthor {who}\ncommitter {who}\ndata {}\n{message}\n",
        message.len()
    )
}

/// A moment as records have it.
pub fn rfc3339(seconds: i64) -> String {
    let at = chrono::DateTime::from_timestamp(seconds, 0).expect("within the calendar");
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

impl Imported {
    /// Gives a claim its ref.
    pub fn claim_ref(
        &self,
        id: &str,
        (by, scope): (&str, &str),
        (taken, until): (i64, i64),
        (fence, oid): (usize, &str),
    ) {
        let record = format!(
            "v = 1\nsession = \"{by}\"\nscopes = [\"{scope}\"]\ntaken = \"{}\"\nuntil = \"{}\"\nttl = \"60m\"\nfence = {fence}\n\
             entry = \"{oid}\"\nnonce = \"{id}\"\n",
            rfc3339(taken),
            rfc3339(until)
        );
        self.record(
            &format!("refs/ccc/claims/{id}"),
            &format!("{scope} held by {by}\n\n{record}"),
        );
    }

    /// Gives a text a ref: a tag object of the empty tree.
    pub fn record(&self, name: &str, text: &str) {
        let world = &self.world;
        let tree = world.git_text(["hash-object", "-w", "-t", "tree", "/dev/null"]);
        let tag = format!(
            "object {tree}\ntype tree\ntag x\ntagger A <a@example.com> {EPOCH} +0000\n\n{text}"
        );
        let made = world
            .command("git", ["hash-object", "-w", "-t", "tag", "--stdin"])
            .stdin(tag)
            .run();
        self.point(name, made.ok().stdout.trim());
    }

    /// Points a ref at an object.
    pub fn point(&self, name: &str, oid: &str) {
        self.world.git(["update-ref", name, oid]).ok();
    }

    /// The name of a commit.
    pub fn oid(&self, commit: usize) -> &str {
        &self.commits[commit - 1]
    }
}
