//! What an outbox promises of order, and of what people ask of it.

use super::outbox::{SENDER, claim, claimed, claimed_one, owe, settlement, stored};
use crate::ids::SmsId;
use crate::ports::{CallStore, IdempotencyKey, NotClaimed, SmsFilter, SmsOutbox, Submitted};
use crate::priority::Priority;
use crate::sms::{Command, Commanded, NewSms, Settlement, Sms, SmsState};
use crate::testing::frames::{call, moment, tenant, text};

pub async fn messages_of_one_call_to_one_person_leave_in_order<S: CallStore + SmsOutbox>(store: &S) {
    let at = |reason: &str, seconds, priority| NewSms {
        created_at: moment(seconds),
        ..text(&call("acme", "c1"), reason, priority)
    };
    let (first, second) = (at("first", 1, Priority::P2), at("second", 2, Priority::P2));
    let elsewhere = NewSms { to: "+15145550111".parse().expect("a number"), ..at("elsewhere", 3, Priority::P2) };
    let urgent = at("urgent", 4, Priority::P1);
    owe(store, [first.clone(), second.clone(), elsewhere.clone(), urgent.clone()]).await;
    let due = async |seconds| {
        let due = store.candidates(moment(seconds), 9).await.unwrap().due;
        let mut ids: Vec<SmsId> = due.iter().flatten().map(|candidate| candidate.id).collect();
        ids.sort();
        ids
    };
    let sorted = |mut ids: Vec<SmsId>| {
        ids.sort();
        ids
    };
    assert_eq!(due(5).await, sorted(vec![first.id, elsewhere.id, urgent.id]), "the urgent one waits for nobody");
    assert_eq!(claim(store, &[second.id], moment(5)).await, [Err(NotClaimed::Behind)]);

    let taken = claim(store, &[first.id, second.id], moment(5)).await;
    assert!(taken[0].is_ok());
    assert_eq!(taken[1], Err(NotClaimed::Behind), "the first is in flight");
    assert_eq!(due(5).await, [elsewhere.id], "nothing overtakes one that is being sent");
    let later = Settlement { due_at: Some(moment(50)), ..settlement(SmsState::Queued) };
    store.settle(first.id, 1, &later, moment(6)).await.unwrap();
    assert!(!due(7).await.contains(&second.id), "it is tried again soon");
    let much_later = Settlement { due_at: Some(moment(900)), ..settlement(SmsState::Queued) };
    claim(store, &[first.id], moment(50)).await[0].as_ref().expect("it is due");
    store.settle(first.id, 2, &much_later, moment(51)).await.unwrap();
    assert!(due(52).await.contains(&second.id), "one that waits long is overtaken");
}

pub async fn a_candidate_tells_who_tried_before<S: CallStore + SmsOutbox>(store: &S) {
    let first = claimed_one(store).await;
    let again = Settlement { due_at: Some(moment(3)), ..settlement(SmsState::Queued) };
    store.settle(first.sms.id, 1, &again, moment(2)).await.unwrap();
    let candidate = store.candidates(moment(3), 1).await.unwrap().due[0].remove(0);
    assert_eq!((candidate.attempts, candidate.tried), (1, vec![SENDER.into()]));
    assert_eq!((candidate.to, candidate.call), (first.sms.to, first.sms.call));
    assert_eq!((candidate.due_at, candidate.expires_at), (moment(3), first.sms.expires_at));
}

pub async fn a_message_submitted_waits_like_any_other<S: CallStore + SmsOutbox>(store: &S) {
    let new = submitted("a", 1);
    assert_eq!(store.submit(&new, None).await, Ok(Submitted::New(Sms::owed(&new))));
    assert_eq!(claimed(store, moment(2)).await[0].sms.id, new.id);
    let watched = NewSms { suppressed: Some("only watching".into()), ..submitted("b", 1) };
    store.submit(&watched, None).await.unwrap();
    assert_eq!(stored(store, watched.id).await.state, SmsState::Suppressed);
}

pub async fn the_same_request_again_is_answered_and_sends_nothing<S: CallStore + SmsOutbox>(store: &S) {
    let key = |digest: &str, until| IdempotencyKey { key: "k-1".into(), digest: digest.into(), until: moment(until) };
    let first = submitted("a", 1);
    let answer = Sms::owed(&first);
    assert_eq!(store.submit(&first, Some(&key("d1", 100))).await, Ok(Submitted::New(answer.clone())));
    claimed(store, moment(2)).await;
    let again = submitted("b", 50);
    let answered = store.submit(&again, Some(&key("d1", 150))).await;
    assert_eq!(answered, Ok(Submitted::Again(answer)), "as it was first answered, whatever became of it");
    assert_eq!(store.submit(&again, Some(&key("d2", 150))).await, Ok(Submitted::Differs));
    assert_eq!(SmsOutbox::find(store, None, again.id).await.unwrap(), None);
    let theirs = NewSms { tenant: tenant("other"), ..submitted("c", 50) };
    assert!(matches!(store.submit(&theirs, Some(&key("d2", 150))).await, Ok(Submitted::New(_))), "keys are a tenant's");
    let late = submitted("d", 101);
    assert!(matches!(store.submit(&late, Some(&key("d2", 201))).await, Ok(Submitted::New(_))), "a key is forgotten");
}

pub async fn a_command_does_what_the_state_allows<S: CallStore + SmsOutbox>(store: &S) {
    let claim = claimed_one(store).await;
    let id = claim.sms.id;
    let order = async |command, seconds| store.command(None, id, command, moment(seconds)).await.unwrap();
    assert!(matches!(order(Command::Cancel, 2).await, Commanded::Refused(_)), "it is being sent");
    store.settle(id, 1, &settlement(SmsState::Failed), moment(3)).await.unwrap();
    let Commanded::Done { sms, from } = order(Command::Retry { force: false }, 4).await else { panic!("refused") };
    assert_eq!((from, sms.state, sms.due_at), (SmsState::Failed, SmsState::Queued, moment(4)));
    assert_eq!(stored(store, id).await, *sms);
    assert!(matches!(order(Command::Cancel, 5).await, Commanded::Done { .. }));
    assert_eq!(claimed(store, moment(6)).await, []);

    order(Command::Retry { force: false }, 7).await;
    let second = claimed(store, moment(8)).await.remove(0);
    assert_eq!((second.attempt.number, second.sms.attempts), (2, 2), "another attempt of the same message");
    store.recover(moment(9)).await.unwrap();
    assert!(matches!(order(Command::Retry { force: false }, 10).await, Commanded::Refused(_)));
    let Commanded::Done { sms, .. } = order(Command::AssumeSent, 11).await else { panic!("refused") };
    assert_eq!((sms.state, sms.provider_id, sms.error), (SmsState::Accepted, None, None));
    let asked = store.checks(crate::ports::Checks::Unknown, moment(9_999), 9).await.unwrap();
    assert_eq!(asked, [], "nobody looks for it any more");
}

pub async fn a_command_is_within_its_tenant_only<S: CallStore + SmsOutbox>(store: &S) {
    let new = submitted("a", 1);
    store.submit(&new, None).await.unwrap();
    let order = async |tenant, id| store.command(tenant, id, Command::Cancel, moment(2)).await.unwrap();
    let other = tenant("other");
    assert_eq!(order(Some(&other), new.id).await, Commanded::NoSuchMessage);
    assert_eq!(order(None, SmsId::from_bits([9; 16])).await, Commanded::NoSuchMessage);
    assert!(matches!(order(Some(&new.tenant), new.id).await, Commanded::Done { .. }));
}

pub async fn a_list_shows_what_was_asked_for_page_by_page<S: CallStore + SmsOutbox>(store: &S) {
    // Two of the same moment, so that a page may end between them.
    let texts: Vec<NewSms> =
        [1, 2, 2, 3, 4].into_iter().enumerate().map(|(n, at)| submitted(&format!("m{n}"), at)).collect();
    let failed = text(&call("acme", "c1"), "failed", Priority::P1);
    for text in &texts {
        store.submit(text, None).await.unwrap();
    }
    owe(store, [failed.clone()]).await;
    store.command(None, texts[0].id, Command::Cancel, moment(9)).await.unwrap();
    let shown = async |filter: SmsFilter| store.list(&filter).await.unwrap();
    let filter = |limit| SmsFilter { limit, ..SmsFilter::default() };

    for oldest_first in [false, true] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = shown(SmsFilter { after, oldest_first, ..filter(2) }).await;
            after = page.last().map(|sms| (sms.created_at, sms.id));
            seen.extend(page.iter().map(|sms| (sms.created_at, sms.id)));
            if page.len() < 2 {
                break;
            }
        }
        let mut expected: Vec<_> = texts.iter().chain([&failed]).map(|text| (text.created_at, text.id)).collect();
        expected.sort();
        if !oldest_first {
            expected.reverse();
        }
        assert_eq!(seen, expected, "each once, in order");
    }
    let ids = |page: Vec<Sms>| page.iter().map(|sms| sms.id).collect::<Vec<_>>();
    assert_eq!(ids(shown(SmsFilter { state: Some(SmsState::Cancelled), ..filter(9) }).await), [texts[0].id]);
    assert_eq!(ids(shown(SmsFilter { call: failed.call.clone(), ..filter(9) }).await), [failed.id]);
    assert_eq!(shown(SmsFilter { to: Some(failed.to.clone()), ..filter(9) }).await.len(), 6);
    assert_eq!(shown(SmsFilter { to: "+15145550119".parse().ok(), ..filter(9) }).await, []);
    assert_eq!(shown(SmsFilter { tenant: Some(tenant("other")), ..filter(9) }).await, []);
}

/// One that belongs to no call.
fn submitted(reason: &str, seconds: u64) -> NewSms {
    let owed = text(&call("acme", "none"), reason, Priority::P3);
    NewSms { call: None, created_at: moment(seconds), due_at: moment(seconds), ..owed }
}
