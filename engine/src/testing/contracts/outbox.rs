//! What an outbox promises.

use super::together;
use crate::ids::SmsId;
use crate::ports::{CallStore, Claim, ClaimRequest, NotClaimed, SmsOutbox};
use crate::priority::Priority;
use crate::sms::{Attempt, DeliveryReport, DeliveryStatus, ErrorClass, NewSms, Reported, Settlement, Sms, SmsState};
use crate::testing::frames::{call, frame_owing, moment, tenant, text};
use crate::time::Timestamp;

pub(super) const SENDER: &str = "+15145550199";

pub async fn a_claim_is_the_whole_message_in_flight<S: CallStore + SmsOutbox>(store: &S) {
    let owed = text(&call("acme", "c1"), "flood", Priority::P1);
    owe(store, [owed.clone()]).await;
    let claims = claimed(store, moment(5)).await;
    let expected = Sms {
        id: owed.id,
        tenant: owed.tenant,
        call: owed.call,
        alert: None,
        to: owed.to,
        contact: owed.contact,
        from: Some(SENDER.into()),
        body: owed.body,
        segments: owed.segments,
        priority: owed.priority,
        state: SmsState::Sending,
        attempts: 1,
        provider_id: None,
        error_code: None,
        error: None,
        possible_duplicate: false,
        due_at: owed.due_at,
        expires_at: owed.expires_at,
        created_at: owed.created_at,
        updated_at: moment(5),
    };
    let token = claims[0].attempt.token.clone();
    let attempt = Attempt::new(owed.id, 1, SENDER.into(), token, moment(5));
    assert_eq!(claims, [Claim { sms: expected.clone(), attempt: attempt.clone() }]);
    assert_eq!(stored(store, owed.id).await, expected);
    assert_eq!(store.attempts(owed.id).await.unwrap(), [attempt], "it is committed");
    assert_eq!(claimed(store, moment(6)).await, [], "it is in flight");
}

pub async fn the_most_urgent_is_first_then_the_earliest_deadline<S: CallStore + SmsOutbox>(store: &S) {
    let until = |reason: &str, priority, expires, due| NewSms {
        due_at: moment(due),
        expires_at: moment(expires),
        ..text(&call("acme", reason), reason, priority)
    };
    owe(
        store,
        [
            until("f", Priority::P4, 90, 0),
            until("e", Priority::P3, 90, 0),
            until("b", Priority::P1, 99, 1),
            until("a", Priority::P1, 98, 9),
            until("d", Priority::P2, 99, 2),
            until("c", Priority::P2, 99, 1),
        ],
    )
    .await;
    let order = async |per_class| {
        let due = store.candidates(moment(10), per_class).await.unwrap().due;
        due.iter().flatten().map(|candidate| (candidate.id, candidate.priority)).collect::<Vec<_>>()
    };
    let id = |reason: &str| SmsId::derive(&call("acme", reason), reason, "+15145550110");
    assert_eq!(order(0).await, []);
    let first = ["a", "c", "e", "f"].map(id).into_iter().zip(Priority::ALL).collect::<Vec<_>>();
    assert_eq!(order(1).await, first);
    assert_eq!(order(9).await.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ["a", "b", "c", "d", "e", "f"].map(id));
}

pub async fn a_suppressed_message_is_kept_and_never_claimed<S: CallStore + SmsOutbox>(store: &S) {
    let watched = text(&call("acme", "c1"), "watched", Priority::P1);
    let watched = NewSms { suppressed: Some("only watching".into()), ..watched };
    owe(store, [watched.clone()]).await;
    assert!(claimed(store, moment(6)).await.is_empty());
    assert_eq!(store.next_due(moment(0)).await.unwrap(), None);
    let kept = stored(store, watched.id).await;
    assert_eq!((kept.state, kept.error.as_deref()), (SmsState::Suppressed, Some("only watching")));
}

pub async fn nothing_is_claimed_before_it_is_due<S: CallStore + SmsOutbox>(store: &S) {
    let later = NewSms { due_at: moment(10), ..text(&call("acme", "c1"), "later", Priority::P1) };
    let now = text(&call("acme", "c2"), "now", Priority::P4);
    owe(store, [later.clone(), now.clone()]).await;
    let ids = async |at| claimed(store, at).await.iter().map(|claim| claim.sms.id).collect::<Vec<_>>();
    assert_eq!(ids(moment(9)).await, [now.id]);
    assert_eq!(ids(moment(10)).await, [later.id]);
}

pub async fn what_has_expired_is_not_claimed<S: CallStore + SmsOutbox>(store: &S) {
    let until =
        |reason, seconds| NewSms { expires_at: moment(seconds), ..text(&call("acme", "c1"), reason, Priority::P1) };
    let (stale, fresh) = (until("stale", 9), until("fresh", 10));
    owe(store, [stale.clone(), fresh.clone()]).await;
    let candidates = store.candidates(moment(10), 100).await.unwrap();
    assert_eq!(candidates.due[0].iter().map(|candidate| candidate.id).collect::<Vec<_>>(), [fresh.id]);
    let gone = stored(store, stale.id).await;
    assert_eq!((gone.state, gone.attempts, gone.updated_at), (SmsState::Expired, 0, moment(10)));
    assert_eq!(candidates.expired, [gone], "told once");
    assert_eq!(store.candidates(moment(10), 100).await.unwrap().expired, []);
    assert_eq!(
        claim(store, &[fresh.id], moment(11)).await,
        [Err(NotClaimed::Gone)],
        "chosen in time, claimed too late"
    );

    let crowded_out = until("crowded-out", 19);
    owe(store, [crowded_out.clone(), until("urgent", 99)]).await;
    let candidates = store.candidates(moment(20), 0).await.unwrap();
    let expired: Vec<_> = candidates.expired.iter().map(|sms| sms.id).collect();
    assert!(expired.contains(&crowded_out.id), "whatever the limit");
}

pub async fn two_claimers_never_get_the_same_message<S: CallStore + SmsOutbox>(store: &S) {
    let texts: Vec<_> = (0..30).map(|n| text(&call("acme", &format!("c{n}")), "flood", Priority::P2)).collect();
    let mut ids: Vec<SmsId> = texts.iter().map(|text| text.id).collect();
    owe(store, texts).await;
    let requests: Vec<_> = ids.iter().map(|id| ClaimRequest { id: *id, sender: SENDER.into() }).collect();
    let claimers = (0..5).map(|_| store.claim(&requests, moment(1)));
    let answers: Vec<_> = together(claimers).await.into_iter().flat_map(|answers| answers.unwrap()).collect();
    assert_eq!(answers.len(), 5 * requests.len(), "one answer per request");
    let mut claimed: Vec<SmsId> = answers.into_iter().flatten().map(|claim| claim.sms.id).collect();
    claimed.sort();
    ids.sort();
    assert_eq!(claimed, ids, "each was claimed once");
}

pub async fn an_attempt_is_settled_once<S: CallStore + SmsOutbox>(store: &S) {
    let claim = claimed_one(store).await;
    let accepted = Settlement { provider_id: Some("carrier-1".into()), ..settlement(SmsState::Accepted) };
    let settled = store.settle(claim.sms.id, claim.attempt.number, &accepted, moment(2)).await.unwrap().sms;
    assert_eq!((settled.state, settled.attempts, settled.updated_at), (SmsState::Accepted, 1, moment(2)));
    assert_eq!(settled.provider_id.as_deref(), Some("carrier-1"));

    let late =
        store.settle(claim.sms.id, claim.attempt.number, &settlement(SmsState::Failed), moment(3)).await.unwrap().sms;
    assert_eq!(late, settled, "the second settlement changes nothing and tells what stands");
    assert_eq!(stored(store, claim.sms.id).await, settled);
    let unheard_of = SmsId::derive(&call("acme", "c1"), "never owed", "+15145550110");
    assert!(store.settle(unheard_of, 1, &accepted, moment(4)).await.is_err_and(|failure| !failure.is_retry()));
}

pub async fn an_attempt_that_is_not_the_current_one_settles_nothing<S: CallStore + SmsOutbox>(store: &S) {
    let claim = claimed_one(store).await;
    for attempt in [0, claim.attempt.number + 1] {
        let settled = store.settle(claim.sms.id, attempt, &settlement(SmsState::Failed), moment(2)).await.unwrap().sms;
        assert_eq!(settled, claim.sms);
    }
}

pub async fn a_throttled_attempt_costs_nothing_and_keeps_its_number<S: CallStore + SmsOutbox>(store: &S) {
    let first = claimed_one(store).await;
    let throttled = Settlement {
        counts: false,
        due_at: Some(moment(20)),
        error: Some("too many requests".into()),
        ..settlement(SmsState::Queued)
    };
    let settled = store.settle(first.sms.id, first.attempt.number, &throttled, moment(2)).await.unwrap().sms;
    assert_eq!((settled.state, settled.attempts, settled.due_at), (SmsState::Queued, 0, moment(20)));
    assert_eq!(settled.error.as_deref(), Some("too many requests"));

    let second = claimed(store, moment(20)).await.remove(0);
    assert_eq!((second.attempt.number, second.sms.attempts), (2, 1));
    let stale =
        store.settle(first.sms.id, first.attempt.number, &settlement(SmsState::Failed), moment(21)).await.unwrap().sms;
    assert_eq!(stale, second.sms, "the first attempt is over");
}

pub async fn a_failed_attempt_that_counts_is_tried_again_when_due<S: CallStore + SmsOutbox>(store: &S) {
    let first = claimed_one(store).await;
    let again = Settlement {
        due_at: Some(moment(30)),
        error_code: Some(30_008),
        error: Some("unreachable".into()),
        ..settlement(SmsState::Queued)
    };
    let settled = store.settle(first.sms.id, first.attempt.number, &again, moment(2)).await.unwrap().sms;
    assert_eq!((settled.attempts, settled.error_code), (1, Some(30_008)));
    assert!(claimed(store, moment(29)).await.is_empty());
    let second = claimed(store, moment(30)).await.remove(0);
    assert_eq!((second.attempt.number, second.sms.attempts), (2, 2));
    let done = store.settle(second.sms.id, 2, &settlement(SmsState::Accepted), moment(31)).await.unwrap().sms;
    assert_eq!((done.error_code, done.error), (None, None), "a message that was taken shows no old error");
}

pub async fn reports_only_move_a_message_forward<S: CallStore + SmsOutbox>(store: &S) {
    use DeliveryStatus::{Delivered, Failed, Sent};
    let id = accepted_one(store).await;
    for (status, at, expected) in [
        (Sent, 10, Some(SmsState::Sent)),
        (Sent, 11, None),
        (Delivered, 12, Some(SmsState::Delivered)),
        (Sent, 13, None),
        (Failed, 14, None),
    ] {
        let moved = moved_by(store, &report(status, at)).await;
        assert_eq!(moved.as_ref().map(|sms| sms.state), expected, "{status:?}");
        if let Some(sms) = moved {
            assert_eq!((sms.id, sms.updated_at), (id, moment(at)));
        }
    }
    assert_eq!(stored(store, id).await.state, SmsState::Delivered);
}

pub async fn a_late_report_never_reopens_a_failed_message<S: CallStore + SmsOutbox>(store: &S) {
    let id = accepted_one(store).await;
    let undelivered = DeliveryReport { error_code: Some(30_003), ..report(DeliveryStatus::Undelivered, 10) };
    let moved = moved_by(store, &undelivered).await.expect("it moves an accepted message");
    assert_eq!((moved.state, moved.error_code), (SmsState::Undelivered, Some(30_003)));
    for (late, reported) in [
        (DeliveryStatus::Sent, Reported::Old),
        (DeliveryStatus::Undelivered, Reported::Old),
        (DeliveryStatus::Delivered, Reported::Contradicts(moved.clone())),
        (DeliveryStatus::Failed, Reported::Contradicts(moved.clone())),
    ] {
        assert_eq!(store.report(&report(late, 11), None).await, Ok(reported));
    }
    assert_eq!(stored(store, id).await, moved);
}

pub async fn what_was_not_delivered_and_may_be_is_queued_again<S: CallStore + SmsOutbox>(store: &S) {
    let id = accepted_one(store).await;
    let off = DeliveryReport { error_code: Some(30_003), ..report(DeliveryStatus::Undelivered, 10) };
    let class = Some(ErrorClass::TransientRecipient);
    let Ok(Reported::Moved { sms, from }) = store.report(&off, class).await else { panic!("it moves") };
    assert_eq!((from, sms.state, sms.error_code), (SmsState::Accepted, SmsState::Queued, Some(30_003)));
    assert_eq!(stored(store, id).await, sms);
    assert_eq!(store.report(&off, class).await, Ok(Reported::Old), "told twice is tried once");
    let log = store.attempts(id).await.unwrap();
    assert_eq!((log[0].outcome, log[0].error_code), (Some(SmsState::Undelivered), Some(30_003)));
    assert_eq!(claimed(store, moment(900)).await, []);
    let again = claimed(store, sms.due_at).await.remove(0);
    assert_eq!((again.attempt.number, again.sms.attempts), (2, 2));
}

pub async fn a_report_about_nothing_known_is_nothing<S: CallStore + SmsOutbox>(store: &S) {
    let claim = claimed_one(store).await;
    let early = report(DeliveryStatus::Delivered, 2);
    assert_eq!(store.report(&early, None).await, Ok(Reported::Unheard), "the carrier was faster than our own record");
    let accepted = Settlement { provider_id: Some("carrier-1".into()), ..settlement(SmsState::Accepted) };
    store.settle(claim.sms.id, claim.attempt.number, &accepted, moment(3)).await.unwrap();
    let again = moved_by(store, &early).await.expect("asked again it is found");
    assert_eq!((again.state, again.updated_at), (SmsState::Delivered, moment(3)), "time does not run backwards");
}

pub async fn attempts_cut_by_a_restart_become_unknown<S: CallStore + SmsOutbox>(store: &S) {
    let waiting = NewSms { due_at: moment(99), ..text(&call("acme", "c2"), "waiting", Priority::P1) };
    let claim = claimed_one(store).await;
    owe(store, [waiting.clone()]).await;
    let recovered = store.recover(moment(50)).await.unwrap();
    assert_eq!(recovered.iter().map(|sms| sms.id).collect::<Vec<_>>(), [claim.sms.id]);
    let unknown = stored(store, claim.sms.id).await;
    assert_eq!((unknown.state, unknown.attempts, unknown.updated_at), (SmsState::Unknown, 1, moment(50)));
    assert_eq!(recovered, std::slice::from_ref(&unknown));

    assert!(store.recover(moment(51)).await.unwrap().is_empty());
    assert_eq!(claimed(store, moment(98)).await, [], "it is never sent again");
    let late =
        store.settle(claim.sms.id, claim.attempt.number, &settlement(SmsState::Unknown), moment(52)).await.unwrap().sms;
    assert_eq!(late, unknown);
    assert_eq!(stored(store, waiting.id).await.state, SmsState::Queued);
}

pub async fn the_queue_tells_its_next_moment_and_its_depth<S: CallStore + SmsOutbox>(store: &S) {
    let depth = async || store.depth().await.unwrap().map(|(_, messages)| messages);
    assert_eq!((store.next_due(moment(0)).await.unwrap(), depth().await), (None, [0; 4]));
    let due =
        |reason, priority, seconds| NewSms { due_at: moment(seconds), ..text(&call("acme", reason), reason, priority) };
    owe(
        store,
        [due("a", Priority::P1, 30), due("b", Priority::P4, 20), due("c", Priority::P4, 40), due("d", Priority::P2, 1)],
    )
    .await;
    assert_eq!((store.next_due(moment(0)).await.unwrap(), depth().await), (Some(moment(1)), [1, 1, 0, 2]));
    assert_eq!(store.next_due(moment(1)).await.unwrap(), Some(moment(20)), "what is due by then is no news");
    assert_eq!(store.depth().await.unwrap().map(|(priority, _)| priority), Priority::ALL);
    claimed(store, moment(1)).await;
    assert_eq!((store.next_due(moment(0)).await.unwrap(), depth().await), (Some(moment(20)), [1, 0, 0, 2]));
}

pub async fn messages_are_found_within_their_tenant_only<S: CallStore + SmsOutbox>(store: &S) {
    let (ours, theirs) = (call("acme", "c1"), call("other", "c1"));
    let texts = [text(&ours, "one", Priority::P1), text(&ours, "two", Priority::P1), text(&theirs, "x", Priority::P1)];
    owe(store, texts.clone()).await;
    let (acme, other) = (tenant("acme"), tenant("other"));
    let found = async |tenant, id| SmsOutbox::find(store, tenant, id).await.unwrap().is_some();
    assert!(found(None, texts[0].id).await && found(Some(&acme), texts[0].id).await);
    assert!(!found(Some(&other), texts[0].id).await);

    let of_call = async |tenant, limit| store.of_call(tenant, &ours.call, limit).await.unwrap().len();
    assert_eq!([of_call(None, 9).await, of_call(Some(&acme), 9).await, of_call(Some(&acme), 1).await], [3, 2, 1]);
    assert_eq!(of_call(Some(&tenant("third")), 9).await, 0);
    assert_eq!(store.of_call(None, &call("acme", "c2").call, 9).await.unwrap(), []);
    assert_eq!(store.latest(Some(&other), 9).await.unwrap().len(), 1);
}

pub async fn the_newest_messages_come_first<S: CallStore + SmsOutbox>(store: &S) {
    let created =
        |reason, seconds| NewSms { created_at: moment(seconds), ..text(&call("acme", "c1"), reason, Priority::P3) };
    owe(store, [created("b", 2), created("c", 3), created("a", 1)]).await;
    let reasons = |texts: Vec<Sms>| texts.iter().map(|sms| sms.body[4..].to_owned()).collect::<Vec<_>>();
    assert_eq!(reasons(store.latest(None, 9).await.unwrap()), ["c", "b", "a"]);
    assert_eq!(reasons(store.latest(Some(&tenant("acme")), 2).await.unwrap()), ["c", "b"]);
    let call = call("acme", "c1").call;
    assert_eq!(reasons(store.of_call(None, &call, 9).await.unwrap()), ["a", "b", "c"], "of one call the oldest first");
}

/// What an attempt comes to, without details.
pub(super) fn settlement(state: SmsState) -> Settlement {
    Settlement {
        state,
        due_at: None,
        counts: true,
        provider_id: None,
        error_code: None,
        error: None,
        http_status: Some(201),
        check_at: None,
    }
}

pub(super) fn report(status: DeliveryStatus, seconds: u64) -> DeliveryReport {
    DeliveryReport { token: None, provider_id: "carrier-1".into(), status, error_code: None, at: moment(seconds) }
}

/// Writes each text with a frame of its call.
pub(super) async fn owe<S: CallStore>(store: &S, texts: impl IntoIterator<Item = NewSms>) {
    for text in texts {
        let key = crate::ids::CallKey { tenant: text.tenant.clone(), call: text.call.clone().expect("owed by a call") };
        let seq = store.load(&key).await.unwrap().map_or(0, |loaded| loaded.state.seq) + 1;
        assert_eq!(store.append(&[frame_owing(&key, seq, vec![text])]).await, [Ok(())]);
    }
}

/// Claims all that is due.
pub(super) async fn claimed<S: SmsOutbox>(store: &S, now: Timestamp) -> Vec<Claim> {
    let due = store.candidates(now, 100).await.unwrap().due;
    let ids: Vec<SmsId> = due.iter().flatten().map(|candidate| candidate.id).collect();
    claim(store, &ids, now).await.into_iter().flatten().collect()
}

pub(super) async fn claim<S: SmsOutbox>(store: &S, ids: &[SmsId], now: Timestamp) -> Vec<Result<Claim, NotClaimed>> {
    let requests: Vec<_> = ids.iter().map(|id| ClaimRequest { id: *id, sender: SENDER.into() }).collect();
    store.claim(&requests, now).await.unwrap()
}

/// The message, where the report has changed it.
pub(super) async fn moved_by<S: SmsOutbox>(store: &S, report: &DeliveryReport) -> Option<Sms> {
    match store.report(report, None).await.unwrap() {
        Reported::Moved { sms, .. } => Some(sms),
        _ => None,
    }
}

pub(super) async fn claimed_one<S: CallStore + SmsOutbox>(store: &S) -> Claim {
    owe(store, [text(&call("acme", "c1"), "flood", Priority::P1)]).await;
    claimed(store, moment(1)).await.remove(0)
}

pub(super) async fn accepted_one<S: CallStore + SmsOutbox>(store: &S) -> SmsId {
    let claim = claimed_one(store).await;
    let accepted = Settlement { provider_id: Some("carrier-1".into()), ..settlement(SmsState::Accepted) };
    store.settle(claim.sms.id, claim.attempt.number, &accepted, moment(2)).await.unwrap();
    claim.sms.id
}

pub(super) async fn stored<S: SmsOutbox>(store: &S, id: SmsId) -> Sms {
    store.find(None, id).await.unwrap().expect("it was owed")
}
