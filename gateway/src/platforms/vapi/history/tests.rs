//! What becomes of every shape a past call has been seen in.

use super::*;

/// Each turn of the only call: `+seconds who: words`.
fn read(pieces: &[&str]) -> (PastCall, Vec<String>) {
    let mut histories = Histories::default();
    for piece in pieces {
        assert!(histories.add(serde_json::from_str(piece).unwrap()), "{piece}");
    }
    let call = histories.finish().pop().unwrap();
    let shown = (0..call.turns.len()).map(|place| shown(&call, place)).collect();
    (call, shown)
}

fn shown(call: &PastCall, place: usize) -> String {
    let at = call.second_of(place).map_or("-".to_owned(), |seconds| seconds.to_string());
    match &call.turns[place].what {
        What::Said { role, text } => format!("+{at} {role:?}: {text}"),
        What::Called(call) => format!("+{at} {} {}", call.name, serde_json::to_string(&call.arguments).unwrap()),
        What::Answered { call, text, .. } => format!("+{at} {call} = {text}"),
    }
}

const HISTORY: &str = r#"[null,7,{"role":"system","message":"x","time":1788000000000},
    {"role":"bot","message":"Hi","time":1788000001000,"endTime":1788000002000},
    {"role":"user","message":"Help","time":1788000003000},{"role":"narrator","message":"x"},
    {"role":"tool_calls","time":1788000004000,"toolCalls":[{"id":"t1","function":{"name":"book","arguments":"{\"day\":2}"}}]},
    {"role":"tool_call_result","toolCallId":"t1","name":"book","result":{"ok":true},"time":1788000005000}]"#;
const TURNS: [&str; 4] = ["+0 Agent: Hi", "+2 Caller: Help", r#"+3 book {"day":2}"#, r#"+4 t1 = {"ok":true}"#];

#[test]
fn a_call_of_the_api_and_its_report_tell_the_same_conversation() {
    for piece in [
        format!(r#"{{"id":"c","orgId":"o","artifact":{{"messages":{HISTORY}}}}}"#),
        format!(r#"{{"id":"c","createdAt":"2026-08-29T10:00:00Z","artifact":null,"messages":{HISTORY}}}"#),
        format!(
            r#"{{"message":{{"type":"end-of-call-report","call":{{"id":"c"}},"artifact":{{"messages":{HISTORY}}}}}}}"#
        ),
        format!(r#"{{"message":{{"type":"conversation-update","call":{{"id":"c"}},"messages":{HISTORY}}}}}"#),
    ] {
        assert_eq!(read(&[&piece]).1, TURNS, "{piece}");
    }
}

#[test]
fn without_a_history_the_models_own_format_or_the_transcript_is_read() {
    let formatted = r#"[{"role":"assistant","content":"Hi"},{"role":"user","content":"Help"},
        {"role":"assistant","content":"","tool_calls":[{"id":"t1","function":{"name":"book","arguments":"{}"}}]},
        {"role":"tool","tool_call_id":"t1","content":"ok"}]"#;
    let call = format!(r#"{{"id":"c","orgId":"o","artifact":{{"messagesOpenAIFormatted":{formatted}}}}}"#);
    assert_eq!(read(&[&call]).1, ["+- Agent: Hi", "+- Caller: Help", "+- book {}", "+- t1 = ok"]);
    let call = r#"{"id":"c","orgId":"o","transcript":"AI: Hi\nUser: Help: now\nand here\n"}"#;
    assert_eq!(read(&[call]).1, ["+- Agent: Hi", "+- Caller: Help: now and here"]);
}

#[test]
fn webhooks_of_one_call_are_joined_and_a_second_delivery_says_nothing_new() {
    let said = r#"{"message":{"type":"transcript","transcriptType":"final","role":"user","transcript":"Help",
        "timestamp":1788000003000,"call":{"id":"c"}}}"#;
    let tool = r#"{"message":{"type":"tool-calls","timestamp":1788000004000,"call":{"id":"c"},
        "toolCallList":[{"id":"t1","function":{"name":"book","arguments":{"day":2}}}]}}"#;
    let late = r#"{"message":{"type":"transcript","transcriptType":"final","role":"user","transcript":"Hello?",
        "timestamp":1788000009000,"call":{"id":"c"}}}"#;
    assert_eq!(read(&[tool, said, said, tool]).1, ["+0 Caller: Help", r#"+1 book {"day":2}"#]);
    let history = format!(r#"{{"message":{{"type":"status-update","call":{{"id":"c"}},"messages":{HISTORY}}}}}"#);
    let (_, joined) = read(&[said, &history, tool, late]);
    assert_eq!(joined, [&TURNS[..], &["+8 Caller: Hello?"]].concat());
}

#[test]
fn a_call_is_reported_once_its_end_is_told() {
    for (piece, reported) in [
        (r#"{"id":"c","orgId":"o","status":"in-progress","endedAt":null}"#, false),
        (r#"{"id":"c","orgId":"o","status":"ended"}"#, true),
        (r#"{"id":"c","orgId":"o","endedReason":"customer-ended-call"}"#, true),
        (r#"{"message":{"type":"status-update","status":"ended","call":{"id":"c"}}}"#, false),
        (r#"{"message":{"type":"end-of-call-report","call":{"id":"c"}}}"#, true),
    ] {
        assert_eq!(read(&[piece]).0.reported, reported, "{piece}");
    }
}

#[test]
fn what_is_no_call_is_refused_and_a_message_of_no_call_is_passed_over() {
    for (piece, known) in [
        ("{}", false),
        ("7", false),
        (r#"{"id":"c"}"#, false),
        (r#"{"id":7,"orgId":"o"}"#, false),
        (r#"{"message":"hello"}"#, false),
        (r#"{"message":{"type":"hang"}}"#, true),
    ] {
        let mut histories = Histories::default();
        assert_eq!(histories.add(serde_json::from_str(piece).unwrap()), known, "{piece}");
        assert!(histories.is_empty());
    }
}

#[test]
fn a_clock_without_times_is_made_of_the_start_and_the_offsets() {
    let call = r#"{"id":"c","orgId":"o","startedAt":"2026-09-01T10:00:00Z","messages":[
        {"role":"bot","message":"Hi","secondsFromStart":1.5},{"role":"user","message":"Help","secondsFromStart":"4"}]}"#;
    assert_eq!(read(&[call]).1, ["+1.5 Agent: Hi", "+4 Caller: Help"]);
}
