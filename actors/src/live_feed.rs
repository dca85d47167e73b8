//! The calls that are live now, and what changes about them.

use std::sync::Arc;

use engine::call::CallView;
use engine::ids::TenantId;
use engine::ports::Update;
use tokio::sync::broadcast;

/// Live calls as of one offset. The offset grows with every change; the epoch changes with every start.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub epoch: Arc<str>,
    pub offset: u64,
    /// Oldest first.
    pub calls: Vec<Arc<CallView>>,
}

/// One change, and the offset of the feed after it.
#[derive(Clone, Debug)]
pub struct Change {
    pub offset: u64,
    pub update: Update,
    /// The call as it is shown now, when the update is about one that is live.
    pub call: Option<Arc<CallView>>,
}

#[derive(Clone)]
pub struct LiveFeed {}

impl LiveFeed {
    /// Live calls, of one tenant or of all.
    pub fn snapshot(&self, _tenant: Option<&TenantId>) -> Snapshot {
        Snapshot { epoch: "".into(), offset: 0, calls: Vec::new() }
    }

    /// A snapshot and every change after it. A receiver that lags must subscribe again.
    pub fn subscribe(&self, _tenant: Option<&TenantId>) -> (Snapshot, broadcast::Receiver<Arc<Change>>) {
        (self.snapshot(_tenant), broadcast::channel(1).1)
    }
}
