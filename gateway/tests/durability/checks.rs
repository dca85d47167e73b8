//! A checker that cannot fail proves nothing: each invariant is broken here, once in each way, and must be caught.

use engine::call::Fact;
use serde_json::{Value, json};

use super::checker::{Alert, Asked, Attempt, Call, Frame, Heard, History, Invariant, OptOut, Said, Text, Told};

const TENANT: &str = "acme";
const AT: &str = "2026-11-20T10:00:00.000Z";
const LATER: &str = "2026-11-20T10:00:09.000Z";

fn frame(call: &str, seq: u64, facts: Value) -> Frame {
    let (tenant, call, at) = (TENANT.to_owned(), call.to_owned(), AT.to_owned());
    let facts = facts.as_array().expect("a list").clone();
    Frame { tenant, call, seq, key: format!("ev:{seq}"), decided_at: at.clone(), at, facts, answer: json!("ack") }
}

/// As it stands after its frames.
fn call(frames: &[Frame]) -> Call {
    let mut state = engine::call::Call::new("testline", AT.parse().expect("a time"));
    for frame in frames {
        let facts: Vec<Fact> = serde_json::from_value(Value::Array(frame.facts.clone())).expect("facts");
        state.advance(&facts, AT.parse().expect("a time"), AT.parse().expect("a time"));
    }
    let state = serde_json::to_value(&state).expect("JSON");
    let phase = state["phase"].as_str().expect("a phase").to_owned();
    Call { tenant: TENANT.to_owned(), id: frames[0].call.clone(), last_seq: frames.len() as u64, phase, state }
}

fn text(id: &str, call: &str, to: &str) -> Text {
    Text {
        id: id.to_owned(),
        tenant: TENANT.to_owned(),
        call: Some(call.to_owned()),
        alert: None,
        to: to.to_owned(),
        body: format!("a story for {to}"),
        state: "accepted".to_owned(),
        possible_duplicate: false,
    }
}

fn told(call: &str, said: Said, answer: &str) -> Told {
    let (request, tenant) = (format!("{call} {said:?}"), TENANT.to_owned());
    Told { request, tenant, call: call.to_owned(), said, answer: answer.to_owned() }
}

/// A call with an alert that two people are told of, and one that is reported; nothing is wrong.
fn good() -> History {
    let result = r#"{"sent":true,"messagesSent":2}"#;
    let answer = json!({ "results": [{ "name": "tell", "toolCallId": "t1", "result": result }] }).to_string();
    let (one, two) = ("00000000000000000000000000000001", "00000000000000000000000000000002");
    let owed = |id: &str, contact: &str| json!({ "type": "sms_owed", "sms": id, "contact": contact, "priority": "P1" });
    let c1 = [
        frame("c1", 1, json!([{ "type": "status", "phase": "in_progress" }])),
        frame("c1", 2, json!([{ "type": "spoke", "role": "caller", "text": "the cellar is under water" }])),
        frame(
            "c1",
            3,
            json!([
                { "type": "tool_called", "tool_call_id": "t1", "name": "tell", "arguments": {} },
                owed(one, "owner"), owed(two, "on_call"),
                { "type": "tool_answered", "tool_call_id": "t1", "name": "tell", "result": result, "effect": 7 },
            ]),
        ),
    ];
    let c2 = [
        frame("c2", 1, json!([{ "type": "status", "phase": "in_progress" }])),
        frame(
            "c2",
            2,
            json!([{ "type": "reported", "ended": null, "started_at": null, "ended_at": null,
            "duration_s": null, "summary": null, "transcript": null, "cost_micros": null, "success": null,
            "recording_url": null }]),
        ),
    ];
    let mut history = History {
        told: vec![
            told("c1", Said::Status("in_progress"), "{}"),
            told("c1", Said::Spoke("the cellar is under water".to_owned()), "{}"),
            told("c1", Said::Tool("t1".to_owned()), &answer),
            told("c1", Said::Tool("t1".to_owned()), &answer),
            told("c2", Said::Report, "{}"),
        ],
        heard_all: true,
        ..History::default()
    };
    history.book.calls = vec![call(&c1), call(&c2)];
    history.book.frames = [c1.as_slice(), &c2].concat();
    history.book.texts = vec![text(one, "c1", "+15145550110"), text(two, "c1", "+15145550111")];
    // And one its roster owes.
    let walked = Text { alert: Some("a1".to_owned()), ..text("3", "c1", "+15145550112") };
    history.book.alerts = vec![Alert { id: "a1".to_owned(), record: r#"{"sms":"3"}"#.to_owned() }];
    history.book.texts.push(walked);
    for text in &history.book.texts {
        history.book.attempts.push(Attempt { text: text.id.clone(), started_at: AT.to_owned() });
        history.asked.push(Asked { to: text.to.clone(), body: text.body.clone() });
    }
    for frame in &history.book.frames {
        history.heard.push(Heard { tenant: TENANT.to_owned(), call: frame.call.clone(), seq: frame.seq });
    }
    // Told again after a reconnect; and somebody else who wants no texts.
    history.heard.insert(2, history.heard[0].clone());
    history.book.opt_outs.push(opt_out("out", "+15145550119", AT));
    history.book.opt_outs.push(opt_out("out", "+15145550110", LATER));
    history
}

fn opt_out(action: &str, number: &str, at: &str) -> OptOut {
    OptOut { tenant: TENANT.to_owned(), number: number.to_owned(), action: action.to_owned(), at: at.to_owned() }
}

#[test]
fn a_good_history_is_not_complained_about() {
    good().verdict().assert_holds(&Invariant::ALL);
}

#[test]
fn each_broken_invariant_is_caught() {
    use Invariant::*;
    type Break = fn(&mut History);
    let broken: &[(Invariant, &str, Break)] = &[
        (I1, "a status is missing", |h| h.told.push(told("c1", Said::Status("ringing"), "{}"))),
        (I1, "words are missing", |h| h.told.push(told("c1", Said::Spoke("hello?".to_owned()), "{}"))),
        (I1, "a tool call is missing", |h| h.told.push(told("c1", Said::Tool("t9".to_owned()), "{}"))),
        (I1, "a report is missing", |h| h.told.push(told("c1", Said::Report, "{}"))),
        (I1, "a whole call is missing", |h| h.told.push(told("c9", Said::Report, "{}"))),
        (I2, "an event is there twice", |h| h.book.frames[1].key = h.book.frames[0].key.clone()),
        (I3, "the state is not what was recorded", |h| h.book.calls[0].state["summary"] = json!("all is well")),
        (I3, "the column is not the state's", |h| h.book.calls[0].phase = "forwarding".to_owned()),
        (I2, "a number is left out", |h| h.book.frames[2].seq = 4),
        (I3, "a fact cannot be read", |h| h.book.frames[1].facts[0]["role"] = json!("nobody")),
        (I4, "a text nobody owes", |h| {
            h.book.texts.push(Text { state: "queued".to_owned(), ..text("9", "c1", "+15145550113") });
        }),
        (I5, "somebody was texted twice", |h| h.asked.push(h.asked[0].clone())),
        (I5, "a text left without a claim", |h| drop(h.book.attempts.remove(0))),
        (I5, "a text said to be accepted never left", |h| drop(h.asked.remove(0))),
        (I5, "a text that is not recorded left", |h| {
            h.asked.push(Asked { to: "+15145550199".to_owned(), body: "who is this?".to_owned() });
        }),
        (I5, "even one that is marked left three times", |h| {
            h.book.texts[0].possible_duplicate = true;
            for _ in 0..2 {
                h.asked.push(h.asked[0].clone());
                h.book.attempts.push(h.book.attempts[0].clone());
            }
        }),
        (I6, "the second answer is another", |h| h.told[3].answer = h.told[3].answer.replace(":2", ":2 ")),
        (I7, "a reported call goes on", |h| h.book.calls[0].state["reported"] = json!(true)),
        (I7, "a call rings again", |h| h.book.calls[0].phase = "ringing".to_owned()),
        (I7, "a call that is over goes on", |h| h.book.calls[1].phase = "in_progress".to_owned()),
        (I8, "a frame is skipped", |h| h.heard.retain(|heard| heard.seq != 2)),
        (I8, "the last frame is never heard", |h| drop(h.heard.pop())),
        (I9, "a frame is another tenant's", |h| {
            let mut frame = frame("c1", 1, json!([{ "type": "status", "phase": "in_progress" }]));
            frame.tenant = "other".to_owned();
            h.book.calls.push(Call { tenant: "other".to_owned(), ..call(&[frame.clone()]) });
            h.heard.push(Heard { tenant: "other".to_owned(), call: "c1".to_owned(), seq: 1 });
            h.book.frames.push(frame);
        }),
        (I9, "another tenant hears of it", |h| {
            h.heard.push(Heard { tenant: "other".to_owned(), call: "c1".to_owned(), seq: 1 });
        }),
        (I10, "a text leaves after its recipient opted out", |h| {
            h.book.attempts[0].started_at = "2026-11-20T10:00:10.000Z".to_owned();
        }),
    ];
    for (invariant, what, break_it) in broken {
        let mut history = good();
        break_it(&mut history);
        let verdict = history.verdict();
        assert!(verdict.violated().contains(invariant), "{what}: {invariant:?} was not caught\n{verdict}");
        // A broken column or fact is seen by its neighbours as well.
        let others: Vec<_> = verdict.violated().into_iter().filter(|other| other != invariant).collect();
        assert!(others.iter().all(|other| [I3, I7].contains(other)), "{what}: also {others:?}\n{verdict}");
    }
}

#[test]
fn what_is_lost_with_a_frame_is_caught_by_all_it_breaks() {
    use Invariant::*;
    let mut history = good();
    history.book.frames.remove(2);
    assert_eq!(history.verdict().violated(), [I1, I2, I3, I4]);
    let mut history = good();
    history.book.texts.remove(0);
    history.asked.remove(0);
    assert_eq!(history.verdict().violated(), [I4], "a text without its row");
}

#[test]
fn who_is_back_may_be_texted() {
    let mut history = good();
    history.book.attempts[0].started_at = "2026-11-20T10:00:10.000Z".to_owned();
    history.book.opt_outs.push(opt_out("in", "+15145550110", "2026-11-20T10:00:09.500Z"));
    assert!(history.verdict().violations.is_empty());
}

#[test]
fn a_webhook_counts_as_acknowledged_only_if_something_was_done() {
    let tool = json!({ "type": "tool-calls", "call": { "id": "c1" }, "toolCallList": [{ "id": "t1" }] });
    let done = r#"{"results":[{"toolCallId":"t1","result":"{}"}]}"#;
    let sorry = r#"{"results":[{"toolCallId":"t1","error":"not now"}]}"#;
    let said = |status, answer| Told::of("r1", TENANT, &tool, status, answer).map(|told| told.said);
    assert_eq!(said(200, done), Some(Said::Tool("t1".to_owned())));
    assert_eq!(said(200, sorry), None, "an apology promises nothing");
    assert_eq!(said(503, done), None);
}
