//! The embedded store, with every question about one call counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use engine::call::{CallView, Frame, Phase};
use engine::failure::Failure;
use engine::ids::{CallId, CallKey, EventKey, TenantId};
use engine::ports::{AppendError, CallStore, Position, Recorded, SilentCall, StoredCall, StoredFrame};
use engine::time::Timestamp;
use gateway::stores::sqlite::SqliteStore;

pub struct Counted {
    pub store: SqliteStore,
    pub finds: AtomicUsize,
}

impl Counted {
    pub fn finds(&self) -> usize {
        self.finds.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl CallStore for Counted {
    async fn find(&self, tenant: Option<&TenantId>, id: &CallId) -> Result<Option<Arc<CallView>>, Failure> {
        self.finds.fetch_add(1, Ordering::SeqCst);
        self.store.find(tenant, id).await
    }

    async fn append(&self, frames: &[Frame]) -> Vec<Result<(), AppendError>> {
        self.store.append(frames).await
    }

    async fn load(&self, call: &CallKey) -> Result<Option<StoredCall>, Failure> {
        self.store.load(call).await
    }

    async fn recorded(&self, call: &CallKey, key: &EventKey) -> Result<Option<Recorded>, Failure> {
        self.store.recorded(call, key).await
    }

    async fn frames_after(
        &self,
        position: Position,
        limit: usize,
    ) -> Result<Vec<(StoredFrame, Arc<CallView>)>, Failure> {
        self.store.frames_after(position, limit).await
    }

    async fn last_position(&self) -> Result<Position, Failure> {
        self.store.last_position().await
    }

    async fn live(&self) -> Result<Vec<Arc<CallView>>, Failure> {
        self.store.live().await
    }

    async fn calls_of(
        &self,
        tenant: &TenantId,
        number: &str,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Arc<CallView>>, Failure> {
        self.store.calls_of(tenant, number, before, limit).await
    }

    async fn timeline(&self, call: &CallKey, after_seq: u64, limit: usize) -> Result<Vec<StoredFrame>, Failure> {
        self.store.timeline(call, after_seq, limit).await
    }

    async fn silent(&self, cutoffs: &[(Phase, Timestamp)], limit: usize) -> Result<Vec<SilentCall>, Failure> {
        self.store.silent(cutoffs, limit).await
    }

    async fn quarantine(
        &self,
        call: &CallKey,
        key: &EventKey,
        raw: &str,
        why: &str,
        at: Timestamp,
    ) -> Result<(), Failure> {
        self.store.quarantine(call, key, raw, why, at).await
    }
}
