//! An alert as stored and as the API shows it. Field names are a promise to clients.

use serde::{Deserialize, Serialize};

use super::acknowledgement::Acknowledgement;
use super::notice::{Plan, Reason};
use super::reply::Answer;
use crate::ids::{AlertId, CallId, SmsId, TenantId};
use crate::playbook::AlertWords;
use crate::priority::Priority;
use crate::sms::SmsState;
use crate::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    pub id: AlertId,
    pub tenant: TenantId,
    pub call: Option<CallId>,
    pub reason: Reason,
    pub priority: Priority,
    pub state: AlertState,
    /// What opened it.
    pub by: Box<str>,
    /// The newest that is known.
    pub words: AlertWords,
    pub plan: Plan,
    /// The step told last.
    #[serde(flatten)]
    pub place: Place,
    /// When the next step is due, or the alert ends. `None`: no clock runs.
    pub next_at: Option<Timestamp>,
    pub opened_at: Timestamp,
    pub updated_at: Timestamp,
    pub acknowledged: Option<Acknowledgement>,
    pub resolved: Option<Acknowledgement>,
    /// Everybody who was told, oldest first.
    pub told: Vec<Telling>,
    /// Written down and never acted on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub watching: bool,
    /// Walks whose people have heard that somebody took it: all before this one.
    #[serde(default)]
    pub reassured: u32,
    /// Changes so far: the next one is written only where this is the last.
    pub version: u64,
    /// Entries of the receipt so far.
    pub entries: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// The first step is being told, or is to be.
    Open,
    /// Nobody of the first step took it; others are told.
    Escalated,
    Acknowledged,
    Resolved,
    /// Everybody was told as often as the roster says, and nobody took it.
    Unanswered,
}

/// Where a walk stands. All three count from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// A walk begins again when the alert becomes more urgent, or is opened again.
    pub walk: u32,
    pub round: u32,
    pub step: u32,
}

/// One person told once, in one way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Telling {
    pub contact: Box<str>,
    pub by: Way,
    #[serde(flatten)]
    pub place: Place,
    /// What they were told.
    #[serde(default, skip_serializing_if = "Word::is_open")]
    pub word: Word,
    pub at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sms: Option<SmsId>,
    pub fate: Fate,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Box<str>>,
    #[serde(default)]
    pub fate_at: Option<Timestamp>,
    #[serde(default)]
    pub answer: Option<Answer>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    Sms,
    Call,
    /// The business's own channel.
    Push,
}

/// What is told of an alert. Texts that it is taken are no tellings: nobody waits for what becomes of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// Somebody is needed.
    #[default]
    Open,
    Taken,
    /// Everybody was told in vain.
    Unanswered,
}

/// What became of one telling.
/// ```text
/// sms:  owed → delivered | failed
/// call: owed → dialling → answered | machine | no_answer | failed | unknown
/// push: owed → delivered | failed
/// ```
/// A call is `dialling` in the store before it is dialled: one that a crash cut is `unknown`, and never dialled again. A push is
/// sent until it is taken, under the same name each time: whoever gets it twice shows it once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    Owed,
    Dialling,
    Delivered,
    /// A person picked up.
    Answered,
    Machine,
    NoAnswer,
    Failed,
    Unknown,
}

/// What a call shows of its alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertBrief {
    pub id: AlertId,
    pub state: AlertState,
    pub priority: Priority,
}

impl Alert {
    pub fn brief(&self) -> AlertBrief {
        AlertBrief { id: self.id, state: self.state, priority: self.priority }
    }

    /// Whether somebody still has to say something.
    pub fn awaits_answer(&self) -> bool {
        self.state.is_running() && self.plan.acknowledge_within_s.is_some()
    }

    /// Whether the first step of this walk was told.
    pub fn has_begun(&self) -> bool {
        self.told.iter().any(|telling| telling.place.walk == self.place.walk)
    }

    /// Those of the step told last.
    pub(super) fn current(&self) -> impl Iterator<Item = &Telling> {
        self.told.iter().filter(|telling| telling.place == self.place && telling.word.is_open())
    }
}

impl AlertState {
    pub const ALL: [AlertState; 5] = [
        AlertState::Open,
        AlertState::Escalated,
        AlertState::Acknowledged,
        AlertState::Resolved,
        AlertState::Unanswered,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            AlertState::Open => "open",
            AlertState::Escalated => "escalated",
            AlertState::Acknowledged => "acknowledged",
            AlertState::Resolved => "resolved",
            AlertState::Unanswered => "unanswered",
        }
    }

    pub fn parse(text: &str) -> Option<AlertState> {
        AlertState::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether its clock runs.
    pub const fn is_running(self) -> bool {
        matches!(self, AlertState::Open | AlertState::Escalated)
    }
}

impl Way {
    pub const fn as_str(self) -> &'static str {
        match self {
            Way::Sms => "sms",
            Way::Call => "call",
            Way::Push => "push",
        }
    }
}

impl Word {
    pub const fn is_open(&self) -> bool {
        matches!(self, Word::Open)
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Word::Open => "open",
            Word::Taken => "taken",
            Word::Unanswered => "unanswered",
        }
    }

    /// Whether anybody still wants to hear it.
    pub const fn holds_in(self, state: AlertState) -> bool {
        match self {
            Word::Open => state.is_running(),
            Word::Taken => matches!(state, AlertState::Acknowledged),
            Word::Unanswered => matches!(state, AlertState::Unanswered),
        }
    }
}

impl Fate {
    pub const fn as_str(self) -> &'static str {
        match self {
            Fate::Owed => "owed",
            Fate::Dialling => "dialling",
            Fate::Delivered => "delivered",
            Fate::Answered => "answered",
            Fate::Machine => "machine",
            Fate::NoAnswer => "no_answer",
            Fate::Failed => "failed",
            Fate::Unknown => "unknown",
        }
    }

    /// Of a text in this state; `None` while it is on its way.
    pub const fn of_text(state: SmsState) -> Option<Fate> {
        match state {
            SmsState::Delivered => Some(Fate::Delivered),
            SmsState::Unknown => Some(Fate::Unknown),
            SmsState::Undelivered
            | SmsState::Failed
            | SmsState::Suppressed
            | SmsState::Expired
            | SmsState::Cancelled => Some(Fate::Failed),
            SmsState::Queued | SmsState::Sending | SmsState::Accepted | SmsState::Sent => None,
        }
    }

    /// Nobody was reached by it, for certain.
    pub const fn is_in_vain(self) -> bool {
        matches!(self, Fate::Machine | Fate::NoAnswer | Fate::Failed)
    }

    /// Whether this may follow: fates only move forward, and reports come late and twice.
    pub const fn leads_to(self, next: Fate) -> bool {
        match self {
            Fate::Owed => !matches!(next, Fate::Owed),
            Fate::Dialling => !matches!(next, Fate::Owed | Fate::Dialling),
            Fate::Unknown => !matches!(next, Fate::Owed | Fate::Dialling | Fate::Unknown),
            _ => false,
        }
    }
}
