use engine::ids::CallKey;
use engine::ports::SmsOutbox;
use engine::priority::Priority::P2;
use engine::sms::Command;
use engine::testing::frames::{call, frame_owing, frames, moment, text};
use engine::testing::memory::{MemoryElection, MemoryOuterBus, MemoryStore};

use super::*;
use crate::lead;
use crate::limits::Limits;

/// What arrived is sure, and kept as such.
const LONG_AFTER: Duration = Duration::from_secs(10);

struct World {
    store: Arc<MemoryStore>,
    bus: Arc<MemoryOuterBus>,
    feed: LocalBus,
    publisher: Option<Supervised>,
}

impl World {
    async fn begin() -> World {
        let (store, bus) = (Arc::new(MemoryStore::default()), Arc::new(MemoryOuterBus::default()));
        store.resume().await.unwrap();
        let mut world = World { store, bus, feed: LocalBus::new(64), publisher: None };
        world.start();
        world
    }

    /// Another life, on what the one before has kept.
    fn start(&mut self) {
        self.publisher = Some(self.publisher(Lead::always()));
    }

    fn publisher(&self, lead: Lead) -> Supervised {
        let outside = Outside { bus: self.bus.clone(), cursor: self.store.clone() };
        Publisher::start(outside, self.store.clone(), lead, &self.feed)
    }

    async fn commit(&self, call: &CallKey, from: u64, to: u64) {
        assert!(self.store.append(&frames(call, from, to)).await.iter().all(Result::is_ok));
    }

    fn seqs(&self, of: &str) -> Vec<u64> {
        let seq = |dispatch: &Dispatch| match &dispatch.update {
            Update::Call { seq, call, .. } if call.id.as_str() == of => Some(*seq),
            _ => None,
        };
        self.bus.arrived().iter().filter_map(seq).collect()
    }

    fn texts(&self) -> Vec<(u64, &'static str)> {
        let text = |dispatch: &Dispatch| match &dispatch.update {
            Update::Sms { sms } => Some((dispatch.revision, sms.state.as_str())),
            _ => None,
        };
        self.bus.arrived().iter().filter_map(text).collect()
    }

    async fn until(&self, condition: impl Fn(&World) -> bool) {
        while !condition(self) {
            sleep(Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_frame_arrives_once_in_order_and_the_cursor_follows() {
    let world = World::begin().await;
    world.commit(&call("acme", "c1"), 1, 300).await;
    world.commit(&call("acme", "c2"), 1, 300).await;
    world.until(|world| world.seqs("c2").len() == 300).await;
    assert_eq!(world.seqs("c1"), (1..=300).collect::<Vec<_>>());
    assert_eq!(world.seqs("c2"), (1..=300).collect::<Vec<_>>());
    assert!(world.store.resume().await.unwrap() < 600, "what arrived a moment ago may still be lost");
    sleep(LONG_AFTER).await;
    assert_eq!(world.store.resume().await.unwrap(), 600);
    assert_eq!(world.bus.arrived().len(), 600);
}

#[tokio::test(start_paused = true)]
async fn what_a_killed_server_had_not_handed_on_is_told_again_also_when_nothing_else_happens() {
    let world = World::begin().await;
    world.commit(&call("acme", "c1"), 1, 10).await;
    world.until(|world| world.seqs("c1").len() == 10).await;
    world.bus.kill(4);
    world.until(|world| world.seqs("c1").last() == Some(&10)).await;
    let mut seen = world.seqs("c1");
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, (1..=10).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn another_life_goes_on_where_the_last_one_was_sure() {
    let mut world = World::begin().await;
    world.commit(&call("acme", "c1"), 1, 5).await;
    sleep(LONG_AFTER).await;
    world.publisher = None;
    sleep(TICK).await;
    world.commit(&call("acme", "c1"), 6, 8).await;
    world.start();
    world.until(|world| world.seqs("c1").last() == Some(&8)).await;
    assert_eq!(world.seqs("c1"), (1..=8).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn of_two_nodes_the_one_that_leads_tells_and_the_other_goes_on_when_it_is_gone() {
    let mut world = World::begin().await;
    world.publisher = None;
    let ballot = MemoryElection::default();
    let mut nodes = Vec::new();
    for node in ["a", "b"] {
        let (lead, electing) = lead::elect(Arc::new(ballot.node(node)), &Limits::default()).await;
        nodes.push((lead.clone(), electing, world.publisher(lead)));
    }
    world.commit(&call("acme", "c1"), 1, 5).await;
    sleep(LONG_AFTER).await;
    assert_eq!(world.seqs("c1"), [1, 2, 3, 4, 5]);
    let leader = nodes.iter().position(|(lead, ..)| lead.held()).expect("one leads");
    drop(nodes.remove(leader));
    world.commit(&call("acme", "c1"), 6, 8).await;
    world.until(|world| world.seqs("c1").last() == Some(&8)).await;
    assert_eq!(world.seqs("c1"), (1..=8).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_text_is_told_as_it_stands_and_again_when_it_changes() {
    let world = World::begin().await;
    let owed = text(&call("acme", "c1"), "a", P2);
    world.store.append(&[frame_owing(&call("acme", "c1"), 1, vec![owed.clone()])]).await;
    world.until(|world| world.texts().len() == 1).await;
    world.store.command(None, owed.id, Command::Cancel, moment(9)).await.unwrap();
    world.until(|world| world.texts().len() == 2).await;
    sleep(LONG_AFTER).await;
    assert_eq!(world.texts(), [(1, "queued"), (2, "cancelled")], "each change once");
    assert!(world.store.changed(&[], 10).await.unwrap().is_empty(), "and forgotten once it is sure");
}

#[tokio::test(start_paused = true)]
async fn a_text_whose_last_message_was_lost_is_told_again() {
    let world = World::begin().await;
    let owed = text(&call("acme", "c1"), "a", P2);
    world.store.append(&[frame_owing(&call("acme", "c1"), 1, vec![owed.clone()])]).await;
    world.until(|world| world.texts().len() == 1).await;
    world.bus.kill(2);
    world.until(|world| world.texts() == [(1, "queued")]).await;
    assert_eq!(world.seqs("c1"), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_message_the_bus_never_takes_does_not_hold_up_the_others() {
    let world = World::begin().await;
    world.bus.refuse(|update| matches!(update, Update::Call { seq: 2, .. }));
    world.commit(&call("acme", "c1"), 1, 4).await;
    world.until(|world| world.seqs("c1").last() == Some(&4)).await;
    assert_eq!(world.seqs("c1"), [1, 3, 4]);
    sleep(LONG_AFTER).await;
    assert_eq!(world.store.resume().await.unwrap(), 4);
}

#[tokio::test(start_paused = true)]
async fn frames_that_cannot_be_read_do_not_hold_up_the_others() {
    let world = World::begin().await;
    world.store.spoil(3);
    world.store.spoil(4);
    world.store.spoil(8);
    world.commit(&call("acme", "c1"), 1, 8).await;
    world.until(|world| world.seqs("c1").last() == Some(&7)).await;
    assert_eq!(world.seqs("c1"), [1, 2, 5, 6, 7]);
    world.commit(&call("acme", "c1"), 9, 9).await;
    world.until(|world| world.seqs("c1").last() == Some(&9)).await;
}

#[tokio::test(start_paused = true)]
async fn a_commit_here_is_told_without_waiting_for_the_tick() {
    let world = World::begin().await;
    sleep(TICK / 4).await;
    world.commit(&call("acme", "c1"), 1, 1).await;
    let asked = Instant::now();
    let (frame, call) = world.store.frames_after(0, 1).await.unwrap().remove(0);
    let update = Update::Call { seq: frame.seq, call, events: frame.facts.into() };
    engine::ports::EventBus::publish(&world.feed, &update).await.unwrap();
    while world.seqs("c1").is_empty() {
        sleep(Duration::from_millis(1)).await;
    }
    assert!(asked.elapsed() < TICK / 4);
}
