//! What people do with text messages: send one, send one again, stop one, vouch for one.
//!
//! Every order is decided and committed by the outbox; here the change is published, counted, and the pool woken.

use std::sync::Arc;

use engine::failure::Failure;
use engine::ids::{SmsId, TenantId};
use engine::ports::{Clock, IdempotencyKey, SmsOutbox, Submitted};
use engine::sms::{Command, Commanded, NewSms, Sms, SmsState};
use tracing::info;

use crate::metrics::sms::{self as metrics, ResolvedBy};
use crate::sms_pool::SmsPool;
use crate::sms_reports::SmsReports;

/// Cheap to clone.
#[derive(Clone)]
pub struct SmsDesk {
    outbox: Arc<dyn SmsOutbox>,
    reports: SmsReports,
    pool: SmsPool,
    clock: Arc<dyn Clock>,
}

impl SmsDesk {
    pub(crate) fn new(
        outbox: Arc<dyn SmsOutbox>,
        reports: SmsReports,
        pool: SmsPool,
        clock: Arc<dyn Clock>,
    ) -> SmsDesk {
        SmsDesk { outbox, reports, pool, clock }
    }

    /// Returns when the message is committed, not when it is sent.
    pub async fn submit(&self, new: &NewSms, key: Option<&IdempotencyKey>) -> Result<Submitted, Failure> {
        let submitted = self.outbox.submit(new, key).await?;
        if let Submitted::New(sms) = &submitted {
            info!(sms.id = %sms.id, tenant = %sms.tenant, sms.state = sms.state.as_str(), "sms submitted");
            self.reports.publish(sms.clone()).await;
            self.pool.wake();
        }
        Ok(submitted)
    }

    /// `tenant` limits the search when given.
    pub async fn order(&self, tenant: Option<&TenantId>, id: SmsId, command: Command) -> Result<Commanded, Failure> {
        let commanded = self.outbox.command(tenant, id, command, self.clock.now()).await?;
        if let Commanded::Done { sms, from } = &commanded {
            info!(sms.id = %sms.id, was = from.as_str(), sms.state = sms.state.as_str(), ?command, "sms ordered");
            if *from == SmsState::Unknown {
                metrics::resolved(ResolvedBy::Operator);
            }
            self.reports.publish(Sms::clone(sms)).await;
            self.pool.wake();
        }
        Ok(commanded)
    }
}
