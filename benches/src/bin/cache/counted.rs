//! The embedded store, with every question about one call counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use engine::call::CallView;
use engine::failure::Failure;
use engine::ids::{CallId, TenantId};
use engine::ports::FindsCalls;
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
impl FindsCalls for Counted {
    async fn live(&self) -> Result<Vec<Arc<CallView>>, Failure> {
        self.store.live().await
    }

    async fn find(&self, tenant: Option<&TenantId>, id: &CallId) -> Result<Option<Arc<CallView>>, Failure> {
        self.finds.fetch_add(1, Ordering::SeqCst);
        self.store.find(tenant, id).await
    }
}
