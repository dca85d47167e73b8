//! Starts everything in order, owns what must never stop, and stops it in order.

use std::sync::Arc;
use std::time::Duration;

use engine::call::{Event, EventKind, Line};
use engine::failure::Failure;
use engine::ids::CallKey;
use engine::ports::{CallControl, CallStore, Clock, EventBus, SmsOutbox, SmsProvider};
use engine::sms::DeliveryReport;
use parking_lot::Mutex;
use tokio::sync::mpsc;

use crate::bus::LocalBus;
use crate::call::Context;
use crate::calls::Calls;
use crate::committer::{Committer, Wakers};
use crate::limits::Limits;
use crate::live_feed::LiveFeed;
use crate::reaper::Reaper;
use crate::relay::Relay;
use crate::supervise::Supervised;
use crate::tenants::Tenants;

/// What the system stands on.
pub struct Ports {
    pub calls: Arc<dyn CallStore>,
    pub outbox: Arc<dyn SmsOutbox>,
    pub provider: Arc<dyn SmsProvider>,
    /// Reports of a carrier that lives in this process.
    pub reports: Option<mpsc::Receiver<DeliveryReport>>,
    pub bus: Arc<dyn EventBus>,
    /// Where the live feed listens: the local end of the bus.
    pub feed: LocalBus,
    pub control: Option<Arc<dyn CallControl>>,
    pub clock: Arc<dyn Clock>,
}

/// How messages are sent: which numbers or services send, each at its own pace.
#[derive(Clone, Debug)]
pub struct Senders {
    pub names: Vec<String>,
    /// Messages per second and sender; `None` is as fast as the carrier answers.
    pub per_second: Option<f64>,
}

/// The running system.
pub struct System {
    pub calls: Calls,
    pub live: LiveFeed,
    pub tenants: Tenants,
    committer: Committer,
    drain: Duration,
    /// In the order they are stopped.
    tasks: Mutex<Vec<Supervised>>,
}

impl System {
    pub async fn start(ports: Ports, tenants: Tenants, _senders: Senders, limits: Limits) -> Result<System, Failure> {
        let limits = Arc::new(limits);
        let wake = Wakers::default();
        let (live, feeding) =
            LiveFeed::start(&ports.feed, ports.calls.clone(), ports.outbox.clone(), limits.live_backlog).await?;
        let relaying =
            Relay::start(ports.calls.clone(), ports.bus.clone(), wake.relay.clone(), limits.relay_batch).await?;
        let (committer, committing) =
            Committer::start(ports.calls.clone(), wake.clone(), limits.commit_queue, limits.commit_batch);
        let context = Arc::new(Context {
            store: ports.calls.clone(),
            clock: ports.clock.clone(),
            committer: committer.clone(),
            tenants: tenants.clone(),
            linger: limits.linger,
        });
        let calls = Calls::start(context, limits.clone()).await?;
        let reaping = Reaper {
            calls: calls.clone(),
            store: ports.calls,
            control: ports.control,
            clock: ports.clock,
            limits: limits.clone(),
        }
        .start();
        let tasks = Mutex::new(vec![reaping, committing, relaying, feeding]);
        Ok(System { calls, live, tenants, committer, drain: limits.drain, tasks })
    }

    /// Volatile news of a call: shown if there is room, never stored.
    pub fn mention(&self, call: &CallKey, event: Event) {
        if let EventKind::Speaking { role, text } = event.kind {
            self.live.mention(call, Line { role, text });
        }
    }

    /// Answers what is inside, refuses the rest, and ends every actor. At most `Limits::drain`.
    pub async fn stop(&self) {
        if !self.calls.drain(self.drain).await {
            tracing::warn!(in_flight = self.calls.in_flight(), "stopping with events unanswered");
        }
        self.committer.barrier().await;
        self.calls.stop().await;
        self.tasks.lock().clear();
    }
}
