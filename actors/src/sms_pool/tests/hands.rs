//! Who carries what while a carrier takes its time, or never answers.

use std::sync::Arc;
use std::time::Duration;

use engine::ids::SmsId;
use engine::priority::Priority::{P1, P4};
use engine::sms::SmsState;
use tokio::sync::{Barrier, Notify};
use tokio::time::{Instant, timeout};

use super::MINUTE;
use super::world::{Does, World};

#[tokio::test(start_paused = true)]
async fn free_hands_send_side_by_side() {
    let mut world = World::new();
    let ids = world.owes(110, 8, P1);
    let together = Arc::new(Barrier::new(8));
    ids.iter().for_each(|id| world.carrier.expect(*id, vec![Does::WaitsForAll(together.clone())]));
    let _pool = world.pool(8, None).await;
    world.sees(8, SmsState::Accepted).await;
    assert_eq!(world.outbox.in_state(SmsState::Accepted), 8);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_carrier_stops_nobody_until_all_hands_are_full() {
    let mut world = World::new();
    let told = Arc::new(Notify::new());
    let carrier = world.carrier.clone();
    let hangs = |ids: &[SmsId]| {
        ids.iter().for_each(|id| carrier.expect(*id, vec![Does::HangsUntil(told.clone())]));
    };
    hangs(&world.owes(110, 1, P1));
    world.owes(120, 20, P4);
    let pool = world.pool(4, None).await;
    world.sees(20, SmsState::Accepted).await;

    hangs(&world.owes(140, 3, P1));
    pool.wake();
    let fifth = world.owes(150, 1, P1)[0];
    pool.wake();
    assert!(timeout(MINUTE, world.sees(1, SmsState::Accepted)).await.is_err(), "no hand is free");
    assert_eq!(world.outbox.row(fifth).state, SmsState::Queued, "not claimed without a hand to carry it");

    told.notify_waiters();
    world.sees(5, SmsState::Accepted).await;
}

#[tokio::test(start_paused = true)]
async fn while_a_carrier_hangs_with_everything_else_an_emergency_leaves_at_once() {
    // Hands, pace, and what hangs: all but the hands that are kept, or two seconds of the pace.
    for (hands, per_second, hung) in [(32, None, 28), (2, None, 1), (3, None, 2), (32, Some(1.0), 2), (8, Some(4.0), 4)]
    {
        let mut world = World::new();
        let bulk = world.owes(110, 100, P4);
        let never = Arc::new(Notify::new());
        bulk.iter().for_each(|id| world.carrier.expect(*id, vec![Does::HangsUntil(never.clone())]));
        let pool = world.pool(hands, per_second).await;
        assert!(timeout(MINUTE, world.sees(1, SmsState::Accepted)).await.is_err());
        assert_eq!(world.carrier.sent().len(), hung, "{hands} {per_second:?}");
        let urgent = world.owes(900, 1, P1);
        let owed_at = Instant::now();
        pool.wake();
        assert_eq!(world.sees(1, SmsState::Accepted).await, urgent);
        assert_eq!(owed_at.elapsed(), Duration::ZERO, "{hands} {per_second:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_single_hand_carries_everything() {
    let mut world = World::new();
    world.owes(110, 3, P4);
    world.owes(120, 1, P1);
    let _pool = world.pool(1, None).await;
    world.sees(4, SmsState::Accepted).await;
}
