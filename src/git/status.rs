//! What git says differs between HEAD, the index and the files of a worktree, and what it does not track.
//!
//! git itself looks: it knows the untracked cache, the file system monitor, sparse and split indexes. It takes no lock
//! and refreshes nothing. Submodules are compared by their commit alone; renames are not looked for.

use crate::{
    error::{Context, Error, Kind, Result},
    git::{Oid, Repo, run},
};
use gix::bstr::{BString, ByteSlice};
use std::{os::unix::ffi::OsStrExt, path::Path};

/// The mode of a submodule.
pub const SUBMODULE: u32 = 0o160_000;

/// A file, link or submodule in a tree or the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Its mode.
    pub mode: u32,
    /// Its object.
    pub oid: Oid,
}

/// What the files say of a tracked path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// What the index says.
    Same,
    /// Something else.
    Changed,
    /// It is not there.
    Gone,
}

/// A path that git tracks and that differs somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracked {
    /// From the root of the worktree.
    pub path: BString,
    /// What HEAD has.
    pub head: Option<Spot>,
    /// What the index has; of a conflict one side.
    pub index: Option<Spot>,
    /// What the files say.
    pub work: Work,
    /// A merge of it is not finished.
    pub unmerged: bool,
}

impl Tracked {
    /// Tells whether it is, or was, a submodule.
    pub fn is_submodule(&self) -> bool {
        [self.head, self.index]
            .iter()
            .flatten()
            .any(|spot| spot.mode == SUBMODULE)
    }
}

/// The answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The commit of HEAD; an unborn branch has none.
    pub head: Option<Oid>,
    /// The branch; nothing when detached.
    pub branch: Option<String>,
    /// Paths that git tracks and that differ.
    pub tracked: Vec<Tracked>,
    /// Files that git does not track; a repository of its own ends in a slash.
    pub untracked: Vec<BString>,
    /// Files that git ignores, if they were asked for.
    pub ignored: Vec<BString>,
    /// Directories that may not be opened, so that nothing is known of what is in them; each ends in a slash.
    pub closed: Vec<BString>,
}

/// Asks git about the worktree.
pub fn status(repo: &Repo, ignored: bool) -> Result<Status> {
    let ignored: &[&str] = if ignored {
        &["--ignored=traditional"]
    } else {
        &[]
    };
    ask(repo, "-uall", ignored)
}

/// The same, where a directory of which git tracks nothing stands for all that it holds.
pub fn brief(repo: &Repo) -> Result<Status> {
    ask(repo, "-unormal", &[])
}

fn ask(repo: &Repo, untracked: &str, more: &[&str]) -> Result<Status> {
    let root = repo.require_worktree()?;
    let cmd = run::read(repo).args([
        "status",
        "--porcelain=v2",
        "--branch",
        "--no-ahead-behind",
        "-z",
        "--no-renames",
        "--ignore-submodules=dirty",
    ]);
    let cmd = cmd.arg(untracked).args(more);
    let out = run::checked(cmd, "look at the worktree")?;
    let status = parse(&out.stdout);
    let mut status =
        status.ok_or_else(|| Error::internal("git's status is not in the form we know"))?;
    let refused = |path: &Path| {
        let opened = std::fs::read_dir(root.join(path));
        opened.is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied)
    };
    status.closed = closed(&out.stderr, refused);
    Ok(status)
}

/// Finds the directories that git complains of: it has no other word for them than these, so each is tried.
fn closed(said: &[u8], refused: impl Fn(&Path) -> bool) -> Vec<BString> {
    let named = said.lines().filter_map(|line| {
        let rest = line.strip_prefix(b"warning: could not open directory '")?;
        let (path, _) = rest.rsplit_once_str("': ")?;
        Some(BString::from(path))
    });
    named
        .filter(|path| refused(Path::new(std::ffi::OsStr::from_bytes(path))))
        .collect()
}

fn parse(bytes: &[u8]) -> Option<Status> {
    let mut status = Status::default();
    for line in bytes.split(|byte| *byte == 0) {
        let Some((kind, rest)) = line.split_once_str(" ") else {
            continue;
        };
        match kind {
            b"#" => header(rest, &mut status)?,
            b"1" => status.tracked.push(ordinary(rest)?),
            b"u" => status.tracked.push(unmerged(rest)?),
            b"?" => status.untracked.push(rest.into()),
            b"!" => status.ignored.push(rest.into()),
            // `2` is a rename, which we have not asked for.
            _ => return None,
        }
    }
    Some(status)
}

fn header(rest: &[u8], status: &mut Status) -> Option<()> {
    let (key, value) = rest.split_once_str(" ")?;
    match key {
        b"branch.oid" if value != b"(initial)" => status.head = Some(Oid::from_hex(value).ok()?),
        b"branch.head" if value != b"(detached)" => {
            status.branch = Some(value.to_str_lossy().into_owned());
        }
        _ => {}
    }
    Some(())
}

/// Reads what follows `1 `: `XY sub mH mI mW hH hI path`.
fn ordinary(rest: &[u8]) -> Option<Tracked> {
    let mut fields = rest.splitn_str(8, " ");
    let marks = fields.next()?;
    let _submodule = fields.next()?;
    let (head, index, _work) = (mode(&mut fields)?, mode(&mut fields)?, fields.next()?);
    let head = spot(head, fields.next()?).ok()?;
    let index = spot(index, fields.next()?).ok()?;
    Some(Tracked {
        path: fields.next()?.into(),
        head,
        index,
        work: match marks.get(1)? {
            b'.' => Work::Same,
            b'D' => Work::Gone,
            _ => Work::Changed,
        },
        unmerged: false,
    })
}

/// Reads what follows `u `: `XY sub m1 m2 m3 mW h1 h2 h3 path`.
fn unmerged(rest: &[u8]) -> Option<Tracked> {
    let mut fields = rest.splitn_str(10, " ");
    let _marks_and_submodule = (fields.next()?, fields.next()?);
    let modes = [
        mode(&mut fields)?,
        mode(&mut fields)?,
        mode(&mut fields)?,
        mode(&mut fields)?,
    ];
    let mut side = |mode: u32| spot(mode, fields.next().unwrap_or_default()).ok();
    let (_base, ours, theirs) = (side(modes[0])?, side(modes[1])?, side(modes[2])?);
    Some(Tracked {
        path: fields.next()?.into(),
        // What HEAD has is our side, unless HEAD moved meanwhile.
        head: ours,
        index: ours.or(theirs),
        work: if modes[3] == 0 {
            Work::Gone
        } else {
            Work::Changed
        },
        unmerged: true,
    })
}

fn mode<'a>(fields: &mut impl Iterator<Item = &'a [u8]>) -> Option<u32> {
    u32::from_str_radix(fields.next()?.to_str().ok()?, 8).ok()
}

/// Reads an object id; mode 0 says that there is nothing.
fn spot(mode: u32, hex: &[u8]) -> Result<Option<Spot>> {
    let oid = Oid::from_hex(hex).context(Kind::Internal, || "git names no object".to_owned())?;
    Ok((mode != 0 && !oid.is_null()).then_some(Spot { mode, oid }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_counts_as_closed_if_it_is() {
        let said = b"warning: could not open directory 'a': b/': Permission denied\n\
                     warning: could not open directory 'open/': Permission denied\nwarning: other\n";
        let found = closed(said, |path| path != Path::new("open/"));
        assert_eq!(found, ["a': b/"]);
    }

    #[test]
    fn every_kind_of_line_is_read() {
        let (a, b, none) = ("a".repeat(40), "b".repeat(40), "0".repeat(40));
        let text = format!(
            "# branch.oid {a}\0# branch.head main\0\
             1 .M N... 100644 100644 100755 {a} {a} x y\0\
             1 A. N... 000000 100644 100644 {none} {b} staged\0\
             1 .A N... 000000 000000 100644 {none} {none} intended\0\
             1 .M SC.. 160000 160000 160000 {a} {a} sub\0\
             u UU N... 100644 100644 100644 100644 {a} {b} {a} both\0\
             ? new\nline\0? nested/\0! ignored\0"
        );
        let status = parse(text.as_bytes()).expect("it is read");
        assert_eq!(status.branch.as_deref(), Some("main"));
        let paths: Vec<_> = status.tracked.iter().map(|t| t.path.to_string()).collect();
        assert_eq!(paths, ["x y", "staged", "intended", "sub", "both"]);
        let [changed, staged, intended, sub, both] = status.tracked.as_slice() else {
            panic!("five")
        };
        assert_eq!((changed.work, changed.head), (Work::Changed, changed.index));
        assert_eq!((staged.work, staged.head), (Work::Same, None));
        assert_eq!((intended.work, intended.index), (Work::Changed, None));
        assert!(sub.is_submodule() && !both.is_submodule());
        let theirs = both.index.map(|spot| spot.oid.to_string());
        assert!(both.unmerged && theirs == Some(b));
        assert_eq!(status.untracked, ["new\nline", "nested/"]);
        assert_eq!(status.ignored, ["ignored"]);
        assert_eq!(parse(b"2 R. x"), None);
    }
}
