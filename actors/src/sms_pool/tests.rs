//! Stories of the pool, told in paused time.

mod accounts;
mod day;
mod hands;
mod limits;
mod nodes;
mod paces;
mod reports;
mod world;

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use engine::ports::{ClaimRequest, Clock, SmsOutbox};
use engine::priority::Priority::{P1, P4};
use engine::sms::{ErrorClass, SendOutcome, SmsState};
use engine::time::Timestamp;
use tokio::sync::Notify;
use tokio::time::{Instant, advance, timeout};

use self::world::{Does, World};
use crate::system::Senders;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn no_second_holds_more_than_the_pace_and_no_slot_is_wasted() {
    let mut world = World::new();
    world.owes(110, 25, P4);
    let _pool = world.pool(8, Some(5.0)).await;
    world.sees(25, SmsState::Accepted).await;
    let times = world.carrier.times();
    assert!(times.windows(6).all(|w| w[5] - w[0] >= Duration::from_secs(1)), "{times:?}");
    assert!(times[24] - times[0] < Duration::from_millis(24 * 200 + 24 * 5));
}

#[tokio::test(start_paused = true)]
async fn every_number_has_its_own_pace_and_takes_its_turn() {
    let mut world = World::new();
    world.owes(110, 10, P4);
    let names = vec!["+15145550198".to_owned(), "+15145550199".to_owned()];
    let _pool = world.pool_with(8, Senders { names: names.clone(), per_second: Some(1.0), ..Senders::default() }).await;
    world.sees(10, SmsState::Accepted).await;
    let log = world.carrier.log.lock();
    for name in names {
        let times: Vec<Instant> = log.iter().filter(|sent| sent.from == name).map(|sent| sent.at).collect();
        assert_eq!(times.len(), 5);
        assert!(times.windows(2).all(|w| w[1] - w[0] >= Duration::from_secs(1)));
    }
}

#[tokio::test(start_paused = true)]
async fn an_emergency_takes_the_next_slot_whatever_waits() {
    let mut world = World::new();
    world.owes(1000, 1000, P4);
    let pool = world.pool(4, Some(1.0)).await;
    world.sees(3, SmsState::Accepted).await;
    let sent_before = world.carrier.sent().len();
    let urgent = world.owes(110, 1, P1)[0];
    pool.wake();
    world.sees(1, SmsState::Accepted).await;
    assert_eq!(world.carrier.sent()[sent_before], urgent);
}

#[tokio::test(start_paused = true)]
async fn an_idle_sender_keeps_its_slot_for_the_emergency() {
    let mut world = World::new();
    let pool = world.pool(4, Some(0.01)).await;
    advance(MINUTE).await;
    let before = Instant::now();
    world.owes(110, 1, P1);
    pool.wake();
    world.sees(1, SmsState::Accepted).await;
    assert_eq!(before.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_message_due_later_leaves_when_it_is_due_and_not_before() {
    let mut world = World::new();
    let due_at = world.clock.now().plus(MINUTE);
    world.owes_at(110, P4, due_at);
    let started = Instant::now();
    let _pool = world.pool(4, None).await;
    world.sees(1, SmsState::Accepted).await;
    assert!(started.elapsed() >= MINUTE && started.elapsed() < MINUTE + Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_waited_too_long_is_not_sent_and_everybody_hears_of_it() {
    let mut world = World::new();
    let stale = world.owes(110, 1, P1)[0];
    world.outbox.rows.lock()[0].expires_at = Timestamp::EPOCH;
    let fresh = world.owes(111, 1, P4)[0];
    let _pool = world.pool(4, None).await;
    assert_eq!(world.sees(1, SmsState::Expired).await, [stale]);
    assert_eq!(world.sees(1, SmsState::Accepted).await, [fresh]);
    assert_eq!(world.carrier.sent(), [fresh]);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_expired_between_its_claim_and_its_first_byte_does_not_leave() {
    let mut world = World::new();
    let id = world.owes(110, 1, P1)[0];
    world.outbox.rows.lock()[0].expires_at = world.clock.now().plus(MINUTE);
    *world.outbox.claim_takes.lock() = 2 * MINUTE;
    let _pool = world.pool(4, None).await;
    assert_eq!(world.sees(1, SmsState::Expired).await, [id]);
    assert!(world.carrier.sent().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_idle_pool_looks_once_per_tick() {
    let world = World::new();
    let _pool = world.pool(4, None).await;
    let looked = |world: &World| world.outbox.claims.load(SeqCst);
    assert!(timeout(MINUTE, std::future::pending::<()>()).await.is_err());
    assert!((10..=14).contains(&looked(&world)), "{} looks in a minute", looked(&world));
}

#[tokio::test(start_paused = true)]
async fn any_number_of_wake_ups_is_few_looks() {
    let mut world = World::new();
    let pool = world.pool(4, None).await;
    world.owes(110, 1, P4);
    (0..1000).for_each(|_| pool.wake());
    world.sees(1, SmsState::Accepted).await;
    assert!(world.outbox.claims.load(SeqCst) < 10);
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_sender_dies_is_unknown_and_the_others_leave() {
    let mut world = World::new();
    let poison = world.owes(110, 1, P1)[0];
    world.carrier.expect(poison, vec![Does::Panics]);
    world.owes(120, 5, P4);
    let _pool = world.pool(1, None).await;
    world.sees(5, SmsState::Accepted).await;
    assert_eq!(world.outbox.row(poison).state, SmsState::Unknown);
    assert_eq!(world.carrier.sent().iter().filter(|id| **id == poison).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_message_is_sent_later_and_costs_no_attempt() {
    let mut world = World::new();
    let id = world.owes(110, 1, P1)[0];
    let throttled = || Does::Answers(SendOutcome::Throttled { after: None });
    world.carrier.expect(id, (0..5).map(|_| throttled()).collect());
    let _pool = world.pool(4, None).await;
    world.sees(1, SmsState::Accepted).await;
    assert_eq!(world.outbox.row(id).attempts, 1);
    let waits: Vec<Duration> = world.carrier.times().windows(2).map(|w| w[1] - w[0]).collect();
    let least = [100, 200, 400, 800, 1600].map(Duration::from_millis);
    assert_eq!(waits.len(), 5);
    assert!(waits.iter().zip(least).all(|(wait, least)| *wait >= least && *wait < least * 2), "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_account_holds_every_message_and_loses_none() {
    let mut world = World::new();
    // Of equals the smaller id goes first.
    let mut ids = world.owes(110, 6, P4);
    ids.sort();
    let suspended = SendOutcome::Rejected { code: 1, class: ErrorClass::AccountFault, message: "suspended".into() };
    ids.iter().take(2).for_each(|id| world.carrier.expect(*id, vec![Does::Answers(suspended.clone())]));
    let _pool = world.pool(2, None).await;
    world.sees(2, SmsState::Queued).await;
    assert!(timeout(MINUTE / 2, world.sees(1, SmsState::Accepted)).await.is_err());
    assert_eq!(world.carrier.sent().len(), 2, "nobody else knocks while the account is suspended");
    world.sees(6, SmsState::Accepted).await;
}

#[tokio::test(start_paused = true)]
async fn an_attempt_cut_by_a_crash_is_unknown_and_never_sent_again() {
    let mut world = World::new();
    let cut = world.owes(110, 1, P1)[0];
    let taken = ClaimRequest { id: cut, sender: "+15145550199".into() };
    assert!(world.outbox.claim(&[taken], world.clock.now()).await.unwrap()[0].is_ok());
    let next = world.owes(120, 1, P4)[0];
    let _pool = world.pool(4, None).await;
    assert_eq!(world.sees(1, SmsState::Unknown).await, [cut]);
    world.sees(1, SmsState::Accepted).await;
    assert!(timeout(100 * MINUTE, world.sees(1, SmsState::Accepted)).await.is_err());
    assert_eq!(world.carrier.sent(), [next]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_delays_messages_and_loses_none() {
    let mut world = World::new();
    world.owes(110, 5, P4);
    world.outbox.claims_to_fail.store(4, SeqCst);
    world.outbox.settles_to_fail.store(7, SeqCst);
    let _pool = world.pool(2, None).await;
    world.sees(5, SmsState::Accepted).await;
    assert_eq!(world.carrier.sent().len(), 5, "each was sent once");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_is_left_alone_however_often_we_are_woken() {
    let mut world = World::new();
    world.outbox.claims_to_fail.store(3, SeqCst);
    let pool = world.pool(2, None).await;
    world.owes(110, 1, P4);
    for _ in 0..50 {
        pool.wake();
        tokio::task::yield_now().await;
    }
    assert_eq!(world.outbox.claims.load(SeqCst), 1);
    world.sees(1, SmsState::Accepted).await;
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_dies_starts_again_and_what_it_had_in_hand_is_unknown() {
    let mut world = World::new();
    let hanging = world.owes(110, 1, P1)[0];
    world.carrier.expect(hanging, vec![Does::HangsUntil(Arc::new(Notify::new()))]);
    let pool = world.pool(2, None).await;
    while world.carrier.sent().is_empty() {
        tokio::task::yield_now().await;
    }
    world.outbox.claims_to_panic.store(1, SeqCst);
    let next = world.owes(120, 1, P4)[0];
    pool.wake();
    assert_eq!(world.sees(1, SmsState::Unknown).await, [hanging]);
    assert_eq!(world.sees(1, SmsState::Accepted).await, [next]);
}

#[tokio::test(start_paused = true)]
async fn stopping_waits_for_what_is_under_way_and_claims_nothing_more() {
    let world = World::new();
    let told = Arc::new(Notify::new());
    let id = world.owes(110, 1, P1)[0];
    world.carrier.expect(id, vec![Does::HangsUntil(told.clone())]);
    let pool = world.pool(2, None).await;
    while world.carrier.sent().is_empty() {
        tokio::task::yield_now().await;
    }
    let stopping = tokio::spawn({
        let pool = pool.clone();
        async move { pool.stop().await }
    });
    tokio::task::yield_now().await;
    let late = world.owes(120, 1, P1)[0];
    pool.wake();
    assert!(timeout(Duration::from_secs(5), std::future::pending::<()>()).await.is_err());
    assert!(!stopping.is_finished());
    told.notify_waiters();
    stopping.await.unwrap();
    assert_eq!(world.outbox.row(id).state, SmsState::Accepted);
    assert_eq!(world.outbox.row(late).state, SmsState::Queued);
}

#[tokio::test(start_paused = true)]
async fn stopping_does_not_wait_for_ever() {
    let world = World::new();
    let id = world.owes(110, 1, P1)[0];
    world.carrier.expect(id, vec![Does::HangsUntil(Arc::new(Notify::new()))]);
    let pool = world.pool(2, None).await;
    while world.carrier.sent().is_empty() {
        tokio::task::yield_now().await;
    }
    pool.stop().await;
    assert_eq!(world.outbox.row(id).state, SmsState::Sending, "the next start finds it unknown");
}
