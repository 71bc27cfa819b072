//! What a transition writes: claims, deletions and the log entry, as one set of ref edits.

use super::{
    logic::{Grant, State},
    model::{Claim, ClaimRecord, join},
    snapshot::{Snapshot, ref_name},
};
use crate::{
    base::{
        id::{ClaimId, SessionTag},
        record,
        scope::Scope,
        time::{Timestamp, Ttl},
    },
    ctx::Ctx,
    error::{Context, Kind, Result},
    git::{
        Oid, Repo,
        log::{self, Around, Draft, Tip},
        objects::{self, Author},
        refs::Edit,
    },
};

/// What a transition writes.
#[derive(Debug, Default)]
pub struct Plan {
    /// The log entry's subject.
    pub subject: String,
    /// The word for machines: take, renew, release, expire, break, withdraw, commit.
    pub act: &'static str,
    /// New claims.
    pub create: Vec<NewClaim>,
    /// Claims rewritten in place.
    pub rewrite: Vec<Claim>,
    /// Claims deleted, and the reason the log gives.
    pub delete: Vec<(ClaimId, &'static str)>,
    /// Other refs to move in the same transaction, before the log.
    pub edits: Vec<Edit>,
    /// Further trailers.
    pub trailers: Vec<(&'static str, String)>,
}

/// A claim before its fence is known.
#[derive(Clone, Debug)]
pub struct NewClaim {
    /// What it covers.
    pub scopes: Vec<Scope>,
    /// What for.
    pub intent: Option<String>,
    /// For how long.
    pub ttl: Ttl,
    /// When it should be done.
    pub eta: Option<Timestamp>,
    /// Given back by the commit that contains its paths.
    pub until_commit: bool,
}

impl Plan {
    /// Tells whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.create.is_empty()
            && self.rewrite.is_empty()
            && self.delete.is_empty()
            && self.edits.is_empty()
    }

    /// Returns the entry for claims that were held for something that did not happen.
    pub fn give_up(session: Option<&SessionTag>) -> Draft {
        let who = session.map_or("somebody", SessionTag::as_str);
        let mut trailers = vec![("Ccc-Act", "release".to_owned())];
        trailers.extend(session.map(|tag| ("Ccc-Session", tag.to_string())));
        Draft {
            subject: format!("release what {who} held for a commit"),
            trailers,
        }
    }

    /// Builds the plan that carries out a grant.
    pub fn take(session: &SessionTag, grant: &Grant, state: &State, new: &NewClaim) -> Self {
        let scopes = if grant.create.is_empty() {
            new.scopes.clone()
        } else {
            grant.create.clone()
        };
        let act = if grant.create.is_empty() {
            "renew"
        } else {
            "take"
        };
        let mut plan = Plan {
            act,
            subject: format!("{act} {} by {session}", join(&scopes)),
            ..Plan::default()
        };
        if !grant.create.is_empty() {
            plan.create.push(NewClaim {
                scopes: grant.create.clone(),
                ..new.clone()
            });
        }
        for (id, until) in &grant.renew {
            let Some(claim) = state.claims.iter().find(|claim| &claim.id == id) else {
                continue;
            };
            let mut claim = claim.clone();
            claim.record.until = *until;
            claim.record.ttl = new.ttl;
            claim.record.eta = new.eta.or(claim.record.eta);
            claim.record.intent = new.intent.clone().or(claim.record.intent);
            plan.rewrite.push(claim);
        }
        plan.delete
            .extend(grant.absorb.iter().map(|id| (id.clone(), "absorbed")));
        plan.delete.extend(
            grant
                .clear
                .iter()
                .map(|(id, ended)| (id.clone(), ended.word())),
        );
        plan
    }
}

/// The entry, the claims as they will be, and the edits before and after the log.
pub(super) type Prepared = (Tip, Vec<Claim>, Around);

/// Writes the objects of a plan; no ref moves yet.
pub(super) fn prepare(
    ctx: &Ctx,
    actor: &SessionTag,
    snapshot: &Snapshot,
    plan: &Plan,
) -> Result<Prepared> {
    let repo = ctx.repo()?;
    let now = ctx.now();
    let author = Author {
        name: actor.as_str(),
        at: now,
    };
    let created: Vec<ClaimId> = plan
        .create
        .iter()
        .map(|_| fresh_id(ctx))
        .collect::<Result<_>>()?;
    let draft = draft(actor, plan, &created, now);
    let entry = log::write(repo, &snapshot.tip, &draft, author, &ctx.dice.hex(8))?;
    let (mut claims, mut updates, mut deletions) = (Vec::new(), plan.edits.clone(), Vec::new());
    for (id, new) in created.into_iter().zip(&plan.create) {
        let record = grant_record(ctx, actor, (&entry, now), new)?;
        updates.push(Edit::create(
            ref_name(&id),
            write(repo, &id, &record, author)?,
        ));
        claims.push(Claim { id, record });
    }
    for claim in &plan.rewrite {
        let mut claim = claim.clone();
        claim.record.nonce = ctx.dice.hex(8);
        let new = write(repo, &claim.id, &claim.record, author)?;
        updates.push(Edit::swap(
            ref_name(&claim.id),
            Some(snapshot.oid(&claim.id)?),
            new,
        ));
        claims.push(claim);
    }
    for (id, _) in &plan.delete {
        deletions.push(Edit::delete(ref_name(id), snapshot.oid(id)?));
    }
    let around = Around {
        before: updates,
        after: deletions,
    };
    Ok((entry, claims, around))
}

fn draft(actor: &SessionTag, plan: &Plan, created: &[ClaimId], now: Timestamp) -> Draft {
    let mut trailers = vec![
        ("Ccc-Act", plan.act.to_owned()),
        ("Ccc-Session", actor.to_string()),
    ];
    for (id, new) in created.iter().zip(&plan.create) {
        trailers.push(("Ccc-Claim", id.to_string()));
        trailers.extend(
            new.scopes
                .iter()
                .map(|scope| ("Ccc-Scope", scope.to_string())),
        );
        // A claim that runs out and is cleared away later held until then.
        trailers.push(("Ccc-Until", now.after(new.ttl).to_string()));
        trailers.extend(new.eta.map(|eta| ("Ccc-Eta", eta.to_string())));
    }
    for claim in &plan.rewrite {
        trailers.push((
            "Ccc-Renewed",
            format!("{} until {}", claim.id, claim.record.until),
        ));
        trailers.extend(
            claim
                .record
                .scopes
                .iter()
                .map(|scope| ("Ccc-Scope", scope.to_string())),
        );
    }
    trailers.extend(
        plan.delete
            .iter()
            .map(|(id, why)| ("Ccc-Gone", format!("{id} {why}"))),
    );
    trailers.extend(plan.trailers.iter().cloned());
    Draft {
        subject: plan.subject.clone(),
        trailers,
    }
}

fn grant_record(
    ctx: &Ctx,
    actor: &SessionTag,
    (entry, now): (&Tip, Timestamp),
    new: &NewClaim,
) -> Result<ClaimRecord> {
    Ok(ClaimRecord {
        session: actor.clone(),
        scopes: new.scopes.clone(),
        intent: new.intent.clone(),
        taken: now,
        until: now.after(new.ttl),
        ttl: new.ttl,
        eta: new.eta,
        worktree: ctx
            .repo()?
            .worktree()
            .map(|path| path.display().to_string()),
        until_commit: new.until_commit,
        fence: entry.fence,
        entry: entry.oid.to_string(),
        nonce: ctx.dice.hex(8),
        extra: toml::Table::new(),
    })
}

fn fresh_id(ctx: &Ctx) -> Result<ClaimId> {
    ctx.dice
        .hex(6)
        .parse()
        .context(Kind::Internal, || "the dice made no claim id".to_owned())
}

fn write(repo: &Repo, id: &ClaimId, claim: &ClaimRecord, author: Author<'_>) -> Result<Oid> {
    let text = record::encode(&claim.subject(), claim)
        .context(Kind::Internal, || "the claim has no record form".to_owned())?;
    objects::write_record(repo, id.as_str(), &text, author)
}
