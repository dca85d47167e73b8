//! The bus of a single process.

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ports::{EventBus, Update};
use tokio::sync::broadcast;

/// Every subscriber gets every update, or is told that it lagged behind.
#[derive(Clone)]
pub struct LocalBus {
    sender: broadcast::Sender<Update>,
}

impl LocalBus {
    pub fn new(backlog: usize) -> LocalBus {
        LocalBus { sender: broadcast::channel(backlog).0 }
    }

    pub fn subscribe(&self) -> broadcast::Receiver<Update> {
        self.sender.subscribe()
    }
}

#[async_trait]
impl EventBus for LocalBus {
    async fn publish(&self, update: &Update) -> Result<(), Failure> {
        // Fails only when nobody listens, which is fine.
        let _ = self.sender.send(update.clone());
        Ok(())
    }
}
