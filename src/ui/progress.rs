//! A bar on the terminal while something long runs; nothing at all elsewhere.

use super::Ui;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How far something is.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Begins; only a person at a terminal sees it.
    pub fn new(ui: &Ui, what: &'static str) -> Self {
        let watched = !ui.quiet && std::io::IsTerminal::is_terminal(&std::io::stderr());
        let target = if watched {
            ProgressDrawTarget::stderr_with_hz(8)
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        let style = ProgressStyle::with_template("{msg} [{bar:30}] {bytes}/{total_bytes} {eta}");
        bar.set_style(
            style
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("=> "),
        );
        bar.set_message(what);
        Progress { bar }
    }

    /// Tells whether somebody sees it.
    pub fn is_watched(&self) -> bool {
        !self.bar.is_hidden()
    }

    /// Shows how far it is.
    pub fn set(&self, done: u64, of: u64) {
        self.bar.set_length(of);
        self.bar.set_position(done.min(of));
    }

    /// Takes the bar away.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}
