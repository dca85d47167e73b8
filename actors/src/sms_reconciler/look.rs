//! An attempt that got no answer, looked for in the carrier's books.

use engine::failure::Failure;
use engine::sms::{Attempt, Command, Commanded, DeliveryReport, Found, Match, NextStep, Sms, SmsState, match_up};
use engine::time::Timestamp;
use tracing::{error, info, warn};

use super::SmsReconciler;
use crate::metrics::sms::{self as metrics, ResolvedBy};

/// What a look came to.
enum Seen {
    Found(Found, Attempt),
    Absent,
    Unclear,
}

impl SmsReconciler {
    pub(super) async fn look_for(&self, sms: Sms, attempt: Attempt) {
        if let Err(failure) = self.try_to_find(&sms, &attempt).await {
            warn!(sms.id = %sms.id, %failure, "sms reconciler could not record what it learnt, will retry");
        }
    }

    async fn try_to_find(&self, sms: &Sms, attempt: &Attempt) -> Result<(), Failure> {
        if sms.state != SmsState::Unknown {
            return self.outbox.checked(attempt, false, None, self.clock.now()).await;
        }
        let seen = self.see(sms, attempt).await;
        let now = self.clock.now();
        let look_ups = &self.limits.look_ups;
        let (absent, next) = match seen {
            Ok(Seen::Found(found, by)) => return self.adopt(sms, &by, found).await,
            Ok(Seen::Absent) => {
                metrics::checked("absent");
                let class = attempt.error_code.and_then(|code| self.provider.class_of(code));
                (true, look_ups.after_absence(sms, attempt, class, now))
            }
            Ok(Seen::Unclear) => {
                metrics::checked("unclear");
                (false, look_ups.after_doubt(attempt, now))
            }
            Err(failure) => {
                metrics::checked("failed");
                warn!(sms.id = %sms.id, %failure, "carrier's books could not be read");
                (false, look_ups.after_failure(sms, attempt, failure.is_retry(), now))
            }
        };
        self.follow(sms, attempt, absent, next, now).await
    }

    async fn see(&self, sms: &Sms, attempt: &Attempt) -> Result<Seen, Failure> {
        let mut found = self.provider.find(sms, attempt).await?;
        // In this order: what is answered in between is either still in flight here, or known to be another's.
        let alike = self.outbox.alike(sms, attempt).await?;
        let ids: Vec<&str> = found.iter().map(|found| found.provider_id.as_ref()).collect();
        let owned = self.outbox.owned(&ids).await?;
        found.retain(|found| !owned.contains(&found.provider_id));
        Ok(match match_up(attempt, &alike, &found) {
            Match::Found(found, by) => Seen::Found(found.clone(), by.clone()),
            Match::Absent => Seen::Absent,
            Match::Unclear => Seen::Unclear,
        })
    }

    async fn adopt(&self, sms: &Sms, attempt: &Attempt, found: Found) -> Result<(), Failure> {
        metrics::checked("found");
        info!(sms.id = %sms.id, sms.attempt = attempt.number, "sms attempt found in the carrier's books");
        let report = as_report(attempt, found, self.clock.now());
        self.reports.heard(&report, ResolvedBy::Listing).await.map(drop)
    }

    async fn follow(
        &self,
        sms: &Sms,
        attempt: &Attempt,
        absent: bool,
        next: NextStep,
        now: Timestamp,
    ) -> Result<(), Failure> {
        match next {
            NextStep::Look(at) => self.outbox.checked(attempt, absent, Some(at), now).await,
            NextStep::Hold => self.hold(sms, attempt, absent, now).await,
            NextStep::Resend => self.send_again(sms, attempt, now).await,
        }
    }

    async fn hold(&self, sms: &Sms, attempt: &Attempt, absent: bool, now: Timestamp) -> Result<(), Failure> {
        self.outbox.checked(attempt, absent, None, now).await?;
        metrics::resolved(ResolvedBy::Held);
        error!(
            sms.id = %sms.id,
            sms.attempt = attempt.number,
            sms.priority = sms.priority.as_str(),
            "sms may or may not have left, it is held until somebody decides"
        );
        Ok(())
    }

    async fn send_again(&self, sms: &Sms, attempt: &Attempt, now: Timestamp) -> Result<(), Failure> {
        let command = Command::Resend { attempt: attempt.number };
        if let Commanded::Done { sms, .. } = self.outbox.command(None, sms.id, command, now).await? {
            metrics::resolved(ResolvedBy::Resent);
            warn!(sms.id = %sms.id, sms.attempt = attempt.number, "sms attempt believed lost, sending it again");
            self.reports.publish(*sms).await;
            self.pool.wake();
        }
        Ok(())
    }
}

/// What was found, told as the carrier would have told it.
pub(super) fn as_report(attempt: &Attempt, found: Found, at: Timestamp) -> DeliveryReport {
    let Found { provider_id, status, error_code, .. } = found;
    DeliveryReport { token: Some(attempt.token.clone()), provider_id, status, error_code, at }
}
