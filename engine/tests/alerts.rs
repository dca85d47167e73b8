//! The alert machine: who is told when, and what stops it.

use std::collections::HashSet;
use std::sync::LazyLock;
use std::time::Duration;

use engine::alert::{
    Alert, AlertEvent, AlertState, Answer, Change, Desk, Fate, HOLD, How, Links, Notice, Owner, Place, Plan, PlanStep,
    Reason, Telling, Way, What, Word,
};
use engine::call::{Call, Decision, EndedReason, EventKind, Fact, Fault};
use engine::playbook::{Channels, Playbook, Shadow};
use engine::priority::Priority;
use engine::sms::SmsState;
use engine::testing::contracts;
use engine::testing::fixtures::{at, call_after, event, hung_up, key, playbook, report, spoke, tool_call};
use engine::time::Timestamp;
use proptest::prelude::*;
use serde_json::json;

const BOTH: Channels = Channels { sms: true, call: true, push: false };
const PHONE: Channels = Channels { sms: false, call: true, push: false };

const CHANNEL: &str = r#"
tenant = "acme"
name = "Acme"
language = "en"
[contacts]
owner = { phone = "+15145550110" }
on_call = { phone = "+15145550111", language = "fr" }
[push]
url = "https://ntfy.example.com/topic-7f3"
priorities = ["P1", "P2"]
[rosters.emergency]
steps = [{ contacts = ["owner"], by = ["sms"] }, { contacts = ["on_call"], by = ["sms", "push"] }]
[priorities]
P1 = { reason = "emergency", roster = "emergency", text_within_s = 0, acknowledge_within_s = 60, phrases = ["flood"] }
P2 = { reason = "soon", phrases = ["city of"], text = ["owner"], text_within_s = 120 }
P3 = { reason = "later", phrases = ["roots"], roster = "emergency", text_within_s = 120, acknowledge_within_s = 600 }
P4 = { reason = "standard", text = ["owner"], text_within_s = 1800 }
[reception]
assistant = "assistant-acme"
[templates.alert]
en = "{{ business }} {{ priority }}: {{ message }}"
fr = "{{ business }} {{ priority }}: {{ message }}"
"#;

/// `owner` by text and phone, then `on_call` by text, then both by phone; twice, a minute apart.
fn notice() -> Notice {
    let step = |contacts: &[&str], by| PlanStep { contacts: contacts.iter().map(|name| (*name).into()).collect(), by };
    let plan = Plan {
        roster: "emergency".into(),
        steps: vec![step(&["owner"], BOTH), step(&["on_call"], Channels::SMS), step(&["owner", "on_call"], PHONE)],
        repeat: 1,
        beside: Vec::new(),
        push: false,
        acknowledge_within_s: Some(60),
        open_for_s: 3600,
    };
    Notice { plan, first_at: at(0), ..contracts::notice(&key("c1"), Priority::P1) }
}

fn opened(notice: &Notice) -> Alert {
    let of = key("c1");
    Alert::opened(notice, Owner { tenant: of.tenant, call: Some(of.call) }, &[], at(0)).alert
}

fn after(alert: &Alert, event: &AlertEvent, seconds: u64) -> Option<Change> {
    static PLAYBOOK: LazyLock<Playbook> = LazyLock::new(playbook);
    alert.decide(event, &Desk { playbook: Some(&PLAYBOOK), now: at(seconds) })
}

fn changed(alert: &Alert, event: &AlertEvent, seconds: u64) -> Alert {
    after(alert, event, seconds).expect("it changes something").alert
}

fn place(round: u32, step: u32) -> Place {
    Place { walk: 0, round, step }
}

fn called(contact: &str, place: Place, fate: Fate) -> AlertEvent {
    AlertEvent::Called { contact: contact.into(), place, fate, why: None }
}

fn replied(contact: &str, answer: Answer) -> AlertEvent {
    AlertEvent::Replied { contact: contact.into(), place: None, answer, how: How::Reply }
}

#[test]
fn every_step_is_told_as_often_as_the_roster_says_and_then_loudly_nobody() {
    let mut alert = opened(&notice());
    let mut walked = Vec::new();
    while let Some(due) = alert.next_at {
        let seconds = due.since(at(0)).as_secs();
        let change = after(&alert, &AlertEvent::StepDue, seconds).unwrap();
        let texted: Vec<String> = change.texts.iter().map(|text| text.contact.to_string()).collect();
        let phoned = change.alert.told.iter().filter(|it| it.by == Way::Call && it.at == at(seconds)).count();
        walked.push((seconds, change.alert.state, texted.join(" "), phoned));
        alert = change.alert;
    }
    let (open, escalated) = (AlertState::Open, AlertState::Escalated);
    let told = |seconds, state, texted: &str, phoned| (seconds, state, texted.to_owned(), phoned);
    assert_eq!(
        walked,
        [
            told(0, open, "owner", 1),
            told(60, escalated, "on_call", 0),
            told(120, escalated, "", 2),
            told(180, escalated, "owner", 1),
            told(240, escalated, "on_call", 0),
            told(300, escalated, "", 2),
            told(360, AlertState::Unanswered, "", 0),
        ]
    );
}

#[test]
fn an_answer_means_what_it_says_in_every_state() {
    let begun = changed(&opened(&notice()), &AlertEvent::StepDue, 0);
    let second = changed(&begun, &AlertEvent::StepDue, 60);
    let mut unanswered = second.clone();
    while unanswered.next_at.is_some() {
        unanswered = changed(&unanswered, &AlertEvent::StepDue, 400);
    }
    let taken = changed(&begun, &replied("owner", Answer::Take), 5);
    let by = |name: &str| AlertEvent::Acknowledged { by: name.into(), how: How::Api };
    let over = AlertEvent::Resolved { by: "jo".into(), how: How::Api };
    let (acknowledged, resolved) = (Some(AlertState::Acknowledged), Some(AlertState::Resolved));
    for (what, before, event, state) in [
        ("taken by one who was told", &begun, replied("owner", Answer::Take), acknowledged),
        ("taken by nobody who was told", &begun, replied("stranger", Answer::Take), None),
        ("taken by one of an earlier step", &second, replied("owner", Answer::Take), acknowledged),
        ("taken late", &unanswered, replied("owner", Answer::Take), acknowledged),
        ("taken again", &taken, by("jo"), None),
        ("taken over the API", &second, by("jo"), acknowledged),
        ("resolved untaken", &begun, over.clone(), resolved),
        ("resolved", &taken, over.clone(), resolved),
        ("a step that is due when it was taken", &taken, AlertEvent::StepDue, None),
        ("passed on", &begun, replied("owner", Answer::Pass), Some(AlertState::Open)),
        ("passed on when it is over", &taken, replied("stranger", Answer::Pass), None),
    ] {
        let after = after(before, &event, 30).map(|change| change.alert.state);
        assert_eq!(after, state, "{what}");
    }
    let passed = changed(&begun, &replied("owner", Answer::Pass), 30);
    assert_eq!(passed.next_at, Some(at(30)), "the next step is due at once");
    let again = changed(&changed(&passed, &AlertEvent::StepDue, 30), &AlertEvent::StepDue, 90);
    let passed = changed(&again, &replied("owner", Answer::Pass), 95);
    assert_eq!(passed.next_at, Some(at(95)), "asked again, they may pass again");
    assert_eq!(after(&passed, &replied("owner", Answer::Pass), 96), None, "saying it twice says it once");
}

#[test]
fn a_step_that_reached_nobody_is_over_and_one_that_may_have_is_not() {
    let begun = changed(&opened(&notice()), &AlertEvent::StepDue, 0);
    let sms = begun.told.iter().find_map(|telling| telling.sms).unwrap();
    let text = |fate| AlertEvent::Texted { sms, fate, why: None };
    for (fate_of_text, fate_of_call, over) in [
        (Fate::Failed, Fate::NoAnswer, true),
        (Fate::Failed, Fate::Machine, true),
        (Fate::Failed, Fate::Answered, false),
        (Fate::Failed, Fate::Unknown, false),
        (Fate::Delivered, Fate::NoAnswer, false),
    ] {
        let texted = changed(&begun, &text(fate_of_text), 10);
        let both = changed(&texted, &called("owner", place(0, 0), fate_of_call), 20);
        assert_eq!(both.next_at, Some(at(if over { 20 } else { 60 })), "{fate_of_text:?} {fate_of_call:?}");
    }
}

#[test]
fn whoever_was_phoned_or_told_before_it_became_urgent_hears_that_it_is_taken() {
    let phone_only = Plan { steps: vec![notice().plan.steps[2].clone()], ..notice().plan };
    let phoned = changed(&opened(&Notice { plan: phone_only, ..notice() }), &AlertEvent::StepDue, 0);
    let dialling = AlertEvent::Dialling { contact: "on_call".into(), place: place(0, 0), whom: "on_call".into() };
    let phoned = changed(&phoned, &dialling, 1);
    let named = |change: &Change| change.texts.iter().map(|text| text.contact.to_string()).collect::<Vec<_>>();
    let taken = after(&phoned, &replied("owner", Answer::Take), 5).unwrap();
    assert_eq!(named(&taken), ["on_call"], "a missed call is called back");
    let never_rung = changed(&opened(&Notice { plan: notice().plan, ..notice() }), &AlertEvent::StepDue, 0);
    assert_eq!(named(&after(&never_rung, &replied("owner", Answer::Take), 5).unwrap()), Vec::<String>::new());

    let gentle = Notice { priority: Priority::P2, ..notice() };
    let first = changed(&opened(&gentle), &AlertEvent::StepDue, 0);
    let only_on_call = Plan { steps: vec![notice().plan.steps[1].clone()], ..notice().plan };
    let urgent = first.noticed(&Notice { first_at: at(30), plan: only_on_call, ..notice() }, &[], at(30)).alert;
    let second = changed(&urgent, &AlertEvent::StepDue, 30);
    let taken = after(&second, &replied("on_call", Answer::Take), 40).unwrap();
    assert_eq!(named(&taken), ["owner"], "told while it was less urgent");
    let again = taken.alert.noticed(&Notice { reason: Reason::Undelivered, first_at: at(50), ..notice() }, &[], at(50));
    let told = changed(&again.alert, &AlertEvent::StepDue, 50);
    let retaken = after(&told, &AlertEvent::Acknowledged { by: "jo".into(), how: How::Api }, 60).unwrap();
    assert_eq!(named(&retaken).len(), 1, "who heard it the last time does not hear it again: {:?}", named(&retaken));
}

#[test]
fn a_receipt_has_an_end_and_an_answer_counts_after_it() {
    let mut alert = changed(&opened(&notice()), &AlertEvent::StepDue, 0);
    for n in 0..3_000 {
        let answer = if n % 2 == 0 { Answer::Pass } else { Answer::Take };
        let event = if n == 0 { AlertEvent::ClockMoved { by_ms: 1_000 } } else { replied("owner", answer) };
        alert = after(&alert, &event, 10).map_or(alert, |change| change.alert);
    }
    assert_eq!(alert.state, AlertState::Acknowledged);
    assert!(alert.entries < 1_500, "{} lines", alert.entries);
    let mut flapping = changed(&opened(&notice()), &AlertEvent::StepDue, 0);
    for n in 0..3_000_i64 {
        let by_ms = if n % 2 == 0 { 60_000 } else { -60_000 };
        flapping = changed(&flapping, &AlertEvent::ClockMoved { by_ms }, 10);
    }
    assert!(flapping.entries < 1_500, "{} lines", flapping.entries);
    let taken = after(&flapping, &replied("owner", Answer::Take), 11).unwrap();
    assert!(taken.entries.iter().any(|entry| matches!(entry.what, What::Acknowledged { .. })));
}

fn pushes(alert: &Alert) -> Vec<(Word, Fate, Place)> {
    let pushed = alert.told.iter().filter(|it| it.by == Way::Push);
    pushed.map(|it| (it.word, it.fate, it.place)).collect()
}

/// The same roster, where the business has a channel of its own: told at once by the first step, or only when others fail.
fn with_a_channel(at_once: bool) -> Alert {
    let mut notice = notice();
    notice.plan.push = true;
    notice.plan.steps[0].by.push = at_once;
    changed(&opened(&notice), &AlertEvent::StepDue, 0)
}

#[test]
fn the_channel_is_told_at_once_or_when_the_carrier_fails_and_once_per_step() {
    let open = |round, step| (Word::Open, Fate::Owed, place(round, step));
    let at_once = with_a_channel(true);
    assert_eq!(pushes(&at_once), [open(0, 0)]);
    let waits = with_a_channel(false);
    assert_eq!(pushes(&waits), []);
    let sms = waits.told.iter().find_map(|telling| telling.sms).unwrap();
    let text = |fate| AlertEvent::Texted { sms, fate, why: None };
    let held = AlertEvent::Held { sms, why: "not sent after 10 s".into() };
    for (what, event, told) in [
        ("a text that failed", text(Fate::Failed), vec![open(0, 0)]),
        ("a text that has not left", held.clone(), vec![open(0, 0)]),
        ("a call that could not be placed", called("owner", place(0, 0), Fate::Failed), vec![open(0, 0)]),
        ("a call nobody picked up", called("owner", place(0, 0), Fate::NoAnswer), vec![]),
        ("a text that arrived", text(Fate::Delivered), vec![]),
    ] {
        let after = changed(&waits, &event, 5);
        assert_eq!(pushes(&after), told, "{what}");
        assert_eq!(after.next_at, Some(at(60)), "{what}: and the step goes on");
    }
    let fell_back = after(&waits, &held, 5).unwrap();
    let lines: Vec<&What> = fell_back.entries.iter().map(|entry| &entry.what).collect();
    assert!(matches!(lines[..], [What::FellBack { .. }, What::Told { by: Way::Push, .. }]), "{lines:?}");
    assert_eq!(after(&fell_back.alert, &held, 6), None, "said twice, it is told once");
    assert_eq!(pushes(&changed(&at_once, &text_of(&at_once, Fate::Failed), 5)).len(), 1);
    let later = changed(&waits, &AlertEvent::StepDue, 60);
    assert_eq!(pushes(&changed(&later, &text(Fate::Failed), 61)), [], "the step is over");
    let nobody_else =
        changed(&changed(&waits, &text(Fate::Failed), 5), &called("owner", place(0, 0), Fate::Machine), 6);
    assert_eq!(nobody_else.next_at, Some(at(60)), "the channel may have reached somebody");
    let lost = AlertEvent::Pushed { place: place(0, 0), word: Word::Open, fate: Fate::Failed, why: None };
    assert_eq!(changed(&nobody_else, &lost, 7).next_at, Some(at(7)), "and now nobody was");
}

fn text_of(alert: &Alert, fate: Fate) -> AlertEvent {
    AlertEvent::Texted { sms: alert.told.iter().find_map(|telling| telling.sms).unwrap(), fate, why: None }
}

#[test]
fn whoever_reads_the_channel_hears_how_it_ended() {
    let taken = changed(&with_a_channel(true), &replied("owner", Answer::Take), 5);
    assert_eq!(pushes(&taken)[1], (Word::Taken, Fate::Owed, place(0, 0)));
    assert_eq!(pushes(&changed(&with_a_channel(false), &replied("owner", Answer::Take), 5)), [], "told nothing before");
    let mut unanswered = with_a_channel(false);
    while unanswered.next_at.is_some() {
        unanswered = changed(&unanswered, &AlertEvent::StepDue, 400);
    }
    assert_eq!(pushes(&unanswered), [(Word::Unanswered, Fate::Owed, place(1, 2))], "loudly");
    let late = changed(&unanswered, &AlertEvent::Acknowledged { by: "jo".into(), how: How::Api }, 500);
    assert_eq!(pushes(&late)[1].0, Word::Taken);
}

#[test]
fn a_notification_says_what_the_page_would_and_carries_the_link() {
    let mut playbook = playbook_with_a_channel();
    playbook.links = Some(Links::new("https://calls.example.com", b"key"));
    let mut alert = with_a_channel(true);
    alert.words.client = "Jo".to_owned();
    let telling = alert.told.iter().find(|it| it.by == Way::Push).unwrap();
    let push = alert.push(telling, &playbook).unwrap();
    let link = playbook.links.as_ref().unwrap().link(alert.id, "@team");
    assert_eq!(&*push.title, "Acme P1: alert");
    assert_eq!(push.text.lines().last(), Some(&*link));
    assert!(push.text.contains("Jo"));
    assert_eq!(playbook.links.as_ref().unwrap().whose(link.rsplit('/').next().unwrap(), &alert), Some("@team"));
    let again = alert.push(telling, &playbook).unwrap();
    assert_eq!(push.id, again.id, "the same thing has the same name");
    let taken = changed(&alert, &replied("@team", Answer::Take), 5);
    let last = taken.told.last().unwrap();
    let push = taken.push(last, &playbook).unwrap();
    assert_eq!(&*push.title, "Acme P1: somebody is taking it");
    assert!(push.id != again.id && !push.text.contains("https://"));
    playbook.push = None;
    assert_eq!(taken.push(last, &playbook), None);
    assert!(!format!("{:?}", playbook_with_a_channel()).contains("topic-7f3"), "who knows the topic reads it");
}

#[test]
fn the_playbook_says_what_goes_to_the_channel_at_once_and_what_only_in_need() {
    let playbook = playbook_with_a_channel();
    for (priority, pushed) in [
        (Priority::P1, vec![true, true]),
        (Priority::P2, vec![true]),
        (Priority::P3, vec![false, true]),
        (Priority::P4, vec![false]),
    ] {
        let roster = &playbook.rule(priority).roster;
        let plan = Plan::of(&playbook.route(priority, roster, "", ""), priority, &playbook);
        assert!(plan.push);
        assert_eq!(plan.steps.iter().map(|step| step.by.push).collect::<Vec<_>>(), pushed, "{priority}");
    }
    for (good, bad, words) in [
        ("https://ntfy.example.com/topic-7f3", "http://ntfy.example.com/topic-7f3", vec!["push.url", "https"]),
        ("https://ntfy.example.com/topic-7f3", "https://10.0.0.7/topic-7f3", vec!["push.url", "private"]),
        ("url = ", "format = \"json\"\nurl = ", vec!["push.secret", "16 characters"]),
        ("url = ", "format = \"json\"\nsecret = \"short-7f3\"\nurl = ", vec!["push.secret", "16 characters"]),
        ("url = ", "secret = \"two words\"\nurl = ", vec!["push.secret", "visible"]),
        ("[push]\nurl = \"https://ntfy.example.com/topic-7f3\"\npriorities = [\"P1\", \"P2\"]\n", "", vec!["[push]"]),
        ("priorities = [\"P1\", \"P2\"]", "priorities = [\"P5\"]", vec!["P5"]),
    ] {
        let text = CHANNEL.replace(good, bad);
        assert!(text != CHANNEL);
        let refused = Playbook::parse(&text, "acme.toml").unwrap_err().to_string();
        for word in words {
            assert!(refused.contains(word), "{word:?} is not in {refused}");
        }
        assert!(!refused.contains("short-7f3"), "{refused}");
    }
}

fn playbook_with_a_channel() -> Playbook {
    Playbook::parse(CHANNEL, "acme.toml").unwrap()
}

#[test]
fn a_fate_only_moves_forward() {
    let begun = changed(&opened(&notice()), &AlertEvent::StepDue, 0);
    let dialling = AlertEvent::Dialling { contact: "owner".into(), place: place(0, 0), whom: "owner".into() };
    let claimed = changed(&begun, &dialling, 1);
    assert_eq!(after(&claimed, &dialling, 1), None, "a call is claimed once");
    let ended = changed(&claimed, &called("owner", place(0, 0), Fate::NoAnswer), 2);
    assert_eq!(after(&ended, &called("owner", place(0, 0), Fate::Answered), 3), None);
    let cut = changed(&claimed, &AlertEvent::Restarted, 4);
    assert_eq!(cut.told[1].fate, Fate::Unknown);
    let taken = changed(&begun, &replied("owner", Answer::Take), 1);
    assert_eq!(after(&taken, &dialling, 2), None, "nobody is phoned about what is taken");
}

#[test]
fn whoever_takes_it_is_not_told_that_it_is_taken_and_the_others_are_once() {
    let second = changed(&changed(&opened(&notice()), &AlertEvent::StepDue, 0), &AlertEvent::StepDue, 60);
    let change = after(&second, &replied("owner", Answer::Take), 70).unwrap();
    let told: Vec<(&str, &str)> = change.texts.iter().map(|text| (&*text.contact, &*text.body)).collect();
    assert_eq!(told, [("on_call", "Acme P1: owner s'en occupe.")]);
}

#[test]
fn without_its_playbook_an_alert_tells_nobody_and_still_ends() {
    let mut alert = opened(&notice());
    let mut steps = 0;
    while alert.next_at.is_some() {
        let change = alert.decide(&AlertEvent::StepDue, &Desk { playbook: None, now: at(0) }).unwrap();
        assert!(change.texts.is_empty());
        alert = change.alert;
        // Calls fail when they are dialled.
        for telling in alert.told.clone().iter().filter(|it| it.by == Way::Call) {
            alert =
                after(&alert, &called(&telling.contact, telling.place, Fate::Failed), 0).map_or(alert, |it| it.alert);
        }
        steps += 1;
        assert!(steps < 20);
    }
    assert_eq!(alert.state, AlertState::Unanswered);
}

fn decide(call: &Call, kind: EventKind, playbook: &Playbook) -> Decision {
    call.decide(&key("c1"), &event(kind, 50), playbook, at(50))
}

fn noticed(decision: &Decision) -> Vec<&Notice> {
    let facts = decision.facts.iter();
    facts
        .filter_map(|fact| match fact {
            Fact::AlertOpened(notice) | Fact::AlertUpdated(notice) => Some(&**notice),
            _ => None,
        })
        .collect()
}

#[test]
fn a_call_opens_its_alert_by_rule() {
    let ask = |name: &str, arguments| tool_call("t1", name, arguments);
    let flood = || ask("classifyPriority", json!({"description": "flood"}));
    let alarm = || ask("sendSMSAlert", json!({"priority": "P1", "message": "water"}));
    let fell = |fault| EventKind::Ended(EndedReason { fault, ..hung_up() });
    let lost = || EventKind::WentSilent { idle: Duration::from_secs(1) };
    let held = Some((Reason::Call, at(50).plus(HOLD)));
    let now = Some((Reason::Call, at(50)));
    for (what, before, kind, opened) in [
        ("heard in what the caller says", vec![], spoke("there is a flood"), held),
        ("said by a tool that tells nobody", vec![], flood(), held),
        ("said by the tool that tells them", vec![], alarm(), now),
        ("not urgent", vec![], spoke("my sink is slow"), None),
        ("urgent, but not that urgent", vec![], spoke("roots in the pipe"), None),
        ("heard again", vec![spoke("a flood")], spoke("a flood, I said"), None),
        ("said by the agent after it was heard", vec![spoke("a flood")], alarm(), now),
        ("over before the agent said it", vec![spoke("a flood")], EventKind::Ended(hung_up()), now),
        ("lost before the agent said it", vec![spoke("a flood")], lost(), now),
        ("over after the agent said it", vec![alarm()], fell(Fault::Provider), None),
        ("over, and reported", vec![spoke("a flood"), EventKind::Ended(hung_up())], report(), None),
        ("more urgent than before", vec![spoke("the city of Laval is calling")], spoke("a flood"), held),
    ] {
        let decision = decide(&call_after(before), kind, &playbook());
        let found = noticed(&decision).first().map(|notice| (notice.reason, notice.first_at));
        assert_eq!(found, opened, "{what}");
    }
}

#[test]
fn whoever_only_watches_has_nobody_told_by_rule_either() {
    let shadow = Some(Shadow { forward_to: None, timeout: Duration::from_secs(1) });
    let watching = Playbook { shadow, ..playbook() };
    let decision = decide(&call_after([]), spoke("a flood"), &watching);
    let notice = noticed(&decision)[0];
    let alert = opened(notice);
    assert_eq!((alert.state, alert.next_at, alert.told.len()), (AlertState::Resolved, None, 0));
    assert_eq!(after(&alert, &AlertEvent::StepDue, 100), None);
}

#[test]
fn the_words_of_a_caller_are_cleaned_before_they_are_kept() {
    let decision =
        decide(&call_after([]), spoke("flood! call 1 900 555 0199 or open http://evil.example"), &playbook());
    let words = &noticed(&decision)[0].words;
    assert!(!words.message.contains("555") && !words.message.contains("evil"), "{}", words.message);
    assert_eq!(words.callback, "+15145550142");
}

#[derive(Clone, Debug)]
enum Act {
    Due,
    Reply(bool, bool),
    Call(usize, Fate),
    Text(usize, Fate),
    Take,
    Update(Priority),
    Restart,
    Hold(usize),
    Push(usize, Fate),
}

fn acts() -> impl Strategy<Value = Act> {
    let fates =
        proptest::sample::select(vec![Fate::Dialling, Fate::Answered, Fate::Machine, Fate::NoAnswer, Fate::Failed]);
    let texts = proptest::sample::select(vec![SmsState::Delivered, SmsState::Failed, SmsState::Unknown]);
    prop_oneof![
        6 => Just(Act::Due),
        2 => (any::<bool>(), any::<bool>()).prop_map(|(who, takes)| Act::Reply(who, takes)),
        3 => (0..20usize, fates).prop_map(|(n, fate)| Act::Call(n, fate)),
        3 => (0..20usize, texts).prop_map(|(n, state)| Act::Text(n, Fate::of_text(state).unwrap())),
        1 => Just(Act::Take),
        1 => proptest::sample::select(Priority::ALL.to_vec()).prop_map(Act::Update),
        1 => Just(Act::Restart),
        2 => (0..20usize).prop_map(Act::Hold),
        2 => (0..20usize, proptest::sample::select(vec![Fate::Delivered, Fate::Failed]))
            .prop_map(|(n, fate)| Act::Push(n, fate)),
    ]
}

fn event_of(act: &Act, alert: &Alert) -> Option<AlertEvent> {
    let telling = |n: usize| alert.told.get(n % alert.told.len().max(1));
    Some(match act {
        Act::Due => AlertEvent::StepDue,
        Act::Reply(who, takes) => {
            replied(if *who { "owner" } else { "on_call" }, if *takes { Answer::Take } else { Answer::Pass })
        }
        Act::Call(n, fate) => {
            let telling = telling(*n)?;
            called(&telling.contact, telling.place, *fate)
        }
        Act::Text(n, fate) => AlertEvent::Texted { sms: telling(*n)?.sms?, fate: *fate, why: None },
        Act::Take => AlertEvent::Acknowledged { by: "jo".into(), how: How::Api },
        Act::Restart => AlertEvent::Restarted,
        Act::Hold(n) => AlertEvent::Held { sms: telling(*n)?.sms?, why: "not sent".into() },
        Act::Push(n, fate) => {
            let Telling { place, word, .. } = *telling(*n)?;
            AlertEvent::Pushed { place, word, fate: *fate, why: None }
        }
        Act::Update(_) => return None,
    })
}

proptest! {
    #[test]
    fn nobody_is_told_twice_for_one_step_whatever_happens_and_in_any_order(acts in proptest::collection::vec(acts(), 0..60)) {
        let plan = Plan { push: true, ..notice().plan };
        let mut alert = opened(&Notice { plan: plan.clone(), ..notice() });
        let mut texts = HashSet::new();
        let mut lines = 0;
        for (n, act) in acts.iter().enumerate() {
            let seconds = n as u64 * 7;
            let change = match act {
                Act::Update(priority) => {
                    let more = Notice { priority: *priority, first_at: at(seconds), plan: plan.clone(), ..notice() };
                    Some(alert.noticed(&more, &[], at(seconds)))
                }
                act => event_of(act, &alert).and_then(|event| after(&alert, &event, seconds)),
            };
            let Some(change) = change else { continue };
            prop_assert_eq!(change.alert.version, alert.version + 1);
            for entry in &change.entries {
                lines = entry.seq.max(lines + 1);
                prop_assert_eq!(entry.seq, lines);
            }
            for text in &change.texts {
                prop_assert!(texts.insert(text.id), "the same text twice");
                prop_assert_eq!(text.alert, Some(alert.id));
            }
            alert = change.alert;
            prop_assert_eq!(alert.next_at.is_some(), alert.state.is_running());
            let due_at_once = alert.next_at.is_some_and(|due| due <= at(seconds));
            prop_assert!(due_at_once || alert.next_at.is_none_or(|due: Timestamp| due <= at(seconds + 60)));
        }
        let mut told = HashSet::new();
        for telling in &alert.told {
            prop_assert!(told.insert((telling.contact.clone(), telling.by, telling.place, telling.word)), "{:?}", telling);
        }
        let json = serde_json::to_string(&alert).unwrap();
        prop_assert_eq!(serde_json::from_str::<Alert>(&json).unwrap(), alert);
    }
}
