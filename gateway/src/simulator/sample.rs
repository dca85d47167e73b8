//! One message out of the middle of a call, as if the call had come so far just now.

use std::time::Duration;

use engine::priority::Priority;
use engine::time::Timestamp;
use serde_json::Value;

use super::bodies::{Message, SimulatedCall};
use super::dialogues;
use super::script::Subscription;

/// What there are samples of: types of message, and the statuses of a status-update.
pub const SAMPLES: [&str; 11] = [
    "assistant-request",
    "status-update",
    "ringing",
    "in-progress",
    "ended",
    "assistant.started",
    "speech-update",
    "transcript",
    "conversation-update",
    "tool-calls",
    "end-of-call-report",
];

/// What a sample is picked by: the message's type, and a field of the message that must have a value.
type Pick = (&'static str, Option<(&'static str, &'static str)>);

fn picks(name: &str) -> Option<Pick> {
    let status = |status| ("status-update", Some(("/message/status", status)));
    Some(match name {
        "ringing" => status("ringing"),
        "in-progress" => status("in-progress"),
        "ended" => status("ended"),
        "transcript" => ("transcript", Some(("/message/transcriptType", "final"))),
        // The agent classifies first; the alert is what one wants to see.
        "tool-calls" => ("tool-calls", Some(("/message/toolCallList/0/function/name", "sendSMSAlert"))),
        kind => (SAMPLES.into_iter().find(|known| *known == kind)?, None),
    })
}

/// The first message of this name in a call; `None` if there are no such samples. The same seed makes the same call.
pub fn sample(name: &str, priority: Priority, now: Timestamp, seed: u64) -> Option<Message> {
    let pick = picks(name)?;
    let now_ms = u64::try_from(now.as_millis()).ok()?;
    let begun = |ago: Duration| {
        let epoch_ms = now_ms.saturating_sub(u64::try_from(ago.as_millis()).unwrap_or(u64::MAX));
        let call = || SimulatedCall::new(dialogues::of_priority(priority), Subscription::All, seed, epoch_ms);
        first(pick, call(), epoch_ms).or_else(|| first((pick.0, None), call(), epoch_ms))
    };
    let (_, so_far) = begun(Duration::ZERO)?;
    begun(so_far).map(|(message, _)| message)
}

/// Also how long after its beginning the call says it.
fn first((kind, field): Pick, mut call: SimulatedCall, epoch_ms: u64) -> Option<(Message, Duration)> {
    let mut elapsed = Duration::ZERO;
    loop {
        elapsed += call.pause()?;
        let message = call.advance(epoch_ms + u64::try_from(elapsed.as_millis()).ok()?)?;
        if message.kind == kind && field.is_none_or(|(path, value)| has(&message.body, path, value)) {
            return Some((message, elapsed));
        }
    }
}

fn has(body: &[u8], path: &str, value: &str) -> bool {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    body.pointer(path).is_some_and(|field| field == value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_is_of_its_type_and_said_now() {
        let now = Timestamp::from_millis(1_790_000_000_000);
        for kind in SAMPLES {
            let message = sample(kind, Priority::P2, now, 3).unwrap();
            let body: Value = serde_json::from_slice(&message.body).unwrap();
            let fits = [&body["message"]["type"], &body["message"]["status"]].into_iter().any(|field| field == kind);
            assert!(fits, "{kind}");
            assert_eq!(body["message"]["timestamp"], now.as_millis(), "{kind}");
        }
        assert!(sample("unheard-of", Priority::P2, now, 3).is_none());
    }
}
