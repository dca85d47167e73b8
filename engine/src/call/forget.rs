//! What is taken out of a call that stays on record: the words when their time is over, or everything about whoever was
//! on the line. Facts and state lose the same, so that the state is still the fold of the facts.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::decision::{Answer, Decision, Fact, ToolAnswer};
use super::event::{Note, Parties, Report};
use super::state::Call;
use crate::playbook::AlertWords;
use crate::tools::{Errand, Inquiry};

/// Longest verdict of the platform that is a mark and not a text: `true`, `8`, `Excellent`.
const MAX_MARK_CHARS: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Forget {
    /// What was said, and what tools were told and answered. Who called, when, how long and what was done stays.
    Words,
    /// The words, and who was on the line: for good, whatever is heard of the call afterwards.
    Caller,
    /// One telephone number, wherever it was named. Whoever does it has taken it out: the words around it stay.
    Number,
}

impl Forget {
    pub const fn as_str(self) -> &'static str {
        match self {
            Forget::Words => "words",
            Forget::Caller => "caller",
            Forget::Number => "number",
        }
    }

    fn is_about_the_caller(self) -> bool {
        self == Forget::Caller
    }
}

impl Fact {
    pub fn forget(&mut self, what: Forget) {
        if what == Forget::Number {
            return;
        }
        match self {
            Fact::Introduced { parties, .. } if what.is_about_the_caller() => {
                *parties = Parties { direction: parties.direction, ..Parties::default() };
            }
            Fact::Spoke { text, .. } => *text = "".into(),
            Fact::ToolCalled { arguments, .. } => *arguments = Value::Object(serde_json::Map::new()),
            Fact::ToolAnswered { answer, .. } => answer.forget(),
            Fact::PrioritySet { reason, .. } if what.is_about_the_caller() => forget_sentence(reason),
            Fact::AlertOpened(notice) | Fact::AlertUpdated(notice) => notice.words.forget(),
            Fact::Noted(note) if what.is_about_the_caller() => note.forget(),
            Fact::Reported(report) => report.forget(),
            _ => {}
        }
    }
}

impl Answer {
    /// A second delivery so late gets an answer of the same kind, without words.
    pub fn forget(&mut self, what: Forget) {
        match self {
            _ if what == Forget::Number => {}
            Answer::Tool(answer) => answer.forget(),
            Answer::Errand(errand) => errand.forget(),
            Answer::Ack | Answer::Transfer(_) | Answer::Handoff(_) => {}
        }
    }
}

impl Call {
    pub fn forget(&mut self, what: Forget) {
        if what == Forget::Number {
            return;
        }
        self.summary = None;
        self.last_line.iter_mut().for_each(|line| line.text = "".into());
        self.effects.iter_mut().for_each(|effect| effect.answer.forget());
        if what.is_about_the_caller() {
            (self.from, self.to, self.caller_name) = (None, None, None);
            self.priority_reason.iter_mut().for_each(forget_sentence);
            self.erased = true;
        }
    }

    /// Of whoever was forgotten nothing more is written down, and nobody is told about them.
    pub(super) fn discreetly(&self, mut decision: Decision) -> Decision {
        if self.erased {
            let tells =
                |fact: &Fact| matches!(fact, Fact::SmsOwed { .. } | Fact::AlertOpened(_) | Fact::AlertUpdated(_));
            decision.facts.retain(|fact| !tells(fact));
            decision.facts.iter_mut().for_each(|fact| fact.forget(Forget::Caller));
            decision.texts.clear();
        }
        decision
    }
}

impl ToolAnswer {
    fn forget(&mut self) {
        match self {
            ToolAnswer::Result(text) | ToolAnswer::Error(text) => *text = "".into(),
        }
    }
}

impl Report {
    fn forget(&mut self) {
        (self.summary, self.transcript, self.recording_url) = (None, None, None);
        self.success.take_if(|verdict| verdict.chars().nth(MAX_MARK_CHARS).is_some());
    }
}

impl Note {
    /// What a call is held in is folded into its state.
    fn forget(&mut self) {
        if &*self.what != "language_changed" {
            self.detail = None;
        }
    }
}

impl Errand {
    fn forget(&mut self) {
        match &mut self.inquiry {
            Inquiry::Endpoint { body } => *body = "{}".into(),
            Inquiry::PastCalls { number, .. } => *number = "".into(),
        }
        self.otherwise.forget();
    }
}

impl AlertWords {
    /// What a caller said; the business and the urgency stay.
    pub fn forget(&mut self) {
        let words = [&mut self.client, &mut self.callback, &mut self.service, &mut self.address, &mut self.message];
        words.into_iter().for_each(String::clear);
    }
}

/// A reason out of a playbook is one word, and stays; a sentence is somebody's own.
fn forget_sentence(reason: &mut Box<str>) {
    if reason.contains(char::is_whitespace) {
        *reason = "".into();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::call::{Event, EventKind, Role};
    use crate::testing::contracts::notice;
    use crate::testing::fixtures::{self, at, event, key, playbook, spoke, tool_call};
    use crate::time::Timestamp;

    const SAID: &str = "Noelle of 12 Mill Street";

    /// A call with all that a caller can leave behind: every event's facts and answer, and the state after them.
    fn talked() -> (Vec<(Vec<Fact>, Answer, Timestamp)>, Call) {
        let message = json!({"priority": "P1", "message": SAID, "callback": fixtures::CALLER});
        let report = Report {
            ended: Some(fixtures::hung_up()),
            summary: Some(SAID.into()),
            transcript: Some(SAID.into()),
            success: Some(format!("true: {SAID}").into()),
            recording_url: Some("https://recordings.example.com/1".into()),
            ..Report::default()
        };
        let kinds = [
            EventKind::Requested,
            spoke(SAID),
            tool_call("t1", "sendSMSAlert", message),
            EventKind::Noted(Note { what: "unknown".into(), detail: Some(SAID.into()) }),
            EventKind::Spoke { role: Role::Agent, text: SAID.into() },
            EventKind::Reported(Box::new(report)),
        ];
        let mut call = Call::new("fixture", at(0));
        let mut frames = Vec::new();
        for (n, kind) in kinds.into_iter().enumerate() {
            let told = event(kind, n as u64);
            let decision = call.decide(&key("c1"), &told, &playbook(), told.at);
            call.advance(&decision.facts, told.at, told.at);
            frames.push((decision.facts, decision.answer, told.at));
        }
        (frames, call)
    }

    fn folded(frames: &[(Vec<Fact>, Answer, Timestamp)]) -> Call {
        let mut call = Call::new("fixture", at(0));
        frames.iter().for_each(|(facts, _, at)| call.advance(facts, *at, *at));
        call
    }

    fn written(frames: &[(Vec<Fact>, Answer, Timestamp)], call: &Call) -> String {
        let frames: Vec<_> = frames.iter().map(|(facts, answer, _)| (facts, answer)).collect();
        serde_json::to_string(&(frames, call)).unwrap()
    }

    #[test]
    fn nothing_that_was_said_is_left_and_the_state_is_still_the_fold_of_the_facts() {
        for what in [Forget::Words, Forget::Caller] {
            let (mut frames, mut call) = talked();
            assert!(written(&frames, &call).contains(SAID));
            for (facts, answer, _) in &mut frames {
                facts.iter_mut().for_each(|fact| fact.forget(what));
                answer.forget(what);
            }
            call.forget(what);
            let left = written(&frames, &call);
            let detail = what == Forget::Words;
            assert_eq!(left.matches(SAID).count(), usize::from(detail), "{left}");
            assert!(!left.contains("recordings"), "{left}");
            assert_eq!(left.contains(fixtures::CALLER), what == Forget::Words, "{left}");
            let again = folded(&frames);
            assert_eq!(Call { erased: call.erased, ..again }, call);
        }
    }

    #[test]
    fn what_was_done_is_still_told() {
        let (mut frames, before) = talked();
        let mut call = before.clone();
        frames.iter_mut().flat_map(|(facts, ..)| facts).for_each(|fact| fact.forget(Forget::Caller));
        call.forget(Forget::Caller);
        let kept = |call: &Call| (call.phase, call.priority, call.tools_used.clone(), call.duration_s, call.seq);
        assert_eq!(kept(&call), kept(&before));
        let answered = |fact: &Fact| matches!(fact, Fact::ToolAnswered { answer: ToolAnswer::Result(_), .. });
        assert!(frames.iter().flat_map(|(facts, ..)| facts).any(answered));
    }

    #[test]
    fn of_whoever_was_forgotten_nothing_more_is_written_down_and_nobody_is_told() {
        let (_, mut call) = talked();
        call.advance(&[Fact::Forgotten { what: Forget::Caller }], at(20), at(20));
        let said = format!("flood, emergency! {SAID}");
        let late = [
            spoke(&said),
            fixtures::report(),
            tool_call("t9", "sendSMSAlert", json!({"priority": "P1", "message": said})),
        ];
        for (n, kind) in late.into_iter().enumerate() {
            let told: Event = event(kind, 30 + n as u64);
            let decision = call.decide(&key("c1"), &told, &playbook(), told.at);
            assert_eq!(decision.texts, []);
            call.advance(&decision.facts, told.at, told.at);
            let left = serde_json::to_string(&(&decision.facts, &call)).unwrap();
            assert!(!left.contains(SAID) && !left.contains(fixtures::CALLER), "{left}");
            assert!(!left.contains("alert_opened"), "{left}");
        }
    }

    #[test]
    fn a_reason_of_the_playbook_stays_and_a_sentence_of_somebody_goes() {
        for (reason, left) in [("urgence_immediate", "urgence_immediate"), (SAID, "")] {
            let mut fact =
                Fact::PrioritySet { priority: crate::priority::Priority::P1, reason: reason.into(), by: "x".into() };
            fact.forget(Forget::Caller);
            assert!(matches!(&fact, Fact::PrioritySet { reason, .. } if &**reason == left), "{fact:?}");
        }
    }

    #[test]
    fn an_alert_keeps_its_business_and_its_urgency() {
        let mut notice = notice(&key("c1"), crate::priority::Priority::P1);
        notice.words.forget();
        assert_eq!((&*notice.words.business, notice.words.message.as_str()), ("Acme", ""));
    }
}
