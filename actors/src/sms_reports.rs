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
use engine::sms::{DeliveryReport, ErrorClass, Reported, Sms, SmsState};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tracing::{debug, error, warn};

use crate::leavers::Leavers;
use crate::metrics::sms::{self as metrics, ResolvedBy};
use crate::sms_pool::SmsPool;
use crate::sms_sender::{publish, show};

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
    /// Learns from what was not delivered.
    pool: Option<SmsPool>,
    /// Who learns that somebody has opted out.
    leavers: Option<Leavers>,
}

impl SmsReports {
    pub fn new(outbox: Arc<dyn SmsOutbox>, bus: Arc<dyn EventBus>) -> SmsReports {
        SmsReports { outbox, bus, pool: None, leavers: None }
    }

    /// The pool hears of what was not delivered.
    pub fn telling(self, pool: SmsPool) -> SmsReports {
        SmsReports { pool: Some(pool), ..self }
    }

    /// Whoever has opted out, and lets the carrier say so in a report, is not texted again.
    pub(crate) fn learning_who_leaves(self, leavers: Leavers) -> SmsReports {
        SmsReports { leavers: Some(leavers), ..self }
    }

    /// Applies one report, publishes what it changed, and counts what people should know of.
    pub async fn apply(&self, report: &DeliveryReport) -> Result<Reported, Failure> {
        self.heard(report, ResolvedBy::Callback).await
    }

    /// The same, of what was learnt by asking.
    pub(crate) async fn heard(&self, report: &DeliveryReport, by: ResolvedBy) -> Result<Reported, Failure> {
        let class = self.pool.as_ref().zip(report.error_code).and_then(|(pool, code)| pool.class_of(code));
        let reported = self.outbox.report(report, class).await?;
        if let Reported::Moved { sms, .. } | Reported::Contradicts(sms) = &reported
            && let (Some(ErrorClass::OptedOut), Some(leavers)) = (class, &self.leavers)
        {
            leavers.told_by_carrier(sms, report.at).await;
        }
        match &reported {
            Reported::Moved { sms, from } => self.tell(sms, *from, report, by).await,
            Reported::Contradicts(sms) => {
                metrics::contradicted();
                warn!(
                    sms.id = %sms.id,
                    sms.state = sms.state.as_str(),
                    told = report.status.state().as_str(),
                    "delivery report contradicts the one before"
                );
            }
            Reported::Old | Reported::Unheard => {}
        }
        Ok(reported)
    }

    /// A message that has moved otherwise.
    pub(crate) async fn publish(&self, sms: Sms) {
        publish(&*self.bus, sms).await;
    }

    async fn tell(&self, sms: &Sms, from: SmsState, report: &DeliveryReport, by: ResolvedBy) {
        if from == sms.state {
            return show(&*self.bus, sms.clone()).await;
        }
        if from == SmsState::Unknown {
            metrics::resolved(by);
            if let Some(pool) = &self.pool {
                pool.found(sms);
            }
        }
        let told = report.status.state();
        if sms.state == SmsState::Queued && report.status.is_end() {
            // It is tried again: what became of it until now was an end to whoever waits for one.
            metrics::moved(told);
            show(&*self.bus, Sms { state: told, ..sms.clone() }).await;
        }
        if sms.state == SmsState::Delivered {
            metrics::delivered(sms.priority, report.at.since(sms.created_at));
        } else if let Some(pool) = self.pool.as_ref().filter(|_| report.status.is_end()) {
            pool.told(sms);
        }
        publish(&*self.bus, sms.clone()).await;
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
            Ok(Ok(Reported::Unheard)) if tried < LATER.len() => false,
            Ok(Ok(Reported::Unheard)) => {
                debug!("delivery report is about no message of ours");
                true
            }
            Ok(Ok(_)) => true,
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
