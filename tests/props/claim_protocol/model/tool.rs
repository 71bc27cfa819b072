//! A session's side of the protocol: read the tip, list, decide, hand git a transaction, list again.
//!
//! Contract: decides on what it has read and on nothing else; never looks at another process's memory, and
//! looks at a lock's owner only where [`Recovery`] says that it may.

use super::{
    At, CommitRule, DEAD, Edit, Expired, HEAD, Kind, LOG, LogSwap, Mode, NO_GIT, Next, ORPHAN,
    Object, Oid, Op, Orphans, Phase, Records, Recovery, Relist, SESSIONS, State, Step, Tool, World,
    byte, overlap,
};

impl World {
    pub(super) fn tool_steps(&mut self, state: &State, s: usize, out: &mut Next) {
        let tool = state.tools[s];
        let mut next = *state;
        match tool.at {
            At::Idle => {
                let Some(op) = self.bounds.scripts[s].get(usize::from(tool.op)) else {
                    return;
                };
                if self.setup.flock_present {
                    if state.flock != 0 {
                        return;
                    }
                    next.flock = byte(s) + 1;
                }
                if *op == Op::Release {
                    next.belief[s] = 0;
                }
                next.tools[s].tip = state.value(LOG);
                next.tools[s].at = At::Loose;
            }
            At::Tip => {
                next.tools[s].tip = state.value(LOG);
                next.tools[s].at = At::Loose;
                if tool.mode == Mode::Withdraw {
                    self.start(&mut next, s, &[(Kind::Delete, s, tool.mine, 0)], (0, 0));
                }
            }
            At::Loose => {
                next.tools[s].seen.copy_from_slice(&state.loose[..SESSIONS]);
                next.tools[s].at = At::Packed;
            }
            At::Packed => {
                let mut list = tool.seen;
                for (seen, packed) in list.iter_mut().zip(state.packed) {
                    if *seen == 0 {
                        *seen = packed;
                    }
                }
                next.tools[s].seen = [0; SESSIONS];
                if tool.mode == Mode::Relist {
                    self.judge_grant(&mut next, s, list);
                } else {
                    self.decide(&mut next, s, list);
                }
            }
            At::Unlock(r) => {
                next.lock[usize::from(r)] = 0;
                self.again(&mut next, s);
            }
            At::Git => return,
        }
        out.push((Step::Tool(byte(s)), next, None));
    }

    /// The pure decision of a command, then its transaction.
    pub(super) fn decide(&mut self, next: &mut State, s: usize, list: [Oid; SESSIONS]) {
        let tip = next.tools[s].tip;
        let op = self.bounds.scripts[s][usize::from(next.tools[s].op)];
        let own = list[s];
        let expired = |w: &Self, claim| next.now >= w.until(claim);
        let mut edits = Vec::new();
        let mut contested = None;
        for other in (0..SESSIONS).filter(|o| *o != s && list[*o] != 0) {
            let claim = list[other];
            let orphan =
                self.setup.orphans == Orphans::Delete && self.fence(claim) > self.fence(tip);
            if self.ended(tip, claim) || orphan {
                edits.push((Kind::Delete, other, claim, 0));
            } else if overlap(s, other) {
                if !expired(self, claim) {
                    contested = Some((other, claim));
                } else if self.setup.expired == Expired::Delete {
                    edits.push((Kind::Delete, other, claim, 0));
                }
            }
        }
        let alive = own != 0 && !self.ended(tip, own) && !expired(self, own);
        match op {
            Op::Claim if contested.is_none() => {
                let new = self.claim(next, s, self.fence(tip) + 1);
                next.tools[s].mine = new;
                edits.insert(0, (Kind::Update, s, own, new));
                self.start(next, s, &edits, (new, 0));
            }
            Op::Commit
                if alive && (contested.is_none() || self.setup.commit == CommitRule::OwnListed) =>
            {
                let head = next.value(HEAD);
                let new = self.write(Object::Commit {
                    parent: head,
                    by: byte(s),
                });
                let edits = [(Kind::Verify, s, own, own), (Kind::Update, HEAD, head, new)];
                self.start(next, s, &edits, (0, new));
            }
            Op::Renew if alive && next.belief[s] == own => {
                let new = self.claim(next, s, self.fence(own));
                next.tools[s].mine = new;
                self.start(next, s, &[(Kind::Update, s, own, new)], (new, 0));
            }
            Op::Release if own != 0 => self.start(next, s, &[(Kind::Delete, s, own, 0)], (0, 0)),
            Op::Break if contested.is_some() => {
                let (other, claim) = contested.expect("just checked");
                self.start(next, s, &[(Kind::Delete, other, claim, 0)], (0, 0));
            }
            _ => self.finish(next, s),
        }
    }

    pub(super) fn claim(&mut self, next: &mut State, s: usize, fence: u8) -> Oid {
        let session = byte(s);
        self.write(match self.setup.records {
            Records::Unique => {
                next.nonce[s] += 1;
                let until = next.now + self.bounds.lease;
                Object::Claim {
                    session,
                    nonce: next.nonce[s],
                    fence,
                    until,
                }
            }
            Records::Reused => Object::Claim {
                session,
                nonce: 0,
                fence: 0,
                until: u8::MAX,
            },
        })
    }

    /// Hands git the edits and the log's next entry.
    pub(super) fn start(
        &mut self,
        next: &mut State,
        s: usize,
        edits: &[(Kind, usize, Oid, Oid)],
        (grants, head): (Oid, Oid),
    ) {
        let tip = next.tools[s].tip;
        let mut ends = [0; SESSIONS];
        for (kind, target, old, _) in edits {
            if *target < SESSIONS
                && (*kind == Kind::Delete || (*kind == Kind::Update && *old != grants))
            {
                ends[*target] = *old;
            }
        }
        let entry = Object::Entry {
            parent: tip,
            fence: self.fence(tip) + 1,
            by: byte(s),
            grants,
            ends,
            head,
        };
        let log = (Kind::Update, LOG, tip, self.write(entry));
        let mut all = edits.to_vec();
        all.insert(
            if self.setup.log == LogSwap::First {
                0
            } else {
                all.len()
            },
            log,
        );
        let mut git = NO_GIT;
        git.len = byte(all.len());
        git.phase = Phase::Prepare(0);
        for (slot, (kind, target, old, new)) in git.edits.iter_mut().zip(all) {
            *slot = Edit {
                target: byte(target),
                kind,
                old,
                new,
            };
        }
        next.git[s] = git;
        next.tools[s].at = At::Git;
        next.tools[s].tip = 0;
    }

    /// The verdict of the listing after `ok`.
    pub(super) fn judge_grant(&mut self, next: &mut State, s: usize, list: [Oid; SESSIONS]) {
        let Tool { tip, mine, .. } = next.tools[s];
        let against = |o: usize| {
            let claim = list[o];
            overlap(s, o)
                && claim != 0
                && !self.ended(tip, claim)
                && next.now < self.until(claim)
                && (self.setup.relist == Relist::Any
                    || (self.fence(claim), o) < (self.fence(mine), s))
        };
        if list[s] != mine || self.ended(tip, mine) {
            self.finish(next, s);
        } else if (0..SESSIONS).any(against) {
            next.tools[s].mode = Mode::Withdraw;
            next.tools[s].at = At::Tip;
            next.tools[s].tip = 0;
            next.tools[s].tries = 0;
        } else {
            next.belief[s] = mine;
            self.finish(next, s);
        }
    }

    /// Ends the command; the next of the script follows.
    pub(super) fn finish(&self, next: &mut State, s: usize) {
        let op = next.tools[s].op + 1;
        next.tools[s] = Tool {
            op,
            tries: 0,
            at: At::Idle,
            mode: Mode::Act,
            tip: 0,
            seen: [0; SESSIONS],
            mine: 0,
        };
        if self.setup.flock_present {
            next.flock = 0;
        }
    }

    /// Starts the command's reads again, or gives up.
    pub(super) fn again(&self, next: &mut State, s: usize) {
        let tool = &mut next.tools[s];
        if tool.tries >= self.bounds.retries {
            self.finish(next, s);
            return;
        }
        tool.tries += 1;
        tool.tip = 0;
        tool.at = At::Tip;
        if tool.mode == Mode::Act {
            tool.mine = 0;
        }
    }

    pub(super) fn failed(&self, next: &mut State, child: usize, locked: Option<usize>) {
        next.free_locks(child, 0);
        next.git[child] = NO_GIT;
        if child == ORPHAN {
            return;
        }
        if let Some(r) = locked {
            let stale =
                next.lock[r] == DEAD || (self.setup.recovery == Recovery::AgeOnly && r == LOG);
            if stale && next.tools[child].tries < self.bounds.retries {
                if self.setup.recovery == Recovery::Atomic {
                    next.lock[r] = 0;
                } else {
                    next.tools[child].at = At::Unlock(byte(r));
                    return;
                }
            }
        }
        self.again(next, child);
    }

    /// What a tool does on the line `commit: ok`.
    pub(super) fn succeeded(&self, next: &mut State, s: usize) {
        let tool = next.tools[s];
        match (tool.mode, self.bounds.scripts[s][usize::from(tool.op)]) {
            (Mode::Act, Op::Claim) if self.setup.relist != Relist::Off => {
                next.tools[s].mode = Mode::Relist;
                next.tools[s].at = At::Tip;
            }
            (Mode::Act, Op::Claim | Op::Renew) => {
                next.belief[s] = tool.mine;
                self.finish(next, s);
            }
            _ => self.finish(next, s),
        }
    }
}
