//! The memory store as an [`SmsOutbox`].

use async_trait::async_trait;

use super::store::{Message, Records};
use super::{MemoryStore, lock};
use crate::failure::Failure;
use crate::ids::{CallId, SmsId, TenantId};
use crate::ports::{Claim, Due, SmsOutbox};
use crate::priority::Priority;
use crate::sms::{DeliveryReport, Settlement, Sms, SmsState};
use crate::time::Timestamp;

#[async_trait]
impl SmsOutbox for MemoryStore {
    async fn claim_due(&self, now: Timestamp, sender: &str, limit: usize) -> Result<Due, Failure> {
        let mut records = lock(&self.records);
        let expired = records.expire(now);
        let mut due: Vec<&mut Message> = records
            .texts
            .values_mut()
            .filter(|message| message.sms.state == SmsState::Queued && message.sms.due_at <= now)
            .collect();
        due.sort_by_key(|message| {
            let sms = &message.sms;
            (sms.priority, sms.due_at, sms.created_at, sms.id)
        });
        let claims = due.into_iter().take(limit).map(|message| message.claim(sender, now)).collect();
        Ok(Due { claims, expired })
    }

    async fn settle(&self, id: SmsId, attempt: u32, settlement: &Settlement, now: Timestamp) -> Result<Sms, Failure> {
        let mut records = lock(&self.records);
        let message = records.texts.get_mut(&id).ok_or_else(|| Failure::fail(format!("no text message {id}")))?;
        if message.sms.state == SmsState::Sending && message.last_attempt == attempt {
            message.settle(settlement, now);
        }
        Ok(message.sms.clone())
    }

    async fn report(&self, report: &DeliveryReport) -> Result<Option<Sms>, Failure> {
        let mut records = lock(&self.records);
        let reported = records
            .texts
            .values_mut()
            .map(|message| &mut message.sms)
            .find(|sms| sms.provider_id.as_ref() == Some(&report.provider_id));
        let Some(sms) = reported else { return Ok(None) };
        let Some(state) = report.status.moves(sms.state) else { return Ok(None) };
        sms.state = state;
        sms.error_code = report.error_code.or(sms.error_code);
        sms.updated_at = sms.updated_at.max(report.at);
        Ok(Some(sms.clone()))
    }

    async fn recover(&self, now: Timestamp) -> Result<Vec<Sms>, Failure> {
        let mut records = lock(&self.records);
        let in_flight =
            records.texts.values_mut().map(|message| &mut message.sms).filter(|sms| sms.state == SmsState::Sending);
        Ok(in_flight
            .map(|sms| {
                sms.state = SmsState::Unknown;
                sms.error = Some("cut by a restart".into());
                sms.updated_at = now;
                sms.clone()
            })
            .collect())
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, Failure> {
        Ok(lock(&self.records).queued().map(|sms| sms.due_at).min())
    }

    async fn depth(&self) -> Result<[(Priority, u64); 4], Failure> {
        let records = lock(&self.records);
        Ok(Priority::ALL.map(|p| (p, records.queued().filter(|sms| sms.priority == p).count() as u64)))
    }

    async fn of_call(&self, tenant: Option<&TenantId>, call: &CallId, limit: usize) -> Result<Vec<Sms>, Failure> {
        let mut texts = lock(&self.records).select(tenant, |sms| sms.call.as_ref() == Some(call));
        texts.sort_by_key(|sms| (sms.created_at, sms.id));
        texts.truncate(limit);
        Ok(texts)
    }

    async fn latest(&self, tenant: Option<&TenantId>, limit: usize) -> Result<Vec<Sms>, Failure> {
        let mut texts = lock(&self.records).select(tenant, |_| true);
        texts.sort_by_key(|sms| std::cmp::Reverse((sms.created_at, sms.id)));
        texts.truncate(limit);
        Ok(texts)
    }

    async fn find(&self, tenant: Option<&TenantId>, id: SmsId) -> Result<Option<Sms>, Failure> {
        Ok(lock(&self.records).select(tenant, |sms| sms.id == id).pop())
    }
}

impl Records {
    fn queued(&self) -> impl Iterator<Item = &Sms> {
        self.texts.values().map(|message| &message.sms).filter(|sms| sms.state == SmsState::Queued)
    }

    fn expire(&mut self, now: Timestamp) -> Vec<Sms> {
        let texts = self.texts.values_mut().map(|message| &mut message.sms);
        let late = texts.filter(|sms| sms.state == SmsState::Queued && sms.expires_at < now);
        late.map(|sms| {
            sms.state = SmsState::Expired;
            sms.updated_at = now;
            sms.clone()
        })
        .collect()
    }

    fn select(&self, tenant: Option<&TenantId>, wanted: impl Fn(&Sms) -> bool) -> Vec<Sms> {
        let of_tenant = |sms: &&Sms| tenant.is_none_or(|tenant| *tenant == sms.tenant);
        self.texts.values().map(|message| &message.sms).filter(of_tenant).filter(|sms| wanted(sms)).cloned().collect()
    }
}

impl Message {
    fn claim(&mut self, sender: &str, now: Timestamp) -> Claim {
        self.last_attempt += 1;
        self.sms.state = SmsState::Sending;
        self.sms.attempts += 1;
        self.sms.from = Some(sender.into());
        self.sms.updated_at = now;
        Claim { sms: self.sms.clone(), attempt: self.last_attempt }
    }

    fn settle(&mut self, settlement: &Settlement, now: Timestamp) {
        let sms = &mut self.sms;
        sms.state = settlement.state;
        sms.due_at = settlement.due_at.unwrap_or(sms.due_at);
        sms.attempts -= u32::from(!settlement.counts);
        sms.provider_id = settlement.provider_id.clone().or_else(|| sms.provider_id.take());
        sms.error_code = settlement.error_code;
        sms.error = settlement.error.clone();
        sms.updated_at = now;
    }
}
