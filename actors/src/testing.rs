//! A whole system on memory ports, for the tests of this crate: a store that can be held, broken and overtaken.

mod gauges;

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use engine::call::{Answer, CallView, Frame, Phase};
use engine::failure::Failure;
use engine::ids::{CallId, CallKey, EventKey, TenantId};
use engine::ports::{
    AppendError, CallStore, FindsCalls, Forwarder, Position, Post, Recorded, SilentCall, StoredCall, StoredFrame,
};
use engine::testing::fixtures;
use engine::testing::memory::{ManualClock, MemoryProvider, MemoryPusher, MemoryStore, MemoryTelephony};
use engine::time::Timestamp;
use engine::tools::{Lost, Tool};
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore};

use crate::bus::LocalBus;
use crate::limits::Limits;
use crate::system::{Ports, Senders, System};
use crate::tenants::{InForce, Tenants};

pub(crate) use gauges::Gauges;

pub(crate) struct Rig {
    pub system: System,
    pub store: Arc<TestStore>,
    pub clock: Arc<ManualClock>,
    pub forwarder: Arc<TestForwarder>,
    memory: Arc<MemoryStore>,
    tenants: Tenants,
}

impl Rig {
    pub async fn start(limits: Limits) -> Rig {
        Rig::over(Arc::default(), Tenants::new([fixtures::playbook()]), limits).await
    }

    /// Another system on what this one has recorded, as after a crash.
    pub async fn again(&self) -> Rig {
        Rig::over(self.memory.clone(), self.tenants.clone(), Limits::default()).await
    }

    async fn over(memory: Arc<MemoryStore>, tenants: Tenants, limits: Limits) -> Rig {
        let store = Arc::new(TestStore::over(memory.clone()));
        let clock = Arc::new(ManualClock::at(fixtures::at(0)));
        let feed = LocalBus::new(limits.live_backlog);
        let forwarder = Arc::new(TestForwarder::default());
        let ports = Ports {
            calls: store.clone(),
            outbox: memory.clone(),
            ledger: memory.clone(),
            opt_outs: memory.clone(),
            provider: Arc::new(MemoryProvider::default()),
            reports: None,
            bus: Arc::new(feed.clone()),
            feed,
            outside: None,
            cache: None,
            control: None,
            forwarder: forwarder.clone(),
            alerts: memory.clone(),
            telephony: Arc::new(MemoryTelephony::default()),
            pusher: Arc::new(MemoryPusher::default()),
            watch: None,
            election: None,
            bell: None,
            clock: clock.clone(),
        };
        let senders = Senders { names: vec!["+15005550006".to_owned()], per_second: None, ..Senders::default() };
        let system = System::start(ports, tenants.clone(), senders, limits).await.expect("a system on memory starts");
        Rig { system, store, clock, forwarder, memory, tenants }
    }

    /// Gives the playbook one more tool.
    pub fn add_tool(&self, tool: Arc<dyn Tool>) {
        let mut playbook = self.tenants.in_force().playbooks[0].as_ref().clone();
        playbook.extra_tools.push(tool);
        self.tenants.replace(playbook);
    }

    pub fn forget_playbooks(&self) {
        self.tenants.put(InForce::default());
    }

    /// Takes them away again.
    pub fn forget_tools(&self) {
        self.tenants.replace(fixtures::playbook());
    }

    /// Lets every task run that can run without time passing.
    pub async fn settle(&self) {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    /// Awaits a condition while (paused) time passes.
    pub async fn until(&self, condition: impl Fn() -> bool) {
        while !condition() {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }
}

/// A business's own server: it does what it was told, else it answers `done`.
#[derive(Default)]
pub(crate) struct TestForwarder {
    script: Mutex<VecDeque<Act>>,
    /// Idempotency key and body of every request.
    posts: Mutex<Vec<(String, String)>>,
    arrival: Notify,
    go: Notify,
}

pub(crate) enum Act {
    Say(&'static str),
    Lose(Lost),
    /// Answers `late` when released.
    Wait,
    Hang,
    Panic,
}

impl TestForwarder {
    pub fn will(&self, act: Act) {
        self.script.lock().push_back(act);
    }

    /// Lets one go that waits.
    pub fn release(&self) {
        self.go.notify_one();
    }

    pub fn keys(&self) -> Vec<String> {
        self.posts.lock().iter().map(|(key, _)| key.clone()).collect()
    }

    pub fn bodies(&self) -> Vec<String> {
        self.posts.lock().iter().map(|(_, body)| body.clone()).collect()
    }

    /// Returns when so many requests have arrived in all.
    pub async fn posts(&self, count: usize) {
        while self.posts.lock().len() < count {
            self.arrival.notified().await;
        }
    }
}

#[async_trait]
impl Forwarder for TestForwarder {
    async fn post(&self, post: Post<'_>) -> Result<String, Lost> {
        self.posts.lock().push((post.idempotency_key.to_owned(), post.body.to_owned()));
        self.arrival.notify_one();
        let act = self.script.lock().pop_front().unwrap_or(Act::Say("done"));
        match act {
            Act::Say(text) => Ok(text.to_owned()),
            Act::Lose(lost) => Err(lost),
            Act::Wait => {
                self.go.notified().await;
                Ok("late".to_owned())
            }
            Act::Hang => std::future::pending().await,
            Act::Panic => panic!("the forwarder goes off"),
        }
    }
}

pub(crate) struct TestStore {
    inner: Arc<MemoryStore>,
    gate: Semaphore,
    held: std::sync::atomic::AtomicBool,
    arrived: AtomicUsize,
    arrival: Notify,
    next_failure: Mutex<Option<AppendError>>,
    refused: Mutex<HashSet<CallKey>>,
    quarantine: Mutex<Vec<String>>,
    unreadable: AtomicUsize,
}

impl TestStore {
    pub fn over(inner: Arc<MemoryStore>) -> TestStore {
        TestStore {
            inner,
            gate: Semaphore::new(0),
            held: false.into(),
            arrived: AtomicUsize::new(0),
            arrival: Notify::new(),
            next_failure: Mutex::default(),
            refused: Mutex::default(),
            quarantine: Mutex::default(),
            unreadable: AtomicUsize::new(0),
        }
    }

    /// So many times the live calls cannot be read.
    pub fn hides_live_calls(&self, times: usize) {
        self.unreadable.store(times, Ordering::SeqCst);
    }

    /// Appends arrive and hang until released.
    pub fn hold(&self) {
        self.held.store(true, Ordering::SeqCst);
    }

    pub fn release(&self) {
        self.held.store(false, Ordering::SeqCst);
        self.gate.add_permits(1_000);
    }

    /// Returns when so many appends have arrived in all.
    pub async fn appends(&self, count: usize) {
        while self.arrived.load(Ordering::SeqCst) < count {
            self.arrival.notified().await;
        }
    }

    pub fn fail_next(&self, error: AppendError) {
        *self.next_failure.lock() = Some(error);
    }

    pub fn refuse_frames_of(&self, call: &CallKey) {
        self.refused.lock().insert(call.clone());
    }

    pub fn quarantined(&self) -> Vec<String> {
        self.quarantine.lock().clone()
    }

    /// Appends one frame behind the back of whoever has the call in memory.
    pub async fn overtake(&self, call: &CallKey) {
        let stored = self.inner.load(call).await.expect("memory works").expect("the call is there");
        let mut state = engine::call::Call::clone(&stored.state);
        state.seq += 1;
        let frame = Frame {
            call: call.clone(),
            seq: state.seq,
            key: EventKey::new("somebody-else"),
            at: fixtures::at(0),
            decided_at: fixtures::at(0),
            facts: Vec::new(),
            answer: Answer::Ack,
            texts: Vec::new(),
            state: Arc::new(state),
        };
        assert_eq!(self.inner.append(&[frame]).await, [Ok(())]);
    }
}

#[async_trait]
impl FindsCalls for TestStore {
    async fn live(&self) -> Result<Vec<Arc<CallView>>, Failure> {
        if self.unreadable.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
            return Err(Failure::retry("told not to"));
        }
        self.inner.live().await
    }

    async fn find(&self, tenant: Option<&TenantId>, id: &CallId) -> Result<Option<Arc<CallView>>, Failure> {
        self.inner.find(tenant, id).await
    }
}

#[async_trait]
impl CallStore for TestStore {
    async fn append(&self, frames: &[Frame]) -> Vec<Result<(), AppendError>> {
        self.arrived.fetch_add(1, Ordering::SeqCst);
        self.arrival.notify_waiters();
        self.arrival.notify_one();
        if self.held.load(Ordering::SeqCst) {
            self.gate.acquire().await.expect("never closed").forget();
        }
        if let Some(error) = self.next_failure.lock().take() {
            return vec![Err(error); frames.len()];
        }
        let mut results = Vec::with_capacity(frames.len());
        for frame in frames {
            let refused = self.refused.lock().contains(&frame.call);
            results.push(match refused {
                true => Err(AppendError::Refused("by the test".into())),
                false => self.inner.append(std::slice::from_ref(frame)).await.remove(0),
            });
        }
        results
    }

    async fn quarantine(
        &self,
        call: &CallKey,
        key: &EventKey,
        raw: &str,
        why: &str,
        at: Timestamp,
    ) -> Result<(), Failure> {
        self.quarantine.lock().push(key.to_string());
        self.inner.quarantine(call, key, raw, why, at).await
    }

    async fn load(&self, call: &CallKey) -> Result<Option<StoredCall>, Failure> {
        self.inner.load(call).await
    }

    async fn recorded(&self, call: &CallKey, key: &EventKey) -> Result<Option<Recorded>, Failure> {
        self.inner.recorded(call, key).await
    }

    async fn frames_after(
        &self,
        position: Position,
        limit: usize,
    ) -> Result<Vec<(StoredFrame, Arc<CallView>)>, Failure> {
        self.inner.frames_after(position, limit).await
    }

    async fn last_position(&self) -> Result<Position, Failure> {
        self.inner.last_position().await
    }

    async fn calls_of(
        &self,
        tenant: &TenantId,
        number: &str,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Arc<CallView>>, Failure> {
        self.inner.calls_of(tenant, number, before, limit).await
    }

    async fn timeline(&self, call: &CallKey, after_seq: u64, limit: usize) -> Result<Vec<StoredFrame>, Failure> {
        self.inner.timeline(call, after_seq, limit).await
    }

    async fn silent(&self, cutoffs: &[(Phase, Timestamp)], limit: usize) -> Result<Vec<SilentCall>, Failure> {
        self.inner.silent(cutoffs, limit).await
    }
}
