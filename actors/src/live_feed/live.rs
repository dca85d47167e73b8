//! The live calls as the feed shows them: a fold of updates, under one offset.

use std::collections::HashMap;
use std::sync::Arc;

use engine::call::{CallView, Line};
use engine::ids::{CallKey, TenantId};
use engine::ports::Update;
use engine::priority::Priority;
use engine::time::Timestamp;

use super::Snapshot;
use crate::metrics;

pub(super) struct Live {
    pub epoch: Arc<str>,
    pub offset: u64,
    pub calls: HashMap<CallKey, Arc<CallView>>,
    /// When somebody last spoke in a call, by our clock; only of calls that are shown.
    pub heard: HashMap<CallKey, Timestamp>,
}

impl Live {
    /// A new epoch, from the calls of the store.
    pub fn of(calls: Vec<Arc<CallView>>) -> Live {
        let keyed = |view: Arc<CallView>| (CallKey { tenant: view.tenant.clone(), call: view.id.clone() }, view);
        Live { epoch: new_epoch(), offset: 0, calls: calls.into_iter().map(keyed).collect(), heard: HashMap::new() }
    }

    pub fn snapshot(&self, tenant: Option<&TenantId>) -> Snapshot {
        let of_tenant = |key: &CallKey| tenant.is_none_or(|tenant| *tenant == key.tenant);
        let mut calls: Vec<_> =
            self.calls.iter().filter(|(key, _)| of_tenant(key)).map(|(_, view)| view.clone()).collect();
        calls.sort_by(|a, b| (a.started_at, &a.id).cmp(&(b.started_at, &b.id)));
        Snapshot { epoch: self.epoch.clone(), offset: self.offset, calls }
    }

    pub fn hear(&mut self, call: &CallKey, at: Timestamp) {
        if self.calls.contains_key(call) {
            self.heard.insert(call.clone(), at);
        }
    }

    /// Folds one update in and returns the call it is about, if that is live.
    pub fn apply(&mut self, update: &Update, counted: Option<Arc<CallView>>) -> Option<Arc<CallView>> {
        match update {
            Update::Call { call, .. } => self.show(call),
            Update::Sms { .. } | Update::Alert { .. } => self.show(&counted?),
            Update::Erased { .. } => None,
            Update::Speaking { call, line } => {
                let view = self.calls.get_mut(call)?;
                Arc::make_mut(view).last_line = Some(Line::clone(line));
                Some(view.clone())
            }
        }
    }

    /// Views are read from the store and may overtake each other on the way here: an older one changes nothing.
    fn show(&mut self, call: &Arc<CallView>) -> Option<Arc<CallView>> {
        let key = CallKey { tenant: call.tenant.clone(), call: call.id.clone() };
        if !call.phase.is_live() {
            self.calls.remove(&key);
            self.heard.remove(&key);
            return None;
        }
        let view = self.calls.entry(key).or_insert_with(|| call.clone());
        if call.seq >= view.seq {
            *view = call.clone();
        }
        Some(view.clone())
    }

    pub fn count_by_priority(&self) {
        let of = |priority: Option<Priority>| self.calls.values().filter(|call| call.priority == priority).count();
        metrics::calls_active("none", of(None));
        Priority::ALL.into_iter().for_each(|priority| metrics::calls_active(priority.as_str(), of(Some(priority))));
    }
}

/// Unlike any other on this machine: the moment it was made, in nanoseconds.
fn new_epoch() -> Arc<str> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("{:x}", since.as_nanos()).into()
}
