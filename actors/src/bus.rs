//! The bus of a single process.

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ports::{EventBus, Update};
use tokio::sync::broadcast;

use crate::cache::ReadThrough;

/// Every subscriber gets every update, or is told that it lagged behind.
#[derive(Clone)]
pub struct LocalBus {
    sender: broadcast::Sender<Update>,
    /// Knows of every update before any subscriber.
    cache: Option<ReadThrough>,
}

impl LocalBus {
    pub fn new(backlog: usize) -> LocalBus {
        LocalBus { sender: broadcast::channel(backlog).0, cache: None }
    }

    /// Whoever has heard of a change and then reads is shown it.
    pub fn through(self, cache: ReadThrough) -> LocalBus {
        LocalBus { cache: Some(cache), ..self }
    }

    pub fn subscribe(&self) -> broadcast::Receiver<Update> {
        self.sender.subscribe()
    }
}

#[async_trait]
impl EventBus for LocalBus {
    async fn publish(&self, update: &Update) -> Result<(), Failure> {
        if let Some(cache) = &self.cache {
            cache.heard(update).await;
        }
        // Fails only when nobody listens, which is fine.
        let _ = self.sender.send(update.clone());
        Ok(())
    }
}
