//! The agent's tool calls, in every shape they have been seen in.
//!
//! The list: `toolCallList`, its older twin `toolCalls`, the tools' definitions with a `toolCall` inside, or one
//! `functionCall`. A call: nested under `function`, or flat. Arguments: an object, or a string that holds one, under
//! `arguments` or `parameters`.

use engine::call::{EventKind, ToolCall};
use serde_json::{Map, Value};

use super::envelope::Envelope;
use super::json::{Raw, map, objects, pick, short, text};
use super::message::{Told, digest};
use crate::platforms::{Asks, ToolCallName};

/// Most calls of one message that are done. Those after them are answered with an error that can be spoken.
const MAX_CALLS: usize = 64;

/// Most calls of one message that are answered. No model makes a hundredth of them; an answer is some 200 bytes.
const MAX_ANSWERS: usize = 16 * 1024;

const MAX_NAME_BYTES: usize = 128;

/// Beyond this the arguments were not made by a model; the tool is called without any, and says what it misses.
const MAX_ARGUMENT_BYTES: usize = 64 * 1024;

pub fn asks(told: &Told) -> Asks {
    let calls = calls_in(told.message);
    if calls.is_empty() {
        return Asks::Nothing;
    }
    Asks::Record(
        calls.into_iter().map(|call| told.event(key(&call, &told.stamp), EventKind::ToolCalled(call))).collect(),
    )
}

/// A model's id is only as unique as the model makes it: another tool under the same id is another call.
fn key(call: &ToolCall, stamp: &str) -> String {
    if !call.id.is_empty() {
        return format!("tc:{}:{}", call.name, call.id);
    }
    let arguments = serde_json::to_string(&call.arguments).expect("a JSON map can be written");
    format!("fc:{}", digest(&[&call.name, &arguments, stamp]))
}

/// What each call is answered under. An id is as long as the body let it be.
pub fn names(message: &Envelope<'_>) -> Vec<ToolCallName> {
    found_in(message).iter().map(Found::name).collect()
}

fn calls_in(message: &Envelope<'_>) -> Vec<ToolCall> {
    found_in(message).iter().take(MAX_CALLS).map(Found::call).collect()
}

/// One call where it stands, and the tool's definition around it, if there is one: its other fields are the tool's
/// schema and its server's secrets.
struct Found<'a> {
    call: Raw<'a>,
    tool: Option<Raw<'a>>,
}

fn found_in<'a>(message: &Envelope<'a>) -> Vec<Found<'a>> {
    let plain = |calls: Vec<Raw<'a>>| calls.into_iter().map(|call| Found { call, tool: None }).collect::<Vec<_>>();
    for list in ["toolCallList", "toolCalls"] {
        let calls = objects(message.get(list), MAX_ANSWERS);
        if !calls.is_empty() {
            return plain(calls);
        }
    }
    let wrapped = objects(message.get("toolWithToolCallList"), MAX_ANSWERS);
    let wrapped: Vec<_> = wrapped.into_iter().filter_map(Found::inside).collect();
    if !wrapped.is_empty() {
        return wrapped;
    }
    plain(object(message.get("functionCall")).into_iter().collect())
}

/// One call on its own, in whichever of its shapes.
pub fn read_one(call: Raw<'_>) -> ToolCall {
    Found { call, tool: None }.call()
}

impl<'a> Found<'a> {
    fn inside(tool: Raw<'a>) -> Option<Found<'a>> {
        let [call] = pick(Some(tool), ["toolCall"]);
        Some(Found { call: object(call)?, tool: Some(tool) })
    }

    fn call(&self) -> ToolCall {
        let [id, arguments, parameters, function] =
            pick(Some(self.call), ["id", "arguments", "parameters", "function"]);
        let [inner_arguments, inner_parameters] = pick(function, ["arguments", "parameters"]);
        let candidates = [inner_arguments, arguments, parameters, inner_parameters];
        let objects = || candidates.into_iter().find_map(|candidate| map(candidate, MAX_ARGUMENT_BYTES));
        let words = || candidates.into_iter().find_map(bare_words);
        let arguments = objects().or_else(words).unwrap_or_default();
        ToolCall { id: id_text(id), name: self.tool_name(), arguments }
    }

    fn name(&self) -> ToolCallName {
        let [id] = pick(Some(self.call), ["id"]);
        ToolCallName { name: self.tool_name(), id: id.map(|id| id.get().into()) }
    }

    fn tool_name(&self) -> Box<str> {
        named(Some(self.call)).or_else(|| named(self.tool)).unwrap_or_default()
    }
}

/// A model that writes a sentence instead of arguments: one argument, `text`. JSON between fences is JSON.
fn bare_words(raw: Option<Raw<'_>>) -> Option<Map<String, Value>> {
    let words = text(raw.filter(|raw| raw.get().len() <= MAX_ARGUMENT_BYTES))?;
    let words = words.trim().trim_start_matches("```json").trim_matches('`').trim();
    if let Ok(arguments) = serde_json::from_str(words) {
        return Some(arguments);
    }
    let is_sentence = words.contains(char::is_alphabetic) && !words.starts_with(['{', '[', '"']);
    is_sentence.then(|| Map::from_iter([("text".to_owned(), Value::from(words))]))
}

/// Nested under `function`, or flat.
fn named(raw: Option<Raw<'_>>) -> Option<Box<str>> {
    let [name, function] = pick(raw, ["name", "function"]);
    let [inner_name] = pick(function, ["name"]);
    short(inner_name, MAX_NAME_BYTES).or_else(|| short(name, MAX_NAME_BYTES))
}

/// Ids are strings of the model's provider. A number is read as text; anything else as no id.
fn id_text(raw: Option<Raw<'_>>) -> Box<str> {
    let Some(raw) = raw else { return Box::default() };
    match text(Some(raw)) {
        Some(id) => id.into(),
        None if raw.get().starts_with(|c: char| c == '-' || c.is_ascii_digit()) => raw.get().into(),
        None => Box::default(),
    }
}

fn object(raw: Option<Raw<'_>>) -> Option<Raw<'_>> {
    raw.filter(|raw| raw.get().starts_with('{'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(message: &str) -> Vec<ToolCall> {
        let body = format!("{{\"message\":{message}}}");
        calls_in(&Envelope::read(&body).unwrap())
    }

    fn shown(calls: &[ToolCall]) -> String {
        let one = |c: &ToolCall| format!("{} {} {}", c.id, c.name, serde_json::to_string(&c.arguments).unwrap());
        calls.iter().map(one).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn every_shape_of_a_tool_call_is_the_same_call() {
        for message in [
            r#"{"toolCallList":[{"id":"t1","type":"function","function":{"name":"book","arguments":{"day":2}}}]}"#,
            r#"{"toolCallList":[{"id":"t1","function":{"name":"book","arguments":"{\"day\":2}"}}]}"#,
            r#"{"toolCallList":[{"id":"t1","function":{"name":"book","arguments":"\"{\\\"day\\\":2}\""}}]}"#,
            r#"{"toolCallList":[{"id":"t1","name":"book","arguments":{"day":2}}]}"#,
            r#"{"toolCallList":[{"id":"t1","name":"book","parameters":{"day":2}}]}"#,
            r#"{"toolCallList":[{"id":"t1","name":"book","parameters":"{\"day\": 2}"}]}"#,
            r#"{"toolCallList":[{"id":"t1","function":{"name":"book","parameters":{"day":2}}}]}"#,
            r#"{"toolCallList":[{"id":"t1","function":{"name":"book","arguments":null},"arguments":{"day":2}}]}"#,
            r#"{"toolCallList":[],"toolCalls":[{"id":"t1","function":{"name":"book","arguments":{"day":2}}}]}"#,
            r#"{"toolCallList":null,"toolCalls":"x","toolWithToolCallList":[{"type":"function","function":{"name":"book","parameters":{"type":"object"}},
                "toolCall":{"id":"t1","function":{"arguments":{"day":2}}}}]}"#,
            r#"{"toolWithToolCallList":[{"name":"book","server":{"secret":"s"},"toolCall":{"id":"t1","parameters":{"day":2}}},{"name":"idle"}]}"#,
            r#"{"functionCall":{"id":"t1","name":"book","parameters":"{\"day\":2}"}}"#,
            r#"{"toolCallList":[{"id":"t1","name":"book","arguments":"```json\n{\"day\":2}\n```"}]}"#,
        ] {
            assert_eq!(shown(&read(message)), r#"t1 book {"day":2}"#, "{message}");
        }
    }

    #[test]
    fn a_sentence_instead_of_arguments_is_one_of_them() {
        for (arguments, wanted) in [
            (r#""de l'eau partout""#, r#"{"text":"de l'eau partout"}"#),
            (r#""[1,2]""#, "{}"),
            (r#""42""#, "{}"),
            (r#""""#, "{}"),
            ("[1]", "{}"),
        ] {
            let message = format!(r#"{{"toolCallList":[{{"id":"t1","name":"book","arguments":{arguments}}}]}}"#);
            assert_eq!(shown(&read(&message)), format!("t1 book {wanted}"), "{message}");
        }
    }

    #[test]
    fn what_the_model_garbled_is_still_a_call() {
        for (call, expected) in [
            (r#"{}"#, r#"  {}"#),
            (r#"{"id":17,"name":"book","arguments":[1]}"#, r#"17 book {}"#),
            (r#"{"id":{"a":1},"name":["book"],"arguments":"{\"day\":"}"#, r#"  {}"#),
            (r#"{"id":" id kept ","name":"book","arguments":true}"#, r#" id kept  book {}"#),
            (r#"{"id":"a","name":"book","arguments":{"note":"cut \ud83d"}}"#, "a book {\"note\":\"cut \u{fffd}\"}"),
            (
                r#"{"id":"a","name":"book","arguments":"{\"note\":\"cut \\ud83d\"}"}"#,
                "a book {\"note\":\"cut \u{fffd}\"}",
            ),
        ] {
            assert_eq!(shown(&read(&format!(r#"{{"toolCallList":[{call}]}}"#))), expected, "{call}");
        }
    }

    #[test]
    fn a_batch_keeps_its_order_and_has_an_end() {
        let calls: Vec<String> = (0..70).map(|n| format!(r#"{{"id":"t{n}","name":"book"}}"#)).collect();
        let read = read(&format!(r#"{{"toolCallList":[null,7,{}]}}"#, calls.join(",")));
        assert_eq!(read.len(), MAX_CALLS);
        assert!(read.iter().enumerate().all(|(n, call)| *call.id == *format!("t{n}")));
    }

    #[test]
    fn arguments_no_model_would_write_are_dropped() {
        let long = "x".repeat(MAX_ARGUMENT_BYTES);
        let calls =
            read(&format!(r#"{{"toolCallList":[{{"id":"a","name":"book","arguments":{{"note":"{long}"}}}}]}}"#));
        assert_eq!(shown(&calls), "a book {}");
    }

    #[test]
    fn a_call_without_an_id_is_known_by_what_it_asks() {
        let call = |day: u8| ToolCall {
            id: Box::default(),
            name: "book".into(),
            arguments: [("day".to_owned(), day.into())].into_iter().collect(),
        };
        assert_eq!(key(&call(1), "10"), key(&call(1), "10"));
        assert_ne!(key(&call(1), "10"), key(&call(2), "10"));
        assert_ne!(key(&call(1), "10"), key(&call(1), "11"));
    }
}
