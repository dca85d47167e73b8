//! Starts everything in order, restarts what must never stop, and stops it in order.

use std::sync::Arc;

use engine::ports::{CallControl, CallStore, Clock, EventBus, SmsOutbox, SmsProvider};
use engine::sms::DeliveryReport;
use tokio::sync::mpsc;

use crate::bus::LocalBus;
use crate::calls::Calls;
use crate::limits::Limits;
use crate::live_feed::LiveFeed;
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
}

impl System {
    pub async fn start(
        _ports: Ports,
        _tenants: Tenants,
        _senders: Senders,
        _limits: Limits,
    ) -> Result<System, engine::failure::Failure> {
        Err(engine::failure::Failure::fail("not written yet"))
    }

    /// Stops accepting, answers what is inside, flushes, and ends every actor. At most `Limits::drain`.
    pub async fn stop(&self) {}
}
