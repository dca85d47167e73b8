//! The call machine: one event in, one decision out.

use super::decision::{Answer, Decision, Fact};
use super::event::Event;
use super::state::Call;
use crate::ids::CallKey;
use crate::playbook::Playbook;
use crate::time::Timestamp;

impl Call {
    /// Decides what `event` means for this call. `now` is our clock.
    pub fn decide(&self, _key: &CallKey, _event: &Event, _playbook: &Playbook, _now: Timestamp) -> Decision {
        Decision { facts: Vec::new(), texts: Vec::new(), answer: Answer::Ack }
    }

    /// Folds one recorded fact into the state. `at` is when the event happened.
    pub fn evolve(&mut self, _fact: &Fact, _at: Timestamp) {}

    /// Folds one frame's facts: the next `seq`, updated `now`.
    pub fn advance(&mut self, facts: &[Fact], at: Timestamp, now: Timestamp) {
        facts.iter().for_each(|fact| self.evolve(fact, at));
        self.seq += 1;
        self.updated_at = now;
    }
}
