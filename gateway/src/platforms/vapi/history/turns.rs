//! One conversation: the platform's own history, the model's format, or a transcript as text.

use std::time::Duration;

use engine::call::Role;
use engine::time::Timestamp;

use super::super::json::{Raw, clip, moment, number, objects, pick, short, text};
use super::super::{conversation, tool_calls};
use crate::audit::history::{Turn, What};

/// Most turns read of one call.
const MAX_TURNS: usize = 4_000;
const MAX_WORDS_BYTES: usize = 8 * 1024;
/// Tool calls the model made at once.
const MAX_BATCH: usize = 64;
const MAX_ID_BYTES: usize = 1024;

pub fn turns(list: Option<Raw<'_>>, start: Option<Timestamp>) -> Vec<Turn> {
    let mut turns = Vec::new();
    for message in objects(list, MAX_TURNS) {
        read_message(message, start, &mut turns);
    }
    turns
}

/// One message of a history: a line, tool calls, a tool's answer, or in the model's own format a line with tool calls.
fn read_message(raw: Raw<'_>, start: Option<Timestamp>, turns: &mut Vec<Turn>) {
    let [speaker, words, content, time, end, offset, calls, openai_calls] = pick(
        Some(raw),
        ["role", "message", "content", "time", "endTime", "secondsFromStart", "toolCalls", "tool_calls"],
    );
    let at = moment(time).or_else(|| seconds_after(start?, number(offset)?));
    let mut push = |what| turns.push(Turn { at, until: moment(end), what });
    let kind = text(speaker).unwrap_or_default();
    if matches!(kind.as_ref(), "tool_call_result" | "tool") {
        return push(answered(raw));
    }
    if let Some(role) = conversation::role(speaker)
        && let Some(text) = short(words.or(content), MAX_WORDS_BYTES)
    {
        push(What::Said { role, text });
    }
    let calls = objects(calls.or(openai_calls), MAX_BATCH);
    calls.into_iter().map(tool_calls::read_one).for_each(|call| push(What::Called(call)));
}

fn answered(raw: Raw<'_>) -> What {
    let [id, openai_id, name, result, content] =
        pick(Some(raw), ["toolCallId", "tool_call_id", "name", "result", "content"]);
    let answer = result.or(content);
    let text = text(answer).or_else(|| Some(answer?.get().into())).unwrap_or_default();
    What::Answered {
        call: short(id.or(openai_id), MAX_ID_BYTES).unwrap_or_default(),
        name: short(name, MAX_ID_BYTES).unwrap_or_default(),
        text: clip(text.trim(), MAX_WORDS_BYTES).into(),
    }
}

/// A transcript as text, `AI: …` and `User: …` by the line; a line without a name goes on with the last one.
pub fn spoken(transcript: &str) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    for line in transcript.lines().map(str::trim).filter(|line| !line.is_empty()).take(MAX_TURNS) {
        let named = line.split_once(':').and_then(|(name, words)| Some((speaker(name)?, words.trim())));
        match (named, turns.last_mut()) {
            (Some((role, words)), _) => turns.push(said(role, words.into())),
            (None, Some(Turn { what: What::Said { text, .. }, .. })) => *text = format!("{text} {line}").into(),
            (None, _) => {}
        }
    }
    turns
}

fn said(role: Role, text: Box<str>) -> Turn {
    Turn { at: None, until: None, what: What::Said { role, text } }
}

fn speaker(name: &str) -> Option<Role> {
    match name.trim().to_ascii_lowercase().as_str() {
        "user" | "customer" => Some(Role::Caller),
        "ai" | "bot" | "assistant" => Some(Role::Agent),
        _ => None,
    }
}

fn seconds_after(start: Timestamp, seconds: f64) -> Option<Timestamp> {
    Duration::try_from_secs_f64(seconds).ok().map(|offset| start.plus(offset))
}
