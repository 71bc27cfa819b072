//! Leasing ports and slots: claims of the worktree's session, which no other worktree's record has either.

use crate::{
    base::{id::SessionTag, scope::Scope, time::Ttl},
    ctx::Ctx,
    error::{Error, Result},
    features::{
        claim::{
            error::refused,
            logic::{self as claims, Request},
            model::Claim,
            plan::{NewClaim, Plan},
            store::{self as claim_store, About},
        },
        worktree::{
            logic::lease::{Want, choose},
            model::Lease,
            store::record,
        },
    },
    git::worktrees,
};
use std::{collections::BTreeSet, net::TcpListener, path::Path};

/// For how long a lease is taken if the template does not say.
pub const TIME: &str = "12h";

/// Takes one of each that is wanted, in one transaction; `own` is the git directory of the worktree it is for, which had these before.
pub fn take(
    ctx: &Ctx,
    session: &SessionTag,
    (wants, had): (&[Want], &[Lease]),
    (own, ttl): (&Path, Ttl),
) -> Result<Vec<Lease>> {
    if wants.is_empty() {
        return Ok(Vec::new());
    }
    let repo = ctx.repo()?;
    let done = claim_store::transition(ctx, session, About::Everything, |snapshot, _| {
        snapshot.require_readable()?;
        let state = &snapshot.state;
        // Under the lock of all claims: whoever chose before us has written down what, or holds it.
        let trees = worktrees::list(repo)?;
        let others = record::all(&trees).filter(|(tree, _)| tree.git_dir != own);
        let reserved: BTreeSet<String> = others
            .flat_map(|(_, record)| record.leases)
            .map(|lease| lease.scope)
            .collect();
        let held: Vec<&Claim> = state.held_by(session).collect();
        let free = |lease: &Lease| {
            let Ok(scope) = Scope::parse(&lease.scope) else {
                return false;
            };
            let scopes = [scope];
            let ours = held
                .iter()
                .any(|claim| claims::overlap(&claim.record.scopes, &scopes, state.fold).is_some());
            !reserved.contains(&lease.scope)
                && state.blockers(Some(session), &scopes).is_empty()
                // What listens there is its own: nobody else was given it.
                && (ours || had.contains(lease) || is_unused(lease))
        };
        let chosen = choose(wants, free).map_err(|name| none_left(&name))?;
        let scopes: Result<Vec<Scope>, _> = chosen
            .iter()
            .map(|lease| Scope::parse(&lease.scope))
            .collect();
        let scopes =
            scopes.map_err(|error| Error::internal("a lease has no scope").caused_by(&error))?;
        let new = NewClaim {
            scopes: scopes.clone(),
            intent: Some("leased for its worktree".to_owned()),
            ttl,
            eta: None,
            until_commit: false,
        };
        let request = Request {
            session: session.clone(),
            scopes: scopes.clone(),
            ttl,
            ticket: None,
        };
        let grant =
            claims::decide_take(state, &request).map_err(|refusal| refused(&refusal, &scopes))?;
        Ok((Plan::take(session, &grant, state, &new), chosen))
    })?;
    Ok(done.value)
}

fn none_left(name: &str) -> Error {
    Error::no(format!("none of {name} is left"))
        .because("all are held, or leased to other worktrees, or in use on this machine")
        .hint("git ccc claims")
        .hint("git ccc worktree list")
}

/// Tells whether a port can be listened to at this moment; what is no port is never in use.
fn is_unused(lease: &Lease) -> bool {
    let port = lease
        .scope
        .strip_prefix("res:port/")
        .and_then(|port| port.parse::<u16>().ok());
    // Ports below 1024 may be forbidden to us and free all the same.
    port.is_none_or(|port| match TcpListener::bind(("127.0.0.1", port)) {
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::PermissionDenied,
    })
}
