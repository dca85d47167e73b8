//! Calls somebody should have been told of, calls somebody was told of for nothing, and how that compares.

use engine::playbook::Playbook;
use engine::priority::Priority;
use serde::Serialize;

use super::super::before::Alert;
use super::super::history::{What, seconds};
use super::super::replay::Raised;
use super::{Evidence, Studied};

/// A call more urgent than routine.
#[derive(Clone, Debug, Serialize)]
pub struct Recognised {
    /// The turn that made it so.
    pub evidence: Evidence,
    pub priority: Priority,
    pub reason: Box<str>,
    /// `transcript`, or the tool.
    pub by: Box<str>,
    /// Whether the agent of the recording asked to tell somebody, so that the replay knows when.
    pub asked: bool,
    /// Who would have been told.
    pub told: Vec<Told>,
    pub before: Then,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Told {
    pub contact: Box<str>,
    /// From the end of the sentence until the text leaves; unknown where nobody asked for it.
    pub after_s: Option<f64>,
    pub segments: Option<u16>,
}

/// What the old webhook made of it.
#[derive(Clone, Debug, Serialize)]
pub struct Then {
    pub used_tools: bool,
    pub priority: Option<Priority>,
    /// Where it said that priority.
    pub priority_at: Option<Evidence>,
    pub outcome: Outcome,
    /// Where its alert tool answered, or failed.
    pub alert_at: Option<Evidence>,
    pub alert_tool: Option<Box<str>>,
    /// From the end of the sentence until the alert tool answered.
    pub told_after_s: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// No tool that tells anybody was called.
    NotAsked,
    Failed,
    /// The recording broke off before an answer.
    Unknown,
    Told,
}

/// The old webhook called it an emergency; the playbook does not.
#[derive(Clone, Debug, Serialize)]
pub struct FalseAlarm {
    /// What the caller had said.
    pub evidence: Evidence,
    pub priority_before: Priority,
    /// Where it said so.
    pub before_at: Evidence,
    /// `None`: routine.
    pub priority: Option<Priority>,
    /// Whether its alert tool then told somebody.
    pub told_before: bool,
}

impl Recognised {
    /// As far as the recording shows.
    pub fn nobody_told(&self) -> bool {
        matches!(self.before.outcome, Outcome::NotAsked | Outcome::Failed)
    }

    fn of(call: &Studied, raised: &Raised, playbook: &Playbook) -> Recognised {
        let told = told(call, raised);
        let asked = !told.is_empty();
        let route = || playbook.recipients(raised.priority).into_iter();
        let told = match asked {
            true => told,
            false => route().map(|c| Told { contact: c.name.clone(), after_s: None, segments: None }).collect(),
        };
        Recognised {
            evidence: call.at(raised.turn),
            priority: raised.priority,
            reason: raised.reason.clone(),
            by: raised.by.clone(),
            asked,
            told,
            before: then(call, raised),
        }
    }
}

/// (P1, P2 and P3), in the order of the calls.
pub fn recognised(studied: &[Studied], playbook: &Playbook) -> (Vec<Recognised>, Vec<Recognised>) {
    let urgent = studied.iter().filter_map(|call| Some((call, call.replay.verdict()?)));
    let urgent = urgent.filter(|(_, raised)| raised.priority < Priority::P4);
    urgent.map(|(call, raised)| Recognised::of(call, raised, playbook)).partition(|call| call.priority == Priority::P1)
}

pub fn false_alarms(studied: &[Studied]) -> Vec<FalseAlarm> {
    studied.iter().filter_map(false_alarm).collect()
}

fn false_alarm(call: &Studied) -> Option<FalseAlarm> {
    let (before, turn) = call.before.priority?;
    let now = call.replay.verdict().map(|raised| raised.priority);
    if before != Priority::P1 || now == Some(Priority::P1) || !call.past.has_caller_words() {
        return None;
    }
    let heard = call.past.heard_before(turn).unwrap_or(turn);
    let told_before = matches!(call.before.alert, Alert::Told { .. });
    let (evidence, before_at) = (call.at(heard), call.at(turn));
    Some(FalseAlarm { evidence, priority_before: before, before_at, priority: now, told_before })
}

/// Messages owed for this urgency or a greater one, each contact once, the earliest.
fn told(call: &Studied, raised: &Raised) -> Vec<Told> {
    let mut told: Vec<Told> = Vec::new();
    for owed in call.replay.owed.iter().filter(|owed| owed.priority <= raised.priority) {
        if told.iter().all(|other| other.contact != owed.contact) {
            let timed = call.past.turns.get(owed.turn).is_some_and(|turn| turn.at.is_some());
            let after_s = timed.then(|| seconds(owed.due_at.since(raised.at)));
            told.push(Told { contact: owed.contact.clone(), after_s, segments: Some(owed.segments) });
        }
    }
    told
}

fn then(call: &Studied, raised: &Raised) -> Then {
    let (outcome, turn) = match call.before.alert {
        Alert::NotAsked => (Outcome::NotAsked, None),
        Alert::Failed { turn } => (Outcome::Failed, Some(turn)),
        Alert::Unknown { turn } => (Outcome::Unknown, Some(turn)),
        Alert::Told { turn } => (Outcome::Told, Some(turn)),
    };
    let answered_at = turn.and_then(|turn| call.past.turns[turn].at).filter(|_| outcome == Outcome::Told);
    Then {
        used_tools: call.before.used_tools,
        priority: call.before.priority.map(|(priority, _)| priority),
        priority_at: call.before.priority.map(|(_, turn)| call.at(turn)),
        outcome,
        alert_at: turn.map(|turn| call.at(turn)),
        alert_tool: turn.and_then(|turn| tool_of(call, turn)),
        told_after_s: answered_at.map(|at| seconds(at.since(raised.at))),
    }
}

fn tool_of(call: &Studied, turn: usize) -> Option<Box<str>> {
    let exchange = call.exchanges.iter().find(|exchange| exchange.called == turn || exchange.answered == Some(turn))?;
    match &call.past.turns[exchange.called].what {
        What::Called(tool_call) => Some(tool_call.name.clone()),
        _ => None,
    }
}
