//! People who are forgotten.

use std::sync::Arc;

use super::super::alerts::opening;
use super::{SAID, Store, appended, over, told};
use crate::alert::{AlertEvent, Desk, How, Reason};
use crate::call::{Call, Fact, Frame, Parties, Phase, Role};
use crate::ids::{CallKey, EventKey};
use crate::ports::{
    AppendError, ClaimRequest, Counts, Erasure, FindsCalls, IdempotencyKey, InboundSms, Inbox, OptOut, OptOutSource,
    SmsOutbox, UnderWay, Whom,
};
use crate::priority::Priority;
use crate::sms::{Command, NewSms};
use crate::testing::fixtures;
use crate::testing::frames::{call, frame, moment, state, tenant, text};

/// As the calls of these tests have it.
pub const CALLER: &str = "+15145550142";

fn of_number(tenant_name: Option<&str>) -> Erasure {
    Erasure { tenant: tenant_name.map(tenant), whom: Whom::Number(CALLER.parse().unwrap()), at: moment(500) }
}

/// A call of the caller that owed a text to the team and one to the caller, all of it over.
pub async fn called<S: Store>(store: &S, key: &CallKey) -> (NewSms, NewSms) {
    let mut frames = over(key);
    let parties = Parties { from: Some(CALLER.into()), caller_name: Some(SAID.into()), ..Parties::default() };
    frames[0].facts.push(Fact::Introduced { platform: "testline".into(), parties });
    let body = |text: NewSms| NewSms { body: format!("{SAID}, 514-555-0142").into(), ..text };
    let team = body(text(key, "team", Priority::P2));
    let own = NewSms { to: CALLER.parse().unwrap(), contact: "caller".into(), ..body(text(key, "own", Priority::P3)) };
    frames[1].texts.extend([team.clone(), own.clone()]);
    appended(store, &frames).await;
    for sms in [&team, &own] {
        store.command(None, sms.id, Command::Cancel, moment(5)).await.unwrap();
    }
    (team, own)
}

pub async fn nothing_is_left_of_whoever_is_forgotten<S: Store>(store: &S) {
    let key = call("acme", "c1");
    let (team, own) = called(store, &key).await;
    store.quarantine(&key, &EventKey::new("odd"), "{}", "why", moment(4)).await.unwrap();
    store.keep(&inbound("m1", CALLER, SAID)).await.unwrap();
    let wanted = Counts { calls: 1, texts: 1, texts_about: 1, texts_from: 1, quarantined: 1, ..Counts::default() };
    let found = store.look(&of_number(None)).await.unwrap();
    assert_eq!((found.counts, found.under_way), (wanted, UnderWay::default()));
    assert!(told(store, &key).await.contains(CALLER), "looking changes nothing");
    let erased = store.forget(&of_number(None)).await.unwrap();
    assert_eq!((erased.calls, erased.under_way), (vec![key.clone()], UnderWay::default()));
    let left = told(store, &key).await;
    assert!(!left.contains(SAID) && !left.contains("5550142"), "{left}");
    let view = FindsCalls::find(store, None, &key.call).await.unwrap().unwrap();
    assert_eq!((view.phase, view.seq, &view.from, &view.caller_name), (Phase::Ended, 5, &None, &None));
    assert!(SmsOutbox::find(store, None, own.id).await.unwrap().is_none());
    let about = SmsOutbox::find(store, None, team.id).await.unwrap().unwrap();
    assert_eq!((&*about.body, about.to.as_str()), ("", team.to.as_str()));
    assert_eq!(Inbox::latest(store, None, 10).await.unwrap(), []);
    assert_eq!(store.calls_of(&key.tenant, CALLER, moment(900), 10).await.unwrap().len(), 0);
    let again = store.look(&of_number(None)).await.unwrap();
    assert_eq!(again.counts, Counts::default());
}

pub async fn whoever_still_knows_a_call_that_was_forgotten_cannot_write_it_back<S: Store>(store: &S) {
    let key = call("acme", "c1");
    appended(store, &over(&key)).await;
    store.forget(&of_number(None)).await.unwrap();
    let stale = Frame { state: Arc::new(state(5, Phase::Ended)), ..frame(&key, 5) };
    assert_eq!(store.append(&[stale]).await, [Err(AppendError::Conflict)]);
    let loaded = store.load(&key).await.unwrap().unwrap();
    assert!(loaded.state.erased && loaded.state.seq == 5 && loaded.keys.len() == 5);
    let frames = store.timeline(&key, 4, 10).await.unwrap();
    assert!(matches!(frames[0].facts[..], [Fact::Forgotten { .. }]), "whoever follows the call hears of it");
}

pub async fn what_is_under_way_is_left_and_told<S: Store>(store: &S) {
    appended(store, &[frame(&call("acme", "live"), 1)]).await;
    let mut owing = over(&call("acme", "owing"));
    let owed = text(&owing[0].call, "team", Priority::P2);
    owing[1].texts.push(owed.clone());
    appended(store, &owing).await;
    let alarmed = call("acme", "alarmed");
    let mut frames = over(&alarmed);
    frames[1].facts = opening(&alarmed, 1).facts;
    frames[1].texts = Vec::new();
    appended(store, &frames).await;
    let pending = |found: crate::ports::Erased| {
        let UnderWay { calls, texts, alerts } = found.under_way;
        (calls >= 1, texts, alerts)
    };
    assert_eq!(pending(store.look(&of_number(None)).await.unwrap()), (true, 1, 1));
    assert_eq!(pending(store.forget(&of_number(None)).await.unwrap()), (true, 1, 1));
    for name in ["owing", "alarmed"] {
        assert!(told(store, &call("acme", name)).await.contains(SAID), "{name}");
    }
    let sms = SmsOutbox::find(store, None, owed.id).await.unwrap().unwrap();
    assert_eq!(sms.body, owed.body);
}

pub async fn a_text_to_them_that_waits_is_not_sent_and_one_that_leaves_is_left<S: Store>(store: &S) {
    let to_caller =
        |name: &str| NewSms { call: None, to: CALLER.parse().unwrap(), ..text(&call("acme", name), "a", Priority::P4) };
    let (waits, leaves) = (to_caller("waits"), to_caller("leaves"));
    for sms in [&waits, &leaves] {
        let key = IdempotencyKey { key: sms.id.to_string().into(), digest: "d".into(), until: moment(9_000) };
        store.submit(sms, Some(&key)).await.unwrap();
    }
    let claim = ClaimRequest { id: leaves.id, sender: "+15145550199".into() };
    assert!(store.claim(&[claim], moment(5)).await.unwrap()[0].is_ok());
    let erased = store.forget(&of_number(None)).await.unwrap();
    assert_eq!((erased.counts.texts, erased.under_way.texts, erased.counts.other), (1, 1, 2));
    assert!(SmsOutbox::find(store, None, waits.id).await.unwrap().is_none());
    assert!(SmsOutbox::find(store, None, leaves.id).await.unwrap().is_some());
}

pub async fn who_opted_out_stays_opted_out<S: Store>(store: &S) {
    let out = |source, message: &str, at| OptOut {
        tenant: Some(tenant("acme")),
        number: CALLER.parse().unwrap(),
        source,
        at: moment(at),
        message: Some(message.into()),
    };
    store.add(&out(OptOutSource::Keyword, "m1", 1)).await.unwrap();
    store.add(&out(OptOutSource::Keyword, "m2", 2)).await.unwrap();
    let erased = store.forget(&of_number(None)).await.unwrap();
    assert_eq!(erased.counts.opt_outs_kept, 1);
    let in_force = store.in_force(None, 10).await.unwrap();
    assert_eq!(in_force.len(), 1);
    assert!(store.is_opted_out(Some(&tenant("acme")), &CALLER.parse().unwrap()).await.unwrap());
}

pub async fn a_number_that_others_named_is_taken_out_of_their_words<S: Store>(store: &S) {
    let key = call("acme", "c1");
    let named = "call my brother at (514) 555-0142, please";
    let mut frames = over(&key);
    frames[1].facts = vec![Fact::Spoke { role: Role::Caller, text: named.into() }];
    let of_another = Call { from: Some("+15145550177".into()), ..(*frames[3].state).clone() };
    frames[3].state = Arc::new(Call { summary: Some(named.into()), ..of_another });
    let owed = NewSms { body: named.into(), ..text(&key, "team", Priority::P2) };
    frames[1].texts.push(owed.clone());
    appended(store, &frames).await;
    store.command(None, owed.id, Command::Cancel, moment(5)).await.unwrap();
    store.keep(&inbound("m1", "+15145550133", named)).await.unwrap();
    let erased = store.forget(&of_number(None)).await.unwrap();
    assert_eq!((erased.counts.calls, erased.counts.mentions, erased.counts.texts_about), (0, 1, 1));
    let left = told(store, &key).await;
    assert!(left.contains("call my brother at (•••, please") && left.contains("+15145550177"), "{left}");
    assert!(left.contains(SAID) && !left.contains("555-0142"), "{left}");
    let sms = SmsOutbox::find(store, None, owed.id).await.unwrap().unwrap();
    assert_eq!(&*sms.body, "call my brother at (•••, please");
    assert_eq!(&*Inbox::latest(store, None, 1).await.unwrap()[0].body, "call my brother at (•••, please");
}

pub async fn an_alert_keeps_its_walk_and_loses_its_words<S: Store>(store: &S) {
    let key = call("acme", "c1");
    let mut frames = over(&key);
    frames[1].facts = opening(&key, 1).facts;
    appended(store, &frames).await;
    let id = Reason::Call.alert_of(&key);
    let alert = store.alert(None, id).await.unwrap().unwrap();
    let playbook = fixtures::playbook();
    let resolving = AlertEvent::Resolved { by: "owner".into(), how: How::Api };
    let change = alert.decide(&resolving, &Desk { playbook: Some(&playbook), now: moment(9) }).unwrap();
    assert!(store.write(&change).await.unwrap());
    let erased = store.forget(&of_number(None)).await.unwrap();
    assert_eq!((erased.counts.alerts, erased.counts.calls), (1, 1));
    let left = store.alert(None, id).await.unwrap().unwrap();
    assert_eq!(
        (left.words.message.as_str(), left.state, left.version),
        ("", change.alert.state, change.alert.version + 1)
    );
    let receipt = serde_json::to_string(&store.receipt(id).await.unwrap()).unwrap();
    assert!(!receipt.contains("rising") && receipt.contains("resolved"), "{receipt}");
}

pub async fn a_tenant_forgets_for_itself<S: Store>(store: &S) {
    let (own, others) = (call("acme", "c1"), call("other", "c1"));
    for key in [&own, &others] {
        called(store, key).await;
    }
    let erased = store.forget(&of_number(Some("acme"))).await.unwrap();
    assert_eq!((erased.counts.calls, erased.counts.texts), (1, 1));
    assert!(!told(store, &own).await.contains("5550142"));
    assert!(told(store, &others).await.contains(CALLER));
}

pub async fn one_call_is_forgotten_by_its_id<S: Store>(store: &S) {
    let (one, another) = (call("acme", "c1"), call("acme", "c2"));
    let (team, own) = called(store, &one).await;
    called(store, &another).await;
    let erasure = Erasure { whom: Whom::Call(one.call.clone()), ..of_number(None) };
    assert_eq!(store.look(&erasure).await.unwrap().counts.calls, 1);
    let erased = store.forget(&erasure).await.unwrap();
    assert_eq!(erased.calls, std::slice::from_ref(&one));
    let left = told(store, &one).await;
    assert!(!left.contains(SAID) && !left.contains(CALLER), "{left}");
    assert_eq!(&*SmsOutbox::find(store, None, team.id).await.unwrap().unwrap().body, "");
    assert!(SmsOutbox::find(store, None, own.id).await.unwrap().is_none());
    assert!(told(store, &another).await.contains(CALLER));
}

fn inbound(id: &str, from: &str, body: &str) -> InboundSms {
    InboundSms {
        id: id.into(),
        tenant: Some(tenant("acme")),
        from: from.parse().unwrap(),
        to: "+15145550100".into(),
        body: body.into(),
        wish: "other".into(),
        at: moment(1),
    }
}
