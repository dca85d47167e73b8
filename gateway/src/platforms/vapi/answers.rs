//! Our answers, as Vapi wants them: always HTTP 200, results as single-line strings, ids untouched.
//!
//! A result that is no string, breaks a line or names another id is reported as "No result returned", and the agent goes
//! on without it; so these types leave no way to write one.

use std::borrow::Cow;

use bytes::Bytes;
use engine::call::{Answer, EventKind, ToolAnswer};
use engine::playbook::{Destination, Language, Playbook, Reception};
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::setup::tools;
use crate::platforms::{Asks, Delivery, Question, Rendered, ToolCallName};

/// Seconds of silence after which the caller has finished speaking; what Vapi itself recommends.
const ENDPOINTING_TIMEOUT_S: f64 = 0.5;

const NO_DESTINATION: &str = "No destination is available right now.";

/// The answers to recorded events, in their order.
pub fn render(delivery: &Delivery, answers: &[Answer], language: Language) -> Rendered {
    let Asks::Record(events) = &delivery.asks else { return nothing() };
    match events.first().map(|event| &event.kind) {
        // A call beyond those that are done at once has no answer: nothing was done, and the agent can say so.
        Some(EventKind::ToolCalled(_)) => tool_results(delivery, |at| match answers.get(at) {
            Some(Answer::Tool(answer)) => answer.clone(),
            _ => ToolAnswer::Error(sorry(language).into()),
        }),
        Some(EventKind::TransferAsked) => json_body(&transfer(destination(answers))),
        Some(EventKind::HandoffAsked) => json_body(&handoff(destination(answers))),
        _ => nothing(),
    }
}

/// What a live call is told when nothing could be done. Nothing has happened, and the agent can say so.
pub fn apology(delivery: &Delivery, language: Language) -> Rendered {
    spoken(delivery, sorry(language))
}

/// What a live call is told when it is not known what was done: another server was asked, and did not answer.
pub fn unconfirmed(delivery: &Delivery, language: Language) -> Rendered {
    spoken(delivery, not_confirmed(language))
}

/// What is told by a server that only watches and whose answers nobody should be hearing.
pub fn watching(delivery: &Delivery, language: Language) -> Rendered {
    spoken(delivery, only_watching(language))
}

/// This sentence to whoever waits for one; nothing to a fact.
fn spoken(delivery: &Delivery, sentence: &'static str) -> Rendered {
    if !delivery.tool_calls.is_empty() {
        return tool_results(delivery, |_| ToolAnswer::Error(sentence.into()));
    }
    let Asks::Record(events) = &delivery.asks else { return nothing() };
    match events.first().map(|event| &event.kind) {
        Some(EventKind::TransferAsked | EventKind::HandoffAsked) => json_body(&json!({ "error": sentence })),
        _ => nothing(),
    }
}

/// The answer to a question, from configuration alone.
pub fn answer(_delivery: &Delivery, question: &Question, playbook: &Playbook) -> Rendered {
    match question {
        Question::Reception => json_body(&reception(playbook)),
        Question::Knowledge => json_body(&json!({ "documents": [] })),
        Question::Endpointing => json_body(&json!({ "timeoutSeconds": ENDPOINTING_TIMEOUT_S })),
        Question::Predial => json_body(&json!({ "eligible": true })),
        Question::Voice => Rendered { content_type: "application/octet-stream", body: Bytes::new() },
    }
}

/// Spoken by the agent as the tool's result.
fn sorry(language: Language) -> &'static str {
    match language {
        Language::Fr => {
            "Je n'arrive pas à traiter cette demande en ce moment, rien n'a été fait. Réessayons dans un instant."
        }
        Language::En => "I cannot handle this request right now and nothing was done. Let us try again in a moment.",
    }
}

const fn not_confirmed(language: Language) -> &'static str {
    match language {
        Language::Fr => {
            "Je n'ai pas pu confirmer que c'est fait, mais c'est possible: ne recommençons pas, je prends plutôt un message."
        }
        Language::En => {
            "I could not confirm that this was done, though it may have been: do not repeat it, take a message instead."
        }
    }
}

const fn only_watching(language: Language) -> &'static str {
    match language {
        Language::Fr => "Rien n'a été fait: ce serveur observe seulement.",
        Language::En => "Nothing was done: this server only watches.",
    }
}

#[derive(Serialize)]
struct Results<'a> {
    results: Vec<ToolResult<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ToolResult<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a RawValue>,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Result(String),
    Error(String),
}

fn tool_results(delivery: &Delivery, said: impl Fn(usize) -> ToolAnswer) -> Rendered {
    if delivery.kind == "function-call" {
        let (ToolAnswer::Result(text) | ToolAnswer::Error(text)) = said(0);
        return json_body(&json!({ "result": one_line(&text) }));
    }
    let result = |(at, call)| tool_result(call, &said(at));
    json_body(&Results { results: delivery.tool_calls.iter().enumerate().map(result).collect() })
}

fn tool_result<'a>(call: &'a ToolCallName, answer: &ToolAnswer) -> ToolResult<'a> {
    let id = call.id.as_deref().map(|id| serde_json::from_str(id).expect("it was a value of the body's JSON"));
    ToolResult { name: &call.name, tool_call_id: id, outcome: outcome(answer) }
}

fn outcome(answer: &ToolAnswer) -> Outcome {
    match answer {
        ToolAnswer::Result(text) => Outcome::Result(one_line(text).into_owned()),
        ToolAnswer::Error(text) => Outcome::Error(one_line(text).into_owned()),
    }
}

/// Vapi cannot read a result that breaks the line.
fn one_line(text: &str) -> Cow<'_, str> {
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    if !text.contains(breaks) {
        return Cow::Borrowed(text);
    }
    let pieces: Vec<&str> = text.split(breaks).map(str::trim).filter(|piece| !piece.is_empty()).collect();
    Cow::Owned(pieces.join(" "))
}

fn destination(answers: &[Answer]) -> Option<&Destination> {
    match answers.first() {
        Some(Answer::Transfer(destination) | Answer::Handoff(destination)) => destination.as_ref(),
        _ => None,
    }
}

fn transfer(destination: Option<&Destination>) -> serde_json::Value {
    let (target, message) = match destination {
        Some(Destination::Number { number, message }) => (json!({ "type": "number", "number": number }), message),
        Some(Destination::Sip { uri, message }) => (json!({ "type": "sip", "sipUri": uri }), message),
        Some(Destination::Assistant { assistant, message }) => {
            (json!({ "type": "assistant", "assistantName": assistant }), message)
        }
        None => return json!({ "error": NO_DESTINATION }),
    };
    let mut answer = json!({ "destination": target });
    if let Some(content) = message {
        answer["message"] = json!({ "type": "request-start", "content": one_line(content) });
    }
    answer
}

/// Only an assistant can take over a conversation; a number is for transfers.
fn handoff(destination: Option<&Destination>) -> serde_json::Value {
    match destination {
        Some(Destination::Assistant { assistant, .. }) => {
            json!({ "destination": { "type": "assistant", "assistantId": assistant } })
        }
        _ => json!({ "error": NO_DESTINATION }),
    }
}

/// Who answers. Vapi reads an error before a destination, and a destination before an assistant: we send only one.
fn reception(playbook: &Playbook) -> serde_json::Value {
    match &playbook.reception {
        Reception::Assistant { id, overrides: None } => json!({ "assistantId": id }),
        Reception::Assistant { id, overrides: Some(overrides) } => {
            json!({ "assistantId": id, "assistantOverrides": overrides })
        }
        Reception::Transient(assistant) => json!({ "assistant": with_tools(assistant, playbook) }),
        Reception::Destination(destination) => forward(destination),
        Reception::Error(spoken) => json!({ "error": one_line(spoken) }),
    }
}

/// An assistant that lists no tools of its own is offered every tool of the business, answered where the call came from.
fn with_tools(assistant: &serde_json::Value, playbook: &Playbook) -> serde_json::Value {
    let mut assistant = assistant.clone();
    if let Some(model) = assistant.get_mut("model").and_then(serde_json::Value::as_object_mut) {
        model.entry("tools").or_insert_with(|| tools(playbook, playbook.language, None).into());
    }
    assistant
}

/// A call forwarded before any agent spoke: here the message is part of the destination.
fn forward(destination: &Destination) -> serde_json::Value {
    let (mut target, message) = match destination {
        Destination::Number { number, message } => (json!({ "type": "number", "number": number }), message),
        Destination::Sip { uri, message } => (json!({ "type": "sip", "sipUri": uri }), message),
        Destination::Assistant { assistant, .. } => return json!({ "assistantId": assistant }),
    };
    if let Some(message) = message {
        target["message"] = json!(one_line(message));
    }
    json!({ "destination": target })
}

fn nothing() -> Rendered {
    Rendered { content_type: "application/json", body: Bytes::from_static(b"{}") }
}

fn json_body(value: &impl Serialize) -> Rendered {
    let body = serde_json::to_vec(value).expect("our answers have text keys and can be written as JSON");
    Rendered { content_type: "application/json", body: body.into() }
}

#[cfg(test)]
mod tests;
