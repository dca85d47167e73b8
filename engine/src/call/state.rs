//! What is known of a call: the fold of its facts, stored beside them as a snapshot, and what the API shows of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::decision::{Fact, ToolAnswer};
use super::event::{Direction, Fault, Phase, Role};
use crate::alert::AlertBrief;
use crate::ids::{CallId, TenantId};
use crate::phone::dialable;
use crate::playbook::Language;
use crate::priority::Priority;
use crate::sms::SmsState;
use crate::time::Timestamp;

/// State of one call. Kept small: a hundred thousand of them are live at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    pub platform: Box<str>,
    pub direction: Option<Direction>,
    pub phase: Phase,
    pub priority: Option<Priority>,
    pub priority_reason: Option<Box<str>>,
    pub from: Option<Box<str>>,
    pub to: Option<Box<str>>,
    pub caller_name: Option<Box<str>>,
    /// What the call is held in, once that was heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// First heard of, or the platform's own start once it said so.
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub duration_s: Option<u32>,
    pub ended_reason: Option<Box<str>>,
    pub ended_group: Option<Box<str>>,
    pub ended_fault: Option<Fault>,
    pub summary: Option<Box<str>>,
    pub last_line: Option<Line>,
    /// Each name once, at most [`Call::MAX_TOOLS_SHOWN`].
    pub tools_used: Vec<Box<str>>,
    /// The report has arrived: nothing more is expected.
    pub reported: bool,
    /// Messages owed so far, against the tenant's cap.
    pub texts_owed: u32,
    /// An emergency's message has been owed: the cap counts for the next one too.
    #[serde(default)]
    pub emergency_told: bool,
    /// Effects of the last two minutes, so that a model repeating itself gets the first answer again.
    pub effects: Vec<Effect>,
    /// Effects somebody was asked for, and of which it is not known yet, or never will be, whether they happened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unsettled: Vec<Unsettled>,
    /// The alert about what the caller has, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<Raised>,
    /// Whoever was on the line asked to be forgotten: nothing more is written down about them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub erased: bool,
    /// Frames so far.
    pub seq: u64,
    pub updated_at: Timestamp,
}

/// What a call knows of its alert: what it said of it itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raised {
    pub priority: Priority,
    /// Nobody was told yet: the agent may still say it better.
    pub held: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub role: Role,
    pub text: Box<str>,
}

/// An effect a tool had, under the digest of its name and canonical arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    pub digest: u64,
    pub at: Timestamp,
    pub answer: ToolAnswer,
}

/// An effect that may have happened: asked for again, it is asked for under the same name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsettled {
    pub digest: u64,
    pub at: Timestamp,
    /// Id of the errand.
    pub errand: Box<str>,
}

/// How a call's messages fare. `queued` includes what is being sent, `sent` what the carrier has taken, `failed`
/// everything that ended without arriving.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmsCounts {
    pub queued: u32,
    pub sent: u32,
    pub delivered: u32,
    pub failed: u32,
}

impl SmsCounts {
    /// Counts `messages` more in this state.
    pub fn add(&mut self, state: SmsState, messages: u32) {
        let count = match state {
            SmsState::Queued | SmsState::Sending => &mut self.queued,
            SmsState::Accepted | SmsState::Sent => &mut self.sent,
            SmsState::Delivered => &mut self.delivered,
            SmsState::Undelivered
            | SmsState::Failed
            | SmsState::Unknown
            | SmsState::Suppressed
            | SmsState::Expired
            | SmsState::Cancelled => &mut self.failed,
        };
        *count = count.saturating_add(messages);
    }
}

/// One call as the API shows it. Field names are a promise to clients.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallView {
    pub id: CallId,
    pub tenant: TenantId,
    pub platform: Box<str>,
    pub direction: Option<Direction>,
    pub phase: Phase,
    pub priority: Option<Priority>,
    pub priority_reason: Option<Box<str>>,
    pub from: Option<Box<str>>,
    pub to: Option<Box<str>>,
    pub caller_name: Option<Box<str>>,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub duration_s: Option<u32>,
    pub ended_reason: Option<Box<str>>,
    pub ended_group: Option<Box<str>>,
    pub summary: Option<Box<str>>,
    pub last_line: Option<Line>,
    pub tools_used: Vec<Box<str>>,
    pub sms: SmsCounts,
    /// The alert of this call: the one that is not over, else the newest.
    pub alert: Option<AlertBrief>,
    pub seq: u64,
    pub updated_at: Timestamp,
}

impl Call {
    pub const MAX_TOOLS_SHOWN: usize = 32;
    /// Effects remembered at once; the oldest is forgotten first.
    pub const MAX_EFFECTS: usize = 32;

    /// A call nobody has spoken of yet.
    pub fn new(platform: &str, at: Timestamp) -> Call {
        Call {
            platform: platform.into(),
            direction: None,
            phase: Phase::Scheduled,
            priority: None,
            priority_reason: None,
            from: None,
            to: None,
            caller_name: None,
            language: None,
            started_at: at,
            ended_at: None,
            duration_s: None,
            ended_reason: None,
            ended_group: None,
            ended_fault: None,
            summary: None,
            last_line: None,
            tools_used: Vec::new(),
            reported: false,
            texts_owed: 0,
            emergency_told: false,
            effects: Vec::new(),
            unsettled: Vec::new(),
            alert: None,
            erased: false,
            seq: 0,
            updated_at: at,
        }
    }

    /// Who calls us, or whom we call; as the platform wrote it.
    pub fn other_side(&self) -> Option<&str> {
        match self.direction {
            Some(Direction::Outbound) => self.to.as_deref(),
            _ => self.from.as_deref(),
        }
    }

    /// The other side's, if it can be dialled: nobody's where it is withheld, and none where a browser calls.
    pub fn seen_number(&self) -> Option<&str> {
        self.other_side().filter(|seen| dialable(seen).is_some())
    }

    /// The fact that the call is more urgent than it was known to be, if it is. It never becomes less urgent by itself.
    pub fn raised_to(&self, priority: Priority, reason: Box<str>, by: &str) -> Option<Fact> {
        let more_urgent = self.priority.is_none_or(|known| priority < known);
        more_urgent.then(|| Fact::PrioritySet { priority, reason, by: by.into() })
    }

    pub fn view(&self, tenant: &TenantId, id: &CallId, sms: SmsCounts, alert: Option<AlertBrief>) -> Arc<CallView> {
        Arc::new(CallView {
            id: id.clone(),
            tenant: tenant.clone(),
            platform: self.platform.clone(),
            direction: self.direction,
            phase: self.phase,
            priority: self.priority,
            priority_reason: self.priority_reason.clone(),
            from: self.from.clone(),
            to: self.to.clone(),
            caller_name: self.caller_name.clone(),
            started_at: self.started_at,
            ended_at: self.ended_at,
            duration_s: self.duration_s,
            ended_reason: self.ended_reason.clone(),
            ended_group: self.ended_group.clone(),
            summary: self.summary.clone(),
            last_line: self.last_line.clone(),
            tools_used: self.tools_used.clone(),
            sms,
            alert,
            seq: self.seq,
            updated_at: self.updated_at,
        })
    }
}
