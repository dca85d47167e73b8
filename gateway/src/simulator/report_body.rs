//! What only an end-of-call report carries: analysis, costs and recordings, some of it twice, as in real ones.

use serde_json::json;

use super::assistant::ASSISTANT_ID;
use super::bodies::{SimulatedCall, fields as inner, iso};

/// The report's own fields, ending in a comma.
pub(super) fn fields(call: &SimulatedCall, at_ms: u64) -> String {
    let dialogue = call.dialogue;
    let started_ms = call.started_at.unwrap_or(at_ms);
    let ended_ms = at_ms.saturating_sub(1_500).max(started_ms);
    let seconds = (ended_ms - started_ms) as f64 / 1000.0;
    let minutes = seconds / 60.0;
    let own = inner(&json!({
        "endedReason": dialogue.ended_reason,
        "analysis": {"summary": dialogue.summary, "successEvaluation": "true",
            "structuredData": {"priority": dialogue.priority.as_str(), "name": dialogue.caller}},
        "startedAt": iso(started_ms), "endedAt": iso(ended_ms),
        "durationMs": ended_ms - started_ms, "durationSeconds": seconds, "durationMinutes": minutes,
        "cost": minutes * 0.11,
        "costBreakdown": {"transport": minutes * 0.008, "stt": minutes * 0.01, "llm": 0.0021, "tts": minutes * 0.03,
            "vapi": minutes * 0.05, "total": minutes * 0.11, "llmPromptTokens": 9210, "llmCompletionTokens": 311,
            "ttsCharacters": 940},
        "costs": [
            {"type": "transport", "provider": "twilio", "minutes": minutes, "cost": minutes * 0.008},
            {"type": "transcriber", "transcriber": {"provider": "deepgram", "model": "nova-3"}, "minutes": minutes,
                "cost": minutes * 0.01},
            {"type": "model", "model": {"provider": "openai", "model": "gpt-4o-mini"}, "promptTokens": 9210,
                "completionTokens": 311, "cost": 0.0021},
            {"type": "voice", "voice": {"provider": "vapi", "voiceId": "Elliot"}, "characters": 940,
                "cost": minutes * 0.03},
            {"type": "vapi", "subType": "normal", "minutes": minutes, "cost": minutes * 0.05},
        ],
        "summary": dialogue.summary, "transcript": call.artifact.transcript,
        "recordingUrl": recording(call, "mono"), "stereoRecordingUrl": recording(call, "stereo"),
    }));
    format!(r#"{own}"messages":[{}],"#, call.artifact.messages())
}

/// What the artifact of a report adds, ending in a comma.
pub(super) fn recordings(call: &SimulatedCall, at_ms: u64) -> String {
    inner(&json!({
        "transcript": call.artifact.transcript,
        "recordingUrl": recording(call, "mono"), "stereoRecordingUrl": recording(call, "stereo"),
        "recording": {"stereoUrl": recording(call, "stereo"), "mono": {"combinedUrl": recording(call, "mono"),
            "assistantUrl": recording(call, "assistant"), "customerUrl": recording(call, "customer")}},
        "presignedMonoUrl": format!("{}?X-Amz-Signature=simulated", recording(call, "mono")),
        "presignedUrlsExpiresAt": iso(at_ms + 3_600_000),
        "logUrl": format!("https://calllogs.example.com/{}.jsonl.gz", call.id),
        "nodes": [], "variableValues": {"companyName": "Drains Boréal"},
        "assistantActivations": [{"assistantName": call.assistant.name, "assistantId": ASSISTANT_ID}],
        "performanceMetrics": {
            "turnLatencies": [{"modelLatency": 510, "voiceLatency": 190, "transcriberLatency": 0,
                "endpointingLatency": 340, "turnLatency": 1040}],
            "modelLatencyAverage": 510, "voiceLatencyAverage": 190, "transcriberLatencyAverage": 0,
            "endpointingLatencyAverage": 340, "turnLatencyAverage": 1040, "numUserInterrupted": 0,
            "numAssistantInterrupted": 0},
    }))
}

fn recording(call: &SimulatedCall, track: &str) -> String {
    format!("https://storage.example.com/{}-{track}.wav", call.id)
}
