//! What each type of message asks of us. One arm per type; keys make a second delivery recognisable.
//!
//! Vapi sends no event id, no sequence number and no attempt counter, so a key is made of what the event is about and
//! the timestamp as it was sent. A message without a timestamp is still recognised by the rest.

use engine::call::{Event, EventKind, Parties, Phase, Role};
use engine::ids::{EventKey, digest64};
use engine::time::Timestamp;

use super::envelope::Envelope;
use super::json::{clip, moment, pick, short, text};
use super::{conversation, ended_reasons, notes, report, tool_calls};
use crate::platforms::{Asks, Question};

/// Longest line of a transcript that is kept, in bytes.
const MAX_LINE_BYTES: usize = 16 * 1024;

/// Every type we know, as metrics name it. Source: the OpenAPI document's server messages, and three more that only
/// the subscription list has.
const KINDS: [&str; 32] = [
    "assistant-request",
    "assistant.speechStarted",
    "assistant.started",
    "call.artifact.upload",
    "call.delete.failed",
    "call.deleted",
    "call.endpointing.request",
    "campaign.predial",
    "chat.created",
    "chat.deleted",
    "conversation-update",
    "end-of-call-report",
    "function-call",
    "handoff-destination-request",
    "hang",
    "knowledge-base-request",
    "language-change-detected",
    "model-output",
    "phone-call-control",
    "session.created",
    "session.deleted",
    "session.updated",
    "speech-update",
    "status-update",
    "tool-calls",
    "transcript",
    "transfer-destination-request",
    "transfer-update",
    "user-interrupted",
    "voice-input",
    "voice-request",
    "unknown",
];

/// The type of a message, from the closed list. Tool calls need not say theirs.
pub fn kind_of(message: &Envelope<'_>) -> &'static str {
    match text(message.get("type")).as_deref() {
        Some("language-changed") => "language-change-detected",
        Some(kind) if kind.starts_with("transcript[") => "transcript",
        Some(kind) => KINDS.iter().find(|known| **known == kind).copied().unwrap_or("unknown"),
        None if ["toolCallList", "toolCalls", "toolWithToolCallList"].iter().any(|key| message.get(key).is_some()) => {
            "tool-calls"
        }
        None if message.get("functionCall").is_some() => "function-call",
        None => "unknown",
    }
}

/// A campaign asks before there is a call; everything else without one is only acknowledged.
pub fn asks_without_call(kind: &str) -> Asks {
    match kind {
        "campaign.predial" => Asks::Answer(Question::Predial, None),
        _ => Asks::Nothing,
    }
}

/// What a message of a known call asks.
pub fn asks(kind: &str, told: &Told) -> Asks {
    match kind {
        "assistant-request" => Asks::Answer(Question::Reception, Some(told.event("ar", EventKind::Requested))),
        "knowledge-base-request" => Asks::Answer(Question::Knowledge, None),
        "call.endpointing.request" => Asks::Answer(Question::Endpointing, None),
        "campaign.predial" => Asks::Answer(Question::Predial, None),
        "voice-request" => Asks::Answer(Question::Voice, None),

        "tool-calls" | "function-call" => tool_calls::asks(told),
        "transfer-destination-request" => transfer_asked(told),
        "handoff-destination-request" => handoff_asked(told),

        "status-update" => status(told),
        "end-of-call-report" => report::asks(told),
        "transcript" => transcript(told),

        "conversation-update" => last_line(told),
        "assistant.speechStarted" => speaking(told, "text"),
        "voice-input" => speaking(told, "input"),
        "model-output" | "speech-update" => Asks::Nothing,
        _ if kind.starts_with("chat.") || kind.starts_with("session.") => Asks::Nothing,

        _ => notes::asks(kind, told),
    }
}

/// One message of a known call, and what all its events share.
pub struct Told<'a> {
    pub message: &'a Envelope<'a>,
    /// The timestamp as part of a key: `-` when there is none.
    pub stamp: String,
    at: Timestamp,
    parties: Parties,
}

impl<'a> Told<'a> {
    pub fn new(message: &'a Envelope<'a>, parties: Parties, received: Timestamp) -> Told<'a> {
        let sent = message.get("timestamp");
        let at = moment(sent);
        let stamp = match (at, sent) {
            (Some(at), _) => at.as_millis().to_string(),
            (None, Some(raw)) => digest(&[raw.get()]),
            (None, None) => "-".to_owned(),
        };
        Told { message, stamp, at: at.unwrap_or(received), parties }
    }

    pub fn event(&self, key: impl Into<String>, kind: EventKind) -> Event {
        Event { key: EventKey::new(key), at: self.at, parties: self.parties.clone(), kind }
    }

    pub fn record(&self, key: impl Into<String>, kind: EventKind) -> Asks {
        Asks::Record(vec![self.event(key, kind)])
    }

    fn mention(&self, role: Role, words: &str) -> Asks {
        let text = clip(words.trim(), MAX_LINE_BYTES).into();
        Asks::Mention(self.event(format!("say:{}", self.stamp), EventKind::Speaking { role, text }))
    }
}

/// Sixteen digits that stand for `parts` in a key. Nothing of the body can be read back from it.
pub fn digest(parts: &[&str]) -> String {
    format!("{:016x}", digest64(parts))
}

fn status(told: &Told) -> Asks {
    let status = text(told.message.get("status")).unwrap_or_default();
    let phase = match status.as_ref() {
        "scheduled" => Phase::Scheduled,
        "queued" => Phase::Queued,
        "ringing" => Phase::Ringing,
        "in-progress" => Phase::InProgress,
        "forwarding" => Phase::Forwarding,
        "ended" => return ended(told),
        _ => return notes::status(&status, told),
    };
    // These two may come again: the line dropped and returned, a warm transfer was taken back.
    let repeats = matches!(phase, Phase::InProgress | Phase::Forwarding);
    let key = if repeats { format!("st:{status}:{}", told.stamp) } else { format!("st:{status}") };
    told.record(key, EventKind::Status(phase))
}

fn ended(told: &Told) -> Asks {
    let reason = text(told.message.get("endedReason")).unwrap_or_default();
    let mut events = vec![told.event("st:ended", EventKind::Ended(ended_reasons::ended(&reason)))];
    events.extend(notes::refused_reception(told));
    Asks::Record(events)
}

fn transcript(told: &Told) -> Asks {
    let words = text(told.message.get("transcript")).unwrap_or_default();
    let words = clip(words.trim(), MAX_LINE_BYTES);
    let Some(role) = conversation::role(told.message.get("role")).filter(|_| !words.is_empty()) else {
        return Asks::Nothing;
    };
    // Whether the type on the wire carries the subscription's filter is not documented: both are read.
    let filtered = text(told.message.get("type")).is_some_and(|kind| kind.contains("final"));
    let partial = text(told.message.get("transcriptType")).as_deref() == Some("partial");
    if partial && !filtered {
        return told.mention(role, words);
    }
    let speaker = if role == Role::Caller { "user" } else { "assistant" };
    let key = format!("tr:{speaker}:{}:{}", told.stamp, digest(&[words]));
    told.record(key, EventKind::Spoke { role, text: words.into() })
}

fn last_line(told: &Told) -> Asks {
    conversation::last_line(told.message).map_or(Asks::Nothing, |(role, words)| told.mention(role, &words))
}

fn speaking(told: &Told, key: &str) -> Asks {
    match short(told.message.get(key), MAX_LINE_BYTES) {
        Some(words) => told.mention(Role::Agent, &words),
        None => Asks::Nothing,
    }
}

/// Without a timestamp, the last line of the conversation tells one request from the next.
fn transfer_asked(told: &Told) -> Asks {
    let key = match (told.message.get("timestamp"), conversation::last_line(told.message)) {
        (None, Some((_, words))) => format!("tdr:{}", digest(&[&words])),
        _ => format!("tdr:{}", told.stamp),
    };
    told.record(key, EventKind::TransferAsked)
}

fn handoff_asked(told: &Told) -> Asks {
    let parameters = told.message.get("parameters").map_or("", |raw| raw.get());
    told.record(format!("hdr:{}:{}", digest(&[parameters]), told.stamp), EventKind::HandoffAsked)
}

/// Text of a field that names something, for notes and their keys.
pub fn name_in(told: &Told, key: &str, fields: [&'static str; 2]) -> Option<Box<str>> {
    let [first, second] = pick(told.message.get(key), fields);
    short(first, notes::MAX_DETAIL_BYTES).or_else(|| short(second, notes::MAX_DETAIL_BYTES))
}
