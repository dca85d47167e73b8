//! What a live call remembers: its state and which events it has decided. Decides one event at a time, counts and logs
//! what that meant. Ahead of the store by what the committer has in hand; believed only as long as that is committed.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use engine::call::{Answer, Call, Class, Event, EventKind, Fact, Frame, Phase, ToolAnswer};
use engine::ids::CallKey;
use engine::playbook::Playbook;
use engine::ports::StoredCall;
use engine::time::Timestamp;
use tokio::time::Instant;
use tracing::info;

use crate::committer::Slot;
use crate::metrics;

/// The call as this actor knows it: the store's, plus what the committer has in hand.
pub(super) struct Memory {
    pub call: Arc<Call>,
    /// Digests of the keys of all events decided.
    keys: HashSet<u64>,
}

impl From<StoredCall> for Memory {
    fn from(stored: StoredCall) -> Memory {
        Memory { call: stored.state, keys: stored.keys.into_iter().collect() }
    }
}

impl Memory {
    pub fn of_new_call(platform: &str, first_heard: Timestamp) -> Memory {
        Memory { call: Arc::new(Call::new(platform, first_heard)), keys: HashSet::new() }
    }

    /// Decides one event, unless it was decided before. Only facts can do without a playbook.
    pub fn decide(
        &mut self,
        key: &CallKey,
        event: &Event,
        playbook: Option<&Playbook>,
        now: Timestamp,
        frames: &mut Vec<Frame>,
    ) -> Slot {
        let digest = event.key.digest();
        if self.keys.contains(&digest) {
            metrics::duplicate();
            return repeated(event);
        }
        let started = Instant::now();
        let decision = match playbook {
            Some(playbook) => self.call.decide(key, event, playbook, now),
            None => self.call.decide_fact(event, now),
        };
        if decision.facts.is_empty() {
            if self.call.seq == 0 {
                metrics::call_not_opened();
            }
            return Slot::Known(decision.answer);
        }
        let before = self.call.phase;
        Arc::make_mut(&mut self.call).advance(&decision.facts, event.at, now);
        self.keys.insert(digest);
        self.count(event, playbook, &decision.facts, before.is_live(), started.elapsed());
        self.log(key, before);
        frames.push(Frame {
            call: key.clone(),
            seq: self.call.seq,
            key: event.key.clone(),
            at: event.at,
            decided_at: now,
            facts: decision.facts,
            answer: decision.answer.clone(),
            texts: decision.texts,
            state: self.call.clone(),
        });
        Slot::Known(decision.answer)
    }

    fn count(&self, event: &Event, playbook: Option<&Playbook>, facts: &[Fact], was_live: bool, took: Duration) {
        if self.call.seq == 1 {
            metrics::call_started();
        }
        if was_live && !self.call.phase.is_live() {
            let group = self.call.ended_group.as_deref().unwrap_or("unknown");
            metrics::call_ended(group, self.call.duration_s);
        }
        let (tool, took) = match &event.kind {
            EventKind::ToolCalled(tool_call) => (&tool_call.name, took),
            EventKind::ErrandReturned(back) => (&back.errand.tool, back.took),
            _ => return,
        };
        // A tool that has to ask first is counted when it answers.
        if let Some(outcome) = outcome_of(facts) {
            let label = playbook.map_or("unknown", |playbook| engine::tools::label(tool, playbook));
            metrics::tool_called(label, outcome, took);
        }
    }

    /// Where a call begins and ends. Said when decided: should the commit fail, it is said again.
    fn log(&self, key: &CallKey, before: Phase) {
        let CallKey { tenant, call } = key;
        let phase = self.call.phase;
        if self.call.seq == 1 {
            info!(call.id = %call, %tenant, call.phase = phase.as_str(), "call began");
        }
        if before.is_live() && phase == Phase::Lost {
            info!(call.id = %call, %tenant, call.phase = before.as_str(), "call lost");
        }
        if before != Phase::Ended && phase == Phase::Ended {
            let group = self.call.ended_group.as_deref().unwrap_or("unknown");
            info!(call.id = %call, %tenant, call.group = group, "call ended");
        }
    }
}

/// A repeated question gets the recorded answer; a repeated fact needs none.
fn repeated(event: &Event) -> Slot {
    match event.kind.class() {
        Class::Synchronous => Slot::Recorded { key: event.key.clone(), asked: asked(event) },
        _ => Slot::Known(Answer::Ack),
    }
}

/// What should have been recorded the first time, if this really is the same again.
fn asked(event: &Event) -> Option<Fact> {
    match &event.kind {
        EventKind::ToolCalled(tool_call) => Some(tool_call.recorded()),
        _ => None,
    }
}

fn outcome_of(facts: &[Fact]) -> Option<&'static str> {
    facts.iter().find_map(|fact| match fact {
        Fact::ToolAnswered { repeated: true, .. } => Some("repeated"),
        Fact::ToolAnswered { answer: ToolAnswer::Result(_), .. } => Some("ok"),
        Fact::ToolAnswered { answer: ToolAnswer::Error(_), .. } => Some("error"),
        _ => None,
    })
}
