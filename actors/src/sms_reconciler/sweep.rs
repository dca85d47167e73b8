//! A message the carrier took and never reported on, asked about by the carrier's own id.

use engine::failure::Failure;
use engine::sms::{Attempt, Sms, SmsState};
use engine::time::Timestamp;
use tracing::{debug, warn};

use super::SmsReconciler;
use super::look::as_report;
use crate::metrics::sms::{self as metrics, ResolvedBy};

/// Each question waits this many times as long as the one before.
const SLOWER: u32 = 3;

impl SmsReconciler {
    pub(super) async fn ask_about(&self, sms: Sms, attempt: Attempt) {
        if let Err(failure) = self.try_to_ask(&sms, &attempt).await {
            warn!(sms.id = %sms.id, %failure, "sms reconciler could not record what it learnt, will retry");
        }
    }

    async fn try_to_ask(&self, sms: &Sms, attempt: &Attempt) -> Result<(), Failure> {
        let open = matches!(sms.state, SmsState::Accepted | SmsState::Sent);
        let Some(provider_id) = attempt.provider_id.as_deref().filter(|_| open) else {
            return self.outbox.checked(attempt, false, None, self.clock.now()).await;
        };
        let next = match self.provider.fetch(&sms.tenant, provider_id).await {
            Ok(Some(found)) => {
                metrics::checked("found");
                let ended = found.status.is_end();
                let report = as_report(attempt, found, self.clock.now());
                self.reports.heard(&report, ResolvedBy::Listing).await?;
                if ended { None } else { self.next_question(attempt) }
            }
            Ok(None) => {
                metrics::checked("absent");
                warn!(sms.id = %sms.id, "carrier does not know a message it took");
                None
            }
            Err(failure) => {
                metrics::checked("failed");
                debug!(sms.id = %sms.id, %failure, "carrier could not be asked about a message");
                failure.is_retry().then(|| self.next_question(attempt)).flatten()
            }
        };
        self.outbox.checked(attempt, false, next, self.clock.now()).await
    }

    /// `None` when it was asked often enough.
    fn next_question(&self, attempt: &Attempt) -> Option<Timestamp> {
        let wait = self.limits.sweep_after.saturating_mul(SLOWER.saturating_pow(attempt.checks + 1));
        (attempt.checks + 1 < self.limits.sweeps).then(|| self.clock.now().plus(wait))
    }
}
