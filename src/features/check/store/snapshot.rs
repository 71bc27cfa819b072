//! Loads the snapshot that the rules judge.

use super::{commits, ledger, markers, memory, policy, range, records};
use crate::{
    ctx::Ctx,
    error::{Context, Error, Kind, Result},
    features::check::{
        logic::baseline::Baseline,
        model::{
            Period,
            snapshot::{Held, Snapshot},
        },
    },
    git::{Repo, log, refs, run},
};

/// No log is longer.
const ENTRIES: usize = 1_000_000;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The range.
    pub range: Option<&'a str>,
    /// Nothing of this machine counts: neither its clock nor its settings.
    pub ci: bool,
}

/// Loads all that is judged, and what is accepted.
pub fn load(ctx: &Ctx, request: Request<'_>) -> Result<(Snapshot, Baseline)> {
    let repo = ctx.repo()?;
    let Some(tip) = refs::find(repo, log::REF)? else {
        return Err(not_here(repo));
    };
    let shallow = repo.gix().is_shallow().context(Kind::Setup, || {
        "what this clone lacks cannot be told".to_owned()
    })?;
    if shallow {
        return Err(
            Error::setup("this clone is shallow: what it lacks cannot be judged")
                .because("a range, its base and the log need their whole history")
                .hint("git fetch --unshallow"),
        );
    }
    let resolved = range::resolve(repo, request.range)?;
    let source = if request.ci {
        policy::Source::Commit(resolved.target.unwrap_or(resolved.tip))
    } else {
        policy::Source::Here
    };
    let (policy, baseline) = policy::load(ctx, source)?;
    let (mut ledger, _) = ledger::read(repo, tip, ENTRIES);
    let mut damaged = Vec::new();
    let claims = records::claims(repo, &mut damaged)?;
    let sessions = records::sessions(repo, &mut damaged)?;
    let threads = records::threads(repo, &mut damaged)?;
    for claim in &claims {
        note_claim(&mut ledger.periods, claim);
    }
    for period in &mut ledger.periods {
        let beat = sessions.get(&period.session).copied().flatten();
        let sure = period.sure.max(beat);
        period.sure = period.to.map_or(sure, |to| sure.map(|sure| sure.min(to)));
    }
    let fold = repo.fold();
    let commits = commits::read(repo, &resolved)?;
    commits::note_copies(repo, &commits, &mut ledger, fold)?;
    // The range's own times are its maker's word; those of the log and of the target are not.
    let known = resolved.target.unwrap_or(resolved.tip);
    let now = range::when(repo, known)?.max(ledger.at.unwrap_or(ctx.now()));
    let snapshot = Snapshot {
        now: if request.ci { now } else { now.max(ctx.now()) },
        fold,
        policy,
        markers: markers::left(repo, &resolved, &commits)?,
        memory: memory::open(repo)?,
        range: resolved.range,
        commits,
        ledger,
        claims,
        sessions: sessions.into_keys().collect(),
        threads,
        damaged,
        anchor: baseline.log.clone(),
    };
    Ok((snapshot, baseline))
}

/// What a ref says of its claim is more than the log does; a claim that only has a ref is judged too.
fn note_claim(periods: &mut Vec<Period>, claim: &Held) {
    let open = |period: &&mut Period| period.claim == claim.id;
    let ended = periods.iter_mut().find(open);
    if let Some(period) = ended {
        period.to = Some(period.to.map_or(claim.until, |to| to.min(claim.until)));
        return;
    }
    periods.push(Period {
        claim: claim.id.clone(),
        session: claim.session.clone(),
        scopes: claim.scopes.clone(),
        from: claim.taken,
        to: Some(claim.until),
        sure: Some(claim.taken),
    });
}

/// There is no log: it was not fetched, or there is none.
fn not_here(repo: &Repo) -> Error {
    let error = Error::setup("refs/ccc/log is not here, so nothing can be judged");
    let remotes = run::read(repo).arg("remote").run();
    let remotes = remotes.map_or_else(|_| String::new(), |out| out.stdout_text());
    let names: Vec<&str> = remotes.lines().collect();
    let origin = names
        .iter()
        .find(|name| **name == "origin")
        .or(names.first());
    match origin {
        Some(remote) => error
            .because("a clone, and what CI checks out, lacks refs/ccc and refs/notes unless they are fetched")
            .hint(format!(
                "git fetch {} 'refs/ccc/*:refs/ccc/*' 'refs/notes/ccc/*:refs/notes/ccc/*'",
                crate::base::text::shell(remote)
            )),
        None => error.hint("git ccc init"),
    }
}
