use engine::call::{Event, Parties, ToolCall};
use engine::ids::EventKey;
use engine::testing::fixtures;
use engine::time::Timestamp;

use super::*;
use crate::platforms::Route;

fn event(kind: EventKind) -> Event {
    Event { key: EventKey::new("k"), at: Timestamp::EPOCH, parties: Parties::default(), kind }
}

fn called(id: &str, name: &str) -> Event {
    event(EventKind::ToolCalled(ToolCall { id: id.into(), name: name.into(), arguments: Default::default() }))
}

fn delivery(kind: &'static str, events: Vec<Event>) -> Delivery {
    let named = |event: &Event| match &event.kind {
        EventKind::ToolCalled(call) => {
            Some(ToolCallName { name: call.name.clone(), id: Some(json!(call.id).to_string().into()) })
        }
        _ => None,
    };
    let tool_calls = events.iter().filter_map(named).collect();
    Delivery { kind, call: None, route: Route::default(), asks: Asks::Record(events), tool_calls }
}

fn body(rendered: Rendered) -> String {
    assert_eq!(rendered.content_type, "application/json");
    String::from_utf8(rendered.body.to_vec()).unwrap()
}

fn number(message: Option<&str>) -> Destination {
    Destination::Number { number: "+14185550110".parse().unwrap(), message: message.map(Into::into) }
}

#[test]
fn each_tool_call_gets_its_result_in_order_on_one_line() {
    let batch = delivery("tool-calls", vec![called(" toolu_1 ", "book"), called("c\n2", "text"), called("3", "x")]);
    let answers = [
        Answer::Tool(ToolAnswer::Result("{\"day\":2}".into())),
        Answer::Tool(ToolAnswer::Error("not\r\n possible\ttoday".into())),
    ];
    assert_eq!(
        body(render(&batch, &answers, Language::En)),
        format!(
            r#"{{"results":[{{"name":"book","toolCallId":" toolu_1 ","result":"{{\"day\":2}}"}},{{"name":"text","toolCallId":"c\n2","error":"not possible today"}},{{"name":"x","toolCallId":"3","error":"{}"}}]}}"#,
            sorry(Language::En)
        )
    );
}

#[test]
fn the_legacy_function_call_gets_a_bare_result() {
    let legacy = delivery("function-call", vec![called("", "book")]);
    let answer = |said| body(render(&legacy, &[Answer::Tool(said)], Language::En));
    assert_eq!(answer(ToolAnswer::Result("Booked.".into())), r#"{"result":"Booked."}"#);
    assert_eq!(answer(ToolAnswer::Error("Not today.".into())), r#"{"result":"Not today."}"#);
}

#[test]
fn a_transfer_names_its_destination_or_says_that_there_is_none() {
    let asked = delivery("transfer-destination-request", vec![event(EventKind::TransferAsked)]);
    for (destination, expected) in [
        (Some(number(None)), r#"{"destination":{"number":"+14185550110","type":"number"}}"#),
        (
            Some(number(Some("One moment."))),
            r#"{"destination":{"number":"+14185550110","type":"number"},"message":{"content":"One moment.","type":"request-start"}}"#,
        ),
        (
            Some(Destination::Sip { uri: "sip:desk@example.com".into(), message: None }),
            r#"{"destination":{"sipUri":"sip:desk@example.com","type":"sip"}}"#,
        ),
        (
            Some(Destination::Assistant { assistant: "Billing".into(), message: None }),
            r#"{"destination":{"assistantName":"Billing","type":"assistant"}}"#,
        ),
        (None, r#"{"error":"No destination is available right now."}"#),
    ] {
        assert_eq!(body(render(&asked, &[Answer::Transfer(destination)], Language::En)), expected);
    }
}

#[test]
fn a_handoff_goes_to_an_assistant_and_to_nothing_else() {
    let asked = delivery("handoff-destination-request", vec![event(EventKind::HandoffAsked)]);
    let answer = |destination| body(render(&asked, &[Answer::Handoff(destination)], Language::En));
    let assistant = Destination::Assistant { assistant: "asst-2".into(), message: None };
    assert_eq!(answer(Some(assistant)), r#"{"destination":{"assistantId":"asst-2","type":"assistant"}}"#);
    assert_eq!(answer(Some(number(None))), answer(None));
    assert_eq!(answer(None), r#"{"error":"No destination is available right now."}"#);
}

#[test]
fn who_answers_a_call_is_what_the_playbook_says() {
    for (who, expected) in [
        (Reception::Assistant { id: "asst-1".into(), overrides: None }, r#"{"assistantId":"asst-1"}"#),
        (
            Reception::Assistant { id: "asst-1".into(), overrides: Some(json!({"firstMessage": "Hi"})) },
            r#"{"assistantId":"asst-1","assistantOverrides":{"firstMessage":"Hi"}}"#,
        ),
        (Reception::Transient(json!({"name": "Desk"})), r#"{"assistant":{"name":"Desk"}}"#),
        (
            Reception::Destination(number(Some("Hold on."))),
            r#"{"destination":{"message":"Hold on.","number":"+14185550110","type":"number"}}"#,
        ),
        (Reception::Error("We are closed.".into()), r#"{"error":"We are closed."}"#),
    ] {
        let playbook = Playbook { reception: who, ..fixtures::playbook() };
        assert_eq!(reception(&playbook).to_string(), expected);
    }
}

#[test]
fn an_assistant_described_here_is_offered_the_tools_of_the_business_unless_it_lists_its_own() {
    let offered = |assistant: serde_json::Value| {
        let playbook = Playbook { reception: Reception::Transient(assistant), ..fixtures::playbook() };
        reception(&playbook)["assistant"]["model"]["tools"].clone()
    };
    let names = offered(json!({"model": {"provider": "openai"}}));
    assert!(names.to_string().contains("classifyPriority") && names.to_string().contains("sendSMSAlert"), "{names}");
    assert_eq!(offered(json!({"model": {"tools": []}})), json!([]));
}

#[test]
fn an_apology_answers_every_call_in_the_tenants_language() {
    let batch = delivery("tool-calls", vec![called("a", "book"), called("b", "text")]);
    for (language, sentence) in [(Language::Fr, sorry(Language::Fr)), (Language::En, sorry(Language::En))] {
        let body = body(apology(&batch, language));
        assert_eq!(body.matches(&format!(r#""error":"{sentence}""#)).count(), 2, "{body}");
    }
    let fact = delivery("hang", vec![event(EventKind::Requested)]);
    assert_eq!(body(apology(&fact, Language::Fr)), "{}");
    assert_eq!(body(render(&fact, &[Answer::Ack], Language::En)), "{}");
}
