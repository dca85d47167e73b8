//! Webhook bodies as the platform sends them, of a fictional caller.

use serde_json::{Value, json};

pub const CALLER: &str = "+14185550117";
/// Known to the playbook of `boreal`.
pub const BOREAL_ASSISTANT: &str = "asst-boreal-front-desk";
/// Known to the playbook of `harbour`.
pub const HARBOUR_ASSISTANT: &str = "asst-harbour-clinic";

/// 2026-03-04T15:00:00Z, when every call of these stories begins.
const START_MS: u64 = 1_772_636_400_000;

pub fn status(call: &str, status: &str) -> Value {
    let place = ["scheduled", "queued", "ringing", "in-progress", "forwarding", "ended"];
    let at = place.iter().position(|known| *known == status).unwrap_or(0) as u64 * 1_000;
    let mut body = envelope("status-update", call, at);
    body["message"]["status"] = json!(status);
    if status == "ended" {
        body["message"]["endedReason"] = json!("customer-ended-call");
    }
    body
}

/// A final one, of the caller.
pub fn transcript(call: &str, text: &str) -> Value {
    let mut body = envelope("transcript", call, 3_500);
    body["message"]["role"] = json!("user");
    body["message"]["transcriptType"] = json!("final");
    body["message"]["transcript"] = json!(text);
    body
}

pub fn partial_transcript(call: &str, text: &str) -> Value {
    let mut body = transcript(call, text);
    body["message"]["transcriptType"] = json!("partial");
    body
}

pub fn tool_call(call: &str, id: &str, tool: &str, arguments: Value) -> Value {
    let mut body = envelope("tool-calls", call, 4_000);
    let asked = json!({"id": id, "type": "function", "function": {"name": tool, "arguments": arguments}});
    body["message"]["toolCallList"] = json!([asked]);
    body
}

pub fn assistant_request(call: &str) -> Value {
    envelope("assistant-request", call, 0)
}

pub fn report(call: &str) -> Value {
    let mut body = envelope("end-of-call-report", call, 9_000);
    let message = &mut body["message"];
    message["endedReason"] = json!("customer-ended-call");
    message["startedAt"] = json!("2026-03-04T15:00:03.000Z");
    message["endedAt"] = json!("2026-03-04T15:00:08.000Z");
    message["durationSeconds"] = json!(5);
    message["analysis"] = json!({"summary": "Water in the basement; somebody is on the way."});
    message["artifact"] = json!({"transcript": "User: The basement is flooded.", "messages": []});
    body
}

/// The same body, from an assistant of `harbour`.
pub fn from_harbour(mut body: Value) -> Value {
    body["message"]["call"]["assistantId"] = json!(HARBOUR_ASSISTANT);
    body["message"]["assistant"]["id"] = json!(HARBOUR_ASSISTANT);
    body
}

fn envelope(kind: &str, call: &str, after_ms: u64) -> Value {
    json!({"message": {
        "type": kind,
        "timestamp": START_MS + after_ms,
        "call": {
            "id": call,
            "orgId": "org-of-these-stories",
            "type": "inboundPhoneCall",
            "status": "ringing",
            "assistantId": BOREAL_ASSISTANT,
            "customer": {"number": CALLER},
            "createdAt": "2026-03-04T15:00:00.000Z",
        },
        "customer": {"number": CALLER},
        "assistant": {"id": BOREAL_ASSISTANT, "name": "Front desk"},
    }})
}
