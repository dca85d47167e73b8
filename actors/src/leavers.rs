//! Whoever wants no more texts: recorded however it becomes known, and said where it matters.
//!
//! They say so themselves ([`crate::inbound`]), or the carrier does: by refusing a text to them ([`Listening`]), or later,
//! in its report of one it had taken ([`crate::sms_reports`]).

use std::sync::Arc;

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ids::TenantId;
use engine::ports::{Clock, EventBus, Leaves, OptOut, OptOutSource, OptOuts, SmsProvider};
use engine::sms::{Answered, Attempt, ErrorClass, Found, SendOutcome, Sms};
use engine::time::Timestamp;
use tracing::{error, info, warn};

use crate::metrics::sms as metrics;
use crate::sms_sender::publish;
use crate::tenants::Tenants;

/// Records who wants no texts. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Leavers {
    opt_outs: Arc<dyn OptOuts>,
    bus: Arc<dyn EventBus>,
    tenants: Tenants,
}

impl Leavers {
    pub fn new(opt_outs: Arc<dyn OptOuts>, bus: Arc<dyn EventBus>, tenants: Tenants) -> Leavers {
        Leavers { opt_outs, bus, tenants }
    }

    /// Says so where it matters: one of the team cannot be alarmed any more.
    pub async fn record(&self, opt_out: &OptOut) -> Result<(), Failure> {
        let recorded = self.opt_outs.add(opt_out).await?;
        for sms in recorded.suppressed {
            publish(&*self.bus, sms).await;
        }
        if !recorded.is_new {
            return Ok(());
        }
        metrics::opted_out(opt_out.source);
        let (from, source) = (opt_out.number.masked(), opt_out.source.as_str());
        match self.on_the_team(opt_out) {
            Some((tenant, contact)) => {
                metrics::staff_opted_out();
                error!(sms.from = from, source, tenant = %tenant, contact = %contact, "one of the team has opted out and gets no alerts any more");
            }
            None if opt_out.source == OptOutSource::InWords => {
                warn!(
                    sms.from = from,
                    source, "somebody asked for no more texts in their own words, look whether it was meant"
                );
            }
            None => info!(sms.from = from, source, "somebody has opted out"),
        }
        Ok(())
    }

    /// The carrier does not deliver this message because its recipient has opted out. What cannot be recorded now, the
    /// next message teaches again.
    pub async fn told_by_carrier(&self, sms: &Sms, at: Timestamp) {
        let (tenant, number) = (Some(sms.tenant.clone()), sms.to.clone());
        let opt_out = OptOut { tenant, number, source: OptOutSource::Carrier, at, message: None };
        if let Err(failure) = self.record(&opt_out).await {
            warn!(sms.id = %sms.id, %failure, "opt-out told by the carrier not recorded");
        }
    }

    pub(crate) fn on_the_team(&self, opt_out: &OptOut) -> Option<(TenantId, Box<str>)> {
        let in_force = self.tenants.in_force();
        let whose = opt_out.tenant.as_ref();
        let theirs = in_force.playbooks.iter().filter(|it| whose.is_none_or(|tenant| *tenant == it.tenant));
        let mut contacts = theirs.flat_map(|playbook| playbook.contacts.iter().map(move |contact| (playbook, contact)));
        let found = contacts.find(|(_, contact)| contact.phone == opt_out.number);
        found.map(|(playbook, contact)| (playbook.tenant.clone(), contact.name.clone()))
    }
}

/// A carrier that is listened to when it refuses a text because its recipient has opted out.
pub(crate) struct Listening {
    pub provider: Arc<dyn SmsProvider>,
    pub leavers: Leavers,
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl SmsProvider for Listening {
    fn name(&self) -> &'static str {
        self.provider.name()
    }

    async fn send_timed(&self, sms: &Sms, attempt: &Attempt, leaves: Leaves) -> Answered {
        let answered = self.provider.send_timed(sms, attempt, leaves).await;
        if let SendOutcome::Rejected { class: ErrorClass::OptedOut, .. } = &answered.outcome {
            self.leavers.told_by_carrier(sms, self.clock.now()).await;
        }
        answered
    }

    async fn find(&self, sms: &Sms, attempt: &Attempt) -> Result<Vec<Found>, Failure> {
        self.provider.find(sms, attempt).await
    }

    async fn fetch(&self, tenant: &TenantId, provider_id: &str) -> Result<Option<Found>, Failure> {
        self.provider.fetch(tenant, provider_id).await
    }

    fn class_of(&self, code: u32) -> Option<ErrorClass> {
        self.provider.class_of(code)
    }

    fn concurrent(&self) -> Option<u32> {
        self.provider.concurrent()
    }
}

#[cfg(test)]
mod tests;
