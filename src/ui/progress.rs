//! A bar on the terminal while something long runs; nothing at all elsewhere.

use super::Ui;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::Once;

/// How far something is.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    watched: bool,
    begun: Once,
}

impl Progress {
    /// Begins; only a person at a terminal sees it.
    pub fn new(ui: &Ui, what: &'static str) -> Self {
        let watched = !ui.quiet && std::io::IsTerminal::is_terminal(&std::io::stderr());
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        let style = ProgressStyle::with_template("{msg} [{bar:30}] {bytes}/{total_bytes} {eta}");
        bar.set_style(
            style
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("=> "),
        );
        bar.set_message(what);
        Progress {
            bar,
            watched,
            begun: Once::new(),
        }
    }

    /// Returns [`set`](Self::set), if somebody sees it: adding up what there is takes time of its own.
    pub fn teller(&self) -> Option<impl Fn(u64, u64) + Sync> {
        self.watched.then_some(|done, of| self.set(done, of))
    }

    /// Shows how far it is, from the first time on: what was done before that says nothing of how long it takes.
    pub fn set(&self, done: u64, of: u64) {
        if self.watched {
            self.begun.call_once(|| {
                self.bar.reset();
                self.bar
                    .set_draw_target(ProgressDrawTarget::stderr_with_hz(8));
            });
        }
        self.bar.set_length(of);
        self.bar.set_position(done.min(of));
    }

    /// Takes the bar away.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}
