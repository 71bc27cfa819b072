//! Waiting for refs to change, without polling.
//!
//! File-system events wake a waiter; a time limit is the fallback for what no
//! event announces. One event is no news by itself: whoever wakes looks again.

use crate::git::Repo;
use notify::{EventKind, RecursiveMode, Watcher};
use std::{path::Path, sync::mpsc, time::Duration};

/// Wakes when something below one of its places changes.
#[derive(Debug)]
pub struct Alarm {
    watcher: Option<notify::RecommendedWatcher>,
    events: mpsc::Receiver<()>,
    /// Kept so that a missing watcher does not look like an endless stream of events.
    _sender: mpsc::Sender<()>,
}

impl Alarm {
    /// Starts listening in these folders of the common directory; what changes from here on is not missed.
    pub fn new(repo: &Repo, places: &[&str]) -> Self {
        let (sender, events) = mpsc::channel();
        let notify_sender = sender.clone();
        let relevant = |kind: EventKind| {
            matches!(
                kind,
                EventKind::Create(_) | EventKind::Remove(_) | EventKind::Modify(_)
            )
        };
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| relevant(event.kind)) {
                // The receiver is gone only when nobody waits any more.
                let _ = notify_sender.send(());
            }
        });
        let mut alarm = Alarm {
            watcher: watcher.ok(),
            events,
            _sender: sender,
        };
        alarm.also(repo, places);
        alarm
    }

    /// Listens in these folders of another repository too.
    pub fn also(&mut self, repo: &Repo, places: &[&str]) {
        if let Some(watcher) = &mut self.watcher {
            for place in places {
                // What does not exist here cannot change; the clock is the fallback for the rest.
                let _ = watcher.watch(&repo.common_dir().join(place), RecursiveMode::NonRecursive);
            }
        }
    }

    /// Listens in a folder outside of repositories too.
    pub fn also_in(&mut self, dir: &Path) {
        if let Some(watcher) = &mut self.watcher {
            // As above.
            let _ = watcher.watch(dir, RecursiveMode::NonRecursive);
        }
    }

    /// Waits for a change, at most `limit`.
    pub fn wait(&self, limit: Duration) {
        self.hears(limit);
    }

    /// The same, and tells whether there was one.
    pub fn hears(&self, limit: Duration) -> bool {
        let changed = self.events.recv_timeout(limit).is_ok();
        if changed {
            // One transaction makes many events; one look answers them all.
            while self.events.try_recv().is_ok() {}
        }
        changed
    }
}
