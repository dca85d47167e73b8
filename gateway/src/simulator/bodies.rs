//! One simulated call, as the bodies of its webhooks. Every body carries the call, the assistant and all that was said
//! so far, so bodies grow with the call, as real ones do: 40 KB and up.
//!
//! What never changes is rendered once and what was said is only appended to, so a body is a few copies of text.

use bytes::Bytes;
use engine::time::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use super::assistant::{self, ASSISTANT_ID, Assistant, ORG_ID};
use super::dialogues::Dialogue;
use super::load::Wanted;
use super::report_body;
use super::script::{Beat, Speaker, Step, Subscription, beats};
use super::transcript::Artifact;

pub const PHONE_NUMBER_ID: &str = "b0a7e5d0-0000-4000-8000-000000000002";
/// The number the simulated callers dial.
pub const OUR_NUMBER: &str = "+15145550100";

/// A body ready to be sent.
pub struct Message {
    pub kind: &'static str,
    pub body: Bytes,
    pub wanted: Wanted,
}

/// A call in the middle of its conversation.
pub struct SimulatedCall {
    pub(super) id: String,
    pub(super) dialogue: &'static Dialogue,
    pub(super) assistant: &'static Assistant,
    pub(super) artifact: Artifact,
    /// Milliseconds since the epoch of the first webhook, once there was one.
    pub(super) started_at: Option<u64>,
    beats: std::vec::IntoIter<Beat>,
    next: Option<Beat>,
    rng: StdRng,
    /// `"call":{…},"phoneNumber":{…},"customer":{…}`
    common: String,
    turns: u32,
}

impl SimulatedCall {
    /// The same seed says the same. `epoch_ms` dates the call.
    pub fn new(dialogue: &'static Dialogue, subscription: Subscription, seed: u64, epoch_ms: u64) -> SimulatedCall {
        let mut rng = StdRng::seed_from_u64(seed);
        let id = uuid::Builder::from_unix_timestamp_millis(epoch_ms, &rng.random()).into_uuid().to_string();
        let customer = json!({"number": neighbour(&dialogue.number, &mut rng), "name": dialogue.caller});
        let assistant = assistant::of(dialogue.language);
        let mut beats = beats(dialogue, subscription).into_iter();
        SimulatedCall {
            common: common(&id, &customer, epoch_ms, &mut rng),
            artifact: Artifact::new(&assistant.prompt, epoch_ms),
            id,
            dialogue,
            assistant,
            started_at: None,
            next: beats.next(),
            beats,
            rng,
            turns: 0,
        }
    }

    /// The pause before the next webhook; `None` when the call is over.
    pub fn pause(&self) -> Option<std::time::Duration> {
        self.next.as_ref().map(|beat| beat.pause)
    }

    /// The next webhook, sent at `at_ms` since the epoch.
    pub fn advance(&mut self, at_ms: u64) -> Option<Message> {
        let beat = self.next.take()?;
        self.next = self.beats.next();
        self.started_at.get_or_insert(at_ms);
        Some(self.message(&beat.step, at_ms))
    }

    fn message(&mut self, step: &Step, at_ms: u64) -> Message {
        match step {
            Step::Status(status) => self.status(status, at_ms),
            Step::Reception => {
                let body =
                    format!(r#"{{"message":{{"timestamp":{at_ms},"type":"assistant-request",{}}}}}"#, self.common);
                Message { kind: "assistant-request", body: body.into(), wanted: Wanted::Object }
            }
            Step::AssistantStarted => {
                let own = format!(r#""newAssistant":{},"#, self.assistant.json);
                self.fact("assistant.started", &own, at_ms)
            }
            Step::Speech { speaker, started } => self.speech(*speaker, *started, at_ms),
            Step::Partial { speaker, text } => self.transcript(*speaker, text, "partial", at_ms),
            Step::Final { speaker, text } => {
                let confidence = self.rng.random_range(0.86..0.999);
                self.artifact.say(*speaker, text, at_ms, confidence);
                self.transcript(*speaker, text, "final", at_ms)
            }
            Step::Conversation => {
                let own = self.artifact.conversation();
                self.fact("conversation-update", &own, at_ms)
            }
            Step::Tool { name, text } => self.tool_call(name, text, at_ms),
            Step::Report => {
                let own = report_body::fields(self, at_ms);
                let recorded = report_body::recordings(self, at_ms);
                let body = self.envelope("end-of-call-report", &own, &recorded, at_ms);
                Message { kind: "end-of-call-report", body, wanted: Wanted::Object }
            }
        }
    }

    fn status(&mut self, status: &str, at_ms: u64) -> Message {
        let reason = if status == "ended" { json!(self.dialogue.ended_reason) } else { Value::Null };
        self.fact("status-update", &fields(&json!({"status": status, "endedReason": reason})), at_ms)
    }

    fn speech(&mut self, speaker: Speaker, started: bool, at_ms: u64) -> Message {
        self.turns += u32::from(started);
        let status = if started { "started" } else { "stopped" };
        let own = json!({"status": status, "role": role(speaker), "turn": self.turns});
        self.fact("speech-update", &fields(&own), at_ms)
    }

    fn transcript(&mut self, speaker: Speaker, text: &str, finality: &str, at_ms: u64) -> Message {
        let own = json!({"role": role(speaker), "transcriptType": finality, "transcript": text, "isFiltered": false,
            "assistantId": ASSISTANT_ID, "assistantName": self.assistant.name, "detectedThreats": []});
        self.fact("transcript", &fields(&own), at_ms)
    }

    fn tool_call(&mut self, name: &'static str, text: &str, at_ms: u64) -> Message {
        let id = self.tool_call_id();
        let arguments = match name {
            "sendSMSAlert" => json!({"message": text, "priority": self.dialogue.priority.as_str()}),
            _ => json!({"description": text}),
        };
        let call = json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}});
        self.artifact.call_tool(&id, name, &arguments, at_ms);
        let tool = self.assistant.tools.iter().find(|(other, _)| other == name);
        let mut with_tool = tool.expect("the script calls only tools the assistant has").1.clone();
        with_tool["toolCall"] = call.clone();
        let own = json!({"toolCalls": [call], "toolCallList": [call], "toolWithToolCallList": [with_tool]});
        let body = self.envelope("tool-calls", &fields(&own), "", at_ms);
        Message { kind: "tool-calls", body, wanted: Wanted::ToolResults([id.into()].into()) }
    }

    fn tool_call_id(&mut self) -> String {
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let mut id = String::from("call_");
        id.extend((0..24).map(|_| char::from(LETTERS[self.rng.random_range(0..LETTERS.len())])));
        id
    }

    /// A webhook that is only acknowledged.
    fn fact(&mut self, kind: &'static str, own: &str, at_ms: u64) -> Message {
        Message { kind, body: self.envelope(kind, own, "", at_ms), wanted: Wanted::Object }
    }

    /// `own` and `recorded` are fields that end in a comma, or nothing.
    fn envelope(&self, kind: &str, own: &str, recorded: &str, at_ms: u64) -> Bytes {
        let artifact = self.artifact.fields();
        let (common, assistant) = (&self.common, &self.assistant.json);
        format!(
            r#"{{"message":{{"timestamp":{at_ms},"type":"{kind}",{own}"artifact":{{{recorded}{artifact}}},{common},"assistant":{assistant}}}}}"#
        )
        .into()
    }
}

fn role(speaker: Speaker) -> &'static str {
    match speaker {
        Speaker::Agent => "assistant",
        Speaker::Caller => "user",
    }
}

/// Another of the hundred fictional numbers beside this one, so that callers are not all the same.
fn neighbour(number: &str, rng: &mut StdRng) -> String {
    let last: u8 = rng.random_range(0..100);
    format!("{}{last:02}", &number[..number.len() - 2])
}

fn common(id: &str, customer: &Value, epoch_ms: u64, rng: &mut StdRng) -> String {
    let at = iso(epoch_ms);
    let sid: u128 = rng.random();
    let live = format!("phone-call-websocket.example.com/{id}");
    let phone_number = json!({"id": PHONE_NUMBER_ID, "orgId": ORG_ID, "assistantId": null, "number": OUR_NUMBER,
        "createdAt": "2026-05-04T13:20:00.000Z", "updatedAt": "2026-10-19T20:02:44.905Z", "name": "Boréal",
        "provider": "twilio", "status": "active", "twilioAccountSid": format!("AC{:032x}", 0),
        "twilioAuthToken": "simulated-auth-token"});
    let call = json!({
        "id": id, "orgId": ORG_ID, "createdAt": at, "updatedAt": at, "type": "inboundPhoneCall",
        // A snapshot from when the call was made: real bodies say so to the end, and it must not be believed.
        "status": "ringing",
        "monitor": {"listenUrl": format!("wss://{live}/listen"), "controlUrl": format!("https://{live}/control")},
        "transport": {"provider": "twilio", "accountSid": format!("AC{:032x}", 0), "callSid": format!("CA{sid:032x}"),
            "callToken": "simulated-call-token"},
        "phoneCallProvider": "twilio", "phoneCallProviderId": format!("CA{sid:032x}"), "phoneCallTransport": "pstn",
        "phoneNumberId": PHONE_NUMBER_ID, "assistantId": ASSISTANT_ID, "squadId": null, "workflowId": null,
        "customer": customer, "assistantOverrides": {"variableValues": {"companyName": "Drains Boréal"}},
    });
    let whole = fields(&json!({"call": call, "phoneNumber": phone_number, "customer": customer}));
    whole.trim_end_matches(',').to_owned()
}

pub(super) fn iso(at_ms: u64) -> String {
    Timestamp::from_millis(i64::try_from(at_ms).unwrap_or(i64::MAX)).to_string()
}

/// The fields of an object, without its braces, with a comma at the end.
pub(super) fn fields(object: &Value) -> String {
    let text = object.to_string();
    format!("{},", &text[1..text.len() - 1])
}

#[cfg(test)]
#[path = "bodies_tests.rs"]
mod tests;
