//! Calls in a store in memory, read through a cache, with every question to the store counted.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use actors::Limits;
use actors::bus::LocalBus;
use actors::cache::ReadThrough;
use async_trait::async_trait;
use engine::call::{CallView, Phase, SmsCounts};
use engine::failure::Failure;
use engine::ids::{CallId, CallKey, TenantId};
use engine::ports::{Cache, CallStore, EventBus, FindsCalls, SmsOutbox, Update};
use engine::priority::Priority;
use engine::sms::Sms;
use engine::testing::frames;
use engine::testing::memory::MemoryStore;
use gateway::cache::local::LocalCache;

pub struct Stand {
    pub cache: ReadThrough,
    pub store: Arc<Counted>,
    pub bus: LocalBus,
    /// What each call's texts are counted as.
    texts: Mutex<HashMap<CallKey, u32>>,
}

impl Stand {
    pub fn new(behind: Option<Arc<dyn Cache>>, limits: Limits) -> Stand {
        Stand::over(Arc::default(), behind, limits)
    }

    /// Another process over the same store.
    pub fn over(store: Arc<Counted>, behind: Option<Arc<dyn Cache>>, limits: Limits) -> Stand {
        let front = Arc::new(LocalCache::new(64 << 20));
        let cache = ReadThrough::new(front, behind, store.clone(), &limits);
        let bus = LocalBus::new(limits.live_backlog).through(cache.clone());
        Stand { cache, store, bus, texts: Mutex::default() }
    }

    /// As the committer and the relay do it: recorded, noted, told.
    pub async fn commit(&self, call: &CallKey, seq: u64) {
        self.record(call, seq).await;
        self.tell(call).await;
    }

    pub async fn record(&self, call: &CallKey, seq: u64) {
        let frame = frames::frame_in(call, seq, Phase::InProgress);
        assert_eq!(self.store.memory.append(std::slice::from_ref(&frame)).await, [Ok(())]);
        self.cache.committed(&frame).await;
    }

    pub async fn tell(&self, call: &CallKey) {
        let stored = self.store.memory.load(call).await.unwrap().expect("it was recorded");
        let queued = self.texts.lock().unwrap().get(call).copied().unwrap_or_default();
        let counts = SmsCounts { queued, ..SmsCounts::default() };
        let view = stored.state.view(&call.tenant, &call.call, counts, None);
        let update = Update::Call { seq: view.seq, call: view, events: Arc::new([]) };
        self.bus.publish(&update).await.unwrap();
    }

    /// A text is owed, and whoever is told of texts is told.
    pub async fn text(&self, call: &CallKey, reason: &str) {
        let text = frames::text(call, reason, Priority::P3);
        self.store.memory.submit(&text, None).await.unwrap();
        *self.texts.lock().unwrap().entry(call.clone()).or_default() += 1;
        self.bus.publish(&Update::Sms { sms: Arc::new(Sms::owed(&text)) }).await.unwrap();
    }

    pub async fn read(&self, call: &CallKey) -> Option<CallView> {
        self.read_of(Some(&call.tenant), &call.call).await.expect("a read never fails")
    }

    pub async fn read_of(&self, tenant: Option<&TenantId>, id: &CallId) -> Result<Option<CallView>, Failure> {
        let entry = self.cache.call(tenant, id).await?;
        Ok(entry.map(|entry| serde_json::from_slice(&entry.body).expect("a call")))
    }
}

/// Counts what is asked about one call.
#[derive(Default)]
pub struct Counted {
    pub memory: MemoryStore,
    pub finds: AtomicUsize,
    under_way: AtomicUsize,
    /// The most that were asked at the same time.
    pub at_once: AtomicUsize,
    pub slow: std::sync::atomic::AtomicBool,
}

impl Counted {
    pub fn finds(&self) -> usize {
        self.finds.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl FindsCalls for Counted {
    async fn live(&self) -> Result<Vec<Arc<CallView>>, Failure> {
        self.memory.live().await
    }

    async fn find(&self, tenant: Option<&TenantId>, id: &CallId) -> Result<Option<Arc<CallView>>, Failure> {
        self.finds.fetch_add(1, Ordering::SeqCst);
        let under_way = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.at_once.fetch_max(under_way, Ordering::SeqCst);
        // Others get their turn, as with a store that is asked over a network.
        let waits = if self.slow.load(Ordering::SeqCst) { 200 } else { 2 };
        for _ in 0..waits {
            tokio::task::yield_now().await;
        }
        let found = FindsCalls::find(&self.memory, tenant, id).await;
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        found
    }
}
