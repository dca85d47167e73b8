//! What an outbox promises.

use super::together;
use crate::ids::SmsId;
use crate::ports::{CallStore, Claim, Due, SmsOutbox};
use crate::priority::Priority;
use crate::sms::{DeliveryReport, DeliveryStatus, NewSms, Settlement, Sms, SmsState};
use crate::testing::frames::{call, frame_owing, moment, tenant, text};
use crate::time::Timestamp;

const SENDER: &str = "+15145550199";

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
        due_at: owed.due_at,
        expires_at: owed.expires_at,
        created_at: owed.created_at,
        updated_at: moment(5),
    };
    assert_eq!(claims, [Claim { sms: expected.clone(), attempt: 1 }]);
    assert_eq!(stored(store, owed.id).await, expected);
    assert_eq!(store.claim_due(moment(6), SENDER, 10).await, Ok(Due::default()), "it is in flight");
}

pub async fn the_most_urgent_is_claimed_first_then_the_earliest_due<S: CallStore + SmsOutbox>(store: &S) {
    let due = |reason: &str, priority, due, created| NewSms {
        due_at: moment(due),
        created_at: moment(created),
        ..text(&call("acme", "c1"), reason, priority)
    };
    owe(
        store,
        [
            due("f", Priority::P4, 0, 0),
            due("e", Priority::P3, 0, 0),
            due("b", Priority::P1, 7, 1),
            due("a", Priority::P1, 6, 9),
            due("d", Priority::P2, 1, 2),
            due("c", Priority::P2, 1, 1),
        ],
    )
    .await;
    let mut order = Vec::new();
    for limit in [0, 1, 2, 100] {
        let claims = store.claim_due(moment(10), SENDER, limit).await.unwrap().claims;
        assert!(claims.len() <= limit);
        order.extend(claims.iter().map(|claim| claim.sms.body[4..].to_owned()));
    }
    assert_eq!(order, ["a", "b", "c", "d", "e", "f"]);
}

pub async fn a_suppressed_message_is_kept_and_never_claimed<S: CallStore + SmsOutbox>(store: &S) {
    let watched = text(&call("acme", "c1"), "watched", Priority::P1);
    let watched = NewSms { suppressed: Some("only watching".into()), ..watched };
    owe(store, [watched.clone()]).await;
    assert!(store.claim_due(moment(6), SENDER, 10).await.unwrap().claims.is_empty());
    assert_eq!(store.next_due().await.unwrap(), None);
    let kept = stored(store, watched.id).await;
    assert_eq!((kept.state, kept.error.as_deref()), (SmsState::Suppressed, Some("only watching")));
}

pub async fn nothing_is_claimed_before_it_is_due<S: CallStore + SmsOutbox>(store: &S) {
    let later = NewSms { due_at: moment(10), ..text(&call("acme", "c1"), "later", Priority::P1) };
    let now = text(&call("acme", "c1"), "now", Priority::P4);
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
    let Due { claims, expired } = store.claim_due(moment(10), SENDER, 100).await.unwrap();
    assert_eq!(claims.iter().map(|claim| claim.sms.id).collect::<Vec<_>>(), [fresh.id]);
    let gone = stored(store, stale.id).await;
    assert_eq!((gone.state, gone.attempts, gone.updated_at), (SmsState::Expired, 0, moment(10)));
    assert_eq!(expired, [gone], "told once");
    assert_eq!(store.claim_due(moment(11), SENDER, 100).await, Ok(Due::default()));

    let crowded_out = until("crowded-out", 19);
    owe(store, [crowded_out.clone(), until("urgent", 99)]).await;
    let Due { claims, expired } = store.claim_due(moment(20), SENDER, 0).await.unwrap();
    assert_eq!((claims.len(), expired.len(), expired[0].id), (0, 1, crowded_out.id), "whatever the limit");
}

pub async fn two_claimers_never_get_the_same_message<S: CallStore + SmsOutbox>(store: &S) {
    owe(store, (0..30).map(|n| text(&call("acme", "c1"), &format!("r{n}"), Priority::P2))).await;
    let claimers = (0..5).map(|_| store.claim_due(moment(1), SENDER, 7));
    let claims = together(claimers).await.into_iter().flat_map(|due| due.unwrap().claims);
    let mut ids: Vec<SmsId> = claims.map(|claim| claim.sms.id).collect();
    assert_eq!(ids.len(), 30);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 30, "a message was claimed twice");
}

pub async fn an_attempt_is_settled_once<S: CallStore + SmsOutbox>(store: &S) {
    let claim = claimed_one(store).await;
    let accepted = Settlement { provider_id: Some("carrier-1".into()), ..settlement(SmsState::Accepted) };
    let settled = store.settle(claim.sms.id, claim.attempt, &accepted, moment(2)).await.unwrap();
    assert_eq!((settled.state, settled.attempts, settled.updated_at), (SmsState::Accepted, 1, moment(2)));
    assert_eq!(settled.provider_id.as_deref(), Some("carrier-1"));

    let late = store.settle(claim.sms.id, claim.attempt, &settlement(SmsState::Failed), moment(3)).await.unwrap();
    assert_eq!(late, settled, "the second settlement changes nothing and tells what stands");
    assert_eq!(stored(store, claim.sms.id).await, settled);
    let unheard_of = SmsId::derive(&call("acme", "c1"), "never owed", "+15145550110");
    assert!(store.settle(unheard_of, 1, &accepted, moment(4)).await.is_err_and(|failure| !failure.is_retry()));
}

pub async fn an_attempt_that_is_not_the_current_one_settles_nothing<S: CallStore + SmsOutbox>(store: &S) {
    let claim = claimed_one(store).await;
    for attempt in [0, claim.attempt + 1] {
        let settled = store.settle(claim.sms.id, attempt, &settlement(SmsState::Failed), moment(2)).await.unwrap();
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
    let settled = store.settle(first.sms.id, first.attempt, &throttled, moment(2)).await.unwrap();
    assert_eq!((settled.state, settled.attempts, settled.due_at), (SmsState::Queued, 0, moment(20)));
    assert_eq!(settled.error.as_deref(), Some("too many requests"));

    let second = claimed(store, moment(20)).await.remove(0);
    assert_eq!((second.attempt, second.sms.attempts), (2, 1));
    let stale = store.settle(first.sms.id, first.attempt, &settlement(SmsState::Failed), moment(21)).await.unwrap();
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
    let settled = store.settle(first.sms.id, first.attempt, &again, moment(2)).await.unwrap();
    assert_eq!((settled.attempts, settled.error_code), (1, Some(30_008)));
    assert!(claimed(store, moment(29)).await.is_empty());
    let second = claimed(store, moment(30)).await.remove(0);
    assert_eq!((second.attempt, second.sms.attempts), (2, 2));
    let done = store.settle(second.sms.id, 2, &settlement(SmsState::Accepted), moment(31)).await.unwrap();
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
        let moved = store.report(&report(status, at)).await.unwrap();
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
    let moved = store.report(&undelivered).await.unwrap().expect("it moves an accepted message");
    assert_eq!((moved.state, moved.error_code), (SmsState::Undelivered, Some(30_003)));
    for late in [DeliveryStatus::Sent, DeliveryStatus::Delivered, DeliveryStatus::Failed] {
        assert_eq!(store.report(&report(late, 11)).await.unwrap(), None);
    }
    assert_eq!(stored(store, id).await, moved);
}

pub async fn a_report_about_nothing_known_is_nothing<S: CallStore + SmsOutbox>(store: &S) {
    let claim = claimed_one(store).await;
    let early = report(DeliveryStatus::Delivered, 2);
    assert_eq!(store.report(&early).await.unwrap(), None, "the carrier was faster than our own record");
    let accepted = Settlement { provider_id: Some("carrier-1".into()), ..settlement(SmsState::Accepted) };
    store.settle(claim.sms.id, claim.attempt, &accepted, moment(3)).await.unwrap();
    let again = store.report(&early).await.unwrap().expect("asked again it is found");
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
    let late = store.settle(claim.sms.id, claim.attempt, &settlement(SmsState::Accepted), moment(52)).await.unwrap();
    assert_eq!(late, unknown);
    assert_eq!(stored(store, waiting.id).await.state, SmsState::Queued);
}

pub async fn the_queue_tells_its_next_moment_and_its_depth<S: CallStore + SmsOutbox>(store: &S) {
    let depth = async || store.depth().await.unwrap().map(|(_, messages)| messages);
    assert_eq!((store.next_due().await.unwrap(), depth().await), (None, [0; 4]));
    let due =
        |reason, priority, seconds| NewSms { due_at: moment(seconds), ..text(&call("acme", "c1"), reason, priority) };
    owe(
        store,
        [due("a", Priority::P1, 30), due("b", Priority::P4, 20), due("c", Priority::P4, 40), due("d", Priority::P2, 1)],
    )
    .await;
    assert_eq!((store.next_due().await.unwrap(), depth().await), (Some(moment(1)), [1, 1, 0, 2]));
    assert_eq!(store.depth().await.unwrap().map(|(priority, _)| priority), Priority::ALL);
    claimed(store, moment(1)).await;
    assert_eq!((store.next_due().await.unwrap(), depth().await), (Some(moment(20)), [1, 0, 0, 2]));
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
    Settlement { state, due_at: None, counts: true, provider_id: None, error_code: None, error: None }
}

fn report(status: DeliveryStatus, seconds: u64) -> DeliveryReport {
    DeliveryReport { provider_id: "carrier-1".into(), status, error_code: None, at: moment(seconds) }
}

/// Writes each text with a frame of its call.
async fn owe<S: CallStore>(store: &S, texts: impl IntoIterator<Item = NewSms>) {
    for text in texts {
        let key = crate::ids::CallKey { tenant: text.tenant.clone(), call: text.call.clone().expect("owed by a call") };
        let seq = store.load(&key).await.unwrap().map_or(0, |loaded| loaded.state.seq) + 1;
        assert_eq!(store.append(&[frame_owing(&key, seq, vec![text])]).await, [Ok(())]);
    }
}

async fn claimed<S: SmsOutbox>(store: &S, now: Timestamp) -> Vec<Claim> {
    store.claim_due(now, SENDER, 100).await.unwrap().claims
}

async fn claimed_one<S: CallStore + SmsOutbox>(store: &S) -> Claim {
    owe(store, [text(&call("acme", "c1"), "flood", Priority::P1)]).await;
    claimed(store, moment(1)).await.remove(0)
}

async fn accepted_one<S: CallStore + SmsOutbox>(store: &S) -> SmsId {
    let claim = claimed_one(store).await;
    let accepted = Settlement { provider_id: Some("carrier-1".into()), ..settlement(SmsState::Accepted) };
    store.settle(claim.sms.id, claim.attempt, &accepted, moment(2)).await.unwrap();
    claim.sms.id
}

async fn stored<S: SmsOutbox>(store: &S, id: SmsId) -> Sms {
    store.find(None, id).await.unwrap().expect("it was owed")
}
