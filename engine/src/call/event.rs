//! What a voice platform says about a call, in our words. Made by a platform adapter, read by the machine.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::EventKey;
use crate::time::Timestamp;
use crate::tools::{Errand, Lost, Reply};

/// One thing that happened to one call.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    /// What makes a second delivery of the same thing recognisable.
    pub key: EventKey,
    /// When it happened: the platform's clock if it said so, else when we received it.
    pub at: Timestamp,
    /// What this delivery tells about who speaks with whom.
    pub parties: Parties,
    pub kind: EventKind,
}

/// Who speaks with whom. All of it optional, and free text: a caller id can be a SIP address, or forged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parties {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller_name: Option<Box<str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Inbound,
    Outbound,
    Web,
}

/// Where a call stands. Ordered: a call only moves to the right, except between `InProgress` and `Forwarding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Scheduled,
    Queued,
    Ringing,
    InProgress,
    Forwarding,
    /// Gone silent; we gave up waiting. A report that arrives after all makes it `Ended`.
    Lost,
    Ended,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The platform asked who answers this call. The answer is configuration; here it is only recorded.
    Requested,
    /// The platform's own status. `Ended` arrives as [`EventKind::Ended`], `Lost` as [`EventKind::WentSilent`].
    Status(Phase),
    Ended(EndedReason),
    /// Somebody said something, final.
    Spoke {
        role: Role,
        text: Box<str>,
    },
    /// Somebody is saying something: shown, never stored; a later one replaces it.
    Speaking {
        role: Role,
        text: Box<str>,
    },
    ToolCalled(ToolCall),
    /// Made by ourselves: what a tool call had to ask somebody has come back, or has not.
    ErrandReturned(Box<ErrandReturn>),
    /// The agent asks where to transfer the caller; answered from the playbook.
    TransferAsked,
    /// The agent asks which assistant takes over; answered from the playbook.
    HandoffAsked,
    /// Something worth a line in the timeline that moves nothing: a hang, an interruption, an uploaded recording.
    Noted(Note),
    /// The end-of-call report. Alone it means the call has ended.
    Reported(Box<Report>),
    /// Made by the reaper: nothing heard for this long.
    WentSilent {
        idle: Duration,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Caller,
    Agent,
}

/// A tool the agent called. `arguments` is what the model wrote: hostile until a tool has read it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ToolCall {
    pub id: Box<str>,
    pub name: Box<str>,
    pub arguments: serde_json::Map<String, serde_json::Value>,
}

/// How the errand of one tool call ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ErrandReturn {
    /// Of the tool call that is answered by this.
    pub tool_call_id: Box<str>,
    /// As the model called it.
    pub name: Box<str>,
    pub errand: Errand,
    pub returned: Result<Reply, Lost>,
    /// From the moment the errand was begun.
    pub took: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Ours, snake_case: `hang`, `user_interrupted`, `transferred`, `unknown`…
    pub what: Box<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Box<str>>,
}

/// Why a call ended: the platform's open text, and how its adapter classified it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedReason {
    pub reason: Box<str>,
    /// `completed.customer`, `transfer.failed`, `provider.llm`…; the list is the platform's own.
    pub group: Box<str>,
    pub fault: Fault,
}

/// Whose fault an ending was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Nobody's: the call ended as calls do.
    None,
    /// Ours: our answer was missing or refused.
    Server,
    /// The tenant's account or configuration.
    Account,
    Platform,
    Provider,
    Unknown,
}

/// What the platform reports once a call is over. Every field may be missing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub ended: Option<EndedReason>,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub duration_s: Option<u32>,
    pub summary: Option<Box<str>>,
    /// The whole conversation as text, at most [`Report::MAX_TRANSCRIPT_BYTES`].
    pub transcript: Option<Box<str>>,
    /// Millionths of a US dollar.
    pub cost_micros: Option<u64>,
    /// The platform's own words (`true`, `8`, `Excellent`), kept as they are.
    pub success: Option<Box<str>>,
    /// Where the platform keeps the recording; never copied here.
    pub recording_url: Option<Box<str>>,
}

impl Report {
    pub const MAX_TRANSCRIPT_BYTES: usize = 256 * 1024;
}

/// How an event must be treated. Source: docs/architecture.md, "A webhook".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Answered, with effects: durable, then answered.
    Synchronous,
    /// A pure question: answered from memory and configuration.
    Query,
    /// A fact: durable, then acknowledged.
    Durable,
    /// Memory only, newest wins, shed first.
    Volatile,
}

impl Note {
    /// A message of a type nobody knows.
    pub const UNKNOWN: &str = "unknown";
    /// A status that is no phase of a call.
    pub const STATUS: &str = "status";
}

impl Event {
    /// Key of the event that answers this one, when its answer is an errand.
    pub fn finish_key(&self) -> EventKey {
        EventKey::new(format!("tf:{}", self.key.as_str()))
    }

    /// The event that answers this tool call now that its errand has `returned`. `None` when it is no tool call.
    pub fn finish(&self, errand: Errand, returned: Result<Reply, Lost>, took: Duration) -> Option<Event> {
        let EventKind::ToolCalled(ToolCall { id, name, .. }) = &self.kind else { return None };
        let back = ErrandReturn { tool_call_id: id.clone(), name: name.clone(), errand, returned, took };
        Some(Event {
            key: self.finish_key(),
            // By the clock of the platform, as everything else that is told of the call.
            at: self.at.plus(took),
            parties: Parties::default(),
            kind: EventKind::ErrandReturned(Box::new(back)),
        })
    }
}

impl EventKind {
    pub fn class(&self) -> Class {
        match self {
            EventKind::ToolCalled(_)
            | EventKind::ErrandReturned(_)
            | EventKind::TransferAsked
            | EventKind::HandoffAsked => Class::Synchronous,
            EventKind::Requested
            | EventKind::Status(_)
            | EventKind::Ended(_)
            | EventKind::Spoke { .. }
            | EventKind::Noted(_)
            | EventKind::Reported(_)
            | EventKind::WentSilent { .. } => Class::Durable,
            EventKind::Speaking { .. } => Class::Volatile,
        }
    }
}

impl Phase {
    pub const ALL: [Phase; 7] = [
        Phase::Scheduled,
        Phase::Queued,
        Phase::Ringing,
        Phase::InProgress,
        Phase::Forwarding,
        Phase::Lost,
        Phase::Ended,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Phase::Scheduled => "scheduled",
            Phase::Queued => "queued",
            Phase::Ringing => "ringing",
            Phase::InProgress => "in_progress",
            Phase::Forwarding => "forwarding",
            Phase::Lost => "lost",
            Phase::Ended => "ended",
        }
    }

    /// Neither ended nor given up.
    pub const fn is_live(self) -> bool {
        !matches!(self, Phase::Lost | Phase::Ended)
    }
}

impl Direction {
    pub const fn as_str(self) -> &'static str {
        match self {
            Direction::Inbound => "inbound",
            Direction::Outbound => "outbound",
            Direction::Web => "web",
        }
    }
}

impl Fault {
    pub const fn as_str(self) -> &'static str {
        match self {
            Fault::None => "none",
            Fault::Server => "server",
            Fault::Account => "account",
            Fault::Platform => "platform",
            Fault::Provider => "provider",
            Fault::Unknown => "unknown",
        }
    }
}
