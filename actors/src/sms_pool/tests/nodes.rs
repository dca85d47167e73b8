//! Several nodes and one outbox: who leads sends.

use std::sync::Arc;

use engine::priority::Priority::{P1, P4};
use engine::sms::SmsState;
use engine::testing::memory::MemoryElection;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::MINUTE;
use super::world::{Does, World};
use crate::lead::{Lead, elect};
use crate::limits::Limits;
use crate::supervise::Supervised;

impl World {
    /// The next pool to be started is this node's. It stands for election as long as both are held.
    async fn node(&mut self, ballot: &MemoryElection, name: &str) -> (Lead, Supervised) {
        let (lead, elector) = elect(Arc::new(ballot.node(name)), &Limits::default()).await;
        self.lead = lead.clone();
        (lead, elector)
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_does_not_lead_sends_nothing_until_it_does() {
    let mut world = World::new();
    let ballot = MemoryElection::default();
    let leading = world.node(&ballot, "a").await;
    let _second = world.node(&ballot, "b").await;
    world.owes(110, 3, P1);
    let pool = world.pool(4, None).await;
    pool.wake();
    assert!(timeout(MINUTE, world.sees(1, SmsState::Accepted)).await.is_err(), "another node leads");
    drop(leading);
    world.sees(3, SmsState::Accepted).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_node_left_is_sent_by_the_next_and_what_it_had_in_hand_is_unknown() {
    let mut world = World::new();
    let ballot = MemoryElection::default();
    let elector = world.node(&ballot, "a").await;
    let in_hand = world.owes(110, 1, P1)[0];
    world.carrier.expect(in_hand, vec![Does::HangsUntil(Arc::new(Notify::new()))]);
    let first = world.pool(4, Some(1.0)).await;
    let _second_elector = world.node(&ballot, "b").await;
    let _second = world.pool(4, Some(1.0)).await;
    assert!(timeout(MINUTE, world.sees(1, SmsState::Accepted)).await.is_err());

    let waiting = world.owes(120, 5, P4);
    World::kill(first).await;
    drop(elector);
    world.sees(5, SmsState::Accepted).await;
    assert_eq!(world.outbox.row(in_hand).state, SmsState::Unknown);
    let sent = world.carrier.sent();
    assert_eq!(sent.len(), 6, "nothing twice: {sent:?}");
    assert!(waiting.iter().all(|id| sent.contains(id)));
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_took_too_long_to_trust_the_lead_leaves_nothing() {
    let mut world = World::new();
    let ballot = MemoryElection::default();
    let _elector = world.node(&ballot, "a").await;
    let id = world.owes(110, 1, P1)[0];
    // The whole process is halted in between: no sign of life, no election.
    *world.outbox.claim_takes.lock() = Limits::default().lead_trusted * 2;
    ballot.hang();
    let _pool = world.pool(4, None).await;
    assert!(timeout(MINUTE, world.sees(1, SmsState::Accepted)).await.is_err());
    assert_eq!((world.outbox.begun(id), world.outbox.row(id).state), (1, SmsState::Queued), "claimed, and given back");
    assert!(world.carrier.sent().is_empty(), "another node may have sent it");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_was_out_of_sight_for_a_moment_goes_on_with_what_it_has_in_hand() {
    let mut world = World::new();
    let ballot = MemoryElection::default();
    let _elector = world.node(&ballot, "a").await;
    let told = Arc::new(Notify::new());
    let id = world.owes(110, 1, P1)[0];
    world.carrier.expect(id, vec![Does::HangsUntil(told.clone())]);
    let _pool = world.pool(4, None).await;
    let began = Instant::now();
    ballot.cut();
    assert!(timeout(MINUTE, world.sees(1, SmsState::Unknown)).await.is_err(), "nobody else led");
    told.notify_waiters();
    assert_eq!(world.sees(1, SmsState::Accepted).await, [id]);
    assert!(began.elapsed() >= MINUTE);
}
