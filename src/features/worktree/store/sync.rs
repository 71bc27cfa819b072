//! Bringing worktrees onto main: looked at without touching anything, then done by git itself, hooks and all.

use super::{
    keep::{self, Landed},
    survey::{Guest, Stand, State},
};
use crate::{
    base::{id::SessionTag, scope::Scope, text::one_line},
    ctx::Ctx,
    env,
    error::{Error, Result},
    features::{
        claim::store::{self as claims, About},
        session::{logic::Life, store as sessions},
        wip::store::{self as wip, Outcome, Request},
        worktree::logic::sync::{Facts, Step, decide},
    },
    git::{
        Oid, Repo, changes, run, status, trees,
        worktrees::{self, Merged},
    },
    settings::Bring,
};
use gix::bstr::BString;
use std::collections::BTreeSet;

/// Somebody on the other side of a conflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// What they changed or hold.
    pub path: String,
    /// Who: a session's tag, or an author.
    pub who: String,
    /// The commit with its subject, or that they hold it.
    pub how: String,
}

/// What becomes of one worktree.
#[derive(Debug)]
pub struct Planned {
    /// What is done.
    pub step: Step,
    /// Why.
    pub why: String,
    /// The paths that somebody must decide about.
    pub paths: Vec<String>,
    /// Who is on the other side.
    pub owners: Vec<Owner>,
    /// Something is uncommitted.
    pub dirty: bool,
}

/// Where all are brought.
#[derive(Clone, Debug)]
pub struct Target {
    /// The ref.
    pub name: String,
    /// The commit.
    pub commit: Oid,
}

/// Decides what becomes of a worktree, and touches nothing.
pub fn plan(ctx: &Ctx, stand: &Stand, target: &Target) -> Result<Planned> {
    let repo = ctx.repo()?;
    let mut facts = Facts {
        whole: stand.state == State::Whole,
        state: state(&stand.state),
        act: keep::act(&stand.tree.git_dir),
        conflicted: stand.dirt.map_or(0, |dirt| dirt.conflicted),
        alive: alive(ctx, &stand.guests),
        branch: stand.branch.is_some(),
        merges: ctx.settings()?.bring() == Bring::Merge,
        ..Facts::default()
    };
    let (mut owners, dirty) = (Vec::new(), stand.dirt.is_some_and(|dirt| !dirt.is_clean()));
    if let (true, Some(head)) = (facts.whole, stand.head) {
        (facts.ahead, facts.behind) = worktrees::apart(repo, head, target.commit)?;
        let branch = stand.branch.as_deref().unwrap_or_default();
        facts.is_target = is_target(target, branch);
        if facts.behind > 0 {
            look_ahead(repo, stand, (head, target.commit), &mut facts)?;
        }
        let mut paths = facts.conflicts.clone();
        paths.extend(facts.in_the_way.iter().cloned());
        if !paths.is_empty() {
            owners = owners_of(ctx, (head, target.commit), &paths)?;
        }
    }
    let (step, why) = decide(&facts);
    let mut paths = facts.conflicts;
    paths.extend(facts.in_the_way);
    if step != Step::Conflict {
        paths.clear();
        owners.clear();
    }
    Ok(Planned {
        step,
        why,
        paths,
        owners,
        dirty,
    })
}

/// Says why a worktree is not whole.
fn state(state: &State) -> String {
    match state {
        State::Whole => String::new(),
        State::Busy => "it is just being made or removed".to_owned(),
        State::Missing => "its files are not there".to_owned(),
        State::Moved(path) => {
            let path = one_line(&path.display().to_string(), 300);
            format!("it has been moved to {path}: git ccc worktree adopt")
        }
        State::Unreadable(why) => one_line(why, 200),
    }
}

fn is_target(target: &Target, branch: &str) -> bool {
    let remote = target.name.strip_prefix("refs/remotes/");
    let remote = remote.and_then(|rest| rest.split_once('/'));
    remote.is_some_and(|(_, name)| name == branch) || target.name == format!("refs/heads/{branch}")
}

/// The sessions in it that live and are not whoever asks.
fn alive(ctx: &Ctx, guests: &[Guest]) -> Vec<String> {
    let own = sessions::current_if_any(ctx).ok().flatten();
    let own = own.map(|session| session.tag);
    guests
        .iter()
        .filter(|guest| guest.life == Life::Alive && !guest.session.record.prepared)
        .filter(|guest| Some(&guest.session.tag) != own.as_ref())
        .map(|guest| guest.session.tag.to_string())
        .collect()
}

/// Finds out what would meet, without touching a file.
fn look_ahead(
    repo: &Repo,
    stand: &Stand,
    (head, target): (Oid, Oid),
    facts: &mut Facts,
) -> Result<()> {
    if facts.ahead > 0 {
        facts.squashed = keep::landed(repo, head, target)? == Landed::Squashed;
        if let Merged::Conflict(paths) = worktrees::merged_tree(repo, target, head)? {
            facts.conflicts = paths;
        }
        let count = run::read(repo)
            .args(["rev-list", "--count", &head.to_string()])
            .args(["--not", "--remotes"]);
        let unpushed: u32 = run::checked(count, "count commits")?
            .stdout_text()
            .trim()
            .parse()
            .unwrap_or(u32::MAX);
        facts.pushed = unpushed < facts.ahead;
    }
    if stand.dirt.is_some_and(|dirt| !dirt.is_clean()) {
        let base = worktrees::merge_base(repo, head, target)?;
        let base = base.map(|base| trees::of(repo, base)).transpose()?;
        let theirs = changes::between(repo, base, Some(trees::of(repo, target)?))?;
        let theirs: BTreeSet<BString> = theirs.into_iter().collect();
        let dirt = status::status(&Repo::open(&stand.tree.git_dir)?, false)?;
        let tracked = dirt.tracked.into_iter().map(|tracked| tracked.path);
        facts.in_the_way = tracked
            .chain(dirt.untracked)
            .filter(|path| meets(path, &theirs))
            .map(|path| one_line(&path.to_string(), 300))
            .collect();
    }
    Ok(())
}

/// Tells whether one of the paths is the same, within, or around.
fn meets(path: &BString, others: &BTreeSet<BString>) -> bool {
    let plain = path.strip_suffix(b"/").unwrap_or(path);
    let within = |inner: &[u8], outer: &[u8]| {
        inner.len() > outer.len() && inner.starts_with(outer) && inner[outer.len()] == b'/'
    };
    others
        .iter()
        .any(|other| plain == other.as_slice() || within(other, plain) || within(plain, other))
}

/// Says who is on the other side: whose commits changed the paths since, and who holds them now.
fn owners_of(ctx: &Ctx, (head, target): (Oid, Oid), paths: &[String]) -> Result<Vec<Owner>> {
    let repo = ctx.repo()?;
    let mut owners = Vec::new();
    for path in paths.iter().take(20) {
        let log = run::read(repo)
            .arg("--literal-pathspecs")
            .args(["log", "--max-count=3"])
            .arg("--format=%h%x00%an%x00%(trailers:key=Ccc-Session,valueonly,separator=%x20)%x00%s")
            .arg(format!("{head}..{target}"))
            .arg("--")
            .arg(path);
        let out = run::checked(log, "read who changed a path")?.stdout_text();
        for line in out.lines() {
            let mut parts = line.split('\0');
            let (hash, author) = (parts.next().unwrap_or_default(), parts.next());
            let session = parts.next().filter(|tag| !tag.is_empty());
            let subject = one_line(parts.next().unwrap_or_default(), 80);
            owners.push(Owner {
                path: path.clone(),
                who: one_line(session.or(author).unwrap_or("somebody"), 80),
                how: format!("{hash} {subject}"),
            });
        }
    }
    let scopes: Vec<Scope> = paths
        .iter()
        .filter_map(|path| Scope::literal(path).ok())
        .collect();
    let snapshot = claims::load(repo, ctx.now(), About::Scopes(&scopes))?;
    for blocker in snapshot.state.blockers(None, &scopes) {
        owners.push(Owner {
            path: blocker.wanted.to_string(),
            who: blocker.claim.record.session.to_string(),
            how: "holds it".to_owned(),
        });
    }
    Ok(owners)
}

/// What was done with a worktree.
#[derive(Debug, Default)]
pub struct Did {
    /// The snapshot of what was uncommitted.
    pub snapshot: Option<String>,
    /// Something that should be known.
    pub notes: Vec<String>,
    /// It stopped after all: the paths.
    pub stopped: Option<Vec<String>>,
}

/// Brings a worktree onto main as it was planned.
pub fn act(ctx: &Ctx, stand: &Stand, planned: &Planned, target: &Target) -> Result<Did> {
    let mut did = Did::default();
    let there = ctx.in_repo(Repo::open(&stand.tree.git_dir)?)?;
    let repo = there.repo()?;
    let tag = stand
        .guests
        .iter()
        .map(|guest| &guest.session.tag)
        .next()
        .cloned();
    let mut staged = Vec::new();
    if planned.dirty {
        let whose = match &tag {
            Some(tag) => tag.clone(),
            None => sessions::fresh_tag(repo, &stand.tree.name, &ctx.dice)?,
        };
        did.snapshot = snapshot(&there, &whose)?;
        staged = whole_staged(repo, &mut did)?;
    }
    let commit = target.commit.to_string();
    let words: &[&str] = match planned.step {
        Step::FastForward => &["merge", "-q", "--ff-only", "--autostash"],
        Step::Merge => &["merge", "-q", "--no-edit", "--autostash"],
        _ => &["rebase", "-q", "--autostash"],
    };
    let mut cmd = run::on(repo)
        .args([
            "-c",
            "rebase.updateRefs=false",
            "-c",
            "rebase.autoSquash=false",
        ])
        .args(words)
        .arg(&commit)
        .env("GIT_EDITOR", ":")
        .env("GIT_SEQUENCE_EDITOR", ":");
    if let Some(tag) = &tag {
        cmd = cmd.env(env::SESSION, tag.as_str());
    }
    let out = cmd.run()?;
    if !out.ok() {
        did.stopped = Some(back(repo, planned.step)?);
        did.notes.push(one_line(out.stderr_text().trim(), 300));
    }
    stage_again(repo, &staged, &mut did)?;
    Ok(did)
}

fn stage_again(repo: &Repo, staged: &[Vec<u8>], did: &mut Did) -> Result<()> {
    if staged.is_empty() {
        return Ok(());
    }
    let add = run::on(repo)
        .args(["--literal-pathspecs", "add", "-A"])
        .args(["--pathspec-from-file=-", "--pathspec-file-nul"])
        .input(staged.join(&0));
    if !add.run()?.ok() {
        did.notes
            .push("what was staged is not staged again".to_owned());
    }
    Ok(())
}

fn snapshot(there: &Ctx, tag: &SessionTag) -> Result<Option<String>> {
    let request = Request {
        why: "before worktree sync",
        ignored: 0,
        keeps: &[],
    };
    let taken = wip::save(there, tag, request)?;
    Ok(match taken.outcome {
        Outcome::Clean => None,
        Outcome::Same(one) | Outcome::Saved(one) => Some(one.entry.note.id.clone()),
    })
}

/// The paths that are staged as their files stand: git's own way to lay work aside forgets that they are staged.
fn whole_staged(repo: &Repo, did: &mut Did) -> Result<Vec<Vec<u8>>> {
    let mut paths = Vec::new();
    for tracked in status::status(repo, false)?.tracked {
        if tracked.head == tracked.index {
            continue;
        }
        if tracked.work == status::Work::Same {
            paths.push(tracked.path.to_vec());
        } else {
            let path = one_line(&tracked.path.to_string(), 200);
            did.notes.push(format!(
                "what was staged of {path} is in the snapshot alone"
            ));
        }
    }
    Ok(paths)
}

/// Takes back what stopped on the way; returns the paths at which it did.
fn back(repo: &Repo, step: Step) -> Result<Vec<String>> {
    let found = status::status(repo, false)?;
    let unmerged = found.tracked.iter().filter(|tracked| tracked.unmerged);
    let paths = unmerged
        .map(|tracked| one_line(&tracked.path.to_string(), 300))
        .collect();
    if keep::act(repo.git_dir()).is_some() {
        let word = if step == Step::Rebase {
            "rebase"
        } else {
            "merge"
        };
        let out = run::on(repo).args([word, "--abort"]).run()?;
        if !out.ok() {
            return Err(
                Error::no(format!("the {word} stopped and could not be taken back"))
                    .because(one_line(out.stderr_text().trim(), 300))
                    .hint(format!(
                        "git -C {} status",
                        crate::base::text::shell(&repo.require_worktree()?.display().to_string())
                    )),
            );
        }
    }
    Ok(paths)
}
