//! The memory store as a [`CallHistory`].

use std::cmp::Reverse;
use std::sync::Arc;

use async_trait::async_trait;

use super::{MemoryStore, lock};
use crate::call::{Call, CallView};
use crate::failure::Failure;
use crate::ids::CallKey;
use crate::ports::{CallHistory, CallsWanted, PlaceInHistory};

#[async_trait]
impl CallHistory for MemoryStore {
    async fn calls(&self, wanted: &CallsWanted) -> Result<Vec<Arc<CallView>>, Failure> {
        let records = lock(&self.records);
        let mut found: Vec<_> = records.calls.iter().filter(|(key, record)| is(wanted, key, &record.state)).collect();
        found.sort_by_key(|(key, record)| Reverse(place(key, &record.state)));
        Ok(found.into_iter().take(wanted.limit).map(|(key, record)| records.view(key, record)).collect())
    }
}

fn is(wanted: &CallsWanted, key: &CallKey, call: &Call) -> bool {
    wanted.tenant.as_ref().is_none_or(|tenant| *tenant == key.tenant)
        && wanted.live.is_none_or(|live| live == call.phase.is_live())
        && wanted.priority.is_none_or(|priority| Some(priority) == call.priority)
        && wanted.number.as_deref().is_none_or(|number| Some(number) == call.other_side())
        && wanted.since.is_none_or(|since| call.started_at >= since)
        && wanted.until.is_none_or(|until| call.started_at < until)
        && wanted.after.as_ref().is_none_or(|after| place(key, call) < *after)
}

fn place(key: &CallKey, call: &Call) -> PlaceInHistory {
    PlaceInHistory { started_at: call.started_at, call: key.call.clone(), tenant: key.tenant.clone() }
}
