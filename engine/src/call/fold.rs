//! The fold: facts into state. Cannot fail, asks no clock and no playbook, so that replaying what was recorded always
//! gives the same call.

use std::time::Duration;

use super::decision::{Fact, ToolAnswer};
use super::event::{EndedReason, Note, Parties, Phase, Report};
use super::machine::clipped;
use super::state::{Call, Effect, Line, Raised, Unsettled};
use crate::alert::Notice;
use crate::playbook::Language;
use crate::priority::Priority;
use crate::time::Timestamp;
use crate::tools::ErrandOutcome;

impl Call {
    /// How long a tool's effect is remembered: a model that repeats itself within it gets the first answer again.
    pub const EFFECT_WINDOW: Duration = Duration::from_secs(120);
    const MAX_LINE_CHARS: usize = 280;
    const MAX_SUMMARY_CHARS: usize = 2_000;

    /// The call after one more frame. `at` is when the event happened, `now` when we decided.
    pub fn advance(&mut self, facts: &[Fact], at: Timestamp, now: Timestamp) {
        facts.iter().for_each(|fact| self.evolve(fact, at));
        self.seq += 1;
        self.updated_at = now;
    }

    /// Folds one recorded fact into the state. `at` is when the event happened.
    pub fn evolve(&mut self, fact: &Fact, at: Timestamp) {
        match fact {
            Fact::Introduced { platform, parties } => self.meet(platform, parties),
            Fact::Status { phase: Phase::Ended } => self.end(at, None),
            Fact::Status { phase } => self.phase = self.phase.after(*phase),
            Fact::Spoke { role, text } => {
                self.at_least(Phase::InProgress);
                self.last_line = Some(Line { role: *role, text: clipped(text, Self::MAX_LINE_CHARS) });
            }
            Fact::ToolCalled { name, .. } => {
                self.at_least(Phase::InProgress);
                self.remember_tool(name);
            }
            Fact::ErrandBegun { errand, effect: Some(digest), .. } => self.await_effect(*digest, errand, at),
            Fact::ErrandEnded { errand, outcome: ErrandOutcome::Answered | ErrandOutcome::Refused, .. } => {
                self.unsettled.retain(|waiting| waiting.errand != *errand);
            }
            Fact::TransferAnswered { .. } | Fact::HandoffAnswered { .. } => self.at_least(Phase::InProgress),
            Fact::Requested => self.at_least(Phase::Ringing),
            Fact::Noted(note) => self.note(note),
            Fact::ToolAnswered { answer, effect: Some(digest), repeated: false, .. } => {
                self.remember_effect(*digest, answer, at);
            }
            Fact::PrioritySet { priority, reason, .. } => {
                self.priority = Some(*priority);
                self.priority_reason = Some(reason.clone());
            }
            Fact::SmsOwed { priority, .. } => {
                self.texts_owed += 1;
                self.emergency_told |= *priority == Priority::P1;
            }
            Fact::AlertOpened(notice) | Fact::AlertUpdated(notice) => self.alarm(notice),
            Fact::Ended(reason) => self.end(at, Some(reason)),
            Fact::Reported(report) => self.report(report, at),
            Fact::WentSilent { .. } if self.phase.is_live() => self.phase = Phase::Lost,
            Fact::Forgotten { what } => self.forget(*what),
            Fact::ErrandBegun { .. }
            | Fact::ErrandEnded { .. }
            | Fact::ToolAnswered { .. }
            | Fact::WentSilent { .. } => {}
        }
    }

    /// The answer already given to the same effect, if it is not too long ago. Compared in both directions: events
    /// of one call overlap and arrive out of order.
    pub(super) fn recent_effect(&self, digest: u64, at: Timestamp) -> Option<&ToolAnswer> {
        let recent = |effect: &&Effect| effect.digest == digest && near(effect.at, at);
        self.effects.iter().find(recent).map(|effect| &effect.answer)
    }

    /// The errand that was begun for the same effect and may have brought it about.
    pub(super) fn unsettled_errand(&self, digest: u64, at: Timestamp) -> Option<&str> {
        let recent = |waiting: &&Unsettled| waiting.digest == digest && near(waiting.at, at);
        self.unsettled.iter().find(recent).map(|waiting| &*waiting.errand)
    }

    /// Somebody speaks, so the call is that far, whichever statuses were missed or not asked for.
    fn at_least(&mut self, phase: Phase) {
        if self.phase.is_live() {
            self.phase = self.phase.max(phase);
        }
    }

    /// What only happens in a conversation, or only after one, says where a call stands that was never heard of.
    fn note(&mut self, note: &Note) {
        if &*note.what == "language_changed" {
            self.language = note.detail.as_deref().and_then(Language::from_tag).or(self.language);
        }
        match &*note.what {
            "hang" | "user_interrupted" | "language_changed" | "assistant_started" | "transferred"
            | "phone_call_control" => self.at_least(Phase::InProgress),
            "call_deleted" | "call_delete_failed" | "artifact_uploaded" if self.seq == 0 => self.phase = Phase::Ended,
            _ => {}
        }
    }

    fn meet(&mut self, platform: &str, parties: &Parties) {
        if self.platform.as_ref() != platform {
            self.platform = platform.into();
        }
        self.direction = self.direction.or(parties.direction);
        fill(&mut self.from, &parties.from);
        fill(&mut self.to, &parties.to);
        fill(&mut self.caller_name, &parties.caller_name);
    }

    fn alarm(&mut self, notice: &Notice) {
        let known = self.alert.map(|raised| raised.priority);
        let priority = known.into_iter().chain([notice.priority]).min().unwrap_or(notice.priority);
        self.alert = Some(Raised { priority, held: notice.held });
    }

    fn remember_tool(&mut self, name: &str) {
        let known = self.tools_used.iter().any(|used| used.as_ref() == name);
        if !known && self.tools_used.len() < Self::MAX_TOOLS_SHOWN {
            self.tools_used.push(name.into());
        }
    }

    fn remember_effect(&mut self, digest: u64, answer: &ToolAnswer, at: Timestamp) {
        self.effects.retain(|effect| near(effect.at, at));
        if self.effects.len() >= Self::MAX_EFFECTS {
            self.effects.remove(0);
        }
        self.effects.push(Effect { digest, at, answer: answer.clone() });
    }

    fn await_effect(&mut self, digest: u64, errand: &str, at: Timestamp) {
        self.unsettled.retain(|waiting| near(waiting.at, at) && waiting.errand.as_ref() != errand);
        if self.unsettled.len() >= Self::MAX_EFFECTS {
            self.unsettled.remove(0);
        }
        self.unsettled.push(Unsettled { digest, at, errand: errand.into() });
    }

    /// The first end is the end; a later one only adds what was missing.
    fn end(&mut self, at: Timestamp, reason: Option<&EndedReason>) {
        self.phase = Phase::Ended;
        let ended_at = *self.ended_at.get_or_insert(at);
        self.duration_s = self.duration_s.or_else(|| seconds_between(self.started_at, ended_at));
        if let Some(reason) = reason.filter(|_| self.ended_reason.is_none()) {
            self.explain(reason);
        }
    }

    /// The platform's own account of the whole call replaces what we pieced together, where it has any.
    fn report(&mut self, report: &Report, at: Timestamp) {
        self.started_at = report.started_at.unwrap_or(self.started_at);
        let ended_at = report.ended_at.or(self.ended_at).unwrap_or(at);
        self.ended_at = Some(ended_at);
        self.duration_s = report.length_s().or_else(|| seconds_between(self.started_at, ended_at));
        if let Some(reason) = &report.ended {
            self.explain(reason);
        }
        if let Some(summary) = &report.summary {
            self.summary = Some(clipped(summary, Self::MAX_SUMMARY_CHARS));
        }
        self.phase = Phase::Ended;
        self.reported = true;
    }

    fn explain(&mut self, reason: &EndedReason) {
        self.ended_reason = Some(reason.reason.clone());
        self.ended_group = Some(reason.group.clone());
        self.ended_fault = Some(reason.fault);
    }
}

impl Phase {
    /// Where a call stands once the platform has said `heard`. Reports arrive late and twice, so a call only moves
    /// to the right; it may go back from `Forwarding` when a transfer fails. `Lost` was a guess of ours: any status
    /// shows that the call is alive, and it returns there. `Ended` is final.
    pub fn after(self, heard: Phase) -> Phase {
        match (self, heard) {
            (Phase::Ended, _) | (_, Phase::Lost) => self,
            (Phase::Lost, _) | (Phase::Forwarding, Phase::InProgress) => heard,
            _ => self.max(heard),
        }
    }
}

impl Report {
    /// From its own times, else as it says; in whole seconds.
    fn length_s(&self) -> Option<u32> {
        let measured = self.started_at.zip(self.ended_at).and_then(|(start, end)| seconds_between(start, end));
        measured.or(self.duration_s)
    }
}

fn fill(known: &mut Option<Box<str>>, told: &Option<Box<str>>) {
    if known.is_none() {
        known.clone_from(told);
    }
}

/// `None` when the clocks disagree so much that the end comes before the start.
fn seconds_between(start: Timestamp, end: Timestamp) -> Option<u32> {
    (end >= start).then(|| u32::try_from(end.since(start).as_secs()).unwrap_or(u32::MAX))
}

fn near(one: Timestamp, other: Timestamp) -> bool {
    one.since(other).max(other.since(one)) <= Call::EFFECT_WINDOW
}
