//! Buses that remember what was published.

use std::sync::Mutex;

use async_trait::async_trait;

use super::lock;
use crate::failure::Failure;
use crate::ports::{Delivered, Dispatch, EventBus, OuterBus, Update};

#[derive(Debug, Default)]
pub struct MemoryBus {
    published: Mutex<Vec<Update>>,
    failures: Mutex<Vec<Failure>>,
}

impl MemoryBus {
    /// Everything published so far, in order.
    pub fn published(&self) -> Vec<Update> {
        lock(&self.published).clone()
    }

    /// The next publication fails like this, and is not remembered.
    pub fn fail_next(&self, failure: Failure) {
        lock(&self.failures).push(failure);
    }
}

#[async_trait]
impl EventBus for MemoryBus {
    async fn publish(&self, update: &Update) -> Result<(), Failure> {
        if let Some(failure) = lock(&self.failures).pop() {
            return Err(failure);
        }
        lock(&self.published).push(update.clone());
        Ok(())
    }
}

/// The bus outside, on a server that can be killed: what it took last is then lost.
#[derive(Debug, Default)]
pub struct MemoryOuterBus {
    state: Mutex<Outside>,
}

#[derive(Debug, Default)]
struct Outside {
    arrived: Vec<Dispatch>,
    killed: bool,
    refused: Option<fn(&Update) -> bool>,
}

impl MemoryOuterBus {
    /// Everything subscribers have seen so far, in order.
    pub fn arrived(&self) -> Vec<Dispatch> {
        lock(&self.state).arrived.clone()
    }

    /// The server dies with the last `lost` messages it took, before anybody saw them, and is there again at once.
    pub fn kill(&self, lost: usize) {
        let mut state = lock(&self.state);
        let kept = state.arrived.len().saturating_sub(lost);
        state.arrived.truncate(kept);
        state.killed = true;
    }

    /// Updates like these are never taken.
    pub fn refuse(&self, which: fn(&Update) -> bool) {
        lock(&self.state).refused = Some(which);
    }
}

#[async_trait]
impl OuterBus for MemoryOuterBus {
    async fn deliver(&self, dispatches: &[Dispatch]) -> Result<Delivered, Failure> {
        let mut state = lock(&self.state);
        if std::mem::take(&mut state.killed) {
            return Err(Failure::retry("the server was killed"));
        }
        let refused = state.refused;
        let takes = |dispatch: &&Dispatch| refused.is_none_or(|refused| !refused(&dispatch.update));
        let taken: Vec<_> = dispatches.iter().filter(takes).cloned().collect();
        let delivered = Delivered { taken: taken.len(), refused: dispatches.len() - taken.len() };
        state.arrived.extend(taken);
        Ok(delivered)
    }
}
