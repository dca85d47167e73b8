//! What comes out of one event: facts to record, messages owed, the answer; and the frame that makes them durable.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::event::{EndedReason, Note, Parties, Phase, Report, Role};
use super::forget::Forget;
use super::state::Call;
use crate::alert::Notice;
use crate::ids::{CallKey, EventKey, SmsId};
use crate::playbook::Destination;
use crate::priority::Priority;
use crate::sms::NewSms;
use crate::time::Timestamp;
use crate::tools::{Errand, ErrandOutcome};

/// The outcome of one event. Pure data: nothing has happened yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// In order. Empty when nothing happened that is worth a frame: a volatile event, a silence that is over.
    pub facts: Vec<Fact>,
    /// Written in the transaction that records the facts.
    pub texts: Vec<NewSms>,
    pub answer: Answer,
}

/// What was recorded of a call. Stored as JSON; a field is added, never renamed or given another meaning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Fact {
    /// Something new was learned of who speaks with whom.
    Introduced {
        platform: Box<str>,
        parties: Parties,
    },
    Requested,
    /// The platform reported this status. A late one is recorded and moves nothing.
    Status {
        phase: Phase,
    },
    Spoke {
        role: Role,
        text: Box<str>,
    },
    ToolCalled {
        tool_call_id: Box<str>,
        name: Box<str>,
        arguments: serde_json::Value,
    },
    /// The tool had to ask somebody; its answer follows in a frame of its own.
    ErrandBegun {
        tool_call_id: Box<str>,
        errand: Box<str>,
        /// As in `tool_answered`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        effect: Option<u64>,
    },
    ErrandEnded {
        tool_call_id: Box<str>,
        errand: Box<str>,
        outcome: ErrandOutcome,
        /// Why nothing usable came back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<Box<str>>,
        took_ms: u64,
    },
    /// `repeated`: the same effect was asked for again, and the first answer was given again.
    ToolAnswered {
        tool_call_id: Box<str>,
        name: Box<str>,
        #[serde(flatten)]
        answer: ToolAnswer,
        /// Digest of tool and canonical arguments, when the tool has effects.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        effect: Option<u64>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        repeated: bool,
    },
    PrioritySet {
        priority: Priority,
        reason: Box<str>,
        by: Box<str>,
    },
    SmsOwed {
        sms: SmsId,
        contact: Box<str>,
        priority: Priority,
    },
    /// Somebody must know, who was not told of this call before. The alert is written with the frame.
    AlertOpened(Box<Notice>),
    /// More is known, or it is more urgent than before.
    AlertUpdated(Box<Notice>),
    TransferAnswered {
        destination: Option<Destination>,
    },
    HandoffAnswered {
        destination: Option<Destination>,
    },
    Noted(Note),
    Ended(EndedReason),
    Reported(Box<Report>),
    WentSilent {
        idle_s: u64,
    },
    /// Something was taken out of what was recorded before, and out of what is recorded from now on.
    Forgotten {
        what: Forget,
    },
}

impl Fact {
    /// The digest by which a repeated effect is recognised is nobody else's business, and too large a number for
    /// JavaScript.
    pub fn forget_effect(&mut self) {
        if let Fact::ToolAnswered { effect, .. } | Fact::ErrandBegun { effect, .. } = self {
            *effect = None;
        }
    }
}

/// What a tool says to the model: one line, either a result or an error that can be spoken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolAnswer {
    Result(Arc<str>),
    Error(Arc<str>),
}

/// What the platform is told, before a platform adapter renders it. Stored with the frame, so that a second delivery
/// of the same event gets the same bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Nothing to say: received and durable.
    Ack,
    Tool(ToolAnswer),
    /// Not yet: what the tool has to ask first. The answer is that of the event this leads to, [`super::Event::finish`].
    Errand(Box<Errand>),
    Transfer(Option<Destination>),
    Handoff(Option<Destination>),
}

/// The unit of commit: one event of one call, everything it caused, and its answer.
#[derive(Clone, Debug)]
pub struct Frame {
    pub call: CallKey,
    /// 1, 2, 3… per call, without gaps. A frame is appended only where `seq - 1` was the last one.
    pub seq: u64,
    pub key: EventKey,
    /// When the platform says it happened.
    pub at: Timestamp,
    /// When we decided.
    pub decided_at: Timestamp,
    pub facts: Vec<Fact>,
    pub answer: Answer,
    pub texts: Vec<NewSms>,
    /// The call after this frame.
    pub state: Arc<Call>,
}
