//! Lines of conversation: who said them, and the last one of a conversation that grows with the call.

use std::borrow::Cow;

use engine::call::Role;

use super::envelope::Envelope;
use super::json::{Raw, last_elements, pick, text};

/// How far back a line is looked for: tool calls, their results and system notes stand between lines.
const LOOK_BACK: usize = 32;

pub fn role(raw: Option<Raw<'_>>) -> Option<Role> {
    match text(raw)?.as_ref() {
        "user" | "customer" => Some(Role::Caller),
        "assistant" | "bot" => Some(Role::Agent),
        _ => None,
    }
}

/// The last thing caller or agent said. The history arrives in three shapes at the message's root, or in the artifact.
pub fn last_line<'a>(message: &Envelope<'a>) -> Option<(Role, Cow<'a, str>)> {
    ["messagesOpenAIFormatted", "conversation", "messages"].iter().find_map(|key| last_in(message.get(key))).or_else(
        || {
            let [formatted, plain] = pick(message.get("artifact"), ["messagesOpenAIFormatted", "messages"]);
            last_in(formatted).or_else(|| last_in(plain))
        },
    )
}

fn last_in(history: Option<Raw<'_>>) -> Option<(Role, Cow<'_, str>)> {
    last_elements(history, LOOK_BACK).into_iter().rev().find_map(line)
}

fn line(element: Raw<'_>) -> Option<(Role, Cow<'_, str>)> {
    let [speaker, content, message] = pick(Some(element), ["role", "content", "message"]);
    let words = text(content).or_else(|| last_part(content)).or_else(|| text(message))?;
    (!words.trim().is_empty()).then_some((role(speaker)?, words))
}

/// Content in parts, `[{"type":"text","text":"…"}]`: the last text of it.
fn last_part(content: Option<Raw<'_>>) -> Option<Cow<'_, str>> {
    last_elements(content, LOOK_BACK).into_iter().rev().find_map(|part| {
        let [words] = pick(Some(part), ["text"]);
        text(words)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_what_somebody_said_last() {
        for (message, expected) in [
            (
                r#"{"messagesOpenAIFormatted":[{"role":"assistant","content":"Hi"},{"role":"user","content":"Yes"}]}"#,
                "user: Yes",
            ),
            (
                r#"{"conversation":[{"role":"user","content":"Yes"},{"role":"assistant","content":"","tool_calls":[]},{"role":"tool","content":"ok"}]}"#,
                "user: Yes",
            ),
            (r#"{"messages":[{"role":"bot","message":"Hello"},{"role":"system","message":"x"}]}"#, "agent: Hello"),
            (
                r#"{"messages":[null,7,{"role":"user","content":[{"type":"text","text":"In parts"}]},"x"]}"#,
                "user: In parts",
            ),
            (
                r#"{"messagesOpenAIFormatted":[],"artifact":{"messages":[{"role":"bot","message":"Kept"}]}}"#,
                "agent: Kept",
            ),
            (r#"{"conversation":{"role":"user","content":"no list"}}"#, "nothing"),
            (r#"{"conversation":[{"role":"user","content":null}]}"#, "nothing"),
        ] {
            let body = format!("{{\"message\":{message}}}");
            let got = match last_line(&Envelope::read(&body).unwrap()) {
                Some((Role::Caller, words)) => format!("user: {words}"),
                Some((Role::Agent, words)) => format!("agent: {words}"),
                None => "nothing".to_owned(),
            };
            assert_eq!(got, expected, "{message}");
        }
    }
}
