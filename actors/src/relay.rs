//! Publishes committed frames to the bus, in the order of their commits. It reads them back from the store, woken by
//! the committer, so it can neither miss one nor run ahead of a commit; it resumes where it stopped.

use std::sync::Arc;
use std::time::Duration;

use engine::failure::Failure;
use engine::ports::{CallStore, EventBus, Position, Update};
use tokio::sync::{Mutex, Notify};
use tokio::time::timeout;

use crate::metrics;
use crate::supervise::{Supervised, supervise};

/// Looks by itself this often, should a wake-up ever be missed; also the pause after a failure.
const TICK: Duration = Duration::from_secs(1);

pub(crate) struct Relay {
    store: Arc<dyn CallStore>,
    bus: Arc<dyn EventBus>,
    wake: Arc<Notify>,
    batch: usize,
    /// Everything up to here is published.
    position: Mutex<Position>,
}

impl Relay {
    /// Starts after the newest frame: who subscribes takes a snapshot first.
    pub async fn start(
        store: Arc<dyn CallStore>,
        bus: Arc<dyn EventBus>,
        wake: Arc<Notify>,
        batch: usize,
    ) -> Result<Supervised, Failure> {
        let position = Mutex::new(store.last_position().await?);
        let relay = Arc::new(Relay { store, bus, wake, batch, position });
        Ok(supervise("relay", move || relay.clone().run()))
    }

    async fn run(self: Arc<Self>) {
        let _alive = metrics::alive("relay");
        loop {
            match self.publish_next().await {
                Ok(0) => drop(timeout(TICK, self.wake.notified()).await),
                Ok(_) => {}
                Err(failure) => {
                    tracing::warn!(%failure, "relay could not publish, will retry");
                    tokio::time::sleep(TICK).await;
                }
            }
        }
    }

    async fn publish_next(&self) -> Result<usize, Failure> {
        let mut position = self.position.lock().await;
        let frames = self.store.frames_after(*position, self.batch).await?;
        let count = frames.len();
        for (frame, call) in frames {
            let update = Update::Call { seq: frame.seq, call, events: frame.facts.into() };
            self.bus.publish(&update).await?;
            *position = frame.position;
        }
        Ok(count)
    }
}
