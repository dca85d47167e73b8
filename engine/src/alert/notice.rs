//! What a call says of an alert: recorded as a fact of the call, and complete, so that the alert can be made of it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{AlertId, CallKey};
use crate::playbook::{AlertWords, Channels, Playbook, Roster, Route};
use crate::priority::Priority;
use crate::time::Timestamp;

/// Why somebody must know. With its call it names the alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// What the caller has: said by a tool, heard in what was spoken, or in the report.
    Call,
    /// A call that was urgent broke off and nobody was told.
    CallFailed,
    /// Somebody who had to be texted could not be.
    Undelivered,
    /// Nothing happened: somebody tries the roster out.
    Drill,
}

/// Opens an alert, or adds to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    pub alert: AlertId,
    pub reason: Reason,
    pub priority: Priority,
    /// What noticed: the name of a tool, `transcript`, `report`, `machine`.
    pub by: Box<str>,
    pub words: AlertWords,
    pub plan: Plan,
    /// When the first step is told, if nobody is told with this.
    pub first_at: Timestamp,
    /// Whether somebody else may still say it better before anybody is told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
    /// Written down and never acted on: the business only watches.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub watching: bool,
}

/// Who is told, in which order, as it stood when the alert was opened: a reload does not move a walk under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Name of the roster.
    pub roster: Box<str>,
    pub steps: Vec<PlanStep>,
    /// How often all steps are gone through again.
    pub repeat: u32,
    /// Texted once, beside the first step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<Box<str>>,
    /// Longest wait for an answer before the next step. `None`: nobody has to answer.
    pub acknowledge_within_s: Option<u64>,
    /// Whether there is another way than the carrier, for when that fails.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub push: bool,
    /// How long an alert that nobody has to answer stays open.
    pub open_for_s: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanStep {
    pub contacts: Vec<Box<str>>,
    pub by: Channels,
}

impl Reason {
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::Call => "call",
            Reason::CallFailed => "call_failed",
            Reason::Undelivered => "undelivered",
            Reason::Drill => "drill",
        }
    }

    pub fn alert_of(self, call: &CallKey) -> AlertId {
        AlertId::derive(call, self.as_str())
    }
}

impl Plan {
    pub fn of(route: &Route, priority: Priority, playbook: &Playbook) -> Plan {
        let within = playbook.rule(priority).acknowledge_within;
        let beside = route.beside.map(|roster| roster.texted_first().to_vec()).unwrap_or_default();
        let plan = Plan { beside, ..Plan::through(route.roster, within, playbook.sms.expires_after) };
        plan.pushing(priority, playbook)
    }

    /// What is urgent enough goes to the business's channel with every step.
    pub fn pushing(mut self, priority: Priority, playbook: &Playbook) -> Plan {
        if let Some(channel) = &playbook.push {
            self.push = true;
            let at_once = channel.priorities.contains(&priority);
            self.steps.iter_mut().for_each(|step| step.by.push |= at_once);
        }
        self
    }

    pub fn through(roster: &Roster, acknowledge_within: Option<Duration>, open_for: Duration) -> Plan {
        let step = |step: &crate::playbook::RosterStep| PlanStep { contacts: step.contacts.clone(), by: step.by };
        Plan {
            roster: roster.name.clone(),
            steps: roster.steps.iter().map(step).collect(),
            repeat: roster.repeat,
            beside: Vec::new(),
            push: false,
            acknowledge_within_s: acknowledge_within.map(|within| within.as_secs()),
            open_for_s: open_for.as_secs(),
        }
    }

    /// How long a step is waited for.
    pub fn wait(&self) -> Duration {
        Duration::from_secs(self.acknowledge_within_s.unwrap_or(self.open_for_s))
    }
}
