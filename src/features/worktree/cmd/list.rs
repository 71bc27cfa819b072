//! `git ccc worktree list`.

use super::ListArgs;
use crate::{
    ctx::Ctx,
    error::Result,
    features::worktree::{
        store::survey::{self, Stand, State},
        view::{GuestView, StandView, TreeList},
    },
};

pub(super) fn run(ctx: &Ctx, args: &ListArgs) -> Result<()> {
    let found = survey::survey(ctx, args.disk)?;
    ctx.ui.answer(&TreeList {
        target: found.target,
        worktrees: found.stands.iter().map(view).collect(),
        in_colour: ctx.ui.in_colour(),
    })
}

pub(super) fn view(stand: &Stand) -> StandView {
    let (state, detail) = match &stand.state {
        State::Whole => ("whole", None),
        State::Busy => ("busy", None),
        State::Missing => ("missing", None),
        State::Moved(path) => ("moved", Some(path.display().to_string())),
        State::Unreadable(why) => ("unreadable", Some(why.clone())),
    };
    let record = stand.record.as_ref();
    StandView {
        name: record.map_or_else(|| stand.tree.name.clone(), |record| record.name.clone()),
        path: stand.tree.path.display().to_string(),
        main: stand.tree.is_main,
        state,
        detail,
        locked: stand.tree.locked.clone(),
        branch: stand.branch.clone(),
        head: stand.head.map(|head| head.to_string()),
        ahead: stand.apart.map(|apart| apart.0),
        behind: stand.apart.map(|apart| apart.1),
        staged: stand.dirt.map(|dirt| dirt.staged),
        changed: stand.dirt.map(|dirt| dirt.changed),
        untracked: stand.dirt.map(|dirt| dirt.untracked),
        conflicted: stand.dirt.map(|dirt| dirt.conflicted),
        dirty: stand.dirt.map(|dirt| !dirt.is_clean()),
        sessions: stand
            .guests
            .iter()
            .map(|guest| GuestView::new(&guest.session, guest.life, guest.holds.clone()))
            .collect(),
        template: record.and_then(|record| record.template.clone()),
        labels: record
            .map(|record| record.labels.clone())
            .unwrap_or_default(),
        leases: record.map_or_else(Vec::new, |record| {
            record
                .leases
                .iter()
                .map(|lease| format!("{}={}", lease.name, lease.value))
                .collect()
        }),
        last_act: stand.last.map(|last| last.to_string()),
        disk_bytes: stand.disk,
    }
}
