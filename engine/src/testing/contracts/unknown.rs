//! What an outbox promises of attempts whose end is learnt late.

use super::outbox::{claim, claimed, claimed_one, moved_by, owe, report, settlement, stored};
use crate::ports::{CallStore, Checks, Claim, SmsOutbox};
use crate::priority::Priority;
use crate::sms::{Attempt, Command, Commanded, DeliveryReport, DeliveryStatus, NewSms, Settlement, SmsState};
use crate::testing::frames::{call, moment, text};
use crate::time::Timestamp;

pub async fn a_report_by_token_is_taken_before_during_and_after_the_answer<S: CallStore + SmsOutbox>(store: &S) {
    let claim = claimed_one(store).await;
    let sent = moved_by(store, &told(&claim, DeliveryStatus::Sent, 3)).await.expect("before the answer");
    assert_eq!((sent.state, sent.provider_id.as_deref()), (SmsState::Sent, Some("carrier-1")));
    let answered = settle(store, &claim, taken(), 4).await;
    assert_eq!(answered, SmsState::Sent, "the answer does not take it back");
    let delivered = moved_by(store, &told(&claim, DeliveryStatus::Delivered, 5)).await.expect("after it");
    assert_eq!(delivered.state, SmsState::Delivered);
    assert_eq!(moved_by(store, &told(&claim, DeliveryStatus::Delivered, 6)).await, None, "twice is once");
    let by_id = report(DeliveryStatus::Delivered, 7);
    assert_eq!(moved_by(store, &by_id).await, None, "the same by the carrier's id");
}

pub async fn a_report_by_token_resolves_an_attempt_cut_by_a_restart<S: CallStore + SmsOutbox>(store: &S) {
    let claim = claimed_one(store).await;
    store.recover(moment(10)).await.unwrap();
    let resolved = moved_by(store, &told(&claim, DeliveryStatus::Accepted, 12)).await.expect("proof that it left");
    assert_eq!((resolved.state, resolved.error), (SmsState::Accepted, None));
    assert_eq!(resolved.provider_id.as_deref(), Some("carrier-1"));
    let attempt = store.attempts(claim.sms.id).await.unwrap().remove(0);
    assert_eq!((attempt.outcome, attempt.provider_id.as_deref()), (Some(SmsState::Accepted), Some("carrier-1")));
    assert!(!stored(store, claim.sms.id).await.possible_duplicate);
}

pub async fn an_answer_that_comes_after_all_is_taken<S: CallStore + SmsOutbox>(store: &S) {
    let claim = claimed_one(store).await;
    store.recover(moment(10)).await.unwrap();
    assert_eq!(settle(store, &claim, taken(), 11).await, SmsState::Accepted);
    assert_eq!(settle(store, &claim, settlement(SmsState::Failed), 12).await, SmsState::Accepted, "the first answer");
}

pub async fn proof_of_an_attempt_that_was_repeated_marks_the_message<S: CallStore + SmsOutbox>(store: &S) {
    let first = claimed_one(store).await;
    store.recover(moment(10)).await.unwrap();
    resend(store, &first, 40).await;
    let second = claimed(store, moment(40)).await.remove(0);
    assert_eq!((second.attempt.number, &second.sms.body), (2, &first.sms.body), "the same words");
    let other = Settlement { provider_id: Some("carrier-2".into()), ..taken() };
    assert_eq!(settle(store, &second, other, 41).await, SmsState::Accepted);

    let doubled = moved_by(store, &told(&first, DeliveryStatus::Accepted, 50)).await.expect("both have left");
    assert!(doubled.possible_duplicate);
    assert_eq!(doubled.provider_id.as_deref(), Some("carrier-2"), "the newest is the one that is followed");
    let failed = told(&first, DeliveryStatus::Failed, 51);
    assert_eq!(moved_by(store, &failed).await, None, "the second may still arrive");
    let arrived = moved_by(store, &told(&first, DeliveryStatus::Delivered, 52)).await.expect("good news is taken");
    assert_eq!(arrived.state, SmsState::Delivered);
}

pub async fn a_message_waiting_to_be_repeated_is_not_when_the_carrier_has_it<S: CallStore + SmsOutbox>(store: &S) {
    let first = claimed_one(store).await;
    store.recover(moment(10)).await.unwrap();
    resend(store, &first, 40).await;
    assert_eq!(moved_by(store, &told(&first, DeliveryStatus::Sent, 41)).await.unwrap().state, SmsState::Sent);
    assert_eq!(claimed(store, moment(60)).await, [], "nobody is told twice");
}

pub async fn an_attempt_is_found_by_its_token_alone<S: CallStore + SmsOutbox>(store: &S) {
    let (a, b) = (text(&call("acme", "c1"), "a", Priority::P2), text(&call("acme", "c2"), "b", Priority::P2));
    owe(store, [a, b]).await;
    let claims = claimed(store, moment(1)).await;
    assert_ne!(claims[0].attempt.token, claims[1].attempt.token);
    for claim in &claims {
        assert_eq!(store.attempt_of(&claim.attempt.token).await.unwrap().as_ref(), Some(&claim.attempt));
    }
    let stranger = crate::sms::AttemptToken::from_bits([0; 16]);
    assert_eq!(store.attempt_of(&stranger).await.unwrap(), None);
}

pub async fn what_is_unknown_is_asked_about_when_it_is_time<S: CallStore + SmsOutbox>(store: &S) {
    let claim = claimed_one(store).await;
    let lost = Settlement { check_at: Some(moment(12)), ..settlement(SmsState::Unknown) };
    assert_eq!(settle(store, &claim, lost, 10).await, SmsState::Unknown);
    let due = async |at| store.checks(Checks::Unknown, moment(at), 9).await.unwrap();
    assert_eq!(due(11).await, []);
    let (sms, attempt) = due(12).await.remove(0);
    assert_eq!((sms.id, attempt.checks, attempt.absent_at), (claim.sms.id, 0, None));
    assert_eq!(store.checks(Checks::Unreported, moment(99), 9).await.unwrap(), []);
    assert_eq!(store.count(SmsState::Unknown).await, Ok(1));

    store.checked(&attempt, true, Some(moment(20)), moment(13)).await.unwrap();
    assert_eq!(due(19).await, []);
    let (_, attempt) = due(20).await.remove(0);
    store.checked(&attempt, true, Some(moment(30)), moment(21)).await.unwrap();
    let (_, attempt) = due(30).await.remove(0);
    assert_eq!((attempt.checks, attempt.absent_at), (2, Some(moment(13))), "when it was first missed");
    store.checked(&attempt, true, None, moment(31)).await.unwrap();
    assert_eq!(due(9_999).await, [], "it is held");
    assert_eq!(stored(store, claim.sms.id).await.state, SmsState::Unknown);
}

pub async fn what_was_taken_is_asked_about_until_it_has_ended<S: CallStore + SmsOutbox>(store: &S) {
    let claim = claimed_one(store).await;
    settle(store, &claim, Settlement { check_at: Some(moment(300)), ..taken() }, 2).await;
    let due = async |at| store.checks(Checks::Unreported, moment(at), 9).await.unwrap();
    assert_eq!((due(299).await.len(), due(300).await.len()), (0, 1));
    assert_eq!(store.checks(Checks::Unknown, moment(999), 9).await.unwrap(), []);
    moved_by(store, &told(&claim, DeliveryStatus::Sent, 301)).await;
    assert_eq!(due(302).await.len(), 1, "sent is not the end");
    let stale = due(302).await.remove(0).1;
    moved_by(store, &told(&claim, DeliveryStatus::Delivered, 303)).await;
    assert_eq!(due(9_999).await, []);
    store.checked(&stale, false, Some(moment(400)), moment(304)).await.unwrap();
    assert_eq!(due(9_999).await, [], "who asked in the meantime does not bring it back");
}

pub async fn attempts_of_the_same_words_to_the_same_number_are_alike<S: CallStore + SmsOutbox>(store: &S) {
    let words =
        |call_id: &str, body: &str| NewSms { body: body.into(), ..text(&call("acme", call_id), call_id, Priority::P2) };
    let theirs = NewSms { body: "flood".into(), ..text(&call("other", "c1"), "c1", Priority::P2) };
    owe(store, [words("c1", "flood"), words("c2", "flood"), words("c3", "flood"), words("c4", "drought"), theirs])
        .await;
    let claims = claimed(store, moment(1)).await;
    let of = |call_id: &str| {
        let ours = |claim: &&Claim| claim.sms.tenant.as_str() == "acme";
        claims.iter().filter(ours).find(|claim| claim.sms.call.as_ref().unwrap().as_str() == call_id).unwrap()
    };
    settle(store, of("c1"), settlement(SmsState::Unknown), 2).await;
    settle(store, of("c3"), Settlement { provider_id: Some("carrier-3".into()), ..taken() }, 2).await;
    let asked = of("c1");
    let mut alike: Vec<_> = store.alike(&asked.sms, &asked.attempt).await.unwrap().iter().map(|a| a.sms).collect();
    let mut expected = [of("c1").sms.id, of("c2").sms.id];
    alike.sort();
    expected.sort();
    assert_eq!(alike, expected, "the unknown and the one in flight, not the one that is known");
    let by_another = Attempt { sender: "+15145550198".into(), ..asked.attempt.clone() };
    assert_eq!(store.alike(&asked.sms, &by_another).await.unwrap(), []);
    for (began, are_alike) in [(1, 2), (86_401, 2), (86_402, 0)] {
        let another_day = Attempt { started_at: moment(began), ..asked.attempt.clone() };
        assert_eq!(store.alike(&asked.sms, &another_day).await.unwrap().len(), are_alike, "{began}");
    }
    assert_eq!(store.owned(&["carrier-9", "carrier-3"]).await.unwrap(), ["carrier-3".into()]);
    assert_eq!(store.owned(&[]).await.unwrap(), []);
    assert!(claim(store, &[of("c1").sms.id], moment(3)).await[0].is_err(), "unknown is never claimed");
}

async fn resend<S: SmsOutbox>(store: &S, first: &Claim, seconds: u64) {
    let again = Command::Resend { attempt: first.attempt.number };
    let commanded = store.command(None, first.sms.id, again, moment(seconds)).await.unwrap();
    let Commanded::Done { sms, from } = commanded else { panic!("{commanded:?}") };
    assert_eq!((from, sms.state, sms.possible_duplicate), (SmsState::Unknown, SmsState::Queued, true));
    let stale = store.command(None, first.sms.id, again, moment(seconds)).await.unwrap();
    assert!(matches!(stale, Commanded::Refused(_)), "once");
}

async fn settle<S: SmsOutbox>(store: &S, claim: &Claim, settlement: Settlement, seconds: u64) -> SmsState {
    store.settle(claim.sms.id, claim.attempt.number, &settlement, moment(seconds)).await.unwrap().sms.state
}

fn taken() -> Settlement {
    Settlement { provider_id: Some("carrier-1".into()), ..settlement(SmsState::Accepted) }
}

fn told(claim: &Claim, status: DeliveryStatus, seconds: u64) -> DeliveryReport {
    DeliveryReport { token: Some(claim.attempt.token.clone()), ..report_at(status, moment(seconds)) }
}

fn report_at(status: DeliveryStatus, at: Timestamp) -> DeliveryReport {
    DeliveryReport { at, ..report(status, 0) }
}
