//! Which calls are further in the store than what the bus has told: for the few milliseconds between a commit and its
//! news.

use std::collections::HashMap;

use engine::ids::{CallId, CallKey};
use engine::ports::Stamp;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// So many at once, and the oldest notes are of no use to anybody: whoever tells them is not coming any more.
const MOST: usize = 100_000;

#[derive(Default)]
pub(super) struct Ahead {
    seqs: Mutex<HashMap<CallKey, u64>>,
    news: Notify,
}

impl Ahead {
    pub fn note(&self, call: &CallKey, seq: u64) {
        let mut seqs = self.seqs.lock();
        if seqs.len() >= MOST {
            seqs.clear();
        }
        let known = seqs.entry(call.clone()).or_default();
        *known = seq.max(*known);
    }

    /// This much of the call is known here.
    pub fn reached(&self, id: &CallId, stamp: &Stamp) {
        let Some(key) = key(id, stamp) else { return };
        let mut seqs = self.seqs.lock();
        if seqs.get(&key).is_some_and(|seq| *seq <= stamp.seq) {
            seqs.remove(&key);
            drop(seqs);
            self.news.notify_waiters();
        }
    }

    pub fn is_ahead_of(&self, id: &CallId, stamp: &Stamp) -> bool {
        let seqs = self.seqs.lock();
        !seqs.is_empty() && key(id, stamp).is_some_and(|key| seqs.get(&key).is_some_and(|seq| *seq > stamp.seq))
    }

    /// Ends when something was reached after this was asked for.
    pub fn told(&self) -> Notified<'_> {
        self.news.notified()
    }
}

fn key(id: &CallId, stamp: &Stamp) -> Option<CallKey> {
    Some(CallKey { tenant: stamp.tenant.clone()?, call: id.clone() })
}
