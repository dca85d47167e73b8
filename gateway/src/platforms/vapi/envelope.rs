//! The message of a webhook as borrowed slices: found, not read.
//!
//! A body is 40 KB to 1.5 MB, grows with the call, and nearly all of it is the artifact and the assistant. They are
//! skipped where they stand, in the one pass that also finds out whether the body is JSON at all. The list of keys is
//! everything this adapter ever looks at; no secret is reachable from it except through `call`, `phoneNumber`,
//! `assistant` and the wrapped tool calls, of which only named fields are read.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::error::Category;

use super::json::{KeyIn, Picking, Raw};
use crate::platforms::BadBody;

const KEYS: [&str; 43] = [
    "type",
    "timestamp",
    "call",
    "assistant",
    "phoneNumber",
    "customer",
    "artifact",
    "analysis",
    "status",
    "endedReason",
    "inboundPhoneCallDebuggingArtifacts",
    "startedAt",
    "endedAt",
    "durationMs",
    "durationSeconds",
    "durationMinutes",
    "cost",
    "costBreakdown",
    "summary",
    "successEvaluation",
    "recordingUrl",
    "stereoRecordingUrl",
    "transcript",
    "transcriptType",
    "role",
    "text",
    "input",
    "turnId",
    "language",
    "newAssistant",
    "destination",
    "fromAssistant",
    "toAssistant",
    "request",
    "artifacts",
    "parameters",
    "messages",
    "conversation",
    "messagesOpenAIFormatted",
    "toolCallList",
    "toolCalls",
    "toolWithToolCallList",
    "functionCall",
];

/// The values of a message, by key. Borrows from the body.
pub struct Envelope<'a>([Option<Raw<'a>>; KEYS.len()]);

impl<'a> Envelope<'a> {
    /// Finds the message in a body. Errors say where the body stops being JSON, never what stands there.
    pub fn read(body: &'a str) -> Result<Envelope<'a>, BadBody> {
        let mut json = serde_json::Deserializer::from_str(body);
        let message = Root.deserialize(&mut json).and_then(|message| json.end().map(|()| message));
        match message {
            Ok(message) => message.map(Envelope).ok_or(BadBody::NoMessage),
            Err(error) if error.classify() == Category::Data => Err(BadBody::NoMessage),
            Err(error) => Err(BadBody::NotJson(format!("line {} column {}", error.line(), error.column()))),
        }
    }

    /// The value of a key of the list; `None` when it is missing or `null`.
    pub fn get(&self, key: &str) -> Option<Raw<'a>> {
        let at = KEYS.iter().position(|known| *known == key);
        debug_assert!(at.is_some(), "{key} is not in the list");
        self.0[at?]
    }
}

/// The outermost object, of which only `message` matters.
struct Root;

impl<'de> DeserializeSeed<'de> for Root {
    type Value = Option<[Option<Raw<'de>>; KEYS.len()]>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Root {
    type Value = Option<[Option<Raw<'de>>; KEYS.len()]>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut message = None;
        while let Some(found) = map.next_key_seed(KeyIn(&["message"]))? {
            match found {
                Some(_) => message = Some(map.next_value_seed(Picking(&KEYS))?),
                None => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(body: &str) -> BadBody {
        Envelope::read(body).err().expect("a bad body")
    }

    #[test]
    fn what_is_no_message_is_told_apart_from_what_is_no_json() {
        for body in
            ["{}", "[]", "7", "null", r#""text""#, r#"{"message":null}"#, r#"{"message":[]}"#, r#"{"massage":{}}"#]
        {
            assert_eq!(refusal(body), BadBody::NoMessage, "{body}");
        }
        for body in ["", "   ", "{", r#"{"message":{}"#, r#"{"message":{}} x"#, r#"{"message":{},}"#, "{'message':{}}"]
        {
            assert!(matches!(refusal(body), BadBody::NotJson(_)), "{body}");
        }
    }

    #[test]
    fn an_error_says_where_and_never_what() {
        let refusal = refusal("{\"message\":\n{\"secret\":\"canary\" \"x\"}}");
        assert_eq!(refusal.to_string(), "the body is not JSON: line 2 column 20");
    }

    #[test]
    fn the_last_of_several_equal_keys_wins_and_null_is_missing() {
        let body = r#"{"message":{"type":1},"message":{"type":2,"\u0074ype":3,"role":"x","role":null,"\ud800":[]}}"#;
        let message = Envelope::read(body).unwrap();
        assert_eq!(message.get("type").map(|raw| raw.get()), Some("3"));
        assert!(message.get("role").is_none());
    }
}
