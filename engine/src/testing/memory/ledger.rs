//! The memory store as an [`SmsLedger`].

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{MemoryStore, lock};
use crate::failure::Failure;
use crate::ids::TenantId;
use crate::phone::PhoneNumber;
use crate::playbook::Contact;
use crate::ports::{Begun, DayUse, LearnedPace, PutOff, SmsLedger};
use crate::sms::dispatch::Past;
use crate::sms::{Sms, SmsState};
use crate::time::Timestamp;

#[async_trait]
impl SmsLedger for MemoryStore {
    async fn begun_since(&self, since: Timestamp, limit: usize) -> Result<Vec<Begun>, Failure> {
        let records = lock(&self.records);
        let mut begun: Vec<Begun> = records
            .attempts()
            .filter(|(_, attempt)| attempt.started_at >= since)
            .map(|(sms, attempt)| {
                let (tenant, to) = (sms.tenant.clone(), sms.to.clone());
                let attempt_of = Past { tenant, to, sender: attempt.sender.clone(), segments: sms.segments };
                Begun {
                    attempt: attempt_of,
                    at: attempt.started_at,
                    ended_at: attempt.answered_at,
                    answered: attempt.outcome.is_some_and(|outcome| outcome != SmsState::Unknown),
                }
            })
            .collect();
        begun.sort_by_key(|begun| begun.at);
        let older = begun.len().saturating_sub(limit);
        Ok(begun.split_off(older))
    }

    async fn used_since(&self, tenant: &TenantId, since: Timestamp) -> Result<DayUse, Failure> {
        let records = lock(&self.records);
        let mut segments = 0;
        let mut callers: BTreeMap<PhoneNumber, u32> = BTreeMap::new();
        let counts = records.attempts().filter(|(sms, attempt)| {
            sms.tenant == *tenant && attempt.started_at >= since && attempt.counts != Some(false)
        });
        for (sms, _) in counts {
            segments += u64::from(sms.segments);
            if *sms.contact == *Contact::CALLER {
                *callers.entry(sms.to.clone()).or_default() += 1;
            }
        }
        Ok(DayUse { segments, callers: callers.into_iter().collect() })
    }

    async fn put_off(&self, held: &[PutOff], now: Timestamp) -> Result<Vec<Sms>, Failure> {
        let mut records = lock(&self.records);
        let put_off = held.iter().filter_map(|PutOff { id, until, why }| {
            let sms = &mut records.texts.get_mut(id).filter(|message| message.sms.state == SmsState::Queued)?.sms;
            (sms.due_at, sms.error, sms.updated_at) = (*until, Some((*why).into()), now);
            Some(sms.clone())
        });
        Ok(put_off.collect())
    }

    async fn learned(&self) -> Result<Vec<LearnedPace>, Failure> {
        Ok(lock(&self.records).paces.clone())
    }

    async fn learn(&self, paces: &[LearnedPace]) -> Result<(), Failure> {
        lock(&self.records).paces = paces.to_vec();
        Ok(())
    }
}
