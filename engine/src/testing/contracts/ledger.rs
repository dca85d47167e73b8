//! What a ledger promises.

use super::outbox::{SENDER, claim, claimed, owe, settlement, stored};
use crate::playbook::Contact;
use crate::ports::{CallStore, DayUse, LearnedPace, PutOff, SmsLedger, SmsOutbox};
use crate::priority::Priority;
use crate::sms::{NewSms, Settlement, SmsState};
use crate::testing::frames::{call, moment, tenant, text};

pub async fn attempts_of_late_are_told_oldest_first<S: CallStore + SmsOutbox + SmsLedger>(store: &S) {
    let texts = ["a", "b", "c"].map(|reason| text(&call("acme", reason), reason, Priority::P2));
    owe(store, texts.clone()).await;
    for (seconds, text) in (5..).zip(&texts) {
        claim(store, &[text.id], moment(seconds)).await[0].as_ref().expect("it is due");
    }
    let begun = store.begun_since(moment(6), 10).await.unwrap();
    assert_eq!(begun.iter().map(|begun| begun.at).collect::<Vec<_>>(), [moment(6), moment(7)]);
    let past = &begun[0].attempt;
    assert_eq!((&*past.sender, &past.to, past.segments), (SENDER, &texts[1].to, texts[1].segments));
    assert!(begun.iter().all(|begun| begun.ended_at.is_none() && !begun.answered), "they are under way");
    store.settle(texts[1].id, 1, &settlement(SmsState::Accepted), moment(8)).await.unwrap();
    store.recover(moment(9)).await.unwrap();
    let begun = store.begun_since(moment(6), 10).await.unwrap();
    let ends: Vec<_> = begun.iter().map(|begun| (begun.ended_at, begun.answered)).collect();
    assert_eq!(ends, [(Some(moment(8)), true), (Some(moment(9)), false)], "one was cut");
    let newest = store.begun_since(moment(0), 1).await.unwrap();
    assert_eq!(newest.iter().map(|begun| begun.at).collect::<Vec<_>>(), [moment(7)]);
}

pub async fn a_day_counts_what_left_or_may_have_by_tenant_and_caller<S: CallStore + SmsOutbox + SmsLedger>(store: &S) {
    let to_caller = |reason: &str| NewSms {
        contact: Contact::CALLER.into(),
        to: "+15145550142".parse().unwrap(),
        segments: 2,
        ..text(&call("acme", reason), reason, Priority::P4)
    };
    let texts = [text(&call("acme", "a"), "a", Priority::P2), to_caller("b"), to_caller("c"), to_caller("d")];
    owe(store, texts.clone()).await;
    claim(store, &[texts[1].id], moment(4)).await[0].as_ref().expect("it is due");
    for text in [&texts[0], &texts[2], &texts[3]] {
        claim(store, &[text.id], moment(5)).await[0].as_ref().expect("it is due");
    }
    let throttled = Settlement { counts: false, due_at: Some(moment(90)), ..settlement(SmsState::Queued) };
    store.settle(texts[3].id, 1, &throttled, moment(6)).await.unwrap();
    let segments = u64::from(texts[0].segments) + 2;
    let expected = DayUse { segments, callers: vec![("+15145550142".parse().unwrap(), 1)] };
    assert_eq!(store.used_since(&tenant("acme"), moment(5)).await.unwrap(), expected);
    assert_eq!(store.used_since(&tenant("other"), moment(5)).await.unwrap(), DayUse::default());
}

pub async fn a_message_put_off_is_due_later_and_says_why<S: CallStore + SmsOutbox + SmsLedger>(store: &S) {
    let owed = text(&call("acme", "a"), "a", Priority::P4);
    owe(store, [owed.clone()]).await;
    let held = |until| [PutOff { id: owed.id, until, why: "held: for a test" }];
    let put_off = store.put_off(&held(moment(90)), moment(5)).await.unwrap().remove(0);
    assert_eq!(
        (put_off.state, put_off.due_at, put_off.error.as_deref()),
        (SmsState::Queued, moment(90), Some("held: for a test"))
    );
    assert_eq!(stored(store, owed.id).await, put_off);
    assert_eq!(claimed(store, moment(89)).await, []);
    assert_eq!(claimed(store, moment(90)).await.len(), 1);
    assert_eq!(store.put_off(&held(moment(99)), moment(91)).await.unwrap(), [], "it is under way");
}

pub async fn what_was_learned_is_kept_until_something_else_is<S: SmsLedger>(store: &S) {
    assert_eq!(store.learned().await.unwrap(), []);
    let pace = |sender: &str, factor, seconds| LearnedPace { sender: sender.into(), factor, at: moment(seconds) };
    let first = [pace("a", 0.5, 1), pace("b", 0.25, 2)];
    store.learn(&first).await.unwrap();
    assert_eq!(store.learned().await.unwrap(), first);
    store.learn(&[pace("b", 0.75, 3)]).await.unwrap();
    assert_eq!(store.learned().await.unwrap(), [pace("b", 0.75, 3)]);
    store.learn(&[]).await.unwrap();
    assert_eq!(store.learned().await.unwrap(), []);
}

pub async fn a_tenant_that_owes_many_does_not_hide_the_others<S: CallStore + SmsOutbox>(store: &S) {
    let many = (0..20).map(|n| text(&call("acme", &format!("c{n}")), "bulk", Priority::P4)).collect::<Vec<_>>();
    owe(store, many).await;
    let late =
        |n: u32| NewSms { expires_at: moment(9_000), ..text(&call("zebra", &format!("c{n}")), "late", Priority::P4) };
    owe(store, [late(1), late(2)]).await;
    let due = store.candidates(moment(5), 6).await.unwrap().due;
    let tenants: Vec<&str> = due[3].iter().map(|candidate| candidate.tenant.as_str()).collect();
    assert_eq!(tenants, ["acme", "zebra", "acme", "zebra", "acme", "acme"]);
}

pub async fn many_tenants_and_one_that_owes_more_fill_a_look<S: CallStore + SmsOutbox>(store: &S) {
    let owes = |tenant: String, n: u32| text(&call(&tenant, &format!("c{n}")), "bulk", Priority::P4);
    owe(store, (0..9).map(|n| owes("acme".to_owned(), n)).collect::<Vec<_>>()).await;
    owe(store, (0..12).map(|n| owes(format!("tenant-{n}"), 0)).collect::<Vec<_>>()).await;
    for (per_class, of_acme) in [(13, 1), (16, 4), (100, 9)] {
        let due = store.candidates(moment(5), per_class).await.unwrap().due;
        assert_eq!(due[3].len(), per_class.min(21));
        let acme = due[3].iter().filter(|candidate| candidate.tenant.as_str() == "acme").count();
        assert_eq!(acme, of_acme, "of {per_class}");
    }
}
