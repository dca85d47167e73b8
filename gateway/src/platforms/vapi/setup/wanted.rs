//! What Vapi should know of us: the tools, where they are answered, which messages are sent, what happens if we are gone.

use engine::playbook::{Destination, Fallback, Language, Playbook};
use engine::tools;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

/// Seconds Vapi waits for an answer to a webhook. Ours come in milliseconds; a tool of the business's own may take some.
const TIMEOUT_S: u32 = 20;
/// Milliseconds of silence after which the agent says that it is still there.
const STILL_THERE_MS: u32 = 2_500;

/// The messages worth their bandwidth. Every message carries the whole conversation, so the volatile ones cost most:
/// without `conversation-update`, `speech-update` and partial transcripts the traffic is four to eight times less.
const SERVER_MESSAGES: [&str; 11] = [
    "assistant.started",
    "end-of-call-report",
    "handoff-destination-request",
    "hang",
    "language-change-detected",
    "status-update",
    "tool-calls",
    "transcript[transcriptType=\"final\"]",
    "transfer-destination-request",
    "transfer-update",
    "user-interrupted",
];

/// How Vapi reaches this server, and proves itself.
#[derive(Clone, Debug)]
pub struct Wiring {
    /// The webhook URL, as the world sees it.
    pub url: String,
    /// Id of a credential kept at Vapi.
    pub credential: Option<String>,
    /// Sent as it is where there is no credential. Never printed.
    pub secret: Option<SecretString>,
    /// The secret is sent also where one is set, because it was replaced.
    pub resend_secret: bool,
}

impl Wiring {
    /// Without retries a report is lost with one failed request; Vapi's own default is none.
    pub(super) fn server(&self) -> Value {
        let mut server = json!({
            "url": self.url,
            "timeoutSeconds": TIMEOUT_S,
            "backoffPlan": {
                "type": "exponential",
                "maxRetries": 3,
                "baseDelaySeconds": 1,
                "excludedStatusCodes": [400, 401, 403, 404, 413, 422],
            },
        });
        if let Some(credential) = &self.credential {
            server["credentialId"] = json!(credential);
        }
        server
    }

    /// The server with its secret, as it is sent and never shown.
    pub(super) fn server_with_secret(&self) -> Value {
        let mut server = self.server();
        if let (None, Some(secret)) = (&self.credential, &self.secret) {
            server["secret"] = json!(secret.expose_secret());
        }
        server
    }
}

pub(super) fn server_messages() -> Value {
    json!(SERVER_MESSAGES)
}

/// Every tool the business offers, as Vapi wants it defined. Without a server the assistant's own is asked.
pub fn tools(playbook: &Playbook, language: Language, wiring: Option<&Wiring>) -> Vec<Value> {
    let offered = tools::offered(playbook, language);
    offered.iter().map(|(tool, definition)| self::tool(tool.name(), definition, language, wiring)).collect()
}

fn tool(name: &str, definition: &tools::Definition, language: Language, wiring: Option<&Wiring>) -> Value {
    let mut tool = json!({
        "type": "function",
        "async": false,
        "function": {
            "name": name,
            "description": definition.description,
            "parameters": definition.parameters(),
        },
        "messages": [
            {
                "type": "request-response-delayed",
                "content": still_there(language),
                "timingMilliseconds": STILL_THERE_MS,
            },
            { "type": "request-failed", "content": failed(language) },
        ],
    });
    if let Some(wiring) = wiring {
        tool["server"] = wiring.server();
    }
    tool
}

const fn still_there(language: Language) -> &'static str {
    match language {
        Language::Fr => "Un petit instant, je vérifie.",
        Language::En => "One moment, I am checking.",
    }
}

const fn failed(language: Language) -> &'static str {
    match language {
        Language::Fr => "Je n'y arrive pas en ce moment; je prends votre message et on vous rappelle.",
        Language::En => "I cannot do that right now; I will take a message and somebody will call you back.",
    }
}

/// Where Vapi sends a caller when this server does not answer: the fallback, else where callers may be transferred. An
/// assistant, or words to speak, are no number to dial.
pub(super) fn fallback(playbook: &Playbook) -> Option<Value> {
    let fallback = match &playbook.fallback {
        Some(Fallback::Destination(to)) => Some(to),
        Some(Fallback::Error(_)) | None => None,
    };
    fallback.and_then(dialled).or_else(|| dialled(&playbook.transfer.as_ref()?.to))
}

fn dialled(to: &Destination) -> Option<Value> {
    match to {
        Destination::Number { number, .. } => Some(json!({ "type": "number", "number": number })),
        Destination::Sip { uri, .. } => Some(json!({ "type": "sip", "sipUri": uri })),
        Destination::Assistant { .. } => None,
    }
}
