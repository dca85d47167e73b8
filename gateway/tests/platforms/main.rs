//! Recorded and hostile webhooks of a voice platform: what each is understood as, and that none of them breaks anything.

mod answers;
mod contracts;
mod hostile;

use std::collections::BTreeMap;
use std::path::Path;

use engine::call::{Direction, Event, EventKind};
use engine::time::Timestamp;
use gateway::platforms::vapi::parse;
use gateway::platforms::{Asks, BadBody, Delivery};

const CALL: &str = "01a0c3d2-77aa-7e10-9c55-2f6b8f0a1d34";

fn received() -> Timestamp {
    Timestamp::from_millis(1_790_000_099_000)
}

fn fixtures() -> BTreeMap<String, Vec<u8>> {
    bodies_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/vapi"))
}

/// Every JSON file below a folder, by its name without the ending.
fn bodies_in(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(bodies_in(&path));
        } else if path.extension().is_some_and(|ending| ending == "json") {
            found.insert(path.file_stem().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap());
        }
    }
    found
}

fn fixture(name: &str) -> Delivery {
    parse(&fixtures()[name], received()).unwrap()
}

fn events(delivery: &Delivery) -> &[Event] {
    match &delivery.asks {
        Asks::Record(events) => events,
        Asks::Mention(event) | Asks::Answer(_, Some(event)) => std::slice::from_ref(event),
        Asks::Answer(_, None) | Asks::Nothing => &[],
    }
}

fn understood(delivery: &Delivery) -> String {
    let asks = match &delivery.asks {
        Asks::Nothing => "nothing".to_owned(),
        Asks::Mention(_) => "mention".to_owned(),
        Asks::Record(_) => "record".to_owned(),
        Asks::Answer(question, _) => format!("answer {question:?}"),
    };
    let told = events(delivery).iter().map(|event| format!(" | {} {}", event.key, what(&event.kind)));
    told.fold(format!("{}: {asks}", delivery.kind), |all, one| all + &one)
}

fn what(kind: &EventKind) -> String {
    match kind {
        EventKind::Requested => "requested".to_owned(),
        EventKind::Status(phase) => phase.as_str().to_owned(),
        EventKind::Ended(ended) => format!("ended by {} ({}, {})", ended.reason, ended.group, ended.fault.as_str()),
        EventKind::Spoke { role, text } => format!("{role:?} said {text:?}"),
        EventKind::Speaking { role, text } => format!("{role:?} says {text:?}"),
        EventKind::ToolCalled(call) => {
            format!("{}({})", call.name, serde_json::to_string(&call.arguments).unwrap())
        }
        EventKind::ErrandReturned(_) => "of our own".to_owned(),
        EventKind::TransferAsked => "transfer?".to_owned(),
        EventKind::HandoffAsked => "handoff?".to_owned(),
        EventKind::Noted(note) => format!("{} {}", note.what, note.detail.as_deref().unwrap_or("-")),
        EventKind::Reported(report) => format!(
            "{} {:?}s {:?} {:?}",
            report.ended.as_ref().map_or("-", |ended| &ended.group),
            report.duration_s,
            report.cost_micros,
            report.summary
        ),
        EventKind::WentSilent { .. } => "silent".to_owned(),
    }
}

#[rustfmt::skip]
#[test]
fn every_type_of_message_is_understood() {
    let mut fixtures = fixtures();
    for (name, expected) in [
        ("all-null", "status-update: record | st::- status -"),
        ("assistant-request", "assistant-request: answer Reception | ar requested"),
        ("assistant.speechStarted", r#"assistant.speechStarted: mention | say:1790000014000 Agent says "I am telling the caretaker now.""#),
        ("assistant.started", "assistant.started: record | as:asst-lumen-night:1790000014000 assistant_started Lumen night desk"),
        ("call.artifact.upload", "call.artifact.upload: record | cau:512ecebc7788b431 artifact_uploaded recording-mono, pcap failed"),
        ("call.delete.failed", "call.delete.failed: record | cdf:1790000014000 call_delete_failed -"),
        ("call.deleted", "call.deleted: record | cd call_deleted -"),
        ("call.endpointing.request", "call.endpointing.request: answer Endpointing"),
        ("campaign.predial", "campaign.predial: answer Predial"),
        ("chat.created", "chat.created: nothing"),
        ("chat.deleted", "chat.deleted: nothing"),
        ("conversation-update", r#"conversation-update: mention | say:1790000014000 Caller says "The heating on the third floor is out.""#),
        ("end-of-call-report", r#"end-of-call-report: record | eocr:8e99b2721f799262 completed.assistant Some(75)s Some(73200) Some("Heating out on the third floor; the caretaker was told.")"#),
        ("end-of-call-report.never-connected", "end-of-call-report: record | eocr:984723037bef077f no-answer Nones Some(0) None"),
        ("function-call", r#"function-call: record | fc:9c5e5c0cb31987a2 textCaretaker({"floor":3,"problem":"heating is out"})"#),
        ("handoff-destination-request", "handoff-destination-request: record | hdr:80237c01a56ac395:1790000014000 handoff?"),
        ("hang", "hang: record | hang:1790000014000 hang -"),
        ("knowledge-base-request", "knowledge-base-request: answer Knowledge"),
        ("language-change-detected", "language-change-detected: record | lc:fr:1790000014000 language_changed fr"),
        ("language-changed", "language-change-detected: record | lc:fr:1790000014000 language_changed fr"),
        ("model-output", "model-output: nothing"),
        ("monitor-issue", "unknown: nothing"),
        ("phone-call-control", "phone-call-control: record | pcc:forward:6f764f478ac30545 phone_call_control forward"),
        ("session.created", "session.created: nothing"),
        ("session.deleted", "session.deleted: nothing"),
        ("session.updated", "session.updated: nothing"),
        ("speech-update", "speech-update: nothing"),
        ("status-update.deletion-failed", "status-update: record | st:deletion-failed:1790000014000 status deletion-failed"),
        ("status-update.ended", "status-update: record | st:ended ended by customer-ended-call (completed.customer, none)"),
        ("status-update.ended.refused", "status-update: record | st:ended ended by assistant-request-returned-error (server.assistant-request, server) | st:ended:refused assistant_request_refused Server answered 500"),
        ("status-update.forwarding", "status-update: record | st:forwarding:1790000014000 forwarding"),
        ("status-update.in-progress", "status-update: record | st:in-progress:1790000014000 in_progress"),
        ("status-update.not-found", "status-update: record | st:not-found:1790000014000 status not-found"),
        ("status-update.queued", "status-update: record | st:queued queued"),
        ("status-update.ringing", "status-update: record | st:ringing ringing"),
        ("status-update.scheduled", "status-update: record | st:scheduled scheduled"),
        ("tool-calls", r#"tool-calls: record | tc:textCaretaker:call_q1 textCaretaker({"floor":3,"problem":"heating is out"}) | tc:openTicket:toolu_02 openTicket({})"#),
        ("tool-calls.flat-arguments", r#"tool-calls: record | tc:textCaretaker:call_q1 textCaretaker({"floor":3,"problem":"heating is out"})"#),
        ("tool-calls.flat-parameters", r#"tool-calls: record | tc:textCaretaker:call_q1 textCaretaker({"floor":3,"problem":"heating is out"})"#),
        ("tool-calls.string-arguments", r#"tool-calls: record | tc:textCaretaker:call_q1 textCaretaker({"floor":3,"problem":"heating is out"})"#),
        ("tool-calls.twin-only", r#"tool-calls: record | tc:textCaretaker:call_q1 textCaretaker({"floor":3,"problem":"heating is out"})"#),
        ("tool-calls.untyped", r#"tool-calls: record | tc:textCaretaker:call_q1 textCaretaker({"floor":3,"problem":"heating is out"})"#),
        ("tool-calls.wrapped-only", r#"tool-calls: record | tc:textCaretaker:call_q1 textCaretaker({"floor":3,"problem":"heating is out"})"#),
        ("transcript.final", r#"transcript: record | tr:user:1790000014000:27178bacf4bd0bd1 Caller said "The heating on the third floor is out.""#),
        ("transcript.final-filter", r#"transcript: record | tr:assistant:1790000014000:972d2911252f720b Agent said "I am telling the caretaker now.""#),
        ("transcript.partial", r#"transcript: mention | say:1790000014000 Caller says "The heating on""#),
        ("transfer-destination-request", "transfer-destination-request: record | tdr:1790000014000 transfer?"),
        ("transfer-destination-request.no-timestamp", "transfer-destination-request: record | tdr:27178bacf4bd0bd1 transfer?"),
        ("transfer-update", "transfer-update: record | tu:89adf61d7db2d0e1:1790000014000 transferred +1418•••0133"),
        ("unknown", "unknown: record | raw:assistant.daydreamed:1790000014000 unknown assistant.daydreamed"),
        ("user-interrupted", "user-interrupted: record | ui:turn-7 user_interrupted -"),
        ("voice-input", r#"voice-input: mention | say:1790000014000 Agent says "I am telling the caretaker now.""#),
        ("voice-request", "voice-request: answer Voice"),
        ("wrong-types", "status-update: record | st::daabcebe1f98bc9a status -"),
    ] {
        let body = fixtures.remove(name).unwrap_or_else(|| panic!("no fixture {name}"));
        assert_eq!(understood(&parse(&body, received()).unwrap()), expected, "{name}");
    }
    assert!(fixtures.is_empty(), "not in the table: {:?}", fixtures.keys());
}

#[test]
fn a_message_says_whose_call_it_is_and_who_speaks() {
    let told = fixture("tool-calls");
    assert_eq!(told.call.as_ref().map(|call| call.as_str()), Some(CALL));
    assert_eq!(told.route.assistants, [Box::<str>::from("asst-lumen-desk")]);
    assert_eq!(told.route.numbers, ["+14185550120", "pn-quay-9"].map(Box::<str>::from));
    let event = &events(&told)[0];
    assert_eq!(event.at, Timestamp::from_millis(1_790_000_014_000));
    assert_eq!(event.parties.direction, Some(Direction::Inbound));
    assert_eq!(event.parties.from.as_deref(), Some("+14185550147"));
    assert_eq!(event.parties.to.as_deref(), Some("+14185550120"));
    assert_eq!(event.parties.caller_name.as_deref(), Some("Odile Tremblay"));

    let outbound = fixture("end-of-call-report.never-connected");
    let parties = &events(&outbound)[0].parties;
    assert_eq!(parties.direction, Some(Direction::Outbound));
    assert_eq!((parties.from.as_deref(), parties.to.as_deref()), (Some("+14185550120"), Some("+14185550147")));
}

#[test]
fn a_time_is_read_in_every_notation_and_an_absurd_one_is_when_it_arrived() {
    let fallback = received().as_millis();
    for (timestamp, expected) in [
        ("1790000014000", 1_790_000_014_000),
        ("1790000014000.75", 1_790_000_014_000),
        ("1.790000014E12", 1_790_000_014_000),
        ("1790000014", 1_790_000_014_000),
        (r#""1790000014000""#, 1_790_000_014_000),
        (r#""2026-09-21T14:13:34.000Z""#, 1_790_000_014_000),
        (r#""2026-09-21T10:13:34-04:00""#, 1_790_000_014_000),
        ("0", fallback),
        ("-1790000014000", fallback),
        ("1e300", fallback),
        ("1e999", fallback),
        ("99999999999999", fallback),
        (r#""yesterday""#, fallback),
        ("null", fallback),
        ("[1790000014000]", fallback),
    ] {
        let body = format!(r#"{{"message":{{"type":"hang","timestamp":{timestamp},"call":{{"id":"c"}}}}}}"#);
        let delivery = parse(body.as_bytes(), received()).unwrap();
        assert_eq!(events(&delivery)[0].at.as_millis(), expected, "{timestamp}");
    }
}

#[test]
fn the_snapshot_inside_the_body_never_moves_a_call() {
    for status in ["scheduled", "queued", "ringing", "in-progress", "forwarding", "ended"] {
        let body = |told| {
            format!(
                r#"{{"message":{{"type":"status-update",{told}"call":{{"id":"c","status":"{status}","endedReason":"x"}}}}}}"#
            )
        };
        let silent = parse(body("").as_bytes(), received()).unwrap();
        assert_eq!(understood(&silent), "status-update: record | st::- status -", "{status}");
        let ringing = parse(body(r#""status":"ringing","#).as_bytes(), received()).unwrap();
        assert_eq!(understood(&ringing), "status-update: record | st:ringing ringing", "{status}");
    }
}

#[test]
fn the_same_report_is_the_same_event_and_another_one_amends_it() {
    let body = String::from_utf8(fixtures()["end-of-call-report"].clone()).unwrap();
    let key = |body: &str| events(&parse(body.as_bytes(), received()).unwrap())[0].key.clone();
    let signed_anew =
        body.replace("take-9.wav", "take-9.wav?X-Amz-Signature=other").replace("1790000061500", "1790000062000");
    assert_eq!(key(&body), key(&signed_anew), "addresses are signed anew for each delivery");
    for (part, other) in [("0.0732", "0.0733"), ("assistant-ended-call", "voicemail"), ("was told", "was not told")] {
        assert_ne!(key(&body), key(&body.replace(part, other)), "{part}");
    }
}

#[test]
fn a_message_without_a_usable_call_asks_nothing() {
    for (name, body) in fixtures() {
        let mut json: serde_json::Value = serde_json::from_slice(&body).unwrap();
        for call in
            [serde_json::json!({ "id": 7 }), serde_json::json!({ "id": "x".repeat(129) }), serde_json::Value::Null]
        {
            json["message"]["call"] = call;
            let delivery = parse(json.to_string().as_bytes(), received()).unwrap();
            assert_eq!(delivery.call, None);
            let expected = if name == "campaign.predial" { "answer Predial" } else { "nothing" };
            assert_eq!(understood(&delivery).split_once(": ").unwrap().1, expected, "{name}");
        }
    }
}

#[test]
fn no_secret_of_a_body_passes_the_door() {
    for (name, body) in fixtures() {
        let delivery = parse(&body, received()).unwrap();
        assert!(!format!("{delivery:?}").contains("canary"), "{name}: {delivery:?}");
        let cut = &body[..body.len() / 2];
        let refusal = parse(cut, received()).unwrap_err();
        assert!(!format!("{refusal:?} {refusal}").contains("canary"), "{name}: {refusal}");
    }
    assert!(
        String::from_utf8_lossy(&fixtures()["tool-calls"]).matches("canary").count() >= 10,
        "the bodies carry secrets"
    );
}

#[test]
fn a_bad_body_is_told_by_its_kind() {
    let nested = |depth: usize| {
        let inner = depth - 2;
        format!(r#"{{"message":{{"x":{}{}}}}}"#, "[".repeat(inner), "]".repeat(inner))
    };
    assert!(parse(nested(128).as_bytes(), received()).is_ok());
    assert_eq!(parse(nested(129).as_bytes(), received()), Err(BadBody::TooDeep));
    assert_eq!(parse("[".repeat(1_000_000).as_bytes(), received()), Err(BadBody::TooDeep));
    assert_eq!(parse(b"{\"message\":{\"x\":\"\xff\"}}", received()), Err(BadBody::NotUtf8));
    assert_eq!(parse(b"{\"massage\":{}}", received()), Err(BadBody::NoMessage));
    assert!(matches!(parse(b"{\"message\":{}} {}", received()), Err(BadBody::NotJson(_))));
    assert!(matches!(parse(b"message=hello", received()), Err(BadBody::NotJson(_))));
}

#[test]
fn a_key_may_repeat_a_million_times() {
    let many = r#""type":"hang","other":[],"#.repeat(300_000);
    let body = format!(r#"{{"message":{{{many}"type":"call.deleted","call":{{"id":"c"}}}}}}"#);
    assert_eq!(understood(&parse(body.as_bytes(), received()).unwrap()), "call.deleted: record | cd call_deleted -");
}
