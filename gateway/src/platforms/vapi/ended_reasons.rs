//! Why a call ended: Vapi's open text, sorted into groups, and whose fault it was.
//!
//! The list of reasons is open: it had 595 values in 2026-08 and grows with every vendor Vapi adds. So the names that
//! follow no pattern are listed, the rest goes by rule, and a name nobody has seen yet still lands in a sensible group.

use engine::call::{EndedReason, Fault};

use super::json::clip;

/// Longest reason that is kept, in bytes.
const MAX_BYTES: usize = 256;

pub fn ended(reason: &str) -> EndedReason {
    let reason = clip(reason.trim(), MAX_BYTES);
    let (group, fault) = classify(reason);
    EndedReason { reason: if reason.is_empty() { "unknown" } else { reason }.into(), group: group.into(), fault }
}

/// The group of a reason, from a closed list, and whose fault the ending was.
pub fn classify(reason: &str) -> (&'static str, Fault) {
    let group = RULES
        .iter()
        .find(|(test, _)| test.holds(reason))
        .map(|(_, group)| *group)
        .or_else(|| component(reason))
        .unwrap_or_else(|| by_marker(reason));
    (group, fault(reason, group))
}

enum Test {
    Is(&'static str),
    Starts(&'static str),
    Ends(&'static str),
    Has(&'static str),
}

impl Test {
    fn holds(&self, reason: &str) -> bool {
        match *self {
            Is(name) => reason == name,
            Starts(prefix) => reason.starts_with(prefix),
            Ends(suffix) => reason.ends_with(suffix),
            Has(part) => reason.contains(part),
        }
    }
}

use Test::{Ends, Has, Is, Starts};

/// The first that holds decides.
const RULES: [(Test, &str); 62] = [
    // How calls end when nothing is wrong.
    (Is("voicemail"), "voicemail"),
    (Is("customer-busy"), "busy"),
    (Is("customer-did-not-answer"), "no-answer"),
    (Is("silence-timed-out"), "timeout.silence"),
    (Is("exceeded-max-duration"), "timeout.max-duration"),
    (Is("manually-canceled"), "completed.operator"),
    (Is("call-deleted"), "completed.operator"),
    (Is("scheduled-call-deleted"), "completed.operator"),
    (Has("hook-executed"), "completed.hook"),
    (Is("assistant-forwarded-call"), "transferred"),
    (Is("assistant-request-returned-forwarding-phone-number"), "transferred"),
    // Transfers before their lookalikes: `customer-ended-call-during-transfer`.
    (Has("transfer"), "transfer.failed"),
    (Starts("call.forwarding."), "transfer.failed"),
    (Starts("assistant-ended-call"), "completed.assistant"),
    (Starts("assistant-said-"), "completed.assistant"),
    (Starts("customer-ended-call"), "completed.customer"),
    (Ends("-completed-call"), "completed.customer"),
    (Is("vonage-completed"), "completed.customer"),
    (Is("vonage-disconnected"), "completed.customer"),
    // Our server's answer to an assistant-request was missing or refused.
    (Starts("assistant-request-"), "server.assistant-request"),
    (Starts("call-start-error-neither-assistant-nor-server"), "server.assistant-request"),
    // The tenant's account.
    (Has("start.error-subscription-"), "account"),
    (Has("start.error-vapi-number-"), "account"),
    (Has("start.error-fraud-"), "account"),
    (Has("start.error-enterprise-"), "account"),
    (Ends("get-subscription"), "account"),
    // The tenant's configuration.
    (Starts("assistant-not-"), "config.invalid"),
    (Starts("call.start.assistant-version-"), "config.invalid"),
    (Has("error-pipeline-no-available-"), "config.invalid"),
    (Has("error-pipeline-ws-model-"), "config.invalid"),
    (Starts("call.start.error-vapifault-"), "platform.internal"),
    (Starts("call.start.error-providerfault-"), "provider"),
    (Starts("call.start.error-"), "config.invalid"),
    // Telephone lines: the SIP answers that mean busy and no answer, and all others.
    (Has("outbound-sip-408-"), "no-answer"),
    (Has("outbound-sip-480-"), "no-answer"),
    (Has("outbound-sip-486-"), "busy"),
    (Has("outbound-sip-600-"), "busy"),
    (Has("outbound-sip-"), "not-connected"),
    (Has("failed-to-connect"), "not-connected"),
    (Has("before-call-connect"), "not-connected"),
    (Has("-misdialed"), "not-connected"),
    (Has("bypass-enabled-but-no-call"), "not-connected"),
    (Has("did-not-receive-customer-audio"), "not-connected"),
    (Has("did-not-give-microphone"), "not-connected"),
    (Is("assistant-join-timed-out"), "not-connected"),
    (Is("vonage-rejected"), "not-connected"),
    // Between the line and the agent.
    (Starts("worker-"), "platform.transport"),
    (Has("fault-worker-"), "platform.transport"),
    (Has("fault-transport-"), "platform.transport"),
    (Has("connection-to-transport"), "platform.transport"),
    (Has("fault-chat-pipeline-"), "platform.transport"),
    (Starts("phone-call-provider-closed-"), "platform.transport"),
    // The agent's parts. A vendor that does two things says which: `eleven-labs-transcriber-failed`.
    (Has("-transcriber-"), "provider.transcriber"),
    (Has("-returning-"), "provider.transcriber"),
    (Has("-voice-failed"), "provider.voice"),
    (Has("-voice-request-"), "provider.voice"),
    (Has("-video-failed"), "provider.voice"),
    (Ends("-llm-failed"), "provider.llm"),
    (Ends("-voice-not-found"), "provider.voice"),
    (Has("bad-request-validation-failed"), "provider.llm"),
    (Has("model-access-denied"), "provider.llm"),
    (Has("server-overloaded"), "provider.llm"),
];

/// What stands before the vendor's name in an error of one of the agent's parts.
const MARKERS: [&str; 3] = ["pipeline-error-", "error-vapifault-", "error-providerfault-"];

/// Vendors that only ever speak, in errors that do not say so. Vendors of the other parts are told by [`RULES`].
const VOICES: [&str; 3] = ["cartesia-", "eleven-labs-", "playht-"];

/// Vendors of language models, in errors that are only an HTTP status.
const MODELS: [&str; 20] = [
    "anthropic-",
    "anyscale-",
    "azure-openai-",
    "baseten-",
    "cerebras-",
    "custom-llm-",
    "deep-seek-",
    "deepinfra-",
    "google-",
    "groq-",
    "inflection-ai-",
    "minimax-",
    "mistral-",
    "openai-",
    "openrouter-",
    "perplexity-ai-",
    "runpod-",
    "together-ai-",
    "vapi-",
    "xai-",
];

/// The part of the agent whose vendor a reason names.
fn component(reason: &str) -> Option<&'static str> {
    let vendor = MARKERS.iter().find_map(|marker| reason.split_once(marker).map(|(_, vendor)| vendor))?;
    if VOICES.iter().any(|name| vendor.starts_with(name)) {
        return Some("provider.voice");
    }
    let status = MODELS.iter().find_map(|name| vendor.strip_prefix(name))?;
    has_http_status(status).then_some("provider.llm")
}

/// Whether one of the words is a number such as 429: `bedrock-503-server-overloaded-error`.
fn has_http_status(text: &str) -> bool {
    text.split('-').any(|word| word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A reason nobody has seen yet.
fn by_marker(reason: &str) -> &'static str {
    if reason.contains("vapifault") {
        "platform.internal"
    } else if reason.contains("providerfault") || reason.starts_with("pipeline-error-") {
        "provider"
    } else {
        "unknown"
    }
}

fn fault(reason: &str, group: &str) -> Fault {
    if reason.contains("vapifault") {
        return Fault::Platform;
    }
    if reason.contains("providerfault") {
        return Fault::Provider;
    }
    let (family, _) = group.split_once('.').unwrap_or((group, ""));
    match family {
        "server" => Fault::Server,
        "account" | "config" => Fault::Account,
        "platform" => Fault::Platform,
        "provider" => Fault::Provider,
        "not-connected" | "transfer" if reason.contains("error") || reason.contains("failed") => Fault::Unknown,
        "unknown" => Fault::Unknown,
        _ => Fault::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_sorted_by_name_by_rule_and_by_marker() {
        for (reason, group, fault) in [
            ("customer-ended-call", "completed.customer", Fault::None),
            ("customer-ended-call-during-transfer", "transfer.failed", Fault::None),
            ("assistant-forwarded-call", "transferred", Fault::None),
            ("call.ringing.hook-executed-transfer", "completed.hook", Fault::None),
            ("call.in-progress.error-transfer-failed", "transfer.failed", Fault::Unknown),
            ("assistant-request-failed", "server.assistant-request", Fault::Server),
            ("call.start.error-subscription-frozen", "account", Fault::Account),
            ("call.start.error-vapifault-get-subscription", "account", Fault::Platform),
            ("call.start.error-vapifault-get-org", "platform.internal", Fault::Platform),
            ("call.start.error-get-assistant", "config.invalid", Fault::Account),
            (
                "call.in-progress.error-providerfault-outbound-sip-480-temporarily-unavailable",
                "no-answer",
                Fault::Provider,
            ),
            ("twilio-reported-customer-misdialed", "not-connected", Fault::None),
            ("call.in-progress.error-vapifault-worker-died", "platform.transport", Fault::Platform),
            ("pipeline-error-deepgram-voice-failed", "provider.voice", Fault::Provider),
            ("pipeline-error-deepgram-returning-404-not-found", "provider.transcriber", Fault::Provider),
            ("call.in-progress.error-vapifault-cartesia-transcriber-failed", "provider.transcriber", Fault::Platform),
            ("call.in-progress.error-vapifault-cartesia-requested-payment", "provider.voice", Fault::Platform),
            ("pipeline-error-openai-401-incorrect-api-key", "provider.llm", Fault::Provider),
            ("call.in-progress.error-providerfault-anthropic-vertex-500-server-error", "provider.llm", Fault::Provider),
        ] {
            assert_eq!(classify(reason), (group, fault), "{reason}");
        }
    }

    #[test]
    fn a_reason_nobody_has_seen_lands_where_its_words_say() {
        for (reason, group, fault) in [
            ("call.in-progress.error-vapifault-teapot", "platform.internal", Fault::Platform),
            ("call.in-progress.error-providerfault-teapot", "provider", Fault::Provider),
            ("pipeline-error-teapot-boiled-over", "provider", Fault::Provider),
            ("pipeline-error-teapot-voice-failed", "provider.voice", Fault::Provider),
            ("call.in-progress.error-vapifault-teapot-llm-failed", "provider.llm", Fault::Platform),
            ("call.start.error-subscription-teapot", "account", Fault::Account),
            ("call.start.error-teapot", "config.invalid", Fault::Account),
            ("call.in-progress.error-warm-transfer-teapot", "transfer.failed", Fault::Unknown),
            ("call.in-progress.error-providerfault-outbound-sip-486-busy-here", "busy", Fault::Provider),
            ("teapot", "unknown", Fault::Unknown),
            ("", "unknown", Fault::Unknown),
        ] {
            assert_eq!(classify(reason), (group, fault), "{reason}");
        }
        assert_eq!(ended("  ").reason.as_ref(), "unknown");
        assert_eq!(ended(&"x".repeat(900)).reason.len(), MAX_BYTES);
    }
}
