//! What a list of opt-outs promises, and the outbox beside it.

use std::collections::BTreeSet;

use super::outbox::claimed;
use crate::phone::PhoneNumber;
use crate::ports::{CallStore, InboundSms, Inbox, OptIn, OptOut, OptOutSource, OptOuts, SmsOutbox, Submitted};
use crate::priority::Priority;
use crate::sms::{
    Command, Commanded, DeliveryReport, DeliveryStatus, ErrorClass, NewSms, Reported, SendOutcome, SmsState, settle,
};
use crate::testing::frames::{call, frame_owing, moment, tenant, text};

const SENDER: &str = "+15145550199";
const NUMBER: &str = "+15145550133";

pub trait Store: CallStore + SmsOutbox + OptOuts + Inbox {}
impl<S: CallStore + SmsOutbox + OptOuts + Inbox> Store for S {}

pub async fn who_opts_out_is_listed_for_their_tenant_only<S: Store>(store: &S) {
    let out = opt_out("acme", OptOutSource::Keyword, "m1", 1);
    assert!(store.add(&out).await.unwrap().is_new);
    assert!(is_out(store, "acme").await);
    assert!(!is_out(store, "other").await);
    assert!(!store.is_opted_out(Some(&tenant("acme")), &number("+15145550134")).await.unwrap());
    assert_eq!(store.in_force(Some(&tenant("acme")), 10).await.unwrap(), std::slice::from_ref(&out));
    assert_eq!(store.in_force(Some(&tenant("other")), 10).await.unwrap(), []);
    assert_eq!(store.in_force(None, 10).await.unwrap(), [out]);
}

pub async fn an_opt_out_from_everybody_counts_for_every_tenant<S: Store>(store: &S) {
    let all = OptOut { tenant: None, ..opt_out("acme", OptOutSource::Keyword, "m1", 1) };
    store.add(&all).await.unwrap();
    assert!(is_out(store, "acme").await && is_out(store, "other").await);
    assert!(store.is_opted_out(None, &number(NUMBER)).await.unwrap());
    assert_eq!(store.in_force(Some(&tenant("other")), 10).await.unwrap(), [all]);
}

pub async fn start_undoes_what_they_texted_and_nothing_else<S: Store>(store: &S) {
    for (source, message) in [(OptOutSource::Keyword, "m1"), (OptOutSource::InWords, "m2")] {
        store.add(&opt_out("acme", source, message, 1)).await.unwrap();
    }
    assert!(store.clear(&start("m3", 2)).await.unwrap());
    assert!(!is_out(store, "acme").await);
    let by_hand = OptOut { message: None, ..opt_out("acme", OptOutSource::Operator, "", 3) };
    store.add(&by_hand).await.unwrap();
    assert!(!store.clear(&start("m4", 4)).await.unwrap());
    assert!(is_out(store, "acme").await, "somebody of the business has decided that");
    assert!(store.clear(&OptIn { sources: OptOutSource::ALL.into(), message: None, ..start("", 5) }).await.unwrap());
    assert!(!is_out(store, "acme").await);
}

pub async fn a_message_that_comes_again_says_nothing_new<S: Store>(store: &S) {
    let stop = opt_out("acme", OptOutSource::Keyword, "m1", 1);
    assert!(store.add(&stop).await.unwrap().is_new);
    assert!(!store.add(&stop).await.unwrap().is_new);
    assert!(!store.add(&opt_out("acme", OptOutSource::Keyword, "m2", 2)).await.unwrap().is_new, "out already");
    assert!(store.clear(&start("m3", 3)).await.unwrap());
    for old in ["m1", "m2"] {
        assert!(!store.add(&opt_out("acme", OptOutSource::Keyword, old, 4)).await.unwrap().is_new, "{old}");
    }
    assert!(!is_out(store, "acme").await, "what was said before START is over");
    assert!(store.add(&opt_out("acme", OptOutSource::Keyword, "m4", 5)).await.unwrap().is_new);
    assert!(!store.clear(&start("m3", 6)).await.unwrap());
    assert!(is_out(store, "acme").await, "and so is a START before a STOP");
}

pub async fn a_carriers_refusal_is_news_only_when_nothing_was_heard<S: Store>(store: &S) {
    let refusal = OptOut { message: None, ..opt_out("acme", OptOutSource::Carrier, "", 1) };
    assert!(store.add(&refusal).await.unwrap().is_new);
    assert!(!store.add(&refusal).await.unwrap().is_new);
    assert!(store.clear(&start("m1", 2)).await.unwrap());
    store.add(&opt_out("acme", OptOutSource::Keyword, "m2", 3)).await.unwrap();
    assert!(!store.add(&refusal).await.unwrap().is_new);
    assert!(store.clear(&start("m3", 4)).await.unwrap());
    assert!(!is_out(store, "acme").await, "one START is enough");
}

pub async fn what_waits_for_who_opts_out_is_suppressed_at_once<S: Store>(store: &S) {
    owe(store, "acme", [to(NUMBER, "a"), to("+15145550134", "b")]).await;
    let added = store.add(&opt_out("acme", OptOutSource::Keyword, "m1", 6)).await.unwrap();
    let bodies: BTreeSet<_> = added.suppressed.iter().map(|sms| &sms.to).collect();
    assert_eq!(bodies, BTreeSet::from([&number(NUMBER)]));
    assert_eq!(added.suppressed[0].state, SmsState::Suppressed);
    assert!(added.suppressed[0].error.is_some());
    let claims = claimed(store, moment(60)).await;
    assert_eq!(claims.iter().map(|claim| claim.sms.to.as_str()).collect::<Vec<_>>(), ["+15145550134"]);
}

pub async fn what_is_owed_to_who_has_opted_out_is_suppressed_as_it_is_written<S: Store>(store: &S) {
    store.add(&opt_out("acme", OptOutSource::Keyword, "m1", 0)).await.unwrap();
    owe(store, "acme", [to(NUMBER, "a"), to("+15145550134", "b")]).await;
    let id = to(NUMBER, "a").id;
    assert_eq!(SmsOutbox::find(store, None, id).await.unwrap().unwrap().state, SmsState::Suppressed);
    assert_eq!(claimed(store, moment(60)).await.len(), 1);
    assert_eq!(store.next_due(moment(0)).await.unwrap(), None, "nothing is left to wait for");
}

pub async fn who_opts_out_while_a_message_is_under_way_gets_no_second_attempt<S: Store>(store: &S) {
    owe(store, "acme", [to(NUMBER, "a")]).await;
    let claim = claimed(store, moment(5)).await.remove(0);
    let added = store.add(&opt_out("acme", OptOutSource::Keyword, "m1", 6)).await.unwrap();
    assert!(added.suppressed.is_empty(), "it may have left");
    let throttled = settle(&claim.sms, &SendOutcome::Throttled { after: None }, 0, moment(7));
    let settled = store.settle(claim.sms.id, claim.attempt.number, &throttled, moment(7)).await.unwrap().sms;
    assert_eq!(settled.state, SmsState::Suppressed);
    assert!(claimed(store, moment(3_000)).await.is_empty());
}

pub async fn who_opts_out_before_a_report_gets_no_second_attempt<S: Store>(store: &S) {
    owe(store, "acme", [to(NUMBER, "a")]).await;
    let claim = claimed(store, moment(5)).await.remove(0);
    store.add(&opt_out("acme", OptOutSource::Keyword, "m1", 6)).await.unwrap();
    let token = Some(claim.attempt.token.clone());
    let (status, at) = (DeliveryStatus::Undelivered, moment(7));
    let off = DeliveryReport { token, provider_id: "carrier-1".into(), status, error_code: Some(1), at };
    match store.report(&off, Some(ErrorClass::TransientRecipient)).await.unwrap() {
        Reported::Moved { sms, .. } => assert_eq!(sms.state, SmsState::Suppressed),
        other => panic!("{other:?}"),
    }
    assert!(claimed(store, moment(3_000)).await.is_empty());
}

pub async fn nothing_brings_a_message_back_to_who_has_opted_out<S: Store>(store: &S) {
    owe(store, "acme", [to(NUMBER, "a")]).await;
    let id = to(NUMBER, "a").id;
    store.command(None, id, Command::Cancel, moment(1)).await.unwrap();
    store.add(&opt_out("acme", OptOutSource::Keyword, "m1", 2)).await.unwrap();
    let retry = Command::Retry { force: false };
    match store.command(None, id, retry, moment(3)).await.unwrap() {
        Commanded::Done { sms, .. } => assert_eq!(sms.state, SmsState::Suppressed),
        other => panic!("{other:?}"),
    }
    let asked = NewSms { call: None, ..to(NUMBER, "b") };
    match store.submit(&asked, None).await.unwrap() {
        Submitted::New(sms) => assert_eq!(sms.state, SmsState::Suppressed),
        other => panic!("{other:?}"),
    }
    assert_eq!(store.next_due(moment(0)).await.unwrap(), None);
}

pub async fn texts_that_come_in_are_kept_once_and_read_newest_first<S: Store>(store: &S) {
    let sms = |id: &str, whose: Option<&str>, at| InboundSms {
        id: id.into(),
        tenant: whose.map(tenant),
        from: number(NUMBER),
        to: SENDER.into(),
        body: "Où êtes-vous ?".into(),
        wish: "other".into(),
        at: moment(at),
    };
    let (first, second) = (sms("m1", Some("acme"), 1), sms("m2", None, 2));
    assert!(!store.knows("m1").await.unwrap());
    assert!(store.keep(&first).await.unwrap());
    assert!(!store.keep(&first).await.unwrap());
    assert!(store.knows("m1").await.unwrap());
    assert!(store.keep(&second).await.unwrap());
    assert_eq!(Inbox::latest(store, None, 10).await.unwrap(), [second.clone(), first.clone()]);
    assert_eq!(Inbox::latest(store, None, 1).await.unwrap(), [second]);
    assert_eq!(Inbox::latest(store, Some(&tenant("acme")), 10).await.unwrap(), [first]);
    assert_eq!(Inbox::latest(store, Some(&tenant("other")), 10).await.unwrap(), []);
}

pub async fn it_is_known_who_texted_a_number_last<S: Store>(store: &S) {
    assert_eq!(store.last_to_text(&number(NUMBER)).await.unwrap(), None);
    owe(store, "acme", [to(NUMBER, "a")]).await;
    let later = NewSms {
        tenant: tenant("other"),
        call: Some(call("other", "c1").call),
        created_at: moment(9),
        ..text(&call("other", "c1"), "later", Priority::P1)
    };
    owe(store, "other", [NewSms { to: number(NUMBER), ..later }]).await;
    assert_eq!(store.last_to_text(&number(NUMBER)).await.unwrap(), Some(tenant("other")));
}

fn number(text: &str) -> PhoneNumber {
    text.parse().expect("a test's number is a number")
}

fn opt_out(whose: &str, source: OptOutSource, message: &str, at: u64) -> OptOut {
    OptOut {
        tenant: Some(tenant(whose)),
        number: number(NUMBER),
        source,
        at: moment(at),
        message: Some(message.into()),
    }
}

fn start(message: &str, at: u64) -> OptIn {
    OptIn {
        tenant: Some(tenant("acme")),
        number: number(NUMBER),
        sources: OptOutSource::UNDONE_BY_START.into(),
        at: moment(at),
        message: Some(message.into()),
    }
}

fn to(recipient: &str, reason: &str) -> NewSms {
    NewSms { to: number(recipient), ..text(&call("acme", "c1"), reason, Priority::P1) }
}

async fn is_out<S: Store>(store: &S, whose: &str) -> bool {
    store.is_opted_out(Some(&tenant(whose)), &number(NUMBER)).await.expect("the store works")
}

async fn owe<S: Store>(store: &S, whose: &str, texts: impl Into<Vec<NewSms>>) {
    let frame = frame_owing(&call(whose, "c1"), 1, texts.into());
    assert_eq!(store.append(&[frame]).await, [Ok(())]);
}
