//! The assistant that every simulated webhook carries: a prompt of some 8 KB and eight tools, as a real one would.

use std::fmt::Write as _;
use std::sync::LazyLock;

use engine::playbook::Language;
use serde_json::{Value, json};

use super::dialogues::{self, Turn};

pub const ASSISTANT_ID: &str = "b0a7e5d0-0000-4000-8000-000000000001";
pub const ORG_ID: &str = "b0a7e5d0-0000-4000-8000-0000000000ff";

/// One per language, rendered once: it is the same in every webhook.
pub struct Assistant {
    pub name: &'static str,
    pub prompt: String,
    /// By name: the tool as it stands in the assistant and in a tool call.
    pub tools: Vec<(String, Value)>,
    /// The whole, as JSON.
    pub json: String,
}

pub fn of(language: Language) -> &'static Assistant {
    static FRENCH: LazyLock<Assistant> = LazyLock::new(|| assistant(Language::Fr));
    static ENGLISH: LazyLock<Assistant> = LazyLock::new(|| assistant(Language::En));
    match language {
        Language::Fr => &FRENCH,
        Language::En => &ENGLISH,
    }
}

fn assistant(language: Language) -> Assistant {
    let (name, opening, code) = match language {
        Language::Fr => ("Élise (français)", include_str!("prompt.fr.txt"), "fr"),
        Language::En => ("Elise (English)", include_str!("prompt.en.txt"), "en"),
    };
    let prompt = format!("{opening}{}", examples(language));
    let tools = tools();
    let all_tools: Vec<&Value> = tools.iter().map(|(_, tool)| tool).collect();
    let json = json!({
        "id": ASSISTANT_ID, "orgId": ORG_ID, "name": name,
        "createdAt": "2026-05-04T13:21:09.118Z", "updatedAt": "2026-10-19T20:02:44.905Z",
        "model": {
            "provider": "openai", "model": "gpt-4o-mini", "temperature": 0.4, "maxTokens": 250,
            "messages": [{"role": "system", "content": prompt}],
            "tools": all_tools,
        },
        "voice": {"provider": "vapi", "voiceId": "Elliot", "speed": 1.0},
        "transcriber": {"provider": "deepgram", "model": "nova-3", "language": code, "smartFormat": true,
            "keyterm": ["Boréal", "drain", "égout", "refoulement", "gainage", "regard", "clean-out", "sewer"]},
        "firstMessageMode": "assistant-speaks-first",
        "backgroundSound": "off", "backgroundDenoisingEnabled": true, "modelOutputInMessagesEnabled": false,
        "clientMessages": ["conversation-update", "function-call", "hang", "model-output", "speech-update",
            "status-update", "transfer-update", "transcript", "tool-calls", "user-interrupted", "voice-input"],
        "transportConfigurations": [{"provider": "twilio", "timeout": 60, "record": false,
            "recordingChannels": "mono"}],
        "metadata": {"tenant": "boreal", "revision": "2026-10-19", "owner": "office"},
        "credentialIds": [], "observabilityPlan": {"provider": "langfuse", "tags": ["drains", "boreal"]}, "silenceTimeoutSeconds": 30, "maxDurationSeconds": 600,
        "startSpeakingPlan": {"waitSeconds": 0.4, "smartEndpointingPlan": {"provider": "livekit"}},
        "stopSpeakingPlan": {"numWords": 2, "voiceSeconds": 0.2, "backoffSeconds": 1},
        "analysisPlan": analysis_plan(),
        "artifactPlan": {"recordingEnabled": true, "recordingFormat": "wav;l16", "videoRecordingEnabled": false,
            "pcapEnabled": true, "transcriptPlan": {"enabled": true, "assistantName": "Elise", "userName": "Caller"}},
        "monitorPlan": {"listenEnabled": true, "listenAuthenticationEnabled": false, "controlEnabled": true,
            "controlAuthenticationEnabled": false},
        "endCallPhrases": ["au revoir et bonne journée", "goodbye and take care", "bonne fin de journée"],
        "voicemailMessage": "Bonjour, ici Drains Boréal. Nous vous rappellerons. We will call you back.",
        "hooks": [{"on": "customer.speech.timeout", "options": {"timeoutSeconds": 12, "triggerMaxCount": 2},
            "do": [{"type": "say", "exact": ["Êtes-vous toujours là?", "Are you still there?"]}]}],
        "serverMessages": ["assistant.started", "conversation-update", "end-of-call-report", "speech-update",
            "status-update", "tool-calls", "transcript"],
        "server": server(),
    })
    .to_string();
    Assistant { name, prompt, tools, json }
}

fn analysis_plan() -> Value {
    let text = |description: &str| json!({"type": "string", "description": description});
    json!({
        "minMessagesThreshold": 2,
        "summaryPlan": {"enabled": true, "timeoutSeconds": 12, "messages": [
            {"role": "system", "content": "Summarise the call in two or three sentences for the office: what is wrong, \
                where, what was promised and what is still unknown. Use the caller's language. No greeting, no list."},
            {"role": "user", "content": "Here is the transcript:\n\n{{transcript}}\n\nHere is why it ended: {{endedReason}}"}]},
        "successEvaluationPlan": {"enabled": true, "rubric": "PassFail", "messages": [
            {"role": "system", "content": "The call passes if the problem was classified, the caller knows what happens \
                next, and, for an emergency, the crew was alerted before the call ended.\n\n{{rubric}}"}]},
        "structuredDataPlan": {"enabled": true, "timeoutSeconds": 12, "schema": {"type": "object", "properties": {
            "priority": {"type": "string", "enum": ["P1", "P2", "P3", "P4"], "description": "As the tool gave it."},
            "name": text("First and last name of the caller, as they said it."),
            "address": text("Street, number and town of the problem, which may not be where the caller lives."),
            "problem": text("What is wrong, in the caller's own words, at most two sentences."),
            "hazards": text("Electricity, children, elderly or sick people on site, or anything else dangerous."),
            "callback": text("When the caller would like to be called back, and at which number if another.")},
            "required": ["priority", "problem"]}},
    })
}

/// Real bodies carry such secrets in the clear; a server must drop them at its door.
fn server() -> Value {
    json!({"url": "https://calls.example.com/webhooks/vapi", "timeoutSeconds": 20, "secret": "simulated-secret",
        "headers": {"x-simulated": "1"}, "backoffPlan": {"type": "exponential", "maxRetries": 3, "baseDelaySeconds": 1}})
}

/// The other dialogues of this language, as a prompt shows examples.
fn examples(language: Language) -> String {
    let mut text = String::new();
    for dialogue in dialogues::all().iter().filter(|dialogue| dialogue.language == language) {
        writeln!(text, "\n## {}", dialogue.name).expect("a String takes all");
        for turn in &dialogue.turns {
            let (who, what) = match turn {
                Turn::Agent(what) => ("Elise", what),
                Turn::Caller(what) => ("Caller", what),
                Turn::Classify(what) => ("(classifyPriority)", what),
                Turn::Alert(what) => ("(sendSMSAlert)", what),
            };
            writeln!(text, "{who}: {what}").expect("a String takes all");
        }
    }
    text
}

fn tools() -> Vec<(String, Value)> {
    let tools: Vec<Value> = serde_json::from_str(include_str!("tools.json")).expect("tools.json is read by a test");
    tools.into_iter().map(tool).collect()
}

fn tool(tool: Value) -> (String, Value) {
    let name = tool["name"].as_str().unwrap_or_default().to_owned();
    let whole = json!({
        "type": "function", "async": false,
        "server": server(),
        "messages": [
            {"type": "request-start", "content": "Un instant, je vérifie. One moment, let me check.", "blocking": false},
            {"type": "request-response-delayed", "content": "Encore un petit moment. Just a moment longer.",
                "timingMilliseconds": 3000},
            {"type": "request-failed", "content": "Je n'y arrive pas à l'instant. I cannot do that right now."},
        ],
        "function": {
            "name": tool["name"], "description": tool["description"], "strict": false,
            "parameters": {"type": "object", "properties": tool["properties"], "required": tool["required"]},
        },
    });
    (name, whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_has_a_prompt_of_some_eight_kilobytes_and_eight_tools() {
        for language in [Language::Fr, Language::En] {
            let assistant = of(language);
            assert!((6_000..10_000).contains(&assistant.prompt.len()), "{}", assistant.prompt.len());
            assert_eq!(assistant.tools.len(), 8);
            let json: Value = serde_json::from_str(&assistant.json).unwrap();
            assert_eq!(json["model"]["messages"][0]["content"], assistant.prompt.as_str());
        }
    }
}
