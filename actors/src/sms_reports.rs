//! What a carrier tells later about messages it had accepted: sent, delivered, or not.
//!
//! A report may overtake the commit of the very answer that names its message, so one that finds nothing is tried
//! again a few times. Reports waiting for that are in memory only: a crash loses them, and the message stays
//! `accepted` or `sent`. Ends when every carrier that feeds it is gone.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use engine::failure::Failure;
use engine::ports::{EventBus, SmsOutbox};
use engine::sms::{DeliveryReport, DeliveryStatus, Sms};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tracing::{debug, error, warn};

use crate::metrics::sms as metrics;
use crate::sms_sender::publish;

/// Waits before a report that found no message is tried again.
const LATER: [Duration; 5] = [
    Duration::from_millis(50),
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
];

/// Reports waiting to be tried again; one more is dropped.
const WAITING: usize = 4_096;

/// Applies delivery reports. Cheap to clone.
#[derive(Clone)]
pub struct SmsReports {
    outbox: Arc<dyn SmsOutbox>,
    bus: Arc<dyn EventBus>,
}

impl SmsReports {
    pub fn new(outbox: Arc<dyn SmsOutbox>, bus: Arc<dyn EventBus>) -> SmsReports {
        SmsReports { outbox, bus }
    }

    /// Applies one report and publishes what it moved. `None`: it belongs to no message, or tells nothing new.
    pub async fn apply(&self, report: &DeliveryReport) -> Result<Option<Sms>, Failure> {
        let Some(sms) = self.outbox.report(report).await? else { return Ok(None) };
        if report.status == DeliveryStatus::Delivered {
            metrics::delivered(sms.priority, report.at.since(sms.created_at));
        }
        publish(&*self.bus, sms.clone()).await;
        Ok(Some(sms))
    }

    /// Applies what a carrier in this process reports until it is gone. One report that panics costs itself alone.
    pub fn listen(&self, mut reports: mpsc::Receiver<DeliveryReport>) -> JoinHandle<()> {
        let this = self.clone();
        tokio::spawn(async move {
            let mut waiting = FuturesUnordered::new();
            loop {
                let (report, tried) = tokio::select! {
                    Some(again) = waiting.next() => again,
                    Some(report) = reports.recv() => (report, 0),
                    else => return,
                };
                if this.is_done(&report, tried).await {
                    continue;
                }
                if waiting.len() < WAITING {
                    waiting.push(again_later(report, tried));
                } else {
                    warn!("delivery report dropped, too many wait for their message");
                }
            }
        })
    }

    /// Whether nothing is left to be done about this report.
    async fn is_done(&self, report: &DeliveryReport, tried: usize) -> bool {
        match AssertUnwindSafe(self.apply(report)).catch_unwind().await {
            Ok(Ok(Some(_))) => true,
            Ok(Ok(None)) if tried < LATER.len() => false,
            Ok(Ok(None)) => {
                debug!("delivery report moved nothing");
                true
            }
            Ok(Err(failure)) => {
                warn!(%failure, "delivery report not applied");
                !failure.is_retry()
            }
            Err(_) => {
                error!("delivery report made its handler panic");
                crate::metrics::restarted("sms_reports", "panic");
                true
            }
        }
    }
}

async fn again_later(report: DeliveryReport, tried: usize) -> (DeliveryReport, usize) {
    sleep(LATER[tried.min(LATER.len() - 1)]).await;
    (report, tried + 1)
}
