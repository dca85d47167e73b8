//! A past call through the engine: the same decisions a live call gets, with the clock of the recording. Nothing is
//! stored and nothing is sent.
//!
//! The agent of a replay is the one of the recording: it says and calls what it said and called then. So a tool of the
//! old webhook that tells somebody is taken for our own, and what the agent had only been told by the old webhook is
//! taken out of its mouth: a priority that came back as an argument is no evidence of one.

use engine::call::{Call, Event, EventKind, Fact, Parties, Report, ToolCall};
use engine::ids::{CallKey, EventKey};
use engine::playbook::Playbook;
use engine::priority::Priority;
use engine::time::Timestamp;
use engine::tools;
use serde_json::{Map, Value};

use super::before::{AlertTools, priority_in};
use super::history::{PastCall, What};

/// The tool that tells people, by the name the engine knows it under.
const ALERT_TOOL: &str = "sendSMSAlert";

/// What the playbook would have made of a call.
#[derive(Clone, Debug, Default)]
pub struct Replay {
    /// Each more urgent than the one before.
    pub raised: Vec<Raised>,
    pub owed: Vec<Owed>,
    /// Tool calls that got the first answer again.
    pub answered_again: Vec<usize>,
    /// Tools that were not run, once or more each: those of the old webhook alone, and those that ask somebody.
    pub not_run: Vec<Box<str>>,
}

/// A moment that made the call more urgent.
#[derive(Clone, Debug)]
pub struct Raised {
    pub priority: Priority,
    /// Ours, with the words that were heard: `urgence_immediate: heard « refoule »`.
    pub reason: Box<str>,
    /// `transcript`, or the tool.
    pub by: Box<str>,
    pub turn: usize,
    /// When the sentence was over.
    pub at: Timestamp,
}

/// A message that would have been owed.
#[derive(Clone, Debug)]
pub struct Owed {
    pub contact: Box<str>,
    pub priority: Priority,
    pub segments: u16,
    pub due_at: Timestamp,
    /// The tool call that owes it.
    pub turn: usize,
}

impl Replay {
    pub fn of(past: &PastCall, playbook: &Playbook, tools: &AlertTools) -> Replay {
        let mut run = Run::new(past, playbook);
        for (turn, said) in past.turns.iter().enumerate() {
            run.now = said.until.or(said.at).unwrap_or(run.now).max(run.now);
            match &said.what {
                What::Said { role, text } => {
                    run.apply(turn, format!("tr:{turn}"), EventKind::Spoke { role: *role, text: text.clone() });
                }
                What::Called(call) => run.call_tool(turn, call, tools),
                What::Answered { text, .. } => run.learned.extend(priority_in(text)),
            }
        }
        run.end();
        run.replay
    }

    /// The most urgent it got.
    pub fn verdict(&self) -> Option<&Raised> {
        self.raised.last()
    }
}

struct Run<'a> {
    past: &'a PastCall,
    playbook: &'a Playbook,
    key: CallKey,
    call: Call,
    now: Timestamp,
    /// Priorities the old webhook has told the agent so far.
    learned: Vec<Priority>,
    replay: Replay,
}

impl<'a> Run<'a> {
    fn new(past: &'a PastCall, playbook: &'a Playbook) -> Run<'a> {
        let start = past.origin().unwrap_or(Timestamp::EPOCH);
        let key = CallKey { tenant: playbook.tenant.clone(), call: past.id.clone() };
        let call = Call::new(past.platform, start);
        Run { past, playbook, key, call, now: start, learned: Vec::new(), replay: Replay::default() }
    }

    fn call_tool(&mut self, turn: usize, called: &ToolCall, tools: &AlertTools) {
        let mut call = called.clone();
        if tools::find(&call.name, self.playbook).is_none() {
            match tools.has(&call.name) {
                true => call.name = ALERT_TOOL.into(),
                false => self.replay.not_run.push(call.name.clone()),
            }
        }
        forget(&mut call.arguments, &self.learned);
        self.apply(turn, format!("tc:{turn}:{}", call.id), EventKind::ToolCalled(call));
    }

    fn end(&mut self) {
        let (turn, past) = (self.past.turns.len(), self.past);
        self.now = past.ended_at.unwrap_or(self.now).max(self.now);
        if past.reported {
            let report = Report {
                ended: past.ended.clone(),
                started_at: past.started_at,
                ended_at: past.ended_at,
                summary: past.summary.clone(),
                ..Report::default()
            };
            self.apply(turn, "eocr".to_owned(), EventKind::Reported(Box::new(report)));
        }
    }

    fn apply(&mut self, turn: usize, key: String, kind: EventKind) {
        let parties = if self.call.seq == 0 { self.past.parties.clone() } else { Parties::default() };
        let event = Event { key: EventKey::new(key), at: self.now, parties, kind };
        let decision = self.call.decide(&self.key, &event, self.playbook, self.now);
        self.note(turn, &decision.facts);
        let owed = decision.texts.iter().map(|sms| Owed {
            contact: sms.contact.clone(),
            priority: sms.priority,
            segments: sms.segments,
            due_at: sms.due_at,
            turn,
        });
        self.replay.owed.extend(owed);
        self.call.advance(&decision.facts, self.now, self.now);
    }

    fn note(&mut self, turn: usize, facts: &[Fact]) {
        for fact in facts {
            match fact {
                Fact::PrioritySet { priority, reason, by } => self.replay.raised.push(Raised {
                    priority: *priority,
                    reason: reason.clone(),
                    by: by.clone(),
                    turn,
                    at: self.now,
                }),
                Fact::ErrandBegun { .. } => {
                    let name = self.past.tool_call(turn).map(|call| call.name.clone());
                    self.replay.not_run.extend(name);
                }
                Fact::ToolAnswered { repeated: true, .. } => self.replay.answered_again.push(turn),
                _ => {}
            }
        }
    }
}

/// Takes out what only repeats the old webhook.
fn forget(arguments: &mut Map<String, Value>, learned: &[Priority]) {
    if learned.is_empty() {
        return;
    }
    let is_learned =
        |value: &Value| value.as_str().and_then(|text| text.parse().ok()).is_some_and(|p| learned.contains(&p));
    let is_urgent = |key: &str, value: &Value| {
        learned.contains(&Priority::P1) && value.is_boolean() && key.to_lowercase().contains("urgen")
    };
    arguments.retain(|key, value| !is_learned(value) && !is_urgent(key, value));
    for value in arguments.values_mut() {
        if let Value::Object(inner) = value {
            forget(inner, learned);
        }
    }
}
