//! Taking a worktree away: what is uncommitted is saved, what nothing else has is kept, then the files go, hidden first.

use super::{
    base, keep,
    keep::Landed,
    making,
    survey::{self, Guest, State},
};
use crate::{
    base::{
        id::SessionTag,
        text::{one_line, shell},
    },
    ctx::Ctx,
    error::{Context, Error, Kind, Result},
    features::{
        claim::store as claims,
        memory,
        session::{logic::Life, store as sessions},
        wip::store::{self as wip, Outcome, Request},
        worktree::{
            logic::remove::{Facts, refuse},
            model::{Act, Making, Record},
        },
    },
    git::{
        Oid, Repo, run,
        worktrees::{self, Worktree},
    },
};

/// How a worktree that may go stands.
#[derive(Debug)]
pub struct Looked {
    /// The worktree.
    pub tree: Worktree,
    /// What is known of it.
    pub record: Option<Record>,
    /// Its branch.
    pub branch: Option<String>,
    /// The commit of its HEAD.
    pub head: Option<Oid>,
    /// How that stands to where work goes.
    pub landed: Option<Landed>,
    /// What that is called.
    pub target: String,
    /// The sessions in it.
    pub guests: Vec<Guest>,
    /// Its files are not there.
    pub missing: bool,
    /// Something is uncommitted.
    pub dirty: bool,
}

/// What was kept.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// Whose snapshot has what was uncommitted, and its name.
    pub snapshot: Option<(SessionTag, String)>,
    /// The branch stays, with so many commits that main has not.
    pub branch: Option<(String, u32)>,
    /// The branch went: main has all of it.
    pub deleted: Option<(String, String)>,
    /// Sessions that were ended, and how many claims were given back.
    pub ended: Vec<String>,
    /// How many claims were given back.
    pub claims: usize,
}

/// Looks at a worktree and refuses if it must stay.
pub fn look(ctx: &Ctx, tree: Worktree) -> Result<Looked> {
    let repo = ctx.repo()?;
    let stand = survey::one(ctx, &tree)?;
    let own = sessions::current_if_any(ctx).ok().flatten();
    let own = own.map(|session| session.tag);
    let alive = stand.guests.iter().filter(|guest| {
        guest.life == Life::Alive
            && !guest.session.record.prepared
            && Some(&guest.session.tag) != own.as_ref()
    });
    let cwd = ctx.cwd().canonicalize();
    let facts = Facts {
        path: one_line(&tree.path.display().to_string(), 300),
        main: tree.is_main,
        inside: cwd.is_ok_and(|cwd| cwd.starts_with(&tree.path)),
        locked: tree.locked.as_ref().map(|why| one_line(why, 200)),
        moved: match &stand.state {
            State::Moved(path) => Some(one_line(&path.display().to_string(), 300)),
            _ => None,
        },
        busy: stand.state == State::Busy,
        act: keep::act(&tree.git_dir),
        conflicted: stand.dirt.map_or(0, |dirt| dirt.conflicted),
        alive: alive.map(|guest| guest.session.tag.to_string()).collect(),
    };
    if let Some(stays) = refuse(&facts) {
        let error = Error::no(stays.fact).because(stays.because);
        return Err(stays.hints.into_iter().fold(error, Error::hint));
    }
    if let State::Unreadable(why) = &stand.state {
        return Err(Error::setup(format!("{} cannot be read", facts.path))
            .because(one_line(why, 300))
            .hint(format!("git -C {} status", shell(&facts.path))));
    }
    let head = worktrees::head(repo, &tree)?;
    let newest = base::newest(repo)?;
    let landed = match (head, &newest) {
        (Some(head), Some((_, target))) => Some(keep::landed(repo, head, *target)?),
        _ => None,
    };
    Ok(Looked {
        branch: stand.branch,
        record: stand.record,
        head,
        landed,
        target: newest.map_or_else(String::new, |(name, _)| base::short(&name).to_owned()),
        guests: stand.guests,
        missing: stand.state == State::Missing,
        dirty: stand.dirt.is_none_or(|dirt| !dirt.is_clean()),
        tree,
    })
}

/// Saves what is uncommitted, and commits that nothing else has, under the session that worked there.
pub fn save(ctx: &Ctx, looked: &Looked) -> Result<Option<(SessionTag, String)>> {
    if looked.missing && !revive(looked)? {
        return Ok(None);
    }
    let there = ctx.in_repo(Repo::open(&looked.tree.git_dir)?)?;
    let mut keeps = Vec::new();
    if let Some(head) = looked.head {
        let loose = looked.branch.is_none() && !keep::is_kept(ctx.repo()?, head)?;
        // A branch that was squashed goes: its own commits are kept here.
        if loose || looked.landed == Some(Landed::Squashed) {
            let name = looked.branch.clone();
            keeps.push((name.unwrap_or_else(|| "detached HEAD".to_owned()), head));
        }
    }
    let tag = whose(&there, looked)?;
    let request = Request {
        why: "before its worktree goes",
        ignored: 0,
        keeps: &keeps,
    };
    let taken = wip::save(&there, &tag, request)?;
    let (left_out, more) = taken.left_out();
    if let Some(first) = left_out.first() {
        let count = left_out.len() + usize::try_from(more).unwrap_or(usize::MAX);
        let path = shell(&looked.tree.path.display().to_string());
        return Err(Error::no(format!(
            "{count} paths of {path} are in no snapshot, and the worktree stays"
        ))
        .because(format!("{}: {}", first.path, first.why.says()))
        .hint(format!("git -C {path} status"))
        .hint(format!(
            "CCC_WIP_FILE_MB=4096 CCC_WIP_TOTAL_MB=8192 git ccc worktree remove {path}"
        )));
    }
    Ok(match taken.outcome {
        Outcome::Clean => None,
        Outcome::Same(one) | Outcome::Saved(one) => Some((tag, one.entry.note.id.clone())),
    })
}

/// Puts the files of a missing worktree back as its index has them, if that holds something that nothing else has.
fn revive(looked: &Looked) -> Result<bool> {
    let (tree, path) = (&looked.tree, &looked.tree.path);
    if path.join(".git").exists() {
        return Ok(true);
    }
    let bare = run::bare()
        .arg("--git-dir")
        .arg(&tree.git_dir)
        .args(["-c", "core.bare=false"])
        .env("GIT_OPTIONAL_LOCKS", "0");
    let staged = bare
        .args(["diff-index", "--cached", "--quiet", "HEAD", "--"])
        .dir(&tree.git_dir)
        .run()?;
    let loose = looked.branch.is_none();
    if staged.ok() && !loose {
        return Ok(false);
    }
    let unwritable = || format!("{} cannot be put back", path.display());
    std::fs::create_dir_all(path).context(Kind::Setup, unwritable)?;
    let mut pointer = b"gitdir: ".to_vec();
    pointer.extend(tree.git_dir.as_os_str().as_encoded_bytes());
    pointer.push(b'\n');
    crate::fs::replace(&path.join(".git"), &pointer).context(Kind::Setup, unwritable)?;
    let fill = run::on(&Repo::open(&tree.git_dir)?).args(["checkout-index", "-a", "-q"]);
    run::checked(fill, "put the files back").map(|_| true)
}

/// The session whose snapshot it is: the one that was there last, else the one that was prepared, else a name of its own.
fn whose(ctx: &Ctx, looked: &Looked) -> Result<SessionTag> {
    let last = looked
        .guests
        .iter()
        .max_by_key(|guest| (!guest.session.record.prepared, guest.session.record.beat));
    if let Some(last) = last {
        return Ok(last.session.tag.clone());
    }
    if let Some(tag) = looked
        .record
        .as_ref()
        .and_then(|record| record.session.clone())
    {
        return Ok(tag);
    }
    sessions::fresh_tag(ctx.repo()?, &looked.tree.name, &ctx.dice)
}

/// Gives back what the sessions hold, merges what they remember, and ends them.
pub fn farewell(ctx: &Ctx, looked: &Looked, kept: &mut Kept) -> Result<()> {
    let repo = ctx.repo()?;
    let mut tags: Vec<SessionTag> = looked
        .guests
        .iter()
        .map(|guest| guest.session.tag.clone())
        .collect();
    if tags.is_empty() {
        tags.extend(
            looked
                .record
                .as_ref()
                .and_then(|record| record.session.clone()),
        );
    }
    // Where its branch still says which memory is meant.
    let there = Repo::open(&looked.tree.git_dir).map(|there| ctx.in_repo(there));
    if let (Ok(there), Some(tag)) = (there, tags.first()) {
        memory::tell::at_end(&there?, tag);
    }
    for guest in &looked.guests {
        // Whoever asks may be here themselves, and goes on elsewhere.
        if guest.life == Life::Alive && !guest.session.record.prepared {
            continue;
        }
        let tag = &guest.session.tag;
        kept.claims += claims::release_all(ctx, tag)?;
        sessions::remove(repo, tag, &ctx.dice)?;
        sessions::publish(ctx, &guest.session, true);
        kept.ended.push(tag.to_string());
    }
    Ok(())
}

/// Takes the files away, hidden by one rename, then deleted, and the branch if main has all of it; what is killed on the way is
/// completed by the next command.
pub fn take_away(ctx: &Ctx, looked: &Looked, keep_it: bool, kept: &mut Kept) -> Result<()> {
    let (repo, tree) = (ctx.repo()?, &looked.tree);
    let turn = making::turn(repo)?;
    let mut journal = making::begin(ctx, Act::Remove, &tree.name, &tree.path)?;
    if !keep_it && let Some((branch, head)) = going(ctx, looked)? {
        journal.making.branch = Some(branch);
        journal.making.commit = Some(head.to_string());
        journal.save()?;
    }
    if tree.path.symlink_metadata().is_ok() {
        let hidden = &journal.making.hidden;
        let unmovable = || format!("{} cannot be moved", tree.path.display());
        std::fs::create_dir(hidden).context(Kind::Setup, unmovable)?;
        if let Err(error) = std::fs::rename(&tree.path, journal.making.inside()) {
            let _ = std::fs::remove_dir(hidden);
            journal.end()?;
            return Err(error).context(Kind::Setup, unmovable);
        }
    }
    worktrees::forget(repo, tree)?;
    drop(turn);
    making::remove_all(&journal.making.hidden)?;
    settle_branch(repo, looked, &journal.making, kept)?;
    journal.end()
}

/// The branch that has nothing of its own, and is neither where work goes nor checked out elsewhere.
pub fn going(ctx: &Ctx, looked: &Looked) -> Result<Option<(String, Oid)>> {
    let repo = ctx.repo()?;
    let (Some(branch), Some(head)) = (&looked.branch, looked.head) else {
        return Ok(None);
    };
    let full = format!("refs/heads/{branch}");
    let target = base::newest(repo)?.map(|(name, _)| name);
    let is_target = target.is_some_and(|target| {
        let remote = target.starts_with("refs/remotes/");
        target == full || (remote && target.ends_with(&format!("/{branch}")))
    });
    let trees = worktrees::list(repo)?;
    let mut others = trees
        .iter()
        .filter(|tree| tree.git_dir != looked.tree.git_dir);
    let elsewhere = others.any(|tree| worktrees::branch(tree).as_ref() == Some(branch));
    let landed = matches!(looked.landed, Some(Landed::Merged | Landed::Squashed));
    Ok((landed && !is_target && !elsewhere).then(|| (branch.clone(), head)))
}

/// Lets the branch go if the journal says so; says what stays.
fn settle_branch(repo: &Repo, looked: &Looked, making: &Making, kept: &mut Kept) -> Result<()> {
    let Some(branch) = &looked.branch else {
        return Ok(());
    };
    if let (Some(_), Some(head)) = (&making.branch, looked.head)
        && making::drop_branch(repo, making)?
    {
        kept.deleted = Some((branch.clone(), head.to_string()));
        return Ok(());
    }
    let ahead = match looked.landed {
        Some(Landed::Not(ahead)) => ahead,
        _ => 0,
    };
    kept.branch = Some((branch.clone(), ahead));
    Ok(())
}
