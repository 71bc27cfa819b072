//! git's side: a ref transaction lock by lock and rename by rename, and `pack-refs` beside it.
//!
//! Contract: the order of git's files backend. Locks and checks in input order, packed-refs.lock when something
//! is deleted; then updates in input order, packed-refs rewritten, loose files of deleted refs unlinked.

use super::{
    CHILDREN, Git, HEAD, Kind, LOG, LogSwap, NO_GIT, Next, ORPHAN, Object, Op, PACKER, Packing,
    Phase, REFS, SESSIONS, State, Step, World, byte, overlap,
};

impl World {
    pub(super) fn git_steps(&self, state: &State, child: usize, out: &mut Next) {
        let mut next = *state;
        let git = state.git[child];
        let own = byte(child) + 1;
        let deletes = git.edits[..usize::from(git.len)]
            .iter()
            .any(|e| e.kind == Kind::Delete);
        let mut broken = None;
        match git.phase {
            Phase::Prepare(i) => {
                let edit = git.edits[usize::from(i)];
                let r = usize::from(edit.target);
                let to = match i + 1 {
                    n if n < git.len => Phase::Prepare(n),
                    _ if deletes => Phase::LockPacked,
                    _ => Self::rename_from(&git, 0),
                };
                if state.lock[r] != 0 {
                    self.failed(&mut next, child, Some(r));
                } else if state.value(r) == edit.old
                    || (r == LOG && self.setup.log == LogSwap::Unchecked)
                {
                    next.lock[r] = own;
                    next.git[child].phase = to;
                } else {
                    if r == LOG && self.setup.cas_on_stale_packed && state.loose[r] == 0 {
                        let mut fooled = *state;
                        fooled.lock[r] = own;
                        fooled.git[child].phase = to;
                        out.push((Step::Fooled(byte(child)), fooled, None));
                    }
                    self.failed(&mut next, child, None);
                }
            }
            Phase::LockPacked => {
                if state.packed_lock == 0 {
                    next.packed_lock = own;
                    next.git[child].phase = Self::rename_from(&git, 0);
                } else {
                    self.failed(&mut next, child, None);
                }
            }
            Phase::Rename(i) => broken = self.rename(&mut next, child, i),
            Phase::RewritePacked => {
                for edit in &git.edits[..usize::from(git.len)] {
                    if edit.kind == Kind::Delete {
                        next.packed[usize::from(edit.target)] = 0;
                    }
                }
                // packed-refs stays locked until the loose files are gone, or a packer would write them back.
                next.git[child].phase = Self::unlink_from(&git, 0);
            }
            Phase::Unlink(i) => {
                let r = usize::from(git.edits[usize::from(i)].target);
                next.loose[r] = 0;
                next.lock[r] = 0;
                next.git[child].phase = Self::unlink_from(&git, i + 1);
            }
            Phase::Idle => unreachable!("an idle child takes no step"),
        }
        if next.git[child].phase == Phase::Idle && next.git[child].len != 0 {
            next.free_locks(child, 0);
            next.git[child] = NO_GIT;
            if child != ORPHAN {
                self.succeeded(&mut next, child);
            }
        }
        out.push((Step::Git(byte(child)), next, broken));
    }

    /// Renames whatever the lock file's path now holds, as rename(2) does.
    pub(super) fn rename(&self, next: &mut State, child: usize, i: u8) -> Option<&'static str> {
        let git = next.git[child];
        let r = usize::from(git.edits[usize::from(i)].target);
        let owner = next.lock[r];
        if owner == 0 || owner > byte(CHILDREN) {
            self.failed(next, child, None);
            return None;
        }
        let theirs = next.git[usize::from(owner) - 1];
        let edit = *theirs.edits[..usize::from(theirs.len)]
            .iter()
            .find(|e| usize::from(e.target) == r)?;
        let before = next.value(r);
        next.loose[r] = edit.new;
        next.lock[r] = 0;
        next.git[child].phase = Self::rename_from(&git, i + 1);
        match (r, self.object(edit.new)) {
            (HEAD, Object::Commit { parent, by }) => {
                let by = usize::from(by);
                if parent != before {
                    return Some("HEAD lost an update");
                }
                let held = (0..SESSIONS).any(|o| overlap(by, o) && self.holds(next, o));
                held.then_some("a commit landed in another's live claim")
            }
            (LOG, Object::Entry { by, ends, .. }) => {
                // Only a break ends what its holder still believes in: release forgets first, expiry is the
                // clock's, and a withdrawn claim was never believed.
                for (s, ended) in ends.iter().enumerate() {
                    let breaks = self.bounds.scripts[usize::from(by)].contains(&Op::Break);
                    if *ended != 0 && s != usize::from(by) && breaks && theirs.len == 2 {
                        next.broken = *ended;
                    }
                }
                None
            }
            _ => None,
        }
    }

    pub(super) fn rename_from(git: &Git, from: u8) -> Phase {
        let edits = &git.edits[..usize::from(git.len)];
        match (from..git.len).find(|i| edits[usize::from(*i)].kind == Kind::Update) {
            Some(i) => Phase::Rename(i),
            None if edits.iter().any(|e| e.kind == Kind::Delete) => Phase::RewritePacked,
            None => Phase::Idle,
        }
    }

    pub(super) fn unlink_from(git: &Git, from: u8) -> Phase {
        (from..git.len)
            .find(|i| git.edits[usize::from(*i)].kind == Kind::Delete)
            .map_or(Phase::Idle, Phase::Unlink)
    }

    pub(super) fn pack_step(&self, state: &State, out: &mut Next) {
        let mut next = *state;
        match state.packing {
            Packing::Idle => {
                if state.packs >= self.bounds.packs || state.packed_lock != 0 {
                    return;
                }
                next.packs += 1;
                next.packed_lock = PACKER;
                next.snapshot = state.loose;
                next.snapshot[HEAD] = 0;
                next.packing = Packing::Holding;
            }
            Packing::Holding => {
                for (packed, loose) in next.packed.iter_mut().zip(state.snapshot) {
                    if loose != 0 {
                        *packed = loose;
                    }
                }
                next.packed_lock = 0;
                next.packing = Packing::Pruning(0);
            }
            Packing::Pruning(from) => {
                let Some(r) = (usize::from(from)..HEAD).find(|r| state.snapshot[*r] != 0) else {
                    return;
                };
                // A prune is a transaction of its own: it skips a locked ref and one whose value moved.
                if state.lock[r] == 0 && state.loose[r] == state.snapshot[r] {
                    next.loose[r] = 0;
                }
                next.snapshot[r] = 0;
                next.packing = Packing::Pruning(byte(r) + 1);
            }
        }
        if matches!(next.packing, Packing::Pruning(_)) && next.snapshot == [0; REFS] {
            next.packing = Packing::Idle;
        }
        out.push((Step::Pack, next, None));
    }
}
