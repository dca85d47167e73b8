//! Reading through two caches in memory, on paused time.

use std::sync::atomic::{AtomicUsize, Ordering};

use engine::testing::frames;
use engine::testing::memory::{MemoryCache, MemoryStore};

use super::*;
use crate::bus::LocalBus;
use engine::ports::{CallStore, EventBus};

struct Rig {
    front: Arc<MemoryCache>,
    behind: Arc<MemoryCache>,
    store: Arc<MemoryStore>,
    cache: ReadThrough,
    loads: Arc<AtomicUsize>,
}

const TTL: Duration = Duration::from_secs(100);

impl Rig {
    fn new() -> Rig {
        Rig::beside(Arc::default())
    }

    /// Another process in front of the same cache.
    fn beside(behind: Arc<MemoryCache>) -> Rig {
        let (front, store) = (Arc::<MemoryCache>::default(), Arc::<MemoryStore>::default());
        let limits = Limits { cache_ttl: TTL, ..Limits::default() };
        let cache = ReadThrough::new(front.clone(), Some(behind.clone()), store.clone(), &limits);
        Rig { front, behind, store, cache, loads: Arc::default() }
    }

    async fn pass(&self, time: Duration) {
        self.front.pass(time);
        self.behind.pass(time);
        tokio::time::advance(time).await;
    }

    /// Reads a dashboard; the store has this one, or fails.
    async fn figures(&self, seq: Option<u64>) -> Result<Option<u64>, Failure> {
        let loads = self.loads.clone();
        let answer = self.cache.cached(wanted(), move || async move {
            loads.fetch_add(1, Ordering::SeqCst);
            seq.map(|seq| Some(figures(seq))).ok_or_else(|| Failure::retry("the store is away"))
        });
        let read = answer.await?.map(|entry| entry.stamp.seq);
        settled().await;
        Ok(read)
    }

    fn loads(&self) -> usize {
        self.loads.swap(0, Ordering::SeqCst)
    }

    async fn record(&self, call: &CallKey, seq: u64) -> Arc<CallView> {
        assert_eq!(self.store.append(&[frames::frame(call, seq)]).await, [Ok(())]);
        self.store.find(Some(&call.tenant), &call.call).await.unwrap().expect("just recorded")
    }
}

fn wanted() -> Wanted {
    Wanted { key: CacheKey::Dashboard(None), ttl: TTL, good_for: TTL, genuine: |_, entry| *entry.body == *b"figures" }
}

fn figures(seq: u64) -> Entry {
    Entry { stamp: Stamp { tenant: None, seq, at: frames::moment(seq) }, body: b"figures".as_slice().into() }
}

/// What nobody waits for is done.
async fn settled() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_loaded_is_not_loaded_again_here_or_next_door() {
    let rig = Rig::new();
    let next_door = Rig::beside(rig.behind.clone());
    assert_eq!(rig.figures(Some(1)).await, Ok(Some(1)));
    assert_eq!(rig.figures(Some(2)).await, Ok(Some(1)));
    assert_eq!(next_door.figures(Some(3)).await, Ok(Some(1)));
    assert_eq!((rig.loads(), next_door.loads()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn who_looked_before_a_load_ended_and_asks_after_it_asks_the_store_no_more() {
    let rig = Rig::new();
    let alone = ReadThrough::new(rig.front.clone(), None, rig.store.clone(), &Limits::default());
    alone.cached(wanted(), || async { Ok(Some(figures(1))) }).await.unwrap();
    let late = alone.fly(wanted(), None, Changed::No, || async { Err(Failure::retry("the store is asked")) });
    assert_eq!(late.await.unwrap().expect("figures").stamp.seq, 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_old_is_shown_once_more_while_it_is_loaded_again() {
    let rig = Rig::new();
    rig.figures(Some(1)).await.unwrap();
    // Compared again and again with what is behind, it does not live longer for that.
    for _ in 0..74 {
        rig.pass(Duration::from_secs(1)).await;
        assert_eq!(rig.figures(Some(2)).await, Ok(Some(1)));
    }
    assert_eq!(rig.loads(), 1);
    rig.pass(Duration::from_secs(1)).await;
    assert_eq!(rig.figures(Some(3)).await, Ok(Some(1)), "nobody waits");
    assert_eq!((rig.figures(Some(4)).await, rig.loads()), (Ok(Some(3)), 1));
    rig.pass(TTL).await;
    assert_eq!(rig.figures(Some(5)).await, Ok(Some(5)), "too old for anybody");
}

#[tokio::test(start_paused = true)]
async fn what_another_node_has_loaded_since_is_seen_within_a_second() {
    let rig = Rig::new();
    rig.figures(Some(1)).await.unwrap();
    let lease = rig.behind.get(&wanted().key).await.unwrap().lease;
    assert_eq!(rig.behind.put(&wanted().key, &figures(2), Basis::Loaded(lease), TTL).await, Ok(true));
    assert_eq!(rig.figures(Some(3)).await, Ok(Some(1)));
    rig.pass(Duration::from_millis(700)).await;
    assert_eq!(rig.figures(Some(3)).await, Ok(Some(2)));
}

#[tokio::test(start_paused = true)]
async fn what_is_behind_and_is_not_genuine_is_a_miss() {
    let rig = Rig::new();
    let forged = Entry { body: b"forged".as_slice().into(), ..figures(9) };
    rig.behind.put(&wanted().key, &forged, Basis::News, TTL).await.unwrap();
    assert_eq!(rig.figures(Some(1)).await, Ok(Some(1)));
}

#[tokio::test(start_paused = true)]
async fn what_is_older_than_this_process_is_not_believed() {
    let behind = Arc::<MemoryCache>::default();
    behind.put(&wanted().key, &figures(1), Basis::News, TTL).await.unwrap();
    behind.pass(Duration::from_secs(1));
    let rig = Rig::beside(behind);
    assert_eq!(rig.figures(Some(2)).await, Ok(Some(2)), "a change may have been lost when the one before died");
}

#[tokio::test(start_paused = true)]
async fn a_cache_behind_that_fails_is_left_alone_and_then_not_believed() {
    let rig = Rig::new();
    rig.figures(Some(1)).await.unwrap();
    rig.behind.fail(true);
    for _ in 0..3 {
        rig.pass(Duration::from_secs(1)).await;
        assert_eq!(rig.figures(Some(2)).await, Ok(Some(1)));
    }
    assert!(rig.cache.0.behind.as_ref().unwrap().rests());
    assert!(rig.cache.standing().unwrap().trouble.is_some());
    rig.front.clear().await.unwrap();
    assert_eq!(rig.figures(Some(2)).await, Ok(Some(2)));
    rig.behind.fail(false);
    rig.front.clear().await.unwrap();
    rig.pass(Duration::from_secs(1)).await;
    // What is behind lacks the second, and works again: asked, and not believed.
    rig.cache.0.behind.as_ref().unwrap().distrust();
    assert_eq!(rig.figures(Some(3)).await, Ok(Some(3)));
    assert_eq!(rig.cache.standing().unwrap().trouble, None);
}

#[tokio::test(start_paused = true)]
async fn where_the_store_fails_what_is_out_of_date_is_the_best_there_is() {
    let rig = Rig::new();
    rig.figures(Some(1)).await.unwrap();
    rig.front.outdate(&wanted().key).await.unwrap();
    assert_eq!(rig.figures(None).await, Ok(Some(1)));
    assert_eq!(rig.figures(Some(2)).await, Ok(Some(2)));
    rig.front.forget(&wanted().key).await.unwrap();
    assert!(rig.figures(None).await.is_err(), "and nothing is made up");
}

#[tokio::test(start_paused = true)]
async fn where_the_store_is_slow_what_is_out_of_date_is_shown_for_less_than_a_second() {
    let rig = Rig::new();
    rig.figures(Some(1)).await.unwrap();
    rig.front.outdate(&wanted().key).await.unwrap();
    let slowly = || async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        Ok(Some(figures(2)))
    };
    let before = Instant::now();
    assert_eq!(rig.cache.cached(wanted(), slowly).await.unwrap().unwrap().stamp.seq, 1);
    assert!(before.elapsed() < Duration::from_millis(500));
    rig.pass(Duration::from_millis(600)).await;
    assert_eq!(rig.cache.cached(wanted(), slowly).await.unwrap().unwrap().stamp.seq, 2, "it had to wait");
}

#[tokio::test(start_paused = true)]
async fn a_load_that_dies_is_a_failure_and_the_next_one_is_not() {
    let rig = Rig::new();
    let dies = || async { panic!("the load goes off") };
    assert!(rig.cache.cached(wanted(), dies).await.is_err());
    assert_eq!(rig.figures(Some(1)).await, Ok(Some(1)));
}

/// Filled by the bus.
struct Filled {
    rig: Rig,
    bus: LocalBus,
    _filling: crate::supervise::Supervised,
}

impl Filled {
    async fn start(backlog: usize) -> Filled {
        let rig = Rig::new();
        let bus = LocalBus::new(backlog).through(rig.cache.clone());
        let filling = Filler::new(&bus, rig.cache.clone(), rig.behind.clone()).start();
        settled().await;
        Filled { rig, bus, _filling: filling }
    }

    async fn commit(&self, call: &CallKey, seq: u64) {
        let view = self.rig.record(call, seq).await;
        self.bus.publish(&Update::Call { seq, call: view, events: Arc::new([]) }).await.unwrap();
    }

    /// The call as others read it.
    async fn behind(&self, call: &CallKey) -> Option<CallView> {
        let looked = self.rig.behind.get(&CacheKey::call(call)).await.unwrap();
        let found = looked.found.filter(|_| looked.outdated_for.is_none())?;
        Some(serde_json::from_slice(&found.entry.body).unwrap())
    }

    async fn until(&self, is_so: impl AsyncFn() -> bool) {
        for _ in 0..200 {
            if is_so().await {
                return;
            }
            self.rig.pass(Duration::from_millis(50)).await;
            settled().await;
        }
        panic!("it never came");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_bus_says_is_told_and_live_calls_are_listed() {
    let filled = Filled::start(64).await;
    let (first, second) = (frames::call("acme", "c1"), frames::call("acme", "c2"));
    filled.commit(&first, 1).await;
    filled.commit(&second, 1).await;
    filled.commit(&first, 2).await;
    filled.until(async || filled.behind(&first).await.is_some_and(|call| call.seq == 2)).await;
    filled.until(async || filled.rig.behind.listed() == ["c1", "c2"]).await;
    filled.rig.behind.clear().await.unwrap();
    filled.until(async || filled.rig.behind.listed() == ["c1", "c2"]).await;
    assert_eq!(filled.behind(&second).await.map(|call| call.seq), Some(1), "told again with the list");
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_texts_move_is_loaded_for_others_without_being_asked_for() {
    let filled = Filled::start(64).await;
    let call = frames::call("acme", "c1");
    filled.commit(&call, 1).await;
    filled.until(async || filled.behind(&call).await.is_some()).await;
    let text = frames::text(&call, "water", engine::priority::Priority::P2);
    engine::ports::SmsOutbox::submit(&*filled.rig.store, &text, None).await.unwrap();
    let owed = Arc::new(engine::sms::Sms::owed(&text));
    filled.bus.publish(&Update::Sms { sms: owed }).await.unwrap();
    filled.until(async || filled.behind(&call).await.is_some_and(|call| call.sms.queued == 1)).await;
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_told_is_owed() {
    let filled = Filled::start(64).await;
    let call = frames::call("acme", "c1");
    filled.commit(&call, 1).await;
    filled.until(async || filled.behind(&call).await.is_some()).await;
    filled.rig.behind.fail(true);
    filled.commit(&call, 2).await;
    settled().await;
    filled.rig.behind.fail(false);
    filled.until(async || filled.behind(&call).await.is_some_and(|call| call.seq == 2)).await;
}

#[tokio::test(start_paused = true)]
async fn a_filler_that_fell_behind_tells_everything_live_again() {
    let filled = Filled::start(4).await;
    let calls: Vec<CallKey> = (0..40).map(|n| frames::call("acme", &format!("c{n}"))).collect();
    let mut views = Vec::new();
    for call in &calls {
        views.push(filled.rig.record(call, 1).await);
    }
    for view in views {
        filled.bus.publish(&Update::Call { seq: 1, call: view, events: Arc::new([]) }).await.unwrap();
    }
    filled.until(async || filled.rig.behind.listed().len() == calls.len()).await;
    for call in &calls {
        assert!(filled.behind(call).await.is_some(), "{call}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_emergency_more_is_counted_by_whoever_asks_after_its_answer() {
    use engine::call::{Fact, Phase};
    let rig = Rig::new();
    rig.figures(Some(1)).await.unwrap();
    let mut frame = frames::frame(&frames::call("acme", "c1"), 1);
    rig.cache.committed(&frame).await;
    assert_eq!(rig.figures(Some(2)).await, Ok(Some(1)), "what is said counts for nothing");
    frame.facts = vec![Fact::Status { phase: Phase::Ringing }];
    let state = engine::call::Call { priority: Some(Priority::P1), ..engine::call::Call::clone(&frame.state) };
    frame.state = Arc::new(state);
    rig.cache.committed(&frame).await;
    assert_eq!(rig.figures(Some(3)).await, Ok(Some(3)));
}

#[tokio::test(start_paused = true)]
async fn what_is_erased_is_forgotten_here_and_behind() {
    let filled = Filled::start(64).await;
    let call = frames::call("acme", "c1");
    filled.commit(&call, 1).await;
    filled.until(async || filled.behind(&call).await.is_some()).await;
    let erased = Update::Erased { tenant: call.tenant.clone(), id: call.call.clone() };
    filled.bus.publish(&erased).await.unwrap();
    assert!(filled.rig.front.get(&CacheKey::call(&call)).await.unwrap().found.is_none(), "before anybody is told");
    filled.until(async || filled.behind(&call).await.is_none()).await;
}
