//! A bus that remembers what was published.

use std::sync::Mutex;

use async_trait::async_trait;

use super::lock;
use crate::failure::Failure;
use crate::ports::{EventBus, Update};

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
