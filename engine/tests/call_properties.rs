//! What holds for every sequence of events, however often and in whatever order they arrive.

use std::sync::LazyLock;
use std::time::Duration;

use engine::call::{Call, ErrandReturn, Event, EventKind, Fact, Note, Phase, Report, Role, ToolAnswer};
use engine::ids::EventKey;
use engine::playbook::Playbook;
use engine::sms::NewSms;
use engine::testing::fixtures::{at, hung_up, key, parties, playbook_with, spoke, tool_call};
use engine::time::Timestamp;
use engine::tools::{Errand, Inquiry, Lost, Reply};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Read once: the properties ask it for every event.
static PLAYBOOK: LazyLock<Playbook> = LazyLock::new(|| {
    playbook_with(
        r#"
        [[tools]]
        name = "bookVisit"
        description = "Books a visit."
        url = "https://tools.example.com"
        secret = "a-secret-of-this-tool"
        effects = true
        "#,
    )
});

fn kinds() -> impl Strategy<Value = EventKind> {
    let phase = proptest::sample::select(Phase::ALL.to_vec());
    let seconds = || proptest::option::of(0..2_000u64);
    prop_oneof![
        1 => Just(EventKind::Requested),
        1 => Just(EventKind::TransferAsked),
        1 => Just(EventKind::HandoffAsked),
        1 => Just(EventKind::Ended(hung_up())),
        1 => Just(EventKind::Speaking { role: Role::Agent, text: "…".into() }),
        1 => Just(EventKind::Noted(Note { what: "hang".into(), detail: None })),
        4 => phase.prop_map(EventKind::Status),
        2 => ".{0,20}".prop_map(|text| spoke(&text)),
        2 => proptest::sample::select(vec!["a flood!", "no flood", "roots in the pipe", "the city of Laval", "hello"]).prop_map(spoke),
        6 => tools(),
        2 => errands_returned(),
        2 => (seconds(), seconds(), proptest::option::of(any::<u32>())).prop_map(|(started, ended, duration_s)| {
            let (started_at, ended_at) = (started.map(at), ended.map(at));
            EventKind::Reported(Box::new(Report { started_at, ended_at, duration_s, ..Report::default() }))
        }),
        1 => (0..400u64).prop_map(|idle| EventKind::WentSilent { idle: Duration::from_secs(idle) }),
    ]
}

fn tools() -> impl Strategy<Value = EventKind> {
    let name = proptest::sample::select(vec![
        "sendSMSAlert",
        "send_sms_alert",
        "classifyPriority",
        "lookupCaller",
        "bookVisit",
        "nope",
        "",
    ]);
    let key = proptest::sample::select(vec!["priority", "message", "customerInfo", "description", "urgence", "x"]);
    let arguments = proptest::collection::vec((key, values()), 0..4);
    (name, arguments, 0..3u8).prop_map(|(name, arguments, id)| {
        let arguments: Value = arguments.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        tool_call(&format!("t{id}"), name, arguments)
    })
}

/// Of errands that were begun, and of others.
fn errands_returned() -> impl Strategy<Value = EventKind> {
    let returned = prop_oneof![
        ".{0,20}".prop_map(|text| Ok(Reply::Text(text.into()))),
        Just(Ok(Reply::PastCalls(Vec::new()))),
        Just(Err(Lost::unknown("late"))),
        Just(Err(Lost::refused("status 404"))),
        Just(Err(Lost::not_asked("no seat"))),
    ];
    (returned, 0..3u8, proptest::option::of(0..3u64)).prop_map(|(returned, id, effect)| {
        let errand = Errand {
            id: format!("bookVisit/t{id}").into(),
            tool: "bookVisit".into(),
            effect,
            inquiry: Inquiry::Endpoint { body: "{}".into() },
            otherwise: ToolAnswer::Error("sorry".into()),
        };
        let (tool_call_id, name, took) = (format!("t{id}").into(), "bookVisit".into(), Duration::ZERO);
        EventKind::ErrandReturned(Box::new(ErrandReturn { tool_call_id, name, errand, returned, took }))
    })
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        proptest::sample::select(vec!["P1", "P4", "flood", "not an emergency", "AI: emergency?", "{{ x }}"])
            .prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            inner.prop_map(|value| json!({ "name": value.clone(), "phone": value })),
        ]
    })
}

/// Events at any second of half an hour: duplicates and disorder come by themselves.
fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = (kinds(), 0..1_800u64, 0..40u32).prop_map(|(kind, second, number)| Event {
        key: EventKey::new(format!("e:{number}")),
        at: at(second),
        parties: parties(),
        kind,
    });
    proptest::collection::vec(event, 1..30).prop_flat_map(|events| {
        let again = proptest::sample::subsequence(events.clone(), 0..=events.len());
        again.prop_map(move |again| [events.clone(), again].concat())
    })
}

/// One frame, as it is stored and read back.
struct Recorded {
    facts: Vec<Fact>,
    at: Timestamp,
    now: Timestamp,
}

fn play(events: &[Event], mut check: impl FnMut(&Call, &Call)) -> (Call, Vec<Recorded>, Vec<NewSms>) {
    let key = key("c1");
    let mut call = Call::new("fixture", events[0].at);
    let (mut recorded, mut texts) = (Vec::new(), Vec::new());
    for (event, now) in events.iter().zip((0..).map(at)) {
        let decision = call.decide(&key, event, &PLAYBOOK, now);
        if decision.facts.is_empty() {
            continue;
        }
        let before = call.clone();
        call.advance(&decision.facts, event.at, now);
        check(&before, &call);
        let json = serde_json::to_string(&decision.facts).unwrap();
        recorded.push(Recorded { facts: serde_json::from_str(&json).unwrap(), at: event.at, now });
        texts.extend(decision.texts);
    }
    (call, recorded, texts)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_ended_call_never_reopens_and_a_reported_one_has_ended(events in events()) {
        play(&events, |before, after| {
            assert!(before.phase != Phase::Ended || after.phase == Phase::Ended);
            assert!(!after.reported || after.phase == Phase::Ended);
            let steps_back = before.phase.is_live() && after.phase < before.phase;
            assert!(!steps_back || (before.phase, after.phase) == (Phase::Forwarding, Phase::InProgress));
        });
    }

    #[test]
    fn a_priority_never_becomes_less_urgent_by_itself(events in events()) {
        play(&events, |before, after| {
            assert!(before.priority.is_none_or(|known| after.priority.is_some_and(|now| now <= known)));
        });
    }

    #[test]
    fn the_state_is_the_replay_of_what_was_recorded(events in events()) {
        let (call, recorded, _) = play(&events, |_, _| {});
        let mut replayed = Call::new("fixture", events[0].at);
        for frame in &recorded {
            replayed.advance(&frame.facts, frame.at, frame.now);
        }
        prop_assert_eq!(&replayed, &call);
        let snapshot: Call = serde_json::from_str(&serde_json::to_string(&call).unwrap()).unwrap();
        prop_assert_eq!(snapshot, call);
    }

    #[test]
    fn no_more_is_texted_than_the_tenant_allows_and_every_text_is_recorded(events in events()) {
        let (call, recorded, texts) = play(&events, |_, _| {});
        prop_assert!(texts.len() <= PLAYBOOK.sms.per_call as usize);
        prop_assert_eq!(texts.len(), call.texts_owed as usize);
        let owed = recorded.iter().flat_map(|frame| &frame.facts).filter(|fact| matches!(fact, Fact::SmsOwed { .. }));
        prop_assert_eq!(owed.count(), texts.len());
        prop_assert!(call.effects.len() <= Call::MAX_EFFECTS && call.unsettled.len() <= Call::MAX_EFFECTS);
        for sms in texts {
            let known = PLAYBOOK.contacts.iter().any(|contact| contact.phone == sms.to);
            prop_assert!(known, "only the playbook's people are texted");
            prop_assert!(sms.body.chars().count() < 500 && sms.due_at < sms.expires_at);
        }
    }

    #[test]
    fn every_tool_call_is_answered_once_or_waits_for_an_errand(events in events()) {
        let (_, recorded, _) = play(&events, |_, _| {});
        for facts in recorded.iter().map(|frame| &frame.facts) {
            let count = |is: fn(&Fact) -> bool| facts.iter().filter(|fact| is(fact)).count();
            let called = count(|fact| matches!(fact, Fact::ToolCalled { .. }));
            let ended = count(|fact| matches!(fact, Fact::ErrandEnded { .. }));
            let answered = count(|fact| matches!(fact, Fact::ToolAnswered { .. }));
            let begun = count(|fact| matches!(fact, Fact::ErrandBegun { .. }));
            prop_assert_eq!(called + ended, answered + begun);
        }
    }

    #[test]
    fn the_same_event_is_always_decided_the_same(events in events()) {
        let (call, ..) = play(&events, |_, _| {});
        for event in &events {
            let decide = || call.decide(&key("c1"), event, &PLAYBOOK, at(5_000));
            prop_assert_eq!(decide(), decide());
        }
    }
}
