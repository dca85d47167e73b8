//! Tools that must ask somebody first: what is asked, what is recorded, what the agent is told.

use std::sync::Arc;
use std::time::Duration;

use engine::call::{
    Answer, Call, CallView, Decision, Direction, Event, EventKind, Fact, Note, Parties, SmsCounts, ToolAnswer,
};
use engine::ids::{CallId, EventKey};
use engine::playbook::{Playbook, Shadow};
use engine::priority::Priority;
use engine::testing::fixtures::{CALLER, at, call_after, event, hung_up, key, playbook, playbook_with, tool_call};
use engine::tools::{self, Errand, ErrandOutcome, Inquiry, Lost, Reply};
use serde_json::{Value, json};

const BOOK: &str = r#"
[[tools]]
name = "bookVisit"
description = "Books a visit."
url = "https://tools.example.com/book"
secret = "a-secret-of-this-tool"
effects = true
on_error = { fr = "Je n'ai pas pu réserver.", en = "I could not book it." }
[tools.parameters]
required = ["day"]
[tools.parameters.properties]
day = { type = "string", description = "Which day." }
"#;

fn decide(playbook: &Playbook, call: &Call, event: &Event) -> Decision {
    call.decide(&key("c1"), event, playbook, event.at)
}

fn folded(call: &Call, decision: &Decision, event: &Event) -> Call {
    let mut call = call.clone();
    call.advance(&decision.facts, event.at, event.at);
    call
}

fn book(n: u64) -> Event {
    event(tool_call(&format!("t{n}"), "bookVisit", json!({"day": "Tuesday"})), n)
}

fn errand(decision: &Decision) -> Errand {
    match &decision.answer {
        Answer::Errand(errand) => errand.as_ref().clone(),
        other => panic!("an errand wanted, not {other:?}"),
    }
}

fn said(decision: &Decision) -> &ToolAnswer {
    match &decision.answer {
        Answer::Tool(answer) => answer,
        other => panic!("a tool's answer wanted, not {other:?}"),
    }
}

/// The call after this tool call, and after its errand came home like this.
fn after(call: &Call, asked: &Event, returned: Result<Reply, Lost>) -> (Call, Errand, Decision) {
    let playbook = playbook_with(BOOK);
    let begun = decide(&playbook, call, asked);
    let errand = errand(&begun);
    let call = folded(call, &begun, asked);
    let back = asked.finish(errand.clone(), returned, Duration::from_millis(1_500)).expect("a tool call");
    let ended = decide(&playbook, &call, &back);
    (folded(&call, &ended, &back), errand, ended)
}

#[test]
fn a_tool_of_a_business_asks_its_server_and_nothing_more() {
    let playbook = playbook_with(BOOK);
    let begun = decide(&playbook, &call_after([]), &book(1));
    let errand = errand(&begun);
    assert_eq!((&*errand.id, &*errand.tool), ("bookVisit/t1", "bookVisit"));
    assert_eq!(errand.otherwise, ToolAnswer::Error("I could not book it.".into()));
    let Inquiry::Endpoint { body } = &errand.inquiry else { panic!("{errand:?}") };
    let sent: Value = serde_json::from_str(body).unwrap();
    assert_eq!(
        sent,
        json!({"tool": "bookVisit", "tool_call_id": "t1", "arguments": {"day": "Tuesday"}, "tenant": "acme", "call": {
            "id": "c1", "platform": "fixture", "direction": "inbound", "from": CALLER, "to": "+15145550100",
            "caller_name": null, "priority": null, "language": "en", "started_at": "2027-01-15T08:00:00.000Z",
        }})
    );
    assert!(!format!("{begun:?}{playbook:?}").contains("a-secret"), "the secret stays in the playbook");
    assert!(begun.texts.is_empty() && !begun.facts.iter().any(|fact| matches!(fact, Fact::ToolAnswered { .. })));
    assert_eq!(tools::label("book_visit", &playbook), "forward");
}

#[test]
fn nothing_is_asked_without_what_it_requires() {
    for arguments in [json!({}), json!({"day": null}), json!({"day": " "}), json!({"Other": 1})] {
        let asked = event(tool_call("t1", "bookVisit", arguments.clone()), 1);
        let decision = decide(&playbook_with(BOOK), &call_after([]), &asked);
        assert_eq!(said(&decision), &ToolAnswer::Error("I still need this: Which day.".into()), "{arguments}");
    }
    for nothing_said in ["day = { type = \"string\" }", "day = { type = \"string\", description = \" \" }"] {
        let bare = BOOK.replace("day = { type = \"string\", description = \"Which day.\" }", nothing_said);
        let asked = event(tool_call("t1", "bookVisit", json!({})), 1);
        let decision = decide(&playbook_with(&bare), &call_after([]), &asked);
        assert_eq!(said(&decision), &ToolAnswer::Error("I still need this: day.".into()));
    }
    let zero = event(tool_call("t1", "bookVisit", json!({"day": 0})), 1);
    errand(&decide(&playbook_with(BOOK), &call_after([]), &zero));
}

#[test]
fn the_agent_is_told_what_came_back_and_people_why_nothing_did() {
    let ended = |returned| after(&call_after([]), &book(1), returned).2;
    let told = ended(Ok(Reply::Text(r#"{"result":"Tuesday it is"}"#.into())));
    assert_eq!(said(&told), &ToolAnswer::Result("Tuesday it is".into()));
    let failed = ended(Err(Lost::unknown("status 500")));
    assert_eq!(said(&failed), &ToolAnswer::Error("I could not book it.".into()));
    let expected = Fact::ErrandEnded {
        tool_call_id: "t1".into(),
        errand: "bookVisit/t1".into(),
        outcome: ErrandOutcome::Unknown,
        why: Some("status 500".into()),
        took_ms: 1_500,
    };
    assert_eq!(failed.facts[0], expected);
    assert!(matches!(&failed.facts[1..], [Fact::ToolAnswered { effect: None, repeated: false, .. }]));
}

#[test]
fn the_sentence_is_in_the_language_of_the_call() {
    let french = EventKind::Noted(Note { what: "language_changed".into(), detail: Some("fr-CA".into()) });
    let begun = decide(&playbook_with(BOOK), &call_after([french]), &book(1));
    assert_eq!(errand(&begun).otherwise, ToolAnswer::Error("Je n'ai pas pu réserver.".into()));
}

#[test]
fn an_effect_keeps_its_first_name_until_it_is_settled() {
    let call = call_after([]);
    let again = |returned| {
        let (call, ..) = after(&call, &book(1), returned);
        decide(&playbook_with(BOOK), &call, &book(2))
    };
    for unsettled in [Lost::unknown("late"), Lost::not_asked("no connection")] {
        assert_eq!(&*errand(&again(Err(unsettled))).id, "bookVisit/t1");
    }
    assert_eq!(&*errand(&again(Err(Lost::refused("status 409")))).id, "bookVisit/t2", "a clear no");
    assert_eq!(&*errand(&again(Ok(Reply::Text(r#"{"error":"full"}"#.into())))).id, "bookVisit/t2");
    let known = again(Ok(Reply::Text("booked".into())));
    assert_eq!(said(&known), &ToolAnswer::Result("booked".into()), "it happened: the first answer again");

    let begun = decide(&playbook_with(BOOK), &call, &book(1));
    let meanwhile = folded(&call, &begun, &book(1));
    assert_eq!(&*errand(&decide(&playbook_with(BOOK), &meanwhile, &book(2))).id, "bookVisit/t1");
    let much_later = book(1 + Call::EFFECT_WINDOW.as_secs() + 1);
    assert_ne!(&*errand(&decide(&playbook_with(BOOK), &meanwhile, &much_later)).id, "bookVisit/t1");
}

/// To who is asked, two wishes under one name would be one wish.
#[test]
fn another_spelling_under_a_reused_id_is_another_wish() {
    let wish = |spelling: &str, day: &str| {
        let mut event = event(tool_call("t1", spelling, json!({"day": day})), 1);
        event.key = EventKey::new(format!("tc:{spelling}:t1"));
        errand(&decide(&playbook_with(BOOK), &call_after([]), &event)).id
    };
    assert_ne!(wish("bookVisit", "Tuesday"), wish("book_visit", "Friday"));
    assert_ne!(wish("BookVisit", "Tuesday"), wish("book_visit", "Friday"));
    assert_eq!(wish("book_visit", "Tuesday"), wish("book_visit", "Tuesday"), "a crash in between makes no second one");
}

#[test]
fn a_business_that_only_watches_asks_nobody() {
    let mut watching = playbook_with(BOOK);
    watching.shadow = Some(Shadow { forward_to: None, timeout: Duration::from_secs(1) });
    let decision = decide(&watching, &call_after([]), &book(1));
    assert_eq!(said(&decision), &ToolAnswer::Error("I could not book it.".into()));
    assert!(decision.facts.iter().any(|fact| matches!(fact, Fact::Noted(note) if &*note.what == "not_asked")));
}

#[test]
fn arguments_no_model_would_write_are_not_sent() {
    let long = event(tool_call("t1", "bookVisit", json!({"day": "x".repeat(20_000)})), 1);
    assert!(matches!(said(&decide(&playbook_with(BOOK), &call_after([]), &long)), ToolAnswer::Error(_)));
}

// --- lookupCaller

fn look(playbook: &Playbook, parties: Parties, arguments: Value) -> Decision {
    let asked = Event { parties, ..event(tool_call("t1", "lookupCaller", arguments), 100) };
    decide(playbook, &Call::new("fixture", at(100)), &asked)
}

fn from(number: &str) -> Parties {
    Parties { direction: Some(Direction::Inbound), from: Some(number.into()), ..Parties::default() }
}

fn past(id: &str, days_ago: u64, change: impl FnOnce(&mut Call)) -> Arc<CallView> {
    let started = at(0).minus(Duration::from_secs(days_ago * 86_400));
    let mut call = Call { from: Some(CALLER.into()), ..Call::new("fixture", started) };
    change(&mut call);
    call.view(&key("c1").tenant, &CallId::parse(id).unwrap(), SmsCounts { delivered: 1, ..SmsCounts::default() }, None)
}

/// What the agent is told of these earlier calls.
fn told(playbook: &Playbook, calls: Vec<Arc<CallView>>) -> Value {
    let asked = Event { parties: from(CALLER), ..event(tool_call("t1", "lookupCaller", json!({})), 100) };
    let call = Call::new("fixture", at(100));
    let begun = decide(playbook, &call, &asked);
    let back = asked.finish(errand(&begun), Ok(Reply::PastCalls(calls)), Duration::ZERO).unwrap();
    match said(&decide(playbook, &folded(&call, &begun, &asked), &back)) {
        ToolAnswer::Result(json) => serde_json::from_str(json).unwrap(),
        ToolAnswer::Error(sentence) => panic!("{sentence}"),
    }
}

#[test]
fn only_the_number_the_platform_saw_is_looked_up() {
    let named = json!({"phone": "+15145550199", "number": "+15145550199", "from": "+15145550199"});
    let outbound = Parties { direction: Some(Direction::Outbound), to: Some(CALLER.into()), ..from("+15145550100") };
    for parties in [from(CALLER), outbound] {
        let asked = errand(&look(&playbook(), parties, named.clone()));
        assert_eq!(asked.inquiry, Inquiry::PastCalls { number: CALLER.into(), before: at(100), limit: 3 });
    }
}

#[test]
fn a_hidden_number_is_nobodys() {
    let hidden = [
        "anonymous",
        "Restricted",
        "+266696687",
        "266696687",
        "+7378742833",
        "+2562533",
        "+86282452253",
        "+8656696",
        "7748283",
        "911",
        "",
    ];
    let web = Parties { direction: Some(Direction::Web), ..Parties::default() };
    for parties in hidden.map(from).into_iter().chain([web]) {
        let decision = look(&playbook(), parties.clone(), json!({}));
        let ToolAnswer::Result(json) = said(&decision) else { panic!("{parties:?}") };
        assert!(json.starts_with(r#"{"known":false,"calls":[],"message":"The caller's number is hidden"#), "{json}");
    }
}

#[test]
fn the_agent_learns_of_the_last_calls_without_a_number() {
    let mut playbook = playbook();
    playbook.time_zone = jiff::tz::TimeZone::get("America/Toronto").unwrap();
    let summary = format!("Water in the basement; call back {CALLER} or 438-555-0199, see https://example.com/x.");
    let flooded = past("p1", 3, |call| {
        call.priority = Some(Priority::P1);
        call.summary = Some(summary.into());
        call.ended_reason = Some(hung_up().reason);
    });
    let answer = told(&playbook, vec![flooded, past("p2", 40, |_| ())]);
    assert_eq!(answer["known"], true);
    assert_eq!(
        answer["calls"],
        json!([
            {"date": "2027-01-12", "days_ago": 3, "priority": "P1", "ended_reason": "customer-ended-call",
             "summary": "Water in the basement; call back [...] or [...], see [...]", "team": "told"},
            {"date": "2026-12-06", "days_ago": 40, "team": "told"},
        ])
    );
    assert!(answer["message"].as_str().unwrap().contains("perhaps another person"));
    assert!(!answer.to_string().contains("555"));
}

/// A platform's reason is open text, and may quote what a stranger sent.
#[test]
fn how_an_earlier_call_ended_is_told_without_numbers_and_links() {
    let ended = past("p1", 1, |call| {
        let reason = format!("transfer to +14385550199 failed: see https://example.com/x {}", "x ".repeat(200));
        call.ended_reason = Some(reason.into());
    });
    let answer = told(&playbook(), vec![ended]);
    let told = answer["calls"][0]["ended_reason"].as_str().unwrap();
    assert!(told.starts_with("transfer to [...] failed: see [...]"), "{told}");
    assert!(told.chars().count() <= 80, "{told}");
}

#[test]
fn a_first_time_caller_is_not_known_and_a_store_that_fails_is_a_sentence() {
    assert_eq!(
        told(&playbook(), Vec::new()),
        json!({"known": false, "calls": [], "message": "This number is calling for the first time."})
    );
    assert!(matches!(errand(&look(&playbook(), from(CALLER), json!({}))).otherwise, ToolAnswer::Error(_)));
}

#[test]
fn an_owner_can_switch_it_off() {
    let off = playbook_with("[lookup]\ncalls = 0\n");
    assert!(matches!(said(&look(&off, from(CALLER), json!({}))), ToolAnswer::Error(_)));
    let offered = |playbook: &Playbook| {
        tools::offered(playbook, playbook.language).iter().any(|(tool, _)| tool.name() == "lookupCaller")
    };
    assert!(offered(&playbook()) && !offered(&off));
}
