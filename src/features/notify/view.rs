//! How it is said what became of an event.

use super::model::Outcome;
use crate::ui::Answer;
use serde::Serialize;

/// `notify`: what became of the event.
#[derive(Debug, Serialize)]
pub struct Told {
    /// What.
    #[serde(flatten)]
    pub outcome: Outcome,
}

impl Answer for Told {
    const SCHEMA: &'static str = "ccc.notify/1";

    fn render(&self) -> String {
        let line = match &self.outcome {
            Outcome::Sent { ways } => {
                let words: Vec<&str> = ways.iter().map(|way| way.word()).collect();
                format!("told by {}", words.join(", "))
            }
            Outcome::Known => "told before".to_owned(),
            Outcome::Quiet => "held back: these are your quiet hours".to_owned(),
            Outcome::Unwanted => "not wanted: see notify.events in your settings".to_owned(),
            Outcome::Nowhere => "nowhere to: set notify.command, desktop or webhook".to_owned(),
        };
        line + "\n"
    }
}
