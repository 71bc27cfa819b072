//! `git ccc worktree sync`.

use super::{SyncArgs, named};
use crate::{
    base::text::shell,
    ctx::Ctx,
    error::{Error, Kind, Result},
    features::worktree::{
        logic::sync::Step,
        store::{
            base, making,
            survey::{self, Stand},
            sync::{self, Planned, Target},
        },
        view::outcome::{OwnerView, Synced, SyncedView},
    },
};

pub(super) fn run(ctx: &Ctx, args: &SyncArgs) -> Result<()> {
    let repo = ctx.repo()?;
    if !args.no_fetch && !args.dry_run {
        base::fetch(ctx)?;
    }
    // What was landed here and is not pushed yet counts, as it does for `new` and `list`.
    let Some((name, commit)) = base::newest(repo)? else {
        return Err(Error::no("nothing says which branch work goes to")
            .hint("git remote set-head origin --auto"));
    };
    let target = Target { name, commit };
    let mut wanted = Vec::new();
    for word in &args.worktrees {
        wanted.push(named(ctx, word)?.git_dir);
    }
    let mut views = Vec::new();
    for stand in survey::survey(ctx, false)?.stands {
        if !wanted.is_empty() && !wanted.contains(&stand.tree.git_dir) {
            continue;
        }
        views.push(one(ctx, args, &stand, &target)?);
    }
    let conflicts = views.iter().filter(|view| view.conflict()).count();
    let other_side = views.iter().find(|view| view.conflict());
    let other_side = other_side.map(|view| other_side_of(view, base::short(&target.name)));
    let refused = views.iter().any(|view| view.step == "left as it is");
    ctx.ui.answer(&Synced {
        target: base::short(&target.name).to_owned(),
        commit: target.commit.to_string(),
        dry_run: args.dry_run,
        worktrees: views,
    })?;
    if conflicts > 0 {
        let what = if conflicts == 1 {
            "worktree needs"
        } else {
            "worktrees need"
        };
        return Err(Error::new(
            Kind::Conflict,
            format!("{conflicts} {what} a decision, and stays as it was"),
        )
        .hint(other_side.unwrap_or_default()));
    }
    if refused && !wanted.is_empty() {
        return Err(Error::no("not all of them were brought along").hint("git ccc worktree list"));
    }
    Ok(())
}

/// Shows what somebody decides about: what the other side did to these files.
fn other_side_of(view: &SyncedView, target: &str) -> String {
    let paths: Vec<String> = view.paths.iter().take(8).map(|path| shell(path)).collect();
    format!(
        "git -C {} log -p HEAD..{} -- {}",
        shell(&view.path),
        shell(target),
        paths.join(" ")
    )
}

fn one(ctx: &Ctx, args: &SyncArgs, stand: &Stand, target: &Target) -> Result<SyncedView> {
    let planned = sync::plan(ctx, stand, target)?;
    let mut view = shown(stand, &planned);
    if args.dry_run || !planned.step.acts() {
        return Ok(view);
    }
    // Nobody removes it meanwhile.
    let turn = making::turn(ctx.repo()?)?;
    let did = sync::act(ctx, stand, &planned, target)?;
    drop(turn);
    view.snapshot = did.snapshot;
    view.notes = did.notes;
    if let Some(paths) = did.stopped {
        view.step = Step::Conflict.word();
        "it stopped on the way and was taken back".clone_into(&mut view.why);
        view.paths = paths;
    }
    Ok(view)
}

fn shown(stand: &Stand, planned: &Planned) -> SyncedView {
    SyncedView {
        name: stand
            .record
            .as_ref()
            .map_or_else(|| stand.tree.name.clone(), |record| record.name.clone()),
        path: stand.tree.path.display().to_string(),
        branch: stand.branch.clone(),
        step: planned.step.word(),
        why: planned.why.clone(),
        dirty: planned.dirty,
        paths: planned.paths.clone(),
        owners: planned
            .owners
            .iter()
            .map(|owner| OwnerView {
                path: owner.path.clone(),
                who: owner.who.clone(),
                how: owner.how.clone(),
            })
            .collect(),
        snapshot: None,
        notes: Vec::new(),
    }
}
