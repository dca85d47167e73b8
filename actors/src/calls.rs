//! Finds, starts, restarts and isolates calls.

use std::time::Duration;

use engine::call::{Answer, Event};
use engine::failure::Failure;
use engine::ids::CallKey;

/// The only way to a call.
#[derive(Clone)]
pub struct Calls {}

/// Why an event got no answer. Nothing of it took effect, or it is kept in quarantine.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No seat is left, the answer took too long, or we are stopping.
    #[error("busy")]
    Busy,
    #[error("store unavailable: {0}")]
    Unavailable(Failure),
    /// The event killed its call twice and is kept for people to look at.
    #[error("event quarantined")]
    Quarantined,
}

impl Calls {
    /// Decides and commits the events of one webhook, in order, and returns their answers, one per event. Returns
    /// only after the commit. A second delivery gets the recorded answer.
    pub async fn apply(
        &self,
        _call: &CallKey,
        _platform: &'static str,
        _events: Vec<Event>,
    ) -> Result<Vec<Answer>, Refusal> {
        Err(Refusal::Busy)
    }

    /// Volatile news: shown if the call is in memory and there is room, else dropped.
    pub fn mention(&self, _call: &CallKey, _event: Event) {}

    /// Calls in memory.
    pub fn count(&self) -> usize {
        0
    }

    /// Refuses new events, waits until those inside are answered, at most `within`.
    pub async fn drain(&self, _within: Duration) {}
}
