//! What is kept for a time, and what is left though its time is over.

use super::super::alerts::opening;
use super::{SAID, Store, appended, over, told};
use crate::alert::{AlertEvent, Desk, How, Reason};
use crate::call::{Fact, Frame, Phase, Role};
use crate::ids::{CallKey, EventKey};
use crate::ports::{ClaimRequest, FindsCalls, InboundSms, Inbox, Removed, SmsOutbox};
use crate::priority::Priority;
use crate::sms::{Command, NewSms};
use crate::testing::fixtures;
use crate::testing::frames::{call, frame, moment, state, tenant, text};
use crate::time::Timestamp;

/// Whatever ended before this is over.
const LATER: u64 = 1_000;

fn later() -> Timestamp {
    moment(LATER)
}

pub async fn words_go_and_what_was_done_stays<S: Store>(store: &S) {
    let key = call("acme", "c1");
    appended(store, &over(&key)).await;
    let before = store.timeline(&key, 0, 10).await.unwrap();
    assert!(told(store, &key).await.contains(SAID));
    let removed = store.quieten(&key.tenant, later(), 100).await.unwrap();
    assert_eq!(removed, Removed { quietened: 1, ..Removed::default() });
    let left = told(store, &key).await;
    assert_eq!(left.matches(SAID).count(), 2, "the name of the caller, in the view and in the state: {left}");
    let after = store.timeline(&key, 0, 10).await.unwrap();
    let shape = |frames: &[crate::ports::StoredFrame]| {
        let kind = |fact: &Fact| serde_json::to_value(fact).unwrap()["type"].as_str().unwrap().to_owned();
        frames
            .iter()
            .map(|frame| (frame.position, frame.seq, frame.at, frame.facts.iter().map(kind).collect::<Vec<_>>()))
            .collect::<Vec<_>>()
    };
    assert_eq!(shape(&after), shape(&before));
    let state = store.load(&key).await.unwrap().unwrap();
    assert_eq!((state.state.phase, state.state.seq, state.keys.len()), (Phase::Ended, 4, 4));
    assert_eq!(state.state.summary, None);
    assert!(store.quieten(&key.tenant, later(), 100).await.unwrap().is_nothing(), "once");
}

pub async fn words_that_come_later_go_too<S: Store>(store: &S) {
    let key = call("acme", "c1");
    appended(store, &over(&key)).await;
    store.quieten(&key.tenant, later(), 100).await.unwrap();
    let late = Frame {
        facts: vec![Fact::Spoke { role: Role::Caller, text: "late words".into() }],
        state: std::sync::Arc::new(state(5, Phase::Ended)),
        ..frame(&key, 5)
    };
    appended(store, &[late]).await;
    assert!(told(store, &key).await.contains("late words"));
    assert_eq!(store.quieten(&key.tenant, later(), 100).await.unwrap().quietened, 1);
    assert!(!told(store, &key).await.contains("late words"));
}

pub async fn a_call_goes_with_all_that_belongs_to_it<S: Store>(store: &S) {
    let (old, kept) = (call("acme", "old"), call("acme", "kept"));
    let text_of = |key: &CallKey| NewSms { suppressed: Some("shadow".into()), ..text(key, "a", Priority::P3) };
    for key in [&old, &kept] {
        let mut frames = over(key);
        frames[1].texts.push(text_of(key));
        appended(store, &frames).await;
        store.quarantine(key, &EventKey::new("odd"), "{}", "why", moment(4)).await.unwrap();
    }
    let moved = Frame { state: std::sync::Arc::new(state(2 * LATER, Phase::Ended)), ..frame(&kept, 5) };
    appended(store, &[moved]).await;
    let last = store.last_position().await.unwrap();
    let removed = store.remove(&old.tenant, later(), 100).await.unwrap();
    assert_eq!(removed, Removed { calls: 1, frames: 4, texts: 1, quarantined: 1, ..Removed::default() });
    assert!(FindsCalls::find(store, None, &old.call).await.unwrap().is_none());
    assert!(store.load(&old).await.unwrap().is_none());
    assert!(SmsOutbox::find(store, None, text_of(&old).id).await.unwrap().is_none());
    assert!(SmsOutbox::find(store, None, text_of(&kept).id).await.unwrap().is_some());
    let left = store.frames_after(0, 100).await.unwrap();
    assert!(left.iter().all(|(frame, _)| frame.call == kept) && left.len() == 5);
    assert!(store.remove(&old.tenant, later(), 100).await.unwrap().is_nothing(), "once");
    appended(store, &[frame(&call("acme", "new"), 1)]).await;
    let newest = store.frames_after(last, 10).await.unwrap();
    assert_eq!(newest.len(), 1, "no place is used again");
}

pub async fn places_are_not_used_again_when_the_newest_frames_go<S: Store>(store: &S) {
    let key = call("acme", "c1");
    appended(store, &over(&key)).await;
    let last = store.last_position().await.unwrap();
    store.remove(&key.tenant, later(), 100).await.unwrap();
    appended(store, &[frame(&call("acme", "new"), 1)]).await;
    assert_eq!(store.frames_after(last, 10).await.unwrap().len(), 1);
}

pub async fn what_is_not_over_is_left<S: Store>(store: &S) {
    let of = |name: &str| call("acme", name);
    appended(store, &[frame(&of("live"), 1)]).await;
    let mut moved = over(&of("heard-of-later"));
    moved[3].state = std::sync::Arc::new(crate::call::Call { updated_at: later(), ..(*moved[3].state).clone() });
    appended(store, &moved).await;
    let mut lasted = over(&of("ended-later"));
    lasted[3].state = std::sync::Arc::new(crate::call::Call { ended_at: Some(later()), ..(*lasted[3].state).clone() });
    appended(store, &lasted).await;
    appended(store, &over(&call("other", "of-another"))).await;
    assert!(store.quieten(&tenant("acme"), later(), 100).await.unwrap().is_nothing());
    assert!(store.remove(&tenant("acme"), later(), 100).await.unwrap().is_nothing());
    for name in ["live", "heard-of-later", "ended-later"] {
        assert!(store.load(&of(name)).await.unwrap().is_some(), "{name}");
    }
}

pub async fn a_call_with_an_alert_that_runs_is_left<S: Store>(store: &S) {
    let key = call("acme", "c1");
    let mut frames = over(&key);
    frames[1] = Frame { state: frames[1].state.clone(), ..opening(&key, 2) };
    frames[1].facts = opening(&key, 1).facts;
    frames[1].texts.iter_mut().for_each(|text| text.suppressed = Some("shadow".into()));
    appended(store, &frames).await;
    assert!(store.remove(&key.tenant, later(), 100).await.unwrap().is_nothing());
    assert!(store.quieten(&key.tenant, later(), 100).await.unwrap().is_nothing());
    let alert = store.alert(None, Reason::Call.alert_of(&key)).await.unwrap().unwrap();
    let playbook = fixtures::playbook();
    let resolving = AlertEvent::Resolved { by: "owner".into(), how: How::Api };
    let change = alert.decide(&resolving, &Desk { playbook: Some(&playbook), now: moment(9) }).unwrap();
    assert!(store.write(&change).await.unwrap());
    let removed = store.remove(&key.tenant, later(), 100).await.unwrap();
    assert_eq!((removed.calls, removed.alerts), (1, 1));
    assert!(store.alert(None, alert.id).await.unwrap().is_none() && store.receipt(alert.id).await.unwrap().is_empty());
}

pub async fn a_call_with_a_text_that_is_not_settled_is_left<S: Store>(store: &S) {
    let key = call("acme", "c1");
    let owed = text(&key, "a", Priority::P3);
    let mut frames = over(&key);
    frames[1].texts.push(owed.clone());
    appended(store, &frames).await;
    let left = async |why: &str| {
        assert!(store.remove(&key.tenant, later(), 100).await.unwrap().is_nothing(), "{why}");
        assert!(store.quieten(&key.tenant, later(), 100).await.unwrap().is_nothing(), "{why}");
    };
    left("queued").await;
    let claim = ClaimRequest { id: owed.id, sender: "+15145550199".into() };
    assert!(store.claim(&[claim], moment(5)).await.unwrap()[0].is_ok());
    left("sending").await;
    store.recover(moment(6)).await.unwrap();
    left("unknown").await;
    store.command(None, owed.id, Command::AssumeSent, moment(7)).await.unwrap();
    let removed = store.remove(&key.tenant, later(), 100).await.unwrap();
    assert_eq!((removed.calls, removed.texts), (1, 1));
    assert_eq!(store.attempts(owed.id).await.unwrap(), []);
}

pub async fn a_step_takes_as_many_calls_as_have_so_many_frames<S: Store>(store: &S) {
    for n in 0..5 {
        appended(store, &over(&call("acme", &format!("c{n}")))).await;
    }
    let acme = tenant("acme");
    assert_eq!(store.quieten(&acme, later(), 5).await.unwrap().quietened, 2);
    assert_eq!(store.quieten(&acme, later(), 1).await.unwrap().quietened, 1, "one at least");
    assert_eq!(store.quieten(&acme, later(), 100).await.unwrap().quietened, 2);
    assert_eq!(store.remove(&acme, later(), 8).await.unwrap().calls, 2);
    assert_eq!(store.remove(&acme, later(), 100).await.unwrap().calls, 3);
}

pub async fn everybody_is_known_of_whom_something_is_kept<S: Store>(store: &S) {
    appended(store, &over(&call("acme", "c1"))).await;
    appended(store, &over(&call("brink", "c1"))).await;
    appended(store, &over(&call("brink", "c2"))).await;
    let loose = NewSms { call: None, tenant: tenant("texter"), ..text(&call("texter", "x"), "a", Priority::P4) };
    store.submit(&loose, None).await.unwrap();
    store.keep(&inbound("m1", Some("reader"), 1)).await.unwrap();
    store.keep(&inbound("m2", None, 1)).await.unwrap();
    assert_eq!(store.tenants().await.unwrap(), ["acme", "brink", "reader", "texter"].map(tenant));
}

pub async fn what_belongs_to_no_call_has_its_time_too<S: Store>(store: &S) {
    let acme = tenant("acme");
    for (id, of) in [("m1", Some("acme")), ("m2", Some("other")), ("m3", None)] {
        store.keep(&inbound(id, of, 1)).await.unwrap();
    }
    store.keep(&inbound("m4", Some("acme"), 2 * LATER)).await.unwrap();
    store.quarantine(&call("acme", "never"), &EventKey::new("odd"), "{}", "why", moment(1)).await.unwrap();
    let text_of = |name: &str| NewSms { call: None, ..text(&call("acme", name), "a", Priority::P4) };
    let (waits, ended) = (text_of("waits"), text_of("ended"));
    for sms in [&waits, &ended] {
        store.submit(sms, None).await.unwrap();
    }
    store.command(None, ended.id, Command::Cancel, moment(2)).await.unwrap();
    let removed = store.remove_loose(Some(&acme), later(), later(), 10).await.unwrap();
    assert_eq!(removed, Removed { inbound: 1, quarantined: 1, texts: 1, ..Removed::default() });
    assert!(SmsOutbox::find(store, None, waits.id).await.unwrap().is_some());
    assert!(SmsOutbox::find(store, None, ended.id).await.unwrap().is_none());
    let nobodys = store.remove_loose(None, later(), later(), 10).await.unwrap();
    assert_eq!(nobodys, Removed { inbound: 1, ..Removed::default() });
    let left: Vec<_> = store.latest_inbound().await;
    assert_eq!(left, ["m4", "m2"]);
}

fn inbound(id: &str, of: Option<&str>, at: u64) -> InboundSms {
    InboundSms {
        id: id.into(),
        tenant: of.map(tenant),
        from: "+15145550133".parse().unwrap(),
        to: "+15145550100".into(),
        body: SAID.into(),
        wish: "other".into(),
        at: moment(at),
    }
}

trait LatestInbound {
    async fn latest_inbound(&self) -> Vec<String>;
}

impl<S: Inbox> LatestInbound for S {
    async fn latest_inbound(&self) -> Vec<String> {
        let all = Inbox::latest(self, None, 10).await.unwrap();
        all.into_iter().map(|sms| sms.id.to_string()).collect()
    }
}
