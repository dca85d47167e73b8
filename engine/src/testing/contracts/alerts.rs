//! What an [`AlertStore`] promises.

use std::time::Duration;

use crate::alert::{Alert, AlertEvent, AlertState, Change, Desk, How, Notice, Plan, PlanStep, Reason};
use crate::call::{Fact, Frame};
use crate::ids::CallKey;
use crate::playbook::{AlertWords, Channels, Playbook, Shift};
use crate::ports::{AlertStore, AlertsWanted, CallStore, FindsCalls, SmsOutbox};
use crate::priority::Priority;
use crate::sms::NewSms;
use crate::testing::fixtures;
use crate::testing::frames::{call, frame, moment, tenant, text};
use crate::time::Timestamp;

/// Told by two steps of one contact each, with a minute for an answer.
pub fn notice(key: &CallKey, priority: Priority) -> Notice {
    let step = |contact: &str| PlanStep { contacts: vec![contact.into()], by: Channels::SMS };
    Notice {
        alert: Reason::Call.alert_of(key),
        reason: Reason::Call,
        priority,
        by: "sendSMSAlert".into(),
        words: AlertWords {
            business: "Acme".into(),
            priority,
            client: String::new(),
            callback: String::new(),
            service: String::new(),
            address: String::new(),
            message: "water \u{0} \"rising\"".to_owned(),
            link: String::new(),
        },
        plan: Plan {
            roster: "emergency".into(),
            steps: vec![step("owner"), step("on_call")],
            repeat: 1,
            beside: Vec::new(),
            push: false,
            acknowledge_within_s: Some(60),
            open_for_s: 3600,
        },
        first_at: moment(0),
        held: false,
        watching: false,
    }
}

/// A frame that opens the call's alert, with one text to `owner`.
pub fn opening(key: &CallKey, seq: u64) -> Frame {
    let notice = notice(key, Priority::P1);
    let owed = NewSms { alert: Some(notice.alert), ..text(key, &format!("alert {seq}"), Priority::P1) };
    let fact = if seq == 1 { Fact::AlertOpened(Box::new(notice)) } else { Fact::AlertUpdated(Box::new(notice)) };
    Frame { facts: vec![fact], texts: vec![owed], ..frame(key, seq) }
}

fn desk(playbook: &Playbook, now: Timestamp) -> Desk<'_> {
    Desk { playbook: Some(playbook), now }
}

async fn open<S: CallStore + AlertStore>(store: &S, name: &str) -> Alert {
    let key = call("acme", name);
    assert_eq!(store.append(&[opening(&key, 1)]).await, [Ok(())]);
    store.alert(None, Reason::Call.alert_of(&key)).await.unwrap().expect("opened with its frame")
}

pub async fn an_alert_is_written_with_its_frame_or_not_at_all<S: CallStore + AlertStore + SmsOutbox>(store: &S) {
    let key = call("acme", "c1");
    assert!(store.append(&[opening(&key, 2)]).await[0].is_err());
    assert_eq!(store.alert(None, Reason::Call.alert_of(&key)).await.unwrap(), None);
    let alert = open(store, "c1").await;
    assert_eq!((alert.state, alert.version, alert.call.as_ref()), (AlertState::Open, 1, Some(&key.call)));
    assert_eq!(alert.next_at, Some(moment(1).plus(Duration::from_secs(60))));
    assert_eq!(&*alert.told[0].contact, "owner");
    let sms = SmsOutbox::find(store, None, alert.told[0].sms.unwrap()).await.unwrap().unwrap();
    assert_eq!(sms.alert, Some(alert.id));
    let view = FindsCalls::find(store, None, &key.call).await.unwrap().unwrap();
    assert_eq!(view.alert, Some(alert.brief()));
}

pub async fn two_notices_of_one_batch_are_one_alert<S: CallStore + AlertStore>(store: &S) {
    let key = call("acme", "c1");
    assert_eq!(store.append(&[opening(&key, 1), opening(&key, 2)]).await, [Ok(()), Ok(())]);
    let alert = store.alert(None, Reason::Call.alert_of(&key)).await.unwrap().unwrap();
    assert_eq!((alert.version, alert.told.len()), (2, 2));
    let receipt = store.receipt(alert.id).await.unwrap();
    assert_eq!(receipt.iter().map(|entry| entry.seq).collect::<Vec<_>>(), (1..=alert.entries).collect::<Vec<_>>());
}

pub async fn of_two_who_decide_at_once_one_is_written<S: CallStore + AlertStore + SmsOutbox>(store: &S) {
    let (alert, playbook) = (open(store, "c1").await, fixtures::playbook());
    let step = alert.decide(&AlertEvent::StepDue, &desk(&playbook, moment(61))).unwrap();
    let taken = AlertEvent::Acknowledged { by: "owner".into(), how: How::Reply };
    let taken: Change = alert.decide(&taken, &desk(&playbook, moment(61))).unwrap();
    assert!(store.write(&step).await.unwrap());
    assert!(!store.write(&step).await.unwrap(), "the same again");
    assert!(!store.write(&taken).await.unwrap());
    let stored = store.alert(None, alert.id).await.unwrap().unwrap();
    assert_eq!(stored, step.alert);
    assert_eq!(store.latest(None, 10).await.unwrap().len(), 2, "the texts of the step are written with it");
    assert_eq!(store.receipt(alert.id).await.unwrap().len() as u64, stored.entries);
}

pub async fn running_alerts_come_earliest_first<S: CallStore + AlertStore>(store: &S) {
    let playbook = fixtures::playbook();
    let (a, b, c) = (open(store, "a").await, open(store, "b").await, open(store, "c").await);
    let later = a.decide(&AlertEvent::StepDue, &desk(&playbook, moment(50))).unwrap();
    let over = AlertEvent::Resolved { by: "jo".into(), how: How::Api };
    assert!(store.write(&later).await.unwrap());
    assert!(store.write(&c.decide(&over, &desk(&playbook, moment(2))).unwrap()).await.unwrap());
    let running = store.running(10).await.unwrap();
    assert_eq!(running.iter().map(|alert| alert.id).collect::<Vec<_>>(), [b.id, a.id]);
    assert_eq!(store.running(1).await.unwrap().len(), 1);
}

pub async fn lists_are_paged_newest_first_within_a_tenant<S: CallStore + AlertStore>(store: &S) {
    for n in 0..5 {
        open(store, &format!("c{n}")).await;
    }
    let all = AlertsWanted { tenant: Some(tenant("acme")), limit: 10, ..AlertsWanted::default() };
    let ids: Vec<_> = store.alerts(&all).await.unwrap().iter().map(|alert| alert.id).collect();
    assert_eq!(ids.len(), 5);
    let mut paged = Vec::new();
    while let [.., last] = &store
        .alerts(&AlertsWanted { before: paged.last().copied(), limit: 2, ..all.clone() })
        .await
        .unwrap()
        .iter()
        .map(|alert| alert.id)
        .inspect(|id| paged.push(*id))
        .collect::<Vec<_>>()[..]
    {
        assert_eq!(paged.last(), Some(last));
    }
    assert_eq!(paged, ids);
    let of = |name: &str, states: &[AlertState]| AlertsWanted {
        tenant: Some(tenant(name)),
        states: states.to_vec(),
        limit: 10,
        before: None,
    };
    assert!(store.alerts(&of("other", &[])).await.unwrap().is_empty());
    assert!(store.alerts(&of("acme", &[AlertState::Resolved])).await.unwrap().is_empty());
    assert_eq!(store.alerts(&of("acme", &[AlertState::Open])).await.unwrap().len(), 5);
    assert!(store.alert(Some(&tenant("other")), ids[0]).await.unwrap().is_none());
}

pub async fn the_newest_shift_of_a_tenant_is_kept<S: AlertStore>(store: &S) {
    let shift = |contact: &str, until| Shift {
        contact: contact.into(),
        until: moment(until),
        by: "operator".into(),
        at: moment(0),
    };
    for (name, shift) in [("acme", shift("owner", 10)), ("zebra", shift("boss", 20)), ("acme", shift("on_call", 5))] {
        store.keep_shift(&tenant(name), &shift).await.unwrap();
    }
    let mut kept = store.shifts().await.unwrap();
    kept.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(kept, [(tenant("acme"), shift("on_call", 5)), (tenant("zebra"), shift("boss", 20))]);
}

pub async fn an_alert_without_a_call_is_written_too<S: AlertStore + SmsOutbox>(store: &S) {
    let playbook = fixtures::playbook();
    let drill = crate::alert::drill(&playbook, &playbook.tenant, Priority::P1, ("n1", moment(1)));
    let owner = crate::alert::Owner { tenant: playbook.tenant.clone(), call: None };
    let opened = Alert::opened(&drill, owner, &[], moment(1));
    assert!(store.write(&opened).await.unwrap());
    let told = opened.alert.decide(&AlertEvent::StepDue, &desk(&playbook, moment(1))).unwrap();
    assert!(store.write(&told).await.unwrap());
    assert_eq!(store.alert(None, drill.alert).await.unwrap(), Some(told.alert));
    assert_eq!(store.latest(None, 10).await.unwrap().len(), 2);
}
