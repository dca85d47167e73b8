//! What the tools answer, record and cause, asked through the call machine as an agent would.

use std::sync::Arc;
use std::time::Duration;

use engine::call::{Answer, Call, Decision, Direction, EventKind, Fact, Note, Parties, ToolAnswer};
use engine::ids::EventKey;
use engine::playbook::{Language, Playbook};
use engine::priority::Priority;
use engine::sms::NewSms;
use engine::testing::fixtures::{CALLER, at, call_after, event, hung_up, key, playbook, spoke, tool_call};
use engine::tools::{self, Args, Tool, ToolContext, ToolOutcome};
use serde_json::{Value, json};

fn ask_of(playbook: &Playbook, call: &Call, n: u64, name: &str, arguments: Value) -> Decision {
    let event = event(tool_call(&format!("tc{n}"), name, arguments), n);
    call.decide(&key("c1"), &event, playbook, event.at)
}

fn ask(call: &Call, n: u64, name: &str, arguments: Value) -> Decision {
    ask_of(&playbook(), call, n, name, arguments)
}

fn folded(call: &Call, decision: &Decision, n: u64) -> Call {
    let mut call = call.clone();
    call.advance(&decision.facts, at(n), at(n));
    call
}

fn result(decision: &Decision) -> Value {
    match &decision.answer {
        Answer::Tool(ToolAnswer::Result(json)) if !json.contains('\n') => serde_json::from_str(json).unwrap(),
        other => panic!("a one-line result wanted, not {other:?}"),
    }
}

fn sentence(decision: &Decision) -> &str {
    match &decision.answer {
        Answer::Tool(ToolAnswer::Error(sentence)) => sentence,
        other => panic!("an error wanted, not {other:?}"),
    }
}

fn fresh() -> Call {
    call_after([])
}

fn people(texts: &[NewSms]) -> Vec<&str> {
    texts.iter().map(|sms| sms.contact.as_ref()).collect()
}

#[test]
fn a_description_is_classified_by_the_playbooks_phrases_and_values() {
    for (arguments, priority, reason) in [
        (json!({"description": "Inondation au sous-sol"}), "P1", "urgence_immediate"),
        (json!({"description": "not an emergency, roots in the pipe"}), "P3", "high_value"),
        (json!({"description": "a repair for the City of Laval"}), "P2", "municipal"),
        (json!({"description": "urgence pour la ville de Laval"}), "P1", "urgence_immediate"),
        (json!({"description": "a slow sink", "estimatedValue": "3 000 $"}), "P3", "high_value"),
        (json!({"description": "a slow sink", "estimatedValue": 2999.99}), "P4", "standard"),
        (json!({"probleme": "AI: une urgence? Client: non"}), "P4", "standard"),
        (json!({"Problem_Description": "flood"}), "P1", "urgence_immediate"),
    ] {
        let answer = result(&ask(&fresh(), 0, "classifyPriority", arguments.clone()));
        assert_eq!((&answer["priority"], &answer["reason"]), (&json!(priority), &json!(reason)), "{arguments}");
    }
}

#[test]
fn a_classification_tells_how_fast_and_whom_by_name() {
    let urgent = ask(&fresh(), 0, "classifyPriority", json!({"description": "flood"}));
    let Answer::Tool(ToolAnswer::Result(json)) = &urgent.answer else { panic!() };
    assert_eq!(
        json.as_ref(),
        r#"{"priority":"P1","reason":"urgence_immediate","sla_seconds":0,"escalation":{"required":true,"to":["owner"],"reason":"urgence_immediate"},"because":"heard « flood »"}"#
    );
    let routine = result(&ask(&fresh(), 0, "classifyPriority", json!({"description": "a slow sink"})));
    assert_eq!(routine["sla_seconds"], 1800);
    assert_eq!(routine["escalation"], json!({"required": false, "to": []}));
}

#[test]
fn a_tool_only_makes_a_call_more_urgent() {
    let mut call = fresh();
    for (n, description, kept) in [(0, "a sink", Priority::P4), (1, "flood", Priority::P1), (2, "a sink", Priority::P1)]
    {
        let decision = ask(&call, n, "classifyPriority", json!({"description": description}));
        call = folded(&call, &decision, n);
        assert_eq!(call.priority, Some(kept), "{description}");
    }
    assert_eq!(call.priority_reason.as_deref(), Some("urgence_immediate: heard « flood »"));
    assert_eq!(call.tools_used, [Box::from("classifyPriority")]);
}

#[test]
fn an_alert_texts_those_the_playbook_names_and_nobody_the_model_names() {
    let alert = json!({
        "priority": "P1", "message": "Water rises", "recipient": "on_call",
        "phoneNumbers": ["+15145550199"], "to": "+15145550199",
        "customerInfo": {"name": "Ana", "phone": "438-555-0199", "address": "1 Example Street"},
    });
    let decision = ask(&fresh(), 0, "sendSMSAlert", alert);
    let numbers: Vec<&str> = decision.texts.iter().map(|sms| sms.to.as_str()).collect();
    assert_eq!(numbers, ["+15145550110", "+15145550111"]);
    assert_eq!(
        decision.texts[0].body.as_ref(),
        format!("Acme Drains P1: Water rises Ana 1 Example Street {CALLER}"),
        "the caller is called back where the call came from"
    );
    assert!(decision.texts[1].body.ends_with("(rappeler)"), "each in their own language");
    assert_eq!(
        result(&decision),
        json!({
            "sent": true, "priority": "P1", "messagesSent": 2, "queued": true, "estimated_delivery_s": 0,
            "details": [{"contact": "owner", "state": "queued"}, {"contact": "on_call", "state": "queued"}],
        })
    );
    let call = folded(&fresh(), &decision, 0);
    assert_eq!((call.texts_owed, call.priority), (2, Some(Priority::P1)));
}

#[test]
fn an_alert_is_understood_in_every_generation_of_arguments() {
    for arguments in [
        json!({"priority": "P2", "message": "Sink at 1 Example Street"}),
        json!({"priorite": "P2", "client_info": "Ana, 1 Example Street", "service_info": "Sink", "urgence": false}),
        json!({"priority": 2, "recipient": "both", "customerInfo": {"description": "Sink", "address": "1 Example Street"}}),
        json!({"priority": "P2", "clientAddress": "1 Example Street", "problemDescription": "Sink", "callId": "x"}),
    ] {
        let decision = ask(&fresh(), 0, "send_sms_alert", arguments.clone());
        assert_eq!(people(&decision.texts), ["owner"], "{arguments}");
        let body = &decision.texts[0].body;
        assert!(body.contains("Sink") && body.contains("1 Example Street"), "{arguments} → {body}");
    }
}

#[test]
fn the_more_urgent_of_what_the_model_says_and_what_is_known_counts() {
    let urgent = folded(&fresh(), &ask(&fresh(), 0, "classifyPriority", json!({"description": "flood"})), 0);
    for (call, arguments, priority) in [
        (&urgent, json!({"message": "x", "priority": "P4"}), Priority::P1),
        (&urgent, json!({"message": "x"}), Priority::P1),
        (&fresh(), json!({"message": "x", "priority": "P3"}), Priority::P3),
        (&fresh(), json!({"message": "x", "priority": "P9"}), Priority::P4),
        (&fresh(), json!({"message": "x", "urgence": true}), Priority::P1),
        (&fresh(), json!({"message": "x", "priorite": "P4", "urgence": true}), Priority::P1),
        (&fresh(), json!({"message": "x", "priority": "urgent"}), Priority::P1),
        (&fresh(), json!({"message": "inondation", "priority": "P4"}), Priority::P1),
        (&fresh(), json!({"customerInfo": {"name": "Ana", "description": "a flood"}, "priority": "P3"}), Priority::P1),
        (&fresh(), json!({"message": "no flood, roots", "priority": "P4"}), Priority::P4),
        (&fresh(), json!({"message": "roots in the pipe"}), Priority::P3),
    ] {
        let decision = ask(call, 1, "sendSMSAlert", arguments.clone());
        assert_eq!(decision.texts[0].priority, priority, "{arguments}");
    }
}

#[test]
fn the_same_alert_is_another_one_once_the_call_is_an_emergency() {
    let alert = json!({"priority": "P4", "message": "drain"});
    let calm = ask(&fresh(), 0, "sendSMSAlert", alert.clone());
    let call = folded(&fresh(), &calm, 0);
    assert!(ask(&call, 1, "sendSMSAlert", alert.clone()).texts.is_empty(), "the same, asked again");
    let heard = call.decide(&key("c1"), &event(spoke("there is a flood"), 2), &playbook(), at(2));
    let urgent = folded(&call, &heard, 2);
    let again = ask(&urgent, 3, "sendSMSAlert", alert.clone());
    assert_eq!(people(&again.texts), ["owner", "on_call"]);
    assert!(ask(&folded(&urgent, &again, 3), 4, "sendSMSAlert", alert).texts.is_empty());
}

#[test]
fn an_urgency_is_heard_in_keywords_and_flags_as_well() {
    for (arguments, priority) in [
        (json!({"serviceType": "debouchage", "isEmergency": true, "keywords": ["bouchon"]}), "P1"),
        (json!({"serviceType": "debouchage", "keywords": ["inondation", "sous-sol"]}), "P1"),
        (json!({"serviceType": "relining", "estimatedValue": 5000}), "P3"),
        (json!({"estimatedValue": 4000}), "P3"),
        (json!({"description": ["flood", "basement"]}), "P1"),
        (json!({"description": "a slow sink", "urgency": "critical"}), "P1"),
        (json!({"serviceType": "debouchage", "isEmergency": false}), "P4"),
    ] {
        let answer = result(&ask(&fresh(), 0, "classifyPriority", arguments.clone()));
        assert_eq!(answer["priority"], priority, "{arguments}: {answer}");
    }
}

#[test]
fn a_name_of_an_argument_that_one_tool_understands_is_understood_by_all() {
    let alert = json!({"priority": "P2", "message": "x", "nomComplet": "Ana Roy", "adresseComplete": "10 rue Exemple"});
    let body = ask(&fresh(), 0, "sendSMSAlert", alert).texts[0].body.to_string();
    assert!(body.contains("Ana Roy") && body.contains("10 rue Exemple"), "{body}");
    let mut event =
        event(tool_call("tc", "requestCallback", json!({"tel": "514-555-0143", "full_name": "Ana Roy"})), 0);
    event.parties = Parties { from: Some("anonymous".into()), ..Parties::default() };
    let texts = fresh().decide(&key("c1"), &event, &playbook(), at(0)).texts;
    assert!(texts[0].body.contains("5145550143") && texts[0].body.contains("Ana Roy"), "{}", texts[0].body);
    let classified = ask(&fresh(), 0, "classifyPriority", json!({"besoin": "inondation"}));
    assert_eq!(result(&classified)["priority"], "P1");
}

#[test]
fn a_text_leaves_when_its_priority_says() {
    for (priority, leaves_s) in [("P1", 0), ("P2", 0), ("P3", 0), ("P4", 1800)] {
        let decision = ask(&fresh(), 7, "sendSMSAlert", json!({"priority": priority, "message": "x"}));
        let sms = &decision.texts[0];
        assert_eq!(sms.due_at, at(7 + leaves_s), "{priority}");
        assert_eq!(sms.expires_at, sms.due_at.plus(Duration::from_secs(14_400)));
        assert_eq!(result(&decision)["estimated_delivery_s"], leaves_s);
    }
}

#[test]
fn an_alert_repeated_within_two_minutes_is_the_same_alert() {
    let first = ask(&fresh(), 0, "sendSMSAlert", json!({"priority": "P1", "message": "x"}));
    let call = folded(&fresh(), &first, 0);
    for n in [0, 60, 120] {
        let again = ask(&call, n, "send_sms_alert", json!({"message": "x", "priority": "P1"}));
        assert_eq!((&again.answer, again.texts.len()), (&first.answer, 0));
        assert!(matches!(again.facts.last(), Some(Fact::ToolAnswered { repeated: true, .. })));
        assert_eq!(folded(&call, &again, n).texts_owed, 2);
    }
    let later = ask(&call, 121, "sendSMSAlert", json!({"priority": "P1", "message": "x"}));
    assert_eq!(people(&later.texts), ["owner", "on_call"]);
    assert_ne!(later.texts[0].id, first.texts[0].id, "another message, not a duplicate key");
    let other = ask(&call, 1, "sendSMSAlert", json!({"priority": "P1", "message": "y"}));
    assert_eq!(other.texts.len(), 2);
}

#[test]
fn one_call_causes_no_more_texts_than_its_tenant_allows() {
    let mut call = fresh();
    let mut sent = Vec::new();
    for n in 0..4 {
        let decision = ask(&call, n, "sendSMSAlert", json!({"priority": "P1", "message": n}));
        call = folded(&call, &decision, n);
        sent.push(decision.texts.len());
        if n == 3 {
            assert!(sentence(&decision).starts_with("The team has already been alerted"));
            assert!(decision.facts.iter().any(|f| matches!(f, Fact::Noted(n) if n.what.as_ref() == "sms_cap_reached")));
        }
    }
    assert_eq!(sent, [2, 2, 1, 0], "what is left of the five is used");
}

#[test]
fn an_emergency_is_told_once_however_many_texts_went_before() {
    let mut call = fresh();
    for n in 0..6 {
        let decision = ask(&call, n, "sendSMSAlert", json!({"priority": "P4", "message": n}));
        call = folded(&call, &decision, n);
    }
    assert_eq!(call.texts_owed, 5);
    let overheard = call.decide(&key("c1"), &event(spoke("now the basement has a flood"), 7), &playbook(), at(7));
    for call in [&folded(&call, &overheard, 7), &call] {
        let flooded = ask(call, 8, "sendSMSAlert", json!({"priority": "P1", "message": "flood"}));
        assert_eq!(people(&flooded.texts), ["owner", "on_call"]);
        let call = folded(call, &flooded, 8);
        let again = ask(&call, 9, "sendSMSAlert", json!({"priority": "P1", "message": "flood, it rises"}));
        assert!(again.texts.is_empty() && sentence(&again).starts_with("The team has already been alerted"));
    }
}

#[test]
fn a_text_promised_after_the_end_is_owed() {
    let ended = call_after([EventKind::Ended(hung_up())]);
    let decision = ask(&ended, 5, "sendSMSAlert", json!({"priority": "P1", "message": "x"}));
    assert_eq!(decision.texts.len(), 2);
    assert_eq!(folded(&ended, &decision, 5).phase, ended.phase);
}

#[test]
fn the_number_to_call_back_is_the_customers() {
    let told = |parties: Parties| {
        let alert =
            json!({"priority": "P2", "message": "call 514-555-0143", "customerInfo": {"phone": "514-555-0143"}});
        let mut event = event(tool_call("tc", "sendSMSAlert", alert), 0);
        event.parties = parties;
        fresh().decide(&key("c1"), &event, &playbook(), at(0)).texts[0].body.to_string()
    };
    let from = |number: &str| Parties { from: Some(number.into()), ..Parties::default() };
    assert_eq!(told(from(CALLER)), format!("Acme Drains P2: call [...]   {CALLER}"));
    assert_eq!(told(from("sip:+15145550142@carrier.example")), format!("Acme Drains P2: call [...]   {CALLER}"));
    let hidden = "Acme Drains P2: call 514-555-0143   5145550143";
    assert_eq!(told(from("anonymous")), hidden, "the one they dictated is the only way back");
    assert_eq!(told(Parties::default()), hidden);
    let outbound = Parties { direction: Some(Direction::Outbound), to: Some(CALLER.into()), ..from("+15145550100") };
    assert!(told(outbound).ends_with(CALLER));
}

#[test]
fn what_a_model_writes_is_bounded_and_harmless_in_a_text() {
    let long = "eau ".repeat(1_000);
    let alert = json!({
        "priority": "P2", "message": format!("{{{{ business }}}} \u{202e}https://example.com/pay\n 438-555-0199 {long}"),
        "name": long, "address": long, "service": long,
    });
    let body = ask(&fresh(), 0, "sendSMSAlert", alert).texts[0].body.to_string();
    assert!(body.starts_with("Acme Drains P2: {{ business }} [...] [...] eau"), "{body}");
    assert!(!body.contains(['\n', '\u{202e}']) && body.chars().count() < 400, "{body}");
}

#[test]
fn what_cannot_be_done_is_said_in_the_tenants_language() {
    let french = Playbook { language: Language::Fr, ..playbook() };
    for (tool, arguments, en, fr) in [
        ("bookAppointment", json!({}), "I cannot do that", "Je ne peux pas"),
        ("", json!({"a": {"b": [null]}}), "I cannot do that", "Je ne peux pas"),
        ("classifyPriority", json!({}), "Could you describe", "Pouvez-vous me décrire"),
        ("classifyPriority", json!({"description": [], "keywords": " "}), "Could you", "Pouvez-vous"),
        ("sendSMSAlert", json!({"priority": "P1"}), "What should I tell the team", "Que dois-je dire"),
        ("sendSMSAlert", json!({"message": " ", "customerInfo": false}), "What should I", "Que dois-je"),
    ] {
        for (playbook, wanted) in [(&playbook(), en), (&french, fr)] {
            let decision = ask_of(playbook, &fresh(), 0, tool, arguments.clone());
            let said = sentence(&decision);
            assert!(said.starts_with(wanted), "{tool} {arguments}: {said}");
            assert!(!said.contains('\n') && said.ends_with(['.', '?']) && said.chars().count() < 120, "{said}");
            assert!(decision.texts.is_empty());
        }
    }
}

#[test]
fn agents_set_up_long_ago_are_answered_under_the_names_they_use() {
    let boreal = Playbook::parse(include_str!("../../config/playbooks/boreal.toml"), "boreal.toml").unwrap();
    for (older, field, of) in [
        ("getServiceDetails", "warranty", json!({"service": "gainage", "includeGuarantee": true})),
        ("checkAvailability", "window", json!({"serviceType": "gainage"})),
        ("getQuote", "min", json!({"serviceType": "gainage"})),
        ("searchWebsiteInfo", "data", json!({"category": "horaires", "query": "samedi"})),
    ] {
        let answer = result(&ask_of(&boreal, &fresh(), 0, older, of));
        assert!(!answer[field].is_null(), "{older}: {answer}");
    }
}

#[test]
fn a_tool_speaks_the_language_the_call_is_held_in() {
    let mut call = fresh();
    let changed = |tag: &str| Fact::Noted(Note { what: "language_changed".into(), detail: Some(tag.into()) });
    for (tag, wanted) in [("fr-CA", "Pouvez-vous"), ("de", "Pouvez-vous"), ("English", "Could you")] {
        call.evolve(&changed(tag), at(1));
        assert!(sentence(&ask(&call, 2, "classifyPriority", json!({}))).starts_with(wanted), "{tag}");
    }
}

#[test]
fn every_tool_offered_describes_its_arguments_in_both_languages() {
    for language in [Language::Fr, Language::En] {
        let playbook = playbook();
        let offered = tools::offered(&playbook, language);
        assert!(offered.len() >= 2);
        for (tool, definition) in offered {
            let parameters = definition.parameters();
            let properties = parameters["properties"].as_object().unwrap();
            let required = parameters["required"].as_array().unwrap();
            assert!(required.iter().all(|name| properties.contains_key(name.as_str().unwrap())), "{}", tool.name());
            assert!(!definition.description.is_empty() && definition.description.chars().count() < 1_000);
        }
    }
}

#[test]
fn an_alert_that_failed_may_be_tried_again_at_once() {
    let failed = ask(&fresh(), 0, "sendSMSAlert", json!({}));
    assert!(folded(&fresh(), &failed, 0).effects.is_empty());
}

#[derive(Debug)]
struct Echo;

impl Tool for Echo {
    fn name(&self) -> &str {
        "classifyPriority"
    }
    fn run(&self, args: &Args, _: &ToolContext) -> ToolOutcome {
        ToolOutcome::result(&args.text(&["word"]))
    }
}

#[test]
fn a_business_may_have_a_tool_of_its_own() {
    let playbook = Playbook { extra_tools: vec![Arc::new(Echo)], ..playbook() };
    let decision = ask_of(&playbook, &fresh(), 0, "classifyPriority", json!({"word": "hello"}));
    assert_eq!(result(&decision), json!("hello"));
}

#[test]
fn a_redelivered_event_owes_the_same_messages() {
    let alert = || ask(&fresh(), 3, "sendSMSAlert", json!({"priority": "P1", "message": "x"}));
    let ids = |decision: Decision| decision.texts.iter().map(|sms| sms.id).collect::<Vec<_>>();
    assert_eq!(ids(alert()), ids(alert()));
    let mut other = event(tool_call("tc3", "sendSMSAlert", json!({"priority": "P1", "message": "x"})), 3);
    other.key = EventKey::new("fixture:other");
    assert_ne!(ids(fresh().decide(&key("c1"), &other, &playbook(), at(3))), ids(alert()));
}
