//! The memory store as a [`CallHistory`].

use std::cmp::Reverse;
use std::sync::Arc;

use async_trait::async_trait;

use super::{MemoryStore, lock};
use crate::call::CallView;
use crate::failure::Failure;
use crate::ports::{CallHistory, CallsWanted, PlaceInHistory};

#[async_trait]
impl CallHistory for MemoryStore {
    async fn calls(&self, wanted: &CallsWanted) -> Result<Vec<Arc<CallView>>, Failure> {
        let records = lock(&self.records);
        let views = records.calls.iter().map(|(key, record)| records.view(key, record));
        let mut found: Vec<_> = views.filter(|view| wanted.admits(view)).collect();
        found.sort_by_key(|view| Reverse(PlaceInHistory::of(view)));
        found.truncate(wanted.limit);
        Ok(found)
    }
}
