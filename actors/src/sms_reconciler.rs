//! Asks the carrier what became of messages, where it does not say so itself.
//!
//! An attempt that got no answer is looked for in the carrier's books. Found, it is adopted; missed twice, far enough
//! apart, its message is sent once more or held for people, as its class says ([`engine::sms::on_unknown`]). A message
//! the carrier took and never reported on is asked about by its id, ever more seldom, within a share of what is sent.
//!
//! What is to be asked and when is in the store, so a restart loses nothing. Runs until its handle is dropped; one that
//! panics is started again.

mod budget;
mod look;
mod sweep;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use engine::failure::Failure;
use engine::ports::{Checks, Clock, SmsOutbox, SmsProvider};
use engine::sms::SmsState;
use futures_util::StreamExt;
use futures_util::stream;
use parking_lot::Mutex;
use tokio::time::{Instant, sleep};
use tracing::warn;

use self::budget::Budget;
use crate::lead::Lead;
use crate::limits::Limits;
use crate::metrics::{self, sms as sms_metrics};
use crate::sms_pool::SmsPool;
use crate::sms_reports::SmsReports;
use crate::supervise::{Supervised, supervise};

/// Questions to the carrier at once.
const SIDE_BY_SIDE: usize = 4;

pub struct SmsReconciler {
    pub outbox: Arc<dyn SmsOutbox>,
    pub provider: Arc<dyn SmsProvider>,
    pub reports: SmsReports,
    /// Woken when a message is to be sent again.
    pub pool: SmsPool,
    pub clock: Arc<dyn Clock>,
    /// Only one node asks.
    pub lead: Lead,
    pub limits: Arc<Limits>,
}

impl SmsReconciler {
    pub fn start(self) -> Supervised {
        let this = Arc::new(self);
        let budget = Arc::new(Mutex::new(Budget::new(&this.limits, Instant::now())));
        supervise("sms_reconciler", move || {
            let (this, budget) = (this.clone(), budget.clone());
            async move {
                let _alive = metrics::alive("sms_reconciler");
                loop {
                    if !this.lead.held() {
                        sms_metrics::unknown(0);
                    }
                    this.lead.until_held().await;
                    if let Err(failure) = this.round(&budget).await {
                        warn!(%failure, "sms reconciler could not read the outbox, will retry");
                    }
                    sleep(this.limits.reconcile_tick).await;
                }
            }
        })
    }

    async fn round(&self, budget: &Mutex<Budget>) -> Result<(), Failure> {
        sms_metrics::unknown(self.outbox.count(SmsState::Unknown).await?);
        let (now, most) = (self.clock.now(), self.limits.reconcile_batch);
        let lost = self.outbox.checks(Checks::Unknown, now, most).await?;
        side_by_side(lost.into_iter().map(|(sms, attempt)| self.look_for(sms, attempt))).await;

        let allowed = budget.lock().allows(self.pool.sends(), Instant::now()).min(most);
        if allowed == 0 {
            return Ok(());
        }
        let unreported = self.outbox.checks(Checks::Unreported, now, allowed).await?;
        budget.lock().spend(unreported.len());
        side_by_side(unreported.into_iter().map(|(sms, attempt)| self.ask_about(sms, attempt))).await;
        Ok(())
    }
}

async fn side_by_side<F: Future<Output = ()>>(asked: impl Iterator<Item = F>) {
    stream::iter(asked).buffer_unordered(SIDE_BY_SIDE).collect::<()>().await;
}
