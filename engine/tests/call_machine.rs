//! The call machine by table: a call, an event, what becomes of it.

use std::time::Duration;

use engine::call::{Answer, Call, EndedReason, Event, EventKind, Fact, Fault, Note, Parties, Phase, Report, Role};
use engine::playbook::Destination;
use engine::priority::Priority;
use engine::testing::fixtures::{CALLER, at, call_after, event, hung_up, key, playbook, report, spoke, tool_call};
use serde_json::json;

fn after(call: &Call, event: &Event) -> (Call, Vec<Fact>) {
    let decision = call.decide(&key("c1"), event, &playbook(), event.at);
    let mut next = call.clone();
    if !decision.facts.is_empty() {
        next.advance(&decision.facts, event.at, event.at);
    }
    (next, decision.facts)
}

fn silent() -> EventKind {
    EventKind::WentSilent { idle: Duration::from_secs(300) }
}

fn status(phase: Phase) -> EventKind {
    EventKind::Status(phase)
}

fn noted(what: &str) -> EventKind {
    EventKind::Noted(engine::call::Note { what: what.into(), detail: None })
}

#[test]
fn a_call_stands_where_its_own_statuses_say() {
    use Phase::*;
    let ended = || EventKind::Ended(hung_up());
    let table: Vec<(&str, Vec<EventKind>, Phase)> = vec![
        ("nothing but a question", vec![EventKind::Requested], Ringing),
        ("the usual way", vec![status(Queued), status(Ringing), status(InProgress)], InProgress),
        ("repeated", vec![status(InProgress), status(InProgress)], InProgress),
        ("out of order", vec![status(InProgress), status(Ringing), status(Queued)], InProgress),
        ("forwarded", vec![status(InProgress), status(Forwarding)], Forwarding),
        ("back from forwarding", vec![status(Forwarding), status(InProgress)], InProgress),
        ("ringing late while forwarding", vec![status(Forwarding), status(Ringing)], Forwarding),
        ("somebody speaks, so it was answered", vec![status(Ringing), spoke("allô")], InProgress),
        ("a tool call alone", vec![tool_call("t", "x", json!({}))], InProgress),
        ("speech while forwarding", vec![status(Forwarding), spoke("allô")], Forwarding),
        ("an interruption alone", vec![noted("user_interrupted")], InProgress),
        ("a recording of a call never heard of", vec![noted("artifact_uploaded")], Ended),
        ("a recording while it goes on", vec![status(InProgress), noted("artifact_uploaded")], InProgress),
        ("something unknown later", vec![status(Ringing), noted("unknown")], Ringing),
        ("ended", vec![status(InProgress), ended()], Ended),
        ("ended as a bare status", vec![status(InProgress), status(Ended)], Ended),
        ("a report alone", vec![report()], Ended),
        ("in progress after the end", vec![ended(), status(InProgress)], Ended),
        ("in progress after the report", vec![report(), status(InProgress), spoke("oui")], Ended),
        ("an adapter cannot lose a call", vec![status(Ringing), status(Lost)], Ringing),
    ];
    for (what, events, phase) in table {
        assert_eq!(call_after(events).phase, phase, "{what}");
    }
}

#[test]
fn a_silent_call_is_lost_until_it_is_heard_of_again() {
    let call = call_after([status(Phase::InProgress)]);
    let (lost, facts) = after(&call, &event(silent(), 1_000));
    assert_eq!(lost.phase, Phase::Lost);
    assert!(facts.contains(&Fact::WentSilent { idle_s: 300 }));
    assert_eq!(lost.ended_at, None, "nobody knows when");

    let (alive, _) = after(&lost, &event(status(Phase::InProgress), 1_001));
    assert_eq!(alive.phase, Phase::InProgress, "it was only our guess");
    let (ended, _) = after(&lost, &event(report(), 1_001));
    assert_eq!(ended.phase, Phase::Ended);
    assert!(ended.reported);
}

#[test]
fn silence_that_is_over_or_too_late_is_no_news() {
    let talking = call_after([status(Phase::InProgress), spoke("oui")]);
    assert_eq!(after(&talking, &event(silent(), 60)).1, [], "heard of 59 s ago");
    let ended = call_after([EventKind::Ended(hung_up())]);
    assert_eq!(after(&ended, &event(silent(), 1_000)).1, [], "ended");
    let speaking = EventKind::Speaking { role: Role::Caller, text: "je…".into() };
    assert_eq!(after(&Call::new("fixture", at(0)), &event(speaking, 0)).1, [], "volatile");
}

#[test]
fn what_says_nothing_of_a_call_opens_none() {
    let unheard = Call::new("fixture", at(0));
    for note in ["unknown", "status"] {
        assert_eq!(after(&unheard, &event(noted(note), 0)).1, [], "{note}");
        let ringing = call_after([status(Phase::Ringing)]);
        assert_eq!(
            after(&ringing, &event(noted(note), 1)).1.len(),
            1,
            "{note}: a line in the timeline of a known call"
        );
    }
}

#[test]
fn who_speaks_is_believed_from_the_first_who_says_it() {
    let mut first = event(EventKind::Requested, 0);
    first.parties = Parties { from: None, ..first.parties };
    let (call, facts) = after(&Call::new("fixture", at(0)), &first);
    assert!(matches!(&facts[0], Fact::Introduced { platform, .. } if platform.as_ref() == "fixture"));
    assert_eq!(call.from, None);

    let (call, facts) = after(&call, &event(spoke("allô"), 1));
    assert_eq!(call.from.as_deref(), Some(CALLER));
    assert!(matches!(&facts[0], Fact::Introduced { parties, .. } if parties.to.is_none()), "only what is new");

    let mut forged = event(spoke("allô"), 2);
    forged.parties.from = Some("+15145550199".into());
    let (call, facts) = after(&call, &forged);
    assert_eq!(call.from.as_deref(), Some(CALLER));
    assert_eq!(facts.len(), 1);
}

#[test]
fn times_are_ours_until_the_report_tells_better() {
    let told = |started: Option<u64>, ended: Option<u64>, duration_s: Option<u32>| {
        EventKind::Reported(Box::new(Report {
            started_at: started.map(at),
            ended_at: ended.map(at),
            duration_s,
            ..Report::default()
        }))
    };
    // The call is first heard of at second 0, in progress at 1, ended at 2, reported at 3.
    let table = [
        ("no report", None, 0, 2, Some(2)),
        ("an empty report", Some(told(None, None, None)), 0, 2, Some(2)),
        ("its own times", Some(told(Some(10), Some(75), Some(9))), 10, 75, Some(65)),
        ("its duration alone", Some(told(None, None, Some(9))), 0, 2, Some(9)),
        ("times the wrong way round", Some(told(Some(75), Some(10), Some(9))), 75, 10, Some(9)),
        ("wrong times and nothing else", Some(told(Some(75), Some(10), None)), 75, 10, None),
    ];
    for (what, report, started, ended, duration_s) in table {
        let usual = [EventKind::Requested, status(Phase::InProgress), EventKind::Ended(hung_up())];
        let call = call_after(usual.into_iter().chain(report));
        assert_eq!((call.started_at, call.ended_at), (at(started), Some(at(ended))), "{what}");
        assert_eq!(call.duration_s, duration_s, "{what}");
    }
}

#[test]
fn the_first_end_is_the_end_and_the_report_has_the_last_word() {
    let other = || EndedReason { reason: "silence".into(), group: "completed.timeout".into(), fault: Fault::None };
    let twice = call_after([EventKind::Ended(hung_up()), EventKind::Ended(other())]);
    assert_eq!(twice.ended_reason.as_deref(), Some("customer-ended-call"));
    assert_eq!(twice.ended_at, Some(at(0)));

    let reported = call_after([EventKind::Ended(other()), report(), EventKind::Ended(other())]);
    assert_eq!(reported.ended_reason.as_deref(), Some("customer-ended-call"));
    assert_eq!(reported.summary.as_deref(), Some("Water in the basement."));
}

#[test]
fn what_happens_is_recorded_even_after_the_end() {
    let note = Note { what: "hang".into(), detail: None };
    let table = [
        (EventKind::Requested, Fact::Requested),
        (status(Phase::Ringing), Fact::Status { phase: Phase::Ringing }),
        (spoke("merci"), Fact::Spoke { role: Role::Caller, text: "merci".into() }),
        (EventKind::Noted(note.clone()), Fact::Noted(note)),
        (EventKind::Ended(hung_up()), Fact::Ended(hung_up())),
    ];
    let ended = call_after([report()]);
    for (kind, fact) in table {
        let (call, facts) = after(&ended, &event(kind, 9));
        assert_eq!(facts, [fact]);
        assert_eq!((call.phase, call.seq), (Phase::Ended, 2));
    }
}

#[test]
fn what_the_caller_says_makes_a_call_more_urgent_and_never_less() {
    let agent = |text: &str| EventKind::Spoke { role: Role::Agent, text: text.into() };
    let urgent = Some((Priority::P1, "urgence_immediate: heard « flood »"));
    let table = [
        ("an emergency", vec![spoke("there is a flood")], urgent),
        ("nothing special", vec![spoke("hello")], None),
        ("denied", vec![spoke("there is no flood")], None),
        ("said by the agent", vec![agent("is it a flood?")], None),
        ("calmer later", vec![spoke("a flood"), spoke("roots in the pipe")], urgent),
        ("worse later", vec![spoke("roots in the pipe"), spoke("now it is a flood")], urgent),
        (
            "less than the agent knows",
            vec![tool_call("t", "classifyPriority", json!({"description": "flood"})), spoke("the city of Laval")],
            urgent,
        ),
    ];
    for (what, events, known) in table {
        let call = call_after(events);
        assert_eq!(call.priority.zip(call.priority_reason.as_deref()), known, "{what}");
    }
    let (_, facts) = after(&call_after([]), &event(spoke("a flood"), 1));
    let [.., Fact::PrioritySet { by, .. }, Fact::AlertOpened(notice)] = &facts[..] else { panic!("{facts:?}") };
    assert_eq!((by.as_ref(), notice.by.as_ref(), notice.held), ("transcript", "transcript", true));
}

#[test]
fn a_report_tells_the_priority_of_a_call_that_has_none() {
    let told = |transcript: &str| {
        EventKind::Reported(Box::new(Report { transcript: Some(transcript.into()), ..Report::default() }))
    };
    for (what, events, priority) in [
        ("an emergency", vec![told("AI: Hello?\nUser: a flood!")], Some(Priority::P1)),
        ("only the agent's words", vec![told("AI: a flood?\nUser: no, a slow sink")], None),
        (
            "the agent set one",
            vec![tool_call("t", "classifyPriority", json!({"description": "a sink"})), told("User: a flood!")],
            Some(Priority::P4),
        ),
        ("no transcript", vec![report()], None),
    ] {
        assert_eq!(call_after(events).priority, priority, "{what}");
    }
}

#[test]
fn transfers_and_handoffs_are_answered_from_the_playbook() {
    let playbook = playbook();
    let call = Call::new("fixture", at(0));
    let ask = |kind| call.decide(&key("c1"), &event(kind, 0), &playbook, at(0));

    let transfer = ask(EventKind::TransferAsked);
    let Answer::Transfer(Some(Destination::Number { number, .. })) = &transfer.answer else {
        panic!("{:?}", transfer.answer)
    };
    assert_eq!(number.as_str(), "+15145550120");
    assert!(matches!(&transfer.facts[1], Fact::TransferAnswered { destination: Some(_) }));
    let handoff = ask(EventKind::HandoffAsked);
    assert!(matches!(&handoff.answer, Answer::Handoff(Some(Destination::Assistant { .. }))));

    let nowhere = engine::playbook::Playbook { transfer: None, ..playbook.clone() };
    let refused = call.decide(&key("c1"), &event(EventKind::TransferAsked, 0), &nowhere, at(0));
    assert_eq!(refused.answer, Answer::Transfer(None));
}

#[test]
fn a_call_stays_small_whatever_is_said_in_it() {
    let long = "é".repeat(50_000);
    let flood = (0..100).map(|n| tool_call("t", &format!("tool{n}{long}"), json!({ "x": long })));
    let call = call_after(flood.chain([spoke(&long)]));
    assert_eq!(call.tools_used.len(), Call::MAX_TOOLS_SHOWN);
    assert!(call.tools_used.iter().all(|name| name.chars().count() <= 64));
    assert_eq!(call.last_line.unwrap().text.chars().count(), 280);

    let (_, facts) = after(&call_after([]), &event(tool_call("t", "x", json!({ "x": long })), 0));
    let mut deep = json!(1);
    for _ in 0..100 {
        deep = json!([deep]);
    }
    let (_, nested) = after(&call_after([]), &event(tool_call("t", "x", json!({ "x": deep })), 0));
    let truncated = |fact: &Fact| matches!(fact, Fact::ToolCalled { arguments, .. } if arguments["truncated"] == true);
    assert!(facts.iter().any(truncated));
    assert!(nested.iter().any(truncated), "what is recorded must be readable again");
}
